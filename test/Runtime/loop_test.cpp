// The conformance suite of event loops: every test runs on every backend.

#include "loop_backends.hpp"

#include <coral/async_generator.hpp>
#include <coral/awaitable.hpp>
#include <coral/future.hpp>
#include <coral/loop/manual.hpp>
#include <coral/runner.hpp>
#include <coral/spawn.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using coral::exception_context;
using coral::scheduled_task;
using coral::task;
using namespace std::chrono_literals;

static_assert(coral::is_awaitable_v<scheduled_task<int> &>);
static_assert(std::same_as<coral::await_result_t<scheduled_task<int> &>, const int &>);
static_assert(std::same_as<coral::await_result_t<scheduled_task<int>>, int>);
static_assert(!coral::is_coroutine_type_v<scheduled_task<int>>);
static_assert(coral::is_awaitable_v<decltype(coral::sleep(1s))>);

class LoopTest : public OverLoops {};
INSTANTIATE_OVER_LOOPS(LoopTest);

TEST_P(LoopTest, fact_01_call_soon_is_fifo) {
  for (const char *name : {"a", "b", "c"})
    loop.call_soon(note(name));
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, (names{"a", "b", "c"}));
}

TEST_P(LoopTest, fact_01_call_soon_passes_arguments) {
  std::unique_ptr<int> given = std::make_unique<int>(5);
  int got = 0;
  loop.call_soon([&](std::unique_ptr<int> &pointer, int more) { got = *pointer + more; },
                 std::move(given), 2);
  loop.call_soon(stop());
  run();
  EXPECT_EQ(got, 7);
}

TEST_P(LoopTest, fact_02_a_callback_scheduled_in_a_batch_waits_for_the_next) {
  loop.call_soon([this] {
    log.push_back("a");
    loop.call_soon(note("nested"));
  });
  loop.call_soon(note("b"));
  loop.call_soon([this] { loop.stop(); });
  run();
  EXPECT_EQ(log, (names{"a", "b"}));
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, (names{"a", "b", "nested"}));
}

TEST_P(LoopTest, fact_03_timers_fire_in_deadline_order) {
  const auto begin = loop.time();
  loop.call_at(begin + 3ms, note("3"));
  loop.call_at(begin + 1ms, note("1"));
  loop.call_at(begin + 2ms, note("2"));
  loop.call_at(begin + 4ms, stop());
  run();
  EXPECT_EQ(log, (names{"1", "2", "3"}));
  EXPECT_GE(loop.time() - begin, 4ms);
}

TEST_P(LoopTest, fact_04_equal_deadlines_are_fifo) {
  const auto when = loop.time() + 2ms;
  for (const char *name : {"0", "1", "2", "3", "4", "5", "6"})
    loop.call_at(when, note(name));
  loop.call_at(when, stop());
  run();
  EXPECT_EQ(log, (names{"0", "1", "2", "3", "4", "5", "6"}));
}

TEST_P(LoopTest, fact_05_what_is_ready_goes_before_a_timer_that_is_due) {
  loop.call_later(0ms, note("later0"));
  loop.call_soon(note("soon"));
  loop.call_later(1ms, stop());
  run();
  EXPECT_EQ(log, (names{"soon", "later0"}));
}

TEST_P(LoopTest, fact_06_a_negative_delay_runs_as_soon_as_possible) {
  loop.call_later(-10s, note("past"));
  loop.call_later(1ms, stop());
  run();
  EXPECT_EQ(log, names{"past"});
}

TEST_P(LoopTest, fact_07_a_cancelled_handle_is_not_called) {
  coral::handle soon = loop.call_soon(note("soon"));
  coral::handle later = loop.call_later(1ms, note("later"));
  coral::handle last = loop.call_soon(note("last"));
  loop.call_soon([=]() mutable { later.cancel(); });
  soon.cancel();
  loop.call_later(3ms, stop());
  EXPECT_TRUE(soon.cancelled());
  EXPECT_FALSE(later.cancelled());
  run();
  EXPECT_TRUE(later.cancelled());
  EXPECT_EQ(log, names{"last"});
  last.cancel();
}

