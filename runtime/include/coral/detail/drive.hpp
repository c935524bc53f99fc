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
#include <coral/detail/context_map.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

namespace coral {

class event_loop;

namespace detail {

class ready_entry;
class scheduled_base;

/// What became of a request to cancel a suspension.
enum class cancel_outcome {
  /// It cannot end early.
  refused,
  /// The coroutine will be resumed, and calls `root::resumed`, which throws.
  accepted,
  /// What is awaited has been cancelled, and will say so itself when it ends.
  passed_on,
};

/// Where a chain is suspended, as `cancel` sees it. `reason` holds a `cancelled_error`. Nothing is
/// resumed from within the call.
class cancellable {
public:
  virtual cancel_outcome request_cancel(const std::exception_ptr &reason) noexcept = 0;

  /// The coroutine that is suspended, if that is known; for debug mode.
  virtual std::coroutine_handle<> suspended() const noexcept { return nullptr; }

protected:
  ~cancellable() = default;
};

/// What the outermost task of a chain continues in, so that a task need not ask whether it is that:
/// a frame made by hand, as the library's own `noop_coroutine` has one. All compilers lay frames
/// out with the functions that resume and destroy them in front.
class chain_end {
public:
  chain_end(const chain_end &) = delete;
  chain_end &operator=(const chain_end &) = delete;

  std::coroutine_handle<> handle() noexcept { return std::coroutine_handle<>::from_address(this); }

protected:
  using function = void CORAL_DETAIL_RESUME_CALL(chain_end *) noexcept;

  explicit chain_end(function *reached) noexcept : resume_(reached) {}
  ~chain_end() = default;

private:
  // The compiler reads these through the address of the frame only.
  [[maybe_unused]] function *resume_;
  /// Nobody destroys a continuation.
  [[maybe_unused]] function *destroy_ = nullptr;
};

/// The owner of a chain of tasks.
///
/// An awaiter that waits for anything but another task of the chain finds its root by
/// `detail::root_of(awaiting)` and tells it: `suspend_at` when it can be asked to end early, and
/// when the chain runs again `resumed`, which throws `cancelled_error` if that was requested
/// meanwhile. These are asyncio's `Task._fut_waiter` and `Task.__step`.
class root : private chain_end {
public:
  /// Where the chain goes when its outermost task has ended: it calls `completed`.
  std::coroutine_handle<> end() noexcept { return handle(); }

  /// The outermost task is suspended at its end; its result can be taken. May destroy the root.
  virtual void completed() noexcept = 0;

  /// What would have resumed the chain is gone: destroy the chain. May destroy the root.
  virtual void abandoned() noexcept = 0;

  /// Runs `entry` in the next batch of the chain's loop. Only called for roots that can be
  /// cancelled.
  virtual void run_soon(ready_entry &) noexcept {}

  /// The context of the chain.
  virtual context_slot &context() noexcept { return own_context_; }

  /// The scheduled task that this is; or null.
  virtual scheduled_base *scheduled() noexcept { return nullptr; }

  /// True when a suspension of this chain may be asked to end early.
  bool can_be_cancelled() const noexcept { return cancellable_; }

  /// The chain is suspended at `at`, which can be asked to end early, at once if a request has been
  /// waiting for this.
  void suspend_at(cancellable &at) noexcept {
    innermost_ = &at;
    if (request_ != cancel_request::none) [[unlikely]]
      deliver_request();
  }

  /// The chain runs again. Throws `cancelled_error` if it was cancelled meanwhile.
  void resumed() {
    innermost_ = nullptr;
    if (request_ != cancel_request::none) [[unlikely]]
      throw_request();
  }

  /// The same for an awaiter that throws nothing, or something else: gives the `cancelled_error`
  /// that is then not thrown, or null.
  std::exception_ptr resumed_quietly() noexcept {
    innermost_ = nullptr;
    if (request_ != cancel_request::none) [[unlikely]]
      return take_request();
    return nullptr;
  }

  /// The chain runs again. A request stays until it is suspended once more.
  void resumed_with_request() noexcept {
    innermost_ = nullptr;
    if (request_ == cancel_request::delivering) [[unlikely]]
      request_ = cancel_request::remembered;
  }

  /// Where the chain is suspended, if it can be asked to end early there; or null.
  const cancellable *innermost() const noexcept { return innermost_; }

  bool cancel_requested() const noexcept { return request_ != cancel_request::none; }

protected:
  enum class cancel_request : std::uint8_t {
    none,
    /// Waits for a suspension that takes it; `uncancel` takes it back.
    remembered,
    /// Taken by a suspension that will throw it.
    delivering,
  };

  /// Copies the current context.
  explicit root(bool cancellable) noexcept;
  root(const root &) = delete;
  root &operator=(const root &) = delete;
  ~root() = default;

  virtual void deliver_request() noexcept {}

  /// The reason of the request, which is none from now on.
  virtual std::exception_ptr take_request() noexcept { return nullptr; }

