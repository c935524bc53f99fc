// coral-detached-reference: tasks that nobody waits for and the locals of
// whoever starts them.
//
// RUN: %exits 1 %coral lint --checks=coral-detached-reference %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "asio_like.hpp"
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <string>
#include <string_view>
#include <thread>

asio::awaitable<int> fetch(const std::string &name) { co_return name.size(); }
asio::awaitable<int> look(std::string_view name) { co_return name.size(); }
asio::awaitable<int> own(std::string name) { co_return name.size(); }
asio::io_context &context();
struct event {
  asio::awaitable<> wait();
  void set();
};
struct counter {
  int n = 0;
  ~counter();
  asio::awaitable<> run() {
    ++n;
    co_return;
  }
};

void bad(asio::io_context &io, bool b) {
  std::string name;
  counter count;
  int n = 0;
  asio::co_spawn(io, fetch(name), asio::detached);
  // CHECK: :[[@LINE-1]]:28: warning: 'name' may be gone while the task that is started here still uses it; wait for the task before this function returns, or let the task own it [coral-detached-reference]
  asio::co_spawn(io, look(name), asio::detached);
  // CHECK: :[[@LINE-1]]:27: warning: 'name' may be gone
  asio::co_spawn(io, count.run(), asio::detached);
  // CHECK: :[[@LINE-1]]:22: warning: 'count' may be gone
  asio::co_spawn(io, [&]() -> asio::awaitable<> { co_return void(++n); }, asio::detached);
  // CHECK: :[[@LINE-1]]:3: warning: 'n' may be gone
  auto work = [n]() -> asio::awaitable<int> { co_return n; };
  asio::co_spawn(io, work(), asio::detached);
  // CHECK: :[[@LINE-1]]:22: warning: the closure 'work' may be gone
}

/// Only one of the ways out waits.
void sometimes(asio::io_context &io, bool b) {
  std::string name;
  asio::co_spawn(io, fetch(name), asio::detached);
  // CHECK: :[[@LINE-1]]:28: warning: 'name' may be gone
  if (b)
    return;
  io.run();
}

kinds::job eager(const std::string &name) {
  co_await kinds::sleep_for(1);
  co_await kinds::sleep_for(name.size());
}
void dropped() {
  std::string name;
  eager(name);
  // CHECK: :[[@LINE-1]]:9: warning: 'name' may be gone
}

//===--- What is fine -----------------------------------------------------===//

void owned(asio::io_context &io, const std::string &lent) {
  static std::string lasting;
  std::string name;
  int n = 0;
  asio::co_spawn(io, own(name), asio::detached);
  asio::co_spawn(io, fetch(lasting), asio::detached);
  asio::co_spawn(io, fetch(lent), asio::detached);
  asio::co_spawn(io, [n]() -> asio::awaitable<int> { co_return n; }, asio::detached);
  asio::co_spawn(io, [&]() -> asio::awaitable<int> { co_return 1; }, asio::detached);
}
void runs_here(asio::io_context &io) {
  std::string name;
  asio::co_spawn(io, fetch(name), asio::detached);
  io.run();
}
void its_own_context() {
  asio::io_context io;
  std::string name;
  asio::co_spawn(io, fetch(name), asio::detached);
  std::thread([&] { io.run(); }).join();
}
asio::awaitable<> signalled(asio::io_context &io) {
  event done;
  int n = 0;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<> {
        ++n;
        done.set();
        co_return;
      },
      asio::detached);
  co_await done.wait();
}
int main() {
  std::string name;
  asio::co_spawn(context(), fetch(name), asio::detached);
  context().run();
}
