// Streams over real sockets: every test runs on every backend.

#include "io_fixture.hpp"

#include <coral/detail/owned_descriptor.hpp>
#include <coral/errors.hpp>
#include <coral/future.hpp>
#include <coral/streams.hpp>
#include <coral/tasks.hpp>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using coral::server;
using coral::stream_pair;
using coral::stream_reader;
using coral::stream_writer;
using coral::task;
using coral::detail::owned_descriptor;
using namespace std::chrono_literals;

constexpr const char *localhost = "127.0.0.1";

task<void> echo(stream_reader reader, stream_writer writer) {
  for (;;) {
    const std::string data = co_await reader.read(64 * 1024);
    if (data.empty())
      break;
    writer.write(data);
    co_await writer.drain();
  }
  writer.close();
  co_await writer.wait_closed();
}

/// Two connected streams of one process.
struct socket_pair {
  socket_pair() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::system_error(errno, std::system_category());
  }
  socket_pair(const socket_pair &) = delete;
  socket_pair &operator=(const socket_pair &) = delete;
  ~socket_pair() {
    close(0);
    close(1);
  }
  void close(int end) {
    if (ends[end] >= 0)
      ::close(std::exchange(ends[end], -1));
  }
  int ends[2];
};

class StreamTest : public IoTest {
protected:
  /// The code of the `system_error` that awaiting `work` throws; none if there is no error.
  template <class T> static task<std::error_code> code_of(task<T> work) {
    try {
      co_await std::move(work);
    } catch (const std::system_error &error) {
      co_return error.code();
    }
    co_return std::error_code();
  }

  template <class T> static task<bool> is_cancelled(coral::scheduled_task<T> work) {
    try {
      co_await work;
    } catch (const coral::cancelled_error &) {
      co_return true;
    }
    co_return false;
  }
};
CORAL_ON_EVERY_LOOP(StreamTest);

TEST_P(StreamTest, EchoOverTcp) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    EXPECT_EQ(writer.remote_address().to_string(), "127.0.0.1:" + std::to_string(serving.port()));
    EXPECT_EQ(writer.local_address().host(), localhost);
    writer.write("hello");
    EXPECT_EQ(co_await reader.readexactly(5), "hello");
    writer.writelines({"one\n", "two\n"});
    EXPECT_EQ(co_await reader.readline(), "one\n");
    EXPECT_EQ(co_await reader.readline(), "two\n");
    writer.write_eof();
    EXPECT_EQ(co_await reader.read(), "");
    writer.close();
    co_await writer.wait_closed();
    serving.close();
    co_await serving.wait_closed();
  };
  complete(body());
}

TEST_P(StreamTest, EchoOverIpv6) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, "::1", 0);
    auto [reader, writer] = co_await coral::open_connection("::1", serving.port());
    writer.write("six");
    EXPECT_EQ(co_await reader.readexactly(3), "six");
    serving.close();
  };
  complete(body());
}

TEST_P(StreamTest, EchoOverAUnixSocket) {
  const temporary_directory directory;
  auto body = [&]() -> task<void> {
    server serving = co_await coral::start_unix_server(echo, directory / "socket");
    auto [reader, writer] = co_await coral::open_unix_connection(directory / "socket");
    EXPECT_EQ(writer.remote_address().path(), directory / "socket");
    writer.write("unix");
    EXPECT_EQ(co_await reader.readexactly(4), "unix");
    serving.close();
    EXPECT_FALSE(std::filesystem::exists(directory / "socket"));
  };
  complete(body());
}

TEST_P(StreamTest, AUnixServerReplacesASocketThatIsLeftOver) {
  const temporary_directory directory;
  auto body = [&]() -> task<void> {
    server first =
        co_await coral::start_unix_server(echo, directory / "socket", {.cleanup_socket = false});
    first.close();
    EXPECT_TRUE(std::filesystem::exists(directory / "socket"));
    server second = co_await coral::start_unix_server(echo, directory / "socket");
    server third = co_await coral::start_unix_server(echo, directory / "socket");
    // The file is the third's by now.
    second.close();
    EXPECT_TRUE(std::filesystem::exists(directory / "socket"));
    third.close();
    EXPECT_FALSE(std::filesystem::exists(directory / "socket"));
  };
  complete(body());
}

TEST_P(StreamTest, AnAbstractUnixSocket) {
  const std::string name = std::string(1, '\0') + "coral-" + std::to_string(::getpid());
  auto body = [&]() -> task<void> {
    server serving = co_await coral::start_unix_server(echo, name);
    auto [reader, writer] = co_await coral::open_unix_connection(name);
    writer.write("abstract");
    EXPECT_EQ(co_await reader.readexactly(8), "abstract");
    serving.close();
  };
  complete(body());
}

