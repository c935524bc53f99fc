// What a suspended task takes, in bytes of the heap, malloc's own included.

#include <coral/future.hpp>
#include <coral/loop/manual.hpp>
#include <coral/spawn.hpp>
#include <coral/tasks.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <malloc.h>

#include <cstdio>
#include <utility>

namespace {

using coral::task;

constexpr std::size_t tasks = 10'000;

template <class Start> void measure(const char *name, double target, Start start) {
  const std::size_t before = ::mallinfo2().uordblks;
  start();
  const double each = static_cast<double>(::mallinfo2().uordblks - before) / tasks;
  std::printf("%-34s %10.0f", name, each);
  if (target != 0)
    std::printf(" %10.0f", target);
  std::printf("\n");
}

task<void> waits(coral::future<void> &event) { co_await event; }

task<void> sleeps() { co_await coral::sleep(std::chrono::hours(1)); }

namespace asio = boost::asio;

asio::awaitable<void> sleeps_in_asio() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

task<void> awaits(task<void> inner) { co_await std::move(inner); }

} // namespace

int main() {
  std::printf("%-34s %10s %10s\n", "suspended task", "bytes", "target");
  coral::manual_loop loop;
  coral::future<void> event(loop);
  const auto step = [&] {
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
  };
  measure("awaits a task", 128, [&] {
    task<void> chain = waits(event);
    for (std::size_t i = 0; i != tasks; ++i)
      chain = awaits(std::move(chain));
    loop.create_task(std::move(chain));
    step();
  });
  measure("spawned, awaits a future", 0, [&] {
    loop.call_soon([&] {
      for (std::size_t i = 0; i != tasks; ++i)
        coral::spawn(waits(event));
    });
    step();
  });
  measure("create_task, awaits a future", 0, [&] {
    for (std::size_t i = 0; i != tasks; ++i)
      loop.create_task(waits(event));
    step();
  });
  measure("create_task, sleeps", 0, [&] {
    for (std::size_t i = 0; i != tasks; ++i)
      loop.create_task(sleeps());
    step();
  });
  asio::io_context io(1);
  measure("asio awaitable, sleeps", 0, [&] {
    for (std::size_t i = 0; i != tasks; ++i)
      asio::co_spawn(io, sleeps_in_asio(), asio::detached);
    io.poll();
  });
  loop.set_exception_handler([](coral::event_loop &, const coral::exception_context &) {});
  std::fflush(stdout);
  // Nothing here is worth taking apart again.
  std::_Exit(0);
}
