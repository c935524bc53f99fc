// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include "Inputs/ticker.h"

void ticker::start() {
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} [declared-in-a-header]
  timer_.async_wait([this](std::error_code ec) {
    if (!ec)
      tock();
  });
}

void ticker::tock() {
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} [declared-in-a-header]
  timer_.async_wait([this](std::error_code ec) {
    if (!ec)
      start();
  });
}
