// Transports and protocols: every test runs on every backend.

#include "io_fixture.hpp"

#include <coral/detail/owned_descriptor.hpp>
#include <coral/errors.hpp>
#include <coral/tasks.hpp>
#include <coral/transports.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using coral::bytes_view;
using coral::connection;
using coral::socket_address;
using coral::task;
using coral::transport;
using coral::water_marks;
using coral::detail::owned_descriptor;
using namespace std::chrono_literals;

/// Notes what it is told; equal consecutive notes are one.
class recorder : public coral::protocol {
public:
  explicit recorder(names &log) : log_(log) {}

  void connection_made(transport &t) override {
    note("made");
    connected = t.shared_from_this();
  }
  void data_received(bytes_view data) override {
    note("data");
    received += std::string_view(data);
  }
  bool eof_received() override {
    note("eof");
    return keep_open;
  }
  void connection_lost(std::exception_ptr why) override {
    note(why ? "lost with an error" : "lost");
    error = why;
    connected.reset();
    gone = true;
  }
  void pause_writing() override { note("pause"); }
  void resume_writing() override { note("resume"); }

  std::shared_ptr<transport> connected;
  std::string received;
  std::exception_ptr error;
  bool keep_open = false;
  bool gone = false;

private:
  void note(const char *what) {
    if (log_.empty() || log_.back() != what)
      log_.push_back(what);
  }
  names &log_;
};

class TransportTest : public IoTest {
protected:
  TransportTest() {
    int both[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both) != 0)
      throw std::system_error(errno, std::system_category());
    near = owned_descriptor(both[0]);
    far = owned_descriptor(both[1]);
  }

  /// A transport of the near end.
  std::shared_ptr<recorder> connect() {
    auto made = std::make_shared<recorder>(log);
    coral::detail::start_transport(std::move(near), coral::detail::endpoint_kind::socket, made);
    return made;
  }

  /// Lets the loop run until `done()`.
  template <class Done> static task<void> until(Done done) {
    while (!done())
      co_await coral::sleep(100us);
  }

  void send(std::string_view bytes) {
    EXPECT_EQ(::send(far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  /// What the near end wrote, up to now.
  std::string received() {
    std::string all;
    char some[65536];
    for (ssize_t size; (size = ::recv(far.get(), some, sizeof some, 0)) > 0;)
      all.append(some, static_cast<std::size_t>(size));
    return all;
  }

  owned_descriptor near;
  owned_descriptor far;
};
CORAL_ON_EVERY_LOOP(TransportTest);

TEST_P(TransportTest, fact_89_calls_come_in_their_order_and_lost_once_and_last) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    EXPECT_EQ(log, names{"made"});
    send("one");
    send("two");
    co_await until([&] { return protocol->received == "onetwo"; });
    far.reset();
    co_await until([&] { return protocol->gone; });
    co_await coral::sleep(1ms);
  };
  complete(body());
  EXPECT_EQ(log, (names{"made", "data", "eof", "lost"}));
}

TEST_P(TransportTest, fact_89_connection_lost_comes_in_a_later_batch) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    auto kept = protocol->connected;
    kept->close();
    kept->close();
    EXPECT_TRUE(kept->is_closing());
    EXPECT_FALSE(protocol->gone);
    co_await coral::yield();
    EXPECT_TRUE(protocol->gone);
    EXPECT_FALSE(protocol->error);
    kept->abort();
    co_await coral::yield();
  };
  complete(body());
  EXPECT_EQ(log, (names{"made", "lost"}));
}

TEST_P(TransportTest, fact_89_a_protocol_may_keep_a_half_open_connection) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    protocol->keep_open = true;
    ::shutdown(far.get(), SHUT_WR);
    co_await until([&] { return log.back() == "eof"; });
    co_await coral::sleep(1ms);
    EXPECT_FALSE(protocol->gone);
    protocol->connected->write("still writing");
    EXPECT_EQ(received(), "still writing");
    protocol->connected->resume_reading();
    protocol->connected->close();
    co_await until([&] { return protocol->gone; });
  };
  complete(body());
  EXPECT_EQ(log, (names{"made", "eof", "lost"}));
}

