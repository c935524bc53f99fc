// coral-await-outside-coroutine: keywords where no coroutine can be. The code
// does not compile.
//
// RUN: %exits 3 %coral lint --checks=coral-await-outside-coroutine %s -- -std=c++20 -I%S/../Inputs -ferror-limit=0 \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <algorithm>
#include <vector>

using cppcoro::task;

task<int> read();

int twice() { return 2 * co_await read(); }
// CHECK: :[[@LINE-1]]:26: warning: 'co_await' in 'twice', which cannot be a coroutine because it returns 'int'; return 'task<int>' [coral-await-outside-coroutine]
void nothing() { co_await read(); }
// CHECK: :[[@LINE-1]]:18: warning: 'co_await' in 'nothing', which cannot be a coroutine because it returns 'void'; return 'task<>'
int values() { co_yield 1; }
// CHECK: :[[@LINE-1]]:16: warning: 'co_yield' in 'values', which cannot be a coroutine because it returns 'int'; return a generator
auto deduced() { co_return 1; }
// CHECK: :[[@LINE-1]]:18: warning: 'co_return' in 'deduced', which cannot be a coroutine because its return type is deduced; write the return type out
constexpr task<int> constant() { co_return 1; }
// CHECK: :[[@LINE-1]]:34: warning: 'co_return' in 'constant', which cannot be a coroutine because it is constexpr; drop the 'constexpr'
task<int> variadic(int, ...) { co_return 1; }
// CHECK: :[[@LINE-1]]:32: warning: 'co_return' in 'variadic', which cannot be a coroutine because it takes variable arguments; make it a template or pass the arguments in a container

struct Session {
  Session() { co_await read(); }
  // CHECK: :[[@LINE-1]]:15: warning: 'co_await' in a constructor, which cannot be a coroutine; move it to a function that returns a task
  ~Session() { co_await read(); }
  // CHECK: :[[@LINE-1]]:16: warning: 'co_await' in a destructor, which cannot be a coroutine
  int size = co_await read();
  // CHECK: :[[@LINE-1]]:14: warning: 'co_await' in the initializer of member 'size', which no coroutine runs; await it in a coroutine and pass the result
  bool member() { co_return true; }
  // CHECK: :[[@LINE-1]]:19: warning: 'co_return' in 'member', which cannot be a coroutine because it returns 'bool'; return 'task<bool>'
};

int global = co_await read();
// CHECK: :[[@LINE-1]]:14: warning: 'co_await' in the initializer of 'global'
task<> with_default(int n = co_await read());
// CHECK: :[[@LINE-1]]:29: warning: 'co_await' in the default argument of 'n'

task<int> handler() {
  try {
    co_await read();
  } catch (...) {
    co_await read();
    // CHECK: :[[@LINE-1]]:5: warning: 'co_await' in a handler, which cannot suspend; keep what it needs, such as a 'std::exception_ptr', and do it after the handler
  }
  co_return 1;
}

task<> lambdas(std::vector<int> v) {
  std::for_each(v.begin(), v.end(), [](int) { co_await read(); });
  // CHECK: :[[@LINE-1]]:47: warning: 'co_await' in a lambda, which cannot be a coroutine because its return type is deduced ('lambdas' would not suspend here); make it return 'task<>'
  auto l = [&] { co_yield 1; };
  // CHECK: :[[@LINE-1]]:18: warning: 'co_yield' in a lambda, {{.*}}; make it return a generator
  auto m = [&]() -> int { co_return 1; };
  // CHECK: :[[@LINE-1]]:27: warning: 'co_return' in a lambda, which cannot be a coroutine because its return type is none of a coroutine
  co_return;
}

auto trailing() -> int { co_return 1; }
// CHECK: :[[@LINE-1]]:26: warning: 'co_return' in 'trailing', which cannot be a coroutine because it returns 'int'; return 'task<int>'
using count = int;
count aliased() { co_return 1; }
// CHECK: :[[@LINE-1]]:19: warning: 'co_return' in 'aliased', which cannot be a coroutine because it returns 'count'; return 'task<count>'
int tried() try {
  return co_await read();
  // CHECK: :[[@LINE-1]]:10: warning: 'co_await' in 'tried', which cannot be a coroutine because it returns 'int'; return 'task<int>'
} catch (int n) {
  return n;
}
task<int> tried_and_caught() try {
  co_return co_await read();
} catch (int n) {
  co_await read();
  // CHECK: :[[@LINE-1]]:3: warning: 'co_await' in a handler, which cannot suspend
}
void with_lambdas(std::vector<int> v) {
  auto two = [v](int n) mutable noexcept(true) { return co_await read(); };
  // CHECK: :[[@LINE-1]]:57: warning: 'co_await' in a lambda, {{.*}} because its return type is deduced; make it return a task
  auto three = [] { if (true) [[likely]] { for (int n : {1, 2}) co_await read(); } };
  // CHECK: :[[@LINE-1]]:65: warning: 'co_await' in a lambda, {{.*}} because its return type is deduced
  for (int n : v) {
    if (n) [[unlikely]] {
      do {
        switch (n) {
        case 1: {
          co_await read();
          // CHECK: :[[@LINE-1]]:11: warning: 'co_await' in 'with_lambdas', which cannot be a coroutine because it returns 'void'
        }
        }
      } while (true);
    }
  }
}
namespace inner::most {
struct Pair {
  int first, second;
};
Pair braced{1, co_await read()};
// CHECK: :[[@LINE-1]]:16: warning: 'co_await' in the initializer of 'braced'
struct Holder {
  static inline int counted = 2 * (1 + co_await read());
  // CHECK: :[[@LINE-1]]:40: warning: 'co_await' in the initializer of 'counted'
};
} // namespace inner::most

