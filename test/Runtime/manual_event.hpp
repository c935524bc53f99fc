// An event that a test fires by hand, and a log of what was destroyed.

#ifndef CORAL_TEST_MANUAL_EVENT_HPP
#define CORAL_TEST_MANUAL_EVENT_HPP

#include <coral/callback.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// One waiter at a time. Dropping the event's callback is what the destruction
/// of an execution context does to a pending operation.
class manual_event {
public:
  auto wait() {
    return coral::callback<void(int)>([this](auto done) { waiter_ = done; });
  }

  bool waited_for() const { return waiter_ != nullptr; }
  void fire(int value) { std::exchange(waiter_, nullptr)(value); }
  void drop() { waiter_ = nullptr; }

private:
  std::function<void(int)> waiter_;
};

/// Appends its name to a log when it dies; a moved-from one does not.
class tracker {
public:
  tracker(std::vector<std::string> &log, std::string name) : log_(&log), name_(std::move(name)) {}
  tracker(tracker &&other) noexcept
      : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
  tracker &operator=(tracker &&) = delete;
  ~tracker() {
    if (log_)
      log_->push_back(name_);
  }

private:
  std::vector<std::string> *log_;
  std::string name_;
};

using names = std::vector<std::string>;

#endif
