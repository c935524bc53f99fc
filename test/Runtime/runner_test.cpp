// coral::run, coral::runner, signal handlers and policies.

#include "loop_backends.hpp"

#include <coral/async_generator.hpp>
#include <coral/executors.hpp>
#include <coral/loop/manual.hpp>
#include <coral/loop/uv.hpp>
#include <coral/policy.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <signal.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>

namespace {

using coral::task;
using namespace std::chrono_literals;

class RunnerTest : public testing::TestWithParam<loop_backend> {
protected:
  /// The factory of a loop that collects its errors here.
  coral::loop_factory collecting() {
    return [this] {
      std::unique_ptr<coral::event_loop> loop = GetParam().create();
      loop->set_exception_handler(
          [this](coral::event_loop &, const coral::exception_context &context) {
            errors.push_back(context.message);
          });
      return loop;
    };
  }

  names log;
  names errors;
};
INSTANTIATE_OVER_LOOPS(RunnerTest);

TEST_P(RunnerTest, fact_80_leftover_tasks_are_cancelled_and_finish) {
  auto leftover = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
    }
    co_await coral::sleep(1ms);
    log.push_back("cleaned up");
  };
  auto main = [&]() -> task<int> {
    coral::create_task(leftover());
    co_await coral::sleep(1ms);
    log.push_back("main");
    co_return 4;
  };
  EXPECT_EQ(coral::run(main(), collecting()), 4);
  EXPECT_EQ(log, (names{"main", "cancelled", "cleaned up"}));
  EXPECT_EQ(errors, names{});
}

TEST_P(RunnerTest, fact_80_a_leftover_that_never_started_never_runs) {
  auto leftover = [&]() -> task<void> {
    log.push_back("ran");
    co_return;
  };
  auto main = [&]() -> task<void> {
    coral::event_loop &loop = coral::get_running_loop();
    loop.call_soon([&] { loop.create_task(leftover()); });
    co_return;
  };
  coral::run(main(), collecting());
  EXPECT_EQ(log, names{});
}

TEST_P(RunnerTest, fact_80_errors_of_leftover_tasks_are_reported) {
  auto leftover = []() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
    }
    throw std::domain_error("cleanup failed");
  };
  auto main = [&]() -> task<void> {
    coral::create_task(leftover());
    co_await coral::sleep(1ms);
  };
  coral::run(main(), collecting());
  EXPECT_EQ(errors, names{"unhandled exception during coral::run() shutdown"});
}

TEST_P(RunnerTest, fact_80_leftovers_are_cancelled_when_main_fails_too) {
  auto leftover = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
    }
  };
  auto main = [&]() -> task<void> {
    coral::create_task(leftover());
    co_await coral::sleep(1ms);
    throw std::domain_error("main");
  };
  EXPECT_THROW(coral::run(main(), collecting()), std::domain_error);
  EXPECT_EQ(log, names{"cancelled"});
}

TEST_P(RunnerTest, fact_80_the_default_executor_is_waited_for) {
  // jbaldwin/libcoro#361
  bool done = false;
  auto slow = [&] {
    std::this_thread::sleep_for(5ms);
    done = true;
  };
  auto main = [&]() -> task<void> {
    coral::get_running_loop().run_in_executor(nullptr, slow);
    co_return;
  };
  coral::run(main(), collecting());
  EXPECT_TRUE(done);
}

TEST_P(RunnerTest, fact_80_tasks_end_first_then_generators_then_the_executor) {
  auto call = [&](const char *name) {
    return coral::get_running_loop().run_in_executor(nullptr, [&, name] { log.push_back(name); });
  };
  auto numbers = [&]() -> coral::async_generator<int> {
    try {
      co_yield 1;
      co_yield 2;
    } catch (const coral::generator_exit &) {
      log.push_back("generator");
    }
    // Its executor still takes calls.
    co_await call("its call");
  };
  auto source = numbers();
  auto leftover = [&]() -> task<void> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
      log.push_back("task");
    }
    // The generator is still open.
    log.push_back("item " + std::to_string(co_await source.anext()));
  };
  auto main = [&]() -> task<void> {
    static_cast<void>(co_await source.anext());
    coral::create_task(leftover());
    co_await coral::sleep(1ms);
    log.push_back("main");
  };
  coral::run(main(), collecting());
  EXPECT_EQ(log, (names{"main", "task", "item 2", "generator", "its call"}));
  EXPECT_EQ(errors, names{});
}

