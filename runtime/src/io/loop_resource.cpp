#include <coral/detail/loop_resource.hpp>
#include <coral/event_loop.hpp>

namespace coral::detail {

void resource_access::add(event_loop &loop, loop_resource &resource) noexcept {
  loop.resources_.push_back(resource);
}

void resource_access::make_ready(event_loop &loop, ready_entry &entry) noexcept {
  loop.ready_.push(entry);
}

void resource_access::make_ready(event_loop &loop, link_list &entries) noexcept {
  loop.ready_.append(entries);
}

} // namespace coral::detail
