// task_group and exception_group.

#include "manual_loop_test.hpp"

#include <coral/async_with.hpp>
#include <coral/future.hpp>
#include <coral/spawn.hpp>
#include <coral/task_group.hpp>
#include <coral/timeouts.hpp>

#include <stdexcept>

namespace {

using coral::as_result;
using coral::cancelled_error;
using coral::exception_group;
using coral::future;
using coral::result;
using coral::scheduled_task;
using coral::task;
using coral::task_group;
using namespace std::chrono_literals;

std::exception_ptr error(const char *text) {
  return std::make_exception_ptr(std::domain_error(text));
}

TEST(ExceptionGroup, holds_exceptions_in_order) {
  exception_group group("several", {error("a"), error("b")});
  EXPECT_EQ(group.message(), "several");
  EXPECT_STREQ(group.what(), "several (2 sub-exceptions)");
  EXPECT_EQ(message_of<std::domain_error>([&] { std::rethrow_exception(group.exceptions()[1]); }),
            "b");
  EXPECT_STREQ(exception_group("one", {error("a")}).what(), "one (1 sub-exception)");
}

TEST(ExceptionGroup, holds_something) {
  EXPECT_THROW(exception_group("none", {}), coral::value_error);
  EXPECT_THROW(exception_group("null", {nullptr}), coral::value_error);
}

TEST(ExceptionGroup, splits_by_type_through_nested_groups) {
  exception_group nested("nested",
                         {error("a"), std::make_exception_ptr(std::range_error("range"))});
  exception_group group("outer", {std::make_exception_ptr(nested), error("b")});
  auto [domain, rest] = group.split<std::domain_error>();
  ASSERT_TRUE(domain && rest);
  EXPECT_EQ(domain->exceptions().size(), 2u);
  EXPECT_STREQ(rest->what(), "outer (1 sub-exception)");
  try {
    std::rethrow_exception(rest->exceptions()[0]);
  } catch (const exception_group &inner) {
    EXPECT_EQ(inner.message(), "nested");
    EXPECT_EQ(inner.exceptions().size(), 1u);
  }
  EXPECT_FALSE(group.subgroup<std::length_error>());
  EXPECT_EQ(group.subgroup<std::exception>()->exceptions().size(), 2u);
}

class TaskGroup : public ManualLoopTest {
protected:
  auto now() const { return loop.time().time_since_epoch(); }

  task<void> sleeps(std::string name, std::chrono::seconds delay) {
    try {
      co_await coral::sleep(delay);
      note(name + " done");
    } catch (const cancelled_error &) {
      note(name + " cancelled");
      throw;
    }
  }

  static task<void> fails_after(std::chrono::seconds delay, const char *text) {
    co_await coral::sleep(delay);
    throw std::domain_error(text);
  }

  /// Ignores one cancellation for a while.
  task<void> cleans_up_for(std::chrono::seconds delay) {
    result<> slept = co_await as_result(sleeps("cleaner", 1h));
    co_await coral::sleep(delay);
    slept.value();
  }

  /// The messages of what a group threw.
  static names errors_of(const result<> &ended) {
    names found;
    try {
      ended.value();
    } catch (const exception_group &group) {
      EXPECT_EQ(group.message(), "unhandled errors in a TaskGroup");
      for (const std::exception_ptr &each : group.exceptions())
        found.push_back(message_of<std::exception>([&] { std::rethrow_exception(each); }));
    }
    return found;
  }

  static int cancelling() { return coral::current_task()->cancelling(); }
};

TEST_F(TaskGroup, fact_70_the_scope_ends_when_all_are_done) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("a", 2s));
    group.create_task(sleeps("b", 1s));
    note("body");
    co_return;
  };
  auto main = [&]() -> task<void> {
    co_await coral::async_with(group, body);
    EXPECT_EQ(now(), 2s);
  };
  run(main);
  EXPECT_EQ(log, (names{"body", "b done", "a done"}));
}

