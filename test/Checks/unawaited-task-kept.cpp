// coral-unawaited-task: values that are kept and forgotten.
//
// RUN: %exits 1 %coral lint --checks=coral-unawaited-task %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using cppcoro::task;

task<int> fetch();
task<> go();
bool flag();
seastar::semaphore sem;
seastar::future<> go_on();

struct named_task {
  int id;
  task<int> work;
};

// All of these are awaited, or somebody else's.
std::shared_ptr<task<int>> find();
struct owner {
  std::unique_ptr<task<int>> one;
  std::vector<named_task> all;
};
task<> kept_elsewhere(owner &keeper, std::vector<std::shared_ptr<task<int>>> &tasks) {
  auto pointed = std::make_unique<task<int>>(fetch());
  co_await *pointed;
  auto shared = std::make_shared<task<int>>(fetch());
  tasks.push_back(shared);
  auto empty = std::make_shared<task<int>>();
  auto found = find();
  keeper.one = std::make_unique<task<int>>(fetch());
  keeper.all.push_back(named_task{1, fetch()});
  std::vector<task<int>> inserted;
  inserted.insert(inserted.begin(), fetch());
  for (auto &each : inserted)
    co_await each;
  std::vector<named_task> nested;
  nested.push_back({1, fetch()});
  for (auto &each : nested)
    co_await each.work;
  std::variant<int, task<int>> either = fetch();
  co_await std::get<1>(either);
  auto passed_on = fetch();
  auto last = std::move(passed_on);
  co_await last;
  auto braced{fetch()};
  co_await braced;
}
std::unique_ptr<task<int>> handed_out() {
  auto pointed = std::make_unique<task<int>>(fetch());
  return pointed;
}

seastar::future<> units() {
  auto units = seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:16: warning: the task returned by 'get_units' is kept in 'units' but never awaited, so nothing is held; keep the result of 'co_await' [coral-unawaited-task]
  // CHECK: :[[@LINE+1]]:3: note: suspends here with nothing held
  co_await seastar::make_ready_future();
}

task<> spellings(bool b, int n) {
  task<int> named = fetch();
  // CHECK: :[[@LINE-1]]:21: warning: the task returned by 'fetch' is kept in 'named' but never awaited, so its body never runs; 'co_await' it
  [[maybe_unused]] auto unused = fetch();
  // CHECK: :[[@LINE-1]]:34: warning: {{.*}} is kept in 'unused' but never awaited
  auto &&extended = fetch();
  // CHECK: :[[@LINE-1]]:21: warning: {{.*}} is kept in 'extended' but never awaited
  auto [first, second] = std::tuple{fetch(), go()};
  // CHECK: :[[@LINE-1]]:46: warning: the task returned by 'go' is kept in 'second' but never awaited
  co_await first;
  std::vector<task<>> all;
  for (int i = 0; i < n; ++i)
    all.push_back(go());
  // CHECK: :[[@LINE-1]]:19: warning: {{.*}} is kept in 'all' but never awaited
  std::optional<task<>> maybe;
  if (b)
    maybe = go();
  // CHECK: :[[@LINE-1]]:13: warning: {{.*}} is kept in 'maybe' but never awaited
  task<> array[2] = {go(), go()};
  // CHECK: :[[@LINE-1]]:22: warning: {{.*}} is kept in 'array' but never awaited
  struct {
    int id;
    task<> work;
  } job{1, go()};
  // CHECK: :[[@LINE-1]]:12: warning: {{.*}} is kept in 'job' but never awaited
  auto braced{fetch()};
  // CHECK: :[[@LINE-1]]:15: warning: {{.*}} is kept in 'braced' but never awaited
  auto pointed = std::make_unique<task<int>>(fetch());
  // CHECK: :[[@LINE-1]]:46: warning: {{.*}} is kept in 'pointed' but never awaited
  std::unique_ptr<task<int>> owned(new task<int>(fetch()));
  // CHECK: :[[@LINE-1]]:50: warning: {{.*}} is kept in 'owned' but never awaited
  auto shared = std::make_shared<task<int>>(fetch());
  // CHECK: :[[@LINE-1]]:45: warning: {{.*}} is kept in 'shared' but never awaited
  std::variant<int, task<int>> either = fetch();
  // CHECK: :[[@LINE-1]]:41: warning: {{.*}} is kept in 'either' but never awaited
  std::vector<task<int>> inserted;
  inserted.insert(inserted.end(), fetch());
  // CHECK: :[[@LINE-1]]:35: warning: {{.*}} is kept in 'inserted' but never awaited
  std::vector<named_task> nested;
  nested.push_back({1, fetch()});
  // CHECK: :[[@LINE-1]]:24: warning: {{.*}} is kept in 'nested' but never awaited
  auto passed_on = fetch();
  // CHECK: :[[@LINE-1]]:20: warning: {{.*}} is kept in 'last' but never awaited
  auto last = std::move(passed_on);
  auto chosen = b ? fetch() : fetch();
  // CHECK: :[[@LINE-1]]:21: warning: {{.*}} is kept in 'chosen' but never awaited
}

