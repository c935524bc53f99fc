// std: c++20
// theirs: cppcoreguidelines-no-suspend-with-lock
// ours: coral-lock-across-await
// up to: 0
#include "lazy.hpp"
#include <mutex>
#include <shared_mutex>

std::mutex first, second;
std::shared_mutex shared;
struct own_mutex {
  void lock() { inner.lock(); }
  void unlock() { inner.unlock(); }
  std::mutex inner;
};

//- `unique_lock`, awaits under it
lazy<int> held() {
  std::unique_lock<std::mutex> lock(first);
  co_await event();
  co_return 1;
}
//- awaits under it in an inner scope
lazy<int> held_in_inner_scope(bool b) {
  std::unique_lock<std::mutex> lock(first);
  if (b) {
    co_await event();
  }
  co_return 1;
}
//- a function try block
lazy<int> held_in_try() try {
  std::unique_lock<std::mutex> lock(first);
  co_await event();
  co_return 1;
} catch (...) {
  co_return 0;
}
//- `co_yield` under it
lazy<int> yields() {
  std::unique_lock<std::mutex> lock(first);
  co_yield 1;
  co_return 1;
}
//- a default-constructed lock that is unlocked
lazy<int> never_locked(bool b) {
  if (b) {
    std::unique_lock<std::mutex> lock;
    lock.unlock();
    co_await event();
  }
  co_return 1;
}
//- `unlock()` first
lazy<int> unlocked() {
  std::unique_lock<std::mutex> lock(first);
  lock.unlock();
  co_await event();
  co_return 1;
}
//- `unlock()` on one path only
lazy<int> sometimes_unlocked(bool b) {
  std::unique_lock<std::mutex> lock(first);
  if (b)
    lock.unlock();
  co_await event();
  co_return 1;
}
//- `release()`, the mutex stays locked
lazy<int> released() {
  std::unique_lock<std::mutex> lock(first);
  lock.release();
  co_await event();
  co_return 1;
}
//- `release()` and `unlock()` of what it gives
lazy<int> released_and_unlocked() {
  std::unique_lock<std::mutex> lock(first);
  lock.release()->unlock();
  co_await event();
  co_return 1;
}
//- swapped with an empty lock that dies
lazy<int> swapped_away() {
  std::unique_lock<std::mutex> lock(first);
  {
    std::unique_lock<std::mutex> other;
    lock.swap(other);
  }
  co_await event();
  co_return 1;
}
//- swapped with an empty lock that lives
lazy<int> swapped_with_empty() {
  std::unique_lock<std::mutex> lock(first);
  std::unique_lock<std::mutex> other;
  lock.swap(other);
  co_await event();
  co_return 1;
}
//- swapped with another that is locked
lazy<int> swapped_with_locked() {
  std::unique_lock<std::mutex> lock(first);
  std::unique_lock<std::mutex> other{second};
  lock.swap(other);
  co_await event();
  co_return 1;
}
//- an empty lock assigned
lazy<int> assigned_empty() {
  std::unique_lock<std::mutex> lock(first);
  lock = std::unique_lock<std::mutex>{};
  co_await event();
  co_return 1;
}
//- a lock of another mutex assigned
lazy<int> assigned_locked() {
  std::unique_lock<std::mutex> lock(first);
  lock = std::unique_lock<std::mutex>{second};
  co_await event();
  co_return 1;
}
//- moved to a lock that dies
lazy<int> moved_away() {
  std::unique_lock<std::mutex> lock(first);
  { auto other = std::move(lock); }
  co_await event();
  co_return 1;
}
//- the mutex itself is unlocked behind the back of its lock
lazy<int> mutex_unlocked() {
  std::unique_lock<std::mutex> lock(first);
  first.unlock();
  co_await event();
  co_return 1;
}
//- a default-constructed lock
lazy<int> empty() {
  std::unique_lock<std::mutex> lock;
  co_await event();
  co_return 1;
}
//- `std::defer_lock`
lazy<int> deferred() {
  std::unique_lock<std::mutex> lock(first, std::defer_lock);
  co_await event();
  co_return 1;
}
//- awaits before it
lazy<int> before() {
  co_await event();
  std::unique_lock<std::mutex> lock(first);
  co_return 1;
}
//- in a scope that has ended
lazy<int> ended_scope() {
  {
    std::unique_lock<std::mutex> lock(first);
  }
  co_await event();
  co_return 1;
}
//- `goto` back out of its scope to an await
lazy<int> back() {
again:
  co_await event();
  std::unique_lock<std::mutex> lock(first);
  goto again;
}
//- in a coroutine lambda
void in_lambda() {
  auto closure = []() -> lazy<int> {
    std::unique_lock<std::mutex> lock(first);
    co_await event();
    co_return 1;
  };
}
//- in a generic coroutine lambda that nobody calls
void in_generic_lambda() {
  auto closure = [](auto &mutex) -> lazy<int> {
    std::unique_lock<decltype(mutex)> lock(mutex);
    co_await event();
    co_return 1;
  };
}
//- around a coroutine lambda
lazy<int> around_lambda [[clang::coro_wrapper]] () {
  std::unique_lock<std::mutex> lock(first);
  auto closure = []() -> lazy<int> {
    co_await event();
    co_return 1;
  };
  return closure();
}
//- in a template, the mutex its parameter; instantiated
template <class Mutex> lazy<int> of_mutex(Mutex &mutex) {
  std::unique_lock<Mutex> lock(mutex);
  co_await event();
  co_return 1;
}
template lazy<int> of_mutex(std::mutex &);
template lazy<int> of_mutex(own_mutex &);
//- in a template, the mutex its parameter; never instantiated
template <class Mutex> lazy<int> of_unknown_mutex(Mutex &mutex) {
  std::unique_lock<Mutex> lock(mutex);
  co_await event();
  co_return 1;
}
//- in a template, the mutex known; never instantiated
template <class T> lazy<int> in_template(T) {
  std::unique_lock<std::mutex> lock(first);
  co_await event();
  co_return 1;
}
//- in a member of a class template, the mutex a member
template <class T> struct container {
  lazy<int> push() {
    std::unique_lock<std::mutex> lock(mutex);
    co_await event();
    co_return 1;
  }
  std::mutex mutex;
};
//- `lock_guard<std::mutex>`, the await in a declaration
lazy<int> in_declaration(lazy<int> task) {
  std::lock_guard<std::mutex> lock(first);
  int got = co_await std::move(task);
  co_return got;
}
//- `lock_guard` with deduced argument
lazy<int> deduced_guard() {
  std::lock_guard lock(first);
  co_await event();
  co_return 1;
}
//- `scoped_lock` with deduced argument, the await in a declaration
lazy<int> deduced_scoped(lazy<int> task) {
  std::scoped_lock lock(first);
  int got = co_await std::move(task);
  co_return got;
}
//- `shared_lock`
lazy<int> shared_held() {
  std::shared_lock<std::shared_mutex> lock(shared);
  co_await event();
  co_return 1;
}
//- `auto lock = lock_guard(mutex)`
lazy<int> deduced_variable() {
  auto lock = std::lock_guard<std::mutex>(first);
  co_await event();
  co_return 1;
}
//- an alias of a guard type
using guard = std::lock_guard<std::mutex>;
lazy<int> aliased() {
  guard lock(first);
  co_await event();
  co_return 1;
}
//- a guard in a struct
struct transaction {
  std::unique_lock<std::mutex> lock{first};
  int id = 0;
};
lazy<int> in_struct() {
  transaction t;
  co_await event();
  co_return t.id;
}
//- `auto lock = f()`, which returns a guard
std::unique_lock<std::mutex> acquire() { return std::unique_lock(first); }
lazy<int> from_function() {
  auto lock = acquire();
  co_await event();
  co_return 1;
}
//- in the initializer of an `if`
lazy<int> in_condition() {
  if (std::lock_guard lock(first); true)
    co_await event();
  co_return 1;
}
//- a parameter
lazy<int> parameter(std::unique_lock<std::mutex> lock) {
  co_await event();
  co_return 1;
}
//- `mutex.lock()` and `mutex.unlock()`
lazy<int> by_hand() {
  first.lock();
  co_await event();
  first.unlock();
  co_return 1;
}
