//===--- ValidateTest.cpp - A wrong coroutine is told from a right one ----===//

#include "coralc/Rewrites/Engine/Validate.h"
#include "clang/Tooling/Tooling.h"
#include "gtest/gtest.h"

using namespace coralc;

namespace {

constexpr llvm::StringRef Prelude = R"cpp(
namespace std {
struct nullopt_t {} inline constexpr nullopt;
template <class T> struct optional {
  optional(nullopt_t);
  optional(T);
  explicit operator bool() const;
  T &operator*();
};
template <class P = void> struct coroutine_handle {
  static coroutine_handle from_address(void *);
  operator coroutine_handle<>() const;
};
template <class R, class... A> struct coroutine_traits {
  using promise_type = typename R::promise_type;
};
struct suspend_always {
  bool await_ready() noexcept;
  void await_suspend(coroutine_handle<>) noexcept;
  void await_resume() noexcept;
};
}
template <class T> struct generator {
  struct promise_type {
    generator get_return_object();
    std::suspend_always initial_suspend();
    std::suspend_always final_suspend() noexcept;
    std::suspend_always yield_value(T);
    void return_void();
    void unhandled_exception();
  };
  int *begin();
  int *end();
};
)cpp";

constexpr llvm::StringRef Legacy = R"cpp(
class numbers {
public:
  explicit numbers(int last) : last_(last) {}
  std::optional<int> next() {
    for (;;) {
      switch (state_) {
      case state::up:
        if (now_ == last_) {
          state_ = state::down;
          break;
        }
        return ++now_;
      case state::down:
        if (now_ == 0)
          return std::nullopt;
        skip();
        state_ = state::down;
        return --now_;
      }
    }
  }
private:
  enum class state { up, down };
  void skip();
  state state_ = state::up;
  int now_ = 0;
  int last_;
};
int use(int last) {
  numbers all(last);
  int sum = 0;
  while (auto n = all.next())
    sum += *n;
  return sum;
}
)cpp";

/// The members that the coroutines below work on.
std::string coroutine(llvm::StringRef Body) {
  return ("class numbers {\npublic:\n  generator<int> values() {\n" + Body +
          "  }\nprivate:\n  void skip();\n  int now_ = 0;\n  int last_;\n};\n")
      .str();
}

class Validate : public testing::Test {
protected:
  static std::unique_ptr<clang::ASTUnit> parse(llvm::StringRef Code) {
    return clang::tooling::buildASTFromCodeWithArgs(
        (Prelude + Code).str(), {"-std=c++20"}, "input.cpp");
  }

  /// What is different between the legacy class and \p Body.
  std::string difference(llvm::StringRef Body) {
    std::unique_ptr<clang::ASTUnit> Before = parse(Legacy);
    std::unique_ptr<clang::ASTUnit> After = parse(coroutine(Body));
    EXPECT_FALSE(After->getDiagnostics().hasErrorOccurred());
    SourceText Input(Before->getASTContext());
    SourceText Output(After->getASTContext());
    PatternList Patterns = makePatterns({.Patterns = {"pull-generator"}});
    BuiltGraph Built = buildStateGraph(Input, Patterns);
    std::vector<Agent> Agents = planAgents(Built.Graph, Input);
    EXPECT_EQ(Agents.size(), 1u);
    EXPECT_FALSE(Agents.front().Why.has_value());
    Agents.front().Coroutine = "values";
    std::unique_ptr<TargetDialect> Dialect =
        makeDialect(RewriteTarget::Coral, "asio", "asio");
    return compareBehaviour(Agents.front(), Input, Output, *Dialect, {});
  }
};

TEST_F(Validate, TheSameInAnotherShapeIsTheSame) {
  EXPECT_EQ(difference(R"(
    while (now_ != last_)
      co_yield ++now_;
    for (;;) {
      if (!(now_ == 0)) {
        skip();
        co_yield --now_;
      } else {
        co_return;
      }
    }
)"),
            "");
}

TEST_F(Validate, AnInvertedTestIsSeen) {
  EXPECT_NE(difference(R"(
    while (now_ == last_)
      co_yield ++now_;
    while (now_ != 0) {
      skip();
      co_yield --now_;
    }
)"),
            "");
}

TEST_F(Validate, ALostStatementIsSeen) {
  EXPECT_EQ(difference(R"(
    while (now_ != last_)
      co_yield ++now_;
    while (now_ != 0)
      co_yield --now_;
)"),
            "the input does 'skip ( )' where the output does 'yield -- now_'");
}

TEST_F(Validate, SwappedStatementsAreSeen) {
  EXPECT_NE(difference(R"(
    while (now_ != last_)
      co_yield ++now_;
    while (now_ != 0) {
      co_yield --now_;
      skip();
    }
)"),
            "");
}

TEST_F(Validate, AMissingLoopIsSeen) {
  EXPECT_NE(difference(R"(
    while (now_ != last_)
      co_yield ++now_;
    if (now_ != 0) {
      skip();
      co_yield --now_;
    }
)"),
            "");
}

TEST_F(Validate, AnotherValueIsSeen) {
  EXPECT_NE(difference(R"(
    while (now_ != last_)
      co_yield now_++;
    while (now_ != 0) {
      skip();
      co_yield --now_;
    }
)"),
            "");
}

TEST_F(Validate, AMissingCoroutineIsSeen) {
  std::unique_ptr<clang::ASTUnit> Before = parse(Legacy);
  SourceText Input(Before->getASTContext());
  PatternList Patterns = makePatterns({.Patterns = {"pull-generator"}});
  BuiltGraph Built = buildStateGraph(Input, Patterns);
  std::vector<Agent> Agents = planAgents(Built.Graph, Input);
  ASSERT_EQ(Agents.size(), 1u);
  Agents.front().Coroutine = "values";
  std::unique_ptr<TargetDialect> Dialect =
      makeDialect(RewriteTarget::Coral, "asio", "asio");
  EXPECT_EQ(compareBehaviour(Agents.front(), Input, Input, *Dialect, {}),
            "the output has no coroutine 'values'");
}

} // namespace
