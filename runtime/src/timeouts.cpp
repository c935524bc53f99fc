#include <coral/timeouts.hpp>

#include <coral/cancel.hpp>

namespace coral {
namespace detail {

void timer_entry::start(event_loop &loop, event_loop::time_point when) {
  stop();
  if (when <= loop.time())
    loop.ready_.push(*this);
  else
    loop.timers_.add(timer_, when);
}

void timer_entry::stop() noexcept {
  timer_.cancel();
  unlink();
}

scheduled_base &require_task(const char *message) {
  root *running = this_thread_state.running;
  scheduled_base *task = running ? running->scheduled() : nullptr;
  if (!task)
    throw runtime_error(message);
  return *task;
}

void timeout_state::set(std::optional<event_loop::time_point> when) {
  if (when)
    start(task_->loop(), *when);
  else
    stop();
}

void timeout_state::run(driver &) {
  fired_ = true;
  task_->cancel(std::make_exception_ptr(cancelled_error()));
}

std::exception_ptr timeout_state::leave(std::exception_ptr error) {
  stop();
  if (fired_ && task_->uncancel() <= cancelling_ && holds<cancelled_error>(error))
    return std::make_exception_ptr(timeout_error());
  return error;
}

} // namespace detail

void timeout::reschedule(std::optional<time_point> when) {
  if (phase_ == created)
    throw runtime_error("Timeout has not been entered");
  if (phase_ != entered || state_->fired())
    throw runtime_error(phase_ == entered         ? "Cannot change state of expiring Timeout"
                        : phase_ == expiring_done ? "Cannot change state of expired Timeout"
                                                  : "Cannot change state of finished Timeout");
  when_ = when;
  state_->set(when);
}

task<timeout &> timeout::aenter() {
  if (phase_ != created)
    throw runtime_error("Timeout has already been entered");
  state_ =
      std::make_unique<detail::timeout_state>(detail::require_task(detail::timeout_outside_task));
  phase_ = entered;
  state_->set(when_);
  co_return *this;
}

task<void> timeout::aexit(std::exception_ptr error) {
  if (phase_ != entered)
    throw runtime_error(phase_ == created ? "Timeout has not been entered"
                                          : "Timeout has already been left");
  const std::unique_ptr<detail::timeout_state> state = std::move(state_);
  phase_ = state->fired() ? expiring_done : exited;
  const std::exception_ptr left = state->leave(error);
  if (left != error)
    std::rethrow_exception(left);
  co_return;
}

} // namespace coral
