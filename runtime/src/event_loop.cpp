#include <coral/event_loop.hpp>

#include <coral/async_generator.hpp>
#include <coral/detail/signal_watch.hpp>
#include <coral/errors.hpp>
#include <coral/executors.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <typeinfo>

namespace coral {
namespace {

bool debug_from_environment() noexcept {
  const char *value = std::getenv("CORAL_DEBUG");
  return value && *value && std::string_view(value) != "0";
}

/// What debug mode calls it.
std::string name_of(detail::ready_entry &entry) {
  detail::scheduled_base *task = entry.first_step_of();
  if (detail::root *chain = entry.chain(); chain && !task)
    task = chain->scheduled();
  return task ? task->name() : "a callback";
}

} // namespace

namespace detail {

void throw_no_running_loop() { throw runtime_error("no running event loop"); }

void callback_entry::run(driver &) {
  const std::shared_ptr<callback_entry> keep = std::move(self);
  const context_scope context(context_);
  calling_ = true;
  try {
    call();
  } catch (...) {
    clear();
    loop_.report("Exception in callback", std::current_exception(), handle(keep));
    return;
  }
  clear();
}

void callback_entry::drop() noexcept {
  const std::shared_ptr<callback_entry> keep = std::move(self);
  clear();
}

void callback_entry::cancel() noexcept {
  cancelled_ = true;
  if (calling_)
    return;
  // On its way from another thread, the chain it travels in holds it.
  std::shared_ptr<callback_entry> keep;
  if (linked() || timer.active())
    keep = std::move(self);
  unlink();
  timer.cancel();
  clear();
}

} // namespace detail

event_loop::event_loop()
    : gate_(std::make_shared<detail::loop_gate>(*this)), debug_(debug_from_environment()) {}

event_loop::~event_loop() {
  // What was made ready after the loop was closed.
  drop_ready();
}

void event_loop::require_open() const {
  if (is_closed())
    throw runtime_error("Event loop is closed");
}

void event_loop::require_can_run() const {
  require_open();
  if (is_running())
    throw runtime_error("This event loop is already running");
  if (running_loop_or_null())
    throw runtime_error("Cannot run the event loop while another loop is running");
}

void event_loop::require_own_thread() const {
  if (is_running() && running_loop_or_null() != this)
    throw runtime_error(
        "Non-thread-safe operation invoked on an event loop other than the current one");
}

void event_loop::schedule(const std::shared_ptr<detail::callback_entry> &entry) {
  require_open();
  check_thread();
  entry->self = entry;
  ready_.push(*entry);
}

void event_loop::schedule_at(const std::shared_ptr<detail::callback_entry> &entry,
                             time_point when) {
  require_open();
  check_thread();
  timers_.add(entry->timer, when);
  entry->self = entry;
}

void event_loop::send(const std::shared_ptr<detail::callback_entry> &entry) {
  struct sending {
    std::atomic<int> &senders;
    explicit sending(std::atomic<int> &senders) noexcept : senders(senders) { ++senders; }
    ~sending() { --senders; }
  } counted(senders_);
  // Either this sees that the loop is closed, or `close` waits for this.
  if (closed_.load())
    require_open();
  entry->self = entry;
  detail::callback_entry *first = sent_.load(std::memory_order_relaxed);
  do
    entry->next_sent = first;
  while (!sent_.compare_exchange_weak(first, entry.get(), std::memory_order_release,
                                      std::memory_order_relaxed));
  // Whoever found the chain empty wakes the loop for all that follow.
  if (!first)
    wake();
}

void event_loop::receive() noexcept {
  if (!sent_.load(std::memory_order_relaxed))
    return;
  detail::callback_entry *last_sent = sent_.exchange(nullptr, std::memory_order_acquire);
  detail::callback_entry *in_order = nullptr;
  while (last_sent) {
    detail::callback_entry *next = std::exchange(last_sent->next_sent, in_order);
    in_order = std::exchange(last_sent, next);
  }
  while (in_order) {
    detail::callback_entry &entry = *in_order;
    in_order = std::exchange(entry.next_sent, nullptr);
    if (entry.cancelled())
      entry.drop();
    else
      ready_.push(entry);
  }
}

void event_loop::enter() noexcept {
  running_ = true;
  detail::this_thread_state.running_loop = this;
}

void event_loop::leave() noexcept {
  running_ = false;
  stopping_ = false;
  detail::this_thread_state.running_loop = nullptr;
}

void event_loop::run_forever() {
  require_can_run();
  begin_run();
  struct running_scope {
    event_loop &loop;
    explicit running_scope(event_loop &loop) noexcept : loop(loop) { loop.enter(); }
    ~running_scope() {
      loop.leave();
      loop.end_run();
    }
  } scope(*this);
  do
    run_once();
  while (!stopping_);
}

void event_loop::begin_hosted() {
  require_can_run();
  hosted_ = true;
  enter();
}

void event_loop::end_hosted() noexcept {
  ready_.no_longer_idle.set_listener(nullptr);
  timers_.no_longer_idle.set_listener(nullptr);
  hosted_ = false;
  leave();
}

void event_loop::run_hosted_batch() {
  ready_.no_longer_idle.set_listener(nullptr);
  timers_.no_longer_idle.set_listener(nullptr);
  receive();
  collect_due();
  run_batches(1);
}

std::optional<event_loop::time_point> event_loop::next_deadline() const noexcept {
  if (timers_.empty())
    return std::nullopt;
  return timers_.next_deadline();
}

void event_loop::notify_when_not_idle(detail::idle_listener &listener) noexcept {
  ready_.no_longer_idle.set_listener(&listener);
  timers_.no_longer_idle.set_listener(&listener);
}

void event_loop::run_until_done(detail::future_base &awaited) {
  require_can_run();
  if (&awaited.loop() != this)
    throw runtime_error("the task belongs to a different event loop");
  struct stop_entry final : detail::ready_entry {
    event_loop &loop;
    explicit stop_entry(event_loop &loop) : loop(loop) {}
    void run(detail::driver &) override { loop.stop(); }
    void drop() noexcept override {}
  } stop_when_done(*this);
  awaited.observe();
  if (awaited.done())
    ready_.push(stop_when_done);
  else
    awaited.wait(stop_when_done);
  run_forever();
  if (!awaited.done())
    throw runtime_error("Event loop stopped before Future completed.");
}

void event_loop::run_once() {
  receive();
  const bool busy = !ready_.empty() || stopping_;
  if (!busy || batches_since_poll_ >= batches_per_poll) {
    batches_since_poll_ = 0;
    std::optional<duration> timeout;
    if (busy)
      timeout = duration::zero();
    else if (!timers_.empty())
      timeout = std::max(duration::zero(), timers_.next_deadline() - time());
    poll(timeout);
    receive();
  }
  collect_due();
  batches_since_poll_ += run_batches(batches_per_poll - batches_since_poll_);
}

void event_loop::collect_due() {
  if (timers_.empty())
    return;
  const time_point now = time();
  while (!timers_.empty() && timers_.next_deadline() <= now)
    ready_.push(timers_.pop());
}

int event_loop::run_batches(int limit) {
  detail::driver scope;
  int batches = 0;
  do {
    ready_.begin_batch();
    const bool timed = get_debug();
    try {
      while (ready_.batch_has_more()) {
        detail::ready_entry &entry = ready_.pop();
        if (timed) [[unlikely]]
          run_timed(entry, scope);
        else
          entry.run(scope);
        detail::this_thread_state.running = nullptr;
        if (scope.has_escaped()) [[unlikely]]
          report("Exception in detached task", scope.take_escaped(), std::nullopt);
      }
    } catch (...) {
      ready_.abandon_batch();
      throw;
    }
  } while (++batches < limit && has_only_ready_work());
  return batches;
}

void event_loop::run_timed(detail::ready_entry &entry, detail::driver &scope) {
  struct timing {
    event_loop &loop;
    std::string what;
    time_point begin = loop.time();
    ~timing() {
      const duration taken = loop.time() - begin;
      if (taken >= loop.slow_callback_duration)
        std::fprintf(stderr, "coral: Executing %s took %.3f seconds\n", what.c_str(),
                     std::chrono::duration<double>(taken).count());
    }
  } timed{*this, name_of(entry)};
  entry.run(scope);
}

void event_loop::close() {
  if (is_running())
    throw runtime_error("Cannot close a running event loop");
  if (is_closed())
    return;
  // Who comes through the gate meets no closed loop.
  gate_->close();
  closed_.store(true);
  while (senders_.load() != 0)
    std::this_thread::yield();
  signals_.reset();
  drop_all();
  detail::async_generator_base::leave_loop(asyncgens_);
  detail::async_generator_base::leave_loop(asyncgen_orphans_);
  default_executor_.reset();
  drop_ready();
  close_backend();
}

void event_loop::drop_all() noexcept {
  while (!pending_.empty())
    detail::scheduled_base::destroy_pending(pending_.front());
  while (!resources_.empty()) {
    auto &resource = static_cast<detail::loop_resource &>(resources_.front());
    resource.unlink();
    if (get_debug())
      if (const std::string unclosed = resource.unclosed(); !unclosed.empty())
        call_exception_handler({"unclosed " + unclosed, nullptr, std::nullopt});
    resource.loop_closed();
  }
  unwatch_all();
  receive();
  drop_ready();
}

void event_loop::drop_ready() noexcept {
  while (!ready_.empty() || !timers_.empty())
    (ready_.empty() ? timers_.pop() : ready_.pop()).drop();
}

void event_loop::report(const char *message, std::exception_ptr error,
                        std::optional<handle> source) {
  try {
    std::rethrow_exception(error);
  } catch (const keyboard_interrupt &) {
    throw;
  } catch (const system_exit &) {
    throw;
  } catch (...) {
    call_exception_handler({message, std::move(error), std::move(source)});
  }
}

void event_loop::call_exception_handler(const exception_context &context) {
  if (!exception_handler_)
    return default_exception_handler(context);
  try {
    exception_handler_(*this, context);
  } catch (const keyboard_interrupt &) {
    throw;
  } catch (const system_exit &) {
    throw;
  } catch (...) {
    default_exception_handler(
        {"Unhandled error in exception handler", std::current_exception(), std::nullopt});
    default_exception_handler(context);
  }
}

void event_loop::default_exception_handler(const exception_context &context) noexcept {
  if (!context.exception) {
    std::fprintf(stderr, "coral: %s\n", context.message.c_str());
    return;
  }
  try {
    std::rethrow_exception(context.exception);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "coral: %s: %s\n", context.message.c_str(), error.what());
  } catch (...) {
    std::fprintf(stderr, "coral: %s: unknown exception\n", context.message.c_str());
  }
}

} // namespace coral
