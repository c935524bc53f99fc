// asyncio's functions on tasks: create_task, sleep, gather.

#ifndef CORAL_TASKS_HPP
#define CORAL_TASKS_HPP

#include <coral/detail/ready_queue.hpp>
#include <coral/event_loop.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coral {

/// Schedules a task on the running loop: it starts in the loop's next batch.
/// Throws `runtime_error`, "no running event loop".
template <class T> scheduled_task<T> create_task(task<T> work) {
  return get_running_loop().create_task(std::move(work));
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
      loop.timers_.add(timer_, loop.time() + delay_);
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
/// positive gives way for one batch. Sleepers of equal deadline wake in the order they slept.
/// Can be awaited in any coroutine. The await throws `runtime_error`, "no running event loop".
[[nodiscard]] inline detail::sleep_awaiter sleep(event_loop::duration delay) noexcept {
  return detail::sleep_awaiter(delay);
}

/// `sleep(0)`, at less cost: gives way to everything that is ready.
[[nodiscard]] inline detail::yield_awaiter yield() noexcept { return {}; }

namespace detail {

template <class T> using gathered = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// One awaitable of a `gather`: a task, which it schedules, or a scheduled task.
template <class T> struct gather_child {
  explicit gather_child(task<T> work) : gather_child(create_task(std::move(work)), true) {}
  explicit gather_child(const scheduled_task<T> &given) : gather_child(given, false) {}

  /// The value of a finished child: moved from a task that only this gather knows.
  gathered<T> take() {
    if constexpr (std::is_void_v<T>) {
      state->value();
      return {};
    } else if constexpr (std::copy_constructible<T>) {
      if (!own)
        return state->value();
      return std::move(state->value());
    } else {
      return std::move(state->value());
    }
  }

  ref<scheduled_state<T>> state;
  bool own;

private:
  gather_child(const scheduled_task<T> &scheduled, bool own)
      : state(handle_access::typed(scheduled)), own(own) {
    state->observe();
  }
};

template <class Awaitable> struct gatherable_result;
template <class T> struct gatherable_result<task<T>> {
  using type = T;
};
template <class T> struct gatherable_result<scheduled_task<T>> {
  using type = T;
};

template <class Awaitable>
using gatherable_t = typename gatherable_result<std::remove_cvref_t<Awaitable>>::type;

/// Waits until every child is done or one has failed. Cancelling it cancels the children.
class gather_awaiter : public cancellable {
public:
  explicit gather_awaiter(std::vector<future_base *> children) noexcept
      : children_(std::move(children)) {}

  bool await_ready() {
    for (future_base *child : children_) {
      child->require_own_loop();
      if (!child->done())
        ++remaining_;
      else if (!failed_ && child->error())
        failed_ = child;
    }
    return failed_ || remaining_ == 0;
  }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    coroutine_ = awaiting;
    owner_ = root_of(awaiting);
    for (future_base *child : children_)
      if (!child->done())
        child->wait(entries_.emplace_back(*this, *child));
    if (owner_)
      owner_->suspend_at(*this);
  }

  void await_resume() const {
    if (owner_) {
      // A child that failed by itself comes before the cancellation of the rest.
      if (failed_ && !failed_->cancelled())
        owner_->resumed_without_request();
      else
        owner_->resumed();
    }
    if (failed_)
      std::rethrow_exception(failed_->error());
  }

  cancel_outcome request_cancel(const std::exception_ptr &reason) noexcept override {
    bool any = false;
    for (future_base *child : children_)
      any |= child->cancel(reason);
    return any ? cancel_outcome::accepted : cancel_outcome::refused;
  }

private:
  class entry final : public ready_entry {
  public:
    entry(gather_awaiter &owner, future_base &child) noexcept : owner_(owner), child_(child) {}

    /// Resuming destroys the awaiter, and with it all entries that still wait.
    void run(driver &scope) override {
      --owner_.remaining_;
      if (child_.error())
        owner_.failed_ = &child_;
      if (owner_.failed_ || owner_.remaining_ == 0)
        scope.resume(owner_.coroutine_, owner_.owner_);
    }

    void drop() noexcept override {
      if (owner_.owner_)
        owner_.owner_->abandoned();
    }

  private:
    gather_awaiter &owner_;
    future_base &child_;
  };

  std::vector<future_base *> children_;
  std::deque<entry> entries_;
  std::coroutine_handle<> coroutine_;
  root *owner_ = nullptr;
  future_base *failed_ = nullptr;
  std::size_t remaining_ = 0;
};

template <class... Ts>
task<std::tuple<gathered<Ts>...>> gather_tuple(gather_child<Ts>... children) {
  std::array<future_base *, sizeof...(Ts)> states{children.state.get()...};
  gather_awaiter all(std::vector<future_base *>(states.begin(), states.end()));
  co_await all;
  co_return std::tuple<gathered<Ts>...>(children.take()...);
}

template <class T>
task<std::vector<gathered<T>>> gather_vector(std::vector<gather_child<T>> children) {
  std::vector<future_base *> states;
  for (const gather_child<T> &child : children)
    states.push_back(child.state.get());
  gather_awaiter all(std::move(states));
  co_await all;
  std::vector<gathered<T>> values;
  values.reserve(children.size());
  for (gather_child<T> &child : children)
    values.push_back(child.take());
  co_return values;
}

} // namespace detail

/// Runs tasks beside each other and gives their values, in the order of the arguments, when all
/// are done: a tuple, with `std::monostate` for void. Each argument is a `task`, which is scheduled
/// on the running loop at once, or a `scheduled_task`, which may stand there more than once.
///
/// The first exception is thrown as soon as it is known; the others go on running, and their
/// exceptions are not reported. Throws `runtime_error`, "no running event loop".
template <class... Awaitables> auto gather(Awaitables &&...awaitables) {
  // In braces, so that the children are scheduled from left to right.
  std::tuple<detail::gather_child<detail::gatherable_t<Awaitables>>...> children{
      detail::gather_child<detail::gatherable_t<Awaitables>>(
          std::forward<Awaitables>(awaitables))...};
  return std::apply(
      [](auto &...each) {
        return detail::gather_tuple<detail::gatherable_t<Awaitables>...>(std::move(each)...);
      },
      children);
}

/// The same for any number of tasks of one type; gives a vector.
template <class Awaitable, class T = detail::gatherable_t<Awaitable>>
auto gather(std::vector<Awaitable> awaitables) {
  std::vector<detail::gather_child<T>> children;
  children.reserve(awaitables.size());
  for (Awaitable &each : awaitables)
    children.emplace_back(std::move(each));
  return detail::gather_vector(std::move(children));
}

} // namespace coral

#endif
