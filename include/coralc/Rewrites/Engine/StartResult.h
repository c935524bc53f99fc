//===--- StartResult.h - Starts that say whether they worked ----*- C++ -*-===//
//
// A function of libuv returns a negative number when it cannot start its
// operation, and then its callback is never called:
//
//   int result = uv_write(request, stream, &bytes, 1, on_written);
//   if (result < 0)
//     give_up(result);
//
// Where nothing else is done before the callback is, the test is a branch
// behind the suspension: to what is done when there will be no callback, or to
// what the callback does.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_STARTRESULT_H
#define CORALC_REWRITES_ENGINE_STARTRESULT_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "llvm/ADT/ArrayRef.h"

namespace coralc {

struct TestedStart {
  const clang::CallExpr *Call = nullptr;
  Operation::Outcome Returned;
  const clang::IfStmt *Test = nullptr;
  /// The condition holds when the operation was not started.
  bool HoldsOnFailure = false;

  const clang::Stmt *onFailure() const {
    return HoldsOnFailure ? Test->getThen() : Test->getElse();
  }
  /// Null, or something that does nothing.
  const clang::Stmt *onSuccess() const {
    return HoldsOnFailure ? Test->getElse() : Test->getThen();
  }
};

/// The call that an expression is, if it starts an operation and says so by a
/// number that is zero or negative.
using StartedBy =
    llvm::function_ref<const clang::CallExpr *(const clang::Expr &)>;

/// A start at the head of \p Statements and its test, which is the last of
/// them.
std::optional<TestedStart> testedStart(llvm::ArrayRef<clang::Stmt *> Statements,
                                       StartedBy Started,
                                       const clang::ASTContext &Context);

/// A start in the head of \p Test.
std::optional<TestedStart> testedStart(const clang::IfStmt &Test,
                                       StartedBy Started,
                                       const clang::ASTContext &Context);

} // namespace coralc

#endif
