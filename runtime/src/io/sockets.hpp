// System calls on sockets and pipes, with their errors as exceptions.

#ifndef CORAL_IO_SOCKETS_HPP
#define CORAL_IO_SOCKETS_HPP

#include <coral/address.hpp>
#include <coral/detail/owned_descriptor.hpp>

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>

namespace coral::detail {

/// Memory to receive into, one for all of a thread's sockets: good until the next call that
/// receives.
std::span<std::byte> receive_buffer();

/// A non-blocking, close-on-exec socket.
owned_descriptor make_socket(int family, int type, int protocol = 0);

/// Of no family when the socket has none.
socket_address local_address_of(int fd) noexcept;
socket_address remote_address_of(int fd) noexcept;

/// "transport 127.0.0.1:5000 to 127.0.0.1:80", as far as the addresses have names.
std::string transport_between(const socket_address &local, const socket_address &remote);

void set_option(int fd, int level, int name, int value, const char *what);

/// Sends small segments at once; only TCP knows of this.
void set_no_delay(int fd, int family) noexcept;

/// What `errno` says is that the descriptor is not ready.
bool would_block(int error) noexcept;

/// As write(2) does, -1 and `errno` for an error, and never a SIGPIPE.
std::ptrdiff_t send_vectors(int fd, const iovec *vectors, std::size_t count) noexcept;
std::ptrdiff_t write_pipe_vectors(int fd, const iovec *vectors, std::size_t count) noexcept;

} // namespace coral::detail

#endif
