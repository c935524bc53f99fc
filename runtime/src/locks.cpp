#include <coral/locks.hpp>

namespace coral {

task<void> lock::acquire() {
  if (!locked_ && waiters_.empty()) {
    locked_ = true;
    co_return;
  }
  detail::queued_awaiter turn(waiters_);
  try {
    co_await turn;
  } catch (const cancelled_error &) {
    if (!locked_)
      wake_first();
    throw;
  }
  locked_ = true;
}

void lock::release() {
  if (!locked_)
    throw runtime_error("Lock is not acquired.");
  locked_ = false;
  wake_first();
}

void lock::wake_first() noexcept {
  // One who has been woken takes the lock when it runs, or wakes the next.
  if (waiters_.waking() == 0)
    waiters_.wake_one();
}

void event::set() noexcept {
  if (std::exchange(set_, true))
    return;
  waiters_.wake_all();
}

task<void> event::wait() {
  if (set_)
    co_return;
  detail::queued_awaiter turn(waiters_);
  co_await turn;
}

void condition::require_locked(const char *message) const {
  if (!locked())
    throw runtime_error(message);
}

task<void> condition::wait() {
  require_locked("cannot wait on un-acquired lock");
  release();
  std::exception_ptr error;
  bool notified = false;
  {
    detail::queued_awaiter turn(waiters_);
    try {
      co_await turn;
    } catch (...) {
      error = std::current_exception();
    }
    notified = turn.woken();
  }
  for (bool held = false; !held;)
    try {
      co_await acquire();
      held = true;
    } catch (const cancelled_error &) {
      error = std::current_exception();
    }
  if (!error)
    co_return;
  if (notified)
    waiters_.wake_one();
  std::rethrow_exception(std::move(error));
}

void condition::notify(std::size_t count) {
  require_locked("cannot notify on un-acquired lock");
  while (count-- != 0 && waiters_.wake_one()) {
  }
}

void condition::notify_all() {
  require_locked("cannot notify on un-acquired lock");
  waiters_.wake_all();
}

semaphore::semaphore(std::ptrdiff_t value) : value_(value) {
  if (value < 0)
    throw value_error("Semaphore initial value must be >= 0");
}

task<void> semaphore::acquire() {
  if (!locked()) {
    --value_;
    co_return;
  }
  detail::queued_awaiter turn(waiters_);
  try {
    co_await turn;
  } catch (const cancelled_error &) {
    if (turn.woken())
      release();
    throw;
  }
  // Who came while this one was on its way has not been given what was left.
  wake_next();
}

void semaphore::release() noexcept {
  ++value_;
  wake_next();
}

void semaphore::wake_next() noexcept {
  // The permit is the waiter's at once.
  if (value_ > 0 && waiters_.wake_one())
    --value_;
}

void bounded_semaphore::release() {
  if (value() >= bound_)
    throw value_error("BoundedSemaphore released too many times");
  semaphore::release();
}

barrier::barrier(std::size_t parties) : parties_(parties) {
  if (parties == 0)
    throw value_error("parties must be > 0");
}

task<std::size_t> barrier::wait() {
  const scoped_lock<condition> held = co_await changed_.scoped();
  auto ready = [this] { return state_ != state::draining && state_ != state::resetting; };
  co_await changed_.wait_for(ready);
  if (state_ == state::broken)
    throw broken_barrier_error("Barrier aborted");
  struct visit {
    barrier &visited;
    ~visit() { visited.leave(); }
  } inside{*this};
  const std::size_t index = inside_++;
  if (inside_ == parties_) {
    state_ = state::draining;
    changed_.notify_all();
  } else {
    co_await pass();
  }
  co_return index;
}

task<void> barrier::pass() {
  auto released = [this] { return state_ != state::filling; };
  co_await changed_.wait_for(released);
  if (state_ != state::draining)
    throw broken_barrier_error("Abort or reset of barrier");
}

void barrier::leave() noexcept {
  if (--inside_ != 0)
    return;
  if (state_ != state::broken)
    state_ = state::filling;
  changed_.waiters_.wake_all();
}

task<void> barrier::reset() {
  const scoped_lock<condition> held = co_await changed_.scoped();
  state_ = inside_ != 0 ? state::resetting : state::filling;
  changed_.notify_all();
}

task<void> barrier::abort() {
  const scoped_lock<condition> held = co_await changed_.scoped();
  state_ = state::broken;
  changed_.notify_all();
}

} // namespace coral
