// Handles of libuv as loops in coroutines.

#include <uv.h>

#include <coral/errors.hpp>
#include <coral/interop/uv.hpp>
#include <coral/interop/uv_events.hpp>
#include <coral/task.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace uv = coral::uv;
using coral::task;

class UvEvents : public testing::Test {
protected:
  UvEvents() { uv_loop_init(&loop); }
  ~UvEvents() override {
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0) << "a handle was left open";
  }

  uv_loop_t loop;
};

void allocate(uv_handle_t *, std::size_t, uv_buf_t *into) {
  static char memory[64];
  *into = uv_buf_init(memory, sizeof memory);
}

uv_stream_t *as_stream(uv_pipe_t &pipe) { return reinterpret_cast<uv_stream_t *>(&pipe); }
template <class Handle> uv_handle_t *as_handle(Handle *handle) {
  return reinterpret_cast<uv_handle_t *>(handle);
}

/// A pipe in a loop whose other end is a descriptor, and what was heard of it.
struct connection {
  explicit connection(uv_loop_t *loop) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    uv_pipe_init(loop, &pipe, 0);
    uv_pipe_open(&pipe, ends[0]);
    pipe.data = this;
    far = ends[1];
  }
  ~connection() {
    if (far != -1)
      ::close(far);
  }
  void send(const std::string &text) const {
    EXPECT_EQ(::write(far, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void end() {
    ::close(far);
    far = -1;
  }
  void close() {
    if (!uv_is_closing(as_handle(&pipe)))
      uv_close(as_handle(&pipe), nullptr);
  }

  uv_pipe_t pipe;
  int far;
  std::vector<std::string> heard;
  /// The coroutines that are there.
  int running = 0;
};

struct counted {
  explicit counted(int &count) : count(count) { ++count; }
  ~counted() { --count; }
  int &count;
};

task<void> read_loop(uv_stream_t *stream, uv::events<uv_read_cb> events) {
  auto &self = *static_cast<connection *>(stream->data);
  counted here(self.running);
  while (co_await events.next()) {
    auto [size, bytes] = events.told();
    self.heard.push_back(size < 0 ? uv_err_name(static_cast<int>(size))
                                  : std::string(bytes->base, static_cast<std::size_t>(size)));
    if (self.heard.back() == "stop")
      uv_read_stop(stream);
    if (self.heard.back() == "again")
      uv_read_stop(stream), uv::start(uv_read_start, stream, allocate, read_loop);
    if (self.heard.back() == "throw")
      throw std::runtime_error("thrown");
    if (size < 0)
      self.close();
  }
  self.heard.push_back("over");
}

using lines = std::vector<std::string>;

TEST_F(UvEvents, EachEventIsATurn) {
  connection peer(&loop);
  EXPECT_EQ(uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop), 0);
  EXPECT_EQ(peer.pipe.data, &peer) << "the data is the program's";
  EXPECT_EQ(peer.running, 1);
  peer.send("one");
  uv_run(&loop, UV_RUN_ONCE);
  peer.send("two");
  uv_run(&loop, UV_RUN_ONCE);
  peer.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(peer.heard, (lines{"one", "two", "EOF", "over"}));
  EXPECT_EQ(peer.running, 0);
}

TEST_F(UvEvents, ARefusedStartBeginsNothing) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  EXPECT_EQ(uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop), UV_EALREADY);
  EXPECT_EQ(peer.running, 1);
  peer.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop), UV_EINVAL);
  EXPECT_EQ(peer.heard, (lines{"EOF", "over"}));
}

TEST_F(UvEvents, AStartInTheLoopTakesItsPlace) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  peer.send("again");
  uv_run(&loop, UV_RUN_ONCE);
  EXPECT_EQ(peer.running, 1);
  peer.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(peer.heard, (lines{"again", "over", "EOF", "over"}));
}

TEST_F(UvEvents, AStoppedHandleIsStartedAgain) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  peer.send("stop");
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(peer.running, 1) << "the loop may still be resumed";
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  EXPECT_EQ(peer.running, 1) << "the one that waited is gone";
  peer.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(peer.heard, (lines{"stop", "EOF", "over"}));
}

