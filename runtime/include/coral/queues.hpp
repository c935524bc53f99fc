// asyncio's queues: queue, priority_queue, lifo_queue.
//
// They are for tasks of one loop, not for threads, and belong to the loop in which somebody first
// waits for them. Whoever waits first goes first. A task that is cancelled while it waits takes
// nothing, and what was meant for it goes to the next.

#ifndef CORAL_QUEUES_HPP
#define CORAL_QUEUES_HPP

#include <coral/detail/wait_queue.hpp>
#include <coral/errors.hpp>
#include <coral/locks.hpp>
#include <coral/task.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <utility>
#include <vector>

namespace coral {

/// asyncio's `QueueEmpty`: `get_nowait` found nothing.
class queue_empty : public std::exception {
public:
  const char *what() const noexcept override { return "QueueEmpty"; }
};

/// asyncio's `QueueFull`: `put_nowait` found no room.
class queue_full : public std::exception {
public:
  const char *what() const noexcept override { return "QueueFull"; }
};

/// asyncio's `QueueShutDown`: nothing can be put any more, and there is nothing left to get.
class queue_shut_down : public std::exception {
public:
  const char *what() const noexcept override { return "QueueShutDown"; }
};

namespace detail {

template <class T> class fifo_items {
public:
  std::size_t size() const noexcept { return items_.size(); }
  void put(T item) { items_.push_back(std::move(item)); }
  T take() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

private:
  std::deque<T> items_;
};

template <class T> class lifo_items {
public:
  std::size_t size() const noexcept { return items_.size(); }
  void put(T item) { items_.push_back(std::move(item)); }
  T take() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

private:
  std::vector<T> items_;
};

/// The smallest first.
template <class T, class Compare> class priority_items {
public:
  std::size_t size() const noexcept { return items_.size(); }
  void put(T item) {
    items_.push_back(std::move(item));
    std::push_heap(items_.begin(), items_.end(), after);
  }
  T take() {
    std::pop_heap(items_.begin(), items_.end(), after);
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }

private:
  static bool after(const T &a, const T &b) { return Compare()(b, a); }
  std::vector<T> items_;
};

/// What the queues share; `Items` keeps the items in their order.
template <class T, class Items> class basic_queue {
public:
  using value_type = T;

  /// Holds at most `maxsize` items; any number if that is zero.
  explicit basic_queue(std::size_t maxsize = 0) : maxsize_(maxsize) { finished_.set(); }
  basic_queue(const basic_queue &) = delete;
  basic_queue &operator=(const basic_queue &) = delete;

  std::size_t qsize() const noexcept { return items_.size(); }
  std::size_t maxsize() const noexcept { return maxsize_; }
  bool empty() const noexcept { return items_.size() == 0; }
  bool full() const noexcept { return maxsize_ != 0 && items_.size() >= maxsize_; }

  /// Waits until there is room, and puts the item in. Throws `queue_shut_down`, and
  /// `cancelled_error` without having put it in.
  [[nodiscard]] task<void> put(T item) {
    while (full()) {
      require_not_shut_down();
      queued_awaiter turn(putters_);
      try {
        co_await turn;
      } catch (...) {
        if (!full() && turn.woken())
          putters_.wake_one();
        throw;
      }
    }
    put_nowait(std::move(item));
  }

  /// Throws `queue_full` or `queue_shut_down`.
  void put_nowait(T item) {
    require_not_shut_down();
    if (full())
      throw queue_full();
    items_.put(std::move(item));
    ++unfinished_;
    finished_.clear();
    getters_.wake_one();
  }

  /// Waits until there is an item, and takes it. Throws `queue_shut_down`, and `cancelled_error`
  /// without having taken one.
  [[nodiscard]] task<T> get() {
    while (empty()) {
      require_not_shut_down();
      queued_awaiter turn(getters_);
      try {
        co_await turn;
      } catch (...) {
        if (!empty() && turn.woken())
          getters_.wake_one();
        throw;
      }
    }
    co_return get_nowait();
  }

  /// Throws `queue_empty`, or `queue_shut_down`.
  T get_nowait() {
    if (empty()) {
      require_not_shut_down();
      throw queue_empty();
    }
    T item = items_.take();
    putters_.wake_one();
    return item;
  }

  /// An item that was taken has been dealt with.
  /// Throws `value_error`, "task_done() called too many times".
  void task_done() {
    if (unfinished_ == 0)
      throw value_error("task_done() called too many times");
    if (--unfinished_ == 0)
      finished_.set();
  }

  /// Waits until every item that was put in has been dealt with.
  [[nodiscard]] task<void> join() { return finished_.wait(); }

  /// From now on nothing can be put in, and those who wait to throw `queue_shut_down`. What is
  /// there can still be taken; then `get` throws that too.
  void shutdown() noexcept {
    shut_down_ = true;
    getters_.wake_all();
    putters_.wake_all();
  }

  /// The same, and what is there is dropped, as if it had been dealt with: asyncio's
  /// `shutdown(immediate=True)`.
  void shutdown_immediately() {
    while (!empty()) {
      static_cast<void>(items_.take());
      if (unfinished_ != 0)
        --unfinished_;
    }
    if (unfinished_ == 0)
      finished_.set();
    shutdown();
  }

protected:
  ~basic_queue() = default;

private:
  void require_not_shut_down() const {
    if (shut_down_)
      throw queue_shut_down();
  }

  std::size_t maxsize_;
  Items items_;
  wait_queue getters_;
  wait_queue putters_;
  event finished_;
  std::size_t unfinished_ = 0;
  bool shut_down_ = false;
};

} // namespace detail

/// asyncio's `Queue`: first in, first out.
template <class T> class queue final : public detail::basic_queue<T, detail::fifo_items<T>> {
public:
  using detail::basic_queue<T, detail::fifo_items<T>>::basic_queue;
};

/// asyncio's `PriorityQueue`: the smallest item first. Those that are equal come in any order.
template <class T, class Compare = std::less<T>>
class priority_queue final : public detail::basic_queue<T, detail::priority_items<T, Compare>> {
public:
  using detail::basic_queue<T, detail::priority_items<T, Compare>>::basic_queue;
};

/// asyncio's `LifoQueue`: last in, first out.
template <class T> class lifo_queue final : public detail::basic_queue<T, detail::lifo_items<T>> {
public:
  using detail::basic_queue<T, detail::lifo_items<T>>::basic_queue;
};

} // namespace coral

#endif
