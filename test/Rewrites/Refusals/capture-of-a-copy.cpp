// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <iostream>
#include <string>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
    std::string &text = text_;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [capture-of-a-copy]
    timer_.async_wait([text](std::error_code ec) {
      if (!ec)
        std::cout << text;
    });
  }

private:
  asio::steady_timer timer_;
  std::string text_ = "tick";
};