TEST_P(LoopTest, fact_07_cancelling_destroys_the_callback) {
  auto held = std::make_shared<int>(1);
  coral::handle timer = loop.call_later(1h, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  timer.cancel();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(LoopTest, fact_07_a_callback_may_cancel_itself) {
  auto self = std::make_shared<coral::handle>(loop.call_soon([] {}));
  *self = loop.call_soon([this, self] {
    self->cancel();
    log.push_back("still here");
  });
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, names{"still here"});
}

TEST_P(LoopTest, fact_08_an_exception_in_a_callback_goes_to_the_handler) {
  std::optional<coral::handle> reported;
  std::string text;
  loop.set_exception_handler([&](coral::event_loop &loop, const exception_context &context) {
    EXPECT_EQ(&loop, &loop);
    reported = context.handle;
    text = message_of<std::domain_error>([&] { std::rethrow_exception(context.exception); });
  });
  coral::handle failing = loop.call_soon([] { throw std::domain_error("bad"); });
  loop.call_soon(note("next"));
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, names{"next"});
  EXPECT_EQ(text, "bad");
  EXPECT_TRUE(reported && *reported == failing);
}

TEST_P(LoopTest, fact_09_a_broken_exception_handler_does_not_end_the_loop) {
  loop.set_exception_handler([](coral::event_loop &, const exception_context &) {
    throw std::domain_error("handler broken");
  });
  loop.call_soon([] { throw std::domain_error("bad"); });
  loop.call_soon(note("next"));
  loop.call_soon(stop());
  testing::internal::CaptureStderr();
  run();
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log, names{"next"});
  EXPECT_NE(written.find("Unhandled error in exception handler: handler broken"),
            std::string::npos);
  EXPECT_NE(written.find("Exception in callback: bad"), std::string::npos);
}

TEST_P(LoopTest, fact_10_system_exit_leaves_run_forever_and_the_loop_runs_again) {
  loop.call_soon([] { throw coral::system_exit(3); });
  loop.call_soon(note("kept"));
  loop.call_soon(stop());
  int code = 0;
  try {
    run();
  } catch (const coral::system_exit &exit) {
    code = exit.code();
  }
  EXPECT_EQ(code, 3);
  EXPECT_EQ(log, names{});
  EXPECT_FALSE(loop.is_running());
  run();
  EXPECT_EQ(log, names{"kept"});
}

TEST_P(LoopTest, fact_10_keyboard_interrupt_keeps_the_order_of_what_is_left) {
  loop.call_soon([this] {
    loop.call_soon(note("added"));
    throw coral::keyboard_interrupt();
  });
  loop.call_soon(note("left over"));
  EXPECT_THROW(run(), coral::keyboard_interrupt);
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, (names{"left over", "added"}));
}

TEST_P(LoopTest, fact_11_a_closed_loop_takes_nothing) {
  loop.close();
  loop.close();
  EXPECT_TRUE(loop.is_closed());
  auto nothing = [] {};
  auto empty = []() -> task<void> { co_return; };
  const std::string closed = "Event loop is closed";
  using error = coral::runtime_error;
  EXPECT_EQ(message_of<error>([&] { loop.call_soon(nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { loop.call_soon_threadsafe(nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { loop.call_later(1s, nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { loop.run_forever(); }), closed);
  EXPECT_EQ(message_of<error>([&] { loop.run_until_complete(empty()); }), closed);
  EXPECT_EQ(message_of<error>([&] { loop.create_task(empty()); }), closed);
}

TEST_P(LoopTest, fact_12_a_running_loop_is_not_run_again) {
  std::string message;
  loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { loop.run_forever(); });
    loop.stop();
  });
  run();
  EXPECT_EQ(message, "This event loop is already running");
}

TEST_P(LoopTest, fact_13_one_loop_runs_per_thread) {
  std::string message;
  auto owned = create();
  coral::event_loop &other = *owned;
  loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { other.run_forever(); });
    loop.stop();
  });
  run();
  EXPECT_EQ(message, "Cannot run the event loop while another loop is running");
}

