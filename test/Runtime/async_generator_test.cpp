#include "loop_backends.hpp"

#include <coral/async_for.hpp>
#include <coral/async_generator.hpp>
#include <coral/awaitable.hpp>
#include <coral/loop/manual.hpp>
#include <coral/runner.hpp>
#include <coral/spawn.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <memory_resource>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using coral::async_generator;
using coral::coroutine_state;
using coral::task;
using namespace std::chrono_literals;

static_assert(!std::copyable<async_generator<int>>);
static_assert(std::same_as<async_generator<int>::reference, int &&>);
static_assert(std::same_as<async_generator<int &>::reference, int &>);
static_assert(
    std::same_as<async_generator<std::string_view, std::string>::value_type, std::string>);
static_assert(!coral::is_awaitable_v<async_generator<int>>);

template <class G>
concept can_send = requires(G &g) { g.asend(1); };
static_assert(can_send<async_generator<int, void, int>>);
static_assert(!can_send<async_generator<int>>);

async_generator<int> count(int end) {
  for (int i = 0; i != end; ++i) {
    co_await coral::yield();
    co_yield i;
  }
}

/// Never awaits anything that is not ready.
async_generator<int> ready(int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

template <class G> task<std::vector<int>> collect(G source) {
  std::vector<int> values;
  while (auto item = co_await source.next())
    values.push_back(*item);
  co_return values;
}

template <class T> T run_here(task<T> main) {
  return coral::run(std::move(main), coral::manual_loop::create);
}

template <class Error> task<std::string> message_from(task<void> work) {
  try {
    co_await std::move(work);
  } catch (const Error &error) {
    co_return error.what();
  }
  co_return "nothing was thrown";
}

TEST(AsyncGenerator, YieldsInOrderAndEnds) {
  EXPECT_EQ(run_here(collect(count(4))), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(run_here(collect(count(0))), std::vector<int>{});
}

TEST(AsyncGenerator, NeedsNoLoop) {
  std::vector<int> values;
  auto body = [&]() -> task<void> { values = co_await collect(ready(3)); };
  coral::spawn(body);
  EXPECT_EQ(values, (std::vector{0, 1, 2}));
}

TEST(AsyncGenerator, ManyReadyStepsTakeNoStack) {
  constexpr int many = 1'000'000;
  long sum = 0;
  auto body = [&]() -> task<void> {
    auto source = ready(many);
    while (auto item = co_await source.next())
      sum += *item;
  };
  coral::spawn(body);
  EXPECT_EQ(sum, many / 2 * (many - 1L));
}

TEST(AsyncGenerator, IsLazy) {
  names log;
  auto body = [&]() -> async_generator<int> {
    log.push_back("ran");
    co_yield 1;
    log.push_back("went on");
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await coral::yield();
    EXPECT_EQ(log, names{});
    EXPECT_EQ(co_await source.anext(), 1);
    co_await coral::yield();
    EXPECT_EQ(log, names{"ran"});
  };
  run_here(main());
}

TEST(AsyncGenerator, AwaitsWithinAndOtherTasksRunMeanwhile) {
  names log;
  auto numbers = [&]() -> async_generator<int> {
    for (int i = 0; i != 2; ++i) {
      co_await coral::sleep(2s);
      co_yield i;
    }
  };
  auto other = [&]() -> task<void> {
    for (int i = 0; i != 2; ++i) {
      co_await coral::sleep(1s);
      co_await coral::sleep(1s);
      log.push_back("other");
    }
  };
  auto main = [&]() -> task<void> {
    auto beside = coral::create_task(other());
    auto source = numbers();
    while (auto item = co_await source.next())
      log.push_back(std::to_string(*item));
    co_await beside;
  };
  run_here(main());
  EXPECT_EQ(log, (names{"0", "other", "1", "other"}));
}

TEST(AsyncGenerator, YieldsReferencesToTheBodysOwnObjects) {
  int kept = 1;
  auto body = [&]() -> async_generator<int &> {
    co_yield kept;
    co_yield kept;
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    while (auto item = co_await source.next())
      *item += 10;
  };
  run_here(main());
  EXPECT_EQ(kept, 21);
}

TEST(AsyncGenerator, CopiesAnLvalueThatIsYieldedAsAnRvalue) {
  std::string original = "text";
  auto body = [&]() -> async_generator<std::string> { co_yield original; };
  auto main = [&]() -> task<void> {
    auto source = body();
    std::string stolen = co_await source.anext();
    EXPECT_EQ(stolen, "text");
  };
  run_here(main());
  EXPECT_EQ(original, "text");
}

TEST(AsyncGenerator, MovesMoveOnlyValuesOut) {
  auto body = []() -> async_generator<std::unique_ptr<int>> { co_yield std::make_unique<int>(4); };
  auto main = [&]() -> task<int> {
    auto source = body();
    std::unique_ptr<int> taken = co_await source.anext();
    co_return *taken;
  };
  EXPECT_EQ(run_here(main()), 4);
}

TEST(AsyncGenerator, AnItemGivesAccessToTheValue) {
  auto body = []() -> async_generator<std::string> { co_yield "four"; };
  auto main = [&]() -> task<void> {
    auto source = body();
    auto item = co_await source.next();
    EXPECT_TRUE(static_cast<bool>(item));
    EXPECT_EQ(item->size(), 4u);
    auto end = co_await source.next();
    EXPECT_FALSE(static_cast<bool>(end));
  };
  run_here(main());
}

TEST(AsyncGenerator, CanBeMovedBetweenSteps) {
  auto main = []() -> task<std::vector<int>> {
    auto source = count(3);
    std::vector<int> values;
    values.push_back(co_await source.anext());
    auto taken = std::move(source);
    values.push_back(co_await taken.anext());
    source = std::move(taken);
    values.push_back(co_await source.anext());
    EXPECT_EQ(taken.state(), coroutine_state::closed);
    auto item = co_await taken.next();
    EXPECT_FALSE(static_cast<bool>(item));
    co_return values;
  };
  EXPECT_EQ(run_here(main()), (std::vector{0, 1, 2}));
}

TEST(AsyncGenerator, AnextThrowsStopAsyncIterationAtTheEndAndEverAfter) {
  auto main = []() -> task<void> {
    auto source = count(1);
    EXPECT_EQ(co_await source.anext(), 0);
    for (int i = 0; i != 2; ++i) {
      bool stopped = false;
      try {
        co_await source.anext();
      } catch (const coral::stop_async_iteration &) {
        stopped = true;
      }
      EXPECT_TRUE(stopped);
    }
  };
  run_here(main());
}

async_generator<int, void, int> running_total() {
  int total = 0;
  for (;;) {
    std::optional<int> sent = co_yield total;
    total += sent.value_or(100);
  }
}

TEST(AsyncGenerator, SendGivesTheYieldItsValue) {
  auto main = []() -> task<std::vector<int>> {
    auto source = running_total();
    std::vector<int> values;
    values.push_back(co_await source.anext());
    values.push_back(co_await source.asend(5));
    values.push_back(co_await source.asend(2));
    values.push_back(co_await source.anext());
    values.push_back(co_await source.asend(1));
    co_return values;
  };
  EXPECT_EQ(run_here(main()), (std::vector{0, 5, 7, 107, 108}));
}

task<void> send_early() {
  auto source = running_total();
  co_await source.asend(5);
}

TEST(AsyncGenerator, fact_79_the_first_asend_is_a_type_error) {
  EXPECT_EQ(run_here(message_from<coral::type_error>(send_early())),
            "can't send non-None value to a just-started async generator");
}

TEST(AsyncGenerator, SendToAClosedGeneratorStops) {
  auto main = []() -> task<void> {
    auto source = running_total();
    co_await source.anext();
    co_await source.aclose();
    co_await source.asend(5);
  };
  EXPECT_EQ(run_here(message_from<coral::stop_async_iteration>(main())), "StopAsyncIteration");
}

TEST(AsyncGenerator, ThrowRaisesAtTheYieldWhichMayHandleIt) {
  auto body = []() -> async_generator<int> {
    bool handled = false;
    try {
      co_yield 1;
    } catch (const std::domain_error &) {
      handled = true;
    }
    co_await coral::yield();
    if (handled)
      co_yield 2;
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
    EXPECT_EQ(co_await source.athrow(std::domain_error("handled")), 2);
    bool thrown = false;
    try {
      co_await source.athrow(std::domain_error("not"));
    } catch (const std::domain_error &) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(source.state(), coroutine_state::closed);
  };
  run_here(main());
}

TEST(AsyncGenerator, ThrowThatEndsTheBodyStops) {
  auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const std::domain_error &) {
    }
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
    co_await source.athrow(std::domain_error("handled"));
  };
  EXPECT_EQ(run_here(message_from<coral::stop_async_iteration>(main())), "StopAsyncIteration");
}

