// The probes of probes.py for Coral: prints "name: note, note, ...". The two files are read side by
// side; they differ where the languages do.

#include <coral/async_for.hpp>
#include <coral/async_generator.hpp>
#include <coral/async_with.hpp>
#include <coral/coroutine.hpp>
#include <coral/future.hpp>
#include <coral/gather.hpp>
#include <coral/locks.hpp>
#include <coral/loop/manual.hpp>
#include <coral/queues.hpp>
#include <coral/recursive_generator.hpp>
#include <coral/runner.hpp>
#include <coral/task_group.hpp>
#include <coral/tasks.hpp>
#include <coral/timeouts.hpp>
#include <coral/wait.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using coral::create_task;
using coral::task;
using namespace std::chrono_literals;
using notes = std::vector<std::string>;

constexpr auto tick = 10ms;

/// The Python name of an exception.
std::string name_of(const std::exception_ptr &error) {
  try {
    std::rethrow_exception(error);
  } catch (const coral::cancelled_error &) {
    return "CancelledError";
  } catch (const coral::invalid_state_error &) {
    return "InvalidStateError";
  } catch (const coral::timeout_error &) {
    return "TimeoutError";
  } catch (const coral::exception_group &) {
    return "ExceptionGroup";
  } catch (const coral::broken_barrier_error &) {
    return "BrokenBarrierError";
  } catch (const coral::queue_empty &) {
    return "QueueEmpty";
  } catch (const coral::queue_full &) {
    return "QueueFull";
  } catch (const coral::stop_iteration &) {
    return "StopIteration";
  } catch (const coral::stop_async_iteration &) {
    return "StopAsyncIteration";
  } catch (const coral::type_error &) {
    return "TypeError";
  } catch (const coral::value_error &) {
    return "ValueError";
  } catch (const coral::runtime_error &) {
    return "RuntimeError";
  } catch (...) {
    return "?";
  }
}

template <class F> std::string name_of_thrown(F &&action) {
  try {
    action();
  } catch (...) {
    return name_of(std::current_exception());
  }
  return "nothing";
}

std::string text(bool value) { return value ? "True" : "False"; }
std::string text(int value) { return std::to_string(value); }
std::string text(const std::string &value) { return value; }

template <class T> task<void> outcome(task<T> work, notes &log, std::string name) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(work);
      log.push_back(name + "=None");
    } else {
      log.push_back(name + "=" + text(co_await std::move(work)));
    }
  } catch (...) {
    log.push_back(name + "!" + name_of(std::current_exception()));
  }
}

/// `await awaitable`, as a task.
template <class Awaitable> task<coral::await_result_t<Awaitable>> awaits(Awaitable awaitable) {
  co_return co_await std::move(awaitable);
}

template <class T> task<T> ticks(int count, T value) {
  co_await coral::sleep(count * tick);
  co_return value;
}

task<void> ticks(int count) { co_await coral::sleep(count * tick); }

/// Runs `action` however the scope is left: Python's `finally`, where it awaits nothing.
template <class F> struct finally {
  F action;
  ~finally() { action(); }
};
template <class F> finally(F) -> finally<F>;

task<void> callbacks(notes &log) {
  coral::event_loop &loop = coral::get_running_loop();
  coral::future<> done;
  auto note = [&](const char *what) { log.push_back(what); };
  loop.call_soon([&] {
    log.push_back("a");
    loop.call_soon(note, "nested");
    loop.call_soon([&] { done.set_result(); });
  });
  loop.call_soon(note, "b");
  loop.call_soon(note, "cancelled").cancel();
  co_await done;
  log.push_back("done");
}

task<void> timers(notes &log) {
  coral::event_loop &loop = coral::get_running_loop();
  auto note = [&](const char *what) { log.push_back(what); };
  loop.call_later(3 * tick, note, "3");
  loop.call_later(1 * tick, note, "1");
  loop.call_later(2 * tick, note, "2").cancel();
  loop.call_later(0 * tick, note, "later 0");
  loop.call_soon(note, "soon");
  co_await ticks(4);
}

task<void> task_start(notes &log) {
  auto child = [&]() -> task<void> {
    log.push_back("child");
    co_return;
  };
  auto scheduled = create_task(child());
  log.push_back("after create");
  co_await child();
  log.push_back("direct");
  co_await scheduled;
}

