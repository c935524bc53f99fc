// What futures and scheduled tasks share: asyncio's Future, of which Task is a kind.
//
// The state is counted by its handles, by whoever waits for it and, for a task that is pending, by
// its loop. It is used on the loop's thread; only the count may change elsewhere.

#ifndef CORAL_DETAIL_FUTURE_STATE_HPP
#define CORAL_DETAIL_FUTURE_STATE_HPP

#include <coral/cancel.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/detail/ref.hpp>
#include <coral/errors.hpp>

#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

namespace coral {

class event_loop;
template <class T> class future;
template <class T> class scheduled_task;

namespace detail {

class future_base;
struct handle_access;

/// A call to make when a future is done. Waits among the future's waiters, then in the ready
/// queue, where it keeps the future; destroys itself.
class done_callback_entry : public ready_entry {
public:
  virtual ~done_callback_entry() = default;

  void run(driver &) final;
  void drop() noexcept final { delete this; }

  /// Whether the callback is an `f` of type `type` that compares equal.
  virtual bool equals(const std::type_info &type, const void *f) const = 0;

protected:
  virtual void call(future_base &done) = 0;

private:
  friend future_base;
  context_slot context_ = current_context();
  ref<future_base> done_;
  done_callback_entry *next_ = nullptr;
  std::uint64_t id_ = 0;
};

class future_base {
public:
  future_base(const future_base &) = delete;
  future_base &operator=(const future_base &) = delete;

  void retain() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy();
  }

  event_loop &loop() const noexcept { return *loop_; }
  bool done() const noexcept { return status_ != status::pending; }
  bool cancelled() const noexcept { return status_ == status::cancelled; }

  /// Done, and without a value.
  bool failed() const noexcept { return done() && error_; }

  /// Asks it to end with `reason`, a `cancelled_error`. False when it is done already.
  virtual bool cancel(const std::exception_ptr &reason) noexcept = 0;

  /// What it ended with, null for a value; from now on somebody knows it. It is done.
  std::exception_ptr error() noexcept {
    observed_ = true;
    return error_;
  }

  /// Somebody will ask for the exception, or does not want it reported.
  void observe() noexcept { observed_ = true; }

  /// Runs `waiter` in the batch after this is done. It is pending.
  void wait(ready_entry &waiter) noexcept { waiters_.push_back(waiter); }

  /// Makes the call in the batch after this is done, or in the next. Gives what `remove` takes.
  std::uint64_t add_callback(done_callback_entry *added);
  std::size_t remove_callback(std::uint64_t id) noexcept;
  std::size_t remove_callbacks(const std::type_info &type, const void *f);

  /// Calls `f(root)` for every chain that waits for this.
  template <class F> void for_each_waiting(F &&f) const {
    waiters_.for_each([&](link &each) {
      if (root *waiting = static_cast<ready_entry &>(each).chain())
        f(*waiting);
    });
  }

  /// Throws `runtime_error` unless the calling thread runs this loop.
  void require_own_loop() const;

  /// Throws `invalid_state_error` with `message` while pending.
  void require_done(const char *message) const {
    if (!done()) [[unlikely]]
      throw invalid_state_error(message);
  }

  /// asyncio's `Future.exception`.
  std::exception_ptr exception();

protected:
  enum class status : std::uint8_t { pending, finished, cancelled };

  explicit future_base(event_loop &loop) noexcept : loop_(&loop) {}
  virtual ~future_base();

  /// Ends it: with `error`, or if that is null with the value that is in place.
  void finish(std::exception_ptr error, status ended) noexcept;

  /// What is said at the end of an exception that nobody asked for.
  virtual const char *never_retrieved() const noexcept = 0;

  /// While pending, why it is to be cancelled.
  std::exception_ptr error_;

private:
  template <class Matches> std::size_t remove_if(Matches matches);
  void destroy() noexcept;

