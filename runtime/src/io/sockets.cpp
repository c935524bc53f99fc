#include "sockets.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace coral::detail {
namespace {

/// While it lives, writing to a pipe that nobody reads gives EPIPE and no signal.
class sigpipe_guard {
public:
  sigpipe_guard() noexcept {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before);
    blocked_before_ = sigismember(&before, SIGPIPE) == 1;
  }

  sigpipe_guard(const sigpipe_guard &) = delete;
  sigpipe_guard &operator=(const sigpipe_guard &) = delete;

  ~sigpipe_guard() {
    if (blocked_before_)
      return;
    const int error = errno;
    if (raised_) {
      constexpr timespec at_once{};
      ::sigtimedwait(&sigpipe_, nullptr, &at_once);
    }
    ::pthread_sigmask(SIG_UNBLOCK, &sigpipe_, nullptr);
    errno = error;
  }

  void raised() noexcept { raised_ = true; }

private:
  sigset_t sigpipe_;
  bool blocked_before_;
  bool raised_ = false;
};

template <class Query> socket_address address_by(Query query, int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (query(fd, reinterpret_cast<sockaddr *>(&storage), &size) < 0)
    return {};
  return socket_address(reinterpret_cast<sockaddr *>(&storage), size);
}

} // namespace

std::span<std::byte> receive_buffer() {
  constexpr std::size_t size = 64 * 1024;
  static thread_local const std::unique_ptr<std::byte[]> memory(new std::byte[size]);
  return {memory.get(), size};
}

owned_descriptor make_socket(int family, int type, int protocol) {
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0)
    throw_errno("socket");
  return owned_descriptor(fd);
}

socket_address local_address_of(int fd) noexcept { return address_by(::getsockname, fd); }

socket_address remote_address_of(int fd) noexcept { return address_by(::getpeername, fd); }

std::string transport_between(const socket_address &local, const socket_address &remote) {
  std::string text = "transport";
  if (const std::string from = local.to_string(); !from.empty())
    text += " " + from;
  if (const std::string to = remote.to_string(); !to.empty())
    text += " to " + to;
  return text;
}

void set_option(int fd, int level, int name, int value, const char *what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) < 0)
    throw_errno(what);
}

void set_no_delay(int fd, int family) noexcept {
  const int on = 1;
  if (family == AF_INET || family == AF_INET6)
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool would_block(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

std::ptrdiff_t send_vectors(int fd, const iovec *vectors, std::size_t count) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec *>(vectors);
  message.msg_iovlen = count;
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

std::ptrdiff_t write_pipe_vectors(int fd, const iovec *vectors, std::size_t count) noexcept {
  sigpipe_guard guard;
  const std::ptrdiff_t written = ::writev(fd, vectors, static_cast<int>(count));
  if (written < 0 && errno == EPIPE)
    guard.raised();
  return written;
}

} // namespace coral::detail
