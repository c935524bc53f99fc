// The table that coral/detail/task_origin.hpp is about.

#ifndef CORAL_DETAIL_TASK_ORIGIN_TABLE_HPP
#define CORAL_DETAIL_TASK_ORIGIN_TABLE_HPP

#include <coral/detail/config.hpp>

#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <source_location>
#include <unordered_map>

namespace coral::detail {

class task_promise_base;

struct task_origin {
  /// The coroutine's function, and where it is defined.
  std::source_location function;
  /// Where it was called.
  const void *caller = nullptr;
  const task_promise_base *promise = nullptr;
};

/// The table. Can be used on any thread.
class task_origins {
public:
  static bool enabled() noexcept { return switch_.load(std::memory_order_relaxed); }
  static void enable(bool on) noexcept { switch_.store(on, std::memory_order_relaxed); }

  CORAL_COLD static void enter(const void *frame, const task_origin &origin) {
    task_origins &all = table();
    std::lock_guard lock(all.mutex_);
    all.origins_.insert_or_assign(frame, origin);
  }

  CORAL_COLD static void leave(const void *frame) noexcept {
    task_origins &all = table();
    std::lock_guard lock(all.mutex_);
    all.origins_.erase(frame);
  }

  static std::optional<task_origin> find(const void *frame) {
    task_origins &all = table();
    std::lock_guard lock(all.mutex_);
    const auto at = all.origins_.find(frame);
    return at == all.origins_.end() ? std::nullopt : std::optional(at->second);
  }

  /// Python's RuntimeWarning.
  CORAL_COLD static void report_never_awaited(const void *frame) {
    const std::optional<task_origin> origin = find(frame);
    if (!origin)
      return;
    std::fprintf(stderr,
                 "coral: RuntimeWarning: coroutine '%s' was never awaited\n  defined at %s:%u\n",
                 origin->function.function_name(), origin->function.file_name(),
                 static_cast<unsigned>(origin->function.line()));
    Dl_info caller;
    if (::dladdr(origin->caller, &caller) && caller.dli_fname)
      std::fprintf(stderr, "  created at %s+0x%zx\n", caller.dli_fname,
                   static_cast<std::size_t>(static_cast<const char *>(origin->caller) -
                                            static_cast<const char *>(caller.dli_fbase)));
  }

private:
  static task_origins &table() {
    // Never destroyed: frames of static objects may outlive it.
    static auto *all = new task_origins;
    return *all;
  }

  static bool asked_for() noexcept {
    const char *value = std::getenv("CORAL_DEBUG");
    return value && *value && std::strcmp(value, "0") != 0;
  }

  static inline std::atomic<bool> switch_ = asked_for();

  std::mutex mutex_;
  std::unordered_map<const void *, task_origin> origins_;
};

} // namespace coral::detail

#endif
