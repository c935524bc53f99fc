//===--- Agents.cpp - Which states become one coroutine -------------------===//

#include "coralc/Rewrites/Engine/Flow.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/Structure.h"
#include "coralc/Rewrites/Engine/SwitchArms.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Unsized.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

std::string quoted(const State *S) { return "'" + S->Name + "'"; }

/// Callback functions that hold their object until their callback has returned.
using HoldingFunctions = SmallPtrSet<const FunctionDecl *, 4>;

/// While \p Op is waited for, and when the agent goes on, the object is held,
/// by the handler or by what calls it.
bool isHeldAt(const Operation &Op, const HoldingFunctions &Holding) {
  const FunctionDecl *Callee = definitionOf(Op.Call->getDirectCallee());
  const auto *Member = dyn_cast<CXXMemberCallExpr>(Op.Call);
  return Op.HoldsSelf || (Member && Holding.contains(Callee) &&
                          (isOnThis(*Member) ||
                           ownerNamedBy(Member->getImplicitObjectArgument())));
}

/// An operation that says with its handler whether it holds the object.
bool showsHolding(const Step &S) {
  return S.What == Step::Kind::Suspend && S.Op->Call && !S.Op->isPlainCall() &&
         S.Op->Handlers.empty() && S.Op->Made;
}

HoldingFunctions findHolding(ArrayRef<Agent> Agents) {
  HoldingFunctions Holding;
  for (bool IsNew = true; IsNew;) {
    IsNew = false;
    for (const Agent &A : Agents)
      for (const State *S : A.States)
        forEachStep(S->Steps, [&](const Step &Step) {
          if (A.Entry->Delivers && showsHolding(Step) &&
              isHeldAt(*Step.Op, Holding))
            IsNew |= Holding.insert(A.Entry->Function).second;
        });
  }
  return Holding;
}

/// One strong reference is held while the agent waits, at every wait or at
/// none.
void readSelf(Agent &A, const HoldingFunctions &Holding) {
  bool First = true;
  for (const State *S : A.States)
    forEachStep(S->Steps, [&](const Step &Step) {
      if (!showsHolding(Step))
        return;
      bool IsHeld = isHeldAt(*Step.Op, Holding);
      if (First) {
        A.HoldsSelf = IsHeld;
        A.HoldsObject = Step.Op->IsObject;
        A.MovesObject = A.HoldsObject;
      } else if (A.HoldsObject != Step.Op->IsObject && !A.Why)
        A.Why = Refusal{
            "lifetime-differs", Step.Op->Call->getBeginLoc(),
            "some handlers of " + quoted(A.Entry) +
                " are the object itself and this one is not; hand the object "
                "on in all of them"};
      else if (A.HoldsSelf != IsHeld && !A.Why)
        A.Why = Refusal{
            "lifetime-differs", Step.Op->Call->getBeginLoc(),
            "some handlers of " + quoted(A.Entry) +
                " keep the object alive and this one does not, or the other "
                "way round; a coroutine holds one reference from start to "
                "end. Capture shared_from_this() in all of them or in none"};
      A.MovesObject &= isa<CallExpr>(Step.Op->Made);
      First = false;
    });
}

/// What waits for \p End, which goes on in the same object, holds that if the
/// handlers of both did.
void readHeld(Agent &End, MutableArrayRef<Agent> Agents) {
  bool HasHandlers = any_of(End.States, [](const State *S) {
    bool Found = false;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Suspend && Step.Op->Made;
    });
    return Found;
  });
  End.IsHeldByOthers = End.HoldsSelf;
  for (Agent &A : Agents) {
    if (!waitsFor(A, *End.Entry))
      continue;
    End.IsHeldByOthers &= A.HoldsSelf;
    if (A.HoldsSelf && HasHandlers && !End.HoldsSelf && !A.Why) {
      A.Why = Refusal{"lifetime-differs", End.Entry->Function->getLocation(),
                      "the handlers of " + quoted(A.Entry) +
                          " keep the object alive and those of " +
                          quoted(End.Entry) +
                          ", in which it ends, do not; capture "
                          "shared_from_this() in all of them or in none"};
      A.Body.clear();
    }
  }
}

} // namespace

