// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <iostream>
#include <optional>

class blinker {
public:
  // CHECK: [[#@LINE+1]]:22: note: not converted: {{.*}} [generator-state-shared]
  std::optional<int> next() {
    switch (state_) {
    case state::on:
      state_ = state::off;
      return 1;
    case state::off:
      state_ = state::on;
      return 0;
    }
    return std::nullopt;
  }
  bool is_on() const { return state_ == state::on; }

private:
  enum class state { on, off };
  state state_ = state::on;
};

int main() {
  blinker b;
  while (auto light = b.next())
    std::cout << *light << b.is_on();
}
