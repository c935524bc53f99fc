//===--- LaterStart.h - What runs before a posted coroutine -----*- C++ -*-===//
//
// Where a target posts what it starts, as asio::co_spawn does, the *first
// stretch* of an agent, all that it does before its first wait, runs one turn
// of the loop later than the code of before. In between runs what stands
// behind the start: the rest of the function, then the rest of its callers, up
// to where the turn ends because a handler returns or a loop is run.
//
//   t.start();     the first stretch of before: timer_.async_wait(...)
//   t.stop();      timer_.cancel()
//   io.run();      the first stretch of the coroutine
//
// Nobody sees the difference if neither changes what the other works on, if
// what the agent does not hold itself is there until then, and if nobody
// around the start catches what the first stretch may throw. A member that the
// first operation is only told the value of may change: that value is taken
// where the agent is started.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_LATERSTART_H
#define CORALC_REWRITES_ENGINE_LATERSTART_H

#include "coralc/Rewrites/Engine/CallIndex.h"

namespace coralc {

class LaterStarts {
public:
  /// The agents \p Converted are started later; all others as before.
  LaterStarts(llvm::ArrayRef<Agent *> Converted, const SourceText &Text);

  /// Why \p A must not start later than it did. Notes which members it has to
  /// take along because they change meanwhile.
  std::optional<Refusal> check(Agent &A) const;

private:
  CallIndex Calls;
};

} // namespace coralc

#endif
