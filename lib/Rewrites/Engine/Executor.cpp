//===--- Executor.cpp - Where an operation's handler runs -----------------===//

#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool mentionsLocal(const Expr *E) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool VisitDeclRefExpr(const DeclRefExpr *Ref) override {
      const auto *V = dyn_cast<VarDecl>(Ref->getDecl());
      Found |= V && V->hasLocalStorage();
      return true;
    }
  } V;
  V.TraverseStmt(E);
  return V.Found;
}

/// \p Record or a base of it has a member called \p Name.
bool hasMember(const CXXRecordDecl *Record, StringRef Name) {
  if (!Record || !Record->hasDefinition())
    return false;
  DeclarationName Member(&Record->getASTContext().Idents.get(Name));
  if (!Record->lookup(Member).empty())
    return true;
  return any_of(Record->bases(), [&](const CXXBaseSpecifier &Base) {
    return hasMember(Base.getType()->getAsCXXRecordDecl(), Name);
  });
}

/// The first argument of bind_executor(executor, handler), among whatever else
/// is bound to the handler.
const Expr *boundExecutor(const Operation &Op) {
  if (Op.How != Operation::Form::CompletionToken)
    return nullptr;
  if (const CXXMemberCallExpr *Wrap = strandWrap(Op))
    return Wrap->getImplicitObjectArgument();
  const Expr *Token = asWritten(Op.HandlerArgument);
  while (Token != Op.Handler) {
    const auto *Bind = dyn_cast<CallExpr>(Token);
    if (!Bind || Bind->getNumArgs() < 2)
      return nullptr;
    QualType Bound = Bind->getArg(0)->getType();
    if (hasGetExecutor(Bound) || isExecutor(Bound))
      return Bind->getArg(0);
    Token = asWritten(Bind->getArg(1));
  }
  return nullptr;
}

/// The member from which the local variable that \p Object names was made, if
/// that runs handlers.
const Expr *madeFrom(const Expr *Object) {
  Object = asWritten(Object);
  if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Object);
      Arrow && Arrow->getOperator() == OO_Arrow)
    Object = Arrow->getArg(0);
  const VarDecl *V = variableNamedBy(Object);
  if (!V || !V->hasInit())
    return nullptr;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallVector<const MemberExpr *, 1> Found;
    bool VisitMemberExpr(const MemberExpr *E) override {
      if (isa<CXXThisExpr>(E->getBase()) &&
          isa<FieldDecl>(E->getMemberDecl()) &&
          (hasGetExecutor(E->getType()) || isExecutor(E->getType())))
        Found.push_back(E);
      return true;
    }
  } Init;
  Init.TraverseStmt(V->getInit());
  return Init.Found.size() == 1 ? Init.Found.front() : nullptr;
}

/// The one variable of \p F that was declared before \p Start and runs
/// handlers.
std::string onlyContext(const FunctionDecl &F, const CallExpr &Start,
                        const SourceText &Text) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const SourceText &Text;
    std::optional<unsigned> Start;
    SmallVector<const VarDecl *, 1> Found;
    explicit Visitor(const SourceText &Text) : Text(Text) {}
    bool VisitVarDecl(const VarDecl *V) override {
      std::optional<unsigned> At = Text.offset(V->getLocation());
      if (At && Start && *At < *Start &&
          isExecutionContext(V->getType().getNonReferenceType()))
        Found.push_back(V);
      return true;
    }
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
  } V(Text);
  V.Start = Text.offset(Start.getBeginLoc());
  for (const ParmVarDecl *P : F.parameters())
    V.VisitVarDecl(P);
  V.TraverseStmt(F.getBody());
  if (V.Found.size() != 1)
    return "";
  return V.Found.front()->getNameAsString() + ".get_executor()";
}

} // namespace

const CXXMemberCallExpr *strandWrap(const Operation &Op) {
  const Expr *Token = asWritten(Op.HandlerArgument);
  while (const auto *Wrapper = dyn_cast_or_null<CallExpr>(Token)) {
    if (Token == Op.Handler || Wrapper->getNumArgs() == 0)
      return nullptr;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Wrapper))
      return Member;
    Token = asWritten(Wrapper->getArg(Wrapper->getNumArgs() - 1));
  }
  return nullptr;
}

bool hasGetExecutor(QualType Type) {
  Type = Type.getNonReferenceType();
  if (Type->isPointerType())
    Type = Type->getPointeeType();
  return hasMember(Type->getAsCXXRecordDecl(), "get_executor");
}

bool isExecutionContext(QualType Type) {
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->hasDefinition() &&
         any_of(Record->bases(), [](const CXXBaseSpecifier &Base) {
           const CXXRecordDecl *R = Base.getType()->getAsCXXRecordDecl();
           return R && R->getDeclName().isIdentifier() &&
                  R->getName() == "execution_context";
         });
}

bool isExecutor(QualType Type) {
  return hasMember(Type.getNonReferenceType()->getAsCXXRecordDecl(), "execute");
}

bool runsInItsFunction(const VarDecl *V) {
  if (!V || !V->isLocalVarDecl() || V->isStaticLocal() ||
      V->getType()->isReferenceType())
    return false;
  if (isExecutionContext(V->getType()))
    return hasMember(V->getType()->getAsCXXRecordDecl(), "run");
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl *V;
    bool Found = false;
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      const auto *From = dyn_cast<VarDecl>(E->getDecl());
      Found |= From != V && runsInItsFunction(From);
      return true;
    }
  } Init;
  Init.V = V;
  Init.TraverseStmt(V->getInit());
  return Init.Found;
}

std::string executorOf(const Operation &Op, const SourceText &Text,
                       const FunctionDecl *Around) {
  const Expr *Source = boundExecutor(Op);
  bool IsExecutor = Source && !hasGetExecutor(Source->getType());
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Op.Call);
      Member && !Source) {
    if (hasGetExecutor(Member->getImplicitObjectArgument()->getType()))
      Source = Member->getImplicitObjectArgument();
  } else if (!Source && Op.Call->getNumArgs() > 1) {
    QualType First = Op.Call->getArg(0)->getType();
    IsExecutor = !hasGetExecutor(First) && isExecutor(First);
    if (IsExecutor || hasGetExecutor(First))
      Source = Op.Call->getArg(0);
  }
  if (!Source && Around)
    return onlyContext(*Around, *Op.Call, Text);
  if (Source && !Around && mentionsLocal(Source)) {
    Source = madeFrom(Source);
    IsExecutor = Source && !hasGetExecutor(Source->getType());
  }
  if (!Source)
    return "";
  Source = asWritten(Source);
  if (isa<CXXThisExpr>(Source))
    return "get_executor()";
  bool IsPointer = Source->getType()->isPointerType();
  const auto *Through = dyn_cast<CXXOperatorCallExpr>(Source);
  const auto *Star = dyn_cast<UnaryOperator>(Source);
  if (Through && Through->getNumArgs() == 1 &&
      (Through->getOperator() == OO_Arrow ||
       Through->getOperator() == OO_Star)) {
    Source = Through->getArg(0);
    IsPointer = true;
  } else if (Star && Star->getOpcode() == UO_Deref) {
    Source = asWritten(Star->getSubExpr());
    IsPointer = true;
  }
  std::string Written = Text.text(Source->getSourceRange()).str();
  if (Written.empty() || IsExecutor)
    return Written;
  return Written + (IsPointer ? "->" : ".") + "get_executor()";
}

} // namespace coralc
