#include "manual_event.hpp"

#include <coral/awaitable.hpp>
#include <coral/generator.hpp>
#include <coral/task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <memory_resource>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using coral::generator;
using coral::generator_state;

static_assert(std::ranges::input_range<generator<int>>);
static_assert(!std::ranges::forward_range<generator<int>>);
static_assert(std::ranges::view<generator<int>>);
static_assert(!std::copyable<generator<int>>);

template <class G, class Reference, class Value>
constexpr bool has_types = std::same_as<std::ranges::range_reference_t<G>, Reference> &&
                           std::same_as<std::ranges::range_value_t<G>, Value>;
static_assert(has_types<generator<int>, int &&, int>);
static_assert(has_types<generator<int &>, int &, int>);
static_assert(has_types<generator<const int &>, const int &, int>);
static_assert(has_types<generator<int &&>, int &&, int>);
static_assert(has_types<generator<std::string_view, std::string>, std::string_view, std::string>);
static_assert(
    has_types<generator<std::unique_ptr<int>>, std::unique_ptr<int> &&, std::unique_ptr<int>>);

static_assert(coral::is_generator_v<generator<int>>);
static_assert(!coral::is_generator_v<coral::task<int>>);
static_assert(!coral::is_awaitable_v<generator<int>>);
static_assert(!coral::is_coroutine_type_v<generator<int>>);

template <class G>
concept can_send = requires(G &g) { g.send(1); };
static_assert(can_send<generator<int, void, int>>);
static_assert(!can_send<generator<int>>);
static_assert(!can_send<generator<int, void, std::string>>);

