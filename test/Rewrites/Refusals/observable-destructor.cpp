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
