// gather, wait, as_completed, shield and as_result.

#include "manual_loop_test.hpp"

#include <coral/future.hpp>
#include <coral/result.hpp>

#include <memory>
#include <stdexcept>
#include <tuple>

namespace {

using coral::as_result;
using coral::cancelled_error;
using coral::future;
using coral::result;
using coral::scheduled_task;
using coral::task;
using namespace std::chrono_literals;

task<int> after(std::chrono::seconds delay, int value) {
  co_await coral::sleep(delay);
  co_return value;
}

task<int> failing_after(std::chrono::seconds delay, const char *text) {
  co_await coral::sleep(delay);
  throw std::domain_error(text);
}

task<void> forever() { co_await coral::sleep(std::chrono::hours(1)); }

class Gather : public ManualLoopTest {};
class Wait : public ManualLoopTest {};
class AsCompleted : public ManualLoopTest {};
class Shield : public ManualLoopTest {};
class AsResult : public ManualLoopTest {};

TEST_F(Gather, fact_57_takes_tasks_scheduled_tasks_and_futures) {
  future<int> number(loop);
  loop.call_later(2s, [&] { number.set_result(3); });
  auto main = [&]() -> task<void> {
    auto scheduled = coral::create_task(after(3s, 2));
    auto all = co_await coral::gather(after(4s, 1), scheduled, number);
    EXPECT_EQ(all, std::make_tuple(1, 2, 3));
    EXPECT_EQ(scheduled.result(), 2);
  };
  run(main);
}

TEST_F(Gather, fact_59_return_exceptions_gives_all_of_them) {
  auto main = [&]() -> task<void> {
    auto cancelled = coral::create_task(forever());
    cancelled.cancel("child");
    auto all = co_await coral::gather(coral::return_exceptions, after(2s, 1),
                                      failing_after(1s, "bad"), cancelled);
    EXPECT_EQ(std::get<0>(all).value(), 1);
    EXPECT_EQ(message_of<std::domain_error>([&] { std::get<1>(all).value(); }), "bad");
    EXPECT_TRUE(std::get<2>(all).cancelled());
    EXPECT_EQ(message_of<cancelled_error>([&] { std::get<2>(all).value(); }), "child");
    EXPECT_EQ(loop.time().time_since_epoch(), 2s);
  };
  run(main);
}

TEST_F(Gather, fact_59_return_exceptions_of_a_vector) {
  auto main = [&]() -> task<void> {
    std::vector<task<int>> tasks;
    tasks.push_back(failing_after(1s, "bad"));
    tasks.push_back(after(2s, 7));
    std::vector<result<int>> all =
        co_await coral::gather(coral::return_exceptions, std::move(tasks));
    EXPECT_FALSE(all[0].has_value());
    EXPECT_EQ(*all[1], 7);
  };
  run(main);
}

TEST_F(Gather, fact_60_a_cancelled_child_cancels_the_await_and_not_the_awaiter) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(forever());
    loop.call_later(1s, [=] { child.cancel("child"); });
    try {
      co_await coral::gather(child, after(2s, 1));
      note("never");
    } catch (const cancelled_error &error) {
      note(error.message());
    }
    EXPECT_EQ(coral::current_task()->cancelling(), 0);
    co_await coral::sleep(1s);
  };
  run(main);
  EXPECT_EQ(log, names{"child"});
}

TEST_F(Gather, fact_61_cancelling_throws_even_with_return_exceptions) {
  std::optional<scheduled_task<>> a;
  auto gathers = [&]() -> task<void> {
    co_await coral::gather(coral::return_exceptions, *a, after(1h, 1));
    note("never");
  };
  auto main = [&]() -> task<void> {
    a = coral::create_task(forever());
    auto child = coral::create_task(gathers());
    co_await coral::sleep(1s);
    child.cancel("all");
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_TRUE(a->cancelled());
    EXPECT_EQ(message_of<cancelled_error>([&] { child.result(); }), "all");
  };
  run(main);
  EXPECT_EQ(log, names{});
}

