// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <iostream>
#include <memory>

struct trace {
  ~trace() { std::cout << "wait: leave\n"; }
};

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() {
    trace t;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [observable-destructor]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

private:
  asio::steady_timer timer_;
};

// A temporary in the call lives as long as a variable would.
struct noisy_delay {
  ~noisy_delay() { std::cout << "delay: leave\n"; }
  std::chrono::milliseconds length{1};
};

class sleeper {
public:
  explicit sleeper(asio::io_context &io) : timer_(io) {}

  void start(asio::steady_timer &(*timer)(const noisy_delay &)) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} 'noisy_delay' {{.*}} [observable-destructor]
    timer(noisy_delay()).async_wait([this](std::error_code ec) {
      if (!ec)
        stop();
    });
  }

private:
  void stop();
  asio::steady_timer timer_;
};

// A handler's captures go in the reverse of their own order.
class holder : public std::enable_shared_from_this<holder> {
public:
  explicit holder(asio::io_context &io) : io_(io) {}
  ~holder() { std::cout << "holder: leave\n"; }

  void turned() {
    auto a = std::make_shared<trace>(), b = std::make_shared<trace>();
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'b' and 'a' are destroyed with the handler in another order {{.*}} [observable-destructor]
    asio::post(io_, [b, a] { std::cout << b.use_count() << a.use_count(); });
  }

  void moved() {
    auto a = std::make_unique<trace>(), b = std::make_unique<trace>();
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'b' and 'a' are destroyed {{.*}} [observable-destructor]
    asio::post(io_, [b = std::move(b), a = std::move(a)] {
      std::cout << (a != b);
    });
  }

  void object_first() {
    auto a = std::make_shared<trace>();
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'a' and 'self' are destroyed {{.*}} [observable-destructor]
    asio::post(io_, [this, a, self = shared_from_this()] { use(a, a); });
  }

  // Values that are bound go in their own order.
  void bound() {
    auto a = std::make_shared<trace>(), b = std::make_shared<trace>();
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'b' and 'a' are destroyed {{.*}} [observable-destructor]
    asio::post(io_, std::bind(&holder::use, this, a, b));
  }

  // The variable and the copy of it both end.
  void copied() {
    trace t;
    // CHECK: [[#@LINE+1]]:{{[0-9]+}}: note: not converted: 't' is destroyed when the operation has started, and its copy with the handler{{.*}} [observable-destructor]
    asio::post(io_, [t] { std::cout << &t; });
  }

private:
  void use(std::shared_ptr<trace> a, std::shared_ptr<trace> b) {
    std::cout << a.use_count() << b.use_count();
  }
  asio::io_context &io_;
};
