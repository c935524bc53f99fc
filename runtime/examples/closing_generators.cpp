// The end of a program in the right order: async generators that were left early are closed while
// the loop still runs, so that they can await something to clean up; then the loop is closed.

#include "check.hpp"

#include <coral/async_generator.hpp>
#include <coral/loop/uv.hpp>
#include <coral/tasks.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

std::vector<std::string> log_lines;

void note(const char *line) {
  std::printf("%s\n", line);
  log_lines.push_back(line);
}

coral::async_generator<int> measurements() {
  note("connect");
  try {
    for (int i = 0;; ++i) {
      co_await coral::sleep(1ms);
      co_yield i;
    }
  } catch (const coral::generator_exit &) {
  }
  co_await coral::sleep(10ms);
  note("disconnect");
}

coral::task<void> read_some(coral::async_generator<int> &source) {
  while (auto value = co_await source.next())
    if (*value == 3)
      break;
  note("read enough");
}

int main() {
  coral::uv_loop loop;
  auto source = measurements();
  loop.run_until_complete(read_some(source));
  loop.run_until_complete(loop.shutdown_asyncgens());
  check(source.state() == coral::coroutine_state::closed, "the shutdown closes the generator");
  loop.close();
  note("the loop is closed");
  check(log_lines ==
            std::vector<std::string>{"connect", "read enough", "disconnect", "the loop is closed"},
        "the generator disconnects before the loop is closed");
}
