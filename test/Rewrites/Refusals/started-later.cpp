// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void restart() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
    timer_.cancel();
  }

private:
  asio::steady_timer timer_;
};

// The callback may be called at once.
class cache {
public:
  explicit cache(asio::io_context &io) : timer_(io) {}

  void get(int key, std::function<void(int)> done) {
    if (key == 0)
      return done(0);
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'cache::get' may call its callback before it returns{{.*}} [started-later]
    timer_.async_wait([key, done](std::error_code) { done(key); });
  }

private:
  asio::steady_timer timer_;
};

// What a library makes, and what goes at the end of a scope, is used, too.
class counted {
public:
  explicit counted(asio::io_context &io) : timer_(io) {}

  void wait_and_make(int n) {
    last = n;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'last' is used by code that runs behind the start{{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
  }
  void wait_in_scope(int n) {
    last = n;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'last' is used by code that runs behind the start{{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
  }
  void wait_and_delete(int n) {
    last = n;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'last' is used by code that runs behind the start{{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
  }
  void wait_and_drop(int n) {
    last = n;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'last' is used by code that runs behind the start{{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
  }

  static inline int last = 0;

private:
  asio::steady_timer timer_;
};

struct reporter {
  reporter() { seen = counted::last; }
  int seen;
};

struct at_end {
  ~at_end() { counted::last = 0; }
};

void makes(counted &c) {
  c.wait_and_make(2);
  std::make_shared<reporter>();
}
void ends(counted &c) {
  at_end scope;
  c.wait_in_scope(3);
}
void deletes(counted &c, at_end *old) {
  c.wait_and_delete(4);
  delete old;
}
void drops(counted &c) {
  c.wait_and_drop(5);
  at_end{};
}

// What is made for the call is gone when the coroutine looks at it.
class teller {
public:
  explicit teller(asio::io_context &io) : timer_(io) {}

  void start() { tell(std::to_string(counted::last).c_str()); }
  void tell(const char *text) {
    said_ = text;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'text' refers to something that is made for this call; {{.*}} [started-later]
    timer_.async_wait([this](std::error_code) { said_.clear(); });
  }

private:
  asio::steady_timer timer_;
  std::string said_;
};
