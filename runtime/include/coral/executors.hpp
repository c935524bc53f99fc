// Calls on other threads: `concurrent.futures` and `loop.run_in_executor`.
//
//     coral::thread_pool_executor pool(4);
//     std::size_t lines = co_await coral::get_running_loop().run_in_executor(&pool, count, path);
//
// An executor runs *jobs*. `run_in_executor` makes a call a job and gives a `coral::future`, for
// coroutines; `submit` gives a `concurrent_future`, for ordinary code that blocks.

#ifndef CORAL_EXECUTORS_HPP
#define CORAL_EXECUTORS_HPP

#include <coral/cancel.hpp>
#include <coral/detail/config.hpp>
#include <coral/detail/outcome.hpp>
#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/future.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
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

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// A call that an executor is to make. Whoever takes it, on any thread, runs it or cancels it,
/// once.
class executor_job {
public:
  executor_job() = default;
  executor_job(const executor_job &) = delete;
  executor_job &operator=(const executor_job &) = delete;
  virtual ~executor_job() = default;

  /// Makes the call, unless it was made or cancelled. True if this did.
  bool run() noexcept {
    const bool mine = take();
    if (mine)
      make_call();
    return mine;
  }

  /// Ends it with `cancelled_error`, unless it was run. True if this did.
  bool cancel() noexcept {
    const bool mine = take();
    if (mine)
      finish_cancelled();
    return mine;
  }

  bool taken() const noexcept { return taken_.load(std::memory_order_acquire); }

protected:
  virtual void make_call() noexcept = 0;
  virtual void finish_cancelled() noexcept = 0;

private:
  bool take() noexcept { return !taken_.exchange(true, std::memory_order_acq_rel); }

  std::atomic<bool> taken_ = false;
};

/// Runs jobs on threads of its own. Can be called on any thread.
class executor {
public:
  executor() = default;
  executor(const executor &) = delete;
  executor &operator=(const executor &) = delete;
  virtual ~executor() = default;

  /// Runs the job some time, or cancels it.
  /// Throws `runtime_error` when it takes no more.
  virtual void execute(std::shared_ptr<executor_job> job) = 0;
};

template <class T> class concurrent_future;

namespace detail {

struct concurrent_access;

/// A call with its arguments, moved out when it is made.
template <class Callback, class... Args> auto bind_once(Callback &&callback, Args &&...args) {
  using result = executor_result_t<Callback, Args...>;
  static_assert(!is_coroutine_type_v<result>, "coroutines cannot be used with executors");
  return
      [callback = std::decay_t<Callback>(std::forward<Callback>(callback)),
       args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable -> result {
        return std::apply(std::move(callback), std::move(args));
      };
}

/// The pool whose worker the calling thread is; null elsewhere.
const executor *this_thread_executor() noexcept;

/// What a `concurrent_future` and its job share.
template <class T> class concurrent_state : public executor_job {
public:
  /// `where` is null when no executor ends it.
  explicit concurrent_state(const executor *where) noexcept : where_(where) {}

  bool done() const {
    std::lock_guard lock(mutex_);
    return outcome_.is_set();
  }

  bool cancelled() const {
    std::lock_guard lock(mutex_);
    return cancelled_;
  }

  /// A worker that waits for a job of its own pool makes the call itself if nobody has begun: all
  /// workers may be waiting.
  void wait() {
    if (where_ && this_thread_executor() == where_)
      this->run();
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return outcome_.is_set(); });
  }

  /// False when `timeout` has passed. More than a century is for ever: no clock goes to the end of
  /// every duration.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> timeout) {
    using clock = std::chrono::steady_clock;
    constexpr std::chrono::hours century(24 * 36525);
    const bool limited = std::chrono::duration<double>(timeout) < century;
    std::unique_lock lock(mutex_);
    return finished_.wait_until(lock,
                                limited ? clock::now() + std::chrono::ceil<clock::duration>(timeout)
                                        : clock::time_point::max(),
                                [this] { return outcome_.is_set(); });
  }

  outcome<T> &result() noexcept { return outcome_; }

protected:
  void finish(outcome<T> &&with, bool cancelled) noexcept {
    {
      std::lock_guard lock(mutex_);
      outcome_ = std::move(with);
      cancelled_ = cancelled;
    }
    finished_.notify_all();
  }

private:
  void finish_cancelled() noexcept override {
    outcome<T> end;
    end.set_error(std::make_exception_ptr(cancelled_error()));
    finish(std::move(end), true);
  }

  const executor *where_;
  mutable std::mutex mutex_;
  std::condition_variable finished_;
  outcome<T> outcome_;
  bool cancelled_ = false;
};

template <class T, class Call> class submitted_job final : public concurrent_state<T> {
public:
  submitted_job(const executor &where, Call &&call)
      : concurrent_state<T>(&where), call_(std::move(call)) {}

private:
  void make_call() noexcept override {
    outcome<T> end;
    end.capture(std::move(*call_));
    call_.reset();
    this->finish(std::move(end), false);
  }

  std::optional<Call> call_;
};

/// A call whose result goes back to a loop.
template <class T, class Call> class loop_job final : public executor_job {
public:
  loop_job(event_loop &loop, Call &&call)
      : future_(loop), way_back_(loop_access::gate(loop)), call_(std::move(call)) {}

  const future<T> &result() const noexcept { return future_; }

private:
  void make_call() noexcept override {
    outcome<T> end;
    end.capture(std::move(*call_));
    call_.reset();
    way_back_->send([future = std::move(future_), end = std::move(end)]() mutable {
      if (!future.done())
        end.deliver(future);
    });
  }

  void finish_cancelled() noexcept override {
    way_back_->send([future = std::move(future_)] { future.cancel(); });
  }

  future<T> future_;
  std::shared_ptr<loop_gate> way_back_;
  std::optional<Call> call_;
};

} // namespace detail

