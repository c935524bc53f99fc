// What holds for the event loop in either Asio's `io_context`. The including file has included Asio
// and defined `net`, `loop_type`, `net_error_code` and `net_system_error`.

#include "manual_event.hpp"

#include <coral/interop/asio.hpp>
#include <coral/result.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using coral::task;
using namespace std::chrono_literals;

class AsioLoop : public testing::Test {
protected:
  auto note(const char *name) {
    return [this, name] { log.push_back(name); };
  }

  names log;
  net::io_context context;
  loop_type loop{context};
};

TEST_F(AsioLoop, runs_the_programs_handlers_while_it_runs) {
  net::steady_timer timer(context, 2ms);
  auto main = [&]() -> task<void> {
    timer.async_wait([this](auto) { log.push_back("handler"); });
    while (log.empty())
      co_await coral::sleep(1ms);
    log.push_back("task");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"handler", "task"}));
}

TEST_F(AsioLoop, a_task_awaits_asio_operations_on_the_context) {
  net::local::stream_protocol::socket near(context);
  net::local::stream_protocol::socket far(context);
  net::local::connect_pair(near, far);
  auto reads = [&]() -> task<std::string> {
    std::array<char, 16> data;
    std::size_t length = co_await near.async_read_some(net::buffer(data), coral::use_task);
    co_return std::string(data.data(), length);
  };
  auto main = [&]() -> task<std::string> {
    auto reader = coral::create_task(reads());
    co_await coral::sleep(1ms);
    co_await net::async_write(far, net::buffer("hello", 5), coral::use_task);
    co_return co_await reader;
  };
  EXPECT_EQ(loop.run_until_complete(main()), "hello");
}

TEST_F(AsioLoop, handlers_that_post_handlers_do_not_starve_the_loop) {
  bool over = false;
  std::function<void()> again = [&] {
    if (!over)
      net::post(context, again);
  };
  net::post(context, again);
  auto main = [&]() -> task<void> {
    for (int i = 0; i != 1000; ++i)
      co_await coral::yield();
    co_await coral::sleep(1ms);
    over = true;
  };
  loop.run_until_complete(main());
}

TEST_F(AsioLoop, stopping_the_context_stops_the_loop_and_both_run_again) {
  net::post(context, [this] { context.stop(); });
  loop.run_forever();
  EXPECT_TRUE(context.stopped());
  loop.call_soon(note("again"));
  loop.call_soon([this] { loop.stop(); });
  loop.run_forever();
  EXPECT_EQ(log, names{"again"});
}

TEST_F(AsioLoop, running_leaves_the_context_ready_to_run) {
  auto main = []() -> task<void> { co_return; };
  loop.run_until_complete(main());
  net::post(context, note("later"));
  context.run();
  EXPECT_EQ(log, names{"later"});
}

TEST_F(AsioLoop, a_handlers_exception_leaves_from_run_and_the_loop_runs_again) {
  net::post(context, [] { throw std::domain_error("handler"); });
  EXPECT_THROW(loop.run_forever(), std::domain_error);
  EXPECT_FALSE(loop.is_running());
  loop.call_soon([this] { loop.stop(); });
  loop.run_forever();
}

TEST_F(AsioLoop, closing_leaves_the_programs_handlers_alone) {
  net::post(context, note("kept"));
  loop.close();
  context.run();
  EXPECT_EQ(log, names{"kept"});
}

TEST_F(AsioLoop, what_asio_watches_already_is_refused) {
  net::local::stream_protocol::socket near(context);
  net::local::stream_protocol::socket far(context);
  net::local::connect_pair(near, far);
  EXPECT_THROW(loop.add_reader(near.native_handle(), [] {}), std::system_error);
  loop.add_reader(::dup(near.native_handle()), [] {});
}

