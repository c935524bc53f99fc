//===--- BlockingBridge.h - Calls that wait for a task ----------*- C++ -*-===//
//
// A bridge takes a task out of the asynchronous world into the synchronous
// one: `sync_wait(task)`, `loop.run_until_complete(task)`, `f().get()`. The
// calling thread does nothing else until the task is done.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_BLOCKINGBRIDGE_H
#define CORALC_ANALYSIS_BLOCKINGBRIDGE_H

namespace clang {
class CallExpr;
class Expr;
} // namespace clang

namespace coralc {

class CoroutineTypes;

/// The task that \p Call blocks the thread for; null if it is no bridge.
const clang::Expr *blockedOn(const clang::CallExpr &Call,
                             CoroutineTypes &Types);

} // namespace coralc

#endif
