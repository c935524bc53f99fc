// What an event loop runs: entries in a queue, and entries that wait for a time.
//
// Entries are intrusive. A callback owns its entry; a suspended coroutine has it in its frame, so
// that suspending allocates nothing and destroying the frame takes the entry out of its queue.

#ifndef CORAL_DETAIL_READY_QUEUE_HPP
#define CORAL_DETAIL_READY_QUEUE_HPP

#include <coral/detail/config.hpp>
#include <coral/detail/drive.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

namespace coral::detail {

class link {
public:
  link() noexcept = default;
  link(const link &) = delete;
  link &operator=(const link &) = delete;
  ~link() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }

  /// Takes it out of the list that it is in, if it is in one.
  void unlink() noexcept {
    if (linked())
      take_out();
  }

private:
  friend class link_list;

  void take_out() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = nullptr;
  }

  link *previous_ = nullptr;
  link *next_ = nullptr;
};

/// A list of links, in order of arrival. Owns nothing.
class link_list {
public:
  link_list() noexcept { clear(); }
  link_list(const link_list &) = delete;
  link_list &operator=(const link_list &) = delete;
  /// What is still here is in no list.
  ~link_list() {
    while (!empty())
      pop_front();
    ends_.next_ = nullptr;
  }

  bool empty() const noexcept { return ends_.next_ == &ends_; }

  void push_back(link &added) noexcept {
    link *last = ends_.previous_;
    added.previous_ = last;
    added.next_ = &ends_;
    last->next_ = &added;
    ends_.previous_ = &added;
  }

  link &front() const noexcept { return *ends_.next_; }

  link &pop_front() noexcept {
    link &first = front();
    first.take_out();
    return first;
  }

  /// Calls `f(link)` for each, in order.
  template <class F> void for_each(F &&f) const {
    for (link *each = ends_.next_; each != &ends_; each = each->next_)
      f(*each);
  }

  /// Moves all of `other` behind what is here.
  void append(link_list &other) noexcept {
    if (other.empty())
      return;
    other.ends_.next_->previous_ = ends_.previous_;
    ends_.previous_->next_ = other.ends_.next_;
    other.ends_.previous_->next_ = &ends_;
    ends_.previous_ = other.ends_.previous_;
    other.clear();
  }

private:
  void clear() noexcept { ends_.previous_ = ends_.next_ = &ends_; }

  /// Before the first and behind the last.
  link ends_;
};

/// Something to run once. In at most one list at a time. Where it stands for a suspended coroutine
/// it can be asked to end the suspension early; by itself it refuses.
class ready_entry : public cancellable, public link {
public:
  cancel_outcome request_cancel(const std::exception_ptr &) noexcept override {
    return cancel_outcome::refused;
  }

  /// Already taken out of its list.
  virtual void run(driver &scope) = 0;

  /// The loop closes and will not run it. Already taken out of its list.
  virtual void drop() noexcept = 0;

  /// The task whose first step this is; or null.
  virtual scheduled_base *first_step_of() noexcept { return nullptr; }

  /// The root of the chain that this resumes; or null.
  virtual root *chain() const noexcept { return nullptr; }

protected:
  ~ready_entry() = default;

private:
  friend class ready_queue;
  /// Of the batch that this is for.
  bool mark_ = false;
};

/// Told that a loop has work again.
class idle_listener {
public:
  virtual void work_arrived() noexcept = 0;

protected:
  ~idle_listener() = default;
};

/// Tells a listener once. A loop that another program drives has one while it is idle.
class idle_signal {
public:
  void set_listener(idle_listener *listener) noexcept { listener_ = listener; }

  void operator()() noexcept {
    if (listener_) [[unlikely]]
      notify();
  }

private:
  CORAL_COLD void notify() noexcept { std::exchange(listener_, nullptr)->work_arrived(); }

  idle_listener *listener_ = nullptr;
};

/// Entries in order of arrival. What is here when a batch begins is that batch: the entries of a
/// batch are told from those that come later by a mark of their own, which takes turns.
class ready_queue {
public:
  bool empty() const noexcept { return entries_.empty(); }

  void push(ready_entry &entry) noexcept {
    entry.mark_ = mark_;
    entries_.push_back(entry);
    no_longer_idle();
  }

  /// All links of `entries` are ready entries.
  void append(link_list &entries) noexcept {
    mark(entries);
    entries_.append(entries);
    no_longer_idle();
  }

  template <class F> void for_each(F &&f) const {
    entries_.for_each([&](link &each) { f(static_cast<ready_entry &>(each)); });
  }

  ready_entry &pop() noexcept { return static_cast<ready_entry &>(entries_.pop_front()); }

  /// What comes from now on waits for the next batch.
  void begin_batch() noexcept { mark_ = !mark_; }

