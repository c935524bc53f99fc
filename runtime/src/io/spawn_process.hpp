// Starting a program: posix_spawn(3), with what it leaves to the caller.

#ifndef CORAL_IO_SPAWN_PROCESS_HPP
#define CORAL_IO_SPAWN_PROCESS_HPP

#include <coral/detail/owned_descriptor.hpp>
#include <coral/subprocess.hpp>

#include <sys/types.h>

#include <string>
#include <vector>

namespace coral::detail {

/// A child, and the parent's ends of its pipes.
struct spawned_process {
  pid_t pid = -1;
  /// Becomes readable when the child ends.
  owned_descriptor pidfd;
  owned_descriptor in;
  owned_descriptor out;
  owned_descriptor err;
};

spawned_process spawn_process(const std::vector<std::string> &arguments,
                              const subprocess::options &options);

} // namespace coral::detail

#endif
