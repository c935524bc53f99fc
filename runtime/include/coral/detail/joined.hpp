// What gather, wait and their like take, and how they wait for all of it.

#ifndef CORAL_DETAIL_JOINED_HPP
#define CORAL_DETAIL_JOINED_HPP

#include <coral/detail/future_state.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/event_loop.hpp>
#include <coral/future.hpp>
#include <coral/result.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coral::detail {

template <class T> using gathered = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class Awaitable> struct joined_result {};
template <class T> struct joined_result<task<T>> {
  using type = T;
};
template <class T> struct joined_result<scheduled_task<T>> {
  using type = T;
};
template <class T> struct joined_result<future<T>> {
  using type = T;
};

template <class Awaitable>
using joined_t = typename joined_result<std::remove_cvref_t<Awaitable>>::type;

/// A scheduled task or a future that somebody waits for; a task, which it schedules.
template <class T> class joined {
public:
  explicit joined(task<T> work) : joined(get_running_loop().create_task(std::move(work))) {
    own_ = true;
  }
  template <future_handle Handle>
  explicit joined(const Handle &given) : joined(handle_access::typed(given).get()) {}

  future_base &state() const noexcept { return *state_; }

  /// The value of what is done, or throws its exception: moved from a task that nobody else knows.
  gathered<T> take() const {
    if constexpr (std::is_void_v<T>) {
      value_(*state_);
      return {};
    } else if constexpr (std::copy_constructible<T>) {
      if (!own_)
        return value_(*state_);
      return std::move(value_(*state_));
    } else {
      return std::move(value_(*state_));
    }
  }

  result<T> take_result() const {
    if (std::exception_ptr error = state_->error())
      return result<T>(std::move(error));
    if constexpr (std::is_void_v<T>)
      return result<T>(std::in_place);
    else
      return result<T>(std::in_place, take());
  }

private:
  template <class State>
  explicit joined(State *state)
      : state_(state), value_([](future_base &base) -> std::add_lvalue_reference_t<T> {
          return static_cast<State &>(base).value();
        }) {
    state->observe();
  }

  ref<future_base> state_;
  std::add_lvalue_reference_t<T> (*value_)(future_base &);
  bool own_ = false;
};

enum class join_until { all_done, first_done, first_exception, first_failure };

/// Waits for some or all of several futures, or until a time. Does not own them.
class join_awaiter : public resume_entry {
public:
  explicit join_awaiter(join_until until) noexcept : until_(until) {}

  void add(future_base &child) { children_.push_back(&child); }

  /// Cancelling the wait cancels what it waits for, and goes on until that is done.
  void cancel_children() noexcept { cancels_children_ = true; }

  void set_deadline(event_loop::time_point when) noexcept { deadline_ = when; }

  bool await_ready();

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    waiting(awaiting);
    begin();
  }

  /// Throws `cancelled_error` if the awaiting chain was cancelled, except where the children were
  /// cancelled for it and one failed by itself, which the caller finds in `failed`.
  void await_resume();

  /// The child whose end ended the wait before all were done.
  future_base *failed() const noexcept { return failed_; }

  cancel_outcome request_cancel(const std::exception_ptr &reason) noexcept override;

private:
  class entry final : public ready_entry {
  public:
    entry(join_awaiter &owner, future_base &child) noexcept : owner_(owner), child_(child) {}
    void run(driver &scope) override { owner_.child_done(child_, scope); }
    void drop() noexcept override { owner_.drop(); }
    root *chain() const noexcept override { return owner_.owner(); }

  private:
    join_awaiter &owner_;
    future_base &child_;
  };

  void begin();
  void child_done(future_base &child, driver &scope);
  void look_at(future_base &child);
  bool satisfied() const noexcept { return satisfied_ || remaining_ == 0; }

  std::vector<future_base *> children_;
  std::deque<entry> entries_;
  future_base *failed_ = nullptr;
  /// The request that was passed on to the children.
  std::exception_ptr cancelled_;
  std::size_t remaining_ = 0;
  std::optional<event_loop::time_point> deadline_;
  timer_slot timer_{*this};
  join_until until_;
  bool satisfied_ = false;
  bool cancels_children_ = false;
};

} // namespace coral::detail

#endif
