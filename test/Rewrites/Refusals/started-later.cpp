// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

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

// The callback may be called at once.
class cache {
public:
  explicit cache(asio::io_context &io) : timer_(io) {}

  void get(int key, std::function<void(int)> done) {
    if (key == 0)
      return done(0);
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'cache::get' may call its callback before it returns{{.*}} [started-later]
    timer_.async_wait([key, done](std::error_code) { done(key); });
  }

private:
  asio::steady_timer timer_;
};
