// coral::event_loop: asyncio's event loop.
//
// The loop runs in *batches*. A batch is what was ready when it began, in order; what becomes ready
// meanwhile waits for the next. Between batches the loop takes over what other threads sent, looks
// for I/O and collects the timers that are due. While work is ready it looks for I/O at least once
// in `batches_per_poll` batches; otherwise it sleeps until something happens.
//
// The ready queue, the timers and the tasks live here. A backend (coral/loop/uv.hpp,
// coral/loop/manual.hpp) supplies a clock, waiting and wake-up. Every backend gives the same order.
//
// One loop runs per thread. Everything but `call_soon_threadsafe` belongs to the thread that runs
// the loop, or to any one thread while it does not run.

#ifndef CORAL_EVENT_LOOP_HPP
#define CORAL_EVENT_LOOP_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/descriptor.hpp>
#include <coral/detail/loop_resource.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace coral {

class event_loop;
class executor;
void set_coroutine_origin_tracking(bool enabled) noexcept;
class process_pool_executor;
class thread_pool_executor;
template <class T> class future;

namespace detail {

class async_generator_base;
class join_awaiter;
template <class Callback, class... Args>
using executor_result_t = std::invoke_result_t<std::decay_t<Callback>, std::decay_t<Args>...>;

/// How many tasks of this thread know a thread that waits in `async_to_sync`, and what their
/// children do about it (coral/detail/sync_scope.hpp).
inline constinit thread_local unsigned scoped_tasks = 0;
void inherit_sync_scope(scheduled_base &created);

class loop_gate;
class signal_watch;
struct loop_access;
class sleep_awaiter;
class timer_entry;
class wait_queue;
class yield_awaiter;

/// A callback in the ready queue, among the timers, or on its way from another thread. Whoever
/// is to run it holds it by `self`.
class callback_entry : public ready_entry {
public:
  explicit callback_entry(event_loop &loop) noexcept
      : timer(*this), loop_(loop), context_(current_context()) {}
  virtual ~callback_entry() = default;

  void run(driver &) final;
  void drop() noexcept final;
  void cancel() noexcept;
  bool cancelled() const noexcept { return cancelled_; }

  std::shared_ptr<callback_entry> self;
  callback_entry *next_sent = nullptr;
  timer_slot timer;

protected:
  virtual void call() = 0;

  /// Destroys the callback. It is not being called.
  virtual void clear() noexcept = 0;

private:
  event_loop &loop_;
  context_slot context_;
  bool calling_ = false;
  bool cancelled_ = false;
};

template <class Callback> class concrete_callback final : public callback_entry {
public:
  concrete_callback(event_loop &loop, Callback &&callback)
      : callback_entry(loop), callback_(std::move(callback)) {}

private:
  void call() override { (*callback_)(); }
  void clear() noexcept override { callback_.reset(); }

  std::optional<Callback> callback_;
};

} // namespace detail

/// A scheduled callback: asyncio's `Handle` and `TimerHandle`. Dropping it changes nothing.
class handle {
public:
  /// The callback will not be called, if it was not yet. Not to be called on another thread than
  /// the loop's.
  void cancel() noexcept { entry_->cancel(); }
  bool cancelled() const noexcept { return entry_->cancelled(); }

  /// The same call, not an equal callback.
  friend bool operator==(const handle &, const handle &) = default;

private:
  friend event_loop;
  friend detail::callback_entry;
  explicit handle(std::shared_ptr<detail::callback_entry> entry) noexcept
      : entry_(std::move(entry)) {}
  std::shared_ptr<detail::callback_entry> entry_;
};

/// What an exception handler is told.
struct exception_context {
  std::string message;
  std::exception_ptr exception;
  /// The callback that threw, if it was one.
  std::optional<coral::handle> handle;
};

class event_loop {
public:
  using clock = std::chrono::steady_clock;
  using duration = clock::duration;
  using time_point = clock::time_point;
  using exception_handler = std::function<void(event_loop &, const exception_context &)>;

  /// How many batches run at most before the loop looks for I/O.
  static constexpr int batches_per_poll = 64;

  /// In debug mode, a callback or a step of a task that takes longer is logged.
  duration slow_callback_duration = std::chrono::milliseconds(100);

  event_loop(const event_loop &) = delete;
  event_loop &operator=(const event_loop &) = delete;
  virtual ~event_loop();

