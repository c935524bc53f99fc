// Handles of libuv that call their callback again and again, as loops in a coral::task.
//
//     coral::task<void> serve(uv_stream_t *client, coral::uv::events<uv_read_cb> events) {
//       while (co_await events.next()) {
//         auto [size, bytes] = events.told();
//         ...
//         if (size < 0)
//           uv_close((uv_handle_t *)client, on_close);  // and with it the loop
//       }
//     }
//
//     int result = coral::uv::start(uv_read_start, client, allocate, serve);
//
// Each event resumes the coroutine inside of libuv's callback, so that what stands in the loop runs
// where a callback would run. The handle's `data` is left alone: a handle is known by its address.
//
// This works on a `uv_loop_t` of the program's own and on that of a `coral::uv_loop`. Everything
// about a handle belongs to the thread that runs its loop; before the loop runs, to any.

#ifndef CORAL_INTEROP_UV_EVENTS_HPP
#define CORAL_INTEROP_UV_EVENTS_HPP

#include <coral/detail/drive.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/errors.hpp>
#include <coral/spawn.hpp>
#include <coral/task.hpp>

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <uv.h>

namespace coral::uv {

template <class Callback> class events;

namespace detail {

/// `void (*)(Handle *, Told...)`: what libuv calls at every event of a handle.
template <class Callback> class event_source;

template <class Handle, class... Told>
class event_source<void (*)(Handle *, Told...)> final : public coral::detail::resume_entry {
public:
  using callback = void (*)(Handle *, Told...);
  using handle = Handle;
  using function = task<void> (*)(Handle *, events<callback>);
  using pointer = std::shared_ptr<event_source>;

  event_source(Handle *handle, function loop) noexcept
      : handle_(handle), on_(handle->loop), loop_(loop) {}

  /// Runs `loop` until it waits for the first event. One that runs for the same handle hears
  /// nothing any more.
  static void begin(Handle *handle, function loop) {
    auto source = std::make_shared<event_source>(handle, loop);
    task<void> started = loop(handle, events<callback>(source));
    if (const pointer before = all().put(handle, source))
      before->end();
    coral::spawn(std::move(started));
  }

  /// The callback that libuv gets.
  static void called(Handle *handle, Told... told) {
    std::vector<pointer> closed;
    const pointer source = all().find(handle, closed);
    for (const pointer &each : closed)
      each->end();
    if (source)
      source->resume({told...});
  }

  /// There will be no event: another coroutine hears of them, or the handle is closing.
  bool is_over() const noexcept {
    return over_ || ::uv_is_closing(reinterpret_cast<const uv_handle_t *>(handle_));
  }

  template <class Promise> void wait(std::coroutine_handle<Promise> awaiting) noexcept {
    this->waiting(awaiting);
    waits_ = true;
  }

  bool take_event() noexcept { return std::exchange(has_event_, false); }
  const std::tuple<Told...> &told() const noexcept { return told_; }

  /// The coroutine is gone.
  void leave() noexcept {
    waits_ = false;
    all().remove(handle_, *this);
  }

private:
  /// All sources, by handle. What is put here stays until its coroutine ends.
  class table {
  public:
    pointer put(Handle *handle, pointer added) {
      const std::lock_guard lock(mutex_);
      return std::exchange(sources_[handle], std::move(added));
    }

    /// Once there are twice as many sources as the last time, those on the loop of `handle` whose
    /// own handle is closed or closing are taken out and added to `closed`.
    pointer find(Handle *handle, std::vector<pointer> &closed) {
      const std::lock_guard lock(mutex_);
      if (sources_.size() >= enough_) [[unlikely]]
        take_closed(handle->loop, closed);
      const auto found = sources_.find(handle);
      return found == sources_.end() ? nullptr : found->second;
    }

    void remove(Handle *handle, const event_source &source) noexcept {
      const std::lock_guard lock(mutex_);
      const auto found = sources_.find(handle);
      if (found != sources_.end() && found->second.get() == &source)
        sources_.erase(found);
    }

  private:
    static constexpr std::size_t fewest = 64;

    void take_closed(uv_loop_t *loop, std::vector<pointer> &closed) {
      const std::unordered_set<const void *> open = open_handles(loop);
      for (auto each = sources_.begin(); each != sources_.end();) {
        if (each->second->on_ == loop && !open.contains(each->first)) {
          closed.push_back(std::move(each->second));
          each = sources_.erase(each);
        } else {
          ++each;
        }
      }
      enough_ = std::max(fewest, 2 * sources_.size());
    }

    std::mutex mutex_;
    std::unordered_map<Handle *, pointer> sources_;
    std::size_t enough_ = fewest;
  };

  /// Never destroyed: handles may be open until the process ends.
  static table &all() {
    static table &only = *new table;
    return only;
  }

