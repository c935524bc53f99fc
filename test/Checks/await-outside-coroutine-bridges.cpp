// coral-await-outside-coroutine: waiting for a task by blocking.
//
// RUN: %exits 1 %coral lint --checks=coral-await-outside-coroutine %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "asio_like.hpp"
#include "cppcoro.hpp"
#include "seastar.hpp"

using cppcoro::task;

task<int> read();
seastar::future<int> load();

task<int> blocked() {
  int n = cppcoro::sync_wait(read());
  // CHECK: :[[@LINE-1]]:11: warning: 'sync_wait' blocks the thread that runs this coroutine, and with it everything that the task may wait for; 'co_await' the task [coral-await-outside-coroutine]
  auto t = read();
  n += cppcoro::sync_wait(t);
  // CHECK: :[[@LINE-1]]:8: warning: 'sync_wait' blocks
  auto inner = []() -> task<int> { co_return cppcoro::sync_wait(read()); };
  // CHECK: :[[@LINE-1]]:46: warning: 'sync_wait' blocks
  co_return co_await inner();
}

seastar::future<int> got() {
  co_return load().get();
  // CHECK: :[[@LINE-1]]:{{13|20}}: warning: 'get' blocks
}

seastar::future<> pause();
seastar::future<int> suspends() {
  co_await pause();
  co_return 1;
}
seastar::future<int> got_what_suspends() {
  co_return suspends().get();
  // CHECK: :[[@LINE-1]]:{{13|24}}: warning: 'get' blocks
}

void handler(asio::io_context &context) {
  asio::post(context, [] { cppcoro::sync_wait(read()); });
  // CHECK: :[[@LINE-1]]:28: warning: 'sync_wait' blocks the thread that runs this handler, and with it everything that the task may wait for; start the task instead
}

// Nothing below is reported.

struct cache {
  int get();
};
namespace mine {
int sync_wait(int);
}
seastar::future<int> ready(cache c) {
  auto f = load();
  if (f.available())
    co_return f.get();
  co_return seastar::make_ready_future(1).get() + c.get() + mine::sync_wait(2);
}
task<> worker() {
  auto plain = [] { return cppcoro::sync_wait(read()); };
  (void)plain;
  co_return;
}
int main() { return cppcoro::sync_wait(read()); }

seastar::future<int> at_once() { co_return 1; }
seastar::future<int> known_ready() {
  auto lambda = []() -> seastar::future<int> { co_return 2; };
  co_return at_once().get() + lambda().get();
}
template <class Function> struct scope_guard {
  Function run;
  ~scope_guard() { run(); }
};
template <class Function> scope_guard<Function> defer(Function f) { return {f}; }
void at_the_end_of_a_scope() {
  auto stop = defer([] { load().get(); });
}
