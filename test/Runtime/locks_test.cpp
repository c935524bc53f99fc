#include "loop_backends.hpp"

#include <coral/async_with.hpp>
#include <coral/locks.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using coral::cancelled_error;
using coral::create_task;
using coral::task;
using namespace std::chrono_literals;

class Locks : public OverLoops {
protected:
  template <class T> T finish(task<T> main) { return loop.run_until_complete(std::move(main)); }

  /// Notes its name when it has acquired, and again when it gives back.
  template <class Lock> task<void> hold(Lock &lock, std::string name, int batches = 1) {
    auto held = co_await lock.scoped();
    log.push_back("+" + name);
    for (int i = 0; i != batches; ++i)
      co_await coral::yield();
    log.push_back("-" + name);
  }

  /// Notes how `work` ended.
  task<void> outcome(task<void> work, std::string name) {
    try {
      co_await std::move(work);
      log.push_back(name + " done");
    } catch (const cancelled_error &) {
      log.push_back(name + " cancelled");
    } catch (const std::exception &error) {
      log.push_back(name + ": " + error.what());
    }
  }

  static task<void> batches(int count) {
    for (int i = 0; i != count; ++i)
      co_await coral::yield();
  }
};
INSTANTIATE_OVER_LOOPS(Locks);

TEST_P(Locks, fact_72_a_lock_is_held_by_one_and_given_in_order) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    auto a = create_task(hold(lock, "a"));
    auto b = create_task(hold(lock, "b"));
    auto c = create_task(hold(lock, "c"));
    co_await batches(1);
    EXPECT_TRUE(lock.locked());
    co_await a;
    co_await b;
    co_await c;
    EXPECT_FALSE(lock.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"+a", "-a", "+b", "-b", "+c", "-c"}));
}

TEST_P(Locks, fact_72_a_free_lock_is_taken_without_giving_way) {
  auto main = [&]() -> task<void> {
    auto other = [&]() -> task<void> {
      log.push_back("other");
      co_return;
    };
    auto beside = create_task(other());
    coral::lock lock;
    co_await lock.acquire();
    log.push_back("acquired");
    co_await beside;
    lock.release();
  };
  finish(main());
  EXPECT_EQ(log, (names{"acquired", "other"}));
}

TEST_P(Locks, fact_72_nobody_overtakes_one_who_has_been_woken) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    co_await lock.acquire();
    auto waiting = create_task(hold(lock, "waiting"));
    co_await batches(1);
    lock.release();
    EXPECT_FALSE(lock.locked());
    co_await hold(lock, "late");
    co_await waiting;
  };
  finish(main());
  EXPECT_EQ(log, (names{"+waiting", "-waiting", "+late", "-late"}));
}

TEST_P(Locks, fact_72_releasing_a_lock_that_nobody_holds_is_an_error) {
  coral::lock lock;
  EXPECT_EQ(message_of<coral::runtime_error>([&] { lock.release(); }), "Lock is not acquired.");
}

TEST_P(Locks, fact_72_a_cancelled_waiter_leaves_the_line) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    co_await lock.acquire();
    auto a = create_task(outcome(hold(lock, "a"), "a"));
    auto b = create_task(outcome(hold(lock, "b"), "b"));
    co_await batches(1);
    a.cancel();
    co_await a;
    lock.release();
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "+b", "-b", "b done"}));
}

TEST_P(Locks, fact_72_a_waiter_that_is_cancelled_when_woken_wakes_the_next) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    co_await lock.acquire();
    auto a = create_task(outcome(hold(lock, "a"), "a"));
    auto b = create_task(outcome(hold(lock, "b"), "b"));
    co_await batches(1);
    lock.release();
    a.cancel();
    co_await a;
    co_await b;
    EXPECT_FALSE(lock.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "+b", "-b", "b done"}));
}

TEST_P(Locks, fact_72_a_waiter_that_is_cancelled_before_the_release_does_not_hold_it_up) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    co_await lock.acquire();
    auto a = create_task(outcome(hold(lock, "a"), "a"));
    auto b = create_task(outcome(hold(lock, "b"), "b"));
    co_await batches(1);
    a.cancel();
    lock.release();
    co_await a;
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "+b", "-b", "b done"}));
}

