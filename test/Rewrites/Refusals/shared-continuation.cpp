// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/ip/tcp.hpp>
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
