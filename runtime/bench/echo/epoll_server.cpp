// The plain code that the others are measured against: epoll, recv, send.

#include "servers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

void serve_epoll(ready_callback ready) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr *>(&address), size) < 0 ||
      ::listen(listener, 1024) < 0)
    std::abort();
  ::getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event watched{EPOLLIN, {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &watched);
  ready(ntohs(address.sin_port));

  static char buffer[echo_buffer_size];
  epoll_event events[1024];
  for (;;) {
    const int count = ::epoll_wait(poll, events, 1024, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0)
          continue;
        const int on = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watched = {EPOLLIN, {.fd = accepted}};
        ::epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &watched);
        continue;
      }
      const ssize_t received = ::recv(fd, buffer, sizeof buffer, 0);
      // The load never has more on its way than a socket's buffer takes.
      if (received <= 0 ||
          ::send(fd, buffer, static_cast<std::size_t>(received), MSG_NOSIGNAL) != received)
        ::close(fd);
    }
  }
}