TEST_P(Locks, AGuardReleasesWhenAnExceptionPasses) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    auto fails = [&]() -> task<void> {
      auto held = co_await lock.scoped();
      throw std::domain_error("broken");
    };
    co_await outcome(fails(), "fails");
    EXPECT_FALSE(lock.locked());
  };
  finish(main());
  EXPECT_EQ(log, names{"fails: broken"});
}

TEST_P(Locks, AGuardCanBeMoved) {
  auto main = [&]() -> task<void> {
    coral::lock first, second;
    auto held = co_await first.scoped();
    auto other = co_await second.scoped();
    held = std::move(other);
    EXPECT_FALSE(first.locked());
    EXPECT_TRUE(second.locked());
  };
  finish(main());
}

TEST_P(Locks, ALockIsAnAsyncContextManager) {
  auto main = [&]() -> task<void> {
    coral::lock lock;
    auto body = [&] { return lock.locked(); };
    EXPECT_TRUE(co_await coral::async_with(lock, body));
    EXPECT_FALSE(lock.locked());
  };
  finish(main());
}

TEST_P(Locks, ALockBelongsToTheLoopOfItsFirstWaiter) {
  coral::lock lock;
  auto wait = [&]() -> task<void> {
    co_await lock.acquire();
    auto next = create_task(hold(lock, "next"));
    co_await batches(1);
    lock.release();
    co_await next;
  };
  finish(wait());
  auto elsewhere = manual_backend::create();
  auto refused = [&]() -> task<void> {
    co_await lock.acquire();
    co_await lock.acquire();
  };
  EXPECT_EQ(message_of<coral::runtime_error>([&] { elsewhere->run_until_complete(refused()); }),
            "what is awaited is bound to a different event loop");
  elsewhere->close();
}

TEST_P(Locks, ALoopMayCloseWhileOthersWait) {
  coral::lock lock;
  coral::condition changed;
  coral::barrier barrier(3);
  collect_errors();
  auto main = [&]() -> task<void> {
    co_await lock.acquire();
    static_cast<void>(create_task(hold(lock, "never")));
    auto waits = [&]() -> task<void> {
      auto held = co_await changed.scoped();
      co_await changed.wait();
    };
    static_cast<void>(create_task(waits()));
    auto arrives = [&]() -> task<void> { co_await barrier.wait(); };
    static_cast<void>(create_task(arrives()));
    static_cast<void>(create_task(arrives()));
    co_await batches(3);
  };
  finish(main());
  loop.close();
  EXPECT_EQ(errors.size(), 4u);
  EXPECT_EQ(barrier.n_waiting(), 0u);
}

TEST_P(Locks, AnEventWakesAllWhoWait) {
  auto main = [&]() -> task<void> {
    coral::event event;
    auto wait = [&](std::string name) -> task<void> {
      co_await event.wait();
      log.push_back(name);
    };
    auto a = create_task(wait("a"));
    auto b = create_task(wait("b"));
    co_await batches(2);
    log.push_back("set");
    event.set();
    EXPECT_TRUE(event.is_set());
    event.clear();
    co_await a;
    co_await b;
    EXPECT_FALSE(event.is_set());
  };
  finish(main());
  EXPECT_EQ(log, (names{"set", "a", "b"}));
}

TEST_P(Locks, AnEventThatIsSetDoesNotMakeAnybodyWait) {
  auto main = [&]() -> task<void> {
    auto other = [&]() -> task<void> {
      log.push_back("other");
      co_return;
    };
    auto beside = create_task(other());
    coral::event event;
    event.set();
    event.set();
    co_await event.wait();
    log.push_back("waited");
    co_await beside;
  };
  finish(main());
  EXPECT_EQ(log, (names{"waited", "other"}));
}

