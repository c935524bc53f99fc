// Ten million awaits, in one coroutine, of what is ready: the stack does not grow, whatever it is.
// Those of a plain task stand in task_test.cpp.

#include "manual_loop_test.hpp"

#include <coral/async_for.hpp>
#include <coral/async_generator.hpp>
#include <coral/coroutine.hpp>
#include <coral/future.hpp>
#include <coral/generator.hpp>
#include <coral/locks.hpp>
#include <coral/queues.hpp>
#include <coral/recursive_generator.hpp>
#include <coral/result.hpp>

#include <cstdint>

namespace {

using coral::task;

constexpr int count = 10'000'000;
constexpr std::int64_t sum = std::int64_t{count} * (count - 1) / 2;

task<int> one() { co_return 1; }

class TenMillion : public ManualLoopTest {};

TEST_F(TenMillion, awaits_of_as_result) {
  auto main = []() -> task<int> {
    int total = 0;
    for (int i = 0; i != count; ++i)
      total += *co_await coral::as_result(one());
    co_return total;
  };
  EXPECT_EQ(run(main), count);
}

TEST_F(TenMillion, awaits_of_a_scheduled_task_that_is_done) {
  auto main = []() -> task<int> {
    auto done = coral::create_task(one());
    int total = co_await done - 1;
    for (int i = 0; i != count; ++i)
      total += co_await done;
    co_return total;
  };
  EXPECT_EQ(run(main), count);
}

TEST_F(TenMillion, awaits_of_a_future_that_is_done) {
  auto main = []() -> task<int> {
    coral::future<int> done;
    done.set_result(1);
    int total = 0;
    for (int i = 0; i != count; ++i)
      total += co_await done;
    co_return total;
  };
  EXPECT_EQ(run(main), count);
}

TEST_F(TenMillion, awaits_of_as_result_of_a_future_that_is_done) {
  auto main = []() -> task<int> {
    coral::future<int> done;
    done.set_result(1);
    int total = 0;
    for (int i = 0; i != count; ++i)
      total += *co_await coral::as_result(done);
    co_return total;
  };
  EXPECT_EQ(run(main), count);
}

coral::async_generator<int> async_numbers() {
  for (int i = 0; i != count; ++i)
    co_yield i;
}

TEST_F(TenMillion, elements_of_an_async_generator) {
  auto main = []() -> task<std::int64_t> {
    std::int64_t total = 0;
    auto numbers = async_numbers();
    while (auto number = co_await numbers.next())
      total += *number;
    co_return total;
  };
  EXPECT_EQ(run(main), sum);
}

TEST_F(TenMillion, elements_of_an_async_for) {
  std::int64_t total = 0;
  auto main = [&]() -> task<bool> {
    auto add = [&](int number) { total += number; };
    co_return co_await coral::async_for(async_numbers(), add);
  };
  EXPECT_TRUE(run(main));
  EXPECT_EQ(total, sum);
}

TEST_F(TenMillion, elements_of_an_async_generator_that_awaits_each) {
  auto ones = []() -> coral::async_generator<int> {
    for (int i = 0; i != count; ++i)
      co_yield co_await one();
  };
  auto main = [&]() -> task<int> {
    int total = 0;
    auto numbers = ones();
    while (auto number = co_await numbers.next())
      total += *number;
    co_return total;
  };
  EXPECT_EQ(run(main), count);
}

TEST_F(TenMillion, elements_of_a_generator) {
  auto numbers = []() -> coral::generator<int> {
    for (int i = 0; i != count; ++i)
      co_yield i;
  };
  std::int64_t total = 0;
  for (int number : numbers())
    total += number;
  EXPECT_EQ(total, sum);
}

coral::recursive_generator<int> nested_numbers(int depth) {
  if (depth != 0)
    co_yield coral::elements_of(nested_numbers(depth - 1));
  else
    for (int i = 0; i != count; ++i)
      co_yield i;
}

TEST_F(TenMillion, elements_of_a_recursive_generator_in_its_depths) {
  std::int64_t total = 0;
  for (int number : nested_numbers(100))
    total += number;
  EXPECT_EQ(total, sum);
}

coral::recursive_generator<int> single(int value) { co_yield value; }

TEST_F(TenMillion, generators_within_a_recursive_generator) {
  auto numbers = []() -> coral::recursive_generator<int> {
    for (int i = 0; i != count; ++i)
      co_yield coral::elements_of(single(i));
  };
  std::int64_t total = 0;
  for (int number : numbers())
    total += number;
  EXPECT_EQ(total, sum);
}

TEST_F(TenMillion, yields_of_a_generator_based_coroutine) {
  auto ones = []() -> coral::generator<task<int>, void, int, int> {
    int total = 0;
    for (int i = 0; i != count; ++i)
      total += *(co_yield one());
    co_return total;
  };
  auto main = [&]() -> task<int> { co_return co_await coral::coroutine(ones()); };
  EXPECT_EQ(run(main), count);
}

TEST_F(TenMillion, items_of_a_queue_through_a_free_lock) {
  coral::lock lock;
  coral::queue<int> items;
  // Three awaits each.
  constexpr int rounds = count / 3;
  auto main = [&]() -> task<int> {
    int total = 0;
    for (int i = 0; i != rounds; ++i) {
      co_await lock.acquire();
      co_await items.put(1);
      total += co_await items.get();
      lock.release();
    }
    co_return total;
  };
  EXPECT_EQ(run(main), rounds);
}

} // namespace
