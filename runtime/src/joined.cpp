#include <coral/detail/joined.hpp>

namespace coral::detail {
namespace {

/// The child is a task that waits for who is being cancelled.
bool closes_circle(const future_base &child) noexcept {
  const auto *task = dynamic_cast<const scheduled_base *>(&child);
  return task && task->passing_on();
}

} // namespace

/// Takes note of a child that is done.
void join_awaiter::look_at(future_base &child) {
  switch (until_) {
  case join_until::all_done:
    return;
  case join_until::first_done:
    satisfied_ = true;
    return;
  case join_until::first_exception:
    satisfied_ |= !child.cancelled() && child.failed();
    return;
  case join_until::first_failure:
    if (child.failed() && !failed_)
      failed_ = &child;
    satisfied_ |= failed_ != nullptr;
    return;
  }
}

bool join_awaiter::await_ready() {
  for (future_base *child : children_) {
    child->require_own_loop();
    if (child->done())
      look_at(*child);
    else
      ++remaining_;
  }
  return satisfied();
}

void join_awaiter::begin() {
  if (deadline_)
    get_running_loop().timers_.add(timer_, *deadline_);
  for (future_base *child : children_)
    if (!child->done())
      child->wait(entries_.emplace_back(*this, *child));
  waiting_cancellably();
}

void join_awaiter::child_done(future_base &child, driver &scope) {
  --remaining_;
  look_at(child);
  if (!satisfied())
    return;
  timer_.cancel();
  unlink();
  scope.resume(coroutine(), owner());
}

void join_awaiter::await_resume() {
  timer_.cancel();
  unlink();
  entries_.clear();
  if (!owner())
    return;
  owner()->resumed();
  if (cancelled_ && (!failed_ || failed_->cancelled()))
    std::rethrow_exception(cancelled_);
}

cancel_outcome join_awaiter::request_cancel(const std::exception_ptr &reason) noexcept {
  if (cancels_children_ && !linked()) {
    bool any = false;
    bool circle = false;
    for (future_base *child : children_) {
      circle |= closes_circle(*child);
      any |= child->cancel(reason);
    }
    if (circle) {
      // This would never end: it stops waiting.
      entries_.clear();
      owner()->run_soon(*this);
      return cancel_outcome::accepted;
    }
    if (!any)
      return cancel_outcome::refused;
    // They may take their time, and have to be asked again when another request comes.
    cancelled_ = reason;
    return cancel_outcome::passed_on;
  }
  if (linked())
    return cancel_outcome::refused;
  timer_.cancel();
  owner()->run_soon(*this);
  return cancel_outcome::accepted;
}

} // namespace coral::detail
