// Streams: asyncio's `open_connection`, `start_server`, `StreamReader` and `StreamWriter`.
//
//     coral::task<std::string> ask(std::string host, std::uint16_t port) {
//       auto [reader, writer] = co_await coral::open_connection(host, port);
//       writer.write("hello\n");
//       co_await writer.drain();
//       co_return co_await reader.readline();
//     }
//
// Bytes are `std::string`s. Reading goes on in the background up to a limit and is then paused
// (back-pressure towards the peer); `drain` waits while too much is unwritten (back-pressure from
// the peer). The functions work on the running loop, of any kind, and belong to its thread.
//
// A connection's errors are `std::system_error`, such as `std::errc::connection_refused`.

#ifndef CORAL_STREAMS_HPP
#define CORAL_STREAMS_HPP

#include <coral/address.hpp>
#include <coral/bytes.hpp>
#include <coral/cancel.hpp>
#include <coral/detail/config.hpp>
#include <coral/event_loop.hpp>
#include <coral/server.hpp>
#include <coral/task.hpp>
#include <coral/tasks.hpp>
#include <coral/transports.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

CORAL_DETAIL_COROUTINES_BEGIN
namespace coral {

/// Python's `IncompleteReadError`: the stream ended before what was asked for.
class incomplete_read_error : public std::runtime_error {
public:
  incomplete_read_error(std::string partial, std::optional<std::size_t> expected);

  /// What came before the end.
  const std::string &partial() const noexcept { return *partial_; }

  /// How many bytes were asked for; nothing when it was a separator.
  std::optional<std::size_t> expected() const noexcept { return expected_; }

private:
  std::shared_ptr<const std::string> partial_;
  std::optional<std::size_t> expected_;
};

/// Python's `LimitOverrunError`: no separator within the limit. What was read stays in the buffer.
class limit_overrun_error : public std::runtime_error {
public:
  limit_overrun_error(const char *message, std::size_t consumed)
      : std::runtime_error(message), consumed_(consumed) {}

  /// How many bytes to read to get past them.
  std::size_t consumed() const noexcept { return consumed_; }

private:
  std::size_t consumed_;
};

namespace detail {
class reader_core;
class stream_core;
} // namespace detail

/// asyncio.StreamReader: a handle, which can be copied. One coroutine reads at a time: a second one
/// that would have to wait throws `runtime_error`, "read() called while another coroutine is
/// already waiting for incoming data". When the connection breaks, what is buffered is not given
/// any more, and reading throws the error.
///
/// A cancelled read takes nothing.
class stream_reader {
public:
  static constexpr std::size_t default_limit = 64 * 1024;

  /// A reader of what `feed_data` gives it. Of a connection, reading is paused when more than twice
  /// the limit is buffered. Throws `value_error` when the limit is zero.
  explicit stream_reader(event_loop &loop, std::size_t limit = default_limit);
  explicit stream_reader(std::shared_ptr<detail::reader_core> core) noexcept;

  /// At least one byte and at most `count`, as soon as there is any; empty at the end of the stream
  /// or for no bytes.
  task<std::string> read(std::size_t count);

  /// Everything to the end of the stream.
  task<std::string> read();

  /// The same as `read(into.size())`, without a string; gives how many bytes there are.
  task<std::size_t> readinto(std::span<std::byte> into);

  /// Exactly `count` bytes. Throws `incomplete_read_error` if the stream ends before.
  task<std::string> readexactly(std::size_t count);

  /// To the end of the next separator, which is given too. Throws `incomplete_read_error` if the
  /// stream ends before, `limit_overrun_error` if there is none within the limit, `value_error` if
  /// the separator is empty.
  task<std::string> readuntil(std::string separator = "\n");

  /// A line with its "\n"; without it, or empty, at the end of the stream. Throws `value_error` if
  /// the line is longer than the limit; what is known of it is dropped.
  task<std::string> readline();

  /// The stream has ended and all of it was read.
  bool at_eof() const noexcept;

  /// What broke the connection; or null.
  std::exception_ptr exception() const noexcept;

  /// What a transport's protocol calls.
  void feed_data(bytes_view data);
  void feed_eof();
  void set_exception(std::exception_ptr error);

private:
  std::shared_ptr<detail::reader_core> core_;
};

/// asyncio.StreamWriter: a handle, which can be copied. The connection is closed when the last one
/// is dropped, as by `close`.
class stream_writer {
public:
  explicit stream_writer(std::shared_ptr<detail::stream_core> core) noexcept;
  stream_writer(const stream_writer &other) noexcept;
  stream_writer(stream_writer &&other) noexcept = default;
  stream_writer &operator=(stream_writer other) noexcept;
  ~stream_writer();

