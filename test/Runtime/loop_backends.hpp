// The event loops that every suite about loops runs over, and a fixture with one of them:
//
//     class LockTest : public OverLoops {};
//     INSTANTIATE_OVER_LOOPS(LockTest);
//
//     TEST_P(LockTest, fact_72_a_lock_is_fifo) { loop.run_until_complete(...); }
//
// LoopFixture is the same for a typed suite, where a test needs to know the backend when it is
// compiled; it takes four times as long to compile. Link to coral_loop_backends.

#ifndef CORAL_TEST_LOOP_BACKENDS_HPP
#define CORAL_TEST_LOOP_BACKENDS_HPP

#include "manual_event.hpp"

#include <coral/event_loop.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

struct loop_backend {
  const char *name;
  std::unique_ptr<coral::event_loop> (*create)();

  friend std::ostream &operator<<(std::ostream &to, const loop_backend &which) {
    return to << which.name;
  }
};

/// manual, uv, asio and boost_asio.
const std::vector<loop_backend> &loop_backends();

inline std::string backend_name(const testing::TestParamInfo<loop_backend> &info) {
  return info.param.name;
}

#define INSTANTIATE_OVER_LOOPS(suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(Over, suite, testing::ValuesIn(loop_backends()), backend_name)

/// A loop, and what was seen on it.
class LoopFixtureBase {
protected:
  explicit LoopFixtureBase(std::unique_ptr<coral::event_loop> made) : owned_(std::move(made)) {}

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
  std::unique_ptr<coral::event_loop> owned_;

protected:
  coral::event_loop &loop = *owned_;
};

class OverLoops : public testing::TestWithParam<loop_backend>, protected LoopFixtureBase {
protected:
  OverLoops() : LoopFixtureBase(create()) {}

  /// Another loop of the same kind.
  static std::unique_ptr<coral::event_loop> create() { return GetParam().create(); }
};

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

template <class Backend> class LoopFixture : public testing::Test, protected LoopFixtureBase {
protected:
  LoopFixture() : LoopFixtureBase(Backend::create()) {}
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