  /// Calls `callback(args...)` in the next batch. Callbacks are called in the order they come.
  /// The arguments are copied or moved in.
  /// Throws `runtime_error`, "Event loop is closed".
  template <class Callback, class... Args> handle call_soon(Callback &&callback, Args &&...args) {
    auto entry = make_callback(std::forward<Callback>(callback), std::forward<Args>(args)...);
    schedule(entry);
    return handle(std::move(entry));
  }

  /// `call_soon` for other threads: wakes the loop up if it sleeps. The handle may be dropped on
  /// this thread, and be cancelled on the loop's.
  template <class Callback, class... Args>
  handle call_soon_threadsafe(Callback &&callback, Args &&...args) {
    auto entry = make_callback(std::forward<Callback>(callback), std::forward<Args>(args)...);
    send(entry);
    return handle(std::move(entry));
  }

  /// Calls `callback(args...)` when `delay` has passed; as soon as possible if it is not positive.
  /// Calls are made in the order of their times; those of equal time in the order they come, and
  /// after what is already in the ready queue.
  template <class Callback, class... Args>
  handle call_later(duration delay, Callback &&callback, Args &&...args) {
    return call_at(time_after(delay), std::forward<Callback>(callback),
                   std::forward<Args>(args)...);
  }

  /// The same, at a time of the loop's clock.
  template <class Callback, class... Args>
  handle call_at(time_point when, Callback &&callback, Args &&...args) {
    auto entry = make_callback(std::forward<Callback>(callback), std::forward<Args>(args)...);
    schedule_at(entry, when);
    return handle(std::move(entry));
  }

  /// Schedules a task: it starts in the next batch, unless it is eager.
  /// Throws `runtime_error` for a task that was awaited before, and on a closed loop.
  template <class T> scheduled_task<T> create_task(task<T> work, task_options options) {
    check_thread();
    if (task_factory_)
      options = task_factory_(*this, std::move(options));
    auto state = detail::ref<detail::scheduled_state<T>>::adopt(
        new detail::scheduled_state<T>(*this, std::move(work)));
    const bool eager = options.eager;
    state->set_options(std::move(options));
    if (!eager)
      state->begin();
    if (detail::scoped_tasks != 0) [[unlikely]]
      detail::inherit_sync_scope(*state);
    if (eager)
      state->begin_eagerly();
    return scheduled_task<T>(std::move(state));
  }

  template <class T> scheduled_task<T> create_task(task<T> work) {
    check_thread();
    if (task_factory_) [[unlikely]]
      return create_task(std::move(work), task_options());
    auto state = detail::ref<detail::scheduled_state<T>>::adopt(
        new detail::scheduled_state<T>(*this, std::move(work)));
    state->begin();
    if (detail::scoped_tasks != 0) [[unlikely]]
      detail::inherit_sync_scope(*state);
    return scheduled_task<T>(std::move(state));
  }

  /// Calls `callback(args...)` in every batch that finds `descriptor` readable: it has data, is at
  /// its end, accepts a connection, or has failed. Watching is level-triggered: a callback that
  /// leaves something to read is called again. Replaces the descriptor's reader, if it has one.
  /// The descriptor stays the caller's, who calls `remove_reader` before closing it.
  /// Throws `value_error` for a negative descriptor, `std::system_error` for one that cannot be
  /// watched, such as a regular file, and `runtime_error`, "Event loop is closed".
  template <class Callback, class... Args>
  void add_reader(int descriptor, Callback &&callback, Args &&...args) {
    watch(descriptor, detail::io_direction::read,
          detail::watched_descriptor::side(make_descriptor_callback(
              std::forward<Callback>(callback), std::forward<Args>(args)...)));
  }

  /// The same for writing: the descriptor takes data, or has failed.
  template <class Callback, class... Args>
  void add_writer(int descriptor, Callback &&callback, Args &&...args) {
    watch(descriptor, detail::io_direction::write,
          detail::watched_descriptor::side(make_descriptor_callback(
              std::forward<Callback>(callback), std::forward<Args>(args)...)));
  }

  /// True if the descriptor had a reader; it will not be called again, not even when it is due.
  bool remove_reader(int descriptor) noexcept {
    return unwatch(descriptor, detail::io_direction::read);
  }

  /// True if the descriptor had a writer.
  bool remove_writer(int descriptor) noexcept {
    return unwatch(descriptor, detail::io_direction::write);
  }

