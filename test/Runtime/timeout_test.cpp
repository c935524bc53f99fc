// timeout, timeout_at and wait_for.

#include "manual_loop_test.hpp"

#include <coral/async_with.hpp>
#include <coral/future.hpp>
#include <coral/spawn.hpp>
#include <coral/timeouts.hpp>

#include <stdexcept>

namespace {

using coral::as_result;
using coral::cancelled_error;
using coral::future;
using coral::result;
using coral::scheduled_task;
using coral::task;
using coral::timeout_error;
using namespace std::chrono_literals;

class Timeout : public ManualLoopTest {
protected:
  auto now() const { return loop.time().time_since_epoch(); }

  static task<int> after(std::chrono::seconds delay, int value) {
    co_await coral::sleep(delay);
    co_return value;
  }

  /// Sleeps, and takes its time to clean up when it is cancelled.
  task<int> cleans_up_for(std::chrono::seconds delay) {
    result<int> slept = co_await as_result(after(1h, 1));
    co_await coral::sleep(delay);
    note("clean");
    co_return slept.value();
  }
};
class WaitFor : public Timeout {};

TEST_F(WaitFor, fact_66_a_timeout_waits_for_the_cleanup) {
  auto main = [&]() -> task<void> {
    result<int> ended = co_await as_result(coral::wait_for(cleans_up_for(3s), 2s));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_EQ(log, names{"clean"});
    EXPECT_EQ(now(), 5s);
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
    co_await coral::sleep(1s);
  };
  run(main);
}

TEST_F(WaitFor, fact_66_a_timeout_cancels_the_task_it_waits_for) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(cleans_up_for(3s));
    result<int> ended = co_await as_result(coral::wait_for(child, 2s));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_TRUE(child.cancelled());
    EXPECT_EQ(now(), 5s);
  };
  run(main);
}

TEST_F(WaitFor, fact_66_what_is_in_time_gives_its_result) {
  auto fails = []() -> task<int> {
    co_await coral::sleep(1s);
    throw std::domain_error("bad");
  };
  auto main = [&]() -> task<void> {
    EXPECT_EQ(co_await coral::wait_for(after(1s, 5), 2s), 5);
    EXPECT_EQ(co_await coral::wait_for(after(9s, 6), std::nullopt), 6);
    result<int> failed = co_await as_result(coral::wait_for(fails(), 2s));
    EXPECT_THROW(failed.value(), std::domain_error);
    EXPECT_EQ(now(), 11s);
  };
  run(main);
}

TEST_F(WaitFor, fact_67_what_is_done_gives_its_result_whatever_the_timeout) {
  auto main = [&]() -> task<void> {
    future<int> number;
    number.set_result(4);
    EXPECT_EQ(co_await coral::wait_for(number, 0s), 4);
    EXPECT_EQ(co_await coral::wait_for(number, -1s), 4);
  };
  run(main);
}

TEST_F(WaitFor, fact_67_a_coroutine_is_not_started_without_time) {
  auto body = [&](tracker) -> task<int> {
    note("ran");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    for (auto delay : {0s, -1s}) {
      result<int> ended =
          co_await as_result(coral::wait_for(body(tracker(log, "destroyed")), delay));
      EXPECT_THROW(ended.value(), timeout_error);
    }
  };
  run(main);
  EXPECT_EQ(log, (names{"destroyed", "destroyed"}));
}

TEST_F(WaitFor, fact_67_a_pending_task_is_cancelled_without_time) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(after(1h, 1));
    result<int> ended = co_await as_result(coral::wait_for(child, 0s));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
}

TEST_F(WaitFor, fact_68_a_value_wins_over_the_timeout) {
  auto swallows = [&]() -> task<int> {
    result<int> ended = co_await as_result(after(1h, 1));
    EXPECT_TRUE(ended.cancelled());
    co_return 7;
  };
  auto main = [&]() -> task<void> {
    EXPECT_EQ(co_await coral::wait_for(swallows(), 1s), 7);
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
    co_await coral::sleep(1s);
  };
  run(main);
}

