//===--- Identity.cpp - Where a copy is not as good -----------------------===//

#include "coralc/Rewrites/Engine/Identity.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
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

bool isSystem(const Decl &D) {
  return D.getASTContext().getSourceManager().isInSystemHeader(D.getLocation());
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

class IdentityFinder : public ConstDynamicRecursiveASTVisitor {
public:
  IdentityFinder(const ParmVarDecl &P, unsigned Depth)
      : P(P), Object(plain(P.getType())), Depth(Depth) {}

  /// Operations keep what they are given as they did, and handlers copies.
  void skip(const Operation &Op) {
    Operations.insert(Op.Call);
    for (const Operation &Handler : Op.Handlers)
      skip(Handler);
    if (Op.HandlerArgument)
      HandlerArguments.insert(asWritten(Op.HandlerArgument));
    if (Op.Made)
      HandlerArguments.insert(asWritten(Op.Made));
  }

  bool isNeededIn(const Stmt *Body) {
    TraverseStmt(Body);
    return IsNeeded;
  }

  bool TraverseStmt(const Stmt *S) override {
    if (!S || IsNeeded)
      return true;
    if (const auto *E = dyn_cast<Expr>(S);
        E && HandlerArguments.contains(asWritten(E))) {
      IsNeeded |= Changed && mentions(S, &P);
      return true;
    }
    Around.push_back(S);
    // What the next turn reads this one may change.
    unsigned Turns =
        isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S) ? 2 : 1;
    for (unsigned I = 0; I != Turns; ++I)
      ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    Around.pop_back();
    noteChanges(S);
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    if (E->getDecl() == &P)
      IsNeeded |= Changed || isKept();
    return true;
  }

private:
  //--- What is kept ------------------------------------------------------//

  /// What names the parameter, the innermost of \c Around, may be a way to its
  /// object for later.
  bool isKept() const {
    const Expr *From = cast<Expr>(Around.back());
    for (const Stmt *S : reverse(drop_end(Around))) {
      if (const auto *Cast = dyn_cast<CastExpr>(S);
          Cast && Cast->getCastKind() == CK_LValueToRValue &&
          !refersToOthers(Cast->getType()))
        return false;
      if (isa<ImplicitCastExpr, ParenExpr, FullExpr, CXXBindTemporaryExpr,
              MaterializeTemporaryExpr>(S)) {
        From = cast<Expr>(S);
        continue;
      }
      if (const auto *Member = dyn_cast<MemberExpr>(S)) {
        From = Member;
        continue;
      }
      if (const auto *Made = dyn_cast<CXXConstructExpr>(S)) {
        if (!refersToOthers(Made->getType()) &&
            (isSystem(*Made->getConstructor()) ||
             Made->getConstructor()->isCopyOrMoveConstructor()))
          return false;
        From = Made;
        continue;
      }
      if (const auto *Call = dyn_cast<CallExpr>(S)) {
        if (Operations.contains(Call))
          return false;
        if (Call->isCallToStdMove()) {
          From = Call;
          continue;
        }
        if (isKeptBy(*Call, *From))
          return true;
        QualType Result = Call->getType();
        if (!Call->isGLValue() && !refersToOthers(Result))
          return false;
        From = Call;
        continue;
      }
      if (isa<LambdaExpr>(S))
        return true;
      if (const auto *Unary = dyn_cast<UnaryOperator>(S))
        return Unary->getOpcode() == UO_AddrOf;
      if (const auto *Binary = dyn_cast<BinaryOperator>(S))
        return Binary->isAssignmentOp() && refersToOthers(Binary->getType());
      if (const auto *Declaration = dyn_cast<DeclStmt>(S))
        return any_of(Declaration->decls(), [](const Decl *D) {
          const auto *V = dyn_cast<VarDecl>(D);
          return !V || V->getType()->isReferenceType() ||
                 refersToOthers(V->getType());
        });
      return isa<CXXForRangeStmt>(S) ? false : isa<ReturnStmt>(S);
    }
    return false;
  }

  /// \p Call gets \p Argument, and has it when it has returned.
  bool isKeptBy(const CallExpr &Call, const Expr &Argument) const {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee)
      return true;
    const auto *Method = dyn_cast<CXXMethodDecl>(Callee);
    bool IsObject =
        Method && !Method->isStatic() &&
        (isa<CXXOperatorCallExpr>(Call)
             ? Call.getArg(0) == &Argument
             : isa<MemberExpr>(Argument) && Call.getCallee() == &Argument);
    if (IsObject)
      return false;
    if (isSystem(*Callee))
      return Method && !Method->isConst() && refersToOthers(Argument.getType());
    const FunctionDecl *Definition = definitionOf(Callee);
    if (!Definition->hasBody())
      return false;
    unsigned Skipped = isa<CXXOperatorCallExpr>(Call) && Method;
    for (auto [Given, Parameter] :
         zip(drop_begin(Call.arguments(), Skipped), Definition->parameters()))
      if (Given == &Argument)
        return (Parameter->getType()->isReferenceType() ||
                refersToOthers(Parameter->getType())) &&
               (Depth == MaxDepth || IdentityFinder(*Parameter, Depth + 1)
                                         .keepsAddress(*Definition->getBody()));
    return true;
  }

  bool keepsAddress(const Stmt &Body) {
    IgnoresChanges = true;
    return isNeededIn(&Body);
  }

  //--- What is changed ---------------------------------------------------//

  void noteChanges(const Stmt *S) {
    if (IgnoresChanges)
      return;
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
  unsigned Depth;
  SmallPtrSet<const CallExpr *, 4> Operations;
  SmallPtrSet<const Expr *, 4> HandlerArguments;
  SmallVector<const Stmt *, 16> Around;
  bool IgnoresChanges = false;
  /// What the parameter refers to may have changed.
  bool Changed = false;
  bool IsNeeded = false;
};

template <class Visitor> void forEachOperation(const State &S, Visitor Visit) {
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.Op)
      Visit(*Step.Op);
  });
}

} // namespace

bool isCopyAsGood(const ParmVarDecl &P, const State &S) {
  IdentityFinder Finder(P, 0);
  forEachOperation(S, [&](const Operation &Op) { Finder.skip(Op); });
  return !Finder.isNeededIn(S.Function->getBody());
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