  /// Writes at once what the system takes; the rest is copied and follows. See `transport::write`.
  void write(bytes_view data);
  void writelines(std::initializer_list<bytes_view> lines);
  void writelines(std::span<const bytes_view> lines);

  /// Waits while more than the high-water mark is unwritten, until it is at the low one. Any number
  /// of coroutines may wait. Throws what broke the connection, or `std::system_error`,
  /// `connection_reset`, when it is closed.
  task<void> drain();

  /// Ends the stream to the peer; reading goes on.
  void write_eof();
  bool can_write_eof() const noexcept;

  /// Writes what is left in the background, then closes the connection.
  void close();
  bool is_closing() const noexcept;

  /// Waits until the connection is closed; throws what broke it.
  task<void> wait_closed();

  coral::transport &transport() const noexcept;
  socket_address local_address() const { return transport().local_address(); }
  socket_address remote_address() const { return transport().remote_address(); }

private:
  std::shared_ptr<detail::stream_core> core_;
};

/// Both ends of a connection, as this program sees it.
struct stream_pair {
  stream_reader reader;
  stream_writer writer;
};

/// Connects to a host's port by TCP. The host is a name or numeric; its addresses are tried one
/// after the other, or staggered with `connect_options::happy_eyeballs_delay`.
/// Throws `gaierror` when the name has no address, `std::system_error` when none of them answers;
/// with several errors its text has them all.
task<stream_pair> open_connection(std::string host, std::uint16_t port,
                                  connect_options options = {},
                                  std::size_t limit = stream_reader::default_limit);

/// Connects to a Unix socket.
task<stream_pair> open_unix_connection(std::string path,
                                       std::size_t limit = stream_reader::default_limit);

/// Streams of a stream socket that is connected: `open_connection(sock=...)`. The descriptor is
/// duplicated and stays the caller's.
stream_pair open_socket(int fd, std::size_t limit = stream_reader::default_limit);

namespace detail {

using stream_callback = std::function<void(stream_reader, stream_writer)>;

void client_failed(const stream_writer &writer, std::exception_ptr error);

/// The task of one connection. The callback lives as long as any of them.
template <class Callback>
task<void> serve_client(std::shared_ptr<Callback> callback, stream_reader reader,
                        stream_writer writer) {
  std::exception_ptr error;
  try {
    co_await std::invoke(*callback, reader, writer);
  } catch (const cancelled_error &) {
    writer.close();
    throw;
  } catch (...) {
    error = std::current_exception();
  }
  if (error)
    client_failed(writer, std::move(error));
}

template <class Callback> stream_callback client_connected(Callback &&callback) {
  using callable = std::decay_t<Callback>;
  static_assert(std::is_invocable_v<callable &, stream_reader &, stream_writer &>,
                "the callback of a server takes a coral::stream_reader and a coral::stream_writer");
  using result = std::invoke_result_t<callable &, stream_reader &, stream_writer &>;
  static_assert(std::is_void_v<result> || std::same_as<result, task<void>>,
                "the callback of a server returns a coral::task<void> or nothing");
  auto kept = std::make_shared<callable>(std::forward<Callback>(callback));
  if constexpr (std::is_void_v<result>)
    return
        [kept](stream_reader reader, stream_writer writer) { std::invoke(*kept, reader, writer); };
  else
    return [kept](stream_reader reader, stream_writer writer) {
      create_task(serve_client(kept, std::move(reader), std::move(writer)));
    };
}

task<server> start_stream_server(stream_callback connected, std::string host, std::uint16_t port,
                                 server_options options, std::size_t limit);
task<server> start_unix_stream_server(stream_callback connected, std::string path,
                                      server_options options, std::size_t limit);

} // namespace detail

/// Listens on a host's port, on every interface if the host is empty, on a free port if the port is
/// 0. For each connection `connected(reader, writer)` is called: a coroutine, which becomes a task
/// of the loop, or a function. The callable is kept while the server or a connection of it lives.
/// An exception that leaves it is reported to the loop's exception handler and closes the
/// connection.
/// Throws `gaierror` or `std::system_error`, such as `std::errc::address_in_use`.
template <class Callback>
task<server> start_server(Callback connected, std::string host, std::uint16_t port,
                          server_options options = {},
                          std::size_t limit = stream_reader::default_limit) {
  return detail::start_stream_server(detail::client_connected(std::move(connected)),
                                     std::move(host), port, options, limit);
}

/// The same on a Unix socket. A socket file that is left over at the path is replaced.
template <class Callback>
task<server> start_unix_server(Callback connected, std::string path, server_options options = {},
                               std::size_t limit = stream_reader::default_limit) {
  return detail::start_unix_stream_server(detail::client_connected(std::move(connected)),
                                          std::move(path), options, limit);
}

} // namespace coral
CORAL_DETAIL_COROUTINES_END

#endif