TEST_P(LoopTest, fact_14_run_inside_a_loop_is_refused) {
  std::string message;
  bool ran = false;
  auto main = [&]() -> task<void> {
    ran = true;
    co_return;
  };
  loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { coral::run(main(), GetParam().create); });
    loop.stop();
  });
  run();
  EXPECT_EQ(message, "coral::run() cannot be called from a running event loop");
  EXPECT_FALSE(ran);
}

TEST_P(LoopTest, fact_14_run_gives_the_value_of_main) {
  auto main = []() -> task<std::unique_ptr<int>> {
    co_await coral::sleep(1ms);
    co_return std::make_unique<int>(12);
  };
  EXPECT_EQ(*coral::run(main(), GetParam().create), 12);
  auto fails = []() -> task<void> {
    co_await coral::sleep(0s);
    throw std::domain_error("main failed");
  };
  EXPECT_THROW(coral::run(fails(), GetParam().create), std::domain_error);
}

TEST_P(LoopTest, fact_15_stopped_before_the_task_is_done) {
  collect_errors();
  auto main = [&]() -> task<void> {
    loop.stop();
    co_await coral::sleep(1h);
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.run_until_complete(main()); }),
            "Event loop stopped before Future completed.");
}

TEST_P(LoopTest, fact_16_stop_finishes_the_batch_and_no_more) {
  loop.call_soon([this] {
    loop.stop();
    loop.call_soon(note("next batch"));
  });
  loop.call_soon(note("same batch"));
  run();
  EXPECT_EQ(log, names{"same batch"});
}

TEST_P(LoopTest, fact_16_stop_before_run_lets_one_batch_run) {
  loop.call_soon(note("once"));
  loop.stop();
  run();
  EXPECT_EQ(log, names{"once"});
}

TEST_P(LoopTest, fact_17_a_running_loop_is_not_closed) {
  std::string message;
  loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { loop.close(); });
    loop.stop();
  });
  run();
  EXPECT_EQ(message, "Cannot close a running event loop");
  EXPECT_FALSE(loop.is_closed());
}

TEST_P(LoopTest, fact_18_the_running_loop_is_known_inside_only) {
  EXPECT_EQ(message_of<coral::runtime_error>([] { coral::get_running_loop(); }),
            "no running event loop");
  coral::event_loop *inside = nullptr;
  loop.call_soon([&] {
    inside = &coral::get_running_loop();
    loop.stop();
  });
  run();
  EXPECT_EQ(inside, &loop);
  EXPECT_EQ(coral::running_loop_or_null(), nullptr);
}

TEST_P(LoopTest, fact_18_sleep_and_create_task_need_a_loop) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1ms); };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { coral::spawn(sleeps()); }),
            "no running event loop");
  EXPECT_THROW(coral::create_task(sleeps()), coral::runtime_error);
}

TEST_P(LoopTest, fact_19_in_debug_mode_calls_from_another_thread_throw) {
  loop.set_debug(true);
  names messages;
  bool sent = false;
  auto main = [&]() -> task<void> {
    std::thread([&] {
      using error = coral::runtime_error;
      auto nothing = [] {};
      auto empty = []() -> task<void> { co_return; };
      messages.push_back(message_of<error>([&] { loop.call_soon(nothing); }));
      messages.push_back(message_of<error>([&] { loop.call_later(1s, nothing); }));
      messages.push_back(message_of<error>([&] { loop.create_task(empty()); }));
      messages.push_back(message_of<error>([&] { loop.add_reader(0, nothing); }));
      loop.call_soon_threadsafe([&] { sent = true; });
    }).join();
    while (!sent)
      co_await coral::yield();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(messages, names(4, "Non-thread-safe operation invoked on an event loop other than the "
                               "current one"));
}

TEST_P(LoopTest, fact_19_while_the_loop_does_not_run_any_thread_may_use_it) {
  loop.set_debug(true);
  std::thread([this] { loop.call_soon(note("from a thread")); }).join();
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, names{"from a thread"});
}

