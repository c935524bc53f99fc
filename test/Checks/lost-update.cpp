// coral-lost-update
//
// RUN: %exits 1 %coral lint --checks=coral-lost-update %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include <map>
#include <memory>
#include <optional>

using cppcoro::task;
task<int> fetch();
task<std::shared_ptr<int>> connect();
task<> open();
int total;

struct session {
  int count_ = 0;
  bool opened_ = false;
  std::shared_ptr<int> connection_;
  std::optional<int> cached_;
  std::map<int, int> table_;
  cppcoro::async_mutex mutex_;

  task<> adds() {
    count_ = count_ + co_await fetch();
    // CHECK: :[[@LINE-1]]:5: warning: 'count_' may lose what others do to it meanwhile: its old value is read before the suspension in this expression; await first, into a variable [coral-lost-update]
    // CHECK: :[[@LINE-2]]:14: note: read here
    total = total - 2 * co_await fetch();
    // CHECK: :[[@LINE-1]]:5: warning: 'total' may lose
  }
  task<> writes_back() {
    int count = count_;
    int more = co_await fetch();
    count_ = count + more;
    // CHECK: :[[@LINE-1]]:5: warning: 'count_' is overwritten with what it was before a suspension, and what others did to it meanwhile is lost; read it again after the suspension
    // CHECK: :[[@LINE-4]]:9: note: read here
  }
  task<int> once() {
    if (!connection_)
      connection_ = co_await connect();
    // CHECK: :[[@LINE-1]]:7: warning: 'connection_' may have been set by another coroutine since it was tested, before the suspension; test it again, or keep what is being made so that others can await it
    // CHECK: :[[@LINE-3]]:9: note: read here
    if (connection_ == nullptr) {
      auto made = co_await connect();
      connection_ = std::move(made);
      // CHECK: :[[@LINE-1]]:7: warning: 'connection_' may have been set
    }
    if (!cached_.has_value())
      cached_ = co_await fetch();
    // CHECK: :[[@LINE-1]]:7: warning: 'cached_' may have been set
    if (!opened_) {
      co_await open();
      opened_ = true;
      // CHECK: :[[@LINE-1]]:7: warning: 'opened_' may have been set
    }
    if (!table_.count(1))
      table_[1] = co_await fetch();
    // CHECK: :[[@LINE-1]]:7: warning: 'table_' may have been set
    co_return *cached_;
  }
};
task<> by_reference(int &n) {
  n = n + co_await fetch();
  // CHECK: :[[@LINE-1]]:3: warning: 'n' may lose
}
void closure(int n) {
  auto run = [&]() -> task<> {
    n = n + co_await fetch();
    // CHECK: :[[@LINE-1]]:5: warning: 'n' may lose
  };
  (void)run;
}

// Nothing below is reported.

struct right : session {
  task<> sequenced() {
    // The right operand is evaluated first.
    count_ += co_await fetch();
    int n = co_await fetch();
    count_ = count_ + n;
    count_ = co_await fetch() + count_;
    count_ = co_await fetch();
  }
  task<> own(int n) {
    int m = 0;
    m = m + co_await fetch();
    n = n + co_await fetch();
    std::optional<int> o;
    if (!o)
      o = co_await fetch();
  }
  task<> locked() {
    auto guard = co_await mutex_.scoped_lock_async();
    count_ = count_ + co_await fetch();
    if (!connection_)
      connection_ = co_await connect();
  }
  task<> asked_again() {
    if (!connection_) {
      auto made = co_await connect();
      if (!connection_)
        connection_ = std::move(made);
    }
    if (!opened_) {
      opened_ = true;
      co_await open();
      opened_ = false;
    }
    if (connection_)
      connection_ = co_await connect();
    if (!cached_)
      co_await open();
    if (!cached_)
      cached_ = 1;
  }
  task<> compared() {
    int before = count_;
    int n = co_await fetch();
    if (count_ == before)
      count_ = before + n;
  }
  task<> read_again() {
    int n = count_;
    co_await open();
    n = count_;
    count_ = n + 1;
  }
};
