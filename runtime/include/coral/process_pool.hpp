// coral::process_pool_executor: `concurrent.futures.ProcessPoolExecutor`, calls in other processes.
//
//     #include <cereal/types/vector.hpp>
//     #include <coral/process_pool.hpp>
//
//     double mean(const std::vector<double> &values);
//
//     coral::process_pool_executor pool(3);
//     double m = co_await coral::get_running_loop().run_in_executor(&pool, mean, values);
//
// How it works. The constructor forks a *server*, a process with one thread that does nothing but
// fork workers when asked; so a worker is forked from the state the program had when it made the
// pool, with no thread of the program half way through anything. Make the pool early, before other
// threads hold locks that the calls need. A worker has the standard streams and no other descriptor
// of the program, and default signal handlers; it ignores SIGINT, which the program handles.
//
// A call is a function, or a lambda without captures: forked processes have the same code at the
// same addresses. The function must be there when the pool is made, not in a library loaded later.
// Arguments and results cross by cereal's binary archive; include the headers of cereal for their
// types, or give your own types `serialize` functions.
//
// This is the one header of the runtime that needs cereal (Debian: libcereal-dev).

#ifndef CORAL_PROCESS_POOL_HPP
#define CORAL_PROCESS_POOL_HPP

#include <coral/detail/worker_processes.hpp>
#include <coral/errors.hpp>
#include <coral/executors.hpp>

#include <cereal/archives/binary.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coral {

/// An exception that a call in another process threw.
class remote_error : public runtime_error {
public:
  remote_error(std::string type_name, const std::string &text)
      : runtime_error(text), type_name_(std::move(type_name)) {}

  /// The name of the exception's type, as `std::domain_error`. `what()` is the exception's own.
  const std::string &type_name() const noexcept { return type_name_; }

private:
  std::string type_name_;
};

namespace detail {

template <class R, class... P> std::string remote_call(std::istream &request) {
  cereal::BinaryInputArchive in(request);
  std::uintptr_t address;
  std::tuple<std::remove_cvref_t<P>...> args;
  in(address, args);
  const auto function = reinterpret_cast<R (*)(P...)>(address);
  std::ostringstream reply;
  if constexpr (std::is_void_v<R>) {
    std::apply(function, std::move(args));
  } else {
    const std::remove_cvref_t<R> result = std::apply(function, std::move(args));
    cereal::BinaryOutputArchive out(reply);
    out(result);
  }
  return std::move(reply).str();
}

template <class R, class... P>
worker_request make_request(R (*function)(P...), std::tuple<std::remove_cvref_t<P>...> args) {
  std::ostringstream bytes;
  cereal::BinaryOutputArchive out(bytes);
  out(reinterpret_cast<std::uintptr_t>(function), args);
  return {remote_call<R, P...>, std::move(bytes).str()};
}

template <class R> std::remove_cvref_t<R> read_reply(const worker_reply &reply) {
  if (reply.failed)
    throw remote_error(reply.type_name, reply.bytes);
  if constexpr (!std::is_void_v<R>) {
    std::istringstream bytes(reply.bytes);
    cereal::BinaryInputArchive in(bytes);
    std::remove_cvref_t<R> result;
    in(result);
    return result;
  }
}

template <class Function>
concept captureless = std::is_pointer_v<Function> || requires(Function f) { +f; };

} // namespace detail

/// A pool of processes. Calls begin in the order they come; a worker is started for a call when
/// none is idle, up to `max_workers`.
class process_pool_executor {
public:
  /// Throws `value_error` when `max_workers` is 0, `std::system_error` when it cannot fork.
  explicit process_pool_executor(std::size_t max_workers = default_workers())
      : threads_(max_workers, "coral-pp"),
        processes_(std::make_shared<detail::worker_processes>()) {}

  process_pool_executor(const process_pool_executor &) = delete;
  process_pool_executor &operator=(const process_pool_executor &) = delete;

  /// `shutdown()`: waits for all calls. No process is left.
  ~process_pool_executor() { shutdown(); }

  /// The processors.
  static std::size_t default_workers() noexcept {
    const std::size_t processors = std::thread::hardware_concurrency();
    return processors != 0 ? processors : 1;
  }

  /// Has `function(args...)` called in a worker process. The result's `result()` throws
  /// `remote_error` for an exception of the call, `broken_process_pool` when its worker ended, and
  /// what cereal throws for what it cannot read.
  /// Throws `runtime_error`, "cannot schedule new futures after shutdown".
  template <class Function, class... Args> auto submit(Function function, Args &&...args) {
    return threads_.submit(remote(checked(function), std::forward<Args>(args)...));
  }

  /// Takes no more calls.
  void shutdown(shutdown_options options = {}) { threads_.shutdown(options); }

private:
  friend event_loop;

  template <class Function> static auto checked(Function function) {
    static_assert(detail::captureless<Function>,
                  "another process can call a function, or a lambda without captures");
    return +function;
  }

  /// What a thread of the pool does for a call.
  template <class R, class... P, class... Args> auto remote(R (*function)(P...), Args &&...args) {
    static_assert(
        ((!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>) && ...),
        "the parameters of a call in another process are values");
    static_assert(sizeof...(P) == sizeof...(Args), "the function takes other arguments");
    return [processes = processes_,
            request = detail::make_request<R, P...>(
                function, std::tuple<std::remove_cvref_t<P>...>(std::forward<Args>(args)...))] {
      return detail::read_reply<R>(processes->call(request));
    };
  }

  thread_pool_executor threads_;
  std::shared_ptr<detail::worker_processes> processes_;
};

template <std::same_as<process_pool_executor> Pool, class Function, class... Args>
auto event_loop::run_in_executor(Pool *where, Function function, Args &&...args) {
  return run_in_executor(&where->threads_,
                         where->remote(Pool::checked(function), std::forward<Args>(args)...));
}

} // namespace coral

#endif