TEST_P(LoopTest, fact_21_in_debug_mode_slow_callbacks_and_steps_are_logged) {
  loop.set_debug(true);
  loop.slow_callback_duration = 5ms;
  auto spend = [this] {
    if (auto *manual = dynamic_cast<coral::manual_loop *>(&loop))
      manual->advance(30ms);
    else
      std::this_thread::sleep_for(30ms);
  };
  auto body = [&]() -> task<void> {
    co_await coral::yield();
    spend();
    co_await coral::yield();
  };
  auto slow = loop.create_task(body());
  slow.set_name("the slow one");
  loop.call_soon(spend);
  testing::internal::CaptureStderr();
  loop.run_until_complete(slow);
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("coral: Executing a callback took 0.0"), std::string::npos) << logged;
  EXPECT_NE(logged.find("coral: Executing the slow one took 0.0"), std::string::npos) << logged;
}

TEST_P(LoopTest, fact_21_without_debug_mode_and_when_fast_nothing_is_logged) {
  loop.slow_callback_duration = 1h;
  testing::internal::CaptureStderr();
  for (bool debug : {true, false}) {
    loop.set_debug(debug);
    loop.call_soon(stop());
    run();
    loop.slow_callback_duration = 0ms;
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_P(LoopTest, fact_22_a_failure_that_run_until_complete_throws_is_not_reported) {
  collect_errors();
  auto fails = []() -> task<void> {
    throw std::domain_error("seen");
    co_return;
  };
  EXPECT_THROW(loop.run_until_complete(fails()), std::domain_error);
  EXPECT_EQ(errors, names{});
}

TEST_P(LoopTest, a_failure_that_nobody_sees_is_reported) {
  collect_errors();
  auto fails = []() -> task<void> {
    throw std::domain_error("unseen");
    co_return;
  };
  auto main = [&]() -> task<void> {
    coral::create_task(fails());
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(errors, names{"Task exception was never retrieved"});
}

TEST_P(LoopTest, fact_31_a_created_task_starts_in_the_next_batch) {
  auto child = [&]() -> task<void> {
    log.push_back("child");
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto scheduled = coral::create_task(child());
    log.push_back("after create");
    co_await scheduled;
    log.push_back("joined");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"after create", "child", "joined"}));
}

TEST_P(LoopTest, fact_32_awaiting_a_coroutine_does_not_switch) {
  auto child = [&]() -> task<void> {
    log.push_back("child");
    co_return;
  };
  auto main = [&]() -> task<void> {
    loop.call_soon(note("callback"));
    co_await child();
    log.push_back("main");
    co_await coral::sleep(0s);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"child", "main", "callback"}));
}

TEST_P(LoopTest, fact_33_sleep_zero_gives_way_for_one_batch) {
  auto body = [&](const char *name) -> task<void> {
    for (int i = 0; i != 3; ++i) {
      log.push_back(name + std::to_string(i));
      co_await coral::sleep(0s);
    }
  };
  auto main = [&]() -> task<void> { co_await coral::gather(body("a"), body("b")); };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"a0", "b0", "a1", "b1", "a2", "b2"}));
}

TEST_P(LoopTest, sleepers_wake_in_deadline_order) {
  auto body = [&](std::chrono::milliseconds delay) -> task<void> {
    co_await coral::sleep(delay);
    log.push_back(std::to_string(delay.count()));
  };
  auto main = [&]() -> task<void> { co_await coral::gather(body(200ms), body(1ms), body(100ms)); };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"1", "100", "200"}));
}