TEST_F(UvEvents, AnExceptionLeavesAndTheLoopGoesOn) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  peer.send("throw");
  EXPECT_THROW(uv_run(&loop, UV_RUN_ONCE), std::runtime_error);
  EXPECT_EQ(peer.running, 1);
  peer.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(peer.heard, (lines{"throw", "EOF", "over"}));
}

TEST_F(UvEvents, WhatIsClosedElsewhereIsDestroyedInTheEnd) {
  std::vector<std::unique_ptr<connection>> closed;
  for (int i = 0; i != 200; ++i) {
    closed.push_back(std::make_unique<connection>(&loop));
    uv::start(uv_read_start, as_stream(closed.back()->pipe), allocate, read_loop);
  }
  for (const auto &each : closed)
    each->close();
  connection open(&loop);
  uv::start(uv_read_start, as_stream(open.pipe), allocate, read_loop);
  uv_run(&loop, UV_RUN_NOWAIT);
  open.send("one");
  uv_run(&loop, UV_RUN_ONCE);
  for (const auto &each : closed) {
    EXPECT_EQ(each->running, 0);
    EXPECT_EQ(each->heard, lines());
  }
  EXPECT_EQ(open.running, 1);
  open.end();
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(open.heard, (lines{"one", "EOF", "over"}));
}

TEST_F(UvEvents, ALoopMayRunInAnotherThread) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, read_loop);
  peer.send("one");
  peer.end();
  std::thread([&] { uv_run(&loop, UV_RUN_DEFAULT); }).join();
  EXPECT_EQ(peer.heard.back(), "over");
}

task<void> waits_elsewhere(uv_stream_t *stream, uv::events<uv_read_cb> events) {
  while (co_await events.next()) {
    auto [size, bytes] = events.told();
    if (size < 0)
      uv_close(as_handle(stream), nullptr);
    else
      co_await uv::sleep(stream->loop, std::chrono::milliseconds(20));
  }
}

TEST_F(UvEvents, AnEventThatNobodyWaitsForIsAnError) {
  connection peer(&loop);
  uv::start(uv_read_start, as_stream(peer.pipe), allocate, waits_elsewhere);
  peer.send("one");
  uv_run(&loop, UV_RUN_ONCE);
  peer.send("two");
  EXPECT_THROW(uv_run(&loop, UV_RUN_ONCE), coral::runtime_error);
  peer.close();
  uv_run(&loop, UV_RUN_DEFAULT);
}

struct listener {
  uv_tcp_t server;
  uv_tcp_t client;
  int port = 0;
  lines heard;
};

TEST_F(UvEvents, ConnectionsAreEvents) {
  listener all;
  uv_tcp_init(&loop, &all.server);
  all.server.data = &all;
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&all.server, reinterpret_cast<const sockaddr *>(&address), 0);
  const int result =
      uv::start(uv_listen, reinterpret_cast<uv_stream_t *>(&all.server), 8,
                [](uv_stream_t *server, uv::events<uv_connection_cb> events) -> task<void> {
                  auto &self = *static_cast<listener *>(server->data);
                  while (co_await events.next()) {
                    const int status = events.told();
                    self.heard.push_back("connected " + std::to_string(status));
                    uv_tcp_init(server->loop, &self.client);
                    uv_accept(server, reinterpret_cast<uv_stream_t *>(&self.client));
                    uv_close(as_handle(&self.client), nullptr);
                    uv_close(as_handle(server), nullptr);
                  }
                  self.heard.push_back("over");
                });
  ASSERT_EQ(result, 0);
  int size = sizeof address;
  uv_tcp_getsockname(&all.server, reinterpret_cast<sockaddr *>(&address), &size);
  const int peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(peer, reinterpret_cast<const sockaddr *>(&address), sizeof address), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  ::close(peer);
  EXPECT_EQ(all.heard, (lines{"connected 0", "over"}));
}

TEST_F(UvEvents, ATimerTellsNothing) {
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  int ticks = 0;
  timer.data = &ticks;
  uv::start(
      uv_timer_start, &timer,
      [](uv_timer_t *each, uv::events<uv_timer_cb> events) -> task<void> {
        while (co_await events.next()) {
          int &ticked = *static_cast<int *>(each->data);
          if (++ticked == 3)
            uv_close(as_handle(each), nullptr);
        }
      },
      1, 1);
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(ticks, 3);
}

} // namespace
