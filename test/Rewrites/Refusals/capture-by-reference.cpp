// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>
#include <memory>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
    int ticks = 0;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [capture-by-reference]
    timer_.async_wait([this, &ticks](std::error_code ec) {
      if (!ec)
        std::cout << ++ticks;
    });
  }

private:
  asio::steady_timer timer_;
};

// What a constant reference refers to is not copied either; it may be gone.
class deadline {
public:
  void watch(const std::shared_ptr<asio::steady_timer> &timer) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: the handler refers to what 'timer' refers to, and a coroutine would have a copy of that; pass a pointer, which the handler may copy [capture-by-reference]
    timer->async_wait([this, &timer](std::error_code ec) {
      if (!ec)
        watch(timer);
    });
  }
};
