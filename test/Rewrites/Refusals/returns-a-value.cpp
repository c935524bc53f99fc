// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  bool start() {
    if (started_)
      return false;
    started_ = true;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [returns-a-value]
    timer_.async_wait([](std::error_code) {});
    return true;
  }

private:
  asio::steady_timer timer_;
  bool started_ = false;
};
