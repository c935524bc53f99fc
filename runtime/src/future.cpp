#include <coral/future.hpp>

#include <coral/event_loop.hpp>

#include <atomic>
#include <memory>
#include <optional>

namespace coral::detail {

void done_callback_entry::run(driver &) {
  const ref<future_base> done = std::move(done_);
  const std::unique_ptr<done_callback_entry> self(this);
  const context_scope context(context_);
  try {
    call(*done);
  } catch (...) {
    done->loop().report("Exception in callback", std::current_exception(), std::nullopt);
  }
}

future_base::~future_base() {
  while (done_callback_entry *dropped = callbacks_) {
    callbacks_ = dropped->next_;
    delete dropped;
  }
}

void future_base::destroy() noexcept {
  if (error_ && !observed_ && status_ == status::finished) [[unlikely]] {
    const exception_context context{never_retrieved(), error_, std::nullopt};
    if (running_loop_or_null() == loop_)
      loop_->call_exception_handler(context);
    else
      event_loop::default_exception_handler(context);
  }
  delete this;
}

std::uint64_t future_base::add_callback(done_callback_entry *added) {
  static std::atomic<std::uint64_t> last_id = 0;
  std::unique_ptr<done_callback_entry> owned(added);
  added->id_ = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  if (done()) {
    loop_->require_open();
    added->done_ = ref<future_base>(this);
    loop_->ready_.push(*owned.release());
  } else {
    added->next_ = std::exchange(callbacks_, owned.release());
    waiters_.push_back(*added);
  }
  return added->id_;
}

template <class Matches> std::size_t future_base::remove_if(Matches matches) {
  std::size_t removed = 0;
  for (done_callback_entry **at = &callbacks_; *at;) {
    if (!matches(**at)) {
      at = &(*at)->next_;
      continue;
    }
    delete std::exchange(*at, (*at)->next_);
    ++removed;
  }
  return removed;
}

std::size_t future_base::remove_callback(std::uint64_t id) noexcept {
  return remove_if([&](const done_callback_entry &each) { return each.id_ == id; });
}

std::size_t future_base::remove_callbacks(const std::type_info &type, const void *f) {
  return remove_if([&](const done_callback_entry &each) { return each.equals(type, f); });
}

void future_base::require_own_loop() const {
  if (running_loop_or_null() != loop_) [[unlikely]]
    throw runtime_error("Task got Future attached to a different loop");
}

std::exception_ptr future_base::exception() {
  require_done("Exception is not set.");
  std::exception_ptr error = this->error();
  if (cancelled())
    std::rethrow_exception(std::move(error));
  return error;
}

void future_base::finish(std::exception_ptr error, status ended) noexcept {
  error_ = std::move(error);
  status_ = ended;
  while (done_callback_entry *scheduled = callbacks_) {
    callbacks_ = std::exchange(scheduled->next_, nullptr);
    scheduled->done_ = ref<future_base>(this);
  }
  loop_->ready_.append(waiters_);
}

void plain_future::require_pending() const {
  if (done()) [[unlikely]]
    throw invalid_state_error("invalid state");
}

bool plain_future::cancel(const std::exception_ptr &reason) noexcept {
  if (done())
    return false;
  finish(reason, status::cancelled);
  return true;
}

void plain_future::set_exception(std::exception_ptr error) {
  require_pending();
  if (!error)
    throw type_error("invalid exception object");
  if (holds<stop_iteration>(error)) {
    try {
      std::rethrow_exception(error);
    } catch (...) {
      error = leaving_exception(
          "StopIteration interacts badly with generators and cannot be raised into a Future");
    }
  }
  finish(std::move(error), status::finished);
}

} // namespace coral::detail
