// libuv's calls awaited: on a uv_loop_t of the program's own, and on that of a coral::uv_loop.

#include <uv.h>

#include <coral/errors.hpp>
#include <coral/interop/uv.hpp>
#include <coral/loop/uv.hpp>
#include <coral/spawn.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace {

namespace uv = coral::uv;
using coral::task;
using namespace std::chrono_literals;

/// A libuv program without a loop of Coral's.
class UvProgram : public testing::Test {
protected:
  UvProgram() { uv_loop_init(&loop); }
  ~UvProgram() override {
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop), 0) << "a handle was left open";
  }

  /// Runs the task, and everything it leads to.
  void run(task<void> work) {
    bool done = false;
    auto all = [](task<void> body, bool &finished) -> task<void> {
      co_await std::move(body);
      finished = true;
    };
    coral::spawn(all(std::move(work), done));
    uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_TRUE(done);
  }

  uv_loop_t loop;
};

struct stream_pair {
  explicit stream_pair(uv_loop_t *loop) : near(uv_pipe_init, loop, 0), far(uv_pipe_init, loop, 0) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::system_error(errno, std::system_category());
    uv_pipe_open(near.get(), ends[0]);
    uv_pipe_open(far.get(), ends[1]);
  }
  uv::handle<uv_pipe_t> near;
  uv::handle<uv_pipe_t> far;
};

TEST_F(UvProgram, AFileIsWrittenAndRead) {
  const std::string path = testing::TempDir() + "coral-uv-" + std::to_string(::getpid());
  auto body = [&]() -> task<void> {
    auto opened = co_await uv::request(uv_fs_open, &loop, path.c_str(), O_CREAT | O_RDWR, 0600);
    const auto file = static_cast<uv_file>(opened.result());
    std::string text = "text";
    uv_buf_t buffer = uv_buf_init(text.data(), 4);
    auto written = co_await uv::request(uv_fs_write, &loop, file, &buffer, 1, std::int64_t(0));
    EXPECT_EQ(written.result(), 4);
    auto stat = co_await uv::request(uv_fs_stat, &loop, path.c_str());
    EXPECT_EQ(stat->statbuf.st_size, 4u);
    co_await uv::request(uv_fs_close, &loop, file);
    co_await uv::request(uv_fs_unlink, &loop, path.c_str());
  };
  run(body());
}

TEST_F(UvProgram, AnErrorIsThrown) {
  auto body = [&]() -> task<void> {
    try {
      co_await uv::request(uv_fs_open, &loop, "/no/such/file", O_RDONLY, 0);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
      EXPECT_EQ(error.code().value(), UV_ENOENT);
      EXPECT_EQ(&error.code().category(), &uv::error_category());
    }
  };
  run(body());
}

TEST_F(UvProgram, AnErrorOfTheInitiationIsThrown) {
  stream_pair streams(&loop);
  auto body = [&]() -> task<void> {
    uv::handle<uv_pipe_t> closed(uv_pipe_init, &loop, 0);
    try {
      co_await uv::request(uv_shutdown, closed.stream());
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_EQ(error.code(), std::errc::not_connected);
    }
  };
  run(body());
}

TEST_F(UvProgram, ACallOfALoopThatRunsInAnotherThread) {
  uv_fs_t request;
  bool done = false;
  auto body = [&]() -> task<void> {
    co_await uv::call(uv_fs_stat, &loop, &request, "/");
    done = true;
  };
  coral::spawn(body);
  std::thread([this] { uv_run(&loop, UV_RUN_DEFAULT); }).join();
  EXPECT_TRUE(done);
  uv_fs_req_cleanup(&request);
}

TEST_F(UvProgram, ACallOnTheProgramsOwnRequest) {
  uv_fs_t request;
  int mark = 0;
  request.data = &mark;
  auto body = [&]() -> task<void> {
    co_await uv::call(uv_fs_stat, &loop, &request, "/");
    EXPECT_EQ(request.result, 0);
    EXPECT_TRUE(S_ISDIR(request.statbuf.st_mode));
    EXPECT_EQ(request.data, &mark);
    uv_fs_req_cleanup(&request);
    co_await uv::call(uv_fs_stat, &loop, &request, "/no/such/file");
    EXPECT_EQ(request.result, UV_ENOENT);
    uv_fs_req_cleanup(&request);
  };
  run(body());
}