TEST(AsyncGenerator, ThrowIntoAnUnstartedGeneratorRunsNothing) {
  names log;
  auto body = [](tracker, names &log) -> async_generator<int> {
    log.push_back("ran");
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    auto source = body(tracker(log, "parameter"), log);
    bool thrown = false;
    try {
      co_await source.athrow(std::domain_error("early"));
    } catch (const std::domain_error &) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(log, names{"parameter"});
    EXPECT_EQ(source.state(), coroutine_state::closed);
    auto item = co_await source.next();
    EXPECT_FALSE(static_cast<bool>(item));
  };
  run_here(main());
}

TEST(AsyncGenerator, ThrowNeedsAnException) {
  auto source = ready(1);
  EXPECT_THROW(static_cast<void>(source.athrow(std::exception_ptr())), coral::type_error);
}

TEST(AsyncGenerator, CloseRunsTheCleanupWithWhatItAwaits) {
  names log;
  auto body = [&]() -> async_generator<int> {
    bool closing = false;
    try {
      co_yield 1;
    } catch (const std::exception &) {
      log.push_back("swallowed");
    } catch (const coral::generator_exit &) {
      closing = true;
    }
    co_await coral::sleep(1s);
    log.push_back(closing ? "cleaned" : "not closing");
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
    co_await source.aclose();
    log.push_back("closed");
    EXPECT_EQ(source.state(), coroutine_state::closed);
    auto item = co_await source.next();
    EXPECT_FALSE(static_cast<bool>(item));
  };
  run_here(main());
  EXPECT_EQ(log, (names{"cleaned", "closed"}));
}

