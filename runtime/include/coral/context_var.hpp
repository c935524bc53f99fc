// coral::context_var and coral::context: Python's contextvars.
//
//     coral::context_var<std::string> request_id("request_id", "none");
//
// A context is a set of values for context variables. What runs has a current one: a task has its
// own, copied from the creator's when it was created, so that what it sets is seen by what it
// awaits directly and by what it creates, and never by its creator. A callback of a loop sees a
// copy of the context that it was scheduled in. Outside loops every thread has one. Copying takes
// constant time; setting a variable, time in proportion to how many are set.

#ifndef CORAL_CONTEXT_VAR_HPP
#define CORAL_CONTEXT_VAR_HPP

#include <coral/detail/context_map.hpp>
#include <coral/detail/drive.hpp>
#include <coral/errors.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coral {

/// Python's `LookupError`: a context variable has no value, nor a default.
class lookup_error : public std::logic_error {
public:
  using std::logic_error::logic_error;
};

/// What `context_var::set` gives, to take the change back once.
template <class T> class context_token;

namespace detail {

inline std::uint64_t next_context_key() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace detail

/// A variable with a value per context: Python's `ContextVar`. Belongs where it outlives what uses
/// it, such as a namespace. Can be used on any thread, each with its own context.
template <class T> class context_var {
public:
  explicit context_var(std::string name) : name_(std::move(name)) {}
  context_var(std::string name, T initial) : name_(std::move(name)), default_(std::move(initial)) {}

  context_var(const context_var &) = delete;
  context_var &operator=(const context_var &) = delete;

  const std::string &name() const noexcept { return name_; }

  /// The value in the current context, or the default. Throws `lookup_error` without either.
  T get() const {
    if (const T *value = find(detail::current_context()))
      return *value;
    if (!default_)
      throw lookup_error("context variable '" + name_ + "' has no value");
    return *default_;
  }

  /// The value in the current context, or else `otherwise`.
  T get(T otherwise) const {
    const T *value = find(detail::current_context());
    return value ? *value : std::move(otherwise);
  }

  /// Sets the value in the current context.
  context_token<T> set(T value) const;

  /// Makes the value what it was before the `set` that gave `token`. Throws `runtime_error` for a
  /// token that was used, and `value_error` for one of another variable or context.
  void reset(context_token<T> &token) const;

private:
  friend class context;

  const T *find(const detail::context_slot &slot) const noexcept {
    return slot.map ? static_cast<const T *>(slot.map->find(key_).get()) : nullptr;
  }

  std::string name_;
  std::optional<T> default_;
  std::uint64_t key_ = detail::next_context_key();
};

template <class T> class context_token {
public:
  const context_var<T> &var() const noexcept { return *var_; }

  /// What the variable was before; nothing if it had no value.
  std::optional<T> old_value() const {
    return old_ ? std::optional<T>(*static_cast<const T *>(old_.get())) : std::nullopt;
  }

private:
  friend context_var<T>;
  context_token(const context_var<T> &var, const detail::context_slot &slot,
                detail::context_map::value old) noexcept
      : var_(&var), slot_(&slot), old_(std::move(old)) {}

  const context_var<T> *var_;
  const detail::context_slot *slot_;
  detail::context_map::value old_;
  bool used_ = false;
};

template <class T> context_token<T> context_var<T>::set(T value) const {
  detail::context_slot &slot = detail::current_context();
  context_token<T> token(*this, slot, slot.map ? slot.map->find(key_) : nullptr);
  slot.map =
      detail::context_map::with(slot.map.get(), key_, std::make_shared<const T>(std::move(value)));
  return token;
}

template <class T> void context_var<T>::reset(context_token<T> &token) const {
  if (token.used_)
    throw runtime_error("the token of context variable '" + name_ + "' has already been used once");
  if (token.var_ != this)
    throw value_error("the token was created by a different context variable");
  detail::context_slot &slot = detail::current_context();
  if (token.slot_ != &slot)
    throw value_error("the token of context variable '" + name_ +
                      "' was created in a different context");
  slot.map = detail::context_map::with(slot.map.get(), key_, token.old_);
  token.used_ = true;
}

/// A set of values of context variables: Python's `Context`. The handle can be copied; all copies
/// mean the same set. Used by one thread at a time.
class context {
public:
  /// An empty one.
  context() : state_(std::make_shared<state>()) {}

  /// Calls `f(args...)` with this as the current context, and gives what that gives. What it sets
  /// is set here. Throws `runtime_error` when the context is current somewhere.
  template <class F, class... Args> decltype(auto) run(F &&f, Args &&...args) const {
    struct entered_scope {
      state &entered;
      detail::context_slot *outer;
      explicit entered_scope(state &given)
          : entered(given), outer(std::exchange(detail::this_thread_state.context, &given.slot)) {
        entered.entered = true;
      }
      ~entered_scope() {
        detail::this_thread_state.context = outer;
        entered.entered = false;
      }
    };
    if (state_->entered)
      throw runtime_error("cannot enter context: it is already entered");
    entered_scope scope(*state_);
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// Another set with the same values. Takes constant time.
  context copy() const { return context(state_->slot.map); }

  /// The value of `var` here; nothing if it has none. Defaults do not count.
  template <class T> std::optional<T> get(const context_var<T> &var) const {
    const T *value = var.find(state_->slot);
    return value ? std::optional<T>(*value) : std::nullopt;
  }

  template <class T> bool contains(const context_var<T> &var) const noexcept {
    return var.find(state_->slot) != nullptr;
  }

  /// How many variables have a value here.
  std::size_t size() const noexcept { return state_->slot.map ? state_->slot.map->size() : 0; }

  friend bool operator==(const context &, const context &) = default;

private:
  friend context copy_context();
  friend detail::scheduled_base;

  struct state {
    detail::context_slot slot;
    bool entered = false;
  };

  explicit context(detail::ref<const detail::context_map> map) : context() {
    state_->slot.map = std::move(map);
  }

  std::shared_ptr<state> state_;
};

/// A copy of the current context: Python's `contextvars.copy_context`.
inline context copy_context() { return context(detail::current_context().map); }

} // namespace coral

#endif
