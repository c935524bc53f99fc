// Wraps an ordinary function that blocks as an awaitable one: three calls that take five units each
// take five together, because each blocks a thread of its own and the loop none.

#include "check.hpp"

#include <coral/gather.hpp>
#include <coral/runner.hpp>
#include <coral/sync.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <tuple>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

constexpr auto unit = 100ms;

std::string blocking_fetch(std::string name) {
  std::this_thread::sleep_for(5 * unit);
  return "page of " + name;
}

coral::task<void> fetch_all() {
  auto fetch = coral::sync_to_async(blocking_fetch, {.thread_sensitive = false});
  const auto begin = clock_type::now();
  const auto pages = co_await coral::gather(fetch("a"), fetch("b"), fetch("c"));
  const auto units = (clock_type::now() - begin) / unit;
  const auto &[a, b, c] = pages;
  std::printf("%s, %s, %s after %d units\n", a.c_str(), b.c_str(), c.c_str(),
              static_cast<int>(units));
  check(c == "page of c", "the results come in the order of the calls");
  check(units >= 5, "a call takes five units");
  check(units < 10, "three calls take less than two of them one after the other");
}

int main() { coral::run(fetch_all()); }