  /// What is closed may be freed and must not be looked at: libuv says what is open.
  static std::unordered_set<const void *> open_handles(uv_loop_t *loop) {
    std::unordered_set<const void *> open;
    ::uv_walk(
        loop,
        [](uv_handle_t *handle, void *found) {
          if (!::uv_is_closing(handle))
            static_cast<std::unordered_set<const void *> *>(found)->insert(handle);
        },
        &open);
    return open;
  }

  void resume(std::tuple<Told...> told) {
    if (!std::exchange(waits_, false))
      throw runtime_error("an event came while its coroutine waits for something else");
    told_ = told;
    has_event_ = true;
    try {
      coral::detail::drive(this->coroutine(), this->owner());
    } catch (...) {
      // A callback that throws is called again at the next event.
      if (!is_over())
        begin(handle_, loop_);
      throw;
    }
  }

  /// Ends a coroutine that waits for an event; one that runs ends when it waits for the next.
  void end() noexcept {
    over_ = true;
    if (std::exchange(waits_, false))
      this->drop();
  }

  Handle *handle_;
  uv_loop_t *on_;
  function loop_;
  std::tuple<Told...> told_{};
  bool waits_ = false;
  bool has_event_ = false;
  bool over_ = false;
};

/// Whether libuv calls `Parameter` again and again, with a handle that is another one of the
/// `Parameters`.
template <class Parameter, class... Parameters> inline constexpr bool is_event_callback = false;

template <class Handle, class... Told, class... Parameters>
inline constexpr bool is_event_callback<void (*)(Handle *, Told...), Parameters...> =
    !std::same_as<Handle, uv_handle_t> && (std::same_as<Handle *, Parameters> || ...) &&
    requires(Handle *handle) { handle->close_cb; };

/// The event source for the callback that is one of the `Parameters` of libuv's function.
template <class... Parameters> struct event_function {
  static constexpr std::size_t callback_index() {
    std::size_t index = 0;
    std::size_t found = 0;
    ((found = is_event_callback<Parameters, Parameters...> ? index : found, ++index), ...);
    return found;
  }
  using callback = std::tuple_element_t<callback_index(), std::tuple<Parameters...>>;
  using source = event_source<callback>;

  /// What `start` gets for `Parameter`.
  template <class Parameter>
  using given =
      std::conditional_t<std::same_as<Parameter, callback>, typename source::function, Parameter>;

  /// What libuv gets for it.
  template <class Parameter> static Parameter passed(given<Parameter> argument) noexcept {
    if constexpr (std::same_as<Parameter, callback>)
      return &source::called;
    else
      return argument;
  }
};

} // namespace detail

/// The events of a handle, for the coroutine that `start` began. `Callback` is libuv's type of the
/// callback that would be called, such as `uv_read_cb`.
template <class Handle, class... Told> class events<void (*)(Handle *, Told...)> {
  using source = detail::event_source<void (*)(Handle *, Told...)>;

  class next_event {
  public:
    explicit next_event(source &from) noexcept : from_(from) {}
    bool await_ready() const noexcept { return from_.is_over(); }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) noexcept {
      from_.wait(awaiting);
    }
    bool await_resume() const noexcept { return from_.take_event(); }

  private:
    source &from_;
  };

public:
  explicit events(std::shared_ptr<source> from) noexcept : from_(std::move(from)) {}
  events(events &&) noexcept = default;
  events &operator=(events &&) = delete;
  ~events() {
    if (from_)
      from_->leave();
  }

  /// Waits for the next event. Gives false, at once, when there will be none: the handle is closing
  /// or another coroutine was started on it. When the handle is closed while the coroutine waits,
  /// the coroutine is destroyed, some time later.
  [[nodiscard]] next_event next() noexcept { return next_event(*from_); }

  /// What the callback is told besides the handle: one value, or a tuple.
  auto told() const noexcept {
    if constexpr (sizeof...(Told) == 1)
      return std::get<0>(from_->told());
    else
      return from_->told();
  }

private:
  std::shared_ptr<source> from_;
};

/// Calls `function(arguments...)` of libuv with a coroutine in the place of the callback: a
/// function or a lambda without captures that is given the handle and its `events`. Gives what
/// `function` returns. Unless that is negative, the coroutine begins, and runs at every event.
///
///     coral::uv::start(uv_listen, server, 128, accept_loop);
///
/// The coroutine waits for nothing else than its events, and ends when it has closed or stopped the
/// handle: libuv goes on calling, and what it says then is lost. An exception that leaves it goes
/// through libuv and leaves from `uv_run`, as a callback's does; the coroutine begins anew.
template <class... Parameters>
  requires(detail::is_event_callback<Parameters, Parameters...> || ...)
int start(int (*function)(Parameters...),
          typename detail::event_function<Parameters...>::template given<Parameters>... arguments) {
  using known = detail::event_function<Parameters...>;
  using source = typename known::source;
  const std::tuple<typename known::template given<Parameters>...> all(arguments...);
  const int result = function(known::template passed<Parameters>(arguments)...);
  if (result >= 0)
    source::begin(std::get<typename source::handle *>(all),
                  std::get<typename source::function>(all));
  return result;
}

} // namespace coral::uv

#endif
