// coral-await-in-cleanup
//
// RUN: %exits 1 %coral lint --checks=coral-await-in-cleanup %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
//
// Where the library cancels by throwing, and can keep a cancellation from what is awaited:
// RUN: %exits 1 %coral lint --checks=coral-await-in-cleanup %s -- -std=c++20 -I%S/../Inputs -isystem %runtime -DCORAL \
// RUN:   | FileCheck %s --check-prefixes=CHECK,CORAL --implicit-check-not=warning:
#include "cppcoro.hpp"
#include <mutex>

using cppcoro::task;
task<> send();
task<bool> ask();
struct permits {
  task<> acquire();
  void release();
};
struct topic {
  void subscribe(int id);
  void unsubscribe(int id);
  void open();
  void close();
};
struct at_exit {
  template <class F> explicit at_exit(F f);
  ~at_exit();
};
int running;

struct service {
  int active_ = 0;
  bool busy_ = false;
  permits permits_;
  topic topic_;
  std::mutex mutex_;

  task<> counts() {
    ++active_;
    co_await send();
    // CHECK: :[[@LINE-1]]:5: warning: an exception or a cancellation at this await leaves 'active_' as it is now; change it back in the destructor of an object [coral-await-in-cleanup]
    // CHECK: :[[@LINE-3]]:5: note: done here
    // CHECK: :[[@LINE+2]]:5: note: undone here, if this is reached
    co_await send();
    --active_;
  }
  task<> sets(bool b) {
    busy_ = true;
    if (b) {
      bool more = co_await ask();
      // CHECK: :[[@LINE-1]]:19: warning: {{.*}} leaves 'busy_' as it is now
      (void)more;
    }
    busy_ = false;
  }
  task<> acquires() {
    co_await permits_.acquire();
    co_await send();
    // CHECK: :[[@LINE-1]]:5: warning: {{.*}} leaves 'acquire' without its 'release'; make that call in the destructor of an object
    permits_.release();
  }
  task<> subscribes(topic *other) {
    other->subscribe(1);
    co_await send();
    // CHECK: :[[@LINE-1]]:5: warning: {{.*}} leaves 'subscribe' without its 'unsubscribe'
    other->unsubscribe(1);
  }
  task<> of_some_errors() {
    running++;
    try {
      co_await send();
      // CHECK: :[[@LINE-1]]:7: warning: {{.*}} leaves 'running' as it is now
    } catch (const std::exception &) {
    }
    running--;
  }

  // Nothing below is reported.

  task<> protected_by_handler() {
    ++active_;
    try {
      co_await send();
    } catch (...) {
    }
    --active_;
  }
  task<> undone_by_handler() {
    try {
      ++active_;
      co_await send();
      --active_;
    } catch (...) {
      --active_;
      throw;
    }
  }
  task<> undone_by_guard() {
    busy_ = true;
    at_exit guard([this] { busy_ = false; });
    co_await send();
    busy_ = false;
  }
  task<> undone_before() {
    ++active_;
    --active_;
    co_await send();
  }
  task<> never_undone() {
    ++active_;
    co_await send();
  }
  task<> other_object(service &other) {
    ++active_;
    co_await send();
    --other.active_;
  }
  task<> of_the_frame() {
    int count = 0;
    ++count;
    co_await send();
    --count;
    permits own;
    co_await own.acquire();
    co_await send();
    own.release();
  }
  task<> cannot_throw() {
    ++active_;
    co_await std::suspend_always();
    --active_;
  }
  task<> of_threads() {
    mutex_.lock();
    co_await send();
    mutex_.unlock();
  }
  task<> no_pair() {
    topic_.open();
    co_await send();
    topic_.close();
  }
  task<> in_a_closure() {
    ++active_;
    auto later = [this]() -> task<> { co_await send(); };
    --active_;
    co_await later();
  }
  template <class T> task<> of_template(T value) {
    ++active_;
    co_await value;
    --active_;
  }
};
void no_coroutine(service &s) {
  ++s.active_;
  --s.active_;
}

#ifdef CORAL
#include <coral/task.hpp>
#include <coral/tasks.hpp>

coral::task<void> work();
coral::task<void> clean_up();

coral::task<void> thrown_on(bool b) {
  std::exception_ptr error;
  try {
    co_await work();
  } catch (...) {
    error = std::current_exception();
  }
  if (b)
    co_await clean_up();
  // CORAL: :[[@LINE-1]]:5: warning: this await cleans up after a cancellation, too, and another cancellation would end it half-way; shield what it awaits
  // CORAL: :[[@LINE-6]]:5: note: the cancellation is taken here
  // CORAL: :[[@LINE+2]]:5: note: and thrown on here
  if (error)
    std::rethrow_exception(error);
}

// Nothing below is reported.

coral::task<void> shielded() {
  std::exception_ptr error;
  try {
    co_await work();
  } catch (...) {
    error = std::current_exception();
  }
  co_await coral::shield(coral::create_task(clean_up()));
  if (error)
    std::rethrow_exception(error);
}
coral::task<void> thrown_on_first() {
  std::exception_ptr error;
  try {
    co_await work();
  } catch (...) {
    error = std::current_exception();
  }
  if (error)
    std::rethrow_exception(error);
  co_await clean_up();
}
coral::task<void> not_thrown_on() {
  std::exception_ptr error;
  try {
    co_await work();
  } catch (...) {
    error = std::current_exception();
  }
  co_await clean_up();
}
coral::task<void> no_cancellation() {
  std::exception_ptr error;
  try {
    co_await work();
  } catch (const std::bad_alloc &) {
    error = std::current_exception();
  }
  co_await clean_up();
  if (error)
    std::rethrow_exception(error);
}
#endif
