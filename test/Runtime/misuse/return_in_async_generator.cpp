#include <coral/async_generator.hpp>

coral::async_generator<int> returns() {
  co_yield 1;
  co_return 2;
}
