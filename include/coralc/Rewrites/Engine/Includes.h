//===--- Includes.h - The headers that the output needs ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_INCLUDES_H
#define CORALC_REWRITES_ENGINE_INCLUDES_H

#include "coralc/Rewrites/Engine/Edit.h"

namespace coralc {

/// Adds the headers that \p Uses needs and the file does not include itself,
/// standard ones among the standard ones and the rest behind the last, and
/// what turns the target library's coroutines on where they are off.
std::vector<FileEdit> includeEdits(const SourceText &Text,
                                   const TargetDialect &Dialect,
                                   TargetDialect::Uses Uses,
                                   RewriteTarget Target);

} // namespace coralc

#endif
