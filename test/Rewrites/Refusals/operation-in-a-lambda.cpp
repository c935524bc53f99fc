// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>
#include <utility>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void prepare() {
    start_ = [this] {
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [operation-in-a-lambda]
      timer_.async_wait([](std::error_code) {});
    };
  }

private:
  asio::steady_timer timer_;
  std::function<void()> start_;
};

// Calls what it gets whenever it likes.
class bell {
public:
  void on_ring(std::function<void()> heard) { heard_ = std::move(heard); }
  void ring() { heard_(); }

private:
  std::function<void()> heard_;
};

void listen(bell &door, asio::steady_timer &timer) {
  door.on_ring([&timer] {
    // CHECK: [[#@LINE+1]]:5: note: not converted: the operation starts inside a callback of 'on_ring', which is not known to wait and then call it exactly once, as the last thing on every path; move the callback's body into a function [operation-in-a-lambda]
    timer.async_wait([](std::error_code) {});
  });
}
