// The event loops that every suite about loops runs over, and a fixture with one of them:
//
//     template <class Loop> class LockTest : public LoopFixture<Loop> {};
//     TYPED_TEST_SUITE(LockTest, LoopBackends, LoopNames);

#ifndef CORAL_TEST_LOOP_BACKENDS_HPP
#define CORAL_TEST_LOOP_BACKENDS_HPP

#include "manual_event.hpp"

#include <coral/event_loop.hpp>
#include <coral/loop/manual.hpp>
#include <coral/loop/uv.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <string>

using LoopBackends = testing::Types<coral::manual_loop, coral::uv_loop>;

struct LoopNames {
  template <class Loop> static std::string GetName(int) {
    return std::same_as<Loop, coral::manual_loop> ? "manual" : "uv";
  }
};

template <class Loop> class LoopFixture : public testing::Test {
protected:
  /// Runs callbacks until the one that `stop` makes.
  void run() { loop.run_forever(); }

  void collect_errors() {
    loop.set_exception_handler(
        [this](coral::event_loop &, const coral::exception_context &context) {
          errors.push_back(context.message);
        });
  }

  auto note(const char *name) {
    return [this, name] { log.push_back(name); };
  }

  auto stop() {
    return [this] { loop.stop(); };
  }

  names log;
  names errors;
  Loop loop;
};

/// The text of the `Error` that `action` throws.
template <class Error, class Action> std::string message_of(Action &&action) {
  try {
    action();
  } catch (const Error &error) {
    return error.what();
  }
  return "nothing was thrown";
}

#endif
