// coral::gather: asyncio.gather. Called and awaited on the thread of the running loop.

#ifndef CORAL_GATHER_HPP
#define CORAL_GATHER_HPP

#include <coral/detail/joined.hpp>
#include <coral/result.hpp>
#include <coral/task.hpp>

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coral {

/// The type of `return_exceptions`.
struct return_exceptions_t {
  explicit constexpr return_exceptions_t() = default;
};

/// First argument of `gather`: each child gives a `result`.
inline constexpr return_exceptions_t return_exceptions{};

namespace detail {

/// Rethrows what ended the wait for the children early.
inline void rethrow_failure(const join_awaiter &all) {
  if (future_base *failed = all.failed())
    std::rethrow_exception(failed->error());
}

template <class... Ts> task<std::tuple<gathered<Ts>...>> gather_tuple(joined<Ts>... children) {
  join_awaiter all(join_until::first_failure);
  all.cancel_children();
  (all.add(children.state()), ...);
  co_await all;
  rethrow_failure(all);
  co_return std::tuple<gathered<Ts>...>(children.take()...);
}

template <class... Ts>
task<std::tuple<result<Ts>...>> gather_tuple_results(joined<Ts>... children) {
  join_awaiter all(join_until::all_done);
  all.cancel_children();
  (all.add(children.state()), ...);
  co_await all;
  co_return std::tuple<result<Ts>...>(children.take_result()...);
}

template <class T> task<std::vector<gathered<T>>> gather_vector(std::vector<joined<T>> children) {
  join_awaiter all(join_until::first_failure);
  all.cancel_children();
  for (const joined<T> &child : children)
    all.add(child.state());
  co_await all;
  rethrow_failure(all);
  std::vector<gathered<T>> values;
  values.reserve(children.size());
  for (const joined<T> &child : children)
    values.push_back(child.take());
  co_return values;
}

template <class T>
task<std::vector<result<T>>> gather_vector_results(std::vector<joined<T>> children) {
  join_awaiter all(join_until::all_done);
  all.cancel_children();
  for (const joined<T> &child : children)
    all.add(child.state());
  co_await all;
  std::vector<result<T>> results;
  results.reserve(children.size());
  for (const joined<T> &child : children)
    results.push_back(child.take_result());
  co_return results;
}

/// In braces, so that the children are scheduled from left to right.
template <class... Awaitables> auto join(Awaitables &&...awaitables) {
  return std::tuple<joined<joined_t<Awaitables>>...>{
      joined<joined_t<Awaitables>>(std::forward<Awaitables>(awaitables))...};
}

template <class Awaitable> auto join(std::vector<Awaitable> &&awaitables) {
  std::vector<joined<joined_t<Awaitable>>> children;
  children.reserve(awaitables.size());
  for (Awaitable &each : awaitables)
    children.emplace_back(std::move(each));
  return children;
}

} // namespace detail

/// Runs tasks beside each other and gives their values, in the order of the arguments, when all
/// are done: a tuple, with `std::monostate` for void. Each argument is a `task`, which is scheduled
/// on the running loop at once, a `scheduled_task` or a `future`, which may stand there more than
/// once.
///
/// The first exception is thrown as soon as it is known, a child's `cancelled_error` too; the
/// others go on running, and their exceptions are not reported. Cancelling who awaits cancels all
/// children, and throws when they are done, or have failed.
/// Throws `runtime_error`, "no running event loop".
template <class... Awaitables>
  requires requires { typename std::tuple<detail::joined_t<Awaitables> *...>; }
auto gather(Awaitables &&...awaitables) {
  auto children = detail::join(std::forward<Awaitables>(awaitables)...);
  return std::apply(
      [](auto &...each) {
        return detail::gather_tuple<detail::joined_t<Awaitables>...>(std::move(each)...);
      },
      children);
}

/// The same, for any number of awaitables of one type; gives a vector.
template <class Awaitable, class T = detail::joined_t<Awaitable>>
auto gather(std::vector<Awaitable> awaitables) {
  return detail::gather_vector<T>(detail::join(std::move(awaitables)));
}

/// The same as the others, but always waits for all, and gives a `result` of each: its value, its
/// exception, or its `cancelled_error`. Cancelling who awaits cancels all children, and throws.
template <class... Awaitables>
  requires requires { typename std::tuple<detail::joined_t<Awaitables> *...>; }
auto gather(return_exceptions_t, Awaitables &&...awaitables) {
  auto children = detail::join(std::forward<Awaitables>(awaitables)...);
  return std::apply(
      [](auto &...each) {
        return detail::gather_tuple_results<detail::joined_t<Awaitables>...>(std::move(each)...);
      },
      children);
}

template <class Awaitable, class T = detail::joined_t<Awaitable>>
auto gather(return_exceptions_t, std::vector<Awaitable> awaitables) {
  return detail::gather_vector_results<T>(detail::join(std::move(awaitables)));
}

} // namespace coral

#endif
