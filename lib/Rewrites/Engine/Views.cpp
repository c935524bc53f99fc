//===--- Views.cpp - What pointers and views refer to ---------------------===//

#include "coralc/Rewrites/Engine/Views.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool isOfSystem(const Decl &D) {
  return D.getASTContext().getSourceManager().isInSystemHeader(D.getLocation());
}

/// Keeps a lambda, and with it the references that this holds.
bool keepsFunction(QualType Type) {
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record &&
         (Record->isLambda() ||
          (Record->isInStdNamespace() &&
           is_contained({"function", "move_only_function"},
                        Record->getDeclName().isIdentifier() ? Record->getName()
                                                             : StringRef())));
}

bool canRefer(QualType Type) {
  return refersToOthers(Type) || Type->isArrayType() || keepsFunction(Type);
}

class ReferentFinder {
public:
  Referents Found;

  void add(const Expr *E) {
    E = E->IgnoreParens();
    // A value that refers to nothing.
    if (E->isPRValue() && !canRefer(E->getType()))
      return;
    if (const auto *Temporary = dyn_cast<MaterializeTemporaryExpr>(E))
      return addTemporary(*Temporary);
    if (const auto *Ref = dyn_cast<DeclRefExpr>(E))
      return addVariable(dyn_cast<VarDecl>(Ref->getDecl()));
    if (const auto *Lambda = dyn_cast<LambdaExpr>(E))
      return addCaptures(*Lambda);
    if (const auto *Operator = dyn_cast<UnaryOperator>(E))
      return addOperand(*Operator);
    if (const auto *Member = dyn_cast<MemberExpr>(E))
      return addMember(*Member);
    if (const auto *Call = dyn_cast<CallExpr>(E))
      return addCall(*Call);
    for (const Stmt *Child : E->children())
      if (const auto *Part = dyn_cast_or_null<Expr>(Child))
        add(Part);
  }

private:
  void addTemporary(const MaterializeTemporaryExpr &E) {
    // A view refers on, and a number is not referred to.
    if (refersToOthers(E.getType()) || keepsFunction(E.getType()))
      add(E.getSubExpr());
    else if (!E.getType()->isScalarType())
      Found.Temporaries.push_back(&E);
  }

  void addVariable(const VarDecl *V) {
    if (!V || !V->hasLocalStorage() || !Seen.insert(V).second)
      return;
    bool RefersOn =
        V->getType()->isReferenceType() || refersToOthers(V->getType());
    if (!RefersOn || isa<ParmVarDecl>(V))
      Found.Variables.insert(V);
    else if (V->hasInit())
      add(V->getInit());
  }

  void addCaptures(const LambdaExpr &Lambda) {
    for (auto [Capture, Init] : zip(Lambda.captures(), Lambda.capture_inits()))
      if (Capture.capturesVariable() &&
          (Capture.getCaptureKind() == LCK_ByRef ||
           refersToOthers(Init->getType())))
        add(Init);
  }

  void addOperand(const UnaryOperator &E) {
    const auto *Ref =
        dyn_cast<DeclRefExpr>(E.getSubExpr()->IgnoreParenImpCasts());
    const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    if (E.getOpcode() == UO_AddrOf && V && V->hasLocalStorage() &&
        !V->getType()->isReferenceType())
      Found.Variables.insert(V);
    else
      add(E.getSubExpr());
  }

  /// What a member refers to is not the object that has it.
  void addMember(const MemberExpr &E) {
    if (!refersToOthers(E.getType()) && !isa<CXXMethodDecl>(E.getMemberDecl()))
      add(E.getBase());
  }

  /// What a library returns refers to the object it was asked of, and not to a
  /// key that it was asked for.
  void addCall(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    bool IsKnown = Callee && isOfSystem(*Callee);
    const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
    // Whose it was gives it up.
    if (IsKnown && Member && isNamed(Callee, {"release"}))
      return;
    if (Member)
      add(Member->getImplicitObjectArgument());
    if (IsKnown && Member)
      return;
    if (IsKnown && isa<CXXOperatorCallExpr>(Call))
      return add(Call.getArg(0));
    for (const Expr *Argument : Call.arguments())
      if (!Argument->getType()->isArithmeticType())
        add(Argument);
  }

