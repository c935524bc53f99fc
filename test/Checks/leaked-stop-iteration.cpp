// coral-leaked-stop-iteration: ends of sequences that leave a coroutine.
//
// RUN: %exits 1 %coral lint --checks=coral-leaked-stop-iteration %s -- -std=c++20 -I%S/../Inputs -I%runtime \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "kinds.hpp"
#include <coral/generator.hpp>
#include <coral/task.hpp>
#include <future>

using coral::generator;
using coral::stop_iteration;
using coral::task;

bool flag();

generator<int> thrown() {
  co_yield 1;
  throw stop_iteration();
  // CHECK: :[[@LINE-1]]:3: warning: 'stop_iteration' leaves this generator as an error, not as its end; end it with 'co_return' [coral-leaked-stop-iteration]
}
task<int> thrown_in_task() {
  throw stop_iteration();
  // CHECK: :[[@LINE-1]]:3: warning: 'stop_iteration' leaves this coroutine as an error, not as its end; return what says so, or throw another exception
  co_return 1;
}
generator<int> asked_for(generator<int> g) {
  for (;;)
    co_yield g.next();
  // CHECK: :[[@LINE-1]]:16: warning: 'next' raises the end of the sequence, which would leave this generator as an error; check for the end before, or handle it
}
generator<int> rethrown(generator<int> g) {
  try {
    co_yield g.next();
    // CHECK: :[[@LINE-1]]:16: warning: 'next' raises
  } catch (const stop_iteration &) {
    throw;
  }
}
generator<int> other_handler(generator<int> g) {
  try {
    co_yield g.next();
    // CHECK: :[[@LINE-1]]:16: warning: 'next' raises
  } catch (int) {
  }
}
int first(generator<int> &g) { return g.next(); }
int outer(generator<int> &g) { return first(g); }
task<int> through(generator<int> g) {
  co_return outer(g);
  // CHECK: :[[@LINE-1]]:13: warning: 'outer' may raise the end of a sequence, which would leave this coroutine as an error; handle it here or there
  // CHECK: note: it comes from here
}
generator<int> past_the_end(kinds::generator<int> g) {
  auto it = g.begin();
  co_yield *it;
  // CHECK: :[[@LINE-1]]:12: warning: this may read past the end of the generator's sequence; compare the iterator with the end before
}
generator<int> asked_on_one_path(kinds::generator<int> g) {
  auto it = g.begin();
  if (flag() && it == g.end())
    co_return;
  co_yield *it;
  // CHECK: :[[@LINE-1]]:12: warning: this may read past the end
}
void stored(std::promise<int> &p) {
  p.set_exception(std::make_exception_ptr(stop_iteration()));
  // CHECK: :[[@LINE-1]]:5: warning: a future cannot carry 'stop_iteration': it would end the sequence of whoever awaits it; store another exception
}
struct Reader {
  generator<int> lines;
  task<int> one() {
    co_return lines.next();
    // CHECK: :[[@LINE-1]]:21: warning: 'next' raises
  }
};

// Nothing below is reported.

generator<int> ends() {
  co_yield 1;
  co_return;
}
generator<int> handled(generator<int> g) {
  try {
    for (;;)
      co_yield g.next();
  } catch (const stop_iteration &) {
  }
}
generator<int> handled_by_base(generator<int> g) {
  try {
    co_yield g.next();
    throw stop_iteration();
  } catch (const std::exception &) {
  }
}
generator<int> handled_by_all(generator<int> g) {
  try {
    co_yield first(g);
  } catch (...) {
    co_return;
  }
}
generator<int> handled_outside(generator<int> g) {
  try {
    try {
      co_yield g.next();
    } catch (const stop_iteration &) {
      throw;
    }
  } catch (...) {
  }
}
int first_or(generator<int> &g, int otherwise) {
  try {
    return g.next();
  } catch (const stop_iteration &) {
    return otherwise;
  }
}
task<int> through_handled(generator<int> g) { co_return first_or(g, 0); }
generator<int> ranges(generator<int> g) {
  for (int n : g)
    co_yield n;
}
generator<int> iterators(kinds::generator<int> g) {
  for (auto it = g.begin(); it != g.end(); ++it)
    co_yield *it;
}
int plain(generator<int> g) { return g.next(); }
[[noreturn]] void raise() { throw stop_iteration(); }
void stored_other(std::promise<int> &p) { p.set_exception(std::make_exception_ptr(1)); }
task<int> lambda(generator<int> g) {
  auto later = [&] { return g.next(); };
  (void)later;
  co_return 1;
}
