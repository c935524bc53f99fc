// libuv's callbacks, with what its guide leaves out: one buffer for all reads, uv_try_write first.

#include "servers.hpp"

#include <netinet/in.h>
#include <uv.h>

#include <cstdlib>
#include <cstring>

namespace {

char buffer[echo_buffer_size];

void close_and_free(uv_handle_t *handle) {
  uv_close(handle, [](uv_handle_t *closed) { delete reinterpret_cast<uv_tcp_t *>(closed); });
}

struct pending_write {
  uv_write_t request;
  char *bytes;
};

void on_read(uv_stream_t *stream, ssize_t received, const uv_buf_t *) {
  if (received < 0)
    return close_and_free(reinterpret_cast<uv_handle_t *>(stream));
  uv_buf_t bytes = uv_buf_init(buffer, static_cast<unsigned>(received));
  int written = uv_try_write(stream, &bytes, 1);
  if (written < 0)
    written = 0;
  if (written == received)
    return;
  const auto rest = static_cast<std::size_t>(received - written);
  auto *pending = new pending_write;
  pending->bytes = new char[rest];
  std::memcpy(pending->bytes, buffer + written, rest);
  bytes = uv_buf_init(pending->bytes, static_cast<unsigned>(rest));
  uv_write(&pending->request, stream, &bytes, 1, [](uv_write_t *request, int) {
    auto *done = reinterpret_cast<pending_write *>(request);
    delete[] done->bytes;
    delete done;
  });
}

void on_connection(uv_stream_t *listener, int) {
  auto *accepted = new uv_tcp_t;
  uv_tcp_init(listener->loop, accepted);
  auto *stream = reinterpret_cast<uv_stream_t *>(accepted);
  if (uv_accept(listener, stream) != 0)
    return close_and_free(reinterpret_cast<uv_handle_t *>(accepted));
  uv_tcp_nodelay(accepted, 1);
  uv_read_start(
      stream,
      [](uv_handle_t *, std::size_t, uv_buf_t *into) {
        *into = uv_buf_init(buffer, sizeof buffer);
      },
      on_read);
}

} // namespace

void serve_libuv(ready_callback ready) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_tcp_t listener;
  uv_tcp_init(&loop, &listener);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  if (uv_tcp_bind(&listener, reinterpret_cast<sockaddr *>(&address), 0) != 0 ||
      uv_listen(reinterpret_cast<uv_stream_t *>(&listener), 1024, on_connection) != 0)
    std::abort();
  int size = sizeof address;
  uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr *>(&address), &size);
  ready(ntohs(address.sin_port));
  uv_run(&loop, UV_RUN_DEFAULT);
}