TEST_F(Gather, fact_61_with_return_exceptions_it_waits_for_the_cleanup) {
  auto cleans_up = [&]() -> task<void> {
    result<> ended = co_await as_result(forever());
    EXPECT_TRUE(ended.cancelled());
    co_await coral::sleep(5s);
    note("clean");
  };
  auto gathers = [&]() -> task<void> {
    co_await coral::gather(coral::return_exceptions, cleans_up());
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(gathers());
    co_await coral::sleep(1s);
    child.cancel();
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_EQ(loop.time().time_since_epoch(), 6s);
  };
  run(main);
  EXPECT_EQ(log, names{"clean"});
}

TEST_F(Wait, fact_64_all_completed) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(2s, 1)),
                        coral::create_task(failing_after(1s, "x"))};
    auto ended = co_await coral::wait(handles);
    EXPECT_EQ(ended.done, handles);
    EXPECT_TRUE(ended.pending.empty());
    EXPECT_THROW(ended.done[1].result(), std::domain_error);
    EXPECT_EQ(loop.time().time_since_epoch(), 2s);
  };
  run(main);
}

TEST_F(Wait, fact_64_an_empty_set_is_refused) {
  EXPECT_EQ(message_of<coral::value_error>(
                [] { static_cast<void>(coral::wait(std::vector<scheduled_task<int>>())); }),
            "Set of Tasks/Futures is empty.");
}

TEST_F(Wait, fact_64_the_timeout_cancels_nothing) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(1s, 1)), coral::create_task(after(5s, 2))};
    auto ended = co_await coral::wait(handles, {.timeout = 2s});
    EXPECT_EQ(ended.done, std::vector{handles[0]});
    EXPECT_EQ(ended.pending, std::vector{handles[1]});
    EXPECT_EQ(loop.time().time_since_epoch(), 2s);
    EXPECT_EQ(co_await handles[1], 2);
  };
  run(main);
}

TEST_F(Wait, fact_64_first_completed) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(3s, 1)), coral::create_task(after(1s, 2))};
    coral::wait_options options{.return_when = coral::return_when::first_completed};
    auto ended = co_await coral::wait(handles, options);
    EXPECT_EQ(ended.done, std::vector{handles[1]});
    co_await coral::wait(ended.pending);
  };
  run(main);
}

TEST_F(Wait, fact_64_first_exception_ignores_cancellations) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(1s, 1)), coral::create_task(after(9s, 2)),
                        coral::create_task(failing_after(3s, "x")),
                        coral::create_task(after(4s, 4))};
    coral::wait_options options{.return_when = coral::return_when::first_exception};
    handles[1].cancel();
    auto ended = co_await coral::wait(handles, options);
    EXPECT_EQ(loop.time().time_since_epoch(), 3s);
    EXPECT_EQ(ended.pending, std::vector{handles[3]});
    EXPECT_NE(handles[2].exception(), nullptr);
    co_await handles[3];
  };
  run(main);
}

TEST_F(Wait, fact_64_cancelling_the_wait_cancels_nothing) {
  std::vector<future<int>> numbers{future<int>(loop), future<int>(loop)};
  auto waits = [&]() -> task<void> { co_await coral::wait(numbers); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(1s);
    child.cancel("wait");
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_FALSE(numbers[0].done() || numbers[1].done());
    numbers[0].set_result(1);
    co_await coral::sleep(0s);
  };
  run(main);
}

TEST_F(AsCompleted, fact_65_gives_results_in_the_order_they_are_done) {
  auto main = [&]() -> task<void> {
    std::vector<task<int>> tasks;
    for (int i : {3, 1, 2})
      tasks.push_back(after(std::chrono::seconds(i), i));
    for (task<int> next : coral::as_completed(std::move(tasks)))
      note(std::to_string(co_await std::move(next)));
  };
  run(main);
  EXPECT_EQ(log, (names{"1", "2", "3"}));
}

