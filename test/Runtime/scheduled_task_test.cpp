// Handles of tasks: names, options, factories, current and all tasks.

#include "manual_loop_test.hpp"

#include <coral/future.hpp>
#include <coral/result.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace {

using coral::any_task;
using coral::scheduled_task;
using coral::task;
using coral::task_options;
using namespace std::chrono_literals;

static_assert(std::is_convertible_v<scheduled_task<int>, any_task>);
static_assert(std::is_copy_constructible_v<any_task>);

class ScheduledTask : public ManualLoopTest {
protected:
  task<void> says(std::string text) {
    note(std::move(text));
    co_return;
  }

  task<void> sleeps(std::string text) {
    note(text + " begins");
    co_await coral::sleep(1s);
    note(text + " ends");
  }

  static task_options named(std::string name) {
    task_options options;
    options.name = std::move(name);
    return options;
  }

  static task_options eager() {
    task_options options;
    options.eager = true;
    return options;
  }
};

TEST_F(ScheduledTask, fact_31_an_eager_task_runs_to_its_first_suspension) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(sleeps("child"), eager());
    note("created");
    EXPECT_FALSE(child.done());
    co_await child;
  };
  run(main);
  EXPECT_EQ(log, (names{"child begins", "created", "child ends"}));
}

TEST_F(ScheduledTask, fact_31_an_eager_task_that_never_suspends_is_done_at_once) {
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(says("child"), eager());
    EXPECT_TRUE(child.done());
    EXPECT_EQ(coral::all_tasks().size(), 1u);
    auto fails = []() -> task<void> {
      throw std::domain_error("eager");
      co_return;
    };
    auto failed = coral::create_task(fails(), eager());
    EXPECT_THROW(failed.result(), std::domain_error);
    co_return;
  };
  run(main);
  EXPECT_EQ(log, names{"child"});
}

TEST_F(ScheduledTask, fact_31_an_eager_task_is_the_current_one_for_its_first_step) {
  auto child = [&]() -> task<void> {
    note(coral::current_task()->get_name());
    co_return;
  };
  auto main = [&]() -> task<void> {
    coral::current_task()->set_name("main");
    task_options options = named("child");
    options.eager = true;
    coral::create_task(child(), std::move(options));
    note(coral::current_task()->get_name());
    co_return;
  };
  run(main);
  EXPECT_EQ(log, (names{"child", "main"}));
}

TEST_F(ScheduledTask, fact_31_without_a_running_loop_an_eager_task_waits) {
  auto child = loop.create_task(says("child"), eager());
  EXPECT_FALSE(child.done());
  loop.run_until_complete(child);
  EXPECT_EQ(log, names{"child"});
}

TEST_F(ScheduledTask, fact_31_eager_task_factory_makes_every_task_eager) {
  auto main = [&]() -> task<void> {
    loop.set_task_factory(coral::eager_task_factory);
    auto child = coral::create_task(says("child"));
    EXPECT_TRUE(child.done());
    co_await coral::gather(says("a"), sleeps("b"));
    loop.set_task_factory({});
    EXPECT_FALSE(coral::create_task(says("lazy")).done());
    co_await coral::yield();
  };
  run(main);
  EXPECT_EQ(log, (names{"child", "a", "b begins", "b ends", "lazy"}));
}

TEST_F(ScheduledTask, a_factory_sees_the_options) {
  auto main = [&]() -> task<void> {
    loop.set_task_factory([&](coral::event_loop &where, task_options options) {
      EXPECT_EQ(&where, &loop);
      options.name = "made " + options.name;
      return options;
    });
    EXPECT_TRUE(loop.get_task_factory());
    auto child = coral::create_task(says("child"), named("child"));
    EXPECT_EQ(child.get_name(), "made child");
    co_await child;
  };
  run(main);
}

TEST_F(ScheduledTask, system_exit_of_an_eager_step_leaves_from_create_task) {
  auto exits = []() -> task<void> {
    throw coral::system_exit(2);
    co_return;
  };
  auto main = [&]() -> task<void> {
    try {
      coral::create_task(exits(), eager());
    } catch (const coral::system_exit &exit) {
      note(std::to_string(exit.code()));
    }
    co_return;
  };
  run(main);
  EXPECT_EQ(log, names{"2"});
}

TEST_F(ScheduledTask, is_named) {
  auto first = loop.create_task(says("a"));
  auto second = loop.create_task(says("b"));
  EXPECT_EQ(first.get_name().substr(0, 5), "Task-");
  EXPECT_NE(first.get_name(), second.get_name());
  second.set_name("second");
  EXPECT_EQ(second.get_name(), "second");
  auto third = loop.create_task(says("c"), named("third"));
  EXPECT_EQ(any_task(third).get_name(), "third");
  loop.run_until_complete(third);
}

