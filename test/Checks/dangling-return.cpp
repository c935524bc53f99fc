// coral-dangling-return: plain functions whose task uses what dies with them.
//
// RUN: %exits 1 %coral lint --checks=coral-dangling-return %s -- -std=c++20 -I%S/../Inputs \
// RUN:   | FileCheck %s --implicit-check-not=warning:
#include "cppcoro.hpp"
#include "kinds.hpp"
#include "seastar.hpp"
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using cppcoro::task;

task<int> fetch(const std::string &name);
task<int> look(std::string_view name) { co_return name.size(); }
task<int> take(std::string &&name) { co_return name.size(); }
task<int> own(std::string name) { co_return name.size(); }
task<int> read(char *buffer, int size);
task<int> sum(std::span<int> all) { co_return all[0]; }

struct Client {
  std::string host;
  ~Client();
  task<int> ask() { co_return host.size(); }
  task<int> opaque();
  task<int> self() { return ask(); }
  task<int> part() { return fetch(host); }
};

task<int> locals(int n, std::string parameter, bool b) {
  std::string local;
  char buffer[16];
  std::vector<int> numbers;
  Client client;
  auto owned = std::make_unique<Client>();
  switch (n) {
  case 0:
    return fetch(local);
    // CHECK: :[[@LINE-1]]:18: warning: 'local' dies when this function returns, but the task that it returns uses it; make this function a coroutine, or let the task own what it uses [coral-dangling-return]
  case 1:
    return fetch(parameter);
    // CHECK: :[[@LINE-1]]:18: warning: the parameter 'parameter' dies when
  case 2:
    return look(local);
    // CHECK: :[[@LINE-1]]:17: warning: 'local' dies
    // CHECK: :[[@LINE-31]]:51: note: used here
  case 3:
    return take(std::move(local));
    // CHECK: :[[@LINE-1]]:17: warning: 'local' dies
  case 4:
    return fetch("temporary");
    // CHECK: :[[@LINE-1]]:18: warning: the temporary bound to 'name' dies
  case 5:
    return read(buffer, 16);
    // CHECK: :[[@LINE-1]]:17: warning: 'buffer' dies
  case 6:
    return sum(numbers);
    // CHECK: :[[@LINE-1]]:16: warning: 'numbers' dies
  case 7:
    return client.ask();
    // CHECK: :[[@LINE-1]]:12: warning: 'client' dies
  case 8:
    return client.opaque();
    // CHECK: :[[@LINE-1]]:12: warning: 'client' dies
  case 9:
    return owned->ask();
    // CHECK: :[[@LINE-1]]:12: warning: 'owned' dies
  case 10:
    return Client().self();
    // CHECK: :[[@LINE-1]]:12: warning: the object that this is called on dies
  case 11:
    return b ? own(local) : fetch(client.host);
    // CHECK: :[[@LINE-1]]:35: warning: 'client' dies
  default:
    return cppcoro::task<int>();
  }
}

/// A lambda that is no coroutine is a plain function.
auto lambda = [](std::string name) -> task<int> { return fetch(name); };
// CHECK: :[[@LINE-1]]:64: warning: the parameter 'name' dies

/// An eager one, if it uses it after its first suspension.
seastar::future<int> late(const std::string &name) {
  co_await seastar::make_ready_future();
  co_return name.size();
}
seastar::future<int> early(const std::string &name) {
  int size = name.size();
  co_await seastar::make_ready_future();
  co_return size;
}
/// What an inner task borrows is used while the outer one waits for it.
seastar::future<int> nested(const std::string &name) { co_return co_await late(name); }
seastar::future<int> eager(int n) {
  std::string local;
  if (n == 0)
    return late(local);
  // CHECK: :[[@LINE-1]]:17: warning: 'local' dies
  // CHECK: note: the task suspends here
  if (n == 1)
    return nested(local);
  // CHECK: :[[@LINE-1]]:19: warning: 'local' dies
  return early(local);
}

//===--- What is fine -----------------------------------------------------===//

