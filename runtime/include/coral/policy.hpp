// Which loop a program gets: asyncio's event loop policy.
//
// `coral::run` and everything else that needs a loop asks `new_event_loop`, and that asks the
// policy. Without one the loop is libuv's.

#ifndef CORAL_POLICY_HPP
#define CORAL_POLICY_HPP

#include <coral/event_loop.hpp>

#include <functional>
#include <memory>

namespace coral {

/// Makes a loop: the `create` of a loop class, or any callable.
using loop_factory = std::function<std::unique_ptr<event_loop>()>;

/// The loops that `new_event_loop` makes from now on, in all threads; an empty policy stands for
/// libuv's. Can be called on any thread.
///
///     coral::set_event_loop_policy(coral::manual_loop::create);
void set_event_loop_policy(loop_factory policy);
loop_factory get_event_loop_policy();

/// A loop that `get_event_loop` gives on this thread while none runs; null takes that back. The
/// loop stays the caller's.
void set_event_loop(event_loop *loop) noexcept;

/// The running loop, or the one that was set for this thread.
/// Throws `runtime_error`, "There is no current event loop in this thread."
event_loop &get_event_loop();

} // namespace coral

#endif
