// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s
// RUN: sed 's/^void drain.*{$/& int turns = 0; (void)turns;/' %s >%t.cpp
// RUN: %coral rewrite --quiet --output-dir=%t.out %t.cpp -- -std=c++20
// RUN: FileCheck %s --check-prefix=WITH <%t.out/await-in-a-condition.cpp.tmp.cpp

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/spawn.hpp>
#include <memory>

char data[512];

// WITH: while ((co_await socket->async_read_some(asio::buffer(data), coral::use_task)) > 0)
void drain(std::shared_ptr<asio::ip::tcp::socket> socket, asio::yield_context yield) {
  // CHECK: [[#@LINE+1]]:10: note: not converted: this condition would await {{.*}} [await-in-a-condition]
  while (socket->async_read_some(asio::buffer(data), yield) > 0)
    ;
}

void start(asio::io_context &io, std::shared_ptr<asio::ip::tcp::socket> socket) {
  // CHECK: [[#@LINE+1]]:{{[0-9]+}}: note: not converted: {{.*}} [await-in-a-condition]
  asio::spawn(io, [socket](asio::yield_context yield) { drain(socket, yield); });
}
