//===--- BorrowedClosures.cpp - What a task uses through a closure --------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Borrowing.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

bool callsForeignLambda(const CallExpr &Call, const FunctionDecl &Function) {
  const auto *Method = dyn_cast_or_null<CXXMethodDecl>(Call.getDirectCallee());
  return Method && Method->getParent()->isLambda() &&
         !Method->getParent()->getDeclContext()->Equals(&Function);
}

/// Adds the variables that \p Closure captures by reference.
void Borrowing::addCaptured(const CXXRecordDecl &Closure, const LateUses &Uses,
                            std::vector<Borrow> &Found) {
  if (!Uses.Captures)
    return;
  for (const LambdaCapture &Capture : Closure.captures()) {
    if (Capture.capturesThis()) {
      if (Capture.getCaptureKind() == LCK_This)
        Found.push_back({Borrow::Captured,
                         nullptr,
                         nullptr,
                         {Storage::This, nullptr, nullptr},
                         *Uses.Captures});
      continue;
    }
    if (!Capture.capturesVariable() || Capture.getCaptureKind() != LCK_ByRef)
      continue;
    const auto *Variable = dyn_cast<VarDecl>(Capture.getCapturedVar());
    if (Variable && Variable->hasLocalStorage() &&
        !Variable->getType()->isReferenceType() && !Variable->isInitCapture() &&
        Variable->getDeclContext() == Closure.getDeclContext())
      Found.push_back({Borrow::Captured,
                       nullptr,
                       Variable,
                       {Storage::Local, Variable, nullptr},
                       *Uses.Captures});
  }
}

std::vector<Borrow> Borrowing::ofKept(const CXXRecordDecl &Closure) {
  std::vector<Borrow> Found;
  if (const FunctionDecl *Operator = coroutineOperator(Closure))
    addCaptured(Closure, lateUses(*Operator), Found);
  return Found;
}

std::vector<Borrow> Borrowing::ofContinuation(const Expr &Given) {
  std::vector<Borrow> Found;
  const CXXRecordDecl *Closure = Given.getType()->getAsCXXRecordDecl();
  const CXXMethodDecl *Operator = Closure && Closure->isLambda()
                                      ? Closure->getLambdaCallOperator()
                                      : nullptr;
  if (!Operator || !Operator->getBody())
    return Found;
  LateUses Run;
  anyStatement(bodyOf(*Operator), [&](const Stmt &Node) {
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    const auto *Inner = dyn_cast<LambdaExpr>(&Node);
    if ((Ref && Ref->refersToEnclosingVariableOrCapture()) ||
        (Inner && llvm::any_of(Inner->captures(), [&](const LambdaCapture &C) {
           return C.capturesVariable() &&
                  !Operator->Equals(
                      C.getCapturedVar()->getParentFunctionOrMethod());
         })))
      Run.Captures = LateUse{Node.getBeginLoc(), {}};
    return Run.Captures.has_value();
  });
  addCaptured(*Closure, Run, Found);
  for (Borrow &What : Found)
    What.Given = &Given;
  llvm::erase_if(Found, [](const Borrow &What) {
    return What.Place.Kind != Storage::Local;
  });
  return Found;
}

/// The closure in \p Object, a local variable or a temporary that can hold any
/// callable, as std::function does; null when it may be another one.
static const CXXRecordDecl *closureHeldBy(const Expr *Object,
                                          const FunctionDecl *Around) {
  const auto *Spec = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      recordOf(Object->getType()));
  if (!Spec || !Spec->getTemplateArgs().size() ||
      Spec->getTemplateArgs()[0].getKind() != TemplateArgument::Type ||
      !Spec->getTemplateArgs()[0].getAsType()->isFunctionProtoType())
    return nullptr;
  const Expr *Value = ignoreWrappers(Object);
  if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Value)) {
    const auto *Variable = dyn_cast<VarDecl>(Ref->getDecl());
    if (!Variable || !Variable->hasLocalStorage() ||
        isa<ParmVarDecl>(Variable) || Variable->getType()->isReferenceType() ||
        Ref->refersToEnclosingVariableOrCapture() || !Around)
      return nullptr;
    bool Changes = anyStatement(bodyOf(*Around), [&](const Stmt &Node) {
      const auto *Assign = dyn_cast<CXXOperatorCallExpr>(&Node);
      const auto *To =
          Assign && Assign->getOperator() == OO_Equal
              ? dyn_cast<DeclRefExpr>(Assign->getArg(0)->IgnoreParenImpCasts())
              : nullptr;
      return To && To->getDecl() == Variable;
    });
    if (Changes)
      return nullptr;
    Value = ignoreWrappers(Variable->getInit());
  }
  while (const auto *Cast = dyn_cast_or_null<CastExpr>(Value))
    Value = ignoreWrappers(Cast->getSubExpr());
  const auto *Made = dyn_cast_or_null<CXXConstructExpr>(Value);
  if (!Made || Made->getNumArgs() == 0)
    return nullptr;
  const Expr *Held = ignoreWrappers(Made->getArg(0));
  const CXXRecordDecl *Closure =
      Held ? Held->getType()->getAsCXXRecordDecl() : nullptr;
  return Closure && Closure->isLambda() ? Closure : nullptr;
}

std::vector<Borrow> Borrowing::ofHeld(const CallExpr &Call,
                                      const FunctionDecl &Around) {
  std::vector<Borrow> Found;
  const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
  if (!Operator || Operator->getOperator() != OO_Call ||
      Call.isTypeDependent() || Call.containsErrors())
    return Found;
  const Expr *Object = Operator->getArg(0);
  const CXXRecordDecl *Closure = closureHeldBy(Object, &Around);
  const FunctionDecl *Run = Closure ? coroutineOperator(*Closure) : nullptr;
  const CoroutineType *Type = Run ? Types.lookup(Call.getType()) : nullptr;
  if (!Type || !Type->Promise || Type->Synchronous)
    return Found;
  const LateUses &Uses = lateUses(*Run);
  if (!Uses.Captures)
    return Found;
  Found.push_back(
      {Borrow::Closure, Object, nullptr, storageOf(Object), *Uses.Captures});
  addCaptured(*Closure, Uses, Found);
  return Found;
}

} // namespace coralc
