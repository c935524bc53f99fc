// A task hands a blocking job to a thread pool every tenth of a second, while another one reports
// how many tasks and threads there are. The loop is never blocked.

#include "check.hpp"

#include <coral/executors.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::atomic<int> finished_jobs = 0;

void job(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);
  ++finished_jobs;
}

coral::task<void> feed(coral::thread_pool_executor &pool, int jobs) {
  std::vector<coral::future<>> running;
  for (int i = 0; i != jobs; ++i) {
    running.push_back(coral::get_running_loop().run_in_executor(&pool, job, 250ms));
    co_await coral::sleep(100ms);
  }
  for (const coral::future<> &each : running)
    co_await each;
}

struct report {
  std::size_t lines = 0;
  std::size_t most_threads = 0;
};

coral::task<void> report_counts(coral::thread_pool_executor &pool, report &seen) {
  for (;;) {
    const std::size_t threads = pool.workers();
    std::printf("%zu tasks, %zu threads, %d jobs done\n", coral::all_tasks().size(), threads,
                finished_jobs.load());
    ++seen.lines;
    seen.most_threads = std::max(seen.most_threads, threads);
    co_await coral::sleep(100ms);
  }
}

coral::task<void> work() {
  constexpr int jobs = 8;
  coral::thread_pool_executor pool(3);
  report seen;
  auto reporter = coral::create_task(report_counts(pool, seen));
  co_await feed(pool, jobs);
  reporter.cancel();
  try {
    co_await reporter;
  } catch (const coral::cancelled_error &) {
    std::printf("the reporter is cancelled\n");
  }
  check(finished_jobs == jobs, "every job is done");
  check(seen.lines > 3, "the reporter runs beside the jobs");
  check(seen.most_threads > 1 && seen.most_threads <= 3,
        "jobs run beside each other, three at most");
}

int main() { coral::run(work()); }
