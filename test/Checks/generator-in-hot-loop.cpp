// coral-generator-in-hot-loop
//
// RUN: %exits 1 %coral lint --checks=coral-generator-in-hot-loop %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include <vector>

using kinds::generator;
generator<int> up_to(int n);
struct grid {
  generator<int> row(int y) const;
};
void look_at(int);
cppcoro::task<> pause();

long nested(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i)
    for (int j : up_to(i))
      // CHECK: :[[@LINE-1]]:5: warning: this loop does less with what 'up_to' yields than it costs to make and resume a generator, over and over in another loop; compute the values here [coral-generator-in-hot-loop]
      // CHECK: :[[@LINE-3]]:3: note: the other loop is here
      sum += j;
  return sum;
}
long of_member(const grid &g, int height) {
  long sum = 0;
  int y = 0;
  while (y != height) {
    for (int x : g.row(y))
      // CHECK: :[[@LINE-1]]:5: warning: {{.*}} 'row' yields
      if (x > 3)
        ++sum;
    ++y;
  }
  return sum;
}

// Nothing below is reported.

long once(int n) {
  long sum = 0;
  for (int j : up_to(n))
    sum += j;
  return sum;
}
void calls(int n) {
  for (int i = 0; i < n; ++i)
    for (int j : up_to(i))
      look_at(j);
}
long stops(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i)
    for (int j : up_to(i)) {
      if (j > 3)
        break;
      sum += j;
    }
  return sum;
}
cppcoro::task<long> waits(int n) {
  long sum = 0;
  for (int i = 0; i < n; ++i) {
    for (int j : up_to(i))
      sum += j;
    co_await pause();
  }
  co_return sum;
}
long of_vector(const std::vector<std::vector<int>> &rows) {
  long sum = 0;
  for (const auto &row : rows)
    for (int x : row)
      sum += x;
  return sum;
}
generator<int> passes_on(int n) {
  for (int i = 0; i < n; ++i)
    for (int j : up_to(i))
      co_yield j;
}
void computes_nothing(int n) {
  for (int i = 0; i < n; ++i)
    for (int j : up_to(i)) {
    }
}
template <class T> long of_template(T made) {
  long sum = 0;
  for (int i = 0; i < 3; ++i)
    for (int j : made(i))
      sum += j;
  return sum;
}
