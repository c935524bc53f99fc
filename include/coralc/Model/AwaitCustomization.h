//===--- AwaitCustomization.h - Awaited by way of the promise ---*- C++ -*-===//
//
// A task need not have `operator co_await`. The promise of the coroutine that
// awaits it may take anything in its await_transform and ask the task for an
// awaiter by a name that both know:
//
//   template <class A> auto await_transform(A &&a) {
//     return co_viaIfAsync(executor, std::forward<A>(a));
//   }
//   class Task { friend Awaiter co_viaIfAsync(Executor, Task t) noexcept; };
//
// or by a function object, which finds a function of its own name, or
// tag_invoke, the same way.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_MODEL_AWAITCUSTOMIZATION_H
#define CORALC_MODEL_AWAITCUSTOMIZATION_H

namespace clang {
class CXXRecordDecl;
class FunctionDecl;
} // namespace clang

namespace coralc {

/// The function with which \p Record gives an awaiter to coroutines that have
/// a \p Promise: one of its friends, its members, or its namespace. Null when
/// there is none.
const clang::FunctionDecl *
awaitCustomization(const clang::CXXRecordDecl &Promise,
                   const clang::CXXRecordDecl &Record);

} // namespace coralc

#endif
