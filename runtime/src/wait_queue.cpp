#include <coral/detail/wait_queue.hpp>

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>

namespace coral::detail {

void wait_queue::enter(queued_awaiter &waiter) {
  event_loop &running = get_running_loop();
  if (loop_ && loop_ != &running)
    throw runtime_error("what is awaited is bound to a different event loop");
  loop_ = &running;
  waiters_.push_back(waiter);
}

bool wait_queue::wake_one() noexcept {
  if (waiters_.empty())
    return false;
  auto &first = static_cast<queued_awaiter &>(waiters_.front());
  first.unlink();
  first.phase_ = queued_awaiter::phase::waking;
  ++waking_;
  loop_->ready_.push(first);
  return true;
}

void wait_queue::wake_all() noexcept {
  while (wake_one()) {
  }
}

} // namespace coral::detail
