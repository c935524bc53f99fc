// coral-blocking-call
//
// RUN: %exits 1 %coral lint --checks=coral-blocking-call %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <chrono>
#include <future>
#include <thread>
#include <unistd.h>

using cppcoro::task;
using namespace std::chrono_literals;
task<int> fetch();
std::future<int> compute();

void nap() { std::this_thread::sleep_for(1s); }
void indirect() { nap(); }

task<> direct(std::thread worker) {
  std::this_thread::sleep_for(10ms);
  // CHECK: :[[@LINE-1]]:3: warning: 'std::this_thread::sleep_for' blocks the thread that runs this coroutine, and with it every other coroutine on that thread; await it instead, or run it on another thread [coral-blocking-call]
  worker.join();
  // CHECK: :[[@LINE-1]]:10: warning: 'std::thread::join' blocks
  int n = compute().get();
  // CHECK: :[[@LINE-1]]:21: warning: 'std::future::get' blocks
  ::usleep(n);
  // CHECK: :[[@LINE-1]]:3: warning: 'usleep' blocks
  co_await fetch();
}
task<> through_functions() {
  indirect();
  // CHECK: :[[@LINE-1]]:3: warning: 'indirect' blocks
  // CHECK: :[[@LINE-16]]:19: note: it calls 'nap' here
  // CHECK: :[[@LINE-18]]:14: note: it calls 'std::this_thread::sleep_for' here
  co_await fetch();
}
kinds::detached fire() {
  nap();
  // CHECK: :[[@LINE-1]]:3: warning: 'nap' blocks
  co_return;
}
auto lambda = []() -> task<> {
  nap();
  // CHECK: :[[@LINE-1]]:3: warning: 'nap' blocks
  co_return;
};

// Nothing below is reported.

void plain() { std::this_thread::sleep_for(10ms); }
task<> elsewhere() {
  std::thread worker([] { nap(); });
  worker.detach();
  auto result = std::async(std::launch::async, [] { nap(); });
  auto later = [] { nap(); };
  (void)later;
  co_await fetch();
}
task<> known_ready(std::future<int> &f) {
  if (f.wait_for(0s) == std::future_status::ready)
    f.get();
  co_return;
}
kinds::generator<int> synchronous() {
  nap();
  co_yield 1;
}
kinds::result<int> never_suspends() {
  nap();
  co_return 1;
}
task<> awaits() {
  co_await kinds::sleep_for(10);
  co_await fetch();
}
/// A coroutine that runs what it is given does so where it is told to.
template <class Function> task<> run_given(Function f) {
  f();
  co_return;
}
void runs_given() { auto t = run_given([] { nap(); }); }

namespace concurrencpp {
struct executor_tag {};
} // namespace concurrencpp
task<> begins_elsewhere(concurrencpp::executor_tag) {
  nap();
  co_return;
}

/// An awaiter joins the thread that has resumed it.
struct joining {
  std::thread &worker;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() { worker.join(); }
};
task<> joins(std::thread &worker) { co_await joining{worker}; }
