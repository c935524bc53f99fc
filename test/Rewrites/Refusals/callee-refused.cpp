// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>
#include <mutex>

class pause {
public:
  explicit pause(asio::io_context &io) : timer_(io) {}

  void wait(std::function<void(std::error_code)> done) {
    std::lock_guard<std::mutex> guard(mutex_);
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lock-across-suspension]
    timer_.async_wait([done](std::error_code ec) {
      done(ec);
    });
  }

  void wait_again() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [callee-refused]
    wait([this](std::error_code ec) {
      if (!ec)
        wait_again();
    });
  }

private:
  asio::steady_timer timer_;
  std::mutex mutex_;
};
