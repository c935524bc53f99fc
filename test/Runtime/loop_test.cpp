// The conformance suite of event loops: every test runs on every backend.

#include "loop_backends.hpp"

#include <coral/awaitable.hpp>
#include <coral/loop/manual.hpp>
#include <coral/runner.hpp>
#include <coral/spawn.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
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

template <class Loop> class LoopTest : public LoopFixture<Loop> {};
TYPED_TEST_SUITE(LoopTest, LoopBackends, LoopNames);

TYPED_TEST(LoopTest, fact_01_call_soon_is_fifo) {
  for (const char *name : {"a", "b", "c"})
    this->loop.call_soon(this->note(name));
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"a", "b", "c"}));
}

TYPED_TEST(LoopTest, fact_01_call_soon_passes_arguments) {
  std::unique_ptr<int> given = std::make_unique<int>(5);
  int got = 0;
  this->loop.call_soon([&](std::unique_ptr<int> &pointer, int more) { got = *pointer + more; },
                       std::move(given), 2);
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(got, 7);
}

TYPED_TEST(LoopTest, fact_02_a_callback_scheduled_in_a_batch_waits_for_the_next) {
  this->loop.call_soon([this] {
    this->log.push_back("a");
    this->loop.call_soon(this->note("nested"));
  });
  this->loop.call_soon(this->note("b"));
  this->loop.call_soon([this] { this->loop.stop(); });
  this->run();
  EXPECT_EQ(this->log, (names{"a", "b"}));
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"a", "b", "nested"}));
}

TYPED_TEST(LoopTest, fact_03_timers_fire_in_deadline_order) {
  const auto begin = this->loop.time();
  this->loop.call_at(begin + 3ms, this->note("3"));
  this->loop.call_at(begin + 1ms, this->note("1"));
  this->loop.call_at(begin + 2ms, this->note("2"));
  this->loop.call_at(begin + 4ms, this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"1", "2", "3"}));
  EXPECT_GE(this->loop.time() - begin, 4ms);
}

TYPED_TEST(LoopTest, fact_04_equal_deadlines_are_fifo) {
  const auto when = this->loop.time() + 2ms;
  for (const char *name : {"0", "1", "2", "3", "4", "5", "6"})
    this->loop.call_at(when, this->note(name));
  this->loop.call_at(when, this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"0", "1", "2", "3", "4", "5", "6"}));
}

TYPED_TEST(LoopTest, fact_05_what_is_ready_goes_before_a_timer_that_is_due) {
  this->loop.call_later(0ms, this->note("later0"));
  this->loop.call_soon(this->note("soon"));
  this->loop.call_later(1ms, this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"soon", "later0"}));
}

TYPED_TEST(LoopTest, fact_06_a_negative_delay_runs_as_soon_as_possible) {
  this->loop.call_later(-10s, this->note("past"));
  this->loop.call_later(1ms, this->stop());
  this->run();
  EXPECT_EQ(this->log, names{"past"});
}

TYPED_TEST(LoopTest, fact_07_a_cancelled_handle_is_not_called) {
  coral::handle soon = this->loop.call_soon(this->note("soon"));
  coral::handle later = this->loop.call_later(1ms, this->note("later"));
  coral::handle last = this->loop.call_soon(this->note("last"));
  this->loop.call_soon([=]() mutable { later.cancel(); });
  soon.cancel();
  this->loop.call_later(3ms, this->stop());
  EXPECT_TRUE(soon.cancelled());
  EXPECT_FALSE(later.cancelled());
  this->run();
  EXPECT_TRUE(later.cancelled());
  EXPECT_EQ(this->log, names{"last"});
  last.cancel();
}

TYPED_TEST(LoopTest, fact_07_cancelling_destroys_the_callback) {
  auto held = std::make_shared<int>(1);
  coral::handle timer = this->loop.call_later(1h, [held] {});
  EXPECT_EQ(held.use_count(), 2);
  timer.cancel();
  EXPECT_EQ(held.use_count(), 1);
}

