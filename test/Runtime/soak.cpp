// Many echo connections at once, most of which do not end well.
//
//     soak [--connections N] [--seconds S] [--seed X] [--loop uv|asio|boost_asio|manual]
//
// A server and its clients run in two processes. Each of N clients connects, and when the server
// has all of them at once, each goes on and connects over and over, for S seconds, sends bytes that
// say where they belong, and checks what comes back. Connections end in all the ways there are: to
// the last byte, closed in the middle, reset by either side, failed in the server's task,
// cancelled, or timed out. At the end
//
// - a connection that ended well gave back every byte, in its place;
// - no connection gave back a byte that was not sent, or in another place;
// - the server had N connections at once;
// - both processes have no connection, task, coroutine or descriptor left.
//
// Exits with 0 if so. The same seed makes the same plans; the machine makes the order.

#include "loop_backends.hpp"

#include <coral/errors.hpp>
#include <coral/locks.hpp>
#include <coral/streams.hpp>
#include <coral/tasks.hpp>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using coral::stream_reader;
using coral::stream_writer;
using coral::task;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

struct settings {
  unsigned connections = 300;
  std::chrono::seconds seconds{2};
  std::uint64_t seed = 1;
  std::string loop = "uv";
};

/// Lives in every coroutine of the program's own.
class coroutine_mark {
public:
  coroutine_mark() { ++alive; }
  coroutine_mark(const coroutine_mark &) = delete;
  coroutine_mark &operator=(const coroutine_mark &) = delete;
  ~coroutine_mark() { --alive; }
  static inline long alive = 0;
};

