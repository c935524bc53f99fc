#include "manual_event.hpp"

#include <coral/awaitable.hpp>
#include <coral/spawn.hpp>
#include <coral/task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <memory_resource>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using coral::task;

static_assert(coral::is_awaitable_v<task<int>>);
static_assert(coral::is_awaitable_v<std::suspend_always>);
static_assert(coral::is_awaitable_v<std::suspend_never &>);
static_assert(!coral::is_awaitable_v<task<int> &>);
static_assert(!coral::is_awaitable_v<int>);
static_assert(!coral::is_awaitable_v<std::coroutine_handle<>>);
static_assert(std::same_as<coral::await_result_t<task<int>>, int>);
static_assert(std::same_as<coral::await_result_t<task<int &>>, int &>);
static_assert(std::same_as<coral::await_result_t<task<>>, void>);
static_assert(
    std::same_as<coral::await_result_t<task<std::unique_ptr<int>>>, std::unique_ptr<int>>);
static_assert(coral::is_coroutine_type_v<task<int>> && coral::is_task_v<task<void>>);
static_assert(!coral::is_coroutine_type_v<std::suspend_always> && !coral::is_task_v<int>);
static_assert(!std::is_copy_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);
static_assert(!std::is_default_constructible_v<task<int>>);

/// Runs a task that never suspends and gives its value.
template <class T> T finish(task<T> work) {
  if constexpr (std::is_void_v<T>) {
    coral::spawn(std::move(work));
  } else {
    std::optional<T> value;
    coral::spawn([&]() -> task<void> { value.emplace(co_await std::move(work)); });
    return std::move(value).value();
  }
}

task<int> number(int n) { co_return n; }

task<int> sum(int depth) {
  if (depth == 0)
    co_return 0;
  int rest = co_await sum(depth - 1);
  co_return rest + 1;
}

TEST(Task, CallingRunsNothing) {
  bool ran = false;
  auto body = [&]() -> task<void> {
    ran = true;
    co_return;
  };
  {
    task<void> never_awaited = body();
    EXPECT_FALSE(ran);
  }
  EXPECT_FALSE(ran);
  finish(body());
  EXPECT_TRUE(ran);
}

TEST(Task, fact_32_awaiting_directly_does_not_switch) {
  names log;
  auto child = [&]() -> task<void> {
    log.push_back("child");
    co_return;
  };
  auto parent = [&]() -> task<void> {
    log.push_back("before");
    co_await child();
    log.push_back("after");
  };
  finish(parent());
  EXPECT_EQ(log, (names{"before", "child", "after"}));
}

TEST(Task, GivesValuesReferencesAndMoveOnlyObjects) {
  EXPECT_EQ(finish(number(7)), 7);
  int target = 1;
  auto by_reference = [&]() -> task<int &> { co_return target; };
  auto use = [&]() -> task<void> {
    int &same = co_await by_reference();
    same = 5;
  };
  finish(use());
  EXPECT_EQ(target, 5);
  auto pointer = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
  EXPECT_EQ(*finish(pointer()), 3);
}

TEST(Task, AnExceptionReachesTheAwaiter) {
  auto fails = []() -> task<int> {
    throw std::invalid_argument("bad");
    co_return 1;
  };
  std::string caught;
  auto handler = [&]() -> task<void> {
    try {
      co_await fails();
    } catch (const std::invalid_argument &error) {
      caught = error.what();
    }
  };
  finish(handler());
  EXPECT_EQ(caught, "bad");
}

TEST(Task, AValueIsDestroyedWhenALaterDestructorThrows) {
  names log;
  struct throws_at_end {
    ~throws_at_end() noexcept(false) { throw std::runtime_error("late"); }
  };
  auto body = [&]() -> task<tracker> {
    throws_at_end last;
    co_return tracker(log, "value");
  };
  std::string caught;
  auto handler = [&]() -> task<void> {
    try {
      co_await body();
    } catch (const std::runtime_error &error) {
      caught = error.what();
    }
  };
  finish(handler());
  EXPECT_EQ(caught, "late");
  EXPECT_EQ(log, names{"value"});
}

TEST(Task, fact_49_cannot_reuse_an_awaited_coroutine) {
  std::string message;
  auto twice = [&]() -> task<void> {
    task<int> once = number(1);
    co_await std::move(once);
    try {
      co_await std::move(once);
    } catch (const coral::runtime_error &error) {
      message = error.what();
    }
  };
  finish(twice());
  EXPECT_EQ(message, "cannot reuse already awaited coroutine");
}

TEST(Task, fact_49_a_moved_from_task_cannot_be_awaited_or_spawned) {
  task<void> work = []() -> task<void> { co_return; }();
  task<void> taken = std::move(work);
  EXPECT_THROW(coral::spawn(std::move(work)), coral::runtime_error);
  EXPECT_NO_THROW(coral::spawn(std::move(taken)));
}

