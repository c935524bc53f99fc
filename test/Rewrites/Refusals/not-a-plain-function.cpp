// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>

class ticker {
public:
  explicit ticker(asio::io_context &io)
  try : timer_(io) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [not-a-plain-function]
    timer_.async_wait([](std::error_code) {});
  } catch (const std::exception &e) {
    std::cerr << e.what();
  }

private:
  asio::steady_timer timer_;
};
