// coral::future.

#include "manual_loop_test.hpp"

#include <coral/awaitable.hpp>
#include <coral/future.hpp>

#include <memory>
#include <stdexcept>

namespace {

using coral::future;
using coral::task;
using namespace std::chrono_literals;

static_assert(coral::is_awaitable_v<future<int>> && coral::is_awaitable_v<future<int> &>);
static_assert(std::same_as<coral::await_result_t<future<int> &>, const int &>);
static_assert(
    std::same_as<coral::await_result_t<future<std::unique_ptr<int>>>, std::unique_ptr<int>>);
static_assert(std::same_as<coral::await_result_t<future<>>, void>);
static_assert(!coral::is_coroutine_type_v<future<int>>);
static_assert(std::is_copy_constructible_v<future<int>>);

class Future : public ManualLoopTest {
protected:
  /// Runs what is ready, and nothing that this schedules.
  void run_a_batch() {
    loop.stop();
    loop.run_forever();
  }

  future<int> number{loop};
};

TEST_F(Future, fact_23_result_can_be_set_once) {
  EXPECT_FALSE(number.done());
  number.set_result(4);
  EXPECT_TRUE(number.done());
  EXPECT_FALSE(number.cancelled());
  EXPECT_EQ(number.result(), 4);
  using error = coral::invalid_state_error;
  EXPECT_EQ(message_of<error>([&] { number.set_result(5); }), "invalid state");
  EXPECT_EQ(message_of<error>([&] { number.set_exception(std::domain_error("late")); }),
            "invalid state");
  EXPECT_EQ(number.result(), 4);
  EXPECT_EQ(number.exception(), nullptr);
}

TEST_F(Future, fact_23_nothing_is_there_before_it_is_set) {
  using error = coral::invalid_state_error;
  EXPECT_EQ(message_of<error>([&] { number.result(); }), "Result is not set.");
  EXPECT_EQ(message_of<error>([&] { number.exception(); }), "Exception is not set.");
}

TEST_F(Future, fact_23_an_exception_is_a_result) {
  number.set_exception(std::domain_error("failed"));
  EXPECT_TRUE(number.done());
  EXPECT_EQ(message_of<std::domain_error>([&] { number.result(); }), "failed");
  EXPECT_EQ(message_of<std::domain_error>([&] { std::rethrow_exception(number.exception()); }),
            "failed");
}

TEST_F(Future, fact_23_null_is_no_exception) {
  EXPECT_THROW(number.set_exception(std::exception_ptr()), coral::type_error);
  EXPECT_FALSE(number.done());
}

TEST_F(Future, fact_23_a_value_is_made_in_place_and_moved_out) {
  future<std::pair<int, std::unique_ptr<int>>> pair(loop);
  pair.set_result(1, std::make_unique<int>(2));
  auto main = [&]() -> task<int> {
    auto taken = co_await std::move(pair);
    co_return taken.first + *taken.second;
  };
  EXPECT_EQ(run(main), 3);
}

TEST_F(Future, fact_24_stop_iteration_becomes_runtime_error) {
  number.set_exception(coral::stop_iteration(1));
  EXPECT_EQ(message_of<coral::runtime_error>([&] { number.result(); }),
            "StopIteration interacts badly with generators and cannot be raised into a Future");
}

TEST_F(Future, fact_25_callbacks_run_in_order_and_never_inline) {
  number.add_done_callback([&](future<int> done) { note("1: " + std::to_string(done.result())); });
  number.add_done_callback([&] { note("2"); });
  number.set_result(7);
  EXPECT_EQ(log, names{});
  run_a_batch();
  EXPECT_EQ(log, (names{"1: 7", "2"}));
}

TEST_F(Future, fact_25_a_callback_for_a_done_future_is_scheduled) {
  number.set_result(7);
  number.add_done_callback([&](future<int>) { note("late"); });
  EXPECT_EQ(log, names{});
  run_a_batch();
  EXPECT_EQ(log, names{"late"});
}

TEST_F(Future, fact_25_callbacks_and_waiters_come_in_order_of_arrival) {
  auto waits = [&](std::string name) -> task<void> {
    co_await number;
    note(name);
  };
  auto main = [&]() -> task<void> {
    number.add_done_callback([&] { note("callback a"); });
    auto first = coral::create_task(waits("waiter b"));
    co_await coral::sleep(0s);
    number.add_done_callback([&] { note("callback c"); });
    number.set_result(0);
    co_await first;
  };
  run(main);
  EXPECT_EQ(log, (names{"callback a", "waiter b", "callback c"}));
}

TEST_F(Future, fact_25_an_exception_of_a_callback_goes_to_the_handler) {
  number.add_done_callback([] { throw std::domain_error("callback"); });
  number.add_done_callback([&] { note("next"); });
  number.set_result(1);
  run_a_batch();
  EXPECT_EQ(log, names{"next"});
  EXPECT_EQ(take_errors(), names{"Exception in callback"});
}

TEST_F(Future, fact_25_a_callback_may_hold_the_last_handle) {
  auto alive = std::make_shared<int>(0);
  {
    future<int> dropped(loop);
    dropped.add_done_callback([alive](future<int> done) { EXPECT_EQ(done.result(), 3); });
    dropped.set_result(3);
  }
  EXPECT_EQ(alive.use_count(), 2);
  run_a_batch();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(Future, fact_25_a_future_that_is_never_done_drops_its_callbacks) {
  auto alive = std::make_shared<int>(0);
  {
    future<int> dropped(loop);
    dropped.add_done_callback([alive] {});
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

int calls = 0;
void count_call(future<int>) { ++calls; }

TEST_F(Future, fact_26_removing_a_callback_gives_the_count) {
  calls = 0;
  for (int i = 0; i != 3; ++i)
    number.add_done_callback(count_call);
  number.add_done_callback([&] { note("other"); });
  EXPECT_EQ(number.remove_done_callback(&count_call), 3u);
  EXPECT_EQ(number.remove_done_callback(&count_call), 0u);
  number.set_result(1);
  run_a_batch();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(log, names{"other"});
}

TEST_F(Future, fact_26_a_callable_without_equality_is_removed_by_its_token) {
  coral::done_callback first = number.add_done_callback([&] { note("first"); });
  coral::done_callback second = number.add_done_callback([&] { note("second"); });
  EXPECT_FALSE(first == second);
  EXPECT_EQ(number.remove_done_callback(first), 1u);
  EXPECT_EQ(number.remove_done_callback(first), 0u);
  number.set_result(1);
  EXPECT_EQ(number.remove_done_callback(second), 0u);
  run_a_batch();
  EXPECT_EQ(log, names{"second"});
}

TEST_F(Future, fact_27_cancel_works_once) {
  EXPECT_TRUE(number.cancel("enough"));
  EXPECT_FALSE(number.cancel("again"));
  EXPECT_TRUE(number.cancelled());
  EXPECT_TRUE(number.done());
  EXPECT_EQ(message_of<coral::cancelled_error>([&] { number.result(); }), "enough");
  EXPECT_EQ(message_of<coral::cancelled_error>([&] { number.exception(); }), "enough");
  EXPECT_THROW(number.set_result(1), coral::invalid_state_error);
}

TEST_F(Future, fact_27_a_done_future_is_not_cancelled) {
  number.set_result(1);
  EXPECT_FALSE(number.cancel());
  EXPECT_FALSE(number.cancelled());
  EXPECT_EQ(number.result(), 1);
}

TEST_F(Future, fact_27_cancel_calls_the_callbacks) {
  number.add_done_callback(
      [&](future<int> done) { note(done.cancelled() ? "cancelled" : "not cancelled"); });
  number.cancel();
  run_a_batch();
  EXPECT_EQ(log, names{"cancelled"});
}

TEST_F(Future, fact_28_an_exception_that_nobody_retrieves_is_reported) {
  // No loop runs, so there is no handler of a loop to tell.
  testing::internal::CaptureStderr();
  {
    future<int> dropped(loop);
    dropped.set_exception(std::domain_error("unseen"));
    future<int> copy = dropped;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "coral: Future exception was never retrieved: unseen\n");
  auto main = [&]() -> task<void> {
    future<int> dropped;
    dropped.set_exception(std::domain_error("unseen"));
    co_return;
  };
  run(main);
  EXPECT_EQ(take_errors(), names{"Future exception was never retrieved"});
}

TEST_F(Future, fact_28_an_exception_that_somebody_saw_is_not_reported) {
  auto main = [&]() -> task<void> {
    auto failed = [] {
      future<int> made;
      made.set_exception(std::domain_error("seen"));
      return made;
    };
    EXPECT_THROW(failed().result(), std::domain_error);
    EXPECT_NE(failed().exception(), nullptr);
    future<int> awaited = failed();
    try {
      co_await awaited;
    } catch (const std::domain_error &) {
    }
    future<int> cancelled;
    cancelled.cancel();
    co_return;
  };
  run(main);
}

TEST_F(Future, fact_29_a_future_of_another_loop_is_not_awaited) {
  coral::manual_loop other;
  future<int> foreign(other);
  auto main = [&]() -> task<int> { co_return co_await foreign; };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { run(main); }),
            "Task got Future attached to a different loop");
}

TEST_F(Future, fact_29_the_running_loop_is_the_default) {
  EXPECT_EQ(message_of<coral::runtime_error>([] { future<int> without_loop; }),
            "no running event loop");
  auto main = [&]() -> task<void> {
    future<int> made;
    EXPECT_EQ(&made.get_loop(), &loop);
    co_return;
  };
  run(main);
}

TEST_F(Future, fact_30_callbacks_may_be_added_and_removed_while_they_run) {
  number.add_done_callback([&] {
    note("first");
    number.add_done_callback([&] { note("added"); });
    EXPECT_EQ(number.remove_done_callback(&count_call), 0u);
  });
  number.add_done_callback([&] { note("second"); });
  number.set_result(1);
  run_a_batch();
  run_a_batch();
  EXPECT_EQ(log, (names{"first", "second", "added"}));
}

TEST_F(Future, is_awaited_many_times_before_and_after_it_is_done) {
  auto waits = [&]() -> task<void> { note(std::to_string(co_await number)); };
  auto main = [&]() -> task<void> {
    auto first = coral::create_task(waits());
    auto second = coral::create_task(waits());
    loop.call_later(1s, [&] { number.set_result(5); });
    co_await first;
    co_await second;
    co_await waits();
  };
  run(main);
  EXPECT_EQ(log, (names{"5", "5", "5"}));
}

TEST_F(Future, awaiting_a_done_future_does_not_switch) {
  number.set_result(1);
  auto main = [&]() -> task<void> {
    loop.call_soon([&] { note("callback"); });
    co_await number;
    note("main");
    co_await coral::sleep(0s);
  };
  run(main);
  EXPECT_EQ(log, (names{"main", "callback"}));
}

TEST_F(Future, an_exception_reaches_every_awaiter) {
  future<> failing(loop);
  auto waits = [&]() -> task<void> {
    try {
      co_await failing;
    } catch (const std::domain_error &error) {
      note(error.what());
    }
  };
  auto main = [&]() -> task<void> {
    auto first = coral::create_task(waits());
    auto second = coral::create_task(waits());
    co_await coral::sleep(0s);
    failing.set_exception(std::make_exception_ptr(std::domain_error("failed")));
    co_await first;
    co_await second;
  };
  run(main);
  EXPECT_EQ(log, (names{"failed", "failed"}));
}

TEST_F(Future, closing_the_loop_destroys_who_waits) {
  auto waits = [&]() -> task<void> {
    tracker local(log, "frame");
    co_await number;
  };
  auto main = [&]() -> task<void> {
    coral::create_task(waits());
    co_await coral::sleep(0s);
  };
  run(main);
  loop.close();
  EXPECT_EQ(log, names{"frame"});
  EXPECT_EQ(take_errors(), names{"Task was destroyed but it is pending!"});
}

} // namespace
