// Debug mode's knowledge of where tasks come from. Compiled with CORAL_TASK_ORIGINS.

#include "manual_loop_test.hpp"

#include <coral/async_with.hpp>
#include <coral/call_graph.hpp>
#include <coral/task_group.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using coral::scheduled_task;
using coral::task;
using namespace std::chrono_literals;

class Origins : public ManualLoopTest {
protected:
  Origins() { coral::set_coroutine_origin_tracking(true); }
  ~Origins() override { coral::set_coroutine_origin_tracking(false); }

  /// What `action` writes to standard error.
  template <class Action> static std::string written_by(Action &&action) {
    testing::internal::CaptureStderr();
    action();
    return testing::internal::GetCapturedStderr();
  }

  static coral::task_options named(std::string name) {
    coral::task_options options;
    options.name = std::move(name);
    return options;
  }
};

task<int> forgotten_child(int value) { co_return value; }

task<void> innermost() { co_await coral::sleep(1h); }
task<void> middle() { co_await innermost(); }
task<void> joins(scheduled_task<> awaited) { co_await awaited; }

TEST_F(Origins, fact_50_a_task_that_is_never_awaited_is_reported_with_its_place) {
  const std::string text = written_by([] { task<int> dropped = forgotten_child(1); });
  EXPECT_NE(text.find("coroutine '"), std::string::npos) << text;
  EXPECT_NE(text.find("forgotten_child"), std::string::npos) << text;
  EXPECT_NE(text.find("' was never awaited"), std::string::npos) << text;
  EXPECT_NE(text.find("defined at " __FILE__ ":"), std::string::npos) << text;
  EXPECT_NE(text.find("created at "), std::string::npos) << text;
}

TEST_F(Origins, fact_50_a_task_that_was_awaited_is_not_reported) {
  auto main = [&]() -> task<void> {
    co_await forgotten_child(1);
    task<int> named = forgotten_child(2);
    co_await std::move(named);
    co_await coral::create_task(forgotten_child(3));
    co_await coral::gather(forgotten_child(4));
  };
  EXPECT_EQ(written_by([&] { run(main); }), "");
}

TEST_F(Origins, fact_50_a_task_that_is_closed_on_purpose_is_not_reported) {
  coral::task_group group;
  auto main = [&]() -> task<void> {
    auto cancelled = coral::create_task(forgotten_child(1));
    cancelled.cancel();
    const std::vector ending{cancelled};
    co_await coral::wait(ending);
    coral::result<int> late = co_await coral::as_result(coral::wait_for(forgotten_child(2), 0s));
    EXPECT_FALSE(late);
    EXPECT_THROW(group.create_task(forgotten_child(3)), coral::runtime_error);
  };
  EXPECT_EQ(written_by([&] { run(main); }), "");
}

TEST_F(Origins, fact_50_without_debug_mode_nothing_is_said) {
  coral::set_coroutine_origin_tracking(false);
  EXPECT_EQ(written_by([] { task<int> dropped = forgotten_child(1); }), "");
}

TEST_F(Origins, a_call_graph_names_tasks_and_coroutines) {
  auto main = [&]() -> task<void> {
    auto inner = coral::create_task(middle(), named("inner"));
    auto outer = coral::create_task(joins(inner), named("outer"));
    auto second = coral::create_task(joins(inner), named("second"));
    auto far = coral::create_task(joins(outer), named("far"));
    co_await coral::sleep(1s);
    const std::string graph = coral::format_call_graph(inner);
    // In this order, each after the one before.
    std::size_t at = 0;
    for (const char *expected : {"* Task 'inner'", "+ Call stack:", "innermost", "middle",
                                 "+ Awaited by:", "* Task 'outer'", "joins",
                                 "+ Awaited by:", "* Task 'far'", "* Task 'second'"}) {
      at = graph.find(expected, at);
      EXPECT_NE(at, std::string::npos) << expected << " in\n" << graph;
      if (at == std::string::npos)
        break;
    }
    EXPECT_NE(graph.find(__FILE__ ":"), std::string::npos);
    inner.cancel();
    const std::vector ending{outer, second, far};
    co_await coral::wait(ending);
  };
  run(main);
}

TEST_F(Origins, a_call_graph_sees_through_gather) {
  std::optional<scheduled_task<>> child;
  auto gathers = [&]() -> task<void> { co_await coral::gather(*child); };
  auto main = [&]() -> task<void> {
    child = coral::create_task(innermost(), named("child"));
    auto parent = coral::create_task(gathers(), named("parent"));
    co_await coral::sleep(1s);
    const std::string graph = coral::format_call_graph(*child);
    EXPECT_NE(graph.find("* Task 'parent'"), std::string::npos) << graph;
    EXPECT_NE(graph.find("gather_tuple"), std::string::npos) << graph;
    parent.cancel();
    const std::vector ending{parent};
    co_await coral::wait(ending);
  };
  run(main);
}

TEST_F(Origins, a_call_graph_without_origins_has_the_tasks) {
  coral::set_coroutine_origin_tracking(false);
  auto main = [&]() -> task<void> {
    coral::current_task()->set_name("main");
    EXPECT_EQ(coral::format_call_graph(), "* Task 'main'\n");
    co_return;
  };
  run(main);
  EXPECT_EQ(coral::format_call_graph(), "");
}

TEST_F(Origins, a_call_graph_is_printed) {
  auto task = loop.create_task(innermost(), named("printed"));
  testing::internal::CaptureStdout();
  coral::print_call_graph(task);
  EXPECT_EQ(testing::internal::GetCapturedStdout().find("* Task 'printed'\n"), 0u);
  task.cancel();
  EXPECT_THROW(loop.run_until_complete(task), coral::cancelled_error);
}

} // namespace
