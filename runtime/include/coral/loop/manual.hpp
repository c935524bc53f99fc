// coral::manual_loop: an event loop with a virtual clock, for tests and simulation.

#ifndef CORAL_LOOP_MANUAL_HPP
#define CORAL_LOOP_MANUAL_HPP

#include <coral/event_loop.hpp>

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace coral {

/// An event loop whose clock begins at zero and moves only when the loop has nothing to do: then it
/// jumps to the next deadline. A program that sleeps for an hour takes no time, and always runs the
/// same way. With neither work nor timers the loop sleeps until another thread sends work.
class manual_loop final : public event_loop {
public:
  /// Throws `std::system_error` when the process has no descriptor left.
  manual_loop();
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
  void watch_descriptor(int descriptor, detail::io_events events) override;
  void unwatch_descriptor(int descriptor) noexcept override;

  int look(int milliseconds) noexcept;

  time_point now_{};
  /// What poll(2) is asked: first the wake-up descriptor, then what is watched.
  std::vector<pollfd> polled_;
  /// Where a descriptor stands in `polled_`; 0 for one that is not watched.
  std::vector<std::size_t> places_;
  std::atomic<bool> woken_ = false;
};

} // namespace coral

#endif