TEST_P(StreamTest, ALargeTransferKeepsEveryByteInOrder) {
  std::string sent;
  for (unsigned i = 0; sent.size() < 4'000'000; ++i)
    sent += std::to_string(i);
  auto body = [&]() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    auto write_all = [&, &writer = writer]() -> task<void> {
      for (std::size_t at = 0; at < sent.size(); at += 100'000) {
        writer.write(std::string_view(sent).substr(at, 100'000));
        co_await writer.drain();
      }
      writer.write_eof();
    };
    auto writing = coral::create_task(write_all());
    const std::string received = co_await reader.read();
    co_await writing;
    EXPECT_TRUE(received == sent);
    serving.close();
  };
  complete(body());
}

TEST_P(StreamTest, ReadintoReceivesIntoTheCallersMemory) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    std::array<std::byte, 4> memory{};
    auto waiting = coral::create_task(near.reader.readinto(memory));
    co_await coral::yield();
    far.writer.write("abcdef");
    EXPECT_EQ(co_await waiting, 4u);
    EXPECT_EQ(memory[3], std::byte('d'));
    EXPECT_EQ(co_await near.reader.read(10), "ef");
  };
  complete(body());
}

TEST_P(StreamTest, AWaitingReadLeavesWhatItDoesNotTake) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    auto some = coral::create_task(near.reader.read(2));
    co_await coral::yield();
    far.writer.write("abcdef");
    EXPECT_EQ(co_await some, "ab");
    auto exactly = coral::create_task(near.reader.readexactly(8));
    co_await coral::yield();
    far.writer.write("gh");
    co_await coral::sleep(1ms);
    far.writer.write("ijk\n");
    EXPECT_EQ(co_await exactly, "cdefghij");
    EXPECT_EQ(co_await near.reader.readline(), "k\n");
  };
  complete(body());
}

TEST_P(StreamTest, ACancelledReadintoLosesNothing) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    std::array<std::byte, 8> memory{};
    auto waiting = coral::create_task(near.reader.readinto(memory));
    co_await coral::yield();
    far.writer.write("abcdef");
    // At every point from before the bytes come until they are read.
    while (!waiting.done()) {
      waiting.cancel();
      co_await coral::yield();
    }
    std::string seen;
    while (seen.size() != 6)
      seen += co_await near.reader.read(10);
    EXPECT_EQ(seen, "abcdef");
  };
  complete(body());
}

TEST_P(StreamTest, ReadingPausesAboveTwiceTheLimit) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0], 1000);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    far.writer.write(std::string(3000, 'x'));
    while (near.writer.transport().is_reading())
      co_await coral::sleep(1ms);
    EXPECT_EQ((co_await near.reader.readexactly(1000)).size(), 1000u);
    EXPECT_FALSE(near.writer.transport().is_reading());
    EXPECT_EQ((co_await near.reader.readexactly(1000)).size(), 1000u);
    EXPECT_TRUE(near.writer.transport().is_reading());
    far.writer.write("y");
    EXPECT_EQ((co_await near.reader.readexactly(1001)).back(), 'y');
  };
  complete(body());
}

TEST_P(StreamTest, ReadingContinuesForAReaderThatWantsMoreThanIsBuffered) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0], 10);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    far.writer.write(std::string(1'000'000, 'x'));
    EXPECT_EQ((co_await near.reader.readexactly(1'000'000)).size(), 1'000'000u);
  };
  complete(body());
}

TEST_P(StreamTest, AnAdoptedDescriptorStaysTheCallers) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    {
      stream_pair near = coral::open_socket(sockets.ends[0]);
      EXPECT_NE(near.writer.transport().native_handle(), sockets.ends[0]);
      near.writer.close();
      co_await near.writer.wait_closed();
      EXPECT_EQ(near.writer.transport().native_handle(), -1);
    }
    char byte = 'x';
    EXPECT_EQ(::send(sockets.ends[0], &byte, 1, 0), 1);
  };
  complete(body());
}

TEST_P(StreamTest, TheLastWriterThatIsDroppedClosesTheConnection) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair far = coral::open_socket(sockets.ends[1]);
    {
      std::optional<stream_pair> near(coral::open_socket(sockets.ends[0]));
      sockets.close(0);
      std::optional<stream_writer> copy(near->writer);
      near.reset();
      copy->write("still here");
      copy.reset();
    }
    EXPECT_EQ(co_await far.reader.read(), "still here");
  };
  complete(body());
}

