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

template <class Loop> class DescriptorTest : public LoopFixture<Loop> {
protected:
  /// Lets the loop look for I/O a few times while it is busy.
  void run_a_while() {
    auto busy = []() -> task<void> {
      for (int i = 0; i != 4 * coral::event_loop::batches_per_poll; ++i)
        co_await coral::yield();
    };
    this->loop.run_until_complete(busy());
  }

  socket_pair pair;
};
TYPED_TEST_SUITE(DescriptorTest, LoopBackends, LoopNames);

TYPED_TEST(DescriptorTest, a_reader_is_called_when_there_is_something_to_read) {
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back(take(this->pair.near));
    this->loop.stop();
  });
  this->loop.call_soon([this] { put(this->pair.far, "hello"); });
  this->run();
  EXPECT_EQ(this->log, names{"hello"});
}

TYPED_TEST(DescriptorTest, a_reader_is_not_called_while_there_is_nothing) {
  this->loop.add_reader(this->pair.near, this->note("reader"));
  this->run_a_while();
  EXPECT_EQ(this->log, names{});
}

TYPED_TEST(DescriptorTest, a_reader_is_called_again_while_something_is_left) {
  put(this->pair.far, "abc");
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back(take(this->pair.near, 1));
    if (this->log.size() == 3)
      this->loop.stop();
  });
  this->run();
  EXPECT_EQ(this->log, (names{"a", "b", "c"}));
}

TYPED_TEST(DescriptorTest, arguments_are_passed_to_every_call) {
  put(this->pair.far, "ab");
  int calls = 0;
  auto reader = [&](std::unique_ptr<int> &given, int from) {
    calls += *given;
    take(from, 1);
    if (calls == 10)
      this->loop.stop();
  };
  this->loop.add_reader(this->pair.near, reader, std::make_unique<int>(5),
                        static_cast<int>(this->pair.near));
  this->run();
  EXPECT_EQ(calls, 10);
}

TYPED_TEST(DescriptorTest, a_reader_wakes_the_sleeping_loop) {
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back(take(this->pair.near));
    this->loop.stop();
  });
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    put(this->pair.far, "late");
  });
  this->run();
  other.join();
  EXPECT_EQ(this->log, names{"late"});
}

TYPED_TEST(DescriptorTest, a_busy_loop_looks_for_io_too) {
  bool received = false;
  this->loop.add_reader(this->pair.near, [&] {
    take(this->pair.near);
    received = true;
  });
  put(this->pair.far, "x");
  auto busy = [&]() -> task<int> {
    int batches = 0;
    while (!received) {
      co_await coral::yield();
      ++batches;
    }
    co_return batches;
  };
  EXPECT_LE(this->loop.run_until_complete(busy()), 2 * coral::event_loop::batches_per_poll);
}

TYPED_TEST(DescriptorTest, remove_says_whether_there_was_one) {
  EXPECT_FALSE(this->loop.remove_reader(this->pair.near));
  this->loop.add_reader(this->pair.near, [] {});
  EXPECT_FALSE(this->loop.remove_writer(this->pair.near));
  EXPECT_TRUE(this->loop.remove_reader(this->pair.near));
  EXPECT_FALSE(this->loop.remove_reader(this->pair.near));
  EXPECT_FALSE(this->loop.remove_reader(-1));
  EXPECT_FALSE(this->loop.remove_reader(1000000));
}

TYPED_TEST(DescriptorTest, a_removed_reader_is_not_called) {
  put(this->pair.far, "x");
  this->loop.add_reader(this->pair.near, this->note("reader"));
  this->loop.remove_reader(this->pair.near);
  this->run_a_while();
  EXPECT_EQ(this->log, names{});
}

TYPED_TEST(DescriptorTest, a_reader_that_is_due_can_still_be_removed) {
  socket_pair other;
  put(this->pair.far, "x");
  put(other.far, "x");
  int calls = 0;
  // Whichever is called first removes both.
  auto reader = [&] {
    ++calls;
    this->loop.remove_reader(this->pair.near);
    this->loop.remove_reader(other.near);
  };
  this->loop.add_reader(this->pair.near, reader);
  this->loop.add_reader(other.near, reader);
  this->run_a_while();
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(DescriptorTest, adding_replaces_and_destroys_the_old_reader) {
  auto held = std::make_shared<int>();
  this->loop.add_reader(this->pair.near, [this, held] { this->log.push_back("old"); });
  put(this->pair.far, "x");
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back("new" + take(this->pair.near));
    this->loop.stop();
  });
  EXPECT_EQ(held.use_count(), 1);
  this->run();
  EXPECT_EQ(this->log, names{"newx"});
}

