#include <coral/loop/manual.hpp>

namespace coral {

manual_loop::~manual_loop() { close(); }

void manual_loop::poll(std::optional<duration> timeout) {
  std::unique_lock lock(mutex_);
  if (!timeout)
    woken_changed_.wait(lock, [this] { return woken_; });
  else if (!woken_)
    now_ += *timeout;
  woken_ = false;
}

void manual_loop::wake() noexcept {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  woken_changed_.notify_one();
}

} // namespace coral
