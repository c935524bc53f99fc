#include <coral/address.hpp>

#include <coral/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace coral {
namespace {

const sockaddr_in &as_v4(const sockaddr *address) {
  return *reinterpret_cast<const sockaddr_in *>(address);
}

const sockaddr_in6 &as_v6(const sockaddr *address) {
  return *reinterpret_cast<const sockaddr_in6 *>(address);
}

} // namespace

socket_address::socket_address(const sockaddr *address, socklen_t size) noexcept
    : size_(std::min<socklen_t>(size, sizeof storage_)) {
  std::memcpy(&storage_, address, size_);
}

socket_address::socket_address(std::string_view numeric_host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo *found = nullptr;
  const std::string host(numeric_host);
  if (host.empty() || ::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    throw value_error("'" + host + "' is not a numeric host");
  *this = socket_address(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  if (family() == AF_INET)
    reinterpret_cast<sockaddr_in &>(storage_).sin_port = htons(port);
  else
    reinterpret_cast<sockaddr_in6 &>(storage_).sin6_port = htons(port);
}

socket_address socket_address::unix_path(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A path in the file system ends with a null byte; an abstract name is as long as it is.
  const bool abstract = !path.empty() && path.front() == '\0';
  if (path.size() + !abstract > sizeof address.sun_path)
    throw value_error("AF_UNIX path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  return socket_address(
      reinterpret_cast<const sockaddr *>(&address),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + !abstract));
}

std::string socket_address::host() const {
  if (family() != AF_INET && family() != AF_INET6)
    return {};
  char text[NI_MAXHOST];
  if (::getnameinfo(data(), size_, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  return text;
}

std::uint16_t socket_address::port() const noexcept {
  if (family() == AF_INET)
    return ntohs(as_v4(data()).sin_port);
  if (family() == AF_INET6)
    return ntohs(as_v6(data()).sin6_port);
  return 0;
}

std::string socket_address::path() const {
  constexpr std::size_t begin = offsetof(sockaddr_un, sun_path);
  if (family() != AF_UNIX || size_ <= begin)
    return {};
  const char *name = reinterpret_cast<const sockaddr_un *>(data())->sun_path;
  if (*name == '\0')
    return std::string(name, size_ - begin);
  return std::string(name, ::strnlen(name, size_ - begin));
}

std::string socket_address::to_string() const {
  switch (family()) {
  case AF_INET:
    return host() + ":" + std::to_string(port());
  case AF_INET6:
    return std::string("[").append(host()).append("]:").append(std::to_string(port()));
  default:
    return path();
  }
}

bool operator==(const socket_address &a, const socket_address &b) noexcept {
  return a.size_ == b.size_ && std::memcmp(&a.storage_, &b.storage_, a.size_) == 0;
}

} // namespace coral
