#include <coral/sync.hpp>

#include <optional>
#include <unordered_map>

namespace coral::detail {
namespace {

/// Where thread-sensitive calls are made when no thread waits for them.
const std::shared_ptr<thread_pool_executor> &single_thread() {
  static const auto pool = std::make_shared<thread_pool_executor>(1, "coral-sync");
  return pool;
}

/// The scopes of the tasks of this thread's loop.
thread_local std::unordered_map<const scheduled_base *, std::shared_ptr<sync_scope>> scopes;

/// Lives in a done callback of the task, and so no longer than the task is pending.
class scope_entry {
public:
  explicit scope_entry(const scheduled_base &task) noexcept : task_(&task) {}
  scope_entry(scope_entry &&other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  scope_entry &operator=(scope_entry &&) = delete;
  ~scope_entry() {
    if (!task_)
      return;
    scopes.erase(task_);
    --scoped_tasks;
  }

private:
  const scheduled_base *task_;
};

void add_scope(scheduled_base &task, const std::shared_ptr<sync_scope> &scope) {
  if (!scopes.insert_or_assign(&task, scope).second)
    return;
  ++scoped_tasks;
  task.add_callback(make_done_callback<any_task>([entry = scope_entry(task)] {}));
}

scheduled_base *running_task() noexcept {
  root *running = this_thread_state.running;
  return running ? running->scheduled() : nullptr;
}

} // namespace

std::shared_ptr<sync_scope> current_sync_scope() {
  const auto found = scopes.find(running_task());
  return found == scopes.end() ? nullptr : found->second;
}

void inherit_sync_scope(scheduled_base &created) {
  if (const std::shared_ptr<sync_scope> scope = current_sync_scope())
    add_scope(created, scope);
}

void enter_sync_scope(const std::shared_ptr<sync_scope> &scope) {
  add_scope(*running_task(), scope);
}

executor &sync_scope::next() const noexcept {
  return outer_ ? static_cast<executor &>(*outer_) : *single_thread();
}

void sync_scope::execute(std::shared_ptr<executor_job> job) {
  {
    std::lock_guard lock(mutex_);
    if (!finished_) {
      if (std::this_thread::get_id() == thread_)
        throw runtime_error("the thread that is to make the call runs the event loop that waits "
                            "for it, would deadlock");
      jobs_.push_back(std::move(job));
      changed_.notify_one();
      return;
    }
  }
  next().execute(std::move(job));
}

void sync_scope::run_until_finished() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return finished_ || !jobs_.empty(); });
    if (finished_)
      break;
    const std::shared_ptr<executor_job> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job->run();
    lock.lock();
  }
  const std::deque<std::shared_ptr<executor_job>> left = std::exchange(jobs_, {});
  lock.unlock();
  for (const std::shared_ptr<executor_job> &job : left)
    next().execute(job);
}

void sync_scope::finish() noexcept {
  std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_one();
}

std::shared_ptr<executor> sync_call::sensitive_executor() const {
  if (scope_)
    return scope_;
  if (this_thread_executor() == single_thread().get())
    throw runtime_error("Single thread executor already being used, would deadlock");
  return single_thread();
}

} // namespace coral::detail