TEST_F(WaitFor, fact_68_a_cancel_from_outside_is_never_lost) {
  auto waits = [&]() -> task<void> { co_await coral::wait_for(cleans_up_for(5s), 2s); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    // The timeout has fired, and the cleanup goes on.
    co_await coral::sleep(4s);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
}

TEST_F(WaitFor, fact_68_a_cancel_together_with_the_result_is_not_lost) {
  // python/cpython#86296
  future<int> number(loop);
  auto waits = [&]() -> task<void> { co_await coral::wait_for(number, 9s); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(1s);
    number.set_result(1);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "outside");
  };
  run(main);
}

TEST_F(WaitFor, fact_68_a_cancel_before_the_timeout_is_a_cancel) {
  auto waits = [&]() -> task<void> { co_await coral::wait_for(after(1h, 1), 9s); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(1s);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "outside");
    co_await coral::sleep(20s);
  };
  run(main);
}

TEST_F(WaitFor, needs_a_task) {
  auto detached = [&]() -> task<void> {
    result<int> ended = co_await as_result(coral::wait_for(after(1s, 1), 2s));
    note(message_of<coral::runtime_error>([&] { ended.value(); }));
  };
  auto main = [&]() -> task<void> {
    coral::spawn(detached());
    co_await coral::sleep(1s);
  };
  run(main);
  EXPECT_EQ(log, names{"Timeout should be used inside a task"});
}

TEST_F(Timeout, fact_69_its_own_deadline_becomes_timeout_error) {
  auto body = []() -> task<void> { co_await coral::sleep(1h); };
  auto main = [&]() -> task<void> {
    coral::timeout limit(2s);
    EXPECT_FALSE(limit.expired());
    result<> ended = co_await as_result(coral::async_with(limit, body));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_TRUE(limit.expired());
    EXPECT_EQ(now(), 2s);
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
    co_await coral::sleep(1s);
  };
  run(main);
}

TEST_F(Timeout, fact_69_in_time_nothing_happens) {
  auto body = []() -> task<void> { co_await coral::sleep(1s); };
  auto main = [&]() -> task<void> {
    coral::timeout limit = coral::timeout_at(loop.time() + 2s);
    co_await coral::async_with(limit, body);
    EXPECT_FALSE(limit.expired());
    EXPECT_EQ(limit.when()->time_since_epoch(), 2s);
    co_await coral::sleep(9s);
  };
  run(main);
}

TEST_F(Timeout, fact_69_nothing_is_no_limit) {
  auto body = []() -> task<void> { co_await coral::sleep(1h); };
  auto main = [&]() -> task<void> {
    coral::timeout limit = coral::timeout_at(std::nullopt);
    EXPECT_EQ(limit.when(), std::nullopt);
    co_await coral::async_with(limit, body);
    EXPECT_FALSE(limit.expired());
  };
  run(main);
}

TEST_F(Timeout, fact_69_a_past_deadline_fires_on_the_next_turn) {
  auto body = [&]() -> task<void> {
    note("entered");
    co_await coral::yield();
    co_await coral::yield();
    note("never");
  };
  auto main = [&]() -> task<void> {
    coral::timeout limit(-1s);
    result<> ended = co_await as_result(coral::async_with(limit, body));
    EXPECT_THROW(ended.value(), timeout_error);
  };
  run(main);
  EXPECT_EQ(log, names{"entered"});
}

TEST_F(Timeout, fact_69_a_foreign_cancel_passes) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1h); };
  auto limited = [&]() -> task<void> {
    coral::timeout limit(9s);
    co_await coral::async_with(limit, sleeps);
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(limited());
    co_await coral::sleep(1s);
    child.cancel("foreign");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "foreign");
  };
  run(main);
}

TEST_F(Timeout, fact_69_a_foreign_cancel_in_the_same_batch_passes) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1h); };
  auto limited = [&]() -> task<void> {
    coral::timeout limit(3s);
    co_await coral::async_with(limit, sleeps);
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(limited());
    loop.call_at(coral::event_loop::time_point(3s), [=] { child.cancel("foreign"); });
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_EQ(child.cancelling(), 1);
  };
  run(main);
}

