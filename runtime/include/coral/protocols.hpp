// Protocols: what a transport calls when something happens to its connection. asyncio.Protocol,
// BufferedProtocol and DatagramProtocol.
//
// A program derives from one of them and overrides what it wants to know. The order is fixed:
// `connection_made` once and first, data and then perhaps `eof_received`, `connection_lost` once
// and last. All are called by the loop, on its thread, one at a time. An exception that leaves
// `data_received`, `get_buffer`, `buffer_updated` or `eof_received` is reported to the loop's
// exception handler and closes the connection, whose `connection_lost` is told of it.
//
// Most programs read and write streams (coral/streams.hpp) instead.

#ifndef CORAL_PROTOCOLS_HPP
#define CORAL_PROTOCOLS_HPP

#include <coral/address.hpp>
#include <coral/bytes.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <system_error>

namespace coral {

class base_transport;
class transport;
class datagram_transport;

/// asyncio.BaseProtocol.
class base_protocol {
public:
  virtual ~base_protocol() = default;

  /// The connection is gone: null when it was closed or ended, otherwise what broke it.
  virtual void connection_lost(std::exception_ptr) {}

  /// The transport's write buffer is above its high-water mark: write no more until
  /// `resume_writing`. The calls alternate.
  virtual void pause_writing() {}
  virtual void resume_writing() {}

protected:
  base_protocol() = default;
  base_protocol(const base_protocol &) = default;
  base_protocol &operator=(const base_protocol &) = default;
};

/// What the protocols of streams of bytes have in common. Derive from `protocol` or
/// `buffered_protocol`.
class stream_protocol : public base_protocol {
public:
  /// `t` lives until `connection_lost` has returned, and longer if the program keeps it.
  virtual void connection_made(transport &t) { static_cast<void>(t); }

  /// The peer writes no more. True keeps the connection open for writing; false closes it.
  virtual bool eof_received() { return false; }
};

/// asyncio.Protocol.
class protocol : public stream_protocol {
public:
  /// Some bytes came; good during the call.
  virtual void data_received(bytes_view data) { static_cast<void>(data); }
};

/// asyncio.BufferedProtocol: the bytes are received into memory of the protocol's own.
class buffered_protocol : public stream_protocol {
public:
  /// Where the next bytes go; not empty, and good until `buffer_updated`.
  virtual std::span<std::byte> get_buffer() = 0;

  /// `received` bytes, at least one, were written to the beginning of the buffer.
  virtual void buffer_updated(std::size_t received) = 0;
};

/// asyncio.DatagramProtocol.
class datagram_protocol : public base_protocol {
public:
  virtual void connection_made(datagram_transport &t) { static_cast<void>(t); }

  /// A datagram came; good during the call.
  virtual void datagram_received(bytes_view data, const socket_address &from) {
    static_cast<void>(data), static_cast<void>(from);
  }

  /// A send or receive failed, such as with `ECONNREFUSED`; the transport goes on.
  virtual void error_received(std::error_code error) { static_cast<void>(error); }
};

} // namespace coral

#endif
