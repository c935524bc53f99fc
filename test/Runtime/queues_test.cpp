#include "loop_backends.hpp"

#include <coral/queues.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using coral::cancelled_error;
using coral::create_task;
using coral::task;

class Queues : public OverLoops {
protected:
  template <class T> T finish(task<T> main) { return loop.run_until_complete(std::move(main)); }

  task<void> take(coral::queue<int> &queue, std::string name) {
    try {
      const int item = co_await queue.get();
      log.push_back(name + std::to_string(item));
    } catch (const cancelled_error &) {
      log.push_back(name + " cancelled");
    } catch (const coral::queue_shut_down &error) {
      log.push_back(name + " " + error.what());
    }
  }

  task<void> give(coral::queue<int> &queue, int item) {
    const std::string name = "put" + std::to_string(item);
    try {
      co_await queue.put(item);
      log.push_back(name);
    } catch (const cancelled_error &) {
      log.push_back(name + " cancelled");
    } catch (const coral::queue_shut_down &error) {
      log.push_back(name + " " + error.what());
    }
  }

  static task<void> batches(int count) {
    for (int i = 0; i != count; ++i)
      co_await coral::yield();
  }
};
INSTANTIATE_OVER_LOOPS(Queues);

template <class Queue> std::vector<int> drain(Queue &queue) {
  std::vector<int> items;
  while (!queue.empty())
    items.push_back(queue.get_nowait());
  return items;
}

template <class Queue> std::vector<int> order_of() {
  Queue queue;
  for (int item : {2, 3, 1})
    queue.put_nowait(item);
  return drain(queue);
}

TEST_P(Queues, EachKindHasItsOrder) {
  EXPECT_EQ(order_of<coral::queue<int>>(), (std::vector{2, 3, 1}));
  EXPECT_EQ(order_of<coral::lifo_queue<int>>(), (std::vector{1, 3, 2}));
  EXPECT_EQ(order_of<coral::priority_queue<int>>(), (std::vector{1, 2, 3}));
  EXPECT_EQ((order_of<coral::priority_queue<int, std::greater<int>>>()), (std::vector{3, 2, 1}));
}

TEST_P(Queues, fact_76_taking_from_an_empty_queue_at_once_is_an_error) {
  coral::queue<int> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(message_of<coral::queue_empty>([&] { queue.get_nowait(); }), "QueueEmpty");
}

TEST_P(Queues, fact_76_putting_into_a_full_queue_at_once_is_an_error) {
  coral::queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(queue.maxsize(), 1u);
  EXPECT_EQ(message_of<coral::queue_full>([&] { queue.put_nowait(2); }), "QueueFull");
  EXPECT_EQ(queue.qsize(), 1u);
}

TEST_P(Queues, AQueueWithoutBoundIsNeverFull) {
  coral::queue<int> queue;
  for (int i = 0; i != 1000; ++i)
    queue.put_nowait(i);
  EXPECT_FALSE(queue.full());
}

TEST_P(Queues, AGetterWaitsForAnItem) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    auto a = create_task(take(queue, "a"));
    auto b = create_task(take(queue, "b"));
    co_await batches(2);
    log.push_back("put");
    co_await queue.put(1);
    co_await queue.put(2);
    co_await a;
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"put", "a1", "b2"}));
}

TEST_P(Queues, APutterWaitsForRoom) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue(1);
    co_await queue.put(0);
    auto a = create_task(give(queue, 1));
    auto b = create_task(give(queue, 2));
    co_await batches(2);
    EXPECT_EQ(log, names{});
    EXPECT_EQ(co_await queue.get(), 0);
    co_await a;
    EXPECT_FALSE(b.done());
    EXPECT_EQ(co_await queue.get(), 1);
    co_await b;
    EXPECT_EQ(co_await queue.get(), 2);
  };
  finish(main());
  EXPECT_EQ(log, (names{"put1", "put2"}));
}

TEST_P(Queues, CarriesMoveOnlyItems) {
  auto main = [&]() -> task<int> {
    coral::queue<std::unique_ptr<int>> queue;
    co_await queue.put(std::make_unique<int>(8));
    std::unique_ptr<int> item = co_await queue.get();
    co_return *item;
  };
  EXPECT_EQ(finish(main()), 8);
}

TEST_P(Queues, fact_76_a_cancelled_getter_takes_no_item) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    auto a = create_task(take(queue, "a"));
    auto b = create_task(take(queue, "b"));
    co_await batches(1);
    a.cancel();
    co_await a;
    queue.put_nowait(1);
    co_await b;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "b1"}));
}

TEST_P(Queues, fact_76_a_getter_that_is_cancelled_when_woken_wakes_the_next) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    auto a = create_task(take(queue, "a"));
    auto b = create_task(take(queue, "b"));
    co_await batches(1);
    queue.put_nowait(1);
    a.cancel();
    co_await a;
    co_await b;
    EXPECT_TRUE(queue.empty());
  };
  finish(main());
  EXPECT_EQ(log, (names{"a cancelled", "b1"}));
}

