// File descriptors on an event loop: every test runs on every backend.

#include "loop_backends.hpp"

#include <coral/errors.hpp>
#include <coral/loop/manual.hpp>
#include <coral/tasks.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using coral::task;
using namespace std::chrono_literals;

class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor &operator=(descriptor &&other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { reset(); }

  operator int() const { return number_; }
  void reset() {
    if (number_ >= 0)
      ::close(std::exchange(number_, -1));
  }

private:
  int number_ = -1;
};

struct socket_pair {
  socket_pair() {
    int both[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both) != 0)
      throw std::system_error(errno, std::system_category());
    near = descriptor(both[0]);
    far = descriptor(both[1]);
  }
  descriptor near;
  descriptor far;
};

struct pipe_pair {
  pipe_pair() {
    int both[2];
    if (::pipe2(both, O_NONBLOCK) != 0)
      throw std::system_error(errno, std::system_category());
    reader = descriptor(both[0]);
    writer = descriptor(both[1]);
  }
  descriptor reader;
  descriptor writer;
};

void put(int to, std::string_view text) {
  ASSERT_EQ(::write(to, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string take(int from, std::size_t most = 100) {
  std::string text(most, '\0');
  const ssize_t length = ::read(from, text.data(), most);
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return text;
}

/// Fills what the kernel buffers.
void fill(int to) {
  const std::vector<char> block(4096);
  while (::write(to, block.data(), block.size()) > 0)
    ;
}

void drain(int from) {
  std::vector<char> block(1 << 16);
  while (::read(from, block.data(), block.size()) > 0)
    ;
}

int error_of(auto &&action) {
  try {
    action();
  } catch (const std::system_error &error) {
    return error.code().value();
  }
  return 0;
}

class DescriptorTest : public OverLoops {
protected:
  /// Lets the loop look for I/O a few times while it is busy.
  void run_a_while() {
    auto busy = []() -> task<void> {
      for (int i = 0; i != 4 * coral::event_loop::batches_per_poll; ++i)
        co_await coral::yield();
    };
    loop.run_until_complete(busy());
  }

  socket_pair pair;
};
INSTANTIATE_OVER_LOOPS(DescriptorTest);

TEST_P(DescriptorTest, a_reader_is_called_when_there_is_something_to_read) {
  loop.add_reader(pair.near, [this] {
    log.push_back(take(pair.near));
    loop.stop();
  });
  loop.call_soon([this] { put(pair.far, "hello"); });
  run();
  EXPECT_EQ(log, names{"hello"});
}

TEST_P(DescriptorTest, a_reader_is_not_called_while_there_is_nothing) {
  loop.add_reader(pair.near, note("reader"));
  run_a_while();
  EXPECT_EQ(log, names{});
}

TEST_P(DescriptorTest, a_reader_is_called_again_while_something_is_left) {
  put(pair.far, "abc");
  loop.add_reader(pair.near, [this] {
    log.push_back(take(pair.near, 1));
    if (log.size() == 3)
      loop.stop();
  });
  run();
  EXPECT_EQ(log, (names{"a", "b", "c"}));
}

TEST_P(DescriptorTest, arguments_are_passed_to_every_call) {
  put(pair.far, "ab");
  int calls = 0;
  auto reader = [&](std::unique_ptr<int> &given, int from) {
    calls += *given;
    take(from, 1);
    if (calls == 10)
      loop.stop();
  };
  loop.add_reader(pair.near, reader, std::make_unique<int>(5), static_cast<int>(pair.near));
  run();
  EXPECT_EQ(calls, 10);
}

TEST_P(DescriptorTest, a_reader_wakes_the_sleeping_loop) {
  loop.add_reader(pair.near, [this] {
    log.push_back(take(pair.near));
    loop.stop();
  });
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    put(pair.far, "late");
  });
  run();
  other.join();
  EXPECT_EQ(log, names{"late"});
}

TEST_P(DescriptorTest, a_busy_loop_looks_for_io_too) {
  bool received = false;
  loop.add_reader(pair.near, [&] {
    take(pair.near);
    received = true;
  });
  put(pair.far, "x");
  auto busy = [&]() -> task<int> {
    int batches = 0;
    while (!received) {
      co_await coral::yield();
      ++batches;
    }
    co_return batches;
  };
  EXPECT_LE(loop.run_until_complete(busy()), 2 * coral::event_loop::batches_per_poll);
}

TEST_P(DescriptorTest, remove_says_whether_there_was_one) {
  EXPECT_FALSE(loop.remove_reader(pair.near));
  loop.add_reader(pair.near, [] {});
  EXPECT_FALSE(loop.remove_writer(pair.near));
  EXPECT_TRUE(loop.remove_reader(pair.near));
  EXPECT_FALSE(loop.remove_reader(pair.near));
  EXPECT_FALSE(loop.remove_reader(-1));
  EXPECT_FALSE(loop.remove_reader(1000000));
}

TEST_P(DescriptorTest, a_removed_reader_is_not_called) {
  put(pair.far, "x");
  loop.add_reader(pair.near, note("reader"));
  loop.remove_reader(pair.near);
  run_a_while();
  EXPECT_EQ(log, names{});
}

TEST_P(DescriptorTest, a_reader_that_is_due_can_still_be_removed) {
  socket_pair other;
  put(pair.far, "x");
  put(other.far, "x");
  int calls = 0;
  // Whichever is called first removes both.
  auto reader = [&] {
    ++calls;
    loop.remove_reader(pair.near);
    loop.remove_reader(other.near);
  };
  loop.add_reader(pair.near, reader);
  loop.add_reader(other.near, reader);
  run_a_while();
  EXPECT_EQ(calls, 1);
}

TEST_P(DescriptorTest, adding_replaces_and_destroys_the_old_reader) {
  auto held = std::make_shared<int>();
  loop.add_reader(pair.near, [this, held] { log.push_back("old"); });
  put(pair.far, "x");
  loop.add_reader(pair.near, [this] {
    log.push_back("new" + take(pair.near));
    loop.stop();
  });
  EXPECT_EQ(held.use_count(), 1);
  run();
  EXPECT_EQ(log, names{"newx"});
}

TEST_P(DescriptorTest, a_reader_may_remove_itself_and_keeps_its_captures_for_the_call) {
  auto held = std::make_shared<int>(7);
  put(pair.far, "x");
  loop.add_reader(pair.near, [this, held] {
    EXPECT_TRUE(loop.remove_reader(pair.near));
    EXPECT_EQ(*held, 7);
    loop.stop();
  });
  run();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(DescriptorTest, a_reader_may_replace_itself) {
  put(pair.far, "ab");
  loop.add_reader(pair.near, [this] {
    log.push_back("first " + take(pair.near, 1));
    loop.add_reader(pair.near, [this] {
      log.push_back("second " + take(pair.near, 1));
      loop.stop();
    });
  });
  run();
  EXPECT_EQ(log, (names{"first a", "second b"}));
}

TEST_P(DescriptorTest, a_writer_is_called_when_there_is_room) {
  fill(pair.near);
  loop.add_writer(pair.near, [this] {
    log.push_back("room");
    loop.remove_writer(pair.near);
    loop.stop();
  });
  run_a_while();
  EXPECT_EQ(log, names{});
  drain(pair.far);
  run();
  EXPECT_EQ(log, names{"room"});
}

TEST_P(DescriptorTest, reader_and_writer_of_one_descriptor_are_independent) {
  int written = 0;
  loop.add_reader(pair.near, [this] {
    log.push_back(take(pair.near));
    loop.stop();
  });
  loop.add_writer(pair.near, [&] {
    if (++written == 2) {
      loop.remove_writer(pair.near);
      put(pair.far, "now");
    }
  });
  run();
  EXPECT_EQ(written, 2);
  EXPECT_EQ(log, names{"now"});
  loop.add_writer(pair.near, stop());
  loop.remove_reader(pair.near);
  run();
}

TEST_P(DescriptorTest, the_end_of_the_stream_is_readable) {
  loop.add_reader(pair.near, [this] {
    char byte;
    EXPECT_EQ(::read(pair.near, &byte, 1), 0);
    loop.remove_reader(pair.near);
    loop.stop();
  });
  pair.far.reset();
  run();
}

TEST_P(DescriptorTest, a_closed_pipe_is_readable_at_its_end) {
  pipe_pair pipe;
  loop.add_reader(pipe.reader, [&] {
    log.push_back("end");
    loop.stop();
  });
  pipe.writer.reset();
  run();
  EXPECT_EQ(log, names{"end"});
}

TEST_P(DescriptorTest, an_error_makes_the_writer_run_as_often_as_it_watches) {
  pipe_pair pipe;
  fill(pipe.writer);
  loop.add_writer(pipe.writer, [&] {
    log.push_back("broken");
    if (log.size() == 3)
      loop.stop();
  });
  loop.call_soon([&] { pipe.reader.reset(); });
  run();
  EXPECT_EQ(log, names(3, "broken"));
}

TEST_P(DescriptorTest, an_exception_goes_to_the_handler_and_watching_goes_on) {
  collect_errors();
  put(pair.far, "ab");
  loop.add_reader(pair.near, [this] {
    if (take(pair.near, 1) == "b")
      loop.stop();
    throw std::domain_error("bad");
  });
  run();
  EXPECT_EQ(errors, names(2, "Exception in callback"));
}

TEST_P(DescriptorTest, a_system_exit_leaves_run_forever_and_watching_goes_on) {
  put(pair.far, "ab");
  loop.add_reader(pair.near, [this] {
    if (take(pair.near, 1) == "a")
      throw coral::system_exit(1);
    loop.stop();
  });
  EXPECT_THROW(run(), coral::system_exit);
  run();
}

TEST_P(DescriptorTest, what_cannot_be_watched_is_refused) {
  EXPECT_EQ(message_of<coral::value_error>([&] { loop.add_reader(-1, [] {}); }),
            "Invalid file descriptor: -1");
  descriptor directory(::open("/", O_RDONLY));
  EXPECT_EQ(error_of([&] { loop.add_reader(directory, [] {}); }), EPERM);
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::tmpfile(), std::fclose);
  EXPECT_EQ(error_of([&] { loop.add_writer(::fileno(file.get()), [] {}); }), EPERM);
  const int closed = pair.far;
  pair.far.reset();
  EXPECT_EQ(error_of([&] { loop.add_reader(closed, [] {}); }), EBADF);
  EXPECT_FALSE(loop.remove_reader(closed));
}

TEST_P(DescriptorTest, a_number_that_is_used_again_is_watched_afresh) {
  for (int round = 0; round != 3; ++round) {
    socket_pair pair;
    loop.add_reader(pair.near, [&] {
      log.push_back(take(pair.near));
      loop.stop();
    });
    put(pair.far, "x");
    run();
    loop.remove_reader(pair.near);
  }
  EXPECT_EQ(log, names(3, "x"));
}

TEST_P(DescriptorTest, removing_and_adding_in_one_batch_watches) {
  put(pair.far, "x");
  loop.add_reader(pair.near, note("first"));
  loop.call_soon([this] {
    loop.remove_reader(pair.near);
    loop.add_reader(pair.near, [this] {
      log.push_back("second");
      loop.stop();
    });
  });
  run();
  EXPECT_EQ(log, names{"second"});
}

TEST_P(DescriptorTest, watching_leaves_the_blocking_mode_alone) {
  const int flags = ::fcntl(pair.near, F_GETFL);
  ::fcntl(pair.near, F_SETFL, flags & ~O_NONBLOCK);
  loop.add_reader(pair.near, [] {});
  EXPECT_EQ(::fcntl(pair.near, F_GETFL) & O_NONBLOCK, 0);
  loop.add_reader(pair.far, [] {});
  EXPECT_NE(::fcntl(pair.far, F_GETFL) & O_NONBLOCK, 0);
}

TEST_P(DescriptorTest, every_descriptor_has_its_own_callback) {
  constexpr std::size_t count = 200;
  std::vector<socket_pair> pairs(count);
  std::vector<int> calls(count);
  std::size_t total = 0;
  for (std::size_t i = 0; i != count; ++i)
    loop.add_reader(pairs[i].near, [&, i] {
      EXPECT_EQ(take(pairs[i].near), std::to_string(i));
      ++calls[i];
      if (++total == count - count / 3 - 1)
        loop.stop();
    });
  for (std::size_t i = 0; i < count; i += 3)
    loop.remove_reader(pairs[i].near);
  for (std::size_t i = 0; i != count; ++i)
    put(pairs[i].far, std::to_string(i));
  run();
  for (std::size_t i = 0; i != count; ++i)
    EXPECT_EQ(calls[i], i % 3 ? 1 : 0) << i;
}

TEST_P(DescriptorTest, a_closed_loop_watches_nothing) {
  auto held = std::make_shared<int>();
  loop.add_reader(pair.near, [held] {});
  loop.add_writer(pair.near, [held] {});
  loop.close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.add_reader(0, [] {}); }),
            "Event loop is closed");
  EXPECT_FALSE(loop.remove_reader(pair.near));
}