Refusal addressTaken(const State &S, SourceLocation Where) {
  return {"address-taken", Where,
          quoted(&S) + " is used other than by calling it, so not every start "
                       "of it is known"};
}

/// \p F runs as a part of \p A: it is one of its states, or they call it.
static bool runsIn(const FunctionDecl *F, const Agent &A) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const FunctionDecl *F;
    explicit Visitor(const FunctionDecl *F) : F(F) {}
    bool VisitCallExpr(const CallExpr *Call) override {
      return definitionOf(Call->getDirectCallee()) != F;
    }
  } V(F);
  bool Found = false;
  for (const State *S : A.States) {
    Found |= S->Function == F;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Code && Step.Source &&
               !V.TraverseStmt(Step.Source);
      Found |= Step.What == Step::Kind::Call && Step.Op->Bound->Target == F;
    });
  }
  return Found;
}

/// The loop, try or switch that is no branch of \p Other's in which \p A is
/// called. No agent goes on behind that, so that the call starts another.
static const Stmt *calledWithin(const Agent &A, const Agent &Other) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const CallExpr *Call;
    const Stmt *Found = nullptr;
    explicit Visitor(const CallExpr *Call) : Call(Call) {}
    bool VisitStmt(const Stmt *S) override {
      const auto *Switch = dyn_cast<SwitchStmt>(S);
      if ((isa<WhileStmt, DoStmt, ForStmt, CXXForRangeStmt, CXXTryStmt>(S) ||
           (Switch && SwitchArms::of(*Switch).Why)) &&
          contains(S, Call))
        Found = S;
      return !Found;
    }
  };
  for (const StartSite &Start : A.Starts)
    if (Start.Caller && runsIn(Start.Caller, Other)) {
      Visitor V(Start.Call);
      V.TraverseStmt(Start.Caller->getBody());
      if (V.Found)
        return V.Found;
    }
  return nullptr;
}

/// The code of \p S, which is noexcept, becomes a part of what is not. Where
/// the entry stays a function, it is that up to the first wait.
static bool losesNoexcept(const State &S, const Agent &A) {
  const auto *Type = S.Function->getType()->getAs<FunctionProtoType>();
  if (S.IsPart || !Type || !Type->isNothrow())
    return false;
  return &S != A.Entry || !A.hasToStay() || S.Delivers ||
         any_of(A.States, [&](const State *From) {
           bool Found = false;
           forEachJump(*From, [&](const State *To) { Found |= To == &S; });
           return Found;
         });
}

/// Why neither \p A nor \p B, which both go on in \p S, can become a coroutine.
static Refusal sharedContinuation(const State &S, const Agent &A,
                                  const Agent &B) {
  for (auto [Started, Other] : {std::pair(&A, &B), std::pair(&B, &A)})
    if (const Stmt *Around = calledWithin(*Started, *Other)) {
      const auto *Switch = dyn_cast<SwitchStmt>(Around);
      return {"unsupported-control-flow", Around->getBeginLoc(),
              quoted(Started->Entry) + " is called inside this " +
                  (Switch
                       ? "switch, and " + SwitchArms::of(*Switch).Why->Message
                       : "statement, and a coroutine goes on only behind "
                         "plain calls, ifs and switches; write it with "
                         "ifs")};
    }
  return {"shared-continuation", S.Function->getLocation(),
          quoted(&S) + " continues both " + quoted(A.Entry) + " and " +
              quoted(B.Entry) +
              ", which are started independently; give each its own"};
}