TEST(Task, fact_51_a_leaked_stop_iteration_becomes_runtime_error) {
  auto leaks = []() -> task<void> {
    throw coral::stop_iteration(5);
    co_return;
  };
  try {
    finish(leaks());
    FAIL() << "nothing thrown";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "coroutine raised StopIteration");
    try {
      std::rethrow_if_nested(error);
      FAIL() << "no cause";
    } catch (const coral::stop_iteration &cause) {
      EXPECT_EQ(*cause.value<int>(), 5);
    }
  }
}

TEST(Task, AHandledStopIterationStaysInside) {
  auto handles = []() -> task<int> {
    try {
      throw coral::stop_iteration();
    } catch (const coral::stop_iteration &) {
    }
    co_return 4;
  };
  EXPECT_EQ(finish(handles()), 4);
}

TEST(Task, TenMillionReadyAwaitsFitTheStack) {
  constexpr int count = 10'000'000;
  auto loop = []() -> task<int> {
    int total = 0;
    for (int i = 0; i != count; ++i)
      total += co_await number(1);
    co_return total;
  };
  EXPECT_EQ(finish(loop()), count);
}

TEST(Task, DeepNestingFitsTheStack) { EXPECT_EQ(finish(sum(100'000)), 100'000); }

TEST(Task, DestroyingASuspendedChainDestroysItFromTheRoot) {
  names log;
  manual_event event;
  auto inner = [&]() -> task<void> {
    tracker local(log, "inner");
    co_await event.wait();
  };
  auto outer = [&]() -> task<void> {
    tracker local(log, "outer");
    co_await inner();
  };
  coral::spawn(outer());
  ASSERT_TRUE(event.waited_for());
  EXPECT_EQ(log, names{});
  event.drop();
  EXPECT_EQ(log, (names{"inner", "outer"}));
}

TEST(Task, fact_53_destroying_a_created_coroutine_runs_nothing) {
  names log;
  auto body = [](tracker, names &log) -> task<void> {
    tracker local(log, "local");
    co_return;
  };
  {
    task<void> never = body(tracker(log, "parameter"), log);
  }
  EXPECT_EQ(log, names{"parameter"});
}

TEST(Task, MoveAssignmentDestroysTheOldCoroutine) {
  names log;
  auto body = [](tracker) -> task<void> { co_return; };
  task<void> work = body(tracker(log, "old"));
  work = body(tracker(log, "new"));
  EXPECT_EQ(log, names{"old"});
}

TEST(Task, LocalsDieBeforeParametersAndOnce) {
  names log;
  auto body = [](tracker, names &log) -> task<void> {
    tracker local(log, "local");
    co_return;
  };
  auto parent = [&]() -> task<void> {
    co_await body(tracker(log, "parameter"), log);
    log.push_back("awaited");
  };
  finish(parent());
  EXPECT_EQ(log, (names{"local", "parameter", "awaited"}));
}

/// Counts what a frame takes from it.
class counting_resource : public std::pmr::memory_resource {
public:
  std::size_t live = 0;
  std::size_t total = 0;

private:
  void *do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++live;
    ++total;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override {
    --live;
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const memory_resource &other) const noexcept override { return this == &other; }
};

task<int> from_resource(std::allocator_arg_t, std::pmr::memory_resource *, int value) {
  co_return value;
}

struct service {
  int base = 40;
  task<int> add(std::allocator_arg_t, std::pmr::polymorphic_allocator<>, int value) {
    co_return base + value;
  }
};

TEST(Frame, ComesFromTheAllocatorOfAFreeFunction) {
  counting_resource resource;
  task<int> work = from_resource(std::allocator_arg, &resource, 9);
  EXPECT_EQ(resource.live, 1u);
  EXPECT_EQ(finish(std::move(work)), 9);
  EXPECT_EQ(resource.live, 0u);
}

TEST(Frame, ComesFromTheAllocatorOfAMemberFunction) {
  counting_resource resource;
  service s;
  task<int> work = s.add(std::allocator_arg, &resource, 2);
  EXPECT_EQ(resource.live, 1u);
  EXPECT_EQ(finish(std::move(work)), 42);
  EXPECT_EQ(resource.live, 0u);
  EXPECT_EQ(resource.total, 1u);
}

TEST(Frame, MayBeDestroyedOnAnotherThread) {
  for (int i = 0; i != 200; ++i) {
    std::vector<task<int>> made;
    for (int n = 0; n != 100; ++n)
      made.push_back(number(n));
    std::thread([taken = std::move(made)] {}).join();
  }
}

} // namespace
