// Thread pools, and calls that a loop hands to them.

#include "loop_backends.hpp"

#include <coral/context_var.hpp>
#include <coral/executors.hpp>
#include <coral/loop/manual.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using coral::concurrent_future;
using coral::task;
using coral::thread_pool_executor;
using namespace std::chrono_literals;

TEST(ThreadPool, a_call_gives_its_value_or_throws_its_exception) {
  thread_pool_executor pool(2);
  EXPECT_EQ(pool.submit([](int a, int b) { return a + b; }, 3, 4).result(), 7);
  concurrent_future<> fails = pool.submit([] { throw std::domain_error("bad"); });
  EXPECT_EQ(message_of<std::domain_error>([&] { fails.result(); }), "bad");
  EXPECT_NE(fails.exception(), nullptr);
  EXPECT_TRUE(fails.done());
}

TEST(ThreadPool, arguments_are_moved_in_and_out) {
  thread_pool_executor pool(1);
  auto take = [](std::unique_ptr<int> given) { return *given; };
  EXPECT_EQ(pool.submit(take, std::make_unique<int>(5)).result(), 5);
}

TEST(ThreadPool, calls_run_on_other_threads_beside_each_other) {
  thread_pool_executor pool(3);
  std::barrier together(3);
  std::vector<concurrent_future<std::thread::id>> calls;
  for (int i = 0; i != 3; ++i)
    calls.push_back(pool.submit([&] {
      together.arrive_and_wait();
      return std::this_thread::get_id();
    }));
  std::set<std::thread::id> threads;
  for (const auto &call : calls)
    threads.insert(call.result());
  EXPECT_EQ(threads.size(), 3u);
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
}

TEST(ThreadPool, there_are_never_more_threads_than_allowed_and_none_without_need) {
  thread_pool_executor pool(2);
  EXPECT_EQ(pool.workers(), 0u);
  pool.submit([] {}).result();
  EXPECT_EQ(pool.workers(), 1u);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::vector<concurrent_future<>> calls;
  for (int i = 0; i != 50; ++i)
    calls.push_back(pool.submit([&] {
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);)
        ;
      std::this_thread::yield();
      --running;
    }));
  for (const auto &call : calls)
    call.result();
  EXPECT_LE(most, 2);
  EXPECT_LE(pool.workers(), 2u);
}

