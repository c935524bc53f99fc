// coral-misused-task
//
// RUN: %exits 1 %coral lint --checks=coral-misused-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

using cppcoro::task;

task<> handle(int);
task<> tick();
kinds::detached fire(int);
struct server {
  std::function<void(int)> on_accept;
  std::vector<std::function<void()>> callbacks;
  void on_error(std::function<void(std::string)> f);
  task<> serve(int);
};
template <class F> class function_view;
template <class R, class... A> class function_view<R(A...)> {
public:
  template <class F> function_view(F &&) {}
  R operator()(A...) const;
};
void visit(function_view<void(int)> f);

void lambdas(server &s) {
  std::function<void(int)> f = [](int n) -> task<> { co_await handle(n); };
  // CHECK: :[[@LINE-1]]:32: warning: 'std::function<void (int)>' drops the task that this lambda returns, so its body never runs; start the task in it, or use something that takes a coroutine [coral-misused-task]
  s.on_accept = [](int n) -> task<> { co_await handle(n); };
  // CHECK: :[[@LINE-1]]:17: warning: 'std::function<void (int)>' drops the task
  s.on_error([](std::string) -> task<> { co_return; });
  // CHECK: :[[@LINE-1]]:14: warning: 'std::function<void (std::string)>' drops the task
  s.callbacks.push_back([]() -> task<> { co_return; });
  // CHECK: :[[@LINE-1]]:25: warning: 'std::function<void ()>' drops the task
  s.callbacks.emplace_back([]() -> task<> { co_return; });
  // CHECK: :[[@LINE-1]]:28: warning: 'std::function<void ()>' drops the task
  visit([](int) -> task<> { co_return; });
  // CHECK: :[[@LINE-1]]:9: warning: 'function_view<void (int)>' drops the task
  auto named = [](int n) -> task<> { co_await handle(n); };
  std::function<void(int)> g = named;
  // CHECK: :[[@LINE-1]]:32: warning: 'std::function<void (int)>' drops the task that this callable returns
  std::function<void(int)> h(handle);
  // CHECK: :[[@LINE-1]]:30: warning: 'std::function<void (int)>' drops the task that this callable returns
  std::function<void(int)> generic = [](auto n) -> task<> { co_await handle(n); };
  // CHECK: :[[@LINE-1]]:38: warning: 'std::function<void (int)>' drops the task that this lambda returns
  std::function<void()> eager = []() -> seastar::future<> { co_return; };
  // CHECK: :[[@LINE-1]]:33: warning: {{.*}}so its result and any exception are lost
}

void dropped_by_name(std::vector<int> v) {
  std::thread t([]() -> task<> { co_await tick(); });
  // CHECK: :[[@LINE-1]]:17: warning: 'std::thread' drops the task
  t.join();
  std::for_each(v.begin(), v.end(), [](int n) -> task<> { co_await handle(n); });
  // CHECK: :[[@LINE-1]]:37: warning: 'for_each' drops the task
  std::ranges::for_each(v, [](int n) { return handle(n); });
  // CHECK: :[[@LINE-1]]:28: warning: 'for_each' drops the task that this lambda returns
  std::ranges::for_each(v, [](int n) { fire(n); });
}

struct bound {
  task<> serve(int);
  void start(server &s) {
    s.on_accept = std::bind(&bound::serve, this, std::placeholders::_1);
    // CHECK: :[[@LINE-1]]:19: warning: 'std::function<void (int)>' drops the task that this callable returns
    s.on_accept = std::bind(&bound::log, this, std::placeholders::_1);
  }
  void log(int);
};

struct registry {
  std::function<void()> callback;
  registry() : callback([]() -> task<> { co_return; }) {}
  // CHECK: :[[@LINE-1]]:25: warning: 'std::function<void ()>' drops the task
};

template <class T> struct checked : cppcoro::task<T> {
  using cppcoro::task<T>::task;
};
struct flag_task {
  struct promise_type {
    flag_task get_return_object();
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(bool) {}
    void unhandled_exception() {}
  };
  explicit operator bool() const { return handle_ != nullptr; }
  bool operator==(const flag_task &) const = default;
  friend std::ostream &operator<<(std::ostream &, const flag_task &);
  bool await_ready();
  void await_suspend(std::coroutine_handle<>);
  bool await_resume();
  ~flag_task() { handle_.destroy(); }
  std::coroutine_handle<promise_type> handle_;
};
flag_task is_open();

task<int> values(std::ostream &out) {
  if (is_open())
    // CHECK: :[[@LINE-1]]:7: warning: the task returned by 'is_open' is tested, not its result, so its body never runs; 'co_await' it
    co_return 1;
  bool same = is_open() == is_open();
  // CHECK: :[[@LINE-1]]:15: warning: the task returned by 'is_open' is compared, not its result
  // CHECK: :[[@LINE-2]]:28: warning: the task returned by 'is_open' is compared, not its result
  out << is_open();
  // CHECK: :[[@LINE-1]]:10: warning: the task returned by 'is_open' is printed, not its result
  co_return same;
}

// Nothing below is reported.

void kept(server &s) {
  std::function<task<>(int)> returns = [](int n) -> task<> { co_await handle(n); };
  std::function<task<>(int)> pointer = handle;
  std::function<void(int)> plain = [](int) {};
  std::function<void(int)> detached = fire;
  s.on_accept = [](int n) { fire(n); };
  s.on_accept = [](int n) -> kinds::detached { co_return; };
  std::function<void(int)> synchronous = [](int) -> kinds::result<int> { co_return 1; };
  std::function<void(int)> copy = s.on_accept;
  std::function<void()> counted = []() -> kinds::counted { co_return; };
  std::function<void()> joins = []() -> kinds::joining { co_return; };
  std::vector<task<>> all;
  std::vector<int> v;
  std::transform(v.begin(), v.end(), std::back_inserter(all),
                 [](int n) -> task<> { co_await handle(n); });
  std::function<void(int)> collects = [&](int n) { all.push_back(handle(n)); };
}
task<bool> tested() {
  auto t = is_open();
  if (t)
    co_return co_await t;
  if (co_await is_open())
    co_return true;
  co_return (co_await is_open()) == true;
}