TEST_F(AsCompleted, fact_65_an_exception_is_thrown_by_its_item) {
  auto main = [&]() -> task<void> {
    std::vector<task<int>> tasks;
    tasks.push_back(failing_after(1s, "first"));
    tasks.push_back(after(2s, 2));
    for (task<int> next : coral::as_completed(std::move(tasks))) {
      result<int> ended = co_await as_result(std::move(next));
      note(ended ? std::to_string(*ended) : "failed");
    }
  };
  run(main);
  EXPECT_EQ(log, (names{"failed", "2"}));
}

TEST_F(AsCompleted, fact_65_the_timeout_comes_from_the_next_item) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(1s, 1)), coral::create_task(after(8s, 2)),
                        coral::create_task(after(9s, 3))};
    for (task<int> next : coral::as_completed(handles, 5s)) {
      try {
        note(std::to_string(co_await std::move(next)));
      } catch (const coral::timeout_error &) {
        note("timeout");
      }
    }
    EXPECT_EQ(loop.time().time_since_epoch(), 5s);
    EXPECT_FALSE(handles[1].done() || handles[2].done());
    co_await coral::wait(handles);
  };
  run(main);
  EXPECT_EQ(log, (names{"1", "timeout", "timeout"}));
}

TEST_F(AsCompleted, fact_65_asynchronous_iteration_gives_the_tasks_themselves) {
  auto main = [&]() -> task<void> {
    std::vector handles{coral::create_task(after(2s, 1)), coral::create_task(after(1s, 2))};
    auto completed = coral::as_completed(handles);
    EXPECT_EQ(co_await completed.next(), handles[1]);
    EXPECT_EQ(co_await completed.next(), handles[0]);
    EXPECT_EQ(co_await completed.next(), std::nullopt);
  };
  run(main);
}

TEST_F(AsCompleted, fact_65_items_awaited_together_are_served_in_order) {
  auto reports = [&](std::string name, task<int> next) -> task<void> {
    note(name + std::to_string(co_await std::move(next)));
  };
  auto main = [&]() -> task<void> {
    std::vector<task<int>> tasks;
    for (int i : {2, 1})
      tasks.push_back(after(std::chrono::seconds(i), i));
    auto completed = coral::as_completed(std::move(tasks));
    auto at = completed.begin();
    auto first = reports("a", *at);
    ++at;
    auto second = reports("b", *at);
    co_await coral::gather(std::move(first), std::move(second));
  };
  run(main);
  EXPECT_EQ(log, (names{"a1", "b2"}));
}

TEST_F(AsCompleted, fact_65_leaving_early_leaves_the_rest_alone) {
  future<int> never(loop);
  auto main = [&]() -> task<void> {
    std::vector handles{never, never};
    {
      auto completed = coral::as_completed(handles, 5s);
    }
    co_await coral::sleep(10s);
  };
  run(main);
  EXPECT_FALSE(never.done());
}

TEST_F(Shield, fact_63_the_await_is_cancelled_and_the_inner_goes_on) {
  std::optional<scheduled_task<int>> inner;
  auto waits = [&]() -> task<void> { co_await coral::shield(*inner); };
  auto main = [&]() -> task<void> {
    inner = coral::create_task(after(5s, 3));
    auto child = coral::create_task(waits());
    co_await coral::sleep(1s);
    child.cancel("outer");
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_FALSE(inner->done());
    EXPECT_EQ(inner->cancelling(), 0);
    EXPECT_EQ(co_await *inner, 3);
  };
  run(main);
}

TEST_F(Shield, fact_63_the_result_passes) {
  auto main = [&]() -> task<void> {
    EXPECT_EQ(co_await coral::shield(after(1s, 3)), 3);
    result<int> failed = co_await as_result(coral::shield(failing_after(1s, "bad")));
    EXPECT_EQ(message_of<std::domain_error>([&] { failed.value(); }), "bad");
  };
  run(main);
}

