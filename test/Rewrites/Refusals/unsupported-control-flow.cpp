// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:22: note: not converted: {{.*}} [unsupported-control-flow]
    started_ = true, timer_.async_wait([](std::error_code) {});
  }

private:
  asio::steady_timer timer_;
  bool started_ = false;
};
