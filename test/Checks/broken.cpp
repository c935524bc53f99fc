// Broken code is normal input: no check crashes on it, and none claims that a
// variable is not used when what uses it may be missing.
//
// RUN: %exits 3 %coral lint --level=2 %s -- -std=c++20 -I%S/../Inputs -ferror-limit=0 > %t
// RUN: FileCheck %s --implicit-check-not=warning: < %t
#include "cppcoro.hpp"
#include "kinds.hpp"

using cppcoro::task;
task<int> fetch();

task<int> undeclared() {
  auto t = fetch();
  // CHECK: :[[@LINE+1]]:3: error: use of undeclared identifier 'consume'
  consume(t);
  fetch();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'fetch' is dropped
  co_return co_await missing();
}
task<int> unfinished() {
  auto t = fetch(;
  co_await t.;
  if (co_await) { co_return }
  for (auto x : co_await fetch()) {}
}
struct incomplete;
task<incomplete> no_result() { co_return {}; }
task<nothing> no_type() { co_await fetch(); }
struct no_promise {
  struct promise_type {};
};
no_promise empty_promise() {
  co_await fetch();
  fetch();
}
struct bad_awaiter {
  int await_ready();
  void await_suspend(int);
};
bad_awaiter bad();
task<int> awaits_bad() {
  co_await bad();
  auto [a, b] = bad();
  co_yield 1;
  // CHECK: :[[@LINE-1]]:3: warning: 'co_yield' in a coroutine that returns 'task<int>'
}
template <class T> struct base {
  task<T> run() {
    this->go();
    co_await this->go();
    co_return T(fetch());
  }
};
template struct base<incomplete>;
struct recursive : recursive {};
recursive again() { co_await again(); }
// CHECK: :[[@LINE+1]]:29: warning: 'co_await' in a lambda
int cut_off() { return [] { co_await
