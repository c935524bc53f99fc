// coral::as_result: awaiting without exceptions.
//
//     coral::result<reply> answer = co_await coral::as_result(fetch(url));
//     if (!answer)
//       co_return fallback;
//
// What is awaited ends as usual; its exception, a `cancelled_error` too, is given instead of
// thrown. From a task, a scheduled task or a future it is taken as it was stored, which costs a
// small part of a throw. Whoever swallows a `cancelled_error` swallows a request to end: see
// `any_task::uncancel`.
//
// Python has no such thing: exceptions are cheap there. A `result` is a value, good on any thread.

#ifndef CORAL_RESULT_HPP
#define CORAL_RESULT_HPP

#include <coral/awaitable.hpp>
#include <coral/cancel.hpp>
#include <coral/detail/future_state.hpp>
#include <coral/errors.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace coral {

/// A value or an exception. `T` is void, an object type or an lvalue reference.
template <class T = void> class result {
  using stored =
      std::conditional_t<std::is_void_v<T>, std::monostate,
                         std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T> *,
                                            std::remove_cv_t<T>>>;

public:
  using value_type = T;

  /// Holds a value, constructed from `args`.
  template <class... Args>
    requires(std::is_reference_v<T> ? sizeof...(Args) == 1
                                    : std::constructible_from<stored, Args...>)
  explicit result(std::in_place_t, Args &&...args) {
    if constexpr (std::is_reference_v<T>)
      content_.template emplace<0>(std::addressof(args)...);
    else
      content_.template emplace<0>(std::forward<Args>(args)...);
  }

  /// Holds an exception, which is not null.
  explicit result(std::exception_ptr error) noexcept
      : content_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Null when there is a value.
  std::exception_ptr error() const noexcept {
    return has_value() ? nullptr : *std::get_if<1>(&content_);
  }

  /// The exception is a `cancelled_error`.
  bool cancelled() const noexcept { return detail::holds<cancelled_error>(error()); }

  /// The value; or throws the exception.
  std::add_lvalue_reference_t<T> value() & {
    require_value();
    return get();
  }
  std::add_lvalue_reference_t<const T> value() const & {
    require_value();
    return const_cast<result *>(this)->get();
  }
  T value() && {
    require_value();
    if constexpr (std::is_reference_v<T> || std::is_void_v<T>)
      return get();
    else
      return std::move(get());
  }

  /// The same, for a result that has a value.
  std::add_lvalue_reference_t<T> operator*() & noexcept { return get(); }
  std::add_lvalue_reference_t<const T> operator*() const & noexcept {
    return const_cast<result *>(this)->get();
  }
  auto *operator->() noexcept
    requires std::is_object_v<T>
  {
    return std::addressof(get());
  }
  const auto *operator->() const noexcept
    requires std::is_object_v<T>
  {
    return std::addressof(const_cast<result *>(this)->get());
  }

private:
  void require_value() const {
    if (!has_value()) [[unlikely]]
      std::rethrow_exception(*std::get_if<1>(&content_));
  }

  std::add_lvalue_reference_t<T> get() noexcept {
    if constexpr (std::is_reference_v<T>)
      return **std::get_if<0>(&content_);
    else if constexpr (!std::is_void_v<T>)
      return *std::get_if<0>(&content_);
  }

  std::variant<stored, std::exception_ptr> content_;
};

namespace detail {

/// `as_result` of a task.
template <class T> class [[nodiscard]] task_result_awaiter {
public:
  explicit task_result_awaiter(task<T> &&work) noexcept : work_(std::move(work)) {}

  bool await_ready() const {
    task_access::require_unused(work_);
    return false;
  }

  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) const noexcept {
    const auto coroutine = task_access::handle(work_);
    coroutine.promise().begin(awaiting);
    return transfer(coroutine);
  }

  result<T> await_resume() const {
    auto &promise = task_access::handle(work_).promise();
    if (std::exception_ptr error = promise.error()) [[unlikely]]
      return result<T>(std::move(error));
    if constexpr (std::is_void_v<T>)
      return result<T>(std::in_place);
    else
      return result<T>(std::in_place, promise.take_result());
  }

private:
  task<T> work_;
};

/// `as_result` of a future or a scheduled task.
template <class T, class State> class future_result_awaiter final : public future_awaiter<State> {
public:
  using future_awaiter<State>::future_awaiter;

  result<T> await_resume() const {
    State &state = this->state();
    if (this->owner()) {
      std::exception_ptr cancelled = this->owner()->resumed_quietly();
      if (cancelled && !state.cancelled()) [[unlikely]]
        return result<T>(std::move(cancelled));
    }
    if (std::exception_ptr error = state.error()) [[unlikely]]
      return result<T>(std::move(error));
    if constexpr (std::is_void_v<T>)
      return result<T>(std::in_place);
    else
      return result<T>(std::in_place, last_value<T>(state));
  }
};

template <class Awaitable, class T = await_result_t<Awaitable>>
task<result<T>> catching(Awaitable awaited) {
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await static_cast<Awaitable &&>(awaited);
      co_return result<T>(std::in_place);
    } else {
      co_return result<T>(std::in_place, co_await static_cast<Awaitable &&>(awaited));
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_return result<T>(std::move(error));
}

} // namespace detail

/// Awaits a task and gives its value or its exception.
template <class T> auto as_result(task<T> &&work) noexcept {
  return detail::task_result_awaiter<T>(std::move(work));
}

/// The same for what can be awaited many times. The value is copied, or moved if it cannot be.
template <detail::future_handle Handle> auto as_result(const Handle &handle) noexcept {
  auto state = detail::handle_access::typed(handle);
  using state_type = std::remove_reference_t<decltype(*state)>;
  return detail::future_result_awaiter<typename Handle::value_type, state_type>(std::move(state));
}

/// The same for any awaitable. It is taken over unless it is an lvalue or cannot be moved; then it
/// lives until the await has ended, as it does in `co_await as_result(sleep(1s))`.
template <awaitable Awaitable>
  requires(!is_task_v<std::remove_cvref_t<Awaitable>> &&
           !detail::future_handle<std::remove_cvref_t<Awaitable>>)
auto as_result(Awaitable &&awaited) {
  using held = std::conditional_t<std::move_constructible<Awaitable>, Awaitable, Awaitable &&>;
  return detail::catching<held>(std::forward<Awaitable>(awaited));
}

} // namespace coral

#endif
