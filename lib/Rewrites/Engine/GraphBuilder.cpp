//===--- GraphBuilder.cpp - From syntax to the state graph ----------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/SharedStates.h"
#include "coralc/Rewrites/Engine/StateBuilder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/TailMerge.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"

using namespace clang;
using namespace llvm;

namespace coralc {

BuiltGraph StateBuilder::build() {
  for (const FoundOperation &Op : Found.InOrder)
    if (const FunctionDecl *F = definitionOf(Op.Function);
        !Moved.contains(F) && !isOwned(*F))
      request(definitionOf(Op.Function));
  requestCallers();
  for (size_t I = 0; I != Pending.size(); ++I)
    buildState(*Pending[I]);
  for (const auto &S : Graph.States)
    forEachStep(S->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Suspend && !S->Beside)
        WaitingHandlers.insert(Step.Op->lambda());
    });
  mergeTails(Graph, Text);
  refuseStrayOperations();
  dropPlainStates();
  collectReferences();
  untangleSharedStates(Graph);
  dropIdleCallers();
  refuseVirtualStates();
  findJumps();
  for (const auto &S : Graph.States) {
    S->IsColoured = !S->IsPart && Colour.isColoured(*S->Function);
    S->IsSharedEnd = S->IsColoured && Colour.isSharedEnd(*S->Function);
  }
  for (const auto &S : Graph.States)
    dropSelves(S->Steps);
  for (const auto &S : Graph.States)
    dropOwners(*S, S->Steps);
  for (const auto &S : Graph.States)
    dropRequests(S->Steps);
  BuiltGraph Built{std::move(Graph), std::move(Found.InOrder)};
  for (const auto &P : Patterns)
    P->addStates(Built, Text);
  return Built;
}

State &StateBuilder::request(const FunctionDecl *F) {
  if (State *Known = Graph.find(F))
    return *Known;
  State &S = Graph.add(F);
  Pending.push_back(&S);
  return S;
}

bool StateBuilder::refuse(StringRef Id, SourceLocation Where,
                          const Twine &Message) {
  if (!Current->Why)
    Current->Why = Refusal{Id, Where, Message.str()};
  return false;
}

bool StateBuilder::breaksContract() {
  Current->KeepsContract = false;
  return false;
}

void StateBuilder::requestCallers() {
  if (!Colour.propagate())
    return;
  struct Visitor : OwnCodeVisitor {
    SmallVector<const FunctionDecl *, 16> Found;
    bool VisitFunctionDecl(const FunctionDecl *F) override {
      const auto *Method = dyn_cast<CXXMethodDecl>(F);
      if (F->isThisDeclarationADefinition() && F->hasBody() &&
          !(Method && Method->getParent()->isLambda()))
        Found.push_back(F);
      return true;
    }
  } V;
  forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
  for (const FunctionDecl *F : V.Found)
    if (!Graph.find(F) && !Moved.contains(F) && !isOwned(*F) && mayBegin(*F))
      request(F).IsBegunByCall = true;
}

bool StateBuilder::mayBegin(const FunctionDecl &F) {
  std::optional<Delivery> Delivers = deliveryOf(F);
  if (Delivers ? Delivers->Coroutine != nullptr : !Colour.mayBegin(F, Text))
    return false;
  bool Result = false;
  forEachCall(F.getBody(), [&](const CallExpr &Call) {
    const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
    if (!Callee || Callee == &F)
      return;
    // The callback goes on to another function.
    if (Delivers)
      Result |= any_of(Call.arguments(),
                       [&](const Expr *E) {
                         const auto *P =
                             dyn_cast_or_null<ParmVarDecl>(variableNamedBy(E));
                         return P && Delivers->replaces(P);
                       }) &&
                deliveryOf(*Callee);
    else
      Result |= Colour.mayWait(F, *Callee) || jumpTarget(Call);
  });
  return Result;
}

void StateBuilder::dropIdleCallers() {
  auto IsIdle = [](const State &S) {
    return S.IsBegunByCall && !S.Delivers && (S.Why || S.isPlain());
  };
  Graph.Starts.remove_if(
      [&](const auto &Start) { return IsIdle(*Start.first); });
  Graph.AddressTaken.remove_if(
      [&](const auto &Taken) { return IsIdle(*Taken.first); });
  erase_if(Graph.States, [&](const auto &S) { return IsIdle(*S); });
}

void StateBuilder::dropPlainStates() {
  SmallPtrSet<const State *, 8> Jumped;
  for (const auto &S : Graph.States)
    forEachStep(S->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump)
        Jumped.insert(Step.Target);
    });
  erase_if(Graph.States, [&](const std::unique_ptr<State> &S) {
    return !S->IsPart && !S->Why && S->isPlain() && !Jumped.contains(S.get());
  });
}

void StateBuilder::refuseVirtualStates() {
  for (const auto &S : Graph.States)
    if (isVirtual(*S->Function) && !S->IsPart && !S->Why)
      S->Why = Refusal{"signature-owned-by-others", S->Function->getLocation(),
                       "'" + S->Name +
                           "' is virtual, so its overrides and callers "
                           "would have to change with it"};
}

void StateBuilder::refuseStrayOperations() {
  for (const auto &[Call, Match] : Found.Matches)
    for (const FoundOperation &Op : Found.InOrder)
      if (const auto *Why = std::get_if<Refusal>(&Match);
          Why && Op.Where == Call->getBeginLoc()) {
        State *S = Graph.find(definitionOf(Op.Function));
        if (S && !S->Why)
          S->Why = *Why;
      }
}

