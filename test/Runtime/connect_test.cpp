// Connecting to one of several addresses: every test runs on every backend.

#include "io_fixture.hpp"

#include <coral/dns.hpp>
#include <coral/errors.hpp>
#include <coral/streams.hpp>
#include <coral/tasks.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <system_error>
#include <vector>

namespace {

using coral::connect_options;
using coral::socket_address;
using coral::task;
using coral::detail::connect_any;
using coral::detail::owned_descriptor;
using namespace std::chrono_literals;

const socket_address free_port("127.0.0.1", 0);

socket_address local_address_of(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr *>(&storage), &size);
  return {reinterpret_cast<sockaddr *>(&storage), size};
}

socket_address remote_address_of(const owned_descriptor &fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  ::getpeername(fd.get(), reinterpret_cast<sockaddr *>(&storage), &size);
  return {reinterpret_cast<sockaddr *>(&storage), size};
}

owned_descriptor bound_socket() {
  owned_descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::bind(fd.get(), free_port.data(), free_port.size());
  return fd;
}

/// An address that refuses: bound, so that nobody else listens there.
struct refusing_address {
  owned_descriptor fd = bound_socket();
  socket_address address = local_address_of(fd.get());
};

struct answering_address : refusing_address {
  answering_address() { ::listen(fd.get(), 10); }
};

/// An address that never answers: its backlog is full.
struct silent_address : refusing_address {
  silent_address() {
    ::listen(fd.get(), 0);
    for (int i = 0; i != 4; ++i) {
      fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fillers.back().get(), address.data(), address.size());
    }
  }
  std::vector<owned_descriptor> fillers;
};

class ConnectTest : public IoTest {
protected:
  owned_descriptor connect(std::vector<socket_address> addresses, connect_options options = {}) {
    return complete(connect_any(std::move(addresses), options));
  }

  std::string error_of(std::vector<socket_address> addresses, connect_options options = {}) {
    return message_of<std::system_error>(
        [&] { static_cast<void>(connect(std::move(addresses), options)); });
  }
};
CORAL_ON_EVERY_LOOP(ConnectTest);

TEST_P(ConnectTest, TheNextAddressIsTriedWhenOneRefuses) {
  const refusing_address refusing;
  const answering_address answering;
  const owned_descriptor fd = connect({refusing.address, answering.address});
  EXPECT_EQ(remote_address_of(fd), answering.address);
}

TEST_P(ConnectTest, TheLocalAddressIsTheOneAskedFor) {
  const answering_address answering;
  const owned_descriptor fd =
      connect({answering.address}, {.local_address = socket_address("127.0.0.1", 0)});
  EXPECT_EQ(local_address_of(fd.get()).host(), "127.0.0.1");
  EXPECT_THROW(connect({answering.address}, {.local_address = socket_address("::1", 0)}),
               coral::value_error);
}

TEST_P(ConnectTest, fact_94_one_error_is_thrown_as_it_is) {
  const refusing_address refusing;
  EXPECT_EQ(error_of({refusing.address}),
            "Connect call failed " + refusing.address.to_string() + ": Connection refused");
}

TEST_P(ConnectTest, fact_94_equal_errors_are_one) {
  const refusing_address refusing;
  EXPECT_EQ(error_of({refusing.address, refusing.address}),
            "Connect call failed " + refusing.address.to_string() + ": Connection refused");
}

TEST_P(ConnectTest, fact_94_all_errors_are_combined) {
  const refusing_address first;
  const refusing_address second;
  for (const connect_options &options :
       {connect_options{}, connect_options{.happy_eyeballs_delay = 1ms}}) {
    const std::string text = error_of({first.address, second.address}, options);
    EXPECT_EQ(text.find("Multiple exceptions: Connect call failed " + first.address.to_string()),
              0u)
        << text;
    EXPECT_NE(text.find("Connect call failed " + second.address.to_string()), text.npos) << text;
  }
}

TEST_P(ConnectTest, fact_94_the_next_attempt_begins_after_the_delay) {
  const silent_address silent;
  const answering_address answering;
  const owned_descriptor fd =
      connect({silent.address, answering.address}, {.happy_eyeballs_delay = 1ms});
  EXPECT_EQ(remote_address_of(fd), answering.address);
}

TEST_P(ConnectTest, fact_94_a_failure_does_not_wait_for_the_delay) {
  const refusing_address refusing;
  const answering_address answering;
  const auto begin = loop().time();
  const owned_descriptor fd =
      connect({refusing.address, answering.address}, {.happy_eyeballs_delay = 1h});
  EXPECT_EQ(remote_address_of(fd), answering.address);
  EXPECT_LT(loop().time() - begin, 1h);
}

