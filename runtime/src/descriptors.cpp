#include <coral/event_loop.hpp>

#include <coral/errors.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace coral {
namespace detail {

void descriptor_callback::run(driver &) {
  const std::shared_ptr<descriptor_callback> keep = shared_from_this();
  const context_scope context(context_);
  try {
    call();
  } catch (...) {
    loop_.report("Exception in callback", std::current_exception(), std::nullopt);
  }
}

void descriptor_access::watch(event_loop &loop, int descriptor, io_direction direction,
                              ready_entry &entry) {
  loop.watch(descriptor, direction, watched_descriptor::side(entry));
}

bool descriptor_access::unwatch(event_loop &loop, int descriptor, io_direction direction) noexcept {
  return loop.unwatch(descriptor, direction);
}

} // namespace detail

void event_loop::watch(int descriptor, detail::io_direction direction,
                       detail::watched_descriptor::side side) {
  require_open();
  check_thread();
  if (descriptor < 0)
    throw value_error("Invalid file descriptor: " + std::to_string(descriptor));
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= watched_.size())
    watched_.resize(index + 1);
  detail::watched_descriptor &watched = watched_[index];
  const detail::io_events before = watched.events();
  const detail::io_events after = before | detail::events_of(direction);
  if (after != before)
    watch_descriptor(descriptor, after);
  // What is replaced is destroyed last: its captures may do anything, to this loop too.
  const detail::watched_descriptor::side replaced =
      std::exchange(watched[direction], std::move(side));
  if (replaced.entry)
    replaced.entry->unlink();
}

bool event_loop::unwatch(int descriptor, detail::io_direction direction) noexcept {
  const auto index = static_cast<std::size_t>(descriptor);
  if (descriptor < 0 || index >= watched_.size())
    return false;
  detail::watched_descriptor &watched = watched_[index];
  const detail::watched_descriptor::side removed = std::exchange(watched[direction], {});
  if (!removed.entry)
    return false;
  removed.entry->unlink();
  if (const detail::io_events left = watched.events())
    watch_descriptor(descriptor, left);
  else
    unwatch_descriptor(descriptor);
  return true;
}

void event_loop::descriptor_ready(int descriptor, detail::io_events events) noexcept {
  const detail::watched_descriptor &watched = watched_[static_cast<std::size_t>(descriptor)];
  const auto make_ready = [this](detail::ready_entry *entry) {
    if (entry && !entry->linked())
      ready_.push(*entry);
  };
  if (events & detail::io_readable)
    make_ready(watched.read.entry);
  if (events & detail::io_writable)
    make_ready(watched.write.entry);
}

void event_loop::unwatch_all() noexcept {
  for (std::size_t index = 0; index != watched_.size(); ++index)
    for (detail::io_direction direction :
         {detail::io_direction::read, detail::io_direction::write}) {
      detail::ready_entry *entry = watched_[index][direction].entry;
      const std::shared_ptr<detail::descriptor_callback> keep = watched_[index][direction].callback;
      if (unwatch(static_cast<int>(index), direction))
        entry->drop();
    }
}

void event_loop::require_pollable(int descriptor) {
  struct stat status;
  int error = 0;
  if (::fstat(descriptor, &status) != 0)
    error = errno;
  else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
    error = EPERM;
  if (error)
    throw std::system_error(error, std::system_category(), "cannot watch a file descriptor");
}

} // namespace coral