TEST_P(LoopTest, sleep_is_never_short) {
  auto main = [&]() -> task<void> {
    for (auto delay : {100us, 1500us, 2999us}) {
      const auto begin = loop.time();
      co_await coral::sleep(delay);
      EXPECT_GE(loop.time() - begin, delay);
    }
  };
  loop.run_until_complete(main());
}

TEST_P(LoopTest, the_longest_duration_is_for_ever) {
  static constexpr auto for_ever = coral::event_loop::duration::max();
  auto sleeps = []() -> task<void> { co_await coral::sleep(for_ever); };
  auto quick = []() -> task<int> {
    co_await coral::sleep(1ms);
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    const scheduled_task<> sleeper = coral::create_task(sleeps());
    coral::handle timer = loop.call_later(for_ever, note("never"));
    coral::timeout limit(for_ever);
    EXPECT_EQ(limit.when(), coral::event_loop::time_point::max());
    EXPECT_EQ(co_await coral::wait_for(quick(), for_ever), 1);
    const std::vector one{coral::create_task(quick())};
    EXPECT_EQ((co_await coral::wait(one, {.timeout = for_ever})).done, one);
    EXPECT_FALSE(sleeper.done());
    sleeper.cancel();
    timer.cancel();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{});
}

TEST_P(LoopTest, a_scheduled_task_is_awaited_many_times) {
  auto child = []() -> task<std::string> {
    co_await coral::sleep(1ms);
    co_return "value";
  };
  auto waits = [&](scheduled_task<std::string> handle) -> task<void> {
    log.push_back(co_await handle);
  };
  auto main = [&]() -> task<void> {
    scheduled_task<std::string> handle = coral::create_task(child());
    EXPECT_FALSE(handle.done());
    co_await coral::gather(waits(handle), waits(handle));
    EXPECT_TRUE(handle.done());
    log.push_back(co_await handle);
    EXPECT_EQ(handle.result(), "value");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"value", "value", "value"}));
}

TEST_P(LoopTest, a_scheduled_task_throws_at_every_await) {
  collect_errors();
  auto child = []() -> task<void> {
    throw std::domain_error("child");
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child());
    for (int i = 0; i != 2; ++i) {
      try {
        co_await handle;
      } catch (const std::domain_error &error) {
        log.push_back(error.what());
      }
    }
    EXPECT_THROW(handle.result(), std::domain_error);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"child", "child"}));
  EXPECT_EQ(errors, names{});
}

TEST_P(LoopTest, a_result_is_not_there_before_the_task_is_done) {
  auto child = []() -> task<int> { co_return 1; };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child());
    EXPECT_EQ(message_of<coral::invalid_state_error>([&] { handle.result(); }),
              "Result is not set.");
    EXPECT_EQ(co_await std::move(handle), 1);
  };
  loop.run_until_complete(main());
}

TEST_P(LoopTest, the_loop_holds_a_pending_task) {
  auto child = [&]() -> task<void> {
    tracker local(log, "local");
    co_await coral::sleep(1ms);
    log.push_back("finished");
  };
  auto main = [&]() -> task<void> {
    coral::create_task(child());
    while (log.size() != 2)
      co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"finished", "local"}));
}

TEST_P(LoopTest, the_frame_is_gone_when_the_task_is_done) {
  auto child = [](tracker) -> task<int> { co_return 1; };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child(tracker(log, "parameter")));
    co_await handle;
    log.push_back("joined");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"parameter", "joined"}));
}

TEST_P(LoopTest, a_task_of_another_loop_is_not_awaited) {
  collect_errors();
  auto owned = create();
  coral::event_loop &other = *owned;
  other.set_exception_handler([](coral::event_loop &, const exception_context &) {});
  auto child = []() -> task<void> { co_return; };
  auto foreign = other.create_task(child());
  auto main = [&]() -> task<void> { co_await foreign; };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.run_until_complete(main()); }),
            "Task got Future attached to a different loop");
  EXPECT_THROW(loop.run_until_complete(foreign), coral::runtime_error);
}

