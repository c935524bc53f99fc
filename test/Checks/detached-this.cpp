// coral-detached-this: tasks that nobody waits for and their object.
//
// RUN: %exits 1 %coral lint --checks=coral-detached-this %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "asio_like.hpp"
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <functional>
#include <memory>
#include <optional>

asio::awaitable<> idle();

/// A guard that the owner waits for before it goes.
struct gate {
  struct holder {
    explicit holder(gate &g);
    holder(holder &&other) noexcept;
    ~holder() { release(); }
    void release();
  };
  holder hold() { return holder(*this); }
};

struct Session : std::enable_shared_from_this<Session> {
  int n = 0;
  asio::io_context &io;
  asio::io_context own;
  cppcoro::async_scope scope;
  gate open;
  std::optional<asio::awaitable<>> kept;

  asio::awaitable<> run() {
    co_await idle();
    n = 1;
  }
  asio::awaitable<> indifferent() { co_await idle(); }
  static asio::awaitable<> shared_by_all() { co_await idle(); }
  asio::awaitable<> with_self() {
    auto self = shared_from_this();
    co_await idle();
    n = 1;
  }
  asio::awaitable<> with_weak() {
    auto weak = weak_from_this();
    co_await idle();
    if (auto self = weak.lock())
      self->n = 1;
  }
  asio::awaitable<> with_holder() {
    auto held = open.hold();
    co_await idle();
    n = 1;
  }
  asio::awaitable<> with_parameter(std::shared_ptr<Session>) {
    co_await idle();
    n = 1;
  }

  void bad() {
    asio::co_spawn(io, run(), asio::detached);
    // CHECK: :[[@LINE-1]]:5: warning: the task that is started here uses 'Session' with nothing to keep the object alive; let the task hold a strong reference to it, or let the object wait for the task [coral-detached-this]
    // CHECK: :[[@LINE-28]]:5: note: uses the object here
    asio::co_spawn(io, [this]() -> asio::awaitable<> { co_await run(); }, asio::detached);
    // CHECK: :[[@LINE-1]]:5: warning: the task that is started here uses 'Session'
    auto later = [this] { asio::co_spawn(io, run(), asio::detached); };
    // CHECK: :[[@LINE-1]]:27: warning: the task that is started here uses 'Session'
    later();
    background();
    // CHECK: :[[@LINE-1]]:5: warning: the task that is started here uses 'Session'
  }
  kinds::job background() {
    co_await kinds::sleep_for(1);
    n = 1;
  }

  void good() {
    asio::co_spawn(io, indifferent(), asio::detached);
    asio::co_spawn(io, shared_by_all(), asio::detached);
    asio::co_spawn(io, with_self(), asio::detached);
    asio::co_spawn(io, with_weak(), asio::detached);
    asio::co_spawn(io, with_holder(), asio::detached);
    asio::co_spawn(io, with_parameter(shared_from_this()), asio::detached);
    asio::co_spawn(io, shared_from_this()->run(), asio::detached);
    asio::co_spawn(io, [self = shared_from_this()]() -> asio::awaitable<> { co_await self->run(); }, asio::detached);
    asio::co_spawn(io, [this, self = shared_from_this()]() -> asio::awaitable<> { co_await run(); }, asio::detached);
    // It ends with the object.
    asio::co_spawn(own, run(), asio::detached);
    kept.emplace(run());
  }
  void by_local() {
    auto self = shared_from_this();
    asio::co_spawn(io, [this, self]() -> asio::awaitable<> { co_await run(); }, asio::detached);
  }
  asio::awaitable<> joined() { co_await run(); }
};

/// A coroutine that by its type nobody waits for.
struct Page : std::enable_shared_from_this<Page> {
  int n = 0;
  kinds::detached clicked() {
    // CHECK: :[[@LINE-1]]:19: warning: nobody waits for this coroutine, and nothing keeps its object alive while it is suspended; hold a strong reference in it, or check a weak one after each suspension [coral-detached-this]
    // CHECK: :[[@LINE+1]]:5: note: suspends here
    co_await kinds::sleep_for(1);
    // CHECK: :[[@LINE+1]]:5: note: uses the object here
    n = 1;
  }
  kinds::detached clicked_in_time() {
    n = 1;
    co_await kinds::sleep_for(1);
  }
  kinds::detached clicked_strongly() {
    auto self = shared_from_this();
    co_await kinds::sleep_for(1);
    n = 1;
  }
  kinds::detached clicked_weakly() {
    auto weak = weak_from_this();
    co_await kinds::sleep_for(1);
    if (auto self = weak.lock())
      n = 1;
  }
  static kinds::detached clicked_anywhere(int n) { co_await kinds::sleep_for(n); }
  void click() { clicked(); }
};

/// A variable of main is there for as long as anything runs.
struct Server {
  int n = 0;
  explicit Server(asio::io_context &io) { asio::co_spawn(io, run(), asio::detached); }
  asio::awaitable<> run() {
    co_await idle();
    n = 1;
  }
};
int main() {
  asio::io_context io;
  Server server(io);
  io.run();
}
