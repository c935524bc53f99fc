#include <coral/coroutine.hpp>

#include <string>

coral::generator<coral::task<int>, void, std::string> body();

coral::task<void> awaits() { co_await coral::coroutine(body()); }
