// Files through the executor: every test runs on every backend.

#include "io_fixture.hpp"

#include <coral/errors.hpp>
#include <coral/executors.hpp>
#include <coral/files.hpp>
#include <coral/result.hpp>
#include <coral/tasks.hpp>

#include <latch>
#include <memory>
#include <string>
#include <system_error>

namespace {

using coral::file;
using coral::task;

class FileTest : public IoTest {
protected:
  ~FileTest() override { complete(loop().shutdown_default_executor()); }
  temporary_directory directory;
  const std::string path = directory / "file";
};
CORAL_ON_EVERY_LOOP(FileTest);

TEST_P(FileTest, WhatIsWrittenIsRead) {
  auto body = [this]() -> task<void> {
    file output = co_await coral::open_file(path, "w");
    EXPECT_EQ(co_await output.write("hello "), 6u);
    EXPECT_EQ(co_await output.write("world"), 5u);
    co_await output.sync();
    co_await output.close();
    file input = co_await coral::open_file(path);
    EXPECT_EQ(co_await input.read(5), "hello");
    EXPECT_EQ(co_await input.read(), " world");
    EXPECT_EQ(co_await input.read(5), "");
    EXPECT_EQ(co_await input.seek(-5, SEEK_END), 6);
    EXPECT_EQ(co_await input.read(100), "world");
  };
  complete(body());
}

TEST_P(FileTest, ModesAreThoseOfPython) {
  auto body = [this]() -> task<void> {
    co_await coral::write_file(path, "one");
    file appended = co_await coral::open_file(path, "ab");
    co_await appended.write(" two");
    EXPECT_EQ(co_await coral::read_file(path), "one two");
    file both = co_await coral::open_file(path, "r+");
    co_await both.write("ONE");
    EXPECT_EQ(co_await both.read(), " two");
    co_await both.truncate(3);
    EXPECT_EQ(co_await coral::read_file(path), "ONE");
    co_await coral::open_file(path, "w");
    EXPECT_EQ(co_await coral::read_file(path), "");
  };
  complete(body());
  EXPECT_THROW(complete(coral::open_file(path, "x")), std::system_error);
  for (const char *mode : {"", "rw", "q", "r++", "b"})
    EXPECT_THROW(complete(coral::open_file(path, mode)), coral::value_error) << mode;
}

TEST_P(FileTest, AFileThatIsNotThere) {
  try {
    complete(coral::read_file(path));
    FAIL() << "nothing was thrown";
  } catch (const std::system_error &error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(error.what(), path + ": No such file or directory");
  }
}

TEST_P(FileTest, AClosedFileSaysSo) {
  auto body = [this]() -> task<void> {
    file output = co_await coral::open_file(path, "w");
    EXPECT_FALSE(output.closed());
    co_await output.close();
    co_await output.close();
    EXPECT_TRUE(output.closed());
    EXPECT_EQ(output.native_handle(), -1);
    co_await output.write("x");
  };
  EXPECT_EQ(message_of<coral::value_error>([&] { complete(body()); }),
            "I/O operation on closed file.");
}

TEST_P(FileTest, ACancelledCloseClosesAllTheSame) {
  loop().set_default_executor(std::make_shared<coral::thread_pool_executor>(1));
  auto body = [this]() -> task<void> {
    file opened = co_await coral::open_file(path, "w");
    const std::size_t before = open_descriptors();
    std::latch go_on(1);
    // The only thread is busy: the call of `close` is never made.
    auto busy = loop().run_in_executor(nullptr, [&] { go_on.wait(); });
    auto closing = coral::create_task(opened.close());
    co_await coral::yield();
    closing.cancel();
    EXPECT_TRUE((co_await coral::as_result(closing)).cancelled());
    go_on.count_down();
    co_await busy;
    EXPECT_TRUE(opened.closed());
    // The call is dropped by the thread that did not make it.
    co_await loop().run_in_executor(nullptr, [] {});
    EXPECT_EQ(open_descriptors(), before - 1);
  };
  complete(body());
}

TEST_P(FileTest, ACancelledReadIsForgotten) {
  auto body = [this]() -> task<void> {
    co_await coral::write_file(path, "text");
    auto reading = coral::create_task(coral::read_file(path));
    co_await coral::yield();
    reading.cancel();
    bool cancelled = false;
    try {
      co_await reading;
    } catch (const coral::cancelled_error &) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(co_await coral::read_file(path), "text");
  };
  complete(body());
}

} // namespace
