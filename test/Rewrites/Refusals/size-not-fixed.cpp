// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <cstdio>
#include <sys/socket.h>

class receiver {
public:
  explicit receiver(asio::io_context &io) : timer_(io) {}

  // What is found with it is needed behind it.
  void receive(int n) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: 'control' ends with an array without a size{{.*}} [size-not-fixed]
    timer_.async_wait([this, n](std::error_code ec) {
      if (ec)
        return;
      union {
        cmsghdr align;
        char buffer[CMSG_SPACE(sizeof(int))];
      } control;
      int written =
          std::snprintf(control.buffer, sizeof control.buffer, "%d", n);
      receive(written);
    });
  }

  // What points into it is looked through behind it.
  void look(int n) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: 'sizes' has a length that is computed{{.*}} [size-not-fixed]
    timer_.async_wait([this, n](std::error_code) {
      int *last;
      int sizes[n];
      last = sizes + n - 1;
      *last = n - 1;
      look(*last);
    });
  }

  // Something behind it may do so, and cannot stand in a lambda.
  void choose(int n) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: 'sizes' has a length that is computed{{.*}} [size-not-fixed]
    timer_.async_wait([this, n](std::error_code) {
      int sizes[n];
      sizes[0] = n;
      switch (sizes[0]) {
      case 1:
        choose(2);
        break;
      default:
        choose(n - 1);
      }
    });
  }

  // What is returned has no place in what the lambda says.
  void leave(int n) {
  // CHECK: [[#@LINE+1]]:5: note: not converted: 'sizes' has a length that is computed{{.*}} [size-not-fixed]
    timer_.async_wait([this, n](std::error_code ec) {
      int sizes[n];
      for (int &size : sizes)
        if (ec)
          return note(size);
      leave(n);
    });
  }

private:
  void note(int) {}
  asio::steady_timer timer_;
};
