// Who awaits whom: asyncio's print_call_graph.

#ifndef CORAL_CALL_GRAPH_HPP
#define CORAL_CALL_GRAPH_HPP

#include <coral/scheduled_task.hpp>

#include <cstdio>
#include <string>

namespace coral {

/// Describes a task, the coroutines it is in, and the tasks that await it, which are described the
/// same way:
///
///     * Task 'reader'
///       + Call stack:
///       |   coral::task<> read_line() at session.cpp:41
///       |   coral::task<> session(int) at session.cpp:60
///       + Awaited by:
///          * Task 'main'
///
/// The call stack has the innermost coroutine first, and is known in debug mode, of a program that
/// is compiled without NDEBUG. Of a task that runs or yields, only the outermost coroutine is
/// known. Used on the thread of the task's loop.
std::string format_call_graph(const any_task &task);

/// The same of the current task; empty outside a task.
std::string format_call_graph();

/// Writes what `format_call_graph` gives.
void print_call_graph(const any_task &task, std::FILE *file = stdout);
void print_call_graph(std::FILE *file = stdout);

/// Whether tasks are remembered by where they come from: Python's
/// `sys.set_coroutine_origin_tracking_depth`, which debug mode sets. Has no effect on files
/// compiled with NDEBUG. On from the beginning when the environment has `CORAL_DEBUG` set.
void set_coroutine_origin_tracking(bool enabled) noexcept;

} // namespace coral

#endif
