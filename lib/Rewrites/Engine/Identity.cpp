//===--- Identity.cpp - Where a copy is not as good -----------------------===//

#include "coralc/Rewrites/Engine/Identity.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Views.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Analysis/CFG.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

constexpr unsigned MaxDepth = 4;

QualType plain(QualType Type) {
  return Type.getNonReferenceType().getCanonicalType().getUnqualifiedType();
}

/// An object of \p Outer has one of \p Inner in it, or is one.
bool hasInside(QualType Outer, QualType Inner, unsigned Depth = 0) {
  Outer = plain(Outer);
  if (Outer == Inner)
    return true;
  if (const clang::ArrayType *Array = Outer->getAsArrayTypeUnsafe())
    return hasInside(Array->getElementType(), Inner, Depth);
  const CXXRecordDecl *Record = Outer->getAsCXXRecordDecl();
  Record = Record ? Record->getDefinition() : nullptr;
  if (!Record || Depth > MaxDepth)
    return false;
  auto Has = [&](QualType Part) { return hasInside(Part, Inner, Depth + 1); };
  // What a library's class holds is among its arguments.
  if (Record->getASTContext().getSourceManager().isInSystemHeader(
          Record->getLocation())) {
    const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(Record);
    return Special && any_of(Special->getTemplateArgs().asArray(),
                             [&](const TemplateArgument &A) {
                               return A.getKind() == TemplateArgument::Type &&
                                      Has(A.getAsType());
                             });
  }
  return any_of(Record->bases(),
                [&](const CXXBaseSpecifier &B) { return Has(B.getType()); }) ||
         any_of(Record->fields(),
                [&](const FieldDecl *F) { return Has(F->getType()); });
}

bool overlap(QualType A, QualType B) {
  A = plain(A), B = plain(B);
  return hasInside(A, B) || hasInside(B, A);
}

/// \p E is a variable of the function, or a part of one.
bool isOwnPlace(const Expr *E) {
  for (E = asWritten(E);;) {
    if (const auto *Member = dyn_cast<MemberExpr>(E)) {
      if (Member->isArrow())
        return false;
      E = asWritten(Member->getBase());
    } else if (const auto *Element = dyn_cast<ArraySubscriptExpr>(E)) {
      E = asWritten(Element->getBase());
      if (E->getType()->isPointerType())
        return false;
    } else {
      const auto *Ref = dyn_cast<DeclRefExpr>(E);
      const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
      return V && V->hasLocalStorage() && !V->getType()->isReferenceType();
    }
  }
}

/// Looks for a mention of a parameter behind a change of what may be its
/// object.
class ChangeFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit ChangeFinder(const ParmVarDecl &P)
      : P(P), Object(plain(P.getType())) {}

  /// Operations are started last, and their handlers have copies of their own.
  void skip(const Operation &Op) {
    Operations.insert(Op.Call);
    for (const Operation &Handler : Op.Handlers)
      skip(Handler);
    if (Op.HandlerArgument)
      HandlerArguments.insert(asWritten(Op.HandlerArgument));
    if (Op.Made)
      HandlerArguments.insert(asWritten(Op.Made));
  }

  bool isReadTooLate(const Stmt *Body) {
    TraverseStmt(Body);
    return IsReadTooLate;
  }

  bool TraverseStmt(const Stmt *S) override {
    if (!S || IsReadTooLate)
      return true;
    if (const auto *E = dyn_cast<Expr>(S);
        E && HandlerArguments.contains(asWritten(E))) {
      IsReadTooLate |= Changed && mentions(S, &P);
      return true;
    }
    // What the next turn reads this one may change.
    unsigned Turns =
        isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S) ? 2 : 1;
    for (unsigned I = 0; I != Turns; ++I)
      ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    noteChanges(S);
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    IsReadTooLate |= Changed && E->getDecl() == &P;
    return true;
  }

