// The processes of a process pool: bytes go to a function in another process, and bytes come back.

#ifndef CORAL_DETAIL_WORKER_PROCESSES_HPP
#define CORAL_DETAIL_WORKER_PROCESSES_HPP

#include <coral/errors.hpp>

#include <istream>
#include <memory>
#include <string>

namespace coral {

/// Python's `BrokenProcessPool`: the worker process ended during the call. Other calls are not
/// concerned, and the pool has a new worker.
class broken_process_pool : public runtime_error {
public:
  using runtime_error::runtime_error;
};

namespace detail {

/// A call for a worker process: `entry` reads its arguments from the bytes and gives the bytes of
/// its result. It is at the same address there.
struct worker_request {
  std::string (*entry)(std::istream &arguments);
  std::string bytes;
};

struct worker_reply {
  bool failed;
  /// Of the exception, if it failed; `bytes` is its text then.
  std::string type_name;
  std::string bytes;
};

/// Can be used on any thread; every call under way has a worker for itself.
class worker_processes {
public:
  /// Throws `std::system_error` when there can be no other process.
  worker_processes();
  ~worker_processes();

  /// Throws `broken_process_pool` when the worker ends before it replies.
  worker_reply call(const worker_request &request);

private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace detail
} // namespace coral

#endif
