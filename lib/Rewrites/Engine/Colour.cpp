//===--- Colour.cpp - Functions that become coroutines themselves ---------===//

#include "coralc/Rewrites/Engine/Colour.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The signature of \p F is its own, and its callers are seen.
bool mayChange(const FunctionDecl &F, const SourceText &Text) {
  return F.getReturnType()->isVoidType() && !F.isMain() && !F.isExternC() &&
         !F.isConstexpr() && !F.isVariadic() && !F.isTemplated() &&
         !F.isTemplateInstantiation() && !F.isOverloadedOperator() &&
         !isa<CXXConstructorDecl, CXXDestructorDecl>(F) && !isVirtual(F) &&
         F.getType()->castAs<FunctionProtoType>()->canThrow() != CT_Cannot &&
         none_of(F.parameters(),
                 [](const ParmVarDecl *P) { return P->hasDefaultArg(); }) &&
         !hasUnseenCallers(F, Text);
}

/// \p A waits for a function that is a coroutine by its colour.
bool waitsForColoured(const Agent &A) {
  return any_of(A.States, [](const State *S) {
    bool Found = false;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Suspend && Step.Op->isPlainCall();
    });
    return Found;
  });
}

/// The object of \p Start is there when it has been called. A temporary that
/// owns it can be held instead, where nothing else is handed over.
bool keepsObject(const StartSite &Start) {
  const auto *Member = dyn_cast<CXXMemberCallExpr>(Start.Call);
  if (!Member)
    return true;
  if (temporaryOwner(*Member))
    return Member->getNumArgs() == 0;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool VisitCXXBindTemporaryExpr(const CXXBindTemporaryExpr *) override {
      Found = true;
      return false;
    }
  } V;
  V.TraverseStmt(Member->getImplicitObjectArgument());
  return !V.Found;
}

/// Each call that starts \p A can be written as a spawn, and one of them is
/// on another object or hands something over: otherwise the coroutine takes
/// the place of its entry where that is called.
bool isStartedElsewhere(const Agent &A, const SourceText &Text) {
  bool InPlace = A.Starts.size() == 1 && isOnThis(*A.Starts.front().Call) &&
                 A.Entry->Function->getNumParams() == 0;
  return !A.Starts.empty() && !InPlace &&
         all_of(A.Starts, [&](const StartSite &Start) {
           return Start.IsStatement && Start.Caller &&
                  !Start.Caller->isTemplated() &&
                  !Start.Caller->isTemplateInstantiation() &&
                  keepsObject(Start) &&
                  Text.range(Start.Call->getSourceRange());
         });
}

/// Collects the functions that are named in code which is not there as text to
/// be changed.
class ElsewhereCollector : public ConstDynamicRecursiveASTVisitor {
public:
  ElsewhereCollector(const SourceText &Text,
                     DenseSet<const FunctionDecl *> &Found)
      : Text(Text), Found(Found) {
    ShouldVisitTemplateInstantiations = true;
  }
  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    SaveAndRestore Inside(IsFixed, F ? isFixed(*F) : IsFixed);
    return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }
  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    if (const FunctionTemplateDecl *Generic = L->getDependentCallOperator())
      for (const FunctionDecl *Instance : Generic->specializations()) {
        SaveAndRestore Inside(IsFixed, true);
        TraverseStmt(Instance->getBody());
      }
    return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    return note(E->getDecl());
  }
  bool VisitMemberExpr(const MemberExpr *E) override {
    return note(E->getMemberDecl());
  }

private:
  bool isFixed(const FunctionDecl &F) const {
    return F.isTemplateInstantiation() || !Text.range(F.getSourceRange());
  }
  bool note(const ValueDecl *D) {
    if (const auto *F = dyn_cast<FunctionDecl>(D); F && IsFixed)
      Found.insert(definitionOf(F));
    return true;
  }

  const SourceText &Text;
  DenseSet<const FunctionDecl *> &Found;
  bool IsFixed = false;
};

} // namespace