/// The result of a call that an executor makes, for ordinary code: Python's
/// `concurrent.futures.Future`. The handle can be copied and used on any thread. To await a call,
/// use `run_in_executor`.
template <class T = void> class concurrent_future {
public:
  using value_type = T;

  bool done() const { return state_->done(); }
  bool cancelled() const { return state_->cancelled(); }

  /// The executor will not make the call; false if it has begun or is done.
  bool cancel() const noexcept { return state_->cancel(); }

  /// Blocks until the call is done; gives its value or throws its exception, `cancelled_error` if
  /// it was cancelled. On a worker of the same pool it makes the call itself if nobody has begun,
  /// so that jobs may wait for jobs they submit. Two jobs that wait for each other wait for ever.
  std::add_lvalue_reference_t<const T> result() const {
    state_->wait();
    return state_->result().get();
  }

  /// The same; throws `timeout_error` when `timeout` has passed.
  template <class Rep, class Period>
  std::add_lvalue_reference_t<const T> result(std::chrono::duration<Rep, Period> timeout) const {
    if (!state_->wait_for(timeout))
      throw timeout_error();
    return state_->result().get();
  }

  /// Blocks until the call is done; null if it gave a value.
  std::exception_ptr exception() const {
    state_->wait();
    return state_->result().error();
  }

  friend bool operator==(const concurrent_future &, const concurrent_future &) = default;

private:
  friend class thread_pool_executor;
  friend struct detail::concurrent_access;
  explicit concurrent_future(std::shared_ptr<detail::concurrent_state<T>> state) noexcept
      : state_(std::move(state)) {}

  std::shared_ptr<detail::concurrent_state<T>> state_;
};

namespace detail {

struct concurrent_access {
  template <class T>
  static concurrent_future<T> future(std::shared_ptr<concurrent_state<T>> state) noexcept {
    return concurrent_future<T>(std::move(state));
  }
};

} // namespace detail

/// What `shutdown` does with the jobs an executor has: Python's keyword arguments.
struct shutdown_options {
  /// Return when all jobs are done.
  bool wait = true;
  /// Cancel the jobs that have not begun.
  bool cancel_futures = false;
};

/// A pool of threads: `concurrent.futures.ThreadPoolExecutor`. A thread is started for a job when
/// none is idle, up to `max_workers`. Jobs begin in the order they come.
class thread_pool_executor final : public executor {
public:
  /// Python's default: the processors and 4, at most 32.
  static std::size_t default_workers() noexcept;

  /// `thread_name`, of at most 9 characters, and a number are what debuggers show.
  /// Throws `value_error` when `max_workers` is 0.
  explicit thread_pool_executor(std::size_t max_workers = default_workers(),
                                std::string thread_name = "coral");

  /// `shutdown()`: waits for all jobs. Not to be destroyed by one of them.
  ~thread_pool_executor() override;

  /// Has `callback(args...)` called on a thread of the pool. The arguments are moved in, and moved
  /// from there. Throws `runtime_error`, "cannot schedule new futures after shutdown".
  template <class Callback, class... Args>
  auto submit(Callback &&callback, Args &&...args)
      -> concurrent_future<detail::executor_result_t<Callback, Args...>> {
    using result = detail::executor_result_t<Callback, Args...>;
    auto call = detail::bind_once(std::forward<Callback>(callback), std::forward<Args>(args)...);
    auto job =
        std::make_shared<detail::submitted_job<result, decltype(call)>>(*this, std::move(call));
    execute(job);
    return concurrent_future<result>(std::move(job));
  }

  void execute(std::shared_ptr<executor_job> job) override;

  /// Takes no more jobs. Called by a job of this pool, it does not wait.
  void shutdown(shutdown_options options = {});

  /// How many threads there are now.
  std::size_t workers() const;

private:
  class core;
  std::shared_ptr<core> core_;
};

template <class Callback, class... Args>
auto event_loop::run_in_executor(executor *where, Callback &&callback, Args &&...args)
    -> future<detail::executor_result_t<Callback, Args...>> {
  using result = detail::executor_result_t<Callback, Args...>;
  require_open();
  check_thread();
  auto call = detail::bind_once(std::forward<Callback>(callback), std::forward<Args>(args)...);
  auto job = std::make_shared<detail::loop_job<result, decltype(call)>>(*this, std::move(call));
  future<result> given = job->result();
  given.add_done_callback([weak = std::weak_ptr<executor_job>(job)](const future<result> &done) {
    if (std::shared_ptr<executor_job> job = done.cancelled() ? weak.lock() : nullptr)
      job->cancel();
  });
  (where ? *where : default_executor()).execute(std::move(job));
  return given;
}

/// Has `callback(args...)` called on a thread of the running loop's default executor, in a copy of
/// the current context: `asyncio.to_thread`. Scheduled when it is awaited.
template <class Callback, class... Args>
auto to_thread(Callback callback, Args... args)
    -> task<detail::executor_result_t<Callback, Args...>> {
  using result = detail::executor_result_t<Callback, Args...>;
  auto call = [context = detail::current_context(),
               bound =
                   detail::bind_once(std::move(callback), std::move(args)...)]() mutable -> result {
    const detail::context_scope entered(context);
    return bound();
  };
  future<result> outcome = get_running_loop().run_in_executor(nullptr, std::move(call));
  co_return co_await std::move(outcome);
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
