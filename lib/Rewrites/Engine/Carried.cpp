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

using VariableSet = SmallPtrSet<const VarDecl *, 8>;
using ExprSet = SmallPtrSet<const Expr *, 16>;

/// Collects the variables that are named other than to read them.
class ChangeFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit ChangeFinder(VariableSet &Changed, ExprSet Read = {})
      : Changed(Changed), Read(std::move(Read)) {}

  bool VisitImplicitCastExpr(const ImplicitCastExpr *Cast) override {
    if (Cast->getCastKind() == CK_LValueToRValue ||
        Cast->getType().isConstQualified())
      Read.insert(Cast->getSubExpr()->IgnoreParens());
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    const auto *V = dyn_cast<VarDecl>(E->getDecl());
    if (V && !Read.contains(E) && !E->getType().isConstQualified())
      Changed.insert(V);
    return true;
  }

private:
  VariableSet &Changed;
  ExprSet Read;
};

bool isSame(const VarDecl &L, const VarDecl &R) {
  return L.getDeclName() == R.getDeclName() &&
         L.getASTContext().hasSameUnqualifiedType(
             L.getType().getNonReferenceType(),
             R.getType().getNonReferenceType());
}

/// What \p S does in its function.
const Stmt *codeOf(const State &S) {
  return S.Beside ? S.Beside : S.Function->getBody();
}

/// The variables that \p S names other than to read them, or to have a handler
/// copy them.
void addChanged(const State &S, VariableSet &Changed, ExprSet Read = {}) {
  forEachStep(S.Steps, [&](const Step &Piece) {
    if (Piece.What == Step::Kind::Suspend && Piece.Op->Bound)
      for (const BoundCall::Argument &A : Piece.Op->Bound->Arguments)
        if (A.Value)
          Read.insert(asWritten(A.Value));
  });
  ChangeFinder(Changed, std::move(Read)).TraverseStmt(codeOf(S));
}

/// What the handlers that \p S makes are initialized with.
ExprSet handedOn(const State &S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    ExprSet Names;
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Names.insert(E);
      return true;
    }
  } V;
  forEachStep(S.Steps, [&](const Step &Piece) {
    if (Piece.What != Step::Kind::Suspend)
      return;
    if (const LambdaExpr *Handler = Piece.Op->lambda())
      for (const Expr *Init : Handler->capture_inits())
        V.TraverseStmt(Init);
    if (Piece.Op->Bound)
      for (const BoundCall::Argument &A : Piece.Op->Bound->Arguments)
        V.TraverseStmt(A.Value);
  });
  return V.Names;
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
    VariableSet Changed;
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

bool changes(const State &S, const VarDecl &V) {
  VariableSet Changed;
  addChanged(S, Changed, handedOn(S));
  return Changed.contains(&V);
}

CarriedParameters findCarried(const State &Entry,
                              ArrayRef<const State *> States) {
  VariableSet Changed;
  for (const State *S : States)
    addChanged(*S, Changed);

  // What each variable is; null for one that is no single one.
  DenseMap<const VarDecl *, const VarDecl *> Is;
  for (const ParmVarDecl *P : Entry.parameters())
    Is[P] = P->getDeclName() && !Changed.contains(P) ? P : nullptr;
  for (const Borrowed &B : Entry.Uses)
    if (!B.ByReference && !Changed.contains(B.Variable))
      Is[B.Variable] = B.Variable;
  for (bool IsNew = true; IsNew;) {
    IsNew = false;
    for (const State *S : States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What != Step::Kind::Jump)
          return;
        for (auto [P, Argument] :
             zip(Step.Target->parameters(), Step.Arguments)) {
          const VarDecl *From = Argument ? variableNamedBy(Argument) : nullptr;
          auto Known = Is.find(From);
          const VarDecl *Gets = nullptr;
          if (Known != Is.end())
            Gets = Known->second;
          else if (isa_and_nonnull<ParmVarDecl>(From))
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
  for (auto [V, Of] : Is)
    if (Of && V != Of && Is.lookup(Of) == Of)
      Carried[cast<ParmVarDecl>(V)] = Of;
  return Carried;
}

} // namespace coralc
