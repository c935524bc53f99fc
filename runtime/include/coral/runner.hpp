// coral::run and coral::runner: asyncio.run and asyncio.Runner.

#ifndef CORAL_RUNNER_HPP
#define CORAL_RUNNER_HPP

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/policy.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coral {

struct runner_options {
  /// The loop's debug mode; the loop's own default if empty.
  std::optional<bool> debug = std::nullopt;
  /// Makes the loop. The default asks the policy, and needs `coral::uv`.
  coral::loop_factory loop_factory = new_event_loop;
};

namespace detail {

/// SIGINT while a main task runs, on the process's main thread and where nobody else handles it.
class interrupt_handling {
public:
  interrupt_handling(event_loop &loop, any_task main);
  interrupt_handling(const interrupt_handling &) = delete;
  interrupt_handling &operator=(const interrupt_handling &) = delete;
  ~interrupt_handling();

  /// The main task was cancelled because of a SIGINT, and for no other reason.
  bool cancelled_main() const noexcept { return interrupts_ != 0 && main_.uncancel() == 0; }

private:
  void interrupted();

  event_loop &loop_;
  any_task main_;
  bool installed_ = false;
  int interrupts_ = 0;
};

} // namespace detail

/// Runs several main tasks in one loop: `asyncio.Runner`. The loop is made when it is first needed.
class runner {
public:
  explicit runner(runner_options options = {}) : options_(std::move(options)) {}
  runner(const runner &) = delete;
  runner &operator=(const runner &) = delete;

  /// Closes. What closing throws goes to the default exception handler.
  ~runner();

  /// Throws `runtime_error`, "Runner is closed".
  event_loop &get_loop();

  /// Runs `main` to its end and gives its value or throws its exception.
  ///
  /// A SIGINT cancels `main`; when that ends it, this throws `keyboard_interrupt`. If `main`
  /// handles the cancellation and gives a value, that stands. A second SIGINT throws
  /// `keyboard_interrupt` in any case. So it is on the main thread of the process, where SIGINT was
  /// left to its default.
  ///
  /// Throws `runtime_error` when a loop runs on this thread or the runner is closed.
  template <class T> T run(task<T> main) {
    require_no_loop("coral::runner::run() cannot be called from a running event loop");
    event_loop &loop = get_loop();
    scheduled_task<T> scheduled = loop.create_task(std::move(main));
    const detail::interrupt_handling interrupts(loop, scheduled);
    try {
      return loop.run_until_complete(std::move(scheduled));
    } catch (const cancelled_error &) {
      if (interrupts.cancelled_main())
        throw keyboard_interrupt();
      throw;
    }
  }

  /// Cancels the tasks that are left and waits for them, reporting their exceptions to the loop's
  /// handler; closes the async generators, ends the default executor, and closes the loop. A runner
  /// can be closed again.
  void close();

private:
  template <class T> friend T run(task<T>, runner_options);
  static void require_no_loop(const char *message);

  runner_options options_;
  std::unique_ptr<event_loop> loop_;
  bool closed_ = false;
};

/// Runs `main` in a new loop and gives its value or throws its exception, as `runner` does; the
/// runner is closed at the end.
/// Throws `runtime_error` when a loop runs on this thread.
///
///     int main() { return coral::run(serve(), {.debug = true}); }
template <class T> T run(task<T> main, runner_options options) {
  runner::require_no_loop("coral::run() cannot be called from a running event loop");
  runner all(std::move(options));
  if constexpr (std::is_void_v<T>) {
    all.run(std::move(main));
    all.close();
  } else {
    T value = all.run(std::move(main));
    all.close();
    return value;
  }
}

/// The same. Without a factory the loop is the policy's, and the program links to `coral::uv`.
template <class T> T run(task<T> main) { return run(std::move(main), runner_options{}); }
template <class T> T run(task<T> main, loop_factory make_loop) {
  return run(std::move(main), runner_options{std::nullopt, std::move(make_loop)});
}

template <class NoTask, class... Options>
  requires(!is_task_v<std::remove_cvref_t<NoTask>>)
void run(NoTask &&, Options &&...) {
  static_assert(is_task_v<std::remove_cvref_t<NoTask>>,
                "a coroutine was expected: coral::run takes a coral::task");
}

} // namespace coral

#endif
