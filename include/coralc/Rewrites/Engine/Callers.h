//===--- Callers.h - Whether all callers are seen ---------------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_CALLERS_H
#define CORALC_REWRITES_ENGINE_CALLERS_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/DeclCXX.h"

namespace coralc {

/// \p F is declared in a header, and code outside \p Text may call it: unless
/// it is private to a class whose members are all defined in \p Text and which
/// has no friends.
bool hasUnseenCallers(const clang::FunctionDecl &F, const SourceText &Text);

/// All code that may use what is private to \p Class is in \p Text: it has no
/// friends, and all its members are defined there.
bool isWholeIn(const clang::CXXRecordDecl &Class, const SourceText &Text);

} // namespace coralc

#endif
