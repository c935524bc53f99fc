// A mail server that forgets what it is sent.
//
//   mail_server <port>
//
// A session is in one of four states, and what a line means depends on that:
//
//   greeting   "hello NAME" begins
//   ready      "from ADDRESS" begins a message, "quit" ends the session
//   address    "to ADDRESS" adds a recipient, "data" begins the text
//   text       every line is text, up to a line with a single dot
//
// Every reply is a line.

#include <asio.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
  explicit session(tcp::socket socket) : socket_(std::move(socket)) {}

  void start() { do_read(); }

private:
  enum class state { greeting, ready, address, text };

  void do_read() {
    auto self(shared_from_this());
    asio::async_read_until(
        socket_, asio::dynamic_buffer(buffer_, 256), '\n',
        [this, self](std::error_code ec, std::size_t length) {
          if (ec) {
            std::cout << "session: " << ec.message() << " after " << messages_
                      << " messages\n";
            return;
          }
          on_line(take_line(length));
        });
  }

  // Each state has its own idea of a line.
  void on_line(const std::string &line) {
    switch (state_) {
    case state::greeting:
      if (line.rfind("hello ", 0) != 0) {
        do_write("error say hello");
        break;
      }
      state_ = state::ready;
      do_write("ok " + line.substr(6));
      break;

    // Between messages.
    case state::ready: {
      const bool begins = line.rfind("from ", 0) == 0;
      if (begins) {
        state_ = state::address;
        recipients_ = 0;
      } else if (line == "quit") {
        std::cout << "session: quit after " << messages_ << " messages\n";
        return;
      }
      do_write(begins ? "ok" : "error no message");
      break;
    }

    case state::address:
      switch (command_of(line)) {
      case 't':
        ++recipients_;
        do_write("ok " + std::to_string(recipients_));
        break;
      case 'd':
        if (recipients_ > 0) {
          state_ = state::text;
          do_write("go on");
          break;
        }
        [[fallthrough]];
      default:
        do_write("error no recipient");
      }
      break;

    case state::text:
      if (line == ".") {
        ++messages_;
        state_ = state::ready;
        do_write("ok " + std::to_string(size_) + " bytes");
        break;
      }
      size_ += line.size();
      // Text has no reply.
      do_read();
    }
  }

  void do_write(const std::string &reply) {
    auto self(shared_from_this());
    reply_ = reply + "\n";
    asio::async_write(socket_, asio::buffer(reply_),
                      [this, self](std::error_code ec, std::size_t) {
                        if (!ec)
                          do_read();
                      });
  }

  std::string take_line(std::size_t length) {
    std::string line = buffer_.substr(0, length - 1);
    buffer_.erase(0, length);
    return line;
  }

  static char command_of(const std::string &line) {
    return line.rfind("to ", 0) == 0 ? 't' : line == "data" ? 'd' : ' ';
  }

  tcp::socket socket_;
  state state_ = state::greeting;
  std::string buffer_;
  std::string reply_;
  int recipients_ = 0;
  int messages_ = 0;
  std::size_t size_ = 0;
};

class server {
public:
  server(asio::io_context &io, unsigned short port)
      : acceptor_(io, tcp::endpoint(tcp::v4(), port)) {
    do_accept();
  }

private:
  void do_accept() {
    acceptor_.async_accept([this](std::error_code ec, tcp::socket socket) {
      if (!ec)
        std::make_shared<session>(std::move(socket))->start();
      do_accept();
    });
  }

  tcp::acceptor acceptor_;
};

int main(int argc, char *argv[]) {
  if (argc != 2) {
    std::cerr << "usage: mail_server <port>\n";
    return 2;
  }
  try {
    asio::io_context io;
    server listening(io, static_cast<unsigned short>(std::atoi(argv[1])));
    io.run();
  } catch (std::exception &e) {
    std::cerr << "exception: " << e.what() << "\n";
    return 1;
  }
}
