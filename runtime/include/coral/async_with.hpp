// coral::async_with: Python's `async with`, and contextlib's AsyncExitStack.
//
// A destructor cannot await. Where entering or leaving a scope has to, an *asynchronous context
// manager* does it, any object with two functions:
//
//     coral::task<connection &> aenter();
//     coral::task<void> aexit(std::exception_ptr error); // or task<bool>
//
// `aexit` is awaited however the scope is left, with the exception it is left by, or null. A
// manager whose `aexit` gives bool can suppress that exception, by giving true.
//
// Needs no loop. Everything runs where the coroutine that awaits it does.

#ifndef CORAL_ASYNC_WITH_HPP
#define CORAL_ASYNC_WITH_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/config.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

namespace detail {

template <class T>
concept exit_result = std::is_void_v<T> || std::same_as<T, bool>;

template <class T> using enter_result_t = await_result_t<decltype(std::declval<T &>().aenter())>;
template <class T>
using exit_result_t = await_result_t<decltype(std::declval<T &>().aexit(std::exception_ptr()))>;

} // namespace detail

/// Python's protocol of `__aenter__` and `__aexit__`.
template <class T>
concept async_context_manager = requires {
  typename detail::enter_result_t<T>;
  requires detail::exit_result<detail::exit_result_t<T>>;
};

/// Throws `error` with `cause` nested in it: Python's `raise error from cause`. For an `aexit` that
/// fails while it handles another exception, which would be lost otherwise.
template <class Error>
[[noreturn]] void raise_from(Error &&error, const std::exception_ptr &cause) {
  if (!cause)
    throw std::forward<Error>(error);
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    std::throw_with_nested(std::forward<Error>(error));
  }
}

namespace detail {

template <class Result> struct body_result {
  using type = Result;
};
template <awaitable Result> struct body_result<Result> {
  using type = await_result_t<Result>;
};

/// What a body gives: what it returns, or what awaiting that gives.
template <class Body, class... Args>
using body_result_t = typename body_result<std::invoke_result_t<Body &, Args...>>::type;

/// A body whose exception can be suppressed gives a value or none.
template <class Manager, class Result>
using within_result_t =
    std::conditional_t<std::is_void_v<exit_result_t<Manager>> || std::is_void_v<Result>, Result,
                       std::optional<Result>>;

template <class Body, class... Args>
task<body_result_t<Body, Args...>> run_body(Body &body, Args &&...args) {
  if constexpr (awaitable<std::invoke_result_t<Body &, Args...>>)
    co_return co_await std::invoke(body, std::forward<Args>(args)...);
  else
    co_return std::invoke(body, std::forward<Args>(args)...);
}

/// Runs `body` in the scope of `manager`, which has been entered, and leaves that scope.
template <class Manager, class Body, class... Args, class Result = body_result_t<Body, Args...>>
task<within_result_t<Manager, Result>> run_within(Manager &manager, Body &body, Args &&...args) {
  static_assert(std::is_void_v<Result> || std::is_object_v<Result>,
                "the body of coral::async_with gives an object or nothing");
  std::conditional_t<std::is_void_v<Result>, std::monostate, std::optional<Result>> result;
  std::exception_ptr error;
  try {
    if constexpr (std::is_void_v<Result>)
      co_await run_body(body, std::forward<Args>(args)...);
    else
      result.emplace(co_await run_body(body, std::forward<Args>(args)...));
  } catch (...) {
    error = std::current_exception();
  }
  bool suppressed = false;
  if constexpr (std::is_void_v<exit_result_t<Manager>>)
    co_await manager.aexit(error);
  else
    suppressed = co_await manager.aexit(error);
  if (error && !suppressed)
    std::rethrow_exception(std::move(error));
  if constexpr (std::is_same_v<within_result_t<Manager, Result>, Result> && !std::is_void_v<Result>)
    co_return *std::move(result);
  else if constexpr (!std::is_void_v<Result>)
    co_return std::move(result);
}

template <class Manager, class Body> struct entered_body {
  using manager = std::remove_reference_t<Manager>;
  using entered = enter_result_t<manager>;
  static constexpr bool takes_entered = [] {
    if constexpr (std::is_void_v<entered>)
      return false;
    else
      return std::is_invocable_v<Body &, entered &>;
  }();
  static_assert(takes_entered || std::is_invocable_v<Body &>,
                "the body of coral::async_with takes what aenter gives, or nothing");

  static auto result() {
    if constexpr (takes_entered)
      return std::type_identity<within_result_t<manager, body_result_t<Body, entered &>>>();
    else
      return std::type_identity<within_result_t<manager, body_result_t<Body>>>();
  }
  using result_type = typename decltype(result())::type;
};

template <class Manager, class Body>
task<typename entered_body<Manager, Body>::result_type> run_with(Manager manager, Body body) {
  if constexpr (std::is_void_v<typename entered_body<Manager, Body>::entered>) {
    co_await manager.aenter();
    co_return co_await run_within(manager, body);
  } else {
    auto &&entered = co_await manager.aenter();
    if constexpr (entered_body<Manager, Body>::takes_entered)
      co_return co_await run_within(manager, body, entered);
    else
      co_return co_await run_within(manager, body);
  }
}

} // namespace detail

