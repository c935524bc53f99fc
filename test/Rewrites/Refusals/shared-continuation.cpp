// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>

// Both hand out what the same handler makes of their waits.
class ticker {
public:
  using handler = std::function<void(std::error_code)>;

  explicit ticker(asio::io_context &io) : timer_(io) {}

  void wait(handler done) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait(
        std::bind(&ticker::finish, this, std::placeholders::_1, done));
  }
  void wait_long(handler done) {
    timer_.expires_after(std::chrono::hours(1));
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait(
        std::bind(&ticker::finish, this, std::placeholders::_1, done));
  }

private:
  void finish(std::error_code ec, handler done) { done(ec); }

  asio::steady_timer timer_;
};
