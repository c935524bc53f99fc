#include "manual_event.hpp"

#include <coral/loop/manual.hpp>
#include <coral/spawn.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>

namespace {

using coral::task;

TEST(Spawn, RunsInlineToTheFirstSuspension) {
  names log;
  manual_event event;
  auto body = [&]() -> task<void> {
    log.push_back("started");
    int value = co_await event.wait();
    log.push_back("got " + std::to_string(value));
  };
  coral::spawn(body);
  log.push_back("spawned");
  event.fire(3);
  EXPECT_EQ(log, (names{"started", "spawned", "got 3"}));
}

TEST(Spawn, KeepsTheCallableUntilTheTaskIsDone) {
  names log;
  manual_event event;
  auto loop = [&]() -> task<void> {
    tracker local(log, "frame");
    co_await event.wait();
  };
  coral::spawn([&, held = tracker(log, "captures")] { return loop(); });
  EXPECT_EQ(log, names{});
  event.fire(0);
  EXPECT_EQ(log, (names{"frame", "captures"}));
}

TEST(Spawn, CapturesDieAfterTheFramesWhenTheOperationIsDropped) {
  names log;
  manual_event event;
  auto inner = [&]() -> task<void> {
    tracker local(log, "inner");
    co_await event.wait();
    log.push_back("never");
  };
  auto outer = [&]() -> task<void> {
    tracker local(log, "outer");
    co_await inner();
  };
  coral::spawn([&, held = tracker(log, "captures")] { return outer(); });
  event.drop();
  EXPECT_EQ(log, (names{"inner", "outer", "captures"}));
}

TEST(Spawn, AnExceptionBeforeTheFirstSuspensionLeavesFromSpawn) {
  names log;
  auto body = [&]() -> task<void> {
    tracker local(log, "frame");
    throw std::domain_error("early");
    co_return;
  };
  EXPECT_THROW(coral::spawn([&, held = tracker(log, "captures")] { return body(); }),
               std::domain_error);
  EXPECT_EQ(log, (names{"frame", "captures"}));
}

TEST(Spawn, AnExceptionOfTheCallableLeavesFromSpawn) {
  names log;
  auto throws = [held = tracker(log, "captures")]() -> task<void> (*)() {
    throw std::domain_error("no task made");
  };
  EXPECT_THROW(coral::spawn([throws = std::move(throws)] { return throws()(); }),
               std::domain_error);
  EXPECT_EQ(log, names{"captures"});
}

TEST(Spawn, ALaterExceptionLeavesFromTheHandlerThatResumed) {
  names log;
  manual_event event;
  auto inner = [&]() -> task<void> {
    tracker local(log, "inner");
    co_await event.wait();
    throw std::domain_error("late");
  };
  auto outer = [&]() -> task<void> { co_await inner(); };
  coral::spawn([&, held = tracker(log, "captures")] { return outer(); });
  EXPECT_THROW(event.fire(0), std::domain_error);
  EXPECT_EQ(log, (names{"inner", "captures"}));
  coral::spawn(outer());
  EXPECT_THROW(event.fire(0), std::domain_error);
}

TEST(Spawn, SpawnedFromATaskRunsInline) {
  names log;
  manual_event first;
  manual_event second;
  auto child = [&]() -> task<void> {
    log.push_back("child");
    co_await second.wait();
    throw std::domain_error("child failed");
  };
  auto parent = [&]() -> task<void> {
    co_await first.wait();
    coral::spawn(child());
    log.push_back("parent");
  };
  coral::spawn(parent());
  first.fire(0);
  EXPECT_EQ(log, (names{"child", "parent"}));
  EXPECT_THROW(second.fire(0), std::domain_error);
}

TEST(Spawn, AChildThatFailsAtOnceThrowsIntoTheSpawningTask) {
  std::string caught;
  auto child = []() -> task<void> {
    throw std::domain_error("child");
    co_return;
  };
  auto parent = [&]() -> task<void> {
    try {
      coral::spawn(child());
    } catch (const std::domain_error &error) {
      caught = error.what();
    }
    co_return;
  };
  coral::spawn(parent());
  EXPECT_EQ(caught, "child");
}

TEST(SpawnToCallback, HandsOverTheElementsOfATuple) {
  names log;
  manual_event event;
  auto ask = [&]() -> task<std::tuple<int, std::string>> {
    int value = co_await event.wait();
    co_return std::tuple<int, std::string>(value, "answer");
  };
  coral::spawn(ask(), [&](int value, std::string text) {
    log.push_back(text + " " + std::to_string(value));
  });
  EXPECT_EQ(log, names{});
  event.fire(42);
  EXPECT_EQ(log, names{"answer 42"});
}

TEST(SpawnToCallback, HandsOverOneValueOrNothing) {
  names log;
  auto value = []() -> task<int> { co_return 7; };
  auto nothing = []() -> task<void> { co_return; };
  coral::spawn(value(), [&](int got) { log.push_back(std::to_string(got)); });
  coral::spawn(nothing(), [&] { log.push_back("done"); });
  EXPECT_EQ(log, (names{"7", "done"}));
}

TEST(SpawnToCallback, CallsTheOneOfItsAlternative) {
  names log;
  manual_event event;
  using reply = std::variant<std::tuple<int, std::string>, std::monostate, int, int>;
  auto ask = [&](std::size_t which) -> task<reply> {
    int value = co_await event.wait();
    if (which == 0)
      co_return std::tuple<int, std::string>(value, "answer");
    if (which == 1)
      co_return std::monostate();
    if (which == 2)
      co_return reply(std::in_place_index<2>, value);
    co_return reply(std::in_place_index<3>, value);
  };
  for (std::size_t which = 0; which != 4; ++which) {
    coral::spawn(
        ask(which),
        [&](int value, std::string text) { log.push_back(text + " " + std::to_string(value)); },
        [&] { log.push_back("nothing"); },
        [&](int value) { log.push_back("third " + std::to_string(value)); },
        [&](int value) { log.push_back("fourth " + std::to_string(value)); });
    event.fire(static_cast<int>(which));
  }
  EXPECT_EQ(log, (names{"answer 0", "nothing", "third 2", "fourth 3"}));
}

TEST(SpawnToCallback, WhatOneOfSeveralThrowsTheOthersDoNotSee) {
  names log;
  auto ask = []() -> task<std::variant<int, std::string>> { co_return 7; };
  EXPECT_THROW(coral::spawn(
                   ask(), [](int) { throw std::domain_error("callback"); },
                   [&](std::string) { log.push_back("never"); }),
               std::domain_error);
  EXPECT_EQ(log, names{});
}

TEST(SpawnToCallback, MovesFromCallbacksAndValues) {
  int got = 0;
  auto ask = []() -> task<std::variant<std::unique_ptr<int>, int>> {
    co_return std::make_unique<int>(7);
  };
  coral::spawn(
      ask(),
      [held = std::make_unique<int>(1), &got](std::unique_ptr<int> value) { got = *value + *held; },
      [](int) {});
  EXPECT_EQ(got, 8);
}

TEST(SpawnToCallback, AnExceptionLeavesAndTheCallbackIsNotCalled) {
  names log;
  manual_event event;
  auto ask = [&]() -> task<int> {
    co_await event.wait();
    throw std::domain_error("late");
  };
  coral::spawn(ask(), [&, held = tracker(log, "callback")](int) { log.push_back("never"); });
  EXPECT_THROW(event.fire(0), std::domain_error);
  EXPECT_EQ(log, names{"callback"});
}

TEST(SpawnToCallback, KeepsTheCallableUntilTheCallbackHasReturned) {
  names log;
  manual_event event;
  auto ask = [&]() -> task<int> { co_return co_await event.wait(); };
  coral::spawn([&, held = tracker(log, "callable")] { return ask(); },
               [&](int value) { log.push_back(std::to_string(value)); });
  event.fire(7);
  EXPECT_EQ(log, (names{"7", "callable"}));

  log.clear();
  auto one_of = []() -> task<std::variant<int, std::string>> { co_return 8; };
  coral::spawn([&, held = tracker(log, "callable")] { return one_of(); },
               [&](int value) { log.push_back(std::to_string(value)); },
               [&](std::string) { log.push_back("never"); });
  EXPECT_EQ(log, (names{"8", "callable"}));
}

TEST(SpawnToCallback, TheCallbackDiesWithADroppedOperation) {
  names log;
  manual_event event;
  auto ask = [&]() -> task<int> { co_return co_await event.wait(); };
  coral::spawn(ask(), [&, held = tracker(log, "callback")](int) { log.push_back("never"); });
  event.drop();
  EXPECT_EQ(log, names{"callback"});
}

TEST(Callback, CompletingInsideTheInitiationResumesThere) {
  names log;
  auto body = [&]() -> task<void> {
    auto start = [&](auto done) {
      done(1, std::string("one"));
      log.push_back("initiated");
    };
    auto result = co_await coral::callback<void(int, std::string)>(start);
    log.push_back(std::get<1>(result));
  };
  coral::spawn(body());
  EXPECT_EQ(log, (names{"one", "initiated"}));
}

TEST(Callback, AnExceptionOfTheInitiationIsThrownByTheAwait) {
  names log;
  auto body = [&]() -> task<void> {
    tracker local(log, "frame");
    auto start = [](auto) { throw std::domain_error("refused"); };
    try {
      co_await coral::callback<void()>(start);
    } catch (const std::domain_error &error) {
      log.push_back(error.what());
    }
  };
  coral::spawn(body());
  EXPECT_EQ(log, (names{"refused", "frame"}));
}

TEST(Callback, AnExceptionOfTheRestOfTheTaskDoesNotReturnToTheInitiation) {
  names log;
  auto body = [&]() -> task<void> {
    tracker local(log, "frame");
    auto start = [](auto done) { done(); };
    try {
      co_await coral::callback<void()>(start);
    } catch (...) {
      log.push_back("wrong");
    }
    throw std::domain_error("after");
  };
  EXPECT_THROW(coral::spawn(body()), std::domain_error);
  EXPECT_EQ(log, names{"frame"});
}

TEST(Callback, DroppingTheCallbackInsideTheInitiationDestroysTheTask) {
  names log;
  auto inner = [&]() -> task<void> {
    tracker local(log, "inner");
    auto start = [](auto) {};
    co_await coral::callback<void()>(start);
    log.push_back("never");
  };
  coral::spawn([&, held = tracker(log, "captures")] { return inner(); });
  EXPECT_EQ(log, (names{"inner", "captures"}));
}

TEST(Callback, MayOutliveTheTaskThatAClosingLoopDestroys) {
  for (const bool called : {false, true}) {
    names log;
    std::function<void(int)> kept;
    auto body = [&]() -> task<void> {
      const tracker local(log, "frame");
      co_await coral::callback<void(int)>([&](auto done) { kept = done; });
    };
    {
      coral::manual_loop loop;
      loop.set_exception_handler([](coral::event_loop &, const coral::exception_context &) {});
      loop.create_task(body());
      loop.call_soon([&] { loop.stop(); });
      loop.run_forever();
      EXPECT_TRUE(kept);
    }
    EXPECT_EQ(log, names{"frame"});
    if (called) {
      kept(1);
      EXPECT_THROW(kept(2), coral::runtime_error);
    }
  }
}

TEST(Callback, ASecondCallThrows) {
  std::function<void(int)> kept;
  int calls = 0;
  auto body = [&]() -> task<void> {
    auto start = [&](auto done) { kept = done; };
    co_await coral::callback<void(int)>(start);
    ++calls;
  };
  coral::spawn(body());
  auto copy = kept;
  copy(1);
  EXPECT_THROW(kept(2), coral::runtime_error);
  EXPECT_EQ(calls, 1);
}

TEST(Callback, AnOperationIsAwaitedOnce) {
  std::string message;
  manual_event event;
  auto body = [&]() -> task<void> {
    auto operation = event.wait();
    co_await std::move(operation);
    try {
      co_await std::move(operation);
    } catch (const coral::runtime_error &error) {
      message = error.what();
    }
  };
  coral::spawn(body());
  event.fire(1);
  EXPECT_EQ(message, "cannot reuse already awaited operation");
}

TEST(Callback, NothingStartsBeforeTheAwait) {
  manual_event event;
  auto body = [&]() -> task<void> {
    auto operation = event.wait();
    EXPECT_FALSE(event.waited_for());
    co_await std::move(operation);
  };
  coral::spawn(body());
  EXPECT_TRUE(event.waited_for());
  event.fire(1);
}

} // namespace
