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

#include <coral/detail/operation.hpp>
#include <coral/spawn.hpp>
#include <coral/task.hpp>

#include <exception>
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
#include <asio/error.hpp>
#include <asio/error_code.hpp>
#include <asio/system_error.hpp>
#endif
#ifdef BOOST_ASIO_ASYNC_RESULT_HPP
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#endif

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

  class cancellation_signal {
  public:
    Slot slot() noexcept { return signal_.slot(); }

    /// False when the operation put nothing into its slot.
    bool emit() noexcept {
      if (!signal_.slot().has_handler())
        return false;
      signal_.emit(CancellationType::terminal);
      return true;
    }

  private:
    Signal signal_;
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

} // namespace detail
} // namespace coral

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