TEST(AsyncGenerator, fact_79_aclose_twice_is_fine) {
  auto main = []() -> task<void> {
    auto source = count(3);
    co_await source.anext();
    co_await source.aclose();
    co_await source.aclose();
    auto ended = count(0);
    auto item = co_await ended.next();
    EXPECT_FALSE(static_cast<bool>(item));
    co_await ended.aclose();
  };
  EXPECT_NO_THROW(run_here(main()));
}

TEST(AsyncGenerator, fact_53_closing_a_created_generator_runs_nothing) {
  names log;
  auto body = [](tracker, names &log) -> async_generator<int> {
    log.push_back("ran");
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    auto source = body(tracker(log, "parameter"), log);
    co_await source.aclose();
    EXPECT_EQ(log, names{"parameter"});
    EXPECT_EQ(source.state(), coroutine_state::closed);
  };
  run_here(main());
}

async_generator<int> ignores_exit() {
  for (;;)
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
    }
}

task<void> close_what_ignores_exit() {
  auto source = ignores_exit();
  co_await source.anext();
  co_await source.aclose();
}

TEST(AsyncGenerator, fact_52_close_refuses_a_body_that_yields_on) {
  EXPECT_EQ(run_here(message_from<coral::runtime_error>(close_what_ignores_exit())),
            "async generator ignored GeneratorExit");
}

TEST(AsyncGenerator, CloseLetsOtherErrorsOut) {
  auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      throw std::domain_error("cleanup failed");
    }
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
    co_await source.aclose();
  };
  EXPECT_EQ(run_here(message_from<std::domain_error>(main())), "cleanup failed");
}

TEST(AsyncGenerator, AnErrorLeavesToWhoeverAwaitsAndClosesTheGenerator) {
  auto body = []() -> async_generator<int> {
    co_yield 1;
    co_await coral::yield();
    throw std::domain_error("broken");
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
    bool thrown = false;
    try {
      static_cast<void>(co_await source.next());
    } catch (const std::domain_error &) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(source.state(), coroutine_state::closed);
    auto item = co_await source.next();
    EXPECT_FALSE(static_cast<bool>(item));
  };
  run_here(main());
}

template <class Stop> async_generator<int> leaks() {
  co_yield 1;
  throw Stop();
}

template <class Stop> task<void> drain_leaky() {
  auto source = leaks<Stop>();
  while (auto item = co_await source.next())
    EXPECT_EQ(*item, 1);
}