private:
  void noteChanges(const Stmt *S) {
    if (const auto *Binary = dyn_cast<BinaryOperator>(S)) {
      if (Binary->isAssignmentOp())
        change(Binary->getLHS());
    } else if (const auto *Unary = dyn_cast<UnaryOperator>(S)) {
      if (Unary->isIncrementDecrementOp())
        change(Unary->getSubExpr());
    } else if (const auto *Call = dyn_cast<CallExpr>(S)) {
      if (!Operations.contains(Call) && !Call->isCallToStdMove())
        changeBy(*Call);
    }
  }

  void changeBy(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee)
      return;
    const auto *Method = dyn_cast<CXXMethodDecl>(Callee);
    bool IsOperator = isa<CXXOperatorCallExpr>(Call);
    bool ChangesObject = Method && !Method->isStatic() && !Method->isConst();
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
        Member && ChangesObject)
      change(Member->getImplicitObjectArgument());
    else if (IsOperator && ChangesObject)
      change(Call.getArg(0));
    for (auto [Given, Parameter] :
         zip(drop_begin(Call.arguments(), IsOperator && Method),
             Callee->parameters())) {
      QualType Type = Parameter->getType();
      QualType To = Type->getPointeeType();
      if (!To.isNull() && !To.isConstQualified() && !To->isFunctionType())
        change(Type->isReferenceType() ? withoutMove(Given) : Given);
    }
  }

  /// Something changes what \p Place is, or what that points to.
  void change(const Expr *Place) {
    Place = asWritten(Place);
    if (isOwnPlace(Place))
      return;
    if (const auto *Member = dyn_cast<MemberExpr>(Place)) {
      const auto *Class =
          dyn_cast<CXXRecordDecl>(Member->getMemberDecl()->getDeclContext());
      Changed |=
          hasInside(Member->getType(), Object) ||
          (Class &&
           hasInside(Object,
                     plain(Class->getASTContext().getCanonicalTagType(Class))));
      return;
    }
    QualType Type = Place->getType();
    Changed |=
        overlap(Type->isPointerType() ? Type->getPointeeType() : Type, Object);
  }

  const ParmVarDecl &P;
  QualType Object;
  SmallPtrSet<const CallExpr *, 4> Operations;
  SmallPtrSet<const Expr *, 4> HandlerArguments;
  /// What the parameter refers to may have changed.
  bool Changed = false;
  bool IsReadTooLate = false;
};

void forEachOperation(const State &S,
                      function_ref<void(const Operation &)> Visit) {
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.Op)
      Visit(*Step.Op);
  });
}

} // namespace

bool isCopyAsGood(const ParmVarDecl &P, const State &S) {
  const Stmt *Body = S.Function->getBody();
  ChangeFinder Finder(P);
  forEachOperation(S, [&](const Operation &Op) { Finder.skip(Op); });
  return !Finder.isReadTooLate(Body) &&
         !referredFromElsewhere(Body).contains(&P);
}

bool isCopyAsGood(const ParmVarDecl &P, const Stmt &Body) {
  return !ChangeFinder(P).isReadTooLate(&Body) &&
         !referredFromElsewhere(&Body).contains(&P);
}

bool isAlwaysMoved(const ParmVarDecl &P, const State &S) {
  auto Moves = [&](const CFGElement &Element) {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    const auto *Call = Node ? dyn_cast<CallExpr>(Node->getStmt()) : nullptr;
    return Call && Call->getNumArgs() == 1 &&
           variableNamedBy(Call->getArg(0)) == &P &&
           (Call->isCallToStdMove() ||
            isNamed(Call->getDirectCallee(), {"forward"}));
  };
  CFG::BuildOptions Options;
  Options.setAllAlwaysAdd();
  std::unique_ptr<CFG> Flow = CFG::buildCFG(S.Function, S.Function->getBody(),
                                            &P.getASTContext(), Options);
  if (!Flow)
    return false;
  SmallVector<const CFGBlock *> Todo = {&Flow->getEntry()};
  SmallPtrSet<const CFGBlock *, 16> Seen;
  while (!Todo.empty()) {
    const CFGBlock *Block = Todo.pop_back_val();
    if (!Block || !Seen.insert(Block).second || Block->hasNoReturnElement() ||
        any_of(*Block, Moves))
      continue;
    if (Block == &Flow->getExit())
      return false;
    append_range(Todo, Block->succs());
  }
  return true;
}

bool isOfCallerAlone(const Expr &Argument) {
  const Expr *E = Argument.IgnoreParenCasts();
  if (isa<MaterializeTemporaryExpr>(E) || E->isPRValue())
    return true;
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  return V && V->hasLocalStorage() && !V->getType()->isReferenceType();
}

bool isHeldByHandler(const ParmVarDecl &P, const State &S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const ParmVarDecl &P;
    bool Found = false;
    explicit Visitor(const ParmVarDecl &P) : P(P) {}
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      Found |= mentions(L, &P);
      return true;
    }
  } V(P);
  V.TraverseStmt(S.Function->getBody());
  forEachOperation(S, [&](const Operation &Op) {
    V.Found |= (Op.HandlerArgument && mentions(Op.HandlerArgument, &P)) ||
               (Op.Made && mentions(Op.Made, &P));
  });
  return V.Found;
}

} // namespace coralc