TYPED_TEST(LoopTest, fact_07_a_callback_may_cancel_itself) {
  auto self = std::make_shared<coral::handle>(this->loop.call_soon([] {}));
  *self = this->loop.call_soon([this, self] {
    self->cancel();
    this->log.push_back("still here");
  });
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, names{"still here"});
}

TYPED_TEST(LoopTest, fact_08_an_exception_in_a_callback_goes_to_the_handler) {
  std::optional<coral::handle> reported;
  std::string text;
  this->loop.set_exception_handler([&](coral::event_loop &loop, const exception_context &context) {
    EXPECT_EQ(&loop, &this->loop);
    reported = context.handle;
    text = message_of<std::domain_error>([&] { std::rethrow_exception(context.exception); });
  });
  coral::handle failing = this->loop.call_soon([] { throw std::domain_error("bad"); });
  this->loop.call_soon(this->note("next"));
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, names{"next"});
  EXPECT_EQ(text, "bad");
  EXPECT_TRUE(reported && *reported == failing);
}

TYPED_TEST(LoopTest, fact_09_a_broken_exception_handler_does_not_end_the_loop) {
  this->loop.set_exception_handler([](coral::event_loop &, const exception_context &) {
    throw std::domain_error("handler broken");
  });
  this->loop.call_soon([] { throw std::domain_error("bad"); });
  this->loop.call_soon(this->note("next"));
  this->loop.call_soon(this->stop());
  testing::internal::CaptureStderr();
  this->run();
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_EQ(this->log, names{"next"});
  EXPECT_NE(written.find("Unhandled error in exception handler: handler broken"),
            std::string::npos);
  EXPECT_NE(written.find("Exception in callback: bad"), std::string::npos);
}

TYPED_TEST(LoopTest, fact_10_system_exit_leaves_run_forever_and_the_loop_runs_again) {
  this->loop.call_soon([] { throw coral::system_exit(3); });
  this->loop.call_soon(this->note("kept"));
  this->loop.call_soon(this->stop());
  int code = 0;
  try {
    this->run();
  } catch (const coral::system_exit &exit) {
    code = exit.code();
  }
  EXPECT_EQ(code, 3);
  EXPECT_EQ(this->log, names{});
  EXPECT_FALSE(this->loop.is_running());
  this->run();
  EXPECT_EQ(this->log, names{"kept"});
}

TYPED_TEST(LoopTest, fact_10_keyboard_interrupt_keeps_the_order_of_what_is_left) {
  this->loop.call_soon([this] {
    this->loop.call_soon(this->note("added"));
    throw coral::keyboard_interrupt();
  });
  this->loop.call_soon(this->note("left over"));
  EXPECT_THROW(this->run(), coral::keyboard_interrupt);
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, (names{"left over", "added"}));
}

TYPED_TEST(LoopTest, fact_11_a_closed_loop_takes_nothing) {
  this->loop.close();
  this->loop.close();
  EXPECT_TRUE(this->loop.is_closed());
  auto nothing = [] {};
  auto empty = []() -> task<void> { co_return; };
  const std::string closed = "Event loop is closed";
  using error = coral::runtime_error;
  EXPECT_EQ(message_of<error>([&] { this->loop.call_soon(nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { this->loop.call_soon_threadsafe(nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { this->loop.call_later(1s, nothing); }), closed);
  EXPECT_EQ(message_of<error>([&] { this->loop.run_forever(); }), closed);
  EXPECT_EQ(message_of<error>([&] { this->loop.run_until_complete(empty()); }), closed);
  EXPECT_EQ(message_of<error>([&] { this->loop.create_task(empty()); }), closed);
}

TYPED_TEST(LoopTest, fact_12_a_running_loop_is_not_run_again) {
  std::string message;
  this->loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { this->loop.run_forever(); });
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(message, "This event loop is already running");
}

TYPED_TEST(LoopTest, fact_13_one_loop_runs_per_thread) {
  std::string message;
  auto owned = TypeParam::create();
  coral::event_loop &other = *owned;
  this->loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { other.run_forever(); });
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(message, "Cannot run the event loop while another loop is running");
}

TYPED_TEST(LoopTest, fact_14_run_inside_a_loop_is_refused) {
  std::string message;
  bool ran = false;
  auto main = [&]() -> task<void> {
    ran = true;
    co_return;
  };
  this->loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { coral::run(main(), TypeParam::create); });
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(message, "coral::run() cannot be called from a running event loop");
  EXPECT_FALSE(ran);
}

TYPED_TEST(LoopTest, fact_14_run_gives_the_value_of_main) {
  auto main = []() -> task<std::unique_ptr<int>> {
    co_await coral::sleep(1ms);
    co_return std::make_unique<int>(12);
  };
  EXPECT_EQ(*coral::run(main(), TypeParam::create), 12);
  auto fails = []() -> task<void> {
    co_await coral::sleep(0s);
    throw std::domain_error("main failed");
  };
  EXPECT_THROW(coral::run(fails(), TypeParam::create), std::domain_error);
}

TYPED_TEST(LoopTest, fact_15_stopped_before_the_task_is_done) {
  this->collect_errors();
  auto main = [&]() -> task<void> {
    this->loop.stop();
    co_await coral::sleep(1h);
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { this->loop.run_until_complete(main()); }),
            "Event loop stopped before Future completed.");
}