TEST(ThreadPool, calls_of_one_thread_run_in_order) {
  std::vector<int> order;
  {
    thread_pool_executor pool(1);
    for (int i = 0; i != 100; ++i)
      pool.submit([&, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadPool, a_pool_needs_a_worker) {
  EXPECT_EQ(message_of<coral::value_error>([] { thread_pool_executor pool(0); }),
            "max_workers must be greater than 0");
  EXPECT_GE(thread_pool_executor::default_workers(), 5u);
  EXPECT_LE(thread_pool_executor::default_workers(), 32u);
}

TEST(ThreadPool, fact_83_after_shutdown_nothing_is_taken) {
  thread_pool_executor pool(1);
  pool.shutdown();
  pool.shutdown();
  EXPECT_EQ(message_of<coral::runtime_error>([&] { pool.submit([] {}); }),
            "cannot schedule new futures after shutdown");
}

TEST(ThreadPool, shutdown_waits_for_all_or_cancels_what_has_not_begun) {
  for (bool cancel : {false, true}) {
    thread_pool_executor pool(1);
    std::latch begun(1);
    std::latch go_on(1);
    auto first = pool.submit([&] {
      begun.count_down();
      go_on.wait();
    });
    begun.wait();
    auto second = pool.submit([] { return 2; });
    pool.shutdown({.wait = false, .cancel_futures = cancel});
    go_on.count_down();
    first.result();
    EXPECT_EQ(second.cancelled(), cancel);
    if (cancel)
      EXPECT_THROW(second.result(), coral::cancelled_error);
    else
      EXPECT_EQ(second.result(), 2);
  }
}

TEST(ThreadPool, a_call_is_cancelled_before_it_begins_only) {
  thread_pool_executor pool(1);
  std::latch begun(1);
  std::latch go_on(1);
  auto first = pool.submit([&] {
    begun.count_down();
    go_on.wait();
  });
  begun.wait();
  bool ran = false;
  auto second = pool.submit([&] { ran = true; });
  EXPECT_TRUE(second.cancel());
  EXPECT_FALSE(second.cancel());
  EXPECT_FALSE(first.cancel());
  EXPECT_THROW(first.result(1ms), coral::timeout_error);
  go_on.count_down();
  first.result(1min);
  pool.shutdown();
  EXPECT_FALSE(ran);
}

TEST(ThreadPool, a_result_is_waited_for_as_long_as_is_said) {
  coral::thread_pool_executor pool(1);
  std::latch go_on(1);
  const coral::concurrent_future<> late = pool.submit([&] { go_on.wait(); });
  EXPECT_THROW(late.result(-1s), coral::timeout_error);
  EXPECT_THROW(late.result(1ms), coral::timeout_error);
  go_on.count_down();
  late.result(std::chrono::nanoseconds::max());
  late.result(std::chrono::hours::max());
}

TEST(ThreadPool, a_job_may_wait_for_jobs_of_its_own_pool) {
  // David-Haim/concurrencpp#61
  thread_pool_executor pool(1);
  std::function<int(int)> fibonacci = [&](int n) -> int {
    if (n < 2)
      return n;
    auto left = pool.submit(fibonacci, n - 1);
    auto right = pool.submit(fibonacci, n - 2);
    return left.result() + right.result();
  };
  EXPECT_EQ(pool.submit(fibonacci, 10).result(), 55);
}

TEST(ThreadPool, a_job_may_shut_its_pool_down) {
  thread_pool_executor pool(1);
  pool.submit([&] { pool.shutdown(); }).result();
  EXPECT_THROW(pool.submit([] {}), coral::runtime_error);
}

class InExecutor : public OverLoops {};
INSTANTIATE_OVER_LOOPS(InExecutor);

TEST_P(InExecutor, fact_83_gives_the_value_and_leaves_the_loop_running) {
  thread_pool_executor pool(1);
  std::latch go_on(1);
  auto waits = [&](int value) {
    go_on.wait();
    return value;
  };
  auto main = [&]() -> task<int> {
    auto result = loop.run_in_executor(&pool, waits, 5);
    co_await coral::sleep(1ms);
    EXPECT_FALSE(result.done());
    go_on.count_down();
    co_return co_await result;
  };
  EXPECT_EQ(loop.run_until_complete(main()), 5);
}

TEST_P(InExecutor, fact_83_passes_exceptions) {
  auto fails = [] { throw std::domain_error("from the pool"); };
  auto main = [&]() -> task<void> { co_await loop.run_in_executor(nullptr, fails); };
  EXPECT_EQ(message_of<std::domain_error>([&] { loop.run_until_complete(main()); }),
            "from the pool");
}

TEST_P(InExecutor, fact_83_after_shutdown_the_default_executor_takes_nothing) {
  auto nothing = [] {};
  auto main = [&]() -> task<void> {
    co_await loop.run_in_executor(nullptr, nothing);
    co_await loop.shutdown_default_executor();
    co_await loop.shutdown_default_executor();
    loop.run_in_executor(nullptr, nothing);
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.run_until_complete(main()); }),
            "Executor shutdown has been called");
}

TEST_P(InExecutor, fact_83_shutting_down_waits_without_blocking_the_loop) {
  std::latch go_on(1);
  bool done = false;
  auto slow = [&] {
    go_on.wait();
    done = true;
  };
  auto frees = [&]() -> task<void> {
    co_await coral::sleep(1ms);
    go_on.count_down();
  };
  auto main = [&]() -> task<void> {
    auto result = loop.run_in_executor(nullptr, slow);
    auto helper = coral::create_task(frees());
    co_await loop.shutdown_default_executor();
    EXPECT_TRUE(done);
    co_await helper;
    co_await result;
  };
  loop.run_until_complete(main());
}

TEST_P(InExecutor, the_default_executor_can_be_set) {
  auto pool = std::make_shared<thread_pool_executor>(1);
  const std::thread::id worker = pool->submit([] { return std::this_thread::get_id(); }).result();
  loop.set_default_executor(pool);
  auto which = [] { return std::this_thread::get_id(); };
  auto main = [&]() -> task<bool> {
    std::thread::id used = co_await loop.run_in_executor(nullptr, which);
    co_return used == worker;
  };
  EXPECT_TRUE(loop.run_until_complete(main()));
}

TEST_P(InExecutor, cancelling_keeps_a_call_that_has_not_begun_from_being_made) {
  thread_pool_executor pool(1);
  std::latch go_on(1);
  bool ran = false;
  auto blocks = [&] { go_on.wait(); };
  auto sets = [&] { ran = true; };
  auto main = [&]() -> task<void> {
    auto first = loop.run_in_executor(&pool, blocks);
    auto second = loop.run_in_executor(&pool, sets);
    second.cancel();
    co_await coral::sleep(1ms);
    go_on.count_down();
    co_await first;
  };
  loop.run_until_complete(main());
  pool.shutdown();
  EXPECT_FALSE(ran);
}

TEST_P(InExecutor, cancelling_a_call_that_runs_gives_up_its_result) {
  std::latch begun(1);
  std::latch go_on(1);
  thread_pool_executor pool(1);
  auto blocks = [&] {
    begun.count_down();
    go_on.wait();
    return 1;
  };
  auto waits = [&]() -> task<int> { co_return co_await loop.run_in_executor(&pool, blocks); };
  auto main = [&]() -> task<void> {
    auto waiting = coral::create_task(waits());
    co_await coral::sleep(1ms);
    begun.wait();
    waiting.cancel();
    try {
      co_await waiting;
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
    }
    go_on.count_down();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"cancelled"});
}

