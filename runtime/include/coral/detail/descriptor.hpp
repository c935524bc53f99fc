// File descriptors that a loop watches: what `add_reader` and `add_writer` stand on.
//
// Watching is level-triggered: as long as the descriptor is ready and watched, its entry runs once
// per look for I/O. A descriptor has at most one entry for each direction. An error or a hang-up
// counts as ready in every direction watched, so that whoever reads or writes finds out.

#ifndef CORAL_DETAIL_DESCRIPTOR_HPP
#define CORAL_DETAIL_DESCRIPTOR_HPP

#include <coral/detail/ready_queue.hpp>

#include <memory>
#include <utility>

namespace coral {

class event_loop;

namespace detail {

enum class io_direction : unsigned char { read, write };

/// A set of directions, for a backend: readable, writable or both.
using io_events = unsigned;
inline constexpr io_events io_readable = 1;
inline constexpr io_events io_writable = 2;

constexpr io_events events_of(io_direction direction) noexcept {
  return direction == io_direction::read ? io_readable : io_writable;
}

/// The callback of an `add_reader` or `add_writer`: runs each time the descriptor is ready. The
/// loop holds it while it is watched; it holds itself while it runs.
class descriptor_callback : public ready_entry,
                            public std::enable_shared_from_this<descriptor_callback> {
public:
  explicit descriptor_callback(event_loop &loop) noexcept : loop_(loop) {}
  virtual ~descriptor_callback() = default;

  void run(driver &) final;
  void drop() noexcept final {}

protected:
  virtual void call() = 0;

private:
  event_loop &loop_;
  context_slot context_ = current_context();
};

template <class Call> class concrete_descriptor_callback final : public descriptor_callback {
public:
  concrete_descriptor_callback(event_loop &loop, Call &&call)
      : descriptor_callback(loop), call_(std::move(call)) {}

private:
  void call() override { call_(); }

  Call call_;
};

/// What a loop knows about one descriptor.
struct watched_descriptor {
  struct side {
    side() = default;
    explicit side(ready_entry &entry) noexcept : entry(&entry) {}
    explicit side(std::shared_ptr<descriptor_callback> given) noexcept
        : entry(given.get()), callback(std::move(given)) {}

    ready_entry *entry = nullptr;
    std::shared_ptr<descriptor_callback> callback;
  };

  side &operator[](io_direction direction) noexcept {
    return direction == io_direction::read ? read : write;
  }

  io_events events() const noexcept {
    return (read.entry ? io_readable : 0) | (write.entry ? io_writable : 0);
  }

  side read;
  side write;
};

/// Watching without a callback object: for awaiters and transports, which bring their own entry.
struct descriptor_access {
  /// From now on `entry` runs whenever the descriptor is ready in `direction`, until `unwatch` or
  /// another `watch` of the same direction. The entry stays where it is until then. When the loop
  /// closes, the entry is dropped.
  /// Throws `value_error` for a negative descriptor, `std::system_error` for one that cannot be
  /// watched (a regular file), `runtime_error` on a closed loop.
  static void watch(event_loop &loop, int descriptor, io_direction direction, ready_entry &entry);

  /// True if it was watched. An entry that is ready already will not run.
  static bool unwatch(event_loop &loop, int descriptor, io_direction direction) noexcept;
};

} // namespace detail
} // namespace coral

#endif
