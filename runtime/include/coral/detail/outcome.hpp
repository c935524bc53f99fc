// What a call gave: a value or an exception, to be carried elsewhere.

#ifndef CORAL_DETAIL_OUTCOME_HPP
#define CORAL_DETAIL_OUTCOME_HPP

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace coral::detail {

template <class T> class outcome {
  static_assert(std::is_void_v<T> || std::is_object_v<T>,
                "a call in an executor returns an object");
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
  /// Calls `f` and keeps what it gives or throws.
  template <class F> void capture(F &&f) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        std::forward<F>(f)();
        value_.emplace();
      } else {
        value_.emplace(std::forward<F>(f)());
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  template <class... Args> void emplace(Args &&...args) {
    value_.emplace(std::forward<Args>(args)...);
  }

  void set_error(std::exception_ptr error) noexcept { error_ = std::move(error); }

  bool has_value() const noexcept { return value_.has_value(); }
  bool is_set() const noexcept { return has_value() || error_; }
  const std::exception_ptr &error() const noexcept { return error_; }

  /// Throws the exception, or gives the value, which stays here.
  std::add_lvalue_reference_t<T> get() {
    if (error_)
      std::rethrow_exception(error_);
    if constexpr (!std::is_void_v<T>)
      return *value_;
  }

  /// Throws the exception, or gives the value up.
  T take() && {
    if (error_)
      std::rethrow_exception(std::move(error_));
    if constexpr (!std::is_void_v<T>)
      return std::move(*value_);
  }

  /// Ends `future`, which is pending, with this.
  template <class Future> void deliver(const Future &future) {
    if (error_)
      future.set_exception(error_);
    else if constexpr (std::is_void_v<T>)
      future.set_result();
    else
      future.set_result(std::move(*value_));
  }

private:
  std::optional<stored> value_;
  std::exception_ptr error_;
};

} // namespace coral::detail

#endif
