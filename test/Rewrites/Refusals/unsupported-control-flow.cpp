// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:22: note: not converted: {{.*}} [unsupported-control-flow]
    started_ = true, timer_.async_wait([](std::error_code) {});
  }

private:
  asio::steady_timer timer_;
  bool started_ = false;
};

// No coroutine goes on behind a switch.
class answering {
public:
  explicit answering(asio::io_context &io) : timer_(io) {}
  void start() { read(); }

private:
  void read() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'answering::reply' is called inside this switch, and a coroutine goes on only behind plain calls and ifs; write it with ifs {{.*}} [unsupported-control-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (ec)
        return reply(0);
      dispatch();
    });
  }
  void dispatch() {
    switch (answer_) {
    case 1:
      reply(1);
      break;
    default:
      reply(2);
    }
  }
  void reply(int answer) {
    answer_ = answer;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'answering::reply' is called inside this switch, {{.*}} [unsupported-control-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        read();
    });
  }

  asio::steady_timer timer_;
  int answer_ = 0;
};
