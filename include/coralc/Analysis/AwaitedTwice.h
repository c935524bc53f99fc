//===--- AwaitedTwice.h - Tasks used up more than once ----------*- C++ -*-===//
//
// Most coroutines run once. Awaiting a task uses it up: a second await resumes
// a coroutine that has ended, takes a result that was moved out, or waits for a
// task that went elsewhere. Iterating a generator to its end uses it up, too.
//
// Per variable, on each way to a place, the state is one of
//
//   Fresh      nothing is known to have happened to it
//   Awaited    it was awaited, by name or as an rvalue; where
//   Moved      it was moved from, and not into an await; where
//   Exhausted  a loop over it ran to the end of its sequence; where
//
// Whether a second await by name is harmful depends on the awaiter: one that
// asks whether the task is done gives its result again, one that never asks
// resumes it. Both are read off the code that the await expands to.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_AWAITEDTWICE_H
#define CORALC_ANALYSIS_AWAITEDTWICE_H

#include <vector>

namespace clang {
class Expr;
class FunctionDecl;
class Stmt;
class ValueDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;
class SuspensionCFG;

/// A task or generator that is used when it was used up before.
struct SecondUse {
  enum KindTy {
    /// Awaited again.
    Await,
    /// Awaited after it was moved from.
    AwaitOfMoved,
    /// Iterated again.
    Iteration
  };
  KindTy Kind;
  const clang::ValueDecl *Name;
  /// The second use, and the first. The same expression when a loop repeats it.
  const clang::Expr *Again;
  const clang::Expr *Before;
};

/// Does \p Function have a variable that could be used up twice? A cheap
/// question before the flow is built.
bool mayAwaitTwice(const clang::FunctionDecl &Function, CoroutineTypes &Types);

/// The second uses in the function, at most one for each place.
std::vector<SecondUse> findSecondUses(const SuspensionCFG &Flow,
                                      CoroutineTypes &Types);

} // namespace coralc

#endif
