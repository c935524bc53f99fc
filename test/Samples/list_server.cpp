// A TCP server that keeps a list of lines for every peer.
//
//   list_server <port>
//
// Commands, one on a line:
//
//   add       takes the lines that follow, up to one that is a dot; an empty
//             one ends the session without a word
//   print     replies with all lines
//   quit      replies "bye" and ends the session
//   ignore    ends it without a word
//
// Three commands that are none of these, or a line of more than 40 characters,
// end the session, too, and the reply says why. The connection is closed when
// the peer has sent something more, or nothing ever again.

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/write.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace {

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void start() { read_command(); }

private:
  static constexpr std::size_t longest = 40;

  void read_command() {
    auto self = shared_from_this();
    asio::async_read_until(socket_, asio::dynamic_buffer(input_), '\n',
                           [self](std::error_code ec, std::size_t length) {
                             if (ec)
                               return;
                             std::string command = self->take_line(length);
                             if (command == "quit")
                               return self->finish("bye");
                             if (command == "add")
                               return self->read_line();
                             if (command == "ignore") {
                               self->linger();
                               return;
                             }
                             if (command == "print")
                               return self->reply(self->lines_);
                             if (++self->mistakes_ == 3) {
                               self->finish("three mistakes"); // that is enough
                               return;
                             }
                             self->reply("what is " + command + "?\n");
                           });
  }

  // Adds lines up to a dot.
  void read_line() {
    auto self = shared_from_this();
    asio::async_read_until(socket_, asio::dynamic_buffer(input_), '\n',
                           [self](std::error_code ec, std::size_t length) {
                             if (ec)
                               return;
                             std::string line = self->take_line(length);
                             if (line.empty())
                               return self->linger();
                             if (line.size() > longest)
                               return self->finish(std::to_string(line.size()) +
                                                   " characters are too many");
                             if (line == ".") {
                               self->reply("added\n");
                             } else {
                               self->lines_ += line + "\n";
                               self->read_line();
                             }
                           });
  }

  void reply(const std::string &text) {
    auto self = shared_from_this();
    output_ = text;
    asio::async_write(socket_, asio::buffer(output_),
                      [self](std::error_code ec, std::size_t) {
                        if (!ec)
                          self->read_command();
                      });
  }

  /// Says why the session ends, and ends it.
  void finish(const std::string &why) {
    auto self = shared_from_this();
    output_ = why + "\n";
    asio::async_write(
        socket_, asio::buffer(output_), [self](std::error_code, std::size_t) {
          std::error_code ignored;
          self->socket_.shutdown(tcp::socket::shutdown_send, ignored);
          self->linger();
        });
  }

  // A peer that still sends would get a reset, and might lose the reply.
  void linger() {
    auto self = shared_from_this();
    input_.resize(1024);
    socket_.async_read_some(asio::buffer(input_),
                            [self](std::error_code, std::size_t) {
                              std::error_code ignored;
                              self->socket_.close(ignored);
                            });
  }

  std::string take_line(std::size_t length) {
    std::string line = input_.substr(0, length - 1);
    input_.erase(0, length);
    return line;
  }

  tcp::socket socket_;
  std::string input_;
  std::string output_;
  std::string lines_;
  int mistakes_ = 0;
};

class server {
public:
  server(asio::io_context &io, unsigned short port)
      : acceptor_(io, tcp::endpoint(tcp::v4(), port)) {
    accept();
  }

private:
  void accept() {
    acceptor_.async_accept([this](std::error_code ec, tcp::socket socket) {
      if (!ec)
        std::make_shared<session>(std::move(socket))->start();
      accept();
    });
  }

  tcp::acceptor acceptor_;
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: list_server <port>\n";
    return 2;
  }
  asio::io_context io;
  server s(io, static_cast<unsigned short>(std::atoi(argv[1])));
  io.run();
}
