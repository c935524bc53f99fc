#include <coral/files.hpp>

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>
#include <coral/executors.hpp>

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>

namespace coral {
namespace {

template <class Call> auto in_executor(Call call) {
  return get_running_loop().run_in_executor(nullptr, std::move(call));
}

std::int64_t check(std::int64_t result, const char *what) {
  if (result < 0)
    detail::throw_errno(what);
  return result;
}

std::optional<int> flags_of(std::string_view mode) {
  int flags = -1;
  bool both = false;
  for (char each : mode) {
    const bool first = flags < 0;
    if (each == '+' && !both)
      both = true;
    else if (each == 'r' && first)
      flags = O_RDONLY;
    else if (each == 'w' && first)
      flags = O_WRONLY | O_CREAT | O_TRUNC;
    else if (each == 'a' && first)
      flags = O_WRONLY | O_CREAT | O_APPEND;
    else if (each == 'x' && first)
      flags = O_WRONLY | O_CREAT | O_EXCL;
    else if (each != 'b')
      return std::nullopt;
  }
  if (flags < 0)
    return std::nullopt;
  return both ? (flags & ~O_ACCMODE) | O_RDWR : flags;
}

std::string read_some(int fd, std::size_t count) {
  std::string bytes(count, '\0');
  ssize_t received;
  do
    received = ::read(fd, bytes.data(), count);
  while (received < 0 && errno == EINTR);
  bytes.resize(static_cast<std::size_t>(check(received, "read")));
  return bytes;
}

std::string read_all(int fd) {
  constexpr std::size_t step = 256 * 1024;
  std::string all;
  for (;;) {
    const std::string some = read_some(fd, step);
    if (some.empty())
      return all;
    all += some;
  }
}

std::size_t write_all(int fd, std::string_view bytes) {
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t written = ::write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR)
      continue;
    rest.remove_prefix(static_cast<std::size_t>(check(written, "write")));
  }
  return bytes.size();
}

} // namespace

/// `call(fd)` in the executor, which keeps the file open for as long.
template <class Call> auto file::call(Call call) const {
  if (closed())
    throw value_error("I/O operation on closed file.");
  return in_executor([fd = fd_, call = std::move(call)] { return call(fd->get()); });
}

task<std::string> file::read(std::size_t count) {
  auto read = [count](int fd) { return read_some(fd, count); };
  co_return co_await call(read);
}

task<std::string> file::read() { co_return co_await call(read_all); }

task<std::size_t> file::write(std::string bytes) {
  auto write = [bytes = std::move(bytes)](int fd) { return write_all(fd, bytes); };
  co_return co_await call(std::move(write));
}

task<std::int64_t> file::seek(std::int64_t offset, int whence) {
  auto seek = [offset, whence](int fd) { return check(::lseek(fd, offset, whence), "lseek"); };
  co_return co_await call(seek);
}

task<void> file::truncate(std::int64_t size) {
  auto truncate = [size](int fd) { check(::ftruncate(fd, size), "ftruncate"); };
  co_await call(truncate);
}

task<void> file::sync() {
  auto sync = [](int fd) { check(::fsync(fd), "fsync"); };
  co_await call(sync);
}

task<void> file::close() {
  if (closed())
    co_return;
  // The number is free for others when close(2) returns, whatever it returns.
  // A call that is never made closes it too.
  auto close = [fd = detail::owned_descriptor(fd_->release())]() mutable {
    check(::close(fd.release()), "close");
  };
  co_await in_executor(std::move(close));
}

task<file> open_file(std::string path, std::string mode) {
  const std::optional<int> flags = flags_of(mode);
  if (!flags)
    throw value_error("invalid mode: '" + mode + "'");
  auto open = [path = std::move(path), flags = *flags] {
    constexpr mode_t before_umask = 0666;
    detail::owned_descriptor fd(::open(path.c_str(), flags | O_CLOEXEC, before_umask));
    if (!fd)
      detail::throw_errno(path.c_str());
    return file(std::move(fd));
  };
  co_return co_await in_executor(std::move(open));
}

task<std::string> read_file(std::string path) {
  file input = co_await open_file(std::move(path));
  co_return co_await input.read();
}

task<void> write_file(std::string path, std::string bytes) {
  file output = co_await open_file(std::move(path), "w");
  co_await output.write(std::move(bytes));
  co_await output.close();
}

} // namespace coral
