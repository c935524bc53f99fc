// coral-abandoned-sibling: started tasks that outlive the frame they use.
//
// RUN: %exits 1 %coral lint --checks=coral-abandoned-sibling %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "seastar.hpp"
#include <string>

namespace seastar {
template <class T> future<T> with_timeout(int milliseconds, future<T> f);
}
using seastar::future;

future<int> read(std::string &into) {
  co_await seastar::make_ready_future();
  into = "x";
  co_return 1;
}
future<int> early(const std::string &from) {
  int size = from.size();
  co_await seastar::make_ready_future();
  co_return size;
}
future<int> own(std::string from);
cppcoro::task<int> lazy(std::string &into) { co_return into.size(); }

future<int> one_by_one() {
  std::string a, b;
  auto first = read(a);
  auto second = read(b);
  // CHECK: :[[@LINE-1]]:22: warning: the task in 'second' goes on using 'b' when an await before its own throws and this frame is gone; await all of them together [coral-abandoned-sibling]
  // CHECK: :[[@LINE+2]]:13: note: this await may leave the frame
  // CHECK: :[[@LINE-17]]:3: note: used here
  int sum = co_await std::move(first);
  sum += co_await std::move(second);
  co_return sum;
}

/// The await need not be that of a sibling.
future<int> in_between(bool b) {
  std::string text;
  auto started = read(text);
  // CHECK: :[[@LINE-1]]:23: warning: the task in 'started' goes on using 'text'
  if (b)
    co_await seastar::make_ready_future();
  co_return co_await std::move(started);
}

future<int> closure(int n) {
  auto work = [n]() -> future<int> {
    co_await seastar::make_ready_future();
    co_return n;
  };
  auto first = work();
  auto second = work();
  // CHECK: :[[@LINE-1]]:17: warning: the task in 'second' goes on using 'work'
  co_return co_await std::move(first) + co_await std::move(second);
}

future<int> raced() {
  std::string text;
  co_return co_await seastar::with_timeout(5, read(text));
  // CHECK: :[[@LINE-1]]:52: warning: the task goes on using 'text' when it loses the race and this frame is gone; let the task own it, or wait for the losers [coral-abandoned-sibling]
  // CHECK: :[[@LINE-2]]:22: note: this does not wait for all
}

//===--- What is fine -----------------------------------------------------===//

future<int> alone() {
  std::string text;
  auto started = read(text);
  co_return co_await std::move(started);
}
future<> together() {
  std::string a, b;
  auto first = read(a);
  auto second = read(b);
  co_await seastar::when_all(std::move(first), std::move(second));
}
future<int> borrows_nothing() {
  std::string a, b;
  auto first = own(a);
  auto second = own(b);
  auto third = early(b);
  int sum = co_await std::move(first);
  sum += co_await std::move(second);
  co_return sum + co_await std::move(third);
}
cppcoro::task<int> not_started() {
  std::string a, b;
  auto first = lazy(a);
  auto second = lazy(b);
  int sum = co_await std::move(first);
  sum += co_await std::move(second);
  co_return sum;
}
future<int> lent(std::string &a, std::string &b) {
  auto first = read(a);
  auto second = read(b);
  int sum = co_await std::move(first);
  sum += co_await std::move(second);
  co_return sum;
}
future<int> handled() {
  std::string a, b;
  auto first = read(a);
  auto second = read(b);
  int sum = 0;
  try {
    sum += co_await std::move(first);
  } catch (...) {
  }
  sum += co_await std::move(second);
  co_return sum;
}
future<int> raced_with_its_own() {
  std::string text;
  co_return co_await seastar::with_timeout(5, own(text));
}
