// The same moves in Boost.Asio's own coroutines.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <benchmark/benchmark.h>

namespace {

namespace asio = boost::asio;
using asio::awaitable;

awaitable<int> ready(int value) {
  benchmark::DoNotOptimize(value);
  co_return value + 1;
}

awaitable<int> nested(int level) {
  benchmark::DoNotOptimize(level);
  if (level == 0)
    co_return 0;
  const int below = co_await nested(level - 1);
  co_return below + 1;
}

awaitable<void> gives_way(int times) {
  while (--times)
    co_await asio::post(asio::use_awaitable);
}

template <class Body> void run(Body body) {
  asio::io_context io(1);
  asio::co_spawn(io, body, asio::detached);
  io.run();
}

void ready_asio(benchmark::State &state) {
  run([&]() -> awaitable<void> {
    int total = 0;
    for (auto _ : state)
      total += co_await ready(1);
    benchmark::DoNotOptimize(total);
  });
}

void nested_asio(benchmark::State &state) {
  run([&]() -> awaitable<void> {
    for (auto _ : state) {
      int total = co_await nested(100);
      benchmark::DoNotOptimize(total);
    }
  });
}

void switch_asio(benchmark::State &state) {
  asio::io_context io(1);
  for (auto _ : state) {
    asio::co_spawn(io, gives_way(500), asio::detached);
    asio::co_spawn(io, gives_way(500), asio::detached);
    io.run();
    io.restart();
  }
}

BENCHMARK(ready_asio)->Name("ready_await/asio");
BENCHMARK(nested_asio)->Name("nested_await/asio");
BENCHMARK(switch_asio)->Name("switch/asio");

} // namespace
