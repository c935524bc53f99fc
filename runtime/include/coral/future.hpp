// coral::future: asyncio's Future, a result that is not there yet.

#ifndef CORAL_FUTURE_HPP
#define CORAL_FUTURE_HPP

#include <coral/cancel.hpp>
#include <coral/detail/future_state.hpp>
#include <coral/errors.hpp>

#include <concepts>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace coral {

event_loop &get_running_loop();

namespace detail {

class plain_future : public future_base {
public:
  explicit plain_future(event_loop &loop) noexcept : future_base(loop) {}

  bool cancel(const std::exception_ptr &reason) noexcept override;
  void set_exception(std::exception_ptr error);

  /// Ends it with the value that is in place.
  void set_finished() noexcept { finish(nullptr, status::finished); }

  /// Throws `invalid_state_error` when it is done.
  void require_pending() const;

protected:
  ~plain_future() = default;

private:
  const char *never_retrieved() const noexcept override {
    return "Future exception was never retrieved";
  }
};

template <class T> class future_state final : public value_state<T, plain_future> {
public:
  using value_state<T, plain_future>::value_state;
};

} // namespace detail

/// A handle to a result that somebody sets: asyncio's `Future`.
///
/// The handle can be copied; all copies mean the same result. It is bound to a loop, and used on
/// that loop's thread. It can be awaited many times, before and after it is done; whoever waits
/// resumes in the batch after. Cancelling a task that waits for a future cancels the future, and so
/// all who wait for it: `shield` prevents that.
///
/// An exception that nobody asks for is reported to the loop's exception handler when the last
/// handle is gone.
template <class T = void> class future {
  static_assert(std::is_void_v<T> || std::is_object_v<T>,
                "coral::future<T>: T is void or an object type");
  using state = detail::future_state<T>;

public:
  using value_type = T;

  /// A future of the running loop: asyncio's `loop.create_future()`.
  /// Throws `runtime_error`, "no running event loop".
  future() : future(get_running_loop()) {}
  explicit future(event_loop &loop) : state_(detail::ref<state>::adopt(new state(loop))) {}

  event_loop &get_loop() const noexcept { return state_->loop(); }
  bool done() const noexcept { return state_->done(); }
  bool cancelled() const noexcept { return state_->cancelled(); }

  /// Ends it with a value, constructed from `args`.
  /// Throws `invalid_state_error`, "invalid state", when it is done.
  template <class... Args>
    requires(std::is_void_v<T> ? sizeof...(Args) == 0 : std::constructible_from<T, Args...>)
  void set_result(Args &&...args) const {
    state_->require_pending();
    state_->emplace(std::forward<Args>(args)...);
    state_->set_finished();
  }

  /// Ends it with an exception. A `stop_iteration` becomes a `runtime_error` that nests it.
  /// Throws `invalid_state_error`, "invalid state", when it is done, and `type_error` for null.
  void set_exception(std::exception_ptr error) const { state_->set_exception(std::move(error)); }

  template <class Error>
    requires(!std::convertible_to<Error &&, std::exception_ptr>)
  void set_exception(Error &&error) const {
    set_exception(std::make_exception_ptr(std::forward<Error>(error)));
  }

  /// Ends it with `cancelled_error(message)`. False when it is done already.
  bool cancel(std::string message = {}) const {
    return state_->cancel(std::make_exception_ptr(cancelled_error(std::move(message))));
  }

  /// The value of a future that is done; or throws its exception.
  /// Throws `invalid_state_error`, "Result is not set.", while it is pending.
  std::add_lvalue_reference_t<const T> result() const {
    state_->require_done("Result is not set.");
    return state_->value();
  }

  /// The exception of a future that is done, null if it has a value.
  /// Throws `cancelled_error` if it was cancelled, and `invalid_state_error`, "Exception is not
  /// set.", while it is pending.
  std::exception_ptr exception() const { return state_->exception(); }

  /// Calls `f(future)`, or `f()`, in the batch after this is done; in the next if it is done.
  /// Callbacks and waiting coroutines come in the order of their arrival.
  template <class F> done_callback add_done_callback(F &&f) const {
    return done_callback(
        state_->add_callback(detail::make_done_callback<future>(std::forward<F>(f))));
  }

  /// Takes back a callback; or all that equal `f`. Gives how many that were. One that is already
  /// in the ready queue is called all the same.
  std::size_t remove_done_callback(const done_callback &added) const noexcept {
    return state_->remove_callback(added.id_);
  }
  template <std::equality_comparable F>
    requires(!std::same_as<F, done_callback>)
  std::size_t remove_done_callback(const F &f) const {
    return state_->remove_callbacks(typeid(F), &f);
  }

  /// Waits for the result; or throws the exception. The reference is good while a handle is kept.
  /// Throws `runtime_error` outside the future's loop.
  auto operator co_await() const & noexcept {
    return detail::lvalue_future_awaiter<T, state>(state_);
  }

  /// The same; the value is copied out, or moved if it cannot be copied.
  auto operator co_await() && noexcept {
    return detail::rvalue_future_awaiter<T, state>(std::move(state_));
  }

  /// The same future, not an equal result.
  friend bool operator==(const future &, const future &) = default;

private:
  template <class, class> friend class detail::concrete_done_callback;
  friend struct detail::handle_access;

  explicit future(detail::ref<state> given) noexcept : state_(std::move(given)) {}

  const detail::ref<state> &typed_ref() const noexcept { return state_; }

  static future of(detail::future_base &base) {
    return future(detail::ref<state>(static_cast<state *>(&base)));
  }

  detail::ref<state> state_;
};

} // namespace coral

#endif