TEST(AsyncGenerator, fact_51_a_leaked_stop_becomes_runtime_error) {
  EXPECT_EQ(
      run_here(message_from<coral::runtime_error>(drain_leaky<coral::stop_async_iteration>())),
      "async generator raised StopAsyncIteration");
  EXPECT_EQ(run_here(message_from<coral::runtime_error>(drain_leaky<coral::stop_iteration>())),
            "async generator raised StopIteration");
}

TEST(AsyncGenerator, fact_51_the_leaked_stop_is_nested) {
  auto main = []() -> task<void> {
    bool nested = false;
    try {
      co_await drain_leaky<coral::stop_async_iteration>();
    } catch (const coral::runtime_error &error) {
      try {
        std::rethrow_if_nested(error);
      } catch (const coral::stop_async_iteration &) {
        nested = true;
      }
    }
    EXPECT_TRUE(nested);
  };
  run_here(main());
}

TEST(AsyncGenerator, fact_51_a_stop_async_iteration_leaves_a_task_as_it_is) {
  auto body = []() -> task<void> {
    auto source = count(0);
    co_await source.anext();
  };
  EXPECT_EQ(run_here(message_from<coral::stop_async_iteration>(body())), "StopAsyncIteration");
}

template <class Step> task<std::string> refusal(Step &step) {
  try {
    co_await step;
  } catch (const coral::runtime_error &error) {
    co_return error.what();
  }
  co_return "accepted";
}

TEST(AsyncGenerator, fact_79_a_generator_runs_one_step_at_a_time) {
  names log;
  auto slow = []() -> async_generator<int, void, int> {
    co_yield 0;
    co_await coral::sleep(1s);
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    auto source = slow();
    co_await source.anext();
    auto ask = [&]() -> task<int> { co_return co_await source.anext(); };
    auto first = coral::create_task(ask());
    co_await coral::yield();
    EXPECT_EQ(source.state(), coroutine_state::running);
    auto anext = source.anext();
    auto asend = source.asend(1);
    auto athrow = source.athrow(std::domain_error("no"));
    auto aclose = source.aclose();
    log.push_back(co_await refusal(anext));
    log.push_back(co_await refusal(asend));
    log.push_back(co_await refusal(athrow));
    log.push_back(co_await refusal(aclose));
    EXPECT_EQ(co_await first, 1);
  };
  run_here(main());
  EXPECT_EQ(log, (names{"anext(): asynchronous generator is already running",
                        "asend(): asynchronous generator is already running",
                        "athrow(): asynchronous generator is already running",
                        "aclose(): asynchronous generator is already running"}));
}

TEST(AsyncGenerator, fact_79_a_step_is_awaited_once) {
  names log;
  auto main = [&]() -> task<void> {
    auto source = count(3);
    auto step = source.anext();
    co_await step;
    log.push_back(co_await refusal(step));
    auto aclose = source.aclose();
    co_await aclose;
    log.push_back(co_await refusal(aclose));
  };
  run_here(main());
  EXPECT_EQ(log, (names{"cannot reuse already awaited anext()",
                        "cannot reuse already awaited aclose()"}));
}

TEST(AsyncGenerator, AStepThatIsNotAwaitedDoesNothing) {
  auto main = []() -> task<void> {
    auto source = count(3);
    {
      auto unused = source.anext();
    }
    EXPECT_EQ(source.state(), coroutine_state::created);
    EXPECT_EQ(co_await source.anext(), 0);
  };
  run_here(main());
}

TEST(AsyncGenerator, fact_53_states_are_those_of_inspect) {
  async_generator<int> *self = nullptr;
  coroutine_state inside{};
  auto body = [&]() -> async_generator<int> {
    inside = self->state();
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    self = &source;
    EXPECT_EQ(source.state(), coroutine_state::created);
    co_await source.anext();
    EXPECT_EQ(inside, coroutine_state::running);
    EXPECT_EQ(source.state(), coroutine_state::suspended);
    auto item = co_await source.next();
    EXPECT_FALSE(static_cast<bool>(item));
    EXPECT_EQ(source.state(), coroutine_state::closed);
  };
  run_here(main());
}