/// Waits for a descriptor without a callback object.
class readable final : public coral::detail::resume_entry {
public:
  explicit readable(int number) : number_(number) {}
  ~readable() {
    if (loop_)
      coral::detail::descriptor_access::unwatch(*loop_, number_, coral::detail::io_direction::read);
  }

  bool await_ready() const { return false; }
  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    waiting(awaiting);
    loop_ = &coral::get_running_loop();
    coral::detail::descriptor_access::watch(*loop_, number_, coral::detail::io_direction::read,
                                            *this);
  }
  void await_resume() const {}

private:
  int number_;
  coral::event_loop *loop_ = nullptr;
};

TEST_P(DescriptorTest, a_coroutine_waits_without_a_callback_object) {
  auto echo = [&]() -> task<void> {
    for (int i = 0; i != 3; ++i) {
      co_await readable(pair.near);
      log.push_back(take(pair.near, 1));
    }
  };
  put(pair.far, "abc");
  loop.run_until_complete(echo());
  EXPECT_EQ(log, (names{"a", "b", "c"}));
  EXPECT_FALSE(loop.remove_reader(pair.near));
}

TEST_P(DescriptorTest, closing_destroys_a_coroutine_that_waits_for_a_descriptor) {
  collect_errors();
  auto waits = [&](int number) -> task<void> {
    tracker local(log, "local");
    co_await readable(number);
  };
  loop.create_task(waits(pair.near));
  loop.create_task(waits(pair.far));
  run_a_while();
  put(pair.far, "x");
  loop.close();
  EXPECT_EQ(log, names(2, "local"));
  EXPECT_EQ(errors, names(2, "Task was destroyed but it is pending!"));
}

TEST(ManualLoopDescriptors, the_clock_stands_still_while_a_descriptor_is_ready) {
  coral::manual_loop loop;
  socket_pair pair;
  std::vector<std::chrono::nanoseconds> times;
  put(pair.far, "ab");
  loop.add_reader(pair.near, [&] {
    take(pair.near, 1);
    times.push_back(loop.time().time_since_epoch());
  });
  loop.call_later(1h, [&] { put(pair.far, "c"); });
  loop.call_later(2h, [&] { loop.stop(); });
  loop.run_forever();
  EXPECT_EQ(times, (std::vector<std::chrono::nanoseconds>{0h, 0h, 1h}));
}

TEST(ManualLoopDescriptors, a_threadsafe_call_ends_the_wait_for_a_descriptor) {
  coral::manual_loop loop;
  socket_pair pair;
  loop.add_reader(pair.near, [] { FAIL(); });
  for (int round = 0; round != 100; ++round) {
    std::thread other([&] { loop.call_soon_threadsafe([&] { loop.stop(); }); });
    loop.run_forever();
    other.join();
  }
}

} // namespace
