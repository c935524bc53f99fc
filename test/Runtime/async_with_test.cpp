#include "manual_event.hpp"

#include <coral/async_with.hpp>
#include <coral/loop/manual.hpp>
#include <coral/runner.hpp>
#include <coral/tasks.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using coral::async_exit_stack;
using coral::async_with;
using coral::task;

template <class T> T run_here(task<T> main) {
  return coral::run(std::move(main), coral::manual_loop::create);
}

std::string text_of(const std::exception_ptr &error) {
  if (!error)
    return "none";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception &known) {
    return known.what();
  } catch (...) {
    return "unknown";
  }
}

/// Runs `work` and says what left it.
template <class T> std::string outcome(task<T> work) {
  try {
    static_cast<void>(run_here(std::move(work)));
  } catch (const std::exception &error) {
    return error.what();
  }
  return "nothing";
}

std::string outcome(task<void> work) {
  try {
    run_here(std::move(work));
  } catch (const std::exception &error) {
    return error.what();
  }
  return "nothing";
}

// Managers have constructors: g++ 12 destroys an aggregate that is made within a co_await twice.

/// Notes what happens to it.
struct scope {
  names &log;
  std::string name;

  explicit scope(names &log, std::string name = "scope") : log(log), name(std::move(name)) {}

  task<int> aenter() {
    co_await coral::yield();
    log.push_back("enter " + name);
    co_return 7;
  }

  task<void> aexit(std::exception_ptr error) {
    co_await coral::yield();
    log.push_back("exit " + name + ": " + text_of(error));
  }
};

/// Gives what it is told to.
struct suppressing {
  names &log;
  bool suppress = true;

  task<void> aenter() { co_return; }
  task<bool> aexit(std::exception_ptr error) {
    log.push_back("exit: " + text_of(error));
    co_return suppress;
  }
};

static_assert(coral::async_context_manager<scope>);
static_assert(coral::async_context_manager<suppressing>);
static_assert(coral::async_context_manager<async_exit_stack>);
static_assert(!coral::async_context_manager<int>);
static_assert(!coral::async_context_manager<std::unique_ptr<int>>);

TEST(AsyncWith, EntersRunsAndLeaves) {
  names log;
  auto main = [&]() -> task<std::string> {
    auto body = [&](int entered) -> task<std::string> {
      co_await coral::yield();
      log.push_back("body " + std::to_string(entered));
      co_return "result";
    };
    co_return co_await async_with(scope(log), body);
  };
  EXPECT_EQ(run_here(main()), "result");
  EXPECT_EQ(log, (names{"enter scope", "body 7", "exit scope: none"}));
}

TEST(AsyncWith, TakesABodyThatIsNoCoroutineAndOneWithoutParameters) {
  names log;
  auto main = [&]() -> task<int> {
    scope named(log, "named");
    auto plain = [](int entered) { return entered + 1; };
    auto without = [&] { log.push_back("body"); };
    co_await async_with(named, without);
    co_return co_await async_with(named, plain);
  };
  EXPECT_EQ(run_here(main()), 8);
  EXPECT_EQ(log,
            (names{"enter named", "body", "exit named: none", "enter named", "exit named: none"}));
}

TEST(AsyncWith, GivesMoveOnlyResults) {
  names log;
  auto main = [&]() -> task<int> {
    auto body = [](int entered) { return std::make_unique<int>(entered); };
    std::unique_ptr<int> result = co_await async_with(scope(log), body);
    co_return *result;
  };
  EXPECT_EQ(run_here(main()), 7);
}

TEST(AsyncWith, AManagerThatIsTakenOverDiesAtTheEnd) {
  names log;
  struct owner {
    tracker token;
    explicit owner(tracker token) : token(std::move(token)) {}
    task<void> aenter() { co_return; }
    task<void> aexit(std::exception_ptr) { co_return; }
  };
  auto main = [&]() -> task<void> {
    auto body = [&] { log.push_back("body"); };
    co_await async_with(owner(tracker(log, "manager")), body);
    log.push_back("after");
  };
  run_here(main());
  EXPECT_EQ(log, (names{"body", "manager", "after"}));
}

TEST(AsyncWith, fact_55_the_exit_runs_on_an_error_which_passes) {
  names log;
  auto main = [&]() -> task<void> {
    auto body = []() -> task<void> {
      co_await coral::yield();
      throw std::domain_error("broken");
    };
    co_await async_with(scope(log), body);
  };
  EXPECT_EQ(outcome(main()), "broken");
  EXPECT_EQ(log, (names{"enter scope", "exit scope: broken"}));
}

