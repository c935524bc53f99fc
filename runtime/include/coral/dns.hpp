// Names and addresses: asyncio's `loop.getaddrinfo` and `loop.getnameinfo`.

#ifndef CORAL_DNS_HPP
#define CORAL_DNS_HPP

#include <coral/address.hpp>
#include <coral/task.hpp>

#include <sys/socket.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace coral {

/// The errors of getaddrinfo(3): `EAI_NONAME` and so on.
const std::error_category &gaierror_category() noexcept;

/// Python's `socket.gaierror`. The code is of `gaierror_category`.
class gaierror : public std::system_error {
public:
  gaierror(int code, const std::string &what)
      : std::system_error(code, gaierror_category(), what) {}
};

/// One way to reach a host.
struct address_info {
  int family;
  int type;
  int protocol;
  socket_address address;
  /// The host's proper name, with `AI_CANONNAME`, in the first of the list.
  std::string canonical_name;
};

/// What to look for.
struct address_hints {
  int family = AF_UNSPEC;
  int type = 0;
  int protocol = 0;
  /// `AI_PASSIVE`, `AI_CANONNAME` and so on.
  int flags = 0;
};

/// The addresses of a host, by getaddrinfo(3) in the running loop's default executor. An empty host
/// means this one, or with `AI_PASSIVE` all its interfaces. The service is a name, a number, or
/// empty for port 0. A numeric host is answered at once. A cancelled call is forgotten: its thread
/// goes on until the system answers.
/// Throws `gaierror`, and `std::system_error` for `EAI_SYSTEM`.
task<std::vector<address_info>> getaddrinfo(std::string host, std::string service,
                                            address_hints hints = {});

/// The names of an address's host and port, by getnameinfo(3); `flags` are its `NI_NUMERICHOST` and
/// so on. Otherwise as `getaddrinfo`.
task<std::pair<std::string, std::string>> getnameinfo(socket_address address, int flags = 0);

} // namespace coral

#endif
