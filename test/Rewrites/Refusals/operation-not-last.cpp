// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <iostream>

class greeter {
public:
  explicit greeter(asio::io_context &io) : io_(io) {}

  void greet() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [operation-not-last]
    asio::post(io_, [] { std::cout << "hello\n"; });
    std::cout << "greeting\n";
  }

private:
  asio::io_context &io_;
};