TEST_P(LoopTest, fact_46_closing_destroys_pending_tasks_once_and_reports_them) {
  collect_errors();
  auto child = [&]() -> task<void> {
    tracker local(log, "child");
    co_await coral::sleep(1h);
  };
  auto parent = [&]() -> task<void> {
    tracker local(log, "parent");
    co_await coral::create_task(child());
  };
  auto detached = [&]() -> task<void> {
    tracker local(log, "detached");
    co_await coral::sleep(1h);
  };
  loop.create_task(parent());
  loop.call_soon([&] { coral::spawn(detached()); });
  auto let_all_start = []() -> task<void> {
    for (int i = 0; i != 4; ++i)
      co_await coral::yield();
  };
  loop.run_until_complete(let_all_start());
  EXPECT_EQ(log, names{});
  loop.close();
  EXPECT_EQ(errors, names(2, "Task was destroyed but it is pending!"));
  std::sort(log.begin(), log.end());
  EXPECT_EQ(log, (names{"child", "detached", "parent"}));
}

TEST_P(LoopTest, closing_destroys_tasks_that_never_started) {
  collect_errors();
  auto body = [](tracker) -> task<void> { co_return; };
  auto handle = loop.create_task(body(tracker(log, "parameter")));
  loop.close();
  EXPECT_EQ(log, names{"parameter"});
  EXPECT_TRUE(handle.done());
  EXPECT_THROW(handle.result(), coral::runtime_error);
}

TEST_P(LoopTest, an_exception_of_a_spawned_task_goes_to_the_handler) {
  loop.set_exception_handler([this](coral::event_loop &, const exception_context &context) {
    errors.push_back(context.message);
    loop.stop();
  });
  auto body = [&]() -> task<void> {
    co_await coral::sleep(1ms);
    throw std::domain_error("detached");
  };
  loop.call_soon([&] { coral::spawn(body()); });
  run();
  EXPECT_EQ(errors, names{"Exception in detached task"});
}

task<int> after(std::chrono::milliseconds delay, int value) {
  co_await coral::sleep(delay);
  co_return value;
}

task<int> failing_after(std::chrono::milliseconds delay, const char *text) {
  co_await coral::sleep(delay);
  throw std::domain_error(text);
}

TEST_P(LoopTest, fact_57_gather_keeps_the_order_of_its_arguments) {
  auto nothing = []() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    auto all = co_await coral::gather(after(3ms, 1), after(1ms, 2), nothing(), after(2ms, 3));
    EXPECT_EQ(all, std::make_tuple(1, 2, std::monostate(), 3));
    std::vector<task<int>> many;
    for (int i = 0; i != 4; ++i)
      many.push_back(after(std::chrono::milliseconds(4 - i), i));
    std::vector<int> values = co_await coral::gather(std::move(many));
    EXPECT_EQ(values, (std::vector{0, 1, 2, 3}));
    log.push_back("done");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"done"});
}

TEST_P(LoopTest, fact_57_gather_schedules_at_the_call) {
  auto child = [&](const char *name) -> task<void> {
    log.push_back(name);
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto both = coral::gather(child("a"), child("b"));
    log.push_back("main");
    co_await coral::sleep(0s);
    log.push_back("awaiting");
    co_await std::move(both);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"main", "a", "b", "awaiting"}));
}

TEST_P(LoopTest, fact_58_the_first_exception_is_thrown_at_once_and_siblings_go_on) {
  collect_errors();
  auto sibling = [&]() -> task<int> {
    while (log.empty())
      co_await coral::sleep(1ms);
    log.push_back("sibling done");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    try {
      co_await coral::gather(sibling(), failing_after(1ms, "first"), failing_after(2ms, "second"));
    } catch (const std::domain_error &error) {
      log.push_back(error.what());
    }
    while (log.size() != 2)
      co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"first", "sibling done"}));
  EXPECT_EQ(errors, names{});
}

