// A fixture for tests of I/O: a loop of each backend in turn, and the certainty that no descriptor
// is left when it is gone. The backend is a value and no type, so that a test is compiled once:
//
//     class StreamTest : public IoTest {};
//     CORAL_ON_EVERY_LOOP(StreamTest);
//     TEST_P(StreamTest, ...) { ... loop ... }

#ifndef CORAL_TEST_IO_FIXTURE_HPP
#define CORAL_TEST_IO_FIXTURE_HPP

#include "loop_backends.hpp"

#include <coral/task.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

struct loop_kind {
  const char *name;
  std::unique_ptr<coral::event_loop> (*create)();
};

template <class... Backends> auto loop_kinds_of(testing::Types<Backends...>) {
  return testing::Values(loop_kind{Backends::name, Backends::create}...);
}

#define CORAL_ON_EVERY_LOOP(Suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(Loops, Suite, loop_kinds_of(LoopBackends()),                            \
                           [](const auto &info) { return std::string(info.param.name); })

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto &each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

/// Compares what is open at its end with what was at its beginning.
class descriptor_count {
public:
  descriptor_count() = default;
  descriptor_count(const descriptor_count &) = delete;
  descriptor_count &operator=(const descriptor_count &) = delete;
  ~descriptor_count() { EXPECT_EQ(open_descriptors(), before_) << "a descriptor was leaked"; }

private:
  std::size_t before_ = open_descriptors();
};

class IoTest : public testing::TestWithParam<loop_kind> {
protected:
  IoTest() {
    // A backend's first loop opens what stays open for the process.
    static_cast<void>(GetParam().create());
    count_ = std::make_unique<descriptor_count>();
    owned_ = GetParam().create();
  }

  ~IoTest() override {
    owned_.reset();
    count_.reset();
  }

  template <class T> T complete(coral::task<T> work) {
    return owned_->run_until_complete(std::move(work));
  }

  coral::event_loop &loop() { return *owned_; }

  void collect_errors() {
    owned_->set_exception_handler(
        [this](coral::event_loop &, const coral::exception_context &context) {
          errors.push_back(context.message);
        });
  }

  names log;
  names errors;

private:
  std::unique_ptr<descriptor_count> count_;
  std::unique_ptr<coral::event_loop> owned_;
};

/// A directory that is removed at the end.
class temporary_directory {
public:
  temporary_directory() {
    std::string pattern = testing::TempDir() + "coral-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  temporary_directory(const temporary_directory &) = delete;
  temporary_directory &operator=(const temporary_directory &) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }

  std::string operator/(const char *name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

#endif
