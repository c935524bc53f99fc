//===--- CallIndex.cpp - Who calls what -----------------------------------===//

#include "coralc/Rewrites/Engine/CallIndex.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

const CXXRecordDecl *madeBy(const FunctionDecl *F) {
  if (!isNamed(F, {"make_shared", "make_unique", "allocate_shared"}))
    return nullptr;
  const TemplateArgumentList *Arguments = F->getTemplateSpecializationArgs();
  if (!Arguments || Arguments->size() == 0 ||
      Arguments->get(0).getKind() != TemplateArgument::Type)
    return nullptr;
  return Arguments->get(0).getAsType()->getAsCXXRecordDecl();
}

CallIndex::CallIndex(ArrayRef<Agent *> Converted, const SourceText &Text)
    : Text(Text) {
  for (const Agent *A : Converted) {
    const Operation *First = firstOperation(*A);
    for (const StartSite &Start : A->Starts) {
      Starts.insert(Start.Call);
      if (First && isDispatch(*First->Call))
        DispatchStarts.insert(Start.Call);
    }
  }
  struct Walker : OwnCodeVisitor {
    CallIndex &To;
    const FunctionDecl *Current = nullptr;
    explicit Walker(CallIndex &To) : To(To) {}
    bool TraverseDecl(const Decl *D) override {
      const auto *F = dyn_cast_or_null<FunctionDecl>(D);
      SaveAndRestore<const FunctionDecl *> Function(Current, F ? F : Current);
      return OwnCodeVisitor::TraverseDecl(D);
    }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      for (const Expr *Init : L->capture_inits())
        TraverseStmt(Init);
      const FunctionDecl *Around = Current;
      // Of a generic lambda, the pattern and its instance.
      SmallPtrSet<const CXXMethodDecl *, 2> Operators{L->getCallOperator(),
                                                      callOperator(*L)};
      for (const CXXMethodDecl *Operator : Operators) {
        if (!Operator)
          continue;
        To.Lambdas[Operator] = {L, Around};
        SaveAndRestore<const FunctionDecl *> Function(Current, Operator);
        TraverseStmt(Operator->getBody());
      }
      return true;
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      const FunctionDecl *Callee = Call->getDirectCallee();
      To.CallerOf[Call] = Current;
      if (const CXXRecordDecl *Made = madeBy(Callee))
        To.Makers[Made->getCanonicalDecl()].push_back({Call, Current});
      else if (Callee)
        To.addCaller(*Callee, {Call, Current});
      return true;
    }
    bool VisitCXXConstructExpr(const CXXConstructExpr *Made) override {
      To.addCaller(*Made->getConstructor(), {Made, Current});
      return true;
    }
  };
  Walker W(*this);
  forEachOwnDecl(Text, [&](const Decl *D) { W.TraverseDecl(D); });
}

const FunctionDecl *CallIndex::seen(const FunctionDecl *F) const {
  F = definitionOf(F);
  return F && F->hasBody() && Text.range(F->getSourceRange()) ? F : nullptr;
}

std::vector<CallSite> CallIndex::callersOf(const FunctionDecl &F) const {
  std::vector<CallSite> Found = Callers.lookup(definitionOf(&F));
  if (const auto *Made = dyn_cast<CXXConstructorDecl>(&F))
    append_range(Found, Makers.lookup(Made->getParent()->getCanonicalDecl()));
  if (const auto *Method = dyn_cast<CXXMethodDecl>(&F))
    for (const CXXMethodDecl *Overridden : Method->overridden_methods())
      append_range(Found, callersOf(*Overridden));
  return Found;
}

std::optional<LambdaSite>
CallIndex::lambdaOf(const FunctionDecl &Operator) const {
  auto Known = Lambdas.find(&Operator);
  if (Known == Lambdas.end())
    return std::nullopt;
  return Known->second;
}

void CallIndex::addCaller(const FunctionDecl &F, CallSite Site) {
  Callers[definitionOf(&F)].push_back(Site);
}

} // namespace coralc
