// What the runtime's basic moves cost, each beside the plain code it stands for.
//
// The names pair up: `X/plain` and `X/coral` do the same work, and where there is `X/bare` it does
// so with the least coroutine that can: what C++ itself costs there. `X/asio` is in asio_bench.cpp.

#include <coral/generator.hpp>
#include <coral/loop/manual.hpp>
#include <coral/spawn.hpp>
#include <coral/task.hpp>
#include <coral/tasks.hpp>

#include <benchmark/benchmark.h>

#include <coroutine>
#include <deque>
#include <exception>

namespace {

using coral::task;

[[gnu::noinline]] int plain_call(int value) {
  benchmark::DoNotOptimize(value);
  return value + 1;
}

task<int> ready_task(int value) {
  benchmark::DoNotOptimize(value);
  co_return value + 1;
}

void ready_plain(benchmark::State &state) {
  int total = 0;
  for (auto _ : state)
    total += plain_call(1);
  benchmark::DoNotOptimize(total);
}

void ready_coral(benchmark::State &state) {
  auto loop = [&]() -> task<void> {
    int total = 0;
    for (auto _ : state)
      total += co_await ready_task(1);
    benchmark::DoNotOptimize(total);
  };
  coral::spawn(loop());
}

/// A lazy coroutine that knows neither errors nor misuse: it holds its awaiter and its value.
class CORAL_AWAIT_ELIDABLE bare_task {
public:
  struct promise_type {
    bare_task get_return_object() noexcept { return bare_task(handle::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct awaiter : std::suspend_always {
        std::coroutine_handle<> await_suspend(handle finished) const noexcept {
          return finished.promise().continuation;
        }
      };
      return awaiter{};
    }
    void return_value(int given) noexcept { value = given; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    int value = 0;
  };
  using handle = std::coroutine_handle<promise_type>;

  bare_task(const bare_task &) = delete;
  bare_task &operator=(const bare_task &) = delete;
  ~bare_task() { coroutine.destroy(); }

  auto operator co_await() && noexcept {
    struct awaiter : std::suspend_always {
      explicit awaiter(handle awaited) noexcept : awaited(awaited) {}
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
        awaited.promise().continuation = awaiting;
        return awaited;
      }
      int await_resume() const noexcept { return awaited.promise().value; }
      handle awaited;
    };
    return awaiter(coroutine);
  }

  const handle coroutine;

private:
  explicit bare_task(handle coroutine) noexcept : coroutine(coroutine) {}
};

bare_task ready_bare_task(int value) {
  benchmark::DoNotOptimize(value);
  co_return value + 1;
}

void ready_bare(benchmark::State &state) {
  auto loop = [&]() -> bare_task {
    int total = 0;
    for (auto _ : state)
      total += co_await ready_bare_task(1);
    benchmark::DoNotOptimize(total);
    co_return total;
  };
  loop().coroutine.resume();
}

constexpr int depth = 100;

[[gnu::noinline]] int plain_nested(int level) {
  benchmark::DoNotOptimize(level);
  if (level == 0)
    return 0;
  const int below = plain_nested(level - 1);
  return below + 1;
}

task<int> nested_task(int level) {
  benchmark::DoNotOptimize(level);
  if (level == 0)
    co_return 0;
  const int below = co_await nested_task(level - 1);
  co_return below + 1;
}

void nested_plain(benchmark::State &state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(plain_nested(depth));
  state.SetItemsProcessed(state.iterations() * depth);
}

void nested_coral(benchmark::State &state) {
  auto loop = [&]() -> task<void> {
    for (auto _ : state) {
      int total = co_await nested_task(depth);
      benchmark::DoNotOptimize(total);
    }
  };
  coral::spawn(loop());
  state.SetItemsProcessed(state.iterations() * depth);
}

constexpr int elements = 1000;

coral::generator<int> count(int end) {
  for (int i = 0; i != end; ++i)
    co_yield i;
}

[[gnu::noinline]] int sum_plain(int end) {
  int total = 0;
  for (int i = 0; i != end; ++i) {
    total += i;
    benchmark::DoNotOptimize(total);
  }
  return total;
}

[[gnu::noinline]] int sum_generator(int end) {
  int total = 0;
  for (int i : count(end)) {
    total += i;
    benchmark::DoNotOptimize(total);
  }
  return total;
}

void generator_plain(benchmark::State &state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(sum_plain(elements));
  state.SetItemsProcessed(state.iterations() * elements);
}

void generator_coral(benchmark::State &state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(sum_generator(elements));
  state.SetItemsProcessed(state.iterations() * elements);
}

constexpr int switches = 1000;

/// A queue of callbacks at its barest: a function and its argument.
struct bare_queue {
  struct entry {
    void (*call)(bare_queue &, int &);
    int *remaining;
  };
  std::deque<entry> entries;

  static void step(bare_queue &queue, int &remaining) {
    if (--remaining)
      queue.entries.push_back({step, &remaining});
  }

  void run() {
    while (!entries.empty()) {
      const entry next = entries.front();
      entries.pop_front();
      next.call(*this, *next.remaining);
    }
  }
};

void switch_plain(benchmark::State &state) {
  bare_queue queue;
  for (auto _ : state) {
    int first = switches / 2;
    int second = switches / 2;
    queue.entries.push_back({bare_queue::step, &first});
    queue.entries.push_back({bare_queue::step, &second});
    queue.run();
  }
  state.SetItemsProcessed(state.iterations() * switches);
}

task<void> gives_way(int times) {
  while (--times)
    co_await coral::yield();
}

void switch_coral(benchmark::State &state) {
  coral::manual_loop loop;
  auto main = [&]() -> task<void> {
    for (auto _ : state) {
      auto first = coral::create_task(gives_way(switches / 2));
      co_await gives_way(switches / 2);
      co_await first;
    }
  };
  loop.run_until_complete(main());
  state.SetItemsProcessed(state.iterations() * switches);
}

BENCHMARK(ready_plain)->Name("ready_await/plain");
BENCHMARK(ready_bare)->Name("ready_await/bare");
BENCHMARK(ready_coral)->Name("ready_await/coral");
BENCHMARK(nested_plain)->Name("nested_await/plain");
BENCHMARK(nested_coral)->Name("nested_await/coral");
BENCHMARK(generator_plain)->Name("generator/plain");
BENCHMARK(generator_coral)->Name("generator/coral");
BENCHMARK(switch_plain)->Name("switch/plain");
BENCHMARK(switch_coral)->Name("switch/coral");

} // namespace