generator<int> count(int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

template <class G> std::vector<int> collect(G &&source) {
  std::vector<int> values;
  for (int value : source)
    values.push_back(value);
  return values;
}

TEST(GeneratorRange, YieldsInOrder) {
  EXPECT_EQ(collect(count(4)), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(collect(count(0)), std::vector<int>{});
}

TEST(GeneratorRange, IsLazy) {
  int made = 0;
  auto body = [&]() -> generator<int> {
    for (;;)
      co_yield ++made;
  };
  auto source = body();
  EXPECT_EQ(made, 0);
  EXPECT_EQ(*source.begin(), 1);
  EXPECT_EQ(made, 1);
}

TEST(GeneratorRange, ComposesWithViews) {
  auto squares = count(10) | std::views::filter([](int n) { return n % 2 == 1; }) |
                 std::views::transform([](int n) { return n * n; });
  EXPECT_EQ(collect(squares), (std::vector{1, 9, 25, 49, 81}));
}

TEST(GeneratorRange, YieldsReferencesToTheBodysOwnObjects) {
  int kept = 1;
  auto body = [&]() -> generator<int &> {
    co_yield kept;
    co_yield kept;
  };
  for (int &value : body())
    value += 10;
  EXPECT_EQ(kept, 21);
}

TEST(GeneratorRange, CopiesAnLvalueThatIsYieldedAsAnRvalue) {
  std::string original = "text";
  auto body = [&]() -> generator<std::string> { co_yield original; };
  for (std::string &&value : body())
    std::string stolen = std::move(value);
  EXPECT_EQ(original, "text");
}

TEST(GeneratorRange, CopiesASmallTrivialValueOut) {
  auto body = [](int &seen) -> coral::generator<int> {
    int own = 1;
    co_yield std::move(own);
    seen = own;
  };
  int seen = 0;
  for (int &&n : body(seen))
    n = 2;
  EXPECT_EQ(seen, 1);
}

TEST(GeneratorRange, GivesOtherValuesWhereTheyAre) {
  auto body = [](std::string &seen) -> coral::generator<std::string> {
    std::string own = "given";
    co_yield std::move(own);
    seen = own;
  };
  std::string seen;
  for (std::string &&text : body(seen))
    text = "changed";
  EXPECT_EQ(seen, "changed");
}

TEST(GeneratorRange, MovesMoveOnlyValuesOut) {
  auto body = []() -> generator<std::unique_ptr<int>> {
    co_yield std::make_unique<int>(4);
    auto named = std::make_unique<int>(5);
    co_yield std::move(named);
  };
  int total = 0;
  for (auto &&pointer : body()) {
    std::unique_ptr<int> taken = std::move(pointer);
    total += *taken;
  }
  EXPECT_EQ(total, 9);
}

TEST(GeneratorRange, AnExceptionLeavesFromTheIncrement) {
  auto body = []() -> generator<int> {
    co_yield 1;
    throw std::domain_error("broken");
  };
  auto source = body();
  auto it = source.begin();
  EXPECT_EQ(*it, 1);
  EXPECT_THROW(++it, std::domain_error);
  EXPECT_TRUE(it == source.end());
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(GeneratorRange, AnExceptionBeforeTheFirstValueLeavesFromBegin) {
  auto body = []() -> generator<int> {
    throw std::domain_error("broken");
    co_yield 1;
  };
  auto source = body();
  EXPECT_THROW(source.begin(), std::domain_error);
  EXPECT_TRUE(source.begin() == source.end());
}

TEST(GeneratorRange, LeavingEarlyDestroysTheLocals) {
  names log;
  auto body = [&]() -> generator<int> {
    tracker local(log, "local");
    for (int i = 0;; ++i)
      co_yield i;
  };
  for (int value : body())
    if (value == 3)
      break;
  EXPECT_EQ(log, names{"local"});
}

TEST(GeneratorRange, ASecondLoopGoesOnWhereTheFirstStopped) {
  auto source = count(5);
  for (int value : source)
    if (value == 1)
      break;
  EXPECT_EQ(collect(source), (std::vector{2, 3, 4}));
  EXPECT_EQ(collect(source), std::vector<int>{});
}

TEST(GeneratorRange, MixesWithTheProtocol) {
  auto source = count(4);
  EXPECT_EQ(source.next(), 0);
  EXPECT_EQ(collect(source), (std::vector{1, 2, 3}));
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

TEST(GeneratorProtocol, NextGivesValuesThenStopIteration) {
  auto source = count(2);
  EXPECT_EQ(source.next(), 0);
  EXPECT_EQ(source.next(), 1);
  EXPECT_THROW(source.next(), coral::stop_iteration);
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

generator<int, void, void, std::string> returns() {
  co_yield 1;
  co_return "done";
}

TEST(GeneratorProtocol, StopIterationCarriesTheReturnedValueOnce) {
  auto source = returns();
  source.next();
  try {
    source.next();
    FAIL() << "did not stop";
  } catch (const coral::stop_iteration &stop) {
    ASSERT_TRUE(stop.has_value());
    EXPECT_EQ(*stop.value<std::string>(), "done");
    EXPECT_EQ(stop.value<int>(), nullptr);
  }
  try {
    source.next();
    FAIL() << "did not stop";
  } catch (const coral::stop_iteration &stop) {
    EXPECT_FALSE(stop.has_value());
    EXPECT_EQ(stop.value<std::string>(), nullptr);
  }
}

TEST(GeneratorProtocol, ReturnsMoveOnlyValues) {
  auto body = []() -> generator<int, void, void, std::unique_ptr<int>> {
    co_yield 0;
    co_return std::make_unique<int>(8);
  };
  auto source = body();
  source.next();
  try {
    source.next();
    FAIL() << "did not stop";
  } catch (const coral::stop_iteration &stop) {
    EXPECT_EQ(**stop.value<std::unique_ptr<int>>(), 8);
  }
}

generator<int, void, int> running_total() {
  int total = 0;
  for (;;) {
    std::optional<int> sent = co_yield total;
    total += sent.value_or(100);
  }
}

TEST(GeneratorProtocol, SendGivesTheYieldItsValue) {
  auto source = running_total();
  EXPECT_EQ(source.next(), 0);
  EXPECT_EQ(source.send(5), 5);
  EXPECT_EQ(source.send(2), 7);
  EXPECT_EQ(source.next(), 107);
  EXPECT_EQ(source.send(1), 108);
}

TEST(GeneratorProtocol, CannotSendToAJustStartedGenerator) {
  auto source = running_total();
  try {
    source.send(5);
    FAIL() << "accepted";
  } catch (const coral::type_error &error) {
    EXPECT_STREQ(error.what(), "can't send non-None value to a just-started generator");
  }
  EXPECT_EQ(source.next(), 0);
}

TEST(GeneratorProtocol, SendToAClosedGeneratorStops) {
  auto source = running_total();
  source.next();
  source.close();
  EXPECT_THROW(source.send(5), coral::stop_iteration);
}

TEST(GeneratorProtocol, ThrowRaisesAtTheYieldWhichMayHandleIt) {
  auto body = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const std::domain_error &) {
    }
    co_yield 2;
  };
  auto source = body();
  source.next();
  EXPECT_EQ(source.throw_(std::domain_error("handled")), 2);
  EXPECT_THROW(source.throw_(std::domain_error("not")), std::domain_error);
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(GeneratorProtocol, ThrowIntoAnUnstartedGeneratorRunsNothing) {
  names log;
  auto body = [](tracker, names &log) -> generator<int> {
    log.push_back("ran");
    co_yield 1;
  };
  auto source = body(tracker(log, "parameter"), log);
  EXPECT_THROW(source.throw_(std::domain_error("early")), std::domain_error);
  EXPECT_EQ(log, names{"parameter"});
  EXPECT_EQ(source.state(), generator_state::closed);
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

TEST(GeneratorProtocol, ThrowIntoAClosedGeneratorThrowsTheError) {
  auto source = count(0);
  EXPECT_THROW(source.next(), coral::stop_iteration);
  EXPECT_THROW(source.throw_(std::domain_error("late")), std::domain_error);
}

TEST(GeneratorProtocol, ThrowNeedsAnException) {
  auto source = count(1);
  EXPECT_THROW(source.throw_(std::exception_ptr()), coral::type_error);
  EXPECT_EQ(source.next(), 0);
}

TEST(GeneratorProtocol, ThrowThatEndsTheBodyStops) {
  auto body = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const std::domain_error &) {
    }
  };
  auto source = body();
  source.next();
  EXPECT_THROW(source.throw_(std::domain_error("handled")), coral::stop_iteration);
}

TEST(GeneratorProtocol, CloseRaisesGeneratorExitInTheBody) {
  names log;
  auto body = [&]() -> generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("exit");
      throw;
    }
  };
  auto source = body();
  source.next();
  source.close();
  source.close();
  EXPECT_EQ(log, names{"exit"});
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

TEST(GeneratorProtocol, GeneratorExitIsNotAStdException) {
  names log;
  auto body = [&]() -> generator<int> {
    try {
      co_yield 1;
    } catch (const std::exception &) {
      log.push_back("swallowed");
    }
    log.push_back("went on");
  };
  auto source = body();
  source.next();
  source.close();
  EXPECT_EQ(log, names{});
}

TEST(GeneratorProtocol, CloseAcceptsABodyThatReturns) {
  auto body = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
    }
  };
  auto source = body();
  source.next();
  EXPECT_NO_THROW(source.close());
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(GeneratorProtocol, fact_52_close_refuses_a_body_that_yields_on) {
  auto body = []() -> generator<int> {
    for (;;)
      try {
        co_yield 1;
      } catch (const coral::generator_exit &) {
      }
  };
  auto source = body();
  source.next();
  try {
    source.close();
    FAIL() << "accepted";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "generator ignored GeneratorExit");
  }
}

