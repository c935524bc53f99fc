//===--- Awaitedness.h - Is every task awaited? -----------------*- C++ -*-===//
//
// A task is a promise to await it. Whoever creates one either awaits it or
// gives it to somebody who may; a task that dies in the hands of the function
// that created it was forgotten. It can be forgotten in two ways:
//
// - dropped: the value is never kept at all (`read();`, `read(), go();`);
// - abandoned: it is kept in a variable that dies, or is overwritten, on some
//   path on which nobody took the task out.
//
// The second is a question of flow. Per variable, a state is a set of worlds,
// one for each way of getting here that differs in what matters:
//
//   Empty      the variable holds no task: not initialised, moved from
//   Unawaited  it holds a task that this function created; where it was
//              created, and which branches were taken since
//   Settled    the task was awaited, returned, moved, captured, or seen by
//              somebody who may do any of that
//
// together with the conditions known to hold on that way, so that
// `if (b) t = start(); ... if (b) co_await t;` is understood. The lattice is
// the powerset of worlds, ordered by inclusion; join is union. It is finite:
// places of creation, statuses and conditions are those of one function. With
// too many worlds the conditions are forgotten, which adds ways that are none;
// the variable is then reported only if every world agrees.
//
// Whether a task has to be awaited at all is the caller's business, who
// answers per created value.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_AWAITEDNESS_H
#define CORALC_ANALYSIS_AWAITEDNESS_H

#include "clang/AST/Type.h"
#include "clang/Basic/SourceLocation.h"
#include <vector>

namespace clang {
class CallExpr;
class Expr;
class FunctionDecl;
class Stmt;
class ValueDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;
class SuspensionCFG;
struct SuspensionPoint;
struct CoroutineType;

/// A task that nobody keeps.
struct DroppedTask {
  enum PlaceTy {
    /// An expression statement, the body of an `if`, an increment of a `for`,
    /// a left operand of a comma, an arm of such a conditional.
    Discarded,
    /// Under a cast to void, or assigned to std::ignore.
    Ignored,
    /// Implicitly converted to something else.
    Converted
  };
  PlaceTy Place;
  /// The call or construction that makes it; the converted expression.
  const clang::Expr *Value;
  const CoroutineType *Type;
  /// What it is converted to.
  clang::QualType ConvertedTo;
};

/// The dropped tasks of \p Function, in source order.
std::vector<DroppedTask> findDroppedTasks(const clang::FunctionDecl &Function,
                                          CoroutineTypes &Types);

/// A task that a local variable holds when it should not any more.
struct AbandonedTask {
  enum EndTy {
    /// The variable dies.
    Dies,
    /// It gets another value.
    Overwritten,
    /// It gets what another variable held.
    Replaced,
    /// Its elements are destroyed: clear(), reset().
    Cleared
  };
  EndTy End;
  /// The variable, or the structured binding.
  const clang::ValueDecl *Holder;
  /// The holder is a container, an optional or an aggregate with a task in it.
  bool InContainer;
  /// The expression that made the task.
  const clang::Expr *Created;
  const CoroutineType *Type;
  /// Where it ends.
  clang::SourceLocation EndsAt;
  /// Nobody consumes the variable anywhere in the function.
  bool NeverConsumed;
  /// The last branch on the way that misses the consumption, and the value its
  /// condition has there. Null when there is no such branch.
  const clang::Stmt *Branch;
  bool BranchTaken;
  /// Where the function suspends while the task lies there.
  std::vector<const SuspensionPoint *> Crossed;
};

/// The abandoned tasks of the function, in source order, each creation once.
std::vector<AbandonedTask> findAbandonedTasks(const SuspensionCFG &Flow,
                                              CoroutineTypes &Types);

/// Does \p Function have a local variable that could hold a task? A cheap
/// question before the flow is built.
bool mayHoldTasks(const clang::FunctionDecl &Function, CoroutineTypes &Types);

/// Looks through parentheses, casts that change nothing, temporaries and
/// std::move / std::forward.
const clang::Expr *ignoreWrappers(const clang::Expr *Expression);

} // namespace coralc

#endif
