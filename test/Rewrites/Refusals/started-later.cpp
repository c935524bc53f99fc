// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void restart() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [started-later]
    timer_.async_wait([](std::error_code) {});
    timer_.cancel();
  }

private:
  asio::steady_timer timer_;
};
