// coral::task<T>: Python's native coroutine, an `async def`.
//
// A task is lazy: calling the function runs nothing, `co_await` runs it to its end and gives its
// value or throws its exception. Awaiting transfers directly, without a trip through any loop, so
// a ready task costs about as much as a call. To run a task beside others, see `spawn`
// (coral/spawn.hpp) and `create_task` (coral/tasks.hpp).
//
// - Awaited at most once: `co_await f()`, or `co_await std::move(t)` for a named task. A second
//   await throws `runtime_error`, "cannot reuse already awaited coroutine", or "coroutine is being
//   awaited already" while the first one lasts.
// - Owned by its `task` object: destroying it destroys the coroutine wherever it is suspended,
//   with everything it awaits. A task that was never awaited runs nothing.
// - Resumes on whichever thread completes what it waits for.

#ifndef CORAL_TASK_HPP
#define CORAL_TASK_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/config.hpp>
#include <coral/detail/drive.hpp>
#include <coral/detail/task_origin.hpp>
#include <coral/errors.hpp>
#include <coral/frame_allocator.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace coral {

template <class T = void> class task;

namespace detail {

template <class...> inline constexpr bool dependent_false = false;

/// What a task knows while it is awaited, whatever its result.
class task_promise_base : public allocated_frame {
public:
  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      return transfer(static_cast<task_promise_base &>(finished.promise()).continuation_);
    }

    void await_resume() const noexcept {}
  };

  final_awaiter final_suspend() const noexcept { return {}; }

  template <class Value> std::suspend_never yield_value(Value &&) const noexcept {
    static_assert(dependent_false<Value>,
                  "co_yield in a coral::task: a coroutine that yields values returns a "
                  "coral::generator");
    return {};
  }

  /// The root of the chain this task is part of; null under a coroutine type of another library.
  root *chain_root() const noexcept { return root_; }

  /// The coroutine that awaits this one; null for the outermost of a chain.
  std::coroutine_handle<> continuation() const noexcept {
    return root_ && continuation_ == root_->end() ? nullptr : continuation_;
  }

  bool started() const noexcept { return continuation_ != nullptr; }

  /// Before the end. Under a coroutine type of another library nobody knows what runs: suspended.
  coroutine_state state() const noexcept {
    if (!started())
      return coroutine_state::created;
    return root_ && this_thread_state.running == root_ ? coroutine_state::running
                                                       : coroutine_state::suspended;
  }

  /// Makes this task the child of the coroutine that awaits it.
  template <class Promise> void begin(std::coroutine_handle<Promise> awaiting) noexcept {
    continuation_ = awaiting;
    if constexpr (std::derived_from<Promise, task_promise_base>)
      root_ = awaiting.promise().root_;
  }

  /// Makes this task the outermost one of `owner`.
  void begin(root &owner) noexcept {
    continuation_ = owner.end();
    root_ = &owner;
  }

protected:
  /// The coroutine that awaits this task, or the end of its chain.
  std::coroutine_handle<> continuation_;
  root *root_ = nullptr;
};

inline constexpr const char *raised_stop_iteration = "coroutine raised StopIteration";

[[noreturn]] CORAL_COLD inline void raise(const std::exception_ptr &error) {
  std::rethrow_exception(error);
}

/// Where a task leaves its value, or what it threw.
template <class Value> class task_outcome {
public:
  task_outcome() noexcept {}
  task_outcome(const task_outcome &) = delete;
  task_outcome &operator=(const task_outcome &) = delete;
  ~task_outcome() { clear(); }

  template <class... Args> void put(Args &&...args) {
    std::construct_at(&value_, std::forward<Args>(args)...);
    state_ = has_value;
  }

  void fail(std::exception_ptr error) noexcept {
    clear();
    std::construct_at(&error_, std::move(error));
    state_ = has_error;
  }

  bool failed() const noexcept { return state_ == has_error; }
  const std::exception_ptr &error() const noexcept { return error_; }
  Value &value() noexcept { return value_; }

private:
  void clear() noexcept {
    if (state_ == has_value)
      value_.~Value();
    else if (state_ == has_error)
      error_.~exception_ptr();
    state_ = empty;
  }

  union {
    Value value_;
    std::exception_ptr error_;
  };
  enum : unsigned char { empty, has_value, has_error } state_ = empty;
};