task<void> sleep_zero(notes &log) {
  auto child = [&](std::string name) -> task<void> {
    for (int i = 0; i != 3; ++i) {
      log.push_back(name + std::to_string(i));
      co_await coral::sleep(0s);
    }
  };
  co_await coral::gather(child("a"), child("b"));
}

task<void> future_callbacks(notes &log) {
  coral::future<int> future;
  future.add_done_callback([&] { log.push_back("first"); });
  future.add_done_callback([&] { log.push_back("second"); });
  future.set_result(1);
  log.push_back("set");
  co_await coral::sleep(0s);
  future.add_done_callback([&] { log.push_back("late"); });
  log.push_back("added");
  co_await coral::sleep(0s);
  log.push_back("end");
}

task<void> future_states(notes &log) {
  coral::future<int> future;
  log.push_back(name_of_thrown([&] { future.result(); }));
  log.push_back("cancel " + text(future.cancel()));
  log.push_back("cancel " + text(future.cancel()));
  log.push_back("done " + text(future.done()));
  log.push_back("cancelled " + text(future.cancelled()));
  log.push_back(name_of_thrown([&] { future.set_result(1); }));
  co_await outcome(awaits(future), log, "await");
}

task<void> cancel_is_a_request(notes &log) {
  auto child = create_task(ticks(1000));
  co_await coral::sleep(0s);
  auto note = [&] {
    std::string states = text(child.cancel());
    states += " " + text(child.done());
    log.push_back(states + " " + text(child.cancelled()));
  };
  note();
  co_await outcome(awaits(child), log, "task");
  note();
}

task<void> cancel_before_start(notes &log) {
  auto body = [&]() -> task<void> {
    log.push_back("ran");
    co_return;
  };
  auto child = create_task(body());
  child.cancel();
  co_await outcome(awaits(child), log, "task");
}

task<void> cancel_swallowed(notes &log) {
  auto body = [&]() -> task<std::string> {
    try {
      co_await ticks(1000);
    } catch (const coral::cancelled_error &) {
      log.push_back("cancelling " + std::to_string(coral::current_task()->cancelling()));
      log.push_back("uncancel " + std::to_string(coral::current_task()->uncancel()));
    }
    co_return "value";
  };
  auto child = create_task(body());
  co_await coral::sleep(0s);
  child.cancel();
  co_await outcome(awaits(child), log, "task");
  log.push_back("cancelled " + text(child.cancelled()));
}

task<void> cancel_unwinds(notes &log) {
  auto inner = [&]() -> task<void> {
    finally note{[&] { log.push_back("inner"); }};
    co_await ticks(1000);
  };
  auto outer = [&]() -> task<void> {
    finally note{[&] { log.push_back("outer"); }};
    co_await create_task(inner());
  };
  auto child = create_task(outer());
  co_await coral::sleep(0s);
  co_await coral::sleep(0s);
  child.cancel();
  log.push_back("asked");
  co_await outcome(awaits(child), log, "task");
}

task<void> cancel_with_result(notes &log) {
  coral::future<int> future;
  auto child = create_task(awaits(future));
  co_await coral::sleep(0s);
  future.set_result(1);
  child.cancel();
  co_await outcome(awaits(child), log, "task");
}

task<void> cancel_at_the_end(notes &log) {
  auto body = []() -> task<int> {
    coral::current_task()->cancel();
    co_return 1;
  };
  auto child = create_task(body());
  co_await outcome(awaits(child), log, "task");
}

task<void> gather_order(notes &log) {
  auto results = co_await coral::gather(ticks(3, 1), ticks(1, 2), ticks(2, 3));
  log.push_back(std::to_string(std::get<0>(results)));
  log.push_back(std::to_string(std::get<1>(results)));
  log.push_back(std::to_string(std::get<2>(results)));
}

task<void> raises_value_error(int after) {
  co_await ticks(after);
  throw coral::value_error("");
}

task<void> gather_error(notes &log) {
  auto goes_on = [&]() -> task<void> {
    co_await ticks(2);
    log.push_back("sibling");
  };
  auto both = [&]() -> task<void> { co_await coral::gather(goes_on(), raises_value_error(1)); };
  co_await outcome(both(), log, "gather");
  co_await ticks(3);
}

