// How signals reach a loop.
//
// The process's handler may do almost nothing. It marks the signal as pending and writes to the
// eventfd of the loop that handles it, which that loop watches as any descriptor; the loop then
// makes the callbacks of what is pending ready. A mark is never lost, however full the descriptor.

#ifndef CORAL_DETAIL_SIGNAL_WATCH_HPP
#define CORAL_DETAIL_SIGNAL_WATCH_HPP

#include <coral/detail/descriptor.hpp>

#include <map>
#include <memory>
#include <signal.h>

namespace coral::detail {

/// The signals that one loop handles.
class signal_watch final : public ready_entry {
public:
  /// Throws `std::system_error` when the process has no descriptor left.
  explicit signal_watch(event_loop &loop);
  ~signal_watch();

  void add(int signal, std::shared_ptr<descriptor_callback> callback);
  bool remove(int signal) noexcept;

  void run(driver &) override;
  void drop() noexcept override {}

private:
  struct handled {
    std::shared_ptr<descriptor_callback> callback;
    struct sigaction before;
  };

  event_loop &loop_;
  int descriptor_;
  std::map<int, handled> handled_;
};

} // namespace coral::detail

#endif