TEST_P(TransportTest, fact_89_an_exception_of_data_received_closes_the_connection) {
  collect_errors();
  class failing : public recorder {
    using recorder::recorder;
    void data_received(bytes_view) override { throw std::runtime_error("bad data"); }
  };
  auto body = [this]() -> task<void> {
    auto protocol = std::make_shared<failing>(log);
    coral::detail::start_transport(std::move(near), coral::detail::endpoint_kind::socket, protocol);
    send("x");
    co_await until([&] { return protocol->gone; });
    EXPECT_TRUE(protocol->error);
  };
  complete(body());
  EXPECT_EQ(errors, names{"Fatal error: protocol.data_received() call failed."});
  EXPECT_EQ(log, (names{"made", "lost with an error"}));
}

TEST_P(TransportTest, fact_89_an_exception_of_connection_made_is_reported) {
  collect_errors();
  class failing : public recorder {
    using recorder::recorder;
    void connection_made(transport &t) override {
      recorder::connection_made(t);
      throw std::runtime_error("not ready");
    }
  };
  auto body = [this]() -> task<void> {
    auto protocol = std::make_shared<failing>(log);
    coral::detail::start_transport(std::move(near), coral::detail::endpoint_kind::socket, protocol);
    protocol->connected->close();
    co_await until([&] { return protocol->gone; });
  };
  complete(body());
  EXPECT_EQ(errors, names{"Exception in protocol.connection_made()"});
}

TEST_P(TransportTest, fact_89_a_buffered_protocol_is_filled_in_place) {
  class buffered final : public coral::buffered_protocol {
  public:
    std::span<std::byte> get_buffer() override { return std::span(memory).subspan(used); }
    void buffer_updated(std::size_t received) override { used += received; }
    void connection_lost(std::exception_ptr) override { gone = true; }
    std::array<std::byte, 8> memory{};
    std::size_t used = 0;
    bool gone = false;
  };
  auto body = [this]() -> task<void> {
    auto protocol = std::make_shared<buffered>();
    auto made = coral::detail::start_transport(std::move(near),
                                               coral::detail::endpoint_kind::socket, protocol);
    send("abcdef");
    co_await until([&] { return protocol->used == 6; });
    EXPECT_EQ(std::memcmp(protocol->memory.data(), "abcdef", 6), 0);
    // What does not fit has no place to go.
    send("ghi");
    co_await until([&] { return protocol->gone; });
  };
  collect_errors();
  complete(body());
  EXPECT_EQ(errors, names{"Fatal error: protocol.get_buffer() call failed."});
}

TEST_P(TransportTest, fact_90_writing_after_close_is_ignored_and_warned_of_from_the_fifth_on) {
  collect_errors();
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    auto kept = protocol->connected;
    kept->close();
    for (int i = 0; i != 4; ++i)
      kept->write("ignored");
    EXPECT_EQ(errors, names{});
    kept->write("ignored");
    EXPECT_EQ(errors, names{"write() was called on a transport that is closed"});
    co_await until([&] { return protocol->gone; });
    kept->write("ignored");
    EXPECT_EQ(kept->get_write_buffer_size(), 0u);
    EXPECT_EQ(received(), "");
  };
  complete(body());
}

TEST_P(TransportTest, fact_90_the_water_marks_are_64_and_16_KiB) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    const auto marks = [&] { return protocol->connected->get_write_buffer_limits(); };
    EXPECT_EQ(marks(), (water_marks{16 * 1024, 64 * 1024}));
    protocol->connected->set_write_buffer_limits(100);
    EXPECT_EQ(marks(), (water_marks{25, 100}));
    protocol->connected->set_write_buffer_limits(std::nullopt, 100);
    EXPECT_EQ(marks(), (water_marks{100, 400}));
    protocol->connected->set_write_buffer_limits(50, 50);
    EXPECT_EQ(marks(), (water_marks{50, 50}));
    EXPECT_THROW(protocol->connected->set_write_buffer_limits(50, 51), coral::value_error);
    protocol->connected->set_write_buffer_limits(std::nullopt);
    EXPECT_EQ(marks(), (water_marks{16 * 1024, 64 * 1024}));
    protocol->connected->close();
    co_return;
  };
  complete(body());
}

