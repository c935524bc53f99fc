#include "manual_event.hpp"

#include <coral/awaitable.hpp>
#include <coral/recursive_generator.hpp>
#include <coral/task.hpp>

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using coral::elements_of;
using coral::generator_state;
using coral::recursive_generator;

static_assert(std::ranges::input_range<recursive_generator<int>>);
static_assert(!std::ranges::forward_range<recursive_generator<int>>);
static_assert(std::ranges::view<recursive_generator<int>>);
static_assert(!std::copyable<recursive_generator<int>>);
static_assert(coral::is_generator_v<recursive_generator<int>>);
static_assert(!coral::is_awaitable_v<recursive_generator<int>>);

template <class G, class Reference, class Value>
constexpr bool has_types = std::same_as<std::ranges::range_reference_t<G>, Reference> &&
                           std::same_as<std::ranges::range_value_t<G>, Value>;
static_assert(has_types<recursive_generator<int>, int &&, int>);
static_assert(has_types<recursive_generator<int &>, int &, int>);
static_assert(has_types<recursive_generator<const int &>, const int &, int>);
static_assert(
    has_types<recursive_generator<std::string_view, std::string>, std::string_view, std::string>);

template <class G> std::vector<int> collect(G &&source) {
  std::vector<int> values;
  for (int value : source)
    values.push_back(value);
  return values;
}

