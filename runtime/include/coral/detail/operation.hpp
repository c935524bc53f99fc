// One asynchronous operation awaited by a task.
//
// `operation` is what `co_await` finds: it holds an *initiation*, a function that starts the
// operation and is handed a completion handler. The operation starts inside `await_suspend`, when
// the coroutine is suspended, and not before; the handler resumes the coroutine where it is
// called.
//
// From the initiation on, the completion handler stands for the suspended chain: it is called
// exactly once, or destroyed uncalled, and then the chain is destroyed from its root. Where the
// chain goes first, because its loop closes, the handler stands for nothing: what becomes of it has
// no effect. The two know each other, wherever the handler is moved.
//
// When the chain is cancelled, an operation whose conventions know a cancellation signal emits it,
// and still waits for the handler. If the operation then reports that it was aborted, the
// `co_await` throws `cancelled_error`. If it completed all the same, or cannot be cancelled, the
// result is given and the request stays: the next suspension takes it. An operation does not start
// while a request is waiting.

#ifndef CORAL_DETAIL_OPERATION_HPP
#define CORAL_DETAIL_OPERATION_HPP

#include <coral/detail/drive.hpp>
#include <coral/detail/ready_queue.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coral::detail {

/// An operation between its initiation and its completion. Becomes a ready entry only when the
/// handler is called from within a cancellation, which resumes nothing.
class suspended_operation : public resume_entry {
public:
  suspended_operation() = default;

protected:
  ~suspended_operation() = default;
};

/// Marks, on the stack, that an initiation runs on this thread. While it does, the handler can be
/// called, kept or dropped, here or on another thread, and when the initiation throws only this
/// tells whether the coroutine is still waiting for the exception.
class initiation_scope {
public:
  explicit initiation_scope(const suspended_operation &operation) noexcept
      : operation_(&operation), outer_(std::exchange(this_thread_state.initiating, this)) {}

  initiation_scope(const initiation_scope &) = delete;
  initiation_scope &operator=(const initiation_scope &) = delete;

  ~initiation_scope() { this_thread_state.initiating = outer_; }

  /// True when the handler was dropped before the initiation ended.
  bool dropped() const noexcept { return dropped_; }

  /// The handler of `operation` was called.
  static void note_call(const suspended_operation &operation) noexcept {
    if (initiation_scope *scope = find(operation))
      scope->operation_ = nullptr;
  }

  /// The handler of `operation` was dropped: true when an initiation on this thread deals with it.
  static bool note_drop(const suspended_operation &operation) noexcept {
    initiation_scope *scope = find(operation);
    if (!scope)
      return false;
    scope->operation_ = nullptr;
    scope->dropped_ = true;
    return true;
  }

private:
  static initiation_scope *find(const suspended_operation &operation) noexcept {
    initiation_scope *scope = this_thread_state.initiating;
    while (scope && scope->operation_ != &operation)
      scope = scope->outer_;
    return scope;
  }

  const suspended_operation *operation_;
  initiation_scope *outer_;
  bool dropped_ = false;
};

/// Marks, on the stack, that an operation is being cancelled on this thread. Meanwhile its handler
/// resumes nothing.
class cancellation_scope {
public:
  explicit cancellation_scope(const suspended_operation &operation) noexcept
      : operation_(&operation), outer_(std::exchange(this_thread_state.cancelling, this)) {}

  cancellation_scope(const cancellation_scope &) = delete;
  cancellation_scope &operator=(const cancellation_scope &) = delete;

  ~cancellation_scope() { this_thread_state.cancelling = outer_; }

  /// True when the handler was dropped, and the operation with it.
  bool dropped() const noexcept { return !operation_; }

  static bool covers(const suspended_operation &operation) noexcept {
    return find(operation) != nullptr;
  }

  static void note_drop(const suspended_operation &operation) noexcept {
    if (cancellation_scope *scope = find(operation))
      scope->operation_ = nullptr;
  }

private:
  static cancellation_scope *find(const suspended_operation &operation) noexcept {
    cancellation_scope *scope = this_thread_state.cancelling;
    while (scope && scope->operation_ != &operation)
      scope = scope->outer_;
    return scope;
  }

  const suspended_operation *operation_;
  cancellation_scope *outer_;
};

/// What a handler's arguments mean, by the type of the first: `Error` says which types carry an
/// error, and how to throw it.
template <class Error, class... Args> struct completion_result {
  using values = std::tuple<Args...>;
  static void check(values &) noexcept {}
  static bool aborted(const values &) noexcept { return false; }
  static values &&rest(values &all) noexcept { return std::move(all); }
};

template <class Error, class First, class... Args>
  requires Error::template