  SmallPtrSet<const VarDecl *, 4> Seen;
};

/// \p E is a local variable or a part of one.
bool isLocal(const Expr *E) {
  E = E->IgnoreParenImpCasts();
  if (const auto *Ref = dyn_cast<DeclRefExpr>(E)) {
    const auto *V = dyn_cast<VarDecl>(Ref->getDecl());
    return V && V->hasLocalStorage() && !V->getType()->isReferenceType();
  }
  if (const auto *Member = dyn_cast<MemberExpr>(E))
    return !Member->isArrow() && isLocal(Member->getBase());
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(E))
    return Operator->getOperator() == OO_Subscript &&
           isLocal(Operator->getArg(0));
  if (const auto *Subscript = dyn_cast<ArraySubscriptExpr>(E))
    return Subscript->getBase()
               ->IgnoreParenImpCasts()
               ->getType()
               ->isArrayType() &&
           isLocal(Subscript->getBase());
  return false;
}

/// \p Call puts something into a container of pointers or views that is no
/// local variable.
bool storesInContainer(const CXXMemberCallExpr &Call) {
  const CXXMethodDecl *Method = Call.getMethodDecl();
  const auto *Container = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Method ? Method->getParent() : nullptr);
  return Container && isOfSystem(*Container) &&
         Method->getDeclName().isIdentifier() &&
         is_contained({"push_back", "push_front", "push", "emplace_back",
                       "emplace_front", "emplace", "try_emplace", "insert",
                       "insert_or_assign", "assign"},
                      Method->getName()) &&
         any_of(Container->getTemplateArgs().asArray(),
                [](const TemplateArgument &Argument) {
                  return Argument.getKind() == TemplateArgument::Type &&
                         canRefer(Argument.getAsType());
                }) &&
         !isLocal(Call.getImplicitObjectArgument());
}

class StoreFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit StoreFinder(unsigned Depth) : Depth(Depth) {}
  SmallPtrSet<const VarDecl *, 4> Found;

  // A lambda runs at another time.
  bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }

  bool VisitBinaryOperator(const BinaryOperator *E) override {
    if (E->isAssignmentOp())
      store(E->getLHS(), E->getRHS());
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    if (!Callee)
      return true;
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call);
        Operator && Operator->isAssignmentOp()) {
      store(Call->getArg(0), Call->getArg(1));
      return true;
    }
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Call);
        Member && storesInContainer(*Member))
      for (const Expr *Argument : Call->arguments())
        add(Argument);
    // What the functions do to which it is handed, and those they hand it to.
    const Stmt *Body = definitionOf(Callee)->getBody();
    if (!Body || isOfSystem(*Callee) || Depth == 0 ||
        isa<CXXOperatorCallExpr>(Call))
      return true;
    StoreFinder Inside(Depth - 1);
    Inside.TraverseStmt(Body);
    for (auto [P, Argument] :
         zip(definitionOf(Callee)->parameters(), Call->arguments()))
      if (Inside.Found.contains(P) &&
          (P->getType()->isReferenceType() || refersToOthers(P->getType())))
        add(Argument);
    return true;
  }

private:
  void store(const Expr *Place, const Expr *Value) {
    if (canRefer(Place->getType()) && !isLocal(Place))
      add(Value);
  }
  void add(const Expr *Value) {
    for (const VarDecl *V : referentsOf(Value).Variables)
      Found.insert(V);
  }

  unsigned Depth;
};

} // namespace

Referents referentsOf(const Expr *E) {
  ReferentFinder Finder;
  Finder.add(E);
  return std::move(Finder.Found);
}

SmallPtrSet<const VarDecl *, 4> referredFromElsewhere(const Stmt *S) {
  StoreFinder Finder(/*Depth=*/2);
  Finder.TraverseStmt(S);
  return std::move(Finder.Found);
}

} // namespace coralc
