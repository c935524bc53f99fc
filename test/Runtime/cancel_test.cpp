// Cancellation of scheduled tasks.

#include "manual_loop_test.hpp"

#include <coral/future.hpp>
#include <coral/spawn.hpp>

#include <stdexcept>

namespace {

using coral::cancelled_error;
using coral::future;
using coral::scheduled_task;
using coral::task;
using namespace std::chrono_literals;

static_assert(!std::is_base_of_v<std::exception, cancelled_error>);
static_assert(std::is_nothrow_copy_constructible_v<cancelled_error>);

class Cancel : public ManualLoopTest {
protected:
  /// Waits for ever, and says how that ended.
  task<void> waits(std::string name) {
    try {
      co_await coral::sleep(1h);
      note(name + " woke");
    } catch (const cancelled_error &error) {
      note(name + " cancelled " + error.message());
      throw;
    }
  }

  /// Awaits a task and says how it ended.
  template <class T> task<void> joins(scheduled_task<T> awaited) {
    try {
      co_await awaited;
      note("joined");
    } catch (const cancelled_error &error) {
      note("join cancelled " + error.message());
    }
  }
};

TEST_F(Cancel, fact_34_cancel_only_schedules) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits("child"));
    co_await coral::sleep(1s);
    EXPECT_TRUE(child.cancel("now"));
    EXPECT_FALSE(child.cancelled());
    EXPECT_FALSE(child.done());
    EXPECT_EQ(log, names{});
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
    EXPECT_FALSE(child.cancel());
    EXPECT_EQ(loop.time().time_since_epoch(), 1s);
  };
  run(main);
  EXPECT_EQ(log, (names{"child cancelled now", "join cancelled now"}));
}

TEST_F(Cancel, fact_34_a_yielding_task_is_cancelled_at_its_next_step) {
  auto yields = [&]() -> task<void> {
    for (;;) {
      note("step");
      co_await coral::yield();
    }
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(yields());
    co_await coral::sleep(0s);
    child.cancel("now");
    co_await joins(child);
  };
  run(main);
  EXPECT_EQ(log, (names{"step", "join cancelled now"}));
}

TEST_F(Cancel, fact_34_a_task_can_cancel_itself) {
  auto cancels_itself = [&]() -> task<void> {
    coral::current_task()->cancel("self");
    note("still here");
    co_await coral::sleep(1h);
    note("never");
  };
  auto main = [&]() -> task<void> { co_await joins(coral::create_task(cancels_itself())); };
  run(main);
  EXPECT_EQ(log, (names{"still here", "join cancelled self"}));
  EXPECT_EQ(loop.time().time_since_epoch(), 0s);
}

TEST_F(Cancel, fact_34_run_until_complete_throws_what_main_was_cancelled_with) {
  auto main = [&]() -> task<void> { co_await coral::sleep(1h); };
  auto scheduled = loop.create_task(main());
  loop.call_later(1s, [&] { scheduled.cancel("from outside"); });
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(scheduled); }),
            "from outside");
}