TEST_F(ScheduledTask, fact_47_all_tasks_are_those_that_are_not_done) {
  auto main = [&]() -> task<void> {
    auto self = *coral::current_task();
    auto sleeping = coral::create_task(sleeps("sleeping"));
    auto done = coral::create_task(says("done"));
    co_await done;
    auto unstarted = coral::create_task(says("unstarted"));
    std::vector<any_task> all = coral::all_tasks();
    EXPECT_EQ(all.size(), 3u);
    for (const any_task &expected : {self, any_task(sleeping), any_task(unstarted)})
      EXPECT_EQ(std::count(all.begin(), all.end(), expected), 1);
    EXPECT_EQ(coral::all_tasks(loop), all);
    co_await sleeping;
  };
  run(main);
  EXPECT_TRUE(coral::all_tasks(loop).empty());
  EXPECT_THROW(coral::all_tasks(), coral::runtime_error);
}

TEST_F(ScheduledTask, fact_47_the_current_task_is_the_one_that_runs) {
  std::optional<scheduled_task<>> child;
  auto body = [&]() -> task<void> {
    EXPECT_EQ(coral::current_task(), *child);
    co_await coral::sleep(1s);
    EXPECT_EQ(coral::current_task(), *child);
  };
  auto main = [&]() -> task<void> {
    auto self = coral::current_task();
    child = coral::create_task(body());
    loop.call_soon([] { EXPECT_EQ(coral::current_task(), std::nullopt); });
    co_await *child;
    EXPECT_EQ(coral::current_task(), self);
    EXPECT_NE(self, *child);
  };
  run(main);
  EXPECT_EQ(coral::current_task(), std::nullopt);
}

TEST_F(ScheduledTask, a_callback_is_told_of_the_end) {
  auto number = []() -> task<int> { co_return 4; };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(number());
    child.add_done_callback([&](scheduled_task<int> done) { note(std::to_string(done.result())); });
    any_task(child).add_done_callback([&](any_task done) { note(done.done() ? "done" : "?"); });
    auto removed = child.add_done_callback([&] { note("never"); });
    EXPECT_EQ(child.remove_done_callback(removed), 1u);
    co_await child;
    co_await coral::yield();
  };
  run(main);
  EXPECT_EQ(log, (names{"4", "done"}));
}

TEST_F(ScheduledTask, any_task_is_awaited_for_its_end) {
  auto fails = []() -> task<int> {
    throw std::domain_error("bad");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    any_task child = coral::create_task(fails());
    try {
      co_await child;
    } catch (const std::domain_error &error) {
      note(error.what());
    }
  };
  run(main);
  EXPECT_EQ(log, names{"bad"});
}

TEST_F(ScheduledTask, gives_its_exception) {
  auto fails = []() -> task<int> {
    throw std::domain_error("bad");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    auto good = coral::create_task(says("good"));
    auto bad = coral::create_task(fails());
    EXPECT_EQ(message_of<coral::invalid_state_error>([&] { bad.exception(); }),
              "Exception is not set.");
    co_await coral::sleep(1s);
    EXPECT_EQ(good.exception(), nullptr);
    EXPECT_EQ(message_of<std::domain_error>([&] { std::rethrow_exception(bad.exception()); }),
              "bad");
  };
  run(main);
}

TEST_F(ScheduledTask, fact_49_an_awaited_task_is_not_scheduled) {
  auto main = [&]() -> task<void> {
    task<void> once = says("once");
    co_await std::move(once);
    EXPECT_EQ(message_of<coral::runtime_error>([&] { coral::create_task(std::move(once)); }),
              "cannot reuse already awaited coroutine");
  };
  run(main);
}

TEST_F(ScheduledTask, fact_28_an_exception_that_nobody_retrieves_is_reported) {
  auto fails = []() -> task<int> {
    throw std::domain_error("bad");
    co_return 1;
  };
  auto main = [&]() -> task<void> {
    {
      auto seen = coral::create_task(fails());
      co_await coral::yield();
      EXPECT_NE(seen.exception(), nullptr);
    }
    {
      auto unseen = coral::create_task(fails());
      co_await coral::yield();
    }
    auto cancelled = coral::create_task(fails());
    cancelled.cancel();
    co_await coral::yield();
  };
  run(main);
  EXPECT_EQ(take_errors(), names{"Task exception was never retrieved"});
}

} // namespace
