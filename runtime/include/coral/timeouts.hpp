// asyncio's timeout, timeout_at and wait_for.
//
// A timeout cancels the task it was entered in, and turns the `cancelled_error` that comes of it
// into a `timeout_error`. A request to cancel that came from elsewhere stays what it is, also when
// both come at once: the counts of `any_task::cancelling` tell them apart.
//
// Times are of the loop's clock, `event_loop::time`; `duration::max()` is no limit. Used on the
// loop's thread.

#ifndef CORAL_TIMEOUTS_HPP
#define CORAL_TIMEOUTS_HPP

#include <coral/detail/ready_queue.hpp>
#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/result.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coral {
namespace detail {

/// Something to do at a time of a loop, without allocation.
class timer_entry : public ready_entry {
public:
  void drop() noexcept override {}

protected:
  timer_entry() = default;
  ~timer_entry() = default;

  /// Runs at `when`; in the next batch if that has passed. Takes the place of an earlier call.
  void start(event_loop &loop, event_loop::time_point when);

  /// Does not run.
  void stop() noexcept;

private:
  timer_slot timer_{*this};
};

/// What a `timeout` needs while it is entered.
class timeout_state final : public timer_entry {
public:
  explicit timeout_state(scheduled_base &task) noexcept
      : task_(&task), cancelling_(task.cancelling()) {}

  void set(std::optional<event_loop::time_point> when);
  void run(driver &) override;
  bool fired() const noexcept { return fired_; }

  /// Leaves the scope with `error` or none; gives what it is left with.
  std::exception_ptr leave(std::exception_ptr error);

private:
  ref<scheduled_base> task_;
  std::uint32_t cancelling_;
  bool fired_ = false;
};

/// The task that runs. Throws `runtime_error` with `message` when none does.
scheduled_base &require_task(const char *message);

inline constexpr const char *timeout_outside_task = "Timeout should be used inside a task";

} // namespace detail

/// asyncio's `Timeout`: a limit of time for what a task does in a scope. Used with `async_with`:
///
///     coral::timeout limit(5s);
///     co_await coral::async_with(limit, body);
///
/// When the time is over, the task is cancelled, and the scope throws `timeout_error` when the
/// cancellation reaches its end. Belongs to one task, and is entered once.
class timeout {
public:
  using duration = event_loop::duration;
  using time_point = event_loop::time_point;

  /// `delay` from now, of the running loop's clock; nothing: no limit.
  /// Throws `runtime_error`, "no running event loop".
  explicit timeout(std::optional<duration> delay)
      : timeout(delay ? std::optional(get_running_loop().time_after(*delay)) : std::nullopt) {}

  /// At a time of the loop's clock; nothing: no limit. asyncio's `timeout_at`.
  explicit timeout(std::optional<time_point> when) noexcept : when_(when) {}

  /// When the limit is; nothing if there is none.
  std::optional<time_point> when() const noexcept { return when_; }

  /// Moves the limit; one that has passed fires in the next batch. Throws `runtime_error` before
  /// the scope is entered, when the limit has fired, and after the scope.
  void reschedule(std::optional<time_point> when);

  /// The limit fired, in the scope that goes on or has ended.
  bool expired() const noexcept { return phase_ == expiring_done || (state_ && state_->fired()); }

  /// What `async_with` calls. Throws `runtime_error` when the scope is entered twice, or left
  /// without having been entered.
  task<timeout &> aenter();
  task<void> aexit(std::exception_ptr error);

private:
  enum phase : unsigned char { created, entered, exited, expiring_done };

  std::optional<time_point> when_;
  std::unique_ptr<detail::timeout_state> state_;
  phase phase_ = created;
};

/// asyncio's `timeout_at`.
inline timeout timeout_at(std::optional<event_loop::time_point> when) noexcept {
  return timeout(when);
}

namespace detail {

template <class T, class Awaitable>
task<T> wait_for_at(Awaitable awaited, std::optional<event_loop::time_point> when) {
  timeout_state limit(require_task(timeout_outside_task));
  limit.set(when);
  result<T> ended = co_await as_result(std::move(awaited));
  if (std::exception_ptr error = limit.leave(ended.error()))
    std::rethrow_exception(std::move(error));
  if constexpr (!std::is_void_v<T>)
    co_return std::move(ended).value();
}

template <class T> task<T> timed_out() {
  throw timeout_error();
  co_await std::suspend_never();
}

inline std::optional<event_loop::time_point> deadline(std::optional<event_loop::duration> timeout) {
  if (!timeout)
    return std::nullopt;
  return get_running_loop().time_after(*timeout);
}

} // namespace detail

/// Awaits `work` for at most `timeout` from the call; nothing: without limit. When the time is over
/// it is cancelled, waited for, and `timeout_error` thrown; a value that it gives all the same is
/// given. A timeout that is not positive does not start it.
/// Awaited in a scheduled task; elsewhere throws `runtime_error`.
template <class T> task<T> wait_for(task<T> work, std::optional<event_loop::duration> timeout) {
  if (timeout && *timeout <= event_loop::duration::zero()) {
    detail::task_access::close(work);
    return detail::timed_out<T>();
  }
  return detail::wait_for_at<T>(std::move(work), detail::deadline(timeout));
}

/// The same for a scheduled task or a future. One that is done gives its result.
template <detail::future_handle Handle>
task<typename Handle::value_type> wait_for(Handle handle,
                                           std::optional<event_loop::duration> timeout) {
  return detail::wait_for_at<typename Handle::value_type>(std::move(handle),
                                                          detail::deadline(timeout));
}

} // namespace coral

#endif