task<void> gather_exceptions(notes &log) {
  auto child = create_task(ticks(1000, 0));
  child.cancel();
  auto all =
      co_await coral::gather(coral::return_exceptions, raises_value_error(0), child, ticks(1, 7));
  log.push_back(name_of(std::get<0>(all).error()));
  log.push_back(name_of(std::get<1>(all).error()));
  log.push_back(std::to_string(std::get<2>(all).value()));
}

task<void> gather_cancelled(notes &log) {
  auto stubborn = [&]() -> task<void> {
    for (int i = 0; i != 2; ++i)
      co_await outcome(ticks(1000), log, "child");
  };
  auto gathers = [](auto child) -> task<void> { co_await coral::gather(std::move(child)); };
  auto again = create_task(gathers(stubborn()));
  for (int i = 0; i != 2; ++i) {
    co_await ticks(1);
    again.cancel();
  }
  co_await outcome(awaits(again), log, "again");

  coral::future<> child;
  auto late = create_task(gathers(child));
  co_await ticks(1);
  child.set_exception(coral::value_error("child"));
  late.cancel();
  co_await outcome(awaits(late), log, "late");
}

task<void> shield_done(notes &log) {
  auto inner = create_task(ticks(1, 7));
  co_await ticks(2);
  coral::get_running_loop().call_soon([&] { log.push_back("switched"); });
  co_await outcome(awaits(coral::shield(inner)), log, "inner");
  co_await coral::sleep(0s);
}

task<void> shield(notes &log) {
  auto inner = [&]() -> task<void> {
    co_await ticks(2);
    log.push_back("inner");
  };
  auto outer = [&]() -> task<void> { co_await coral::shield(inner()); };
  auto child = create_task(outer());
  co_await ticks(1);
  child.cancel();
  co_await outcome(awaits(child), log, "outer");
  co_await ticks(3);
}

task<void> as_completed(notes &log) {
  std::vector<task<std::string>> all;
  for (int each : {6, 2, 4})
    all.push_back(ticks(each, std::to_string(each)));
  for (task<std::string> next : coral::as_completed(std::move(all)))
    log.push_back(co_await std::move(next));
}

task<void> wait_for(notes &log) {
  auto slow = [&]() -> task<void> {
    std::exception_ptr cancelled;
    try {
      co_await ticks(1000);
    } catch (...) {
      cancelled = std::current_exception();
    }
    co_await ticks(1);
    log.push_back("cleaned");
    std::rethrow_exception(cancelled);
  };
  co_await outcome(coral::wait_for(slow(), tick), log, "slow");
  co_await outcome(coral::wait_for(ticks(0, 5), std::nullopt), log, "quick");
}

task<void> timeouts(notes &log) {
  auto forever = []() -> task<void> { co_await ticks(1000); };
  auto short_within = [&]() -> task<void> {
    coral::timeout limit(tick);
    co_await coral::async_with(limit, forever);
  };
  auto inner = [&]() -> task<void> {
    coral::timeout limit(10s);
    co_await coral::async_with(limit, short_within);
  };
  co_await outcome(inner(), log, "inner");

  auto long_within = [&]() -> task<void> {
    coral::timeout limit(10s);
    try {
      co_await coral::async_with(limit, forever);
    } catch (...) {
      log.push_back(name_of(std::current_exception()));
      throw;
    }
  };
  auto outer = [&]() -> task<void> {
    coral::timeout limit(tick);
    co_await coral::async_with(limit, long_within);
  };
  co_await outcome(outer(), log, "outer");
  log.push_back("cancelling " + std::to_string(coral::current_task()->cancelling()));
}

task<void> task_group(notes &log) {
  auto waits = [&](std::string name) -> task<void> {
    try {
      co_await ticks(1000);
    } catch (const coral::cancelled_error &) {
      log.push_back(name + " cancelled");
      throw;
    }
  };
  auto group_main = [&]() -> task<void> {
    coral::task_group group;
    auto body = [&]() -> task<void> {
      group.create_task(waits("sibling"));
      group.create_task(raises_value_error(1));
      co_await waits("body");
    };
    co_await coral::async_with(group, body);
  };
  co_await outcome(group_main(), log, "group");
}