TEST_F(Shield, fact_63_what_is_done_is_not_waited_for) {
  auto main = [&]() -> task<void> {
    auto inner = coral::create_task(after(1s, 3));
    auto cancelled = coral::create_task(forever());
    auto failed = coral::create_task(failing_after(1s, "bad"));
    cancelled.cancel();
    co_await coral::sleep(2s);
    loop.call_soon([&] { note("next batch"); });
    EXPECT_EQ(co_await coral::shield(inner), 3);
    EXPECT_TRUE((co_await as_result(coral::shield(cancelled))).cancelled());
    EXPECT_FALSE(co_await as_result(coral::shield(failed)));
    EXPECT_EQ(log, names{});
    co_await coral::sleep(0s);
  };
  run(main);
  EXPECT_EQ(log, names{"next batch"});
}

TEST_F(Shield, fact_63_a_cancelled_inner_cancels_the_await) {
  auto main = [&]() -> task<void> {
    auto inner = coral::create_task(after(5s, 3));
    loop.call_later(1s, [=] { inner.cancel("inner"); });
    auto outer = coral::shield(inner);
    result<int> ended = co_await as_result(outer);
    EXPECT_TRUE(outer.cancelled());
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "inner");
  };
  run(main);
}

TEST_F(Shield, fact_63_an_error_after_the_cancellation_is_reported) {
  auto waits = [&]() -> task<void> { co_await coral::shield(failing_after(5s, "late")); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(1s);
    child.cancel();
    co_await as_result(child);
    co_await coral::sleep(9s);
  };
  run(main);
  EXPECT_EQ(take_errors(), names{"Task exception was never retrieved"});
}

TEST_F(AsResult, a_task_gives_its_value_or_its_exception) {
  auto reference = [&]() -> task<names &> { co_return log; };
  auto pointer = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
  auto main = [&]() -> task<void> {
    result<int> good = co_await as_result(after(1s, 2));
    EXPECT_TRUE(good.has_value());
    EXPECT_EQ(good.value(), 2);
    EXPECT_EQ(good.error(), nullptr);
    result<int> bad = co_await as_result(failing_after(1s, "bad"));
    EXPECT_FALSE(bad);
    EXPECT_FALSE(bad.cancelled());
    EXPECT_EQ(message_of<std::domain_error>([&] { bad.value(); }), "bad");
    result<names &> same = co_await as_result(reference());
    EXPECT_EQ(&same.value(), &log);
    result<std::unique_ptr<int>> moved = co_await as_result(pointer());
    EXPECT_EQ(*std::move(moved).value(), 4);
  };
  run(main);
}

TEST_F(AsResult, a_task_is_awaited_once) {
  auto main = [&]() -> task<void> {
    task<int> work = after(1s, 1);
    co_await as_result(std::move(work));
    try {
      co_await as_result(std::move(work));
    } catch (const coral::runtime_error &error) {
      note(error.what());
    }
  };
  run(main);
  EXPECT_EQ(log, names{"cannot reuse already awaited coroutine"});
}

TEST_F(AsResult, the_awaiters_own_cancellation_is_given) {
  future<int> number(loop);
  auto waits = [&]() -> task<void> {
    result<int> ended = co_await as_result(number);
    note(ended.cancelled() ? "cancelled" : "not cancelled");
    co_await coral::sleep(1s);
    note("went on");
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(0s);
    // Too late to reach the future, so that it comes to the awaiter alone.
    number.set_result(1);
    child.cancel();
    co_await child;
  };
  run(main);
  EXPECT_EQ(log, (names{"cancelled", "went on"}));
}

TEST_F(AsResult, any_awaitable_will_do) {
  manual_event event;
  auto main = [&]() -> task<void> {
    result<> slept = co_await as_result(coral::sleep(1s));
    EXPECT_TRUE(slept);
    loop.call_soon([&] { event.fire(6); });
    result<int> fired = co_await as_result(event.wait());
    EXPECT_EQ(fired.value(), 6);
  };
  run(main);
}

} // namespace
