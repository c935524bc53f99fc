// coral-over-aligned-frame
//
// RUN: %exits 1 %coral lint --checks=coral-over-aligned-frame %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
// RUN: %exits 0 %coral lint --checks=coral-over-aligned-frame %s -- -std=c++20 -I%S/../Inputs -fcoro-aligned-allocation | count 0
#include "cppcoro.hpp"
#include <cstddef>
#include <new>

using cppcoro::task;
struct alignas(64) line {
  char bytes[64];
};
task<> io();

task<> locals(line given) {
  // CHECK: :[[@LINE-1]]:20: warning: 'given' wants an alignment of 64, and the frame of a coroutine has one of 16; compile with '-fcoro-aligned-allocation', or keep it elsewhere [coral-over-aligned-frame]
  line own;
  // CHECK: :[[@LINE-1]]:8: warning: 'own' wants an alignment of 64
  alignas(32) char buffer[32];
  // CHECK: :[[@LINE-1]]:20: warning: 'buffer' wants an alignment of 32
  co_await io();
}
template <class Promise> struct of {
  struct promise_type : Promise {
    of get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
of<line> promise() { co_return; }
// CHECK: :[[@LINE-1]]:10: warning: the promise of this coroutine wants an alignment of 64

// Nothing below is reported.

struct sees_to_it : line {
  static void *operator new(std::size_t size) { return ::operator new(size, std::align_val_t(64)); }
};
of<sees_to_it> own_allocation() {
  line own;
  co_return;
}
task<> references(line &given) {
  line &same = given;
  static line kept;
  auto *made = new line;
  alignas(16) char buffer[16];
  co_await io();
}
void plain() { line own; }