TEST_P(ConnectTest, fact_94_the_first_attempt_has_a_head_start) {
  const answering_address first;
  const answering_address second;
  const owned_descriptor fd =
      connect({first.address, second.address}, {.happy_eyeballs_delay = 1h});
  EXPECT_EQ(remote_address_of(fd), first.address);
}

TEST_P(ConnectTest, fact_94_a_race_that_is_cancelled_leaves_nothing) {
  const silent_address silent;
  auto body = [&]() -> task<void> {
    auto racing = coral::create_task(connect_any({silent.address, silent.address, silent.address},
                                                 {.happy_eyeballs_delay = 1ms}));
    co_await coral::sleep(5ms);
    racing.cancel();
    bool cancelled = false;
    try {
      co_await racing;
    } catch (const coral::cancelled_error &) {
      cancelled = true;
    }
    EXPECT_TRUE(cancelled);
  };
  complete(body());
}

TEST_P(ConnectTest, ANameIsResolved) {
  const answering_address answering;
  const owned_descriptor fd = complete(
      coral::detail::connect_tcp("localhost", answering.address.port(), {.family = AF_INET}));
  EXPECT_EQ(remote_address_of(fd), answering.address);
}

TEST_P(ConnectTest, ANameThatIsNoNameIsAGaierror) {
  auto look_up = [&] { complete(coral::open_connection("host.invalid", 1)); };
  EXPECT_THROW(look_up(), coral::gaierror);
}

TEST_P(ConnectTest, ANumericHostIsAnsweredAtOnce) {
  auto body = []() -> task<void> {
    auto looking = coral::create_task(coral::getaddrinfo("127.0.0.1", "80", {.type = SOCK_STREAM}));
    co_await coral::yield();
    EXPECT_TRUE(looking.done());
    const std::vector<coral::address_info> found = co_await looking;
    EXPECT_EQ(found.size(), 1u);
    EXPECT_EQ(found.front().address, socket_address("127.0.0.1", 80));
    EXPECT_EQ(found.front().type, SOCK_STREAM);
  };
  complete(body());
}

TEST_P(ConnectTest, AnAddressHasANameAgain) {
  const auto [host, service] = complete(
      coral::getnameinfo(socket_address("127.0.0.1", 80), NI_NUMERICHOST | NI_NUMERICSERV));
  EXPECT_EQ(host, "127.0.0.1");
  EXPECT_EQ(service, "80");
}

TEST(SocketAddress, IsWhatItWasMadeOf) {
  const socket_address v4("127.0.0.1", 80);
  EXPECT_EQ(v4.host(), "127.0.0.1");
  EXPECT_EQ(v4.port(), 80);
  EXPECT_EQ(v4.to_string(), "127.0.0.1:80");
  const socket_address v6("::1", 443);
  EXPECT_EQ(v6.family(), AF_INET6);
  EXPECT_EQ(v6.to_string(), "[::1]:443");
  EXPECT_NE(v4, v6);
  EXPECT_EQ(v6, socket_address("0:0::1", 443));
  const socket_address path = socket_address::unix_path("/tmp/x");
  EXPECT_EQ(path.path(), "/tmp/x");
  EXPECT_EQ(path.host(), "");
  EXPECT_EQ(path.port(), 0);
  EXPECT_EQ(socket_address::unix_path(std::string("\0name", 5)).path(), std::string("\0name", 5));
  EXPECT_EQ(socket_address().family(), AF_UNSPEC);
}

TEST(SocketAddress, ANameIsNoAddress) {
  EXPECT_THROW(socket_address("localhost", 80), coral::value_error);
  EXPECT_THROW(socket_address("", 80), coral::value_error);
  EXPECT_THROW(socket_address("1.2.3.4.5", 80), coral::value_error);
}

TEST(Interleave, AlternatesTheFamilies) {
  std::vector<coral::address_info> found;
  for (const char *host : {"::1", "::2", "::3", "127.0.0.1", "127.0.0.2"}) {
    const socket_address address(host, 1);
    found.push_back({address.family(), SOCK_STREAM, 0, address, ""});
  }
  const auto hosts = [&](std::size_t count) {
    names all;
    for (const socket_address &address : coral::detail::interleave(found, count))
      all.push_back(address.host());
    return all;
  };
  EXPECT_EQ(hosts(0), (names{"::1", "::2", "::3", "127.0.0.1", "127.0.0.2"}));
  EXPECT_EQ(hosts(1), (names{"::1", "127.0.0.1", "::2", "127.0.0.2", "::3"}));
  EXPECT_EQ(hosts(2), (names{"::1", "::2", "127.0.0.1", "::3", "127.0.0.2"}));
}

} // namespace
