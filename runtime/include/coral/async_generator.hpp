// coral::async_generator: Python's asynchronous generator, an `async def` that yields.
//
// Its body may `co_await` and `co_yield`. It runs only as far as it is asked to, and asking is
// awaiting. C++ has no `for co_await`; there are two ways to write `async for`,
//
//     while (auto item = co_await numbers.next())
//       use(*item);
//
//     co_await coral::async_for(numbers, use); // coral/async_for.hpp
//
// and there is Python's protocol: `anext`, `asend`, `athrow`, `aclose`.
//
// A generator that is left before its end may have to await things while it cleans up. So when the
// generator object dies, the loop that it was started on schedules a task that closes it; without
// such a loop its locals are destroyed where it is suspended. `co_await numbers.aclose()` closes
// it at a chosen place, and `event_loop::shutdown_asyncgens` closes all that are left at the end
// of a program.
//
// A generator belongs to one thread, that of its loop, and runs for one coroutine at a time. Its
// functions need the library `coral::runtime`.

#ifndef CORAL_ASYNC_GENERATOR_HPP
#define CORAL_ASYNC_GENERATOR_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/drive.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/errors.hpp>
#include <coral/generator.hpp>
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
template <class Ref, class Value = void, class Send = void> class async_generator;

namespace detail {

/// The body of an asynchronous generator.
///
/// While it runs a *step*, from one `co_yield` to the next, it is part of the chain of the task
/// that awaits the step, and is destroyed with that chain. Between steps the generator object owns
/// it. When that dies during a step, the step owns the body, and finalises it at its end: nothing
/// else destroys a body that waits for something.
class async_generator_base : public task_promise_base, private link {
public:
  async_generator_base(const async_generator_base &) = delete;
  async_generator_base &operator=(const async_generator_base &) = delete;

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> body) const noexcept {
      return body.promise().end_step(coroutine_state::closed);
    }

    void await_resume() const noexcept {}
  };

  final_awaiter final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept;

  coroutine_state state() const noexcept { return state_; }

  /// From now on `owner` is the handle that the generator object has.
  void set_owner(std::coroutine_handle<> &owner) noexcept { owner_ = &owner; }

  /// The generator object dies.
  void disown() noexcept;

  /// Destroys the body; the generator object has nothing then.
  void discard() noexcept { self_.destroy(); }

  /// To be thrown at the `co_yield` in the next step.
  void put_exception(std::exception_ptr error) noexcept { thrown_ = std::move(error); }

protected:
  explicit async_generator_base(std::coroutine_handle<> self) noexcept : self_(self) {}

  ~async_generator_base() {
    if (owner_)
      *owner_ = nullptr;
  }

  std::coroutine_handle<> end_step(coroutine_state state) noexcept {
    state_ = state;
    return transfer(continuation_);
  }

  /// What happens where the body goes on.
  void raise_thrown() {
    if (thrown_) [[unlikely]]
      std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

private:
  friend event_loop;
  friend class async_step;

  struct closing_list;

  /// The first step: the loop that runs here will finalise the generator.
  void enter_loop();

  /// No step runs, and the generator object is gone.
  void finalize() noexcept;

  static task<void> close_first(link_list &bodies);
  static task<void> close_orphan(event_loop &loop);
  static task<void> close_reporting(event_loop &loop, std::shared_ptr<closing_list> bodies);
  static task<void> close_all(event_loop &loop);

  /// The loop of `bodies` will not finalise them.
  static void leave_loop(link_list &bodies) noexcept;

  template <class Promise>
  std::coroutine_handle<> begin_step(std::coroutine_handle<Promise> awaiting) {
    if (state_ == coroutine_state::created) [[unlikely]]
      enter_loop();
    root_ = nullptr;
    begin(awaiting);
    state_ = coroutine_state::running;
    return transfer(self_);
  }

  std::coroutine_handle<> self_;
  std::coroutine_handle<> *owner_ = nullptr;
  event_loop *loop_ = nullptr;
  std::exception_ptr thrown_;
  std::exception_ptr error_;
  coroutine_state state_ = coroutine_state::created;
};

