// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <mutex>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
    std::lock_guard<std::mutex> guard(mutex_);
    ++ticks_;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lock-across-suspension]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

private:
  asio::steady_timer timer_;
  std::mutex mutex_;
  int ticks_ = 0;
};

// A temporary is as bad as a variable.
class shared_ticker {
public:
  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lock-across-suspension]
    timer_of(std::unique_lock<std::mutex>(mutex_)).async_wait(
        [this](std::error_code ec) {
          if (!ec)
            start();
        });
  }

private:
  asio::steady_timer &timer_of(const std::unique_lock<std::mutex> &proof);
  std::mutex mutex_;
};
