//===--- TaskUses.h - What a function does with its tasks -------*- C++ -*-===//
//
// The vocabulary of the awaitedness analysis: which variables hold tasks, which
// expressions make one, and what each mention of such a variable does to it.
// In doubt a mention consumes: the analysis built on this is meant to be
// silent rather than wrong.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_TASKUSES_H
#define CORALC_ANALYSIS_TASKUSES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <vector>

namespace clang {
class DeclRefExpr;
class Expr;
class FunctionDecl;
class ParentMap;
class QualType;
class Stmt;
class ValueDecl;
class VarDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;
struct CoroutineType;

/// A local variable, or structured binding, that holds tasks.
struct TaskHolder {
  const clang::ValueDecl *Name;
  /// The variable whose lifetime is the holder's: itself, or what is bound.
  const clang::VarDecl *Owner;
  const CoroutineType *Type;
  /// It is a container, an optional, an array or an aggregate of tasks, or a
  /// closure that owns some.
  bool InContainer;
};

/// The task type of \p Type: itself, or the one it is a container of. Sets
/// \p InContainer. Null when there is none.
const CoroutineType *taskTypeIn(clang::QualType Type, CoroutineTypes &Types,
                                bool &InContainer);

/// The holders among the local variables of \p Function, not of its lambdas.
std::vector<TaskHolder> taskHolders(const clang::FunctionDecl &Function,
                                    CoroutineTypes &Types);

/// The expression in \p Value that makes a new task: a call that returns one,
/// an arm of a conditional that does, with \p InContainer an element that
/// does, such as a capture of a closure. \p OfVariable, if given, is asked what
/// made the task that lies in a variable. Null when the value comes from
/// elsewhere.
const clang::Expr *
creationIn(const clang::Expr *Value, CoroutineTypes &Types, bool InContainer,
           llvm::function_ref<const clang::Expr *(const clang::DeclRefExpr &)>
               OfVariable = nullptr);

/// What one mention of a holder does.
struct TaskUse {
  enum KindTy {
    /// Nothing to the task: a test, a size, an unused mention.
    Observe,
    /// Gives the holder a new value.
    Assign,
    /// Adds a value to a container.
    Put,
    /// Destroys what a container holds.
    Clear,
    /// A cast to void, an assignment to std::ignore.
    Ignore,
    /// Anything that may await the task or hand it to somebody who may.
    Consume
  };
  KindTy Kind = Consume;
  /// The statement after which the use has happened.
  const clang::Stmt *At = nullptr;
  /// The new value of Assign and Put.
  const clang::Expr *Value = nullptr;
};

/// What the mention \p Reference of a holder does. \p Parents covers the body.
TaskUse classifyUse(const clang::Expr *Reference, bool InContainer,
                    const clang::ParentMap &Parents, CoroutineTypes &Types);

/// Does \p Condition, or its negation, tell whether a holder holds anything
/// (`t`, `o.has_value()`, `!v.empty()`)? \p Inverted is set when it is true
/// for the empty one.
bool testsPresence(const clang::Expr *Condition, const clang::ValueDecl *Name,
                   bool &Inverted);

} // namespace coralc

#endif
