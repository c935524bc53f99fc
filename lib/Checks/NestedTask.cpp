//===--- NestedTask.cpp - coral-nested-task -------------------------------===//
//
// Reports coroutines whose result is itself a task that nobody has started:
// awaiting them runs only the outer one.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Owed.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {

/// Is \p Type a task that has not started, so that whoever gets it has to know
/// that it must be awaited?
static bool isUnstarted(QualType Type, CoroutineTypes &Types) {
  const CoroutineType *Task =
      Type.isNull() || Type->isDependentType() ? nullptr : Types.lookup(Type);
  return Task && Task->Kind == CoroutineKind::Task && !Task->Synchronous &&
         !Task->Shared && Task->Start == StartPolicy::Lazy &&
         isOwed(*Task, Kept::Nowhere);
}

/// Reports the co_returns of tasks in \p Function; says whether there are any.
static bool reportReturns(TranslationUnit &Unit, const FunctionDecl &Function) {
  bool Any = false;
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Return = dyn_cast<CoreturnStmt>(&Node);
    const Expr *Value = Return ? ignoreWrappers(Return->getOperand()) : nullptr;
    if (!Value || Value->containsErrors() ||
        !isUnstarted(Value->getType(), Unit.types()))
      return false;
    Any = true;
    Diagnosis &Report =
        Unit.report(Return->getKeywordLoc(),
                    "this returns a task that has not run, so whoever awaits "
                    "the coroutine has to await once more; 'co_await' it here");
    if (isa<CallExpr>(Value) && Value->getBeginLoc().isFileID())
      Report.fix(FixSafety::Unsafe, "await it here",
                 FixItHint::CreateInsertion(Value->getBeginLoc(), "co_await "));
    return false;
  });
  return Any;
}

static void checkNestedTask(TranslationUnit &Unit) {
  llvm::DenseSet<const FunctionDecl *> Told;
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl() ||
        Function->getReturnType()->isDependentType())
      continue;
    if (isCoroutine(*Function) && reportReturns(Unit, *Function))
      continue;
    const CoroutineType *Type = Unit.types().lookup(Function->getReturnType());
    if (!Type || Type->Kind != CoroutineKind::Task ||
        !isUnstarted(Type->Result, Unit.types()) || !isCoroutine(*Function))
      continue;
    Unit.report(Function->getLocation(),
                "a task of a task has to be awaited twice, and the inner one "
                "does not run if it is not; return the inner task's result");
  }
}

static const RegisterCheck
    Register("coral-nested-task", 1,
             "a coroutine whose result is a task that has not run",
             checkNestedTask);

} // namespace coralc
