// What a type is, to a coroutine: PEP 492's kinds as C++ concepts and traits.
//
// | Python                                        | here                                |
// |-----------------------------------------------|-------------------------------------|
// | `inspect.isawaitable(x)`                      | `awaitable<X>`                      |
// | `inspect.iscoroutine(x)`, CO_COROUTINE        | `is_coroutine_type_v<X>`            |
// | `inspect.iscoroutinefunction(f)`              | `is_coroutine_function_v<F, Args...>` |
// | `inspect.isgenerator(x)`, CO_GENERATOR        | `is_generator_v<X>`                 |
// | CO_ITERABLE_COROUTINE, what `types.coroutine` | `is_generator_based_coroutine_v<X>` |
// | `inspect.isasyncgen(x)`, CO_ASYNC_GENERATOR   | `is_async_generator_v<X>`           |
//
// A generator is not awaitable, an async generator neither, and not every awaitable is a coroutine.

#ifndef CORAL_AWAITABLE_HPP
#define CORAL_AWAITABLE_HPP

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace coral {

/// Python's `inspect.getcoroutinestate`, `getgeneratorstate` and `getasyncgenstate`.
enum class coroutine_state : unsigned char { created, running, suspended, closed };

template <class T> class task;
template <class Ref, class Value, class Send, class Return> class generator;
template <class Ref, class Value, class Return> class recursive_generator;
template <class Ref, class Value, class Send> class async_generator;
template <class Generator> class generator_based_coroutine;

namespace detail {

template <class T>
concept await_suspend_result =
    std::is_void_v<T> || std::same_as<T, bool> || std::convertible_to<T, std::coroutine_handle<>>;

template <class T>
concept has_member_co_await = requires(T &&t) { static_cast<T &&>(t).operator co_await(); };

template <class T>
concept has_free_co_await = requires(T &&t) { operator co_await(static_cast<T &&>(t)); };

} // namespace detail

/// Has the three functions that `co_await` calls in the end.
template <class T>
concept awaiter = requires(T &t, std::coroutine_handle<> h) {
  { t.await_ready() } -> std::convertible_to<bool>;
  { t.await_suspend(h) } -> detail::await_suspend_result;
  t.await_resume();
};

namespace detail {

template <class T> decltype(auto) find_awaiter(T &&t) {
  if constexpr (has_member_co_await<T>)
    return static_cast<T &&>(t).operator co_await();
  else if constexpr (has_free_co_await<T>)
    return operator co_await(static_cast<T &&>(t));
  else
    return static_cast<T &&>(t);
}

} // namespace detail

/// `co_await` takes an expression of this type and category, in a coroutine that transforms
/// nothing: `awaitable<task<int>>` holds, `awaitable<task<int> &>` does not.
template <class T>
concept awaitable = awaiter<decltype(detail::find_awaiter(std::declval<T>()))>;

template <class T> inline constexpr bool is_awaitable_v = awaitable<T>;

/// What `co_await` of it gives.
template <awaitable T>
using await_result_t =
    decltype(std::declval<
                 std::remove_reference_t<decltype(detail::find_awaiter(std::declval<T>()))> &>()
                 .await_resume());

template <class T> inline constexpr bool is_task_v = false;
template <class T> inline constexpr bool is_task_v<task<T>> = true;

template <class T> inline constexpr bool is_generator_v = false;
template <class Ref, class Value, class Send, class Return>
inline constexpr bool is_generator_v<generator<Ref, Value, Send, Return>> = true;
template <class Ref, class Value, class Return>
inline constexpr bool is_generator_v<recursive_generator<Ref, Value, Return>> = true;

/// A native coroutine: its function body may `co_await`, and it is itself awaited.
template <class T> inline constexpr bool is_coroutine_type_v = is_task_v<T>;

/// Calling an `F` with these arguments gives a native coroutine.
template <class F, class... Args> inline constexpr bool is_coroutine_function_v = false;
template <class F, class... Args>
  requires std::is_invocable_v<F, Args...>
inline constexpr bool is_coroutine_function_v<F, Args...> =
    is_coroutine_type_v<std::invoke_result_t<F, Args...>>;

/// A generator made awaitable by `coral::coroutine`.
template <class T> inline constexpr bool is_generator_based_coroutine_v = false;
template <class Generator>
inline constexpr bool is_generator_based_coroutine_v<generator_based_coroutine<Generator>> = true;

/// Its function body may `co_await` and `co_yield`; it is iterated, by awaiting.
template <class T> inline constexpr bool is_async_generator_v = false;
template <class Ref, class Value, class Send>
inline constexpr bool is_async_generator_v<async_generator<Ref, Value, Send>> = true;

} // namespace coral

#endif
