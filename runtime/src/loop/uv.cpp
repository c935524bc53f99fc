#include <coral/loop/uv.hpp>

#include <uv.h>

#include <system_error>

namespace coral {

/// The libuv loop and the two handles of ours in it.
struct uv_loop::state {
  uv_loop_t loop;
  uv_async_t wake_up;
  uv_timer_t timeout;
};

namespace {

void check(int result, const char *what) {
  if (result < 0)
    throw std::system_error(-result, std::system_category(), what);
}

} // namespace

uv_loop::uv_loop() {
  auto made = std::make_unique<state>();
  check(uv_loop_init(&made->loop), "uv_loop_init");
  if (int result = uv_async_init(&made->loop, &made->wake_up, [](uv_async_t *) {}); result < 0) {
    uv_loop_close(&made->loop);
    check(result, "uv_async_init");
  }
  uv_timer_init(&made->loop, &made->timeout);
  state_ = made.release();
}

uv_loop::~uv_loop() { close(); }

uv_loop_s *uv_loop::native_handle() const noexcept { return &state_->loop; }

void uv_loop::poll(std::optional<duration> timeout) {
  if (timeout == duration::zero()) {
    uv_run(&state_->loop, UV_RUN_NOWAIT);
    return;
  }
  if (timeout) {
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(*timeout);
    uv_update_time(&state_->loop);
    uv_timer_start(
        &state_->timeout, [](uv_timer_t *) {}, static_cast<std::uint64_t>(rounded_up.count()), 0);
  }
  uv_run(&state_->loop, UV_RUN_ONCE);
  uv_timer_stop(&state_->timeout);
}

void uv_loop::wake() noexcept { uv_async_send(&state_->wake_up); }

void uv_loop::close_backend() noexcept {
  uv_close(reinterpret_cast<uv_handle_t *>(&state_->wake_up), nullptr);
  uv_close(reinterpret_cast<uv_handle_t *>(&state_->timeout), nullptr);
  uv_run(&state_->loop, UV_RUN_NOWAIT);
  // A handle of the program's own that is still open keeps the memory it is linked into.
  std::unique_ptr<state> closing(std::exchange(state_, nullptr));
  if (uv_loop_close(&closing->loop) == UV_EBUSY)
    static_cast<void>(closing.release());
}

std::unique_ptr<event_loop> new_event_loop() { return uv_loop::create(); }

} // namespace coral
