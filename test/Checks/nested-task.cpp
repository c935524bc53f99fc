// coral-nested-task
//
// RUN: %exits 1 %coral lint --checks=coral-nested-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <utility>

using cppcoro::task;
task<int> fetch();
bool flag();

task<task<int>> returns_task() {
  co_return fetch();
  // CHECK: :[[@LINE-1]]:3: warning: this returns a task that has not run, so whoever awaits the coroutine has to await once more; 'co_await' it here [coral-nested-task]
}
task<task<int>> returns_named() {
  auto t = fetch();
  if (flag())
    co_return std::move(t);
  // CHECK: :[[@LINE-1]]:5: warning: this returns a task that has not run
  co_return task<int>();
}
// CHECK: :[[@LINE-2]]:3: warning: this returns a task that has not run
task<task<int>> throws_only() {
  // CHECK: :[[@LINE-1]]:17: warning: a task of a task has to be awaited twice, and the inner one does not run if it is not; return the inner task's result
  co_await fetch();
  throw 1;
}

// Nothing below is reported.

task<int> plain() { co_return co_await fetch(); }
task<task<int>> declared();
task<int> twice() { co_return co_await co_await declared(); }
task<kinds::job> started();
task<kinds::job> of_started() { co_return co_await started(); }
seastar::future<int> eager() { co_return 1; }
task<int *> pointer() { co_return nullptr; }
