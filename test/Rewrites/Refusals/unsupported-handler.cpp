// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

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