TEST(AsyncWith, fact_55_an_exit_that_gives_true_suppresses_the_error) {
  names log;
  auto main = [&]() -> task<std::optional<int>> {
    auto body = []() -> int { throw std::domain_error("broken"); };
    co_return co_await async_with(suppressing{log}, body);
  };
  EXPECT_EQ(run_here(main()), std::nullopt);
  EXPECT_EQ(log, names{"exit: broken"});
}

TEST(AsyncWith, fact_55_an_exit_that_gives_false_does_not) {
  names log;
  auto main = [&]() -> task<void> {
    auto body = []() -> int { throw std::domain_error("broken"); };
    static_cast<void>(co_await async_with(suppressing{log, false}, body));
  };
  EXPECT_EQ(outcome(main()), "broken");
}

TEST(AsyncWith, fact_55_an_exit_that_gives_true_without_an_error_changes_nothing) {
  names log;
  auto main = [&]() -> task<std::optional<int>> {
    auto body = [] { return 3; };
    co_return co_await async_with(suppressing{log}, body);
  };
  EXPECT_EQ(run_here(main()), 3);
  EXPECT_EQ(log, names{"exit: none"});
}

TEST(AsyncWith, fact_55_a_failed_enter_runs_neither_body_nor_exit) {
  names log;
  struct failing {
    names &log;
    task<int> aenter() {
      co_await coral::yield();
      throw std::domain_error("cannot enter");
    }
    task<void> aexit(std::exception_ptr) {
      log.push_back("exit");
      co_return;
    }
  };
  auto main = [&]() -> task<void> {
    auto body = [&] { log.push_back("body"); };
    co_await async_with(failing{log}, body);
  };
  EXPECT_EQ(outcome(main()), "cannot enter");
  EXPECT_EQ(log, names{});
}

/// Fails to leave; keeps the exception it was told of.
struct failing_exit {
  task<void> aenter() { co_return; }
  task<void> aexit(std::exception_ptr error) {
    coral::raise_from(std::range_error("cannot leave"), error);
    co_return;
  }
};

TEST(AsyncWith, fact_55_an_error_of_the_exit_is_thrown) {
  auto main = []() -> task<void> {
    auto body = [] {};
    co_await async_with(failing_exit(), body);
  };
  EXPECT_EQ(outcome(main()), "cannot leave");
}

TEST(AsyncWith, fact_55_an_error_of_the_exit_chains_with_the_bodys) {
  auto main = []() -> task<std::string> {
    auto body = [] { throw std::domain_error("broken"); };
    std::string chain;
    try {
      co_await async_with(failing_exit(), body);
    } catch (const std::range_error &error) {
      chain = error.what();
      try {
        std::rethrow_if_nested(error);
      } catch (const std::domain_error &nested) {
        chain += std::string(" < ") + nested.what();
      }
    }
    co_return chain;
  };
  EXPECT_EQ(run_here(main()), "cannot leave < broken");
}

TEST(AsyncWith, NestsInnermostFirst) {
  names log;
  auto main = [&]() -> task<void> {
    auto inner = [&]() -> task<void> {
      auto body = []() -> task<void> {
        throw std::domain_error("broken");
        co_return;
      };
      co_await async_with(scope(log, "inner"), body);
    };
    co_await async_with(scope(log, "outer"), inner);
  };
  EXPECT_EQ(outcome(main()), "broken");
  EXPECT_EQ(log, (names{"enter outer", "enter inner", "exit inner: broken", "exit outer: broken"}));
}

TEST(AsyncExitStack, fact_55_leaves_in_the_opposite_order) {
  names log;
  auto main = [&]() -> task<void> {
    auto note = [&](const std::string &text) { log.push_back(text); };
    auto note_later = [&](std::string text) -> task<void> {
      co_await coral::yield();
      log.push_back(text);
    };
    auto body = [&](async_exit_stack &stack) -> task<void> {
      EXPECT_EQ(co_await stack.enter_async_context(scope(log, "a")), 7);
      stack.push_async_callback(note, "callback");
      stack.push_async_callback(note_later, "coroutine");
      EXPECT_EQ(co_await stack.enter_async_context(scope(log, "b")), 7);
      log.push_back("body");
    };
    co_await async_with(async_exit_stack(), body);
  };
  run_here(main());
  EXPECT_EQ(log, (names{"enter a", "enter b", "body", "exit b: none", "coroutine", "callback",
                        "exit a: none"}));
}

