// coral-redundant-coroutine
//
// RUN: %exits 1 %coral lint --checks=coral-redundant-coroutine %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <string>
#include <utility>

using cppcoro::task;
task<int> read(int n);
task<int> read_name(const std::string &name);
task<int> take_name(std::string name);
task<int> view(const char *text);
task<long> other();

task<int> forwards(int n) { co_return co_await read(n); }
// CHECK: :[[@LINE-1]]:11: warning: this coroutine only awaits the task of 'read' and returns its result, and costs a frame; return the task [coral-redundant-coroutine]
task<int> by_reference(const std::string &name) { co_return co_await read_name(name); }
// CHECK: :[[@LINE-1]]:11: warning: this coroutine only awaits the task of 'read_name'
task<int> moved(std::string name) { co_return co_await take_name(std::move(name)); }
// CHECK: :[[@LINE-1]]:11: warning: this coroutine only awaits the task of 'take_name'
struct reader {
  task<int> get();
  task<int> get_all() { co_return co_await get(); }
  // CHECK: :[[@LINE-1]]:13: warning: this coroutine only awaits the task of 'get'
};

// Nothing below is reported.

task<int> keeps_parameter(std::string name) { co_return co_await read_name(name); }
task<int> keeps_text(std::string name) { co_return co_await view(name.c_str()); }
task<int> keeps_temporary() { co_return co_await read_name("name"); }
task<int> handles() {
  try {
    co_return co_await read(1);
  } catch (...) {
  }
  co_return 0;
}
task<long> converts() { co_return co_await read(1); }
task<int> works(int n) {
  ++n;
  co_return co_await read(n);
}
struct base {
  virtual task<int> get() { co_return co_await read(1); }
};
task<int> of_parameter(reader r) { co_return co_await r.get(); }
kinds::result<int> checked(kinds::result<int> r) { co_return co_await r; }