[[noreturn]] void give_up(const std::string &why) {
  std::fprintf(stderr, "soak: %s\n", why.c_str());
  std::exit(1);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto &each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

std::unique_ptr<coral::event_loop> make_loop(const std::string &name) {
  constexpr std::pair<const char *, std::unique_ptr<coral::event_loop> (*)()> kinds[] = {
      {uv_backend::name, uv_backend::create},
      {asio_backend::name, asio_backend::create},
      {boost_asio_backend::name, boost_asio_backend::create},
      {manual_backend::name, manual_backend::create},
  };
  for (const auto &[known, create] : kinds)
    if (name == known)
      return create();
  give_up("no loop is called '" + name + "'");
}

void reset(const stream_writer &writer) {
  const linger hard{1, 0};
  ::setsockopt(writer.transport().native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  writer.transport().abort();
}

// What the server is asked to do, in the first byte of a connection.
enum request : char {
  echo_all = 'e',
  close_early = 'c',
  reset_early = 'r',
  fail_early = 'f',
};

/// What the server tells at its end.
struct server_report {
  std::uint64_t connections = 0;
  std::uint64_t most_at_once = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;
  std::uint64_t descriptors_left = 0;
  std::uint64_t coroutines_left = 0;
  std::uint64_t tasks_left = 0;
};

struct expected_failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<void> serve_one(server_report &report, stream_reader reader, stream_writer writer) {
  const coroutine_mark mark;
  constexpr std::size_t early = 3000;
  ++report.connections;
  report.most_at_once =
      std::max(report.most_at_once, static_cast<std::uint64_t>(coroutine_mark::alive));
  try {
    const std::string asked = co_await reader.readexactly(1);
    std::size_t echoed = 0;
    for (;;) {
      const std::string data = co_await reader.read(16 * 1024);
      if (data.empty())
        break;
      report.bytes += data.size();
      writer.write(data);
      co_await writer.drain();
      echoed += data.size();
      if (asked[0] != echo_all && echoed > early) {
        if (asked[0] == fail_early)
          throw expected_failure("as asked");
        if (asked[0] == reset_early)
          reset(writer);
        break;
      }
    }
    writer.close();
    co_await writer.wait_closed();
  } catch (const std::system_error &) {
    // The client is gone.
  } catch (const coral::incomplete_read_error &) {
    // It was gone before it said anything.
  }
}

/// Serves until `until_closed` is at its end.
server_report serve(const settings &how, int port_to, int until_closed) {
  server_report report;
  static_cast<void>(make_loop(how.loop));
  const std::size_t descriptors = open_descriptors();
  {
    const std::unique_ptr<coral::event_loop> loop = make_loop(how.loop);
    loop->set_exception_handler([&](coral::event_loop &, const coral::exception_context &context) {
      try {
        if (context.exception)
          std::rethrow_exception(context.exception);
      } catch (const expected_failure &) {
        return;
      } catch (...) {
      }
      ++report.failures;
      coral::event_loop::default_exception_handler(context);
    });
    auto main = [&]() -> task<void> {
      auto connected = [&](stream_reader reader, stream_writer writer) {
        return serve_one(report, std::move(reader), std::move(writer));
      };
      coral::server server =
          co_await coral::start_server(connected, "0.0.0.0", 0, {.backlog = 4096});
      const std::uint16_t port = server.port();
      if (::write(port_to, &port, sizeof port) != sizeof port)
        give_up("the clients are gone");
      coral::stream_pair parent = coral::open_socket(until_closed);
      co_await parent.reader.read();
      server.close();
      co_await server.wait_closed();
      // A connection is closed before its task is done.
      for (int i = 0; coroutine_mark::alive && i != 1000; ++i)
        co_await coral::sleep(1ms);
      report.tasks_left = coral::all_tasks().size() - 1;
    };
    loop->run_until_complete(main());
  }
  report.coroutines_left = static_cast<std::uint64_t>(coroutine_mark::alive);
  report.descriptors_left = open_descriptors() - descriptors;
  return report;
}

struct client_report {
  std::uint64_t complete = 0;
  std::uint64_t cut_short = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t refused = 0;
  std::uint64_t sent = 0;
  std::uint64_t verified = 0;
  std::uint64_t unread = 0;
  bool all_were_there = false;
  std::vector<std::string> faults;
};

/// How a client ends its connection.
enum class ending { complete, closed, reset, by_server };

/// One connection: the bytes at each of its offsets, and what came back so far.
class conversation {
public:
  conversation(client_report &report, std::uint64_t number) : report_(report), number_(number) {}
  ~conversation() { report_.unread += sent_ - verified_; }
  conversation(const conversation &) = delete;
  conversation &operator=(const conversation &) = delete;

  std::string next(std::size_t size) {
    std::string bytes(size, '\0');
    for (char &byte : bytes)
      byte = at(sent_++);
    report_.sent += size;
    return bytes;
  }

  void verify(std::string_view bytes) {
    for (char byte : bytes)
      if (verified_ == sent_ || byte != at(verified_++))
        throw std::logic_error("connection " + std::to_string(number_) +
                               " got a byte in a wrong place");
    report_.verified += bytes.size();
  }

  bool complete() const { return verified_ == sent_; }
  std::uint64_t missing() const { return sent_ - verified_; }

private:
  char at(std::uint64_t offset) const {
    return static_cast<char>((offset * 0x9E3779B97F4A7C15u + number_ * 0xC2B2AE3D27D4EB4Fu) >> 56);
  }

  client_report &report_;
  std::uint64_t number_;
  std::uint64_t sent_ = 0;
  std::uint64_t verified_ = 0;
};

/// The first conversation of each client waits at `all_there` when the server has answered it.
task<void> converse(client_report &report, std::uint16_t port, std::uint64_t seed,
                    coral::barrier *all_there) {
  const coroutine_mark mark;
  std::mt19937_64 random(seed);
  const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
  constexpr request requests[] = {echo_all, close_early, reset_early, fail_early};
  constexpr ending endings[] = {ending::complete, ending::complete, ending::closed, ending::reset};
  const request asked = up_to(3) ? echo_all : requests[up_to(3)];
  const ending planned = asked == echo_all ? endings[up_to(3)] : ending::by_server;

  conversation talk(report, seed);
  // Many addresses, so that the ports of closed connections are not used up.
  const std::string host = "127.0.0." + std::to_string(1 + up_to(199));
  auto [reader, writer] = co_await coral::open_connection(host, port);
  writer.write(std::string(1, asked));
  if (all_there) {
    writer.write(talk.next(1));
    talk.verify(co_await reader.readexactly(1));
    co_await all_there->wait();
    report.all_were_there = true;
  }
  for (std::uint64_t messages = 1 + up_to(7); messages != 0; --messages) {
    const std::size_t size = up_to(20) ? 1 + up_to(4096) : up_to(300'000);
    writer.write(talk.next(size));
    co_await writer.drain();
    if (up_to(1)) {
      const std::string some = co_await reader.read(1 + up_to(8192));
      if (some.empty())
        break;
      talk.verify(some);
    }
    co_await coral::sleep(std::chrono::milliseconds(up_to(400)));
  }
  switch (planned) {
  case ending::complete:
    writer.write_eof();
    talk.verify(co_await reader.read());
    if (!talk.complete())
      throw std::logic_error("connection " + std::to_string(seed) + " misses " +
                             std::to_string(talk.missing()) + " bytes");
    ++report.complete;
    break;
  case ending::closed:
    writer.close();
    co_await writer.wait_closed();
    ++report.cut_short;
    break;
  case ending::reset:
    reset(writer);
    ++report.cut_short;
    break;
  case ending::by_server:
    writer.write_eof();
    talk.verify(co_await reader.read());
    ++report.cut_short;
    break;
  }
}

/// One client: connection after connection, every few of them cancelled on the way.
task<void> client(client_report &report, std::uint16_t port, std::uint64_t seed,
                  std::chrono::seconds time, coral::barrier &all_there) {
  const coroutine_mark mark;
  std::mt19937_64 random(seed);
  coral::event_loop &loop = coral::get_running_loop();
  co_await coral::sleep(std::chrono::milliseconds(random() % 1000));
  std::optional<clock_type::time_point> end;
  while (!end || clock_type::now() < *end) {
    auto talking = coral::create_task(converse(report, port, random(), end ? nullptr : &all_there));
    std::optional<coral::handle> timeout;
    if (end && random() % 4 == 0)
      timeout = loop.call_later(std::chrono::microseconds(random() % 1'000'000),
                                [talking]() mutable { talking.cancel(); });
    try {
      co_await talking;
    } catch (const coral::cancelled_error &) {
      ++report.cancelled;
    } catch (const std::system_error &error) {
      // Reset by the server; or the backlog was full for too long.
      if (error.code() == std::errc::connection_refused)
        ++report.refused;
      else
        ++report.cut_short;
    } catch (const std::logic_error &fault) {
      report.faults.push_back(fault.what());
    }
    if (timeout)
      timeout->cancel();
    if (!report.all_were_there)
      give_up("a client got no first answer");
    if (!end)
      end = clock_type::now() + time;
  }
}

int run_clients(const settings &how, std::uint16_t port) {
  static_cast<void>(make_loop(how.loop));
  const std::size_t descriptors = open_descriptors();
  client_report report;
  {
    const std::unique_ptr<coral::event_loop> loop = make_loop(how.loop);
    loop->set_exception_handler([&](coral::event_loop &, const coral::exception_context &context) {
      report.faults.push_back(context.message);
    });
    auto main = [&]() -> task<void> {
      coral::barrier all_there(how.connections);
      std::mt19937_64 random(how.seed);
      std::vector<task<void>> clients;
      for (unsigned i = 0; i != how.connections; ++i)
        clients.push_back(client(report, port, random(), how.seconds, all_there));
      co_await coral::gather(std::move(clients));
      co_await coral::sleep(10ms);
      if (coral::all_tasks().size() != 1)
        report.faults.push_back("tasks are left");
    };
    loop->run_until_complete(main());
  }
  if (coroutine_mark::alive)
    report.faults.push_back(std::to_string(coroutine_mark::alive) + " coroutines are left");
  if (open_descriptors() != descriptors)
    report.faults.push_back("descriptors are left");
  if (report.sent != report.verified + report.unread)
    report.faults.push_back("bytes are not accounted for");
  if (report.complete == 0 || report.cut_short == 0 || report.cancelled == 0)
    report.faults.push_back("not every kind of ending happened");
  std::printf("clients: %llu complete, %llu cut short, %llu cancelled, %llu refused; "
              "%llu bytes sent, %llu verified, %llu in connections that were cut\n",
              static_cast<unsigned long long>(report.complete),
              static_cast<unsigned long long>(report.cut_short),
              static_cast<unsigned long long>(report.cancelled),
              static_cast<unsigned long long>(report.refused),
              static_cast<unsigned long long>(report.sent),
              static_cast<unsigned long long>(report.verified),
              static_cast<unsigned long long>(report.unread));
  for (const std::string &fault : report.faults)
    std::fprintf(stderr, "soak: client: %s\n", fault.c_str());
  return report.faults.empty() ? 0 : 1;
}

int judge(const settings &how, const server_report &report) {
  std::printf("server: %llu connections, %llu at once, %llu bytes\n",
              static_cast<unsigned long long>(report.connections),
              static_cast<unsigned long long>(report.most_at_once),
              static_cast<unsigned long long>(report.bytes));
  const std::pair<const char *, std::uint64_t> faults[] = {
      {"unexpected failures", report.failures},
      {"descriptors left", report.descriptors_left},
      {"coroutines left", report.coroutines_left},
      {"tasks left", report.tasks_left},
  };
  int result = 0;
  if (report.most_at_once < how.connections) {
    std::fprintf(stderr, "soak: server: never had %u connections at once\n", how.connections);
    result = 1;
  }
  for (const auto &[what, count] : faults)
    if (count) {
      std::fprintf(stderr, "soak: server: %llu %s\n", static_cast<unsigned long long>(count), what);
      result = 1;
    }
  return result;
}

settings parse(int argc, char **argv) {
  settings how;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc)
      give_up(std::string(name) + " needs a value");
    const char *value = argv[i + 1];
    if (name == "--connections")
      how.connections = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    else if (name == "--seconds")
      how.seconds = std::chrono::seconds(std::strtoul(value, nullptr, 10));
    else if (name == "--seed")
      how.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--loop")
      how.loop = value;
    else
      give_up("unknown option '" + std::string(name) + "'");
  }
  return how;
}

} // namespace

int main(int argc, char **argv) {
  const settings how = parse(argc, argv);
  int link[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, link) != 0)
    give_up("socketpair");
  const pid_t server = ::fork();
  if (server == 0) {
    ::close(link[0]);
    const server_report report = serve(how, link[1], link[1]);
    std::exit(::write(link[1], &report, sizeof report) == sizeof report ? 0 : 1);
  }
  ::close(link[1]);
  std::uint16_t port = 0;
  if (::read(link[0], &port, sizeof port) != sizeof port)
    give_up("the server is gone");
  int result = run_clients(how, port);
  ::shutdown(link[0], SHUT_WR);
  server_report report;
  if (::read(link[0], &report, sizeof report) != sizeof report)
    give_up("the server is gone");
  result |= judge(how, report);
  int status = 0;
  ::waitpid(server, &status, 0);
  return result | (status != 0);
}
