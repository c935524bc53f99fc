//===--- Borrowing.h - What a task uses without owning it -------*- C++ -*-===//
//
// A call that makes a task hands it arguments, an implicit object, or, when
// what is called is a lambda, the closure with its captures. What is taken by
// value lives in the coroutine's frame. What is taken by reference, pointer or
// view is borrowed: it has to be there for as long as the coroutine uses it.
//
//   task<> send(const std::string &text, int n) {  // borrows text, not n
//     co_await connect();
//     co_await write(text);                        // the late use
//   }
//
// When the creation returns, an eager coroutine has already run up to its
// first suspension, a lazy one has not run at all. What counts is what comes
// after: a *late use*. It is read off the body of the coroutine, through plain
// functions that pass their parameters on. Where there is only a declaration,
// a lazy task is taken to use what it is given, for otherwise it would not be
// given it; of an eager one nothing is known.
//
// Types that never suspend borrow nothing: they are done when they return.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_BORROWING_H
#define CORALC_ANALYSIS_BORROWING_H

#include "coralc/Analysis/Storage.h"
#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <optional>
#include <vector>

namespace clang {
class CXXRecordDecl;
class CallExpr;
class FunctionDecl;
class ParmVarDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

/// A use of something borrowed after the call that lent it has returned.
struct LateUse {
  /// Where; invalid when the body is not visible and the use is assumed.
  clang::SourceLocation Where;
  /// The suspension before it; invalid for the start of a lazy coroutine.
  clang::SourceLocation Suspension;
};

/// What one function, run as a coroutine or passing on to one, uses late.
struct LateUses {
  /// There is a body.
  bool Visible = false;
  llvm::DenseMap<const clang::ValueDecl *, LateUse> Variables;
  std::optional<LateUse> This;
  /// Captures of the lambda whose call operator this is, its `this` included.
  std::optional<LateUse> Captures;

  std::optional<LateUse> of(const clang::ValueDecl *Variable) const {
    auto Found = Variables.find(Variable);
    return Found == Variables.end() ? std::nullopt
                                    : std::optional(Found->second);
  }
};

/// Something that a task borrows.
struct Borrow {
  enum KindTy {
    /// An argument bound to a reference, pointer or view parameter.
    Argument,
    /// The object whose member function the coroutine is.
    Object,
    /// The closure whose call operator the coroutine is.
    Closure,
    /// A variable that such a closure captures by reference.
    Captured
  };
  KindTy Kind;
  /// The argument, object or closure as it is written; for Captured the closure
  /// where one is passed on, and null where one is called.
  const clang::Expr *Given;
  /// The parameter of an Argument, the variable of a Captured.
  const clang::VarDecl *Name;
  Storage Place;
  LateUse Use;
};

class Borrowing {
public:
  explicit Borrowing(CoroutineTypes &Types) : Types(Types) {}

  /// What the task that \p Call makes borrows. Empty when it makes none.
  std::vector<Borrow> of(const clang::CallExpr &Call);

  /// What the task that \p Call makes borrows where it calls a std::function,
  /// or something like one, that holds a coroutine lambda.
  std::vector<Borrow> ofHeld(const clang::CallExpr &Call,
                             const clang::FunctionDecl &Around);

  /// What the coroutine of \p Closure, a lambda's class, borrows if somebody
  /// who keeps the closure itself runs it.
  std::vector<Borrow> ofKept(const clang::CXXRecordDecl &Closure);

  /// What the body of \p Given, a lambda or a variable that holds one, uses of
  /// the variables that it captures by reference, if it is run later.
  std::vector<Borrow> ofContinuation(const clang::Expr &Given);

  /// The late uses of \p Function, of the body that will be run.
  const LateUses &lateUses(const clang::FunctionDecl &Function);

private:
  void readCoroutine(const clang::FunctionDecl &Function, LateUses &Uses);
  void readPlain(const clang::FunctionDecl &Function, LateUses &Uses);
  void addCaptured(const clang::CXXRecordDecl &Closure, const LateUses &Uses,
                   std::vector<Borrow> &Found);

  CoroutineTypes &Types;
  llvm::DenseMap<const clang::FunctionDecl *, std::unique_ptr<LateUses>> Known;
};

/// Does \p Call call a lambda that was written in another function than
/// \p Function? What that captures is nothing of \p Function's.
bool callsForeignLambda(const clang::CallExpr &Call,
                        const clang::FunctionDecl &Function);

/// The call operator of \p Closure that is a coroutine of its own: not a
/// template, or the one instantiation of it. Null when there is none.
const clang::FunctionDecl *
coroutineOperator(const clang::CXXRecordDecl &Closure);

} // namespace coralc

#endif
