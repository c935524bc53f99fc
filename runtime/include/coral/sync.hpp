// Bridges between ordinary and asynchronous code: asgiref's `sync_to_async` and `async_to_sync`.
//
//     auto lines = coral::sync_to_async(count_lines);     // blocking function -> awaitable call
//     std::size_t n = co_await lines("a.txt");
//
//     auto fetch_now = coral::async_to_sync(fetch);       // coroutine function -> blocking call
//     page p = fetch_now("index");
//
// The bridges nest both ways, to any depth. Ordinary code is *thread-sensitive* by default: all of
// it runs on one thread, as code with thread-local state expects.
//
// - Below an `async_to_sync` that is the thread that called it. That thread waits for the coroutine
//   anyway; while it does, it makes the calls.
// - Where the program is asynchronous at its outermost it is one thread that the process keeps.
//
// An `async_to_sync` below a `sync_to_async` runs its coroutine on the loop that awaits that.
//
// Context variables cross with the call: the other side sees the caller's values, and what it sets
// is the caller's when it is done.

#ifndef CORAL_SYNC_HPP
#define CORAL_SYNC_HPP

#include <coral/cancel.hpp>
#include <coral/detail/config.hpp>
#include <coral/detail/outcome.hpp>
#include <coral/detail/sync_scope.hpp>
#include <coral/errors.hpp>
#include <coral/executors.hpp>
#include <coral/future.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

struct sync_to_async_options {
  /// On the one thread for such code; otherwise on any of `executor`.
  bool thread_sensitive = true;
  /// Null is the loop's default executor. Only where the code is not thread-sensitive.
  coral::executor *executor = nullptr;
};

struct async_to_sync_options {
  /// The coroutine gets a loop of its own even below a `sync_to_async`.
  bool force_new_loop = false;
  /// Makes the loop where there is none. The default asks the policy, and needs `coral::uv`.
  coral::loop_factory loop_factory = new_event_loop;
};

namespace detail {

template <class F, class... Args>
auto call_on_thread(F function, sync_to_async_options options, Args... args)
    -> task<executor_result_t<F, Args...>> {
  using result = executor_result_t<F, Args...>;
  const auto call = std::make_shared<sync_call>(get_running_loop());
  std::shared_ptr<executor> sensitive;
  if (options.thread_sensitive)
    sensitive = call->sensitive_executor();
  auto work = [call,
               bound = bind_once(std::move(function), std::move(args)...)]() mutable -> result {
    const sync_call_frame frame(*call);
    return bound();
  };
  future<result> outcome =
      call->loop().run_in_executor(sensitive ? sensitive.get() : options.executor, std::move(work));
  co_await call->wait_for(outcome);
  current_context() = call->context();
  co_return co_await std::move(outcome);
}

/// Runs the coroutine that `start` makes, for a thread that waits in `scope`, in its `context`;
/// below a call of `sync_to_async` if `below` is not null.
template <class T, class Start>
task<void> run_for_thread(Start &start, outcome<T> &result, context_slot &context,
                          std::shared_ptr<sync_scope> scope, sync_call *below, scope_finisher) {
  enter_sync_scope(scope);
  current_context() = context;
  if (below)
    below->coroutines().push_back(*current_task());
  try {
    if constexpr (std::is_void_v<T>) {
      co_await start();
      result.emplace();
    } else {
      T value = co_await start();
      result.emplace(std::move(value));
    }
  } catch (...) {
    result.set_error(std::current_exception());
  }
  context = current_context();
  if (below)
    below->coroutines().pop_back();
}

/// Runs the coroutine on the loop that waits for the call this thread makes.
template <class T, class Start>
void run_on_loop(sync_call &below, Start &start, outcome<T> &result, context_slot &context,
                 const std::shared_ptr<sync_scope> &scope) {
  const bool sent = below.way_back().send(
      [&start, &result, &context, &below, scope, finisher = scope_finisher(scope)]() mutable {
        below.loop().create_task(
            run_for_thread(start, result, context, scope, &below, std::move(finisher)));
      });
  if (!sent)
    throw runtime_error("Event loop is closed");
  scope->run_until_finished();
  if (!result.is_set())
    throw runtime_error("the event loop ended the coroutine before it was done");
}

/// Runs the coroutine on a loop, and a thread, of its own.
template <class T, class Start>
void run_on_new_loop(const loop_factory &factory, Start &start, outcome<T> &result,
                     context_slot &context, const std::shared_ptr<sync_scope> &scope) {
  std::exception_ptr failed;
  std::thread thread([&] {
    const scope_finisher finisher(scope);
    try {
      run(run_for_thread(start, result, context, scope, nullptr, scope_finisher(nullptr)), factory);
    } catch (...) {
      failed = std::current_exception();
    }
  });
  scope->run_until_finished();
  thread.join();
  if (failed)
    std::rethrow_exception(failed);
}

template <class Task> struct task_value;
template <class T> struct task_value<task<T>> {
  using type = T;
};

} // namespace detail