TEST_F(UvProgram, ACallGivesTheStatus) {
  stream_pair streams(&loop);
  std::string text = "text";
  auto body = [&]() -> task<void> {
    uv_buf_t bytes = uv_buf_init(text.data(), 4);
    uv_write_t write;
    EXPECT_EQ(co_await uv::call(uv_write, &write, streams.near.stream(), &bytes, 1), 0);
    uv_shutdown_t shutdown;
    EXPECT_EQ(co_await uv::call(uv_shutdown, &shutdown, streams.near.stream()), 0);
    uv::byte_reader reader(streams.far.stream());
    EXPECT_EQ(co_await reader.read(), "text");
    EXPECT_EQ(co_await reader.read(), "");
  };
  run(body());
}

TEST_F(UvProgram, ACallGivesSeveralValues) {
  auto body = [&]() -> task<void> {
    uv_getaddrinfo_t request;
    auto [status, found] =
        co_await uv::call(uv_getaddrinfo, &loop, &request, "127.0.0.1", "80", nullptr);
    EXPECT_EQ(status, 0);
    if (found) {
      EXPECT_EQ(found->ai_family, AF_INET);
    }
    uv_freeaddrinfo(found);
  };
  run(body());
}

TEST_F(UvProgram, ACallOfWorkRunsItInThePool) {
  std::thread::id where;
  uv_work_t work;
  work.data = &where;
  auto body = [&]() -> task<void> {
    uv_work_cb run = [](uv_work_t *work) {
      *static_cast<std::thread::id *>(work->data) = std::this_thread::get_id();
    };
    EXPECT_EQ(co_await uv::call(uv_queue_work, &loop, &work, run), 0);
    EXPECT_NE(where, std::this_thread::get_id());
  };
  run(body());
}

TEST_F(UvProgram, ACallThatLibuvRefusesEndsTheCoroutine) {
  struct noted {
    bool &gone;
    ~noted() { gone = true; }
  };
  bool gone = false;
  bool went_on = false;
  auto body = [&]() -> task<void> {
    noted note{gone};
    uv::handle<uv_pipe_t> closed(uv_pipe_init, &loop, 0);
    uv_shutdown_t request;
    co_await uv::call(uv_shutdown, &request, closed.stream());
    went_on = true;
  };
  coral::spawn(body());
  EXPECT_TRUE(gone);
  EXPECT_FALSE(went_on);
}

TEST_F(UvProgram, ACallThatLibuvRefusesGoesOnWhereItsResultIsWanted) {
  auto body = [&]() -> task<void> {
    uv::handle<uv_pipe_t> closed(uv_pipe_init, &loop, 0);
    uv_shutdown_t request;
    int refused = 0;
    co_await uv::call(uv_shutdown, &request, closed.stream()).returning(refused);
    EXPECT_EQ(refused, UV_ENOTCONN);
    // The same request again, which nobody waits for any more.
    co_await uv::call(uv_shutdown, &request, closed.stream()).returning(refused);
    EXPECT_EQ(refused, UV_ENOTCONN);
    uv_fs_t stat;
    co_await uv::call(uv_fs_stat, &loop, &stat, "/").returning(refused);
    EXPECT_EQ(refused, 0);
    EXPECT_TRUE(S_ISDIR(stat.statbuf.st_mode));
    uv_fs_req_cleanup(&stat);
  };
  run(body());
}

TEST_F(UvProgram, ARequestThatIsUnderWayIsStillWaitedFor) {
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 1, &address);
  auto *to = reinterpret_cast<const sockaddr *>(&address);
  uv::handle<uv_tcp_t> tcp(uv_tcp_init, &loop);
  uv_connect_t request;
  bool ended = false;
  auto connect = [&]() -> task<void> {
    EXPECT_EQ(co_await uv::call(uv_tcp_connect, &request, tcp.get(), to), UV_ECONNREFUSED);
    ended = true;
  };
  auto again = [&]() -> task<void> {
    int refused = 0;
    co_await uv::call(uv_tcp_connect, &request, tcp.get(), to).returning(refused);
    EXPECT_EQ(refused, UV_EALREADY);
  };
  coral::spawn(connect());
  run(again());
  EXPECT_TRUE(ended);
}