task<int> fine(int n, const std::string &lent, std::string *pointer, Client &client, std::string parameter) {
  static std::string lasting;
  auto shared = std::make_shared<Client>();
  auto copied = shared;
  const std::string &alias = lent;
  switch (n) {
  case 0:
    return fetch(lent);
  case 1:
    return fetch(*pointer);
  case 2:
    return client.ask();
  case 3:
    return own(std::move(parameter));
  case 4:
    return fetch(lasting);
  case 5:
    return shared->ask();
  case 6:
    return look("literal");
  case 7:
    return fetch(alias);
  default:
    return look(*pointer);
  }
}

/// Kept by what is chained to it.
seastar::future<int> late_of(Client &client) {
  co_await seastar::make_ready_future();
  co_return client.host.size();
}
seastar::future<> chained() {
  auto client = std::make_unique<Client>();
  return late_of(*client).then([client = std::move(client)] {});
}

task<int> awaited() {
  std::string local;
  co_return co_await fetch(local);
}
int waited() {
  std::string local;
  return cppcoro::sync_wait(fetch(local));
}

/// What a lambda refers to lives as long as the function around it.
task<int> around() {
  std::string local;
  auto ask = [&local]() -> task<int> { co_return local.size(); };
  auto pass_on = [&ask] { return ask(); };
  co_return co_await pass_on();
}

/// By way of a variable.
task<int> kept_before(std::string name) {
  auto t = fetch(name);
  // CHECK: :[[@LINE-1]]:18: warning: the parameter 'name' dies
  return t;
}
task<int> kept_and_moved() {
  std::string local = "x";
  auto t = fetch(local);
  // CHECK: :[[@LINE-1]]:18: warning: 'local' dies
  return std::move(t);
}
std::vector<task<int>> kept_among_others(std::string name, const std::string &lent) {
  std::vector<task<int>> all;
  all.push_back(fetch(lent));
  all.push_back(fetch(name));
  // CHECK: :[[@LINE-1]]:23: warning: the parameter 'name' dies
  return all;
}
task<int> kept_and_done(std::string name, const std::string &lent) {
  auto t = fetch(name);
  cppcoro::sync_wait(t);
  auto u = fetch(lent);
  return u;
}

/// An object that only this function has.
struct SharedClient : std::enable_shared_from_this<SharedClient> {
  task<int> ask();
};
task<int> of_nobody_else() {
  auto only = std::make_shared<Client>();
  return only->ask();
  // CHECK: :[[@LINE-1]]:10: warning: 'only' dies when this function returns
}
task<int> of_itself() {
  auto only = std::make_shared<SharedClient>();
  return only->ask();
}
task<int> of_others(std::vector<std::shared_ptr<Client>> &clients) {
  auto shared = std::make_shared<Client>();
  clients.push_back(shared);
  return shared->ask();
}

/// What a continuation refers to, or is passed on from one.
seastar::future<> touch(const std::string &text) {
  co_await seastar::make_ready_future();
  (void)text.size();
}
seastar::future<> continued(std::string name, const std::string &lent) {
  if (name.empty())
    return seastar::make_ready_future().then([&lent] { (void)lent.size(); });
  if (lent.empty())
    return seastar::make_ready_future().then([name] { (void)name.size(); });
  if (lent == name)
    return touch(name).finally([name = std::move(name)] {});
  // CHECK: :[[@LINE-1]]:18: warning: the parameter 'name' dies
  return seastar::make_ready_future().then([&] { (void)name.size(); });
  // CHECK: :[[@LINE-1]]:44: warning: the parameter 'name' dies when this function returns
  // CHECK: :[[@LINE-2]]:56: note: used here
}
namespace seastar {
template <class T, class F> future<> do_with(T &&, F &&) { return make_ready_future(); }
} // namespace seastar
seastar::future<> called_where_it_stands(std::string name) {
  return seastar::do_with(1, [&](int &n) {
    n += name.size();
    return seastar::make_ready_future();
  });
}
seastar::future<> continued_and_awaited(std::string name) {
  co_await seastar::make_ready_future().then([&] { (void)name.size(); });
  auto later = seastar::make_ready_future().then([&] { (void)name.size(); });
  co_await std::move(later);
}
void continued_and_waited_for(std::string name) {
  seastar::make_ready_future().then([&] { (void)name.size(); }).get();
}
