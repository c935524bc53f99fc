#include <coral/call_graph.hpp>

#include <coral/detail/task_origin_table.hpp>
#include <coral/tasks.hpp>

#include <algorithm>
#include <vector>

namespace coral {
namespace {

class call_graph {
public:
  void add(const detail::scheduled_base &task, const std::string &indent) {
    text_ += indent + "* Task '" + task.name() + "'\n";
    if (std::find(path_.begin(), path_.end(), &task) != path_.end()) {
      text_ += indent + "  (awaits itself)\n";
      return;
    }
    path_.push_back(&task);
    add_stack(task, indent + "  ");
    add_awaiting(task, indent + "  ");
    path_.pop_back();
  }

  std::string take() && { return std::move(text_); }

private:
  void add_stack(const detail::scheduled_base &task, const std::string &indent) {
    const detail::cancellable *innermost = task.innermost();
    std::coroutine_handle<> frame = innermost ? innermost->suspended() : nullptr;
    if (!frame)
      frame = task.outermost();
    bool first = true;
    while (frame) {
      const auto origin = detail::task_origins::find(frame.address());
      if (!origin)
        return;
      if (first)
        text_ += indent + "+ Call stack:\n";
      first = false;
      text_ += indent + "|   " + origin->function.function_name() + " at " +
               origin->function.file_name() + ":" + std::to_string(origin->function.line()) + "\n";
      frame = origin->promise->continuation();
    }
  }

  void add_awaiting(const detail::scheduled_base &task, const std::string &indent) {
    bool first = true;
    task.for_each_waiting([&](detail::root &waiting) {
      const detail::scheduled_base *other = waiting.scheduled();
      if (!other)
        return;
      if (first)
        text_ += indent + "+ Awaited by:\n";
      first = false;
      add(*other, indent + "   ");
    });
  }

  std::string text_;
  std::vector<const detail::scheduled_base *> path_;
};

} // namespace

std::string format_call_graph(const any_task &task) {
  call_graph graph;
  graph.add(detail::handle_access::base(task), "");
  return std::move(graph).take();
}

std::string format_call_graph() {
  const std::optional<any_task> task = current_task();
  return task ? format_call_graph(*task) : std::string();
}

void print_call_graph(const any_task &task, std::FILE *file) {
  std::fputs(format_call_graph(task).c_str(), file);
}

void print_call_graph(std::FILE *file) { std::fputs(format_call_graph().c_str(), file); }

void set_coroutine_origin_tracking(bool enabled) noexcept { detail::task_origins::enable(enabled); }

} // namespace coral
