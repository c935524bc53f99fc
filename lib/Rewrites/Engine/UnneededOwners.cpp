//===--- UnneededOwners.cpp - Owners that only name members ---------------===//

#include "coralc/Rewrites/Engine/UnneededOwners.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool startsAnother(const Stmt *S, StartText Start) {
  const auto *Call = dyn_cast_or_null<CallExpr>(S);
  bool StandsHere = false;
  auto NameOf = [](const ValueDecl &D) { return D.getNameAsString(); };
  auto Written = [&](const Expr &) {
    StandsHere = true;
    return std::string();
  };
  return Call && !Start(*Call, NameOf, Written).empty() && !StandsHere;
}

bool UnneededOwners::isLookedThrough(const MemberExpr &E) const {
  return Variables.contains(ownerNamedBy(E.getBase()));
}

std::string UnneededOwners::prefixOf(const ValueDecl &Member) const {
  return Locals.contains(Member.getName()) ? "this->" : "";
}

namespace {

class OwnerFinder : public ConstDynamicRecursiveASTVisitor {
public:
  OwnerFinder(const Agent &A, const RenderContext &Context)
      : A(A), Text(Context.Text), Start(Context.Start) {
    for (const State *S : A.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Suspend)
          note(*Step.Op);
      });
    // A handler that stays a function is called.
    for (const State *S : A.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Call)
          Gone.erase(Step.Op->Bound->Object);
      });
  }

  UnneededOwners run() {
    // A coroutine that others wait for holds its object itself, unless they do.
    if (!A.HoldsSelf || A.Entry->Delivers ||
        (A.Entry->IsColoured && !A.IsHeldByOthers))
      return {};
    for (const State *S : A.States) {
      for (const ParmVarDecl *P : S->Function->parameters())
        VisitNamedDecl(P);
      for (const Borrowed &B : S->Uses)
        VisitNamedDecl(B.Variable);
      TraverseStmt(S->Beside ? S->Beside : S->Function->getBody());
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What != Step::Kind::Suspend)
          return;
        if (Step.Op->Object)
          TraverseStmt(Step.Op->body());
        else if (S->Beside && Step.Op->Stored)
          TraverseStmt(Step.Op->Made);
      });
    }
    return IsNeeded ? UnneededOwners() : std::move(Found);
  }

  bool TraverseStmt(const Stmt *S) override {
    return Gone.contains(S) || startsAnother(S, Start) ||
           ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
  }
  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    if (!Handlers.contains(L)) {
      SaveAndRestore Inside(Lambdas, Lambdas + 1);
      return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
    }
    for (const LambdaCapture &C : L->captures()) {
      if (!C.capturesVariable())
        continue;
      const auto *V = dyn_cast<VarDecl>(C.getCapturedVar());
      if (L->isInitCapture(&C) || (V && isSharedFromThisCopy(V)))
        TraverseDecl(C.getCapturedVar());
    }
    for (const ParmVarDecl *P : callOperator(*L)->parameters())
      VisitNamedDecl(P);
    return TraverseStmt(callOperator(*L)->getBody());
  }
  bool TraverseDeclStmt(const DeclStmt *S) override {
    for (const Decl *D : S->decls())
      if (const auto *V = dyn_cast<VarDecl>(D);
          V && isSharedFromThisCopy(V) && !S->isSingleDecl())
        IsNeeded = true;
    return ConstDynamicRecursiveASTVisitor::TraverseDeclStmt(S);
  }
  bool TraverseVarDecl(const VarDecl *V) override {
    if (!isSharedFromThisCopy(V))
      return ConstDynamicRecursiveASTVisitor::TraverseVarDecl(V);
    IsNeeded |= Lambdas > 0 || V->isStaticLocal();
    Found.Variables.insert(V);
    return true;
  }
  bool VisitNamedDecl(const NamedDecl *D) override {
    if (D->getDeclName().isIdentifier())
      Found.Locals.insert(D->getName());
    return true;
  }
  bool TraverseMemberExpr(const MemberExpr *E) override {
    if (!ownerNamedBy(E->getBase()))
      return ConstDynamicRecursiveASTVisitor::TraverseMemberExpr(E);
    std::optional<unsigned> Begin = Text.offset(E->getBeginLoc());
    std::optional<unsigned> Member = Text.offset(E->getMemberLoc());
    IsNeeded |= Lambdas > 0 || E->hasQualifier() || E->hasTemplateKeyword() ||
                !E->getMemberDecl()->getDeclName().isIdentifier() || !Begin ||
                !Member || *Member < *Begin;
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    const auto *V = dyn_cast<VarDecl>(E->getDecl());
    IsNeeded |= V && isSharedFromThisCopy(V);
    return true;
  }

private:
  void note(const Operation &Op) {
    Handlers.insert(Op.lambda());
    for (const Operation &Handler : Op.Handlers)
      note(Handler);
    if (Op.Bound)
      Gone.insert(Op.Bound->Object);
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        if (M.What == FunctionObject::Member::Kind::Self)
          Gone.insert(M.Init);
  }

  const Agent &A;
  const SourceText &Text;
  StartText Start;
  SmallPtrSet<const LambdaExpr *, 4> Handlers;
  /// What has no place in the coroutine.
  SmallPtrSet<const Stmt *, 4> Gone;
  unsigned Lambdas = 0;
  bool IsNeeded = false;
  UnneededOwners Found;
};

} // namespace

UnneededOwners findUnneededOwners(const Agent &A,
                                  const RenderContext &Context) {
  return OwnerFinder(A, Context).run();
}

} // namespace coralc