  /// Calls `callback(args...)` in the loop when the process receives `signal`, after what is ready.
  /// Signals that come before the call are one call. Replaces the loop's handler of that signal.
  /// The handler is the process's: one loop handles a signal. Throws `value_error` for what is no
  /// signal, and `runtime_error` for one that cannot be caught, one that another loop handles, and
  /// on a closed loop.
  template <class Callback, class... Args>
  void add_signal_handler(int signal, Callback &&callback, Args &&...args) {
    add_signal_callback(signal, make_descriptor_callback(std::forward<Callback>(callback),
                                                         std::forward<Args>(args)...));
  }

  /// True if the loop handled the signal, which now does what it did before.
  bool remove_signal_handler(int signal) noexcept;

  /// Has `callback(args...)` called by `where`, or by the default executor if that is null, and
  /// gives its result. The arguments are moved in, and moved from there. The call does not see the
  /// caller's context variables; `to_thread` is for that. Cancelling the future keeps a call that
  /// has not begun from being made. Defined in coral/executors.hpp.
  /// Throws `runtime_error` when the loop is closed or the executor takes no more: "Executor
  /// shutdown has been called" after `shutdown_default_executor`.
  template <class Callback, class... Args>
  auto run_in_executor(executor *where, Callback &&callback, Args &&...args)
      -> future<detail::executor_result_t<Callback, Args...>>;

  /// The same in another process. Defined in coral/process_pool.hpp.
  template <std::same_as<process_pool_executor> Pool, class Function, class... Args>
  auto run_in_executor(Pool *where, Function function, Args &&...args);

  /// What `run_in_executor(nullptr, ...)` uses; made when it is first needed if none is set.
  void set_default_executor(std::shared_ptr<thread_pool_executor> pool);

  /// Waits until the default executor has made all its calls, and ends it. It takes no more.
  task<void> shutdown_default_executor();

  /// In debug mode calls from a wrong thread throw, and what is slow is logged. It is on from the
  /// beginning when the environment has `CORAL_DEBUG` set, to something that is not empty or "0".
  /// Also sets `set_coroutine_origin_tracking` (coral/call_graph.hpp), which is the process's.
  void set_debug(bool enabled) noexcept {
    debug_.store(enabled, std::memory_order_relaxed);
    set_coroutine_origin_tracking(enabled);
  }
  bool get_debug() const noexcept { return debug_.load(std::memory_order_relaxed); }

  /// Has `factory` see the options of every task that is created here from now on; empty: none.
  void set_task_factory(task_factory factory) { task_factory_ = std::move(factory); }
  const task_factory &get_task_factory() const noexcept { return task_factory_; }

  /// The loop's clock. Never goes back.
  virtual time_point time() const noexcept = 0;

  /// `delay` from now; the clock's last time if that is later, so that `duration::max()` is for
  /// ever.
  time_point time_after(duration delay) const noexcept {
    const time_point now = time();
    return delay > time_point::max() - now ? time_point::max() : now + delay;
  }

  /// Runs until `stop`. Throws `runtime_error` when this loop is closed or running, or another one
  /// runs on this thread. A `keyboard_interrupt` or `system_exit` of a callback leaves from here,
  /// and the loop can be run again: what was ready still is.
  void run_forever();

  /// Runs until the task is done, and gives its value or throws its exception.
  /// Throws as `run_forever` does, and `runtime_error` when the loop was stopped before.
  template <class T> T run_until_complete(task<T> work) {
    require_can_run();
    scheduled_task<T> scheduled = create_task(std::move(work));
    return run_until_complete(std::move(scheduled));
  }

  template <class T> T run_until_complete(scheduled_task<T> scheduled) {
    run_until_done(*scheduled.state_);
    return detail::last_value<T>(scheduled.typed());
  }

  /// Ends `run_forever` after the current batch; if the loop does not run, after its next one.
  void stop() noexcept {
    stopping_ = true;
    ready_.no_longer_idle();
  }

  /// Closes the async generators that were started on this loop and have not ended, beside each
  /// other. What their closing throws is reported to the exception handler. A generator that is
  /// started afterwards is reported too. To be awaited on this loop, at the end of a program.
  task<void> shutdown_asyncgens();

