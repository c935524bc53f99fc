// coral-use-after-publish
//
// RUN: %exits 1 %coral lint --checks=coral-use-after-publish --level=1 %s -- -std=c++20 \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 1 %coral lint %s -- -std=c++20 | FileCheck %s --check-prefix=DEFAULT
// DEFAULT-NOT: handed over
// DEFAULT: captured by reference
// DEFAULT-NOT: handed over
#include <algorithm>
#include <coroutine>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

using handle = std::coroutine_handle<>;
struct pool {
  void post(std::function<void()> f);
  void schedule(handle h);
  void add(handle h);
};
struct request {
  void *data;
};

struct base {
  bool await_ready() { return false; }
  void await_resume() {}
  pool &pool_;
  request *request_;
  int state_ = 0;
  std::mutex mutex_;
};

struct by_reference : base {
  void await_suspend(handle h) {
    pool_.post([&] { h.resume(); });
    // CHECK: :[[@LINE-1]]:22: warning: 'h' is captured by reference and is gone when 'await_suspend' returns, before the coroutine is resumed; capture it by value [coral-use-after-publish]
  }
};
struct by_named_reference : base {
  void await_suspend(handle h) {
    std::thread([&h] { h.resume(); }).detach();
    // CHECK: :[[@LINE-1]]:19: warning: 'h' is captured by reference
  }
};
struct other_local : base {
  void await_suspend(handle h) {
    int n = state_;
    pool_.post([h, &n] { n ? h.resume() : h.destroy(); });
    // CHECK: :[[@LINE-1]]:21: warning: 'n' is captured by reference
  }
};
struct address : base {
  void await_suspend(handle h) {
    request_->data = &h;
    // CHECK: :[[@LINE-1]]:22: warning: the address of 'h' is kept, which is gone when 'await_suspend' returns, before the coroutine is resumed; keep the handle itself, or its address()
  }
};
struct of_any_promise : base {
  template <class Promise> void await_suspend(std::coroutine_handle<Promise> h) {
    pool_.post([&h] { h.resume(); });
    // CHECK: :[[@LINE-1]]:18: warning: 'h' is captured by reference
  }
};
struct touches : base {
  void await_suspend(handle h) {
    pool_.post([h] { h.resume(); });
    state_ = 1;
    // CHECK: :[[@LINE-1]]:5: warning: 'state_' is used after the coroutine was handed over, when it may have gone on and ended in another thread; do this before, or copy what is needed to a local variable
    // CHECK: :[[@LINE-3]]:16: note: handed over here
  }
};
struct touches_on_a_path : base {
  bool await_suspend(handle h) {
    if (state_ == 0)
      pool_.schedule(h);
    return state_ == 0;
    // CHECK: :[[@LINE-1]]:12: warning: 'state_' is used after the coroutine was handed over
  }
};
struct after_resume : base {
  void await_suspend(handle h) {
    h.resume();
    state_ = 2;
    // CHECK: :[[@LINE-1]]:5: warning: 'state_' is used after the coroutine was handed over
  }
};
struct after_thread : base {
  void await_suspend(handle h) {
    std::thread t([h] { h.resume(); });
    t.detach();
    ++state_;
    // CHECK: :[[@LINE-1]]:7: warning: 'state_' is used after the coroutine was handed over
  }
};

// Nothing below is reported.

struct last_action : base {
  void await_suspend(handle h) {
    state_ = 1;
    pool_.post([this, h] { state_ ? h.resume() : h.destroy(); });
  }
};
struct on_another_path : base {
  bool await_suspend(handle h) {
    if (state_ == 0) {
      pool_.schedule(h);
      return true;
    }
    return state_ == 1;
  }
};
struct copied : base {
  bool await_suspend(handle h) {
    int state = state_;
    pool_.schedule(h);
    return state == 0;
  }
};
struct under_lock : base {
  void await_suspend(handle h) {
    std::lock_guard guard(mutex_);
    pool_.schedule(h);
    state_ = 1;
  }
};
struct at_once : base {
  void await_suspend(handle h) {
    std::vector<int> v(3);
    std::for_each(v.begin(), v.end(), [&](int n) { state_ += n + h.done(); });
    [&] { state_ += h.done(); }();
    auto each = [](auto f) { f(1); };
    each([&](int n) { state_ += n + h.done(); });
  }
};
struct modified : base {
  void modify(std::function<void(std::vector<handle> &)> change);
  void await_suspend(handle h) {
    modify([&](std::vector<handle> &waiting) { waiting.push_back(h); });
  }
};
struct kept : base {
  void await_suspend(handle h) {
    request_->data = h.address();
    handle_ = h;
    state_ = 1;
  }
  handle handle_;
};
struct transfers : base {
  handle await_suspend(handle h) {
    pool_.add(h);
    return std::noop_coroutine();
  }
};
struct other_function : base {
  void start(handle h) {
    pool_.schedule(h);
    state_ = 1;
  }
};
