// std: c++20
// theirs: cppcoreguidelines-avoid-reference-coroutine-parameters
// ours: coral-dangling-parameter
// up to: 2
#include "lazy.hpp"
#include <string_view>

struct object {
  int number = 0;
};

//- no parameter
lazy<int> none() { co_return 1; }
//- values and a pointer
lazy<int> values(int number, int *pointer, object copy, const object fixed) {
  co_await event();
  co_return number + *pointer + copy.number + fixed.number;
}
//- `int &`, used after a suspension
lazy<int> reference(int &number) {
  co_await event();
  co_return number;
}
//- `int &`, never used
lazy<int> unused_reference(int &number) { co_return 1; }
//- `const int &`, used after a suspension
lazy<int> const_reference(const int &number) {
  co_await event();
  co_return number;
}
//- `int &&`, used after a suspension
lazy<int> rvalue_reference(int &&number) {
  co_await event();
  co_return number;
}
//- a reference after a value
lazy<int> second(int number, int &more) {
  co_await event();
  co_return number + more;
}
//- a reference to a class
lazy<int> reference_to_class(object &o) {
  co_await event();
  co_return o.number;
}
//- a reference behind an alias
using alias = int &;
lazy<int> aliased(alias number) {
  co_await event();
  co_return number;
}
//- a parameter of a lambda
void lambda() {
  auto closure = [](int &number) -> lazy<int> {
    co_await event();
    co_return number;
  };
}
//- an unnamed reference of a lambda
void lambda_unnamed() {
  auto closure = [](int &) -> lazy<int> { co_return 1; };
}
//- a plain function that passes a reference on
lazy<int> plain [[clang::coro_wrapper]] (int &number);
lazy<int> plain [[clang::coro_wrapper]] (int &number) { return none(); }
//- a coroutine lambda in a plain function with a reference
void around_a_coroutine(int &) {
  auto closure = [](int number) -> lazy<int> { co_return number; };
}
//- a plain lambda with a reference in a coroutine
lazy<int> around_a_lambda() {
  auto closure = [](int &number) { use(number); };
  co_return 1;
}
//- `std::string_view`, used after a suspension
lazy<int> view(std::string_view text) {
  co_await event();
  co_return text.size();
}
//- a template with a forwarding reference
template <class T> lazy<int> forwarding(T &&value) {
  co_await event();
  co_return value;
}
//- a member coroutine with a reference
struct service {
  lazy<int> serve(const object &request) {
    co_await event();
    co_return request.number;
  }
};
