// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <string>
#include <vector>

class sender {
public:
  explicit sender(asio::io_context &io) : socket_(io) {}

  void send() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: this list would be inside an await, {{.*}} [list-in-an-await]
    asio::async_write(socket_,
                      std::vector<asio::const_buffer>{asio::buffer(head_),
                                                      asio::buffer(body_)},
                      [this](std::error_code ec, std::size_t) {
                        if (!ec)
                          send();
                      });
  }

private:
  asio::ip::tcp::socket socket_;
  std::string head_, body_;
};
