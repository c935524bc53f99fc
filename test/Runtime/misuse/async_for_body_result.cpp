#include <coral/async_for.hpp>
#include <coral/async_generator.hpp>

coral::async_generator<int> source();

coral::task<void> iterates() {
  auto body = [](int value) { return value; };
  static_cast<void>(co_await coral::async_for(source(), body));
}
