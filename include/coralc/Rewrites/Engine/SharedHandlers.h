//===--- SharedHandlers.h - Handlers that stay functions --------*- C++ -*-===//
//
// A handler that waits for nothing itself becomes a part of the coroutine that
// it ends. It cannot become a part of several, nor be taken from those that
// call it:
//
//   void close() { post(io_, bind(&client::do_close, this)); }
//   void on_read(error_code ec) { if (ec) do_close(); }
//
// Such a handler stays a function, and the coroutine calls it.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_SHAREDHANDLERS_H
#define CORALC_REWRITES_ENGINE_SHAREDHANDLERS_H

#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// Turns jumps to such handlers into calls, and takes their states out of
/// \p Graph, which knows all starts.
void callSharedHandlers(StateGraph &Graph);

} // namespace coralc

#endif