TEST_F(AsioLoop, attached_the_context_runs_the_loop) {
  auto main = [&]() -> task<void> {
    log.push_back("start");
    co_await coral::sleep(2ms);
    log.push_back("end");
  };
  loop.attach();
  EXPECT_TRUE(loop.is_running());
  EXPECT_EQ(coral::running_loop_or_null(), &loop);
  coral::create_task(main());
  net::post(context, note("handler"));
  context.run();
  EXPECT_EQ(log, (names{"start", "handler", "end"}));
  loop.detach();
  EXPECT_FALSE(loop.is_running());
  EXPECT_EQ(coral::running_loop_or_null(), nullptr);
}

TEST_F(AsioLoop, attached_run_returns_when_nothing_is_left) {
  loop.attach();
  context.run();
  loop.call_later(1ms, note("timer"));
  context.restart();
  context.run();
  EXPECT_EQ(log, names{"timer"});
}

TEST_F(AsioLoop, attached_handlers_create_tasks_and_finish_what_tasks_wait_for) {
  manual_event event;
  net::steady_timer first(context, 1ms);
  net::steady_timer second(context);
  auto waits = [&]() -> task<void> {
    second.expires_after(1ms);
    second.async_wait([&](auto) { event.fire(7); });
    const int value = co_await event.wait();
    co_await coral::yield();
    log.push_back("event " + std::to_string(value));
  };
  first.async_wait([&](auto) { coral::create_task(waits()); });
  loop.attach();
  context.run();
  EXPECT_EQ(log, names{"event 7"});
}

TEST_F(AsioLoop, attached_handlers_schedule_callbacks_and_timers_on_the_idle_loop) {
  net::steady_timer timer(context, 1ms);
  loop.call_later(1h, note("never")).cancel();
  loop.attach();
  timer.async_wait([this](auto) {
    loop.call_later(1ms, note("later"));
    loop.call_soon(note("soon"));
  });
  context.run();
  EXPECT_EQ(log, (names{"soon", "later"}));
}

TEST_F(AsioLoop, attached_an_earlier_timer_replaces_the_one_waited_for) {
  loop.attach();
  coral::handle hour = loop.call_later(1h, note("hour"));
  net::steady_timer timer(context, 1ms);
  timer.async_wait([&](auto) {
    loop.call_later(1ms, [&] {
      log.push_back("early");
      hour.cancel();
    });
  });
  context.run();
  EXPECT_EQ(log, names{"early"});
}

TEST_F(AsioLoop, attached_other_handlers_run_between_batches) {
  loop.attach();
  auto main = [&]() -> task<void> {
    for (int i = 0; i != 3; ++i) {
      log.push_back("task");
      net::post(context, note("handler"));
      co_await coral::yield();
    }
  };
  coral::create_task(main());
  context.run();
  EXPECT_EQ(log, (names{"task", "handler", "task", "handler", "task", "handler"}));
}

TEST_F(AsioLoop, attached_a_pending_task_keeps_the_context_running) {
  auto main = [&]() -> task<void> {
    auto start = [&](auto done) {
      std::thread([this, done] {
        std::this_thread::sleep_for(10ms);
        loop.call_soon_threadsafe([done] { done(3); });
      }).detach();
    };
    const int value = co_await coral::callback<void(int)>(start);
    log.push_back(std::to_string(value));
  };
  loop.attach();
  coral::create_task(main());
  context.run();
  EXPECT_EQ(log, names{"3"});
}

TEST_F(AsioLoop, attached_descriptors_are_watched) {
  int both[2];
  ASSERT_EQ(::pipe(both), 0);
  loop.attach();
  std::string received;
  net::steady_timer timer(context, 1ms);
  timer.async_wait([&](auto) {
    loop.add_reader(both[0], [&] {
      char byte;
      ASSERT_EQ(::read(both[0], &byte, 1), 1);
      received += byte;
      if (received.size() == 3)
        loop.remove_reader(both[0]);
    });
    ASSERT_EQ(::write(both[1], "abc", 3), 3);
  });
  context.run();
  EXPECT_EQ(received, "abc");
  ::close(both[0]);
  ::close(both[1]);
}

