// RUN: %exits 1 %coral lint %s --checks=-*,coral-convertible -- -std=c++20 | FileCheck %s --implicit-check-not=warning:
// RUN: %coral lint %s -- -std=c++20 | count 0
// RUN: %exits 3 %coral lint %s --checks=-*,coral-convertible -- -std=c++20 -DBROKEN | FileCheck %s --check-prefix=BROKEN --implicit-check-not=coral-convertible

// What is offered is what the rewrite does.
// RUN: rm -rf %t && mkdir %t && cp %s %t/one.cpp && cd %t
// RUN: %exits 1 %coral lint one.cpp --checks=-*,coral-convertible --diff --unsafe-fixes -- -std=c++20 -DONE >%t/offered
// RUN: %exits 1 %coral rewrite --diff one.cpp -- -std=c++20 -DONE >%t/rewritten
// RUN: diff %t/offered %t/rewritten

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  // CHECK: [[#@LINE+2]]:5: warning: 'ticker::start' can be a coroutine; run 'coral rewrite' to convert it [coral-convertible]
  void start() {
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

#ifndef ONE
  // CHECK: [[#@LINE+2]]:5: warning: 'ticker::stop' can be a coroutine
  void stop() {
    timer_.async_wait([](std::error_code) {});
    timer_.cancel();
  }

  // Refused: nothing says when it is called.
  template <class T> void later(T what) {
    timer_.async_wait([what](std::error_code) { what(); });
  }
#endif

private:
  asio::steady_timer timer_;
};

#ifdef BROKEN
int broken = missing; // BROKEN: error: use of undeclared identifier 'missing'
#endif