const Expr *temporaryOwner(const CallExpr &Call) {
  const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
  const auto *Arrow = dyn_cast_or_null<CXXOperatorCallExpr>(
      Member ? asWritten(Member->getImplicitObjectArgument()) : nullptr);
  if (!Arrow || Arrow->getOperator() != OO_Arrow)
    return nullptr;
  const Expr *Owner = asWritten(Arrow->getArg(0));
  const CXXRecordDecl *Pointer = Owner->getType()->getAsCXXRecordDecl();
  return Owner->isPRValue() && Pointer &&
                 is_contained({"std::shared_ptr", "boost::shared_ptr"},
                              Pointer->getQualifiedNameAsString())
             ? Owner
             : nullptr;
}

bool Colours::mayWait(const FunctionDecl &Around,
                      const FunctionDecl &Callee) const {
  auto Known = Rounds.find(&Callee);
  if (Known == Rounds.end() || Kept.contains(&Around))
    return false;
  auto Own = RoundOfAgent.find(&Around);
  return Own == RoundOfAgent.end() || Known->second < Own->second;
}

bool Colours::mayBegin(const FunctionDecl &F, const SourceText &Text) const {
  return Propagate && !Kept.contains(&F) && mayChange(F, Text);
}

bool Colours::canBeColoured(const Agent &A, const SourceText &Text) {
  const FunctionDecl &F = *A.Entry->Function;
  return !A.Why && !A.Entry->Delivers && !A.Entry->Generator &&
         !A.Entry->Direct && !A.beside() && !A.HoldsObject && !A.hasToStay() &&
         !Kept.contains(&F) && mayChange(F, Text) &&
         (isColoured(F) || isStartedElsewhere(A, Text)) &&
         !isNamedElsewhere(F, Text);
}

/// Each way into \p S from outside of it is a call that is written.
static bool isOnlyCalled(const State &S, const Agent &A) {
  return all_of(A.States, [&](const State *From) {
    bool Good = true;
    forEachStep(From->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump && Step.Target == &S && From != &S)
        Good &= Step.Source && !Step.Through;
    });
    return Good;
  });
}

bool Colours::colourEnds(const Agent &A, const StateGraph &Graph,
                         const SourceText &Text) {
  if (A.Entry->Delivers || A.HoldsObject)
    return false;
  bool Changed = false;
  for (const State *S : A.SharedEnds) {
    const FunctionDecl &F = *S->Function;
    if (S->IsPart || S->Why || S->Delivers || S->HasToStay ||
        Graph.Starts.contains(S) || Graph.AddressTaken.contains(S) ||
        !isOnlyCalled(*S, A) || Kept.contains(&F) || !mayChange(F, Text) ||
        isNamedElsewhere(F, Text) || !Rounds.try_emplace(&F, Round).second)
      continue;
    RoundOfAgent.try_emplace(&F, Round);
    SharedEnds.insert(&F);
    Changed = true;
  }
  return Changed;
}

bool Colours::isNamedElsewhere(const FunctionDecl &F, const SourceText &Text) {
  if (!Elsewhere) {
    Elsewhere.emplace();
    ElsewhereCollector(Text, *Elsewhere)
        .TraverseDecl(Text.context().getTranslationUnitDecl());
    Branches.emplace(Text);
  }
  unsigned Branch = Branches->branchOf(*Text.offset(F.getBeginLoc()));
  return Elsewhere->contains(&F) ||
         Branches->isNamedOutside(F.getName(), Branch);
}

bool Colours::reconsider(const StateGraph &Graph, const SourceText &Text) {
  ++Round;
  bool Changed = false;
  for (const Agent &A : planAgents(Graph, Text)) {
    const FunctionDecl *Entry = A.Entry->Function;
    if (colourEnds(A, Graph, Text)) {
      Changed = true;
      continue;
    }
    bool IsColourable = Propagate && canBeColoured(A, Text);
    bool ByColour = A.Entry->IsBegunByCall && !A.Entry->Delivers;
    if (A.Why ? ByColour || isColoured(*Entry) || waitsForColoured(A)
              : ByColour && !IsColourable)
      for (const State *S : A.States) {
        Changed |= Kept.insert(S->Function).second;
        Rounds.erase(S->Function);
        SharedEnds.erase(S->Function);
      }
    else if (IsColourable && Rounds.try_emplace(Entry, Round).second) {
      Changed = true;
      for (const State *S : A.States)
        RoundOfAgent.try_emplace(S->Function, Round);
    }
  }
  return Changed;
}

} // namespace coralc
