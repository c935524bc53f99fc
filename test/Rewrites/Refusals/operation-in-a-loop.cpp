// RUN: not %coral rewrite %s -- -std=c++20 2>%t.notes >%t.diff
// RUN: FileCheck %s <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>
#include <iostream>
#include <utility>
#include <vector>

class ticker {
public:
  void tick(asio::steady_timer &timer, std::function<void(std::error_code)> done) {
    timer.async_wait([done = std::move(done)](std::error_code ec) { done(ec); });
  }

  void start() {
    for (asio::steady_timer &timer : timers_)
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [operation-in-a-loop]
      tick(timer, [](std::error_code) { std::cout << "tick\n"; });
  }

private:
  std::vector<asio::steady_timer> timers_;
};
