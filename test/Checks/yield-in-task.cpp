// coral-yield-in-task: in code that compiles.
//
// RUN: %exits 1 %coral lint --checks=coral-yield-in-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <vector>

using cppcoro::task;
task<int> fetch();

/// A generator whose author did not think of co_await.
struct naive {
  struct promise_type {
    int current;
    naive get_return_object() { return {}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int value) {
      current = value;
      return {};
    }
    void return_void() {}
    void unhandled_exception() {}
  };
  int *begin();
  int *end();
};

naive awaits() {
  int n = co_await fetch();
  // CHECK: :[[@LINE-1]]:11: warning: 'co_await' in a generator, which whoever iterates it would resume before the result is there; make it an asynchronous generator [coral-yield-in-task]
  co_yield n;
}

kinds::generator<task<int>> steps();
task<> ignores() {
  for (auto &&step : steps()) {
    // CHECK: :[[@LINE-1]]:22: warning: this loop iterates a generator that yields tasks and awaits none of them, so its body never runs; await each of them, or run the generator as the coroutine that it is
  }
  co_return;
}

// Nothing below is reported.

naive ready() {
  co_await std::suspend_never();
  co_yield 1;
}
/// Yields its result to whoever waits, as the tasks behind when_all do.
struct collected {
  struct promise_type {
    collected get_return_object() { return {}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int) noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  int result();
};
collected collects() { co_yield co_await fetch(); }
struct position {
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<naive::promise_type>) { return false; }
  int await_resume() { return 1; }
};
naive asks_its_promise() { co_yield co_await position(); }
task<int> uses(std::vector<task<int>> &kept) {
  for (auto &&step : steps())
    co_await step;
  for (auto &&step : steps())
    kept.push_back(std::move(step));
  int sum = 0;
  for (int n : awaits())
    sum += n;
  co_return sum;
}
