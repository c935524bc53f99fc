//===--- StateGraph.cpp - What the states of a graph say of themselves ----===//

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

State *StateGraph::find(const FunctionDecl *Function) const {
  for (const auto &S : States)
    if (S->Function == Function && !S->IsPart)
      return S.get();
  return nullptr;
}

State &StateGraph::add(const FunctionDecl *Function) {
  States.push_back(std::make_unique<State>());
  States.back()->Function = Function;
  States.back()->Name = Function->getQualifiedNameAsString();
  return *States.back();
}

void forEachStep(const Sequence &Steps,
                 function_ref<void(const Step &)> Visit) {
  for (const Step &S : Steps) {
    Visit(S);
    for (const Sequence *Inner : S.inner())
      forEachStep(*Inner, Visit);
  }
}

SmallVector<Sequence *, 4> Step::inner() {
  SmallVector<Sequence *, 4> Result{&Then, &Else};
  for (Arm &A : Arms)
    Result.push_back(&A.Steps);
  return Result;
}

SmallVector<const Sequence *, 4> Step::inner() const {
  SmallVector<const Sequence *, 4> Result{&Then, &Else};
  for (const Arm &A : Arms)
    Result.push_back(&A.Steps);
  return Result;
}

const CompoundStmt *Operation::body() const {
  const CXXMethodDecl *Operator =
      Object ? Object->Operator : callOperator(*lambda());
  return cast<CompoundStmt>(Operator->getBody());
}

bool Operation::isHandler(const Expr *E) const {
  return (HandlerArgument && asWritten(E) == asWritten(HandlerArgument)) ||
         any_of(Handlers,
                [&](const Operation &Handler) { return Handler.isHandler(E); });
}

SmallVector<const Expr *, 4>
Delivery::Completion::valuesOf(const CallExpr &Call) const {
  SmallVector<const Expr *, 4> Result = argumentsBehindObject(Call);
  if (Context)
    Result.erase(Result.begin() + ContextArgument);
  return Result;
}

bool Delivery::replaces(const ParmVarDecl *P) const {
  return any_of(Ways, [&](const Completion &Way) {
    return P == Way.Callback || P == Way.Context;
  });
}

bool State::isPlain() const {
  bool Result = !Delivers;
  forEachStep(Steps, [&](const Step &Step) {
    Result &= Step.What != Step::Kind::Suspend && Step.What != Step::Kind::Jump;
  });
  return Result;
}

} // namespace coralc
