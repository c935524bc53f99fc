//===--- HeldLocks.cpp - Locks held across suspensions --------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/GuardValues.h"
#include "coralc/Analysis/LockEvents.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Analysis/Ways.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// Follows one lock through the function.
class LockFlow {
public:
  /// Where the lock was taken; invalid while it is not held.
  using State = Ways<SourceLocation>;

  LockFlow(const SuspensionCFG &Flow, const Lock &Of, Conditions &Branches)
      : Flow(Flow), Of(Of), Branches(Branches),
        Context(Flow.function().getASTContext()) {}

  HeldLock run() {
    HeldLock Result{Of.Name, Of.Guard != nullptr, {}, {}};
    auto OnEntry = runForward(Flow.cfg(), *this);
    for (const CFGBlock *Block : Flow.cfg())
      if (std::optional<State> &At = OnEntry[Block->getBlockID()])
        for (const CFGElement &Element : *Block) {
          note(Element, *At, Result);
          transfer(Element, *At);
        }
    llvm::sort(Result.Across, [](const auto *A, const auto *B) {
      return A < B; // one vector holds them all, in source order
    });
    return Result;
  }

  State entry() const { return State(Of.TakenAtEntry); }

  void transfer(const CFGElement &Element, State &At) const {
    if (Of.Guard && endsGuard(Element))
      return At.set({});
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    At.pass(*Node->getStmt(), Branches, Context);
    // The graph has a statement of its own for each variable that is declared.
    if (const auto *Declaration = dyn_cast<DeclStmt>(Node->getStmt());
        Declaration && Of.TakenAtDeclaration &&
        llvm::is_contained(Declaration->decls(), Of.Guard))
      At.set(Of.Guard->getLocation());
    auto Event = Of.Events.find(Node->getStmt());
    if (Event != Of.Events.end())
      At.set(Event->second.Kind == LockEvent::Take ? Event->second.Where
                                                   : SourceLocation());
  }

  void follow(const CFGBlock &From, unsigned Successor, State &At) const {
    if (const Expr *Condition = Conditions::branchCondition(From)) {
      bool Holds = Successor == 0;
      if (asksForLock(Condition, Holds)) {
        // Whoever tried knows now.
        if (!Holds)
          At.set({});
        return;
      }
    }
    At.follow(From, Successor, Branches);
  }

  static bool join(State &Into, const State &From) { return Into.join(From); }

private:
  void note(const CFGElement &Element, const State &At, HeldLock &Result) {
    const SuspensionPoint *Point = Flow.pointAt(Element);
    auto IsHeld = [](SourceLocation Taken) { return Taken.isValid(); };
    if (!Point || !At.some(IsHeld) || llvm::is_contained(Result.Across, Point))
      return;
    if (Result.Across.empty() || Point < Result.Across.front())
      Result.Taken = *At.first(IsHeld);
    Result.Across.push_back(Point);
  }

  bool endsGuard(const CFGElement &Element) const {
    if (auto Death = Element.getAs<CFGAutomaticObjDtor>())
      return Death->getVarDecl() == Of.Guard;
    if (auto Death = Element.getAs<CFGLifetimeEnds>())
      return Death->getVarDecl() == Of.Guard;
    return false;
  }

  /// Is \p Condition whether the lock was taken? \p Holds then says whether it
  /// was where \p Holds, as given, is the value of the condition.
  bool asksForLock(const Expr *Condition, bool &Holds) const {
    while (true) {
      Condition = Condition->IgnoreParenImpCasts();
      const auto *Not = dyn_cast<UnaryOperator>(Condition);
      if (!Not || Not->getOpcode() != UO_LNot)
        break;
      Holds = !Holds;
      Condition = Not->getSubExpr();
    }
    const auto *Call = dyn_cast<CXXMemberCallExpr>(Condition);
    if (!Call || !Call->getMethodDecl())
      return false;
    if (!Of.Guard)
      return Of.Events.contains(Call) &&
             meaningOf(calleeName(*Call)) == LockCall::TriesToTake;
    const Expr *Object = Call->getImplicitObjectArgument();
    const auto *Ref =
        Object ? dyn_cast<DeclRefExpr>(Object->IgnoreParenImpCasts()) : nullptr;
    if (!Ref || Ref->getDecl() != Of.Guard)
      return false;
    llvm::StringRef Name = calleeName(*Call);
    return isa<CXXConversionDecl>(Call->getMethodDecl()) ||
           Name.starts_with("owns") || Name.starts_with_insensitive("is") ||
           meaningOf(Name) == LockCall::TriesToTake;
  }

  const SuspensionCFG &Flow;
  const Lock &Of;
  Conditions &Branches;
  ASTContext &Context;
};

/// A guard that is a temporary in the operand of an await, and is used there:
/// it lives until the whole expression has been evaluated.
void addTemporaries(const SuspensionCFG &Flow, ThreadLocks &Locks,
                    std::vector<HeldLock> &Found) {
  for (const SuspensionPoint &Point : Flow.points()) {
    const auto *Await =
        dyn_cast_or_null<CoroutineSuspendExpr>(Point.Expression);
    if (!Await || Point.Kind != SuspensionPoint::Await)
      continue;
    anyStatement(Await->getOperand(), [&](const Stmt &Node) {
      const Expr *Object = nullptr;
      if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node))
        Object = Call->getImplicitObjectArgument();
      else if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node);
               Operator && Operator->getNumArgs())
        Object = Operator->getArg(0);
      Object = ignoreWrappers(Object);
      const auto *Made = dyn_cast_or_null<CallExpr>(Object);
      if (!Made || !Made->isPRValue() || !Locks.isGuard(Made->getType()))
        return false;
      Found.push_back(
          {calleeName(*Made).str(), true, Made->getExprLoc(), {&Point}});
      return true;
    });
  }
}

} // namespace

bool mayHoldLocks(const FunctionDecl &Function, ThreadLocks &Locks) {
  if (!isCoroutine(Function))
    return false;
  GuardValues Values(Locks);
  if (llvm::any_of(Function.parameters(), [&](const ParmVarDecl *P) {
        return Locks.isGuard(P->getType());
      }))
    return true;
  return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
      return llvm::any_of(Declaration->decls(), [&](const Decl *Declared) {
        const auto *Variable = dyn_cast<VarDecl>(Declared);
        return Variable && Values.isGuardOrHolder(ownedType(*Variable));
      });
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    if (Call->isPRValue() && Locks.isGuard(Call->getType()))
      return true;
    return isa<CXXMemberCallExpr>(Call) &&
           calleeName(*Call).contains_insensitive("lock");
  });
}

std::vector<HeldLock> findHeldLocks(const SuspensionCFG &Flow,
                                    ThreadLocks &Locks) {
  std::vector<HeldLock> Found;
  Conditions Branches(Flow.function().getASTContext(), Flow.cfg());
  for (const Lock &Each : collectLocks(Flow.function(), Locks))
    if (HeldLock Held = LockFlow(Flow, Each, Branches).run();
        !Held.Across.empty())
      Found.push_back(std::move(Held));
  addTemporaries(Flow, Locks, Found);
  return Found;
}

} // namespace coralc
