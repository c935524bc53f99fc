// The coroutines that wait for a lock, an item or the like, first come, first served.

#ifndef CORAL_DETAIL_WAIT_QUEUE_HPP
#define CORAL_DETAIL_WAIT_QUEUE_HPP

#include <coral/detail/ready_queue.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>

namespace coral {

class event_loop;

namespace detail {

class queued_awaiter;

/// Belongs to the loop of whoever waits first. A waiter that has been woken counts as one of the
/// queue until it runs, so that nobody overtakes it.
class wait_queue {
public:
  /// Nobody waits, and nobody has been woken and is still to run.
  bool empty() const noexcept { return waiters_.empty() && waking_ == 0; }

  bool has_waiters() const noexcept { return !waiters_.empty(); }

  /// The number of the woken that have not run yet.
  std::size_t waking() const noexcept { return waking_; }

  /// Resumes the first waiter, if there is one, in the next batch.
  bool wake_one() noexcept;
  void wake_all() noexcept;

private:
  friend queued_awaiter;

  /// Throws `runtime_error` outside a running loop, or in another one than before.
  void enter(queued_awaiter &waiter);

  event_loop *loop_ = nullptr;
  link_list waiters_;
  std::size_t waking_ = 0;
};

/// Waits in a queue until it is woken. Throws `cancelled_error` when the task is cancelled, also
/// when that happens after it was woken: then `woken` says that somebody else may have to be.
class queued_awaiter final : public resume_entry {
public:
  explicit queued_awaiter(wait_queue &queue) noexcept : queue_(queue) {}

  ~queued_awaiter() {
    if (phase_ == phase::waking)
      --queue_.waking_;
  }

  bool await_ready() const noexcept { return false; }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    queue_.enter(*this);
    waiting(awaiting);
    phase_ = phase::waiting;
    waiting_cancellably();
  }

  void await_resume() {
    if (phase_ == phase::waking) {
      phase_ = phase::woken;
      --queue_.waking_;
    }
    resumed();
  }

  bool woken() const noexcept { return phase_ == phase::woken; }

  cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    if (phase_ != phase::waiting)
      return cancel_outcome::refused;
    phase_ = phase::cancelled;
    unlink();
    owner()->run_soon(*this);
    return cancel_outcome::accepted;
  }

private:
  friend wait_queue;
  enum class phase : unsigned char { created, waiting, cancelled, waking, woken };

  wait_queue &queue_;
  phase phase_ = phase::created;
};

} // namespace detail
} // namespace coral

#endif
