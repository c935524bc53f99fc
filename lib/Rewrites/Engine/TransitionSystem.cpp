//===--- TransitionSystem.cpp - What is seen of an agent ------------------===//

#include "coralc/Rewrites/Engine/TransitionSystem.h"
#include "coralc/Rewrites/Engine/References.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

std::string describe(const Point &P) {
  switch (P.What) {
  case Point::Kind::Silent:
    return "never ends";
  case Point::Kind::End:
    return "ends";
  case Point::Kind::Test:
    return "tests '" + StringRef(P.Seen.Text).trim().str() + "'";
  case Point::Kind::Choice:
    return "decides by '" + StringRef(P.Seen.Text).trim().str() + "'";
  case Point::Kind::Event:
    return "does '" + StringRef(P.Seen.Text).trim().str() + "'";
  }
  llvm_unreachable("all kinds of point are handled");
}

/// Compares what the names refer to in labels with the same text.
class NameComparison {
public:
  /// What is different; empty if that is nothing.
  std::string operator()(const Label &Input, const Label &Output) {
    std::vector<std::string> Before = sorted(Input.References);
    std::vector<std::string> After = sorted(Output.References);
    std::vector<std::string> Gone = without(Before, After);
    std::vector<std::string> New = without(After, Before);
    std::string Where = "'" + StringRef(Input.Text).trim().str() + "' ";
    if (!Gone.empty())
      return Where + "refers to '" + Gone.front() + "' in the input" +
             (New.empty() ? " and not" : " and to '" + New.front() + "'") +
             " in the output";
    if (!New.empty() && !Input.IsMadeUp)
      return Where + "refers to '" + New.front() +
             "' in the output and not in the input";
    if (Input.Locals.size() == Output.Locals.size())
      for (auto [Was, Is] : zip(Input.Locals, Output.Locals))
        if (Was && Is && !isSame(*Was, *Is))
          return Where + "refers to another variable '" +
                 Was->getNameAsString() + "' in the output";
    return "";
  }

private:
  static std::vector<std::string> sorted(std::vector<std::string> Names) {
    sort(Names);
    return Names;
  }
  static std::vector<std::string> without(ArrayRef<std::string> From,
                                          ArrayRef<std::string> Other) {
    std::vector<std::string> Result;
    std::set_difference(From.begin(), From.end(), Other.begin(), Other.end(),
                        std::back_inserter(Result));
    return Result;
  }

  /// A variable of the input is one variable of the output.
  bool isSame(const ValueDecl &Was, const ValueDecl &Is) {
    auto [Known, IsNew] = OutputOf.try_emplace(&Was, &Is);
    return IsNew ? isDeduced(Was) || isDeduced(Is) ||
                       typeOfVariable(Was) == typeOfVariable(Is)
                 : Known->second == &Is;
  }
  static bool isDeduced(const ValueDecl &D) {
    return D.getType()->getContainedDeducedType();
  }

  DenseMap<const ValueDecl *, const ValueDecl *> OutputOf;
};

} // namespace

std::string compare(const TransitionSystem &A, const TransitionSystem &B) {
  NameComparison CompareNames;
  DenseSet<std::pair<unsigned, unsigned>> Seen;
  SmallVector<std::pair<unsigned, unsigned>, 16> Pending{{A.Start, B.Start}};
  while (!Pending.empty()) {
    auto [L, R] = Pending.pop_back_val();
    L = A.settle(L);
    R = B.settle(R);
    if (!Seen.insert({L, R}).second)
      continue;
    const Point &P = A.Points[L], &Q = B.Points[R];
    if (P.What != Q.What || P.Seen.Text != Q.Seen.Text)
      return "the input " + describe(P) + " where the output " + describe(Q);
    if (std::string Different = CompareNames(P.Seen, Q.Seen);
        !Different.empty())
      return Different;
    if (P.What == Point::Kind::Event || P.What == Point::Kind::Test ||
        P.What == Point::Kind::Choice)
      Pending.push_back({P.Next, Q.Next});
    if (!llvm::equal(P.Cases, Q.Cases, [](const auto &Case, const auto &Other) {
          return Case.first == Other.first;
        }))
      return "the input and the output do not decide alike by '" +
             StringRef(P.Seen.Text).trim().str() + "'";
    for (const auto &[Case, Other] : zip(P.Cases, Q.Cases))
      Pending.push_back({Case.second, Other.second});
    if (P.What == Point::Kind::Test)
      Pending.push_back({P.Else, Q.Else});
  }
  return "";
}

} // namespace coralc
