// coral-dangling-capture: closures that die before their coroutine.
//
// RUN: %exits 1 %coral lint --checks=coral-dangling-capture %s -- -std=c++23 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "asio_like.hpp"
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <functional>
#include <memory>
#include <optional>
#include <vector>

using cppcoro::task;
cppcoro::async_scope scope;
task<> go();
template <class T> T forward_to_nobody(T);

//===--- Temporaries that are called and kept -----------------------------===//

struct wrapper {
  explicit wrapper(task<int> t);
  wrapper(int, task<int> &&t);
};
wrapper wrapped(int x) {
  return wrapper([x]() -> task<int> { co_return x; }());
  // CHECK: :[[@LINE-1]]:18: warning: this closure
}
wrapper wrapped_in_braces(int x) {
  return {1, [x]() -> task<int> { co_return x; }()};
  // CHECK: :[[@LINE-1]]:14: warning: this closure
}
void kept_by_another(std::vector<task<int>> &tasks, int x) {
  tasks.push_back([x]() -> task<int> { co_return x; }());
  // CHECK: :[[@LINE-1]]:19: warning: this closure
}

task<int> kept(int x) {
  auto t = [x]() -> task<int> { co_return x; }();
  // CHECK: :[[@LINE-1]]:12: warning: this closure dies at the end of the full-expression, but its coroutine uses what it captures after that; pass it as parameters, or keep the closure for as long as the task [coral-dangling-capture]
  // CHECK: :[[@LINE-2]]:43: note: uses a capture here
  task<int> u = [&]() -> task<int> { co_return x; }();
  // CHECK: :[[@LINE-1]]:17: warning: this closure
  std::optional<task<int>> v = [=] -> task<int> { co_return x; }();
  // CHECK: :[[@LINE-1]]:32: warning: this closure
  std::vector<task<int>> w;
  w.push_back([x]() -> task<int> { co_return x; }());
  // CHECK: :[[@LINE-1]]:15: warning: this closure
  auto all = cppcoro::when_all([x]() -> task<int> { co_return x; }(), std::move(u));
  // CHECK: :[[@LINE-1]]:32: warning: this closure
  task<int> late;
  late = [x](this auto &&) -> task<int> { co_return x; }();
  // CHECK: :[[@LINE-1]]:10: warning: this closure
  co_await std::move(all);
  co_await std::move(late);
  for (auto &each : w)
    co_await std::move(each);
  co_return co_await std::move(t) + co_await std::move(*v);
}

struct Session {
  int n = 0;
  task<int> task_;
  task<int> run() { co_return n; }
  void spawned(asio::io_context &io) {
    scope.spawn([this]() -> task<int> { co_return co_await run(); }());
    // CHECK: :[[@LINE-1]]:17: warning: this closure
    asio::co_spawn(io, [this]() -> asio::awaitable<int> { co_return n; }(), asio::detached);
    // CHECK: :[[@LINE-1]]:24: warning: this closure
    asio::co_spawn(io, [this]() -> asio::awaitable<int> { co_return n; }, asio::detached);
    task_ = [this]() -> task<int> { co_return n; }();
    // CHECK: :[[@LINE-1]]:13: warning: this closure
  }
  Session() : task_([this]() -> task<int> { co_return n; }()) {}
  // CHECK: :[[@LINE-1]]:21: warning: this closure
};

/// An eager coroutine has what it read before its first suspension.
void eager(int x) {
  [x]() -> kinds::detached { co_await kinds::sleep_for(x); }();
  [x]() -> kinds::detached {
    // CHECK: :[[@LINE-1]]:3: warning: this closure
    // CHECK: :[[@LINE+1]]:5: note: the coroutine suspends here
    co_await kinds::sleep_for(1);
    // CHECK: :[[@LINE+1]]:31: note: uses a capture here
    co_await kinds::sleep_for(x);
  }();
  [x]() -> kinds::detached {
    int copy = x;
    co_await kinds::sleep_for(1);
    co_await kinds::sleep_for(copy);
  }();
  [x]() -> kinds::detached {
    for (int i = 0; i < 3; ++i)
      // CHECK: :[[@LINE-2]]:3: warning: this closure
      co_await kinds::sleep_for(x);
  }();
}

task<int> returned(int x) {
  return [x]() -> task<int> { co_return x; }();
  // CHECK: :[[@LINE-1]]:10: warning: this closure
}
task<int> returned_named(int x) {
  auto work = [x]() -> task<int> { co_return x; };
  return work();
  // CHECK: :[[@LINE-1]]:10: warning: the closure 'work' dies when this function returns
}