TEST_P(InExecutor, the_loop_may_go_before_the_call_is_done) {
  thread_pool_executor pool(1);
  std::latch go_on(1);
  auto held = std::make_shared<int>();
  {
    auto owned = create();
    auto blocks = [&go_on, held] {
      go_on.wait();
      return held;
    };
    owned->run_in_executor(&pool, blocks);
  }
  go_on.count_down();
  pool.shutdown();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(InExecutor, calls_that_end_while_the_loop_closes_are_dropped) {
  coral::thread_pool_executor pool(2);
  for (int round = 0; round != 200; ++round) {
    const std::unique_ptr<coral::event_loop> closing = create();
    for (int i = 0; i != 4; ++i)
      static_cast<void>(closing->run_in_executor(&pool, [] {}));
    closing->close();
  }
}

TEST_P(InExecutor, closing_the_loop_ends_its_executor) {
  std::atomic<bool> done = false;
  loop.run_in_executor(nullptr, [&] {
    std::this_thread::sleep_for(5ms);
    done = true;
  });
  loop.close();
  EXPECT_TRUE(done);
  EXPECT_THROW(loop.run_in_executor(nullptr, [] {}), coral::runtime_error);
}

TEST_P(InExecutor, many_calls_from_many_tasks_all_come_back) {
  auto square = [](int n) { return n * n; };
  auto one = [&](int n) -> task<int> { co_return co_await coral::to_thread(square, n); };
  auto main = [&]() -> task<int> {
    std::vector<task<int>> all;
    for (int n = 0; n != 200; ++n)
      all.push_back(one(n));
    int total = 0;
    std::vector<int> results = co_await coral::gather(std::move(all));
    for (int result : results)
      total += result;
    co_return total;
  };
  EXPECT_EQ(loop.run_until_complete(main()), 199 * 200 * 399 / 6);
}

coral::context_var<int> number("number", 0);

TEST_P(InExecutor, fact_84_to_thread_copies_the_context_and_changes_do_not_leak_back) {
  auto read_and_set = [] {
    const int seen = number.get();
    number.set(99);
    return seen;
  };
  auto main = [&]() -> task<void> {
    number.set(7);
    EXPECT_EQ(co_await coral::to_thread(read_and_set), 7);
    EXPECT_EQ(number.get(), 7);
  };
  loop.run_until_complete(main());
}

TEST_P(InExecutor, fact_84_run_in_executor_does_not_copy_the_context) {
  auto read = [] { return number.get(); };
  auto main = [&]() -> task<void> {
    number.set(7);
    EXPECT_EQ(co_await loop.run_in_executor(nullptr, read), 0);
  };
  loop.run_until_complete(main());
}

} // namespace
