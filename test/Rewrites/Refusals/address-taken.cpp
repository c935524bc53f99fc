// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}
  std::function<void()> skip() { return std::bind(&ticker::tick, this); }

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [address-taken]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        tick();
    });
  }

private:
  void tick() {
    ++ticks_;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [address-taken]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        tick();
    });
  }

  asio::steady_timer timer_;
  int ticks_ = 0;
};