TEST_F(Cancel, fact_35_a_task_cancelled_before_its_first_step_never_runs) {
  auto body = [&](tracker) -> task<void> {
    note("ran");
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(body(tracker(log, "parameter")));
    EXPECT_TRUE(child.cancel("too early"));
    EXPECT_EQ(log, names{});
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
  EXPECT_EQ(log, (names{"parameter", "join cancelled too early"}));
}

TEST_F(Cancel, fact_36_a_task_may_swallow_it) {
  auto swallows = [&]() -> task<int> {
    try {
      co_await coral::sleep(1h);
    } catch (const cancelled_error &) {
      EXPECT_EQ(coral::current_task()->cancelling(), 1);
    }
    co_await coral::sleep(1s);
    co_return 5;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(swallows());
    co_await coral::sleep(1s);
    EXPECT_EQ(child.cancelling(), 0);
    child.cancel();
    EXPECT_EQ(co_await child, 5);
    EXPECT_FALSE(child.cancelled());
    EXPECT_EQ(child.cancelling(), 1);
    EXPECT_EQ(child.uncancel(), 0);
    EXPECT_EQ(child.uncancel(), 0);
  };
  run(main);
}

TEST_F(Cancel, fact_36_requests_are_counted) {
  auto stubborn = [&]() -> task<void> {
    for (int i = 0; i != 3; ++i) {
      try {
        co_await coral::sleep(1h);
      } catch (const cancelled_error &error) {
        note(error.message());
      }
    }
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(stubborn());
    for (const char *message : {"one", "two", "three"}) {
      co_await coral::sleep(1s);
      child.cancel(message);
    }
    EXPECT_EQ(child.cancelling(), 3);
    co_await child;
    EXPECT_EQ(child.uncancel(), 2);
  };
  run(main);
  EXPECT_EQ(log, (names{"one", "two", "three"}));
}

TEST_F(Cancel, fact_36_two_requests_in_one_batch_are_one_cancellation) {
  auto swallows = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const cancelled_error &error) {
      note(error.message());
    }
    co_await coral::sleep(1s);
    note("went on");
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(swallows());
    co_await coral::sleep(1s);
    child.cancel("first");
    child.cancel("second");
    EXPECT_EQ(child.cancelling(), 2);
    co_await child;
  };
  run(main);
  EXPECT_EQ(log, (names{"first", "went on"}));
}

TEST_F(Cancel, fact_37_the_message_reaches_the_error) {
  EXPECT_EQ(cancelled_error().message(), "");
  EXPECT_EQ(cancelled_error("text").message(), "text");
  auto main = [&]() -> task<void> {
    auto silent = coral::create_task(waits("silent"));
    auto told = coral::create_task(waits("told"));
    co_await coral::sleep(1s);
    silent.cancel();
    told.cancel("why");
    co_await coral::sleep(1s);
    EXPECT_EQ(message_of<cancelled_error>([&] { silent.result(); }), "");
    EXPECT_EQ(message_of<cancelled_error>([&] { told.exception(); }), "why");
  };
  run(main);
  EXPECT_EQ(log, (names{"silent cancelled ", "told cancelled why"}));
}

TEST_F(Cancel, fact_38_it_is_no_std_exception) {
  auto handles_errors = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const std::exception &) {
      note("swallowed");
    }
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(handles_errors());
    co_await coral::sleep(1s);
    child.cancel();
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
  EXPECT_EQ(log, names{"join cancelled "});
}

TEST_F(Cancel, fact_38_a_body_that_throws_it_was_cancelled) {
  auto throws = []() -> task<void> {
    throw cancelled_error("own");
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(throws());
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
    EXPECT_EQ(child.cancelling(), 0);
  };
  run(main);
  EXPECT_EQ(log, names{"join cancelled own"});
}

TEST_F(Cancel, fact_39_unwinding_goes_from_the_innermost_out) {
  auto inner = [&]() -> task<void> {
    tracker local(log, "inner");
    co_await coral::sleep(1h);
  };
  auto mid = [&]() -> task<void> {
    tracker local(log, "mid");
    co_await inner();
  };
  auto outer = [&]() -> task<void> {
    tracker local(log, "outer");
    co_await mid();
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(outer());
    co_await coral::sleep(1s);
    child.cancel();
    co_await joins(child);
  };
  run(main);
  EXPECT_EQ(log, (names{"inner", "mid", "outer", "join cancelled "}));
}

TEST_F(Cancel, fact_40_what_is_awaited_is_cancelled_first) {
  auto outer = [&](scheduled_task<> inner) -> task<void> {
    try {
      co_await inner;
    } catch (const cancelled_error &error) {
      note("outer cancelled " + error.message());
      throw;
    }
  };
  auto main = [&]() -> task<void> {
    auto inner = coral::create_task(waits("inner"));
    auto child = coral::create_task(outer(inner));
    co_await coral::sleep(1s);
    child.cancel("both");
    EXPECT_EQ(inner.cancelling(), 1);
    co_await joins(child);
    EXPECT_TRUE(inner.cancelled());
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
  EXPECT_EQ(log, (names{"inner cancelled both", "outer cancelled both", "join cancelled both"}));
}

TEST_F(Cancel, fact_40_a_task_that_swallows_it_saves_who_awaits_it) {
  auto inner_body = [&]() -> task<int> {
    try {
      co_await coral::sleep(1h);
    } catch (const cancelled_error &) {
    }
    co_return 3;
  };
  auto outer = [&](scheduled_task<int> inner) -> task<int> { co_return co_await inner; };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(outer(coral::create_task(inner_body())));
    co_await coral::sleep(1s);
    child.cancel();
    EXPECT_EQ(co_await child, 3);
    EXPECT_FALSE(child.cancelled());
    EXPECT_EQ(child.cancelling(), 1);
  };
  run(main);
}