int main() { co_await read(); }
// CHECK: :[[@LINE-1]]:14: warning: 'co_await' in 'main', which cannot be a coroutine; move it to a coroutine and run that from 'main'

// Nothing below is reported.

task<> fine(std::vector<int> v) {
  for (int n : v)
    co_await read();
  auto l = [](int) -> task<> { co_await read(); };
  auto generic = [](auto t) -> task<> { co_await t; };
  co_await l(1);
  try {
    co_await read();
  } catch (...) {
    co_return;
  }
}
kinds::generator<int> one() { co_yield 1; }
template <class T> T dependent(T t) { co_await t; }
struct Outer {
  struct Inner {
    task<> run() { co_await read(); }
  };
};
#define AWAIT(x) co_await (x)
task<> macro() { AWAIT(read()); }
#if 0
int skipped() { return co_await read(); }
#endif
const char *text = "co_await"; // co_await

// `operator co_await` is the name of a function.
template <class T>
concept awaited = requires(T value) { value.operator co_await(); };
struct forwarding {
  task<int> inner;
  auto operator co_await() { return inner.operator co_await(); }
};

// A lambda is found behind any return type, and whatever makes it.
#define CORO [=]() -> task<int>
#define RETURNS -> task<int>
template <class F> int run(F f);
void spawns(int n, int (&)[3]) {
  run([n]() -> task<decltype(n)> { co_return co_await read(); });
  run([n](auto... more) -> task<int (*)(int)> { co_await read(); });
  run([n]() mutable noexcept(true) -> task<> { co_await read(); });
  run([n] [[gnu::cold]] () -> task<> { co_await read(); });
  run(CORO { co_return co_await read(); });
  run([n]() RETURNS { co_return co_await read(); });
  run([n](no_such_type other) -> task<> { co_await read(); });
  run([n](no_such_type other) -> no_such<int> { co_await read(); });
  run([n](no_such_type other) NO_SUCH_MACRO { co_await read(); });
  run(NO_SUCH_MACRO { co_await read(); });
  NO_SUCH_LOOP (n) { co_await read(); }
}

// A body whose function cannot be known, or whose type is not.
no_such_type tried_unknown(int n) try {
  int before = 0;
  while (n) { int read_now = co_await read(); }
} catch (...) {
  co_return;
}
task<> tried_known(no_such_type n) try {
  int before = 0;
  while (before) { auto read_now = co_await read(); }
} catch (...) {
  co_return;
}
no_such::type unknown_result() { co_await read(); }
auto unknown_trailing() -> no_such<int> { co_await read(); }
template <class T> no_such<T> unknown_template(T n) { co_await read(); }
template <no_such T> task<T> unknown_concept(no_such_type n) { co_await read(); }
struct Derived : no_such_base<int> {
  no_such_type size = 1;
  no_such_type unknown_member() { co_await read(); }
  no_such<int> unknown_tried() try { co_await read(); } catch (int) { throw; }
  task<> known_member(no_such_type) { while (true) { co_await read(); } }
  NO_SUCH_MACRO(name) { int n = co_await read(); }
};
no_such_type Derived::defined_elsewhere() { co_await read(); }
task<> NoSuchClass::defined_elsewhere() { int n = co_await read(); }
int just_before = 0;
NO_SUCH_TEST(suite, name) { int n = co_await read(); }
NO_SUCH_TEST(name) { while (true) { int n = co_await read(); } }
NO_SUCH_ATTRIBUTE(1) task<> attributed() { co_await read(); }
NO_SUCH_BENCHMARK { co_await read(); }
template <class T> struct of_unknown_base : no_such<T> {};
struct derived_of_unknown : of_unknown_base<int> {};
of_unknown_base<int> with_unknown_base() { co_await read(); }
derived_of_unknown with_derived() { co_await read(); }
template <class T> using alias_of_unknown = no_such<T>;
alias_of_unknown<int> unknown_alias() { co_await read(); }
auto makes_unknown_alias() {
  return []() -> alias_of_unknown<int> { co_return co_await read(); };
}

// What follows a broken declarator is a body, not an initializer.
auto broken_declarator(std::no_such_vector<int> &values, no_such_type other) -> std::task {
  int before = 0;
  co_await read();
}
