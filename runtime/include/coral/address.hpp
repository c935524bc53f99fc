// coral::socket_address: where a socket is, Python's `(host, port)` tuple or path.

#ifndef CORAL_ADDRESS_HPP
#define CORAL_ADDRESS_HPP

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace coral {

/// An address of IPv4, IPv6 or a Unix socket. A value; any thread.
class socket_address {
public:
  /// No address: `family()` is `AF_UNSPEC`.
  socket_address() noexcept = default;

  /// A copy of what the system gave.
  socket_address(const sockaddr *address, socklen_t size) noexcept;

  /// A numeric host, such as "127.0.0.1", "::1" or "fe80::1%eth0".
  /// Throws `value_error` for anything else; names are for `getaddrinfo`.
  socket_address(std::string_view numeric_host, std::uint16_t port);

  /// The address of a Unix socket. A path that begins with a null byte is in Linux's abstract
  /// namespace. Throws `value_error`, "AF_UNIX path too long".
  static socket_address unix_path(std::string_view path);

  /// `AF_INET`, `AF_INET6`, `AF_UNIX` or `AF_UNSPEC`.
  int family() const noexcept { return storage_.ss_family; }

  /// The numeric host; empty unless the family is one of IP.
  std::string host() const;

  /// Zero unless the family is one of IP.
  std::uint16_t port() const noexcept;

  /// Of a Unix socket; empty for one without a name.
  std::string path() const;

  /// "127.0.0.1:80", "[::1]:80", or the path.
  std::string to_string() const;

  /// What system calls take.
  const sockaddr *data() const noexcept { return reinterpret_cast<const sockaddr *>(&storage_); }
  socklen_t size() const noexcept { return size_; }

  friend bool operator==(const socket_address &a, const socket_address &b) noexcept;

private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

} // namespace coral

#endif
