//===--- Callables.h - What becomes of a callable passed on -----*- C++ -*-===//
//
// A coroutine lambda that is passed on without having been called has to be
// there for as long as its coroutine runs. Whether it is depends on who calls
// it:
//
//   future.then([x] -> future<> {...});     destroyed when it has been called
//   co_spawn(io, [x] -> awaitable<> {...}); kept until its coroutine has ended
//   with_gate(g, [x] -> future<> {...});    called where it stands: it lives as
//                                           long as the full-expression does
//
// Vocabularies know that of libraries. Of a function whose body is there it is
// read off the body.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_CALLABLES_H
#define CORALC_ANALYSIS_CALLABLES_H

namespace clang {
class CallExpr;
}

namespace coralc {

class CoroutineTypes;

enum class CallableUse {
  Unknown,
  /// Kept until the coroutine has ended, by something that nobody waits for.
  Detached,
  /// Kept until the coroutine has ended.
  KeptAlive,
  /// Destroyed when it has been called.
  Forgotten,
  /// Called where it stands; its task is what the call returns.
  Invoked,
  /// Called where it stands; its task goes on by itself.
  InvokedAndStarted
};

/// What vocabularies say of the callables that \p Call is given.
CallableUse useOfCallables(const clang::CallExpr &Call, CoroutineTypes &Types);

/// What the function that \p Call calls does with the callable that is its
/// argument number \p Index, if its body tells.
CallableUse useInside(const clang::CallExpr &Call, unsigned Index,
                      CoroutineTypes &Types);

} // namespace coralc

#endif
