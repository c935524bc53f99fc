// coral-yield-in-task: in code that does not compile because of it.
//
// RUN: %exits 3 %coral lint --checks=coral-yield-in-task %s -- -std=c++20 -I%S/../Inputs -ferror-limit=0 \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"

using cppcoro::task;
task<int> fetch();

task<int> yields() {
  co_yield 1;
  // CHECK: :[[@LINE-1]]:3: warning: 'co_yield' in a coroutine that returns 'task<int>', which takes no values; return a generator, or 'co_await' what you wait for [coral-yield-in-task]
  co_return 2;
}
kinds::generator<int> awaits() {
  co_await fetch();
  // CHECK: :[[@LINE-1]]:3: warning: 'co_await' in a generator
  co_yield 1;
}
auto lambda = []() -> task<int> { co_yield 1; };
// CHECK: :[[@LINE-1]]:35: warning: 'co_yield' in a coroutine that returns 'task<int>'

// Nothing below is reported.

kinds::generator<int> values() {
  auto inner = []() -> task<int> { co_return co_await fetch(); };
  co_yield 1;
}
task<int> right() { co_return co_await fetch(); }
int no_coroutine() { co_yield 1; }
auto deduced = [] { co_await fetch(); };
