// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <vector>

class ticker {
public:
  void start() {
    for (asio::steady_timer &timer : timers_)
  // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [operation-in-a-loop]
      timer.async_wait([](std::error_code) {});
  }

private:
  std::vector<asio::steady_timer> timers_;
};
