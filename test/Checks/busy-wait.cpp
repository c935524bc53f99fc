// coral-busy-wait
//
// RUN: %exits 1 %coral lint --checks=coral-busy-wait %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <atomic>
#include <chrono>
#include <vector>

using cppcoro::task;
using namespace std::chrono_literals;
task<> sleep(std::chrono::milliseconds time);
task<> yield();
task<> delay(std::chrono::milliseconds time);
task<bool> try_again();
struct timer {
  void expires_after(std::chrono::milliseconds);
  task<> async_wait();
};
struct event {
  task<> wait();
};
std::atomic<bool> stop;

struct worker {
  bool done_ = false;
  std::vector<int> queue_;
  event changed_;

  task<> polls(timer &t) {
    while (!done_)
      // CHECK: :[[@LINE-1]]:5: warning: this loop only lets time pass until its condition changes, and notices late; await an event that whoever changes it sets [coral-busy-wait]
      // CHECK: :[[@LINE-2]]:12: note: the condition is here
      co_await sleep(10ms);
    while (queue_.empty()) {
      // CHECK: :[[@LINE-1]]:5: warning: this loop only lets time pass
      co_await yield();
    }
    do {
      // CHECK: :[[@LINE-1]]:5: warning: this loop only lets time pass
      co_await delay(10ms);
    } while (!stop);
    for (; !stop.load();)
      // CHECK: :[[@LINE-1]]:5: warning: this loop only lets time pass
      co_await kinds::sleep_for(10);
    while (!done_) {
      // CHECK: :[[@LINE-1]]:5: warning: this loop only lets time pass
      t.expires_after(10ms);
      co_await t.async_wait();
    }
  }

  // Nothing below is reported.

  task<> waits(timer &t) {
    while (!done_)
      co_await changed_.wait();
    while (!done_) {
      queue_.push_back(1);
      co_await sleep(10ms);
    }
    for (int i = 0; i < 3; ++i)
      co_await sleep(10ms);
    while (true)
      co_await yield();
    while (!co_await try_again())
      co_await sleep(10ms);
    auto end = std::chrono::steady_clock::now() + 1s;
    while (std::chrono::steady_clock::now() < end)
      co_await yield();
    int left = 3;
    while (left--)
      co_await sleep(10ms);
    t.expires_after(10ms);
    co_await t.async_wait();
  }
};
