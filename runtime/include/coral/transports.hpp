// Transports: asyncio's layer between sockets or pipes and protocols, on any event loop.
//
// A transport owns a descriptor, reads what comes and hands it to its protocol, and writes what it
// is given, in the background if need be. It stays alive, with its protocol, until it has called
// `connection_lost`; a loop that closes before drops it uncalled.
//
// Calls belong to the thread of the loop. The functions that make transports belong to a coroutine
// of the running loop: `co_await coral::create_connection(...)` is asyncio's
// `await loop.create_connection(...)`.

#ifndef CORAL_TRANSPORTS_HPP
#define CORAL_TRANSPORTS_HPP

#include <coral/address.hpp>
#include <coral/bytes.hpp>
#include <coral/detail/config.hpp>
#include <coral/detail/owned_descriptor.hpp>
#include <coral/dns.hpp>
#include <coral/event_loop.hpp>
#include <coral/protocols.hpp>
#include <coral/server.hpp>
#include <coral/task.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// asyncio.BaseTransport.
class base_transport {
public:
  base_transport(const base_transport &) = delete;
  base_transport &operator=(const base_transport &) = delete;
  virtual ~base_transport() = default;

  /// Reads no more, writes what is buffered, and then loses the connection.
  virtual void close() = 0;

  /// Loses the connection at once; what is buffered is lost with it.
  virtual void abort() = 0;

  /// It is closing or closed.
  virtual bool is_closing() const noexcept = 0;

  /// The addresses of the socket and of its peer, as they were when the transport was made:
  /// `get_extra_info("sockname")` and `("peername")`. Of no family for a pipe.
  virtual socket_address local_address() const = 0;
  virtual socket_address remote_address() const = 0;

  /// The descriptor, for socket options; the transport's to read, write and close. -1 when closed.
  virtual int native_handle() const noexcept = 0;

  virtual event_loop &loop() const noexcept = 0;

protected:
  base_transport() = default;
};

/// Bytes that a transport buffers at most before it asks its protocol to pause, and the level at
/// which it asks it to go on.
struct water_marks {
  std::size_t low;
  std::size_t high;
  friend bool operator==(const water_marks &, const water_marks &) = default;
};

/// asyncio.Transport: a stream of bytes each way. Of a pipe, which has one direction, the calls of
/// the other throw `runtime_error`.
class transport : public base_transport, public std::enable_shared_from_this<transport> {
public:
  /// The marks of a new transport: 64 KiB and a quarter of it.
  static constexpr water_marks default_water_marks{16 * 1024, 64 * 1024};

  /// Writes at once as much as the system takes; the rest is copied and follows in the background.
  /// Never waits. After the connection is lost it does nothing; from the fifth such call on the
  /// exception handler is told. Throws `runtime_error` after `write_eof`.
  virtual void write(bytes_view data) = 0;

  /// Writes the concatenation, in one system call where that can be.
  virtual void writelines(std::span<const bytes_view> lines) = 0;

  /// Ends the stream to the peer once everything is written; reading goes on.
  virtual void write_eof() = 0;
  virtual bool can_write_eof() const noexcept = 0;

  /// Bytes that still have to be written.
  virtual std::size_t get_write_buffer_size() const noexcept = 0;

  /// Without `high`, four times `low`; without `low`, a quarter of `high`; without both, the
  /// defaults. Throws `value_error` unless `high` >= `low`.
  virtual void set_write_buffer_limits(std::optional<std::size_t> high,
                                       std::optional<std::size_t> low = std::nullopt) = 0;
  virtual water_marks get_write_buffer_limits() const noexcept = 0;

  /// Stops and continues the calls of `data_received`. Both may be repeated.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  virtual bool is_reading() const noexcept = 0;

  /// Who is told what happens from now on. Not null; derives from `protocol` or
  /// `buffered_protocol`, otherwise `type_error` is thrown.
  virtual void set_protocol(std::shared_ptr<stream_protocol> p) = 0;
  virtual const std::shared_ptr<stream_protocol> &get_protocol() const noexcept = 0;
};

/// asyncio.DatagramTransport: messages, each sent whole or not at all.
class datagram_transport : public base_transport,
                           public std::enable_shared_from_this<datagram_transport> {
public:
  /// Sends to the remote address that the endpoint was made with; throws `value_error` if there is
  /// none. A message that the socket does not take yet is copied and sent in the background. A
  /// message of no bytes is sent too.
  virtual void sendto(bytes_view data) = 0;

  /// Sends to `to`. Of a socket with a remote address, `to` is that address, otherwise
  /// `value_error` is thrown.
  virtual void sendto(bytes_view data, const socket_address &to) = 0;

  virtual std::size_t get_write_buffer_size() const noexcept = 0;
};

/// What the functions that make transports give: the transport, and the protocol that the factory
/// made.
template <class Transport, class Protocol> struct connection {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<Protocol> protocol;
};

/// How a connection is made.
struct connect_options {
  /// `AF_INET`, `AF_INET6`, or both.
  int family = AF_UNSPEC;
  /// The address to connect from.
  std::optional<socket_address> local_address = std::nullopt;
  /// How long an attempt has for itself before the next address is tried beside it (RFC 8305, which
  /// recommends 250 ms). Without it an attempt has to fail first.
  std::optional<event_loop::duration> happy_eyeballs_delay = std::nullopt;
  /// Reorders the addresses so that the families alternate after this many of the first; 0 keeps
  /// the system's order. Without it, 1 with `happy_eyeballs_delay` and else 0.
  std::optional<std::size_t> interleave = std::nullopt;
};