TEST_P(StreamTest, ALoopThatClosesGivesOpenConnectionsBack) {
  auto body = []() -> task<stream_pair> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    stream_pair pair = co_await coral::open_connection(localhost, serving.port());
    pair.writer.write("x");
    EXPECT_EQ(co_await pair.reader.read(1), "x");
    co_return pair;
  };
  stream_pair pair = complete(body());
  collect_errors();
  loop().close();
  EXPECT_EQ(errors, names{"Task was destroyed but it is pending!"});
  EXPECT_TRUE(pair.writer.is_closing());
  pair.writer.write("ignored");
  EXPECT_EQ(pair.writer.transport().native_handle(), -1);
}

TEST_P(StreamTest, fact_90_a_stream_ignores_what_is_written_after_close) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    sockets.close(0);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    near.writer.write("before");
    near.writer.close();
    near.writer.write("after");
    EXPECT_EQ(co_await far.reader.read(), "before");
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_drain_does_not_wait_below_the_mark) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    near.writer.write("little");
    auto draining = coral::create_task(near.writer.drain());
    co_await coral::yield();
    EXPECT_TRUE(draining.done());
    co_await draining;
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_drain_waits_above_the_high_mark_until_the_low_one) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    far.writer.transport().pause_reading();
    near.writer.write(std::string(4'000'000, 'x'));
    auto draining = coral::create_task(near.writer.drain());
    co_await coral::sleep(1ms);
    EXPECT_FALSE(draining.done());
    EXPECT_GT(near.writer.transport().get_write_buffer_size(), 64u * 1024);
    far.writer.transport().resume_reading();
    EXPECT_EQ((co_await far.reader.readexactly(4'000'000)).size(), 4'000'000u);
    co_await draining;
    EXPECT_LE(near.writer.transport().get_write_buffer_size(), 16u * 1024);
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_several_coroutines_may_drain) {
  // dermesser/uvco#4
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    stream_pair far = coral::open_socket(sockets.ends[1]);
    far.writer.transport().pause_reading();
    near.writer.write(std::string(4'000'000, 'x'));
    auto first = coral::create_task(near.writer.drain());
    auto second = coral::create_task(near.writer.drain());
    auto cancelled = coral::create_task(near.writer.drain());
    co_await coral::yield();
    cancelled.cancel();
    EXPECT_TRUE(co_await StreamTest::is_cancelled(cancelled));
    EXPECT_FALSE(first.done() || second.done());
    far.writer.transport().resume_reading();
    co_await far.reader.readexactly(4'000'000);
    co_await first;
    co_await second;
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_drain_throws_when_the_connection_is_lost) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    sockets.close(0);
    auto write_on = [&]() -> task<void> {
      for (;;) {
        near.writer.write("x");
        co_await near.writer.drain();
      }
    };
    auto writing = coral::create_task(write_on());
    co_await coral::yield();
    sockets.close(1);
    try {
      co_await writing;
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_TRUE(error.code() == std::errc::broken_pipe ||
                  error.code() == std::errc::connection_reset)
          << error.what();
    }
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_a_drain_that_waits_throws_when_the_connection_is_lost) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    sockets.close(0);
    near.writer.write(std::string(4'000'000, 'x'));
    auto draining = coral::create_task(near.writer.drain());
    co_await coral::sleep(1ms);
    EXPECT_FALSE(draining.done());
    sockets.close(1);
    try {
      co_await draining;
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error &error) {
      EXPECT_TRUE(error.code() == std::errc::broken_pipe ||
                  error.code() == std::errc::connection_reset)
          << error.what();
    }
  };
  complete(body());
}

TEST_P(StreamTest, fact_92_drain_of_a_closed_connection_says_so) {
  socket_pair sockets;
  auto body = [&]() -> task<void> {
    stream_pair near = coral::open_socket(sockets.ends[0]);
    near.writer.close();
    EXPECT_EQ(co_await StreamTest::code_of(near.writer.drain()), std::errc::connection_reset);
    co_await near.writer.wait_closed();
  };
  complete(body());
}

