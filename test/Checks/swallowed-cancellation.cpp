// coral-swallowed-cancellation
//
// RUN: %exits 1 %coral lint --checks=coral-swallowed-cancellation %s -- -std=c++20 -I%S/../Inputs -I%runtime \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "kinds.hpp"
#include <coral/cancel.hpp>
#include <coral/task.hpp>
#include <exception>
#include <stdexcept>

coral::task<void> step();
void log(const char *text);
bool more();
void handle(std::exception_ptr error);

coral::task<void> loop() {
  while (more()) {
    try {
      co_await step();
    } catch (...) {
      // CHECK: :[[@LINE-1]]:7: warning: this handler takes the cancellation of the coroutine as well, which then goes on; catch what you can handle, or throw it on with 'throw;' [coral-swallowed-cancellation]
      // CHECK: :[[@LINE-3]]:7: note: it awaits again here
      log("failed");
    }
  }
}
coral::task<void> retries() {
  try {
    co_await step();
  } catch (const coral::cancelled_error &) {
    // CHECK: :[[@LINE-1]]:5: warning: this handler takes the cancellation
  }
  co_await step();
}
coral::task<void> on_one_path() {
  for (int i = 0; i < 3; ++i) {
    try {
      co_await step();
      co_return;
    } catch (...) {
      // CHECK: :[[@LINE-1]]:7: warning: this handler takes the cancellation
      if (i == 2)
        throw;
    }
  }
}

// Nothing below is reported.

coral::task<void> rethrows() {
  while (more()) {
    try {
      co_await step();
    } catch (...) {
      log("failed");
      throw;
    }
  }
}
coral::task<void> leaves() {
  while (more()) {
    try {
      co_await step();
    } catch (...) {
      co_return;
    }
  }
  try {
    co_await step();
  } catch (...) {
    log("the end");
  }
}
coral::task<void> cancellation_first() {
  while (more()) {
    try {
      co_await step();
    } catch (const coral::cancelled_error &) {
      throw;
    } catch (...) {
      log("failed");
    }
  }
}
coral::task<void> only_errors() {
  while (more()) {
    try {
      co_await step();
    } catch (const std::runtime_error &) {
      log("failed");
    }
  }
}
coral::task<void> looks() {
  std::exception_ptr error;
  try {
    co_await step();
  } catch (...) {
    error = std::current_exception();
  }
  co_await step();
  if (error)
    std::rethrow_exception(error);
}
#define EXPECT_THROW(expression)                                                                   \
  try {                                                                                            \
    expression;                                                                                    \
  } catch (...) {                                                                                  \
  }
coral::task<void> checks() {
  EXPECT_THROW(co_await step());
  EXPECT_THROW(co_await step());
}
coral::task<void> awaits_nothing() {
  try {
    log("plain");
  } catch (...) {
  }
  co_await step();
}
kinds::job no_cancellation() {
  while (more()) {
    try {
      co_await kinds::sleep_for(1);
    } catch (...) {
    }
  }
}
