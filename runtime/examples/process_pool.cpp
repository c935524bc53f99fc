// Computes in three other processes. Arguments and results travel by serialisation, so a call is
// given a function and values, not references.

#include "check.hpp"

#include <coral/gather.hpp>
#include <coral/process_pool.hpp>
#include <coral/runner.hpp>

#include <cereal/types/utility.hpp>

#include <unistd.h>

#include <cstdio>
#include <set>
#include <utility>
#include <vector>

/// How many primes are below `end`, and which process has counted them.
std::pair<int, int> count_primes(int end) {
  int count = 0;
  for (int n = 2; n < end; ++n) {
    bool prime = true;
    for (int d = 2; prime && d * d <= n; ++d)
      prime = n % d != 0;
    count += prime;
  }
  return {count, static_cast<int>(::getpid())};
}

coral::task<void> count_all() {
  coral::process_pool_executor pool(3);
  coral::event_loop &loop = coral::get_running_loop();
  std::vector<coral::future<std::pair<int, int>>> counts;
  for (int end : {10, 100, 1000, 10'000, 100'000, 100'000})
    counts.push_back(loop.run_in_executor(&pool, count_primes, end));
  std::vector<std::pair<int, int>> all = co_await coral::gather(counts);
  std::set<int> workers;
  for (auto [count, worker] : all) {
    std::printf("process %d found %d primes\n", worker, count);
    workers.insert(worker);
  }
  check(all[2].first == 168 && all[5].first == 9592, "the results come in the order of the calls");
  check(!workers.contains(static_cast<int>(::getpid())), "no call is made in this process");
  check(workers.size() <= 3, "there are three workers");
}

int main() { coral::run(count_all()); }
