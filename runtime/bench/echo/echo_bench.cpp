// Echo over TCP: what the server's process costs for a message of 1 KiB there and back.
//
//     echo_bench [ROUNDS [MESSAGES [CONNECTIONS [SERVER]]]]
//
// In every round each server runs once, in a process of its own, under the same load: CONNECTIONS
// clients that each send a message, wait for all of it to come back and send the next. The server's
// processor time is what the kernel's scheduler counted. Printed are the medians over the rounds:
// of the nanoseconds, and of the ratio to the epoll server in the same round, for a machine is not
// equally fast in all of them. With SERVER, only that one runs beside it.

#include "servers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t message_size = 1024;

struct server {
  const char *name;
  void (*serve)(ready_callback);
  std::vector<double> nanoseconds;
};

int port_pipe;

void report_port(std::uint16_t port) {
  if (::write(port_pipe, &port, sizeof port) != sizeof port)
    std::abort();
}

[[noreturn]] void fail(const char *what) {
  std::perror(what);
  std::exit(1);
}

std::uint64_t processor_time(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/schedstat";
  std::FILE *file = std::fopen(path.c_str(), "r");
  unsigned long long nanoseconds = 0;
  if (!file || std::fscanf(file, "%llu", &nanoseconds) != 1)
    fail(path.c_str());
  std::fclose(file);
  return nanoseconds;
}

struct client {
  int fd;
  std::size_t missing;
};

/// `messages` there and back.
void load(std::vector<client> &clients, int poll, std::size_t messages) {
  static char bytes[echo_buffer_size];
  std::size_t to_send = messages;
  std::size_t answered = 0;
  const auto send = [&](client &to) {
    if (to_send == 0)
      return;
    --to_send;
    to.missing = message_size;
    if (::send(to.fd, bytes, message_size, MSG_NOSIGNAL) != ssize_t(message_size))
      fail("send");
  };
  for (client &each : clients)
    send(each);
  epoll_event events[1024];
  while (answered != messages) {
    const int count = ::epoll_wait(poll, events, 1024, -1);
    for (int i = 0; i < count; ++i) {
      client &from = *static_cast<client *>(events[i].data.ptr);
      const ssize_t received = ::recv(from.fd, bytes, sizeof bytes, 0);
      if (received <= 0)
        fail("recv");
      from.missing -= static_cast<std::size_t>(received);
      if (from.missing == 0) {
        ++answered;
        send(from);
      }
    }
  }
}

double measure(const server &measured, std::size_t messages, std::size_t connections) {
  int ends[2];
  if (::pipe(ends) < 0)
    fail("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    port_pipe = ends[1];
    measured.serve(report_port);
    std::exit(1);
  }
  ::close(ends[1]);
  std::uint16_t port = 0;
  if (::read(ends[0], &port, sizeof port) != sizeof port)
    fail(measured.name);
  ::close(ends[0]);

  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<client> clients(connections);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  for (client &each : clients) {
    each = {::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0};
    if (::connect(each.fd, reinterpret_cast<sockaddr *>(&address), sizeof address) < 0)
      fail("connect");
    const int on = 1;
    ::setsockopt(each.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event watched{EPOLLIN, {.ptr = &each}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, each.fd, &watched);
  }
  load(clients, poll, messages / 10);
  const std::uint64_t before = processor_time(pid);
  load(clients, poll, messages);
  const std::uint64_t after = processor_time(pid);
  for (const client &each : clients)
    ::close(each.fd);
  ::close(poll);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return static_cast<double>(after - before) / static_cast<double>(messages);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

} // namespace

int main(int argc, char **argv) {
  const auto argument = [&](int index, std::size_t otherwise) {
    return argc > index ? std::strtoul(argv[index], nullptr, 10) : otherwise;
  };
  const std::size_t rounds = argument(1, 9);
  const std::size_t messages = argument(2, 100'000);
  const std::size_t connections = argument(3, 50);
  server servers[] = {
      {"epoll C", serve_epoll, {}},
      {"libuv C", serve_libuv, {}},
      {"asio awaitable", serve_asio, {}},
      {"coral streams", serve_coral_streams, {}},
      {"coral readinto", serve_coral_readinto, {}},
      {"coral protocol", serve_coral_protocol, {}},
  };
  for (std::size_t round = 0; round != rounds; ++round)
    for (server &each : servers)
      if (argc <= 4 || &each == servers || std::strcmp(each.name, argv[4]) == 0)
        each.nanoseconds.push_back(measure(each, messages, connections));
  const std::vector<double> &plain = servers[0].nanoseconds;
  std::printf("echo, %zu bytes, %zu connections, %zu messages, median of %zu rounds\n",
              message_size, connections, messages, rounds);
  std::printf("%-16s %16s %8s\n", "server", "CPU ns/message", "ratio");
  for (const server &each : servers) {
    if (each.nanoseconds.empty())
      continue;
    std::vector<double> ratios;
    for (std::size_t round = 0; round != rounds; ++round)
      ratios.push_back(each.nanoseconds[round] / plain[round]);
    std::printf("%-16s %16.0f %8.3f\n", each.name, median(each.nanoseconds), median(ratios));
  }
}
