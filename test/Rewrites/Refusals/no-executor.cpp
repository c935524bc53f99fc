// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>

class pauses {
public:
  explicit pauses(asio::io_context &io) : io_(io) {}

  void wait_for(std::chrono::milliseconds time) {
    auto timer = std::make_shared<asio::steady_timer>(io_, time);
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [no-executor]
    timer->async_wait([timer](std::error_code) {});
  }

private:
  asio::io_context &io_;
};
