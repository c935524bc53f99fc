// Which thread makes the calls of `sync_to_async`, and which loop runs the coroutines of
// `async_to_sync`.
//
// A thread that waits in `async_to_sync` has a *scope*, an executor whose jobs it runs meanwhile.
// The coroutine it waits for, and the tasks which that creates, know the scope: it is where they
// send thread-sensitive calls. A thread that makes such a call knows the *call*, and by it the loop
// that waits for it: there it runs coroutines.

#ifndef CORAL_DETAIL_SYNC_SCOPE_HPP
#define CORAL_DETAIL_SYNC_SCOPE_HPP

#include <coral/cancel.hpp>
#include <coral/event_loop.hpp>
#include <coral/executors.hpp>
#include <coral/future.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace coral::detail {

/// A thread that waits in `async_to_sync`.
class sync_scope final : public executor {
public:
  /// Of the calling thread. `outer` is the scope below which it waits, if any.
  explicit sync_scope(std::shared_ptr<sync_scope> outer) noexcept : outer_(std::move(outer)) {}

  /// Once the thread has gone on, the job goes to the outer scope, or to the single thread.
  void execute(std::shared_ptr<executor_job> job) override;

  /// On the scope's thread: runs jobs until `finish`.
  void run_until_finished();
  void finish() noexcept;

private:
  executor &next() const noexcept;

  const std::shared_ptr<sync_scope> outer_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<executor_job>> jobs_;
  bool finished_ = false;
};

/// Ends a scope when it is destroyed, with the frame of a coroutine that may never have begun.
class scope_finisher {
public:
  explicit scope_finisher(std::shared_ptr<sync_scope> scope) noexcept : scope_(std::move(scope)) {}
  scope_finisher(scope_finisher &&) noexcept = default;
  scope_finisher &operator=(scope_finisher &&) = delete;
  ~scope_finisher() {
    if (scope_)
      scope_->finish();
  }

private:
  std::shared_ptr<sync_scope> scope_;
};

/// The scope that the running task knows; null if none.
std::shared_ptr<sync_scope> current_sync_scope();

/// The running task, and the tasks it creates, know `scope`.
void enter_sync_scope(const std::shared_ptr<sync_scope> &scope);

/// A call of `sync_to_async`, between the loop that awaits it and the thread that makes it.
class sync_call {
public:
  explicit sync_call(event_loop &loop)
      : loop_(loop), way_back_(loop_access::gate(loop)), scope_(current_sync_scope()),
        context_(current_context()) {}

  const std::shared_ptr<sync_scope> &scope() const noexcept { return scope_; }
  loop_gate &way_back() const noexcept { return *way_back_; }
  event_loop &loop() const noexcept { return loop_; }

  /// A copy of the caller's when the call is made. What the call changes goes back when it is done.
  context_slot &context() noexcept { return context_; }

  /// Where a thread-sensitive call is made. Throws `runtime_error` when that thread is the one that
  /// would wait.
  std::shared_ptr<executor> sensitive_executor() const;

  /// Waits for the end of the call. A cancellation is passed to the coroutine that the call waits
  /// for in `async_to_sync`, which has the last word; a call that waits for none is given up.
  template <class T> task<void> wait_for(future<T> result) {
    future<void> done = end_of(result);
    std::exception_ptr cancelled;
    std::string message;
    try {
      co_await done;
    } catch (const cancelled_error &error) {
      cancelled = std::current_exception();
      message = error.message();
    }
    if (!cancelled || result.done())
      co_return;
    if (coroutines_.empty()) {
      result.cancel();
      std::rethrow_exception(cancelled);
    }
    coroutines_.back().cancel(message);
    done = end_of(result);
    co_await done;
  }

  /// On the loop's thread: the coroutines that the call waits for, innermost last.
  std::vector<any_task> &coroutines() noexcept { return coroutines_; }

private:
  template <class T> future<void> end_of(const future<T> &result) const {
    future<void> done(loop_);
    result.add_done_callback([done] {
      if (!done.done())
        done.set_result();
    });
    return done;
  }

  event_loop &loop_;
  std::shared_ptr<loop_gate> way_back_;
  std::shared_ptr<sync_scope> scope_;
  context_slot context_;
  std::vector<any_task> coroutines_;
};

/// Marks, on a thread's stack, that it makes a call, in the context of that.
class sync_call_frame {
public:
  explicit sync_call_frame(sync_call &call) noexcept
      : outer_(std::exchange(innermost_, &call)), entered_(call.context()) {}
  sync_call_frame(const sync_call_frame &) = delete;
  sync_call_frame &operator=(const sync_call_frame &) = delete;
  ~sync_call_frame() { innermost_ = outer_; }

  /// The call that this thread makes; null if none.
  static sync_call *innermost() noexcept { return innermost_; }

private:
  static inline thread_local sync_call *innermost_ = nullptr;
  sync_call *outer_;
  context_scope entered_;
};

} // namespace coral::detail

#endif
