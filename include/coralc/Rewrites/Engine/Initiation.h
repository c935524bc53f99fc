//===--- Initiation.h - Functions that take a completion token --*- C++ -*-===//
//
// In Asio's model every initiating function is a template whose completion
// token parameter names the handler's signature: in its constraint,
//
//   template <completion_token_for<void(error_code, size_t)> Token>
//   auto async_read_some(const Buffers &, Token &&);
//
// or, before concepts, in the async_initiate<Token, void(error_code, size_t)>
// that its body calls, or it hands its token on to another initiating function.
// Composed operations of third parties do the same, so no list of operations
// is needed.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_INITIATION_H
#define CORALC_REWRITES_ENGINE_INITIATION_H

#include "clang/AST/Decl.h"
#include "clang/AST/ExprCXX.h"
#include <optional>

namespace coralc {

/// An initiating function: which parameter takes the token, and what the
/// token's handler receives; without a signature, what the handler takes.
struct Initiation {
  unsigned TokenParameter = 0;
  const clang::FunctionProtoType *Signature = nullptr;
};

/// What \p Callee initiates, if it does. \p Callee is the function that a
/// call names, with its template arguments.
std::optional<Initiation> initiationOf(const clang::FunctionDecl &Callee);

/// The index of the argument of \p Call that goes to the parameter \p
/// Parameter of its callee.
unsigned argumentOf(const clang::CallExpr &Call, unsigned Parameter);

/// \p Call runs its handler at once where the loop runs already.
bool isDispatch(const clang::CallExpr &Call);

} // namespace coralc

#endif
