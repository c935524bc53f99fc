// coral-stale-reference: references into shared state across a suspension.
//
// RUN: %exits 1 %coral lint --checks=coral-stale-reference %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

using cppcoro::task;
task<> other();
void use(int);
void use(std::string_view);

struct Entry {
  int hits;
  std::string text;
};
std::shared_ptr<Entry> find_entry(int key);
std::vector<int> everybodys;

struct Table {
  std::map<int, Entry> entries;
  std::vector<Entry> rows;
  std::unordered_map<int, std::unique_ptr<Entry>> owned;
  std::map<int, std::weak_ptr<Entry>> weak;
  Entry whole;
  const std::vector<int> fixed;
  seastar::semaphore room;

  task<> reference(int key) {
    auto &entry = entries[key];
    // CHECK: :[[@LINE+2]]:5: warning: 'entry' refers into 'entries', which others may change while this coroutine is suspended; get it again after the suspension, or copy what is needed before it [coral-stale-reference]
    co_await other();
    entry.hits++;
    // CHECK: :[[@LINE-4]]:11: note: 'entry' is made here
    // CHECK: :[[@LINE-3]]:5: note: suspends here
  }
  task<> iterator(int key) {
    auto it = entries.find(key);
    if (it == entries.end())
      co_return;
    co_await other();
    it->second.hits++;
    // CHECK: :[[@LINE-1]]:5: warning: 'it' refers into 'entries'
  }
  task<> pointer(int key) {
    Entry *entry = owned[key].get();
    co_await other();
    entry->hits++;
    // CHECK: :[[@LINE-1]]:5: warning: 'entry' refers into 'owned'
    Entry *row = &rows[key];
    co_await other();
    row->hits++;
    // CHECK: :[[@LINE-1]]:5: warning: 'row' refers into 'rows'
  }
  task<> pointee(int key) {
    auto &entry = *owned.at(key);
    co_await other();
    use(entry.hits);
    // CHECK: :[[@LINE-1]]:9: warning: 'entry' refers into 'owned'
  }
  task<> binding(int key) {
    auto &[hits, text] = rows[key];
    co_await other();
    ++hits;
    // CHECK: :[[@LINE-1]]:7: warning: 'hits' refers into 'rows'
  }
  task<> view(int key) {
    std::string_view text = rows[key].text;
    co_await other();
    use(text);
    // CHECK: :[[@LINE-1]]:9: warning: 'text' refers into 'text'
  }
  task<> write_back(int key) {
    auto &hits = entries[key].hits;
    hits = co_await cppcoro::task<int>();
    // CHECK: :[[@LINE-1]]:5: warning: 'hits' refers into 'entries'
  }
  task<> next_round(int key) {
    auto &entry = entries[key];
    while (key--) {
      entry.hits++;
      // CHECK: :[[@LINE-1]]:7: warning: 'entry' refers into 'entries'
      co_await other();
    }
  }
  task<> loop() {
    for (auto &row : rows)
      // CHECK: :[[@LINE-1]]:5: warning: this loop goes over 'rows', which others may change while the body is suspended; loop over a copy, or over indices or keys that are checked again [coral-stale-reference]
      // CHECK: :[[@LINE+1]]:7: note: suspends here
      co_await other();
  }
  kinds::generator<int> yielding() {
    for (auto &[key, entry] : entries)
      // CHECK: :[[@LINE-1]]:5: warning: this loop goes over 'entries'
      co_yield entry.hits;
  }

  //===--- What is fine ---------------------------------------------------===//

  task<> again(int key) {
    auto it = entries.find(key);
    it->second.hits++;
    co_await other();
    it = entries.find(key);
    it->second.hits++;
  }
  task<> each_round(int key) {
    while (key--) {
      auto &entry = entries[key];
      entry.hits++;
      co_await other();
    }
  }
  task<> copies(int key) {
    auto entry = rows[key];
    auto taken = std::exchange(rows, {});
    co_await other();
    use(entry.hits);
    for (auto &row : taken)
      co_await other();
    auto &mine = taken[0];
    co_await other();
    mine.hits++;
  }
  task<> members() {
    auto &entry = whole;
    auto &all = rows;
    co_await other();
    entry.hits++;
    all.clear();
    for (int n : fixed)
      co_await other();
  }
  task<> no_suspension_inside() {
    for (auto &row : rows)
      row.hits++;
    co_await other();
  }
  seastar::future<> protected_by_units(int key) {
    auto units = co_await seastar::get_units(room, 1);
    auto &entry = entries[key];
    co_await seastar::make_ready_future();
    entry.hits++;
  }
};

task<> global() {
  for (int n : everybodys)
    // CHECK: :[[@LINE-1]]:3: warning: this loop goes over 'everybodys'
    co_await other();
}

/// Through a smart pointer that is gone at once.
task<> temporaries(int key, std::weak_ptr<Entry> weak) {
  auto &entry = *find_entry(key);
  auto &hits = weak.lock()->hits;
  co_await other();
  use(entry.hits);
  // CHECK: :[[@LINE-1]]:7: warning: 'entry' refers to what a temporary smart pointer held, which may be gone after a suspension; keep the smart pointer in a variable [coral-stale-reference]
  ++hits;
  // CHECK: :[[@LINE-1]]:5: warning: 'hits' refers to what a temporary smart pointer held
  auto held = find_entry(key);
  auto &kept = *held;
  co_await other();
  use(kept.hits);
}

task<> locals(std::vector<int> mine, std::vector<int> &lent) {
  std::vector<int> local(3);
  auto &a = local[0];
  auto &b = mine[0];
  auto &c = lent[0];
  co_await other();
  use(a + b + c);
  for (int n : local)
    co_await other();
}

/// Nobody changes it once it is made.
class Immutable {
public:
  explicit Immutable(int n) : numbers(n) {}
  task<> all() {
    for (int n : numbers)
      co_await other();
    auto &first = numbers[0];
    co_await other();
    use(first);
  }
  int size() const { return numbers.size(); }

private:
  std::vector<int> numbers;
};

/// What is added to a list leaves the rest where it is; what is erased does
/// not.
class Nodes {
public:
  void add(int n) { numbers.push_back(n); }
  task<> all() {
    auto &first = numbers.front();
    co_await other();
    use(first);
  }

private:
  std::list<int> numbers;
};
class Elements {
public:
  void add(int n) { numbers.push_back(n); }
  task<> all() {
    auto &first = numbers.front();
    co_await other();
    use(first);
    // CHECK: :[[@LINE-1]]:9: warning: 'first' refers into 'numbers'
  }

private:
  std::vector<int> numbers;
};
