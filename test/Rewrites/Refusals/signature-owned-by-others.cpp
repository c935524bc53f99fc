// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/ip/tcp.hpp>
#include <functional>

// An override may look at what has no name here.
class peer {
public:
  explicit peer(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  void read() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'peer::finish' is virtual{{.*}} [signature-owned-by-others]
    socket_.async_read_some(asio::buffer(data_),
                            std::bind(&peer::finish, this,
                                      std::placeholders::_1,
                                      std::placeholders::_2));
  }
  virtual ~peer() = default;

private:
  virtual void finish(std::error_code ec, std::size_t) {
    if (ec)
      socket_.close();
  }

  asio::ip::tcp::socket socket_;
  char data_[128];
};
