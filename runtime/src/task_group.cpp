#include <coral/task_group.hpp>

#include <coral/cancel.hpp>
#include <coral/result.hpp>
#include <coral/timeouts.hpp>

#include <iterator>

namespace coral {

using detail::ends_program;
using detail::holds;

void task_group::member::run(detail::driver &) { group_.member_done(*this); }

task<task_group &> task_group::aenter() {
  if (parent_)
    throw runtime_error("TaskGroup has already been entered");
  parent_ = detail::ref<detail::scheduled_base>(
      &detail::require_task("TaskGroup cannot determine the parent task"));
  loop_ = &parent_->loop();
  co_return *this;
}

const char *task_group::refusal() const noexcept {
  if (!parent_)
    return "TaskGroup has not been entered";
  if (exiting_ && members_.empty())
    return "TaskGroup is finished";
  return aborting_ ? "TaskGroup is shutting down" : nullptr;
}

void task_group::add(detail::scheduled_base &task) {
  member &added = members_.emplace_back(*this, task);
  added.place_ = std::prev(members_.end());
  task.observe();
  if (task.done())
    return task.run_soon(added);
  task.wait(added);
  // An eager task may have cancelled the group before it was a member.
  if (aborting_)
    task.cancel(std::make_exception_ptr(cancelled_error()));
}

void task_group::abort() {
  aborting_ = true;
  for (member &each : members_)
    each.task_->cancel(std::make_exception_ptr(cancelled_error()));
}

void task_group::cancel_parent() {
  parent_cancel_requested_ = true;
  parent_->cancel(std::make_exception_ptr(cancelled_error()));
}

void task_group::cancel() {
  if (!parent_)
    throw runtime_error("TaskGroup has not been entered");
  if (exiting_ && members_.empty())
    return;
  if (!aborting_)
    abort();
  if (!parent_cancel_requested_)
    cancel_parent();
}

void task_group::member_done(member &done) {
  const detail::ref<detail::scheduled_base> task = std::move(done.task_);
  members_.erase(done.place_);
  if (members_.empty() && all_done_ && !all_done_->done())
    all_done_->set_result();
  if (task->cancelled() || !task->error())
    return;
  errors_.push_back(task->error());
  if (ends_program(errors_.back()) && !base_error_)
    base_error_ = errors_.back();
  if (aborting_ || parent_cancel_requested_)
    return;
  abort();
  cancel_parent();
}

task<bool> task_group::aexit(std::exception_ptr error) {
  exiting_ = true;
  if (ends_program(error) && !base_error_)
    base_error_ = error;
  // What cancelled the group, and what cancelled the body or this wait last.
  std::exception_ptr cancelled = holds<cancelled_error>(error) ? error : nullptr;
  std::exception_ptr last_cancelled = cancelled;
  if (error && !aborting_)
    abort();

  while (!members_.empty()) {
    all_done_.emplace(*loop_);
    const result<> waited = co_await as_result(*all_done_);
    if (waited)
      continue;
    last_cancelled = waited.error();
    if (!aborting_) {
      cancelled = last_cancelled;
      abort();
    }
  }

  // A request that is left when this group has taken back its own came from elsewhere.
  if (parent_cancel_requested_)
    cancelled = parent_->uncancel() == 0 ? nullptr : last_cancelled;
  if (base_error_)
    std::rethrow_exception(base_error_);
  if (cancelled && errors_.empty())
    std::rethrow_exception(cancelled);
  if (error && !holds<cancelled_error>(error))
    errors_.push_back(error);
  if (errors_.empty())
    co_return true;
  // The request came together with the errors, which go first: it is delivered at the next
  // suspension.
  if (parent_->cancelling() != 0) {
    parent_->uncancel();
    parent_->cancel(last_cancelled ? last_cancelled : std::make_exception_ptr(cancelled_error()));
  }
  throw exception_group("unhandled errors in a TaskGroup", std::move(errors_));
}

} // namespace coral
