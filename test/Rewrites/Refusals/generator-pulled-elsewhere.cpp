// RUN: %coral rewrite %s -- -std=c++20 2>%t.notes | count 0
// RUN: FileCheck %s --implicit-check-not='not converted' <%t.notes
// RUN: %gxx -std=c++20 -fsyntax-only %s

#include <iostream>
#include <optional>

class numbers {
public:
  explicit numbers(int last) : last_(last) {}

  // CHECK: [[#@LINE+1]]:22: note: not converted: {{.*}} [generator-pulled-elsewhere]
  std::optional<int> next() {
    if (current_ > last_)
      return std::nullopt;
    return current_++;
  }

private:
  int current_ = 1;
  int last_;
};

int main() {
  numbers n(3);
  std::cout << *n.next();
}
