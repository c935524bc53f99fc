// coral::spawn: starts a task that nobody waits for.

#ifndef CORAL_SPAWN_HPP
#define CORAL_SPAWN_HPP

#include <coral/detail/config.hpp>
#include <coral/detail/drive.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {
namespace detail {

/// Owns a detached task, and the callable that made it: the task goes first.
template <class Callable> class detached_root final : public root {
public:
  template <class F> explicit detached_root(F &&f) : root(false), callable_(std::forward<F>(f)) {}

  std::coroutine_handle<> begin() {
    task_.emplace(std::invoke(callable_));
    return task_access::begin(*task_, *this);
  }

  void completed() noexcept override {
    std::exception_ptr error = task_access::handle(*task_).promise().error();
    delete this;
    if (error)
      driver::report(std::move(error));
  }

  void abandoned() noexcept override { delete this; }

  ~detached_root() = default;

private:
  Callable callable_;
  std::optional<task<void>> task_;
};

template <class> inline constexpr bool is_void_task = false;
template <> inline constexpr bool is_void_task<task<void>> = true;

struct held_task {
  task<void> held;
  task<void> operator()() { return std::move(held); }
};

} // namespace detail

/// Starts a task that nobody waits for: asyncio's `create_task` whose handle is dropped, without a
/// loop.
///
/// `start` is a `task<void>`, or a callable without parameters that returns one. A callable is
/// moved in, kept until the task is done or destroyed, and destroyed after the task, so that its
/// captures may be what the task works on:
///
///     coral::spawn([this, self = shared_from_this()] { return read_loop(); });
///
/// The task runs at once, on the calling thread, to its first suspension; then `spawn` returns.
/// Whatever completes the awaited operation runs the rest, there and then.
///
/// An exception that leaves the task before it first suspends leaves from `spawn`. A later one
/// leaves from the completion handler that resumed the task: under Asio, from `io_context::run()`,
/// which can be called again.
///
/// If an awaited operation is dropped without completing, as when its `io_context` is destroyed,
/// the whole task is destroyed.
template <class Start> void spawn(Start &&start) {
  if constexpr (std::is_same_v<std::remove_cvref_t<Start>, task<void>>) {
    static_assert(!std::is_lvalue_reference_v<Start>,
                  "coral::spawn takes a task over: spawn(std::move(t))");
    spawn(detail::held_task{std::forward<Start>(start)});
  } else {
    using callable = std::decay_t<Start>;
    static_assert(std::invocable<callable &>,
                  "coral::spawn takes a coral::task<void> or a callable without parameters that "
                  "returns one");
    if constexpr (std::invocable<callable &>) {
      static_assert(detail::is_void_task<std::invoke_result_t<callable &>>,
                    "the callable given to coral::spawn returns a coral::task<void>");
      auto owner = std::make_unique<detail::detached_root<callable>>(std::forward<Start>(start));
      std::coroutine_handle<> first = owner->begin();
      detail::drive(first, owner.release());
    }
  }
}

namespace detail {

template <class> inline constexpr bool is_tuple = false;
template <class... T> inline constexpr bool is_tuple<std::tuple<T...>> = true;

template <class T, class Callback> void hand_over(T &&result, Callback &&callback) {
  if constexpr (is_tuple<T>)
    std::apply(std::forward<Callback>(callback), std::move(result));
  else if constexpr (std::is_same_v<T, std::monostate> && std::invocable<Callback>)
    std::invoke(std::forward<Callback>(callback));
  else
    std::invoke(std::forward<Callback>(callback), std::move(result));
}

template <class T, class Callback> task<void> deliver(task<T> work, Callback callback) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(work);
    std::invoke(std::move(callback));
  } else {
    T result = co_await std::move(work);
    hand_over(std::move(result), std::move(callback));
  }
}

template <std::size_t... I, class Variant, class Callbacks>
void hand_over_one(std::index_sequence<I...>, Variant &result, Callbacks &callbacks) {
  (void)((result.index() == I
              ? (hand_over(std::move(*std::get_if<I>(&result)), std::move(std::get<I>(callbacks))),
                 true)
              : false) ||
         ...);
}

template <class Variant, class Callbacks>
task<void> deliver_one(task<Variant> work, Callbacks callbacks) {
  Variant result = co_await std::move(work);
  hand_over_one(std::make_index_sequence<std::variant_size_v<Variant>>(), result, callbacks);
}

template <class T, class Callback> task<void> delivery(task<T> &&work, Callback &&callback) {
  return deliver<T, std::decay_t<Callback>>(std::move(work), std::forward<Callback>(callback));
}

template <class... T, class... Callbacks>
  requires(sizeof...(T) > 1 && sizeof...(T) == sizeof...(Callbacks))
task<void> delivery(task<std::variant<T...>> &&work, Callbacks &&...callbacks) {
  using held = std::tuple<std::decay_t<Callbacks>...>;
  return deliver_one(std::move(work), held(std::forward<Callbacks>(callbacks)...));
}

template <class Start, class... Callbacks>
task<void> delivery_from(Start start, Callbacks... callbacks) {
  co_await delivery(std::invoke(start), std::move(callbacks)...);
}

} // namespace detail

/// Starts `work` as `spawn(start)` does and hands its result to `callback`: nothing for a
/// `task<void>`, the elements of a `std::tuple` one by one, any other value as it is. The bridge
/// from a coroutine to callers that still pass callbacks:
///
///     void get(std::string key, std::function<void(std::error_code, std::string)> done) {
///       coral::spawn(get(std::move(key)), std::move(done));
///     }
///
/// An exception that ends the task leaves as from `spawn(start)`; `callback` is not called then.
template <class T, class Callback> void spawn(task<T> &&work, Callback &&callback) {
  spawn(detail::delivery(std::move(work), std::forward<Callback>(callback)));
}

/// Starts `work` as `spawn(start)` does and hands its result to one of `callbacks`, of which there
/// is one for each alternative, in their order: the alternative as `spawn(work, callback)` hands it
/// over, and nothing for a `std::monostate`. The bridge to callers that pass a callback for each
/// way in which the work may end:
///
///     void fetch(std::string url, std::function<void(reply)> on_reply,
///                std::function<void(std::error_code)> on_error) {
///       coral::spawn(fetch(std::move(url)), std::move(on_reply), std::move(on_error));
///     }
///
/// Exactly one callback is called, and what it throws leaves as from `spawn(start)`; none is when
/// an exception ends the task.
template <class... T, class... Callbacks>
  requires(sizeof...(T) > 1 && sizeof...(T) == sizeof...(Callbacks))
void spawn(task<std::variant<T...>> &&work, Callbacks &&...callbacks) {
  spawn(detail::delivery(std::move(work), std::forward<Callbacks>(callbacks)...));
}

/// The same for the task that `start`, a callable without parameters, returns. What `start` has
/// captured is kept until the callback has returned:
///
///     void read(std::function<void(std::string)> done) {
///       coral::spawn([this, self = shared_from_this()] { return read(); }, std::move(done));
///     }
template <class Start, class... Callbacks>
  requires(sizeof...(Callbacks) > 0 && std::invocable<std::decay_t<Start> &>)
void spawn(Start &&start, Callbacks &&...callbacks) {
  spawn(detail::delivery_from<std::decay_t<Start>, std::decay_t<Callbacks>...>(
      std::forward<Start>(start), std::forward<Callbacks>(callbacks)...));
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