TEST_P(RunnerTest, a_runner_keeps_its_loop_between_runs) {
  coral::runner runner({.loop_factory = collecting()});
  coral::event_loop *first = nullptr;
  auto main = [&]() -> task<coral::event_loop *> { co_return &coral::get_running_loop(); };
  first = runner.run(main());
  EXPECT_EQ(runner.run(main()), first);
  EXPECT_EQ(&runner.get_loop(), first);
  runner.close();
  runner.close();
  EXPECT_EQ(message_of<coral::runtime_error>([&] { runner.run(main()); }), "Runner is closed");
  EXPECT_EQ(message_of<coral::runtime_error>([&] { runner.get_loop(); }), "Runner is closed");
}

TEST_P(RunnerTest, fact_14_a_runner_does_not_run_inside_a_loop) {
  coral::runner inner({.loop_factory = collecting()});
  auto nothing = []() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    inner.run(nothing());
    co_return;
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { coral::run(main(), collecting()); }),
            "coral::runner::run() cannot be called from a running event loop");
}

TEST_P(RunnerTest, the_debug_option_reaches_the_loop) {
  auto main = []() -> task<bool> { co_return coral::get_running_loop().get_debug(); };
  EXPECT_TRUE(coral::run(main(), {.debug = true, .loop_factory = collecting()}));
  EXPECT_FALSE(coral::run(main(), {.debug = false, .loop_factory = collecting()}));
}

TEST_P(RunnerTest, a_cancelled_main_throws_cancelled_error) {
  auto main = []() -> task<void> {
    coral::current_task()->cancel("enough");
    co_await coral::sleep(1h);
  };
  try {
    coral::run(main(), collecting());
    FAIL();
  } catch (const coral::cancelled_error &error) {
    EXPECT_EQ(error.message(), "enough");
  }
}

TEST_P(RunnerTest, fact_81_sigint_cancels_main_and_becomes_keyboard_interrupt) {
  auto main = [&]() -> task<void> {
    ::raise(SIGINT);
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
      throw;
    }
  };
  EXPECT_THROW(coral::run(main(), collecting()), coral::keyboard_interrupt);
  EXPECT_EQ(log, names{"cancelled"});
}

TEST_P(RunnerTest, fact_81_a_main_that_handles_the_cancellation_gives_its_value) {
  auto main = [&]() -> task<int> {
    ::raise(SIGINT);
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
    }
    co_return 3;
  };
  EXPECT_EQ(coral::run(main(), collecting()), 3);
}

TEST_P(RunnerTest, fact_81_a_second_sigint_interrupts_at_once) {
  auto main = [&]() -> task<void> {
    ::raise(SIGINT);
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
    }
    ::raise(SIGINT);
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
      log.push_back("closing");
    }
  };
  EXPECT_THROW(coral::run(main(), collecting()), coral::keyboard_interrupt);
  EXPECT_EQ(log, names{"closing"});
}

TEST_P(RunnerTest, fact_81_sigint_is_left_alone_where_the_program_handles_it) {
  static int received;
  received = 0;
  struct sigaction ours{};
  struct sigaction before;
  ours.sa_handler = [](int) { ++received; };
  ::sigaction(SIGINT, &ours, &before);
  auto main = []() -> task<int> {
    ::raise(SIGINT);
    co_await coral::sleep(1ms);
    co_return 1;
  };
  EXPECT_EQ(coral::run(main(), collecting()), 1);
  EXPECT_EQ(received, 1);
  ::sigaction(SIGINT, &before, nullptr);
}