TEST_P(Locks, ACancelledWaiterOfAnEventIsNotWoken) {
  auto main = [&]() -> task<void> {
    coral::event event;
    auto wait = [&]() -> task<void> { co_await event.wait(); };
    auto a = create_task(outcome(wait(), "a"));
    auto b = create_task(outcome(wait(), "b"));
    co_await batches(1);
    a.cancel();
    event.set();
    co_await a;
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "b done"}));
}

TEST_P(Locks, fact_73_a_notified_waiter_goes_on_when_the_lock_is_free) {
  auto main = [&]() -> task<void> {
    coral::condition changed;
    auto wait = [&](std::string name) -> task<void> {
      auto held = co_await changed.scoped();
      co_await changed.wait();
      EXPECT_TRUE(changed.locked());
      log.push_back(name);
    };
    auto a = create_task(wait("a"));
    auto b = create_task(wait("b"));
    auto c = create_task(wait("c"));
    co_await batches(4);
    {
      auto held = co_await changed.scoped();
      changed.notify(2);
      co_await batches(3);
      log.push_back("released");
    }
    co_await a;
    co_await b;
    EXPECT_FALSE(c.done());
    {
      auto held = co_await changed.scoped();
      changed.notify_all();
    }
    co_await c;
  };
  finish(main());
  EXPECT_EQ(log, (names{"released", "a", "b", "c"}));
}

TEST_P(Locks, fact_73_a_condition_is_used_with_its_lock_held) {
  auto main = [&]() -> task<void> {
    coral::condition changed;
    EXPECT_EQ(message_of<coral::runtime_error>([&] { changed.notify(); }),
              "cannot notify on un-acquired lock");
    EXPECT_EQ(message_of<coral::runtime_error>([&] { changed.notify_all(); }),
              "cannot notify on un-acquired lock");
    co_await outcome(changed.wait(), "wait");
  };
  finish(main());
  EXPECT_EQ(log, names{"wait: cannot wait on un-acquired lock"});
}

TEST_P(Locks, fact_73_a_cancelled_wait_holds_the_lock_again_before_it_throws) {
  auto main = [&]() -> task<void> {
    coral::condition changed;
    auto wait = [&]() -> task<void> {
      auto held = co_await changed.scoped();
      try {
        co_await changed.wait();
      } catch (const cancelled_error &) {
        log.push_back(changed.locked() ? "holds the lock" : "does not");
        throw;
      }
    };
    auto waiting = create_task(outcome(wait(), "wait"));
    co_await batches(2);
    co_await changed.acquire();
    waiting.cancel();
    co_await batches(3);
    log.push_back("release");
    changed.release();
    co_await waiting;
    EXPECT_FALSE(changed.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"release", "holds the lock", "wait cancelled"}));
}

TEST_P(Locks, fact_73_a_second_cancel_while_the_lock_is_taken_again_does_not_prevent_that) {
  auto main = [&]() -> task<void> {
    coral::condition changed;
    auto wait = [&]() -> task<void> {
      auto held = co_await changed.scoped();
      co_await changed.wait();
    };
    auto waiting = create_task(outcome(wait(), "wait"));
    co_await batches(2);
    co_await changed.acquire();
    waiting.cancel();
    co_await batches(2);
    waiting.cancel();
    co_await batches(2);
    EXPECT_FALSE(waiting.done());
    changed.release();
    co_await waiting;
    EXPECT_FALSE(changed.locked());
  };
  finish(main());
  EXPECT_EQ(log, names{"wait cancelled"});
}

TEST_P(Locks, fact_73_a_notification_that_reaches_a_cancelled_waiter_goes_to_the_next) {
  auto main = [&]() -> task<void> {
    coral::condition changed;
    auto wait = [&]() -> task<void> {
      auto held = co_await changed.scoped();
      co_await changed.wait();
    };
    auto a = create_task(outcome(wait(), "a"));
    auto b = create_task(outcome(wait(), "b"));
    co_await batches(3);
    {
      auto held = co_await changed.scoped();
      changed.notify();
      a.cancel();
    }
    co_await a;
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "b done"}));
}