/// Through a helper that calls what it is given.
template <class F> auto call(F &&f) { return f(); }
task<int> through(int x) {
  auto t = call([x]() -> task<int> { co_return x; });
  // CHECK: :[[@LINE-1]]:17: warning: this closure
  co_return co_await std::move(t) + co_await call([x]() -> task<int> { co_return x; });
}

/// The loop's own closure ends with each iteration.
task<> in_a_loop(int n) {
  std::vector<task<int>> all;
  for (int i = 0; i < n; ++i) {
    auto work = [i]() -> task<int> { co_return i; };
    all.push_back(work());
    // CHECK: :[[@LINE-1]]:19: warning: the closure 'work' dies at the end of its scope
  }
  for (auto &each : all)
    co_await std::move(each);
}

//===--- Closures that live long enough -----------------------------------===//

task<int> fine(int x) {
  co_await [&x]() -> task<int> { co_return x; }();
  cppcoro::sync_wait([&x]() -> task<int> { co_return x; }());
  co_await cppcoro::when_all([x]() -> task<int> { co_return x; }(), [x]() -> task<int> { co_return x; }());
  auto work = [x]() -> task<int> { co_return x; };
  auto t = work();
  std::vector<task<int>> all;
  all.push_back(work());
  for (auto &each : all)
    co_await std::move(each);
  auto by_value = [x](this auto) -> task<int> { co_return x; }();
  co_await std::move(by_value);
  auto parameter = [](int y) -> task<int> { co_return y; }(x);
  co_await std::move(parameter);
  auto unused = [x]() -> task<int> { co_return 1; }();
  co_await std::move(unused);
  static int lasting = 0;
  auto uncaptured = [] -> task<int> { co_return lasting; }();
  co_await std::move(uncaptured);
  auto synchronous = [x]() -> kinds::result<int> { co_return x; }();
  forward_to_nobody([x]() -> task<int> { co_return x; }());
  for (int i = 0; i < 3; ++i) {
    auto inner = [i]() -> task<int> { co_return i; };
    auto started = inner();
    co_await std::move(started);
  }
  co_return co_await std::move(t);
}

/// Runs once, and is never run: it is destroyed before it starts.
void never_run(int x) {
  [[maybe_unused]] auto t = [x]() -> task<int> { co_return x; }();
}

/// The first suspension is in a branch that does not come back.
kinds::detached branches(int x) {
  [x](bool b) -> kinds::detached {
    if (b) {
      co_await kinds::sleep_for(1);
      co_return;
    }
    co_await kinds::sleep_for(x);
  }(true);
  co_return;
}

/// The coroutine has the closure, though 'then' has not.
seastar::future<> held_by_itself(int x) {
  return seastar::make_ready_future().then([x](this auto) -> seastar::future<> {
    co_await seastar::make_ready_future();
    (void)x;
  });
}

/// What another class does with a task, or a reference to one, is its business
/// unless it is returned.
struct runner {
  explicit runner(task<int> t);
  int result();
};
struct watcher {
  explicit watcher(const task<int> &t);
};
int run_by_another(int x) {
  runner finished([x]() -> task<int> { co_return x; }());
  return runner([x]() -> task<int> { co_return x; }()).result() + finished.result();
}
watcher watched(int x) { return watcher([x]() -> task<int> { co_return x; }()); }
wrapper nothing_captured(task<int> t) { return wrapper([]() -> task<int> { co_return 1; }()); }

//===--- Coroutines that end with what stands for them --------------------===//

kinds::owned<> ends_before_it_goes_on(int &n) {
  kinds::owned<> t = [&n]() -> kinds::owned<> {
    co_await kinds::sleep_for(1);
    n = 1;
  }();
  co_return;
}
kinds::owned<> goes_on_meanwhile(int &n) {
  kinds::owned<> t = [&n]() -> kinds::owned<> {
    // CHECK: :[[@LINE-1]]:22: warning: this closure dies at the end of the full-expression
    co_await kinds::sleep_for(1);
    n = 1;
  }();
  co_await kinds::sleep_for(2);
}

//===--- Closures that somebody else calls --------------------------------===//

template <class F> void run_now(F &&f) { scope.spawn(f()); }
template <class F> void run_own(F f) {
  auto t = f();
  scope.spawn(std::move(t));
}
template <class F> void run_through(F &&f) { scope.spawn(std::invoke(f)); }
template <class F> void run_and_wait(F &&f) { cppcoro::sync_wait(f()); }
template <class F> void run_kept(F f) {
  auto kept = std::make_shared<F>(std::move(f));
  scope.spawn([](std::shared_ptr<F> f) -> task<> { co_await (*f)(); }(kept));
}
struct jobs {
  std::vector<task<>> all;
  void add(task<> t) { all.push_back(std::move(t)); }
  void post(task<> t) { new task<>(std::move(t)); }
};

