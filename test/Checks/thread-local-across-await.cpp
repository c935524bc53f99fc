// coral-thread-local-across-await
//
// RUN: %exits 1 %coral lint --checks=coral-thread-local-across-await %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <thread>

using cppcoro::task;
task<> io();
void use(int);
void use(std::thread::id);
thread_local int counter;
int shared;

task<> references() {
  int &mine = counter;
  co_await io();
  use(mine);
  // CHECK: :[[@LINE-1]]:7: warning: 'mine' is 'counter' of its thread from before a suspension, after which the coroutine may run on another; get it again [coral-thread-local-across-await]
  // CHECK: :[[@LINE-3]]:3: note: suspends here
}
task<> pointers() {
  auto *mine = &counter;
  co_await io();
  use(*mine);
  // CHECK: :[[@LINE-1]]:8: warning: 'mine' is 'counter' of its thread
}
task<> ids() {
  auto id = std::this_thread::get_id();
  co_await io();
  use(id);
  // CHECK: :[[@LINE-1]]:7: warning: 'id' is the id of its thread
}

// Nothing below is reported.

task<> right() {
  int copy = counter;
  int &global = shared;
  co_await io();
  use(copy);
  use(global);
  use(counter);
  int &mine = counter;
  use(mine);
  co_await io();
}
#define SAME(a, b) use((a) == (b))
task<> compares() {
  auto id = std::this_thread::get_id();
  co_await io();
  SAME(id, std::this_thread::get_id());
}
kinds::generator<int> synchronous() {
  int &mine = counter;
  co_yield 1;
  use(mine);
}
void plain() {
  int &mine = counter;
  use(mine);
}