async_generator<int> from_allocator(std::allocator_arg_t, std::pmr::polymorphic_allocator<>,
                                    int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

TEST(AsyncGenerator, TheFrameComesFromTheGivenAllocator) {
  alignas(std::max_align_t) std::byte room[1024];
  std::pmr::monotonic_buffer_resource arena(room, sizeof room, std::pmr::null_memory_resource());
  EXPECT_EQ(run_here(collect(from_allocator(std::allocator_arg, &arena, 3))),
            (std::vector{0, 1, 2}));
}

TEST(AsyncGenerator, CancellationIsThrownWhereTheBodyWaits) {
  names log;
  auto body = [&]() -> async_generator<int> {
    try {
      co_yield 1;
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &error) {
      log.push_back("cancelled: " + error.message());
      throw;
    }
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    auto drain = [&]() -> task<void> {
      while (auto item = co_await source.next())
        log.push_back("value");
    };
    auto draining = coral::create_task(drain());
    co_await coral::yield();
    draining.cancel("enough");
    bool cancelled = false;
    try {
      co_await draining;
    } catch (const coral::cancelled_error &) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
    EXPECT_EQ(source.state(), coroutine_state::closed);
  };
  run_here(main());
  EXPECT_EQ(log, (names{"value", "cancelled: enough"}));
}

TEST(AsyncGenerator, ABodyMayGoOnAfterACancellation) {
  auto body = []() -> async_generator<int> {
    try {
      co_await coral::sleep(1h);
    } catch (const coral::cancelled_error &) {
    }
    co_yield 1;
  };
  auto main = [&]() -> task<int> {
    auto source = body();
    auto ask = [&]() -> task<int> { co_return co_await source.anext(); };
    auto asked = coral::create_task(ask());
    co_await coral::yield();
    asked.cancel();
    co_return co_await asked;
  };
  EXPECT_EQ(run_here(main()), 1);
}

// Leaving early

/// Says when it is closed, after awaiting.
async_generator<int> tidy(names &log, std::string name = "finalised") {
  bool closing = false;
  try {
    for (int i = 0;; ++i)
      co_yield i;
  } catch (const coral::generator_exit &) {
    closing = true;
  }
  if (closing) {
    co_await coral::yield();
    log.push_back(name);
  }
}

class AsyncGeneratorLoopTest : public OverLoops {};
INSTANTIATE_OVER_LOOPS(AsyncGeneratorLoopTest);

TEST_P(AsyncGeneratorLoopTest, fact_77_a_break_finalises_nothing_the_death_of_the_object_does) {
  // lewissbaker/cppcoro#38
  auto main = [&]() -> task<void> {
    {
      auto source = tidy(log);
      while (auto item = co_await source.next())
        if (*item == 1)
          break;
      log.push_back("after break");
      co_await coral::yield();
      co_await coral::yield();
      log.push_back("still there");
    }
    log.push_back("main end");
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"after break", "still there", "main end", "finalised"}));
}

TEST_P(AsyncGeneratorLoopTest, fact_77_finalisation_is_a_task_of_a_later_batch) {
  auto body = [&]() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("finalised");
      throw;
    }
  };
  auto main = [&]() -> task<void> {
    {
      auto source = body();
      co_await source.anext();
    }
    log.push_back("dead");
    co_await coral::yield();
    log.push_back("one batch later");
    co_await coral::yield();
    log.push_back("two batches later");
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"dead", "one batch later", "finalised", "two batches later"}));
}

TEST_P(AsyncGeneratorLoopTest, fact_77_an_error_of_the_finalisation_is_reported) {
  collect_errors();
  auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      throw std::domain_error("cleanup failed");
    }
  };
  auto main = [&]() -> task<void> {
    {
      auto source = body();
      co_await source.anext();
    }
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(errors, names{"Task exception was never retrieved"});
}

TEST_P(AsyncGeneratorLoopTest, fact_77_a_body_that_ignores_its_finalisation_is_destroyed) {
  collect_errors();
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    for (;;)
      try {
        co_yield 1;
      } catch (const coral::generator_exit &) {
      }
  };
  auto main = [&]() -> task<void> {
    {
      auto source = body();
      co_await source.anext();
    }
    co_await coral::sleep(1ms);
    EXPECT_EQ(log, names{"local"});
  };
  loop.run_until_complete(main());
  EXPECT_EQ(errors, names{"Task exception was never retrieved"});
}

