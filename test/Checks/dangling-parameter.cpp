// coral-dangling-parameter: arguments that die before the task that uses them.
//
// RUN: %exits 1 %coral lint '--checks=coral-dangling-param*' %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
//
// C++23 keeps the temporaries of a range initialiser alive:
// RUN: %exits 0 %coral lint '--checks=coral-dangling-param*' %s -- -std=c++23 -I%S/../Inputs -DLOOP_ONLY \
// RUN:   | count 0
#include "asio_like.hpp"
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using cppcoro::task;

kinds::generator<char> letters(const std::string &text) {
  for (char c : text)
    co_yield c;
}
int over_temporary() {
  int n = 0;
  for (char c : letters(std::string("abc")))
#ifndef LOOP_ONLY
    // CHECK: :[[@LINE-2]]:25: warning: the temporary bound to 'text' dies at the end of the full-expression, but the task uses it after that; await the task here, or give it an object that lives as long [coral-dangling-parameter]
    // CHECK: :[[@LINE-8]]:17: note: used here
#endif
    n += c;
  return n;
}

#ifndef LOOP_ONLY
task<int> fetch(const std::string &name);
task<int> look(std::string_view name) { co_return name.size(); }
task<int> peek(const int *value) { co_return *value; }
task<int> take(std::string &&name) { co_return name.size(); }
task<int> own(std::string name) { co_return name.size(); }
task<int> indifferent(const std::string &) { co_return 1; }
task<int> defaulted(const std::string &name = "nobody") { co_return name.size(); }
task<int> sum(std::span<const int> all) { co_return all[0]; }
template <class... A> task<int> many(A &&...a) { co_return (0 + ... + a.size()); }
struct Tag {};
task<int> tagged(const Tag &tag, int n) {
  (void)tag;
  co_return n;
}
task<int> finish(task<int> &&other);
cppcoro::async_scope scope;
template <class T> void hand_on(T &&);

struct Client {
  std::string host;
  explicit Client(std::string h) : host(std::move(h)) {}
  ~Client();
  task<int> ask() { co_return host.size(); }
  task<int> tell(const std::string &what) const;
  static task<int> version() { co_return 1; }
};

//===--- Temporaries ------------------------------------------------------===//

task<int> temporaries() {
  auto a = fetch("tmp");
  // CHECK: :[[@LINE-1]]:18: warning: the temporary bound to 'name' dies
  auto b = look(std::string("tmp"));
  // CHECK: :[[@LINE-1]]:17: warning: the temporary bound to 'name' dies
  auto c = take(std::string("tmp"));
  // CHECK: :[[@LINE-1]]:17: warning: the temporary bound to 'name' dies
  auto d = defaulted();
  // CHECK: :[[@LINE-1]]:12: warning: the temporary bound to 'name' dies
  auto e = Client("host").ask();
  // CHECK: :[[@LINE-1]]:12: warning: the temporary that this is called on dies
  auto f = many(std::string("a"), std::string("b"));
  // CHECK: :[[@LINE-1]]:17: warning: the temporary bound to 'a' dies
  // CHECK: :[[@LINE-2]]:35: warning: the temporary bound to 'a' dies
  auto g = sum(std::vector<int>{1, 2});
  // CHECK: :[[@LINE-1]]:16: warning: the temporary bound to 'all' dies
  auto h = std::make_unique<Client>("host")->ask();
  // CHECK: :[[@LINE-1]]:12: warning: the temporary that this is called on dies
  scope.spawn(fetch("tmp"));
  // CHECK: :[[@LINE-1]]:21: warning: the temporary bound to 'name' dies
  co_return co_await std::move(a) + co_await std::move(b) + co_await std::move(c) + co_await std::move(d) +
      co_await std::move(e) + co_await std::move(f) + co_await std::move(g) + co_await std::move(h);
}

/// Through plain functions that pass it on.
task<int> pass_on(const std::string &name) { return fetch(name); }
task<int> pass_view(std::string_view name) { return look(name); }
task<int> through() {
  auto a = pass_on("tmp");
  // CHECK: :[[@LINE-1]]:20: warning: the temporary bound to 'name' dies
  auto b = pass_view(std::string("tmp"));
  // CHECK: :[[@LINE-1]]:22: warning: the temporary bound to 'name' dies
  co_return co_await std::move(a) + co_await std::move(b);
}

/// A function that starts what it is given.
kinds::detached start(task<int> t) { co_await std::move(t); }
void in_background(task<int> t) { scope.spawn(std::move(t)); }
void started() {
  start(fetch("tmp"));
  // CHECK: :[[@LINE-1]]:15: warning: the temporary bound to 'name' dies
  in_background(fetch("tmp"));
  // CHECK: :[[@LINE-1]]:23: warning: the temporary bound to 'name' dies
}

