// Awaiting a function that reports its result to a callback: what Python programs write with a
// future that the callback sets.

#ifndef CORAL_CALLBACK_HPP
#define CORAL_CALLBACK_HPP

#include <coral/detail/operation.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace coral {
namespace detail {

/// Every argument of the callback is a value, an error code too; nothing cancels it.
struct no_error {
  template <class> static constexpr bool carries = false;

  struct cancellation_signal {
    struct no_slot {};
    static no_slot slot() noexcept { return {}; }
    static bool emit() noexcept { return false; }
  };
};

/// A handler that can be copied, as `std::function` demands; the copies share one call.
template <class... Args> class shared_handler {
public:
  explicit shared_handler(task_handler<no_error, Args...> &&handler)
      : handler_(std::make_shared<task_handler<no_error, Args...>>(std::move(handler))) {}

  template <class... Given>
    requires std::constructible_from<std::tuple<Args...>, Given...>
  void operator()(Given &&...given) const {
    (*handler_)(std::forward<Given>(given)...);
  }

private:
  std::shared_ptr<task_handler<no_error, Args...>> handler_;
};

template <class Signature> struct callback_operation;

template <class... Args> struct callback_operation<void(Args...)> {
  using type = operation<no_error, std::decay_t<Args>...>;

  template <class Initiation> static type of(Initiation &&initiation) {
    return type::of([start = std::forward<Initiation>(initiation)](
                        task_handler<no_error, std::decay_t<Args>...> handler) mutable {
      std::move(start)(shared_handler<std::decay_t<Args>...>(std::move(handler)));
    });
  }
};

} // namespace detail

/// Awaits an API that takes a callback of this signature:
///
///     auto start = [&](auto done) { device.async_read(buffer, done); };
///     int length = co_await coral::callback<void(int)>(start);
///
/// `initiation` is called with the callback when the operation is awaited, in a `coral::task` that
/// is already suspended. The callback can be copied, is called once, on any thread, and resumes
/// the task there. Its arguments are the result: none gives void, one its value, several a tuple.
/// When the last copy is destroyed uncalled, the task that waits is destroyed. A second call
/// throws `runtime_error`; an exception that `initiation` throws is thrown by the `co_await`.
template <class Signature, class Initiation> [[nodiscard]] auto callback(Initiation &&initiation) {
  return detail::callback_operation<Signature>::of(std::forward<Initiation>(initiation));
}

} // namespace coral

#endif