TEST_P(TransportTest, fact_90_a_protocol_pauses_above_the_high_mark_and_resumes_at_the_low) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    const std::string much(4'000'000, 'x');
    protocol->connected->write(much);
    EXPECT_EQ(log, (names{"made", "pause"}));
    protocol->connected->write("more");
    EXPECT_EQ(log, (names{"made", "pause"}));
    std::string seen;
    while (seen.size() != much.size() + 4) {
      seen += received();
      co_await coral::sleep(50us);
    }
    EXPECT_EQ(seen, much + "more");
    EXPECT_EQ(log, (names{"made", "pause", "resume"}));
    protocol->connected->close();
  };
  complete(body());
}

TEST_P(TransportTest, fact_90_writing_after_write_eof_throws) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    EXPECT_TRUE(protocol->connected->can_write_eof());
    protocol->connected->write_eof();
    protocol->connected->write_eof();
    try {
      protocol->connected->write("x");
      ADD_FAILURE() << "nothing was thrown";
    } catch (const coral::runtime_error &error) {
      EXPECT_STREQ(error.what(), "Cannot call write() after write_eof()");
    }
    send("still reading");
    co_await until([&] { return protocol->received == "still reading"; });
    protocol->connected->close();
  };
  complete(body());
}

TEST_P(TransportTest, CloseWritesWhatIsBuffered) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    const std::string much(1'000'000, 'x');
    protocol->connected->write(much);
    protocol->connected->close();
    co_await coral::sleep(1ms);
    EXPECT_FALSE(protocol->gone);
    std::string seen;
    while (seen.size() != much.size()) {
      seen += received();
      co_await coral::sleep(50us);
    }
    co_await until([&] { return protocol->gone; });
    EXPECT_FALSE(protocol->error);
  };
  complete(body());
}

TEST_P(TransportTest, WriteEofWaitsForWhatIsBuffered) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    const std::string much(1'000'000, 'x');
    protocol->connected->write(much);
    protocol->connected->write_eof();
    std::string seen;
    while (seen.size() != much.size()) {
      seen += received();
      co_await coral::sleep(50us);
    }
    char byte;
    co_await until([&] { return ::recv(far.get(), &byte, 1, 0) == 0; });
    protocol->connected->close();
  };
  complete(body());
}

TEST_P(TransportTest, AProtocolMayCloseWhenItResumes) {
  class closing : public recorder {
  public:
    closing(names &log, bool aborts) : recorder(log), aborts_(aborts) {}
    void resume_writing() override { aborts_ ? connected->abort() : connected->close(); }

  private:
    bool aborts_;
  };
  auto body = [this](bool aborts) -> task<void> {
    auto protocol = std::make_shared<closing>(log, aborts);
    coral::detail::start_transport(std::move(near), coral::detail::endpoint_kind::socket, protocol);
    protocol->connected->set_write_buffer_limits(1000, 0);
    const std::string much(1'000'000, 'x');
    protocol->connected->write(much);
    std::string seen;
    while (!protocol->gone) {
      seen += received();
      co_await coral::yield();
    }
    seen += received();
    EXPECT_EQ(seen.size(), much.size());
    co_await coral::yield();
    // The number is used again, and nobody else watches it.
    int both[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both), 0);
    near = owned_descriptor(both[0]);
    far = owned_descriptor(both[1]);
    auto next = connect();
    send("next");
    co_await until([&] { return next->received == "next"; });
    next->connected->close();
    co_await until([&] { return next->gone; });
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both), 0);
    near = owned_descriptor(both[0]);
    far = owned_descriptor(both[1]);
  };
  complete(body(false));
  complete(body(true));
}

