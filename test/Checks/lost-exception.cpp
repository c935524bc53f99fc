// coral-lost-exception
//
// RUN: %exits 1 %coral lint --checks=coral-lost-exception %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 0 %coral lint --checks=coral-lost-exception %S/over-aligned-frame.cpp -- -std=c++20 -I%S/../Inputs -fno-exceptions | count 0
#include "asio_like.hpp"
#include <coroutine>
#include <exception>

struct base {
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void() {}
};
struct silent {
  struct promise_type : base {
    silent get_return_object() { return {}; }
    void unhandled_exception() {}
    // CHECK: :[[@LINE-1]]:10: warning: this drops every exception that leaves the coroutine, and whoever awaits it goes on as if there were a result; keep 'std::current_exception()' and throw it on in 'await_resume', or call 'std::terminate' [coral-lost-exception]
  };
};
struct keeper {
  struct promise_type : base {
    std::exception_ptr kept;
    keeper get_return_object() { return {}; }
    void unhandled_exception() { kept = std::current_exception(); }
    // CHECK: :[[@LINE-1]]:10: warning: the exception is kept in 'kept', which nothing reads, so whoever awaits the coroutine goes on as if there were a result; throw it on in 'await_resume'
    // CHECK: :[[@LINE-4]]:24: note: declared here
  };
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

asio::awaitable<> serve(asio::steady_timer &timer) { co_await timer.async_wait(); }
asio::awaitable<> declared();
void start(asio::io_context &context, asio::steady_timer &timer) {
  asio::co_spawn(context, serve(timer), asio::detached);
  // CHECK: :[[@LINE-1]]:3: warning: an exception that leaves this task goes nowhere, because it is detached; pass a handler that takes the 'std::exception_ptr', or catch in the coroutine
  // CHECK: :[[@LINE-5]]:19: note: the coroutine is here
  asio::co_spawn(
      // CHECK: :[[@LINE-1]]:3: warning: an exception that leaves this task goes nowhere
      context, [&]() -> asio::awaitable<> { co_await timer.async_wait(); }, asio::detached);
}

// Nothing below is reported.

struct terminating {
  struct promise_type : base {
    terminating get_return_object() { return {}; }
    void unhandled_exception() { std::terminate(); }
  };
};
struct rethrowing {
  struct promise_type : base {
    rethrowing get_return_object() { return {}; }
    void unhandled_exception() { throw; }
  };
};
struct taking {
  struct promise_type : base {
    std::exception_ptr error;
    taking get_return_object() { return {}; }
    void unhandled_exception() { error = std::current_exception(); }
    void check() {
      if (error)
        std::rethrow_exception(error);
    }
  };
};
struct elsewhere {
  struct promise_type : base {
    std::exception_ptr failure;
    elsewhere get_return_object() { return {}; }
    void unhandled_exception() { failure = std::current_exception(); }
  };
  void get();
};
struct no_promise {
  void unhandled_exception() {}
};

void on_done(std::exception_ptr error);
asio::awaitable<> careful(asio::steady_timer &timer) {
  try {
    co_await timer.async_wait();
  } catch (const std::exception &) {
  }
}
asio::awaitable<> cannot_fail() { co_return; }
void start_right(asio::io_context &context, asio::steady_timer &timer) {
  asio::co_spawn(context, careful(timer), asio::detached);
  asio::co_spawn(context, serve(timer), on_done);
  asio::co_spawn(context, declared(), asio::detached);
  asio::co_spawn(context, cannot_fail(), asio::detached);
}
