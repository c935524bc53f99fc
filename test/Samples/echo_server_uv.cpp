// An echo server on libuv, in callbacks: it accepts, reads and writes as
// libuv's own guide does. A client that says "quit" is closed in the middle of
// its callback, one that says "pause" is read from no more until it is a
// little later.
//
//   echo_server_uv PORT

#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

struct client {
  uv_tcp_t socket;
  uv_timer_t timer;
  int open = 2;
};

struct outgoing {
  uv_write_t request;
  uv_buf_t bytes;
};

static void allocate(uv_handle_t *, size_t size, uv_buf_t *into) {
  *into = uv_buf_init(static_cast<char *>(std::malloc(size)), size);
}

static void on_closed(uv_handle_t *handle) {
  auto *gone = static_cast<client *>(handle->data);
  if (--gone->open == 0)
    delete gone;
}

static void close_client(client *which) {
  uv_handle_t *socket = reinterpret_cast<uv_handle_t *>(&which->socket);
  if (uv_is_closing(socket))
    return;
  std::puts("a client goes");
  uv_close(socket, on_closed);
  uv_close(reinterpret_cast<uv_handle_t *>(&which->timer), on_closed);
}

static void on_written(uv_write_t *request, int status) {
  auto *out = reinterpret_cast<outgoing *>(request);
  if (status < 0)
    close_client(static_cast<client *>(request->handle->data));
  std::free(out->bytes.base);
  delete out;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes);

static void on_resume(uv_timer_t *timer) {
  auto *from = static_cast<client *>(timer->data);
  uv_read_start(reinterpret_cast<uv_stream_t *>(&from->socket), allocate,
                on_read);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes) {
  auto *from = static_cast<client *>(stream->data);
  if (size <= 0) {
    std::free(bytes->base);
    if (size == 0)
      return;
    close_client(from);
    return;
  }
  const std::string text(bytes->base, static_cast<size_t>(size));
  if (text.find("quit") != std::string::npos)
    close_client(from);
  if (text.find("pause") != std::string::npos) {
    uv_read_stop(stream);
    uv_timer_start(&from->timer, on_resume, 5, 0);
  }
  if (uv_is_closing(reinterpret_cast<uv_handle_t *>(stream))) {
    std::free(bytes->base);
    return;
  }
  auto *out = new outgoing;
  out->bytes = uv_buf_init(bytes->base, static_cast<unsigned>(size));
  uv_write(&out->request, stream, &out->bytes, 1, on_written);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) {
    std::fprintf(stderr, "connection: %s\n", uv_err_name(status));
    return;
  }
  auto *added = new client;
  uv_tcp_init(server->loop, &added->socket);
  uv_timer_init(server->loop, &added->timer);
  added->socket.data = added->timer.data = added;
  if (uv_accept(server, reinterpret_cast<uv_stream_t *>(&added->socket)) < 0)
    return close_client(added);
  int result = uv_read_start(reinterpret_cast<uv_stream_t *>(&added->socket),
                             allocate, on_read);
  if (result < 0)
    close_client(added);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  sockaddr_in address;
  uv_tcp_init(loop, &server);
  uv_ip4_addr("127.0.0.1", argc > 1 ? std::atoi(argv[1]) : 7000, &address);
  uv_tcp_bind(&server, reinterpret_cast<const sockaddr *>(&address), 0);
  int result =
      uv_listen(reinterpret_cast<uv_stream_t *>(&server), 128, on_connection);
  if (result < 0) {
    std::fprintf(stderr, "listen: %s\n", uv_strerror(result));
    return 1;
  }
  try {
    return uv_run(loop, UV_RUN_DEFAULT);
  } catch (const std::exception &error) {
    std::printf("%s\n", error.what());
    return 0;
  }
}
