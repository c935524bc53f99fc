#include <coral/loop/uv.hpp>

#include <coral/policy.hpp>

#include <fcntl.h>
#include <uv.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace coral {

/// The libuv loop and the handles of ours in it.
struct uv_loop::state {
  /// Lives until its close callback.
  struct watcher {
    uv_poll_t handle;
    uv_loop &owner;
    int descriptor;
    detail::io_events events;

    watcher(uv_loop &owner, int descriptor) noexcept
        : handle(), owner(owner), descriptor(descriptor), events() {}

    void start() noexcept {
      handle.data = this;
      uv_poll_start(&handle,
                    (events & detail::io_readable ? UV_READABLE : 0) |
                        (events & detail::io_writable ? UV_WRITABLE : 0),
                    [](uv_poll_t *handle, int status, int found) {
                      static_cast<watcher *>(handle->data)->ready(status, found);
                    });
    }

    void ready(int status, int found) noexcept {
      detail::io_events ready = (found & UV_READABLE ? detail::io_readable : 0) |
                                (found & UV_WRITABLE ? detail::io_writable : 0);
      if (status < 0) {
        // libuv stops at an error; whoever watches learns of it by reading or writing.
        ready = events;
        start();
      }
      owner.descriptor_ready(descriptor, ready);
    }

    void close() noexcept {
      uv_close(reinterpret_cast<uv_handle_t *>(&handle),
               [](uv_handle_t *handle) { delete static_cast<watcher *>(handle->data); });
    }
  };

  /// libuv runs timers that are due before it waits. What they made ready, or scheduled earlier
  /// than the wait would end, must not wait with it.
  static void before_wait(uv_prepare_t *handle) {
    const auto &owner = *static_cast<const uv_loop *>(handle->data);
    if (owner.has_ready() || owner.is_stopping() ||
        owner.next_deadline() != owner.state_->waits_until)
      uv_stop(handle->loop);
  }

  uv_loop_t loop;
  uv_async_t wake_up;
  uv_timer_t timeout;
  uv_prepare_t prepare;
  std::optional<time_point> waits_until;
  std::vector<watcher *> watchers;
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
  uv_prepare_init(&made->loop, &made->prepare);
  made->prepare.data = this;
  uv_prepare_start(&made->prepare, state::before_wait);
  state_ = made.release();
}

uv_loop::~uv_loop() { close(); }

uv_loop_s *uv_loop::native_handle() const noexcept { return &state_->loop; }

void uv_loop::poll(std::optional<duration> timeout) {
  if (timeout == duration::zero()) {
    uv_run(&state_->loop, UV_RUN_NOWAIT);
    return;
  }
  state_->waits_until = next_deadline();
  if (timeout) {
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(*timeout);
    uv_update_time(&state_->loop);
    // libuv may find the timer due before it waits; without it the wait would have no end.
    uv_timer_start(
        &state_->timeout, [](uv_timer_t *handle) { uv_stop(handle->loop); },
        static_cast<std::uint64_t>(rounded_up.count()), 0);
  }
  uv_run(&state_->loop, UV_RUN_ONCE);
  uv_timer_stop(&state_->timeout);
}

void uv_loop::wake() noexcept { uv_async_send(&state_->wake_up); }

void uv_loop::watch_descriptor(int descriptor, detail::io_events events) {
  const auto index = static_cast<std::size_t>(descriptor);
  if (index >= state_->watchers.size())
    state_->watchers.resize(index + 1);
  state::watcher *&watcher = state_->watchers[index];
  if (!watcher) {
    auto made = std::make_unique<state::watcher>(*this, descriptor);
    // uv_poll_init makes the descriptor non-blocking; whether it is, is its owner's to say.
    const int flags = ::fcntl(descriptor, F_GETFL);
    check(uv_poll_init(&state_->loop, &made->handle, descriptor), "cannot watch a file descriptor");
    if (!(flags & O_NONBLOCK))
      ::fcntl(descriptor, F_SETFL, flags);
    watcher = made.release();
  }
  watcher->events = events;
  watcher->start();
}

void uv_loop::unwatch_descriptor(int descriptor) noexcept {
  std::exchange(state_->watchers[static_cast<std::size_t>(descriptor)], nullptr)->close();
}

void uv_loop::close_backend() noexcept {
  uv_close(reinterpret_cast<uv_handle_t *>(&state_->wake_up), nullptr);
  uv_close(reinterpret_cast<uv_handle_t *>(&state_->timeout), nullptr);
  uv_close(reinterpret_cast<uv_handle_t *>(&state_->prepare), nullptr);
  uv_run(&state_->loop, UV_RUN_NOWAIT);
  // A handle of the program's own that is still open keeps the memory it is linked into.
  std::unique_ptr<state> closing(std::exchange(state_, nullptr));
  if (uv_loop_close(&closing->loop) == UV_EBUSY)
    static_cast<void>(closing.release());
}

std::unique_ptr<event_loop> new_event_loop() {
  if (const loop_factory policy = get_event_loop_policy())
    return policy();
  return uv_loop::create();
}

} // namespace coral
