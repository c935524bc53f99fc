// RUN: %exits 1 %coral lint --quiet --level=1 %s -- -std=c++20 -DASIO_HAS_CO_AWAIT -DASIO_HAS_STD_COROUTINE >%t
// RUN: FileCheck %s --implicit-check-not=warning: <%t

// What co_spawn of Asio itself gives back, and where it starts things.

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <string>

using asio::awaitable;

awaitable<void> step();
awaitable<int> size_of(const std::string &text) {
  co_await step();
  co_return int(text.size());
}
template <class T> awaitable<T> logged(awaitable<T> &&work) {
  co_await step();
  co_return co_await std::move(work);
}
void give_up(std::exception_ptr);
const auto gone = [](std::exception_ptr, int) {};

// Awaited, returned or kept: nobody is left alone.
awaitable<int> awaited(asio::any_io_executor ex) {
  std::string text;
  int size = co_await asio::co_spawn(ex, size_of("x"), asio::use_awaitable);
  size += co_await asio::co_spawn(ex, logged(size_of(text)), asio::use_awaitable);
  co_return size;
}
class client {
public:
  awaitable<int> here(asio::any_io_executor ex) {
    co_return co_await asio::co_spawn(ex, loop(), asio::use_awaitable);
  }
  awaitable<int> closure(asio::any_io_executor ex) {
    co_return co_await asio::co_spawn(
        ex,
        [this]() -> awaitable<int> {
          co_await step();
          co_return count_;
        },
        asio::use_awaitable);
  }
  awaitable<int> handed_on(asio::any_io_executor ex) {
    return asio::co_spawn(ex, loop(), asio::use_awaitable);
  }
  awaitable<int> kept(asio::any_io_executor ex) {
    auto work = asio::co_spawn(ex, loop(), asio::use_awaitable);
    co_return co_await std::move(work);
  }
  int blocked(asio::any_io_executor ex) { return asio::co_spawn(ex, loop(), asio::use_future).get(); }
  void alone(asio::any_io_executor ex) {
    // CHECK: :[[#@LINE+1]]:{{.*}}'client' with nothing to keep the object alive{{.*}} [coral-detached-this]
    asio::co_spawn(ex, loop(), gone);
  }

private:
  awaitable<int> loop() {
    co_await step();
    co_return ++count_;
  }
  int count_ = 0;
};

// An executor is none of the function's own: its context is somebody else's.
awaitable<void> executor_of_its_own() {
  auto ex = co_await asio::this_coro::executor;
  std::string text;
  // CHECK: :[[#@LINE+1]]:{{.*}}'text' may be gone{{.*}} [coral-detached-reference]
  asio::co_spawn(ex, size_of(text), gone);
  co_await step();
}
void strand_of_its_own(asio::io_context &io) {
  auto strand = asio::make_strand(io);
  std::string text;
  // CHECK: :[[#@LINE+1]]:{{.*}}'text' may be gone{{.*}} [coral-detached-reference]
  asio::co_spawn(strand, size_of(text), gone);
}
void given(asio::any_io_executor ex) {
  std::string text;
  // CHECK: :[[#@LINE+1]]:{{.*}}'text' may be gone{{.*}} [coral-detached-reference]
  asio::co_spawn(ex, size_of(text), gone);
}
void context_of_its_own() {
  asio::io_context io;
  auto ex = io.get_executor();
  std::string text;
  asio::co_spawn(ex, size_of(text), gone);
  std::string more;
  asio::co_spawn(asio::any_io_executor(ex), size_of(more), gone);
  io.run();
}

// Run by somebody who is told of the context, or has it as a member.
template <class Context> void run(Context &context) {
  while (context.run_one())
    ;
}
void by_a_function(asio::io_context &io) {
  std::string text;
  asio::co_spawn(io, size_of(text), gone);
  run(io);
}
class fixture {
public:
  void in_here() {
    std::string text;
    asio::co_spawn(executor_, size_of(text), gone);
    run_all();
  }
  void later() { asio::co_spawn(executor_, work(), asio::detached); }
  ~fixture() { context_.run(); }

private:
  void run_all() { context_.run(); }
  awaitable<void> work() {
    co_await step();
    ++count_;
  }
  asio::io_context context_;
  asio::any_io_executor executor_{context_.get_executor()};
  int count_ = 0;
};