task<void> lock(notes &log) {
  coral::lock lock;
  auto hold = [&](std::string name) -> task<void> {
    try {
      {
        auto held = co_await lock.scoped();
        log.push_back(std::string("+") + name);
        co_await coral::sleep(0s);
      }
      log.push_back(std::string("-") + name);
    } catch (const coral::cancelled_error &) {
      log.push_back(name + " cancelled");
    }
  };
  co_await lock.acquire();
  std::vector<coral::scheduled_task<>> tasks;
  for (const char *name : {"a", "b", "c"})
    tasks.push_back(create_task(hold(name)));
  co_await coral::sleep(0s);
  lock.release();
  log.push_back("locked " + text(lock.locked()));
  tasks[0].cancel();
  co_await coral::gather(tasks);
  log.push_back(name_of_thrown([&] { lock.release(); }));
}

task<void> event(notes &log) {
  coral::event event;
  auto wait = [&](std::string name) -> task<void> {
    co_await event.wait();
    log.push_back(name);
  };
  auto a = create_task(wait("a"));
  auto b = create_task(wait("b"));
  co_await coral::sleep(0s);
  event.set();
  event.clear();
  log.push_back("set");
  co_await coral::gather(a, b);
}

task<void> condition(notes &log) {
  coral::condition condition;
  auto wait = [&](std::string name) -> task<void> {
    auto held = co_await condition.scoped();
    co_await condition.wait();
    log.push_back(name);
  };
  std::vector<coral::scheduled_task<>> tasks;
  for (const char *name : {"a", "b", "c"})
    tasks.push_back(create_task(wait(name)));
  co_await ticks(1);
  {
    auto held = co_await condition.scoped();
    condition.notify(2);
    log.push_back("notified");
  }
  co_await ticks(1);
  log.push_back("more");
  {
    auto held = co_await condition.scoped();
    condition.notify_all();
  }
  co_await coral::gather(tasks);
  log.push_back(name_of_thrown([&] { condition.notify(); }));
}

task<void> semaphore(notes &log) {
  coral::semaphore semaphore(2);
  auto hold = [&](std::string name) -> task<void> {
    {
      auto held = co_await semaphore.scoped();
      log.push_back(std::string("+") + name);
      co_await ticks(1);
    }
    log.push_back(std::string("-") + name);
  };
  co_await coral::gather(hold("a"), hold("b"), hold("c"), hold("d"));
  coral::bounded_semaphore bounded(1);
  log.push_back(name_of_thrown([&] { bounded.release(); }));
}

task<void> barrier(notes &log) {
  coral::barrier barrier(2);
  auto arrive = [&](std::string name) -> task<void> {
    try {
      log.push_back(name + std::to_string(co_await barrier.wait()));
    } catch (const coral::broken_barrier_error &) {
      log.push_back(name + " " + name_of(std::current_exception()));
    }
  };
  auto first = create_task(arrive("a"));
  co_await coral::sleep(0s);
  co_await arrive("b");
  co_await first;
  auto waiting = create_task(arrive("c"));
  co_await ticks(1);
  co_await barrier.abort();
  co_await waiting;
  co_await arrive("d");
  log.push_back("broken " + text(barrier.broken()));
}

task<void> queue(notes &log) {
  coral::queue<int> queue(1);
  auto take = [&](std::string name) -> task<void> {
    try {
      log.push_back(name + std::to_string(co_await queue.get()));
    } catch (const coral::cancelled_error &) {
      log.push_back(name + " cancelled");
    }
  };
  auto first = create_task(take("a"));
  auto second = create_task(take("b"));
  co_await coral::sleep(0s);
  queue.put_nowait(1);
  first.cancel();
  co_await coral::gather(first, second);
  co_await queue.put(2);
  log.push_back(name_of_thrown([&] { queue.put_nowait(3); }));
  log.push_back(std::to_string(queue.get_nowait()));
  log.push_back(name_of_thrown([&] { queue.get_nowait(); }));
  queue.task_done();
  queue.task_done();
  co_await queue.join();
  log.push_back(name_of_thrown([&] { queue.task_done(); }));
}

template <class Queue> void drain(notes &log) {
  Queue queue;
  for (int item : {2, 3, 1})
    queue.put_nowait(item);
  while (!queue.empty())
    log.push_back(std::to_string(queue.get_nowait()));
}

task<void> other_queues(notes &log) {
  drain<coral::priority_queue<int>>(log);
  drain<coral::lifo_queue<int>>(log);
  co_return;
}