TEST_P(RunnerTest, fact_81_sigint_has_its_default_again_after_the_run) {
  auto main = []() -> task<void> { co_return; };
  coral::run(main(), collecting());
  struct sigaction now;
  ::sigaction(SIGINT, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

class SignalTest : public OverLoops {};
INSTANTIATE_OVER_LOOPS(SignalTest);

TEST_P(SignalTest, fact_87_the_handler_runs_in_the_loop_after_the_current_code) {
  loop.add_signal_handler(
      SIGUSR1,
      [this](std::string with) {
        log.push_back("handler " + with);
        loop.stop();
      },
      "argument");
  loop.call_soon([this] {
    ::raise(SIGUSR1);
    log.push_back("raised");
  });
  run();
  EXPECT_EQ(log, (names{"raised", "handler argument"}));
}

TEST_P(SignalTest, fact_87_remove_says_whether_there_was_one_and_restores_the_old_handler) {
  struct sigaction before;
  ::sigaction(SIGUSR1, nullptr, &before);
  EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
  loop.add_signal_handler(SIGUSR1, [] {});
  EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
  EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
  EXPECT_FALSE(loop.remove_signal_handler(-1));
  struct sigaction now;
  ::sigaction(SIGUSR1, nullptr, &now);
  EXPECT_EQ(now.sa_handler, before.sa_handler);
}

TEST_P(SignalTest, fact_87_what_cannot_be_handled_is_refused) {
  auto nothing = [] {};
  EXPECT_EQ(message_of<coral::value_error>([&] { loop.add_signal_handler(1000, nothing); }),
            "invalid signal number 1000");
  EXPECT_EQ(message_of<coral::value_error>([&] { loop.add_signal_handler(0, nothing); }),
            "invalid signal number 0");
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.add_signal_handler(SIGKILL, nothing); }),
            "signal 9 cannot be caught");
  auto other = create();
  other->add_signal_handler(SIGUSR1, nothing);
  EXPECT_EQ(message_of<coral::runtime_error>([&] { loop.add_signal_handler(SIGUSR1, nothing); }),
            "signal 10 is handled by another event loop");
  other->close();
  loop.add_signal_handler(SIGUSR1, nothing);
}

TEST_P(SignalTest, a_signal_wakes_the_sleeping_loop) {
  loop.add_signal_handler(SIGUSR1, stop());
  const pthread_t here = ::pthread_self();
  std::thread other([here] {
    std::this_thread::sleep_for(20ms);
    ::pthread_kill(here, SIGUSR1);
  });
  run();
  other.join();
}

TEST_P(SignalTest, no_signal_is_lost_in_a_storm_of_others) {
  int first = 0;
  int second = 0;
  loop.add_signal_handler(SIGUSR1, [&] { ++first; });
  loop.add_signal_handler(SIGUSR2, [&] {
    ++second;
    loop.stop();
  });
  loop.call_soon([] {
    for (int i = 0; i != 10000; ++i)
      ::raise(SIGUSR1);
    ::raise(SIGUSR2);
  });
  run();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST_P(SignalTest, adding_replaces_and_an_exception_goes_to_the_handler) {
  collect_errors();
  loop.add_signal_handler(SIGUSR1, note("old"));
  loop.add_signal_handler(SIGUSR1, [this] {
    loop.stop();
    throw std::domain_error("bad");
  });
  loop.call_soon([] { ::raise(SIGUSR1); });
  run();
  EXPECT_EQ(log, names{});
  EXPECT_EQ(errors, names{"Exception in callback"});
}

TEST(Policy, run_asks_the_policy_for_its_loop) {
  coral::set_event_loop_policy(coral::manual_loop::create);
  auto main = []() -> task<bool> {
    co_await coral::sleep(1h);
    co_return dynamic_cast<coral::manual_loop *>(&coral::get_running_loop()) != nullptr;
  };
  EXPECT_TRUE(coral::run(main()));
  EXPECT_TRUE(coral::get_event_loop_policy());
  coral::set_event_loop_policy({});
  auto loop = coral::new_event_loop();
  EXPECT_NE(dynamic_cast<coral::uv_loop *>(loop.get()), nullptr);
}

TEST(Policy, get_event_loop_gives_the_running_loop_or_the_one_that_was_set) {
  EXPECT_EQ(message_of<coral::runtime_error>([] { coral::get_event_loop(); }),
            "There is no current event loop in this thread.");
  coral::manual_loop set;
  coral::manual_loop running;
  coral::set_event_loop(&set);
  EXPECT_EQ(&coral::get_event_loop(), &set);
  running.call_soon([&] {
    EXPECT_EQ(&coral::get_event_loop(), &running);
    running.stop();
  });
  running.run_forever();
  coral::set_event_loop(nullptr);
  EXPECT_THROW(coral::get_event_loop(), coral::runtime_error);
}

} // namespace
