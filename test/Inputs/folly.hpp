// A lazy task in the manner of folly::coro: no operator co_await; the promise
// of whoever awaits it asks it for an awaiter by name.
#pragma once
#include <coroutine>
#include <exception>
#include <utility>

namespace folly {

class Executor;

namespace coro {

template <class T> class TaskPromise;

namespace adl {
void co_viaIfAsync();
struct ViaIfAsync {
  template <class A> decltype(auto) operator()(Executor *executor, A &&awaitable) const {
    return co_viaIfAsync(executor, std::forward<A>(awaitable));
  }
};
} // namespace adl
inline namespace customization {
inline constexpr adl::ViaIfAsync co_viaIfAsync{};
}

template <class T = void> class Task {
public:
  using promise_type = TaskPromise<T>;
  Task(Task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task &operator=(Task &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_)
      handle_.destroy();
  }

private:
  friend TaskPromise<T>;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  struct Awaiter {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> continuation) noexcept;
    T await_resume();
  };
  friend Task co_withExecutor(Executor *, Task task) noexcept { return task; }
  friend Awaiter co_viaIfAsync(Executor *, Task task) noexcept {
    return Awaiter{std::exchange(task.handle_, nullptr)};
  }

  std::coroutine_handle<promise_type> handle_;
};

template <class Tail = void> struct BasePromise {
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) noexcept {
      return h.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  template <class A> decltype(auto) await_transform(A &&awaitable) {
    return co_viaIfAsync(executor, co_withExecutor(executor, std::forward<A>(awaitable)));
  }
  Executor *executor;
  std::coroutine_handle<> continuation;
  std::exception_ptr error;
};
struct TaskPromiseBase : BasePromise<> {};
template <class T> class TaskPromise : public TaskPromiseBase {
public:
  struct SafePoint {};
  using BasePromise<>::await_transform;
  std::suspend_never await_transform(SafePoint) noexcept;
  Task<T> get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
  }
  void return_value(T value) { value_ = std::move(value); }

private:
  T value_;
};
template <> class TaskPromise<void> : public TaskPromiseBase {
public:
  inline Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
};
Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

} // namespace coro
} // namespace folly
