// Sockets that connect and sockets that listen.

#include "datagram_transport.hpp"
#include "server_state.hpp"
#include "sockets.hpp"
#include "stream_core.hpp"
#include "stream_transport.hpp"

#include <coral/dns.hpp>
#include <coral/errors.hpp>
#include <coral/tasks.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace coral::detail {
namespace {

task<owned_descriptor> connect_to(socket_address to, std::optional<socket_address> from) {
  event_loop &loop = get_running_loop();
  owned_descriptor fd = make_socket(to.family(), SOCK_STREAM);
  if (from && ::bind(fd.get(), from->data(), from->size()) < 0)
    throw_errno(("error while attempting to bind on address " + from->to_string()).c_str());
  int error = ::connect(fd.get(), to.data(), to.size()) < 0 ? errno : 0;
  if (error == EINPROGRESS || error == EINTR) {
    co_await descriptor_awaiter(loop, fd.get(), io_direction::write);
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) < 0)
      error = errno;
  }
  if (error)
    throw_errno(error, ("Connect call failed " + to.to_string()).c_str());
  set_no_delay(fd.get(), to.family());
  co_return fd;
}

/// One exception for all that went wrong.
[[noreturn]] void throw_combined(const std::vector<std::exception_ptr> &errors) {
  std::vector<std::string> texts;
  std::error_code first;
  for (const std::exception_ptr &error : errors) {
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error &failure) {
      if (texts.empty())
        first = failure.code();
      texts.push_back(failure.what());
    }
  }
  if (std::ranges::all_of(texts, [&](const std::string &text) { return text == texts.front(); }))
    std::rethrow_exception(errors.front());
  std::string all = "Multiple exceptions: ";
  for (const std::string &text : texts)
    all += (&text == &texts.front() ? "" : ", ") + text;
  throw std::system_error(first, all);
}

/// Attempts to connect, beside each other; the first that succeeds wins.
struct connect_race {
  explicit connect_race(event_loop &loop) : loop(loop) {}

  event_loop &loop;
  std::optional<owned_descriptor> winner;
  std::vector<std::exception_ptr> errors;
  std::size_t begun = 0;
  std::size_t running = 0;
  /// The attempt begun last has failed, or had its time.
  bool next_may_begin = false;
  waiter_list changed;
};

task<void> attempt(std::shared_ptr<connect_race> race, std::size_t number, socket_address to,
                   std::optional<socket_address> from) {
  struct participation {
    connect_race &race;
    explicit participation(connect_race &race) : race(race) { ++race.running; }
    ~participation() {
      --race.running;
      race.changed.wake_all(race.loop);
    }
  } here(*race);
  try {
    owned_descriptor fd = co_await connect_to(to, from);
    if (!race->winner)
      race->winner = std::move(fd);
  } catch (const std::system_error &) {
    race->errors.push_back(std::current_exception());
    if (number == race->begun)
      race->next_may_begin = true;
  }
}

task<void> run_race(std::shared_ptr<connect_race> race, std::vector<socket_address> addresses,
                    std::optional<socket_address> from, event_loop::duration delay,
                    std::vector<scheduled_task<void>> &attempts) {
  while (!race->winner && race->errors.size() != addresses.size()) {
    if (race->begun != addresses.size() && (race->begun == 0 || race->next_may_begin)) {
      race->next_may_begin = false;
      const socket_address &next = addresses[race->begun++];
      attempts.push_back(create_task(attempt(race, race->begun, next, from)));
    }
    struct stagger {
      std::optional<handle> timer;
      ~stagger() {
        if (timer)
          timer->cancel();
      }
    } until_next;
    if (race->begun != addresses.size())
      until_next.timer = race->loop.call_later(delay, [race] {
        race->next_may_begin = true;
        race->changed.wake_all(race->loop);
      });
    co_await race->changed.wait(race->loop);
  }
}