recursive_generator<int> count(int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

struct tree {
  int value;
  std::unique_ptr<tree> left, right;
};

std::unique_ptr<tree> full_tree(int depth, int &next) {
  if (depth == 0)
    return nullptr;
  auto left = full_tree(depth - 1, next);
  const int value = next++;
  return std::make_unique<tree>(tree{value, std::move(left), full_tree(depth - 1, next)});
}

recursive_generator<int> in_order(const tree *node) {
  if (!node)
    co_return;
  co_yield elements_of(in_order(node->left.get()));
  co_yield node->value;
  co_yield elements_of(in_order(node->right.get()));
}

TEST(RecursiveGenerator, YieldsInOrderOnItsOwn) {
  EXPECT_EQ(collect(count(4)), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(collect(count(0)), std::vector<int>{});
}

TEST(RecursiveGenerator, WalksATreeInOrder) {
  int size = 0;
  const auto root = full_tree(10, size);
  int expected = 0;
  for (int value : in_order(root.get()))
    EXPECT_EQ(value, expected++);
  EXPECT_EQ(expected, size);
}

TEST(RecursiveGenerator, GoesOnAfterTheChild) {
  auto body = []() -> recursive_generator<int> {
    co_yield -1;
    co_yield elements_of(count(2));
    co_yield elements_of(count(0));
    co_yield elements_of(count(1));
    co_yield -2;
  };
  EXPECT_EQ(collect(body()), (std::vector{-1, 0, 1, 0, -2}));
}

recursive_generator<int> nested(int depth, int values) {
  if (depth == 0)
    for (int i = 0; i != values; ++i)
      co_yield i;
  else
    co_yield elements_of(nested(depth - 1, values));
}

constexpr int deep = 200'000;

TEST(RecursiveGenerator, AChainOfAnyDepthTakesNoStack) {
  EXPECT_EQ(collect(nested(deep, 3)), (std::vector{0, 1, 2}));
}

TEST(RecursiveGenerator, AChainOfAnyDepthIsDestroyedWithoutStack) {
  auto source = nested(deep, 3);
  EXPECT_EQ(source.next(), 0);
}

TEST(RecursiveGenerator, LeavesThatYieldNothingTakeNoStack) {
  auto body = []() -> recursive_generator<int> {
    for (int i = 0; i != deep; ++i)
      co_yield elements_of(count(0));
    co_yield 1;
  };
  EXPECT_EQ(collect(body()), std::vector{1});
}

TEST(RecursiveGenerator, AsksTheInnermostBodyDirectly) {
  // Every value of a chain of depth n would cost n steps if it passed through the bodies: 10^10.
  long sum = 0;
  for (int value : nested(100'000, 100'000))
    sum += value;
  EXPECT_EQ(sum, 4'999'950'000);
}

TEST(RecursiveGenerator, IsLazy) {
  names log;
  auto child = [&]() -> recursive_generator<int> {
    log.push_back("child");
    co_yield 1;
  };
  auto body = [&]() -> recursive_generator<int> {
    auto made = child();
    log.push_back("made");
    co_yield elements_of(std::move(made));
    log.push_back("after");
  };
  auto source = body();
  EXPECT_EQ(log, names{});
  EXPECT_EQ(source.next(), 1);
  EXPECT_EQ(log, (names{"made", "child"}));
  EXPECT_THROW(source.next(), coral::stop_iteration);
  EXPECT_EQ(log, (names{"made", "child", "after"}));
}

TEST(RecursiveGenerator, DestroysAChildBeforeTheParentGoesOn) {
  names log;
  auto child = [&]() -> recursive_generator<int> {
    tracker local(log, "child");
    co_yield 1;
  };
  auto body = [&]() -> recursive_generator<int> {
    co_yield elements_of(child());
    log.push_back("parent");
    co_yield 2;
  };
  EXPECT_EQ(collect(body()), (std::vector{1, 2}));
  EXPECT_EQ(log, (names{"child", "parent"}));
}

TEST(RecursiveGenerator, DestroysTheInnermostBodyFirst) {
  names log;
  auto leaf = [&]() -> recursive_generator<int> {
    tracker local(log, "leaf");
    co_yield 1;
  };
  auto middle = [&]() -> recursive_generator<int> {
    tracker local(log, "middle");
    co_yield elements_of(leaf());
  };
  auto body = [&]() -> recursive_generator<int> {
    tracker local(log, "body");
    co_yield elements_of(middle());
  };
  {
    auto source = body();
    source.next();
  }
  EXPECT_EQ(log, (names{"leaf", "middle", "body"}));
}

TEST(RecursiveGenerator, WalksOtherRanges) {
  std::vector<int> kept{1, 2};
  const std::array<int, 2> fixed{3, 4};
  const std::initializer_list<int> listed{9};
  auto flat = []() -> coral::generator<int> {
    co_yield 5;
    co_yield 6;
  };
  auto body = [&]() -> recursive_generator<int> {
    co_yield elements_of(kept);
    co_yield elements_of(fixed);
    co_yield elements_of(flat());
    co_yield elements_of(std::vector<int>(2, 7));
    co_yield elements_of(listed);
    co_yield elements_of(std::views::iota(10, 12));
    co_yield elements_of(std::vector<short>(1, 12));
  };
  EXPECT_EQ(collect(body()), (std::vector{1, 2, 3, 4, 5, 6, 7, 7, 9, 10, 11, 12}));
  EXPECT_EQ(kept, (std::vector{1, 2}));
}

TEST(RecursiveGenerator, LeavesTheElementsOfALvalueRangeAlone) {
  std::vector<std::string> kept{"long enough to be on the heap, surely"};
  auto body = [&]() -> recursive_generator<std::string> { co_yield elements_of(kept); };
  for (std::string &&value : body())
    std::string stolen = std::move(value);
  EXPECT_EQ(kept.front(), "long enough to be on the heap, surely");
}

TEST(RecursiveGenerator, YieldsReferencesIntoOtherRanges) {
  std::vector<int> kept{1, 2, 3};
  auto body = [&]() -> recursive_generator<int &> { co_yield elements_of(kept); };
  for (int &value : body())
    value *= 10;
  EXPECT_EQ(kept, (std::vector{10, 20, 30}));
}

TEST(RecursiveGenerator, AChildMayHaveBeenStarted) {
  auto body = []() -> recursive_generator<int> {
    auto child = nested(3, 4);
    co_yield child.next() + 100;
    co_yield child.next() + 100;
    co_yield elements_of(std::move(child));
    co_yield -1;
  };
  EXPECT_EQ(collect(body()), (std::vector{100, 101, 2, 3, -1}));
}

TEST(RecursiveGenerator, AFinishedChildYieldsNothing) {
  auto body = []() -> recursive_generator<int> {
    auto child = count(1);
    child.next();
    EXPECT_THROW(child.next(), coral::stop_iteration);
    co_yield elements_of(std::move(child));
    co_yield elements_of(std::move(child));
    co_yield 5;
  };
  EXPECT_EQ(collect(body()), std::vector{5});
}

TEST(RecursiveGenerator, CannotYieldItsOwnElements) {
  recursive_generator<int> *self = nullptr;
  std::string said;
  auto body = [&]() -> recursive_generator<int> {
    try {
      co_yield elements_of(std::move(*self));
    } catch (const coral::value_error &error) {
      said = error.what();
    }
    co_yield 1;
  };
  auto source = body();
  self = &source;
  EXPECT_EQ(source.next(), 1);
  EXPECT_EQ(said, "generator already executing");
}

recursive_generator<int, void, std::string> returning() {
  co_yield 1;
  co_return "done";
}

TEST(RecursiveGenerator, GivesWhatTheChildReturned) {
  std::string got;
  auto body = [&]() -> recursive_generator<int> { got = co_yield elements_of(returning()); };
  EXPECT_EQ(collect(body()), std::vector{1});
  EXPECT_EQ(got, "done");
}

TEST(RecursiveGenerator, AChildReturnsOnce) {
  auto body = []() -> recursive_generator<int> {
    auto child = returning();
    child.next();
    EXPECT_THROW(child.next(), coral::stop_iteration);
    std::string got = co_yield elements_of(std::move(child));
  };
  auto source = body();
  try {
    source.next();
    FAIL() << "returned twice";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "cannot reuse already finished generator");
  }
}

TEST(RecursiveGenerator, StopIterationCarriesTheReturnedValue) {
  auto source = returning();
  source.next();
  try {
    source.next();
    FAIL() << "did not stop";
  } catch (const coral::stop_iteration &stop) {
    EXPECT_EQ(*stop.value<std::string>(), "done");
  }
}

TEST(RecursiveGenerator, AChildsErrorIsThrownAtItsCoYield) {
  auto child = []() -> recursive_generator<int> {
    co_yield 1;
    throw std::domain_error("broken");
  };
  auto body = [&]() -> recursive_generator<int> {
    try {
      co_yield elements_of(child());
    } catch (const std::domain_error &) {
    }
    co_yield 2;
    co_yield elements_of(child());
  };
  auto source = body();
  EXPECT_EQ(source.next(), 1);
  EXPECT_EQ(source.next(), 2);
  EXPECT_EQ(source.next(), 1);
  EXPECT_THROW(source.next(), std::domain_error);
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(RecursiveGenerator, ARangesErrorIsThrownAtItsCoYield) {
  auto flat = []() -> coral::generator<int> {
    co_yield 1;
    throw std::domain_error("broken");
  };
  auto body = [&]() -> recursive_generator<int> {
    try {
      co_yield elements_of(flat());
    } catch (const std::domain_error &) {
    }
    co_yield 2;
  };
  EXPECT_EQ(collect(body()), (std::vector{1, 2}));
}

TEST(RecursiveGenerator, fact_51_a_leaked_stop_iteration_becomes_runtime_error) {
  auto child = []() -> recursive_generator<int> { co_yield count(0).next(); };
  auto body = [&]() -> recursive_generator<int> { co_yield elements_of(child()); };
  try {
    body().next();
    FAIL() << "nothing was thrown";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "generator raised StopIteration");
  }
}

TEST(RecursiveGenerator, ThrowReachesTheInnermostBody) {
  auto child = []() -> recursive_generator<int> {
    try {
      co_yield 1;
    } catch (const std::domain_error &) {
    }
    co_yield 2;
  };
  auto body = [&]() -> recursive_generator<int> {
    co_yield elements_of(child());
    co_yield 3;
  };
  auto source = body();
  EXPECT_EQ(source.next(), 1);
  EXPECT_EQ(source.throw_(std::domain_error("handled")), 2);
  EXPECT_THROW(source.throw_(std::domain_error("not")), std::domain_error);
  EXPECT_THROW(source.next(), coral::stop_iteration);
}

TEST(RecursiveGenerator, ThrowNeedsAnException) {
  auto source = count(1);
  EXPECT_THROW(source.throw_(std::exception_ptr()), coral::type_error);
  EXPECT_EQ(source.next(), 0);
}

TEST(RecursiveGenerator, ThrowIntoAnUnstartedGeneratorRunsNothing) {
  auto source = count(1);
  EXPECT_THROW(source.throw_(std::domain_error("early")), std::domain_error);
  EXPECT_EQ(source.state(), generator_state::closed);
}

TEST(RecursiveGenerator, CloseRaisesGeneratorExitInnermostFirst) {
  names log;
  auto child = [&]() -> recursive_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("child");
      throw;
    }
  };
  auto body = [&]() -> recursive_generator<int> {
    try {
      co_yield elements_of(child());
    } catch (const coral::generator_exit &) {
      log.push_back("body");
      throw;
    }
  };
  auto source = body();
  source.next();
  source.close();
  source.close();
  EXPECT_EQ(log, (names{"child", "body"}));
}