/// An eager coroutine has what it used before its first suspension.
kinds::job log_late(const std::string &line) {
  co_await kinds::sleep_for(1);
  // CHECK-DAG: :[[@LINE-1]]:3: note: the task suspends here
  co_await kinds::sleep_for(line.size());
  // CHECK-DAG: :[[@LINE-1]]:29: note: used here
}
kinds::job log_early(const std::string &line) {
  auto copy = line;
  co_await kinds::sleep_for(copy.size());
}
void eager() {
  // CHECK-DAG: :[[@LINE+1]]:12: warning: the temporary bound to 'line' dies
  log_late("x");
  log_early("x");
}

//===--- Locals of an inner scope -----------------------------------------===//

task<> scopes(std::vector<int> numbers) {
  std::vector<task<int>> all;
  for (int n : numbers) {
    std::string name = std::to_string(n);
    all.push_back(fetch(name));
    // CHECK: :[[@LINE-1]]:25: warning: 'name' dies at the end of its scope
    all.push_back(peek(&n));
    // CHECK: :[[@LINE-1]]:24: warning: 'n' dies at the end of its scope
    all.push_back(own(name));
  }
  for (auto &n : numbers)
    all.push_back(peek(&n));
  task<int> last;
  {
    Client client("host");
    last = client.ask();
    // CHECK: :[[@LINE-1]]:12: warning: 'client' dies at the end of its scope
  }
  co_await std::move(last);
  for (auto &each : all)
    co_await std::move(each);
}

//===--- What is fine -----------------------------------------------------===//

struct SharedClient : std::enable_shared_from_this<SharedClient> {
  task<int> ask();
};
task<int> of_nobody_else() {
  auto t = std::make_shared<Client>("host")->ask();
  // CHECK: :[[@LINE-1]]:12: warning: the temporary that this is called on dies
  co_return co_await std::move(t);
}

task<int> fine(std::string name, const std::string &lent) {
  co_await fetch("tmp");
  co_await take(std::string("tmp"));
  cppcoro::sync_wait(fetch("tmp"));
  co_await cppcoro::when_all(fetch("a"), fetch("b"));
  auto a = look("literal");
  auto b = own("tmp");
  auto c = indifferent("tmp");
  auto d = fetch(name);
  auto e = fetch(lent);
  auto f = tagged(Tag(), 1);
  auto g = Client::version();
  static const std::string lasting = "x";
  auto h = fetch(lasting);
  auto i = std::make_shared<SharedClient>()->ask();
  int answer = co_await std::make_shared<Client>("host")->ask();
  std::string_view view = name;
  auto j = look(view);
  const std::string &extended = std::string("x");
  auto k = fetch(extended);
  hand_on(fetch("tmp"));
  task<int> inner;
  {
    Client client("host");
    inner = client.ask();
    co_await std::move(inner);
    inner = Client::version();
  }
  co_await std::move(inner);
  co_return co_await std::move(a) + co_await std::move(b) + co_await std::move(c) + co_await std::move(d) +
      co_await std::move(e) + co_await std::move(f) + co_await std::move(g) + co_await std::move(h) +
      co_await std::move(i) + co_await std::move(j) + co_await std::move(k);
}

/// Of an eager function without a body nothing is known.
seastar::future<int> opaque(const std::string &name);
seastar::future<> unknown() {
  auto f = opaque("tmp");
  co_await std::move(f);
}

/// It may own what it copies.
task<int> copies(const std::string &name) { return own(name); }
task<int> calls_copying() {
  auto t = copies("tmp");
  co_return co_await std::move(t);
}

/// A view is copied; where it came from does not matter.
task<int> of_view(std::string_view text) { co_return text.size(); }
task<int> passes_view(std::string_view &&text) { return of_view(text); }
task<int> calls_passing(const std::string &name) {
  auto t = passes_view(std::string_view(name));
  co_return co_await std::move(t);
}

/// Its author says so.
[[clang::coro_disable_lifetimebound]] task<int> copies_elsewhere(const std::string &name);
task<int> calls_copying_elsewhere() {
  auto t = copies_elsewhere("tmp");
  co_return co_await std::move(t);
}

/// A type that never suspends is done when it returns.
kinds::result<int> at_once(const std::string &name) { co_return name.size(); }
void synchronous() { auto r = at_once("tmp"); }

/// A task that is given away is not left where it is.
task<int> hands_over() {
  auto t = finish(own("tmp"));
  co_return co_await std::move(t);
}
#endif