TEST_P(Locks, fact_73_wait_for_waits_until_the_predicate_holds) {
  auto main = [&]() -> task<int> {
    coral::lock shared;
    coral::condition changed(shared);
    int value = 0;
    auto change = [&]() -> task<void> {
      for (int i = 0; i != 3; ++i) {
        auto held = co_await changed.scoped();
        ++value;
        changed.notify();
        co_await batches(1);
      }
    };
    auto changing = create_task(change());
    auto held = co_await shared.scoped();
    auto reached = [&] { return value == 3 ? value : 0; };
    const int result = co_await changed.wait_for(reached);
    EXPECT_TRUE(shared.locked());
    co_return result;
  };
  EXPECT_EQ(finish(main()), 3);
}

TEST_P(Locks, fact_74_a_semaphore_gives_its_permits_in_order) {
  auto main = [&]() -> task<void> {
    coral::semaphore permits(2);
    std::vector<coral::scheduled_task<void>> all;
    for (const char *name : {"a", "b", "c", "d"})
      all.push_back(create_task(hold(permits, name)));
    co_await batches(1);
    EXPECT_TRUE(permits.locked());
    for (auto &each : all)
      co_await each;
    EXPECT_FALSE(permits.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"+a", "+b", "-a", "-b", "+c", "+d", "-c", "-d"}));
}

TEST_P(Locks, fact_74_nobody_overtakes_one_who_waits_for_a_permit) {
  auto main = [&]() -> task<void> {
    coral::semaphore permits(0);
    auto waiting = create_task(hold(permits, "waiting"));
    co_await batches(1);
    permits.release();
    permits.release();
    EXPECT_TRUE(permits.locked());
    auto late = create_task(hold(permits, "late", 0));
    co_await waiting;
    co_await late;
    EXPECT_FALSE(permits.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"+waiting", "+late", "-late", "-waiting"}));
}

TEST_P(Locks, fact_74_one_who_queues_behind_the_woken_gets_what_is_left) {
  auto main = [&]() -> task<void> {
    coral::semaphore permits(0);
    auto first = create_task(hold(permits, "first", 5));
    co_await batches(1);
    permits.release();
    permits.release();
    co_await hold(permits, "second", 0);
    co_await first;
  };
  finish(main());
  EXPECT_EQ(log, (names{"+first", "+second", "-second", "-first"}));
}

TEST_P(Locks, fact_74_a_cancelled_waiter_passes_its_permit_on) {
  auto main = [&]() -> task<void> {
    coral::semaphore permits(0);
    auto a = create_task(outcome(permits.acquire(), "a"));
    auto b = create_task(outcome(permits.acquire(), "b"));
    auto c = create_task(outcome(permits.acquire(), "c"));
    co_await batches(1);
    b.cancel();
    permits.release();
    a.cancel();
    co_await a;
    co_await b;
    co_await c;
    permits.release();
    EXPECT_FALSE(permits.locked());
  };
  finish(main());
  EXPECT_EQ(log, (names{"b cancelled", "a cancelled", "c done"}));
}

TEST_P(Locks, fact_74_a_permit_that_nobody_takes_after_a_cancel_is_not_lost) {
  auto main = [&]() -> task<void> {
    coral::semaphore permits(0);
    auto a = create_task(outcome(permits.acquire(), "a"));
    co_await batches(1);
    permits.release();
    a.cancel();
    co_await a;
    EXPECT_FALSE(permits.locked());
    co_await permits.acquire();
    log.push_back("taken");
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "taken"}));
}

TEST_P(Locks, fact_74_a_bounded_semaphore_is_not_released_too_often) {
  auto main = [&]() -> task<void> {
    coral::bounded_semaphore permits(1);
    {
      auto held = co_await permits.scoped();
      EXPECT_TRUE(permits.locked());
    }
    EXPECT_FALSE(permits.locked());
    EXPECT_EQ(message_of<coral::value_error>([&] { permits.release(); }),
              "BoundedSemaphore released too many times");
  };
  finish(main());
}

TEST_P(Locks, ASemaphoreDoesNotBeginBelowZero) {
  EXPECT_EQ(message_of<coral::value_error>([] { coral::semaphore wrong(-1); }),
            "Semaphore initial value must be >= 0");
}

