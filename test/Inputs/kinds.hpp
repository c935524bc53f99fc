// Coroutine types of every other kind: generators, a detached one, one whose
// destructor joins, one that never suspends.
#pragma once
#include <coroutine>
#include <exception>
#include <iterator>
#include <utility>

namespace kinds {

/// A generator that is iterated.
template <class T> class generator {
public:
  struct promise_type {
    T *current;
    generator get_return_object() {
      return generator{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T &value) noexcept {
      current = &value;
      return {};
    }
    std::suspend_always yield_value(T &&value) noexcept {
      current = &value;
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() { throw; }
    void await_transform() = delete;
  };
  struct iterator {
    std::coroutine_handle<promise_type> handle;
    iterator &operator++() {
      handle.resume();
      return *this;
    }
    T &operator*() const { return *handle.promise().current; }
    bool operator==(std::default_sentinel_t) const { return handle.done(); }
  };
  explicit generator(std::coroutine_handle<promise_type> h) : handle_(h) {}
  generator &operator=(generator &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  generator(generator &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~generator() {
    if (handle_)
      handle_.destroy();
  }
  iterator begin() {
    handle_.resume();
    return {handle_};
  }
  std::default_sentinel_t end() { return {}; }

private:
  std::coroutine_handle<promise_type> handle_;
};

/// Runs on by itself.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// Eager; may be awaited; runs on by itself when nobody does.
struct job {
  struct promise_type {
    job get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  void *state = nullptr;
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() noexcept;
};

/// Eager; its destructor waits for it.
struct joining {
  struct promise_type {
    joining get_return_object() noexcept;
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
  joining(joining &&) noexcept;
  ~joining() { wait(); }
  void wait();
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() noexcept;
  void *state;
};

/// Eager; ends with the object that stands for it.
template <class T = void> class owned;
template <class T> struct owned_result {
  void return_value(T value);
};
template <> struct owned_result<void> {
  void return_void() noexcept {}
};
template <class T> class [[nodiscard]] owned {
public:
  struct promise_type : owned_result<T> {
    owned get_return_object() noexcept;
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { std::terminate(); }
  };
  owned(owned &&) noexcept;
  ~owned() {
    if (handle_)
      handle_.destroy();
  }
  bool await_ready() const noexcept { return handle_.done(); }
  void await_suspend(std::coroutine_handle<>) noexcept;
  T await_resume();

private:
  std::coroutine_handle<promise_type> handle_;
};

/// Eager; counted, and the running coroutine counts, too.
class counted {
public:
  struct promise_type {
    int references = 2;
    counted get_return_object() noexcept;
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept {
      release();
      return {};
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
    void release() noexcept {
      if (--references == 0)
        destroy();
    }
    void destroy() { std::coroutine_handle<promise_type>::from_promise(*this).destroy(); }
  };
  counted(counted &&) noexcept;
  ~counted() {
    if (handle_)
      handle_.promise().release();
  }
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() noexcept;

private:
  std::coroutine_handle<promise_type> handle_;
};

/// A value or an error; awaiting it goes on or leaves, and never waits.
template <class T> struct result {
  struct promise_type {
    result *object = nullptr;
    result get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(T value) noexcept { object->value = value; }
    void unhandled_exception() noexcept { std::terminate(); }
  };
  T value;
  bool ok = true;
  struct awaiter {
    const result &r;
    bool await_ready() const noexcept { return r.ok; }
    void await_suspend(std::coroutine_handle<promise_type> h) noexcept { h.destroy(); }
    T await_resume() const noexcept { return r.value; }
  };
  awaiter operator co_await() const noexcept { return {*this}; }
};

/// An operation that begins when it is awaited.
struct sleep_operation {
  int milliseconds;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() const noexcept {}
};
sleep_operation sleep_for(int milliseconds);

} // namespace kinds
