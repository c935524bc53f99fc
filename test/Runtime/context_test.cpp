// Context variables, and what has which context.

#include "manual_loop_test.hpp"

#include <coral/context_var.hpp>
#include <coral/future.hpp>
#include <coral/spawn.hpp>

#include <optional>
#include <string>
#include <thread>

namespace {

using coral::context;
using coral::context_var;
using coral::copy_context;
using coral::task;
using namespace std::chrono_literals;

context_var<int> number("number", 0);
context_var<std::string> text("text");

class ContextVar : public ManualLoopTest {};

TEST_F(ContextVar, gives_its_value_its_default_or_an_error) {
  copy_context().run([] {
    EXPECT_EQ(number.name(), "number");
    EXPECT_EQ(number.get(), 0);
    EXPECT_EQ(number.get(5), 5);
    number.set(1);
    EXPECT_EQ(number.get(), 1);
    EXPECT_EQ(number.get(5), 1);
    EXPECT_EQ(message_of<coral::lookup_error>([] { text.get(); }),
              "context variable 'text' has no value");
    EXPECT_EQ(text.get("otherwise"), "otherwise");
    text.set("a");
    EXPECT_EQ(text.get(), "a");
  });
}

TEST_F(ContextVar, a_token_takes_back_once) {
  context().run([] {
    auto first = number.set(1);
    auto second = number.set(2);
    EXPECT_EQ(first.old_value(), std::nullopt);
    EXPECT_EQ(second.old_value(), 1);
    EXPECT_EQ(&second.var(), &number);
    number.reset(second);
    EXPECT_EQ(number.get(), 1);
    EXPECT_EQ(message_of<coral::runtime_error>([&] { number.reset(second); }),
              "the token of context variable 'number' has already been used once");
    number.reset(first);
    EXPECT_EQ(number.get(7), 7);
    EXPECT_EQ(copy_context().size(), 0u);
  });
}

TEST_F(ContextVar, a_token_belongs_to_its_variable_and_context) {
  context().run([] {
    context_var<int> other("other");
    auto token = number.set(1);
    EXPECT_THROW(other.reset(token), coral::value_error);
    context().run([&] { EXPECT_THROW(number.reset(token), coral::value_error); });
    EXPECT_EQ(number.get(), 1);
  });
}

TEST_F(ContextVar, a_context_keeps_what_is_set_in_it) {
  context one;
  EXPECT_EQ(one.run(
                [](int value) {
                  number.set(value);
                  return value + 1;
                },
                4),
            5);
  EXPECT_EQ(number.get(), 0);
  EXPECT_EQ(one.get(number), 4);
  EXPECT_EQ(one.get(text), std::nullopt);
  EXPECT_TRUE(one.contains(number));
  EXPECT_FALSE(one.contains(text));
  EXPECT_EQ(one.size(), 1u);
  context two = one.copy();
  two.run([] { number.set(9); });
  EXPECT_EQ(one.get(number), 4);
  EXPECT_FALSE(one == two);
}

TEST_F(ContextVar, a_context_is_entered_once_at_a_time) {
  context one;
  one.run([&] {
    EXPECT_EQ(message_of<coral::runtime_error>([&] { one.run([] {}); }),
              "cannot enter context: it is already entered");
  });
  EXPECT_THROW(one.run([] { throw coral::value_error("left"); }), coral::value_error);
  one.run([] {});
}

TEST_F(ContextVar, threads_have_their_own) {
  copy_context().run([] {
    number.set(3);
    std::thread([] { EXPECT_EQ(number.get(), 0); }).join();
  });
}

TEST_F(ContextVar, fact_85_a_task_copies_the_context_at_its_creation) {
  auto child = [&]() -> task<int> {
    const int seen = number.get();
    number.set(50);
    co_await coral::sleep(1s);
    EXPECT_EQ(number.get(), 50);
    co_return seen;
  };
  auto main = [&]() -> task<void> {
    number.set(1);
    auto scheduled = coral::create_task(child());
    number.set(2);
    EXPECT_EQ(co_await scheduled, 1);
    EXPECT_EQ(number.get(), 2);
  };
  run(main);
  EXPECT_EQ(number.get(), 0);
}

TEST_F(ContextVar, fact_85_a_direct_await_shares_the_context) {
  auto child = [&]() -> task<void> {
    number.set(99);
    co_return;
  };
  auto main = [&]() -> task<void> {
    co_await child();
    EXPECT_EQ(number.get(), 99);
  };
  run(main);
}

TEST_F(ContextVar, fact_85_it_follows_the_task_across_suspensions) {
  auto child = [&](int value) -> task<void> {
    number.set(value);
    for (int i = 0; i != 3; ++i) {
      co_await coral::yield();
      EXPECT_EQ(number.get(), value);
    }
  };
  auto main = [&]() -> task<void> { co_await coral::gather(child(1), child(2), child(3)); };
  run(main);
}

TEST_F(ContextVar, fact_85_a_callback_sees_a_copy) {
  auto main = [&]() -> task<void> {
    number.set(1);
    loop.call_soon([&] {
      note(std::to_string(number.get()));
      number.set(7);
    });
    loop.call_later(1s, [&] { note(std::to_string(number.get())); });
    coral::future<> done;
    done.add_done_callback([&] { note(std::to_string(number.get())); });
    done.set_result();
    number.set(2);
    co_await coral::sleep(2s);
    EXPECT_EQ(number.get(), 2);
  };
  run(main);
  EXPECT_EQ(log, (names{"1", "1", "1"}));
}

TEST_F(ContextVar, fact_85_a_detached_task_copies_the_context) {
  auto detached = [&]() -> task<void> {
    EXPECT_EQ(number.get(), 4);
    number.set(5);
    co_await coral::sleep(1s);
    EXPECT_EQ(number.get(), 5);
    note("ran");
  };
  auto main = [&]() -> task<void> {
    number.set(4);
    coral::spawn(detached());
    EXPECT_EQ(number.get(), 4);
    co_await coral::sleep(2s);
  };
  run(main);
  EXPECT_EQ(log, names{"ran"});
}

TEST_F(ContextVar, fact_85_a_context_that_is_given_is_shared) {
  auto child = [&]() -> task<void> {
    EXPECT_EQ(number.get(), 3);
    co_await coral::yield();
    number.set(4);
  };
  auto main = [&]() -> task<void> {
    context given;
    given.run([] { number.set(3); });
    coral::task_options options;
    options.context = given;
    co_await coral::create_task(child(), std::move(options));
    EXPECT_EQ(given.get(number), 4);
    EXPECT_EQ(number.get(), 0);
  };
  run(main);
}

TEST_F(ContextVar, fact_85_an_eager_task_copies_it_too) {
  auto child = [&]() -> task<void> {
    number.set(9);
    co_return;
  };
  auto main = [&]() -> task<void> {
    coral::task_options options;
    options.eager = true;
    coral::create_task(child(), std::move(options));
    EXPECT_EQ(number.get(), 0);
    co_return;
  };
  run(main);
}

} // namespace