/// asyncio's `staggered_race`.
task<owned_descriptor> connect_staggered(std::vector<socket_address> addresses,
                                         std::optional<socket_address> from,
                                         event_loop::duration delay) {
  const auto race = std::make_shared<connect_race>(get_running_loop());
  std::vector<scheduled_task<void>> attempts;
  std::exception_ptr interrupted;
  try {
    co_await run_race(race, std::move(addresses), from, delay, attempts);
  } catch (...) {
    interrupted = std::current_exception();
  }
  for (scheduled_task<void> &each : attempts)
    each.cancel();
  while (race->running != 0) {
    try {
      co_await race->changed.wait(race->loop);
    } catch (...) {
      interrupted = std::current_exception();
    }
  }
  if (interrupted)
    std::rethrow_exception(interrupted);
  if (!race->winner)
    throw_combined(race->errors);
  co_return std::move(*race->winner);
}

} // namespace

std::vector<socket_address> interleave(const std::vector<address_info> &found,
                                       std::size_t first_family_count) {
  std::vector<socket_address> ordered;
  if (first_family_count == 0) {
    for (const address_info &info : found)
      ordered.push_back(info.address);
    return ordered;
  }
  std::vector<std::deque<socket_address>> families;
  for (const address_info &info : found) {
    auto same = std::ranges::find_if(families, [&](const std::deque<socket_address> &family) {
      return family.front().family() == info.address.family();
    });
    if (same == families.end())
      same = families.emplace(families.end());
    same->push_back(info.address);
  }
  const auto take = [&](std::deque<socket_address> &family) {
    if (family.empty())
      return;
    ordered.push_back(family.front());
    family.pop_front();
  };
  for (std::size_t i = 1; i < first_family_count && !families.empty(); ++i)
    take(families.front());
  while (ordered.size() != found.size())
    for (std::deque<socket_address> &family : families)
      take(family);
  return ordered;
}

task<owned_descriptor> connect_any(std::vector<socket_address> addresses, connect_options options) {
  if (options.local_address)
    std::erase_if(addresses, [&](const socket_address &address) {
      return address.family() != options.local_address->family();
    });
  if (addresses.empty())
    throw value_error("no address to connect to has the family of the local address");
  if (options.happy_eyeballs_delay)
    co_return co_await connect_staggered(std::move(addresses), options.local_address,
                                         *options.happy_eyeballs_delay);
  std::vector<std::exception_ptr> errors;
  for (const socket_address &address : addresses) {
    try {
      co_return co_await connect_to(address, options.local_address);
    } catch (const std::system_error &) {
      errors.push_back(std::current_exception());
    }
  }
  throw_combined(errors);
}

task<owned_descriptor> connect_tcp(std::string host, std::uint16_t port, connect_options options) {
  const std::vector<address_info> found = co_await getaddrinfo(
      std::move(host), std::to_string(port), {.family = options.family, .type = SOCK_STREAM});
  const std::size_t count = options.interleave.value_or(options.happy_eyeballs_delay ? 1 : 0);
  co_return co_await connect_any(interleave(found, count), std::move(options));
}

task<owned_descriptor> connect_unix(std::string path) {
  const socket_address to = socket_address::unix_path(path);
  for (event_loop::duration delay = std::chrono::milliseconds(1);; delay *= 2) {
    try {
      co_return co_await connect_to(to, std::nullopt);
    } catch (const std::system_error &error) {
      // The server's backlog is full. Of a Unix socket no event says when it no longer is.
      if (error.code() != std::errc::resource_unavailable_try_again)
        throw;
    }
    co_await sleep(std::min<event_loop::duration>(delay, std::chrono::milliseconds(64)));
  }
}

std::shared_ptr<transport> start_transport(owned_descriptor fd, endpoint_kind kind,
                                           std::shared_ptr<stream_protocol> p) {
  set_nonblocking(fd.get());
  auto made = std::make_shared<stream_transport>(get_running_loop(), std::move(fd), kind);
  made->start(std::move(p));
  return made;
}

namespace {

owned_descriptor bind_to(const address_info &info, const server_options &options) {
  owned_descriptor fd = make_socket(info.family, info.type, info.protocol);
  if (options.reuse_address)
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  if (options.reuse_port)
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
  // IPv4 has a socket of its own.
  if (info.family == AF_INET6)
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY");
  if (::bind(fd.get(), info.address.data(), info.address.size()) < 0)
    throw_errno(("error while attempting to bind on address " + info.address.to_string()).c_str());
  return fd;
}

bool family_is_off(const std::error_code &error) {
  return error == std::errc::address_not_available ||
         error == std::errc::address_family_not_supported;
}

} // namespace

