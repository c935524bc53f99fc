// coral::generator: Python's generator, and a range.
//
// A function that `co_yield`s returns a generator. It runs only as far as it is asked to, between
// two values it is suspended. There are two ways to use one, and both may be mixed:
//
// - as an input range, like `std::generator`: `for (int n : count(3))`, views, algorithms;
// - by Python's protocol: `next`, `send`, `throw_`, `close`.
//
// A generator belongs to one thread at a time, and does not `co_await`.

#ifndef CORAL_GENERATOR_HPP
#define CORAL_GENERATOR_HPP

#include <coral/awaitable.hpp>
#include <coral/detail/config.hpp>
#include <coral/errors.hpp>
#include <coral/frame_allocator.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace coral {

template <class Ref, class Value = void, class Send = void, class Return = void> class generator;

template <class Range, class Allocator> struct elements_of;

/// Python's `inspect.getgeneratorstate`.
using generator_state = coroutine_state;

namespace detail {

template <class Ref, class Value, class Send, class Return> struct generator_access;

template <class> inline constexpr bool never = false;

/// What the body sends out: an address that is good while it is suspended.
template <class Ref, class Value> struct generator_types {
  using value = std::conditional_t<std::is_void_v<Value>, std::remove_cvref_t<Ref>, Value>;
  using reference = std::conditional_t<std::is_void_v<Value>, Ref &&, Ref>;
  using yielded = std::conditional_t<std::is_reference_v<reference>, reference, const reference &>;

  static_assert(std::is_object_v<value> && std::same_as<std::remove_cvref_t<value>, value>,
                "coral::generator: the value type is an object type without const");
  static_assert(std::is_reference_v<reference> ||
                    (std::is_object_v<reference> && std::copy_constructible<reference>),
                "coral::generator: the reference type is a reference or can be copied");
};

// The way from one value to the next must be short enough to be inlined, and the frame must not
// hold or hand out the address of anything in itself: then the optimiser can give the frame of a
// generator that is used up where it is made to registers. An exception therefore travels in a box,
// what `co_yield` awaits is the promise, and a small value is copied into it.

struct boxed_exception {
  std::exception_ptr exception;
};

CORAL_COLD inline boxed_exception *box_exception(std::exception_ptr exception) {
  return new boxed_exception{std::move(exception)};
}

CORAL_COLD inline boxed_exception *box_leaving_exception() {
  return box_exception(leaving_exception("generator raised StopIteration"));
}

CORAL_COLD inline void discard_box(boxed_exception *box) noexcept { delete box; }

[[noreturn]] CORAL_COLD inline void raise_boxed(boxed_exception *box) {
  std::exception_ptr exception = std::move(box->exception);
  delete box;
  std::rethrow_exception(std::move(exception));
}

/// What passes between a generator's body and its caller at a `co_yield`: an
/// exception, to be thrown at the `co_yield` or, when the body has ended, to the caller.
class yield_exchange {
public:
  yield_exchange() = default;
  yield_exchange(const yield_exchange &) = delete;
  yield_exchange &operator=(const yield_exchange &) = delete;
  ~yield_exchange() {
    if (box_) [[unlikely]]
      discard_box(box_);
  }

  /// What a `co_yield` gives.
  void received() { raise_pending(); }

  void unhandled_exception() { box_ = box_leaving_exception(); }

  void put_exception(std::exception_ptr exception) { box_ = box_exception(std::move(exception)); }

