#include <coral/scheduled_task.hpp>

#include <coral/event_loop.hpp>

#include <atomic>
#include <string>

namespace coral::detail {
namespace {

std::atomic<std::uint32_t> tasks_made = 0;

} // namespace

scheduled_base::scheduled_base(event_loop &loop)
    : future_base(loop), root(true),
      number_(tasks_made.fetch_add(1, std::memory_order_relaxed) + 1) {}

std::string scheduled_base::name() const {
  if (extras_ && !extras_->name.empty())
    return extras_->name;
  return "Task-" + std::to_string(number_);
}

void scheduled_base::set_name(std::string name) {
  if (!extras_)
    extras_ = std::make_unique<extras>();
  extras_->name = std::move(name);
}

void scheduled_base::set_options(task_options &&options) {
  if (!options.name.empty() || options.context)
    extras_.reset(new extras{std::move(options.name), std::move(options.context)});
}

context_slot &scheduled_base::context() noexcept {
  return extras_ && extras_->context ? extras_->context->state_->slot : root::context();
}

void scheduled_base::begin() {
  loop().require_open();
  retain();
  loop().ready_.push(*this);
}

void scheduled_base::begin_eagerly() {
  if (running_loop_or_null() != &loop())
    return begin();
  retain();
  loop().pending_.push_back(*this);
  drive(first_step(), this);
}

void scheduled_base::run(driver &scope) {
  if (request_ != cancel_request::none) [[unlikely]] {
    discard();
    return end(error_, status::cancelled);
  }
  loop().pending_.push_back(*this);
  scope.resume(first_step(), this);
}

bool scheduled_base::cancel(const std::exception_ptr &reason) noexcept {
  if (done() || passing_on_)
    return false;
  ++cancels_;
  if (request_ == cancel_request::delivering)
    return true;
  request_ = cancel_request::remembered;
  error_ = reason;
  if (innermost_)
    deliver_request();
  return true;
}

std::uint32_t scheduled_base::uncancel() noexcept {
  if (cancels_ != 0 && --cancels_ == 0 && request_ == cancel_request::remembered)
    take_request();
  return cancels_;
}

void scheduled_base::deliver_request() noexcept {
  // What waits may be dropped because of the request, and the task with it.
  const ref<scheduled_base> keep(this);
  const std::exception_ptr reason = error_;
  passing_on_ = true;
  const cancel_outcome outcome = innermost_->request_cancel(reason);
  passing_on_ = false;
  switch (outcome) {
  case cancel_outcome::refused:
    break;
  case cancel_outcome::accepted:
    request_ = cancel_request::delivering;
    break;
  case cancel_outcome::passed_on:
    take_request();
    break;
  }
}

std::exception_ptr scheduled_base::take_request() noexcept {
  request_ = cancel_request::none;
  return std::exchange(error_, nullptr);
}

void scheduled_base::completed() noexcept {
  std::exception_ptr error = take_over();
  const bool ends = ends_program(error);
  // As asyncio has it, a task that is cancelled in its last step was cancelled.
  if (!error && request_ != cancel_request::none)
    error = error_;
  if (ends) {
    observe();
    driver::report(error);
  }
  const bool cancelled = holds<cancelled_error>(error);
  end(std::move(error), cancelled ? status::cancelled : status::finished);
}

void scheduled_base::abandoned() noexcept {
  discard();
  end(std::make_exception_ptr(runtime_error("Task was destroyed but it is pending!")),
      status::finished);
}

void scheduled_base::run_soon(ready_entry &entry) noexcept { loop().ready_.push(entry); }

std::vector<scheduled_base *> scheduled_base::all(const event_loop &loop) {
  std::vector<scheduled_base *> found;
  loop.pending_.for_each([&](link &each) {
    found.push_back(&static_cast<scheduled_base &>(static_cast<ready_entry &>(each)));
  });
  const auto add_unstarted = [&](ready_entry &each) {
    if (scheduled_base *task = each.first_step_of())
      found.push_back(task);
  };
  loop.ready_.for_each(add_unstarted);
  return found;
}

void scheduled_base::destroy_pending(link &pending) noexcept {
  auto &task = static_cast<scheduled_base &>(static_cast<ready_entry &>(pending));
  task.loop().call_exception_handler(
      {"Task was destroyed but it is pending!", nullptr, std::nullopt});
  task.observe();
  task.abandoned();
}

void scheduled_base::end(std::exception_ptr error, status ended) noexcept {
  const ref<scheduled_base> keep = ref<scheduled_base>::adopt(this);
  unlink();
  innermost_ = nullptr;
  if (this_thread_state.running == this)
    this_thread_state.running = nullptr;
  finish(std::move(error), ended);
}

} // namespace coral::detail

coral::task_options coral::eager_task_factory(event_loop &, task_options options) {
  options.eager = true;
  return options;
}
