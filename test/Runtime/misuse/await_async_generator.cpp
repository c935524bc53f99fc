#include <coral/async_generator.hpp>

coral::async_generator<int> source();

coral::task<void> awaits() { co_await source(); }
