// sync_to_async and async_to_sync, nested both ways, over every loop: asgiref's rules.

#include "loop_backends.hpp"

#include <coral/context_var.hpp>
#include <coral/executors.hpp>
#include <coral/runner.hpp>
#include <coral/sync.hpp>
#include <coral/tasks.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace {

using coral::async_to_sync;
using coral::sync_to_async;
using coral::task;
using namespace std::chrono_literals;
using thread_id = std::thread::id;

constexpr coral::sync_to_async_options anywhere{.thread_sensitive = false};

thread_id here() { return std::this_thread::get_id(); }

/// The thread on which a thread-sensitive call is made.
task<thread_id> sensitive_thread() {
  auto call = sync_to_async(here);
  co_return co_await call();
}

class Sync : public testing::TestWithParam<loop_backend> {
protected:
  template <class T> T run(task<T> main) { return coral::run(std::move(main), GetParam().create); }

  /// `async_to_sync` whose loops are of this kind.
  template <class F> auto to_sync(F function) {
    return async_to_sync(std::move(function), {.loop_factory = GetParam().create});
  }

  names log;
};
INSTANTIATE_OVER_LOOPS(Sync);

TEST_P(Sync, fact_88_a_call_gives_its_value_or_throws_its_exception) {
  auto add = sync_to_async([](int a, std::unique_ptr<int> b) { return a + *b; });
  auto fails = sync_to_async([] { throw std::domain_error("sync"); });
  auto main = [&]() -> task<int> {
    try {
      co_await fails();
    } catch (const std::domain_error &error) {
      log.push_back(error.what());
    }
    auto five = std::make_unique<int>(5);
    co_return co_await add(2, std::move(five));
  };
  EXPECT_EQ(run(main()), 7);
  EXPECT_EQ(log, names{"sync"});
}

TEST_P(Sync, fact_88_a_coroutine_gives_its_value_or_throws_its_exception) {
  auto add = [](int a, int b) -> task<int> {
    co_await coral::sleep(1ms);
    co_return a + b;
  };
  auto fails = []() -> task<void> {
    co_await coral::sleep(0s);
    throw std::domain_error("async");
  };
  EXPECT_EQ(to_sync(add)(3, 4), 7);
  EXPECT_EQ(message_of<std::domain_error>([&] { to_sync(fails)(); }), "async");
}

TEST_P(Sync, fact_88_the_loop_does_not_block_while_a_call_runs) {
  std::latch go_on(1);
  auto blocks = sync_to_async([&] { go_on.wait(); });
  auto frees = [&]() -> task<void> {
    co_await coral::sleep(1ms);
    go_on.count_down();
  };
  auto main = [&]() -> task<void> {
    auto helper = coral::create_task(frees());
    co_await blocks();
    co_await helper;
  };
  run(main());
}

TEST_P(Sync, fact_88_sensitive_calls_share_one_thread_that_is_not_the_loops) {
  auto main = [&]() -> task<std::set<thread_id>> {
    std::set<thread_id> threads;
    threads.insert(co_await sensitive_thread());
    auto other = coral::create_task(sensitive_thread());
    threads.insert(co_await other);
    co_return threads;
  };
  const std::set<thread_id> first = run(main());
  EXPECT_EQ(first.size(), 1u);
  EXPECT_EQ(first.count(here()), 0u);
  EXPECT_EQ(run(main()), first);
}

TEST_P(Sync, fact_88_calls_that_are_not_sensitive_run_beside_each_other) {
  std::latch both(2);
  auto meets = sync_to_async([&] { both.arrive_and_wait(); }, anywhere);
  auto main = [&]() -> task<void> {
    auto first = coral::create_task(meets());
    co_await meets();
    co_await first;
  };
  run(main());
}

TEST_P(Sync, fact_88_an_executor_can_be_given_where_the_code_is_not_sensitive) {
  coral::thread_pool_executor pool(1);
  const thread_id worker = pool.submit(here).result();
  auto which = sync_to_async(here, {.thread_sensitive = false, .executor = &pool});
  auto main = [&]() -> task<thread_id> { co_return co_await which(); };
  EXPECT_EQ(run(main()), worker);
  EXPECT_EQ(message_of<coral::type_error>([&] { sync_to_async(here, {.executor = &pool}); }),
            "executor must not be set when thread_sensitive is true");
}

TEST_P(Sync, fact_88_below_async_to_sync_sensitive_calls_are_made_by_its_thread) {
  EXPECT_EQ(to_sync(sensitive_thread)(), here());
  std::thread([this] { EXPECT_EQ(to_sync(sensitive_thread)(), here()); }).join();
}

TEST_P(Sync, fact_88_tasks_of_the_coroutine_know_its_thread_too) {
  // django/asgiref#249, #348
  auto grandchild = []() -> task<thread_id> {
    auto child = coral::create_task(sensitive_thread());
    co_return co_await child;
  };
  auto main = [&]() -> task<std::set<thread_id>> {
    std::set<thread_id> threads;
    auto first = coral::create_task(grandchild());
    auto second = coral::create_task(sensitive_thread());
    threads.insert(co_await first);
    threads.insert(co_await second);
    co_return threads;
  };
  EXPECT_EQ(to_sync(main)(), std::set<thread_id>{here()});
}