TEST_F(Cancel, fact_40_a_future_that_is_awaited_is_cancelled_at_once) {
  future<int> number(loop);
  auto outer = [&]() -> task<void> { co_await number; };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(outer());
    auto other = coral::create_task(outer());
    co_await coral::sleep(0s);
    child.cancel("through");
    EXPECT_TRUE(number.cancelled());
    EXPECT_FALSE(child.done());
    co_await joins(child);
    co_await joins(other);
  };
  run(main);
  EXPECT_EQ(log, (names{"join cancelled through", "join cancelled through"}));
}

TEST_F(Cancel, fact_41_a_cancel_after_the_future_is_done_still_wins) {
  future<int> number(loop);
  auto outer = [&]() -> task<int> { co_return co_await number; };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(outer());
    co_await coral::sleep(0s);
    number.set_result(1);
    child.cancel("late");
    co_await joins(child);
    EXPECT_FALSE(number.cancelled());
  };
  run(main);
  EXPECT_EQ(log, names{"join cancelled late"});
}

TEST_F(Cancel, fact_41_a_cancel_of_task_and_future_gives_the_futures_message) {
  future<int> number(loop);
  auto outer = [&]() -> task<int> {
    try {
      co_await number;
    } catch (const cancelled_error &error) {
      note(error.message());
    }
    co_await coral::sleep(1s);
    co_return 2;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(outer());
    co_await coral::sleep(0s);
    number.cancel("future");
    child.cancel("task");
    EXPECT_EQ(co_await child, 2);
  };
  run(main);
  EXPECT_EQ(log, names{"future"});
}

TEST_F(Cancel, fact_41_a_timer_that_has_fired_does_not_save_the_sleeper) {
  auto main = [&]() -> task<void> {
    scheduled_task<> child = coral::create_task(waits("child"));
    co_await coral::sleep(0s);
    // The cancel and the sleeper, whose time has come, are in one batch.
    loop.call_at(coral::event_loop::time_point() + 30min, [&] {
      loop.advance(30min);
      loop.call_soon([&] { child.cancel("after the timer"); });
    });
    co_await joins(child);
  };
  run(main);
  EXPECT_EQ(log, (names{"child cancelled after the timer", "join cancelled after the timer"}));
}

TEST_F(Cancel, fact_42_a_cancel_in_the_last_step_cancels) {
  auto last = [&]() -> task<int> {
    coral::current_task()->cancel("last");
    note("returns");
    co_return 12;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(last());
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
    EXPECT_FALSE(child.cancel());
  };
  run(main);
  EXPECT_EQ(log, (names{"returns", "join cancelled last"}));
}

TEST_F(Cancel, fact_42_an_exception_of_the_last_step_comes_before_a_cancel) {
  auto last = [&]() -> task<int> {
    coral::current_task()->cancel();
    throw std::domain_error("own");
    co_return 12;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(last());
    co_await coral::sleep(0s);
    EXPECT_FALSE(child.cancelled());
    EXPECT_EQ(message_of<std::domain_error>([&] { child.result(); }), "own");
  };
  run(main);
}

TEST_F(Cancel, fact_43_a_task_cannot_await_itself) {
  std::optional<scheduled_task<>> self;
  auto body = [&]() -> task<void> { co_await *self; };
  auto main = [&]() -> task<void> {
    self = coral::create_task(body());
    co_await coral::sleep(0s);
    EXPECT_EQ(message_of<coral::runtime_error>([&] { self->result(); }),
              "Task cannot await on itself");
  };
  run(main);
}

