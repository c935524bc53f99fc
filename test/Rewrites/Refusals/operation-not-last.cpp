// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/udp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <iostream>

class greeter {
public:
  explicit greeter(asio::io_context &io) : io_(io) {}

  void greet() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [operation-not-last]
    asio::post(io_, [] { std::cout << "hello\n"; });
    std::cout << "greeting\n";
  }

  // Waits on its own.
  void pause(asio::steady_timer &timer) {
    std::error_code error = asio::error::would_block;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [operation-not-last]
    timer.async_wait([&](std::error_code ec) { error = ec; });
    while (error == asio::error::would_block)
      io_.run_one();
  }

  // So does this.
  std::size_t receive(asio::ip::udp::socket &socket, char *data) {
    std::error_code error = asio::error::would_block;
    std::size_t length = 0;
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [operation-not-last]
    socket.async_receive(asio::buffer(data, 10),
                         std::bind(&greeter::store, std::placeholders::_1,
                                   std::placeholders::_2, &error, &length));
    while (error == asio::error::would_block)
      io_.run_one();
    return length;
  }

  static void store(const std::error_code &from, std::size_t length,
                    std::error_code *error, std::size_t *to) {
    *error = from;
    *to = length;
  }

private:
  asio::io_context &io_;
};

// What this gets has nothing to do with an operation.
void keep(std::function<void()> &kept, std::function<void()> given) {
  kept = std::move(given);
}

// Nor does this wait for anything.
void both() {
  std::function<void()> kept;
  keep(kept, [] {});
  kept();
}
