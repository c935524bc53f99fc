// Calls in other processes.

#include "loop_backends.hpp"

#include <coral/process_pool.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/vector.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using coral::process_pool_executor;
using coral::task;
using namespace std::chrono_literals;

/// A counter that the processes of a pool share, if it is made before the pool.
class shared_counter {
public:
  shared_counter()
      : count_(new (::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>(0)) {}
  ~shared_counter() { ::munmap(count_, sizeof *count_); }

  /// For the argument of a call: forked processes have it at the same address.
  std::uintptr_t address() const { return reinterpret_cast<std::uintptr_t>(count_); }
  static std::atomic<int> &at(std::uintptr_t address) {
    return *reinterpret_cast<std::atomic<int> *>(address);
  }
  std::atomic<int> &operator*() { return *count_; }

private:
  std::atomic<int> *count_;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto &each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

int add(int a, int b) { return a + b; }

double mean(const std::vector<double> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

int meet(std::uintptr_t counter, int expected) {
  std::atomic<int> &count = shared_counter::at(counter);
  ++count;
  while (count < expected)
    ::usleep(1000);
  return ::getpid();
}

int die(int signal) {
  ::raise(signal);
  return 0;
}

TEST(ProcessPool, a_call_gives_its_value) {
  process_pool_executor pool(1);
  EXPECT_EQ(pool.submit(add, 3, 4).result(), 7);
  EXPECT_EQ(pool.submit(mean, std::vector<double>{1, 2, 6}).result(), 3);
  auto count = [](std::string text) {
    std::map<char, int> counts;
    for (char each : text)
      ++counts[each];
    return counts;
  };
  EXPECT_EQ(pool.submit(count, "abca").result(),
            (std::map<char, int>{{'a', 2}, {'b', 1}, {'c', 1}}));
  pool.submit([] {}).result();
}

TEST(ProcessPool, calls_run_in_other_processes_beside_each_other) {
  shared_counter counter;
  process_pool_executor pool(3);
  std::vector<coral::concurrent_future<int>> calls;
  for (int i = 0; i != 3; ++i)
    calls.push_back(pool.submit(meet, counter.address(), 3));
  std::set<int> processes{::getpid()};
  for (const auto &call : calls)
    processes.insert(call.result());
  EXPECT_EQ(processes.size(), 4u);
}

TEST(ProcessPool, one_worker_is_used_again) {
  process_pool_executor pool(1);
  const int first = pool.submit(::getpid).result();
  EXPECT_EQ(pool.submit(::getpid).result(), first);
  EXPECT_NE(first, ::getpid());
}

TEST(ProcessPool, an_exception_crosses_with_its_type_and_text) {
  process_pool_executor pool(1);
  auto call = pool.submit([](int) { throw std::domain_error("bad value"); }, 1);
  try {
    call.result();
    FAIL();
  } catch (const coral::remote_error &error) {
    EXPECT_EQ(error.type_name(), "std::domain_error");
    EXPECT_STREQ(error.what(), "bad value");
  }
  auto odd = pool.submit([] { throw 5; });
  EXPECT_EQ(message_of<coral::remote_error>([&] { odd.result(); }), "int");
  EXPECT_EQ(pool.submit(add, 1, 1).result(), 2);
}

TEST(ProcessPool, a_worker_that_is_killed_fails_its_call_and_no_other) {
  shared_counter counter;
  process_pool_executor pool(2);
  auto other = pool.submit(meet, counter.address(), 2);
  auto killed = pool.submit(die, SIGKILL);
  EXPECT_EQ(message_of<coral::broken_process_pool>([&] { killed.result(); }),
            "the worker process was killed by signal 9 during the call");
  auto last = pool.submit(meet, counter.address(), 2);
  EXPECT_NE(other.result(), last.result());
}

TEST(ProcessPool, a_worker_that_exits_fails_its_call) {
  process_pool_executor pool(1);
  auto call = pool.submit([](int status) { ::_exit(status); }, 3);
  EXPECT_EQ(message_of<coral::broken_process_pool>([&] { call.result(); }),
            "the worker process exited with status 3 during the call");
}

TEST(ProcessPool, many_calls_survive_workers_that_keep_dying) {
  process_pool_executor pool(2);
  std::vector<coral::concurrent_future<int>> calls;
  for (int i = 0; i != 60; ++i)
    calls.push_back(i % 5 == 0 ? pool.submit(die, SIGKILL) : pool.submit(add, i, 1));
  for (int i = 0; i != 60; ++i) {
    if (i % 5 == 0)
      EXPECT_THROW(calls[i].result(), coral::broken_process_pool);
    else
      EXPECT_EQ(calls[i].result(), i + 1);
  }
}

TEST(ProcessPool, large_arguments_and_results_cross) {
  process_pool_executor pool(1);
  const std::string large(8 << 20, 'x');
  EXPECT_EQ(pool.submit([](std::string text) { return text + "y"; }, large).result(), large + "y");
}

TEST(ProcessPool, a_worker_has_none_of_the_programs_descriptors_and_handlers) {
  int both[2];
  ASSERT_EQ(::pipe(both), 0);
  struct sigaction ours{};
  struct sigaction before;
  ours.sa_handler = [](int) { ::_exit(99); };
  ::sigaction(SIGUSR1, &ours, &before);
  {
    process_pool_executor pool(1);
    auto leads_to = [](int descriptor, std::uint64_t file) {
      struct stat status;
      return ::fstat(descriptor, &status) == 0 && status.st_ino == file;
    };
    struct stat status;
    ASSERT_EQ(::fstat(both[1], &status), 0);
    EXPECT_FALSE(pool.submit(leads_to, both[1], status.st_ino).result());
    ASSERT_EQ(::fstat(1, &status), 0);
    EXPECT_TRUE(pool.submit(leads_to, 1, status.st_ino).result());
    auto interrupted = [] {
      ::raise(SIGINT);
      return 1;
    };
    EXPECT_EQ(pool.submit(interrupted).result(), 1);
    auto killed = pool.submit(die, SIGUSR1);
    EXPECT_EQ(message_of<coral::broken_process_pool>([&] { killed.result(); }),
              "the worker process was killed by signal 10 during the call");
  }
  ::sigaction(SIGUSR1, &before, nullptr);
  ::close(both[0]);
  ::close(both[1]);
}

TEST(ProcessPool, nothing_is_left_after_shutdown) {
  const std::size_t before = open_descriptors();
  std::vector<int> workers;
  {
    shared_counter counter;
    process_pool_executor pool(3);
    std::vector<coral::concurrent_future<int>> calls;
    for (int i = 0; i != 3; ++i)
      calls.push_back(pool.submit(meet, counter.address(), 3));
    for (const auto &call : calls)
      workers.push_back(call.result());
    EXPECT_THROW(pool.submit(die, SIGKILL).result(), coral::broken_process_pool);
  }
  EXPECT_EQ(open_descriptors(), before);
  for (int worker : workers) {
    EXPECT_EQ(::kill(worker, 0), -1);
    EXPECT_EQ(errno, ESRCH);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(ProcessPool, after_shutdown_nothing_is_taken) {
  process_pool_executor pool(1);
  pool.shutdown();
  EXPECT_EQ(message_of<coral::runtime_error>([&] { pool.submit(add, 1, 2); }),
            "cannot schedule new futures after shutdown");
  EXPECT_THROW(process_pool_executor(0), coral::value_error);
}

class InProcess : public OverLoops {};
INSTANTIATE_OVER_LOOPS(InProcess);

TEST_P(InProcess, a_loop_waits_for_calls_in_other_processes) {
  process_pool_executor pool(2);
  auto main = [&]() -> task<double> {
    auto first = loop.run_in_executor(&pool, mean, std::vector<double>{1, 3});
    auto second = loop.run_in_executor(&pool, add, 4, 5);
    double sum = co_await first;
    sum += co_await second;
    co_return sum;
  };
  EXPECT_EQ(loop.run_until_complete(main()), 11);
}

TEST_P(InProcess, a_dead_worker_is_an_exception_at_the_await) {
  process_pool_executor pool(1);
  auto main = [&]() -> task<int> {
    try {
      co_await loop.run_in_executor(&pool, die, SIGKILL);
    } catch (const coral::broken_process_pool &) {
      log.push_back("broken");
    }
    co_return co_await loop.run_in_executor(&pool, add, 1, 1);
  };
  EXPECT_EQ(loop.run_until_complete(main()), 2);
  EXPECT_EQ(log, names{"broken"});
}

double run_a_loop(double seconds) {
  auto main = [](double delay) -> task<double> {
    co_await coral::sleep(
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(delay)));
    co_return delay;
  };
  return coral::run(main(seconds));
}

TEST(ProcessPool, a_worker_runs_loops_of_its_own) {
  const auto loop = coral::new_event_loop();
  process_pool_executor pool(2);
  auto first = pool.submit(run_a_loop, 0.001);
  auto second = pool.submit(run_a_loop, 0.002);
  EXPECT_EQ(first.result(), 0.001);
  EXPECT_EQ(second.result(), 0.002);
}

} // namespace
