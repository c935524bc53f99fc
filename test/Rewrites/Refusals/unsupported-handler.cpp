// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start_with(std::error_code) {}

  void start() {
    std::function<void(std::error_code)> handler =
        [this](std::error_code ec) { on_wait(ec); };
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(handler);
  }

private:
  void on_wait(std::error_code ec) {
    if (!ec)
      start();
  }

  asio::steady_timer timer_;
};

struct outcome {
  outcome(std::error_code ec) : good(!ec) {}
  bool good;
};

class other {
public:
  other(asio::io_context &io, ticker &peer) : peer_(peer), timer_(io) {}

  void on_another_object() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} on another object {{.*}} [unsupported-handler]
    timer_.async_wait(std::bind(&ticker::start_with, &peer_,
                                std::placeholders::_1));
  }

  void computed_early() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} computed when {{.*}} [unsupported-handler]
    timer_.async_wait(std::bind(
        &other::counted, this, ++count_, std::placeholders::_1));
  }

  void converted_error() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} as another type {{.*}} [unsupported-handler]
    timer_.async_wait([this](outcome waited) {
      if (waited.good)
        converted_error();
    });
  }

private:
  void counted(int, std::error_code) {}

  ticker &peer_;
  asio::steady_timer timer_;
  int count_ = 0;
};