TEST_F(TaskGroup, fact_70_a_child_error_cancels_siblings_and_body) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("sibling", 9s));
    group.create_task(fails_after(1s, "child"));
    co_await sleeps("body", 9s);
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"child"});
    EXPECT_EQ(message_of<exception_group>([&] { ended.value(); }),
              "unhandled errors in a TaskGroup");
    EXPECT_EQ(now(), 1s);
    EXPECT_EQ(cancelling(), 0);
    co_await coral::sleep(1s);
  };
  run(main);
  EXPECT_EQ(log, (names{"sibling cancelled", "body cancelled"}));
}

TEST_F(TaskGroup, fact_70_a_body_error_cancels_the_children) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("a", 9s));
    co_await coral::sleep(1s);
    throw std::domain_error("body");
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"body"});
    EXPECT_EQ(cancelling(), 0);
  };
  run(main);
  EXPECT_EQ(log, names{"a cancelled"});
}

TEST_F(TaskGroup, fact_70_all_errors_are_thrown) {
  task_group group;
  auto fails_late = [&]() -> task<void> {
    co_await as_result(sleeps("late", 9s));
    throw std::domain_error("cleanup");
  };
  auto body = [&]() -> task<void> {
    group.create_task(fails_late());
    group.create_task(fails_after(1s, "first"));
    co_await as_result(sleeps("body", 9s));
    throw std::domain_error("body");
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), (names{"first", "cleanup", "body"}));
    EXPECT_EQ(cancelling(), 0);
  };
  run(main);
}

TEST_F(TaskGroup, fact_70_a_cancelled_child_is_no_failure) {
  task_group group;
  auto body = [&]() -> task<void> {
    auto child = group.create_task(sleeps("child", 9s));
    group.create_task(sleeps("other", 2s));
    co_await coral::sleep(1s);
    child.cancel();
  };
  auto main = [&]() -> task<void> { co_await coral::async_with(group, body); };
  run(main);
  EXPECT_EQ(log, (names{"child cancelled", "other done"}));
}

TEST_F(TaskGroup, fact_70_children_may_create_children) {
  task_group group;
  auto parent = [&]() -> task<void> {
    co_await coral::sleep(1s);
    group.create_task(sleeps("grandchild", 1s));
  };
  auto body = [&]() -> task<void> {
    group.create_task(parent());
    co_return;
  };
  auto main = [&]() -> task<void> { co_await coral::async_with(group, body); };
  run(main);
  EXPECT_EQ(log, names{"grandchild done"});
}

TEST_F(TaskGroup, fact_70_system_exit_bypasses_the_group) {
  task_group group;
  auto exits = []() -> task<void> {
    co_await coral::sleep(1s);
    throw coral::system_exit(3);
  };
  auto body = [&]() -> task<void> {
    group.create_task(exits());
    co_await sleeps("body", 9s);
  };
  auto main = [&]() -> task<void> { co_await coral::async_with(group, body); };
  auto scheduled = loop.create_task(main());
  EXPECT_THROW(loop.run_until_complete(scheduled), coral::system_exit);
  EXPECT_THROW(loop.run_until_complete(scheduled), coral::system_exit);
  EXPECT_EQ(log, names{"body cancelled"});
}

TEST_F(TaskGroup, fact_70_tasks_belong_into_the_scope) {
  task_group group;
  auto create = [&] {
    return message_of<coral::runtime_error>([&] { group.create_task(sleeps("never", 1s)); });
  };
  auto body = [&]() -> task<void> { co_return; };
  auto main = [&]() -> task<void> {
    EXPECT_EQ(create(), "TaskGroup has not been entered");
    EXPECT_THROW(group.cancel(), coral::runtime_error);
    co_await coral::async_with(group, body);
    EXPECT_EQ(create(), "TaskGroup is finished");
    result<> again = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(message_of<coral::runtime_error>([&] { again.value(); }),
              "TaskGroup has already been entered");
  };
  run(main);
  EXPECT_EQ(log, names{});
}

