// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>

struct trace {
  ~trace() { std::cout << "wait: leave\n"; }
};

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
    trace t;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [observable-destructor]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

private:
  asio::steady_timer timer_;
};

// A temporary in the call lives as long as a variable would.
struct noisy_delay {
  ~noisy_delay() { std::cout << "delay: leave\n"; }
  std::chrono::milliseconds length{1};
};

class sleeper {
public:
  explicit sleeper(asio::io_context &io) : timer_(io) {}

  void start(asio::steady_timer &(*timer)(const noisy_delay &)) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} 'noisy_delay' {{.*}} [observable-destructor]
    timer(noisy_delay()).async_wait([this](std::error_code ec) {
      if (!ec)
        stop();
    });
  }

private:
  void stop();
  asio::steady_timer timer_;
};