std::vector<Agent> planAgents(const StateGraph &Graph, const SourceText &Text) {
  // Entries: started from outside, delivering to a caller, or never jumped to;
  // then, of cycles that nobody here starts, the state that comes first.
  SmallPtrSet<const State *, 16> Jumped;
  for (const auto &S : Graph.States)
    forEachJump(*S, [&](const State *To) { Jumped.insert(To); });

  std::vector<Agent> Agents;
  DenseMap<const State *, size_t> Owner;
  SmallPtrSet<const State *, 16> Covered;
  auto AddAgent = [&](const State *Entry) {
    Agent A;
    A.Entry = Entry;
    auto Starts = Graph.Starts.find(Entry);
    if (Starts != Graph.Starts.end())
      A.Starts = Starts->second;
    Flow Reached(A.Entry);
    A.States.assign(Reached.states().begin(), Reached.states().end());
    Covered.insert(A.States.begin(), A.States.end());
    Agents.push_back(std::move(A));
  };
  for (const auto &S : Graph.States)
    if (!Jumped.contains(S.get()) || Graph.Starts.contains(S.get()) ||
        S->Generator)
      AddAgent(S.get());
  for (const auto &S : Graph.States)
    if (!Covered.contains(S.get()))
      AddAgent(S.get());

  for (size_t I = 0; I != Agents.size(); ++I)
    for (const State *S : Agents[I].States) {
      auto [Known, New] = Owner.try_emplace(S, I);
      if (New)
        continue;
      for (size_t J : {Known->second, I})
        if (!Agents[J].Why)
          Agents[J].Why =
              sharedContinuation(*S, Agents[Known->second], Agents[I]);
    }

  HoldingFunctions Holding = findHolding(Agents);
  for (Agent &A : Agents) {
    for (const State *S : A.States) {
      if (A.Why)
        break;
      if (S->Why)
        A.Why = S->Why;
      else if (S->IsCalledByCoroutines && S != A.Entry && !S->IsPart)
        A.Why =
            Refusal{"shared-continuation", S->Function->getLocation(),
                    quoted(S) + " becomes a part of a coroutine, but is the "
                                "handler of others too; give each its own"};
      else if (S->HasToStay && S != A.Entry && !S->IsPart)
        A.Why = Refusal{
            "declared-in-a-header", S->Function->getLocation(),
            quoted(S) + " becomes a part of a coroutine, but it is declared "
                        "in a header and others may call it; make it private, "
                        "in a class whose functions are all defined here"};
      else if (losesNoexcept(*S, A))
        A.Why =
            Refusal{"unsupported-handler", S->Function->getLocation(),
                    quoted(S) + " is noexcept, so an exception in it ends the "
                                "program; a coroutine would let it out"};
      auto Taken = Graph.AddressTaken.find(S);
      if (A.Why || Taken == Graph.AddressTaken.end())
        continue;
      if (S == A.Entry && !S->Delivers && !S->Generator && !S->Direct)
        A.AddressTaken = Taken->second;
      else
        A.Why = addressTaken(*S, Taken->second);
    }
    if (A.Entry->Direct) {
      if (!A.Why && A.Entry->Direct->Reentrant &&
          A.Entry->Direct->Reentrant->HoldsObject)
        A.Why = checkHandOver(A);
      continue;
    }
    if (!A.Why)
      readSelf(A, Holding);
    if (!A.Why && A.HoldsObject)
      A.Why = checkHandOver(A);
    if (!A.Why)
      A.Why = checkFirstHold(A, Text);
    if (!A.Why) {
      A.Carried = findCarried(*A.Entry, A.States);
      structure(A, Text);
    }
    if (!A.Why) {
      setUnsizedApart(A.Body);
      A.Why = checkLifetimes(A);
    }
    // What was refused half-way is no program.
    if (A.Why)
      A.Body.clear();
  }
  for (Agent &A : Agents)
    if (A.Entry->IsSharedEnd)
      readHeld(A, Agents);
  return Agents;
}

} // namespace coralc