TEST_P(Queues, fact_76_an_item_whose_getter_was_cancelled_stays) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    auto a = create_task(take(queue, "a"));
    co_await batches(1);
    queue.put_nowait(1);
    a.cancel();
    co_await a;
    EXPECT_EQ(queue.get_nowait(), 1);
  };
  finish(main());
  EXPECT_EQ(log, names{"a cancelled"});
}

TEST_P(Queues, fact_76_a_cancelled_putter_puts_nothing) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue(1);
    queue.put_nowait(0);
    auto a = create_task(give(queue, 1));
    auto b = create_task(give(queue, 2));
    co_await batches(1);
    a.cancel();
    EXPECT_EQ(queue.get_nowait(), 0);
    co_await a;
    co_await b;
    EXPECT_EQ(drain(queue), std::vector{2});
  };
  finish(main());
  EXPECT_EQ(log, (names{"put1 cancelled", "put2"}));
}

TEST_P(Queues, fact_76_a_putter_that_is_cancelled_when_woken_wakes_the_next) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue(1);
    queue.put_nowait(0);
    auto a = create_task(give(queue, 1));
    auto b = create_task(give(queue, 2));
    co_await batches(1);
    EXPECT_EQ(queue.get_nowait(), 0);
    a.cancel();
    co_await a;
    co_await b;
    EXPECT_EQ(drain(queue), std::vector{2});
  };
  finish(main());
  EXPECT_EQ(log, (names{"put1 cancelled", "put2"}));
}

TEST_P(Queues, fact_76_task_done_is_called_once_for_an_item) {
  coral::queue<int> queue;
  EXPECT_EQ(message_of<coral::value_error>([&] { queue.task_done(); }),
            "task_done() called too many times");
  queue.put_nowait(1);
  queue.get_nowait();
  queue.task_done();
  EXPECT_EQ(message_of<coral::value_error>([&] { queue.task_done(); }),
            "task_done() called too many times");
}

TEST_P(Queues, JoinWaitsUntilAllIsDealtWith) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    co_await queue.join();
    queue.put_nowait(1);
    queue.put_nowait(2);
    auto work = [&]() -> task<void> {
      for (int i = 0; i != 2; ++i) {
        const int item = co_await queue.get();
        co_await batches(2);
        log.push_back("done" + std::to_string(item));
        queue.task_done();
      }
    };
    auto working = create_task(work());
    co_await queue.join();
    log.push_back("joined");
    co_await working;
  };
  finish(main());
  EXPECT_EQ(log, (names{"done1", "done2", "joined"}));
}

TEST_P(Queues, fact_76_a_shutdown_lets_the_rest_be_taken) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    queue.put_nowait(1);
    queue.shutdown();
    EXPECT_EQ(message_of<coral::queue_shut_down>([&] { queue.put_nowait(2); }), "QueueShutDown");
    co_await give(queue, 3);
    co_await take(queue, "a");
    co_await take(queue, "b");
    EXPECT_EQ(message_of<coral::queue_shut_down>([&] { queue.get_nowait(); }), "QueueShutDown");
  };
  finish(main());
  EXPECT_EQ(log, (names{"put3 QueueShutDown", "a1", "b QueueShutDown"}));
}

TEST_P(Queues, fact_76_a_shutdown_wakes_those_who_wait) {
  auto main = [&]() -> task<void> {
    coral::queue<int> empty, full(1);
    full.put_nowait(0);
    auto a = create_task(take(empty, "a"));
    auto b = create_task(take(empty, "b"));
    auto c = create_task(give(full, 1));
    co_await batches(1);
    empty.shutdown();
    full.shutdown();
    co_await a;
    co_await b;
    co_await c;
  };
  finish(main());
  EXPECT_EQ(log, (names{"a QueueShutDown", "b QueueShutDown", "put1 QueueShutDown"}));
}

TEST_P(Queues, fact_76_an_immediate_shutdown_drops_what_is_there) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    queue.put_nowait(1);
    queue.put_nowait(2);
    auto joined = [&]() -> task<void> {
      co_await queue.join();
      log.push_back("joined");
    };
    auto joining = create_task(joined());
    co_await batches(1);
    queue.shutdown_immediately();
    EXPECT_TRUE(queue.empty());
    co_await joining;
    co_await take(queue, "a");
  };
  finish(main());
  EXPECT_EQ(log, (names{"joined", "a QueueShutDown"}));
}

TEST_P(Queues, fact_76_an_item_in_hand_is_still_waited_for_after_an_immediate_shutdown) {
  auto main = [&]() -> task<void> {
    coral::queue<int> queue;
    queue.put_nowait(1);
    queue.put_nowait(2);
    queue.get_nowait();
    queue.shutdown_immediately();
    auto joined = [&]() -> task<void> { co_await queue.join(); };
    auto joining = create_task(joined());
    co_await batches(3);
    EXPECT_FALSE(joining.done());
    queue.task_done();
    co_await joining;
  };
  finish(main());
}

} // namespace
