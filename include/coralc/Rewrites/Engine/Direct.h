//===--- Direct.h - Code that only changes its spelling ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_DIRECT_H
#define CORALC_REWRITES_ENGINE_DIRECT_H

#include "coralc/Rewrites/Engine/Edit.h"

namespace coralc {

/// Names a function that rethrows what ended the coroutine which a call starts.
using RethrowFor = llvm::function_ref<llvm::StringRef(const clang::CallExpr &)>;

/// What turns \p Code into coroutines, but for the includes.
std::vector<FileEdit> editDirect(const DirectCode &Code, const SourceText &Text,
                                 const TargetDialect &Dialect,
                                 RethrowFor Rethrow);

/// What the target needs to know and \p Code does not say.
std::optional<Refusal> checkDirect(const DirectCode &Code,
                                   const TargetDialect &Dialect);

/// What \p Code waits for in \p Input and nothing waits for in \p Output with
/// the same result; empty when there is no difference.
std::string compareDirect(const DirectCode &Code, const SourceText &Output);

/// Makes \p Type what \p L returns, behind all that stands between its
/// parameters and its body.
Substitution resultOf(const clang::LambdaExpr &L, const SourceText &Text,
                      llvm::StringRef Type);

} // namespace coralc

#endif
