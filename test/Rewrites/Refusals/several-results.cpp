// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/async_result.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <iostream>
#include <utility>

template <typename Token>
auto async_measure(asio::io_context &io, Token &&token) {
  return asio::async_initiate<Token, void(std::error_code, int, int)>(
      [&io](auto handler) {
        asio::post(io, [handler = std::move(handler)]() mutable {
          std::move(handler)(std::error_code(), 3, 4);
        });
      },
      token);
}

class meter {
public:
  explicit meter(asio::io_context &io) : io_(io) {}

  void start() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [several-results]
    async_measure(io_, [](std::error_code, int width, int height) {
      std::cout << width * height;
    });
  }

private:
  asio::io_context &io_;
};
