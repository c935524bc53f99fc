#include <coral/loop/manual.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace coral {
namespace {

short poll_events(detail::io_events events) noexcept {
  return static_cast<short>((events & detail::io_readable ? POLLIN : 0) |
                            (events & detail::io_writable ? POLLOUT : 0));
}

detail::io_events io_events_of(short found) noexcept {
  constexpr short failed = POLLERR | POLLHUP | POLLNVAL;
  return (found & (POLLIN | failed) ? detail::io_readable : 0) |
         (found & (POLLOUT | failed) ? detail::io_writable : 0);
}

} // namespace

manual_loop::manual_loop() {
  polled_.reserve(1);
  const int wake_up = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_up < 0)
    throw std::system_error(errno, std::system_category(), "eventfd");
  polled_.push_back({wake_up, POLLIN, 0});
}

manual_loop::~manual_loop() {
  close();
  ::close(polled_.front().fd);
}

void manual_loop::poll(std::optional<duration> timeout) {
  const bool woken = woken_.exchange(false);
  const bool watches = polled_.size() > 1;
  int found = 0;
  if (woken || watches || !timeout)
    found = look(timeout || woken ? 0 : -1);
  if (timeout && !woken && found == 0)
    now_ += *timeout;
}

/// Waits in poll(2), takes the wake-up and hands over what is ready. Gives the number of
/// descriptors found ready, not 0 if it was interrupted.
int manual_loop::look(int milliseconds) noexcept {
  const int found = ::poll(polled_.data(), polled_.size(), milliseconds);
  if (found <= 0)
    return found;
  if (polled_.front().revents) {
    std::uint64_t count;
    static_cast<void>(::read(polled_.front().fd, &count, sizeof count));
  }
  for (std::size_t i = 1; i != polled_.size(); ++i)
    if (polled_[i].revents)
      descriptor_ready(polled_[i].fd, io_events_of(polled_[i].revents));
  return found;
}

void manual_loop::wake() noexcept {
  constexpr std::uint64_t one = 1;
  if (!woken_.exchange(true))
    static_cast<void>(::write(polled_.front().fd, &one, sizeof one));
}

void manual_loop::watch_descriptor(int descriptor, detail::io_events events) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= places_.size())
    places_.resize(index + 1);
  if (places_[index] == 0) {
    require_pollable(descriptor);
    polled_.push_back({descriptor, 0, 0});
    places_[index] = polled_.size() - 1;
  }
  polled_[places_[index]].events = poll_events(events);
}

void manual_loop::unwatch_descriptor(int descriptor) noexcept {
  const std::size_t hole = std::exchange(places_[static_cast<std::size_t>(descriptor)], 0);
  const pollfd last = polled_.back();
  polled_.pop_back();
  if (hole == polled_.size())
    return;
  polled_[hole] = last;
  places_[static_cast<std::size_t>(last.fd)] = hole;
}

} // namespace coral
