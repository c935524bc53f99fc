// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <memory>

class ticker : public std::enable_shared_from_this<ticker> {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}
  void start() { wait(); }

private:
  void wait() {
    auto self = shared_from_this();
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lifetime-differs]
    timer_.async_wait([this, self](std::error_code ec) {
      if (!ec)
        wait_more();
    });
  }

  void wait_more() {
  // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [lifetime-differs]
    timer_.async_wait([this](std::error_code ec) {
      if (!ec)
        wait();
    });
  }

  asio::steady_timer timer_;
};

// Each handler is a copy of the object, and this one is looked at.
struct countdown {
  asio::steady_timer &timer;
  int left;

  void operator()(std::error_code ec) {
    if (ec || left-- == 0)
      return;
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} used after this call{{.*}} [lifetime-differs]
    timer.async_wait(*this);
  }
};

int last(asio::steady_timer &timer) {
  countdown count{timer, 3};
  count({});
  return count.left;
}

// Copies do what the object did not.
class counted {
public:
  explicit counted(asio::steady_timer &timer) : timer_(timer) {}
  counted(const counted &other) : timer_(other.timer_) { ++copies; }
  static int copies;

  void operator()(std::error_code ec) {
    if (!ec)
      // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}}copies of 'counted' {{.*}} [lifetime-differs]
      timer_.async_wait(*this);
  }

private:
  asio::steady_timer &timer_;
};

// One handler is the object and the other refers to it.
class mixed {
public:
  explicit mixed(asio::steady_timer &timer) : timer_(timer) {}

  void operator()(std::error_code ec) {
    if (!ec)
      // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} are the object itself {{.*}} [lifetime-differs]
      timer_.async_wait(*this);
    else
      // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [lifetime-differs]
      timer_.async_wait([this](std::error_code) { ++count_; });
  }

private:
  asio::steady_timer &timer_;
  int count_ = 0;
};

// The object that closes itself when it goes has nobody who owns it.
class closing : public std::enable_shared_from_this<closing> {
public:
  explicit closing(asio::io_context &io) : timer_(io) {}
  ~closing() { close(); }

  void close() {
    if (!open_)
      return;
    open_ = false;
    auto self = shared_from_this();
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'closing::close' may be called {{.*}} [lifetime-differs]
    timer_.async_wait([self](std::error_code) { self->open_ = true; });
  }

private:
  asio::steady_timer timer_;
  bool open_ = true;
};

// So has a variable.
class polled : public std::enable_shared_from_this<polled> {
public:
  explicit polled(asio::io_context &io) : timer_(io) {}

  void poll(int left) {
    if (left == 0)
      return;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'polled::poll' may be called {{.*}} [lifetime-differs]
    timer_.async_wait([this, self = shared_from_this(), left](
                          std::error_code) { poll(left - 1); });
  }

private:
  asio::steady_timer timer_;
};

void poll_nothing(asio::io_context &io) {
  polled one(io);
  one.poll(0);
}