/// Nobody needs to know whether there is a value that has no destructor.
template <class Value>
  requires std::is_trivially_destructible_v<Value>
class task_outcome<Value> {
public:
  task_outcome() noexcept {}

  template <class... Args> void put(Args &&...args) {
    std::construct_at(&value_, std::forward<Args>(args)...);
  }

  void fail(std::exception_ptr error) noexcept { error_ = std::move(error); }
  bool failed() const noexcept { return error_ != nullptr; }
  const std::exception_ptr &error() const noexcept { return error_; }
  Value &value() noexcept { return value_; }

private:
  union {
    Value value_;
  };
  std::exception_ptr error_;
};

template <class T> class task_promise final : public task_promise_base {
  static_assert(std::is_object_v<T> || std::is_lvalue_reference_v<T>,
                "coral::task<T>: T is void, an object type or an lvalue reference");
  using stored =
      std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T> *, std::remove_cv_t<T>>;

public:
  CORAL_DETAIL_TRACKED task<T> get_return_object(CORAL_DETAIL_CREATED_HERE) noexcept;

  template <class U = T>
    requires std::constructible_from<T, U>
  void return_value(U &&value) noexcept(std::is_nothrow_constructible_v<T, U>) {
    if constexpr (std::is_reference_v<T>)
      outcome_.put(std::addressof(static_cast<T>(value)));
    else
      outcome_.put(std::forward<U>(value));
  }

  void unhandled_exception() noexcept { outcome_.fail(leaving_exception(raised_stop_iteration)); }

  T take_result() {
    if (outcome_.failed()) [[unlikely]]
      raise(outcome_.error());
    if constexpr (std::is_reference_v<T>)
      return static_cast<T>(*outcome_.value());
    else
      return std::move(outcome_.value());
  }

  std::exception_ptr error() const noexcept {
    return outcome_.failed() ? outcome_.error() : nullptr;
  }

private:
  task_outcome<stored> outcome_;
};

template <> class task_promise<void> final : public task_promise_base {
public:
  CORAL_DETAIL_TRACKED task<void> get_return_object(CORAL_DETAIL_CREATED_HERE) noexcept;

  void return_void() const noexcept {}

  void unhandled_exception() noexcept { error_ = leaving_exception(raised_stop_iteration); }

  void take_result() const {
    if (error_) [[unlikely]]
      raise(error_);
  }

  std::exception_ptr error() const noexcept { return error_; }

private:
  std::exception_ptr error_;
};

struct task_access;

/// For a task that was awaited before or moved from.
[[noreturn]] CORAL_COLD inline void refuse_await(std::coroutine_handle<> awaited) {
  throw runtime_error(awaited && !awaited.done() ? "coroutine is being awaited already"
                                                 : "cannot reuse already awaited coroutine");
}

template <class Promise>
CORAL_DETAIL_TRACKED inline void destroy_frame(std::coroutine_handle<Promise> coroutine) {
#if CORAL_TASK_ORIGINS
  if (task_origins::enabled()) [[unlikely]]
    task_origins::leave(coroutine.address());
#endif
  coroutine.destroy();
}

} // namespace detail