task<server> start_transport_server(stream_factory factory, std::string host, std::uint16_t port,
                                    server_options options) {
  const std::vector<address_info> found =
      co_await getaddrinfo(std::move(host), std::to_string(port),
                           {.family = options.family, .type = SOCK_STREAM, .flags = AI_PASSIVE});
  const auto state =
      std::make_shared<server_state>(get_running_loop(), std::move(factory), options);
  std::exception_ptr off;
  for (const address_info &info : found) {
    try {
      state->add(bind_to(info, options));
    } catch (const std::system_error &error) {
      if (!family_is_off(error.code()))
        throw;
      off = std::current_exception();
    }
  }
  server made(state);
  if (made.addresses().empty())
    std::rethrow_exception(off);
  if (options.start_serving)
    made.start_serving();
  co_return made;
}

task<server> start_unix_transport_server(stream_factory factory, std::string path,
                                         server_options options) {
  const socket_address at = socket_address::unix_path(path);
  struct stat found;
  if (!path.empty() && path.front() != '\0' && ::stat(path.c_str(), &found) == 0 &&
      S_ISSOCK(found.st_mode))
    ::unlink(path.c_str());
  owned_descriptor fd = make_socket(AF_UNIX, SOCK_STREAM);
  if (::bind(fd.get(), at.data(), at.size()) < 0)
    throw_errno(("error while attempting to bind on address " + path).c_str());
  const auto state =
      std::make_shared<server_state>(get_running_loop(), std::move(factory), options);
  state->add(std::move(fd));
  server made(state);
  if (options.start_serving)
    made.start_serving();
  co_return made;
}

std::shared_ptr<datagram_transport> start_datagram_transport(const datagram_options &options,
                                                             std::shared_ptr<datagram_protocol> p) {
  int family = options.family;
  for (const auto &address : {options.remote_address, options.local_address})
    if (address)
      family = address->family();
  if (family == AF_UNSPEC)
    throw value_error("unexpected address family");
  owned_descriptor fd = make_socket(family, SOCK_DGRAM);
  if (options.reuse_port)
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
  if (options.allow_broadcast)
    set_option(fd.get(), SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
  if (const auto &at = options.local_address; at && ::bind(fd.get(), at->data(), at->size()) < 0)
    throw_errno("bind");
  if (const auto &to = options.remote_address;
      to && ::connect(fd.get(), to->data(), to->size()) < 0)
    throw_errno("connect");
  auto made = std::make_shared<socket_datagram_transport>(get_running_loop(), std::move(fd));
  made->start(std::move(p));
  return made;
}

namespace {

stream_pair start_streams(owned_descriptor fd, std::size_t limit) {
  auto core = std::make_shared<stream_core>(get_running_loop(), limit);
  start_transport(std::move(fd), endpoint_kind::socket, core);
  return core->streams();
}

stream_factory stream_cores(stream_callback connected, std::size_t limit) {
  return [connected = std::move(connected), limit] {
    return std::make_shared<stream_core>(get_running_loop(), limit, connected);
  };
}

} // namespace

task<server> start_stream_server(stream_callback connected, std::string host, std::uint16_t port,
                                 server_options options, std::size_t limit) {
  return start_transport_server(stream_cores(std::move(connected), limit), std::move(host), port,
                                options);
}

task<server> start_unix_stream_server(stream_callback connected, std::string path,
                                      server_options options, std::size_t limit) {
  return start_unix_transport_server(stream_cores(std::move(connected), limit), std::move(path),
                                     options);
}

} // namespace coral::detail

namespace coral {

task<stream_pair> open_connection(std::string host, std::uint16_t port, connect_options options,
                                  std::size_t limit) {
  co_return detail::start_streams(
      co_await detail::connect_tcp(std::move(host), port, std::move(options)), limit);
}

task<stream_pair> open_unix_connection(std::string path, std::size_t limit) {
  co_return detail::start_streams(co_await detail::connect_unix(std::move(path)), limit);
}

stream_pair open_socket(int fd, std::size_t limit) {
  return detail::start_streams(detail::duplicate(fd), limit);
}

} // namespace coral