TEST_P(Sync, fact_88_in_the_thread_of_a_running_loop_async_to_sync_is_refused) {
  bool ran = false;
  auto inner = [&]() -> task<void> {
    ran = true;
    co_return;
  };
  auto main = [&]() -> task<void> {
    to_sync(inner)();
    co_return;
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { run(main()); }),
            "You cannot use AsyncToSync in the same thread as an async event loop - just await the "
            "async function directly.");
  EXPECT_FALSE(ran);
}

TEST_P(Sync, fact_88_below_sync_to_async_the_coroutine_runs_on_the_outer_loop) {
  auto inner = []() -> task<coral::event_loop *> { co_return &coral::get_running_loop(); };
  for (bool sensitive : {true, false}) {
    auto call = sync_to_async([&] { return to_sync(inner)(); }, {.thread_sensitive = sensitive});
    auto main = [&]() -> task<bool> {
      coral::event_loop *inside = co_await call();
      co_return inside == &coral::get_running_loop();
    };
    EXPECT_TRUE(run(main()));
  }
}

TEST_P(Sync, fact_88_a_new_loop_can_be_forced) {
  auto inner = []() -> task<coral::event_loop *> { co_return &coral::get_running_loop(); };
  auto apart = async_to_sync(inner, {.force_new_loop = true, .loop_factory = GetParam().create});
  auto call = sync_to_async([&] { return apart(); });
  auto main = [&]() -> task<bool> {
    coral::event_loop *inside = co_await call();
    co_return inside != &coral::get_running_loop();
  };
  EXPECT_TRUE(run(main()));
}

TEST_P(Sync, fact_88_nested_both_ways_sensitive_calls_stay_on_one_thread) {
  std::vector<thread_id> threads;
  std::function<void(int)> down = [&](int depth) {
    threads.push_back(here());
    if (depth == 0)
      return;
    auto step = [&]() -> task<void> {
      auto deeper = sync_to_async(down);
      co_await deeper(depth - 1);
    };
    to_sync(step)();
  };
  down(4);
  EXPECT_EQ(threads, std::vector<thread_id>(5, here()));
  threads.clear();
  auto main = [&]() -> task<void> {
    auto call = sync_to_async(down);
    co_await call(4);
  };
  run(main());
  EXPECT_EQ(threads, std::vector<thread_id>(5, threads.front()));
  EXPECT_NE(threads.front(), here());
}

TEST_P(Sync, fact_88_a_view_that_waits_for_tasks_that_call_back_does_not_deadlock) {
  std::atomic<int> written = 0;
  auto write = sync_to_async([&] { ++written; });
  auto io = [&]() -> task<void> {
    auto child = coral::create_task(write());
    co_await child;
    co_await coral::gather(write(), write());
  };
  auto view = sync_to_async([&] { to_sync(io)(); });
  auto server = [&]() -> task<void> { co_await coral::gather(view(), view(), view()); };
  run(server());
  EXPECT_EQ(written, 9);
}

TEST_P(Sync, fact_88_many_threads_enter_one_loop_at_once) {
  std::atomic<int> total = 0;
  auto add = [&](int n) -> task<void> {
    co_await coral::sleep(1ms);
    auto call = sync_to_async([&total, n] { total += n; });
    co_await call();
  };
  auto view = sync_to_async([&](int n) { to_sync(add)(n); }, anywhere);
  auto server = [&]() -> task<void> {
    std::vector<task<void>> all;
    for (int n = 1; n <= 20; ++n)
      all.push_back(view(n));
    co_await coral::gather(std::move(all));
  };
  run(server());
  EXPECT_EQ(total, 210);
}

TEST_P(Sync, fact_88_a_loop_that_sensitive_code_runs_itself_reports_the_deadlock) {
  auto view = sync_to_async([&] { run(sensitive_thread()); });
  auto main = [&]() -> task<void> { co_await view(); };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { run(main()); }),
            "Single thread executor already being used, would deadlock");
}

TEST_P(Sync, fact_88_a_task_that_outlives_its_async_to_sync_still_makes_calls) {
  // django/asgiref#491
  std::latch returned(1);
  auto late = [&]() -> task<void> {
    auto waits = sync_to_async([&] { returned.wait(); }, anywhere);
    co_await waits();
    thread_id made_by = co_await sensitive_thread();
    log.push_back(made_by == thread_id() ? "nowhere" : "made");
  };
  std::optional<coral::any_task> left;
  auto starts = [&]() -> task<void> {
    left = coral::create_task(late());
    co_return;
  };
  auto view = sync_to_async([&] {
    to_sync(starts)();
    returned.count_down();
  });
  auto main = [&]() -> task<void> {
    co_await view();
    co_await *left;
    left.reset();
  };
  run(main());
  EXPECT_EQ(log, names{"made"});
}

