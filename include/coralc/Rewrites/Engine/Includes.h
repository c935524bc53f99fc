//===--- Includes.h - The headers that the output needs ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_INCLUDES_H
#define CORALC_REWRITES_ENGINE_INCLUDES_H

#include "coralc/Rewrites/Engine/Edit.h"

namespace coralc {

/// Adds the \p Wanted headers that \p File does not include itself, standard
/// ones among the standard ones and the rest behind the last, and to a
/// source file what turns the target library's coroutines on where they are
/// off.
std::vector<FileEdit>
includeEdits(const SourceText &Text, const SourceText::File &File,
             llvm::ArrayRef<TargetDialect::Include> Wanted,
             const TargetDialect &Dialect, RewriteTarget Target);

/// Coroutines of the target can be declared with the flags of the input: those
/// of Asio are off before C++20 and, in some versions, under Clang.
bool hasCoroutines(const SourceText &Text, const TargetDialect &Dialect);

} // namespace coralc

#endif
