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

// The inner handler looks at what the variable was, the outer one at what it is.
void snapshot(asio::io_context &io, asio::steady_timer &first, asio::steady_timer &second) {
  int total = 5;
  // CHECK: [[#@LINE+1]]:3: note: not converted: this handler works on a copy of 'total'{{.*}} [capture-of-a-copy]
  first.async_wait([&total, &second](std::error_code) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: this handler works on a copy of 'total'{{.*}} [capture-of-a-copy]
    second.async_wait([total](std::error_code) { std::cout << total; });
  });
  total = 99;
  io.run();
}

// What is called by the first handler changes the object, and its own handler
// has a copy of that.
class counter {
public:
  explicit counter(asio::io_context &io) : timer_(io) {}

  void start() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'number' is a reference to the caller's object{{.*}} [capture-of-a-copy]
    timer_.async_wait([this](std::error_code) { count(number_); });
  }

private:
  void count(int &number) {
    ++number;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'number' is a reference to the caller's object{{.*}} [capture-of-a-copy]
    timer_.async_wait([this, number](std::error_code) { std::cout << number - number_; });
  }

  asio::steady_timer timer_;
  int number_ = 0;
};
