// The exceptions of the runtime, named as in Python.

#ifndef CORAL_ERRORS_HPP
#define CORAL_ERRORS_HPP

#include <cxxabi.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace coral {

/// Python's `RuntimeError`: a coroutine, generator or loop was used in a way it does not allow.
class runtime_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Python's `TypeError`: an argument of a kind that the call does not take.
class type_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

/// Python's `ValueError`: an argument or state that the call does not take now.
class value_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

/// Python's `InvalidStateError`: a future was asked for a result it does not have, or was given a
/// second one.
class invalid_state_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

/// Python's `TimeoutError`: what was waited for did not happen in time.
class timeout_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  timeout_error() : std::runtime_error("TimeoutError") {}
};

/// Python's `StopIteration`: what `generator::next`, `send` and `throw_` throw when the generator
/// has returned. Carries the returned value, if there is one.
///
/// A `stop_iteration` that leaves a coroutine or a generator becomes a `runtime_error` that holds
/// it as its nested exception, so that a `next()` without a handler never ends a surrounding loop.
class stop_iteration final : public std::exception {
public:
  stop_iteration() noexcept = default;

  /// Carries `value`; it is moved or copied into shared storage.
  template <class T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, stop_iteration>)
  explicit stop_iteration(T &&value)
      : value_(std::make_shared<std::remove_cvref_t<T>>(std::forward<T>(value))),
        type_(&typeid(std::remove_cvref_t<T>)) {}

  /// The returned value, or null when there is none or it is not exactly a `T`. The pointer is
  /// valid while any copy of this exception lives.
  template <class T> T *value() const noexcept {
    return type_ && *type_ == typeid(T) ? static_cast<T *>(value_.get()) : nullptr;
  }

  bool has_value() const noexcept { return type_ != nullptr; }

  const char *what() const noexcept override { return "StopIteration"; }

private:
  std::shared_ptr<void> value_;
  const std::type_info *type_ = nullptr;
};

/// Python's `StopAsyncIteration`: what `async_generator::anext`, `asend` and `athrow` throw when
/// the generator has ended, and what ends an `async_for`. One that leaves an async generator
/// becomes a `runtime_error` that holds it as its nested exception.
class stop_async_iteration final : public std::exception {
public:
  const char *what() const noexcept override { return "StopAsyncIteration"; }
};

/// Python's `GeneratorExit`: raised by `generator::close` where the generator is suspended. Like
/// Python's it is not an ordinary error, so that `catch (const std::exception &)` lets it pass.
class generator_exit final {};

/// Python's `KeyboardInterrupt`: thrown by a callback, it leaves `event_loop::run_forever`.
class keyboard_interrupt final {};

/// Python's `SystemExit`: thrown by a callback, it leaves `event_loop::run_forever`.
class system_exit final {
public:
  explicit system_exit(int code = 0) noexcept : code_(code) {}
  int code() const noexcept { return code_; }

private:
  int code_;
};

namespace detail {

/// The exception being handled, as it may leave a coroutine: a `Stop` is replaced by
/// `runtime_error(message)` that nests it.
template <class Stop = stop_iteration>
std::exception_ptr leaving_exception(const char *message) noexcept {
  const std::type_info *type = abi::__cxa_current_exception_type();
  if (!type || *type != typeid(Stop))
    return std::current_exception();
  try {
    std::throw_with_nested(runtime_error(message));
  } catch (...) {
    return std::current_exception();
  }
}

/// Whether `error` holds exactly an `Error`. Null holds nothing.
template <class Error> bool holds(const std::exception_ptr &error) noexcept {
  if (!error)
    return false;
#ifdef __GLIBCXX__
  return *error.__cxa_exception_type() == typeid(Error);
#else
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return *abi::__cxa_current_exception_type() == typeid(Error);
  }
#endif
}

/// Python's BaseExceptions that end a program: they leave from `event_loop::run_forever`.
inline bool ends_program(const std::exception_ptr &error) noexcept {
  return holds<keyboard_interrupt>(error) || holds<system_exit>(error);
}

} // namespace detail
} // namespace coral

#endif
