// coral-dangling-parameter at level 2: parameters that callers would have to
// keep alive.
//
// RUN: %exits 1 %coral lint --level=2 '--checks=coral-dangling-param*' %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 0 %coral lint --level=1 '--checks=coral-dangling-param*' %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | count 0
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <string>
#include <string_view>
#include <vector>

using cppcoro::task;

task<int> reference(const std::string &name) { co_return name.size(); }
// CHECK: :[[@LINE-1]]:40: warning: 'name' is a reference that this coroutine uses after it has first suspended, when what it refers to may be gone; take it by value [coral-dangling-parameter]
// CHECK: :[[@LINE-2]]:58: note: used here
task<int> rvalue(std::string &&name) { co_return name.size(); }
// CHECK: :[[@LINE-1]]:32: warning: 'name' is a reference
task<int> view(std::string_view name) { co_return name.size(); }
// CHECK: :[[@LINE-1]]:33: warning: 'name' is a view
seastar::future<int> eager(const std::string &name) {
  // CHECK: :[[@LINE-1]]:47: warning: 'name' is a reference
  // CHECK: :[[@LINE+1]]:3: note: suspends here
  co_await seastar::make_ready_future();
  co_return name.size();
}
auto lambda = [](const std::string &name) -> task<int> { co_return name.size(); };
// CHECK: :[[@LINE-1]]:37: warning: 'name' is a reference
template <class T> task<int> pattern(const T &value) { co_return value.size(); }
// CHECK: :[[@LINE-1]]:47: warning: 'value' is a reference

task<int> value(std::string name) { co_return name.size(); }
task<int> pointer(int *n) { co_return *n; }
task<int> unused(const std::string &) { co_return 1; }
seastar::future<int> early(const std::string &name) {
  int size = name.size();
  co_await seastar::make_ready_future();
  co_return size;
}
seastar::future<int> copied(const std::string &name) {
  auto mine = name;
  co_await seastar::make_ready_future();
  co_return mine.size();
}
kinds::result<int> synchronous(const std::string &name) { co_return name.size(); }
task<int> plain(const std::string &name) { return value(name); }