TYPED_TEST(DescriptorTest, a_reader_may_remove_itself_and_keeps_its_captures_for_the_call) {
  auto held = std::make_shared<int>(7);
  put(this->pair.far, "x");
  this->loop.add_reader(this->pair.near, [this, held] {
    EXPECT_TRUE(this->loop.remove_reader(this->pair.near));
    EXPECT_EQ(*held, 7);
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(held.use_count(), 1);
}

TYPED_TEST(DescriptorTest, a_reader_may_replace_itself) {
  put(this->pair.far, "ab");
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back("first " + take(this->pair.near, 1));
    this->loop.add_reader(this->pair.near, [this] {
      this->log.push_back("second " + take(this->pair.near, 1));
      this->loop.stop();
    });
  });
  this->run();
  EXPECT_EQ(this->log, (names{"first a", "second b"}));
}

TYPED_TEST(DescriptorTest, a_writer_is_called_when_there_is_room) {
  fill(this->pair.near);
  this->loop.add_writer(this->pair.near, [this] {
    this->log.push_back("room");
    this->loop.remove_writer(this->pair.near);
    this->loop.stop();
  });
  this->run_a_while();
  EXPECT_EQ(this->log, names{});
  drain(this->pair.far);
  this->run();
  EXPECT_EQ(this->log, names{"room"});
}

TYPED_TEST(DescriptorTest, reader_and_writer_of_one_descriptor_are_independent) {
  int written = 0;
  this->loop.add_reader(this->pair.near, [this] {
    this->log.push_back(take(this->pair.near));
    this->loop.stop();
  });
  this->loop.add_writer(this->pair.near, [&] {
    if (++written == 2) {
      this->loop.remove_writer(this->pair.near);
      put(this->pair.far, "now");
    }
  });
  this->run();
  EXPECT_EQ(written, 2);
  EXPECT_EQ(this->log, names{"now"});
  this->loop.add_writer(this->pair.near, this->stop());
  this->loop.remove_reader(this->pair.near);
  this->run();
}

TYPED_TEST(DescriptorTest, the_end_of_the_stream_is_readable) {
  this->loop.add_reader(this->pair.near, [this] {
    char byte;
    EXPECT_EQ(::read(this->pair.near, &byte, 1), 0);
    this->loop.remove_reader(this->pair.near);
    this->loop.stop();
  });
  this->pair.far.reset();
  this->run();
}

TYPED_TEST(DescriptorTest, a_closed_pipe_is_readable_at_its_end) {
  pipe_pair pipe;
  this->loop.add_reader(pipe.reader, [&] {
    this->log.push_back("end");
    this->loop.stop();
  });
  pipe.writer.reset();
  this->run();
  EXPECT_EQ(this->log, names{"end"});
}

TYPED_TEST(DescriptorTest, an_error_makes_the_writer_run_as_often_as_it_watches) {
  pipe_pair pipe;
  fill(pipe.writer);
  this->loop.add_writer(pipe.writer, [&] {
    this->log.push_back("broken");
    if (this->log.size() == 3)
      this->loop.stop();
  });
  this->loop.call_soon([&] { pipe.reader.reset(); });
  this->run();
  EXPECT_EQ(this->log, names(3, "broken"));
}

TYPED_TEST(DescriptorTest, an_exception_goes_to_the_handler_and_watching_goes_on) {
  this->collect_errors();
  put(this->pair.far, "ab");
  this->loop.add_reader(this->pair.near, [this] {
    if (take(this->pair.near, 1) == "b")
      this->loop.stop();
    throw std::domain_error("bad");
  });
  this->run();
  EXPECT_EQ(this->errors, names(2, "Exception in callback"));
}

TYPED_TEST(DescriptorTest, a_system_exit_leaves_run_forever_and_watching_goes_on) {
  put(this->pair.far, "ab");
  this->loop.add_reader(this->pair.near, [this] {
    if (take(this->pair.near, 1) == "a")
      throw coral::system_exit(1);
    this->loop.stop();
  });
  EXPECT_THROW(this->run(), coral::system_exit);
  this->run();
}