TEST_F(Cancel, fact_48_uncancel_takes_back_what_was_not_delivered) {
  auto cancels_itself = [&]() -> task<void> {
    coral::current_task()->cancel();
    EXPECT_EQ(coral::current_task()->uncancel(), 0);
    co_await coral::sleep(1s);
    note("slept");
  };
  auto main = [&]() -> task<void> { co_await joins(coral::create_task(cancels_itself())); };
  run(main);
  EXPECT_EQ(log, (names{"slept", "joined"}));
}

TEST_F(Cancel, fact_48_uncancel_keeps_what_is_on_its_way) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits("child"));
    co_await coral::sleep(1s);
    child.cancel("sent");
    EXPECT_EQ(child.uncancel(), 0);
    co_await joins(child);
  };
  run(main);
  EXPECT_EQ(log, (names{"child cancelled sent", "join cancelled sent"}));
}

TEST_F(Cancel, fact_48_uncancel_of_one_of_two_keeps_the_request) {
  auto cancels_itself = [&]() -> task<void> {
    coral::current_task()->cancel("one");
    coral::current_task()->cancel("two");
    EXPECT_EQ(coral::current_task()->uncancel(), 1);
    co_await coral::sleep(1s);
  };
  auto main = [&]() -> task<void> { co_await joins(coral::create_task(cancels_itself())); };
  run(main);
  EXPECT_EQ(log, names{"join cancelled two"});
}

TEST_F(Cancel, fact_61_cancelling_gather_cancels_its_children) {
  auto gathers = [&]() -> task<void> { co_await coral::gather(waits("a"), waits("b")); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(gathers());
    co_await coral::sleep(1s);
    child.cancel("all");
    co_await joins(child);
    co_await coral::sleep(0s);
  };
  run(main);
  EXPECT_EQ(log, (names{"a cancelled all", "b cancelled all", "join cancelled all"}));
}

TEST_F(Cancel, fact_61_a_second_request_cancels_the_children_of_gather_again) {
  auto stubborn = [&]() -> task<void> {
    for (int i = 0; i != 2; ++i) {
      try {
        co_await coral::sleep(1h);
      } catch (const cancelled_error &error) {
        note(error.message());
      }
    }
  };
  auto gathers = [&]() -> task<void> { co_await coral::gather(stubborn()); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(gathers());
    for (const char *message : {"first", "second"}) {
      co_await coral::sleep(1s);
      child.cancel(message);
    }
    co_await joins(child);
    EXPECT_EQ(child.cancelling(), 2);
    EXPECT_EQ(loop.time().time_since_epoch(), 2s);
  };
  run(main);
  EXPECT_EQ(log, (names{"first", "second", "join cancelled second"}));
}

TEST_F(Cancel, fact_41_a_cancel_after_a_child_of_gather_failed_still_wins) {
  future<int> number(loop);
  auto gathers = [&]() -> task<void> { co_await coral::gather(number); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(gathers());
    co_await coral::sleep(0s);
    number.set_exception(std::domain_error("child"));
    child.cancel("late");
    co_await joins(child);
    EXPECT_TRUE(child.cancelled());
  };
  run(main);
  EXPECT_EQ(log, names{"join cancelled late"});
}

TEST_F(Cancel, fact_61_a_child_that_fails_when_gather_is_cancelled_throws_its_error) {
  auto fails = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const cancelled_error &) {
      throw std::domain_error("cleanup");
    }
  };
  auto gathers = [&]() -> task<void> { co_await coral::gather(fails(), waits("other")); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(gathers());
    co_await coral::sleep(1s);
    child.cancel("all");
    co_await coral::sleep(1s);
    EXPECT_EQ(message_of<std::domain_error>([&] { child.result(); }), "cleanup");
  };
  run(main);
  EXPECT_EQ(log, names{"other cancelled all"});
}

