#include <coral/detail/signal_watch.hpp>
#include <coral/event_loop.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace coral {
namespace {

/// What the process knows about a signal. The handler may run on any thread, at any time.
struct signal_state {
  /// The eventfd of the loop that handles it, or -1.
  std::atomic<int> descriptor = -1;
  std::atomic<int> handlers_running = 0;
  std::atomic<bool> pending = false;
};

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::array<signal_state, NSIG> signal_states;

signal_state &state_of(int signal) noexcept {
  return signal_states[static_cast<std::size_t>(signal)];
}

extern "C" void coral_note_signal(int signal) {
  const int kept_errno = errno;
  signal_state &state = state_of(signal);
  state.handlers_running.fetch_add(1);
  if (const int descriptor = state.descriptor.load(); descriptor >= 0) {
    constexpr std::uint64_t one = 1;
    state.pending.store(true);
    static_cast<void>(::write(descriptor, &one, sizeof one));
  }
  state.handlers_running.fetch_sub(1);
  errno = kept_errno;
}

/// From now on no handler, on whatever thread, uses the descriptor.
void forget(int signal) noexcept {
  signal_state &state = state_of(signal);
  state.descriptor.store(-1);
  while (state.handlers_running.load() != 0)
    std::this_thread::yield();
  state.pending.store(false);
}

} // namespace

namespace detail {

signal_watch::signal_watch(event_loop &loop)
    : loop_(loop), descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0)
    throw std::system_error(errno, std::system_category(), "eventfd");
  try {
    descriptor_access::watch(loop, descriptor_, io_direction::read, *this);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

signal_watch::~signal_watch() {
  while (!handled_.empty())
    remove(handled_.begin()->first);
  descriptor_access::unwatch(loop_, descriptor_, io_direction::read);
  ::close(descriptor_);
}

void signal_watch::add(int signal, std::shared_ptr<descriptor_callback> callback) {
  if (const auto found = handled_.find(signal); found != handled_.end()) {
    found->second.callback->unlink();
    found->second.callback = std::move(callback);
    return;
  }
  int free = -1;
  if (!state_of(signal).descriptor.compare_exchange_strong(free, descriptor_))
    throw runtime_error("signal " + std::to_string(signal) + " is handled by another event loop");
  struct sigaction ours{};
  ours.sa_handler = coral_note_signal;
  ours.sa_flags = SA_RESTART;
  ::sigfillset(&ours.sa_mask);
  handled added{std::move(callback), {}};
  if (::sigaction(signal, &ours, &added.before) != 0) {
    forget(signal);
    throw runtime_error("signal " + std::to_string(signal) + " cannot be caught");
  }
  handled_.emplace(signal, std::move(added));
}

bool signal_watch::remove(int signal) noexcept {
  auto removed = handled_.extract(signal);
  if (removed.empty())
    return false;
  ::sigaction(signal, &removed.mapped().before, nullptr);
  forget(signal);
  removed.mapped().callback->unlink();
  return true;
}

void signal_watch::run(driver &) {
  std::uint64_t count;
  static_cast<void>(::read(descriptor_, &count, sizeof count));
  for (const auto &[signal, handled] : handled_)
    if (state_of(signal).pending.exchange(false) && !handled.callback->linked())
      loop_access::make_ready(loop_, *handled.callback);
}

} // namespace detail

void event_loop::add_signal_callback(int signal,
                                     std::shared_ptr<detail::descriptor_callback> callback) {
  require_open();
  check_thread();
  if (signal < 1 || signal >= NSIG)
    throw value_error("invalid signal number " + std::to_string(signal));
  if (!signals_)
    signals_ = std::make_unique<detail::signal_watch>(*this);
  signals_->add(signal, std::move(callback));
}

bool event_loop::remove_signal_handler(int signal) noexcept {
  return signals_ && signals_->remove(signal);
}

} // namespace coral
