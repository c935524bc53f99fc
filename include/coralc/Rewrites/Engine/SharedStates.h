//===--- SharedStates.h - States that several agents go on in --*- C++ -*-===//
//
// What an agent goes on in becomes a part of its coroutine. It cannot become a
// part of several, nor be taken from others that call it:
//
//   void close() { post(io_, bind(&client::do_close, this)); }
//   void on_read(error_code ec) { if (ec) do_close(); else do_read(); }
//   void on_timeout(error_code ec) { reconnect(); }
//   void on_write(error_code ec) { if (ec) reconnect(); }
//
// A handler that waits for nothing, like do_close, stays a function, and the
// coroutine calls it. What waits, like reconnect, becomes an agent of its own,
// which others start as their last act.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_SHAREDSTATES_H
#define CORALC_REWRITES_ENGINE_SHAREDSTATES_H

#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// Turns jumps to shared states into calls and starts. \p Graph knows all
/// starts.
void untangleSharedStates(StateGraph &Graph);

} // namespace coralc

#endif
