#include <coral/coroutine.hpp>

coral::generator<int> numbers();

coral::task<void> awaits() { co_await coral::coroutine(numbers()); }