  void raise_pending() {
    if (box_) [[unlikely]]
      raise_boxed(std::exchange(box_, nullptr));
  }

private:
  boxed_exception *box_ = nullptr;
};

/// An exchange that values can be sent to.
template <class Send> class send_exchange : public yield_exchange {
public:
  std::optional<Send> received() {
    raise_pending();
    return std::exchange(sent, std::nullopt);
  }

  std::optional<Send> sent;
};

template <> class send_exchange<void> : public yield_exchange {};

/// What a `co_yield` awaits.
#if CORAL_DETAIL_COPIES_AWAITERS
template <class Send> struct exchange_awaiter {
  send_exchange<Send> &exchange;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  decltype(auto) await_resume() const { return exchange.received(); }
};

template <class Send> class yield_point : public send_exchange<Send> {
public:
  exchange_awaiter<Send> at_yield() noexcept { return {*this}; }
};
#else
template <class Send> class yield_point : public send_exchange<Send> {
public:
  yield_point &at_yield() noexcept { return *this; }

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  decltype(auto) await_resume() { return this->received(); }
};
#endif

/// The value that is out: where it is.
template <class Yielded> class yielded_value {
public:
  void put(Yielded value) noexcept { address_ = std::addressof(value); }
  Yielded get() const noexcept { return static_cast<Yielded>(*address_); }

  /// Nothing was yielded yet.
  bool empty() const noexcept { return !address_; }

private:
  std::add_pointer_t<Yielded> address_ = nullptr;
};

template <class Yielded>
concept yields_small_value =
    std::is_rvalue_reference_v<Yielded> && !std::is_const_v<std::remove_reference_t<Yielded>> &&
    !std::is_volatile_v<std::remove_reference_t<Yielded>> &&
    std::is_trivially_copyable_v<std::remove_reference_t<Yielded>> &&
    std::is_copy_constructible_v<std::remove_reference_t<Yielded>> &&
    sizeof(std::remove_reference_t<Yielded>) <= 2 * sizeof(void *);

/// The value that is out: a copy.
template <yields_small_value Yielded> class yielded_value<Yielded> {
  using value = std::remove_reference_t<Yielded>;

public:
  yielded_value() noexcept {}

  void put(const value &given) noexcept {
    std::construct_at(&value_, given);
    empty_ = false;
  }

  /// The value may be moved from: it is asked for once.
  Yielded get() const noexcept { return static_cast<Yielded>(value_); }
  bool empty() const noexcept { return empty_; }

private:
  union {
    mutable value value_;
  };
  bool empty_ = true;
};

/// Where `co_return` leaves its value.
template <class Return> class returned_slot {
public:
  template <class U = Return>
    requires std::constructible_from<Return, U>
  void return_value(U &&value) {
    returned.emplace(std::forward<U>(value));
  }

  std::optional<Return> returned;
};

template <> class returned_slot<void> {
public:
  void return_void() const noexcept {}
};

template <class Ref, class Value, class Send, class Return>
class generator_promise final : public allocated_frame,
                                public yield_point<Send>,
                                public returned_slot<Return> {
  using yielded = typename generator_types<Ref, Value>::yielded;
  using handle = std::coroutine_handle<generator_promise>;

  /// For a value that is yielded as an rvalue but is none: the copy lives in the awaiter.
  template <class Copy> struct copying_yield_point {
    generator_promise &promise;
    Copy copy;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) noexcept {
      promise.current.put(static_cast<yielded>(copy));
    }
    decltype(auto) await_resume() const { return promise.received(); }
  };

public:
  generator<Ref, Value, Send, Return> get_return_object() noexcept;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() const noexcept { return {}; }

  decltype(auto) yield_value(yielded value) noexcept {
    current.put(static_cast<yielded>(value));
    return this->at_yield();
  }

  decltype(auto) yield_value(const std::remove_reference_t<yielded> &value)
    requires std::is_rvalue_reference_v<yielded> &&
             std::constructible_from<std::remove_cvref_t<yielded>,
                                     const std::remove_reference_t<yielded> &>
  {
    if constexpr (yields_small_value<yielded>) {
      current.put(value);
      return this->at_yield();
    } else {
      return copying_yield_point<std::remove_cvref_t<yielded>>{*this, value};
    }
  }

  template <class Range, class Allocator>
  std::suspend_never yield_value(const elements_of<Range, Allocator> &) const noexcept {
    static_assert(never<Range>, "co_yield elements_of in a coral::generator: a coroutine that "
                                "hands over to others returns a coral::recursive_generator");
    return {};
  }

  template <class Awaited> std::suspend_never await_transform(Awaited &&) const noexcept {
    static_assert(never<Awaited>,
                  "co_await in a coral::generator: a coroutine that awaits returns a coral::task");
    return {};
  }

  yielded_value<yielded> current;
  bool running = false;
};

} // namespace detail

