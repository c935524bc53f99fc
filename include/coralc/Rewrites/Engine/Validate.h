//===--- Validate.h - The output does what the input did --------*- C++ -*-===//
//
// Translation validation: from the states of an agent, and independently from
// the coroutine that was written for it, a labelled transition system is read.
// Its labels are what can be seen of the agent: operations started, statements
// run, tests and their outcomes, values delivered, the end. Jumps, loops,
// guards, scopes and the names of local variables are no labels. Both systems
// are deterministic, so they are bisimilar exactly if walking them in step
// never finds a difference.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_VALIDATE_H
#define CORALC_REWRITES_ENGINE_VALIDATE_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Render.h"

namespace coralc {

/// What \p A does in \p Input and its coroutine does not do in \p Output, or
/// the other way round; empty when there is no difference. \p Converted are
/// all agents that have become coroutines.
std::string compareBehaviour(const Agent &A, const SourceText &Input,
                             const SourceText &Output,
                             const TargetDialect &Dialect,
                             llvm::ArrayRef<Agent *> Converted);

/// The coroutine that was written for \p A, or null.
const clang::FunctionDecl *findCoroutine(const Agent &A,
                                         const SourceText &Output);

/// What the user sees between the braces of \p Coroutine.
const clang::Stmt *bodyOfCoroutine(const clang::FunctionDecl &Coroutine);

} // namespace coralc

#endif