  bool is_running() const noexcept { return running_.load(std::memory_order_relaxed); }
  bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  /// Drops what is scheduled and destroys the tasks that are pending; each of those is reported
  /// to the exception handler. A closed loop can be closed again.
  /// Throws `runtime_error`, "Cannot close a running event loop".
  void close();

  /// Called for an exception that leaves a callback, and for what has no other place to go. Empty:
  /// the default handler. An exception that the handler throws is reported by the default handler.
  void set_exception_handler(exception_handler handler) { exception_handler_ = std::move(handler); }
  void call_exception_handler(const exception_context &context);

  /// Writes the message, and the exception's text, to standard error.
  static void default_exception_handler(const exception_context &context) noexcept;

protected:
  event_loop();

  /// Waits for I/O for at most `timeout`, without one until something happens, and runs what I/O
  /// leads to. Returns early after `wake`.
  virtual void poll(std::optional<duration> timeout) = 0;

  /// Ends a `poll`, the current or the next one. Called on any thread.
  virtual void wake() noexcept = 0;

  /// Gives the backend's resources back. Called once.
  virtual void close_backend() noexcept = 0;

  /// Around `run_forever`.
  virtual void begin_run() {}
  virtual void end_run() noexcept {}

  /// Watches `descriptor` for `events`, which are not empty, from now on; before it may have been
  /// watched for others. Level-triggered. Throws `std::system_error` when that cannot be, only if
  /// it was not watched yet.
  virtual void watch_descriptor(int descriptor, detail::io_events events) = 0;

  /// Watches `descriptor` no longer. It was watched.
  virtual void unwatch_descriptor(int descriptor) noexcept = 0;

  /// What a backend calls, in `poll`, for a watched descriptor that is ready.
  void descriptor_ready(int descriptor, detail::io_events events) noexcept;

  /// Throws the `std::system_error` of a descriptor that is not open or always ready.
  static void require_pollable(int descriptor);

  /// For a backend that lives in another loop: in between, this loop counts as running, and the
  /// backend runs its batches. `begin_hosted` throws as `run_forever` does.
  void begin_hosted();
  void end_hosted() noexcept;
  bool is_hosted() const noexcept { return hosted_; }

  /// What is ready and due, without a wait. Throws what leaves `run_forever`.
  void run_hosted_batch();
  bool has_ready() const noexcept { return !ready_.empty(); }
  bool has_pending_tasks() const noexcept { return !pending_.empty(); }
  bool is_stopping() const noexcept { return stopping_; }
  std::optional<time_point> next_deadline() const noexcept;

  /// `listener` is told once when something is scheduled, or `stop` called, before the next batch.
  void notify_when_not_idle(detail::idle_listener &listener) noexcept;

private:
  friend detail::async_generator_base;
  friend detail::callback_entry;
  friend detail::descriptor_access;
  friend detail::descriptor_callback;
  friend detail::done_callback_entry;
  friend detail::future_base;
  friend detail::resource_access;
  friend detail::scheduled_base;
  friend detail::join_awaiter;
  friend detail::sleep_awaiter;
  friend detail::timer_entry;
  friend detail::wait_queue;
  friend detail::yield_awaiter;

  /// A function without parameters that calls `callback(args...)`, which it holds.
  template <class Callback, class... Args>
  static auto bind_call(Callback &&callback, Args &&...args) {
    static_assert(std::is_invocable_v<std::decay_t<Callback> &, std::decay_t<Args> &...>,
                  "the callback cannot be called with these arguments");
    using result = std::invoke_result_t<std::decay_t<Callback> &, std::decay_t<Args> &...>;
    static_assert(!is_coroutine_type_v<result>,
                  "coroutines cannot be used with call_soon(); use create_task");
    return [callback = std::decay_t<Callback>(std::forward<Callback>(callback)),
            args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
      std::apply(callback, args);
    };
  }

  template <class Callback, class... Args>
  std::shared_ptr<detail::callback_entry> make_callback(Callback &&callback, Args &&...args) {
    auto call = bind_call(std::forward<Callback>(callback), std::forward<Args>(args)...);
    return std::make_shared<detail::concrete_callback<decltype(call)>>(*this, std::move(call));
  }

  template <class Callback, class... Args>
  std::shared_ptr<detail::descriptor_callback> make_descriptor_callback(Callback &&callback,
                                                                        Args &&...args) {
    auto call = bind_call(std::forward<Callback>(callback), std::forward<Args>(args)...);
    return std::make_shared<detail::concrete_descriptor_callback<decltype(call)>>(*this,
                                                                                  std::move(call));
  }

