// coral-missing-co-return
//
// RUN: %exits 1 %coral lint --checks=coral-missing-co-return %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <cstdlib>
#include <stdexcept>

using cppcoro::task;
task<int> fetch();
bool flag();
[[noreturn]] void fail();

task<int> never() {
  co_await fetch();
  // CHECK: :[[@LINE+1]]:1: warning: control can get here, the end of a coroutine that has to give a value, which is undefined; 'co_return' one on every path [coral-missing-co-return]
}
task<int> on_one_path(bool b) {
  if (b)
    co_return 1;
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
task<int> in_switch(int n) {
  switch (n) {
  case 1:
    co_return 1;
  }
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
task<int> after_handler() {
  try {
    co_return co_await fetch();
  } catch (const std::exception &) {
  }
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
task<int> after_loop(int n) {
  while (n--)
    if (co_await fetch())
      co_return n;
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
auto lambda = [](bool b) -> task<int> {
  if (b)
    co_return 1;
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
};
template <class T> task<T> instantiated(bool b) {
  if (b)
    co_return T();
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
template task<int> instantiated<int>(bool);
task<int> tried(bool b) try {
  if (b)
    co_return 1;
} catch (const std::exception &) {
  // CHECK: :[[@LINE+1]]:1: warning: control can get here
}
task<> no_coroutine() {}
// CHECK: :[[@LINE-1]]:24: warning: this function returns nothing and is no coroutine, though it says it returns a task, which is undefined; 'co_return' or return a task
task<int> only_work(int *n) {
  ++*n;
  flag();
  // CHECK: :[[@LINE+1]]:1: warning: this function returns nothing and is no coroutine
}

// Nothing below is reported.

task<int> always(bool b) {
  if (b)
    co_return 1;
  else
    co_return 2;
}
task<int> throws(bool b) {
  if (b)
    co_return 1;
  throw std::runtime_error("no");
}
task<int> gives_up(bool b) {
  if (b)
    co_return 1;
  fail();
}
task<int> aborts() {
  co_await fetch();
  std::abort();
}
task<int> for_ever() {
  for (;;)
    if (flag())
      co_return co_await fetch();
}
task<int> handled() {
  try {
    co_return co_await fetch();
  } catch (...) {
    co_return 0;
  }
}
task<int> rethrown() {
  try {
    co_return co_await fetch();
  } catch (...) {
    throw;
  }
}
enum class side { left, right };
task<int> covered(side s) {
  switch (s) {
  case side::left:
    co_return 1;
  case side::right:
    co_return 2;
  }
  __builtin_unreachable();
}
task<int> tried_and_caught() try {
  co_return co_await fetch();
} catch (const std::exception &) {
  co_return 2;
} catch (...) {
  throw;
}
task<> nothing_owed(bool b) {
  if (b)
    co_await fetch();
}
kinds::generator<int> values() { co_yield 1; }
task<int> forwards() { return fetch(); }
task<int> unsupported() { throw std::runtime_error("unsupported"); }
task<int> stops() { fail(); }
template <class T> task<T> never_instantiated(bool b) {
  if (b)
    co_return T();
}
template <> struct std::coroutine_traits<void> {
  struct promise_type {
    void get_return_object() {}
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
void no_task() {}
struct pure {
  virtual task<int> get() = 0;
};
