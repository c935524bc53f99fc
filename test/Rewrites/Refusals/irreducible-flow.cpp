// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class blinker {
public:
  explicit blinker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [irreducible-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (ec)
        switch_on();
      else
        switch_off();
    });
  }

private:
  void switch_on() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [irreducible-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        switch_off();
    });
  }

  void switch_off() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [irreducible-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        switch_on();
    });
  }

  asio::steady_timer timer_;
};