/// Python's `async with manager as entered: body(entered)`:
///
///     auto body = [&](connection &peer) -> coral::task<int> { ... };
///     int count = co_await coral::async_with(manager, body);
///
/// Awaits `manager.aenter()`, then calls `body`, a function or a coroutine, with what that gave, or
/// without, and then awaits `manager.aexit(error)`. Gives what the body gives; where the manager
/// can suppress exceptions, a `std::optional` of that, empty when it did.
///
/// If `aenter` throws, neither the body nor `aexit` runs. An exception of `aexit` takes the place
/// of the body's; `raise_from` keeps both.
///
/// A manager that is a named object stays where it is; another is taken over until the end.
template <class Manager, class Body>
  requires async_context_manager<std::remove_reference_t<Manager>>
[[nodiscard]] auto async_with(Manager &&manager, Body &&body) {
  return detail::run_with<Manager, std::decay_t<Body>>(std::forward<Manager>(manager),
                                                       std::forward<Body>(body));
}

namespace detail {

/// What an exit stack has to do; gives true to suppress the exception.
class stacked_exit {
public:
  virtual ~stacked_exit() = default;
  virtual task<bool> run(std::exception_ptr error) = 0;
};

template <class Manager> class stacked_manager final : public stacked_exit {
public:
  template <class M> explicit stacked_manager(M &&manager) : manager_(std::forward<M>(manager)) {}

  std::remove_reference_t<Manager> &manager() noexcept { return manager_; }

  task<bool> run(std::exception_ptr error) override {
    if constexpr (std::is_void_v<exit_result_t<std::remove_reference_t<Manager>>>) {
      co_await manager_.aexit(std::move(error));
      co_return false;
    } else {
      co_return co_await manager_.aexit(std::move(error));
    }
  }

private:
  Manager manager_;
};

/// `F` takes the exception, or is bound to its arguments; a function or a coroutine.
template <class F> class stacked_call final : public stacked_exit {
public:
  template <class G> explicit stacked_call(G &&f) : f_(std::forward<G>(f)) {}

  task<bool> run(std::exception_ptr error) override {
    if constexpr (std::is_invocable_v<F &, std::exception_ptr>) {
      using called = std::invoke_result_t<F &, std::exception_ptr>;
      using result = typename body_result<called>::type;
      static_assert(exit_result<result>,
                    "an exit pushed on a coral::async_exit_stack gives bool or nothing");
      if constexpr (awaitable<called> && std::is_void_v<result>)
        co_await f_(std::move(error));
      else if constexpr (awaitable<called>)
        co_return co_await f_(std::move(error));
      else if constexpr (std::is_void_v<result>)
        f_(std::move(error));
      else
        co_return f_(std::move(error));
    } else if constexpr (awaitable<std::invoke_result_t<F &>>) {
      static_cast<void>(co_await f_());
    } else {
      static_cast<void>(f_());
    }
    co_return false;
  }

private:
  F f_;
};

} // namespace detail

