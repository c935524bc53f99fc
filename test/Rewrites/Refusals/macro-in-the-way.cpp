// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

#define WAIT(timer, handler) (timer).async_wait(handler)

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [macro-in-the-way]
    WAIT(timer_, [this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

private:
  asio::steady_timer timer_;
};

#define RETURN_IF(ec)                                                          \
  if (ec)                                                                      \
  return

// A return that cannot become a co_return.
class leaving {
public:
  explicit leaving(asio::io_context &io) : timer_(io) {}

  void start() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: a macro returns from here, and what it expands to cannot become a co_return; write the return out {{.*}} [macro-in-the-way]
    timer_.async_wait([this](std::error_code ec) {
      RETURN_IF(ec);
      start();
    });
  }

private:
  asio::steady_timer timer_;
};
