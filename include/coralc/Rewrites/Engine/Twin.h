//===--- Twin.h - Coroutines beside callback functions ----------*- C++ -*-===//
//
// A callback function that became a coroutine stays beside it where others may
// call it:
//
//   void get(std::string key, std::function<void(error_code, int)> done);
//   coral::task<std::tuple<error_code, int>> get(std::string key);
//
// Whoever calls the first and goes on in its callback may wait for the second.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_TWIN_H
#define CORALC_REWRITES_ENGINE_TWIN_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "clang/AST/ASTContext.h"

namespace coralc {

/// The overload of \p F that lacks only its callback, with what that is given
/// back, and returns a task of what \p Delivers says; null when there is none.
const clang::FunctionDecl *coroutineTwin(const clang::FunctionDecl &F,
                                         const Delivery &Delivers,
                                         const clang::ASTContext &Context);

} // namespace coralc

#endif