carries<First> struct completion_result<Error, First, Args...> {
  using values = std::tuple<Args...>;
  static void check(std::tuple<First, Args...> &all) { Error::check(std::get<0>(all)); }
  static bool aborted(const std::tuple<First, Args...> &all) noexcept {
    return Error::aborted(std::get<0>(all));
  }
  static values rest(std::tuple<First, Args...> &all) {
    return std::apply([](First &, Args &...args) { return values(std::move(args)...); }, all);
  }
};

/// Room for a `T` that is made later, if at all. Unlike `std::optional` it asks nothing of `T`
/// before that: overload resolution names the operations of types that cannot even be destroyed,
/// and their operation has to be a type all the same.
template <class T> class late_value {
public:
  late_value() = default;
  late_value(const late_value &) = delete;
  late_value &operator=(const late_value &) = delete;
  ~late_value() {
    if (made_)
      std::destroy_at(std::addressof(**this));
  }

  template <class... Given> void emplace(Given &&...given) {
    std::construct_at(reinterpret_cast<T *>(storage_), std::forward<Given>(given)...);
    made_ = true;
  }

  explicit operator bool() const noexcept { return made_; }
  T &operator*() noexcept { return *std::launder(reinterpret_cast<T *>(storage_)); }

private:
  alignas(T) std::byte storage_[sizeof(T)];
  bool made_ = false;
};

template <class Error, class... Args> class task_handler;

/// The part of an operation that its handler knows.
template <class Error, class... Args> class pending_operation : public suspended_operation {
  using handler = task_handler<Error, Args...>;

public:
  using cancellation_signal = typename Error::cancellation_signal;

  template <class... Given> void complete(Given &&...given) {
    initiation_scope::note_call(*this);
    try {
      results_.emplace(std::forward<Given>(given)...);
    } catch (...) {
      error_ = std::current_exception();
    }
    if (cancellation_scope::covers(*this)) [[unlikely]]
      owner()->run_soon(*this);
    else
      drive(coroutine(), owner());
  }

  /// The handler is gone. Destroys the chain that waits, and this with it.
  void abandon() noexcept {
    if (initiation_scope::note_drop(*this))
      return;
    cancellation_scope::note_drop(*this);
    if (owner())
      owner()->abandoned();
  }

  cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    cancellation_scope scope(*this);
    const bool emitted = signal_.emit();
    return emitted && !scope.dropped() ? cancel_outcome::accepted : cancel_outcome::refused;
  }

  /// Where the operation puts what cancels it; nowhere if nobody can cancel the chain.
  auto cancellation_slot() {
    return owner() && owner()->can_be_cancelled() ? signal_.slot() : decltype(signal_.slot())();
  }

protected:
  ~pending_operation() {
    if (handler_) [[unlikely]]
      handler_->forget(std::move(signal_));
  }

  late_value<std::tuple<Args...>> results_;
  std::exception_ptr error_;

private:
  friend handler;
  [[no_unique_address]] cancellation_signal signal_;
  handler *handler_ = nullptr;
};

/// The slot of a handler, under the names by which Asio looks for one.
template <class Error> struct handler_cancellation {};

template <class Error>
  requires requires { typename Error::cancellation_slot; }
struct handler_cancellation<Error> {
  using cancellation_slot_type = typename Error::cancellation_slot;
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

protected:
  cancellation_slot_type slot_;
};

/// The completion handler that resumes a task: move-only, called at most once.
template <class Error, class... Args> class task_handler : public handler_cancellation<Error> {
public:
  explicit task_handler(pending_operation<Error, Args...> &operation) {
    if constexpr (requires { typename Error::cancellation_slot; })
      this->slot_ = operation.cancellation_slot();
    operation_ = &operation;
    operation.handler_ = this;
  }

  task_handler(task_handler &&other) noexcept : handler_cancellation<Error>(other) {
    take_over(other);
  }

  task_handler &operator=(task_handler &&other) noexcept {
    if (this != &other) {
      const task_handler dropped(std::move(*this));
      handler_cancellation<Error>::operator=(other);
      take_over(other);
    }
    return *this;
  }

  ~task_handler() { abandon(); }

  /// The operation is destroyed, and whoever waited for it. What the handler's operation knows of
  /// its signal is good as long as the handler.
  void forget(typename Error::cancellation_signal &&signal) noexcept {
    operation_ = nullptr;
    forgotten_ = true;
    signal_ = std::move(signal);
  }

  template <class... Given>
    requires std::constructible_from<std::tuple<Args...>, Given...>
  void operator()(Given &&...given) {
    if (pending_operation<Error, Args...> *waiting = release()) [[likely]]
      waiting->complete(std::forward<Given>(given)...);
    else if (!std::exchange(forgotten_, false))
      throw runtime_error("cannot complete an operation twice");
  }

private:
  /// The operation, which does not know this any more; or null.
  pending_operation<Error, Args...> *release() noexcept {
    if (operation_)
      operation_->handler_ = nullptr;
    return std::exchange(operation_, nullptr);
  }

  void abandon() noexcept {
    if (pending_operation<Error, Args...> *waiting = release())
      waiting->abandon();
  }

  void take_over(task_handler &other) noexcept {
    operation_ = std::exchange(other.operation_, nullptr);
    forgotten_ = std::exchange(other.forgotten_, false);
    signal_ = std::move(other.signal_);
    if (operation_)
      operation_->handler_ = this;
  }

  pending_operation<Error, Args...> *operation_ = nullptr;
  bool forgotten_ = false;
  [[no_unique_address]] typename Error::cancellation_signal signal_;
};

