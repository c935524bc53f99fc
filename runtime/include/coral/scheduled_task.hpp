// coral::scheduled_task: asyncio's Task, a task that its loop runs beside others.

#ifndef CORAL_SCHEDULED_TASK_HPP
#define CORAL_SCHEDULED_TASK_HPP

#include <coral/cancel.hpp>
#include <coral/context_var.hpp>
#include <coral/detail/future_state.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coral {

class event_loop;

/// The keyword arguments of asyncio's `create_task`.
struct task_options {
  /// "Task-1" and so on unless given.
  std::string name = {};
  /// What the task's context variables are; nothing: a copy of the creator's. One that is given is
  /// shared, and not copied.
  std::optional<coral::context> context = std::nullopt;
  /// Runs the first step at once, where the task is created, if its loop runs there.
  bool eager = false;
};

/// What a loop does with the options of each task that is created in it: asyncio's task factory.
using task_factory = std::function<task_options(event_loop &, task_options)>;

/// The factory that starts every task where it is created: asyncio's `eager_task_factory`. A task
/// that never suspends is then done when `create_task` returns.
task_options eager_task_factory(event_loop &loop, task_options options);

namespace detail {

/// A task that a loop runs, whatever its result.
///
/// Its loop holds it until it is done, and finds it in the ready queue before its first step, among
/// the pending tasks from then on.
class scheduled_base : public future_base, public root, private ready_entry {
public:
  /// Asks the task to end; true unless it is done.
  bool cancel(const std::exception_ptr &reason) noexcept final;

  /// `cancel` is asking what this task waits for: who waits for this task closes a circle.
  bool passing_on() const noexcept { return passing_on_; }

  std::uint32_t cancelling() const noexcept { return cancels_; }
  std::uint32_t uncancel() noexcept;

  std::string name() const;
  void set_name(std::string name);

  void set_options(task_options &&options);

  context_slot &context() noexcept final;

  /// The loop runs the first step in its next batch.
  /// Throws `runtime_error` when the loop is closed.
  void begin();

  /// Runs the first step, if the loop runs on this thread; else the same. Throws what ends the
  /// program.
  void begin_eagerly();

  void completed() noexcept final;
  void abandoned() noexcept final;
  void run_soon(ready_entry &entry) noexcept final;
  scheduled_base *scheduled() noexcept final { return this; }

  /// The tasks of `loop` that are not done.
  static std::vector<scheduled_base *> all(const event_loop &loop);

  /// The loop closes with the task pending.
  static void destroy_pending(link &pending) noexcept;

  /// The outermost coroutine; null when the task is done.
  virtual std::coroutine_handle<> outermost() const noexcept = 0;

protected:
  explicit scheduled_base(event_loop &loop);
  ~scheduled_base() = default;

  /// The coroutine to resume first.
  virtual std::coroutine_handle<> first_step() noexcept = 0;

  /// Takes the result of the finished task, then destroys the task.
  virtual std::exception_ptr take_over() noexcept = 0;

  /// Destroys the task where it is suspended.
  virtual void discard() noexcept = 0;

private:
  const char *never_retrieved() const noexcept final {
    return "Task exception was never retrieved";
  }

  void run(driver &scope) final;
  void drop() noexcept final { destroy_pending(*this); }
  scheduled_base *first_step_of() noexcept final { return this; }

  void deliver_request() noexcept final;
  std::exception_ptr take_request() noexcept final;
  void end(std::exception_ptr error, status ended) noexcept;

  std::uint32_t cancels_ = 0;
  std::uint32_t number_;
  bool passing_on_ = false;

  /// What few tasks have.
  struct extras {
    std::string name;
    std::optional<coral::context> context;
  };
  std::unique_ptr<extras> extras_;
};

template <class T> class scheduled_state final : public value_state<T, scheduled_base> {
public:
  scheduled_state(event_loop &loop, task<T> &&work)
      : value_state<T, scheduled_base>(loop), work_(task_access::release(work)) {}

  ~scheduled_state() { discard(); }

  std::coroutine_handle<> outermost() const noexcept override { return work_; }

private:
  std::coroutine_handle<> first_step() noexcept override {
    work_.promise().begin(*this);
    return work_;
  }

  std::exception_ptr take_over() noexcept override {
    task_promise<T> &promise = work_.promise();
    std::exception_ptr error = promise.error();
    if (!error) {
      if constexpr (!std::is_void_v<T>) {
        try {
          this->emplace(promise.take_result());
        } catch (...) {
          error = std::current_exception();
        }
      }
    }
    discard();
    return error;
  }

  void discard() noexcept override {
    if (auto destroyed = std::exchange(work_, nullptr))
      destroy_frame(destroyed);
  }

  std::coroutine_handle<task_promise<T>> work_;
};

} // namespace detail

/// A handle to a task that its event loop runs, whatever its result: what `current_task` and
/// `all_tasks` give. A `scheduled_task` is one.
///
/// Handles can be copied; all copies mean the same task. They are used on the loop's thread.
class any_task {
public:
  event_loop &get_loop() const noexcept { return state_->loop(); }
  bool done() const noexcept { return state_->done(); }

  /// The task ended because it was cancelled.
  bool cancelled() const noexcept { return state_->cancelled(); }

  /// Asks the task to end. What it waits for is cancelled, and in a later batch the task has
  /// `cancelled_error(message)` thrown where it waits. A task that has not begun never does. Only a
  /// request: the task may handle the exception and go on. False when it is done already.
  bool cancel(std::string message = {}) const {
    return state_->cancel(std::make_exception_ptr(cancelled_error(std::move(message))));
  }

