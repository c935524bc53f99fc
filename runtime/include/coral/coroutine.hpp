// coral::coroutine: Python's `types.coroutine`, which makes a generator awaitable.
//
// Before Python had `async def`, coroutines were generators that yielded what they waited for. Such
// a *generator-based coroutine* is a third kind, beside generators and native coroutines: it is
// awaited as a native coroutine is, but its body may not `co_await`, it yields:
//
//     coral::generator<coral::task<int>, void, int, int> sum() {
//       std::optional<int> a = co_yield fetch(1);
//       std::optional<int> b = co_yield fetch(2);
//       co_return *a + *b;
//     }
//
//     int total = co_await coral::coroutine(sum());
//
// Needs no loop. The body runs on whichever thread completes what it waits for.

#ifndef CORAL_COROUTINE_HPP
#define CORAL_COROUTINE_HPP

#include <coral/awaitable.hpp>
#include <coral/errors.hpp>
#include <coral/generator.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace coral {
namespace detail {

/// A generator as seen by whoever runs it in place of a caller.
template <class Ref, class Value, class Send, class Return> struct generator_access {
  using generator_type = generator<Ref, Value, Send, Return>;

  static void require_created(const generator_type &source) {
    if (source.state() != generator_state::created)
      throw runtime_error("cannot reuse already awaited coroutine");
  }

  /// Runs the body to its next value, or to its end: false.
  static bool advance(generator_type &source) {
    source.advance();
    return !source.finished();
  }

  static typename generator_type::reference current(const generator_type &source) {
    return static_cast<typename generator_type::reference>(
        source.coroutine_.promise().current.get());
  }

  template <class Given> static void put(generator_type &source, Given &&given) {
    source.coroutine_.promise().sent.emplace(std::forward<Given>(given));
  }

  static void put_exception(generator_type &source, std::exception_ptr error) {
    source.coroutine_.promise().put_exception(std::move(error));
  }

  static Return take_returned(generator_type &source) {
    return *std::move(source.coroutine_.promise().returned);
  }
};

/// An awaiter that stays where it is: g++ 12 would copy one that is not a variable.
template <class Awaiter> struct awaiter_in_place {
  Awaiter &awaiter;

  decltype(auto) await_ready() const { return awaiter.await_ready(); }
  template <class Promise>
  decltype(auto) await_suspend(std::coroutine_handle<Promise> awaiting) const {
    return awaiter.await_suspend(awaiting);
  }
  decltype(auto) await_resume() const { return awaiter.await_resume(); }
};

template <class Yielded> decltype(auto) as_awaited(Yielded &&yielded) noexcept {
  if constexpr (has_member_co_await<Yielded> || has_free_co_await<Yielded>)
    return static_cast<Yielded &&>(yielded);
  else
    return awaiter_in_place<std::remove_reference_t<Yielded>>{yielded};
}

/// Awaits what the generator yields, and gives it back what comes of that, until it returns.
template <class Ref, class Value, class Send, class Return>
task<Return> await_yields(generator<Ref, Value, Send, Return> source) {
  using access = generator_access<Ref, Value, Send, Return>;
  using reference = typename generator<Ref, Value, Send, Return>::reference;
  using result = await_result_t<reference>;
  access::require_created(source);
  while (access::advance(source))
    try {
      if constexpr (std::is_void_v<result> || std::is_void_v<Send>)
        static_cast<void>(co_await as_awaited(access::current(source)));
      else
        access::put(source, co_await as_awaited(access::current(source)));
    } catch (...) {
      access::put_exception(source, std::current_exception());
    }
  if constexpr (!std::is_void_v<Return>)
    co_return access::take_returned(source);
}

} // namespace detail

/// What `coral::coroutine` gives: awaited once, as `co_await coral::coroutine(g())` or
/// `co_await std::move(named)`. A second await throws `runtime_error`, "cannot reuse already
/// awaited coroutine".
template <class Ref, class Value, class Send, class Return>
class [[nodiscard]] generator_based_coroutine<generator<Ref, Value, Send, Return>> {
public:
  explicit generator_based_coroutine(generator<Ref, Value, Send, Return> source)
      : body_(detail::await_yields(std::move(source))) {}

  auto operator co_await() && noexcept { return std::move(body_).operator co_await(); }
  auto operator co_await() & = delete;

  /// As a native coroutine: for `create_task`, `gather` and the like.
  operator task<Return>() && noexcept { return std::move(body_); }

private:
  task<Return> body_;
};

/// Makes a generator awaitable. It is resumed by the task that awaits it. Each value that it yields
/// is awaited, where the generator has it; `co_yield` then gives what came of that, if the
/// generator can be sent it, or throws its exception. So `co_yield coral::yield()` gives way to the
/// loop for a batch, and cancelling the task throws `cancelled_error` at the `co_yield`. What the
/// generator returns is what the await gives, and what leaves it is thrown there.
///
/// The generator is taken over, and has not started: the await throws `runtime_error` otherwise.
template <class Ref, class Value, class Send, class Return>
[[nodiscard]] auto coroutine(generator<Ref, Value, Send, Return> source) {
  using reference = typename generator<Ref, Value, Send, Return>::reference;
  static_assert(awaitable<reference>,
                "Task got bad yield: the generator of a coral::coroutine yields what can be "
                "awaited");
  if constexpr (awaitable<reference> && !std::is_void_v<Send>)
    static_assert(std::is_void_v<await_result_t<reference>> ||
                      std::constructible_from<Send, await_result_t<reference>>,
                  "the generator of a coral::coroutine cannot be sent what comes of its yields");
  if constexpr (awaitable<reference>)
    return generator_based_coroutine<generator<Ref, Value, Send, Return>>(std::move(source));
}

} // namespace coral

#endif
