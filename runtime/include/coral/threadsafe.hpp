// asyncio's run_coroutine_threadsafe: a task for a loop of another thread.

#ifndef CORAL_THREADSAFE_HPP
#define CORAL_THREADSAFE_HPP

#include <coral/cancel.hpp>
#include <coral/detail/outcome.hpp>
#include <coral/event_loop.hpp>
#include <coral/executors.hpp>
#include <coral/scheduled_task.hpp>
#include <coral/task.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coral {
namespace detail {

/// What a thread that waits and the loop that runs the task share. The end is taken once: by the
/// task, or by a `cancel` of the thread.
template <class T>
class threadsafe_call final : public concurrent_state<T>,
                              public std::enable_shared_from_this<threadsafe_call<T>> {
public:
  explicit threadsafe_call(const event_loop &loop)
      : concurrent_state<T>(nullptr), loop_(loop_access::gate(loop)) {}

  /// In the loop. `self` keeps the call until the task is done; where the loop drops the task, the
  /// call is cancelled.
  static void begin(std::shared_ptr<threadsafe_call> self, event_loop &loop, task<T> work) {
    if (self->taken())
      return task_access::close(work);
    self->scheduled_.emplace(loop.create_task(std::move(work)));
    const scheduled_task<T> scheduled = *self->scheduled_;
    scheduled.add_done_callback(
        [end = ending(std::move(self))](const scheduled_task<T> &done) mutable {
          end.take()->end(done);
        });
  }

  /// Cancels the call when it is dropped.
  class ending {
  public:
    explicit ending(std::shared_ptr<threadsafe_call> call) noexcept : call_(std::move(call)) {}
    ending(ending &&) noexcept = default;
    ending &operator=(ending &&) = delete;
    ~ending() {
      if (call_)
        call_->cancel();
    }
    std::shared_ptr<threadsafe_call> take() noexcept { return std::move(call_); }

  private:
    std::shared_ptr<threadsafe_call> call_;
  };

private:
  void end(const scheduled_task<T> &done) {
    scheduled_.reset();
    auto state = handle_access::typed(done);
    task_cancelled_ = state->cancelled();
    if (std::exception_ptr error = state->error())
      result_.set_error(std::move(error));
    else if constexpr (std::is_void_v<T>)
      result_.emplace();
    else
      result_.emplace(last_value<T>(*state));
    this->run();
  }

  void make_call() noexcept override { this->finish(std::move(result_), task_cancelled_); }

  void finish_cancelled() noexcept override {
    outcome<T> end;
    end.set_error(std::make_exception_ptr(cancelled_error()));
    this->finish(std::move(end), true);
    loop_->send([self = this->shared_from_this()] {
      if (self->scheduled_)
        self->scheduled_->cancel();
    });
  }

  std::shared_ptr<loop_gate> loop_;
  // In the loop only.
  std::optional<scheduled_task<T>> scheduled_;
  outcome<T> result_;
  bool task_cancelled_ = false;
};

} // namespace detail

/// Schedules `work` in `loop`, which runs in another thread, and gives what waits for its result:
///
///     coral::concurrent_future<int> answer = coral::run_coroutine_threadsafe(ask(), loop);
///     int value = answer.result(5s);
///
/// Called on any thread but the loop's, where waiting would never end. Cancelling the future
/// cancels the task; a task that is cancelled, or that the loop drops when it is closed, cancels
/// the future. A timeout of `result` cancels nothing. Throws `runtime_error`, "Event loop is
/// closed".
template <class T> concurrent_future<T> run_coroutine_threadsafe(task<T> work, event_loop &loop) {
  using call = detail::threadsafe_call<T>;
  auto state = std::make_shared<call>(loop);
  loop.call_soon_threadsafe(
      [&loop, work = std::move(work), end = typename call::ending(state)]() mutable {
        call::begin(end.take(), loop, std::move(work));
      });
  return detail::concurrent_access::future<T>(std::move(state));
}

} // namespace coral

#endif