TEST_F(UvProgram, ACallOfAFunctionThatReturnsNothing) {
  auto body = [&]() -> task<void> {
    uv::handle<uv_pipe_t> pipe(uv_pipe_init, &loop, 0);
    uv_connect_t request;
    EXPECT_EQ(co_await uv::call(uv_pipe_connect, &request, pipe.get(), "/no/such/socket"),
              UV_ENOENT);
  };
  run(body());
}

TEST_F(UvProgram, AnErrorOfLibuvsOwnHasItsText) {
  EXPECT_EQ(std::error_code(UV_EOF, uv::error_category()).message(), "end of file");
  EXPECT_NE(std::error_code(UV_EOF, uv::error_category()), std::errc::io_error);
}

TEST_F(UvProgram, ANameIsResolved) {
  auto body = [&]() -> task<void> {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    auto found = co_await uv::request(uv_getaddrinfo, &loop, "127.0.0.1", "80",
                                      static_cast<const addrinfo *>(&hints));
    EXPECT_EQ(ntohs(reinterpret_cast<sockaddr_in *>(found->addrinfo->ai_addr)->sin_port), 80);
  };
  run(body());
}

TEST_F(UvProgram, StreamsAreWrittenAndRead) {
  const std::string much(1'000'000, 'x');
  auto write_all = [&](stream_pair &streams) -> task<void> {
    co_await uv::write(streams.near.stream(), "hello ");
    co_await uv::write(streams.near.stream(), much);
    co_await uv::request(uv_shutdown, streams.near.stream());
  };
  auto body = [&]() -> task<void> {
    stream_pair streams(&loop);
    coral::spawn(write_all(streams));
    uv::byte_reader reader(streams.far.stream());
    std::string all;
    for (;;) {
      const std::string some = co_await reader.read();
      if (some.empty())
        break;
      all += some;
    }
    EXPECT_TRUE(all == "hello " + much);
    EXPECT_EQ(co_await reader.read(), "");
  };
  run(body());
}

TEST_F(UvProgram, AWriteThatIsAbandonedKeepsItsBytes) {
  // dermesser/uvco#4
  auto streams = std::make_unique<stream_pair>(&loop);
  {
    // The writer and its frame go first; libuv still has the bytes.
    uv::detail::write_awaiter writing(streams->near.stream(), std::string(4'000'000, 'x'));
    EXPECT_FALSE(writing.await_ready());
    writing.await_suspend(std::noop_coroutine());
  }
  uv_run(&loop, UV_RUN_NOWAIT);
  streams.reset();
}

TEST_F(UvProgram, ASleepTakesItsTime) {
  auto body = [&]() -> task<void> {
    const auto begin = std::chrono::steady_clock::now();
    co_await uv::sleep(&loop, 5ms);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 4ms);
  };
  run(body());
}

TEST_F(UvProgram, WorkRunsOnAnotherThread) {
  auto body = [&]() -> task<void> {
    const auto here = std::this_thread::get_id();
    auto where = [] { return std::this_thread::get_id(); };
    EXPECT_NE(co_await uv::work(&loop, where), here);
    auto fail = [] { throw std::runtime_error("no result"); };
    EXPECT_THROW(co_await uv::work(&loop, fail), std::runtime_error);
  };
  run(body());
}

/// The same on the loop of a coral::uv_loop, whose tasks can be cancelled.
class UvLoop : public testing::Test {
protected:
  template <class T> T run(task<T> work) { return loop.run_until_complete(std::move(work)); }

  template <class T> static task<bool> is_cancelled(coral::scheduled_task<T> work) {
    try {
      co_await work;
    } catch (const coral::cancelled_error &) {
      co_return true;
    }
    co_return false;
  }

