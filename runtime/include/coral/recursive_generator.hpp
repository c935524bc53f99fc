// coral::recursive_generator: a generator that can hand over to another one, Python's `yield from`.
//
// `co_yield elements_of(child())` yields everything that `child` yields, and `child` may do the
// same. However deep that goes, asking for the next value resumes the innermost body directly: a
// walk over a tree costs the same per element at every depth, and needs no stack.
//
// It is a type of its own so that `generator`, which is flat, does not pay for it.

#ifndef CORAL_RECURSIVE_GENERATOR_HPP
#define CORAL_RECURSIVE_GENERATOR_HPP

#include <coral/errors.hpp>
#include <coral/frame_allocator.hpp>
#include <coral/generator.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

namespace coral {

template <class Ref, class Value = void, class Return = void> class recursive_generator;

namespace detail {

/// Memory from the thread's free list of frames.
template <class T> struct frame_list_allocator {
  using value_type = T;

  frame_list_allocator() = default;
  template <class U> frame_list_allocator(const frame_list_allocator<U> &) noexcept {}

  T *allocate(std::size_t count) { return static_cast<T *>(allocate_frame(count * sizeof(T))); }
  void deallocate(T *storage, std::size_t count) noexcept {
    deallocate_frame(storage, count * sizeof(T));
  }

  friend bool operator==(frame_list_allocator, frame_list_allocator) = default;
};

} // namespace detail

/// The elements of a range, to be yielded one by one: `std::ranges::elements_of`. The allocator
/// is for the frame that walks a range which is no `recursive_generator`; by default that frame
/// comes from the thread's free list.
template <class Range, class Allocator = detail::frame_list_allocator<std::byte>>
struct elements_of {
  [[no_unique_address]] Range range;
  [[no_unique_address]] Allocator allocator{};
};

template <class Range, class Allocator = detail::frame_list_allocator<std::byte>>
elements_of(Range &&, Allocator = Allocator()) -> elements_of<Range &&, Allocator>;

namespace detail {

/// One body of a recursive generator, whatever it returns.
///
/// The bodies form a chain, from the *outermost*, whose object the caller has, to the *innermost*,
/// which waits at a `co_yield` of its own. Each is owned by the one that handed over to it.
///
/// No body resumes another. A body that hands over, or ends, makes the other one the innermost and
/// suspends; `advance` of the outermost then resumes that, until a value is out. So neither the
/// depth of the chain nor the time until the next value takes any stack.
template <class Yielded>
class recursive_promise_base : public allocated_frame, public yield_exchange {
public:
  using pointer = std::add_pointer_t<Yielded>;

  std::suspend_always initial_suspend() const noexcept { return {}; }

  struct final_awaiter {
    bool await_ready() const noexcept { return false; }

    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      const recursive_promise_base &promise = finished.promise();
      if (promise.parent_)
        promise.outermost_->innermost_ = promise.parent_;
    }

    void await_resume() const noexcept {}
  };

  final_awaiter final_suspend() const noexcept { return {}; }

  struct yield_awaiter {
    recursive_promise_base &promise;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const { promise.received(); }
  };

  yield_awaiter yield_value(Yielded value) noexcept {
    outermost_->current_ = std::addressof(value);
    return {*this};
  }

  /// For a value that is yielded as an rvalue but is none: the copy lives in the awaiter.
  template <class Copy> struct copying_yield_awaiter {
    recursive_promise_base &promise;
    Copy copy;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) noexcept {
      promise.outermost_->current_ = std::addressof(copy);
    }
    void await_resume() const { promise.received(); }
  };

  auto yield_value(const std::remove_reference_t<Yielded> &value)
    requires std::is_rvalue_reference_v<Yielded> &&
             std::constructible_from<std::remove_cvref_t<Yielded>,
                                     const std::remove_reference_t<Yielded> &>
  {
    return copying_yield_awaiter<std::remove_cvref_t<Yielded>>{*this, value};
  }

