//===--- Carried.cpp - Parameters that are one and the same ---------------===//

#include "coralc/Rewrites/Engine/Carried.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

using ParameterSet = SmallPtrSet<const ParmVarDecl *, 8>;

/// Collects the parameters that are named other than to read them.
class ChangeFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit ChangeFinder(ParameterSet &Changed) : Changed(Changed) {}

  bool VisitImplicitCastExpr(const ImplicitCastExpr *Cast) override {
    if (Cast->getCastKind() == CK_LValueToRValue ||
        Cast->getType().isConstQualified())
      Read.insert(Cast->getSubExpr()->IgnoreParens());
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    const auto *P = dyn_cast<ParmVarDecl>(E->getDecl());
    if (P && !Read.contains(E) && !E->getType().isConstQualified())
      Changed.insert(P);
    return true;
  }

private:
  ParameterSet &Changed;
  SmallPtrSet<const Expr *, 16> Read;
};

bool isSame(const ParmVarDecl &L, const ParmVarDecl &R) {
  return L.getDeclName() == R.getDeclName() &&
         L.getASTContext().hasSameUnqualifiedType(
             L.getType().getNonReferenceType(),
             R.getType().getNonReferenceType());
}

} // namespace

bool isKept(const ParmVarDecl &P) {
  // P, and what it is handed on as.
  SmallSetVector<const ParmVarDecl *, 4> Same;
  Same.insert(&P);
  // Calls of functions that have one of them get one of them.
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallSetVector<const ParmVarDecl *, 4> &Same;
    bool IsKept = true;
    explicit Visitor(SmallSetVector<const ParmVarDecl *, 4> &Same)
        : Same(Same) {}
    bool isSame(const Expr *E) const {
      const VarDecl *V = variableNamedBy(E);
      return V && Same.contains(dyn_cast<ParmVarDecl>(V));
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      const FunctionDecl *Callee = Call->getDirectCallee();
      if (!Callee || isa<CXXOperatorCallExpr>(Call))
        return true;
      Callee = definitionOf(Callee);
      for (auto [To, Argument] : zip(Callee->parameters(), Call->arguments()))
        if (Callee->hasBody() && isSame(Argument) &&
            !Callee->getASTContext().getSourceManager().isInSystemHeader(
                Callee->getLocation()))
          Same.insert(To);
        else if (Same.contains(To))
          IsKept = false;
      return true;
    }
  } V(Same);
  for (size_t Known = 0; Known != Same.size();) {
    Known = Same.size();
    ParameterSet Changed;
    for (size_t I = 0; I < Same.size(); ++I) {
      const Stmt *Body =
          cast<FunctionDecl>(Same[I]->getDeclContext())->getBody();
      ChangeFinder(Changed).TraverseStmt(Body);
      V.TraverseStmt(Body);
    }
    if (!V.IsKept ||
        any_of(Same, [&](const ParmVarDecl *Q) { return Changed.contains(Q); }))
      return false;
  }
  return true;
}

CarriedParameters findCarried(const State &Entry,
                              ArrayRef<const State *> States) {
  ParameterSet Changed;
  for (const State *S : States)
    ChangeFinder(Changed).TraverseStmt(S->Function->getBody());

  // What each parameter is; null for one that is no single one.
  CarriedParameters Is;
  for (const ParmVarDecl *P : Entry.parameters())
    Is[P] = P->getDeclName() && !Changed.contains(P) ? P : nullptr;
  for (bool IsNew = true; IsNew;) {
    IsNew = false;
    for (const State *S : States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What != Step::Kind::Jump)
          return;
        for (auto [P, Argument] :
             zip(Step.Target->parameters(), Step.Arguments)) {
          const auto *From = dyn_cast_or_null<ParmVarDecl>(
              Argument ? variableNamedBy(Argument) : nullptr);
          auto Known = Is.find(From);
          const ParmVarDecl *Gets = nullptr;
          if (Known != Is.end())
            Gets = Known->second;
          else if (From)
            continue; // Nothing is known of it, so far.
          if (Gets && (Changed.contains(P) || !isSame(*P, *Gets)))
            Gets = nullptr;
          auto [Before, First] = Is.try_emplace(P, Gets);
          if (!First && Before->second != Gets) {
            IsNew |= Before->second != nullptr;
            Before->second = nullptr;
          }
          IsNew |= First;
        }
      });
  }
  CarriedParameters Carried;
  for (auto [P, Of] : Is)
    if (Of && P != Of && Is.lookup(Of) == Of)
      Carried[P] = Of;
  return Carried;
}

} // namespace coralc
