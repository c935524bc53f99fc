// Echo servers, each as its library's users would write it. They listen on a free port of
// 127.0.0.1, hand it to `ready`, and serve until the process ends.

#ifndef CORAL_BENCH_ECHO_SERVERS_HPP
#define CORAL_BENCH_ECHO_SERVERS_HPP

#include <cstddef>
#include <cstdint>

using ready_callback = void (*)(std::uint16_t port);

inline constexpr std::size_t echo_buffer_size = 64 * 1024;

void serve_epoll(ready_callback ready);
void serve_libuv(ready_callback ready);
void serve_asio(ready_callback ready);
void serve_coral_streams(ready_callback ready);
void serve_coral_readinto(ready_callback ready);
void serve_coral_protocol(ready_callback ready);

#endif
