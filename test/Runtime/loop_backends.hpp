// The event loops that every suite about loops runs over, and a fixture with one of them:
//
//     template <class Backend> class LockTest : public LoopFixture<Backend> {};
//     TYPED_TEST_SUITE(LockTest, LoopBackends, LoopNames);
//
// Link to coral_loop_backends.

#ifndef CORAL_TEST_LOOP_BACKENDS_HPP
#define CORAL_TEST_LOOP_BACKENDS_HPP

#include "manual_event.hpp"

#include <coral/event_loop.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

struct manual_backend {
  static constexpr const char *name = "manual";
  static std::unique_ptr<coral::event_loop> create();
};

struct uv_backend {
  static constexpr const char *name = "uv";
  static std::unique_ptr<coral::event_loop> create();
};

struct asio_backend {
  static constexpr const char *name = "asio";
  static std::unique_ptr<coral::event_loop> create();
};

struct boost_asio_backend {
  static constexpr const char *name = "boost_asio";
  static std::unique_ptr<coral::event_loop> create();
};

using LoopBackends = testing::Types<manual_backend, uv_backend, asio_backend, boost_asio_backend>;

struct LoopNames {
  template <class Backend> static std::string GetName(int) { return Backend::name; }
};

template <class Backend> class LoopFixture : public testing::Test {
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

private:
  std::unique_ptr<coral::event_loop> owned_ = Backend::create();

protected:
  coral::event_loop &loop = *owned_;
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