TYPED_TEST(DescriptorTest, what_cannot_be_watched_is_refused) {
  EXPECT_EQ(message_of<coral::value_error>([&] { this->loop.add_reader(-1, [] {}); }),
            "Invalid file descriptor: -1");
  descriptor directory(::open("/", O_RDONLY));
  EXPECT_EQ(error_of([&] { this->loop.add_reader(directory, [] {}); }), EPERM);
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::tmpfile(), std::fclose);
  EXPECT_EQ(error_of([&] { this->loop.add_writer(::fileno(file.get()), [] {}); }), EPERM);
  const int closed = this->pair.far;
  this->pair.far.reset();
  EXPECT_EQ(error_of([&] { this->loop.add_reader(closed, [] {}); }), EBADF);
  EXPECT_FALSE(this->loop.remove_reader(closed));
}

TYPED_TEST(DescriptorTest, a_number_that_is_used_again_is_watched_afresh) {
  for (int round = 0; round != 3; ++round) {
    socket_pair pair;
    this->loop.add_reader(pair.near, [&] {
      this->log.push_back(take(pair.near));
      this->loop.stop();
    });
    put(pair.far, "x");
    this->run();
    this->loop.remove_reader(pair.near);
  }
  EXPECT_EQ(this->log, names(3, "x"));
}

TYPED_TEST(DescriptorTest, removing_and_adding_in_one_batch_watches) {
  put(this->pair.far, "x");
  this->loop.add_reader(this->pair.near, this->note("first"));
  this->loop.call_soon([this] {
    this->loop.remove_reader(this->pair.near);
    this->loop.add_reader(this->pair.near, [this] {
      this->log.push_back("second");
      this->loop.stop();
    });
  });
  this->run();
  EXPECT_EQ(this->log, names{"second"});
}

TYPED_TEST(DescriptorTest, watching_leaves_the_blocking_mode_alone) {
  const int flags = ::fcntl(this->pair.near, F_GETFL);
  ::fcntl(this->pair.near, F_SETFL, flags & ~O_NONBLOCK);
  this->loop.add_reader(this->pair.near, [] {});
  EXPECT_EQ(::fcntl(this->pair.near, F_GETFL) & O_NONBLOCK, 0);
  this->loop.add_reader(this->pair.far, [] {});
  EXPECT_NE(::fcntl(this->pair.far, F_GETFL) & O_NONBLOCK, 0);
}

TYPED_TEST(DescriptorTest, every_descriptor_has_its_own_callback) {
  constexpr std::size_t count = 200;
  std::vector<socket_pair> pairs(count);
  std::vector<int> calls(count);
  std::size_t total = 0;
  for (std::size_t i = 0; i != count; ++i)
    this->loop.add_reader(pairs[i].near, [&, i] {
      EXPECT_EQ(take(pairs[i].near), std::to_string(i));
      ++calls[i];
      if (++total == count - count / 3 - 1)
        this->loop.stop();
    });
  for (std::size_t i = 0; i < count; i += 3)
    this->loop.remove_reader(pairs[i].near);
  for (std::size_t i = 0; i != count; ++i)
    put(pairs[i].far, std::to_string(i));
  this->run();
  for (std::size_t i = 0; i != count; ++i)
    EXPECT_EQ(calls[i], i % 3 ? 1 : 0) << i;
}

TYPED_TEST(DescriptorTest, a_closed_loop_watches_nothing) {
  auto held = std::make_shared<int>();
  this->loop.add_reader(this->pair.near, [held] {});
  this->loop.add_writer(this->pair.near, [held] {});
  this->loop.close();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(message_of<coral::runtime_error>([&] { this->loop.add_reader(0, [] {}); }),
            "Event loop is closed");
  EXPECT_FALSE(this->loop.remove_reader(this->pair.near));
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

TYPED_TEST(DescriptorTest, a_coroutine_waits_without_a_callback_object) {
  auto echo = [&]() -> task<void> {
    for (int i = 0; i != 3; ++i) {
      co_await readable(this->pair.near);
      this->log.push_back(take(this->pair.near, 1));
    }
  };
  put(this->pair.far, "abc");
  this->loop.run_until_complete(echo());
  EXPECT_EQ(this->log, (names{"a", "b", "c"}));
  EXPECT_FALSE(this->loop.remove_reader(this->pair.near));
}

TYPED_TEST(DescriptorTest, closing_destroys_a_coroutine_that_waits_for_a_descriptor) {
  this->collect_errors();
  auto waits = [&](int number) -> task<void> {
    tracker local(this->log, "local");
    co_await readable(number);
  };
  this->loop.create_task(waits(this->pair.near));
  this->loop.create_task(waits(this->pair.far));
  this->run_a_while();
  put(this->pair.far, "x");
  this->loop.close();
  EXPECT_EQ(this->log, names(2, "local"));
  EXPECT_EQ(this->errors, names(2, "Task was destroyed but it is pending!"));
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