TEST_F(Timeout, fact_69_another_error_passes_and_the_count_is_restored) {
  auto body = []() -> task<void> {
    co_await as_result(after(1h, 1));
    throw std::domain_error("body");
  };
  auto main = [&]() -> task<void> {
    coral::timeout limit(1s);
    result<> ended = co_await as_result(coral::async_with(limit, body));
    EXPECT_THROW(ended.value(), std::domain_error);
    EXPECT_TRUE(limit.expired());
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
  };
  run(main);
}

TEST_F(Timeout, fact_69_the_inner_of_two_fires) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1h); };
  auto inner_scope = [&]() -> task<void> {
    coral::timeout inner(1s);
    result<> ended = co_await as_result(coral::async_with(inner, sleeps));
    EXPECT_TRUE(inner.expired());
    EXPECT_THROW(ended.value(), timeout_error);
    note("inner");
  };
  auto main = [&]() -> task<void> {
    coral::timeout outer(5s);
    co_await coral::async_with(outer, inner_scope);
    EXPECT_FALSE(outer.expired());
  };
  run(main);
  EXPECT_EQ(log, names{"inner"});
}

TEST_F(Timeout, fact_69_the_outer_of_two_fires) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1h); };
  auto inner_scope = [&]() -> task<void> {
    coral::timeout inner(5s);
    result<> ended = co_await as_result(coral::async_with(inner, sleeps));
    EXPECT_FALSE(inner.expired());
    EXPECT_TRUE(ended.cancelled());
    ended.value();
  };
  auto main = [&]() -> task<void> {
    coral::timeout outer(1s);
    result<> ended = co_await as_result(coral::async_with(outer, inner_scope));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
  };
  run(main);
}

TEST_F(Timeout, fact_69_both_of_two_fire_at_once) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1h); };
  auto inner_scope = [&]() -> task<void> {
    coral::timeout inner(2s);
    result<> ended = co_await as_result(coral::async_with(inner, sleeps));
    // Two requests are there: it is not for the inner to take them.
    EXPECT_TRUE(ended.cancelled());
    ended.value();
  };
  auto main = [&]() -> task<void> {
    coral::timeout outer(2s);
    result<> ended = co_await as_result(coral::async_with(outer, inner_scope));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
  };
  run(main);
}

TEST_F(Timeout, fact_69_reschedule_moves_the_deadline) {
  coral::timeout *limit = nullptr;
  auto body = [&]() -> task<void> {
    co_await coral::sleep(1s);
    limit->reschedule(loop.time() + 5s);
    co_await coral::sleep(4s);
    limit->reschedule(std::nullopt);
    co_await coral::sleep(10s);
    limit->reschedule(loop.time() + 1s);
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    coral::timeout named(2s);
    limit = &named;
    result<> ended = co_await as_result(coral::async_with(named, body));
    EXPECT_THROW(ended.value(), timeout_error);
    EXPECT_EQ(now(), 16s);
  };
  run(main);
}

TEST_F(Timeout, fact_69_reschedule_belongs_into_the_scope) {
  auto body = []() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    coral::timeout limit(1s);
    using error = coral::runtime_error;
    EXPECT_EQ(message_of<error>([&] { limit.reschedule(std::nullopt); }),
              "Timeout has not been entered");
    co_await coral::async_with(limit, body);
    EXPECT_EQ(message_of<error>([&] { limit.reschedule(std::nullopt); }),
              "Cannot change state of finished Timeout");
    result<> again = co_await as_result(coral::async_with(limit, body));
    EXPECT_EQ(message_of<error>([&] { again.value(); }), "Timeout has already been entered");
  };
  run(main);
}

TEST_F(Timeout, IsLeftOnlyWhereItWasEntered) {
  auto body = []() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    coral::timeout limit(1s);
    using error = coral::runtime_error;
    result<> early = co_await as_result(limit.aexit(nullptr));
    EXPECT_EQ(message_of<error>([&] { early.value(); }), "Timeout has not been entered");
    co_await coral::async_with(limit, body);
    result<> late = co_await as_result(limit.aexit(nullptr));
    EXPECT_EQ(message_of<error>([&] { late.value(); }), "Timeout has already been left");
  };
  run(main);
}

} // namespace
