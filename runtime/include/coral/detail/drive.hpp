// How coroutines get the processor, and who owns them.
//
// A chain of tasks, each awaiting the next, hangs from one *root*: the detached start of `spawn`
// or the scheduled task of a loop. The root owns the outermost task, which owns the next one, and
// so on: a suspended chain is destroyed from its root only.
//
// Whatever resumes a chain from ordinary code (a completion handler, the ready queue, `spawn`
// itself) does so through a *driver*, which lives on the stack for as long as the coroutines run.
// An exception that reaches a root nobody waits for is handed to the driver and rethrown from
// there, so that it leaves from the handler that resumed the chain and never crosses a coroutine.

#ifndef CORAL_DETAIL_DRIVE_HPP
#define CORAL_DETAIL_DRIVE_HPP

#include <coral/detail/config.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace coral {

class event_loop;

namespace detail {

/// The owner of a chain of tasks. Both calls may destroy the root.
class root {
public:
  /// The outermost task is suspended at its end; its result can be taken.
  virtual void completed() noexcept = 0;

  /// What would have resumed the chain is gone: destroy the chain.
  virtual void abandoned() noexcept = 0;

protected:
  root() = default;
  root(const root &) = delete;
  root &operator=(const root &) = delete;
  ~root() = default;
};

class driver;
class initiation_scope;

struct thread_state {
  event_loop *running_loop = nullptr;
  driver *current = nullptr;
  initiation_scope *initiating = nullptr;
  std::coroutine_handle<> parked = nullptr;
  unsigned transfers = 0;
};

inline constinit thread_local thread_state this_thread_state{};

/// The frame on the stack below which coroutines run. Drivers nest.
class driver {
public:
  driver() noexcept
      : outer_(std::exchange(this_thread_state.current, this)),
        transfers_(std::exchange(this_thread_state.transfers, 0)) {}

  driver(const driver &) = delete;
  driver &operator=(const driver &) = delete;

  ~driver() {
    this_thread_state.current = outer_;
    this_thread_state.transfers = transfers_;
  }

  /// Runs `coroutine`, and whatever it transfers to, until all of it is suspended.
  void resume(std::coroutine_handle<> coroutine) {
    if constexpr (CORAL_DETAIL_COUNT_TRANSFERS)
      this_thread_state.transfers = 0;
    coroutine.resume();
    if constexpr (CORAL_DETAIL_COUNT_TRANSFERS)
      while (auto next = std::exchange(this_thread_state.parked, nullptr)) {
        this_thread_state.transfers = 0;
        next.resume();
      }
  }

  /// Takes an exception that is to leave from this thread's innermost driver. Without a driver, or
  /// with one that already carries an exception, the program ends: nothing is swallowed.
  static void report(std::exception_ptr error) noexcept {
    driver *current = this_thread_state.current;
    if (!current || current->escaped_)
      std::rethrow_exception(std::move(error));
    current->escaped_ = std::move(error);
  }

  bool has_escaped() const noexcept { return escaped_ != nullptr; }
  std::exception_ptr take_escaped() noexcept { return std::exchange(escaped_, nullptr); }

private:
  driver *outer_;
  unsigned transfers_;
  std::exception_ptr escaped_;
};

/// Resumes `coroutine` from ordinary code. An exception that no coroutine handled leaves from here;
/// by then everything that ended because of it is destroyed.
inline void drive(std::coroutine_handle<> coroutine) {
  std::exception_ptr escaped;
  {
    driver scope;
    scope.resume(coroutine);
    escaped = scope.take_escaped();
  }
  if (escaped) [[unlikely]]
    std::rethrow_exception(std::move(escaped));
}

/// What an `await_suspend` returns to hand the processor to `next` without growing the stack.
inline std::coroutine_handle<> transfer(std::coroutine_handle<> next) noexcept {
  if constexpr (CORAL_DETAIL_COUNT_TRANSFERS) {
    constexpr unsigned limit = 64;
    thread_state &state = this_thread_state;
    if (++state.transfers >= limit && state.current && !state.parked) [[unlikely]] {
      state.parked = next;
      return std::noop_coroutine();
    }
  }
  return next;
}

} // namespace detail
} // namespace coral

#endif
