// coral::run: asyncio.run.

#ifndef CORAL_RUNNER_HPP
#define CORAL_RUNNER_HPP

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/task.hpp>

#include <memory>
#include <utility>

namespace coral {

/// Makes the loop of a `run`.
using loop_factory = std::unique_ptr<event_loop> (*)();

/// Runs `main` in a new loop and gives its value or throws its exception. The loop is closed at the
/// end; tasks that are still pending are destroyed, and reported to its exception handler.
/// Throws `runtime_error` when a loop runs on this thread.
///
/// Without a factory the loop is libuv's, and the program links to `coral::uv`.
template <class T> T run(task<T> main, loop_factory make_loop = new_event_loop) {
  if (running_loop_or_null())
    throw runtime_error("coral::run() cannot be called from a running event loop");
  std::unique_ptr<event_loop> loop = make_loop();
  struct closer {
    event_loop &loop;
    ~closer() { loop.close(); }
  } close_at_end{*loop};
  return loop->run_until_complete(std::move(main));
}

} // namespace coral

#endif