  cancellable *innermost_ = nullptr;
  cancel_request request_ = cancel_request::none;

private:
  static void CORAL_DETAIL_RESUME_CALL reached(chain_end *end) noexcept {
    static_cast<root *>(end)->completed();
  }

  CORAL_COLD void throw_request() { std::rethrow_exception(take_request()); }

  bool cancellable_;
  context_slot own_context_;
};

/// The root of the chain that a coroutine is part of; null under a coroutine type of another
/// library.
template <class Promise> root *root_of(std::coroutine_handle<Promise> coroutine) noexcept {
  if constexpr (requires { static_cast<root *>(coroutine.promise().chain_root()); })
    return coroutine.promise().chain_root();
  else
    return nullptr;
}

class driver;
class initiation_scope;
class cancellation_scope;

struct thread_state {
  event_loop *running_loop = nullptr;
  driver *current = nullptr;
  /// The root of the chain that runs.
  root *running = nullptr;
  /// The context that a callback or a `context::run` has made current, before the chain's.
  context_slot *context = nullptr;
  initiation_scope *initiating = nullptr;
  cancellation_scope *cancelling = nullptr;
  std::coroutine_handle<> parked = nullptr;
  /// Where the stack has grown so far below the innermost driver that transfers go back to it.
  const std::byte *transfer_floor = nullptr;
};

inline constinit thread_local thread_state this_thread_state{};

/// The context of code that runs in no chain and no callback.
inline context_slot &thread_context() noexcept {
  static thread_local context_slot slot;
  return slot;
}

inline context_slot &current_context() noexcept {
  if (this_thread_state.context)
    return *this_thread_state.context;
  return this_thread_state.running ? this_thread_state.running->context() : thread_context();
}

inline root::root(bool cancellable) noexcept
    : chain_end(reached), cancellable_(cancellable), own_context_(current_context()) {}

/// Makes `slot` the current context for as long as this lives.
class context_scope {
public:
  explicit context_scope(context_slot &slot) noexcept
      : outer_(std::exchange(this_thread_state.context, &slot)) {}
  context_scope(const context_scope &) = delete;
  context_scope &operator=(const context_scope &) = delete;
  ~context_scope() { this_thread_state.context = outer_; }

private:
  context_slot *outer_;
};

[[gnu::always_inline]] inline const std::byte *stack_here() noexcept {
  return static_cast<const std::byte *>(__builtin_frame_address(0));
}

/// How much of the stack transfers may take that are no tail calls: little beside any thread's
/// stack, and much beside what it costs to come back to the driver.
inline constexpr std::ptrdiff_t transfer_space = 32 * 1024;

/// The frame on the stack below which coroutines run. Drivers nest.
class driver {
public:
  driver() noexcept
      : outer_(std::exchange(this_thread_state.current, this)),
        running_(std::exchange(this_thread_state.running, nullptr)),
        context_(std::exchange(this_thread_state.context, nullptr)),
        transfer_floor_(
            std::exchange(this_thread_state.transfer_floor, stack_here() - transfer_space)) {}

  driver(const driver &) = delete;
  driver &operator=(const driver &) = delete;

  ~driver() {
    this_thread_state.current = outer_;
    this_thread_state.running = running_;
    this_thread_state.context = context_;
    this_thread_state.transfer_floor = transfer_floor_;
  }

  /// Runs `coroutine` of the chain of `owner`, and whatever it transfers to, until all of it is
  /// suspended.
  void resume(std::coroutine_handle<> coroutine, root *owner) {
    this_thread_state.running = owner;
    coroutine.resume();
    if constexpr (CORAL_DETAIL_BOUND_TRANSFERS)
      while (this_thread_state.parked) [[unlikely]]
        std::exchange(this_thread_state.parked, nullptr).resume();
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
  root *running_;
  context_slot *context_;
  const std::byte *transfer_floor_;
  std::exception_ptr escaped_;
};

/// Resumes `coroutine` of the chain of `owner` from ordinary code. An exception that no coroutine
/// handled leaves from here; by then everything that ended because of it is destroyed.
inline void drive(std::coroutine_handle<> coroutine, root *owner) {
  std::exception_ptr escaped;
  {
    driver scope;
    scope.resume(coroutine, owner);
    escaped = scope.take_escaped();
  }
  if (escaped) [[unlikely]]
    std::rethrow_exception(std::move(escaped));
}

/// Leaves `next` to the driver, which runs it when the stack has been unwound.
CORAL_COLD inline std::coroutine_handle<> park(std::coroutine_handle<> next) noexcept {
  if (this_thread_state.parked)
    return next;
  this_thread_state.parked = next;
  return std::noop_coroutine();
}

/// What an `await_suspend` returns to hand the processor to `next` without growing the stack.
inline std::coroutine_handle<> transfer(std::coroutine_handle<> next) noexcept {
  if constexpr (CORAL_DETAIL_BOUND_TRANSFERS)
    if (stack_here() < this_thread_state.transfer_floor) [[unlikely]]
      return park(next);
  return next;
}

} // namespace detail
} // namespace coral

#endif
