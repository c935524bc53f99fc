// An eager future in the manner of Seastar: its promise is named by
// std::coroutine_traits, what it calls promise_type itself is none of a
// coroutine, and a semaphore hands out units through it.
#pragma once
#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace seastar {

template <class T = void> class promise;

template <class T = void> class [[nodiscard]] future {
public:
  using promise_type = promise<T>;
  future(future &&) noexcept;
  future &operator=(future &&) noexcept;
  ~future();
  bool available() const noexcept;
  bool failed() const noexcept;
  T get();
  void ignore_ready_future() noexcept;
  template <class F> future<void> then(F &&f);
  template <class F> future<T> handle_exception(F &&f);
  template <class F> future<T> finally(F &&f);

private:
  void *state_;
};

template <class T> class promise {
public:
  future<T> get_future() noexcept;
  void set_exception(std::exception_ptr e) noexcept;
};

template <class T> future<T> make_ready_future(T value);
future<> make_ready_future();
template <class T> template <class F> future<void> future<T>::then(F &&) { return make_ready_future(); }
template <class T> template <class F> future<T> future<T>::handle_exception(F &&) { return std::move(*this); }
template <class T> template <class F> future<T> future<T>::finally(F &&) { return std::move(*this); }
template <class... F> future<> when_all(F &&...futures);

namespace internal {
template <class T> struct awaiter {
  future<T> f;
  bool await_ready() const noexcept { return f.available(); }
  void await_suspend(std::coroutine_handle<> h) noexcept;
  T await_resume();
};
template <class T> struct promise_result {
  void return_value(T value);
};
template <> struct promise_result<void> {
  void return_void() noexcept;
};
} // namespace internal

template <class T> auto operator co_await(future<T> f) noexcept {
  return internal::awaiter<T>{std::move(f)};
}

class semaphore;
class semaphore_units {
public:
  semaphore_units(semaphore &s, size_t n) : semaphore_(&s), n_(n) {}
  semaphore_units(semaphore_units &&other) noexcept
      : semaphore_(other.semaphore_), n_(std::exchange(other.n_, 0)) {}
  ~semaphore_units() { return_all(); }
  void return_all() noexcept;

private:
  semaphore *semaphore_;
  size_t n_;
};
class semaphore {
public:
  future<> wait(size_t n);
  void signal(size_t n);
};
inline void semaphore_units::return_all() noexcept {
  if (n_)
    semaphore_->signal(n_);
}
future<semaphore_units> get_units(semaphore &s, size_t n);

} // namespace seastar

template <class T, class... Args> struct std::coroutine_traits<seastar::future<T>, Args...> {
  struct promise_type : seastar::internal::promise_result<T> {
    seastar::future<T> get_return_object() noexcept;
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept;
  };
};
