// Coral on its default loop: streams, streams into the caller's memory, and a protocol.

#include "servers.hpp"

#include <coral/runner.hpp>
#include <coral/streams.hpp>
#include <coral/transports.hpp>

#include <array>
#include <memory>
#include <string>
#include <system_error>

namespace {

using coral::stream_reader;
using coral::stream_writer;
using coral::task;

task<void> echo(stream_reader reader, stream_writer writer) {
  for (;;) {
    const std::string data = co_await reader.read(echo_buffer_size);
    if (data.empty())
      co_return;
    writer.write(data);
    co_await writer.drain();
  }
}

task<void> echo_in_place(stream_reader reader, stream_writer writer) {
  std::array<std::byte, 4096> buffer;
  for (;;) {
    const std::size_t received = co_await reader.readinto(buffer);
    if (received == 0)
      co_return;
    writer.write(std::span(buffer).first(received));
    co_await writer.drain();
  }
}

class echo_protocol final : public coral::protocol {
public:
  void connection_made(coral::transport &t) override { transport_ = &t; }
  void data_received(coral::bytes_view data) override { transport_->write(data); }

private:
  coral::transport *transport_ = nullptr;
};

template <class Start> void serve(Start start, ready_callback ready) {
  auto main = [&]() -> task<void> {
    coral::server server = co_await start();
    ready(server.port());
    co_await server.serve_forever();
  };
  coral::run(main());
}

const coral::server_options options{.backlog = 1024};

} // namespace

void serve_coral_streams(ready_callback ready) {
  serve([] { return coral::start_server(echo, "127.0.0.1", 0, options); }, ready);
}

void serve_coral_readinto(ready_callback ready) {
  serve([] { return coral::start_server(echo_in_place, "127.0.0.1", 0, options); }, ready);
}

void serve_coral_protocol(ready_callback ready) {
  auto factory = [] { return std::make_shared<echo_protocol>(); };
  serve([&] { return coral::create_server(factory, "127.0.0.1", 0, options); }, ready);
}
