// asyncio's synchronisation primitives: lock, event, condition, semaphore, barrier.
//
// They are for tasks of one loop, not for threads: a task that has to wait is suspended, and the
// loop runs others. Each belongs to the loop in which somebody first waits for it, and must outlive
// those who wait. Whoever waits first goes first; one who is cancelled leaves the line, and passes
// on what was already meant for it.
//
// `co_await l.scoped()` gives a guard that releases in its destructor, C++'s form of
// `async with l:`. They are asynchronous context managers too, for `async_with`.

#ifndef CORAL_LOCKS_HPP
#define CORAL_LOCKS_HPP

#include <coral/cancel.hpp>
#include <coral/detail/config.hpp>
#include <coral/detail/wait_queue.hpp>
#include <coral/errors.hpp>
#include <coral/task.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// Releases what `scoped` has acquired; and does nothing if the task is destroyed where it has
/// given the lock up, in the `wait` of a condition.
template <class Lock> class [[nodiscard]] scoped_lock {
public:
  /// Takes over a lock that is held.
  explicit scoped_lock(Lock &held) noexcept : held_(&held) {}
  scoped_lock(scoped_lock &&other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  scoped_lock &operator=(scoped_lock &&other) noexcept {
    scoped_lock taken(std::move(other));
    std::swap(held_, taken.held_);
    return *this;
  }
  ~scoped_lock() {
    if (held_)
      held_->leave_scope();
  }

private:
  Lock *held_;
};

namespace detail {

/// The two forms of `async with`, for what is acquired and released.
template <class Lock> class scoped_acquisition {
public:
  /// Acquires, and gives a guard.
  [[nodiscard]] task<scoped_lock<Lock>> scoped() {
    co_await self().acquire();
    co_return scoped_lock<Lock>(self());
  }

  [[nodiscard]] task<void> aenter() { return self().acquire(); }
  [[nodiscard]] task<void> aexit(std::exception_ptr) {
    self().release();
    co_return;
  }

protected:
  scoped_acquisition() = default;
  scoped_acquisition(const scoped_acquisition &) = delete;
  scoped_acquisition &operator=(const scoped_acquisition &) = delete;
  ~scoped_acquisition() = default;

private:
  Lock &self() noexcept { return static_cast<Lock &>(*this); }
};

} // namespace detail

/// asyncio's `Lock`: held by one task at a time, given in the order of asking.
class lock : public detail::scoped_acquisition<lock> {
public:
  bool locked() const noexcept { return locked_; }

  /// Waits until nobody holds it, and holds it. Throws `cancelled_error`, without holding it.
  [[nodiscard]] task<void> acquire();

  /// Throws `runtime_error`, "Lock is not acquired."
  void release();

private:
  friend scoped_lock<lock>;
  friend class condition;
  void leave_scope() {
    if (locked_)
      release();
  }

  void wake_first() noexcept;

  detail::wait_queue waiters_;
  bool locked_ = false;
};

/// asyncio's `Event`: a flag to wait for.
class event {
public:
  event() = default;
  event(const event &) = delete;
  event &operator=(const event &) = delete;

  bool is_set() const noexcept { return set_; }

  /// Wakes all who wait. They go on even if `clear` is called before they run.
  void set() noexcept;
  void clear() noexcept { set_ = false; }

  /// Waits until the flag is set; not at all if it is.
  [[nodiscard]] task<void> wait();

private:
  detail::wait_queue waiters_;
  bool set_ = false;
};

/// asyncio's `Condition`: to wait, holding a lock, for others to change what it protects.
class condition : public detail::scoped_acquisition<condition> {
public:
  /// With a lock of its own, or one that is shared and outlives it.
  condition() noexcept : lock_(&own_) {}
  explicit condition(lock &shared) noexcept : lock_(&shared) {}

  bool locked() const noexcept { return lock_->locked(); }
  [[nodiscard]] task<void> acquire() { return lock_->acquire(); }
  void release() { lock_->release(); }

  /// Releases the lock, waits to be notified, and holds the lock again before it goes on, also when
  /// it throws `cancelled_error`. A notification that a cancelled task has received goes to the
  /// next. Throws `runtime_error`, "cannot wait on un-acquired lock".
  [[nodiscard]] task<void> wait();

  /// Waits until `predicate()` gives true, and gives its result. It is called holding the lock.
  template <class Predicate>
  [[nodiscard]] task<std::decay_t<std::invoke_result_t<Predicate &>>>
  wait_for(Predicate predicate) {
    auto result = std::invoke(predicate);
    while (!result) {
      co_await wait();
      result = std::invoke(predicate);
    }
    co_return result;
  }

  /// Wakes the first `count` who wait. They go on when the lock is released.
  /// Throws `runtime_error`, "cannot notify on un-acquired lock".
  void notify(std::size_t count = 1);
  void notify_all();

private:
  friend scoped_lock<condition>;
  friend class barrier;
  void leave_scope() { lock_->leave_scope(); }

  void require_locked(const char *message) const;

  lock own_;
  lock *lock_;
  detail::wait_queue waiters_;
};

/// asyncio's `Semaphore`: a number of permits, given in the order of asking. Nobody overtakes one
/// who waits.
class semaphore : public detail::scoped_acquisition<semaphore> {
public:
  /// Throws `value_error`, "Semaphore initial value must be >= 0".
  explicit semaphore(std::ptrdiff_t value = 1);

  /// `acquire` would have to wait.
  bool locked() const noexcept { return value_ == 0 || !waiters_.empty(); }

  /// Waits for a permit. Throws `cancelled_error`, without one.
  [[nodiscard]] task<void> acquire();
  void release() noexcept;

protected:
  std::ptrdiff_t value() const noexcept { return value_; }

private:
  friend scoped_lock<semaphore>;
  void leave_scope() noexcept { release(); }

  void wake_next() noexcept;

  detail::wait_queue waiters_;
  std::ptrdiff_t value_;
};

/// asyncio's `BoundedSemaphore`: has never more permits than at the beginning.
class bounded_semaphore : private semaphore {
public:
  explicit bounded_semaphore(std::ptrdiff_t value = 1) : semaphore(value), bound_(value) {}

  using semaphore::acquire;
  using semaphore::aenter;
  using semaphore::locked;

  /// Throws `value_error`, "BoundedSemaphore released too many times".
  void release();

  [[nodiscard]] task<scoped_lock<bounded_semaphore>> scoped() {
    co_await acquire();
    co_return scoped_lock<bounded_semaphore>(*this);
  }
  [[nodiscard]] task<void> aexit(std::exception_ptr) {
    release();
    co_return;
  }

private:
  friend scoped_lock<bounded_semaphore>;
  void leave_scope() { release(); }

  std::ptrdiff_t bound_;
};

/// asyncio's `BrokenBarrierError`: the barrier was aborted, or reset while this task waited.
class broken_barrier_error : public runtime_error {
public:
  using runtime_error::runtime_error;
};

/// asyncio's `Barrier`: a number of tasks that wait for each other, again and again.
class barrier {
public:
  /// Throws `value_error`, "parties must be > 0".
  explicit barrier(std::size_t parties);
  barrier(const barrier &) = delete;
  barrier &operator=(const barrier &) = delete;

  /// Waits until as many tasks as there are parties do, and gives each a number from 0. While a
  /// full barrier empties, the next who come wait for that first.
  /// Throws `broken_barrier_error`.
  [[nodiscard]] task<std::size_t> wait();

  /// Makes those who wait throw `broken_barrier_error`, and the barrier empty and whole.
  [[nodiscard]] task<void> reset();

  /// Breaks the barrier: those who wait, and who will, throw `broken_barrier_error`.
  [[nodiscard]] task<void> abort();

  std::size_t parties() const noexcept { return parties_; }

  /// How many wait for the barrier to fill.
  std::size_t n_waiting() const noexcept { return state_ == state::filling ? inside_ : 0; }
  bool broken() const noexcept { return state_ == state::broken; }

  /// For `async_with`, whose body runs after the wait.
  [[nodiscard]] task<std::size_t> aenter() { return wait(); }
  [[nodiscard]] task<void> aexit(std::exception_ptr) { co_return; }

private:
  enum class state : unsigned char { filling, draining, resetting, broken };

  task<void> pass();
  void leave() noexcept;

  condition changed_;
  std::size_t parties_;
  std::size_t inside_ = 0;
  state state_ = state::filling;
};

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
