#include <coral/tasks.hpp>

coral::task<void> gathers() { co_await coral::gather(1, 2); }
