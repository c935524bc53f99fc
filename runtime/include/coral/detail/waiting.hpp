// What coroutines of I/O wait for: a turn of events in an object, or a descriptor.

#ifndef CORAL_DETAIL_WAITING_HPP
#define CORAL_DETAIL_WAITING_HPP

#include <coral/detail/descriptor.hpp>
#include <coral/detail/loop_resource.hpp>
#include <coral/event_loop.hpp>

#include <coroutine>
#include <exception>

namespace coral::detail {

/// Coroutines that wait for the same event, in the order they came. Each can be cancelled.
class waiter_list {
public:
  class awaiter final : public resume_entry {
  public:
    awaiter(event_loop &loop, waiter_list &list) noexcept : loop_(loop), list_(list) {}

    bool await_ready() const noexcept { return false; }

    template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      waiting(awaiting);
      list_.waiters_.push_back(*this);
      waiting_cancellably();
    }

    void await_resume() const { resumed(); }

    cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
      unlink();
      resource_access::make_ready(loop_, *this);
      return cancel_outcome::accepted;
    }

  private:
    event_loop &loop_;
    waiter_list &list_;
  };

  bool empty() const noexcept { return waiters_.empty(); }

  /// `co_await list.wait(loop)` goes on in the batch after the next `wake_all`. The list stays
  /// where it is until then.
  [[nodiscard]] awaiter wait(event_loop &loop) noexcept { return awaiter(loop, *this); }

  void wake_all(event_loop &loop) noexcept { resource_access::make_ready(loop, waiters_); }

private:
  link_list waiters_;
};

/// Waits until a descriptor is ready in one direction. Nothing else watches it there.
class descriptor_awaiter final : public resume_entry {
public:
  descriptor_awaiter(event_loop &loop, int descriptor, io_direction direction) noexcept
      : loop_(loop), descriptor_(descriptor), direction_(direction) {}

  ~descriptor_awaiter() { stop(); }

  bool await_ready() const noexcept { return false; }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    waiting(awaiting);
    descriptor_access::watch(loop_, descriptor_, direction_, *this);
    watched_ = true;
    waiting_cancellably();
  }

  void await_resume() const { resumed(); }

  void run(driver &scope) override {
    stop();
    resume_entry::run(scope);
  }

  void drop() noexcept override {
    watched_ = false;
    resume_entry::drop();
  }

  cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    stop();
    unlink();
    resource_access::make_ready(loop_, *this);
    return cancel_outcome::accepted;
  }

private:
  void stop() noexcept {
    if (watched_)
      descriptor_access::unwatch(loop_, descriptor_, direction_);
    watched_ = false;
  }

  event_loop &loop_;
  int descriptor_;
  io_direction direction_;
  bool watched_ = false;
};

} // namespace coral::detail

#endif
