// The values of context variables: an immutable map, shared by those who have copied it, and the
// slot that holds one.

#ifndef CORAL_DETAIL_CONTEXT_MAP_HPP
#define CORAL_DETAIL_CONTEXT_MAP_HPP

#include <coral/detail/ref.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace coral::detail {

class context_map {
public:
  using key = std::uint64_t;
  using value = std::shared_ptr<const void>;

private:
  template <class Entries> static auto lower_bound(Entries &all, key wanted) {
    return std::lower_bound(all.begin(), all.end(), wanted,
                            [](const auto &each, key k) { return each.first < k; });
  }

public:
  void retain() const noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  std::size_t size() const noexcept { return entries_.size(); }

  /// Null when there is none.
  value find(key wanted) const noexcept {
    const auto at = lower_bound(entries_, wanted);
    return at != entries_.end() && at->first == wanted ? at->second : nullptr;
  }

  /// A copy of `map`, which may be null, where `changed` has `replacement`; or has none if that is
  /// null. Null when nothing is left.
  static ref<const context_map> with(const context_map *map, key changed, value replacement) {
    auto made = std::make_unique<context_map>();
    if (map)
      made->entries_ = map->entries_;
    auto at = lower_bound(made->entries_, changed);
    if (at != made->entries_.end() && at->first == changed) {
      if (replacement)
        at->second = std::move(replacement);
      else
        made->entries_.erase(at);
    } else if (replacement) {
      made->entries_.emplace(at, changed, std::move(replacement));
    }
    if (made->entries_.empty())
      return nullptr;
    return ref<const context_map>::adopt(made.release());
  }

private:
  /// In the order of the keys.
  std::vector<std::pair<key, value>> entries_;
  mutable std::atomic<std::uint32_t> owners_ = 1;
};

/// What can be current: Python's Context without its rules. Changes replace the map.
struct context_slot {
  ref<const context_map> map;
};

} // namespace coral::detail

#endif