  /// How many requests to cancel came that no `uncancel` has taken back.
  int cancelling() const noexcept { return static_cast<int>(state_->cancelling()); }

  /// Takes a request to cancel back, and gives how many are left. When none is, a request that has
  /// not reached the task yet never does. For code that handles the `cancelled_error` of its own
  /// `cancel`, as `timeout` and `task_group` do.
  int uncancel() const noexcept { return static_cast<int>(state_->uncancel()); }

  /// The exception of a task that is done, null if it gave a value.
  /// Throws `cancelled_error` if it was cancelled, and `invalid_state_error`, "Exception is not
  /// set.", while it is pending.
  std::exception_ptr exception() const { return state_->exception(); }

  /// "Task-1" and so on, unless it was named.
  std::string get_name() const { return state_->name(); }
  void set_name(std::string name) const { state_->set_name(std::move(name)); }

  /// Calls `f(task)`, or `f()`, in the batch after the task is done; in the next if it is done.
  template <class F> done_callback add_done_callback(F &&f) const {
    return add_callback_for<any_task>(std::forward<F>(f));
  }

  /// Takes back a callback; or all that equal `f`. Gives how many that were. One that is already
  /// in the ready queue is called all the same.
  std::size_t remove_done_callback(const done_callback &added) const noexcept {
    return state_->remove_callback(added.id_);
  }
  template <std::equality_comparable F>
    requires(!std::same_as<F, done_callback>)
  std::size_t remove_done_callback(const F &f) const {
    return state_->remove_callbacks(typeid(F), &f);
  }

  /// Waits for the task; or throws its exception. Throws `runtime_error` outside the task's loop.
  auto operator co_await() const noexcept {
    struct awaiter final : detail::future_awaiter<detail::scheduled_base> {
      using detail::future_awaiter<detail::scheduled_base>::future_awaiter;
      void await_resume() const {
        if (std::exception_ptr error = finished().error())
          std::rethrow_exception(std::move(error));
      }
    };
    return awaiter(state_);
  }

  /// The same task, not an equal result.
  friend bool operator==(const any_task &, const any_task &) = default;

protected:
  explicit any_task(detail::ref<detail::scheduled_base> state) noexcept
      : state_(std::move(state)) {}

  template <class Handle, class F> done_callback add_callback_for(F &&f) const {
    return done_callback(
        state_->add_callback(detail::make_done_callback<Handle>(std::forward<F>(f))));
  }

  detail::ref<detail::scheduled_base> state_;

private:
  template <class, class> friend class detail::concrete_done_callback;
  friend event_loop;
  friend struct detail::handle_access;

  static any_task of(detail::future_base &base) {
    return any_task(
        detail::ref<detail::scheduled_base>(static_cast<detail::scheduled_base *>(&base)));
  }
};

/// A handle to a task that its event loop runs: asyncio's `Task`.
///
/// `create_task` gives one. The task runs whether or not the handle is kept: its loop holds it
/// until it is done. It can be awaited many times, in coroutines of the same loop; waiters resume
/// in the batch after the task is done, and cancelling one of them cancels the task. An exception
/// that nobody asks for is reported to the loop's exception handler when the last handle is gone.
template <class T = void> class scheduled_task : public any_task {
  static_assert(!std::is_reference_v<T>, "coral::create_task: the task returns an object or void");
  using state = detail::scheduled_state<T>;

public:
  using value_type = T;

  /// The value of a task that is done; or throws its exception.
  /// Throws `invalid_state_error`, "Result is not set.", while it is pending.
  std::add_lvalue_reference_t<const T> result() const {
    state_->require_done("Result is not set.");
    return typed().value();
  }

  /// Calls `f(task)`, or `f()`, in the batch after the task is done; in the next if it is done.
  template <class F> done_callback add_done_callback(F &&f) const {
    return this->template add_callback_for<scheduled_task>(std::forward<F>(f));
  }

  template <class... Args> void set_result(Args &&...) const {
    static_assert(detail::dependent_false<scheduled_task, Args...>,
                  "a scheduled task does not support set_result: its result is what its coroutine "
                  "returns; for a result that is set, use coral::future");
  }
  template <class... Args> void set_exception(Args &&...) const {
    static_assert(detail::dependent_false<scheduled_task, Args...>,
                  "a scheduled task does not support set_exception: its exception is what leaves "
                  "its coroutine; for one that is set, use coral::future");
  }

  /// Waits for the task and gives its value, which is good while a handle is kept; or throws its
  /// exception. Throws `runtime_error` outside the task's loop.
  auto operator co_await() const & noexcept {
    return detail::lvalue_future_awaiter<T, state>(typed_ref());
  }

  /// The same; the value is copied out, or moved if it cannot be copied.
  auto operator co_await() && noexcept {
    return detail::rvalue_future_awaiter<T, state>(typed_ref());
  }

private:
  template <class, class> friend class detail::concrete_done_callback;
  friend event_loop;
  friend struct detail::handle_access;

  explicit scheduled_task(detail::ref<state> started) noexcept : any_task(std::move(started)) {}

  state &typed() const noexcept { return static_cast<state &>(*state_); }
  detail::ref<state> typed_ref() const noexcept { return detail::ref<state>(&typed()); }

  static scheduled_task of(detail::future_base &base) {
    return scheduled_task(detail::ref<state>(static_cast<state *>(&base)));
  }
};

} // namespace coral

#endif
