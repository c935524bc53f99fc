// coral-unused-nolint
//
// RUN: %exits 1 %coral lint --checks=coral-unused-nolint %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 3 %coral lint --checks=coral-unused-nolint %s -- -std=c++20 -I%S/../Inputs -DBROKEN \
// RUN:   | FileCheck %s --check-prefix=BROKEN --implicit-check-not=warning:
// BROKEN: error:
//
// Comments silence as many reports as before.
// RUN: %exits 1 %coral lint --checks=coral-unawaited-task,coral-double-await %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --check-prefix=OTHERS --implicit-check-not=warning:
#include "cppcoro.hpp"

using cppcoro::task;
task<int> work();
#define DROP(call) call

task<> unused() {
  // CHECK: [[#@LINE+1]]:31: warning: 'coral-unawaited-task' reports nothing here{{.*}} [coral-unused-nolint]
  co_await work(); /* NOLINT( coral-unawaited-task ): it is */
  // CHECK: [[#@LINE+1]]:21: warning: 'coral-unawaited-task' reports
  // NOLINTNEXTLINE(coral-unawaited-task)
  co_await work();
  // CHECK: [[#@LINE+1]]:18: warning: 'coral-unawaited-task' reports
  // NOLINTBEGIN(coral-unawaited-task)
  co_await work();
  // NOLINTEND(coral-unawaited-task)

  // One name of a list.
  // CHECK: [[#@LINE+1]]:43: warning: 'coral-double-await' reports
  work(); // NOLINT(coral-unawaited-task, coral-double-await)

  // A line too late.
  // OTHERS: [[#@LINE+1]]:3: warning: the task
  work();
  // CHECK: [[#@LINE+1]]:13: warning: 'coral-unawaited-task' reports
  // NOLINT(coral-unawaited-task)

  // What a check tells at a higher level only.
  // CHECK: [[#@LINE+1]]:30: warning: 'coral-busy-wait' reports
  co_await work(); // NOLINT(coral-busy-wait)
}

task<> used() {
  work(); // NOLINT(coral-unawaited-task)
  // NOLINTNEXTLINE(coral-unawaited-task)
  work();
  // NOLINTBEGIN(coral-unawaited-task)
  co_await work();
  work();
  // NOLINTBEGIN(coral-double-await,coral-unawaited-task)
  auto twice = work();
  co_await std::move(twice);
  co_await std::move(twice);
  work();
  // NOLINTEND(coral-double-await,coral-unawaited-task)
  // NOLINTEND(coral-unawaited-task)
  DROP(work()); // NOLINT(coral-unawaited-task)
}

task<> not_ours() {
  co_await work(); // NOLINT
  co_await work(); // NOLINT(coral-*)
  co_await work(); // NOLINT(bugprone-unused-return-value)
  co_await work(); // NOLINT(coral-unawaited-tusk)
  co_await work(); // NOLINT(coral-convertible)
  co_await work(); // NOLINT(coral-unused-nolint)
  const char *text = "// NOLINT(coral-unawaited-task)";
  static_cast<void>(text);
#ifdef ANOTHER_SYSTEM
  co_await work(); // NOLINT(coral-unawaited-task)
#endif
}

#ifdef BROKEN
int x = ;
#endif
