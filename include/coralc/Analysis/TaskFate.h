//===--- TaskFate.h - What becomes of a task that is made -------*- C++ -*-===//
//
// A temporary that a task borrows is there until the end of the
// full-expression. So what matters is whether the task is done by then:
//
//   co_await fetch(std::string("a"));           Consumed: done
//   co_await when_all(fetch("a"), fetch("b"));  Consumed, through when_all
//   auto t = fetch("a");                        Kept, in t
//   return fetch("a");                          Returned
//   spawn(executor, fetch("a"));                Started
//
// What is passed to a function that nothing is known of is Unknown: it may well
// wait for the task before it returns.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_TASKFATE_H
#define CORALC_ANALYSIS_TASKFATE_H

namespace clang {
class CallExpr;
class Expr;
class ParentMap;
class VarDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

struct TaskFate {
  enum KindTy {
    Unknown,
    /// Done before the full-expression ends.
    Consumed,
    /// Lies in a variable, or in a place that outlives the function.
    Kept,
    Returned,
    /// Runs on by itself.
    Started,
    /// Awaited by something that may stop waiting while it runs on.
    Raced,
    /// Destroyed, or never run.
    Dropped
  };
  KindTy Kind = Unknown;
  /// The local variable that keeps it; null when the place is no such thing.
  const clang::VarDecl *Keeper = nullptr;
  /// The call that takes the task over, if that is what happens.
  const clang::CallExpr *Taker = nullptr;
};

/// What becomes of the task that \p Made makes. \p Parents covers it.
TaskFate fateOfTask(const clang::Expr *Made, const clang::ParentMap &Parents,
                    CoroutineTypes &Types);

/// Nobody gets what \p Call, which starts a task, gives back.
bool isLeftAlone(const clang::CallExpr &Call, const clang::ParentMap &Parents,
                 CoroutineTypes &Types);

} // namespace coralc

#endif