TEST_P(LoopTest, fact_58_two_failures_in_one_batch_throw_once) {
  auto fails = [](const char *text) -> task<void> {
    throw std::domain_error(text);
    co_return;
  };
  auto main = [&]() -> task<void> {
    try {
      co_await coral::gather(fails("first"), fails("second"));
    } catch (const std::domain_error &error) {
      log.push_back(error.what());
    }
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"first"});
}

TEST_P(LoopTest, fact_62_a_duplicate_runs_once_and_an_empty_gather_gives_nothing) {
  int runs = 0;
  auto child = [&]() -> task<int> {
    ++runs;
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child());
    auto twice = co_await coral::gather(handle, handle);
    EXPECT_EQ(twice, std::make_tuple(1, 1));
    EXPECT_EQ(co_await coral::gather(), std::tuple<>());
    std::vector<task<int>> none;
    std::vector<int> nothing = co_await coral::gather(std::move(none));
    EXPECT_TRUE(nothing.empty());
  };
  loop.run_until_complete(main());
  EXPECT_EQ(runs, 1);
}

TEST_P(LoopTest, threadsafe_calls_wake_the_sleeping_loop) {
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    loop.call_soon_threadsafe(note("sent"));
    loop.call_soon_threadsafe(stop());
  });
  run();
  other.join();
  EXPECT_EQ(log, names{"sent"});
}

TEST_P(LoopTest, threadsafe_calls_from_many_threads_all_arrive_in_each_threads_order) {
  constexpr int per_thread = 2000;
  std::vector<std::vector<int>> arrived(4);
  std::atomic<int> finished = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i != per_thread; ++i)
        loop.call_soon_threadsafe([&arrived, t, i] { arrived[t].push_back(i); });
      loop.call_soon_threadsafe([&] {
        if (++finished == 4)
          loop.stop();
      });
    });
  run();
  for (std::thread &thread : threads)
    thread.join();
  for (const std::vector<int> &one : arrived) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(per_thread));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST_P(LoopTest, threadsafe_calls_are_not_lost_while_the_loop_is_busy) {
  std::atomic<bool> sent = false;
  bool received = false;
  std::thread other([&] {
    loop.call_soon_threadsafe([&] { received = true; });
    sent = true;
  });
  auto busy = [&]() -> task<void> {
    while (!sent)
      co_await coral::sleep(0s);
    co_await coral::sleep(0s);
    co_await coral::sleep(0s);
  };
  loop.run_until_complete(busy());
  other.join();
  EXPECT_TRUE(received);
}

TEST_P(LoopTest, threads_that_send_while_the_loop_closes_are_told) {
  for (int round = 0; round != 50; ++round) {
    const std::unique_ptr<coral::event_loop> closing = create();
    std::atomic<int> sent = 0;
    const auto counted = std::make_shared<int>(0);
    std::vector<std::thread> senders;
    for (int i = 0; i != 2; ++i)
      senders.emplace_back([&] {
        EXPECT_THROW(for (;; ++sent) closing->call_soon_threadsafe([counted] {}),
                     coral::runtime_error);
      });
    while (sent.load() < round)
      std::this_thread::yield();
    closing->close();
    for (std::thread &sender : senders)
      sender.join();
    EXPECT_EQ(counted.use_count(), 1) << "a call was neither made nor dropped";
  }
}

TEST_P(LoopTest, what_the_end_of_an_async_generator_makes_ready_is_dropped) {
  const auto alive = std::make_shared<int>(0);
  {
    const std::unique_ptr<coral::event_loop> closing = create();
    coral::future<> done(*closing);
    done.add_done_callback([alive] {});
    struct finisher {
      coral::future<> finished;
      ~finisher() { finished.set_result(); }
    };
    auto numbers = [](coral::future<> given) -> coral::async_generator<int> {
      const finisher at_end{given};
      co_yield 1;
    };
    auto main = [&]() -> task<void> {
      auto left = numbers(done);
      co_await left.next();
    };
    closing->run_until_complete(main());
    closing->close();
    EXPECT_TRUE(done.done());
    EXPECT_EQ(alive.use_count(), 1);
  }
}

