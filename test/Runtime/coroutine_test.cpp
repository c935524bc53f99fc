// The kinds of coroutines that PEP 492 tells apart, and the bridge between two of them.

#include "manual_event.hpp"

#include <coral/async_generator.hpp>
#include <coral/awaitable.hpp>
#include <coral/coroutine.hpp>
#include <coral/loop/manual.hpp>
#include <coral/recursive_generator.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

using coral::generator;
using coral::task;
using namespace std::chrono_literals;

task<int> fetch(int value) {
  co_await coral::sleep(1s);
  co_return value;
}

generator<task<int>, void, int, int> sum() {
  std::optional<int> a = co_yield fetch(1);
  std::optional<int> b = co_yield fetch(2);
  co_return *a + *b;
}

[[maybe_unused]] task<int> native() { co_return 1; }
[[maybe_unused]] coral::async_generator<int> asynchronous() { co_yield 1; }
[[maybe_unused]] int function() { return 1; }

using native_coroutine = decltype(native());
using plain_generator = decltype(sum());
using bridged = decltype(coral::coroutine(sum()));
using async_gen = decltype(asynchronous());

/// CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR, and whether it is
/// awaited.
template <class T> std::string flags() {
  std::string set;
  set += coral::is_generator_v<T> ? 'g' : '-';
  set += coral::is_coroutine_type_v<T> ? 'c' : '-';
  set += coral::is_generator_based_coroutine_v<T> ? 'i' : '-';
  set += coral::is_async_generator_v<T> ? 'a' : '-';
  set += coral::is_awaitable_v<T> ? '*' : '-';
  return set;
}

TEST(Kinds, fact_54_each_kind_has_its_flags) {
  EXPECT_EQ(flags<native_coroutine>(), "-c--*");
  EXPECT_EQ(flags<plain_generator>(), "g----");
  EXPECT_EQ(flags<coral::recursive_generator<int>>(), "g----");
  EXPECT_EQ(flags<bridged>(), "--i-*");
  EXPECT_EQ(flags<async_gen>(), "---a-");
  EXPECT_EQ(flags<int>(), "-----");
}

TEST(Kinds, fact_54_only_what_gives_a_native_coroutine_is_a_coroutine_function) {
  EXPECT_TRUE((coral::is_coroutine_function_v<decltype(&native)>));
  EXPECT_FALSE((coral::is_coroutine_function_v<decltype(&sum)>));
  EXPECT_FALSE((coral::is_coroutine_function_v<decltype(&asynchronous)>));
  EXPECT_FALSE((coral::is_coroutine_function_v<decltype(&function)>));
  EXPECT_FALSE((coral::is_coroutine_function_v<decltype(&native), int>));
  auto bridge = [] { return coral::coroutine(sum()); };
  EXPECT_FALSE((coral::is_coroutine_function_v<decltype(bridge)>));
}

TEST(Kinds, fact_54_awaiting_gives_what_the_coroutine_returns) {
  EXPECT_TRUE((std::same_as<coral::await_result_t<native_coroutine>, int>));
  EXPECT_TRUE((std::same_as<coral::await_result_t<bridged>, int>));
  EXPECT_FALSE(coral::is_awaitable_v<native_coroutine &>);
  EXPECT_FALSE(coral::is_awaitable_v<bridged &>);
}

template <class T> T run_here(task<T> main) {
  return coral::run(std::move(main), coral::manual_loop::create);
}

TEST(Introspection, fact_53_a_task_is_created_running_suspended_and_closed) {
  using coral::coroutine_state;
  std::optional<task<void>> inner;
  coroutine_state inside{}, outside{};
  auto body = [&]() -> task<void> {
    inside = inner->state();
    co_await coral::yield();
  };
  auto main = [&]() -> task<void> {
    inner.emplace(body());
    EXPECT_EQ(inner->state(), coroutine_state::created);
    auto look = [&]() -> task<void> {
      outside = inner->state();
      co_return;
    };
    auto looking = coral::create_task(look());
    co_await std::move(*inner);
    EXPECT_EQ(inner->state(), coroutine_state::closed);
    co_await looking;
  };
  run_here(main());
  EXPECT_EQ(inside, coroutine_state::running);
  EXPECT_EQ(outside, coroutine_state::suspended);
}