TEST(RecursiveGenerator, AChildThatHandlesGeneratorExitDoesNotKeepItFromItsParent) {
  names log;
  auto child = [&]() -> recursive_generator<int> {
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
      log.push_back("child");
    }
  };
  auto body = [&]() -> recursive_generator<int> {
    co_yield elements_of(child());
    log.push_back("went on");
  };
  auto source = body();
  source.next();
  source.close();
  EXPECT_EQ(log, names{"child"});
}

TEST(RecursiveGenerator, CloseRefusesABodyThatYieldsOn) {
  auto child = []() -> recursive_generator<int> {
    for (;;)
      try {
        co_yield 1;
      } catch (const coral::generator_exit &) {
      }
  };
  auto body = [&]() -> recursive_generator<int> { co_yield elements_of(child()); };
  auto source = body();
  source.next();
  try {
    source.close();
    FAIL() << "accepted";
  } catch (const coral::runtime_error &error) {
    EXPECT_STREQ(error.what(), "generator ignored GeneratorExit");
  }
  EXPECT_EQ(source.next(), 1);
}

TEST(RecursiveGenerator, StatesAreThoseOfInspect) {
  recursive_generator<int> *self = nullptr;
  generator_state inside{};
  auto child = [&]() -> recursive_generator<int> {
    inside = self->state();
    EXPECT_THROW(self->next(), coral::value_error);
    co_yield 1;
  };
  auto body = [&]() -> recursive_generator<int> { co_yield elements_of(child()); };
  auto source = body();
  self = &source;
  EXPECT_EQ(source.state(), generator_state::created);
  source.next();
  EXPECT_EQ(inside, generator_state::running);
  EXPECT_EQ(source.state(), generator_state::suspended);
  EXPECT_THROW(source.next(), coral::stop_iteration);
  EXPECT_EQ(source.state(), generator_state::closed);
}

recursive_generator<int> from_allocator(std::allocator_arg_t, std::pmr::polymorphic_allocator<> own,
                                        int depth) {
  co_yield depth;
  if (depth != 0)
    co_yield elements_of(from_allocator(std::allocator_arg, own, depth - 1));
  co_yield elements_of(std::views::single(-depth), own);
}

TEST(RecursiveGenerator, FramesComeFromTheGivenAllocator) {
  alignas(std::max_align_t) std::byte room[8192];
  std::pmr::monotonic_buffer_resource arena(room, sizeof room, std::pmr::null_memory_resource());
  EXPECT_EQ(collect(from_allocator(std::allocator_arg, &arena, 2)),
            (std::vector{2, 1, 0, 0, -1, -2}));
}

} // namespace
