// RUN: %coral rewrite --quiet --output-dir=%t.out %s -- -std=c++20 2>%t.notes
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

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

// A switch that is no branch.
class answering {
public:
  explicit answering(asio::io_context &io) : timer_(io) {}
  void start() { read(); }

private:
  void read() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'answering::reply' is called inside this switch, and this label stands inside another statement of its switch; write the switch with ifs {{.*}} [unsupported-control-flow]
    timer_.async_wait([this](std::error_code ec) {
      if (ec)
        return reply(0);
      dispatch();
    });
  }
  void dispatch() {
    switch (answer_) {
    case 1: {
      ++answer_;
    case 2:
      reply(1);
      break;
    }
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

// The same, where a callback function of this file is called.
class asking {
public:
  explicit asking(asio::io_context &io) : timer_(io) {}

  void look(std::function<void(int)> done) {
    timer_.async_wait([this, done](std::error_code) { done(answer_); });
  }

  void noBlock() {
    switch (answer_)
    case 1:
    // CHECK: [[#@LINE+1]]:7: note: not converted: what this switch decides is no block; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this](int answer) { answer_ = answer; });
  }

  void labelInside() {
    switch (answer_) {
    case 1: {
    case 2:
    // CHECK: [[#@LINE+1]]:7: note: not converted: this label stands inside another statement of its switch; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this](int answer) { answer_ = answer; });
    }
    }
  }

  void beforeLabels() {
    switch (answer_) {
      int n;
    case 1:
      n = 1;
    // CHECK: [[#@LINE+1]]:7: note: not converted: this stands before the first label of its switch; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this, n](int answer) { answer_ = answer + n; });
    }
  }

  void declaredForOthers() {
    switch (answer_) {
    case 1:
      int n;
      n = 1;
    // CHECK: [[#@LINE+1]]:7: note: not converted: this declares a name that is known in the arms behind this one as well; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this, n](int answer) { answer_ = answer + n; });
      break;
    case 2:
      n = answer_;
      answer_ = n + 1;
    }
  }

  void jumping() {
    switch (answer_) {
    case 1:
      if (answer_ > 2)
        goto other;
    // CHECK: [[#@LINE+1]]:7: note: not converted: a goto is in the way of reading this switch as a branch; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this](int answer) { answer_ = answer; });
      break;
    case 2:
    other:
      answer_ = 3;
    }
  }

  void leaving() {
    switch (answer_) {
    case 1:
      if (int n = answer_) {
        answer_ = n;
        break;
      }
    // CHECK: [[#@LINE+1]]:7: note: not converted: a break stands inside this statement of its switch; write the switch with ifs {{.*}} [unsupported-control-flow]
      look([this](int answer) { answer_ = answer; });
    }
  }

private:
  asio::steady_timer timer_;
  int answer_ = 0;
};