TEST(Introspection, fact_53_a_task_is_running_while_one_that_it_awaits_runs) {
  using coral::coroutine_state;
  std::optional<task<void>> outer;
  coroutine_state seen{};
  auto leaf = [&]() -> task<void> {
    co_await coral::yield();
    seen = outer->state();
  };
  auto middle = [&]() -> task<void> { co_await leaf(); };
  auto main = [&]() -> task<void> {
    outer.emplace(middle());
    co_await std::move(*outer);
  };
  run_here(main());
  EXPECT_EQ(seen, coroutine_state::running);
}

TEST(Introspection, fact_53_a_task_that_was_moved_from_is_closed) {
  auto body = []() -> task<void> { co_return; };
  auto first = body();
  auto second = std::move(first);
  EXPECT_EQ(first.state(), coral::coroutine_state::closed);
  EXPECT_EQ(second.state(), coral::coroutine_state::created);
}

TEST(Introspection, fact_49_a_coroutine_that_is_being_awaited_cannot_be_awaited) {
  auto main = []() -> task<std::string> {
    auto slow = []() -> task<void> { co_await coral::sleep(1s); };
    task<void> shared = slow();
    auto await_it = [&]() -> task<void> { co_await std::move(shared); };
    auto first = coral::create_task(await_it());
    auto second = coral::create_task(await_it());
    std::string said;
    try {
      co_await second;
    } catch (const coral::runtime_error &error) {
      said = error.what();
    }
    co_await first;
    co_return said;
  };
  EXPECT_EQ(run_here(main()), "coroutine is being awaited already");
}

TEST(Bridge, CancellationIsThrownAtTheYield) {
  names log;
  auto body = [&]() -> generator<task<int>, void, int> {
    try {
      co_yield fetch(1);
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelled");
      throw;
    }
  };
  auto main = [&]() -> task<void> {
    auto work = [&]() -> task<void> { co_await coral::coroutine(body()); };
    auto working = coral::create_task(work());
    co_await coral::yield();
    working.cancel();
    try {
      co_await working;
    } catch (const coral::cancelled_error &) {
      log.push_back("out");
    }
  };
  run_here(main());
  EXPECT_EQ(log, (names{"cancelled", "out"}));
}

TEST(Bridge, AwaitsWhatIsYieldedAndSendsBackWhatComesOfIt) {
  auto main = []() -> task<int> { co_return co_await coral::coroutine(sum()); };
  EXPECT_EQ(run_here(main()), 3);
}

TEST(Bridge, IsLazy) {
  names log;
  auto body = [&]() -> generator<task<int>> {
    log.push_back("ran");
    co_yield fetch(1);
  };
  auto main = [&]() -> task<void> {
    auto bridge = coral::coroutine(body());
    co_await coral::yield();
    EXPECT_EQ(log, names{});
    co_await std::move(bridge);
    EXPECT_EQ(log, names{"ran"});
  };
  run_here(main());
}

TEST(Bridge, AYieldToTheLoopGivesWayForOneBatch) {
  names log;
  auto body = [&]() -> generator<decltype(coral::yield())> {
    log.push_back("before");
    co_yield coral::yield();
    log.push_back("after");
  };
  auto main = [&]() -> task<void> {
    auto other = [&]() -> task<void> {
      log.push_back("other");
      co_return;
    };
    auto beside = coral::create_task(other());
    co_await coral::coroutine(body());
    co_await beside;
  };
  run_here(main());
  EXPECT_EQ(log, (names{"before", "other", "after"}));
}

