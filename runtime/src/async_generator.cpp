#include <coral/async_generator.hpp>

#include <coral/cancel.hpp>
#include <coral/event_loop.hpp>
#include <coral/tasks.hpp>

#include <vector>

namespace coral {
namespace detail {

/// Bodies that are to be closed, each by a task of its own. Those that nobody comes for leave the
/// loop.
struct async_generator_base::closing_list : link_list {
  ~closing_list() { leave_loop(*this); }
};

void async_generator_base::unhandled_exception() noexcept {
  const std::type_info *type = abi::__cxa_current_exception_type();
  error_ =
      type && *type == typeid(stop_async_iteration)
          ? leaving_exception<stop_async_iteration>("async generator raised StopAsyncIteration")
          : leaving_exception("async generator raised StopIteration");
}

void async_generator_base::enter_loop() {
  event_loop *loop = running_loop_or_null();
  if (!loop)
    return;
  if (loop->asyncgens_shut_down_)
    loop->call_exception_handler(
        {"asynchronous generator was scheduled after loop.shutdown_asyncgens() call", nullptr,
         std::nullopt});
  loop_ = loop;
  loop->asyncgens_.push_back(*this);
}

void async_generator_base::leave_loop(link_list &bodies) noexcept {
  while (!bodies.empty()) {
    auto &body = static_cast<async_generator_base &>(bodies.front());
    body.unlink();
    body.loop_ = nullptr;
    if (!body.owner_)
      body.discard();
  }
}

void async_generator_base::disown() noexcept {
  owner_ = nullptr;
  if (state_ != coroutine_state::running)
    finalize();
}

void async_generator_base::finalize() noexcept {
  unlink();
  // A body that ignores generator_exit is asked once.
  event_loop *loop = std::exchange(loop_, nullptr);
  if (state_ != coroutine_state::suspended || !loop || loop->is_closed())
    return discard();
  // In two batches, as asyncio does it: the task is made in the next, and begins in the one after.
  // Until then the loop owns the body, whatever becomes of the task.
  loop->asyncgen_orphans_.push_back(*this);
  loop->call_soon([loop] { loop->create_task(close_orphan(*loop)); });
}

/// Closes the first of `bodies`, unless there is none left.
task<void> async_generator_base::close_first(link_list &bodies) {
  if (bodies.empty())
    co_return;
  auto &body = static_cast<async_generator_base &>(bodies.front());
  body.unlink();
  close_step closing(&body);
  co_await closing;
}

task<void> async_generator_base::close_orphan(event_loop &loop) {
  return close_first(loop.asyncgen_orphans_);
}

task<void> async_generator_base::close_reporting(event_loop &loop,
                                                 std::shared_ptr<closing_list> bodies) {
  try {
    co_await close_first(*bodies);
  } catch (...) {
    std::exception_ptr error = std::current_exception();
    if (ends_program(error))
      throw;
    if (holds<cancelled_error>(error)) {
      // A request to this task, or what the body ended with.
      if (current_task()->cancelling() != 0)
        throw;
      co_return;
    }
    loop.call_exception_handler({"an error occurred during closing of asynchronous generator",
                                 std::move(error), std::nullopt});
  }
}

task<void> async_generator_base::close_all(event_loop &loop) {
  // Those that die before their turn leave the list.
  auto closing = std::make_shared<closing_list>();
  std::vector<scheduled_task<void>> tasks;
  for (link_list *bodies : {&loop.asyncgens_, &loop.asyncgen_orphans_})
    while (!bodies->empty()) {
      link &next = bodies->front();
      next.unlink();
      closing->push_back(next);
      tasks.push_back(loop.create_task(close_reporting(loop, closing)));
    }
  try {
    for (const scheduled_task<void> &each : tasks)
      co_await each;
  } catch (const cancelled_error &) {
    for (const scheduled_task<void> &each : tasks)
      each.cancel();
    throw;
  }
}

bool close_step::await_ready() {
  switch (require_ready()) {
  case coroutine_state::created:
    skip_and_discard();
    return true;
  case coroutine_state::closed:
    skip();
    return true;
  default:
    body_->put_exception(std::make_exception_ptr(generator_exit()));
    return false;
  }
}

void close_step::await_resume() {
  try {
    if (!end())
      return;
  } catch (const generator_exit &) {
    return;
  }
  if (body_->state() != coroutine_state::closed)
    throw runtime_error("async generator ignored GeneratorExit");
}

void async_step::release() noexcept {
  if (phase_ == phase::awaited)
    body_->discard();
  else
    body_->finalize();
}

void async_step::refuse_second_await() const {
  throw runtime_error(std::string("cannot reuse already awaited ") + name_);
}

void async_step::refuse_running() const {
  throw runtime_error(std::string(name_) + ": asynchronous generator is already running");
}

} // namespace detail

task<void> event_loop::shutdown_asyncgens() {
  asyncgens_shut_down_ = true;
  co_await detail::async_generator_base::close_all(*this);
}

} // namespace coral
