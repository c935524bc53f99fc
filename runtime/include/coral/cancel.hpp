// Cancellation: asyncio's CancelledError.
//
// `cancel()` of a scheduled task is a request. It is passed to what the task waits for, and the
// task resumes in a later batch with `cancelled_error` thrown where it waits. The task may handle
// it: close what is open and rethrow, or go on. A request that comes while the task runs, or while
// it waits for something that cannot end early, is remembered and delivered when it next waits.
// Nothing is ever destroyed to cancel it. Used on the thread of the task's loop.

#ifndef CORAL_CANCEL_HPP
#define CORAL_CANCEL_HPP

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace coral {

/// Python's `CancelledError`: thrown in a task where it waits when it is cancelled. Like Python's
/// it is not an ordinary error, so that `catch (const std::exception &)` lets it pass.
class cancelled_error final {
public:
  cancelled_error() noexcept = default;
  explicit cancelled_error(std::string message)
      : message_(message.empty() ? nullptr
                                 : std::make_shared<const std::string>(std::move(message))) {}

  /// What `cancel(message)` was given; empty when nothing was.
  const std::string &message() const noexcept {
    static const std::string none;
    return message_ ? *message_ : none;
  }

private:
  std::shared_ptr<const std::string> message_;
};

} // namespace coral

#endif