TYPED_TEST(LoopTest, fact_16_stop_finishes_the_batch_and_no_more) {
  this->loop.call_soon([this] {
    this->loop.stop();
    this->loop.call_soon(this->note("next batch"));
  });
  this->loop.call_soon(this->note("same batch"));
  this->run();
  EXPECT_EQ(this->log, names{"same batch"});
}

TYPED_TEST(LoopTest, fact_16_stop_before_run_lets_one_batch_run) {
  this->loop.call_soon(this->note("once"));
  this->loop.stop();
  this->run();
  EXPECT_EQ(this->log, names{"once"});
}

TYPED_TEST(LoopTest, fact_17_a_running_loop_is_not_closed) {
  std::string message;
  this->loop.call_soon([&] {
    message = message_of<coral::runtime_error>([&] { this->loop.close(); });
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(message, "Cannot close a running event loop");
  EXPECT_FALSE(this->loop.is_closed());
}

TYPED_TEST(LoopTest, fact_18_the_running_loop_is_known_inside_only) {
  EXPECT_EQ(message_of<coral::runtime_error>([] { coral::get_running_loop(); }),
            "no running event loop");
  coral::event_loop *inside = nullptr;
  this->loop.call_soon([&] {
    inside = &coral::get_running_loop();
    this->loop.stop();
  });
  this->run();
  EXPECT_EQ(inside, &this->loop);
  EXPECT_EQ(coral::running_loop_or_null(), nullptr);
}

TYPED_TEST(LoopTest, fact_18_sleep_and_create_task_need_a_loop) {
  auto sleeps = []() -> task<void> { co_await coral::sleep(1ms); };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { coral::spawn(sleeps()); }),
            "no running event loop");
  EXPECT_THROW(coral::create_task(sleeps()), coral::runtime_error);
}

TYPED_TEST(LoopTest, fact_22_a_failure_that_run_until_complete_throws_is_not_reported) {
  this->collect_errors();
  auto fails = []() -> task<void> {
    throw std::domain_error("seen");
    co_return;
  };
  EXPECT_THROW(this->loop.run_until_complete(fails()), std::domain_error);
  EXPECT_EQ(this->errors, names{});
}

TYPED_TEST(LoopTest, a_failure_that_nobody_sees_is_reported) {
  this->collect_errors();
  auto fails = []() -> task<void> {
    throw std::domain_error("unseen");
    co_return;
  };
  auto main = [&]() -> task<void> {
    coral::create_task(fails());
    co_await coral::sleep(1ms);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->errors, names{"Task exception was never retrieved"});
}

TYPED_TEST(LoopTest, fact_31_a_created_task_starts_in_the_next_batch) {
  auto child = [&]() -> task<void> {
    this->log.push_back("child");
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto scheduled = coral::create_task(child());
    this->log.push_back("after create");
    co_await scheduled;
    this->log.push_back("joined");
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"after create", "child", "joined"}));
}

