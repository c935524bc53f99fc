#include <coral/async_for.hpp>
#include <coral/generator.hpp>

coral::generator<int> source();

coral::task<void> iterates() {
  auto body = [](int) {};
  static_cast<void>(co_await coral::async_for(source(), body));
}
