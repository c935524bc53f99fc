//===--- Callables.cpp - What becomes of a callable passed on -------------===//

#include "coralc/Analysis/Callables.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskFate.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"

using namespace clang;

namespace coralc {

CallableUse useOfCallables(const CallExpr &Call, CoroutineTypes &Types) {
  static constexpr std::pair<Role, CallableUse> Known[] = {
      {Role::Detaching, CallableUse::Detached},
      {Role::Forgetting, CallableUse::Forgotten},
      {Role::Invoking, CallableUse::Invoked},
      {Role::KeepAlive, CallableUse::KeptAlive},
  };
  for (auto [Of, Use] : Known)
    if (Types.calls(Of, &Call))
      return Use;
  return CallableUse::Unknown;
}

static bool names(const Expr *Value, const ParmVarDecl &Parameter) {
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(Value));
  return Ref && Ref->getDecl() == &Parameter;
}

/// Does \p Call call \p Parameter?
static bool callsParameter(const CallExpr &Call, const ParmVarDecl &Parameter) {
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call))
    return Operator->getOperator() == OO_Call &&
           names(Operator->getArg(0), Parameter);
  const FunctionDecl *Callee = Call.getDirectCallee();
  return Callee && Callee->isInStdNamespace() && Call.getNumArgs() &&
         calleeName(Call) == "invoke" && names(Call.getArg(0), Parameter);
}

/// What becomes of the task that \p Made makes, through a variable that keeps
/// it.
static TaskFate finalFate(const Expr *Made, const Stmt *Body,
                          const ParentMap &Parents, CoroutineTypes &Types) {
  TaskFate Fate = fateOfTask(Made, Parents, Types);
  if (Fate.Kind != TaskFate::Kept || !Fate.Keeper)
    return Fate;
  TaskFate Later;
  anyStatement(Body, [&](const Stmt &Node) {
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    if (Ref && Ref->getDecl() == Fate.Keeper)
      Later = fateOfTask(Ref, Parents, Types);
    return Later.Kind != TaskFate::Unknown;
  });
  return Later;
}

CallableUse useInside(const CallExpr &Call, unsigned Index,
                      CoroutineTypes &Types) {
  const FunctionDecl *Callee = Call.getDirectCallee();
  const FunctionDecl *Definition = Callee ? Callee->getDefinition() : nullptr;
  // A coroutine keeps what it is given by value, and borrows the rest.
  if (!Definition || isa<CXXOperatorCallExpr>(Call) ||
      Index >= Definition->getNumParams() || isCoroutine(*Definition) ||
      Types.lookup(Call.getType()))
    return CallableUse::Unknown;
  const ParmVarDecl &Parameter = *Definition->getParamDecl(Index);
  const Stmt *Body = bodyOf(*Definition);
  if (!Body)
    return CallableUse::Unknown;
  ParentMap Parents(const_cast<Stmt *>(Body));
  bool RunsOn = anyStatement(Body, [&](const Stmt &Node) {
    const auto *Inner = dyn_cast<CallExpr>(&Node);
    if (!Inner || !callsParameter(*Inner, Parameter))
      return false;
    TaskFate Fate = finalFate(Inner, Body, Parents, Types);
    return Fate.Kind == TaskFate::Started ||
           (Fate.Kind == TaskFate::Kept && !Fate.Keeper);
  });
  if (!RunsOn)
    return CallableUse::Unknown;
  return Parameter.getType()->isReferenceType() ? CallableUse::InvokedAndStarted
                                                : CallableUse::Forgotten;
}

} // namespace coralc
