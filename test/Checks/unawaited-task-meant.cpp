// coral-unawaited-task: what is done on purpose, as tests do it.
//
// RUN: %exits 1 %coral lint --checks='coral-unawaited-*' --level=0 %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 1 %coral lint --checks='coral-unawaited-*' --level=1 %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --check-prefixes=CHECK,MORE --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "seastar.hpp"
#include <utility>

using cppcoro::task;

task<int> read();
bool verify(bool value, const char *text);
bool flag();

#define VERIFY(condition) do { if (!verify((condition), #condition)) co_return; } while (false)
#define EXPECT(condition) verify((condition), #condition)
#define EXPECT_DEATH(statement, text) if (flag()) { statement; } else verify(false, text)
#define EXPECT_ALIVE(statement, text) if (flag()) { statement; } else verify(false, text)

// A test that has failed leaves by a macro.
task<> leaves_by_a_macro() {
  auto t = read();
  VERIFY(flag());
  co_await t;
}
task<> never_gets_there(bool b) {
  auto t = read();
  // CHECK: :[[@LINE-1]]:12: warning: {{.*}} is kept in 't' but not awaited on every path
  VERIFY(flag());
  if (b)
    co_return;
  co_await t;
}
task<> never_at_all() {
  auto t = read();
  // CHECK: :[[@LINE-1]]:12: warning: {{.*}} is kept in 't' but never awaited
  VERIFY(flag());
}

// A block that is there for a task to die at its end.
void destroys() {
  {
    auto t = read();
    // MORE: :[[@LINE-1]]:14: warning: {{.*}} is kept in 't' but never awaited
    EXPECT(flag());
  }
  EXPECT(!flag());
}
void body_of_a_statement(bool b) {
  if (b) {
    auto t = read();
    // CHECK: :[[@LINE-1]]:14: warning: {{.*}} is kept in 't' but never awaited
    EXPECT(flag());
  }
}
seastar::future<> holds_nothing(seastar::semaphore &s) {
  {
    auto units = seastar::get_units(s, 1);
    // CHECK: :[[@LINE-1]]:18: warning: {{.*}} is kept in 'units' but never awaited
    EXPECT(flag());
  }
  co_return;
}

// A task in the place of another.
task<> replaced() {
  auto one = read();
  // MORE: :[[@LINE-1]]:14: warning: 'one' is overwritten
  auto two = read();
  one = std::move(two);
  co_await one;
}
task<> overwritten() {
  auto one = read();
  // CHECK: :[[@LINE-1]]:14: warning: 'one' is overwritten
  one = read();
  co_await one;
}

// What runs on by itself, with somebody who takes its exception.
seastar::future<> pump();
void runs_on() {
  auto handled = pump().handle_exception([](std::exception_ptr) {});
  // MORE: :[[@LINE-1]]:18: warning: {{.*}} is kept in 'handled' but never awaited
  auto unhandled = pump().then([] {});
  // CHECK: :[[@LINE-1]]:20: warning: {{.*}} is kept in 'unhandled' but never awaited
}

// What is expected to end the program.
void dies() {
  EXPECT_DEATH({ read(); }, "never");
  EXPECT_ALIVE({ read(); }, "ever");
  // CHECK: :[[@LINE-1]]:18: warning: the task returned by 'read' is dropped
}

// An awaiter that is asked for by its name.
struct shared {
  auto operator co_await() const { return std::suspend_always(); }
  [[nodiscard]] std::suspend_always resolve() const;
};
void asks(shared s) {
  s.operator co_await();
  s.resolve();
  // CHECK: :[[@LINE-1]]:3: warning: the awaitable returned by 'resolve' is dropped
}

// It destroys its coroutine only when that is done; before, it lets it run on.
class scoped_task {
public:
  enum class state { running, done };
  struct promise_type {
    state now = state::running;
    state leave();
    scoped_task get_return_object() { return scoped_task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception();
  };
  explicit scoped_task(std::coroutine_handle<promise_type> own) : own_(own) {}
  scoped_task(scoped_task &&other) noexcept : own_(std::exchange(other.own_, nullptr)) {}
  ~scoped_task() {
    if (own_ && own_.promise().leave() == state::done)
      own_.destroy();
  }
  bool await_ready();
  void await_suspend(std::coroutine_handle<>);
  void await_resume();

private:
  std::coroutine_handle<promise_type> own_;
};
scoped_task lingers() { co_await std::suspend_always(); }
void lets_it_run() { lingers(); }