TYPED_TEST(LoopTest, fact_32_awaiting_a_coroutine_does_not_switch) {
  auto child = [&]() -> task<void> {
    this->log.push_back("child");
    co_return;
  };
  auto main = [&]() -> task<void> {
    this->loop.call_soon(this->note("callback"));
    co_await child();
    this->log.push_back("main");
    co_await coral::sleep(0s);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"child", "main", "callback"}));
}

TYPED_TEST(LoopTest, fact_33_sleep_zero_gives_way_for_one_batch) {
  auto body = [&](const char *name) -> task<void> {
    for (int i = 0; i != 3; ++i) {
      this->log.push_back(name + std::to_string(i));
      co_await coral::sleep(0s);
    }
  };
  auto main = [&]() -> task<void> { co_await coral::gather(body("a"), body("b")); };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"a0", "b0", "a1", "b1", "a2", "b2"}));
}

TYPED_TEST(LoopTest, sleepers_wake_in_deadline_order) {
  auto body = [&](std::chrono::milliseconds delay) -> task<void> {
    co_await coral::sleep(delay);
    this->log.push_back(std::to_string(delay.count()));
  };
  auto main = [&]() -> task<void> { co_await coral::gather(body(200ms), body(1ms), body(100ms)); };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"1", "100", "200"}));
}

TYPED_TEST(LoopTest, sleep_is_never_short) {
  auto main = [&]() -> task<void> {
    for (auto delay : {100us, 1500us, 2999us}) {
      const auto begin = this->loop.time();
      co_await coral::sleep(delay);
      EXPECT_GE(this->loop.time() - begin, delay);
    }
  };
  this->loop.run_until_complete(main());
}

TYPED_TEST(LoopTest, a_scheduled_task_is_awaited_many_times) {
  auto child = []() -> task<std::string> {
    co_await coral::sleep(1ms);
    co_return "value";
  };
  auto waits = [&](scheduled_task<std::string> handle) -> task<void> {
    this->log.push_back(co_await handle);
  };
  auto main = [&]() -> task<void> {
    scheduled_task<std::string> handle = coral::create_task(child());
    EXPECT_FALSE(handle.done());
    co_await coral::gather(waits(handle), waits(handle));
    EXPECT_TRUE(handle.done());
    this->log.push_back(co_await handle);
    EXPECT_EQ(handle.result(), "value");
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"value", "value", "value"}));
}

TYPED_TEST(LoopTest, a_scheduled_task_throws_at_every_await) {
  this->collect_errors();
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
        this->log.push_back(error.what());
      }
    }
    EXPECT_THROW(handle.result(), std::domain_error);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"child", "child"}));
  EXPECT_EQ(this->errors, names{});
}

TYPED_TEST(LoopTest, a_result_is_not_there_before_the_task_is_done) {
  auto child = []() -> task<int> { co_return 1; };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child());
    EXPECT_EQ(message_of<coral::invalid_state_error>([&] { handle.result(); }),
              "Result is not set.");
    EXPECT_EQ(co_await std::move(handle), 1);
  };
  this->loop.run_until_complete(main());
}

TYPED_TEST(LoopTest, the_loop_holds_a_pending_task) {
  auto child = [&]() -> task<void> {
    tracker local(this->log, "local");
    co_await coral::sleep(1ms);
    this->log.push_back("finished");
  };
  auto main = [&]() -> task<void> {
    coral::create_task(child());
    while (this->log.size() != 2)
      co_await coral::sleep(1ms);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"finished", "local"}));
}

TYPED_TEST(LoopTest, the_frame_is_gone_when_the_task_is_done) {
  auto child = [](tracker) -> task<int> { co_return 1; };
  auto main = [&]() -> task<void> {
    auto handle = coral::create_task(child(tracker(this->log, "parameter")));
    co_await handle;
    this->log.push_back("joined");
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"parameter", "joined"}));
}