  coral::uv_loop loop;
  uv_loop_t *native = loop.native_handle();
};

TEST_F(UvLoop, TasksResumeInTheLoop) {
  auto body = [&]() -> task<void> {
    co_await uv::sleep(native, 1ms);
    EXPECT_EQ(&coral::get_running_loop(), &loop);
    auto stat = co_await uv::request(uv_fs_stat, native, "/");
    EXPECT_TRUE(stat->statbuf.st_mode & S_IFDIR);
  };
  run(body());
}

TEST_F(UvLoop, WhatATimerOfLibuvsSchedulesDoesNotWait) {
  bool called = false;
  uv_timer_t timer;
  uv_timer_init(native, &timer);
  auto soon = [&] {
    called = true;
    loop.stop();
  };
  std::function<void()> due = [&] { loop.call_soon(soon); };
  timer.data = &due;
  // Due before the loop first waits, and nothing else would end the wait.
  uv_timer_start(
      &timer, [](uv_timer_t *t) { (*static_cast<std::function<void()> *>(t->data))(); }, 0, 0);
  loop.run_forever();
  EXPECT_TRUE(called);

  called = false;
  due = [&] { loop.call_later(1ms, soon); };
  uv_timer_start(
      &timer, [](uv_timer_t *t) { (*static_cast<std::function<void()> *>(t->data))(); }, 0, 0);
  loop.run_forever();
  EXPECT_TRUE(called);
  uv_close(reinterpret_cast<uv_handle_t *>(&timer), nullptr);
  uv_run(native, UV_RUN_NOWAIT);
}

TEST_F(UvLoop, ADeadlineThatPassesBeforeTheWaitEndsIt) {
  uv_timer_t timer;
  uv_timer_init(native, &timer);
  uv_timer_start(
      &timer,
      [](uv_timer_t *t) {
        std::this_thread::sleep_for(20ms);
        uv_update_time(t->loop);
      },
      1, 0);
  // Due before ours, and ends after it: libuv finds both due before it waits.
  std::this_thread::sleep_for(2ms);
  auto body = []() -> task<void> { co_await coral::sleep(5ms); };
  run(body());
  uv_close(reinterpret_cast<uv_handle_t *>(&timer), nullptr);
  uv_run(native, UV_RUN_NOWAIT);
}

TEST_F(UvLoop, ASleepIsCancelled) {
  auto sleep = [&]() -> task<void> { co_await uv::sleep(native, 1h); };
  auto body = [&]() -> task<void> {
    auto sleeping = coral::create_task(sleep());
    co_await coral::yield();
    sleeping.cancel();
    EXPECT_TRUE(co_await is_cancelled(sleeping));
  };
  run(body());
}

TEST_F(UvLoop, AReadIsCancelledAndLosesNothing) {
  auto body = [&]() -> task<void> {
    stream_pair streams(native);
    uv::byte_reader reader(streams.far.stream());
    auto reading = coral::create_task(reader.read());
    co_await coral::yield();
    reading.cancel();
    EXPECT_TRUE(co_await is_cancelled(reading));
    co_await uv::write(streams.near.stream(), "still here");
    EXPECT_EQ(co_await reader.read(), "still here");
  };
  run(body());
}

TEST_F(UvLoop, ARequestThatCannotBeCancelledEndsFirst) {
  bool written = false;
  auto body = [&]() -> task<void> {
    stream_pair streams(native);
    uv::byte_reader reader(streams.far.stream());
    auto write = [&]() -> task<void> {
      co_await uv::write(streams.near.stream(), std::string(1'000'000, 'x'));
      written = true;
      co_await coral::yield();
      ADD_FAILURE() << "the cancellation is lost";
    };
    auto writing = coral::create_task(write());
    co_await coral::yield();
    writing.cancel();
    std::size_t all = 0;
    while (all != 1'000'000)
      all += (co_await reader.read()).size();
    EXPECT_TRUE(co_await is_cancelled(writing));
    EXPECT_TRUE(written);
  };
  run(body());
}

} // namespace