TEST_P(LoopTest, what_is_made_ready_on_a_closed_loop_dies_with_it) {
  const auto alive = std::make_shared<int>(0);
  {
    const std::unique_ptr<coral::event_loop> closed = create();
    coral::future<> late(*closed);
    late.add_done_callback([alive] {});
    closed->close();
    late.set_result();
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_P(LoopTest, a_sent_call_that_is_cancelled_is_not_called) {
  coral::handle sent = loop.call_soon_threadsafe(note("sent"));
  sent.cancel();
  loop.call_soon(stop());
  run();
  EXPECT_EQ(log, names{});
}

TEST_P(LoopTest, many_cancelled_timers_leave_the_others_in_order) {
  std::vector<coral::handle> handles;
  std::vector<int> fired;
  const auto begin = loop.time();
  for (int i = 0; i != 500; ++i)
    handles.push_back(loop.call_at(begin + std::chrono::microseconds((i * 37) % 500),
                                   [&fired, i] { fired.push_back((i * 37) % 500); }));
  for (int i = 0; i < 500; i += 3)
    handles[i].cancel();
  loop.call_later(2ms, stop());
  run();
  EXPECT_EQ(fired.size(), 333u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST(ManualLoop, the_clock_jumps_to_the_next_deadline) {
  coral::manual_loop loop;
  EXPECT_EQ(loop.time(), coral::event_loop::time_point{});
  auto main = []() -> task<void> { co_await coral::sleep(1h); };
  loop.run_until_complete(main());
  EXPECT_EQ(loop.time().time_since_epoch(), 1h);
}

TEST(ManualLoop, advancing_makes_timers_due) {
  coral::manual_loop loop;
  names log;
  loop.call_later(10s, [&] { log.push_back("timer"); });
  loop.call_soon([&] { loop.advance(10s); });
  loop.call_soon([&] { loop.call_soon([&] { loop.stop(); }); });
  loop.run_forever();
  EXPECT_EQ(log, names{"timer"});
  EXPECT_EQ(loop.time().time_since_epoch(), 10s);
}

TEST(ManualLoop, the_same_program_gives_the_same_order) {
  auto play = [] {
    std::vector<int> order;
    coral::manual_loop loop;
    auto body = [&](int id) -> task<void> {
      for (int i = 0; i != 5; ++i) {
        co_await coral::sleep(std::chrono::milliseconds((id * 7 + i * 3) % 11));
        order.push_back(id * 10 + i);
      }
    };
    std::vector<task<void>> all;
    for (int id = 0; id != 6; ++id)
      all.push_back(body(id));
    auto main = [&]() -> task<void> { co_await coral::gather(std::move(all)); };
    loop.run_until_complete(main());
    return order;
  };
  EXPECT_EQ(play(), play());
}

TEST(DebugMode, the_environment_switches_it_on) {
  const auto debug_with = [](const char *value) {
    ::setenv("CORAL_DEBUG", value, 1);
    return coral::manual_loop().get_debug();
  };
  EXPECT_TRUE(debug_with("1"));
  EXPECT_FALSE(debug_with("0"));
  EXPECT_FALSE(debug_with(""));
  ::unsetenv("CORAL_DEBUG");
  EXPECT_FALSE(coral::manual_loop().get_debug());
}

TEST(UvLoop, is_the_default_of_run) {
  auto main = []() -> task<int> {
    co_await coral::sleep(1ms);
    co_return 3;
  };
  EXPECT_EQ(coral::run(main()), 3);
}

} // namespace