struct named_tasks {
  std::string name;
  std::vector<named_task> all;
};
task<> more_spellings(bool b) {
  named_tasks inner;
  inner.all.push_back({1, fetch()});
  // CHECK: :[[@LINE-1]]:27: warning: {{.*}} is kept in 'inner' but never awaited
  inner.name = "inner";
  std::map<int, task<>> mapped;
  mapped.insert_or_assign(1, go());
  // CHECK: :[[@LINE-1]]:30: warning: {{.*}} is kept in 'mapped' but never awaited
  task<> array[2];
  array[0] = go();
  // CHECK: :[[@LINE-1]]:14: warning: {{.*}} is kept in 'array' but never awaited
  std::vector<task<>> counted(3);
  counted[0] = go();
  // CHECK: :[[@LINE-1]]:16: warning: {{.*}} is kept in 'counted' but never awaited
  std::unique_ptr<task<int>> reset;
  reset.reset(new task<int>(fetch()));
  // CHECK: :[[@LINE-1]]:29: warning: {{.*}} is kept in 'reset' but never awaited
  std::vector<task<>> moved_into;
  for (int i = 0; i < 3; ++i) {
    auto each = go();
    // CHECK: :[[@LINE-1]]:17: warning: {{.*}} is kept in 'moved_into' but never awaited
    moved_into.push_back(std::move(each));
  }
  auto closure = [t = fetch()]() mutable { return std::move(t); };
  // CHECK: :[[@LINE-1]]:23: warning: {{.*}} is kept in 'closure' but never awaited
  auto moved = fetch();
  // CHECK: :[[@LINE-1]]:16: warning: {{.*}} is kept in 'around' but never awaited
  auto around = [t = std::move(moved)]() mutable { return std::move(t); };
  auto comma = (flag(), fetch());
  // CHECK: :[[@LINE-1]]:25: warning: {{.*}} is kept in 'comma' but never awaited
  auto watched = fetch();
  // CHECK: :[[@LINE-1]]:18: warning: {{.*}} is kept in 'watched' but never awaited
  if (watched.is_ready())
    co_return;
  auto paired = std::make_pair(1, go());
  // CHECK: :[[@LINE-1]]:35: warning: {{.*}} is kept in 'paired' but never awaited
}
seastar::future<> unit_spellings() {
  [[maybe_unused]] auto unused = seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:34: warning: {{.*}} is kept in 'unused' but never awaited, so nothing is held
  // CHECK: :[[@LINE+5]]:3: note: suspends here with nothing held
  auto asked = seastar::get_units(sem, 1);
  // CHECK: :[[@LINE-1]]:16: warning: {{.*}} is kept in 'asked' but never awaited, so nothing is held
  // CHECK: :[[@LINE+2]]:3: note: suspends here with nothing held
  bool ready = asked.available();
  co_await seastar::make_ready_future();
}

task<> early_return(bool b) {
  auto early = fetch();
  // CHECK: :[[@LINE-1]]:16: warning: the task returned by 'fetch' is kept in 'early' but not awaited on every path, so its body never runs
  // CHECK: :[[@LINE+2]]:7: note: the path on which this is true misses it
  // CHECK: :[[@LINE+2]]:5: note: it dies here
  if (b)
    co_return;
  co_await early;
}

