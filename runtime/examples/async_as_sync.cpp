// Wraps a coroutine function as an ordinary one, for a program that is not asynchronous: the call
// runs the coroutine on a loop of its own and waits. Within a loop, which it would block, it
// refuses.

#include "check.hpp"

#include <coral/gather.hpp>
#include <coral/runner.hpp>
#include <coral/sync.hpp>
#include <coral/tasks.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <tuple>

using namespace std::chrono_literals;

coral::task<int> price_of(std::string item) {
  co_await coral::sleep(50ms);
  co_return static_cast<int>(item.size());
}

coral::task<int> total(std::string first, std::string second) {
  auto prices = co_await coral::gather(price_of(first), price_of(second));
  co_return std::get<0>(prices) + std::get<1>(prices);
}

coral::task<void> misuse() {
  bool refused = false;
  try {
    // NOLINTNEXTLINE(coral-blocking-call): the misuse is what this shows
    static_cast<void>(coral::async_to_sync(total)("tea", "cake"));
  } catch (const coral::runtime_error &error) {
    std::printf("refused: %s\n", error.what());
    refused = true;
  }
  check(refused, "a call that would block the loop is refused");
  co_return;
}

int main() {
  auto total_now = coral::async_to_sync(total);
  const int sum = total_now("tea", "cake");
  std::printf("tea and cake: %d\n", sum);
  check(sum == 7, "the call gives what the coroutine returns");
  coral::run(misuse());
}