coral::generator<int, void, int> protocol(notes &log) {
  finally note{[&] { log.push_back("finally"); }};
  bool caught = false;
  try {
    std::optional<int> got = co_yield 1;
    log.push_back("got " + std::to_string(*got));
    co_yield 2;
  } catch (const coral::value_error &) {
    caught = true;
  }
  if (caught) {
    log.push_back("caught");
    co_yield 3;
  }
}

coral::generator<int> nothing() { co_return; }
coral::generator<int> leaks() { co_yield nothing().next(); }

task<void> generators(notes &log) {
  auto source = protocol(log);
  log.push_back(std::to_string(source.next()));
  log.push_back(std::to_string(source.send(5)));
  log.push_back(std::to_string(source.throw_(coral::value_error(""))));
  source.close();
  log.push_back(name_of_thrown([&] { source.next(); }));
  notes unused;
  log.push_back(name_of_thrown([&] { protocol(unused).send(1); }));
  log.push_back(name_of_thrown([&] { leaks().next(); }));
  co_return;
}

coral::recursive_generator<int, void, std::string> child(notes &log) {
  try {
    co_yield 1;
    co_yield 2;
  } catch (const coral::value_error &) {
    log.push_back("caught");
  }
  co_return "returned";
}

coral::recursive_generator<int> parent(notes &log) {
  std::string returned = co_yield coral::elements_of(child(log));
  log.push_back(returned);
  co_yield 3;
}

task<void> yield_from(notes &log) {
  auto source = parent(log);
  log.push_back(std::to_string(source.next()));
  log.push_back(std::to_string(source.throw_(coral::value_error(""))));
  for (int value : source)
    log.push_back(std::to_string(value));
  co_return;
}

task<void> async_generator_finalisation(notes &log) {
  auto numbers = [&]() -> coral::async_generator<int> {
    try {
      for (int i = 0; i != 5; ++i)
        co_yield i;
    } catch (const coral::generator_exit &) {
    }
    co_await coral::sleep(0s);
    log.push_back("finalised");
  };
  auto use = [&]() -> task<void> {
    auto source = numbers();
    while (auto number = co_await source.next())
      if (*number == 1)
        break;
    log.push_back("after break");
  };
  co_await use();
  log.push_back("main end");
  co_await ticks(1);
}

/// A step, as a task.
template <class Step> task<int> value_of(Step &step) { co_return co_await step; }
template <class Step> task<void> end_of(Step &step) { co_await step; }

coral::async_generator<int, void, int> async_protocol(notes &log) {
  bool caught = false;
  try {
    std::optional<int> got = co_yield 1;
    log.push_back("got " + std::to_string(*got));
    co_yield 2;
  } catch (const coral::value_error &) {
    caught = true;
  }
  if (caught)
    co_yield 3;
}

task<void> async_generator_protocol(notes &log) {
  auto unstarted = async_protocol(log);
  auto early = unstarted.asend(1);
  co_await outcome(value_of(early), log, "early");
  auto source = async_protocol(log);
  auto anext = source.anext();
  co_await outcome(value_of(anext), log, "anext");
  auto asend = source.asend(5);
  co_await outcome(value_of(asend), log, "asend");
  auto athrow = source.athrow(coral::value_error(""));
  co_await outcome(value_of(athrow), log, "athrow");
  auto aclose = source.aclose();
  co_await outcome(end_of(aclose), log, "aclose");
  auto again = source.aclose();
  co_await outcome(end_of(again), log, "aclose");
  auto end = source.anext();
  co_await outcome(value_of(end), log, "anext");
}

coral::async_generator<int> slow() {
  co_await ticks(2);
  co_yield 1;
}

coral::async_generator<int> ignores_exit() {
  for (;;)
    try {
      co_yield 1;
    } catch (const coral::generator_exit &) {
    }
}

coral::async_generator<int> leaks_stop() {
  throw coral::stop_async_iteration();
  co_yield 1;
}

task<void> async_generator_misuse(notes &log) {
  auto source = slow();
  auto anext = source.anext();
  auto first = create_task(outcome(value_of(anext), log, "first"));
  co_await coral::sleep(0s);
  auto second = source.anext();
  co_await outcome(value_of(second), log, "second");
  co_await first;
  co_await source.aclose();
  auto ignoring = ignores_exit();
  co_await ignoring.anext();
  auto aclose = ignoring.aclose();
  co_await outcome(end_of(aclose), log, "ignores");
  auto leaky = leaks_stop();
  auto leak = leaky.anext();
  co_await outcome(value_of(leak), log, "leaks");
}

