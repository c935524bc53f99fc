// What holds for `coral::use_task` under either Asio. The including file has included Asio and
// defined `net`, `as_tuple`, `net_error_code` and `net_system_error`.

#include "manual_event.hpp"

#include <coral/interop/asio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

namespace {

using coral::task;
using net::ip::tcp;
using namespace std::chrono_literals;

tcp::endpoint loopback() { return {net::ip::address_v4::loopback(), 0}; }

/// Two connected sockets.
struct connection {
  explicit connection(net::io_context &context) : near(context), far(context) {
    tcp::acceptor acceptor(context, loopback());
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
  }
  tcp::socket near;
  tcp::socket far;
};

/// An operation with any completion signature, completed through the context's queue.
template <class Signature, class Token, class... Args>
auto complete_with(net::io_context &context, Token &&token, Args... args) {
  return net::async_initiate<Token, Signature>(
      [&context](auto handler, auto... values) {
        net::post(context, [handler = std::move(handler),
                            held = std::make_tuple(std::move(values)...)]() mutable {
          std::apply([&](auto &...all) { std::move(handler)(std::move(all)...); }, held);
        });
      },
      token, std::move(args)...);
}

TEST(UseTask, ReadsAndWrites) {
  net::io_context context;
  connection pair(context);
  std::string received;
  auto body = [&]() -> task<void> {
    co_await net::async_write(pair.near, net::buffer("hello", 5), coral::use_task);
    std::array<char, 16> data;
    std::size_t length = co_await pair.far.async_read_some(net::buffer(data), coral::use_task);
    received.assign(data.data(), length);
  };
  coral::spawn(body());
  context.run();
  EXPECT_EQ(received, "hello");
}

TEST(UseTask, AnErrorCodeIsThrownAsSystemError) {
  net::io_context context;
  connection pair(context);
  pair.near.close();
  net_error_code error;
  auto body = [&]() -> task<void> {
    std::array<char, 16> data;
    try {
      co_await pair.far.async_read_some(net::buffer(data), coral::use_task);
    } catch (const net_system_error &caught) {
      error = caught.code();
    }
  };
  coral::spawn(body());
  context.run();
  EXPECT_EQ(error, net::error::eof);
}

TEST(UseTask, RedirectErrorKeepsTheErrorCode) {
  net::io_context context;
  connection pair(context);
  pair.near.close();
  net_error_code error;
  std::size_t length = 99;
  auto body = [&]() -> task<void> {
    std::array<char, 16> data;
    length = co_await pair.far.async_read_some(net::buffer(data),
                                               net::redirect_error(coral::use_task, error));
  };
  coral::spawn(body());
  context.run();
  EXPECT_EQ(error, net::error::eof);
  EXPECT_EQ(length, 0u);
}

TEST(UseTask, AsTupleKeepsTheErrorCode) {
  net::io_context context;
  connection pair(context);
  pair.near.close();
  std::optional<std::tuple<net_error_code, std::size_t>> result;
  auto body = [&]() -> task<void> {
    std::array<char, 16> data;
    result = co_await pair.far.async_read_some(net::buffer(data), as_tuple(coral::use_task));
  };
  coral::spawn(body());
  context.run();
  ASSERT_TRUE(result);
  EXPECT_EQ(std::get<0>(*result), net::error::eof);
}

TEST(UseTask, MoveOnlyResultsAreMovedOut) {
  net::io_context context;
  tcp::acceptor acceptor(context, loopback());
  tcp::socket client(context);
  bool open = false;
  auto body = [&]() -> task<void> {
    net_error_code error;
    tcp::socket first = co_await acceptor.async_accept(net::redirect_error(coral::use_task, error));
    open = first.is_open();
    auto pointer = co_await complete_with<void(net_error_code, std::unique_ptr<int>)>(
        context, coral::use_task, net_error_code(), std::make_unique<int>(6));
    EXPECT_EQ(*pointer, 6);
  };
  coral::spawn(body());
  client.connect(acceptor.local_endpoint());
  context.run();
  EXPECT_TRUE(open);
}

// A stream of SSL has no socket to give but its lowest layer, whose destructor is protected; among
// the overloads of async_accept is one for which that would be an executor.
TEST(UseTask, AcceptsIntoALowestLayer) {
  net::io_context context;
  tcp::acceptor acceptor(context, loopback());
  tcp::socket client(context), peer(context);
  bool open = false;
  auto body = [&]() -> task<void> {
    net::basic_socket<tcp> &lowest = peer.lowest_layer();
    co_await acceptor.async_accept(lowest, coral::use_task);
    open = peer.is_open();
  };
  coral::spawn(body());
  client.connect(acceptor.local_endpoint());
  context.run();
  EXPECT_TRUE(open);
}

TEST(UseTask, ResultFollowsTheSignature) {
  net::io_context context;
  int done = 0;
  auto body = [&]() -> task<void> {
    co_await complete_with<void()>(context, coral::use_task);
    int one = co_await complete_with<void(int)>(context, coral::use_task, 1);
    EXPECT_EQ(one, 1);
    std::tuple<int, std::string> several = co_await complete_with<void(int, std::string)>(
        context, coral::use_task, 2, std::string("b"));
    EXPECT_EQ(several, std::make_tuple(2, std::string("b")));
    std::tuple<int, char> after_error = co_await complete_with<void(net_error_code, int, char)>(
        context, coral::use_task, net_error_code(), 3, 'c');
    EXPECT_EQ(after_error, std::make_tuple(3, 'c'));
    co_await complete_with<void(std::exception_ptr)>(context, coral::use_task,
                                                     std::exception_ptr());
    int with_pointer = co_await complete_with<void(std::exception_ptr, int)>(
        context, coral::use_task, std::exception_ptr(), 4);
    EXPECT_EQ(with_pointer, 4);
    ++done;
  };
  coral::spawn(body());
  context.run();
  EXPECT_EQ(done, 1);
}

TEST(UseTask, AnExceptionPointerIsRethrown) {
  net::io_context context;
  std::string caught;
  auto body = [&]() -> task<void> {
    try {
      co_await complete_with<void(std::exception_ptr, int)>(
          context, coral::use_task, std::make_exception_ptr(std::out_of_range("far")), 4);
    } catch (const std::out_of_range &error) {
      caught = error.what();
    }
  };
  coral::spawn(body());
  context.run();
  EXPECT_EQ(caught, "far");
}

TEST(UseTask, TheOperationStartsWhenAwaitedAndNotBefore) {
  net::io_context context;
  bool initiated = false;
  auto body = [&]() -> task<void> {
    auto operation = net::async_initiate<decltype(coral::use_task), void()>(
        [&](auto handler) {
          initiated = true;
          net::post(context, std::move(handler));
        },
        coral::use_task);
    EXPECT_FALSE(initiated);
    co_await std::move(operation);
  };
  coral::spawn(body());
  EXPECT_TRUE(initiated);
  EXPECT_EQ(context.run(), 1u);
}

TEST(UseTask, ResumesInTheTurnOfTheHandler) {
  net::io_context context;
  names log;
  auto body = [&]() -> task<void> {
    co_await net::post(context, coral::use_task);
    log.push_back("resumed");
    net::post(context, [&] { log.push_back("posted"); });
  };
  coral::spawn(body());
  EXPECT_EQ(context.run_one(), 1u);
  EXPECT_EQ(log, names{"resumed"});
  EXPECT_EQ(context.run_one(), 1u);
  EXPECT_EQ(log, (names{"resumed", "posted"}));
}

TEST(UseTask, BindExecutorResumesOnTheStrand) {
  net::io_context context;
  auto strand = net::make_strand(context);
  net::steady_timer timer(context, 1ms);
  bool inside = false;
  auto body = [&]() -> task<void> {
    co_await timer.async_wait(net::bind_executor(strand, coral::use_task));
    inside = strand.running_in_this_thread();
    net_error_code error;
    timer.expires_after(1ms);
    co_await timer.async_wait(
        net::bind_executor(strand, net::redirect_error(coral::use_task, error)));
    inside = inside && strand.running_in_this_thread();
  };
  coral::spawn(body());
  context.run();
  EXPECT_TRUE(inside);
}

TEST(UseTask, DispatchResumesInsideTheStrand) {
  net::io_context context;
  auto strand = net::make_strand(context);
  bool inside = false;
  auto body = [&]() -> task<void> {
    co_await net::post(context, coral::use_task);
    co_await net::dispatch(strand, coral::use_task);
    inside = strand.running_in_this_thread();
    throw std::domain_error("on the strand");
  };
  coral::spawn(body());
  EXPECT_THROW(context.run(), std::domain_error);
  EXPECT_TRUE(inside);
}

TEST(UseTask, AStrandKeepsTasksApartUnderManyThreads) {
  net::io_context context;
  auto strand = net::make_strand(context);
  int unguarded = 0;
  auto body = [&]() -> task<void> {
    for (int i = 0; i != 500; ++i) {
      co_await net::post(net::bind_executor(strand, coral::use_task));
      ++unguarded;
    }
  };
  for (int i = 0; i != 8; ++i)
    coral::spawn(body());
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i)
    threads.emplace_back([&] { context.run(); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(unguarded, 4000);
}

TEST(UseTask, TasksMigrateBetweenThreads) {
  net::io_context context;
  std::atomic<int> finished = 0;
  auto leaf = [&]() -> task<int> {
    co_await net::post(context, coral::use_task);
    co_return 1;
  };
  auto body = [&]() -> task<void> {
    int total = 0;
    for (int i = 0; i != 300; ++i)
      total += co_await leaf();
    EXPECT_EQ(total, 300);
    ++finished;
  };
  for (int i = 0; i != 16; ++i)
    coral::spawn(body());
  std::vector<std::thread> threads;
  for (int i = 0; i != 4; ++i)
    threads.emplace_back([&] { context.run(); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(finished, 16);
}

TEST(SpawnOn, StartsWhenTheContextRuns) {
  net::io_context context;
  std::vector<int> order;
  coral::spawn(context, [&]() -> task<void> {
    order.push_back(2);
    co_await net::post(context, coral::use_task);
    order.push_back(3);
  });
  order.push_back(1);
  context.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(SpawnOn, StartsAtOnceInsideTheContext) {
  net::io_context context;
  std::vector<int> order;
  auto note = [&](int what) -> task<void> {
    order.push_back(what);
    co_return;
  };
  net::post(context, [&] {
    coral::spawn(context.get_executor(), note(1));
    order.push_back(2);
  });
  context.run();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(SpawnOn, StartsInsideTheStrand) {
  net::io_context context;
  auto strand = net::make_strand(context);
  bool inside = false;
  coral::spawn(strand, [&]() -> task<void> {
    inside = strand.running_in_this_thread();
    co_return;
  });
  context.run();
  EXPECT_TRUE(inside);
}

// What make_strand(socket.get_executor()) makes.
TEST(SpawnOn, TakesAStrandOnAnyExecutor) {
  net::io_context context;
  net::steady_timer timer(context, 1ms);
  auto strand = net::make_strand(timer.get_executor());
  bool inside = false;
  coral::spawn(strand, [&]() -> task<void> {
    co_await timer.async_wait(net::bind_executor(strand, coral::use_task));
    inside = strand.running_in_this_thread();
  });
  context.run();
  EXPECT_TRUE(inside);
}

TEST(SpawnOn, TheTaskIsWorkUntilItIsDone) {
  net::io_context context;
  manual_event event;
  std::vector<std::string> log;
  coral::spawn(context, [&, held = tracker(log, "callable")]() -> task<void> {
    co_await event.wait();
    log.push_back("done");
  });
  context.poll();
  EXPECT_FALSE(context.stopped());
  EXPECT_TRUE(log.empty());
  event.fire(0);
  EXPECT_EQ(log, (std::vector<std::string>{"done", "callable"}));
  context.poll();
  EXPECT_TRUE(context.stopped());
}

TEST(SpawnOn, AnExceptionLeavesThroughRun) {
  net::io_context context;
  coral::spawn(context, []() -> task<void> {
    throw std::runtime_error("first");
    co_return;
  });
  EXPECT_THROW(context.run(), std::runtime_error);
  context.run();
}

TEST(SpawnOn, TheHandlerIsToldHowTheTaskEnded) {
  net::io_context context;
  std::vector<std::string> ends;
  auto tell = [&](std::exception_ptr error) {
    try {
      if (error)
        std::rethrow_exception(error);
      ends.push_back("well");
    } catch (const std::exception &thrown) {
      ends.push_back(thrown.what());
    }
  };
  auto fail = []() -> task<void> {
    throw std::runtime_error("badly");
    co_return;
  };
  coral::spawn(context, [&]() -> task<void> { co_await net::post(context, coral::use_task); }, tell);
  coral::spawn(context, fail(), tell);
  coral::spawn(context, fail, net::detached);
  context.run();
  EXPECT_EQ(ends, (std::vector<std::string>{"badly", "well"}));
}

TEST(UseTask, AnExceptionLeavesThroughRunWhichCanGoOn) {
  net::io_context context;
  names log;
  auto failing = [&]() -> task<void> {
    tracker local(log, "frame");
    co_await net::post(context, coral::use_task);
    throw std::domain_error("in a task");
  };
  coral::spawn(failing());
  net::post(context, [&] { log.push_back("next handler"); });
  EXPECT_THROW(context.run(), std::domain_error);
  EXPECT_EQ(log, names{"frame"});
  context.run();
  EXPECT_EQ(log, (names{"frame", "next handler"}));
}

TEST(UseTask, DestroyingTheContextDestroysWhatWaits) {
  names log;
  {
    net::io_context context;
    auto pair = std::make_shared<connection>(context);
    auto inner = [&log, raw = pair.get()]() -> task<void> {
      tracker local(log, "inner");
      std::array<char, 16> data;
      co_await net::async_read(raw->near, net::buffer(data), coral::use_task);
      log.push_back("never");
    };
    auto outer = [&]() -> task<void> {
      tracker local(log, "outer");
      co_await inner();
    };
    coral::spawn([&, self = std::move(pair), held = tracker(log, "captures")] { return outer(); });
    context.run_for(5ms);
    EXPECT_EQ(log, names{});
  }
  EXPECT_EQ(log, (names{"inner", "outer", "captures"}));
}

TEST(UseTask, DestroyingTheContextWithAPostedHandlerDestroysTheTask) {
  names log;
  {
    net::io_context context;
    auto body = [&]() -> task<void> {
      tracker local(log, "frame");
      co_await net::post(context, coral::use_task);
    };
    coral::spawn(body());
  }
  EXPECT_EQ(log, names{"frame"});
}

TEST(UseTask, ClosingTheSocketEndsThePendingOperation) {
  net::io_context context;
  connection pair(context);
  net_error_code error;
  auto body = [&]() -> task<void> {
    std::array<char, 16> data;
    co_await pair.near.async_read_some(net::buffer(data),
                                       net::redirect_error(coral::use_task, error));
  };
  coral::spawn(body());
  net::post(context, [&] { pair.near.close(); });
  context.run();
  EXPECT_EQ(error, net::error::operation_aborted);
}

TEST(UseTask, AnInitiationThatThrowsThrowsFromTheAwait) {
  net::io_context context;
  std::string caught;
  auto body = [&]() -> task<void> {
    auto operation = net::async_initiate<decltype(coral::use_task), void()>(
        [](auto handler) {
          auto taken = std::move(handler);
          throw std::length_error("no room");
        },
        coral::use_task);
    try {
      co_await std::move(operation);
    } catch (const std::length_error &error) {
      caught = error.what();
    }
  };
  coral::spawn(body());
  EXPECT_EQ(caught, "no room");
}

} // namespace