task<> other_path(bool b, bool c) {
  task<int> other;
  if (b)
    other = fetch();
  // CHECK: :[[@LINE-1]]:13: warning: {{.*}} is kept in 'other' but not awaited on every path
  // CHECK: :[[@LINE+1]]:7: note: the path on which this is false misses it
  if (c)
    co_await other;
}
// CHECK: :[[@LINE-1]]:1: note: it dies here

task<> loop() {
  for (;;) {
    auto each = fetch();
    // CHECK: :[[@LINE-1]]:17: warning: {{.*}} is kept in 'each' but not awaited on every path
    // CHECK: :[[@LINE+1]]:9: note: the path on which this is true misses it
    if (flag())
      continue;
    // CHECK: :[[@LINE-1]]:7: note: it dies here
    if (co_await each)
      break;
  }
}

task<> overwritten() {
  auto t = fetch();
  // CHECK: :[[@LINE-1]]:12: warning: 't' is overwritten before the task returned by 'fetch' is awaited, so its body never runs
  // CHECK: :[[@LINE+1]]:3: note: overwritten here
  t = fetch();
  co_await t;
  std::vector<task<>> tasks;
  tasks.push_back(go());
  // CHECK: :[[@LINE-1]]:19: warning: {{.*}} is kept in 'tasks' but never awaited
  // CHECK: :[[@LINE+1]]:3: note: destroyed here
  tasks.clear();
}

void ignore_it(const task<int> &) {}
task<> looked_at() {
  auto t = fetch();
  // CHECK: :[[@LINE-1]]:12: warning: {{.*}} is kept in 't' but never awaited
  ignore_it(t);
  co_return;
}

// Nothing below is reported.

void consume(task<int> &t);
template <class F> void run_later(F f) {}
task<int> global;
struct Owner {
  task<int> member;
  std::vector<task<>> members;
};

task<> correlated(bool b, int n, const Owner &o) {
  task<int> t;
  if (b)
    t = fetch();
  if (flag())
    ++n;
  if (b)
    co_await t;
  bool started = false;
  task<int> u;
  if (n > 3) {
    u = fetch();
    started = true;
  }
  if (started)
    co_await u;
  task<int> v;
  if (n == 3)
    v = fetch();
  if (n != 3)
    co_return;
  co_await v;
}

task<> correlated_return(bool b) {
  std::optional<task<>> o;
  if (b)
    o = go();
  if (o)
    co_await *o;
  std::optional<task<>> p;
  if (b)
    p.emplace(go());
  if (!p.has_value())
    co_return;
  co_await *p;
}

task<int> handed_on(Owner &owner, bool b) {
  auto moved = fetch();
  auto to = std::move(moved);
  co_await to;
  auto captured = fetch();
  run_later([captured = std::move(captured)]() mutable { return std::move(captured); });
  auto by_reference = fetch();
  run_later([&] { consume(by_reference); });
  auto consumed = fetch();
  consume(consumed);
  auto stored = fetch();
  owner.member = std::move(stored);
  auto kept = fetch();
  global = std::move(kept);
  auto inserted = go();
  owner.members.push_back(std::move(inserted));
  std::vector<task<>> all;
  all.push_back(go());
  for (auto &each : all)
    co_await each;
  auto one = fetch();
  auto two = fetch();
  co_await cppcoro::when_all(std::move(one), std::move(two));
  auto ready = fetch();
  co_await ready.when_ready();
  auto thrown = fetch();
  if (b)
    throw 1;
  co_await thrown;
  auto in_both = fetch();
  if (b)
    co_await in_both;
  else
    co_await std::move(in_both);
  auto unwanted = fetch();
  (void)unwanted;
  auto result = fetch();
  co_return co_await result;
}

task<int> timed(task<int>);
task<int> returned(bool b) {
  auto t = fetch();
  if (b)
    return timed(std::move(t));
  return t;
}

void parameter(task<int> t) {}

