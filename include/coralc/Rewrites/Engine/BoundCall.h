//===--- BoundCall.h - Handlers that name a function ------------*- C++ -*-===//
//
// Before lambdas, a handler said which function goes on and with what:
//
//   socket_.async_read_some(buffer,
//       std::bind(&session::handle_read, shared_from_this(), _1, _2));
//   timer_.async_wait(&print);
//
// Such a handler is a call that somebody else makes: some arguments are known
// when it is written, the others are what the operation delivers.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_BOUNDCALL_H
#define CORALC_REWRITES_ENGINE_BOUNDCALL_H

#include "clang/AST/Expr.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace coralc {

struct BoundCall {
  struct Argument {
    /// An expression that was evaluated when the handler was made; null for a
    /// result of the operation.
    const clang::Expr *Value = nullptr;
    /// Which result, from zero.
    unsigned Result = 0;
  };
  const clang::FunctionDecl *Target = nullptr;
  /// Where the handler names \c Target, if it does.
  const clang::DeclRefExpr *Reference = nullptr;
  /// What the member function is called on; null for other functions.
  const clang::Expr *Object = nullptr;
  /// The handler is the object whose code starts the operation, a copy of it
  /// or moved, and \c Target is its call operator.
  bool IsObject = false;
  /// One for each parameter of \c Target.
  llvm::SmallVector<Argument, 4> Arguments;
};

/// The call that \p Handler makes when it is given \p Results arguments.
/// Nothing when \p Handler is of another form.
std::optional<BoundCall> boundCall(const clang::Expr &Handler,
                                   unsigned Results);

/// \p Handler as a call that is written out, with \p Value as the text of what
/// was bound and \p Result as that of the variable that took the place of a
/// parameter.
std::string
writtenCall(const BoundCall &Handler,
            llvm::function_ref<std::string(const clang::Expr &)> Value,
            llvm::function_ref<std::string(const clang::ParmVarDecl &)> Result);

} // namespace coralc

#endif
