// A fixture whose loop has a virtual clock.

#ifndef CORAL_TEST_MANUAL_LOOP_TEST_HPP
#define CORAL_TEST_MANUAL_LOOP_TEST_HPP

#include "manual_event.hpp"

#include <coral/cancel.hpp>
#include <coral/loop/manual.hpp>
#include <coral/task.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

class ManualLoopTest : public testing::Test {
protected:
  ManualLoopTest() {
    loop.set_exception_handler([this](coral::event_loop &, const coral::exception_context &given) {
      errors.push_back(given.message);
    });
  }

  /// Runs the coroutine that `body` makes. What fails in the loop's own hands fails the test, or is
  /// found in `errors` and taken from there.
  template <class Body> auto run(Body &&body) { return loop.run_until_complete(body()); }

  void TearDown() override {
    loop.close();
    EXPECT_EQ(errors, names{});
  }

  /// What was reported to the exception handler since the last call.
  names take_errors() { return std::exchange(errors, {}); }

  void note(std::string text) { log.push_back(std::move(text)); }

  coral::manual_loop loop;
  names log;

private:
  names errors;
};

/// The text of the `Error` that `action` throws.
template <class Error, class Action> std::string message_of(Action &&action) {
  try {
    action();
  } catch (const Error &error) {
    if constexpr (requires { error.message(); })
      return error.message();
    else
      return error.what();
  }
  return "nothing was thrown";
}

#endif