task<void> async_for(notes &log) {
  auto numbers = []() -> coral::async_generator<int> {
    co_yield 1;
    co_yield 2;
  };
  auto body = [&](int number) { log.push_back(std::to_string(number)); };
  if (co_await coral::async_for(numbers(), body))
    log.push_back("else");
}

class scope {
public:
  scope(notes &log, std::string name, bool suppress = false)
      : log_(log), name_(std::move(name)), suppress_(suppress) {}

  task<void> aenter() {
    log_.push_back(std::string("+") + name_);
    co_return;
  }
  task<bool> aexit(std::exception_ptr error) {
    log_.push_back(std::string("-") + name_ + " " + (error ? name_of(error) : "None"));
    co_return suppress_;
  }

private:
  notes &log_;
  std::string name_;
  bool suppress_;
};

task<void> async_with(notes &log) {
  auto raises = [] { throw coral::value_error(""); };
  co_await outcome(coral::async_with(scope(log, "a", true), raises), log, "a");
  co_await outcome(coral::async_with(scope(log, "b"), raises), log, "b");
  auto body = [&](coral::async_exit_stack &stack) -> task<void> {
    co_await stack.enter_async_context(scope(log, "c"));
    auto note = [&](const char *what) { log.push_back(what); };
    stack.push_async_callback(note, "callback");
    co_await stack.enter_async_context(scope(log, "d", true));
    throw coral::value_error("");
  };
  co_await outcome(coral::async_with(coral::async_exit_stack(), body), log, "stack");
}

task<void> coroutines(notes &log) {
  auto body = []() -> task<int> { co_return 1; };
  auto coroutine = body();
  auto await_it = [&]() -> task<int> { co_return co_await std::move(coroutine); };
  co_await outcome(await_it(), log, "first");
  co_await outcome(await_it(), log, "second");
  auto leaks_stop_iteration = []() -> task<void> {
    throw coral::stop_iteration();
    co_return;
  };
  co_await outcome(leaks_stop_iteration(), log, "leaks");
  auto me = coral::current_task();
  auto awaits_itself = []() -> task<void> { co_await *coral::current_task(); };
  auto itself = create_task(awaits_itself());
  co_await outcome(awaits(itself), log, "itself");
  log.push_back("current " + text(coral::current_task() == me));
}

struct probe {
  const char *name;
  task<void> (*run)(notes &);
};

#define PROBE(NAME)                                                                                \
  probe { #NAME, NAME }

const probe probes[] = {
    PROBE(callbacks),
    PROBE(timers),
    PROBE(task_start),
    PROBE(sleep_zero),
    PROBE(future_callbacks),
    PROBE(future_states),
    PROBE(cancel_is_a_request),
    PROBE(cancel_before_start),
    PROBE(cancel_swallowed),
    PROBE(cancel_unwinds),
    PROBE(cancel_with_result),
    PROBE(cancel_at_the_end),
    PROBE(gather_order),
    PROBE(gather_error),
    PROBE(gather_exceptions),
    PROBE(gather_cancelled),
    PROBE(shield_done),
    PROBE(shield),
    PROBE(as_completed),
    PROBE(wait_for),
    PROBE(timeouts),
    PROBE(task_group),
    PROBE(lock),
    PROBE(event),
    PROBE(condition),
    PROBE(semaphore),
    PROBE(barrier),
    PROBE(queue),
    PROBE(other_queues),
    PROBE(generators),
    PROBE(yield_from),
    PROBE(async_generator_finalisation),
    PROBE(async_generator_protocol),
    PROBE(async_generator_misuse),
    PROBE(async_for),
    PROBE(async_with),
    PROBE(coroutines),
};

} // namespace

int main() {
  for (const probe &each : probes) {
    notes log;
    coral::run(each.run(log), coral::manual_loop::create);
    std::printf("%s: ", each.name);
    for (std::size_t i = 0; i != log.size(); ++i)
      std::printf("%s%s", i == 0 ? "" : ", ", log[i].c_str());
    std::printf("\n");
  }
}
