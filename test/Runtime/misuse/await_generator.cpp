#include <coral/generator.hpp>
#include <coral/task.hpp>

coral::generator<int> source();

coral::task<void> awaits() { co_await source(); }
