// coral-return-in-try
//
// RUN: %exits 1 %coral lint --checks=coral-return-in-try %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "seastar.hpp"
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>

using cppcoro::task;

task<int> read(int n);
task<int> none();
int parse(const std::string &text);
void log(const std::exception &e);
std::mutex m;
seastar::future<int> load() { co_return 1; }
seastar::future<int> start_loading();
seastar::semaphore_units take_units();

task<int> handled() {
  try {
    return read(1);
    // CHECK: :[[@LINE-1]]:5: warning: the task is returned out of this 'try', so the handler never sees what the task throws; make this function a coroutine and 'co_return co_await' the task here [coral-return-in-try]
    // CHECK: :[[@LINE+1]]:5: note: this handler is gone when the task runs
  } catch (const std::exception &e) {
    log(e);
    return none();
  }
}
task<int> with_arguments(std::string text, bool b) {
  try {
    if (b)
      return read(text.size());
    // CHECK: :[[@LINE-1]]:7: warning: the task is returned out of this 'try'
    return read(static_cast<int>(b));
    // CHECK: :[[@LINE-1]]:5: warning: the task is returned out of this 'try'
  } catch (...) {
  }
  return none();
}
auto lambda = [](int n) -> task<int> {
  try {
    return read(n);
    // CHECK: :[[@LINE-1]]:5: warning: the task is returned out of this 'try'
  } catch (const std::runtime_error &) {
    return none();
  }
};
seastar::future<int> eager() {
  try {
    return load();
    // CHECK: :[[@LINE-1]]:5: warning: the task is returned out of this 'try'
  } catch (...) {
    return seastar::make_ready_future(0);
  }
}
task<int> locked() {
  std::lock_guard guard(m);
  return read(1);
  // CHECK: :[[@LINE-1]]:3: warning: 'guard' is released when this function returns, before the task has run; make this function a coroutine and 'co_return co_await' the task here
  // CHECK: :[[@LINE-3]]:19: note: it is taken here
}
seastar::future<int> with_units() {
  auto units = take_units();
  return load();
  // CHECK: :[[@LINE-1]]:3: warning: 'units' is released when this function returns
}

class when_done {
public:
  explicit when_done(std::function<void()> f) : f_(std::move(f)) {}
  ~when_done() {
    if (f_)
      f_();
  }

private:
  std::function<void()> f_;
};
template <class F> class deferred {
public:
  explicit deferred(F f) : f_(f) {}
  ~deferred() { f_(); }

private:
  F f_;
};
int running = 0;
task<int> scoped() {
  when_done done([] { --running; });
  return read(1);
  // CHECK: :[[@LINE-1]]:3: warning: 'done' does what it is there for when this function returns, before the task has run; make this function a coroutine and 'co_return co_await' the task here
  // CHECK: :[[@LINE-3]]:13: note: it is declared here
}
task<int> deferring() {
  deferred done([] { --running; });
  return read(1);
  // CHECK: :[[@LINE-1]]:3: warning: 'done' does what it is there for
}

// Nothing below is reported.

task<int> scoped_coroutine() {
  when_done done([] { --running; });
  co_return co_await read(1);
}
task<int> scoped_before() {
  {
    when_done done([] { --running; });
    ++running;
  }
  return read(1);
}
class owner {
public:
  ~owner() { close(); }
  void close();
};
task<int> owned() {
  owner o;
  return read(1);
}

task<int> coroutine() {
  try {
    co_return co_await read(1);
  } catch (const std::exception &e) {
    log(e);
  }
  co_return 0;
}
task<int> rethrows() {
  try {
    return read(1);
  } catch (const std::exception &e) {
    log(e);
    throw;
  }
}
task<int> translates() {
  try {
    return read(1);
  } catch (...) {
    throw std::runtime_error("failed");
  }
}
task<int> handles_another(std::string text) {
  try {
    return read(parse(text));
  } catch (const std::exception &e) {
    return none();
  }
}
task<int> handles_what_is_before(std::string text) {
  try {
    int n = parse(text);
    return read(n);
  } catch (const std::exception &e) {
    return none();
  }
}
seastar::future<int> may_throw_now() {
  try {
    return start_loading();
  } catch (...) {
    return seastar::make_ready_future(0);
  }
}
task<int> outside() {
  try {
    parse("");
  } catch (...) {
    return read(0);
  }
  return read(1);
}
int plain() {
  try {
    return parse("");
  } catch (...) {
    return 0;
  }
}
int counter;
struct store {
  int value_;
  task<int> get() {
    std::lock_guard guard(m);
    return read(value_);
  }
  task<int> next() {
    std::lock_guard guard(m);
    ++value_;
    return read(1);
  }
};
task<int> global() {
  std::lock_guard guard(m);
  return read(counter);
}
seastar::future<int> ready() {
  auto units = take_units();
  return seastar::make_ready_future(1);
}
task<int> owner(seastar::semaphore_units units);
task<int> passed_on() {
  auto units = take_units();
  return owner(std::move(units));
}
