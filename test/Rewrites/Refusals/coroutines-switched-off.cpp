// RUN: %coral rewrite --target=asio %s -- -std=c++17 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++17 -fsyntax-only %s

#include "Inputs/ticker.h"

void ticker::start() {
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} [coroutines-switched-off]
  timer_.async_wait([this](std::error_code ec) {
    if (!ec)
      start();
  });
}