/// A function whose calls are awaited: what `sync_to_async` gives.
template <class F> class sync_to_async_function {
public:
  sync_to_async_function(F function, sync_to_async_options options)
      : function_(std::move(function)), options_(options) {}

  /// A task that has the call made when it is awaited. Function and arguments are copied or moved
  /// in.
  template <class... Args>
    requires std::invocable<F, std::decay_t<Args>...>
  auto operator()(Args &&...args) const {
    return detail::call_on_thread<F, std::decay_t<Args>...>(function_, options_,
                                                            std::forward<Args>(args)...);
  }

private:
  F function_;
  sync_to_async_options options_;
};

/// Makes a blocking function awaitable: its calls are made on another thread.
///
/// When the task that awaits is cancelled, a call that has not begun is not made, and one that runs
/// is left to itself; but if it waits in `async_to_sync`, that coroutine is cancelled, and what the
/// call makes of it is the result.
///
/// Throws `type_error` for an executor where the code is thread-sensitive. The await throws
/// `runtime_error`, "Single thread executor already being used, would deadlock", in a loop that
/// thread-sensitive code runs itself, and "no running event loop".
template <class F> auto sync_to_async(F &&function, sync_to_async_options options = {}) {
  if (options.thread_sensitive && options.executor)
    throw type_error("executor must not be set when thread_sensitive is true");
  return sync_to_async_function<std::decay_t<F>>(std::forward<F>(function), options);
}

/// A coroutine function whose calls block: what `async_to_sync` gives.
template <class F> class async_to_sync_function {
public:
  async_to_sync_function(F function, async_to_sync_options options)
      : function_(std::move(function)), options_(std::move(options)) {}

  /// Runs the coroutine to its end and gives its value or throws its exception.
  template <class... Args>
    requires std::invocable<const F &, Args...>
  auto operator()(Args &&...args) const {
    using made = std::invoke_result_t<const F &, Args...>;
    static_assert(is_task_v<made>, "async_to_sync takes a function that returns a coral::task");
    using T = typename detail::task_value<made>::type;
    if (running_loop_or_null())
      throw runtime_error("You cannot use AsyncToSync in the same thread as an async event loop - "
                          "just await the async function directly.");
    auto start = [&] { return std::invoke(function_, std::forward<Args>(args)...); };
    detail::outcome<T> result;
    detail::context_slot context = detail::current_context();
    detail::sync_call *below = detail::sync_call_frame::innermost();
    const auto scope = std::make_shared<detail::sync_scope>(below ? below->scope() : nullptr);
    if (below && !options_.force_new_loop)
      detail::run_on_loop(*below, start, result, context, scope);
    else
      detail::run_on_new_loop(options_.loop_factory, start, result, context, scope);
    detail::current_context() = context;
    return std::move(result).take();
  }

private:
  F function_;
  async_to_sync_options options_;
};

/// Makes a coroutine function callable from ordinary code, which blocks until the coroutine is
/// done. Below a `sync_to_async` the coroutine runs on the loop that awaits that; elsewhere on a
/// new loop in a new thread, as `coral::run` runs it. The calling thread makes the thread-sensitive
/// calls meanwhile.
///
/// Called on a thread whose loop runs it throws `runtime_error`, "You cannot use AsyncToSync in the
/// same thread as an async event loop - just await the async function directly."
template <class F> auto async_to_sync(F &&function, async_to_sync_options options = {}) {
  return async_to_sync_function<std::decay_t<F>>(std::forward<F>(function), std::move(options));
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
