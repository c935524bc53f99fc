//===--- Unsized.h - What has no place in a frame ---------------*- C++ -*-===//
//
// The variables of a coroutine become members of its frame, and neither an
// array whose length is computed nor a union around an array without one can be
// a member in the middle of a class. The code that works on such a variable,
// from its declaration to the next wait, runs in a lambda that is called where
// it stands:
//
//   bool goes_on = [&] {
//     union {
//       cmsghdr header;
//       char buffer[CMSG_SPACE(sizeof(int))];
//     } control;
//     ...
//     return sendmsg(socket, &message, 0) != -1;
//   }();
//   if (!goes_on)
//     co_return;
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_UNSIZED_H
#define CORALC_REWRITES_ENGINE_UNSIZED_H

#include "coralc/Rewrites/Engine/Plan.h"

namespace coralc {

/// A local variable in \p S, outside of lambdas, that cannot be a member of a
/// frame; null when there is none.
const clang::VarDecl *findUnsized(const clang::Stmt *S);

/// The body of a lambda that \p E calls where it stands because such a variable
/// is in it; null for anything else.
const clang::CompoundStmt *calledApart(const clang::Expr *E);

/// Puts what works on such variables in \p Body, the plan of an agent, into
/// nodes that are apart, where nothing behind needs it.
void setUnsizedApart(Block &Body);

} // namespace coralc

#endif
