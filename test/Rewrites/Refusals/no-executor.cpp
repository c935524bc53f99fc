// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>

class pauses {
public:
  void wait_for(std::chrono::milliseconds time) {
    auto timer = make_timer(time);
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [no-executor]
    timer->async_wait([timer](std::error_code) {});
  }

private:
  std::shared_ptr<asio::steady_timer>
  make_timer(std::chrono::milliseconds time);
};
