// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(
        std::bind(&ticker::on_wait, this, std::placeholders::_1));
  }

private:
  void on_wait(std::error_code ec) {
    if (!ec)
      start();
  }

  asio::steady_timer timer_;
};
