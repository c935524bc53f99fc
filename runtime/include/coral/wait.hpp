// asyncio's wait, as_completed and shield. What they take belongs to the running loop, on whose
// thread they are called and awaited.

#ifndef CORAL_WAIT_HPP
#define CORAL_WAIT_HPP

#include <coral/detail/joined.hpp>
#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/future.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace coral {

/// When `wait` returns, if not by its timeout. `first_exception` takes a cancelled task for one
/// that is done, not for one that failed.
enum class return_when { all_completed, first_completed, first_exception };

/// What `wait` gives; each in the order of its argument.
template <class Handle> struct wait_result {
  std::vector<Handle> done;
  std::vector<Handle> pending;
};

/// The options of `wait`.
struct wait_options {
  /// From the await on. Nothing: without limit.
  std::optional<event_loop::duration> timeout = std::nullopt;
  coral::return_when return_when = return_when::all_completed;
};

namespace detail {

template <class Handle>
task<wait_result<Handle>> wait_for_handles(std::vector<Handle> handles, wait_options options) {
  using enum return_when;
  join_awaiter some(options.return_when == first_completed   ? join_until::first_done
                    : options.return_when == first_exception ? join_until::first_exception
                                                             : join_until::all_done);
  for (const Handle &each : handles)
    some.add(*handle_access::typed(each));
  if (options.timeout)
    some.set_deadline(get_running_loop().time_after(*options.timeout));
  co_await some;
  wait_result<Handle> result;
  for (Handle &each : handles)
    (each.done() ? result.done : result.pending).push_back(std::move(each));
  co_return result;
}

} // namespace detail

/// Waits for scheduled tasks or futures and says which are done. Neither the timeout nor a
/// cancellation of the wait cancels them, and their exceptions stay theirs.
/// Throws `value_error` for an empty set.
template <detail::future_handle Handle>
task<wait_result<Handle>> wait(std::vector<Handle> handles, wait_options options = {}) {
  if (handles.empty())
    throw value_error("Set of Tasks/Futures is empty.");
  return detail::wait_for_handles(std::move(handles), options);
}

template <class T> void wait(std::vector<task<T>>, wait_options = {}) {
  static_assert(detail::dependent_false<T>,
                "Passing coroutines is forbidden, use tasks explicitly: coral::create_task");
}

namespace detail {

/// The handles of an `as_completed`, in the order they are done.
template <class Handle>
class completion_queue : public std::enable_shared_from_this<completion_queue<Handle>> {
public:
  explicit completion_queue(std::vector<Handle> handles) : handles_(std::move(handles)) {}

  completion_queue(const completion_queue &) = delete;
  completion_queue &operator=(const completion_queue &) = delete;

  ~completion_queue() { forget(); }

  void begin(std::optional<event_loop::duration> timeout) {
    const std::weak_ptr<completion_queue> self = this->weak_from_this();
    for (const Handle &each : handles_)
      callbacks_.push_back(each.add_done_callback([self](const Handle &done) {
        if (const auto queue = self.lock())
          queue->put(done);
      }));
    if (timeout)
      timer_ = get_running_loop().call_later(*timeout, [self] {
        if (const auto queue = self.lock())
          queue->time_out();
      });
  }

  std::size_t size() const noexcept { return handles_.size(); }

  /// Gives the next that is done, to who asked first.
  static task<Handle> next(std::shared_ptr<completion_queue> self) {
    while (self->done_.empty()) {
      if (self->timed_out_)
        throw timeout_error();
      co_await self->waiting_.emplace_back();
    }
    Handle first = std::move(self->done_.front());
    self->done_.pop_front();
    co_return first;
  }

private:
  void put(const Handle &done) {
    done_.push_back(done);
    wake();
  }

  void time_out() {
    timed_out_ = true;
    forget();
    wake();
  }

  void forget() {
    for (std::size_t i = 0; i != callbacks_.size(); ++i)
      handles_[i].remove_done_callback(callbacks_[i]);
    callbacks_.clear();
    if (timer_)
      timer_->cancel();
  }

  void wake() {
    for (const future<> &each : std::exchange(waiting_, {}))
      if (!each.done())
        each.set_result();
  }

