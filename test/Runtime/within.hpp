// `async with`, as plain as it can be.

#ifndef CORAL_TEST_WITHIN_HPP
#define CORAL_TEST_WITHIN_HPP

#include <coral/awaitable.hpp>
#include <coral/result.hpp>
#include <coral/task.hpp>

#include <type_traits>

/// Runs `body` between `aenter` and `aexit` of `manager`.
template <class Manager, class Body> coral::task<void> within(Manager &manager, Body &body) {
  co_await manager.aenter();
  const coral::result<> ended = co_await coral::as_result(body());
  bool suppressed = false;
  if constexpr (std::is_void_v<coral::await_result_t<decltype(manager.aexit(nullptr))>>)
    co_await manager.aexit(ended.error());
  else
    suppressed = co_await manager.aexit(ended.error());
  if (!suppressed)
    ended.value();
}

#endif
