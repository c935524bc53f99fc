// coral::asio_loop and coral::boost_asio_loop: an event loop in an Asio program's `io_context`.
//
// Two ways to live together with the program's own handlers, on one thread:
//
//     asio::io_context context;                       asio::io_context context;
//     coral::asio_loop loop(context);                 coral::asio_loop loop(context);
//     loop.run_until_complete(serve());               loop.attach();
//                                                     loop.create_task(serve());
//                                                     context.run();
//
// On the left the coral loop is in charge: running it runs the context's handlers. On the right the
// program keeps its `context.run()`, which runs the loop's work among its handlers; this is how
// coroutines enter a program that exists. Either way `coral::use_task` awaits any Asio operation
// on the context, and Asio handlers may set futures and create tasks.
//
// Include it after Asio's headers: it adapts whichever of standalone Asio and Boost.Asio is already
// there (both, if both are), and includes standalone Asio, or else Boost.Asio, when neither is.
// Link to `coral::runtime`; `coral::asio` is the same with Asio's headers found.

#ifndef CORAL_LOOP_ASIO_HPP
#define CORAL_LOOP_ASIO_HPP

#include <coral/errors.hpp>
#include <coral/event_loop.hpp>

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#if !defined(ASIO_IO_CONTEXT_HPP) && !defined(BOOST_ASIO_IO_CONTEXT_HPP)
#if __has_include(<asio/io_context.hpp>)
#include <asio/io_context.hpp>
#else
#include <boost/asio/io_context.hpp>
#endif
#endif

#ifdef ASIO_IO_CONTEXT_HPP
#include <asio/executor_work_guard.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#endif
#ifdef BOOST_ASIO_IO_CONTEXT_HPP
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#endif

