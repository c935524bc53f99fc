// What I/O objects and a loop know of each other.

#ifndef CORAL_DETAIL_LOOP_RESOURCE_HPP
#define CORAL_DETAIL_LOOP_RESOURCE_HPP

#include <coral/detail/ready_queue.hpp>

#include <string>

namespace coral {

class event_loop;

namespace detail {

/// Something of a loop's that holds itself until it ends: a transport, a server, a child process.
/// While it is in the loop's list it learns that the loop closes.
class loop_resource : public link {
public:
  /// The loop closes. Its tasks are destroyed by now, and it takes no callbacks any more. Already
  /// taken out of the loop's list.
  virtual void loop_closed() noexcept = 0;

  /// What the program should have closed before its loop, for debug mode; empty if nothing.
  virtual std::string unclosed() const { return {}; }

protected:
  ~loop_resource() = default;
};

struct resource_access {
  static void add(event_loop &loop, loop_resource &resource) noexcept;

  /// Runs `entry`, or all of `entries`, in the next batch.
  static void make_ready(event_loop &loop, ready_entry &entry) noexcept;
  static void make_ready(event_loop &loop, link_list &entries) noexcept;
};

} // namespace detail
} // namespace coral

#endif
