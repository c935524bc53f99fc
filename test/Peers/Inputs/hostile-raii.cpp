// std: c++20
// theirs: misc-coroutine-hostile-raii
// options: misc-coroutine-hostile-raii.RAIITypesList=std::lock_guard;std::scoped_lock;hand
// ours: coral-lock-across-await
// up to: 0
#include "lazy.hpp"
#include <atomic>
#include <mutex>

std::mutex mutex;

/// A guard that says so with an attribute.
struct spin_mutex {
  void lock() {
    while (flag.test_and_set()) {
    }
  }
  void unlock() { flag.clear(); }
  std::atomic_flag flag;
};
struct __attribute__((scoped_lockable)) spin_guard {
  explicit spin_guard(spin_mutex &m) : locked(m) { locked.lock(); }
  ~spin_guard() { locked.unlock(); }
  spin_mutex &locked;
};
using spin_alias = spin_guard;
spin_mutex spin;

/// A guard whose shape says nothing but that its destructor does something.
struct hand {
  hand();
  ~hand();
};

//- a `scoped_lockable` guard, `co_yield` in an inner scope
lazy<int> yields() {
  spin_guard guard(spin);
  {
    co_yield 1;
  }
  co_return 1;
}
//- a `scoped_lockable` guard behind an alias
lazy<int> aliased() {
  spin_alias guard(spin);
  co_await event();
  co_return 1;
}
//- one that ends before, one that starts after
lazy<int> around() {
  {
    spin_guard before(spin);
  }
  co_await event();
  spin_guard after(spin);
  co_return 1;
}
//- in a loop
lazy<int> loop() {
  for (int i = 0; i < 10; ++i) {
    spin_guard guard(spin);
    co_await event();
  }
  co_return 1;
}
//- after the await, in a loop
lazy<int> loop_after() {
  for (int i = 0; i < 10; ++i) {
    co_await event();
    spin_guard guard(spin);
  }
  co_return 1;
}
//- in an `if`
lazy<int> branch(bool b) {
  if (b) {
    spin_guard guard(spin);
    co_await event();
  }
  co_return 1;
}
//- in a coroutine lambda
void lambda() {
  auto closure = []() -> lazy<int> {
    spin_guard guard(spin);
    co_await event();
    co_return 1;
  };
}
//- around a coroutine lambda
void around_lambda() {
  spin_guard guard(spin);
  auto closure = []() -> lazy<int> {
    co_await event();
    co_return 1;
  };
}
//- in a template, the guard's type its parameter; instantiated
template <class Guard, class Mutex> lazy<int> in_template(Mutex &m) {
  Guard guard(m);
  co_await event();
  co_return 1;
}
template lazy<int> in_template<spin_guard>(spin_mutex &);
//- a `std::lock_guard`
lazy<int> standard() {
  std::lock_guard<std::mutex> guard(mutex);
  co_await event();
  co_return 1;
}
//- a `std::lock_guard`, the await in a declaration
lazy<int> standard_in_declaration(lazy<int> task) {
  std::lock_guard<std::mutex> guard(mutex);
  int got = co_await std::move(task);
  co_return got;
}
//- a `std::unique_lock`
lazy<int> unique() {
  std::unique_lock<std::mutex> guard(mutex);
  co_await event();
  co_return 1;
}
//- a type named in the options that guards nothing visible
lazy<int> named() {
  hand held;
  co_await event();
  co_return 1;
}
//- a reference to a guard
lazy<int> reference(spin_guard &other) {
  spin_guard &guard = other;
  co_await event();
  co_return 1;
}
//- a pointer to a guard
lazy<int> pointer(spin_guard *other) {
  spin_guard *guard = other;
  co_await event();
  co_return 1;
}
//- a guard as a parameter
lazy<int> parameter(spin_guard guard) {
  co_await event();
  co_return 1;
}
//- an await that never suspends
lazy<int> never_suspends() {
  std::lock_guard<std::mutex> guard(mutex);
  co_await std::suspend_never();
  co_return 1;
}