TEST_F(TaskGroup, fact_70_no_tasks_are_added_while_it_shuts_down) {
  task_group group;
  auto adds = [&]() -> task<void> {
    co_await as_result(sleeps("adds", 9s));
    note(message_of<coral::runtime_error>([&] { group.create_task(sleeps("never", 1s)); }));
  };
  auto body = [&]() -> task<void> {
    group.create_task(adds());
    group.create_task(fails_after(1s, "x"));
    co_return;
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"x"});
  };
  run(main);
  EXPECT_EQ(log, (names{"adds cancelled", "TaskGroup is shutting down"}));
}

TEST_F(TaskGroup, fact_71_a_body_that_replaces_the_cancellation_keeps_the_count) {
  // python/cpython#95289
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(fails_after(1s, "child"));
    co_await as_result(sleeps("body", 9s));
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"child"});
    EXPECT_EQ(cancelling(), 0);
    co_await coral::sleep(1s);
    note("slept");
  };
  run(main);
  EXPECT_EQ(log, (names{"body cancelled", "slept"}));
}

TEST_F(TaskGroup, fact_71_a_cancel_from_outside_cancels_the_group) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("child", 9s));
    co_await sleeps("body", 9s);
  };
  auto holder = [&]() -> task<void> { co_await coral::async_with(group, body); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(holder());
    co_await coral::sleep(1s);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "outside");
    EXPECT_EQ(child.cancelling(), 1);
  };
  run(main);
  EXPECT_EQ(log, (names{"body cancelled", "child cancelled"}));
}

TEST_F(TaskGroup, fact_71_a_cancel_from_outside_while_it_waits_cancels_the_group) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("child", 9s));
    co_return;
  };
  auto holder = [&]() -> task<void> { co_await coral::async_with(group, body); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(holder());
    co_await coral::sleep(1s);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "outside");
  };
  run(main);
  EXPECT_EQ(log, names{"child cancelled"});
}

TEST_F(TaskGroup, fact_71_errors_and_a_cancel_from_outside_are_both_kept) {
  // python/cpython#116720: the errors are thrown, and the request comes at the next suspension.
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(fails_after(1s, "child"));
    co_await sleeps("body", 9s);
  };
  auto holder = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"child"});
    EXPECT_EQ(cancelling(), 1);
    co_await coral::sleep(1s);
    note("never");
  };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(holder());
    loop.call_at(coral::event_loop::time_point(1s), [=] { child.cancel("outside"); });
    result<> ended = co_await as_result(child);
    EXPECT_TRUE(ended.cancelled());
    EXPECT_EQ(child.cancelling(), 1);
  };
  run(main);
  EXPECT_EQ(log, names{"body cancelled"});
}

TEST_F(TaskGroup, fact_71_a_nested_group_keeps_the_request_of_the_outer) {
  // python/cpython#116720
  task_group outer;
  task_group inner;
  auto inner_body = [&]() -> task<void> {
    inner.create_task(fails_after(1s, "inner"));
    co_await sleeps("inner body", 9s);
  };
  auto outer_body = [&]() -> task<void> {
    outer.create_task(fails_after(1s, "outer"));
    result<> ended = co_await as_result(coral::async_with(inner, inner_body));
    EXPECT_EQ(errors_of(ended), names{"inner"});
    co_await sleeps("outer body", 9s);
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(outer, outer_body));
    EXPECT_EQ(errors_of(ended), names{"outer"});
    EXPECT_EQ(cancelling(), 0);
    EXPECT_EQ(now(), 1s);
    co_await coral::sleep(1s);
  };
  run(main);
  EXPECT_EQ(log, (names{"inner body cancelled", "outer body cancelled"}));
}

TEST_F(TaskGroup, fact_71_a_failed_group_leaves_a_timeout_around_it_as_it_is) {
  // python/cpython#133747
  task_group group;
  auto fails = []() -> task<void> {
    throw std::domain_error("child");
    co_return;
  };
  auto body = [&]() -> task<void> {
    group.create_task(fails());
    co_return;
  };
  auto delays = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"child"});
    EXPECT_EQ(cancelling(), 0);
    co_await coral::sleep(10s);
    ended.value();
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::wait_for(delays(), 1s));
    EXPECT_THROW(ended.value(), coral::timeout_error);
    EXPECT_EQ(cancelling(), 0);
    co_await coral::sleep(1s);
    note("slept");
  };
  run(main);
  EXPECT_EQ(log, names{"slept"});
}

