// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio/steady_timer.hpp>
#include <functional>

class ticker {
public:
  explicit ticker(asio::io_context &io) : timer_(io) {}

  void start_with(std::error_code) {}

  // Whatever that is.
  void start(std::function<void(std::error_code)> handler) {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(handler);
  }

  // The handler is used twice.
  void start_both() {
    auto handler = [this](std::error_code ec) { on_wait(ec); };
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(handler);
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    other_.async_wait(handler);
  }

  // What the handler has captured is not what the variable holds later.
  void start_counting() {
    int times = 1;
    auto handler = [this, times](std::error_code) { times_ = times; };
    times = 2;
    timer_.expires_after(std::chrono::seconds(times));
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(handler);
  }

  // The handler was made before others had the chance to change what it is
  // made from.
  void start_early() {
    auto handler = [this, times = times_ + 1](std::error_code) {
      times_ = times;
    };
    times_ = 7;
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(handler);
  }

  // Nobody knows how often.
  void start_often() {
    auto handler = [this](std::error_code ec) { on_wait(ec); };
    while (times_-- > 0)
      // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} [operation-in-a-loop]
      timer_.async_wait(handler);
  }

private:
  void on_wait(std::error_code ec) {
    if (!ec)
      times_ = 0;
  }

  asio::steady_timer timer_;
  asio::steady_timer other_{timer_.get_executor()};
  int times_ = 0;
};

struct outcome {
  outcome(std::error_code ec) : good(!ec) {}
  bool good;
};

class other {
public:
  other(asio::io_context &io, ticker &peer) : peer_(peer), timer_(io) {}

  void on_another_object() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} on another object {{.*}} [unsupported-handler]
    timer_.async_wait(std::bind(&ticker::start_with, &peer_,
                                std::placeholders::_1));
  }

  void computed_early() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} computed when {{.*}} [unsupported-handler]
    timer_.async_wait(std::bind(
        &other::counted, this, ++count_, std::placeholders::_1));
  }

  struct on_peer {
    ticker &peer;
    void operator()(std::error_code ec) { peer.start_with(ec); }
  };

  void object_on_another_object() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} computed when {{.*}} [unsupported-handler]
    timer_.async_wait(on_peer{peer_});
  }

  struct on_itself {
    int count = 0;
    void operator()(std::error_code) { hit(); }
    void hit() { ++count; }
  };

  void object_that_calls_itself() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} works on itself {{.*}} [unsupported-handler]
    timer_.async_wait(on_itself{});
  }

  struct on_chance {
    void operator()(std::error_code) {}
    void operator()(int) {}
  };

  void object_of_two_calls() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(on_chance{});
  }

  struct on_end {
    other *owner;
    ~on_end() { ++owner->count_; }
    void operator()(std::error_code) {}
  };

  void object_with_a_destructor() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} [unsupported-handler]
    timer_.async_wait(on_end{this});
  }

  struct on_quiet {
    void operator()(std::error_code) noexcept {}
  };

  void object_that_does_not_throw() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} noexcept{{.*}} [unsupported-handler]
    timer_.async_wait(on_quiet{});
  }

  void converted_error() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} as another type {{.*}} [unsupported-handler]
    timer_.async_wait([this](outcome waited) {
      if (waited.good)
        converted_error();
    });
  }

private:
  void counted(int, std::error_code) {}

  ticker &peer_;
  asio::steady_timer timer_;
  int count_ = 0;
};

// In a member of the class the name would be that of the member.
static int level = 1;
static void on_level(const std::error_code &ec) {
  if (!ec)
    ++level;
}
class gauge {
public:
  explicit gauge(asio::io_context &io) : timer_(io) {}

  void start() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'on_level' would become a part of 'gauge::start', and 'level' may mean something else there{{.*}} [unsupported-handler]
    timer_.async_wait(on_level);
  }
  int level = 2;

private:
  asio::steady_timer timer_;
};

// What is thrown in a function that is noexcept ends the program.
class silent {
public:
  explicit silent(asio::io_context &io) : timer_(io) {}

  void start() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'silent::next' is noexcept{{.*}} [unsupported-handler]
    timer_.async_wait([this](std::error_code) { next(); });
  }
  void begin() noexcept {
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'silent::begin' is noexcept{{.*}} [unsupported-handler]
    timer_.async_wait([this](std::error_code) { ++count_; });
  }
  void both() {
    start();
    begin();
  }

private:
  void next() noexcept {
    ++count_;
    // CHECK: [[#@LINE+1]]:5: note: not converted: 'silent::next' is noexcept{{.*}} [unsupported-handler]
    timer_.async_wait([this](std::error_code) { ++count_; });
  }

  asio::steady_timer timer_;
  int count_ = 0;
};

// The object of a call comes before what its handler is made from.
class numbered {
public:
  explicit numbered(asio::io_context &io) : timer_(io) {}

  void behind_the_object() {
    // CHECK: [[#@LINE+1]]:5: note: not converted: {{.*}} behind its object{{.*}} [unsupported-handler]
    timer().async_wait([this, id = next()](std::error_code) { last_ = id; });
  }

private:
  int next() { return ++last_; }
  asio::steady_timer &timer() {
    timer_.expires_after(std::chrono::seconds(next()));
    return timer_;
  }

  asio::steady_timer timer_;
  int last_ = 0;
};

// Another object goes on in its place.
struct countdown {
  asio::steady_timer &timer;
  int left;
  void operator()(std::error_code ec) {
    if (!ec && left > 0)
      // CHECK: [[#@LINE+1]]:7: note: not converted: {{.*}} computed when {{.*}} [unsupported-handler]
      timer.async_wait(countdown{timer, left - 1});
  }
};
void count_down(asio::io_context &io) {
  asio::steady_timer timer(io);
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} computed when {{.*}} [unsupported-handler]
  timer.async_wait(countdown{timer, 3});
  io.run();
}
