// coral-unawaited-task: values that nobody keeps.
//
// RUN: %exits 1 %coral lint --checks=coral-unawaited-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <optional>
#include <tuple>

using cppcoro::task;

task<int> fetch();
task<> go();
template <class F> void use(F &&) {}
cppcoro::async_scope scope;
seastar::semaphore sem;
cppcoro::async_mutex mutex;

task<> places(bool b, int n) {
  fetch();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'fetch' is dropped without being awaited, so its body never runs; 'co_await' it [coral-unawaited-task]
  fetch(), go();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'fetch'
  // CHECK: :[[@LINE-2]]:12: warning: the task returned by 'go'
  for (int i = 0; i < n; ++i, go()) {
  }
  // CHECK: :[[@LINE-2]]:31: warning: the task returned by 'go'
  b ? fetch() : fetch();
  // CHECK: :[[@LINE-1]]:7: warning: the task returned by 'fetch'
  // CHECK: :[[@LINE-2]]:17: warning: the task returned by 'fetch'
  if (b)
    go();
  // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'go'
  else
    go();
  // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'go'
  switch (n) {
  case 1:
    go();
    // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'go'
  }
  [&]() -> task<> { co_return; }();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by this lambda is dropped
  n = (go(), 1);
  // CHECK: :[[@LINE-1]]:8: warning: the task returned by 'go'
  co_return;
}

struct File {
  task<> flush();
  task<> close();
};

void plain(File &f) {
  f.close();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'close' is dropped without being awaited, so its body never runs; await it in a coroutine or hand it to something that does [coral-unawaited-task]
  auto later = [&] { f.flush(); };
  // CHECK: :[[@LINE-1]]:22: warning: the task returned by 'flush' is dropped
  use(later);
}

// A wrapper is a task function like any other, whatever it does inside.
auto wrapped() { return fetch(); }
task<> through() {
  wrapped();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'wrapped' is dropped
  co_return;
}

template <class T> task<> in_template(T value) {
  fetch();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'fetch' is dropped
  value.close();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'close' is dropped
  co_return;
}
template task<> in_template(File);

seastar::future<> eager() {
  seastar::make_ready_future();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'make_ready_future' is dropped without being awaited, so its result and any exception are lost; 'co_await' it
  seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'get_units' is dropped without being awaited, so nothing is held; keep the result of 'co_await'
  (void)seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:9: warning: the task returned by 'get_units'
  std::ignore = seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:17: warning: the task returned by 'get_units'
  mutex.scoped_lock_async();
  // CHECK: :[[@LINE-1]]:3: warning: the awaitable returned by 'scoped_lock_async' is dropped without being awaited, so nothing is held
  kinds::sleep_for(10);
  // CHECK: :[[@LINE-1]]:3: warning: the awaitable returned by 'sleep_for' is dropped without being awaited, so the operation never happens
  kinds::sleep_operation{10};
  // CHECK: :[[@LINE-1]]:3: warning: the awaitable is dropped without being awaited
  co_return;
}

struct converting : task<int> {
  operator int() const;
};
converting convertible();
struct converting_task {
  struct promise_type {
    converting_task get_return_object();
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    template <class U> void return_value(U &&);
    void unhandled_exception();
  };
  converting_task(converting_task &&);
  ~converting_task() { handle.destroy(); }
  operator int() const;
  bool is_ready() const;
  bool await_ready();
  void await_suspend(std::coroutine_handle<>);
  int await_resume();
  std::coroutine_handle<promise_type> handle;
};
converting_task length();
task<> converted() {
  int n = convertible();
  // CHECK: :[[@LINE-1]]:11: warning: the task returned by 'convertible' is converted to 'int' without having been awaited; 'co_await' it
  auto kept = length();
  int m = kept;
  // CHECK: :[[@LINE-1]]:11: warning: the task is converted to 'int' without having been awaited
  std::optional<int> maybe = length();
  // CHECK: :[[@LINE-1]]:30: warning: the task returned by 'length' is converted to 'int'
  auto captured = [k = int(length())] { return k; };
  // CHECK: :[[@LINE-1]]:28: warning: the task returned by 'length' is converted to 'int'
  n += length();
  // CHECK: :[[@LINE-1]]:8: warning: the task returned by 'length' is converted to 'int'
  co_return;
}
converting_task returned_in_place_of_its_result() {
  co_return length();
  // CHECK: :[[@LINE-1]]:13: warning: the task returned by 'length' is converted to 'int'
}

// Nothing below is reported.

kinds::detached start();
kinds::job background();
kinds::joining worker();
kinds::result<int> parse();
kinds::generator<int> numbers();
void sink(task<>);
task<> &reference();

task<> fine() {
  (void)fetch();
  std::ignore = fetch();
  co_await go();
  sink(go());
  scope.spawn(go());
  cppcoro::sync_wait(go());
  reference();
  start();
  background();
  worker();
  parse();
  numbers();
  use([] { return go(); });
  static_assert(sizeof(fetch()) > 0);
  (void)noexcept(fetch());
  using type = decltype(fetch());
  static_assert(requires { fetch(); });
  co_await (fetch(), go()); // NOLINT
  co_return;
}
int blocking = convertible();
task<int> converted_when_done(converting_task given, converting_task *pointed) {
  auto awaited = length();
  co_await awaited;
  int n = awaited;
  auto asked = length();
  if (asked.is_ready())
    n = asked;
  else
    n = co_await asked;
  auto captured = [k = co_await length()] { return k; };
  std::optional<int> maybe = co_await length();
  std::optional<converting_task> whole = length();
  co_await *whole;
  co_return n + given + *pointed;
}
converting_task result_of_its_own() { co_return co_await length(); }
task<> returned() { return go(); }

// A test that a call throws has no use for what it returns.
template <class Error, class Function> void assert_throws(Function) {}
template <class Function> void run(Function) {}
#define EXPECT_THROW(statement)                                                                    \
  try {                                                                                            \
    statement;                                                                                     \
  } catch (...) {                                                                                  \
  }
void throws() {
  assert_throws<int>([] {
    int n = 1;
    (void)n;
    fetch();
  });
  EXPECT_THROW(fetch());
}
void does_not_throw() {
  assert_throws<int>([] {
    fetch();
    // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'fetch' is dropped
    int n = 1;
    (void)n;
  });
  run([] {
    fetch();
    // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'fetch' is dropped
  });
  try {
    fetch();
    // CHECK: :[[@LINE-1]]:5: warning: the task returned by 'fetch' is dropped
  } catch (...) {
  }
}
