// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start_soon() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait([this](std::error_code) {
      finish();
    });
  }
  void start_later() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        finish();
    });
  }

private:
  void finish() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait([](std::error_code) {});
  }

  asio::steady_timer timer_;
};
