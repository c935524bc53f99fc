//===--- Ways.h - What holds on each way to a place -------------*- C++ -*-===//
//
// `if (b) lock(); ... if (b) unlock();` leaves nothing locked, but an analysis
// that joins what two branches say into one answer does not see that. This one
// keeps them apart: a state is a set of ways of getting to a place, each with a
// fact of its own and with the branch conditions known to hold on it. A branch
// that asks a known condition again drops the ways on which it has the other
// answer; an assignment to a variable forgets the conditions that mention it.
//
// The lattice is the powerset of ways, ordered by inclusion; join is union. It
// is finite where there are finitely many facts. With too many ways the
// conditions are forgotten, which adds ways that are none: the state is then
// blurred, and says something only where all its ways agree.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_WAYS_H
#define CORALC_ANALYSIS_WAYS_H

#include "coralc/Analysis/Conditions.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Decl.h"
#include "clang/AST/Expr.h"
#include "clang/AST/Stmt.h"
#include "clang/Analysis/CFG.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace coralc {

/// The ways to a place. \p Fact is copyable and has ==.
template <class Fact> class Ways {
public:
  struct Way {
    Fact Now;
    /// Condition numbers and their values, sorted.
    llvm::SmallVector<std::pair<unsigned, bool>, 4> Known;

    bool operator==(const Way &) const = default;
    void forget(unsigned Condition) {
      llvm::erase_if(Known,
                     [&](auto Entry) { return Entry.first == Condition; });
    }
    void learn(unsigned Condition, bool Value) {
      forget(Condition);
      Known.push_back({Condition, Value});
      llvm::sort(Known);
    }
    bool contradicts(unsigned Condition, bool Value) const {
      return llvm::is_contained(Known, std::pair(Condition, !Value));
    }
  };

  explicit Ways(Fact Start) { All.push_back({Start, {}}); }

  /// Does \p Holds hold on some way? In a blurred state: on all of them.
  template <class Predicate> bool some(Predicate Holds) const {
    auto OfWay = [&](const Way &W) { return Holds(W.Now); };
    return !All.empty() &&
           (Blurred ? llvm::all_of(All, OfWay) : llvm::any_of(All, OfWay));
  }

  /// The fact of the first way for which \p Holds.
  template <class Predicate> const Fact *first(Predicate Holds) const {
    for (const Way &W : All)
      if (Holds(W.Now))
        return &W.Now;
    return nullptr;
  }

  void set(Fact Now) {
    for (Way &W : All)
      W.Now = Now;
    normalise();
  }

  /// Replaces the fact of each way by \p Change of it.
  template <class Function> void update(Function Change) {
    for (Way &W : All)
      W.Now = Change(W.Now);
    normalise();
  }

  /// Drops the ways on which \p Holds does not hold.
  template <class Predicate> void keep(Predicate Holds) {
    llvm::erase_if(All, [&](const Way &W) { return !Holds(W.Now); });
  }

  /// What \p Statement does to the variables that conditions mention.
  void pass(const clang::Stmt &Statement, const Conditions &Branches,
            const clang::ASTContext &Context) {
    if (const auto *Declaration = llvm::dyn_cast<clang::DeclStmt>(&Statement)) {
      for (const clang::Decl *Declared : Declaration->decls())
        if (const auto *Variable = llvm::dyn_cast<clang::VarDecl>(Declared))
          assign(*Variable, Variable->getInit(), Branches, Context);
    } else if (const auto *Binary =
                   llvm::dyn_cast<clang::BinaryOperator>(&Statement)) {
      if (Binary->isAssignmentOp())
        assignTo(Binary->getLHS(),
                 Binary->getOpcode() == clang::BO_Assign ? Binary->getRHS()
                                                         : nullptr,
                 Branches, Context);
    } else if (const auto *Unary =
                   llvm::dyn_cast<clang::UnaryOperator>(&Statement)) {
      if (Unary->isIncrementDecrementOp() ||
          Unary->getOpcode() == clang::UO_AddrOf)
        assignTo(Unary->getSubExpr(), nullptr, Branches, Context);
    }
  }

  /// Taking the edge \p Successor out of \p From.
  void follow(const clang::CFGBlock &From, unsigned Successor,
              Conditions &Branches) {
    const clang::Expr *Condition = Conditions::branchCondition(From);
    if (!Condition)
      return;
    bool Value = Successor == 0;
    unsigned Number = Branches.number(Condition, Value);
    llvm::erase_if(All,
                   [&](const Way &W) { return W.contradicts(Number, Value); });
    if (Branches.isCorrelated(Number))
      for (Way &W : All)
        W.learn(Number, Value);
    normalise();
  }

  bool join(const Ways &From) {
    size_t Before = All.size();
    bool WasBlurred = Blurred;
    Blurred |= From.Blurred;
    llvm::append_range(All, From.All);
    normalise();
    return All.size() != Before || Blurred != WasBlurred;
  }

private:
  static constexpr size_t Most = 24;

  void assignTo(const clang::Expr *Target, const clang::Expr *Value,
                const Conditions &Branches, const clang::ASTContext &Context) {
    if (const auto *Ref =
            llvm::dyn_cast<clang::DeclRefExpr>(Target->IgnoreParenImpCasts()))
      assign(*Ref->getDecl(), Value, Branches, Context);
  }

  /// \p Variable gets \p Value: a constant is known from now on.
  void assign(const clang::ValueDecl &Variable, const clang::Expr *Value,
              const Conditions &Branches, const clang::ASTContext &Context) {
    for (unsigned Number : Branches.mentioning(&Variable))
      for (Way &W : All)
        W.forget(Number);
    bool Constant;
    std::optional<unsigned> Number = Branches.plain(&Variable);
    if (Number && Value && !Value->isValueDependent() &&
        !Value->containsErrors() && Variable.getType()->isScalarType() &&
        Value->EvaluateAsBooleanCondition(Constant, Context))
      for (Way &W : All)
        W.learn(*Number, Constant);
    normalise();
  }

  void normalise() {
    removeCopies();
    Blurred |= All.size() > Most;
    if (!Blurred)
      return;
    for (Way &W : All)
      W.Known.clear();
    removeCopies();
  }

  void removeCopies() {
    llvm::SmallVector<Way, 4> Distinct;
    for (Way &W : All)
      if (!llvm::is_contained(Distinct, W))
        Distinct.push_back(std::move(W));
    All = std::move(Distinct);
  }

  llvm::SmallVector<Way, 4> All;
  bool Blurred = false;
};

} // namespace coralc

#endif