TEST_F(AsioLoop, attached_stop_detaches_after_the_batch) {
  loop.attach();
  loop.call_soon([this] { loop.stop(); });
  loop.call_soon(note("same batch"));
  loop.call_soon([this] { loop.call_soon(note("next batch")); });
  context.run();
  EXPECT_EQ(log, names{"same batch"});
  EXPECT_FALSE(loop.is_running());
  loop.call_soon([this] { loop.stop(); });
  loop.run_forever();
  EXPECT_EQ(log, (names{"same batch", "next batch"}));
}

TEST_F(AsioLoop, attached_stop_in_a_handler_detaches_the_idle_loop) {
  loop.attach();
  coral::handle hour = loop.call_later(1h, note("hour"));
  net::steady_timer timer(context, 1ms);
  timer.async_wait([this](auto) { loop.stop(); });
  context.run();
  EXPECT_FALSE(loop.is_running());
}

TEST_F(AsioLoop, attached_detach_in_a_callback_waits_for_the_batch) {
  loop.attach();
  loop.call_soon([this] {
    loop.detach();
    EXPECT_EQ(coral::running_loop_or_null(), &loop);
  });
  loop.call_soon(note("same batch"));
  context.run();
  EXPECT_EQ(log, names{"same batch"});
  EXPECT_EQ(coral::running_loop_or_null(), nullptr);
}

TEST_F(AsioLoop, attached_a_system_exit_leaves_from_the_context) {
  loop.attach();
  loop.call_soon([] { throw coral::system_exit(4); });
  loop.call_soon(note("kept"));
  EXPECT_THROW(context.run(), coral::system_exit);
  context.run();
  EXPECT_EQ(log, names{"kept"});
}

TEST_F(AsioLoop, attached_the_loop_is_neither_run_nor_attached_nor_closed) {
  loop.attach();
  EXPECT_THROW(loop.run_forever(), coral::runtime_error);
  EXPECT_THROW(loop.attach(), coral::runtime_error);
  EXPECT_THROW(loop.close(), coral::runtime_error);
  loop_type other(context);
  EXPECT_THROW(other.attach(), coral::runtime_error);
}

TEST_F(AsioLoop, attached_a_context_that_runs_on_another_thread_is_told) {
  loop.attach();
  loop.call_soon(note("never"));
  std::string told;
  std::thread([&] {
    try {
      context.run();
    } catch (const coral::runtime_error &error) {
      told = error.what();
    }
  }).join();
  EXPECT_EQ(told, "the io_context that hosts this event loop runs on another thread than the one "
                  "that called attach");
  EXPECT_EQ(log, names{});
}

TEST(AsioLoopLifetime, a_loop_may_go_before_its_context_runs_what_it_left) {
  net::io_context context;
  int both[2];
  ASSERT_EQ(::pipe(both), 0);
  {
    loop_type loop(context);
    loop.attach();
    loop.call_soon([] { FAIL(); });
    loop.call_later(1ms, [] { FAIL(); });
    loop.add_reader(both[0], [] { FAIL(); });
    loop.call_soon_threadsafe([] { FAIL(); });
  }
  ASSERT_EQ(::write(both[1], "x", 1), 1);
  context.run();
  EXPECT_EQ(coral::running_loop_or_null(), nullptr);
  ::close(both[0]);
  ::close(both[1]);
}

