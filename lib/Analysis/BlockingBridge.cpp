//===--- BlockingBridge.cpp - Calls that wait for a task ------------------===//

#include "coralc/Analysis/BlockingBridge.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

/// Is the task that \p Made makes done when the call returns? So it is if its
/// coroutine is eager and awaits nothing.
static bool isDoneAtOnce(const CallExpr &Made, const CoroutineType &Type) {
  const FunctionDecl *Callee = Made.getDirectCallee();
  const FunctionDecl *Definition = Callee ? Callee->getDefinition() : nullptr;
  return Definition && Type.Start == StartPolicy::Eager &&
         isCoroutine(*Definition) &&
         !anyStatement(bodyOf(*Definition), [](const Stmt &Node) {
           return isa<CoroutineSuspendExpr, DependentCoawaitExpr>(Node);
         });
}

/// Is \p Call `f().get()` on the task that f has just returned? A task with a
/// name may be known to be done by now.
static bool isGetOnFreshTask(const CXXMemberCallExpr &Call,
                             CoroutineTypes &Types) {
  llvm::StringRef Name = calleeName(Call);
  if (Name != "get" && Name != "wait")
    return false;
  const auto *Made = dyn_cast_or_null<CallExpr>(
      ignoreWrappers(Call.getImplicitObjectArgument()));
  if (!Made || !Made->isPRValue() || calleeName(*Made).starts_with("make_"))
    return false;
  const CoroutineType *Type = Types.lookup(Made->getType());
  return Type && Type->Kind == CoroutineKind::Task && !Type->Synchronous &&
         !isDoneAtOnce(*Made, *Type);
}

const Expr *blockedOn(const CallExpr &Call, CoroutineTypes &Types) {
  if (Call.containsErrors())
    return nullptr;
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    if (isGetOnFreshTask(*Member, Types))
      return Member->getImplicitObjectArgument();
  if (!Types.calls(Role::JoiningBridge, &Call))
    return nullptr;
  for (const Expr *Argument : Call.arguments()) {
    const CoroutineType *Type = Types.lookup(Argument->getType());
    if (Type && Type->isAwaitable() && !Type->Synchronous)
      return Argument;
  }
  return nullptr;
}

} // namespace coralc
