// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [output-does-not-verify]
    timer_.async_wait([](std::error_code) {
      // The handler's name, and not that of a coroutine.
      std::cout << __func__;
    });
  }

private:
  asio::steady_timer timer_;
};
