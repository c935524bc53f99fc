// asyncio's functions on tasks: create_task, current_task, all_tasks, sleep; and by inclusion
// gather, wait, as_completed, shield, wait_for and timeout. All belong to the thread of the running
// loop.

#ifndef CORAL_TASKS_HPP
#define CORAL_TASKS_HPP

#include <coral/detail/ready_queue.hpp>
#include <coral/event_loop.hpp>
#include <coral/gather.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>
#include <coral/timeouts.hpp>
#include <coral/wait.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace coral {

/// Schedules a task on the running loop: it starts in the loop's next batch, unless it is eager.
/// Throws `runtime_error`, "no running event loop".
template <class T> scheduled_task<T> create_task(task<T> work) {
  return get_running_loop().create_task(std::move(work));
}
template <class T> scheduled_task<T> create_task(task<T> work, task_options options) {
  return get_running_loop().create_task(std::move(work), std::move(options));
}

/// The task that runs on this thread; nothing in a callback, and in a task started by `spawn`.
std::optional<any_task> current_task();

/// The tasks of a loop, or of the running one, that are not done.
/// Without an argument throws `runtime_error`, "no running event loop".
std::vector<any_task> all_tasks(event_loop &loop);
std::vector<any_task> all_tasks();

namespace detail {

/// `sleep(0)`: to the end of the ready queue.
class yield_awaiter : public resume_entry {
public:
  bool await_ready() const noexcept { return false; }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    event_loop &loop = get_running_loop();
    waiting(awaiting);
    loop.ready_.push(*this);
  }

  void await_resume() const { resumed(); }
};

class sleep_awaiter : public resume_entry {
public:
  explicit sleep_awaiter(event_loop::duration delay) noexcept : delay_(delay), timer_(*this) {}

  bool await_ready() const noexcept { return false; }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    event_loop &loop = get_running_loop();
    waiting(awaiting);
    if (delay_ > event_loop::duration::zero()) {
      loop.timers_.add(timer_, loop.time_after(delay_));
      waiting_cancellably();
    } else {
      loop.ready_.push(*this);
    }
  }

  void await_resume() const { resumed(); }

  cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    if (!timer_.active())
      return cancel_outcome::refused;
    timer_.cancel();
    owner()->run_soon(*this);
    return cancel_outcome::accepted;
  }

private:
  event_loop::duration delay_;
  timer_slot timer_;
};

} // namespace detail

/// Suspends the awaiting coroutine for `delay` of the running loop's clock; a delay that is not
/// positive gives way for one batch, and `duration::max()` is for ever. Sleepers of equal deadline
/// wake in the order they slept. Can be awaited in any coroutine. The await throws `runtime_error`,
/// "no running event loop".
[[nodiscard]] inline detail::sleep_awaiter sleep(event_loop::duration delay) noexcept {
  return detail::sleep_awaiter(delay);
}

/// `sleep(0)`, at less cost: gives way to everything that is ready.
[[nodiscard]] inline detail::yield_awaiter yield() noexcept { return {}; }

} // namespace coral

#endif
