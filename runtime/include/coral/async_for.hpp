// coral::async_for: Python's `async for`. Needs no loop, and runs where its source resumes it.

#ifndef CORAL_ASYNC_FOR_HPP
#define CORAL_ASYNC_FOR_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/config.hpp>
#include <coral/errors.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// What the body of an `async_for` says when it has done with a value.
enum class loop_control : unsigned char { continue_, break_ };

namespace detail {

template <class Item>
concept item_or_end = requires(Item &item) {
  static_cast<bool>(item);
  *item;
};

} // namespace detail

/// Gives its values by `next`, awaiting something that is a value or the end: an `async_generator`,
/// or anything whose `next()` gives an awaitable `std::optional`.
template <class T>
concept async_item_iterator =
    requires(T &t) { requires detail::item_or_end<await_result_t<decltype(t.next())>>; };

/// Gives its values by Python's protocol: `anext` gives an awaitable value, which throws
/// `stop_async_iteration` at the end.
template <class T>
concept async_value_iterator =
    requires(T &t) { requires !std::is_void_v<await_result_t<decltype(t.anext())>>; };

/// What `async_for` takes.
template <class T>
concept async_iterable = async_item_iterator<T> || async_value_iterator<T>;

namespace detail {

template <class Result> inline constexpr bool is_body_result = false;
template <> inline constexpr bool is_body_result<void> = true;
template <> inline constexpr bool is_body_result<loop_control> = true;

template <class Result> inline constexpr bool is_async_body_result = false;
template <awaitable Result>
inline constexpr bool is_async_body_result<Result> = is_body_result<await_result_t<Result>>;

/// Gives what `anext` gives as items.
template <class Source> class item_adapter {
  using value = await_result_t<decltype(std::declval<Source &>().anext())>;

public:
  class item {
  public:
    item() noexcept = default;
    explicit item(value &&given) : value_(std::in_place, std::forward<value>(given)) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    value &&operator*() noexcept { return static_cast<value &&>(value_->kept); }

  private:
    struct holder {
      explicit holder(value &&given) : kept(std::forward<value>(given)) {}
      value kept;
    };
    std::optional<holder> value_;
  };

  explicit item_adapter(Source &source) noexcept : source_(source) {}

  task<item> next() {
    try {
      co_return item(co_await source_.anext());
    } catch (const stop_async_iteration &) {
      co_return item();
    }
  }

private:
  Source &source_;
};

template <class Source, class Body> task<bool> iterate_items(Source &source, Body &body) {
  while (auto item = co_await source.next()) {
    using result = std::invoke_result_t<Body &, decltype(*item)>;
    static_assert(is_body_result<result> || is_async_body_result<result>,
                  "the body of coral::async_for returns nothing or a coral::loop_control, or is a "
                  "coroutine that does");
    if constexpr (std::is_void_v<result>) {
      std::invoke(body, *item);
    } else if constexpr (is_body_result<result>) {
      if (std::invoke(body, *item) == loop_control::break_)
        co_return false;
    } else if constexpr (std::is_void_v<await_result_t<result>>) {
      co_await std::invoke(body, *item);
    } else {
      const loop_control control = co_await std::invoke(body, *item);
      if (control == loop_control::break_)
        co_return false;
    }
  }
  co_return true;
}

template <class Source, class Body> task<bool> iterate(Source source, Body body) {
  using iterated = std::remove_reference_t<Source>;
  if constexpr (async_item_iterator<iterated>) {
    co_return co_await iterate_items(source, body);
  } else {
    item_adapter<iterated> items(source);
    co_return co_await iterate_items(items, body);
  }
}

} // namespace detail

/// Python's `async for value in source: body(value)`.
///
/// `body` is called with each value: a function, or a coroutine, which is awaited. It may give a
/// `loop_control`, and `loop_control::break_` leaves the loop. Gives true when the loop came to the
/// end of the source, and false when it was left: Python's `else` clause is
///
///     if (co_await coral::async_for(numbers, body))
///       otherwise();
///
/// A source that is a named object stays where it is, and can be read on after a `break_`; another
/// is taken over and dies at the end. What the source throws, or the body, is thrown here; a
/// `stop_async_iteration` of the body is not the end of the source.
template <class Source, class Body>
  requires async_iterable<std::remove_reference_t<Source>>
[[nodiscard]] task<bool> async_for(Source &&source, Body &&body) {
  return detail::iterate<Source, std::decay_t<Body>>(std::forward<Source>(source),
                                                     std::forward<Body>(body));
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
