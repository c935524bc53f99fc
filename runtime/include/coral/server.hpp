// coral::server: asyncio.Server, sockets that accept connections.

#ifndef CORAL_SERVER_HPP
#define CORAL_SERVER_HPP

#include <coral/address.hpp>
#include <coral/task.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace coral {

class event_loop;

namespace detail {
class server_state;
}

/// How a server listens.
struct server_options {
  /// `AF_INET`, `AF_INET6`, or both.
  int family = AF_UNSPEC;
  /// How many connections the system keeps that are not accepted yet.
  int backlog = 100;
  /// Listen on an address that connections of an earlier server still use.
  bool reuse_address = true;
  /// Share the port with other sockets that say the same.
  bool reuse_port = false;
  /// Accept at once; otherwise `start_serving` begins.
  bool start_serving = true;
  /// Of a Unix server: `close` removes the socket's file, unless another one took its place.
  bool cleanup_socket = true;
};

/// A handle to a server, which can be copied. Dropping it changes nothing: the server accepts until
/// it is closed or its loop is. Calls belong to the thread of the loop.
class server {
public:
  explicit server(std::shared_ptr<detail::server_state> state) noexcept
      : state_(std::move(state)) {}

  /// Begins to accept. May be repeated. Throws `runtime_error` when the server is closed.
  void start_serving();

  /// Accepts until the awaiting task is cancelled; then closes the server, waits for its
  /// connections, and the cancellation goes on. Throws `runtime_error` when the server is closed,
  /// or another coroutine is in this call.
  task<void> serve_forever();

  bool is_serving() const noexcept;

  /// The addresses it listens on; empty when it is closed.
  std::vector<socket_address> addresses() const;

  /// The port of the first address.
  std::uint16_t port() const;

  /// Accepts no more. Connections go on.
  void close();

  /// Waits until the server is closed and all its connections are gone.
  task<void> wait_closed();

  /// Closes, or aborts, the transports of the connections that are open.
  void close_clients();
  void abort_clients();

  event_loop &loop() const noexcept;

private:
  std::shared_ptr<detail::server_state> state_;
};

} // namespace coral

#endif
