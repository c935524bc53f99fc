// Asio operations in a coral::task: the completion token `coral::use_task`.
//
//     coral::task<void> session::read_loop() {
//       for (;;) {
//         std::error_code ec;
//         std::size_t n = co_await socket_.async_read_some(
//             asio::buffer(data_), asio::redirect_error(coral::use_task, ec));
//         ...
//
// Works with standalone Asio and with Boost.Asio, on the program's own `io_context`, and does not
// need Asio's own coroutine support. Include it after Asio's headers: it adapts whichever of the
// two is already there (both, if both are). When neither is, it includes standalone Asio, or
// Boost.Asio where that is not installed.
//
// Brings `coral::task` and `coral::spawn` with it.

#ifndef CORAL_INTEROP_ASIO_HPP
#define CORAL_INTEROP_ASIO_HPP

#include <coral/detail/config.hpp>
#include <coral/detail/operation.hpp>
#include <coral/spawn.hpp>
#include <coral/task.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#if !defined(ASIO_ASYNC_RESULT_HPP) && !defined(BOOST_ASIO_ASYNC_RESULT_HPP)
#if __has_include(<asio/async_result.hpp>)
#include <asio/async_result.hpp>
#else
#include <boost/asio/async_result.hpp>
#endif
#endif

#ifdef ASIO_ASYNC_RESULT_HPP
#include <asio/cancellation_signal.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/error_code.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/system_error.hpp>
#endif
#ifdef BOOST_ASIO_ASYNC_RESULT_HPP
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#endif

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// The completion token type of `use_task`.
struct use_task_t {
  explicit constexpr use_task_t() = default;
};

/// Completion token: the operation is `co_await`ed in a `coral::task`.
///
/// - The operation starts when it is awaited, with the coroutine already suspended.
/// - The coroutine resumes inside the completion handler: in the turn of the `io_context`, on the
///   thread and under the strand where a handler would have been called. The handler has no
///   associated executor or allocator of its own; `bind_executor` gives it one.
/// - Of the handler's arguments, a leading error code is thrown as `system_error` if set and a
///   leading `exception_ptr` is rethrown if set; of the rest, none gives void, one gives its value
///   and several give a tuple. `redirect_error` and `as_tuple` keep errors as values.
/// - If the operation is dropped uncompleted (its `io_context` is destroyed), the task that waits
///   and all that wait for it are destroyed.
inline constexpr use_task_t use_task{};

namespace detail {

/// One Asio's names.
template <class Signal, class Slot, class CancellationType, auto OperationAborted>
struct asio_cancellation {
  using cancellation_slot = Slot;
  static constexpr auto operation_aborted = OperationAborted;

  /// Asio has the address of the signal until the handler is gone: it stays where it is made.
  class cancellation_signal {
  public:
    Slot slot() {
      if (!signal_)
        signal_ = std::make_unique<recycled>();
      return signal_->slot();
    }

    /// False when the operation put nothing into its slot.
    bool emit() noexcept {
      if (!signal_ || !signal_->slot().has_handler())
        return false;
      signal_->emit(CancellationType::terminal);
      return true;
    }