  friend struct detail::loop_access;

  void require_open() const;

  /// In debug mode: throws `runtime_error` on another thread than the one that runs this loop.
  void check_thread() const {
    if (get_debug()) [[unlikely]]
      require_own_thread();
  }

  void require_own_thread() const;
  void add_signal_callback(int signal, std::shared_ptr<detail::descriptor_callback> callback);
  executor &default_executor();
  void require_can_run() const;
  void schedule(const std::shared_ptr<detail::callback_entry> &entry);
  void schedule_at(const std::shared_ptr<detail::callback_entry> &entry, time_point when);
  void send(const std::shared_ptr<detail::callback_entry> &entry);
  void enter() noexcept;
  void leave() noexcept;
  void run_until_done(detail::future_base &awaited);
  void run_once();
  void collect_due();
  /// At least one batch, and at most `limit` while nothing but the ready queue has work. How many.
  int run_batches(int limit);
  bool has_only_ready_work() const noexcept {
    return !ready_.empty() && !stopping_ && timers_.empty() &&
           !sent_.load(std::memory_order_relaxed);
  }
  void run_timed(detail::ready_entry &entry, detail::driver &scope);
  void receive() noexcept;
  void drop_all() noexcept;
  void drop_ready() noexcept;
  void watch(int descriptor, detail::io_direction direction, detail::watched_descriptor::side side);
  bool unwatch(int descriptor, detail::io_direction direction) noexcept;
  void unwatch_all() noexcept;

  /// Tells the exception handler, or rethrows what is to leave `run_forever`.
  void report(const char *message, std::exception_ptr error, std::optional<handle> source);

  detail::ready_queue ready_;
  detail::timer_queue timers_;
  detail::link_list pending_;
  detail::link_list asyncgens_;
  detail::link_list asyncgen_orphans_;
  detail::link_list resources_;
  std::vector<detail::watched_descriptor> watched_;
  std::atomic<detail::callback_entry *> sent_ = nullptr;
  /// The threads that are adding to `sent_`.
  std::atomic<int> senders_ = 0;
  exception_handler exception_handler_;
  task_factory task_factory_;
  int batches_since_poll_ = 0;
  std::shared_ptr<detail::loop_gate> gate_;
  std::shared_ptr<thread_pool_executor> default_executor_;
  std::unique_ptr<detail::signal_watch> signals_;
  bool executor_shut_down_ = false;
  std::atomic<bool> debug_;
  std::atomic<bool> running_ = false;
  bool hosted_ = false;
  bool stopping_ = false;
  bool asyncgens_shut_down_ = false;
  std::atomic<bool> closed_ = false;
};

namespace detail {

[[noreturn]] void throw_no_running_loop();

/// The way to a loop that may be closed, and gone, by the time it is used. For other threads.
class loop_gate {
public:
  explicit loop_gate(event_loop &loop) noexcept : loop_(&loop) {}

  /// `call_soon_threadsafe`; drops `callback` when the loop is closed, and is then false.
  template <class Callback> bool send(Callback &&callback) {
    std::lock_guard lock(mutex_);
    if (loop_)
      loop_->call_soon_threadsafe(std::forward<Callback>(callback));
    return loop_ != nullptr;
  }

  void close() noexcept {
    std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

private:
  std::mutex mutex_;
  event_loop *loop_;
};

/// What the rest of the runtime asks of a loop.
struct loop_access {
  static const std::shared_ptr<loop_gate> &gate(const event_loop &loop) noexcept {
    return loop.gate_;
  }
  static void make_ready(event_loop &loop, ready_entry &entry) noexcept { loop.ready_.push(entry); }
};

} // namespace detail

/// The loop that runs on this thread; null when there is none. asyncio's `_get_running_loop`.
inline event_loop *running_loop_or_null() noexcept {
  return detail::this_thread_state.running_loop;
}

/// The same. Throws `runtime_error`, "no running event loop".
inline event_loop &get_running_loop() {
  event_loop *loop = running_loop_or_null();
  if (!loop) [[unlikely]]
    detail::throw_no_running_loop();
  return *loop;
}

/// A new loop of the kind that the policy says (coral/policy.hpp), by default libuv's. Defined in
/// the library `coral::uv`.
std::unique_ptr<event_loop> new_event_loop();

} // namespace coral

#endif
