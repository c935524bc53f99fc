// coral-sequential-awaits
//
// RUN: %exits 1 %coral lint --checks=coral-sequential-awaits %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include <string>

using cppcoro::task;
task<int> price(const std::string &name);
task<int> stock(int id);
task<int> next(int &state);

task<int> independent(std::string name) {
  auto first = co_await price(name);
  auto second = co_await stock(2);
  // CHECK: :[[@LINE-1]]:26: warning: this waits for the await before it, whose result it does not need; await both at once if their order does not matter [coral-sequential-awaits]
  // CHECK: :[[@LINE-3]]:25: note: the await before it
  co_return first + second;
}

// Nothing below is reported.

task<int> dependent(std::string name) {
  auto first = co_await price(name);
  auto second = co_await stock(first);
  co_return second;
}
task<int> ordered(int state) {
  auto first = co_await next(state);
  auto second = co_await next(state);
  co_return first + second;
}
struct connection {
  task<int> receive();
  task<int> both() {
    auto first = co_await receive();
    auto second = co_await receive();
    co_return first + second;
  }
};
task<int> apart(std::string name) {
  auto first = co_await price(name);
  name += "!";
  auto second = co_await price(name);
  co_return first + second;
}
