#include <coral/executors.hpp>

#include <pthread.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

namespace coral {
namespace {

thread_local const executor *this_thread_pool = nullptr;

} // namespace

const executor *detail::this_thread_executor() noexcept { return this_thread_pool; }

/// What the workers share. Outlives the pool when that is shut down without waiting.
class thread_pool_executor::core : public std::enable_shared_from_this<core> {
public:
  core(const executor &pool, std::size_t max_workers, std::string thread_name)
      : pool_(&pool), max_workers_(max_workers), thread_name_(std::move(thread_name)) {}

  void add(std::shared_ptr<executor_job> job) {
    std::lock_guard lock(mutex_);
    if (shut_down_)
      throw runtime_error("cannot schedule new futures after shutdown");
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < max_workers_)
      start_worker();
    else
      changed_.notify_one();
  }

  void shutdown(shutdown_options options) {
    std::deque<std::shared_ptr<executor_job>> cancelled;
    std::vector<std::thread> ending;
    {
      std::lock_guard lock(mutex_);
      shut_down_ = true;
      if (options.cancel_futures)
        cancelled.swap(jobs_);
      if (options.wait && this_thread_pool != pool_)
        ending.swap(threads_);
    }
    changed_.notify_all();
    for (const std::shared_ptr<executor_job> &job : cancelled)
      job->cancel();
    for (std::thread &thread : ending)
      thread.join();
  }

  std::size_t workers() const {
    std::lock_guard lock(mutex_);
    return threads_.size();
  }

private:
  /// With the mutex held. Without any thread the failure is the caller's.
  void start_worker() {
    try {
      threads_.emplace_back([self = shared_from_this()] { self->work(); });
    } catch (...) {
      if (!threads_.empty())
        return;
      jobs_.pop_back();
      throw;
    }
    const std::string name = thread_name_ + "_" + std::to_string(threads_.size() - 1);
    pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }

  void work() {
    this_thread_pool = pool_;
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      changed_.wait(lock, [this] { return shut_down_ || !jobs_.empty(); });
      --idle_;
      if (jobs_.empty())
        return;
      std::shared_ptr<executor_job> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job->run();
      job.reset();
      lock.lock();
    }
  }

  const executor *pool_;
  const std::size_t max_workers_;
  const std::string thread_name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<executor_job>> jobs_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool shut_down_ = false;
};

std::size_t thread_pool_executor::default_workers() noexcept {
  return std::min<std::size_t>(32, std::thread::hardware_concurrency() + 4);
}

thread_pool_executor::thread_pool_executor(std::size_t max_workers, std::string thread_name) {
  if (max_workers == 0)
    throw value_error("max_workers must be greater than 0");
  core_ = std::make_shared<core>(*this, max_workers, std::move(thread_name));
}

thread_pool_executor::~thread_pool_executor() { shutdown(); }

void thread_pool_executor::execute(std::shared_ptr<executor_job> job) {
  core_->add(std::move(job));
}

void thread_pool_executor::shutdown(shutdown_options options) { core_->shutdown(options); }

std::size_t thread_pool_executor::workers() const { return core_->workers(); }

namespace {

/// The thread in which a default executor is shut down.
struct ending_executor {
  std::shared_ptr<thread_pool_executor> pool;
  std::thread thread;

  explicit ending_executor(std::shared_ptr<thread_pool_executor> given) : pool(std::move(given)) {}
  ~ending_executor() {
    if (thread.joinable())
      thread.join();
  }
};

} // namespace

executor &event_loop::default_executor() {
  if (executor_shut_down_)
    throw runtime_error("Executor shutdown has been called");
  if (!default_executor_)
    default_executor_ = std::make_shared<thread_pool_executor>();
  return *default_executor_;
}

void event_loop::set_default_executor(std::shared_ptr<thread_pool_executor> pool) {
  check_thread();
  default_executor_ = std::move(pool);
}

task<void> event_loop::shutdown_default_executor() {
  executor_shut_down_ = true;
  if (!default_executor_)
    co_return;
  future<void> done(*this);
  ending_executor ending(std::exchange(default_executor_, nullptr));
  ending.thread = std::thread([pool = ending.pool.get(), done, gate = gate_] {
    pool->shutdown();
    gate->send([done] {
      if (!done.done())
        done.set_result();
    });
  });
  co_await done;
}

} // namespace coral