/// contextlib's `AsyncExitStack`: scopes and callbacks whose number is known at run time only, left
/// in the opposite order. It is itself an asynchronous context manager:
///
///     auto body = [&](coral::async_exit_stack &stack) -> coral::task<void> {
///       for (const address &each : addresses)
///         peers.push_back(&co_await stack.enter_async_context(connect(each)));
///       co_await talk(peers);
///     };
///     co_await coral::async_with(coral::async_exit_stack(), body);
///
/// Each exit is told the exception that the ones before left: the body's, the one that an exit
/// threw instead, or null after it was suppressed. Destroying a stack leaves nothing: that would
/// have to await.
class async_exit_stack {
public:
  async_exit_stack() = default;
  async_exit_stack(async_exit_stack &&) noexcept = default;
  async_exit_stack &operator=(async_exit_stack &&) noexcept = default;

  /// Enters the scope of `manager`, to be left with the stack, and gives what `aenter` gives. If
  /// that throws, there is nothing to leave. A named manager stays where it is; another is taken
  /// over.
  template <class Manager>
    requires async_context_manager<std::remove_reference_t<Manager>>
  [[nodiscard]] auto enter_async_context(Manager &&manager) {
    return enter(
        std::make_unique<detail::stacked_manager<Manager>>(std::forward<Manager>(manager)));
  }

  /// Calls `exit(error)` at the end, a function or a coroutine, which may give true to suppress the
  /// exception: contextlib's `push` and `push_async_exit`.
  template <class Exit>
    requires std::is_invocable_v<std::decay_t<Exit> &, std::exception_ptr>
  void push_async_exit(Exit &&exit) {
    push<std::decay_t<Exit>>(std::forward<Exit>(exit));
  }

  /// Calls `callback(args...)` at the end, a function or a coroutine: contextlib's `callback` and
  /// `push_async_callback`. The arguments are copied or moved in.
  template <class Callback, class... Args>
    requires std::is_invocable_v<std::decay_t<Callback> &, std::decay_t<Args> &...>
  void push_async_callback(Callback &&callback, Args &&...args) {
    auto bound = [callback = std::decay_t<Callback>(std::forward<Callback>(callback)),
                  args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(
                      args)...)]() mutable -> decltype(auto) { return std::apply(callback, args); };
    push<decltype(bound)>(std::move(bound));
  }

  /// Hands everything over to a new stack: this one has nothing to leave any more.
  [[nodiscard]] async_exit_stack pop_all() noexcept { return std::move(*this); }

  /// Leaves everything now, without an exception.
  [[nodiscard]] task<void> aclose() { static_cast<void>(co_await aexit(nullptr)); }

  [[nodiscard]] task<async_exit_stack &> aenter() { co_return *this; }

  /// Leaves everything. True when `error` was suppressed; throws what an exit threw.
  [[nodiscard]] task<bool> aexit(std::exception_ptr error) {
    const bool entered_with_error = error != nullptr;
    bool thrown = false;
    while (!exits_.empty()) {
      const std::unique_ptr<detail::stacked_exit> exit = std::move(exits_.back());
      exits_.pop_back();
      try {
        if (co_await exit->run(error)) {
          error = nullptr;
          thrown = false;
        }
      } catch (...) {
        error = std::current_exception();
        thrown = true;
      }
    }
    if (thrown)
      std::rethrow_exception(std::move(error));
    co_return entered_with_error && !error;
  }

private:
  template <class F, class G> void push(G &&f) {
    exits_.push_back(std::make_unique<detail::stacked_call<F>>(std::forward<G>(f)));
  }

  template <class Manager>
  task<detail::enter_result_t<std::remove_reference_t<Manager>>>
  enter(std::unique_ptr<detail::stacked_manager<Manager>> entering) {
    auto &manager = entering->manager();
    using entered = detail::enter_result_t<std::remove_reference_t<Manager>>;
    if constexpr (std::is_void_v<entered>) {
      co_await manager.aenter();
      exits_.push_back(std::move(entering));
    } else {
      entered value = co_await manager.aenter();
      exits_.push_back(std::move(entering));
      co_return static_cast<entered &&>(value);
    }
  }

  std::vector<std::unique_ptr<detail::stacked_exit>> exits_;
};

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