TEST(AsioLoopLifetime, operations_may_outlive_the_tasks_that_a_closing_loop_destroys) {
  names log;
  net::io_context context;
  net::steady_timer timer(context, 1h);
  net::local::stream_protocol::socket near(context);
  net::local::stream_protocol::socket far(context);
  net::local::connect_pair(near, far);
  std::array<char, 16> data;
  auto waits = [&]() -> task<void> {
    const tracker local(log, "timer");
    co_await timer.async_wait(coral::use_task);
  };
  auto reads = [&]() -> task<void> {
    const tracker local(log, "read");
    co_await net::async_read(near, net::buffer(data), coral::use_task);
  };
  {
    loop_type loop(context);
    loop.set_exception_handler([](coral::event_loop &, const coral::exception_context &) {});
    loop.create_task(waits());
    loop.create_task(reads());
    auto stop = []() -> task<void> { co_await coral::sleep(1ms); };
    loop.run_until_complete(stop());
  }
  EXPECT_EQ(log, (names{"timer", "read"}));
  // A composed operation goes on by itself, step by step.
  net::write(far, net::buffer("sixteen", 7));
  context.restart();
  context.poll();
  net::write(far, net::buffer(" letters!", 9));
  timer.cancel();
  context.restart();
  context.run();
  EXPECT_EQ(std::string(data.data(), data.size()), "sixteen letters!");
}

TEST(AsioLoopLifetime, a_loop_with_a_context_of_its_own_is_a_loop_factory) {
  auto main = []() -> task<int> {
    co_await coral::sleep(1ms);
    co_return 5;
  };
  EXPECT_EQ(coral::run(main(), loop_type::create), 5);
}

/// Cancels a task that waits for an operation, after a millisecond, and gives how it ended.
task<coral::result<>> cancel_while(std::function<task<void>()> make) {
  auto child = coral::create_task(make());
  co_await coral::sleep(1ms);
  child.cancel("enough");
  co_return co_await coral::as_result(child);
}

std::string cancel_message(const coral::result<> &ended) {
  try {
    ended.value();
  } catch (const coral::cancelled_error &error) {
    return error.message();
  }
  return "not cancelled";
}

TEST_F(AsioLoop, cancelling_a_task_cancels_its_operation) {
  net::steady_timer timer(context, 1h);
  auto waits = [&]() -> task<void> {
    co_await timer.async_wait(coral::use_task);
    log.push_back("never");
  };
  auto main = [&]() -> task<void> {
    const coral::result<> ended = co_await cancel_while(waits);
    EXPECT_EQ(cancel_message(ended), "enough");
    EXPECT_EQ(timer.cancel(), 0u);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{});
}

TEST_F(AsioLoop, a_composed_operation_is_cancelled_too) {
  net::local::stream_protocol::socket near(context);
  net::local::stream_protocol::socket far(context);
  net::local::connect_pair(near, far);
  std::array<char, 16> data;
  auto reads = [&]() -> task<void> {
    co_await net::async_read(near, net::buffer(data), coral::use_task);
  };
  auto main = [&]() -> task<void> {
    const coral::result<> ended = co_await cancel_while(reads);
    EXPECT_EQ(cancel_message(ended), "enough");
    // The socket is as good as before.
    co_await net::async_write(far, net::buffer("sixteen letters!", 16), coral::use_task);
    EXPECT_EQ(co_await net::async_read(near, net::buffer(data), coral::use_task), 16u);
  };
  loop.run_until_complete(main());
}

TEST_F(AsioLoop, a_redirected_error_leaves_the_request_to_the_next_suspension) {
  net::steady_timer timer(context, 1h);
  auto waits = [&]() -> task<void> {
    net_error_code error;
    co_await timer.async_wait(net::redirect_error(coral::use_task, error));
    EXPECT_EQ(error, net::error::operation_aborted);
    log.push_back("aborted");
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    const coral::result<> ended = co_await cancel_while(waits);
    EXPECT_EQ(cancel_message(ended), "enough");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"aborted"});
}