task<> more_uses(std::vector<task<>> &others) {
  named_tasks inner;
  inner.all.push_back({1, fetch()});
  for (auto &each : inner.all)
    co_await each.work;
  std::map<int, task<>> mapped;
  mapped.insert_or_assign(1, go());
  co_await mapped[1];
  task<> array[2];
  array[0] = go();
  co_await array[0];
  std::unique_ptr<task<int>> reset;
  reset.reset(new task<int>(fetch()));
  co_await *reset;
  std::vector<task<>> moved_into;
  for (int i = 0; i < 3; ++i) {
    auto each = go();
    moved_into.push_back(std::move(each));
  }
  co_await cppcoro::when_all(std::move(moved_into[0]), std::move(moved_into[1]));
  for (int i = 0; i < 3; ++i) {
    auto each = go();
    others.push_back(std::move(each));
  }
  auto called = [t = fetch()]() mutable { return std::move(t); };
  co_await called();
  auto passed = [t = fetch()]() mutable { return std::move(t); };
  run_later(std::move(passed));
  auto local = fetch();
  auto refers = [&local]() -> task<int> & { return local; };
  co_await refers();
  auto in_job = named_task{1, fetch()};
  int id = in_job.id;
  co_await in_job.work;
  auto comma = (flag(), fetch());
  co_await comma;
}

seastar::future<> watched() {
  auto eager = go_on();
  if (eager.available())
    co_return;
}

seastar::future<> stands_in(bool b) {
  auto before = seastar::make_ready_future();
  if (b)
    before = go_on();
  co_await std::move(before);
}

// By another name, and one element of several.
void look_at(const task<> &) {}
task<> other_names(int n) {
  auto named = fetch();
  // CHECK: :[[@LINE-1]]:16: warning: {{.*}} is kept in 'named' but never awaited
  auto &again = named;
  std::vector<task<>> seen;
  seen.push_back(go());
  // CHECK: :[[@LINE-1]]:18: warning: {{.*}} is kept in 'seen' but never awaited
  for (const auto &each : seen)
    look_at(each);
  std::tuple numbered(1, go());
  // CHECK: :[[@LINE-1]]:26: warning: {{.*}} is kept in 'numbered' but never awaited
  n += std::get<0>(numbered);
  auto measured = fetch();
  // CHECK: :[[@LINE-1]]:19: warning: {{.*}} is kept in 'measured' but never awaited
  static_assert(noexcept(std::move(measured)));
  co_return;
}
task<> other_names_awaited(std::vector<task<>> &others) {
  auto named = fetch();
  auto &again = named;
  co_await again;
  std::vector<task<>> all;
  all.push_back(go());
  for (auto &each : all) {
    look_at(each);
    co_await each;
  }
  std::vector<task<>> moved;
  moved.push_back(go());
  for (auto &each : moved)
    others.push_back(std::move(each));
  std::vector<task<>> copied;
  copied.push_back(go());
  for (auto &&each : copied) {
    auto taken = std::move(each);
    co_await taken;
  }
  std::tuple numbered(1, go());
  co_await std::get<1>(numbered);
  auto captured = fetch();
  auto &by_reference = captured;
  co_await [&]() -> task<> { co_await by_reference; }();
}

// What went in comes out again, one by one.
task<> by_index(int n) {
  std::vector<task<>> tasks;
  for (int i = 0; i < n; ++i) {
    auto each = go();
    tasks.push_back(std::move(each));
  }
  for (std::size_t i = 0; i < tasks.size(); ++i)
    co_await tasks[i];
  task<> pair[2];
  for (int i = 0; i != 2; ++i)
    pair[i] = go();
  int next = 0;
  while (next != 2)
    co_await pair[next++];
}
task<> refilled() {
  while (flag()) {
    std::vector<task<>> tasks;
    tasks.push_back(go());
    // CHECK: :[[@LINE-1]]:21: warning: {{.*}} is kept in 'tasks' but not awaited on every path
    if (flag())
      for (std::size_t i = 0; i < tasks.size(); ++i)
        co_await tasks[i];
  }
}

task<> in_one_round(int n) {
  task<int> started;
  for (int i = 0; i < n; ++i) {
    if (i == 50)
      started = fetch();
  }
  co_await started;
}

task<> in_every_round(int n) {
  task<int> last;
  for (int i = 0; i < n; ++i)
    last = fetch();
  // CHECK: :[[@LINE-1]]:12: warning: 'last' is overwritten before the task returned by 'fetch' is awaited
  co_await last;
}