TEST_P(StreamTest, AResetConnectionThrowsToItsReader) {
  auto body = []() -> task<void> {
    auto reset = [](stream_reader, stream_writer writer) {
      const linger hard{1, 0};
      ::setsockopt(writer.transport().native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      writer.transport().abort();
    };
    server serving = co_await coral::start_server(reset, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    EXPECT_EQ(co_await StreamTest::code_of(reader.read()), std::errc::connection_reset);
    EXPECT_EQ(co_await StreamTest::code_of(writer.wait_closed()), std::errc::connection_reset);
    EXPECT_TRUE(reader.exception());
    serving.close();
  };
  complete(body());
}

TEST_P(StreamTest, ConnectingToNobodySaysWhere) {
  auto body = []() -> task<std::uint16_t> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    const std::uint16_t port = serving.port();
    serving.close();
    co_return port;
  };
  const std::uint16_t port = complete(body());
  try {
    complete(coral::open_connection(localhost, port));
    FAIL() << "nothing was thrown";
  } catch (const std::system_error &error) {
    EXPECT_EQ(error.code(), std::errc::connection_refused);
    EXPECT_EQ(error.what(),
              "Connect call failed 127.0.0.1:" + std::to_string(port) + ": Connection refused");
  }
}

TEST_P(StreamTest, ConnectingToAUnixSocketThatIsNotThere) {
  const temporary_directory directory;
  EXPECT_EQ(complete(StreamTest::code_of(coral::open_unix_connection(directory / "none"))),
            std::errc::no_such_file_or_directory);
  EXPECT_THROW(complete(coral::open_unix_connection(std::string(200, 'x'))), coral::value_error);
}

TEST_P(StreamTest, AnAddressInUseIsSaidToBe) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    EXPECT_EQ(co_await StreamTest::code_of(coral::start_server(echo, localhost, serving.port())),
              std::errc::address_in_use);
    serving.close();
  };
  complete(body());
}

TEST_P(StreamTest, AnExceptionOfAClientsTaskIsReportedAndClosesItsConnection) {
  collect_errors();
  auto body = []() -> task<void> {
    auto failing = [](stream_reader, stream_writer) -> task<void> {
      throw std::runtime_error("no service");
      co_return;
    };
    server serving = co_await coral::start_server(failing, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    EXPECT_EQ(co_await reader.read(), "");
    serving.close();
    co_await serving.wait_closed();
  };
  complete(body());
  EXPECT_EQ(errors, names{"Unhandled exception in client_connected_cb"});
}

TEST_P(StreamTest, ACallbackWithStateOutlivesTheServer) {
  auto body = []() -> task<void> {
    auto token = std::make_shared<std::string>("welcome");
    const std::weak_ptr<std::string> watched = token;
    auto greet = [token](stream_reader reader, stream_writer writer) -> task<void> {
      co_await reader.readline();
      writer.write(*token);
    };
    server serving = co_await coral::start_server(std::move(greet), localhost, 0);
    token.reset();
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    writer.write("1\n");
    EXPECT_EQ(co_await reader.readexactly(7), "welcome");
    auto [second_reader, second_writer] =
        co_await coral::open_connection(localhost, serving.port());
    // Time for the server to accept.
    second_writer.write("2");
    while (co_await reader.read(1) != "")
      ;
    co_await coral::sleep(5ms);
    serving.close();
    second_writer.write("\n");
    EXPECT_EQ(co_await second_reader.readexactly(7), "welcome");
    co_await serving.wait_closed();
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_close_stops_accepting_and_wait_closed_waits_for_connections) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    const std::uint16_t port = serving.port();
    EXPECT_TRUE(serving.is_serving());
    auto [reader, writer] = co_await coral::open_connection(localhost, port);
    writer.write("x");
    EXPECT_EQ(co_await reader.readexactly(1), "x");
    serving.close();
    EXPECT_FALSE(serving.is_serving());
    EXPECT_TRUE(serving.addresses().empty());
    EXPECT_EQ(co_await StreamTest::code_of(coral::open_connection(localhost, port)),
              std::errc::connection_refused);
    auto closed = coral::create_task(serving.wait_closed());
    co_await coral::sleep(2ms);
    EXPECT_FALSE(closed.done());
    // What is open goes on.
    writer.write("y");
    EXPECT_EQ(co_await reader.readexactly(1), "y");
    writer.close();
    co_await closed;
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_wait_closed_waits_for_close_too) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    auto closed = coral::create_task(serving.wait_closed());
    co_await coral::sleep(2ms);
    EXPECT_FALSE(closed.done());
    serving.close();
    co_await closed;
    co_await serving.wait_closed();
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_close_clients_closes_what_is_open) {
  auto body = []() -> task<void> {
    auto hold = [](stream_reader reader, stream_writer writer) -> task<void> {
      writer.write("bye");
      co_await reader.read();
    };
    server serving = co_await coral::start_server(hold, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    EXPECT_EQ(co_await reader.readexactly(3), "bye");
    serving.close();
    serving.close_clients();
    co_await serving.wait_closed();
    EXPECT_EQ(co_await reader.read(), "");
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_abort_clients_drops_what_is_unwritten) {
  auto body = []() -> task<void> {
    auto flood = [](stream_reader reader, stream_writer writer) -> task<void> {
      writer.write(std::string(16'000'000, 'x'));
      co_await reader.read();
    };
    server serving = co_await coral::start_server(flood, localhost, 0);
    auto [reader, writer] = co_await coral::open_connection(localhost, serving.port());
    co_await reader.readexactly(1);
    serving.close();
    serving.abort_clients();
    co_await serving.wait_closed();
    std::size_t rest = 0;
    try {
      rest = (co_await reader.read()).size();
    } catch (const std::system_error &) {
    }
    EXPECT_LT(rest, 16'000'000u - 1);
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_a_server_starts_when_it_is_told_to) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0, {.start_serving = false});
    EXPECT_FALSE(serving.is_serving());
    EXPECT_EQ(co_await StreamTest::code_of(coral::open_connection(localhost, serving.port())),
              std::errc::connection_refused);
    serving.start_serving();
    serving.start_serving();
    EXPECT_TRUE(serving.is_serving());
    co_await coral::open_connection(localhost, serving.port());
    serving.close();
    try {
      serving.start_serving();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const coral::runtime_error &error) {
      EXPECT_STREQ(error.what(), "server is closed");
    }
  };
  complete(body());
}

