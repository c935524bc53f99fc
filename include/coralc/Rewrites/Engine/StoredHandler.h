//===--- StoredHandler.h - Handlers that have a name ------------*- C++ -*-===//
//
//   auto handler = [this](error_code ec) { ... };
//   timer_.expires_after(1s);
//   timer_.async_wait(handler);
//
// A handler that is made before its operation starts and used once is the
// handler written in that place, if nothing in between changes what it is made
// from.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_STOREDHANDLER_H
#define CORALC_REWRITES_ENGINE_STOREDHANDLER_H

#include "clang/AST/Decl.h"
#include "clang/AST/Expr.h"

namespace coralc {

/// The variable that \p Handler, an argument of \p Call, names or moves from,
/// if it is as good as its initializer there; null otherwise.
const clang::VarDecl *storedHandler(const clang::Expr &Handler,
                                    const clang::CallExpr &Call);

/// What \p Stored, such a variable, was made by.
const clang::Expr *madeBy(const clang::VarDecl &Stored);

/// The declaration statement of \p V, in the function around it.
const clang::DeclStmt *declarationOf(const clang::VarDecl &V);

} // namespace coralc

#endif