  private:
    struct recycled : Signal {
      static void *operator new(std::size_t size) { return allocate_frame(size); }
      static void operator delete(void *storage, std::size_t size) noexcept {
        deallocate_frame(storage, size);
      }
    };
    std::unique_ptr<recycled> signal_;
  };
};

/// Conventions of Asio's completion signatures.
template <class ErrorCode, class SystemError, class Cancellation> struct asio_error : Cancellation {
  template <class First>
  static constexpr bool carries =
      std::is_same_v<First, ErrorCode> || std::is_same_v<First, std::exception_ptr>;

  static bool aborted(const ErrorCode &error) noexcept {
    return error == Cancellation::operation_aborted;
  }

  static bool aborted(const std::exception_ptr &error) noexcept {
    try {
      if (error)
        std::rethrow_exception(error);
    } catch (const SystemError &thrown) {
      return aborted(thrown.code());
    } catch (...) {
    }
    return false;
  }

  static void check(const ErrorCode &error) {
    if (error)
      throw SystemError(error);
  }

  static void check(const std::exception_ptr &error) {
    if (error)
      std::rethrow_exception(error);
  }
};

/// The body of an `async_result` specialisation.
template <class Error, class... Args> struct task_async_result {
  using return_type = operation<Error, std::decay_t<Args>...>;

  template <class Initiation, class... Given>
  static return_type initiate(Initiation &&initiation, use_task_t, Given &&...given) {
    return return_type::of(std::forward<Initiation>(initiation), std::forward<Given>(given)...);
  }
};

/// An executor or an execution context of Asio's.
template <class Where>
concept runs_handlers = requires(Where &where, void (*handler)()) {
  dispatch(where, handler);
  make_work_guard(where);
};

template <class> inline constexpr bool is_detached = false;
#ifdef ASIO_ASYNC_RESULT_HPP
template <> inline constexpr bool is_detached<asio::detached_t> = true;
#endif
#ifdef BOOST_ASIO_ASYNC_RESULT_HPP
template <> inline constexpr bool is_detached<boost::asio::detached_t> = true;
#endif

/// What counts as work at `where`. A strand's work is that of what it runs on: one on
/// `any_io_executor` has no guard of its own in Asio 1.22.
template <class Where> auto work_at(Where &where) {
  if constexpr (requires { where.get_inner_executor(); }) {
    auto inner = where.get_inner_executor();
    return work_at(inner);
  } else {
    return make_work_guard(where);
  }
}

/// A start that counts as work where it runs.
template <class Guard, class Start> struct guarded_start {
  Guard work;
  Start start;

  task<void> operator()() {
    if constexpr (is_void_task<Start>)
      return std::move(start);
    else
      return std::invoke(start);
  }
};

template <class Start, class Handler> task<void> run_and_tell(Start start, Handler handler) {
  std::exception_ptr error;
  try {
    if constexpr (is_void_task<Start>)
      co_await std::move(start);
    else
      co_await std::invoke(start);
  } catch (...) {
    error = std::current_exception();
  }
  if constexpr (!is_detached<Handler>)
    std::invoke(std::move(handler), error);
}

} // namespace detail

/// Starts a task that nobody waits for where `where`, an executor or an execution context, runs
/// handlers: Asio's `co_spawn`.
///
/// `start` is what `spawn(start)` takes. It is dispatched: the task runs at once when the caller is
/// already there, and otherwise when the context runs. Until it is done it counts as work there.
/// Only its start is bound to `where`; `bind_executor(where, use_task)` binds what it awaits.
///
/// An exception that leaves the task leaves as from a handler, from `io_context::run()`.
template <class Where, class Start>
  requires detail::runs_handlers<std::remove_reference_t<Where>>
void spawn(Where &&where, Start &&start) {
  auto work = detail::work_at(where);
  dispatch(where, [kept = detail::guarded_start<decltype(work), std::decay_t<Start>>{
                       std::move(work), std::forward<Start>(start)}]() mutable {
    coral::spawn(std::move(kept));
  });
}

/// The same; when the task is done, `handler` is called there with what it threw, or with null.
/// With `asio::detached` nobody is told.
template <class Where, class Start, class Handler>
  requires detail::runs_handlers<std::remove_reference_t<Where>>
void spawn(Where &&where, Start &&start, Handler &&handler) {
  using told = std::decay_t<Handler>;
  static_assert(detail::is_detached<told> || std::invocable<told, std::exception_ptr>,
                "coral::spawn calls its handler with a std::exception_ptr");
  coral::spawn(std::forward<Where>(where),
               [start = std::decay_t<Start>(std::forward<Start>(start)),
                handler = told(std::forward<Handler>(handler))]() mutable {
                 return detail::run_and_tell(std::move(start), std::move(handler));
               });
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#ifdef ASIO_ASYNC_RESULT_HPP
template <class... Args>
class asio::async_result<coral::use_task_t, void(Args...)>
    : public coral::detail::task_async_result<
          coral::detail::asio_error<asio::error_code, asio::system_error,
                                    coral::detail::asio_cancellation<
                                        asio::cancellation_signal, asio::cancellation_slot,
                                        asio::cancellation_type, asio::error::operation_aborted>>,
          Args...> {};
#endif

#ifdef BOOST_ASIO_ASYNC_RESULT_HPP
template <class... Args>
class boost::asio::async_result<coral::use_task_t, void(Args...)>
    : public coral::detail::task_async_result<
          coral::detail::asio_error<
              boost::system::error_code, boost::system::system_error,
              coral::detail::asio_cancellation<
                  boost::asio::cancellation_signal, boost::asio::cancellation_slot,
                  boost::asio::cancellation_type, boost::asio::error::operation_aborted>>,
          Args...> {};
#endif

#endif