TEST_P(AsyncGeneratorLoopTest, AGeneratorThatNeverStartedIsNotFinalised) {
  auto main = [&]() -> task<void> {
    {
      auto source = tidy(log);
    }
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{});
}

TEST_P(AsyncGeneratorLoopTest, AGeneratorThatEndedIsNotFinalised) {
  auto body = [&]() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("finalised");
    }
  };
  auto main = [&]() -> task<void> {
    {
      auto source = body();
      while (auto item = co_await source.next())
        log.push_back("value");
    }
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, names{"value"});
}

TEST_P(AsyncGeneratorLoopTest, AnAssignmentFinalisesWhatWasThere) {
  auto main = [&]() -> task<void> {
    auto source = tidy(log, "first");
    co_await source.anext();
    source = tidy(log, "second");
    EXPECT_EQ(co_await source.anext(), 0);
    co_await coral::sleep(1ms);
    EXPECT_EQ(log, names{"first"});
    co_await source.aclose();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"first", "second"}));
}

TEST_P(AsyncGeneratorLoopTest, AnObjectThatDiesDuringAStepLeavesTheBodyToTheStep) {
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    co_await coral::sleep(2ms);
    log.push_back("slept");
    try {
      co_yield 7;
    } catch (const coral::generator_exit &) {
      log.push_back("finalised");
    }
  };
  auto main = [&]() -> task<void> {
    std::optional<async_generator<int>> source(body());
    auto ask = [&]() -> task<int> { co_return co_await source->anext(); };
    auto asked = coral::create_task(ask());
    co_await coral::sleep(1ms);
    source.reset();
    log.push_back("dropped");
    EXPECT_EQ(co_await asked, 7);
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"dropped", "slept", "finalised", "local"}));
}

TEST_P(AsyncGeneratorLoopTest, AnObjectThatDiesDuringTheLastStepNeedsNoFinalisation) {
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    co_await coral::sleep(2ms);
    if (log.empty())
      co_yield 7;
  };
  auto main = [&]() -> task<void> {
    std::optional<async_generator<int>> source(body());
    auto ask = [&]() -> task<bool> { co_return static_cast<bool>(co_await source->next()); };
    auto asked = coral::create_task(ask());
    co_await coral::sleep(1ms);
    source.reset();
    log.push_back("dropped");
    EXPECT_FALSE(co_await asked);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"dropped", "local"}));
}

TEST_P(AsyncGeneratorLoopTest, ABodyMayDestroyItsOwnGenerator) {
  std::optional<async_generator<int>> source;
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    source.reset();
    log.push_back("alive");
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    source.emplace(body());
    EXPECT_EQ(co_await source->anext(), 1);
    co_await coral::sleep(1ms);
  };
  loop.run_until_complete(main());
  EXPECT_EQ(log, (names{"alive", "local"}));
}

TEST_P(AsyncGeneratorLoopTest, AChainThatIsDestroyedTakesTheBodyThatItAwaitsWithIt) {
  collect_errors();
  std::optional<async_generator<int>> source;
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    co_await coral::sleep(1h);
    co_yield 1;
  };
  auto ask = [&]() -> task<void> { co_await source->anext(); };
  auto main = [&]() -> task<void> {
    source.emplace(body());
    static_cast<void>(coral::create_task(ask()));
    co_await coral::yield();
    co_await coral::yield();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(source->state(), coroutine_state::running);
  loop.close();
  EXPECT_EQ(log, names{"local"});
  EXPECT_EQ(source->state(), coroutine_state::closed);
  EXPECT_EQ(errors, names{"Task was destroyed but it is pending!"});
}

TEST_P(AsyncGeneratorLoopTest, AGeneratorThatOutlivesItsLoopIsDestroyedWithItsObject) {
  std::optional<async_generator<int>> source;
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    co_yield 1;
  };
  auto main = [&]() -> task<void> {
    source.emplace(body());
    co_await source->anext();
  };
  loop.run_until_complete(main());
  loop.close();
  EXPECT_EQ(log, names{});
  source.reset();
  EXPECT_EQ(log, names{"local"});
}

TEST_P(AsyncGeneratorLoopTest, ALoopThatClosesBeforeTheFinalisationDestroysTheBody) {
  auto body = [&]() -> async_generator<int> {
    tracker local(log, "local");
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("handler");
    }
  };
  auto main = [&]() -> task<void> {
    auto source = body();
    co_await source.anext();
  };
  loop.run_until_complete(main());
  loop.close();
  EXPECT_EQ(log, names{"local"});
}