TYPED_TEST(LoopTest, a_task_of_another_loop_is_not_awaited) {
  this->collect_errors();
  auto owned = TypeParam::create();
  coral::event_loop &other = *owned;
  other.set_exception_handler([](coral::event_loop &, const exception_context &) {});
  auto child = []() -> task<void> { co_return; };
  auto foreign = other.create_task(child());
  auto main = [&]() -> task<void> { co_await foreign; };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { this->loop.run_until_complete(main()); }),
            "Task got Future attached to a different loop");
  EXPECT_THROW(this->loop.run_until_complete(foreign), coral::runtime_error);
}

TYPED_TEST(LoopTest, closing_destroys_pending_tasks_once_and_reports_them) {
  this->collect_errors();
  auto child = [&]() -> task<void> {
    tracker local(this->log, "child");
    co_await coral::sleep(1h);
  };
  auto parent = [&]() -> task<void> {
    tracker local(this->log, "parent");
    co_await coral::create_task(child());
  };
  auto detached = [&]() -> task<void> {
    tracker local(this->log, "detached");
    co_await coral::sleep(1h);
  };
  this->loop.create_task(parent());
  this->loop.call_soon([&] { coral::spawn(detached()); });
  auto let_all_start = []() -> task<void> {
    for (int i = 0; i != 4; ++i)
      co_await coral::yield();
  };
  this->loop.run_until_complete(let_all_start());
  EXPECT_EQ(this->log, names{});
  this->loop.close();
  EXPECT_EQ(this->errors, names(2, "Task was destroyed but it is pending!"));
  std::sort(this->log.begin(), this->log.end());
  EXPECT_EQ(this->log, (names{"child", "detached", "parent"}));
}

TYPED_TEST(LoopTest, closing_destroys_tasks_that_never_started) {
  this->collect_errors();
  auto body = [](tracker) -> task<void> { co_return; };
  auto handle = this->loop.create_task(body(tracker(this->log, "parameter")));
  this->loop.close();
  EXPECT_EQ(this->log, names{"parameter"});
  EXPECT_TRUE(handle.done());
  EXPECT_THROW(handle.result(), coral::runtime_error);
}

TYPED_TEST(LoopTest, an_exception_of_a_spawned_task_goes_to_the_handler) {
  this->loop.set_exception_handler([this](coral::event_loop &, const exception_context &context) {
    this->errors.push_back(context.message);
    this->loop.stop();
  });
  auto body = [&]() -> task<void> {
    co_await coral::sleep(1ms);
    throw std::domain_error("detached");
  };
  this->loop.call_soon([&] { coral::spawn(body()); });
  this->run();
  EXPECT_EQ(this->errors, names{"Exception in detached task"});
}

task<int> after(std::chrono::milliseconds delay, int value) {
  co_await coral::sleep(delay);
  co_return value;
}

task<int> failing_after(std::chrono::milliseconds delay, const char *text) {
  co_await coral::sleep(delay);
  throw std::domain_error(text);
}

TYPED_TEST(LoopTest, fact_57_gather_keeps_the_order_of_its_arguments) {
  auto nothing = []() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    auto all = co_await coral::gather(after(3ms, 1), after(1ms, 2), nothing(), after(2ms, 3));
    EXPECT_EQ(all, std::make_tuple(1, 2, std::monostate(), 3));
    std::vector<task<int>> many;
    for (int i = 0; i != 4; ++i)
      many.push_back(after(std::chrono::milliseconds(4 - i), i));
    std::vector<int> values = co_await coral::gather(std::move(many));
    EXPECT_EQ(values, (std::vector{0, 1, 2, 3}));
    this->log.push_back("done");
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, names{"done"});
}

TYPED_TEST(LoopTest, fact_57_gather_schedules_at_the_call) {
  auto child = [&](const char *name) -> task<void> {
    this->log.push_back(name);
    co_return;
  };
  auto main = [&]() -> task<void> {
    auto both = coral::gather(child("a"), child("b"));
    this->log.push_back("main");
    co_await coral::sleep(0s);
    this->log.push_back("awaiting");
    co_await std::move(both);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"main", "a", "b", "awaiting"}));
}

