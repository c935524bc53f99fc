// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio.hpp>
#include <functional>

// Whoever waits for the result gets it from a function that others override.
class source {
public:
  using handler = std::function<void(std::error_code, std::size_t)>;

  explicit source(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  virtual ~source() = default;

  void fetch(handler done) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'source::on_fetched' is virtual{{.*}} [signature-owned-by-others]
    socket_.async_read_some(asio::buffer(data_),
                            std::bind(&source::on_fetched, this,
                                      std::placeholders::_1,
                                      std::placeholders::_2, done));
  }

protected:
  virtual void on_fetched(std::error_code ec, std::size_t n, handler done) {
    done(ec, n);
  }

private:
  asio::ip::tcp::socket socket_;
  char data_[128];
};