TEST_P(AsyncGeneratorLoopTest, fact_78_shutdown_closes_those_that_are_alive) {
  auto first = tidy(log, "first");
  auto second = tidy(log, "second");
  auto unstarted = tidy(log, "unstarted");
  auto main = [&]() -> task<void> {
    co_await first.anext();
    co_await second.anext();
  };
  loop.run_until_complete(main());
  loop.run_until_complete(loop.shutdown_asyncgens());
  EXPECT_EQ(log, (names{"first", "second"}));
  EXPECT_EQ(first.state(), coroutine_state::closed);
  EXPECT_EQ(unstarted.state(), coroutine_state::created);
  loop.run_until_complete(loop.shutdown_asyncgens());
  EXPECT_EQ(log, (names{"first", "second"}));
}

TEST_P(AsyncGeneratorLoopTest, fact_78_shutdown_closes_them_beside_each_other) {
  auto body = [&](std::chrono::milliseconds pause) -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
    }
    co_await coral::sleep(pause);
    log.push_back(std::to_string(pause.count()));
  };
  auto slow = body(30ms);
  auto quick = body(1ms);
  auto main = [&]() -> task<void> {
    co_await slow.anext();
    co_await quick.anext();
  };
  loop.run_until_complete(main());
  loop.run_until_complete(loop.shutdown_asyncgens());
  EXPECT_EQ(log, (names{"1", "30"}));
}

TEST_P(AsyncGeneratorLoopTest, fact_78_one_that_dies_meanwhile_is_left_to_its_finalisation) {
  std::optional<async_generator<int>> second(tidy(log, "second"));
  auto body = [&]() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      second.reset();
      log.push_back("first");
    }
  };
  auto first = body();
  auto main = [&]() -> task<void> {
    co_await first.anext();
    co_await second->anext();
  };
  loop.run_until_complete(main());
  loop.run_until_complete(loop.shutdown_asyncgens());
  loop.call_later(1ms, stop());
  run();
  EXPECT_EQ(log, (names{"first", "second"}));
}

TEST_P(AsyncGeneratorLoopTest, fact_78_errors_of_the_shutdown_go_to_the_handler) {
  collect_errors();
  auto body = []() -> async_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      throw std::domain_error("cleanup failed");
    }
  };
  auto failing = body();
  auto ignoring = ignores_exit();
  auto good = tidy(log);
  auto main = [&]() -> task<void> {
    co_await failing.anext();
    co_await ignoring.anext();
    co_await good.anext();
  };
  loop.run_until_complete(main());
  loop.run_until_complete(loop.shutdown_asyncgens());
  EXPECT_EQ(errors, (names{"an error occurred during closing of asynchronous generator",
                           "an error occurred during closing of asynchronous generator"}));
  EXPECT_EQ(log, names{"finalised"});
}

TEST_P(AsyncGeneratorLoopTest, fact_78_starting_one_after_the_shutdown_is_reported) {
  collect_errors();
  auto main = [&]() -> task<void> {
    co_await loop.shutdown_asyncgens();
    auto source = count(2);
    co_await source.anext();
    EXPECT_EQ(errors,
              names{"asynchronous generator was scheduled after loop.shutdown_asyncgens() call"});
    co_await source.anext();
  };
  loop.run_until_complete(main());
  EXPECT_EQ(errors.size(), 1u);
}

// async_for

TEST(AsyncFor, CallsTheBodyWithEveryValue) {
  std::vector<int> values;
  auto main = [&]() -> task<bool> {
    auto body = [&](int value) { values.push_back(value); };
    co_return co_await coral::async_for(count(3), body);
  };
  EXPECT_TRUE(run_here(main()));
  EXPECT_EQ(values, (std::vector{0, 1, 2}));
}

TEST(AsyncFor, AwaitsABodyThatIsACoroutine) {
  names log;
  auto main = [&]() -> task<void> {
    auto body = [&](int value) -> task<void> {
      co_await coral::sleep(1s);
      log.push_back(std::to_string(value));
    };
    static_cast<void>(co_await coral::async_for(count(2), body));
    log.push_back("end");
  };
  run_here(main());
  EXPECT_EQ(log, (names{"0", "1", "end"}));
}