TEST(AsyncExitStack, fact_55_every_exit_learns_what_is_left_of_the_error) {
  names log;
  auto main = [&]() -> task<void> {
    auto note = [&](std::exception_ptr error) { log.push_back(text_of(error)); };
    auto replace = [&](std::exception_ptr error) -> task<void> {
      log.push_back(text_of(error));
      throw std::range_error("replaced");
      co_return;
    };
    auto suppress = [&](std::exception_ptr error) -> task<bool> {
      log.push_back(text_of(error));
      co_return true;
    };
    auto body = [&](async_exit_stack &stack) -> task<void> {
      stack.push_async_exit(note);
      stack.push_async_exit(suppress);
      stack.push_async_exit(note);
      stack.push_async_exit(replace);
      throw std::domain_error("broken");
      co_return;
    };
    co_await async_with(async_exit_stack(), body);
  };
  EXPECT_EQ(outcome(main()), "nothing");
  EXPECT_EQ(log, (names{"broken", "replaced", "replaced", "none"}));
}

TEST(AsyncExitStack, fact_55_an_error_of_an_exit_leaves_after_the_others_ran) {
  names log;
  auto main = [&]() -> task<void> {
    auto fail = [] { throw std::range_error("cannot leave"); };
    async_exit_stack stack;
    co_await stack.enter_async_context(scope(log));
    stack.push_async_callback(fail);
    co_await stack.aclose();
  };
  EXPECT_EQ(outcome(main()), "cannot leave");
  EXPECT_EQ(log, (names{"enter scope", "exit scope: cannot leave"}));
}

TEST(AsyncExitStack, AnErrorThatNobodySuppressesPasses) {
  names log;
  auto main = [&]() -> task<void> {
    auto body = [&](async_exit_stack &stack) -> task<void> {
      co_await stack.enter_async_context(scope(log));
      throw std::domain_error("broken");
    };
    co_await async_with(async_exit_stack(), body);
  };
  EXPECT_EQ(outcome(main()), "broken");
  EXPECT_EQ(log, (names{"enter scope", "exit scope: broken"}));
}

TEST(AsyncExitStack, AScopeThatCannotBeEnteredIsNotLeft) {
  names log;
  struct failing {
    task<void> aenter() {
      throw std::domain_error("cannot enter");
      co_return;
    }
    task<void> aexit(std::exception_ptr) {
      ADD_FAILURE() << "left";
      co_return;
    }
  };
  auto main = [&]() -> task<void> {
    auto body = [&](async_exit_stack &stack) -> task<void> {
      co_await stack.enter_async_context(scope(log));
      co_await stack.enter_async_context(failing());
    };
    co_await async_with(async_exit_stack(), body);
  };
  EXPECT_EQ(outcome(main()), "cannot enter");
  EXPECT_EQ(log, (names{"enter scope", "exit scope: cannot enter"}));
}

TEST(AsyncExitStack, PopAllHandsEverythingOver) {
  names log;
  auto main = [&]() -> task<void> {
    async_exit_stack first;
    co_await first.enter_async_context(scope(log));
    async_exit_stack second = first.pop_all();
    co_await first.aclose();
    log.push_back("first closed");
    co_await second.aclose();
    co_await second.aclose();
  };
  run_here(main());
  EXPECT_EQ(log, (names{"enter scope", "first closed", "exit scope: none"}));
}

TEST(AsyncExitStack, GivesReferencesIntoAManagerThatItTookOver) {
  struct holder {
    std::string text;
    holder() : text("kept") {}
    task<std::string &> aenter() { co_return text; }
    task<void> aexit(std::exception_ptr) { co_return; }
  };
  auto main = []() -> task<std::string> {
    async_exit_stack stack;
    std::string &text = co_await stack.enter_async_context(holder());
    co_await coral::yield();
    text += "!";
    std::string copy = text;
    co_await stack.aclose();
    co_return copy;
  };
  EXPECT_EQ(run_here(main()), "kept!");
}

TEST(AsyncExitStack, AStackThatIsNotClosedLeavesNothing) {
  names log;
  auto main = [&]() -> task<void> {
    async_exit_stack stack;
    co_await stack.enter_async_context(scope(log));
  };
  run_here(main());
  EXPECT_EQ(log, names{"enter scope"});
}

TEST(RaiseFrom, WithoutACauseThrowsTheErrorItself) {
  try {
    coral::raise_from(std::domain_error("alone"), nullptr);
  } catch (const std::domain_error &error) {
    EXPECT_STREQ(error.what(), "alone");
    EXPECT_EQ(dynamic_cast<const std::nested_exception *>(&error), nullptr);
  }
}

} // namespace
