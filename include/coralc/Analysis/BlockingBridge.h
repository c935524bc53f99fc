//===--- BlockingBridge.h - Calls that wait for a task ----------*- C++ -*-===//
//
// A bridge takes a task out of the asynchronous world into the synchronous
// one: `sync_wait(task)`, `loop.run_until_complete(task)`, `f().get()`. The
// calling thread does nothing else until the task is done.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_BLOCKINGBRIDGE_H
#define CORALC_ANALYSIS_BLOCKINGBRIDGE_H

#include <vector>

namespace clang {
class CallExpr;
class Expr;
class FunctionDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

/// A call of a bridge where a thread must not be blocked.
struct BridgeCall {
  enum PlaceTy {
    Coroutine,
    /// A lambda that an event loop is given to run.
    EventHandler
  };
  PlaceTy In;
  const clang::CallExpr *Call;
  /// What it waits for.
  const clang::Expr *Task;
};

/// The bridges that \p Function calls if it is a coroutine, and those in the
/// handlers that it gives to event loops. Other lambdas are functions of their
/// own.
std::vector<BridgeCall> findBridges(const clang::FunctionDecl &Function,
                                    CoroutineTypes &Types);

} // namespace coralc

#endif
