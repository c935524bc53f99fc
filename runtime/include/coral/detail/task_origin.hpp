// Where tasks come from, for debug mode.
//
// In a program that is compiled without NDEBUG (or with CORAL_TASK_ORIGINS defined to 1), and while
// debug mode asks for it, every task is entered in a table when it is called, with the function it
// is and the address it was called from, and leaves it when its frame is destroyed. A task that is
// dropped without having been awaited is then reported, and `print_call_graph` can name frames.
// Nothing is kept in the frames, so that files compiled with and without it go together; compiled
// without it there is no code at all.

#ifndef CORAL_DETAIL_TASK_ORIGIN_HPP
#define CORAL_DETAIL_TASK_ORIGIN_HPP

#ifndef CORAL_TASK_ORIGINS
#ifdef NDEBUG
#define CORAL_TASK_ORIGINS 0
#else
#define CORAL_TASK_ORIGINS 1
#endif
#endif

#if CORAL_TASK_ORIGINS
#include <coral/detail/task_origin_table.hpp>
#endif

// Parts of functions that the compiler must not share between files of the two kinds.
#if CORAL_TASK_ORIGINS
#define CORAL_DETAIL_TRACKED [[gnu::always_inline]]
#define CORAL_DETAIL_CREATED_HERE std::source_location where = std::source_location::current()
#define CORAL_DETAIL_CREATED_AT std::source_location where
#else
#define CORAL_DETAIL_TRACKED
#define CORAL_DETAIL_CREATED_HERE
#define CORAL_DETAIL_CREATED_AT
#endif

#endif
