// run_coroutine_threadsafe.

#include "manual_event.hpp"

#include <coral/loop/uv.hpp>
#include <coral/result.hpp>
#include <coral/tasks.hpp>
#include <coral/threadsafe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace {

using coral::concurrent_future;
using coral::task;
using namespace std::chrono_literals;

/// A loop that runs in a thread of its own.
class RunCoroutineThreadsafe : public testing::Test {
protected:
  ~RunCoroutineThreadsafe() override { join(); }

  void join() {
    if (!thread.joinable())
      return;
    loop.call_soon_threadsafe([this] { loop.stop(); });
    thread.join();
  }

  coral::uv_loop loop;
  std::thread thread{[this] { loop.run_forever(); }};
};

task<int> gives(int value) {
  co_await coral::sleep(1ms);
  co_return value;
}

task<int> fails() {
  co_await coral::sleep(1ms);
  throw std::domain_error("failed");
}

task<void> sleeps_until_cancelled(std::atomic<bool> &cancelled) {
  const coral::result<> slept = co_await coral::as_result(coral::sleep(1h));
  cancelled = slept.cancelled();
  slept.value();
}

TEST_F(RunCoroutineThreadsafe, fact_86_gives_the_result) {
  EXPECT_EQ(coral::run_coroutine_threadsafe(gives(3), loop).result(), 3);
  concurrent_future<int> failed = coral::run_coroutine_threadsafe(fails(), loop);
  EXPECT_THROW(failed.result(), std::domain_error);
  EXPECT_NE(failed.exception(), nullptr);
  EXPECT_TRUE(failed.done());
  EXPECT_FALSE(failed.cancelled());
}

TEST_F(RunCoroutineThreadsafe, fact_86_runs_in_the_loop) {
  auto body = [&]() -> task<bool> {
    co_await coral::yield();
    co_return &coral::get_running_loop() == &loop &&std::this_thread::get_id() == thread.get_id();
  };
  EXPECT_TRUE(coral::run_coroutine_threadsafe(body(), loop).result());
}

TEST_F(RunCoroutineThreadsafe, fact_86_a_timeout_cancels_nothing) {
  coral::future<> event(loop);
  auto body = [&]() -> task<int> {
    co_await event;
    co_return 5;
  };
  concurrent_future<int> waiting = coral::run_coroutine_threadsafe(body(), loop);
  EXPECT_THROW(waiting.result(5ms), coral::timeout_error);
  EXPECT_FALSE(waiting.done());
  loop.call_soon_threadsafe([&] { event.set_result(); });
  EXPECT_EQ(waiting.result(), 5);
}

TEST_F(RunCoroutineThreadsafe, fact_86_cancelling_the_future_cancels_the_task) {
  // alibaba/async_simple#402
  std::atomic<bool> cancelled = false;
  concurrent_future<void> waiting =
      coral::run_coroutine_threadsafe(sleeps_until_cancelled(cancelled), loop);
  // The task has begun when a call that was sent after it has been made.
  coral::run_coroutine_threadsafe(gives(1), loop).result();
  EXPECT_TRUE(waiting.cancel());
  EXPECT_FALSE(waiting.cancel());
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_THROW(waiting.result(), coral::cancelled_error);
  coral::run_coroutine_threadsafe(gives(1), loop).result();
  EXPECT_TRUE(cancelled);
}

TEST_F(RunCoroutineThreadsafe, fact_86_cancelling_the_task_cancels_the_future) {
  auto body = []() -> task<void> {
    coral::current_task()->cancel();
    co_await coral::sleep(1h);
  };
  concurrent_future<void> waiting = coral::run_coroutine_threadsafe(body(), loop);
  EXPECT_THROW(waiting.result(), coral::cancelled_error);
  EXPECT_TRUE(waiting.cancelled());
}

TEST_F(RunCoroutineThreadsafe, fact_86_closing_the_loop_cancels_the_future) {
  loop.set_exception_handler([](coral::event_loop &, const coral::exception_context &) {});
  std::atomic<bool> cancelled = false;
  concurrent_future<void> begun =
      coral::run_coroutine_threadsafe(sleeps_until_cancelled(cancelled), loop);
  coral::run_coroutine_threadsafe(gives(1), loop).result();
  join();
  concurrent_future<int> never_begun = coral::run_coroutine_threadsafe(gives(1), loop);
  loop.close();
  EXPECT_TRUE(begun.cancelled());
  EXPECT_TRUE(never_begun.cancelled());
  EXPECT_FALSE(cancelled);
  EXPECT_THROW(coral::run_coroutine_threadsafe(gives(1), loop), coral::runtime_error);
}

TEST_F(RunCoroutineThreadsafe, fact_86_many_threads_send) {
  // jbaldwin/libcoro#287
  std::vector<std::thread> threads;
  std::atomic<int> sum = 0;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i != 50; ++i)
        sum += coral::run_coroutine_threadsafe(gives(t), loop).result();
    });
  for (std::thread &each : threads)
    each.join();
  EXPECT_EQ(sum, 50 * (0 + 1 + 2 + 3));
}

} // namespace