TEST(AsyncFor, fact_56_a_break_leaves_the_loop_without_the_else_clause) {
  auto main = []() -> task<void> {
    auto source = count(5);
    auto until_one = [](int value) {
      return value == 1 ? coral::loop_control::break_ : coral::loop_control::continue_;
    };
    EXPECT_FALSE(co_await coral::async_for(source, until_one));
    auto until_three = [](int value) -> task<coral::loop_control> {
      co_await coral::yield();
      co_return value == 3 ? coral::loop_control::break_ : coral::loop_control::continue_;
    };
    EXPECT_FALSE(co_await coral::async_for(source, until_three));
    EXPECT_EQ(co_await source.anext(), 4);
  };
  run_here(main());
}

TEST(AsyncFor, fact_56_the_end_of_the_source_is_the_else_clause) {
  auto main = []() -> task<void> {
    auto never = [](int) { return coral::loop_control::continue_; };
    EXPECT_TRUE(co_await coral::async_for(count(2), never));
    EXPECT_TRUE(co_await coral::async_for(count(0), never));
  };
  run_here(main());
}

TEST(AsyncFor, fact_56_errors_of_the_source_pass) {
  auto source = []() -> async_generator<int> {
    co_yield 1;
    throw std::domain_error("broken");
  };
  int seen = 0;
  auto main = [&]() -> task<void> {
    auto body = [&](int) { ++seen; };
    static_cast<void>(co_await coral::async_for(source(), body));
  };
  EXPECT_EQ(run_here(message_from<std::domain_error>(main())), "broken");
  EXPECT_EQ(seen, 1);
}

TEST(AsyncFor, fact_56_errors_of_the_body_pass) {
  auto main = []() -> task<void> {
    auto body = [](int) { throw std::domain_error("body"); };
    static_cast<void>(co_await coral::async_for(count(2), body));
  };
  EXPECT_EQ(run_here(message_from<std::domain_error>(main())), "body");
}

/// Python's protocol: an object of the program's own with `__anext__`.
struct countdown {
  int left;

  task<int> anext() {
    co_await coral::yield();
    if (left == 0)
      throw coral::stop_async_iteration();
    co_return left--;
  }
};

TEST(AsyncFor, fact_56_stop_async_iteration_of_anext_ends_the_loop) {
  std::vector<int> values;
  auto main = [&]() -> task<bool> {
    auto body = [&](int value) { values.push_back(value); };
    countdown source{3};
    co_return co_await coral::async_for(source, body);
  };
  EXPECT_TRUE(run_here(main()));
  EXPECT_EQ(values, (std::vector{3, 2, 1}));
}

TEST(AsyncFor, fact_56_stop_async_iteration_of_the_body_passes) {
  auto main = []() -> task<void> {
    auto body = [](int) { throw coral::stop_async_iteration(); };
    static_cast<void>(co_await coral::async_for(countdown{3}, body));
  };
  EXPECT_EQ(run_here(message_from<coral::stop_async_iteration>(main())), "StopAsyncIteration");
}

struct optionals {
  int left;
  task<std::optional<int>> next() {
    co_await coral::yield();
    if (left == 0)
      co_return std::nullopt;
    co_return left--;
  }
};

TEST(AsyncFor, TakesWhateverGivesOptionalValues) {
  int sum = 0;
  auto main = [&]() -> task<bool> {
    auto body = [&](int value) { sum += value; };
    co_return co_await coral::async_for(optionals{3}, body);
  };
  EXPECT_TRUE(run_here(main()));
  EXPECT_EQ(sum, 6);
}

static_assert(coral::async_iterable<async_generator<int>>);
static_assert(coral::async_iterable<countdown>);
static_assert(!coral::async_iterable<std::vector<int>>);
static_assert(!coral::async_iterable<coral::generator<int>>);

TEST(AsyncFor, ASourceThatIsTakenOverIsFinalisedAfterABreak) {
  names log;
  auto main = [&]() -> task<void> {
    auto body = [](int) { return coral::loop_control::break_; };
    EXPECT_FALSE(co_await coral::async_for(tidy(log), body));
    log.push_back("after");
    co_await coral::sleep(1s);
  };
  run_here(main());
  EXPECT_EQ(log, (names{"after", "finalised"}));
}

} // namespace
