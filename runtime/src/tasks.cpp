#include <coral/tasks.hpp>

namespace coral {

std::optional<any_task> current_task() {
  detail::root *running = detail::this_thread_state.running;
  detail::scheduled_base *task = running ? running->scheduled() : nullptr;
  if (!task)
    return std::nullopt;
  return detail::handle_access::handle<any_task>(*task);
}

std::vector<any_task> all_tasks(event_loop &loop) {
  std::vector<any_task> tasks;
  for (detail::scheduled_base *each : detail::scheduled_base::all(loop))
    tasks.push_back(detail::handle_access::handle<any_task>(*each));
  return tasks;
}

std::vector<any_task> all_tasks() { return all_tasks(get_running_loop()); }

} // namespace coral
