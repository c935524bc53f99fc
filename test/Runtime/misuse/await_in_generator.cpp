#include <coral/generator.hpp>
#include <coral/task.hpp>

coral::task<int> child();

coral::generator<int> awaits() { co_yield co_await child(); }