  std::vector<Handle> handles_;
  std::vector<done_callback> callbacks_;
  std::deque<Handle> done_;
  std::vector<future<>> waiting_;
  std::optional<handle> timer_;
  bool timed_out_ = false;
};

template <class Handle>
task<typename Handle::value_type> value_of_next(std::shared_ptr<completion_queue<Handle>> all) {
  Handle done = co_await completion_queue<Handle>::next(std::move(all));
  co_return co_await std::move(done);
}

template <class Handle>
task<std::optional<Handle>> optional_next(std::shared_ptr<completion_queue<Handle>> all) {
  co_return co_await completion_queue<Handle>::next(std::move(all));
}

template <class Handle> task<std::optional<Handle>> no_next() { co_return std::nullopt; }

} // namespace detail

/// What `as_completed` gives: a range of tasks, each of which awaits the next result; and an
/// asynchronous iterable (coral/async_for.hpp), which gives the handles themselves. One pass.
template <detail::future_handle Handle> class completions {
  using queue = detail::completion_queue<Handle>;

public:
  class iterator {
  public:
    using value_type = task<typename Handle::value_type>;
    using difference_type = std::ptrdiff_t;

    /// A task that awaits the next result and gives it, or throws its exception; or throws
    /// `timeout_error` when the time is over.
    value_type operator*() const { return detail::value_of_next(queue_); }
    iterator &operator++() noexcept {
      --left_;
      return *this;
    }
    void operator++(int) noexcept { --left_; }
    friend bool operator==(const iterator &at, std::default_sentinel_t) noexcept {
      return at.left_ == 0;
    }

  private:
    friend completions;
    explicit iterator(std::shared_ptr<queue> all) noexcept
        : left_(all->size()), queue_(std::move(all)) {}

    std::size_t left_;
    std::shared_ptr<queue> queue_;
  };

  completions(std::vector<Handle> handles, std::optional<event_loop::duration> timeout)
      : queue_(std::make_shared<queue>(std::move(handles))), left_(queue_->size()) {
    queue_->begin(timeout);
  }

  iterator begin() const noexcept { return iterator(queue_); }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// The handle that is done next; nothing when all have been given. Throws `timeout_error` when
  /// the time is over.
  task<std::optional<Handle>> next() {
    if (left_ == 0)
      return detail::no_next<Handle>();
    --left_;
    return detail::optional_next(queue_);
  }

private:
  std::shared_ptr<queue> queue_;
  std::size_t left_;
};

/// Gives the results of scheduled tasks or futures in the order they are done:
///
///     for (coral::task<int> next : coral::as_completed(handles))
///       total += co_await std::move(next);
///
/// Each item may be awaited at any time, by any coroutine; those who wait are served in the order
/// they came. When `timeout` has passed, every item that has nothing yet throws `timeout_error`;
/// nothing is cancelled.
template <detail::future_handle Handle>
completions<Handle> as_completed(std::vector<Handle> handles,
                                 std::optional<event_loop::duration> timeout = std::nullopt) {
  return completions<Handle>(std::move(handles), timeout);
}

/// The same for tasks, which it schedules on the running loop.
template <class T>
completions<scheduled_task<T>>
as_completed(std::vector<task<T>> tasks,
             std::optional<event_loop::duration> timeout = std::nullopt) {
  std::vector<scheduled_task<T>> scheduled;
  scheduled.reserve(tasks.size());
  for (task<T> &each : tasks)
    scheduled.push_back(get_running_loop().create_task(std::move(each)));
  return as_completed(std::move(scheduled), timeout);
}

/// Keeps a cancellation from what is awaited: cancelling `co_await coral::shield(handle)` ends the
/// await, and `handle` goes on. When `handle` is cancelled itself, so is the await; one that is
/// done gives its result at once. An exception that comes after the await was cancelled is reported
/// when the last handle is gone.
template <detail::future_handle Handle>
future<typename Handle::value_type> shield(const Handle &inner) {
  using value = typename Handle::value_type;
  future<value> outer(inner.get_loop());
  auto pass_on = [outer](const Handle &done) {
    if (outer.done())
      return;
    auto state = detail::handle_access::typed(done);
    if (std::exception_ptr error = state->error()) {
      if (state->cancelled())
        detail::handle_access::typed(outer)->cancel(error);
      else
        outer.set_exception(std::move(error));
    } else if constexpr (std::is_void_v<value>) {
      outer.set_result();
    } else {
      outer.set_result(detail::last_value<value>(*state));
    }
  };
  if (inner.done())
    pass_on(inner);
  else
    inner.add_done_callback(std::move(pass_on));
  return outer;
}

/// The same for a task, which it schedules on the running loop.
template <class T> future<T> shield(task<T> inner) {
  return shield(get_running_loop().create_task(std::move(inner)));
}

} // namespace coral

#endif
