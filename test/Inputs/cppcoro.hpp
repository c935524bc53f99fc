// A lazy task in the manner of cppcoro: nodiscard-free, awaited once.
#pragma once
#include <coroutine>
#include <exception>
#include <utility>

namespace cppcoro {

template <class T> class task;

namespace detail {
struct promise_base {
  struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) const noexcept {
      return h.promise().continuation;
    }
    void await_resume() const noexcept {}
  };
  auto initial_suspend() noexcept { return std::suspend_always{}; }
  auto final_suspend() noexcept { return final_awaiter{}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  std::coroutine_handle<> continuation;
  std::exception_ptr error;
};
template <class T> struct promise : promise_base {
  task<T> get_return_object() noexcept;
  template <class U> void return_value(U &&v) { value = std::forward<U>(v); }
  T &&result() { return std::move(value); }
  T value;
};
template <> struct promise<void> : promise_base {
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void result() {}
};
} // namespace detail

template <class T = void> class task {
public:
  using promise_type = detail::promise<T>;
  task() noexcept = default;
  explicit task(std::coroutine_handle<promise_type> h) : handle_(h) {}
  task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task &operator=(task &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (handle_)
      handle_.destroy();
  }
  bool is_ready() const noexcept { return !handle_ || handle_.done(); }
  auto operator co_await() const & noexcept { return awaiter{handle_}; }
  auto operator co_await() const && noexcept { return awaiter{handle_}; }
  auto when_ready() const noexcept { return awaiter{handle_}; }

private:
  struct awaiter {
    std::coroutine_handle<promise_type> handle;
    bool await_ready() const noexcept { return !handle || handle.done(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept {
      handle.promise().continuation = h;
      return handle;
    }
    decltype(auto) await_resume() { return handle.promise().result(); }
  };
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {
template <class T> task<T> promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}
} // namespace detail

template <class T> T sync_wait(task<T> &&t);
template <class T> T sync_wait(task<T> &t);
template <class... T> task<void> when_all(task<T> &&...tasks);

struct async_scope {
  async_scope() noexcept;
  async_scope(const async_scope &) = delete;
  template <class T> void spawn(task<T> t);
};

/// What lock() gives has to be awaited, and the result kept.
class async_mutex {
public:
  class [[nodiscard]] guard {
  public:
    explicit guard(async_mutex &m) : mutex_(&m) {}
    guard(guard &&other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    ~guard() {
      if (mutex_)
        mutex_->unlock();
    }

  private:
    async_mutex *mutex_;
  };
  class lock_operation {
  public:
    explicit lock_operation(async_mutex &m) : mutex_(m) {}
    bool await_ready() const noexcept;
    bool await_suspend(std::coroutine_handle<> h) noexcept;
    guard await_resume() const noexcept { return guard{mutex_}; }

  private:
    async_mutex &mutex_;
  };
  lock_operation scoped_lock_async() noexcept { return lock_operation{*this}; }
  void unlock();
};

} // namespace cppcoro