class Barriers : public Locks {
protected:
  task<void> arrive(coral::barrier &barrier, std::string name) {
    try {
      const std::size_t index = co_await barrier.wait();
      log.push_back(name + std::to_string(index));
    } catch (const coral::broken_barrier_error &error) {
      log.push_back(name + ": " + error.what());
    } catch (const cancelled_error &) {
      log.push_back(name + " cancelled");
    }
  }
};
INSTANTIATE_OVER_LOOPS(Barriers);

TEST_P(Barriers, fact_75_a_barrier_lets_a_full_party_through_and_fills_again) {
  auto main = [&]() -> task<void> {
    coral::barrier barrier(2);
    EXPECT_EQ(barrier.parties(), 2u);
    auto a = create_task(arrive(barrier, "a"));
    co_await batches(2);
    EXPECT_EQ(barrier.n_waiting(), 1u);
    EXPECT_EQ(log, names{});
    co_await arrive(barrier, "b");
    co_await a;
    EXPECT_EQ(barrier.n_waiting(), 0u);
    auto c = create_task(arrive(barrier, "c"));
    auto d = create_task(arrive(barrier, "d"));
    co_await c;
    co_await d;
  };
  finish(main());
  EXPECT_EQ(log, (names{"b1", "a0", "d1", "c0"}));
}

TEST_P(Barriers, fact_75_who_comes_while_it_drains_waits_for_the_next_party) {
  auto main = [&]() -> task<void> {
    coral::barrier barrier(2);
    std::vector<coral::scheduled_task<void>> all;
    for (const char *name : {"a", "b", "c", "d"})
      all.push_back(create_task(arrive(barrier, name)));
    for (auto &each : all)
      co_await each;
    EXPECT_EQ(log.size(), 4u);
    EXPECT_FALSE(barrier.broken());
  };
  finish(main());
  EXPECT_EQ((names{log[0].substr(1), log[1].substr(1), log[2].substr(1), log[3].substr(1)}),
            (names{"1", "0", "1", "0"}));
}

TEST_P(Barriers, fact_75_abort_breaks_those_who_wait_and_those_who_come) {
  auto main = [&]() -> task<void> {
    coral::barrier barrier(3);
    auto a = create_task(arrive(barrier, "a"));
    auto b = create_task(arrive(barrier, "b"));
    co_await batches(2);
    co_await barrier.abort();
    EXPECT_TRUE(barrier.broken());
    co_await a;
    co_await b;
    co_await arrive(barrier, "c");
    co_await barrier.reset();
    EXPECT_FALSE(barrier.broken());
  };
  finish(main());
  EXPECT_EQ(log, (names{"a: Abort or reset of barrier", "b: Abort or reset of barrier",
                        "c: Barrier aborted"}));
}

TEST_P(Barriers, fact_75_reset_sends_away_those_who_wait_only) {
  auto main = [&]() -> task<void> {
    coral::barrier barrier(2);
    auto a = create_task(arrive(barrier, "a"));
    co_await batches(2);
    co_await barrier.reset();
    co_await a;
    EXPECT_FALSE(barrier.broken());
    auto b = create_task(arrive(barrier, "b"));
    auto c = create_task(arrive(barrier, "c"));
    co_await b;
    co_await c;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a: Abort or reset of barrier", "c1", "b0"}));
}

TEST_P(Barriers, fact_75_a_cancelled_waiter_leaves_the_barrier) {
  auto main = [&]() -> task<void> {
    coral::barrier barrier(2);
    auto a = create_task(arrive(barrier, "a"));
    co_await batches(2);
    a.cancel();
    co_await a;
    EXPECT_EQ(barrier.n_waiting(), 0u);
    auto b = create_task(arrive(barrier, "b"));
    co_await arrive(barrier, "c");
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log.front(), "a cancelled");
  EXPECT_EQ(log.size(), 3u);
}

TEST_P(Barriers, ABarrierHasAParty) {
  EXPECT_EQ(message_of<coral::value_error>([] { coral::barrier wrong(0); }), "parties must be > 0");
}

} // namespace
