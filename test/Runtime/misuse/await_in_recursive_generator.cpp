#include <coral/recursive_generator.hpp>
#include <coral/task.hpp>

coral::task<int> child();

coral::recursive_generator<int> awaits() { co_yield co_await child(); }
