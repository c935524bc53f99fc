// coral-double-await
//
// RUN: %exits 1 %coral lint --checks=coral-double-await %s -- -std=c++20 -I%S/../Inputs -I%runtime \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <coral/task.hpp>
#include <utility>
#include <vector>

using cppcoro::task;
task<int> fetch();
task<> go();
bool flag();
void keep(task<int> t);
void refill(task<int> &t);
coral::task<int> ask();
seastar::future<int> load();
kinds::generator<int> numbers();

task<int> moved_twice() {
  auto t = fetch();
  int n = co_await std::move(t);
  // CHECK: :[[@LINE+2]]:{{[0-9]+}}: warning: 't' is awaited again, though a task can be awaited once; keep the result of the first await, or create a new task [coral-double-await]
  // CHECK: :[[@LINE-2]]:{{[0-9]+}}: note: awaited here before
  n += co_await std::move(t);
  co_return n;
}
coral::task<int> own() {
  auto t = ask();
  int n = co_await std::move(t);
  // CHECK: :[[@LINE+1]]:8: warning: 't' is awaited again
  n += co_await std::move(t);
  co_return n;
}
seastar::future<int> futures() {
  auto f = load();
  int n = co_await std::move(f);
  // CHECK: :[[@LINE+1]]:17: warning: 'f' is awaited again
  co_return n + co_await std::move(f);
}

/// Resumes without asking whether there is anything to resume.
struct blind {
  struct promise_type {
    blind get_return_object();
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  blind(blind &&);
  ~blind() { handle_.destroy(); }
  bool await_ready() { return false; }
  auto await_suspend(std::coroutine_handle<>) { return handle_; }
  void await_resume() {}
  std::coroutine_handle<promise_type> handle_;
};
blind once();
blind by_name() {
  auto t = once();
  co_await t;
  // CHECK: :[[@LINE+1]]:3: warning: 't' is awaited again
  co_await t;
}

/// Ends with its first await.
struct single {
  struct promise_type {
    single get_return_object();
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(int) {}
    void unhandled_exception() {}
  };
  single(single &&);
  ~single();
  bool await_ready() { return handle_.done(); }
  void await_suspend(std::coroutine_handle<>);
  int await_resume() {
    handle_.destroy();
    return 1;
  }
  std::coroutine_handle<promise_type> handle_;
};
single one();
single ended() {
  auto t = one();
  int n = co_await t;
  // CHECK: :[[@LINE+1]]:17: warning: 't' is awaited again
  co_return n + co_await t;
}

task<int> in_loop() {
  auto t = fetch();
  int n = 0;
  while (flag())
    // CHECK: :[[@LINE+1]]:10: warning: 't' is awaited again in the next round of the loop, though a task can be awaited once
    n += co_await std::move(t);
  co_return n;
}
task<int> on_one_path(bool b) {
  auto t = fetch();
  if (b)
    co_await std::move(t);
  // CHECK: :[[@LINE+1]]:13: warning: 't' is awaited again
  co_return co_await std::move(t);
}
task<int> after_move() {
  auto t = fetch();
  keep(std::move(t));
  // CHECK: :[[@LINE+2]]:13: warning: 't' is awaited after it was moved from, so there is no task in it; await what it was moved to, or create a new task
  // CHECK: :[[@LINE-2]]:18: note: moved here
  co_return co_await t;
}
task<int> parameter(task<int> t) {
  co_await std::move(t);
  // CHECK: :[[@LINE+1]]:13: warning: 't' is awaited again
  co_return co_await std::move(t);
}
int generators() {
  auto g = numbers();
  int sum = 0;
  for (int n : g)
    sum += n;
  // CHECK: :[[@LINE+2]]:16: warning: 'g' is iterated again, though its sequence has ended; create a new generator, or keep the values
  // CHECK: :[[@LINE-3]]:16: note: iterated to its end here
  for (int n : g)
    sum -= n;
  auto inner = numbers();
  for (int i = 0; i < 3; ++i)
    // CHECK: :[[@LINE+1]]:18: warning: 'inner' is iterated again in the next round of the outer loop, though its sequence has ended
    for (int n : inner)
      sum += n * i;
  return sum;
}

// Nothing below is reported.

inline bool never() { return false; }
#define CHECK_EQUAL(a, b)                                                                          \
  do {                                                                                             \
    (void)((a) == (b));                                                                            \
  } while (never())
task<int> in_macro_of_test() {
  auto t = fetch();
  CHECK_EQUAL(co_await std::move(t), 1);
  co_return 1;
}

task<int> right(bool b, int count) {
  auto t = fetch();
  int n = co_await std::move(t);
  t = fetch();
  n += co_await std::move(t);
  for (int i = 0; i < count; ++i) {
    auto each = fetch();
    n += co_await std::move(each);
  }
  auto u = fetch();
  if (b)
    n += co_await std::move(u);
  else
    n -= co_await std::move(u);
  auto v = fetch();
  if (b)
    n += co_await std::move(v);
  if (!b)
    n -= co_await std::move(v);
  auto w = fetch();
  if (b) {
    co_await std::move(w);
    co_return n;
  }
  co_return co_await std::move(w);
}
task<int> asks_first() {
  auto t = fetch();
  int n = co_await t;
  n += co_await t;
  co_await t.when_ready();
  co_return n + co_await t.when_ready(), n;
}
task<int> refilled() {
  auto t = fetch();
  int n = co_await std::move(t);
  refill(t);
  n += co_await std::move(t);
  keep(std::move(t));
  t = fetch();
  co_return n + co_await t;
}
task<> broken_off(bool b) {
  auto t = fetch();
  while (flag()) {
    if (b) {
      co_await std::move(t);
      break;
    }
  }
  auto sleeping = kinds::sleep_for(1);
  co_await sleeping;
  co_await sleeping;
}
/// Gives its next value with each await.
struct stream {
  struct promise_type {
    stream get_return_object();
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int) noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  stream(stream &&);
  ~stream() { handle_.destroy(); }
  bool await_ready() { return false; }
  auto await_suspend(std::coroutine_handle<>) { return handle_; }
  int await_resume();
  std::coroutine_handle<promise_type> handle_;
};
stream values();
task<int> reads_on() {
  auto s = values();
  int n = co_await s;
  co_return n + co_await s;
}
int partly() {
  auto g = numbers();
  int sum = 0;
  for (int n : g)
    if (n > 3)
      break;
    else
      sum += n;
  for (int n : numbers())
    sum += n;
  auto h = numbers();
  for (int n : h)
    sum += n;
  h = numbers();
  for (int n : h)
    sum += n;
  return sum;
}
