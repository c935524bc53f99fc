// coral-promise-contract
//
// RUN: %exits 1 %coral lint --checks=coral-promise-contract %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <coroutine>
#include <exception>
#include <utility>

template <class Object> struct promise_of {
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
  void unhandled_exception() { std::terminate(); }
  Object get_return_object();
};

class twice {
public:
  struct promise_type : promise_of<twice> {
    std::suspend_never final_suspend() noexcept { return {}; }
    // CHECK: :[[@LINE-1]]:24: warning: the frame destroys itself, because 'final_suspend' does not suspend, and 'twice' destroys it again; suspend in 'final_suspend' [coral-promise-contract]
    // CHECK: :[[@LINE+3]]:3: note: destroyed a second time here
  };
  twice(twice &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~twice() {
    if (handle_)
      handle_.destroy();
  }

private:
  std::coroutine_handle<promise_type> handle_;
};
twice make_twice() { co_return; }

class copied {
  // CHECK: :[[@LINE-1]]:7: warning: a copy of 'copied' has the same handle, and both destroy the frame; delete the copy operations
public:
  struct promise_type : promise_of<copied> {};
  ~copied() { handle_.destroy(); }

private:
  std::coroutine_handle<promise_type> handle_;
};
copied make_copied() { co_return; }

class defaulted {
public:
  struct promise_type : promise_of<defaulted> {};
  defaulted(defaulted &&) = default;
  // CHECK: :[[@LINE-1]]:3: warning: a defaulted move leaves the handle in what is moved from, and both destroy the frame; 'std::exchange' it
  defaulted &operator=(defaulted &&) = default;
  // CHECK: :[[@LINE-1]]:14: warning: a defaulted move assignment forgets the frame that the task has, and leaves the other handle behind; destroy the one and 'std::exchange' the other
  ~defaulted() { handle_.destroy(); }

private:
  std::coroutine_handle<promise_type> handle_;
};
defaulted make_defaulted() { co_return; }

class forgetful {
public:
  struct promise_type : promise_of<forgetful> {};
  forgetful(forgetful &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  forgetful &operator=(forgetful &&other) noexcept {
    // CHECK: :[[@LINE-1]]:14: warning: the move assignment forgets the frame that the task has, which nobody destroys then; destroy it first, or swap
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  ~forgetful() {
    if (handle_)
      handle_.destroy();
  }

private:
  std::coroutine_handle<promise_type> handle_;
};
forgetful make_forgetful() { co_return; }

class leaking {
  // CHECK: :[[@LINE-1]]:7: warning: the frame of a coroutine that returns 'leaking' is never destroyed: it suspends at its end, and nobody calls 'destroy'; do so in the destructor
public:
  struct promise_type : promise_of<leaking> {};
  explicit leaking(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  bool done() const { return handle_.done(); }

private:
  std::coroutine_handle<promise_type> handle_;
};
leaking make_leaking() { co_return; }

class recursive {
  // CHECK: :[[@LINE-1]]:7: warning: 'recursive' may be dropped without a warning, and then its body never runs; make it '{{\[\[nodiscard\]\]}}'
public:
  struct promise_type : promise_of<recursive> {
    std::coroutine_handle<> continuation;
    struct final_awaiter {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        h.promise().continuation.resume();
        // CHECK: :[[@LINE-1]]:34: warning: the continuation is resumed on top of the coroutine that ends, so a long chain of them overflows the stack; return its handle from 'await_suspend'
      }
      void await_resume() noexcept {}
    };
    final_awaiter final_suspend() noexcept { return {}; }
  };
  recursive(recursive &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~recursive() {
    if (handle_)
      handle_.destroy();
  }
  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) {
    handle_.promise().continuation = h;
    return handle_;
  }
  void await_resume() {}

private:
  std::coroutine_handle<promise_type> handle_;
};
recursive make_recursive() { co_return; }

class [[clang::coro_await_elidable]] elided {
  // CHECK: :[[@LINE-1]]:38: warning: the frame of an elided coroutine lies in that of its caller and must not destroy itself, but 'final_suspend' does not suspend; suspend there, or drop 'coro_await_elidable'
public:
  struct promise_type : promise_of<elided> {
    std::suspend_never final_suspend() noexcept { return {}; }
  };
};
elided make_elided() { co_return; }

// Nothing below is reported.

class [[nodiscard]] right {
public:
  struct promise_type : promise_of<right> {};
  right(right &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  right &operator=(right &&other) noexcept {
    if (handle_)
      handle_.destroy();
    handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  ~right() {
    if (handle_)
      handle_.destroy();
  }
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}

private:
  std::coroutine_handle<promise_type> handle_;
};
right make_right() { co_return; }
class swaps {
public:
  struct promise_type : promise_of<swaps> {};
  swaps(swaps &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  swaps &operator=(swaps other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~swaps() {
    if (handle_)
      handle_.destroy();
  }

private:
  std::coroutine_handle<promise_type> handle_;
};
swaps make_swaps() { co_return; }
class [[nodiscard]] shared {
public:
  struct promise_type : promise_of<shared> {
    struct waiter {
      std::coroutine_handle<> handle;
      waiter *next;
    };
    waiter *first;
    struct final_awaiter {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> h) noexcept {
        for (waiter *each = h.promise().first; each; each = each->next)
          each->handle.resume();
      }
      void await_resume() noexcept {}
    };
    final_awaiter final_suspend() noexcept { return {}; }
  };
  shared(shared &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~shared() {
    if (handle_)
      handle_.destroy();
  }

private:
  std::coroutine_handle<promise_type> handle_;
};
shared make_shared() { co_return; }
class handed_out {
public:
  struct promise_type : promise_of<handed_out> {};
  std::coroutine_handle<promise_type> release() { return std::exchange(handle_, nullptr); }

private:
  std::coroutine_handle<promise_type> handle_;
};
handed_out make_handed_out() { co_return; }
kinds::detached make_detached() { co_return; }
kinds::generator<int> make_values() { co_yield 1; }
kinds::result<int> make_result() { co_return 1; }