TEST_F(Cancel, tasks_that_await_each_other_end_when_one_is_cancelled) {
  std::optional<scheduled_task<>> first;
  std::optional<scheduled_task<>> second;
  auto awaits = [&](std::optional<scheduled_task<>> &other) -> task<void> { co_await *other; };
  auto main = [&]() -> task<void> {
    first = coral::create_task(awaits(second));
    second = coral::create_task(awaits(first));
    co_await coral::sleep(1s);
    first->cancel("deadlock");
    co_await coral::sleep(1s);
    EXPECT_TRUE(first->cancelled());
    EXPECT_TRUE(second->cancelled());
    EXPECT_EQ(message_of<cancelled_error>([&] { first->result(); }), "deadlock");
  };
  run(main);
}

TEST_F(Cancel, tasks_that_gather_each_other_end_when_one_is_cancelled) {
  std::optional<scheduled_task<>> first;
  std::optional<scheduled_task<>> second;
  auto gathers = [&](std::optional<scheduled_task<>> &other) -> task<void> {
    co_await coral::gather(*other);
  };
  auto main = [&]() -> task<void> {
    first = coral::create_task(gathers(second));
    second = coral::create_task(gathers(first));
    co_await coral::sleep(1s);
    first->cancel();
    co_await coral::sleep(1s);
    EXPECT_TRUE(first->cancelled());
    EXPECT_TRUE(second->cancelled());
  };
  run(main);
}

TEST_F(Cancel, a_request_waits_for_an_operation_that_cannot_end_early) {
  manual_event event;
  auto body = [&]() -> task<void> {
    int value = co_await event.wait();
    note("got " + std::to_string(value));
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(body());
    co_await coral::sleep(0s);
    child.cancel("patience");
    co_await coral::sleep(1s);
    EXPECT_FALSE(child.done());
    event.fire(3);
    co_await joins(child);
  };
  run(main);
  EXPECT_EQ(log, (names{"got 3", "join cancelled patience"}));
}

TEST_F(Cancel, an_operation_does_not_start_while_a_request_waits) {
  manual_event event;
  auto body = [&]() -> task<void> {
    coral::current_task()->cancel("before");
    co_await event.wait();
  };
  auto main = [&]() -> task<void> { co_await joins(coral::create_task(body())); };
  run(main);
  EXPECT_EQ(log, names{"join cancelled before"});
  EXPECT_FALSE(event.waited_for());
}

TEST_F(Cancel, a_detached_task_in_a_task_is_not_cancelled_with_it) {
  auto detached = [&]() -> task<void> {
    EXPECT_EQ(coral::current_task(), std::nullopt);
    co_await coral::sleep(2s);
    note("detached woke");
  };
  auto body = [&]() -> task<void> {
    coral::spawn(detached());
    EXPECT_TRUE(coral::current_task().has_value());
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(body());
    co_await coral::sleep(1s);
    child.cancel();
    co_await joins(child);
    co_await coral::sleep(5s);
  };
  run(main);
  EXPECT_EQ(log, (names{"join cancelled ", "detached woke"}));
}

TEST_F(Cancel, a_handler_may_wait_before_the_task_ends) {
  auto closes = [&]() -> task<void> {
    std::optional<cancelled_error> cancelled;
    try {
      co_await coral::sleep(1h);
    } catch (const cancelled_error &error) {
      cancelled = error;
    }
    co_await coral::sleep(3s);
    note("closed");
    throw *cancelled;
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(closes());
    co_await coral::sleep(1s);
    child.cancel("close");
    co_await joins(child);
    EXPECT_EQ(loop.time().time_since_epoch(), 4s);
  };
  run(main);
  EXPECT_EQ(log, (names{"closed", "join cancelled close"}));
}

TEST_F(Cancel, system_exit_of_a_task_leaves_from_run_forever) {
  auto exits = []() -> task<void> {
    co_await coral::sleep(1s);
    throw coral::system_exit(4);
  };
  auto child = loop.create_task(exits());
  EXPECT_THROW(loop.run_forever(), coral::system_exit);
  EXPECT_TRUE(child.done());
  EXPECT_THROW(child.result(), coral::system_exit);
}

} // namespace