void StateBuilder::findJumps() {
  Jumps.clear();
  for (const auto &S : Graph.States)
    forEachStep(S->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump)
        Jumps.insert(statementCall(Step.Source));
    });
}

void StateBuilder::collectReferences() {
  struct Walker : OwnCodeVisitor {
    StateBuilder &Builder;
    const FunctionDecl *Function = nullptr;
    const Stmt *Statement = nullptr;
    SmallPtrSet<const Expr *, 16> Callees;
    SmallPtrSet<const CallExpr *, 16> Statements;

    explicit Walker(StateBuilder &Builder) : Builder(Builder) {
      ShouldVisitTemplateInstantiations = true;
    }
    bool VisitFunctionDecl(const FunctionDecl *F) override {
      if (F->isThisDeclarationADefinition() && !isLambda(F))
        Function = F;
      return true;
    }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      // The agents go on in the instance of a generic handler.
      return L->isGenericLambda() && Builder.WaitingHandlers.contains(L)
                 ? TraverseStmt(callOperator(*L)->getBody())
                 : OwnCodeVisitor::TraverseLambdaExpr(L);
    }
    static bool isLambda(const FunctionDecl *F) {
      const auto *Method = dyn_cast<CXXMethodDecl>(F);
      return Method && Method->getParent()->isLambda();
    }
    void noteStatement(const Stmt *S) { Statements.insert(statementCall(S)); }
    bool VisitCompoundStmt(const CompoundStmt *S) override {
      for (const Stmt *Child : S->body())
        noteStatement(Child);
      return true;
    }
    bool VisitIfStmt(const IfStmt *S) override {
      noteStatement(S->getThen());
      noteStatement(S->getElse());
      return true;
    }
    bool VisitSwitchCase(const SwitchCase *S) override {
      noteStatement(S->getSubStmt());
      return true;
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      const Expr *Callee = Call->getCallee()->IgnoreParenImpCasts();
      Callees.insert(Callee);
      if (Builder.Jumps.contains(Call))
        return true;
      const FunctionDecl *Target = Call->getDirectCallee();
      if (State *S =
              Target ? Builder.Graph.find(definitionOf(Target)) : nullptr)
        Builder.Graph.Starts[S].push_back(
            {Call, Function, Statements.contains(Call)});
      return true;
    }
    bool mention(const Expr *E, const ValueDecl *D) {
      const auto *F = dyn_cast<FunctionDecl>(D);
      State *S = F ? Builder.Graph.find(definitionOf(F)) : nullptr;
      if (S && !Callees.contains(E) && !Builder.BoundReferences.contains(E))
        Builder.Graph.AddressTaken.insert({S, E->getBeginLoc()});
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      return mention(E, E->getDecl());
    }
    bool VisitMemberExpr(const MemberExpr *E) override {
      return mention(E, E->getMemberDecl());
    }
    bool VisitExpr(const Expr *E) override {
      if (DeclarationName Name = namedInTemplate(*E))
        for (const auto &S : Builder.Graph.States)
          S->HasToStay |= S->Function->getDeclName() == Name &&
                          isReadForTemplate(*S->Function);
      return true;
    }
  };
  Walker W(*this);
  forEachOwnDecl(Text, [&](const Decl *D) { W.TraverseDecl(D); });
  for (const auto &S : Graph.States)
    if (S->Beside)
      Graph.Starts[S.get()].push_back({S->Beside, S->Function, true});
}

namespace {

/// Agents go on in the object that a callback finds by its request. That is no
/// help where the callback is called otherwise, where an agent that starts in
/// it has no object of its own, or where what is joined does not convert. Adds
/// the callbacks that are not to be believed, and says whether there are any.
bool distrust(const StateGraph &Graph, const SourceText &Text,
              FunctionSet &Distrusted) {
  FunctionSet Used, Wrong;
  auto AddThrough = [](const State &S, FunctionSet &To) {
    forEachStep(S.Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump && Step.Through)
        To.insert(Step.Through);
    });
  };
  for (const auto &S : Graph.States)
    AddThrough(*S, Used);
  if (Used.empty())
    return false;
  for (const auto &S : Graph.States) {
    if (Graph.Starts.contains(S.get()) || Graph.AddressTaken.contains(S.get()))
      if (!S->IsPart)
        Wrong.insert(S->Function);
    forEachStep(S->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump && Step.Source && !Step.Target->IsPart)
        Wrong.insert(Step.Target->Function);
    });
  }
  for (const Agent &A : planAgents(Graph, Text)) {
    const auto *Method = dyn_cast<CXXMethodDecl>(A.Entry->Function);
    if (!A.Why && Method && Method->isInstance())
      continue;
    for (const State *S : A.States)
      AddThrough(*S, Wrong);
  }
  bool Changed = false;
  for (const FunctionDecl *F : Wrong)
    if (Used.contains(F))
      Changed |= Distrusted.insert(F).second;
  return Changed;
}

} // namespace

BuiltGraph buildStateGraph(const SourceText &Text, const PatternList &Patterns,
                           bool Propagate) {
  FunctionSet Distrusted;
  CallSet Kept;
  Colours Colour(Propagate);
  for (;;) {
    for (const auto &P : Patterns)
      P->read(Text);
    size_t Before = Kept.size();
    BuiltGraph Built =
        StateBuilder(Text, Patterns, Distrusted, Colour, Kept).build();
    if (Kept.size() != Before)
      continue;
    bool Changed = false;
    for (const auto &P : Patterns)
      Changed |= P->reconsider(Built.Graph);
    Changed = Changed || distrust(Built.Graph, Text, Distrusted);
    Changed = Changed || Colour.reconsider(Built.Graph, Text);
    if (!Changed)
      return Built;
  }
}

} // namespace coralc