TEST_P(TransportTest, ADatagramProtocolMayCloseWhenItResumes) {
  class closing final : public coral::datagram_protocol {
  public:
    void connection_made(coral::datagram_transport &t) override { made = t.shared_from_this(); }
    void pause_writing() override { paused = true; }
    void resume_writing() override { made->close(); }
    void connection_lost(std::exception_ptr) override {
      made.reset();
      gone = true;
    }
    std::shared_ptr<coral::datagram_transport> made;
    bool paused = false;
    bool gone = false;
  };
  auto body = [this]() -> task<void> {
    temporary_directory directory;
    const std::string path = directory / "socket";
    const socket_address there = socket_address::unix_path(path);
    owned_descriptor peer(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::bind(peer.get(), there.data(), there.size()), 0);
    auto protocol = std::make_shared<closing>();
    co_await coral::create_datagram_endpoint([&] { return protocol; }, {.remote_address = there});
    const std::string much(30'000, 'x');
    while (!protocol->paused)
      protocol->made->sendto(much);
    std::vector<char> space(much.size());
    while (!protocol->gone) {
      while (::recv(peer.get(), space.data(), space.size(), 0) > 0)
        ;
      co_await coral::yield();
    }
    // A descriptor of the same number is watched afresh.
    auto next = connect();
    send("next");
    co_await until([&] { return next->received == "next"; });
    next->connected->close();
    co_await until([&] { return next->gone; });
  };
  complete(body());
}

TEST_P(TransportTest, AbortDropsWhatIsBuffered) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    protocol->connected->write(std::string(1'000'000, 'x'));
    protocol->connected->abort();
    co_await coral::yield();
    EXPECT_TRUE(protocol->gone);
    EXPECT_LT(received().size(), 1'000'000u);
  };
  complete(body());
}

TEST_P(TransportTest, WritelinesOfMorePiecesThanOneCallTakes) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    std::vector<std::string> pieces;
    std::string all;
    for (int i = 0; i != 50; ++i)
      all += pieces.emplace_back(std::to_string(i) + ";");
    const std::vector<bytes_view> lines(pieces.begin(), pieces.end());
    protocol->connected->writelines(lines);
    protocol->connected->writelines({});
    std::string seen;
    while (seen.size() != all.size()) {
      seen += received();
      co_await coral::sleep(50us);
    }
    EXPECT_EQ(seen, all);
    protocol->connected->close();
  };
  complete(body());
}

TEST_P(TransportTest, APausedTransportReceivesNothing) {
  auto body = [this]() -> task<void> {
    auto protocol = connect();
    protocol->connected->pause_reading();
    protocol->connected->pause_reading();
    EXPECT_FALSE(protocol->connected->is_reading());
    send("later");
    co_await coral::sleep(1ms);
    EXPECT_EQ(protocol->received, "");
    protocol->connected->resume_reading();
    protocol->connected->resume_reading();
    co_await until([&] { return protocol->received == "later"; });
    protocol->connected->close();
    EXPECT_FALSE(protocol->connected->is_reading());
  };
  complete(body());
}

TEST_P(TransportTest, AnotherProtocolCanTakeOver) {
  auto body = [this]() -> task<void> {
    auto first = connect();
    names second_log;
    auto second = std::make_shared<recorder>(second_log);
    auto made = first->connected;
    made->set_protocol(second);
    EXPECT_EQ(made->get_protocol(), second);
    send("x");
    co_await until([&] { return second->received == "x"; });
    class neither : public coral::stream_protocol {};
    EXPECT_THROW(made->set_protocol(std::make_shared<neither>()), coral::type_error);
    made->close();
    co_await until([&] { return second->gone; });
    EXPECT_EQ(log, names{"made"});
    first->connected.reset();
  };
  complete(body());
}

