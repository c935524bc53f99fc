// File descriptors that belong to somebody: closed once, close-on-exec, non-blocking where the
// loop waits for them.

#ifndef CORAL_DETAIL_OWNED_DESCRIPTOR_HPP
#define CORAL_DETAIL_OWNED_DESCRIPTOR_HPP

#include <utility>

namespace coral::detail {

/// Owns a descriptor.
class owned_descriptor {
public:
  owned_descriptor() noexcept = default;
  explicit owned_descriptor(int fd) noexcept : fd_(fd) {}
  owned_descriptor(owned_descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  owned_descriptor &operator=(owned_descriptor &&other) noexcept {
    owned_descriptor moved(std::move(other));
    std::swap(fd_, moved.fd_);
    return *this;
  }

  ~owned_descriptor();

  /// -1 when there is none.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept { owned_descriptor(std::move(*this)); }
  int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_ = -1;
};

/// Two ends of one thing.
struct descriptor_pair {
  owned_descriptor first;
  owned_descriptor second;
};

/// Throws `std::system_error` with `error`, or with what `errno` says.
[[noreturn]] void throw_errno(int error, const char *what);
[[noreturn]] void throw_errno(const char *what);

/// A copy of `fd` that is close-on-exec: what a loop keeps of a descriptor that a program hands it.
owned_descriptor duplicate(int fd);

void set_nonblocking(int fd);

/// Reading end first. Both are close-on-exec and block.
descriptor_pair make_pipe();

} // namespace coral::detail

#endif