TEST_F(TaskGroup, fact_71_cancel_in_the_body_ends_the_scope_without_error) {
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("child", 9s));
    co_await coral::sleep(1s);
    group.cancel();
    group.cancel();
    co_await sleeps("body", 9s);
  };
  auto main = [&]() -> task<void> {
    co_await coral::async_with(group, body);
    EXPECT_EQ(cancelling(), 0);
    EXPECT_EQ(now(), 1s);
    co_await coral::sleep(1s);
    note("slept");
  };
  run(main);
  EXPECT_EQ(log, (names{"child cancelled", "body cancelled", "slept"}));
}

TEST_F(TaskGroup, fact_71_cancel_from_a_child_ends_the_scope_without_error) {
  task_group group;
  auto cancels = [&]() -> task<void> {
    co_await coral::sleep(1s);
    group.cancel();
  };
  auto body = [&]() -> task<void> {
    group.create_task(sleeps("child", 9s));
    group.create_task(cancels());
    co_return;
  };
  auto main = [&]() -> task<void> {
    co_await coral::async_with(group, body);
    EXPECT_EQ(cancelling(), 0);
  };
  run(main);
  EXPECT_EQ(log, names{"child cancelled"});
}

TEST_F(TaskGroup, fact_71_errors_after_cancel_are_thrown) {
  task_group group;
  auto fails = [&]() -> task<void> {
    co_await as_result(sleeps("child", 9s));
    throw std::domain_error("cleanup");
  };
  auto body = [&]() -> task<void> {
    group.create_task(fails());
    co_await coral::sleep(1s);
    group.cancel();
  };
  auto main = [&]() -> task<void> {
    result<> ended = co_await as_result(coral::async_with(group, body));
    EXPECT_EQ(errors_of(ended), names{"cleanup"});
    EXPECT_EQ(cancelling(), 0);
  };
  run(main);
}

TEST_F(TaskGroup, fact_71_a_cancel_from_outside_after_cancel_is_not_lost) {
  // python/cpython#155433
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(cleans_up_for(3s));
    co_await coral::sleep(1s);
    group.cancel();
  };
  auto holder = [&]() -> task<void> { co_await coral::async_with(group, body); };
  auto main = [&]() -> task<void> {
    auto child = coral::create_task(holder());
    co_await coral::sleep(2s);
    child.cancel("outside");
    result<> ended = co_await as_result(child);
    EXPECT_EQ(message_of<cancelled_error>([&] { ended.value(); }), "outside");
    EXPECT_EQ(child.cancelling(), 1);
    EXPECT_EQ(now(), 4s);
  };
  run(main);
}

TEST_F(TaskGroup, fact_71_a_timeout_around_a_cancelled_group_still_fires) {
  // python/cpython#155433, as it was found
  task_group group;
  auto body = [&]() -> task<void> {
    group.create_task(cleans_up_for(10s));
    co_await coral::sleep(1s);
    group.cancel();
  };
  auto limited = [&]() -> task<void> { co_await coral::async_with(group, body); };
  auto main = [&]() -> task<void> {
    coral::timeout limit(5s);
    result<> ended = co_await as_result(coral::async_with(limit, limited));
    EXPECT_THROW(ended.value(), coral::timeout_error);
    EXPECT_EQ(cancelling(), 0);
  };
  run(main);
}

TEST_F(TaskGroup, needs_a_task) {
  task_group group;
  auto detached = [&]() -> task<void> {
    result<task_group &> entered = co_await as_result(group.aenter());
    note(message_of<coral::runtime_error>([&] { entered.value(); }));
  };
  auto main = [&]() -> task<void> {
    coral::spawn(detached());
    co_return;
  };
  run(main);
  EXPECT_EQ(log, names{"TaskGroup cannot determine the parent task"});
}

} // namespace