TEST(Bridge, AnErrorOfWhatIsAwaitedIsThrownAtTheYield) {
  auto fails = []() -> task<int> {
    co_await coral::yield();
    throw std::domain_error("broken");
  };
  auto body = [&]() -> generator<task<int>, void, int, std::string> {
    std::string said;
    try {
      co_yield fails();
    } catch (const std::domain_error &error) {
      said = error.what();
    }
    std::optional<int> more = co_yield fetch(5);
    co_return said + std::to_string(*more);
  };
  auto main = [&]() -> task<std::string> { co_return co_await coral::coroutine(body()); };
  EXPECT_EQ(run_here(main()), "broken5");
}

TEST(Bridge, AnErrorOfTheGeneratorLeavesToWhoeverAwaits) {
  auto body = []() -> generator<task<int>> {
    co_yield fetch(1);
    throw std::domain_error("broken");
  };
  auto main = [&]() -> task<void> {
    bool thrown = false;
    try {
      co_await coral::coroutine(body());
    } catch (const std::domain_error &) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
  };
  run_here(main());
}

TEST(Bridge, AnErrorThatNothingHandlesPassesThroughTheGenerator) {
  names log;
  auto fails = []() -> task<int> {
    throw std::domain_error("broken");
    co_return 1;
  };
  auto body = [&]() -> generator<task<int>> {
    tracker local(log, "local");
    co_yield fails();
    log.push_back("went on");
  };
  auto main = [&]() -> task<void> {
    try {
      co_await coral::coroutine(body());
    } catch (const std::domain_error &) {
      log.push_back("caught");
    }
  };
  run_here(main());
  EXPECT_EQ(log, (names{"local", "caught"}));
}

TEST(Bridge, fact_51_a_stop_iteration_of_the_body_becomes_runtime_error) {
  auto body = []() -> generator<task<int>> {
    co_yield fetch(1);
    throw coral::stop_iteration();
  };
  auto main = [&]() -> task<std::string> {
    try {
      co_await coral::coroutine(body());
    } catch (const coral::runtime_error &error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  EXPECT_EQ(run_here(main()), "generator raised StopIteration");
}

TEST(Bridge, AGeneratorThatYieldsNothingGivesItsResult) {
  auto body = [](bool wait) -> generator<task<int>, void, void, std::unique_ptr<int>> {
    if (wait)
      co_yield fetch(1);
    co_return std::make_unique<int>(7);
  };
  auto main = [&]() -> task<int> {
    std::unique_ptr<int> value = co_await coral::coroutine(body(false));
    co_return *value;
  };
  EXPECT_EQ(run_here(main()), 7);
}

TEST(Bridge, BecomesATaskToRunBesideOthers) {
  auto main = []() -> task<int> {
    auto scheduled = coral::create_task(task<int>(coral::coroutine(sum())));
    co_return co_await scheduled;
  };
  EXPECT_EQ(run_here(main()), 3);
}

TEST(Bridge, fact_49_is_awaited_once) {
  auto main = []() -> task<std::string> {
    auto bridge = coral::coroutine(sum());
    EXPECT_EQ(co_await std::move(bridge), 3);
    try {
      static_cast<void>(co_await std::move(bridge));
    } catch (const coral::runtime_error &error) {
      co_return error.what();
    }
    co_return "accepted";
  };
  EXPECT_EQ(run_here(main()), "cannot reuse already awaited coroutine");
}

TEST(Bridge, RefusesAGeneratorThatHasStarted) {
  auto body = []() -> generator<task<int>> {
    co_yield fetch(1);
    co_yield fetch(2);
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    static_cast<void>(source.next());
    bool refused = false;
    try {
      co_await coral::coroutine(std::move(source));
    } catch (const coral::runtime_error &) {
      refused = true;
    }
    EXPECT_TRUE(refused);
  };
  run_here(main());
}

} // namespace