/// An initiation and its arguments, whatever their types: what a callback program passes to the
/// operation, kept until the operation starts.
template <class Handler> class stored_initiation {
public:
  virtual ~stored_initiation() = default;
  virtual void start(Handler handler) = 0;

  static void *operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void *storage, std::size_t size) noexcept {
    deallocate_frame(storage, size);
  }
};

template <class Initiation, class Arguments, class Handler>
class concrete_initiation final : public stored_initiation<Handler> {
public:
  template <class I, class... A>
  explicit concrete_initiation(I &&initiation, A &&...arguments)
      : initiation_(std::forward<I>(initiation)), arguments_(std::forward<A>(arguments)...) {}

  void start(Handler handler) override {
    std::apply(
        [&](auto &...given) {
          std::invoke(std::move(initiation_), std::move(handler), std::move(given)...);
        },
        arguments_);
  }

private:
  Initiation initiation_;
  Arguments arguments_;
};

/// An operation to be awaited, once, in a coral::task. `Args` are what its handler receives.
template <class Error, class... Args>
class [[nodiscard]] operation : private pending_operation<Error, Args...> {
  using handler = task_handler<Error, Args...>;
  using result = completion_result<Error, Args...>;
  using values = typename result::values;

public:
  template <class Initiation, class... Given>
  static operation of(Initiation &&initiation, Given &&...given) {
    using concrete =
        concrete_initiation<std::decay_t<Initiation>, std::tuple<std::decay_t<Given>...>, handler>;
    return operation(std::make_unique<concrete>(std::forward<Initiation>(initiation),
                                                std::forward<Given>(given)...));
  }

  /// Only an operation that is not yet awaited is moved.
  operation(operation &&other) noexcept : initiation_(std::move(other.initiation_)) {}

  bool await_ready() const {
    if (!initiation_) [[unlikely]]
      throw runtime_error("cannot reuse already awaited operation");
    return false;
  }

  template <class Promise> void await_suspend(std::coroutine_handle<Promise> awaiting) {
    static_assert(std::derived_from<Promise, task_promise_base>,
                  "this operation is for co_await in a coral::task");
    this->waiting(awaiting);
    if (root *owner = this->owner()) {
      if (owner->cancel_requested()) [[unlikely]]
        owner->resumed();
      this->waiting_cancellably();
    }
    initiate();
  }

  auto await_resume() {
    if (root *owner = this->owner()) {
      if (owner->cancel_requested() && this->results_ && result::aborted(*this->results_))
          [[unlikely]]
        owner->resumed();
      owner->resumed_with_request();
    }
    if (this->error_) [[unlikely]]
      std::rethrow_exception(std::move(this->error_));
    result::check(*this->results_);
    if constexpr (std::tuple_size_v<values> == 1)
      return std::get<0>(result::rest(*this->results_));
    else if constexpr (std::tuple_size_v<values> > 1)
      return values(result::rest(*this->results_));
  }

private:
  explicit operation(std::unique_ptr<stored_initiation<handler>> initiation) noexcept
      : initiation_(std::move(initiation)) {}

  /// From `start` on, the coroutine may run elsewhere, or be gone: `this` is not touched again.
  void initiate() {
    root *const owner = this->owner();
    const std::unique_ptr<stored_initiation<handler>> initiation = std::move(initiation_);
    initiation_scope scope(*this);
    try {
      initiation->start(handler(*this));
    } catch (...) {
      if (scope.dropped()) {
        if (owner)
          owner->resumed_with_request();
        throw;
      }
      driver::report(std::current_exception());
      return;
    }
    if (scope.dropped() && owner)
      owner->abandoned();
  }

  std::unique_ptr<stored_initiation<handler>> initiation_;
};

} // namespace coral::detail

#endif