  template <class Awaited> std::suspend_never await_transform(Awaited &&) const noexcept {
    static_assert(never<Awaited>, "co_await in a coral::recursive_generator: a coroutine that "
                                  "awaits returns a coral::task");
    return {};
  }

  /// Runs the chain to its next value or its end; what left the outermost body is thrown.
  void advance() {
    current_ = nullptr;
    do
      innermost_->self_.resume();
    while (!current_ && !self_.done());
    if (!current_) [[unlikely]]
      raise_pending();
  }

  /// The same, known to be running.
  void advance_marked() {
    struct running_scope {
      bool &running;
      explicit running_scope(bool &flag) : running(flag) { running = true; }
      ~running_scope() { running = false; }
    } scope(running_);
    advance();
  }

  /// Raises `error` where the innermost body waits.
  void advance_with(std::exception_ptr error) {
    innermost_->put_exception(std::move(error));
    advance_marked();
  }

  /// Raises `generator_exit` in every body, the innermost first: one that returns instead of
  /// passing it on does not keep it from those that handed over to it.
  void advance_to_close() {
    struct closing_scope {
      bool &closing;
      explicit closing_scope(bool &flag) : closing(flag) { closing = true; }
      ~closing_scope() { closing = false; }
    } scope(closing_);
    advance_with(std::make_exception_ptr(generator_exit()));
  }

  bool running() const noexcept { return outermost_->running_; }
  bool started() const noexcept { return current_ != nullptr; }
  pointer current() const noexcept { return current_; }

  /// Hands over to `child`, which may have been asked for values before. `owner` is set to null
  /// when the child is destroyed as a part of the chain.
  void hand_over_to(recursive_promise_base &child, std::coroutine_handle<> &owner) noexcept {
    for (recursive_promise_base *each = child.innermost_; each != &child; each = each->parent_)
      each->outermost_ = outermost_;
    child.outermost_ = outermost_;
    child.parent_ = this;
    child.owner_ = &owner;
    outermost_->innermost_ = std::exchange(child.innermost_, &child);
  }

  /// Destroys the chain, the innermost body first; without recursion, as it may be long.
  void destroy_chain() noexcept {
    recursive_promise_base *each = innermost_;
    while (each != this) {
      recursive_promise_base *const parent = each->parent_;
      *each->owner_ = nullptr;
      each->self_.destroy();
      each = parent;
    }
    self_.destroy();
  }

  /// In a body that has been handed back to.
  void pass_exit_on() const {
    if (outermost_->closing_) [[unlikely]]
      throw generator_exit();
  }

protected:
  explicit recursive_promise_base(std::coroutine_handle<> self) noexcept : self_(self) {}

private:
  std::coroutine_handle<> self_;
  recursive_promise_base *parent_ = nullptr;
  std::coroutine_handle<> *owner_ = nullptr;
  recursive_promise_base *outermost_ = this;
  // These are of use in the outermost only.
  recursive_promise_base *innermost_ = this;
  pointer current_ = nullptr;
  bool running_ = false;
  bool closing_ = false;
};

template <class Yielded, class Return>
class recursive_promise_returning : public recursive_promise_base<Yielded>,
                                    public returned_slot<Return> {
protected:
  using recursive_promise_base<Yielded>::recursive_promise_base;
};

/// Owns a body that its parent handed over to, until the parent goes on.
template <class Yielded, class Return> class handover_awaiter {
  using promise = recursive_promise_returning<Yielded, Return>;

public:
  handover_awaiter(recursive_promise_base<Yielded> &parent, std::coroutine_handle<> coroutine,
                   promise *child) noexcept
      : parent_(parent), coroutine_(coroutine), child_(child) {}

  handover_awaiter(handover_awaiter &&other) noexcept
      : parent_(other.parent_), coroutine_(std::exchange(other.coroutine_, nullptr)),
        child_(other.child_) {}

  ~handover_awaiter() {
    if (coroutine_)
      child_->destroy_chain();
  }

  bool await_ready() const noexcept { return !coroutine_ || coroutine_.done(); }

  void await_suspend(std::coroutine_handle<>) noexcept {
    parent_.hand_over_to(*child_, coroutine_);
  }

  Return await_resume() const {
    if (coroutine_)
      child_->raise_pending();
    parent_.pass_exit_on();
    if constexpr (!std::is_void_v<Return>) {
      if (!coroutine_ || !child_->returned)
        throw runtime_error("cannot reuse already finished generator");
      return *std::exchange(child_->returned, std::nullopt);
    }
  }

private:
  recursive_promise_base<Yielded> &parent_;
  std::coroutine_handle<> coroutine_;
  promise *child_;
};

