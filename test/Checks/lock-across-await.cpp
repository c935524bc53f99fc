// coral-lock-across-await
//
// RUN: %exits 1 %coral lint --checks=coral-lock-across-await %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>
#include <vector>

using cppcoro::task;

task<> io();
task<int> count();
bool flag();
std::mutex m;
std::shared_mutex s;
std::condition_variable c;

task<> explicit_type() {
  std::lock_guard<std::mutex> guard(m);
  // CHECK: :[[@LINE+2]]:3: warning: 'guard' keeps a mutex locked while the coroutine is suspended here, so its thread may wait for itself and another may unlock; unlock before, or use a lock of coroutines [coral-lock-across-await]
  // CHECK: :[[@LINE-2]]:31: note: locked here
  co_await io();
  // CHECK: :[[@LINE+1]]:3: note: still locked when it suspends here
  co_await io();
}

using guard_type = std::unique_lock<std::mutex>;
guard_type acquire();
struct holder {
  std::unique_lock<std::mutex> lock;
  int value;
};
struct locked_session {
  explicit locked_session(std::mutex &m) : lock_(m) {}
  void touch() { ++touched_; }
  void finish() { lock_.unlock(); }

private:
  std::unique_lock<std::mutex> lock_;
  int touched_ = 0;
};
holder locked_holder();

class monitor {
public:
  struct entry {
    explicit entry(std::mutex &m) : lock(m) {}
    std::unique_lock<std::mutex> lock;
    int *operator->();
  };
  entry enter() { return entry(mutex_); }

private:
  std::mutex mutex_;
};

