// coral::manual_loop: an event loop with a virtual clock, for tests and simulation.

#ifndef CORAL_LOOP_MANUAL_HPP
#define CORAL_LOOP_MANUAL_HPP

#include <coral/event_loop.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>

namespace coral {

/// An event loop whose clock begins at zero and moves only when the loop has nothing to do: then it
/// jumps to the next deadline. A program that sleeps for an hour takes no time, and always runs the
/// same way. With neither work nor timers the loop sleeps until another thread sends work.
class manual_loop final : public event_loop {
public:
  manual_loop() = default;
  ~manual_loop() override;

  static std::unique_ptr<event_loop> create() { return std::make_unique<manual_loop>(); }

  time_point time() const noexcept override { return now_; }

  /// Moves the clock on, as time that a callback takes. Timers that come due run in the next batch.
  /// `by` is not negative.
  void advance(duration by) noexcept { now_ += by; }

private:
  void poll(std::optional<duration> timeout) override;
  void wake() noexcept override;
  void close_backend() noexcept override {}

  time_point now_{};
  std::mutex mutex_;
  std::condition_variable woken_changed_;
  bool woken_ = false;
};

} // namespace coral

#endif