TEST_F(AsioLoop, a_result_that_came_first_is_given_and_the_request_stays) {
  auto waits = [&]() -> task<void> {
    // Puts nothing into its cancellation slot.
    auto start = [this](auto handler) {
      auto timer = std::make_shared<net::steady_timer>(context, 2ms);
      timer->async_wait(
          [timer, handler = std::move(handler)](auto) mutable { std::move(handler)(7); });
    };
    const int value =
        co_await net::async_initiate<const coral::use_task_t &, void(int)>(start, coral::use_task);
    log.push_back("got " + std::to_string(value));
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::yield();
    child.cancel("enough");
    const coral::result<> ended = co_await coral::as_result(child);
    EXPECT_EQ(cancel_message(ended), "enough");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"got 7"});
}

/// An operation whose cancellation does something to its handler, and perhaps destroys the slot.
template <class Handler, class OnCancel>
void start_cancellable(Handler handler, OnCancel on_cancel) {
  auto slot = net::get_associated_cancellation_slot(handler);
  auto waiting = std::make_shared<std::optional<Handler>>(std::move(handler));
  slot.assign([waiting, on_cancel](net::cancellation_type) mutable {
    const auto kept = std::move(waiting);
    on_cancel(*kept);
  });
}

TEST_F(AsioLoop, an_operation_may_complete_inside_its_cancellation) {
  // chriskohlhoff/asio#1332
  auto waits = [&]() -> task<void> {
    auto start = [](auto handler) {
      start_cancellable(std::move(handler), [](auto &waiting) { (*waiting)(7); });
    };
    const int value =
        co_await net::async_initiate<const coral::use_task_t &, void(int)>(start, coral::use_task);
    log.push_back("got " + std::to_string(value));
    co_await coral::sleep(1h);
  };
  auto main = [&]() -> task<void> {
    const coral::result<> ended = co_await cancel_while(waits);
    EXPECT_EQ(cancel_message(ended), "enough");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"got 7"});
}

TEST_F(AsioLoop, an_operation_may_be_dropped_by_its_cancellation) {
  // chriskohlhoff/asio#1332
  auto waits = [&]() -> task<void> {
    const tracker local(log, "frame");
    auto start = [](auto handler) {
      start_cancellable(std::move(handler), [](auto &waiting) { waiting.reset(); });
    };
    co_await net::async_initiate<const coral::use_task_t &, void(int)>(start, coral::use_task);
  };
  auto main = [&]() -> task<void> {
    const coral::result<> ended = co_await cancel_while(waits);
    EXPECT_THROW(ended.value(), coral::runtime_error);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"frame"});
}

TEST_F(AsioLoop, cancelling_a_task_that_has_ended_touches_nothing_of_it) {
  // boostorg/cobalt#194
  auto timer = std::make_unique<net::steady_timer>(context, 1ms);
  auto waits = [&]() -> task<void> { co_await timer->async_wait(coral::use_task); };
  auto child = loop.create_task(waits());
  loop.run_until_complete(child);
  timer.reset();
  EXPECT_FALSE(child.cancel());
  EXPECT_FALSE(child.cancelled());
}

TEST_F(AsioLoop, an_abort_without_a_request_is_a_system_error) {
  net::steady_timer timer(context, 1h);
  auto waits = [&]() -> task<void> { co_await timer.async_wait(coral::use_task); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(waits());
    co_await coral::sleep(1ms);
    timer.cancel();
    const coral::result<> ended = co_await coral::as_result(child);
    EXPECT_FALSE(ended.cancelled());
    EXPECT_THROW(ended.value(), net_system_error);
  };
  loop.run_until_complete(main());
}

TEST_F(AsioLoop, a_timeout_cancels_an_operation) {
  net::steady_timer timer(context, 1h);
  auto waits = [&]() -> task<int> {
    co_await timer.async_wait(coral::use_task);
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    const coral::result<int> ended = co_await coral::as_result(coral::wait_for(waits(), 1ms));
    EXPECT_THROW(ended.value(), coral::timeout_error);
  };
  loop.run_until_complete(main());
}

} // namespace
