// coral-unawaited-task: tasks that are awaited by way of the promise.
//
// RUN: %exits 1 %coral lint --checks=coral-unawaited-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "folly.hpp"
#include <vector>

using folly::coro::Task;

Task<int> fetch();
Task<> go();
bool flag();

Task<> forgets() {
  go();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'go' is dropped without being awaited, so its body never runs; 'co_await' it [coral-unawaited-task]
  auto kept = fetch();
  // CHECK: :[[@LINE-1]]:15: warning: the task returned by 'fetch' is kept in 'kept' but never awaited
  auto early = go();
  // CHECK: :[[@LINE-1]]:16: warning: {{.*}} is kept in 'early' but not awaited on every path
  if (flag())
    co_return;
  co_await std::move(early);
}

// A generator and a scope have a promise and an await_transform, too, and
// nothing that is awaited.
struct numbers {
  struct promise_type : folly::coro::TaskPromiseBase {
    numbers get_return_object();
    std::suspend_always yield_value(int);
    void return_void();
  };
  int *begin();
  int *end();
};
numbers count();

// By a function of the namespace, and by tag_invoke.
namespace house {
struct job;
struct promise {
  job get_return_object();
  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void return_void();
  void unhandled_exception();
  template <class A> auto await_transform(A &&a) { return to_awaiter(*this, a); }
};
struct job {
  using promise_type = promise;
  ~job() { handle.destroy(); }
  std::coroutine_handle<promise> handle;
};
std::suspend_always to_awaiter(promise &, job &);
struct other {
  using promise_type = promise;
};
} // namespace house
house::job start();
house::other launch();

house::job forgets_jobs() {
  start();
  // CHECK: :[[@LINE-1]]:3: warning: the task returned by 'start' is dropped
  co_await start();
}

// Nothing below is reported.

Task<> awaited() {
  co_await go();
  auto kept = fetch();
  int n = co_await std::move(kept);
  std::vector<Task<>> all;
  all.push_back(go());
  for (auto &each : all)
    co_await std::move(each);
  count();
  launch();
}
Task<int> returned() {
  auto kept = fetch();
  return kept;
}
