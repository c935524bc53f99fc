// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <cstdio>
#include <sys/socket.h>

class receiver {
public:
  explicit receiver(asio::io_context &io) : timer_(io) {}

  void receive() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [size-not-fixed]
    timer_.async_wait([this](std::error_code ec) {
      if (ec)
        return;
      union {
        cmsghdr align;
        char buffer[CMSG_SPACE(sizeof(int))];
      } control;
      std::snprintf(control.buffer, sizeof control.buffer, "x");
      receive();
    });
  }

private:
  asio::steady_timer timer_;
};