/// A step to be awaited, once.
class async_step {
public:
  async_step(const async_step &) = delete;
  async_step &operator=(const async_step &) = delete;

  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> awaiting) {
    const std::coroutine_handle<> next = body_->begin_step(awaiting);
    phase_ = phase::awaited;
    return next;
  }

protected:
  enum class phase : unsigned char {
    created,
    awaited,
    /// The body belongs to the generator object, or is gone.
    ended,
    /// The body belongs to this step.
    ended_as_owner,
  };

  /// `body` is null when the generator object has none.
  async_step(async_generator_base *body, const char *name) noexcept : body_(body), name_(name) {}

  ~async_step() {
    if (phase_ == phase::awaited || phase_ == phase::ended_as_owner) [[unlikely]]
      release();
  }

  /// What the body is in before the step; `closed` when there is none.
  /// Throws `runtime_error` when the body runs, or the step was awaited before.
  coroutine_state require_ready() {
    if (phase_ != phase::created) [[unlikely]]
      refuse_second_await();
    if (!body_)
      return coroutine_state::closed;
    if (body_->state_ == coroutine_state::running) [[unlikely]]
      refuse_running();
    return body_->state_;
  }

  /// There is nothing to run: the step is over.
  void skip() noexcept { phase_ = phase::ended; }

  /// The same; and a body that has not started never does.
  void skip_and_discard() noexcept {
    phase_ = phase::ended;
    if (body_)
      std::exchange(body_, nullptr)->discard();
  }

  /// After the step. True when it ran; throws what left the body.
  bool end() {
    if (phase_ == phase::ended)
      return false;
    phase_ = body_->owner_ ? phase::ended : phase::ended_as_owner;
    if (body_->error_) [[unlikely]]
      std::rethrow_exception(std::exchange(body_->error_, nullptr));
    return true;
  }

  async_generator_base *body_;

private:
  CORAL_COLD void release() noexcept;
  [[noreturn]] CORAL_COLD void refuse_second_await() const;
  [[noreturn]] CORAL_COLD void refuse_running() const;

  const char *name_;
  phase phase_ = phase::created;
};

/// The step of `aclose`, whatever the generator yields.
class close_step : public async_step {
public:
  explicit close_step(async_generator_base *body) noexcept : async_step(body, "aclose()") {}

  bool await_ready();
  void await_resume();
};

/// What is sent to the body.
template <class Send> class sent_slot {
public:
  std::optional<Send> sent;
};

template <> class sent_slot<void> {};

template <class Ref, class Value, class Send>
class async_generator_promise final : public async_generator_base, public sent_slot<Send> {
  using types = generator_types<Ref, Value>;
  using yielded = typename types::yielded;
  using handle = std::coroutine_handle<async_generator_promise>;

  struct yield_awaiter {
    async_generator_promise &promise;

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
      return promise.end_step(coroutine_state::suspended);
    }
    auto await_resume() const { return promise.received(); }
  };

  /// For a value that is yielded as an rvalue but is none: the copy lives in the awaiter.
  template <class Copy> struct copying_yield_awaiter {
    async_generator_promise &promise;
    Copy copy;

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
      promise.current = std::addressof(copy);
      return promise.end_step(coroutine_state::suspended);
    }
    auto await_resume() const { return promise.received(); }
  };