  event_loop *loop_;
  link_list waiters_;
  done_callback_entry *callbacks_ = nullptr;
  std::atomic<std::uint32_t> owners_ = 1;
  status status_ = status::pending;
  bool observed_ = false;
};

/// Adds the value to a `future_base`, or to what derives from it.
template <class T, class Base> class value_state : public Base {
public:
  using Base::Base;

  /// When done: throws the exception or gives the value, which stays here.
  std::add_lvalue_reference_t<T> value() {
    if (std::exception_ptr error = this->error()) [[unlikely]]
      std::rethrow_exception(std::move(error));
    if constexpr (!std::is_void_v<T>)
      return *value_;
  }

  template <class... Args> void emplace(Args &&...args) {
    if constexpr (!std::is_void_v<T>)
      value_.emplace(std::forward<Args>(args)...);
  }

protected:
  ~value_state() = default;

private:
  [[no_unique_address]] std::conditional_t<std::is_void_v<T>, std::monostate, std::optional<T>>
      value_;
};

/// Gives the value of a finished state, as the last one who wants it: copied if others may ask
/// again, and moved if it cannot be copied.
template <class T, class State> T last_value(State &state) {
  if constexpr (std::is_void_v<T>)
    state.value();
  else if constexpr (std::copy_constructible<T>)
    return state.value();
  else
    return std::move(state.value());
}

/// Waits for a future or a scheduled task.
template <class State> class future_awaiter : public resume_entry {
public:
  explicit future_awaiter(ref<State> state) noexcept : state_(std::move(state)) {}

  bool await_ready() const {
    state_->require_own_loop();
    return state_->done();
  }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    waiting(awaiting);
    if constexpr (std::derived_from<State, root>)
      if (owner() == state_.get()) [[unlikely]]
        throw runtime_error("Task cannot await on itself");
    state_->observe();
    state_->wait(*this);
    waiting_cancellably();
  }

  cancel_outcome request_cancel(const std::exception_ptr &reason) noexcept override {
    if constexpr (std::derived_from<State, root>)
      if (state_->passing_on()) [[unlikely]] {
        // Tasks that wait for each other in a circle: this one stops waiting.
        unlink();
        owner()->run_soon(*this);
        return cancel_outcome::accepted;
      }
    return state_->cancel(reason) ? cancel_outcome::passed_on : cancel_outcome::refused;
  }

protected:
  State &state() const noexcept { return *state_; }

  /// The state, done. Throws `cancelled_error` when the awaiting chain was cancelled too late to
  /// reach what it waits for.
  State &finished() const {
    if (owner()) {
      if (state_->cancelled())
        owner()->resumed_quietly();
      else
        owner()->resumed();
    }
    return *state_;
  }

private:
  ref<State> state_;
};

/// `co_await handle`: gives a reference.
template <class T, class State> struct lvalue_future_awaiter final : future_awaiter<State> {
  using future_awaiter<State>::future_awaiter;
  std::add_lvalue_reference_t<const T> await_resume() const { return this->finished().value(); }
};

/// `co_await` of a handle that is given up: gives the value.
template <class T, class State> struct rvalue_future_awaiter final : future_awaiter<State> {
  using future_awaiter<State>::future_awaiter;
  T await_resume() const { return last_value<T>(this->finished()); }
};

/// Makes a callback for `future_base::add_callback` that calls `f(handle)`, or `f()`.
template <class Handle, class F> class concrete_done_callback final : public done_callback_entry {
public:
  template <class G> explicit concrete_done_callback(G &&f) : f_(std::forward<G>(f)) {}

  bool equals(const std::type_info &type, const void *f) const override {
    if constexpr (std::equality_comparable<F>)
      return type == typeid(F) && *static_cast<const F *>(f) == f_;
    else
      return false;
  }

private:
  void call(future_base &done) override {
    if constexpr (std::is_invocable_v<F &, Handle>)
      f_(Handle::of(done));
    else
      f_();
  }

  F f_;
};

template <class Handle, class F> done_callback_entry *make_done_callback(F &&f) {
  using callable = std::decay_t<F>;
  static_assert(std::is_invocable_v<callable &, Handle> || std::is_invocable_v<callable &>,
                "a done callback is called with the future, or without arguments");
  return new concrete_done_callback<Handle, callable>(std::forward<F>(f));
}

/// What the combinators see of handles.
struct handle_access {
  template <class Handle> static const auto &base(const Handle &handle) { return *handle.state_; }
  template <class Handle> static Handle handle(future_base &state) { return Handle::of(state); }
  template <class Handle> static auto typed(const Handle &handle) { return handle.typed_ref(); }
};

template <class> inline constexpr bool is_future_handle = false;
template <class T> inline constexpr bool is_future_handle<future<T>> = true;
template <class T> inline constexpr bool is_future_handle<scheduled_task<T>> = true;

/// A `future` or a `scheduled_task`.
template <class Handle>
concept future_handle = is_future_handle<Handle>;

} // namespace detail

/// A call that `add_done_callback` has arranged: what `remove_done_callback` takes where the
/// callable has no equality.
class done_callback {
public:
  friend bool operator==(const done_callback &, const done_callback &) = default;

private:
  template <class> friend class future;
  friend class any_task;
  template <class> friend class scheduled_task;
  explicit done_callback(std::uint64_t id) noexcept : id_(id) {}
  std::uint64_t id_;
};

} // namespace coral

#endif
