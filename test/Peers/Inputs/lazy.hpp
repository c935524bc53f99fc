// A lazy task with the attributes that clang's own analysis asks for, and
// something to wait for.
#pragma once
#include <coroutine>
#include <exception>
#include <utility>

template <class T = void>
class [[nodiscard, clang::coro_return_type, clang::coro_lifetimebound]] lazy {
public:
  struct promise_type {
    lazy get_return_object() {
      return lazy(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(T result) { value = result; }
    std::suspend_always yield_value(T) noexcept { return {}; }
    void unhandled_exception() { error = std::current_exception(); }
    T value;
    std::exception_ptr error;
  };
  explicit lazy(std::coroutine_handle<promise_type> h) : handle_(h) {}
  lazy(lazy &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~lazy() {
    if (handle_)
      handle_.destroy();
  }
  bool await_ready() const noexcept { return handle_.done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept { return handle_; }
  T await_resume() { return handle_.promise().value; }

private:
  std::coroutine_handle<promise_type> handle_;
};

struct event {
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() const noexcept;
};

void use(int);