public:
  using pointer = std::add_pointer_t<yielded>;

  async_generator_promise() noexcept : async_generator_base(handle::from_promise(*this)) {}

  async_generator<Ref, Value, Send> get_return_object() noexcept;

  yield_awaiter yield_value(yielded value) noexcept {
    current = std::addressof(value);
    return {*this};
  }

  auto yield_value(const std::remove_reference_t<yielded> &value)
    requires std::is_rvalue_reference_v<yielded> &&
             std::constructible_from<std::remove_cvref_t<yielded>,
                                     const std::remove_reference_t<yielded> &>
  {
    return copying_yield_awaiter<std::remove_cvref_t<yielded>>{*this, value};
  }

  template <class Range, class Allocator>
  std::suspend_never yield_value(const elements_of<Range, Allocator> &) const noexcept {
    static_assert(never<Range>, "co_yield elements_of in a coral::async_generator: yield the "
                                "elements in a loop, as an async generator in Python does");
    return {};
  }

  /// The value that is out.
  pointer current = nullptr;

private:
  auto received() {
    this->raise_thrown();
    if constexpr (!std::is_void_v<Send>)
      return std::exchange(this->sent, std::nullopt);
  }
};

} // namespace detail

/// A coroutine that awaits, and yields values one at a time.
///
/// `Ref`, `Value` and `Send` are those of `generator`: `async_generator<int>` yields `int &&`, and
/// the value lives where the body has it until the generator goes on. In a generator that can be
/// sent to, `co_yield` is a `std::optional<Send>`, empty when the value was asked for in another
/// way. `co_return` gives no value.
///
/// `next`, `anext`, `asend`, `athrow` and `aclose` give something to await, once, in a `task` or
/// another async generator, while the generator object lives. Cancelling the task that awaits
/// throws `cancelled_error` where the body waits. What leaves the body is thrown to whoever awaits,
/// and the generator is closed; a `stop_async_iteration` or `stop_iteration` becomes
/// `runtime_error`, "async generator raised StopAsyncIteration". Awaiting while another step runs
/// throws `runtime_error`, "anext(): asynchronous generator is already running"; awaiting the same
/// step again "cannot reuse already awaited anext()".
///
/// The frame comes from the thread's free list, or from the allocator that follows a parameter
/// `std::allocator_arg`.
template <class Ref, class Value, class Send> class [[nodiscard]] async_generator {
  using types = detail::generator_types<Ref, Value>;

public:
  using promise_type = detail::async_generator_promise<Ref, Value, Send>;
  using value_type = typename types::value;
  using reference = typename types::reference;

  /// A value, or the end. Good until the generator goes on.
  class item {
  public:
    item() noexcept = default;

    explicit operator bool() const noexcept { return value_ != nullptr; }
    reference operator*() const { return static_cast<reference>(*value_); }
    auto operator->() const noexcept { return value_; }

  private:
    friend async_generator;
    explicit item(typename promise_type::pointer value) noexcept : value_(value) {}
    typename promise_type::pointer value_ = nullptr;
  };

  async_generator(async_generator &&other) noexcept
      : coroutine_(std::exchange(other.coroutine_, nullptr)) {
    if (coroutine_)
      promise().set_owner(coroutine_);
  }

  async_generator &operator=(async_generator &&other) noexcept {
    if (this != &other) {
      release();
      coroutine_ = std::exchange(other.coroutine_, nullptr);
      if (coroutine_)
        promise().set_owner(coroutine_);
    }
    return *this;
  }

  /// A generator that has started and not ended is finalised by its loop.
  ~async_generator() { release(); }

  /// Awaits the next value, or the end: `while (auto item = co_await g.next())`.
  [[nodiscard]] auto next() noexcept { return next_step(promise_or_null()); }

  /// Python's `anext(g)`: the next value. Throws `stop_async_iteration` at the end, and ever after.
  [[nodiscard]] auto anext() noexcept { return value_step(promise_or_null(), "anext()"); }

  /// Python's `g.asend(value)`: `co_yield` gives `value`, then as `anext`. Throws `type_error` for
  /// a generator that has not started, which waits at no `co_yield`.
  template <class Given>
    requires std::constructible_from<Send, Given>
  [[nodiscard]] auto asend(Given &&value) {
    static_assert(!std::is_void_v<Send>);
    return send_step(promise_or_null(), std::forward<Given>(value));
  }

  /// Python's `g.athrow(error)`: `co_yield` throws `error`, then as `anext`. In a generator that
  /// has not started nothing runs, and `error` is thrown to the caller; one that is closed throws
  /// `stop_async_iteration`. Throws `type_error` at once when `error` is null.
  [[nodiscard]] auto athrow(std::exception_ptr error) {
    if (!error)
      throw type_error("async_generator::athrow needs an exception");
    return throw_step(promise_or_null(), std::move(error));
  }

  template <class Error>
    requires(!std::convertible_to<Error, std::exception_ptr>)
  [[nodiscard]] auto athrow(Error &&error) {
    return athrow(std::make_exception_ptr(std::forward<Error>(error)));
  }

  /// Python's `g.aclose()`: `co_yield` throws `generator_exit`, and the body runs, with everything
  /// it awaits, until it ends by that exception or returns. Another exception is thrown here; a
  /// body that yields instead gives `runtime_error`, "async generator ignored GeneratorExit". Does
  /// nothing for a generator that is closed; one that has not started is closed without running.
  [[nodiscard]] auto aclose() noexcept { return detail::close_step(promise_or_null()); }

  /// Python's `inspect.getasyncgenstate`. A body that waits for something counts as running, as in
  /// Python's `ag_running`.
  coroutine_state state() const noexcept {
    return coroutine_ ? promise().state() : coroutine_state::closed;
  }

private:
  friend promise_type;

  class value_step : public detail::async_step {
  public:
    value_step(promise_type *body, const char *name) noexcept : async_step(body, name) {}

    bool await_ready() {
      if (require_ready() != coroutine_state::closed)
        return false;
      skip();
      return true;
    }

    reference await_resume() {
      if (typename promise_type::pointer value = end_with_value())
        return static_cast<reference>(*value);
      throw stop_async_iteration();
    }

  protected:
    promise_type &body() const noexcept { return static_cast<promise_type &>(*body_); }

    typename promise_type::pointer end_with_value() {
      return end() && body().state() == coroutine_state::suspended ? body().current : nullptr;
    }
  };

  class next_step : public value_step {
  public:
    explicit next_step(promise_type *body) noexcept : value_step(body, "anext()") {}
    item await_resume() { return item(this->end_with_value()); }
  };

  class send_step : public value_step, private detail::sent_slot<Send> {
  public:
    template <class Given>
    send_step(promise_type *body, Given &&value)
        : value_step(body, "asend()"), detail::sent_slot<Send>{std::forward<Given>(value)} {}

    bool await_ready() {
      if (this->require_ready() == coroutine_state::created)
        throw type_error("can't send non-None value to a just-started async generator");
      if (value_step::await_ready())
        return true;
      this->body().sent = std::move(this->sent);
      return false;
    }
  };

  class throw_step : public value_step {
  public:
    throw_step(promise_type *body, std::exception_ptr error) noexcept
        : value_step(body, "athrow()"), error_(std::move(error)) {}

    bool await_ready() {
      if (this->require_ready() == coroutine_state::created) {
        this->skip_and_discard();
        std::rethrow_exception(std::move(error_));
      }
      if (value_step::await_ready())
        return true;
      this->body().put_exception(std::move(error_));
      return false;
    }

  private:
    std::exception_ptr error_;
  };

  explicit async_generator(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {
    promise().set_owner(coroutine_);
  }

  promise_type &promise() const noexcept {
    return std::coroutine_handle<promise_type>::from_address(coroutine_.address()).promise();
  }

  promise_type *promise_or_null() const noexcept { return coroutine_ ? &promise() : nullptr; }

  void release() noexcept {
    if (coroutine_)
      promise().disown();
  }

  std::coroutine_handle<> coroutine_;
};

template <class Ref, class Value, class Send>
async_generator<Ref, Value, Send>
detail::async_generator_promise<Ref, Value, Send>::get_return_object() noexcept {
  return async_generator<Ref, Value, Send>(handle::from_promise(*this));
}

} // namespace coral

#endif
