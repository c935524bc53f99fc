#include <coral/detail/owned_descriptor.hpp>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace coral::detail {

owned_descriptor::~owned_descriptor() {
  if (fd_ >= 0)
    ::close(fd_);
}

void throw_errno(int error, const char *what) {
  throw std::system_error(error, std::system_category(), what);
}

void throw_errno(const char *what) { throw_errno(errno, what); }

owned_descriptor duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0)
    throw_errno("dup");
  return owned_descriptor(copy);
}

void set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    throw_errno("fcntl");
}

descriptor_pair make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0)
    throw_errno("pipe");
  return {owned_descriptor(ends[0]), owned_descriptor(ends[1])};
}

} // namespace coral::detail