void passed_on(int n, jobs &to) {
  run_now([n]() -> task<> { (void)n; co_return; });
  // CHECK: :[[@LINE-1]]:11: warning: this closure dies at the end of the full-expression
  run_own([n]() -> task<> { (void)n; co_return; });
  // CHECK: :[[@LINE-1]]:11: warning: this closure is destroyed as soon as it has been called
  run_through([n]() -> task<> { (void)n; co_return; });
  // CHECK: :[[@LINE-1]]:15: warning: this closure
  to.add([n]() -> task<> { (void)n; co_return; }());
  // CHECK: :[[@LINE-1]]:10: warning: this closure
  to.post([n]() -> task<> { (void)n; co_return; }());
  // CHECK: :[[@LINE-1]]:11: warning: this closure
  run_and_wait([n]() -> task<> { (void)n; co_return; });
  run_kept([n]() -> task<> { (void)n; co_return; });
  run_now([]() -> task<> { co_return; });
  to.add([](int n) -> task<> { (void)n; co_return; }(n));
}

task<> held_by_a_function(int n) {
  std::function<task<>()> f = [n]() -> task<> { (void)n; co_return; };
  return f();
  // CHECK: :[[@LINE-1]]:10: warning: the closure 'f' dies when this function returns
}
task<> held_by_a_temporary(int n) {
  auto t = std::function<task<>()>([n]() -> task<> { (void)n; co_return; })();
  // CHECK: :[[@LINE-1]]:12: warning: this closure dies
  co_await std::move(t);
}
task<> held_long_enough(int n) {
  std::function<task<>()> f = [n]() -> task<> { (void)n; co_return; };
  auto t = f();
  co_await std::move(t);
  co_await std::function<task<>()>([n]() -> task<> { (void)n; co_return; })();
}
task<> held_without_captures() {
  std::function<task<>()> f = []() -> task<> { co_return; };
  return f();
}
task<> held_until_another(int n, std::function<task<>()> other) {
  std::function<task<>()> f = [n]() -> task<> { (void)n; co_return; };
  f = std::move(other);
  return f();
}

//===--- Continuations ----------------------------------------------------===//

namespace seastar {
struct gate {};
template <class F> future<> with_gate(gate &, F &&);
} // namespace seastar
seastar::future<> touch(const int &n) {
  co_await seastar::make_ready_future();
  (void)n;
}
// What is called is somebody else's lambda, which captures its own `this`.
template <class F> void keep_and_run(F f) {
  auto kept = std::make_shared<F>(std::move(f));
  (void)[](std::shared_ptr<F> kept) -> seastar::future<> { co_await (*kept)(); }(kept);
}
struct shard {
  int n = 0;
  void keeps() {
    keep_and_run([this]() -> seastar::future<> {
      co_await seastar::make_ready_future();
      ++n;
    });
  }
  seastar::gate gate;
  seastar::future<> through_a_gate() {
    return seastar::with_gate(gate, [this]() -> seastar::future<> {
      // CHECK: :[[@LINE-1]]:37: warning: this closure dies at the end of the full-expression
      co_await seastar::make_ready_future();
      ++n;
    });
  }
  seastar::future<> awaited() {
    co_await seastar::with_gate(gate, [this]() -> seastar::future<> {
      co_await seastar::make_ready_future();
      ++n;
    });
  }
  seastar::future<> of_a_capture() {
    return seastar::make_ready_future().then([n = 1] { return touch(n); });
    // CHECK: :[[@LINE-1]]:46: warning: this closure is destroyed as soon as it has been called
  }
  seastar::future<> of_a_copy() {
    return seastar::make_ready_future().then([this] {
      auto self = this;
      return touch(self->n);
    });
  }
  // The pointer has been copied before the closure is gone.
  seastar::future<> of_a_copied_pointer() {
    return seastar::make_ready_future().then([this]() -> seastar::future<> {
      auto self = this;
      co_await seastar::make_ready_future();
      ++self->n;
    });
  }
  seastar::future<> of_a_reference() {
    return seastar::make_ready_future().then([text = std::vector<int>()]() -> seastar::future<> {
      // CHECK: :[[@LINE-1]]:46: warning: this closure is destroyed as soon as it has been called
      auto &alias = text;
      co_await seastar::make_ready_future();
      (void)alias.size();
    });
  }
};
