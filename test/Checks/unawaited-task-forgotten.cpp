// coral-unawaited-task, level 2: an eager task runs on in its variable, but what
// it computes is wanted.
//
// RUN: %exits 1 %coral lint --checks='coral-unawaited-*' --level=2 %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 0 %coral lint --checks='coral-unawaited-*' --level=1 --quiet %s -- -std=c++20 -I%S/../Inputs | count 0
#include "kinds.hpp"

kinds::owned<int> count();
kinds::owned<> work();
kinds::job start();
kinds::owned<> runs_on(bool b) {
  auto number = count();
  // CHECK: :[[@LINE-1]]:17: warning: the task returned by 'count' is kept in 'number' but never awaited, so its result and any exception are lost; 'co_await' it
  auto background = work();
  auto job = start();
  [[maybe_unused]] auto meant = count();
  auto _ = count();
  auto unused_number = count();
  try {
    auto expected_to_throw = count();
  } catch (...) {
  }
  auto awaited = count();
  if (b)
    co_return;
  co_await std::move(awaited);
}