/// How a datagram endpoint is made.
struct datagram_options {
  /// The address to receive at. Without it the system gives one with the first message sent.
  std::optional<socket_address> local_address = std::nullopt;
  /// The only peer. Without it, messages come from and go to anybody.
  std::optional<socket_address> remote_address = std::nullopt;
  /// `AF_INET` or `AF_INET6`; needed when neither address is given.
  int family = AF_UNSPEC;
  /// Share the port with other sockets that say the same.
  bool reuse_port = false;
  /// May send to broadcast addresses.
  bool allow_broadcast = false;
};

namespace detail {

enum class endpoint_kind : unsigned char { socket, read_pipe, write_pipe };

using stream_factory = std::function<std::shared_ptr<stream_protocol>()>;

/// The order to try a host's addresses in (RFC 8305): the families alternate after the first
/// `first_family_count`, so that a family that leads nowhere costs half of the tries; 0 changes
/// nothing.
std::vector<socket_address> interleave(const std::vector<address_info> &found,
                                       std::size_t first_family_count);

/// Connects to whichever of the addresses answers.
task<owned_descriptor> connect_any(std::vector<socket_address> addresses, connect_options options);
task<owned_descriptor> connect_tcp(std::string host, std::uint16_t port, connect_options options);
task<owned_descriptor> connect_unix(std::string path);

/// Makes a transport of the running loop, and begins.
std::shared_ptr<transport> start_transport(owned_descriptor fd, endpoint_kind kind,
                                           std::shared_ptr<stream_protocol> p);
std::shared_ptr<datagram_transport> start_datagram_transport(const datagram_options &options,
                                                             std::shared_ptr<datagram_protocol> p);

task<server> start_transport_server(stream_factory factory, std::string host, std::uint16_t port,
                                    server_options options);
task<server> start_unix_transport_server(stream_factory factory, std::string path,
                                         server_options options);

/// What a factory makes.
template <class Factory> using protocol_of = typename std::invoke_result_t<Factory &>::element_type;

} // namespace detail

/// asyncio's `loop.create_connection`: connects to a host's port by TCP. `factory()` gives the
/// protocol as a `std::shared_ptr`, when the connection is there. Throws as `open_connection` does.
template <class Factory>
task<connection<transport, detail::protocol_of<Factory>>>
create_connection(Factory factory, std::string host, std::uint16_t port,
                  connect_options options = {}) {
  detail::owned_descriptor fd =
      co_await detail::connect_tcp(std::move(host), port, std::move(options));
  std::shared_ptr<detail::protocol_of<Factory>> p = factory();
  std::shared_ptr<transport> t =
      detail::start_transport(std::move(fd), detail::endpoint_kind::socket, p);
  co_return {std::move(t), std::move(p)};
}

/// The same to a Unix socket.
template <class Factory>
task<connection<transport, detail::protocol_of<Factory>>> create_unix_connection(Factory factory,
                                                                                 std::string path) {
  detail::owned_descriptor fd = co_await detail::connect_unix(std::move(path));
  std::shared_ptr<detail::protocol_of<Factory>> p = factory();
  std::shared_ptr<transport> t =
      detail::start_transport(std::move(fd), detail::endpoint_kind::socket, p);
  co_return {std::move(t), std::move(p)};
}

/// asyncio's `loop.create_server`: listens, and makes a protocol for each connection. An empty host
/// means every interface, port 0 a free one.
template <class Factory>
task<server> create_server(Factory factory, std::string host, std::uint16_t port,
                           server_options options = {}) {
  return detail::start_transport_server(std::move(factory), std::move(host), port, options);
}

template <class Factory>
task<server> create_unix_server(Factory factory, std::string path, server_options options = {}) {
  return detail::start_unix_transport_server(std::move(factory), std::move(path), options);
}

/// asyncio's `loop.create_datagram_endpoint`, of UDP. Throws `std::system_error`, and `value_error`
/// when no family can be told.
template <class Factory>
task<connection<datagram_transport, detail::protocol_of<Factory>>>
create_datagram_endpoint(Factory factory, datagram_options options = {}) {
  std::shared_ptr<detail::protocol_of<Factory>> p = factory();
  std::shared_ptr<datagram_transport> t = detail::start_datagram_transport(options, p);
  co_return {std::move(t), std::move(p)};
}

/// asyncio's `loop.connect_read_pipe` and `connect_write_pipe`: transports of one direction, of a
/// pipe, a socket or a terminal. The descriptor is duplicated and stays the caller's; the copy and
/// the original are non-blocking from now on.
template <class Factory>
task<connection<transport, detail::protocol_of<Factory>>> connect_read_pipe(Factory factory,
                                                                            int fd) {
  detail::owned_descriptor own = detail::duplicate(fd);
  std::shared_ptr<detail::protocol_of<Factory>> p = factory();
  std::shared_ptr<transport> t =
      detail::start_transport(std::move(own), detail::endpoint_kind::read_pipe, p);
  co_return {std::move(t), std::move(p)};
}

template <class Factory>
task<connection<transport, detail::protocol_of<Factory>>> connect_write_pipe(Factory factory,
                                                                             int fd) {
  detail::owned_descriptor own = detail::duplicate(fd);
  std::shared_ptr<detail::protocol_of<Factory>> p = factory();
  std::shared_ptr<transport> t =
      detail::start_transport(std::move(own), detail::endpoint_kind::write_pipe, p);
  co_return {std::move(t), std::move(p)};
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