  bool batch_has_more() const noexcept {
    return !empty() && static_cast<const ready_entry &>(entries_.front()).mark_ != mark_;
  }

  /// What is left of the batch is first in line for the next.
  void abandon_batch() noexcept { mark(entries_); }

  idle_signal no_longer_idle;

private:
  void mark(const link_list &entries) const noexcept {
    entries.for_each([&](link &each) { static_cast<ready_entry &>(each).mark_ = mark_; });
  }

  link_list entries_;
  /// That of what comes.
  bool mark_ = false;
};

/// A coroutine to resume.
class resume_entry : public ready_entry {
public:
  void run(driver &scope) override { scope.resume(coroutine_, owner_); }
  root *chain() const noexcept override { return owner_; }
  std::coroutine_handle<> suspended() const noexcept override { return coroutine_; }

  void drop() noexcept override {
    if (owner_)
      owner_->abandoned();
  }

protected:
  template <class Promise> void waiting(std::coroutine_handle<Promise> coroutine) noexcept {
    coroutine_ = coroutine;
    owner_ = root_of(coroutine);
  }

  /// The coroutine is suspended where it can be asked to end early.
  void waiting_cancellably() noexcept {
    if (owner_)
      owner_->suspend_at(*this);
  }

  /// First thing in `await_resume`. Throws `cancelled_error` if the chain was cancelled meanwhile.
  void resumed() const {
    if (owner_)
      owner_->resumed();
  }

  root *owner() const noexcept { return owner_; }
  std::coroutine_handle<> coroutine() const noexcept { return coroutine_; }

  ~resume_entry() = default;

private:
  std::coroutine_handle<> coroutine_;
  root *owner_ = nullptr;
};

class timer_queue;

/// Where an entry stands in a `timer_queue`.
class timer_slot {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit timer_slot(ready_entry &due) noexcept : entry_(&due) {}
  timer_slot(const timer_slot &) = delete;
  timer_slot &operator=(const timer_slot &) = delete;
  inline ~timer_slot();

  bool active() const noexcept { return queue_ != nullptr; }
  inline void cancel() noexcept;

private:
  friend timer_queue;
  ready_entry *entry_;
  timer_queue *queue_ = nullptr;
  time_point deadline_{};
  std::uint64_t sequence_ = 0;
  std::size_t index_ = 0;
};

/// Deadlines, the earliest first, equal ones in the order they were added. A heap whose slots know
/// their place: adding and removing take logarithmic time.
class timer_queue {
public:
  using time_point = timer_slot::time_point;

  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }
  time_point next_deadline() const noexcept { return heap_.front()->deadline_; }

  void add(timer_slot &slot, time_point deadline) {
    heap_.push_back(&slot);
    slot.queue_ = this;
    slot.deadline_ = deadline;
    slot.sequence_ = sequence_++;
    slot.index_ = heap_.size() - 1;
    rise(slot.index_);
    no_longer_idle();
  }

  void remove(timer_slot &slot) noexcept {
    const std::size_t hole = slot.index_;
    slot.queue_ = nullptr;
    timer_slot *last = heap_.back();
    heap_.pop_back();
    if (last == &slot)
      return;
    place(last, hole);
    sink(hole);
    rise(last->index_);
  }

  ready_entry &pop() noexcept {
    timer_slot &slot = *heap_.front();
    remove(slot);
    return *slot.entry_;
  }

  idle_signal no_longer_idle;

private:
  static bool before(const timer_slot *a, const timer_slot *b) noexcept {
    return a->deadline_ != b->deadline_ ? a->deadline_ < b->deadline_ : a->sequence_ < b->sequence_;
  }

  void place(timer_slot *slot, std::size_t index) noexcept {
    heap_[index] = slot;
    slot->index_ = index;
  }

  void rise(std::size_t index) noexcept {
    timer_slot *moving = heap_[index];
    while (index != 0 && before(moving, heap_[(index - 1) / 2])) {
      place(heap_[(index - 1) / 2], index);
      index = (index - 1) / 2;
    }
    place(moving, index);
  }

  void sink(std::size_t index) noexcept {
    timer_slot *moving = heap_[index];
    for (;;) {
      std::size_t child = 2 * index + 1;
      if (child >= heap_.size())
        break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child]))
        ++child;
      if (!before(heap_[child], moving))
        break;
      place(heap_[child], index);
      index = child;
    }
    place(moving, index);
  }

  std::vector<timer_slot *> heap_;
  std::uint64_t sequence_ = 0;
};

inline void timer_slot::cancel() noexcept {
  if (queue_)
    queue_->remove(*this);
}

inline timer_slot::~timer_slot() { cancel(); }

} // namespace coral::detail

#endif