template <class Range, class Yielded>
concept range_of_yielded =
    std::ranges::input_range<Range> &&
    (std::convertible_to<std::ranges::range_reference_t<Range>, Yielded> ||
     std::constructible_from<std::remove_cvref_t<Yielded>, std::ranges::range_reference_t<Range>>);

/// Yields a range that is no recursive generator.
template <class Yielded, class Allocator, class Iterator, class Sentinel>
recursive_generator<Yielded> walk(std::allocator_arg_t, Allocator, Iterator at, Sentinel end) {
  for (; at != end; ++at)
    if constexpr (std::convertible_to<std::iter_reference_t<Iterator>, Yielded>)
      co_yield static_cast<Yielded>(*at);
    else
      co_yield std::remove_cvref_t<Yielded>(*at);
}

template <class Ref, class Value, class Return>
class recursive_promise final
    : public recursive_promise_returning<typename generator_types<Ref, Value>::yielded, Return> {
  using yielded = typename generator_types<Ref, Value>::yielded;
  using base = recursive_promise_returning<yielded, Return>;
  using handle = std::coroutine_handle<recursive_promise>;

public:
  recursive_promise() noexcept : base(handle::from_promise(*this)) {}

  recursive_generator<Ref, Value, Return> get_return_object() noexcept;

  using base::yield_value;

  /// The child is taken over. One that has ended yields nothing; one that runs throws
  /// `value_error`.
  template <class R, class V, class Ret, class Allocator>
    requires std::same_as<typename generator_types<R, V>::yielded, yielded>
  handover_awaiter<yielded, Ret>
  yield_value(elements_of<recursive_generator<R, V, Ret> &&, Allocator> elements) {
    elements.range.require_at_rest();
    const auto child = std::exchange(elements.range.coroutine_, nullptr);
    return {*this, child, child ? &child.promise() : nullptr};
  }

  /// The range is not copied: it is good until the `co_yield` is over.
  template <class Range, class Allocator>
    requires range_of_yielded<Range, yielded>
  handover_awaiter<yielded, void> yield_value(elements_of<Range, Allocator> elements) {
    return yield_value(coral::elements_of(walk<yielded>(std::allocator_arg, elements.allocator,
                                                        std::ranges::begin(elements.range),
                                                        std::ranges::end(elements.range))));
  }
};

} // namespace detail