/// A coroutine that yields values one at a time.
///
/// `Ref` and `Value` are the reference and value types of the range, by the rules of
/// `std::generator<Ref, Value>`: `generator<int>` has the reference type `int &&`. The value lives
/// where the body has it until the next one is asked for; a small trivial one is copied. `Send` is
/// what `send` takes, and `Return` what `co_return` gives; void means there is none. In a generator
/// that can be sent to, `co_yield` is a `std::optional<Send>`, empty when the value was asked for
/// in another way.
///
/// The frame comes from the thread's free list, or from the allocator that follows a parameter
/// `std::allocator_arg`.
///
/// Destroying a suspended generator destroys its locals, and runs no handlers; `close` raises
/// `generator_exit` first, which handlers see.
template <class Ref, class Value, class Send, class Return>
class [[nodiscard]] generator
    : public std::ranges::view_interface<generator<Ref, Value, Send, Return>> {
  using types = detail::generator_types<Ref, Value>;

public:
  using promise_type = detail::generator_promise<Ref, Value, Send, Return>;
  using value_type = typename types::value;
  using reference = typename types::reference;
  class iterator;

  generator(generator &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}

  generator &operator=(generator &&other) noexcept {
    generator taken(std::move(other));
    std::swap(coroutine_, taken.coroutine_);
    return *this;
  }

  ~generator() {
    if (coroutine_)
      coroutine_.destroy();
  }

  /// Asks for the next value, and gives an iterator to it. A generator is read once: another
  /// `begin` goes on where the last one stopped, as `for` in Python does.
  iterator begin() {
    if (!finished())
      resume(coroutine_);
    return iterator(coroutine_);
  }

  std::default_sentinel_t end() const noexcept { return std::default_sentinel; }

  /// Python's `next(g)`: the next value. Throws `stop_iteration`, with the returned value, when the
  /// body returns, and without one ever after; and whatever leaves the body, after which the
  /// generator is closed. The reference is good until the generator goes on.
  /// Throws `value_error` when called from the body itself.
  reference next() {
    require_at_rest();
    return step();
  }

  /// Python's `g.send(value)`: `co_yield` gives `value`, then as `next`. A generator that has not
  /// started waits at no `co_yield`: throws `type_error`.
  template <class Given>
    requires std::constructible_from<Send, Given>
  reference send(Given &&value) {
    static_assert(!std::is_void_v<Send>);
    require_at_rest();
    if (state() == generator_state::created)
      throw type_error("can't send non-None value to a just-started generator");
    if (!finished())
      coroutine_.promise().sent.emplace(std::forward<Given>(value));
    return step();
  }

  /// Python's `g.throw(error)`: `co_yield` throws `error`, then as `next`. In a generator that has
  /// not started, or is closed, nothing runs and `error` is thrown to the caller.
  /// Throws `type_error` when `error` is null.
  reference throw_(std::exception_ptr error) {
    if (!error)
      throw type_error("generator::throw_ needs an exception");
    require_at_rest();
    if (state() != generator_state::suspended) {
      discard();
      std::rethrow_exception(std::move(error));
    }
    coroutine_.promise().put_exception(std::move(error));
    return step();
  }

  template <class Error>
    requires(!std::convertible_to<Error, std::exception_ptr>)
  reference throw_(Error &&error) {
    return throw_(std::make_exception_ptr(std::forward<Error>(error)));
  }

  /// Python's `g.close()`: `co_yield` throws `generator_exit`. If the body ends then, by that
  /// exception or by returning, so does `close`; another exception leaves from here; a body that
  /// yields instead gives `runtime_error`, "generator ignored GeneratorExit". Does nothing for a
  /// generator that is closed; one that has not started is closed without running.
  void close() {
    require_at_rest();
    if (state() != generator_state::suspended)
      return discard();
    coroutine_.promise().put_exception(std::make_exception_ptr(generator_exit()));
    try {
      advance();
    } catch (const generator_exit &) {
      return;
    }
    if (!finished())
      throw runtime_error("generator ignored GeneratorExit");
  }

  /// A body that a range-for runs counts as suspended.
  generator_state state() const noexcept {
    if (finished())
      return generator_state::closed;
    const promise_type &promise = coroutine_.promise();
    if (promise.running)
      return generator_state::running;
    return promise.current.empty() ? generator_state::created : generator_state::suspended;
  }

private:
  using handle = std::coroutine_handle<promise_type>;
  friend promise_type;
  friend detail::generator_access<Ref, Value, Send, Return>;

  explicit generator(handle coroutine) noexcept : coroutine_(coroutine) {}

  bool finished() const noexcept { return !coroutine_ || coroutine_.done(); }

  void require_at_rest() const {
    if (coroutine_ && coroutine_.promise().running) [[unlikely]]
      throw value_error("generator already executing");
  }

  /// Runs the body to its next value or its end; what left it is thrown.
  static void resume(handle coroutine) {
    coroutine.resume();
    if (coroutine.done())
      coroutine.promise().raise_pending();
  }

  /// The same, known to be running: a range-for does not pay for that.
  void advance() {
    struct running_scope {
      bool &running;
      explicit running_scope(bool &flag) : running(flag) { running = true; }
      ~running_scope() { running = false; }
    } scope(coroutine_.promise().running);
    resume(coroutine_);
  }

  reference step() {
    if (finished())
      throw stop_iteration();
    advance();
    if (!finished()) [[likely]]
      return static_cast<reference>(coroutine_.promise().current.get());
    if constexpr (std::is_void_v<Return>)
      throw stop_iteration();
    else
      throw stop_iteration(std::move(*coroutine_.promise().returned));
  }

  void discard() noexcept {
    if (coroutine_)
      std::exchange(coroutine_, nullptr).destroy();
  }

  handle coroutine_;
};

/// Input iterator; move-only.
template <class Ref, class Value, class Send, class Return>
class generator<Ref, Value, Send, Return>::iterator {
public:
  using value_type = generator::value_type;
  using difference_type = std::ptrdiff_t;

  iterator(iterator &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}

  iterator &operator=(iterator &&other) noexcept {
    coroutine_ = std::exchange(other.coroutine_, nullptr);
    return *this;
  }

  reference operator*() const { return static_cast<reference>(coroutine_.promise().current.get()); }

  iterator &operator++() {
    generator::resume(coroutine_);
    return *this;
  }

  void operator++(int) { ++*this; }

  friend bool operator==(const iterator &at, std::default_sentinel_t) noexcept {
    return !at.coroutine_ || at.coroutine_.done();
  }

private:
  friend generator;
  explicit iterator(handle coroutine) noexcept : coroutine_(coroutine) {}

  handle coroutine_;
};

template <class Ref, class Value, class Send, class Return>
generator<Ref, Value, Send, Return>
detail::generator_promise<Ref, Value, Send, Return>::get_return_object() noexcept {
  return generator<Ref, Value, Send, Return>(handle::from_promise(*this));
}

} // namespace coral

#endif