namespace coral {

/// An event loop whose I/O, timers and wake-ups are those of an `io_context`. `Asio` says which
/// Asio; programs name the loop `asio_loop` or `boost_asio_loop`.
///
/// Threads: one thread runs the context, and it is the loop's. A context that several threads run
/// hosts no loop; give the loop a context, and a thread, of its own and send it work with
/// `call_soon_threadsafe`. A turn of an attached loop on another thread throws `runtime_error`,
/// from that thread's `context.run()`.
template <class Asio> class basic_asio_loop final : public event_loop {
public:
  using context_type = typename Asio::io_context;

  /// A loop with a context of its own.
  basic_asio_loop() : basic_asio_loop(std::make_unique<context_type>(1)) {}

  /// A loop in the program's context, which outlives it.
  explicit basic_asio_loop(context_type &context)
      : context_(context), timer_(context), idle_(*this),
        self_(std::make_shared<basic_asio_loop *>(this)) {}

  /// Closes the loop. What the program's own handlers wait for goes on.
  ~basic_asio_loop() override {
    detach();
    close();
    *self_ = nullptr;
  }

  static std::unique_ptr<event_loop> create() { return std::make_unique<basic_asio_loop>(); }

  time_point time() const noexcept override { return clock::now(); }

  context_type &context() const noexcept { return context_; }

  /// From now on whoever runs the context, on this thread, runs the loop: it is the thread's
  /// running loop, inside the context's handlers and outside. After each batch the other handlers
  /// have their turn. `context.run()` returns when there are no handlers, tasks, timers and watched
  /// descriptors left; a `keyboard_interrupt` or `system_exit` of a callback leaves from it.
  /// Ends with `detach`, or with `stop` when the batch is done.
  /// Throws `runtime_error` as `run_forever` does.
  void attach() {
    begin_hosted();
    post_turn();
  }

  /// Ends what `attach` began, in a callback or task of the loop when the batch is done. What is
  /// scheduled stays scheduled, and the loop can be run or attached again.
  void detach() noexcept {
    if (in_turn_)
      return stop();
    if (!is_hosted())
      return;
    end_hosted();
    timer_.cancel();
    armed_.reset();
    work_.reset();
  }

private:
  /// Asio adds it to the time, which may come near its end.
  static constexpr duration longest_wait = std::chrono::hours(24);

  /// A watched descriptor. Asio owns what it has assigned; `release` gives it back.
  struct watcher {
    typename Asio::descriptor descriptor;
    basic_asio_loop *owner;
    int number;
    detail::io_events wanted;
    detail::io_events waiting = 0;
  };

  /// Wakes the loop that its host left idle.
  class idle_hook final : public detail::idle_listener {
  public:
    explicit idle_hook(basic_asio_loop &loop) noexcept : loop_(loop) {}
    void work_arrived() noexcept override {
      if (!loop_.turn_posted_)
        loop_.post_turn();
    }

  private:
    basic_asio_loop &loop_;
  };

  explicit basic_asio_loop(std::unique_ptr<context_type> own) : basic_asio_loop(*own) {
    own_ = std::move(own);
  }

  void begin_run() override {
    if (context_.stopped())
      context_.restart();
    work_.emplace(context_.get_executor());
  }

  /// Leaves the context as it was: out of work is not stopped.
  void end_run() noexcept override {
    const bool stopped = context_.stopped();
    work_.reset();
    if (!stopped && context_.stopped())
      context_.restart();
  }

  void poll(std::optional<duration> timeout) override {
    wait_again();
    if (!timeout)
      context_.run_one();
    else if (*timeout > duration::zero())
      context_.run_one_for(std::min<duration>(*timeout, longest_wait));
    // Handlers that post handlers do not keep the loop from its own work.
    for (int handlers = 0; handlers != batches_per_poll && context_.poll_one(); ++handlers)
      ;
    if (context_.stopped())
      stop();
  }

  /// In the context's queue the call ends a wait; in a hosted loop it is a turn.
  void wake() noexcept override {
    Asio::post(context_, [self = self_] {
      if (basic_asio_loop *loop = *self; loop && loop->is_hosted() && !loop->turn_posted_)
        loop->turn();
    });
  }

  void close_backend() noexcept override {}

  void post_turn() noexcept {
    turn_posted_ = true;
    Asio::post(context_, [self = self_] {
      if (basic_asio_loop *loop = *self) {
        loop->turn_posted_ = false;
        if (loop->is_hosted())
          loop->turn();
      }
    });
  }

  /// One batch, as a handler of the context.
  void turn() {
    if (running_loop_or_null() != this) [[unlikely]]
      throw runtime_error("the io_context that hosts this event loop runs on another thread than "
                          "the one that called attach");
    struct turn_scope {
      basic_asio_loop &loop;
      explicit turn_scope(basic_asio_loop &loop) noexcept : loop(loop) { loop.in_turn_ = true; }
      ~turn_scope() {
        loop.in_turn_ = false;
        loop.prepare_next_turn();
      }
    } scope(*this);
    run_hosted_batch();
  }

  void prepare_next_turn() noexcept {
    wait_again();
    if (is_stopping())
      return detach();
    if (!has_pending_tasks())
      work_.reset();
    else if (!work_)
      work_.emplace(context_.get_executor());
    if (!has_ready())
      wait_for_work();
    else if (!turn_posted_)
      post_turn();
  }

  void wait_for_work() noexcept {
    const std::optional<time_point> deadline = next_deadline();
    if (deadline != armed_) {
      armed_ = deadline;
      timer_.cancel();
      if (deadline)
        arm(*deadline);
    }
    notify_when_not_idle(idle_);
  }

  void arm(time_point deadline) noexcept {
    timer_.expires_at(deadline);
    timer_.async_wait([self = self_](const typename Asio::error_code &error) {
      if (error || !*self)
        return;
      (*self)->armed_.reset();
      if ((*self)->is_hosted())
        (*self)->turn();
    });
  }

  void watch_descriptor(int descriptor, detail::io_events events) override {
    const auto index = static_cast<std::size_t>(descriptor);
    if (index >= watchers_.size())
      watchers_.resize(index + 1);
    if (const std::shared_ptr<watcher> &watched = watchers_[index]) {
      watched->wanted = events;
      wait_for(watched);
    } else {
      start_watching(descriptor, events);
    }
  }

  void start_watching(int descriptor, detail::io_events events) {
    require_pollable(descriptor);
    auto made = std::make_shared<watcher>(
        watcher{typename Asio::descriptor(context_), this, descriptor, events});
    typename Asio::error_code error;
    made->descriptor.assign(descriptor, error);
    if (error)
      throw std::system_error(error.value(), std::system_category(),
                              "cannot watch a file descriptor");
    // The first wait makes the descriptor non-blocking; whether it is, is its owner's to say.
    const int flags = ::fcntl(descriptor, F_GETFL);
    wait_for(made);
    if (!(flags & O_NONBLOCK))
      ::fcntl(descriptor, F_SETFL, flags);
    watchers_[static_cast<std::size_t>(descriptor)] = std::move(made);
  }

  void unwatch_descriptor(int descriptor) noexcept override {
    const std::shared_ptr<watcher> removed =
        std::exchange(watchers_[static_cast<std::size_t>(descriptor)], nullptr);
    removed->owner = nullptr;
    removed->descriptor.release();
  }

  /// Asks Asio for the events that are wanted and not yet asked for.
  static void wait_for(const std::shared_ptr<watcher> &watched) {
    const detail::io_events missing = watched->wanted & ~watched->waiting;
    watched->waiting |= missing;
    if (missing & detail::io_readable)
      wait_for(watched, detail::io_readable, Asio::descriptor::wait_read);
    if (missing & detail::io_writable)
      wait_for(watched, detail::io_writable, Asio::descriptor::wait_write);
  }

  static void wait_for(const std::shared_ptr<watcher> &watched, detail::io_events event,
                       typename Asio::descriptor::wait_type type) {
    watched->descriptor.async_wait(type, [watched, event](const typename Asio::error_code &) {
      watched->waiting &= ~event;
      if (!watched->owner)
        return;
      watched->owner->found_.push_back(watched);
      watched->owner->descriptor_ready(watched->number, event & watched->wanted);
    });
  }

  /// Asio tells once; what was found ready is asked for anew when its callbacks have run.
  void wait_again() {
    for (const std::shared_ptr<watcher> &found : found_)
      if (found->owner)
        wait_for(found);
    found_.clear();
  }

  std::unique_ptr<context_type> own_;
  context_type &context_;
  typename Asio::timer timer_;
  std::optional<typename Asio::work_guard> work_;
  idle_hook idle_;
  /// The deadline that `timer_` waits for.
  std::optional<time_point> armed_;
  bool turn_posted_ = false;
  bool in_turn_ = false;
  /// What the handlers that stand in the context know of this loop; null when it is gone.
  std::shared_ptr<basic_asio_loop *> self_;
  std::vector<std::shared_ptr<watcher>> watchers_;
  std::vector<std::shared_ptr<watcher>> found_;
};

#ifdef ASIO_IO_CONTEXT_HPP
namespace detail {
struct standalone_asio {
  using io_context = asio::io_context;
  using descriptor = asio::posix::stream_descriptor;
  using timer = asio::steady_timer;
  using work_guard = asio::executor_work_guard<asio::io_context::executor_type>;
  using error_code = asio::error_code;
  template <class Handler> static void post(io_context &context, Handler &&handler) {
    asio::post(context, std::forward<Handler>(handler));
  }
};
} // namespace detail

/// The loop in a standalone `asio::io_context`.
using asio_loop = basic_asio_loop<detail::standalone_asio>;
#endif

#ifdef BOOST_ASIO_IO_CONTEXT_HPP
namespace detail {
struct boost_asio {
  using io_context = boost::asio::io_context;
  using descriptor = boost::asio::posix::stream_descriptor;
  using timer = boost::asio::steady_timer;
  using work_guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  using error_code = boost::system::error_code;
  template <class Handler> static void post(io_context &context, Handler &&handler) {
    boost::asio::post(context, std::forward<Handler>(handler));
  }
};
} // namespace detail

/// The loop in a `boost::asio::io_context`.
using boost_asio_loop = basic_asio_loop<detail::boost_asio>;
#endif

} // namespace coral

#endif
