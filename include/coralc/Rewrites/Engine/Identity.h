//===--- Identity.h - Where a copy is not as good ---------------*- C++ -*-===//
//
// A coroutine outlives its caller's variables, so that it gets copies of what
// the function got by reference. The function reads what it refers to when it
// comes to it:
//
//   void send(const std::string &text) {      current_ = &text;
//     reply_ = "> ";
//     reply_ += text;    // send(reply_)
//
// A copy that is made at the beginning is another object with the value of that
// time.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_IDENTITY_H
#define CORALC_REWRITES_ENGINE_IDENTITY_H

#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// The function of \p S does nothing by which its parameter \p P, a reference,
/// would differ from a copy of what it refers to: nobody keeps the address, and
/// nothing is changed that it may refer to before it is read. What handlers do
/// with copies of their own is left out.
bool isCopyAsGood(const clang::ParmVarDecl &P, const State &S);

/// The same of a parameter of a callback, whose code is \p Body.
bool isCopyAsGood(const clang::ParmVarDecl &P, const clang::Stmt &Body);

/// Whichever way the function of \p S goes, it moves from its parameter \p P.
bool isAlwaysMoved(const clang::ParmVarDecl &P, const State &S);

/// \p Argument is an object that is made for a call, or a variable of the
/// function that calls.
bool isOfCallerAlone(const clang::Expr &Argument);

/// A handler of \p S, or a lambda in it, has \p P.
bool isHeldByHandler(const clang::ParmVarDecl &P, const State &S);

} // namespace coralc

#endif
