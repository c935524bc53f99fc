#include <coral/policy.hpp>

#include <coral/errors.hpp>

#include <mutex>
#include <utility>

namespace coral {
namespace {

struct policy_state {
  std::mutex mutex;
  loop_factory factory;
};

policy_state &policy() {
  static policy_state state;
  return state;
}

thread_local event_loop *loop_of_thread = nullptr;

} // namespace

void set_event_loop_policy(loop_factory factory) {
  std::lock_guard lock(policy().mutex);
  policy().factory.swap(factory);
}

loop_factory get_event_loop_policy() {
  std::lock_guard lock(policy().mutex);
  return policy().factory;
}

void set_event_loop(event_loop *loop) noexcept { loop_of_thread = loop; }

event_loop &get_event_loop() {
  if (event_loop *running = running_loop_or_null())
    return *running;
  if (!loop_of_thread)
    throw runtime_error("There is no current event loop in this thread.");
  return *loop_of_thread;
}

} // namespace coral
