#include <coral/runner.hpp>

#include <coral/tasks.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

namespace coral {
namespace {

bool on_main_thread() noexcept { return ::syscall(SYS_gettid) == ::getpid(); }

bool has_default_handler(int signal) noexcept {
  struct sigaction now;
  return ::sigaction(signal, nullptr, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
         now.sa_handler == SIG_DFL;
}

task<void> wait_for_all(std::vector<any_task> tasks) {
  for (const any_task &each : tasks) {
    try {
      co_await each;
    } catch (...) { // NOLINT(coral-swallowed-cancellation): those of others, which this waits for.
      // Reported when all are done.
    }
  }
}

void cancel_all_tasks(event_loop &loop) {
  const std::vector<any_task> tasks = all_tasks(loop);
  if (tasks.empty())
    return;
  for (const any_task &each : tasks)
    each.cancel();
  loop.run_until_complete(wait_for_all(tasks));
  for (const any_task &each : tasks) {
    if (each.cancelled())
      continue;
    if (std::exception_ptr error = each.exception())
      loop.call_exception_handler(
          {"unhandled exception during coral::run() shutdown", std::move(error), std::nullopt});
  }
}

} // namespace

namespace detail {

interrupt_handling::interrupt_handling(event_loop &loop, any_task main)
    : loop_(loop), main_(std::move(main)) {
  if (!on_main_thread() || !has_default_handler(SIGINT))
    return;
  loop_.add_signal_handler(SIGINT, [this] { interrupted(); });
  installed_ = true;
}

interrupt_handling::~interrupt_handling() {
  if (installed_)
    loop_.remove_signal_handler(SIGINT);
}

void interrupt_handling::interrupted() {
  if (++interrupts_ > 1 || main_.done())
    throw keyboard_interrupt();
  main_.cancel();
}

} // namespace detail

runner::~runner() {
  try {
    close();
  } catch (...) {
    event_loop::default_exception_handler(
        {"Exception while closing a runner", std::current_exception(), std::nullopt});
  }
}

void runner::require_no_loop(const char *message) {
  if (running_loop_or_null())
    throw runtime_error(message);
}

event_loop &runner::get_loop() {
  if (closed_)
    throw runtime_error("Runner is closed");
  if (!loop_) {
    loop_ = options_.loop_factory();
    if (options_.debug)
      loop_->set_debug(*options_.debug);
  }
  return *loop_;
}

void runner::close() {
  closed_ = true;
  const std::unique_ptr<event_loop> loop = std::move(loop_);
  if (!loop)
    return;
  struct closer {
    event_loop &loop;
    ~closer() { loop.close(); }
  } close_at_end{*loop};
  cancel_all_tasks(*loop);
  loop->run_until_complete(loop->shutdown_asyncgens());
  loop->run_until_complete(loop->shutdown_default_executor());
}

} // namespace coral
