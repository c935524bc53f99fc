//===--- BlockingBridge.cpp - Calls that wait for a task ------------------===//

#include "coralc/Analysis/BlockingBridge.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/StringSwitch.h"

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

/// The task that \p Call blocks the thread for; null if it is no bridge.
static const Expr *blockedOn(const CallExpr &Call, CoroutineTypes &Types) {
  if (Call.containsErrors())
    return nullptr;
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    if (isGetOnFreshTask(*Member, Types))
      return Member->getImplicitObjectArgument();
  if (!Types.calls(Role::JoiningBridge, &Call))
    return nullptr;
  for (const Expr *Argument : Call.arguments()) {
    const CoroutineType *Type = Types.lookup(Argument->getType());
    if (!Type || !Type->isAwaitable() || Type->Synchronous)
      continue;
    const auto *Made = dyn_cast_or_null<CallExpr>(ignoreWrappers(Argument));
    if (!Made || !isDoneAtOnce(*Made, *Type))
      return Argument;
  }
  return nullptr;
}

/// Does an object of \p Type own a \p Closure, to call it when it dies? So
/// does what Seastar's `defer` returns.
static bool isGuardOf(QualType Type, const CXXRecordDecl &Closure) {
  const auto *Spec =
      dyn_cast_or_null<ClassTemplateSpecializationDecl>(recordOf(Type));
  return Spec &&
         llvm::any_of(Spec->getTemplateArgs().asArray(),
                      [&](const TemplateArgument &Argument) {
                        return Argument.getKind() == TemplateArgument::Type &&
                               recordOf(Argument.getAsType()) == &Closure;
                      });
}

/// Does \p Call give its arguments to an event loop to be run by it?
static bool runsLater(const CallExpr &Call) {
  llvm::StringRef Name = calleeName(Call);
  return Name.starts_with("async_") ||
         llvm::StringSwitch<bool>(Name)
             .Cases({"post", "dispatch", "defer"}, true)
             .Cases({"call_soon", "call_later", "call_at"}, true)
             .Case("call_soon_threadsafe", true)
             .Default(false);
}

std::vector<BridgeCall> findBridges(const FunctionDecl &Function,
                                    CoroutineTypes &Types) {
  std::vector<BridgeCall> Found;
  auto Add = [&](BridgeCall::PlaceTy In, const CallExpr &Call) {
    if (const Expr *Task = blockedOn(Call, Types))
      Found.push_back({In, &Call, Task});
  };
  auto AddHandlers = [&](const CallExpr &Call) {
    for (const Expr *Argument : Call.arguments()) {
      const auto *Lambda = dyn_cast<LambdaExpr>(ignoreWrappers(Argument));
      if (!Lambda || !Lambda->getCallOperator() ||
          isCoroutine(*Lambda->getCallOperator()) ||
          isGuardOf(Call.getType(), *Lambda->getLambdaClass()))
        continue;
      anyStatement(Lambda->getBody(), [&](const Stmt &Node) {
        if (const auto *Inner = dyn_cast<CallExpr>(&Node))
          Add(BridgeCall::EventHandler, *Inner);
        return false;
      });
    }
  };
  bool Coroutine = isCoroutine(Function);
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    if (Coroutine)
      Add(BridgeCall::Coroutine, *Call);
    if (runsLater(*Call))
      AddHandlers(*Call);
    return false;
  });
  return Found;
}

} // namespace coralc
