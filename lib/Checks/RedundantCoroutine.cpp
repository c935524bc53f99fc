//===--- RedundantCoroutine.cpp - coral-redundant-coroutine ---------------===//
//
// Reports coroutines that only await a task of their own type and return its
// result, where returning the task does the same without a frame.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {

/// The task that the one statement of \p Function awaits and returns.
static const CallExpr *onlyForwards(const FunctionDecl &Function) {
  const auto *Body = dyn_cast_or_null<CompoundStmt>(bodyOf(Function));
  const auto *Return = Body && Body->size() == 1
                           ? dyn_cast<CoreturnStmt>(Body->body_front())
                           : nullptr;
  const auto *Await = dyn_cast_or_null<CoawaitExpr>(
      Return ? ignoreWrappers(Return->getOperand()) : nullptr);
  return Await ? dyn_cast_or_null<CallExpr>(ignoreWrappers(Await->getOperand()))
               : nullptr;
}

/// Does \p Argument, bound to a parameter of type \p Type, have to live in the
/// frame of the coroutine that makes the call?
static bool needsFrame(const Expr *Argument, QualType Type) {
  if (!Type->isReferenceType() && !Type->isPointerType() && !recordOf(Type))
    return false;
  const Expr *Given = ignoreWrappers(Argument);
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Given);
  const auto *Parameter = Ref ? dyn_cast<ParmVarDecl>(Ref->getDecl()) : nullptr;
  // What came by reference lives elsewhere, and what is moved or copied into
  // a parameter goes along.
  if (Parameter && Parameter->getType()->isReferenceType())
    return false;
  if (Parameter && !Type->isReferenceType() && !Type->isPointerType())
    return !Parameter->getType().getCanonicalType()->isRecordType() ||
           recordOf(Parameter->getType()) != recordOf(Type);
  if (Parameter && Type->isPointerType() &&
      Parameter->getType()->isPointerType())
    return false;
  return !isa_and_nonnull<CXXThisExpr, CXXNullPtrLiteralExpr>(Given);
}

static void checkFunction(TranslationUnit &Unit, const FunctionDecl &Function) {
  const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
  if (Method && (Method->isVirtual() || Method->getParent()->isLambda()))
    return;
  const CallExpr *Call = onlyForwards(Function);
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  if (!Callee || Call->containsErrors() ||
      !Unit.context().hasSameType(Call->getType(), Function.getReturnType()))
    return;
  const CoroutineType *Type = Unit.types().lookup(Function.getReturnType());
  if (!Type || Type->Kind != CoroutineKind::Task || Type->Synchronous)
    return;
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Call)) {
    const Expr *Object = Member->getImplicitObjectArgument();
    if (!Object || !isa<CXXThisExpr>(Object->IgnoreParenImpCasts()))
      return;
  } else if (isa<CXXOperatorCallExpr>(Call)) {
    return;
  }
  for (unsigned Index = 0; Index != Call->getNumArgs(); ++Index)
    if (Index >= Callee->getNumParams() ||
        needsFrame(Call->getArg(Index), Callee->getParamDecl(Index)->getType()))
      return;
  Unit.report(Function.getLocation(),
              "this coroutine only awaits the task of '" +
                  Callee->getNameAsString() +
                  "' and returns its result, and costs a frame; return the "
                  "task");
}

static void checkRedundantCoroutine(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function) &&
        !Function->isDependentContext())
      checkFunction(Unit, *Function);
}

static const RegisterCheck
    Register("coral-redundant-coroutine", 2,
             "a coroutine that could return the task that it awaits",
             checkRedundantCoroutine);

} // namespace coralc
