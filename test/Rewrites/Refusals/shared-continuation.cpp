// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <functional>

// Both go on where what they deliver has no name.
class peer {
public:
  explicit peer(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  void read() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    socket_.async_read_some(asio::buffer(data_),
                            std::bind(&peer::finish, this,
                                      std::placeholders::_1,
                                      std::placeholders::_2));
  }
  void write() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    socket_.async_write_some(asio::buffer(data_),
                             std::bind(&peer::finish, this,
                                       std::placeholders::_1,
                                       std::placeholders::_2));
  }

private:
  void finish(std::error_code ec, std::size_t) {
    if (ec)
      socket_.close();
  }

  asio::ip::tcp::socket socket_;
  char data_[128];
};

// It is a part of what two start, and all of what one of them goes on with.
class watch {
public:
  explicit watch(asio::io_context &io) : timer_(io), other_(io) {}

  void start() { turn(); }
  void idle(bool turns) {
    if (turns) {
      turn();
      return;
    }
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}}
    other_.async_wait(std::bind(&watch::look, this));
  }

private:
  void turn() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'watch::line' becomes a part of a coroutine, but is the handler of others too; give each its own {{.*}}[shared-continuation]
    timer_.async_wait(std::bind(&watch::line, this));
  }
  void look() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}}
    other_.async_wait(std::bind(&watch::line, this));
  }
  void line() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [shared-continuation]
    timer_.async_wait([this](std::error_code) { other_.cancel(); });
  }

  asio::steady_timer timer_, other_;
};
