#include <coral/task.hpp>

coral::task<void> yields() { co_yield 1; }
