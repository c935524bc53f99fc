// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>

// A coroutine's parameters are copies, and a report cannot be copied.
struct report {
  report() = default;
  report(const report &) = delete;
  int value = 0;
};

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start(const report &r) {
    ticks_ = r.value;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [output-does-not-verify]
    timer_.async_wait([this](std::error_code) {
      std::cout << ticks_;
    });
  }

private:
  asio::steady_timer timer_;
  int ticks_ = 0;
};
