//===--- Workers.h - Runs jobs apart from each other ------------*- C++ -*-===//
//
// Parsing somebody's C++ may crash the compiler. Each job therefore runs in a
// process of its own, and its result comes back as bytes: a crash costs one
// result, never the run.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_EXEC_WORKERS_H
#define CORALC_EXEC_WORKERS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <string>
#include <vector>

namespace coralc {

struct JobOutcome {
  /// What the job returned; nothing if its process died.
  std::optional<std::string> Result;
  /// How it died: "signal 11 (Segmentation fault)", "exit code 70".
  std::string Death;
};

/// Runs \p Job for 0, 1, ... \p Count - 1, at most \p Parallel at a time, each
/// in a forked child. Outcomes are in the order of the indices, whatever order
/// the jobs end in. Must be called while the process has a single thread.
///
/// \p Progress is called in the parent with the number of finished jobs.
std::vector<JobOutcome> runJobs(
    size_t Count, unsigned Parallel,
    llvm::function_ref<std::string(size_t)> Job,
    llvm::function_ref<void(size_t)> Progress = [](size_t) {});

} // namespace coralc

#endif