TEST_P(StreamTest, AServerThatCannotListenServesNothing) {
  auto nobody = [](coral::stream_reader, coral::stream_writer) {};
  auto body = [&]() -> task<void> {
    coral::server_options later{.family = AF_INET, .start_serving = false};
    auto first = co_await coral::start_server(nobody, "127.0.0.1", 0, later);
    auto second = co_await coral::start_server(nobody, "127.0.0.1", first.port(), later);
    first.start_serving();
    // Bound to the same port, which only one can listen on.
    EXPECT_THROW(second.start_serving(), std::system_error);
    EXPECT_FALSE(second.is_serving());
    EXPECT_THROW(second.start_serving(), std::system_error);
    first.close();
    second.start_serving();
    EXPECT_TRUE(second.is_serving());
    second.close();
  };
  complete(body());
}

TEST_P(StreamTest, AServerMayBeClosedWhenDescriptorsRunOut) {
  std::optional<coral::server> listening;
  loop().set_exception_handler([&](coral::event_loop &, const coral::exception_context &context) {
    errors.push_back(context.message);
    listening->close();
  });
  auto nobody = [](coral::stream_reader, coral::stream_writer) {};
  auto body = [&]() -> task<void> {
    listening.emplace(co_await coral::start_server(nobody, "127.0.0.1", 0, {.family = AF_INET}));
    owned_descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const coral::socket_address there = listening->addresses().front();
    EXPECT_EQ(::connect(client.get(), there.data(), there.size()), 0);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    // The lowest number that is free: poll(2) still works.
    const int free = ::dup(client.get());
    ::close(free);
    const rlimit none{static_cast<rlim_t>(free), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    while (errors.empty())
      co_await coral::yield();
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_FALSE(listening->is_serving());
  };
  complete(body());
  EXPECT_EQ(errors, names{"socket.accept() failed"});
}

TEST_P(StreamTest, fact_93_serve_forever_until_it_is_cancelled) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    auto forever = coral::create_task(serving.serve_forever());
    co_await coral::yield();
    try {
      co_await serving.serve_forever();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const coral::runtime_error &error) {
      EXPECT_STREQ(error.what(), "server is already being awaited on serve_forever()");
    }
    co_await coral::open_connection(localhost, serving.port());
    forever.cancel();
    EXPECT_TRUE(co_await StreamTest::is_cancelled(forever));
    EXPECT_FALSE(serving.is_serving());
  };
  complete(body());
}

TEST_P(StreamTest, fact_93_close_ends_serve_forever) {
  auto body = []() -> task<void> {
    server serving = co_await coral::start_server(echo, localhost, 0);
    auto forever = coral::create_task(serving.serve_forever());
    co_await coral::yield();
    serving.close();
    EXPECT_TRUE(co_await StreamTest::is_cancelled(forever));
  };
  complete(body());
}

TEST_P(StreamTest, ACancelledConnectLeavesNothing) {
  auto body = []() -> task<void> {
    // A backlog that is full: connecting waits.
    auto never = [](stream_reader, stream_writer) {};
    server serving =
        co_await coral::start_server(never, localhost, 0, {.backlog = 0, .start_serving = false});
    serving.start_serving();
    auto connecting = coral::create_task(coral::open_connection(localhost, serving.port()));
    co_await coral::yield();
    connecting.cancel();
    EXPECT_TRUE(co_await StreamTest::is_cancelled(connecting));
    serving.close();
  };
  complete(body());
}

} // namespace