TYPED_TEST(LoopTest, fact_58_the_first_exception_is_thrown_at_once_and_siblings_go_on) {
  this->collect_errors();
  auto sibling = [&]() -> task<int> {
    while (this->log.empty())
      co_await coral::sleep(1ms);
    this->log.push_back("sibling done");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    try {
      co_await coral::gather(sibling(), failing_after(1ms, "first"), failing_after(2ms, "second"));
    } catch (const std::domain_error &error) {
      this->log.push_back(error.what());
    }
    while (this->log.size() != 2)
      co_await coral::sleep(1ms);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, (names{"first", "sibling done"}));
  EXPECT_EQ(this->errors, names{});
}

TYPED_TEST(LoopTest, fact_58_two_failures_in_one_batch_throw_once) {
  auto fails = [](const char *text) -> task<void> {
    throw std::domain_error(text);
    co_return;
  };
  auto main = [&]() -> task<void> {
    try {
      co_await coral::gather(fails("first"), fails("second"));
    } catch (const std::domain_error &error) {
      this->log.push_back(error.what());
    }
    co_await coral::sleep(1ms);
  };
  this->loop.run_until_complete(main());
  EXPECT_EQ(this->log, names{"first"});
}

TYPED_TEST(LoopTest, fact_62_a_duplicate_runs_once_and_an_empty_gather_gives_nothing) {
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
  this->loop.run_until_complete(main());
  EXPECT_EQ(runs, 1);
}

TYPED_TEST(LoopTest, threadsafe_calls_wake_the_sleeping_loop) {
  std::thread other([this] {
    std::this_thread::sleep_for(20ms);
    this->loop.call_soon_threadsafe(this->note("sent"));
    this->loop.call_soon_threadsafe(this->stop());
  });
  this->run();
  other.join();
  EXPECT_EQ(this->log, names{"sent"});
}

TYPED_TEST(LoopTest, threadsafe_calls_from_many_threads_all_arrive_in_each_threads_order) {
  constexpr int per_thread = 2000;
  std::vector<std::vector<int>> arrived(4);
  std::atomic<int> finished = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t != 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i != per_thread; ++i)
        this->loop.call_soon_threadsafe([&arrived, t, i] { arrived[t].push_back(i); });
      this->loop.call_soon_threadsafe([&] {
        if (++finished == 4)
          this->loop.stop();
      });
    });
  this->run();
  for (std::thread &thread : threads)
    thread.join();
  for (const std::vector<int> &one : arrived) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(per_thread));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TYPED_TEST(LoopTest, threadsafe_calls_are_not_lost_while_the_loop_is_busy) {
  std::atomic<bool> sent = false;
  bool received = false;
  std::thread other([&] {
    this->loop.call_soon_threadsafe([&] { received = true; });
    sent = true;
  });
  auto busy = [&]() -> task<void> {
    while (!sent)
      co_await coral::sleep(0s);
    co_await coral::sleep(0s);
    co_await coral::sleep(0s);
  };
  this->loop.run_until_complete(busy());
  other.join();
  EXPECT_TRUE(received);
}

TYPED_TEST(LoopTest, a_sent_call_that_is_cancelled_is_not_called) {
  coral::handle sent = this->loop.call_soon_threadsafe(this->note("sent"));
  sent.cancel();
  this->loop.call_soon(this->stop());
  this->run();
  EXPECT_EQ(this->log, names{});
}

TYPED_TEST(LoopTest, many_cancelled_timers_leave_the_others_in_order) {
  std::vector<coral::handle> handles;
  std::vector<int> fired;
  const auto begin = this->loop.time();
  for (int i = 0; i != 500; ++i)
    handles.push_back(this->loop.call_at(begin + std::chrono::microseconds((i * 37) % 500),
                                         [&fired, i] { fired.push_back((i * 37) % 500); }));
  for (int i = 0; i < 500; i += 3)
    handles[i].cancel();
  this->loop.call_later(2ms, this->stop());
  this->run();
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

TEST(UvLoop, is_the_default_of_run) {
  auto main = []() -> task<int> {
    co_await coral::sleep(1ms);
    co_return 3;
  };
  EXPECT_EQ(coral::run(main()), 3);
}

} // namespace
