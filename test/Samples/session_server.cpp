// A TCP server for short requests.
//
//   session_server <port>
//
// A request is a two-byte big-endian length and that many bytes of text; so is
// a reply. Requests:
//
//   echo TEXT       replies "ok TEXT"
//   repeat N TEXT   replies "ok " and N times TEXT
//   quit            ends the session without a reply
//   other           replies "error unknown command: ..."

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void start() { do_read_header(); }

private:
  enum { max_body = 4096 };

  // Waits for the next request.
  void do_read_header() {
    auto self(shared_from_this());
    asio::async_read(socket_, asio::buffer(header_),
                     [this, self](std::error_code ec, std::size_t /*length*/) {
                       if (ec) {
                         report(ec);
                         return;
                       }

                       std::size_t length = header_[0] * 256u + header_[1];
                       if (length > max_body) {
                         std::cerr << "session: request of " << length
                                   << " bytes is too long\n";
                         return;
                       }
                       do_read_body(length);
                     });
  }

  void do_read_body(std::size_t length) {
    auto self(shared_from_this());
    body_.resize(length);
    asio::async_read(socket_, asio::buffer(body_),
                     [this, self](std::error_code ec, std::size_t /*length*/) {
                       if (!ec) {
                         handle_request();
                       } else {
                         report(ec);
                       }
                     });
  }

  // Decides what to answer; "quit" lets the session end.
  void handle_request() {
    std::string command = body_.substr(0, body_.find(' '));
    std::string rest = body_.substr(std::min(body_.size(), command.size() + 1));
    ++requests_;

    if (command == "quit") {
      std::cout << "session: quit after " << requests_ << " requests"
                << std::endl;
    } else if (command == "echo") {
      do_write("ok " + rest);
    } else if (command == "repeat") {
      std::size_t digits = 0;
      int count = std::stoi(rest, &digits);
      std::string text = "ok ";
      while (count-- > 0 && text.size() < max_body)
        text += rest.substr(digits);
      do_write(text);
    } else {
      do_write("error unknown command: " + command);
    }
  }

  // Sends the reply and goes back to waiting, whatever the request was.
  void do_write(const std::string &text) {
    auto self(shared_from_this());
    reply_.clear();
    reply_ += static_cast<char>(text.size() / 256);
    reply_ += static_cast<char>(text.size() % 256);
    reply_ += text;
    asio::async_write(socket_, asio::buffer(reply_),
                      [this, self](std::error_code ec, std::size_t /*length*/) {
                        if (!ec) {
                          do_read_header();
                        } else {
                          report(ec);
                        }
                      });
  }

  // A peer that simply closes is not worth a word.
  void report(std::error_code ec) {
    if (ec != asio::error::eof)
      std::cerr << "session: " << ec.message() << '\n';
  }

  tcp::socket socket_;
  std::array<std::uint8_t, 2> header_;
  std::string body_;
  std::string reply_;
  int requests_ = 0;
};

class server {
public:
  server(asio::io_context &io_context, unsigned short port)
      : acceptor_(io_context, tcp::endpoint(tcp::v4(), port)) {
    do_accept();
  }

private:
  void do_accept() {
    acceptor_.async_accept([this](std::error_code ec, tcp::socket socket) {
      if (!ec) {
        std::make_shared<session>(std::move(socket))->start();
      }

      do_accept();
    });
  }

  tcp::acceptor acceptor_;
};

int main(int argc, char *argv[]) {
  if (argc != 2) {
    std::cerr << "Usage: session_server <port>\n";
    return 1;
  }

  try {
    asio::io_context io_context;
    server s(io_context, static_cast<unsigned short>(std::atoi(argv[1])));

    // Sessions still open when a signal arrives end with the io_context.
    asio::signal_set signals(io_context, SIGINT, SIGTERM);
    signals.async_wait(
        [&io_context](std::error_code, int) { io_context.stop(); });

    io_context.run();
  } catch (const std::exception &e) {
    std::cerr << "Exception: " << e.what() << '\n';
    return 1;
  }

  std::cout << "server: stopped" << std::endl;
  return 0;
}
