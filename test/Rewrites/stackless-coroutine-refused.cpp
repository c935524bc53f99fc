// What a stackless coroutine must be to be converted.
//
// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %coral rewrite --target=asio %s -- -std=c++20 2>/dev/null | count 0
// RUN: %coral rewrite --pattern=completion-handler %s -- -std=c++20 2>/dev/null | count 0
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <asio.hpp>
#include <functional>
#include <memory>

#include <asio/yield.hpp>

using timer_ptr = std::shared_ptr<asio::steady_timer>;

// What stands around the reenter runs at every step.
struct with_an_end : asio::coroutine {
  timer_ptr timer;
  int steps = 0;
  void operator()(std::error_code ec = {}) {
    reenter (this) {
      // CHECK: [[#@LINE+1]]:13: note: not converted: what is around this {{.*}} [unsupported-control-flow]
      yield timer->async_wait(*this);
    }
    steps += !ec;
  }
};

struct counted : asio::coroutine {
  timer_ptr timer;
  int steps = 0;
  void operator()(std::error_code ec = {}) {
    ++steps;
    // CHECK: [[#@LINE+2]]:28: note: not converted: what is around this {{.*}} [unsupported-control-flow]
    if (!ec)
      reenter (this) yield timer->async_wait(*this);
  }
};

// Somebody asks how far it is.
struct watched : asio::coroutine {
  timer_ptr timer;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: this asks where {{.*}} [unsupported-control-flow]
        yield timer->async_wait(*this);
      }
  }
};
bool is_done(const watched &w) { return w.is_complete(); }

// Something else enters it.
class entered : public std::enable_shared_from_this<entered> {
public:
  explicit entered(asio::io_context &io) : timer_(io) {}
  void start() { loop(); }
  void prepare() {
    enter_ = std::bind(&entered::loop, shared_from_this(), std::error_code());
  }

private:
  void loop(std::error_code ec = {}) {
    if (!ec)
      reenter (coro_) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: {{.*}} entered again by somebody else{{.*}} [address-taken]
        yield timer_.async_wait(std::bind(&entered::loop, shared_from_this(),
                                          std::placeholders::_1));
      }
  }
  asio::steady_timer timer_;
  std::function<void()> enter_;
  asio::coroutine coro_;
};

// Two calls, and one of them may go on.
class called_twice {
public:
  explicit called_twice(asio::io_context &io) : timer_(io) {}
  void start() { loop(); }
  void again() { loop(); }

private:
  void loop(std::error_code ec = {}) {
    if (!ec)
      reenter (coro_) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: {{.*}} several places {{.*}} [unsupported-start]
        yield timer_.async_wait(
            std::bind(&called_twice::loop, this, std::placeholders::_1));
      }
  }
  asio::steady_timer timer_;
  asio::coroutine coro_;
};

// An operation that nobody yields.
struct beside : asio::coroutine {
  timer_ptr timer, other;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        // CHECK: [[#@LINE+1]]:9: note: not converted: this operation is started without a yield{{.*}} [unsupported-control-flow]
        other->async_wait([](std::error_code) {});
        // CHECK: [[#@LINE+1]]:15: note: not converted: this operation is started without a yield{{.*}} [unsupported-control-flow]
        yield timer->async_wait(*this);
      }
  }
};

// Both copies go on in the same loop.
struct both : asio::coroutine {
  timer_ptr timer;
  int left = 2;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        while (left-- > 0) {
          // CHECK: [[#@LINE+1]]:17: note: not converted: both copies {{.*}} [unsupported-control-flow]
          yield timer->async_wait(*this);
          fork both(*this)();
        }
      }
  }
};

// The copy is called elsewhere.
struct posted : asio::coroutine {
  timer_ptr timer;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        do {
          // CHECK: [[#@LINE+1]]:17: note: not converted: this fork does something else {{.*}} [unsupported-start]
          yield timer->async_wait(*this);
          // CHECK: [[#@LINE+1]]:16: note: not converted: this fork does something else {{.*}} [unsupported-start]
          fork asio::post(timer->get_executor(), posted(*this));
        } while (is_parent());
        // CHECK: [[#@LINE+1]]:15: note: not converted: this fork does something else {{.*}} [unsupported-start]
        yield timer->async_wait(*this);
      }
  }
};

// The copy is called without a fork.
struct doubled : asio::coroutine {
  timer_ptr timer;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: the coroutine calls itself {{.*}} [unsupported-start]
        yield timer->async_wait(*this);
        doubled(*this)();
      }
  }
};

// A lambda that knows more than the object.
struct through_a_lambda : asio::coroutine {
  timer_ptr timer;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: {{.*}} by something else {{.*}} [unsupported-handler]
        yield timer->async_wait(
            [self = *this](std::error_code ec) mutable { self(ec); });
      }
  }
};

// Leaves the block, and the function does not end there.
struct broken : asio::coroutine {
  timer_ptr timer;
  void operator()(std::error_code ec = {}) {
    if (!ec)
      reenter (this) {
        // CHECK: [[#@LINE+1]]:15: note: not converted: this leaves the block {{.*}} [unsupported-control-flow]
        yield timer->async_wait(*this);
        if (timer.use_count() > 3)
          break;
        timer.reset();
      }
  }
};

// What a composed operation is made of.
struct composed : asio::coroutine {
  asio::steady_timer &timer;
  explicit composed(asio::steady_timer &timer) : timer(timer) {}
  // CHECK: [[#@LINE+2]]:8: note: not converted: {{.*}} is a template{{.*}} [dependent-code]
  template <typename Self>
  void operator()(Self &self, std::error_code ec = {}) {
    if (ec)
      return self.complete(ec);
    reenter (*this) {
      yield timer.async_wait(std::move(self));
      self.complete(ec);
    }
  }
};

#include <asio/unyield.hpp>

void use(asio::io_context &io, asio::steady_timer &timer) {
  with_an_end{{}, nullptr}();
  counted{{}, nullptr}();
  watched{{}, nullptr}();
  std::make_shared<entered>(io)->start();
  called_twice(io).start();
  beside{{}, nullptr, nullptr}();
  both{{}, nullptr}();
  posted{{}, nullptr}();
  doubled{{}, nullptr}();
  through_a_lambda{{}, nullptr}();
  broken{{}, nullptr}();
  // CHECK: [[#@LINE+1]]:3: note: not converted: {{.*}} [unsupported-handler]
  asio::async_compose<void (*)(std::error_code), void(std::error_code)>(
      composed(timer), *[]() {
        static void (*nothing)(std::error_code) = [](std::error_code) {};
        return &nothing;
      }());
}
