// std: c++20
// theirs: clang -Wall -Wextra
// ours: coral-dangling-parameter coral-dangling-return coral-dangling-capture
// up to: 0
#include "lazy.hpp"

lazy<int> twice(const int &number) {
  co_await event();
  co_return 2 * number;
}
lazy<int> sum(const int &a, int b) {
  co_await event();
  co_return a + b;
}
lazy<int> by_value(int number) {
  co_await event();
  co_return number;
}
int make();
struct object {
  int base = 1;
  lazy<int> add(const int &number) {
    co_await event();
    co_return base + number;
  }
};

//- a literal, awaited at once
lazy<int> literal_awaited() { co_return co_await twice(1); }
//- a parameter by reference, awaited at once
lazy<int> parameter_awaited(int &number) { co_return co_await twice(number); }
//- the result of a call, awaited at once
lazy<int> call_awaited() { co_return co_await twice(make()); }
//- nested awaits
lazy<int> nested() { co_return co_await twice(co_await twice(1)); }
//- a literal, task kept
lazy<int> literal_kept() {
  auto task = twice(1);
  co_return co_await task;
}
//- the result of a call, task kept
lazy<int> call_kept() {
  auto task = twice(make());
  co_return co_await task;
}
//- the result of an await, task kept
lazy<int> await_kept() {
  auto task = twice(co_await by_value(1));
  co_return co_await task;
}
//- a parameter, task kept
lazy<int> parameter_kept(const int &reference, int value) {
  auto first = twice(reference);
  auto second = twice(value);
  co_return co_await first + co_await second;
}
//- a literal by value, task kept
lazy<int> value_kept() {
  auto task = by_value(1);
  co_return co_await task;
}
//- a plain function returns a task of its by-value parameter
lazy<int> returns_parameter [[clang::coro_wrapper]] (int number) { return twice(number); }
//- a plain function returns a task of its local
lazy<int> returns_local [[clang::coro_wrapper]] () {
  int local = 1;
  return twice(local);
}
//- a plain function passes a reference on
lazy<int> forwards [[clang::coro_wrapper]] (const int &number) { return twice(number); }
//- a plain function passes its parameter to one that passes it on
lazy<int> forwards_parameter [[clang::coro_wrapper]] (int number) { return forwards(number); }
//- a plain function returns tasks of temporaries in a conditional
lazy<int> returns_temporaries [[clang::coro_wrapper]] (int number) {
  return number > 0 ? twice(1) : sum(0, 1);
}
//- a plain function returns a task that takes a value
lazy<int> returns_by_value [[clang::coro_wrapper]] (const int &number) { return by_value(number); }
//- a plain lambda returns a task of its by-value parameter
void in_lambda() {
  auto closure = [] [[clang::coro_wrapper]] (int number) { return twice(number); };
}
//- a coroutine lambda keeps a task of a literal
void in_coroutine_lambda() {
  auto closure = []() -> lazy<int> {
    auto task = twice(1);
    co_return co_await task;
  };
}
//- a named coroutine lambda with a reference, a literal, task kept
lazy<int> of_lambda() {
  auto closure = [](const int &number) -> lazy<int> {
    co_await event();
    co_return number;
  };
  auto task = closure(1);
  co_return co_await task;
}
//- a temporary closure with a capture, task kept
lazy<int> closure_kept() {
  int local = 1;
  auto task = [local]() -> lazy<int> { co_return local; }();
  co_return co_await task;
}
//- a temporary closure with a capture and a literal by value, awaited at once
lazy<int> closure_awaited() {
  int local = 1;
  co_return co_await [local](int more) -> lazy<int> { co_return local + more; }(1);
}
//- a temporary closure without a capture, task kept
lazy<int> empty_closure() {
  auto task = []() -> lazy<int> { co_return 1; }();
  co_return co_await task;
}
//- a temporary closure without a capture, a literal by reference, task kept
lazy<int> empty_closure_literal() {
  auto task = [](const int &number) -> lazy<int> { co_return number; }(1);
  co_return co_await task;
}
//- a named closure with a capture, task kept
lazy<int> named_closure() {
  int local = 1;
  auto closure = [local]() -> lazy<int> { co_return local; };
  auto task = closure();
  co_return co_await task;
}
//- a member coroutine, a literal, task kept
lazy<int> member_literal() {
  object o;
  auto task = o.add(1);
  co_return co_await task;
}
//- a member coroutine of a local, a local, task kept
lazy<int> member_local() {
  object o;
  int local = 1;
  auto task = o.add(local);
  co_return co_await task;
}
//- a member coroutine of a temporary, task kept
lazy<int> member_of_temporary() {
  int local = 1;
  auto task = object{}.add(local);
  co_return co_await task;
}
//- a plain function returns a task of a local's member coroutine
lazy<int> returns_member [[clang::coro_wrapper]] (const int &number) {
  object o;
  return o.add(number);
}
//- a task type without `coro_return_type`, a literal, task kept
template <class T> struct [[clang::coro_lifetimebound]] unmarked : lazy<T> {
  using lazy<T>::lazy;
  unmarked(lazy<T> other) : lazy<T>(std::move(other)) {}
  struct promise_type : lazy<T>::promise_type {
    unmarked get_return_object() { return lazy<T>::promise_type::get_return_object(); }
  };
};
unmarked<int> thrice(const int &number) {
  co_await event();
  co_return 3 * number;
}
lazy<int> unmarked_kept() {
  auto task = thrice(1);
  co_return co_await task;
}
//- a function with `coro_disable_lifetimebound`, a literal, task kept
lazy<int> copies [[clang::coro_wrapper, clang::coro_disable_lifetimebound]] (const int &number) {
  return by_value(number);
}
lazy<int> disabled() {
  auto task = copies(1);
  co_return co_await task;
}
//- the same, only declared
lazy<int> copies_elsewhere
    [[clang::coro_wrapper, clang::coro_disable_lifetimebound]] (const int &number);
lazy<int> disabled_elsewhere() {
  auto task = copies_elsewhere(1);
  co_return co_await task;
}
