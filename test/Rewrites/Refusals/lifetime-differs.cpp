// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <memory>

class ticker : public std::enable_shared_from_this<ticker> {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}
  void start() { wait(); }

private:
  void wait() {
    auto self = shared_from_this();
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lifetime-differs]
    timer_.async_wait([this, self](std::error_code ec) {
      if (!ec)
        wait_more();
    });
  }

  void wait_more() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lifetime-differs]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        wait();
    });
  }

  asio::steady_timer timer_;
};