TEST(GeneratorProtocol, CloseLetsOtherErrorsOut) {
  auto body = []() -> generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      throw std::domain_error("cleanup failed");
    }
  };
  auto source = body();
  source.next();
  EXPECT_THROW(source.close(), std::domain_error);
}

TEST(GeneratorProtocol, fact_53_closing_a_created_generator_runs_nothing) {
  bool ran = false;
  auto body = [&]() -> generator<int> {
    ran = true;
    co_yield 1;
  };
  auto source = body();
  source.close();
  EXPECT_FALSE(ran);
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(GeneratorProtocol, fact_51_a_leaked_stop_iteration_becomes_runtime_error) {
  auto body = []() -> generator<int> {
    auto inner = count(0);
    co_yield inner.next();
  };
  auto source = body();
  try {
    source.next();
    FAIL() << "nothing thrown";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "generator raised StopIteration");
    EXPECT_THROW(std::rethrow_if_nested(error), coral::stop_iteration);
  }
}

TEST(GeneratorProtocol, fact_53_states_are_those_of_inspect) {
  generator<int> *self = nullptr;
  generator_state inside{};
  auto body = [&]() -> generator<int> {
    inside = self->state();
    co_yield 1;
  };
  auto source = body();
  self = &source;
  EXPECT_EQ(source.state(), generator_state::created);
  source.next();
  EXPECT_EQ(inside, generator_state::running);
  EXPECT_EQ(source.state(), generator_state::suspended);
  EXPECT_THROW(source.next(), coral::stop_iteration);
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(GeneratorProtocol, ARunningGeneratorCannotBeEntered) {
  generator<int> *self = nullptr;
  names log;
  auto body = [&]() -> generator<int> {
    try {
      self->next();
    } catch (const coral::value_error &error) {
      log.push_back(error.what());
    }
    EXPECT_THROW(self->close(), coral::value_error);
    co_yield 1;
  };
  auto source = body();
  self = &source;
  EXPECT_EQ(source.next(), 1);
  EXPECT_EQ(log, names{"generator already executing"});
}

TEST(GeneratorProtocol, AMovedFromGeneratorIsClosed) {
  auto source = count(3);
  source.next();
  auto taken = std::move(source);
  EXPECT_EQ(taken.next(), 1);
  EXPECT_EQ(source.state(), generator_state::closed);
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

generator<int> from_allocator(std::allocator_arg_t, std::pmr::polymorphic_allocator<>, int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

TEST(GeneratorFrame, ComesFromTheGivenAllocator) {
  alignas(std::max_align_t) std::byte room[1024];
  std::pmr::monotonic_buffer_resource arena(room, sizeof room, std::pmr::null_memory_resource());
  EXPECT_EQ(collect(from_allocator(std::allocator_arg, &arena, 3)), (std::vector{0, 1, 2}));
}

} // namespace
