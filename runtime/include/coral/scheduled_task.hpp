// coral::scheduled_task: asyncio's Task, a task that its loop runs beside others.

#ifndef CORAL_SCHEDULED_TASK_HPP
#define CORAL_SCHEDULED_TASK_HPP

#include <coral/detail/ready_queue.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coral {

class event_loop;

namespace detail {

struct scheduled_access;

/// A task that a loop runs, whatever its result. While it is pending it keeps itself alive; the
/// loop knows all that are pending.
class scheduled_base : public root {
public:
  explicit scheduled_base(event_loop &loop) noexcept : loop_(&loop), first_step_(*this) {}

  event_loop &loop() const noexcept { return *loop_; }
  bool done() const noexcept { return done_; }

  /// The exception the task ended with; from now on somebody knows it.
  std::exception_ptr error() noexcept {
    observed_ = true;
    return error_;
  }

  /// Somebody will ask for the exception, or does not want it reported.
  void observe() noexcept { observed_ = true; }

  /// Runs `waiter` in the batch after the task is done.
  void wait(ready_entry &waiter);

  /// Throws `runtime_error` unless the calling thread runs this task's loop.
  void require_own_loop() const;

  /// Registers with the loop, which runs the first step in its next batch.
  void begin(std::shared_ptr<scheduled_base> self);

  void completed() noexcept final;
  void abandoned() noexcept final;

  /// The loop closes with the task pending.
  static void destroy_pending(link &pending) noexcept;

protected:
  ~scheduled_base();

  virtual std::coroutine_handle<> first_step() = 0;

  /// Takes the result of the finished task, then destroys the task.
  virtual std::exception_ptr take_over() noexcept = 0;

  /// Destroys the task where it is suspended.
  virtual void discard() noexcept = 0;

private:
  class start_entry final : public ready_entry {
  public:
    explicit start_entry(scheduled_base &owner) noexcept : owner_(owner) {}
    void run(driver &scope) override { scope.resume(owner_.first_step()); }
    void drop() noexcept override {}

  private:
    scheduled_base &owner_;
  };

  struct pending_link : link {
    explicit pending_link(scheduled_base &owner) noexcept : owner(owner) {}
    scheduled_base &owner;
  };

  void finish(std::exception_ptr error) noexcept;

  event_loop *loop_;
  std::shared_ptr<scheduled_base> self_;
  pending_link pending_{*this};
  start_entry first_step_;
  link_list waiters_;
  std::exception_ptr error_;
  bool done_ = false;
  bool observed_ = false;
};

template <class T> class scheduled_state final : public scheduled_base {
  using stored = std::conditional_t<std::is_void_v<T>, char, T>;

public:
  scheduled_state(event_loop &loop, task<T> work) noexcept
      : scheduled_base(loop), work_(std::move(work)) {}

  ~scheduled_state() = default;

  /// Of a task that is done: throws its exception or gives its value, which stays here.
  stored &value() {
    if (std::exception_ptr error = this->error())
      std::rethrow_exception(std::move(error));
    return *value_;
  }

private:
  std::coroutine_handle<> first_step() override { return task_access::begin(*work_, *this); }

  std::exception_ptr take_over() noexcept override {
    task_promise<T> &promise = task_access::handle(*work_).promise();
    std::exception_ptr error = promise.error();
    if (!error) {
      if constexpr (std::is_void_v<T>) {
        value_.emplace();
      } else {
        try {
          value_.emplace(promise.take_result());
        } catch (...) {
          error = std::current_exception();
        }
      }
    }
    work_.reset();
    return error;
  }

  void discard() noexcept override { work_.reset(); }

  std::optional<task<T>> work_;
  std::optional<stored> value_;
};

/// Waits for a scheduled task.
template <class T> class scheduled_awaiter : public resume_entry {
public:
  explicit scheduled_awaiter(std::shared_ptr<scheduled_state<T>> state) noexcept
      : state_(std::move(state)) {}

  bool await_ready() const {
    state_->require_own_loop();
    return state_->done();
  }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    this->waiting(awaiting);
    state_->observe();
    state_->wait(*this);
  }

protected:
  std::shared_ptr<scheduled_state<T>> state_;
};

} // namespace detail

/// A handle to a task that its event loop runs: asyncio's `Task`.
///
/// `create_task` gives one. The task runs whether or not the handle is kept: its loop holds it
/// until it is done. The handle can be copied, and awaited many times, in coroutines of the same
/// loop; waiters resume in the batch after the task is done. An exception that nobody asks for is
/// reported to the loop's exception handler when the last handle is gone.
template <class T = void> class scheduled_task {
  static_assert(!std::is_reference_v<T>, "coral::create_task: the task returns an object or void");
  using state = detail::scheduled_state<T>;

public:
  using value_type = T;

  bool done() const noexcept { return state_->done(); }

  /// The value of a task that is done; or throws its exception.
  /// Throws `runtime_error`, "Result is not set.", while it is pending.
  std::add_lvalue_reference_t<const T> result() const {
    if (!done())
      throw runtime_error("Result is not set.");
    if constexpr (std::is_void_v<T>)
      state_->value();
    else
      return state_->value();
  }

  /// Waits for the task and gives its value, which is good while a handle is kept; or throws its
  /// exception. Throws `runtime_error` outside the task's loop.
  auto operator co_await() const & noexcept {
    struct awaiter : detail::scheduled_awaiter<T> {
      using detail::scheduled_awaiter<T>::scheduled_awaiter;
      std::add_lvalue_reference_t<const T> await_resume() const {
        if constexpr (std::is_void_v<T>)
          this->state_->value();
        else
          return this->state_->value();
      }
    };
    return awaiter{state_};
  }

  /// The same; the value is copied out, or moved if it cannot be copied.
  auto operator co_await() && noexcept {
    struct awaiter : detail::scheduled_awaiter<T> {
      using detail::scheduled_awaiter<T>::scheduled_awaiter;
      T await_resume() const {
        if constexpr (std::is_void_v<T>)
          this->state_->value();
        else if constexpr (std::copy_constructible<T>)
          return this->state_->value();
        else
          return std::move(this->state_->value());
      }
    };
    return awaiter{std::move(state_)};
  }

  /// The same task, not an equal result.
  friend bool operator==(const scheduled_task &, const scheduled_task &) = default;

private:
  friend event_loop;
  friend detail::scheduled_access;

  explicit scheduled_task(std::shared_ptr<state> started) noexcept : state_(std::move(started)) {}

  std::shared_ptr<state> state_;
};

namespace detail {

/// What the combinators see of a handle.
struct scheduled_access {
  template <class T>
  static const std::shared_ptr<scheduled_state<T>> &state(const scheduled_task<T> &task) {
    return task.state_;
  }
};

} // namespace detail
} // namespace coral

#endif
