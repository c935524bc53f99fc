#include <coral/task.hpp>

coral::task<int> child();

coral::task<int> parent() {
  coral::task<int> named = child();
  co_return co_await named;
}