TEST_P(Sync, fact_88_two_sensitive_calls_of_one_task_wait_for_each_other) {
  // django/asgiref#323
  std::vector<int> made;
  auto call = sync_to_async([&](int which) { made.push_back(which); });
  auto calls = [&]() -> task<void> { co_await coral::gather(call(1), call(2), call(3)); };
  run(calls());
  to_sync(calls)();
  EXPECT_EQ(made, (std::vector{1, 2, 3, 1, 2, 3}));
}

TEST_P(Sync, fact_88_a_call_that_no_executor_takes_does_not_count_as_a_deadlock) {
  // django/asgiref#495
  coral::thread_pool_executor ended(1);
  ended.shutdown();
  auto refused = sync_to_async([] {}, {.thread_sensitive = false, .executor = &ended});
  auto main = [&]() -> task<void> {
    for (int i = 0; i != 2; ++i) {
      try {
        co_await refused();
      } catch (const coral::runtime_error &error) {
        log.push_back(error.what());
      }
      co_await sensitive_thread();
    }
  };
  run(main());
  EXPECT_EQ(log, names(2, "cannot schedule new futures after shutdown"));
}

TEST_P(Sync, fact_88_cancelling_a_call_cancels_the_coroutine_it_waits_for) {
  auto inner = [&]() -> task<int> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &error) {
      log.push_back("inner " + error.message());
    }
    co_return 5;
  };
  auto view = sync_to_async([&] { return to_sync(inner)(); });
  auto calls = [&]() -> task<int> { co_return co_await view(); };
  auto main = [&]() -> task<int> {
    auto call = coral::create_task(calls());
    while (coral::all_tasks().size() != 3)
      co_await coral::sleep(1ms);
    co_await coral::sleep(1ms);
    call.cancel("enough");
    co_return co_await call;
  };
  EXPECT_EQ(run(main()), 5);
  EXPECT_EQ(log, names{"inner enough"});
}

TEST_P(Sync, fact_88_cancelling_a_call_that_computes_gives_it_up) {
  std::latch begun(1);
  std::latch go_on(1);
  auto view = sync_to_async(
      [&] {
        begun.count_down();
        go_on.wait();
      },
      anywhere);
  auto calls = [&]() -> task<void> { co_await view(); };
  auto main = [&]() -> task<void> {
    auto call = coral::create_task(calls());
    co_await coral::sleep(1ms);
    begun.wait();
    call.cancel();
    try {
      co_await call;
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
    }
    go_on.count_down();
  };
  run(main());
  EXPECT_EQ(log, names{"cancelled"});
}

TEST_P(Sync, fact_88_a_coroutine_whose_loop_ends_fails_its_caller) {
  std::latch waiting(1);
  std::latch done(1);
  std::string message;
  auto inner = [&]() -> task<void> {
    waiting.count_down();
    co_await coral::sleep(1h);
  };
  coral::thread_pool_executor pool(1);
  {
    auto loop = GetParam().create();
    loop->set_exception_handler([](coral::event_loop &, const coral::exception_context &) {});
    auto view = sync_to_async(
        [&] {
          message = message_of<coral::runtime_error>([&] { to_sync(inner)(); });
          done.count_down();
        },
        {.thread_sensitive = false, .executor = &pool});
    auto calls = [&]() -> task<void> { co_await view(); };
    auto pending = loop->create_task(calls());
    auto main = [&]() -> task<void> {
      while (!waiting.try_wait())
        co_await coral::sleep(1ms);
    };
    loop->run_until_complete(main());
    loop->close();
  }
  done.wait();
  EXPECT_EQ(message, "the event loop ended the coroutine before it was done");
}

coral::context_var<int> number("number", 0);

TEST_P(Sync, fact_88_context_variables_cross_into_a_call_and_back) {
  auto call = sync_to_async([] {
    const int seen = number.get();
    number.set(seen + 1);
    return seen;
  });
  auto main = [&]() -> task<std::pair<int, int>> {
    number.set(5);
    const int seen = co_await call();
    co_return std::pair(seen, number.get());
  };
  EXPECT_EQ(run(main()), std::pair(5, 6));
  EXPECT_EQ(number.get(), 0);
}

TEST_P(Sync, fact_88_context_variables_cross_into_a_coroutine_and_back) {
  auto inner = [](bool fails) -> task<int> {
    co_await coral::sleep(1ms);
    const int seen = number.get();
    number.set(seen + 1);
    if (fails)
      throw std::domain_error("inner");
    co_return seen;
  };
  std::thread([&] {
    number.set(7);
    EXPECT_EQ(to_sync(inner)(false), 7);
    EXPECT_EQ(number.get(), 8);
    EXPECT_THROW(to_sync(inner)(true), std::domain_error);
    EXPECT_EQ(number.get(), 9);
  }).join();
}

TEST_P(Sync, fact_88_context_variables_cross_every_level) {
  auto innermost = []() -> task<void> {
    number.set(number.get() * 10);
    co_return;
  };
  auto middle = sync_to_async([&] {
    number.set(number.get() + 1);
    to_sync(innermost)();
    number.set(number.get() + 2);
  });
  auto main = [&]() -> task<int> {
    number.set(3);
    co_await middle();
    co_return number.get();
  };
  EXPECT_EQ(run(main()), 42);
}

} // namespace
