// coral::task_group: asyncio's TaskGroup. Used on the thread of the loop it is entered in.

#ifndef CORAL_TASK_GROUP_HPP
#define CORAL_TASK_GROUP_HPP

#include <coral/detail/ready_queue.hpp>
#include <coral/event_loop.hpp>
#include <coral/exception_group.hpp>
#include <coral/future.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <exception>
#include <list>
#include <optional>
#include <utility>
#include <vector>

namespace coral {

/// Tasks that end together. Used with `async_with`:
///
///     coral::task_group group;
///     auto body = [&]() -> coral::task<void> {
///       group.create_task(fetch(a));
///       group.create_task(fetch(b));
///       co_return;
///     };
///     co_await coral::async_with(group, body);
///
/// The scope ends when the body and all tasks of the group have. The first that fails has the
/// others and the body cancelled; what failed is thrown as an `exception_group`, "unhandled errors
/// in a TaskGroup". A cancelled task is no failure. When the task of the body is cancelled from
/// outside, the group is, and `cancelled_error` is thrown unless something failed; the count of
/// `any_task::cancelling` is kept. `system_exit` and `keyboard_interrupt` are thrown as they are.
///
/// After `cancel` the body may have no value to give, so `async_with` gives a `std::optional` of
/// it. Belongs to one task, and is entered once. Stays where it is while it is entered.
class task_group {
public:
  task_group() = default;
  task_group(const task_group &) = delete;
  task_group &operator=(const task_group &) = delete;

  task<task_group &> aenter();
  task<bool> aexit(std::exception_ptr error);

  /// Schedules a task of the group. Throws `runtime_error` before the scope is entered, after it
  /// has ended, and while it is shutting down because of an error; the task is destroyed then.
  template <class T> scheduled_task<T> create_task(task<T> work, task_options options = {}) {
    if (const char *why = refusal()) {
      detail::task_access::close(work);
      throw runtime_error(why);
    }
    scheduled_task<T> scheduled = loop_->create_task(std::move(work), std::move(options));
    add(*detail::handle_access::typed(scheduled));
    return scheduled;
  }

  /// Cancels the tasks of the group and the body, and ends the scope without `cancelled_error`.
  /// Does nothing when the group is shutting down. Throws `runtime_error` before the scope is
  /// entered.
  void cancel();

private:
  class member final : public detail::ready_entry {
  public:
    member(task_group &group, detail::scheduled_base &task) noexcept
        : group_(group), task_(&task) {}
    void run(detail::driver &) override;
    void drop() noexcept override {}

  private:
    friend task_group;
    task_group &group_;
    detail::ref<detail::scheduled_base> task_;
    std::list<member>::iterator place_;
  };

  /// Why the group takes no tasks now; or null.
  const char *refusal() const noexcept;
  void add(detail::scheduled_base &task);
  void member_done(member &done);
  void abort();
  void cancel_parent();

  event_loop *loop_ = nullptr;
  detail::ref<detail::scheduled_base> parent_;
  std::list<member> members_;
  std::optional<future<>> all_done_;
  std::vector<std::exception_ptr> errors_;
  std::exception_ptr base_error_;
  bool exiting_ = false;
  bool aborting_ = false;
  bool parent_cancel_requested_ = false;
};

} // namespace coral

#endif
