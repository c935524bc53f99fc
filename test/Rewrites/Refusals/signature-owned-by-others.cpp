// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>

struct service {
  virtual ~service() = default;
  virtual void start() = 0;
};

class ticker : public service {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start() override {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [signature-owned-by-others]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        start();
    });
  }

private:
  asio::steady_timer timer_;
};
