// coral::uv_loop: an event loop on libuv, the default. Link to `coral::uv`.

#ifndef CORAL_LOOP_UV_HPP
#define CORAL_LOOP_UV_HPP

#include <coral/event_loop.hpp>

#include <memory>

struct uv_loop_s;

namespace coral {

/// An event loop that waits in a libuv loop of its own, as Python's uvloop does. Timers have a
/// resolution of a millisecond, and are never early.
class uv_loop final : public event_loop {
public:
  /// Throws `std::system_error` when libuv cannot make a loop.
  uv_loop();
  ~uv_loop() override;

  static std::unique_ptr<event_loop> create() { return std::make_unique<uv_loop>(); }

  time_point time() const noexcept override { return clock::now(); }

  /// The libuv loop, for handles of the program's own. Their callbacks run between batches and
  /// throw nothing. They are closed before this loop is.
  uv_loop_s *native_handle() const noexcept;

private:
  struct state;

  void poll(std::optional<duration> timeout) override;
  void wake() noexcept override;
  void close_backend() noexcept override;
  void watch_descriptor(int descriptor, detail::io_events events) override;
  void unwatch_descriptor(int descriptor) noexcept override;

  state *state_;
};

} // namespace coral

#endif