/// A coroutine that yields values one at a time, or all of another range: `co_yield
/// elements_of(r)`.
///
/// `Ref`, `Value` and `Return` are those of `generator`, and so are its two interfaces, the range
/// and Python's protocol, without `send`. `co_yield elements_of(g)` of a recursive generator that
/// yields the same type takes `g` over and gives what `g` returns, as `yield from` does: what `g`
/// throws is thrown there, `throw_` reaches the innermost body, and `close` every body, the
/// innermost first. Any other input range is walked where it is.
///
/// A value costs the same at every depth. Destroying a generator destroys the locals of every
/// body, the innermost first, and runs no handlers.
///
/// The frame comes from the thread's free list, or from the allocator that follows a parameter
/// `std::allocator_arg`.
template <class Ref, class Value, class Return>
class [[nodiscard]] recursive_generator
    : public std::ranges::view_interface<recursive_generator<Ref, Value, Return>> {
  using types = detail::generator_types<Ref, Value>;

public:
  using promise_type = detail::recursive_promise<Ref, Value, Return>;
  using value_type = typename types::value;
  using reference = typename types::reference;
  class iterator;

  recursive_generator(recursive_generator &&other) noexcept
      : coroutine_(std::exchange(other.coroutine_, nullptr)) {}

  recursive_generator &operator=(recursive_generator &&other) noexcept {
    recursive_generator taken(std::move(other));
    std::swap(coroutine_, taken.coroutine_);
    return *this;
  }

  ~recursive_generator() { discard(); }

  /// Asks for the next value, and gives an iterator to it; goes on where the last one stopped.
  iterator begin() {
    if (!finished())
      coroutine_.promise().advance();
    return iterator(coroutine_);
  }

  std::default_sentinel_t end() const noexcept { return std::default_sentinel; }

  /// Python's `next(g)`: as `generator::next`.
  reference next() {
    require_at_rest();
    if (finished())
      throw stop_iteration();
    coroutine_.promise().advance_marked();
    return value_or_stop();
  }

  /// Python's `g.throw(error)`: as `generator::throw_`, at the `co_yield` of the innermost body.
  reference throw_(std::exception_ptr error) {
    if (!error)
      throw type_error("recursive_generator::throw_ needs an exception");
    require_at_rest();
    if (state() != generator_state::suspended) {
      discard();
      std::rethrow_exception(std::move(error));
    }
    coroutine_.promise().advance_with(std::move(error));
    return value_or_stop();
  }

  template <class Error>
    requires(!std::convertible_to<Error, std::exception_ptr>)
  reference throw_(Error &&error) {
    return throw_(std::make_exception_ptr(std::forward<Error>(error)));
  }

  /// Python's `g.close()`: as `generator::close`.
  void close() {
    require_at_rest();
    if (state() != generator_state::suspended)
      return discard();
    try {
      coroutine_.promise().advance_to_close();
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
    if (coroutine_.promise().running())
      return generator_state::running;
    return coroutine_.promise().started() ? generator_state::suspended : generator_state::created;
  }

private:
  using handle = std::coroutine_handle<promise_type>;
  template <class, class, class> friend class detail::recursive_promise;

  explicit recursive_generator(handle coroutine) noexcept : coroutine_(coroutine) {}

  bool finished() const noexcept { return !coroutine_ || coroutine_.done(); }

  void require_at_rest() const {
    if (coroutine_ && coroutine_.promise().running()) [[unlikely]]
      throw value_error("generator already executing");
  }

  reference value_or_stop() {
    if (!finished()) [[likely]]
      return static_cast<reference>(*coroutine_.promise().current());
    if constexpr (std::is_void_v<Return>)
      throw stop_iteration();
    else
      throw stop_iteration(*std::exchange(coroutine_.promise().returned, std::nullopt));
  }

  void discard() noexcept {
    if (coroutine_)
      std::exchange(coroutine_, nullptr).promise().destroy_chain();
  }

  handle coroutine_;
};

/// Input iterator; move-only.
template <class Ref, class Value, class Return>
class recursive_generator<Ref, Value, Return>::iterator {
public:
  using value_type = recursive_generator::value_type;
  using difference_type = std::ptrdiff_t;

  iterator(iterator &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}

  iterator &operator=(iterator &&other) noexcept {
    coroutine_ = std::exchange(other.coroutine_, nullptr);
    return *this;
  }

  reference operator*() const { return static_cast<reference>(*coroutine_.promise().current()); }

  iterator &operator++() {
    coroutine_.promise().advance();
    return *this;
  }

  void operator++(int) { ++*this; }

  friend bool operator==(const iterator &at, std::default_sentinel_t) noexcept {
    return !at.coroutine_ || at.coroutine_.done();
  }

private:
  friend recursive_generator;
  explicit iterator(handle coroutine) noexcept : coroutine_(coroutine) {}

  handle coroutine_;
};

template <class Ref, class Value, class Return>
recursive_generator<Ref, Value, Return>
detail::recursive_promise<Ref, Value, Return>::get_return_object() noexcept {
  return recursive_generator<Ref, Value, Return>(handle::from_promise(*this));
}

} // namespace coral

#endif