TEST_P(TransportTest, ServersAndConnectionsOfProtocols) {
  auto body = [this]() -> task<void> {
    names server_log;
    std::shared_ptr<recorder> accepted;
    auto factory = [&] { return accepted = std::make_shared<recorder>(server_log); };
    coral::server serving = co_await coral::create_server(factory, "127.0.0.1", 0);
    auto own_factory = [this] { return std::make_shared<recorder>(log); };
    auto made = co_await coral::create_connection(own_factory, "127.0.0.1", serving.port());
    EXPECT_EQ(made.transport, made.protocol->connected);
    EXPECT_EQ(made.transport->remote_address(), serving.addresses().front());
    made.transport->write("to the server");
    co_await until([&] { return accepted && accepted->received == "to the server"; });
    EXPECT_EQ(accepted->connected->remote_address(), made.transport->local_address());
    made.transport->close();
    co_await until([&] { return accepted->gone && made.protocol->gone; });
    serving.close();
    co_await serving.wait_closed();
    EXPECT_EQ(server_log, (names{"made", "data", "eof", "lost"}));
  };
  complete(body());
  EXPECT_EQ(log, (names{"made", "lost"}));
}

TEST_P(TransportTest, PipesHaveOneDirection) {
  auto body = [this]() -> task<void> {
    coral::detail::descriptor_pair pipe = coral::detail::make_pipe();
    names writer_log;
    auto reader_factory = [this] { return std::make_shared<recorder>(log); };
    auto writer_factory = [&] { return std::make_shared<recorder>(writer_log); };
    auto reading = co_await coral::connect_read_pipe(reader_factory, pipe.first.get());
    auto writing = co_await coral::connect_write_pipe(writer_factory, pipe.second.get());
    pipe.first.reset();
    pipe.second.reset();
    EXPECT_FALSE(reading.transport->can_write_eof());
    EXPECT_THROW(reading.transport->write("x"), coral::runtime_error);
    EXPECT_THROW(writing.transport->pause_reading(), coral::runtime_error);
    const std::string much(300'000, 'p');
    writing.transport->write(much);
    writing.transport->write_eof();
    co_await until([&] { return reading.protocol->gone; });
    EXPECT_EQ(reading.protocol->received, much);
    EXPECT_EQ(writer_log.back(), "lost");
  };
  complete(body());
  EXPECT_EQ(log, (names{"made", "data", "eof", "lost"}));
}

TEST_P(TransportTest, APipeThatNobodyReadsIsClosedWithoutASignal) {
  auto body = [this]() -> task<void> {
    coral::detail::descriptor_pair pipe = coral::detail::make_pipe();
    auto factory = [this] { return std::make_shared<recorder>(log); };
    auto idle = co_await coral::connect_write_pipe(factory, pipe.second.get());
    pipe.first.reset();
    co_await until([&] { return idle.protocol->gone; });
    EXPECT_FALSE(idle.protocol->error);

    pipe = coral::detail::make_pipe();
    auto busy = co_await coral::connect_write_pipe(factory, pipe.second.get());
    busy.transport->write(std::string(300'000, 'p'));
    pipe.first.reset();
    co_await until([&] { return busy.protocol->gone; });
    EXPECT_TRUE(busy.protocol->error);

    pipe = coral::detail::make_pipe();
    auto late = co_await coral::connect_write_pipe(factory, pipe.second.get());
    pipe.first.reset();
    late.transport->write("SIGPIPE would end the program here");
    co_await until([&] { return late.protocol->gone; });
    EXPECT_TRUE(late.protocol->error);
  };
  complete(body());
}

/// Notes the datagrams it gets.
class datagrams : public coral::datagram_protocol {
public:
  void connection_made(coral::datagram_transport &t) override { connected = t.shared_from_this(); }
  void datagram_received(bytes_view data, const socket_address &from) override {
    received.emplace_back(std::string_view(data));
    last_from = from;
  }
  void error_received(std::error_code error) override { errors.push_back(error); }
  void connection_lost(std::exception_ptr) override {
    connected.reset();
    ++lost;
  }
  std::shared_ptr<coral::datagram_transport> connected;
  names received;
  socket_address last_from;
  std::vector<std::error_code> errors;
  int lost = 0;
};

TEST_P(TransportTest, DatagramsGoBothWays) {
  auto body = []() -> task<void> {
    auto factory = [] { return std::make_shared<datagrams>(); };
    const socket_address any("127.0.0.1", 0);
    auto server = co_await coral::create_datagram_endpoint(factory, {.local_address = any});
    const socket_address at = server.transport->local_address();
    auto client = co_await coral::create_datagram_endpoint(factory, {.remote_address = at});
    client.transport->sendto("one");
    client.transport->sendto("");
    client.transport->sendto(std::string(10'000, 'x'), at);
    co_await until([&] { return server.protocol->received.size() == 3; });
    EXPECT_EQ(server.protocol->received, (names{"one", "", std::string(10'000, 'x')}));
    EXPECT_EQ(server.protocol->last_from, client.transport->local_address());
    server.transport->sendto("answer", server.protocol->last_from);
    co_await until([&] { return client.protocol->received == names{"answer"}; });
    EXPECT_THROW(server.transport->sendto("to whom"), coral::value_error);
    EXPECT_THROW(client.transport->sendto("x", any), coral::value_error);
    client.transport->close();
    client.transport->sendto("ignored");
    server.transport->abort();
    co_await until([&] { return server.protocol->lost && client.protocol->lost; });
    EXPECT_EQ(client.protocol->lost, 1);
  };
  complete(body());
}

TEST_P(TransportTest, ADatagramThatCannotBeSentIsToldOf) {
  auto body = []() -> task<void> {
    auto factory = [] { return std::make_shared<datagrams>(); };
    auto probe = co_await coral::create_datagram_endpoint(
        factory, {.local_address = socket_address("127.0.0.1", 0)});
    const socket_address nobody = probe.transport->local_address();
    probe.transport->close();
    co_await coral::yield();
    auto client = co_await coral::create_datagram_endpoint(factory, {.remote_address = nobody});
    client.transport->sendto("anybody?");
    co_await until([&] { return !client.protocol->errors.empty(); });
    EXPECT_EQ(client.protocol->errors.front(), std::errc::connection_refused);
    client.transport->sendto(std::string(100'000, 'x'));
    EXPECT_EQ(client.protocol->errors.back(), std::errc::message_size);
    EXPECT_FALSE(client.transport->is_closing());
    client.transport->close();
  };
  complete(body());
}

TEST_P(TransportTest, ADatagramEndpointNeedsAFamily) {
  auto factory = [] { return std::make_shared<datagrams>(); };
  EXPECT_THROW(complete(coral::create_datagram_endpoint(factory)), coral::value_error);
}

TEST_P(TransportTest, ALoopThatClosesDropsTransportsUncalled) {
  auto body = [this]() -> task<connection<coral::datagram_transport, datagrams>> {
    connect();
    auto factory = [] { return std::make_shared<datagrams>(); };
    co_return co_await coral::create_datagram_endpoint(factory, {.family = AF_INET});
  };
  auto datagram = complete(body());
  loop().close();
  EXPECT_EQ(log, names{"made"});
  EXPECT_EQ(datagram.protocol->lost, 0);
  EXPECT_TRUE(datagram.transport->is_closing());
  datagram.transport->close();
  datagram.transport->sendto("ignored");
}

TEST_P(TransportTest, InDebugModeALoopThatClosesReportsWhatWasNotClosed) {
  collect_errors();
  loop().set_debug(true);
  auto body = [this]() -> task<connection<coral::datagram_transport, datagrams>> {
    connect();
    auto factory = [] { return std::make_shared<datagrams>(); };
    auto closed = co_await coral::create_datagram_endpoint(factory, {.family = AF_INET});
    closed.transport->close();
    const socket_address any("127.0.0.1", 0);
    co_return co_await coral::create_datagram_endpoint(factory, {.local_address = any});
  };
  auto datagram = complete(body());
  const std::string own = datagram.transport->local_address().to_string();
  loop().close();
  EXPECT_EQ(errors, (names{"unclosed transport", "unclosed transport " + own}));
}

TEST_P(TransportTest, OutsideOfDebugModeWhatWasNotClosedIsClosedSilently) {
  collect_errors();
  auto body = [this]() -> task<void> {
    connect();
    co_return;
  };
  complete(body());
  loop().close();
  EXPECT_EQ(errors, names{});
}

} // namespace