/// A coroutine that computes a `T`: an object, an lvalue reference, or void.
template <class T> class [[nodiscard]] CORAL_AWAIT_ELIDABLE task {
public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;

  task(task &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}

  task &operator=(task &&other) noexcept {
    task(std::move(other)).swap(*this);
    return *this;
  }

  CORAL_DETAIL_TRACKED ~task() {
    if (!coroutine_)
      return;
#if CORAL_TASK_ORIGINS
    if (detail::task_origins::enabled() && !coroutine_.promise().started()) [[unlikely]]
      detail::task_origins::report_never_awaited(coroutine_.address());
#endif
    detail::destroy_frame(coroutine_);
  }

  void swap(task &other) noexcept { std::swap(coroutine_, other.coroutine_); }

  /// Runs the task to its end. The value is moved out; an exception is rethrown.
  /// Throws `runtime_error` when the task was awaited before or moved from.
  auto operator co_await() && noexcept { return awaiter{coroutine_}; }

  /// A named task is given up to be awaited: `co_await std::move(t)`.
  auto operator co_await() & = delete;

  /// Python's `inspect.getcoroutinestate`. A task is running while anything that it awaits runs,
  /// and a task that was moved from is closed. To be called on the thread that runs the task.
  coroutine_state state() const noexcept {
    if (!coroutine_ || coroutine_.done())
      return coroutine_state::closed;
    return coroutine_.promise().state();
  }

private:
  using handle = std::coroutine_handle<promise_type>;

  struct awaiter {
    handle awaited;

    bool await_ready() const {
      if (!awaited || awaited.promise().started()) [[unlikely]]
        detail::refuse_await(awaited);
      return false;
    }

    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) const noexcept {
      awaited.promise().begin(awaiting);
      return detail::transfer(awaited);
    }

    T await_resume() const { return awaited.promise().take_result(); }
  };

  explicit task(handle coroutine) noexcept : coroutine_(coroutine) {}

  friend promise_type;
  friend detail::task_access;

  handle coroutine_;
};

namespace detail {

template <class T>
inline task<T> task_promise<T>::get_return_object(CORAL_DETAIL_CREATED_AT) noexcept {
  const auto coroutine = std::coroutine_handle<task_promise>::from_promise(*this);
#if CORAL_TASK_ORIGINS
  if (task_origins::enabled()) [[unlikely]]
    task_origins::enter(coroutine.address(), {where, __builtin_return_address(0), this});
#endif
  return task<T>(coroutine);
}

inline task<void> task_promise<void>::get_return_object(CORAL_DETAIL_CREATED_AT) noexcept {
  const auto coroutine = std::coroutine_handle<task_promise>::from_promise(*this);
#if CORAL_TASK_ORIGINS
  if (task_origins::enabled()) [[unlikely]]
    task_origins::enter(coroutine.address(), {where, __builtin_return_address(0), this});
#endif
  return task<void>(coroutine);
}

/// What the owners of outermost tasks may do with them.
struct task_access {
  template <class T> static std::coroutine_handle<task_promise<T>> handle(const task<T> &t) {
    return t.coroutine_;
  }

  /// Throws `runtime_error` unless the task can be awaited.
  template <class T> static void require_unused(const task<T> &t) {
    if (!t.coroutine_ || t.coroutine_.promise().started()) [[unlikely]]
      refuse_await(t.coroutine_);
  }

  /// Takes the coroutine out of a task that was not awaited. Throws as awaiting does.
  template <class T> static std::coroutine_handle<task_promise<T>> release(task<T> &t) {
    require_unused(t);
    return std::exchange(t.coroutine_, nullptr);
  }

  /// Python's `coroutine.close`: destroys the coroutine, which may never have been awaited.
  template <class T> static void close(task<T> &t) {
    if (const auto coroutine = std::exchange(t.coroutine_, nullptr))
      destroy_frame(coroutine);
  }

  /// Hangs the task from `owner`; drive the result. Throws as awaiting does.
  template <class T> static std::coroutine_handle<> begin(const task<T> &t, root &owner) {
    require_unused(t);
    t.coroutine_.promise().begin(owner);
    return t.coroutine_;
  }
};

} // namespace detail
} // namespace coral

#endif
