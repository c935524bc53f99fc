// A fixture whose tests run on every event loop, compiled once:
//
//     class Locks : public OnEveryLoop {};
//     CORAL_ON_EVERY_LOOP(Locks);
//     TEST_P(Locks, ...)
//
// Link to coral_loop_backends.

#ifndef CORAL_TEST_ON_EVERY_LOOP_HPP
#define CORAL_TEST_ON_EVERY_LOOP_HPP

#include "loop_backends.hpp"

#include <coral/task.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <utility>

struct loop_kind {
  const char *name;
  std::unique_ptr<coral::event_loop> (*create)();
};

inline void PrintTo(const loop_kind &kind, std::ostream *out) { *out << kind.name; }

class OnEveryLoop : public testing::TestWithParam<loop_kind> {
protected:
  template <class T> T finish(coral::task<T> main) {
    return loop->run_until_complete(std::move(main));
  }

  void collect_errors() {
    loop->set_exception_handler(
        [this](coral::event_loop &, const coral::exception_context &context) {
          errors.push_back(context.message);
        });
  }

  names log;
  names errors;
  std::unique_ptr<coral::event_loop> loop = GetParam().create();
};

#define CORAL_ON_EVERY_LOOP(FIXTURE)                                                               \
  INSTANTIATE_TEST_SUITE_P(OnEveryLoop, FIXTURE,                                                   \
                           testing::Values(loop_kind{"manual", manual_backend::create},            \
                                           loop_kind{"uv", uv_backend::create},                    \
                                           loop_kind{"asio", asio_backend::create},                \
                                           loop_kind{"boost_asio", boost_asio_backend::create}),   \
                           [](const auto &tested) { return std::string(tested.param.name); })

#endif
