// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/bind_executor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <iostream>

template <typename Timer> class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void wait() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [dependent-code]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        wait();
    });
  }

private:
  Timer timer_;
};


// Whatever the handler is.
template <typename Derived> class ticker_base {
public:
  void wait() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [dependent-code]
    timer().async_wait(
        std::bind(&ticker_base::on_wait, this, std::placeholders::_1));
  }

  void wait_here() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [dependent-code]
    timer().async_wait(asio::bind_executor(timer().get_executor(),
                                           [](std::error_code) {}));
  }

private:
  void on_wait(std::error_code ec) {
    if (!ec)
      wait();
  }
  auto &timer() { return static_cast<Derived &>(*this).timer_; }
};