task<int> spellings(bool b) {
  {
    std::scoped_lock guard(m);
    // CHECK: :[[@LINE+1]]:13: warning: 'guard' keeps a mutex locked
    int n = co_await count();
    (void)n;
  }
  {
    std::scoped_lock both(m, s);
    // CHECK: :[[@LINE+1]]:9: warning: 'both' keeps a mutex locked
    if (co_await count())
      co_await io();
  }
  {
    auto guard = std::lock_guard<std::mutex>(m);
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
  {
    auto guard = acquire();
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
  {
    const guard_type guard{m};
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
  {
    std::shared_lock guard(s);
    // CHECK: :[[@LINE+1]]:12: warning: 'guard' keeps a mutex locked
    while (co_await count()) {
    }
  }
  if (std::lock_guard guard(m); b)
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  {
    holder h{std::unique_lock(m), 1};
    // CHECK: :[[@LINE+1]]:5: warning: 'h' keeps a mutex locked
    co_await io();
  }
  {
    auto h = locked_holder();
    // CHECK: :[[@LINE+1]]:5: warning: 'h' keeps a mutex locked
    co_await io();
  }
  {
    locked_session session(m);
    session.touch();
    // CHECK: :[[@LINE+1]]:5: warning: 'session' keeps a mutex locked
    co_await io();
  }
  {
    std::unique_lock first(m, std::defer_lock), second(m);
    // CHECK: :[[@LINE+1]]:5: warning: 'second' keeps a mutex locked
    co_await io();
  }
  {
    struct {
      std::unique_lock<std::mutex> lock;
    } local{std::unique_lock(m)};
    // CHECK: :[[@LINE+1]]:5: warning: 'local' keeps a mutex locked
    co_await io();
  }
  {
    monitor watched;
    auto entry = watched.enter();
    // CHECK: :[[@LINE+1]]:5: warning: 'entry' keeps a mutex locked
    co_await io();
  }
  {
    std::lock_guard guard(m);
    // CHECK: :[[@LINE+1]]:23: warning: 'guard' keeps a mutex locked
    auto later = [n = co_await count()] { return n; };
    later();
  }
  std::unique_lock last(m);
  // CHECK: :[[@LINE+1]]:13: warning: 'last' keeps a mutex locked
  co_return co_await count();
}

task<> parameter(std::unique_lock<std::mutex> held) {
  // CHECK: :[[@LINE+2]]:3: warning: 'held' keeps a mutex locked
  // CHECK: :[[@LINE-2]]:47: note: locked here
  co_await io();
}

class spin_lock {
public:
  void lock() {
    while (busy_.test_and_set())
      ;
  }
  void unlock() { busy_.clear(); }

private:
  std::atomic_flag busy_;
};
class spin_guard {
public:
  explicit spin_guard(spin_lock &l) : lock_(l) { lock_.lock(); }
  ~spin_guard() { lock_.unlock(); }

private:
  spin_lock &lock_;
};

struct server {
  std::mutex mutex_;
  spin_lock spin_;
  int n = 0;
  task<> raw() {
    mutex_.lock();
    ++n;
    // CHECK: :[[@LINE+2]]:5: warning: 'mutex_' is locked while the coroutine is suspended here
    // CHECK: :[[@LINE-3]]:12: note: locked here
    co_await io();
    mutex_.unlock();
    co_await io();
  }
  task<> own_lock() {
    spin_guard guard(spin_);
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
  task<> own_lock_in_standard_guard() {
    std::lock_guard guard(spin_);
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
  task<> tried() {
    // CHECK: :[[@LINE+2]]:7: warning: 'mutex_' is locked while
    if (mutex_.try_lock()) {
      co_await io();
      mutex_.unlock();
    }
    co_await io();
    std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard) {
      co_await io();
      co_return;
    }
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  }
};

task<> on_one_path(bool b) {
  std::unique_lock guard(m, std::defer_lock);
  if (b)
    guard.lock();
  // CHECK: :[[@LINE+2]]:3: warning: 'guard' keeps a mutex locked
  // CHECK: :[[@LINE-2]]:5: note: locked here
  co_await io();
}

task<> locked_again() {
  std::unique_lock guard(m);
  guard.unlock();
  co_await io();
  guard.lock();
  // CHECK: :[[@LINE+1]]:3: warning: 'guard' keeps a mutex locked
  co_await io();
}

task<> adopted() {
  m.lock();
  std::lock_guard guard(m, std::adopt_lock);
  // CHECK: :[[@LINE+1]]:3: warning: 'guard' keeps a mutex locked
  co_await io();
}

task<> moved() {
  std::unique_lock first(m);
  co_await std::suspend_never();
  auto second = std::move(first);
  // CHECK: :[[@LINE+1]]:3: warning: 'second' keeps a mutex locked
  co_await io();
}

kinds::generator<int> yielded(std::map<int, int> &values) {
  std::lock_guard guard(m);
  for (auto &[key, value] : values)
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_yield value;
}

template <class Map> class synchronized {
public:
  class locked_pointer {
  public:
    Map *operator->() const;

  private:
    std::unique_lock<std::mutex> lock_;
    Map *map_;
  };
  locked_pointer wlock();
};
struct table {
  task<int> find(int);
};
task<int> temporary(synchronized<table> &shared) {
  // CHECK: :[[@LINE+2]]:13: warning: 'wlock' keeps a mutex locked while the coroutine is suspended here
  // CHECK: :[[@LINE+1]]:29: note: locked here
  co_return co_await shared.wlock()->find(1);
}

template <class T> task<> dependent(T &t) {
  std::lock_guard guard(m);
  // CHECK: :[[@LINE+1]]:3: warning: 'guard' keeps a mutex locked
  co_await t.go();
}

void in_lambda() {
  auto run = []() -> task<> {
    std::lock_guard guard(m);
    // CHECK: :[[@LINE+1]]:5: warning: 'guard' keeps a mutex locked
    co_await io();
  };
  (void)run;
}

// Nothing below is reported.

task<> released(bool b, int n) {
  {
    std::lock_guard guard(m);
    ++n;
  }
  co_await io();
  std::unique_lock unlocked(m);
  unlocked.unlock();
  co_await io();
  std::unique_lock deferred(m, std::defer_lock);
  co_await io();
  std::unique_lock gone(m);
  gone.release()->unlock();
  co_await io();
  std::unique_lock<std::mutex> none;
  co_await io();
  std::unique_lock swapped(s);
  swapped.swap(*new std::unique_lock(s));
  co_await io();
  std::unique_lock maybe(m, std::defer_lock);
  if (b)
    maybe.lock();
  if (b)
    maybe.unlock();
  co_await io();
  std::unique_lock replaced(m);
  replaced = {};
  co_await io();
  locked_session session(m);
  session.finish();
  co_await io();
}

void keep(std::unique_lock<std::mutex> guard);
void unlock_later(std::unique_lock<std::mutex> &guard);
task<> handed_on() {
  auto moved = acquire();
  keep(std::move(moved));
  co_await io();
  std::unique_lock passed(m);
  unlock_later(passed);
  co_await io();
  std::unique_lock captured(m);
  auto later = [&] { captured.unlock(); };
  later();
  co_await io();
  m.lock();
  auto unlock = [] { m.unlock(); };
  unlock();
  co_await io();
}

task<> two_deferred(bool b) {
  std::unique_lock first(m, std::defer_lock), second(m, std::defer_lock);
  co_await io();
  auto inner = [n = 1]() -> task<> { co_await io(); };
  std::lock_guard guard(m);
  auto later = [t = inner()]() mutable { return std::move(t); };
}
class entrance {
public:
  struct entry {
    explicit entry(std::mutex &m) : lock(m) {}
    std::unique_lock<std::mutex> lock;
    int *operator->();
    void finish();
  };
  entry enter();
};
task<> perhaps_finished(entrance &e) {
  auto entry = e.enter();
  co_await io();
}

task<> coroutine_lock(cppcoro::async_mutex &mutex) {
  auto guard = co_await mutex.scoped_lock_async();
  co_await io();
}
struct awaited_mutex {
  task<> lock();
  void unlock();
};
task<> own_coroutine_lock(awaited_mutex &mutex) {
  co_await mutex.lock();
  co_await io();
  std::unique_lock guard(mutex, std::adopt_lock);
  co_await io();
  mutex.unlock();
}
struct no_lock {
  void lock() {}
  void unlock() {}
};
task<> null_lock(no_lock &mutex) {
  std::lock_guard guard(mutex);
  co_await io();
}
struct door {
  void lock();
  void unlock();
};
task<> not_a_mutex(door &d) {
  d.lock();
  co_await io();
  d.unlock();
}
task<> ready_await() {
  std::lock_guard guard(m);
  co_await std::suspend_never();
}
kinds::result<int> synchronous(kinds::result<int> r) {
  std::lock_guard guard(m);
  co_return co_await r;
}
int plain() {
  std::lock_guard guard(m);
  auto inner = []() -> task<> { co_await io(); };
  (void)inner;
  return 1;
}
task<> waits(std::weak_ptr<int> weak) {
  auto strong = weak.lock();
  co_await io();
}
class connection {
public:
  explicit connection(const char *host);
  void send();

private:
  std::unique_lock<std::mutex> lock_;
};
connection connect();
task<> not_locked_here() {
  connection made("here");
  co_await io();
  auto other = connect();
  co_await io();
}
struct ready_now {
  bool await_ready() { return true; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};
task<> ready_by_name(ready_now r) {
  std::lock_guard guard(m);
  co_await r;
}

// Owners of guards: what holds a lock is somewhere else than in the variable.
using unique = std::unique_lock<std::mutex>;
using guard_lock = std::lock_guard<std::mutex>;
struct transaction {
  unique lock{m};
  int id = 0;
};
struct account {
  std::mutex mutex;
  auto synchronised() { return std::pair(unique(mutex), 1); }
};
std::mutex m2, m3;
task<> owners(account &a) {
  {
    std::optional<unique> maybe;
    maybe.emplace(m);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'maybe' keeps a mutex locked
    // CHECK: :[[@LINE-3]]:5: note: locked here
  }
  {
    auto pointed = std::make_unique<guard_lock>(m);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'pointed' keeps a mutex locked
  }
  {
    std::unique_ptr<guard_lock> made(new guard_lock(m));
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'made' keeps a mutex locked
  }
  {
    auto shared = std::make_shared<guard_lock>(m);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'shared' keeps a mutex locked
  }
  {
    std::vector<unique> all;
    all.emplace_back(m);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'all' keeps a mutex locked
  }
  {
    transaction t;
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 't' keeps a mutex locked
  }
  {
    transaction braced{};
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'braced' keeps a mutex locked
  }
  {
    auto [lock, n] = a.synchronised();
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'lock' keeps a mutex locked
  }
  {
    const auto &extended = unique(m);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'extended' keeps a mutex locked
  }
}
task<> taken_later() {
  {
    unique first(m, std::defer_lock), second(m2, std::defer_lock);
    std::lock(first, second);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'first' keeps a mutex locked
  }
  {
    unique from(m), into;
    into = std::move(from);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'into' keeps a mutex locked
  }
  {
    unique from(m), swapped;
    swapped.swap(from);
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'swapped' keeps a mutex locked
  }
}
task<> by_hand() {
  std::lock(m, m2);
  co_await io();
  // CHECK: :[[@LINE-1]]:3: warning: 'm' is locked while the coroutine is suspended here
  m.unlock();
  m2.unlock();
  if (m3.try_lock()) {
    co_await io();
    // CHECK: :[[@LINE-1]]:5: warning: 'm3' is locked while the coroutine is suspended here
    m3.unlock();
  }
}

// Nothing below is reported.

task<> emptied_owners(account &a, bool b) {
  {
    std::optional<unique> maybe;
    co_await io();
    maybe.emplace(m);
    maybe.reset();
    co_await io();
  }
  {
    std::optional<unique> maybe{std::in_place, m};
    maybe->unlock();
    co_await io();
  }
  {
    std::optional<unique> maybe = std::nullopt, deferred{std::in_place, m, std::defer_lock};
    co_await io();
  }
  {
    auto pointed = std::make_unique<guard_lock>(m);
    if (b)
      pointed.reset();
    else
      pointed = nullptr;
    co_await io();
  }
  {
    std::unique_ptr<guard_lock> none;
    auto deferred = std::make_unique<unique>(m, std::defer_lock);
    co_await io();
  }
  {
    std::vector<unique> all, empty;
    all.emplace_back(m);
    all.clear();
    co_await io();
  }
  {
    transaction t;
    t.lock.unlock();
    co_await io();
  }
  {
    auto [lock, n] = a.synchronised();
    lock.unlock();
    co_await io();
  }
  {
    unique from(m);
    from.unlock();
    unique into(std::move(from)), swapped;
    swapped.swap(into);
    co_await io();
  }
  {
    unique from(m);
    {
      unique inner;
      std::swap(from, inner);
    }
    co_await io();
  }
}
task<> owners_of_others(std::unique_ptr<account> a, std::optional<account> &b) {
  std::vector<std::unique_ptr<account>> all;
  all.push_back(std::make_unique<account>());
  co_await io();
}
