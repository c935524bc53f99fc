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

bool hasGetExecutor(QualType Type) {
  Type = Type.getNonReferenceType();
  if (Type->isPointerType())
    Type = Type->getPointeeType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (!Record || !Record->hasDefinition())
    return false;
  DeclarationName Name(&Record->getASTContext().Idents.get("get_executor"));
  if (!Record->lookup(Name).empty())
    return true;
  return any_of(Record->bases(), [](const CXXBaseSpecifier &Base) {
    return hasGetExecutor(Base.getType());
  });
}

} // namespace

std::string executorOf(const Operation &Op, const SourceText &Text,
                       bool SeesLocals) {
  const Expr *Source = nullptr;
  bool IsExecutor = false;
  if (Op.How == Operation::Form::CompletionToken &&
      asWritten(Op.HandlerArgument) != Op.Handler) {
    // bind_executor(executor, handler)
    if (const auto *Bind = dyn_cast<CallExpr>(asWritten(Op.HandlerArgument)))
      if (Bind->getNumArgs() == 2)
        Source = Bind->getArg(0);
    IsExecutor = Source && !hasGetExecutor(Source->getType());
  } else if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Op.Call)) {
    if (hasGetExecutor(Member->getImplicitObjectArgument()->getType()))
      Source = Member->getImplicitObjectArgument();
  } else if (Op.Call->getNumArgs() > 1) {
    if (hasGetExecutor(Op.Call->getArg(0)->getType()))
      Source = Op.Call->getArg(0);
  }
  if (!Source || (!SeesLocals && mentionsLocal(Source)))
    return "";
  Source = asWritten(Source);
  if (isa<CXXThisExpr>(Source))
    return "get_executor()";
  bool IsPointer = Source->getType()->isPointerType();
  if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Source);
      Arrow && Arrow->getOperator() == OO_Arrow) {
    Source = Arrow->getArg(0);
    IsPointer = true;
  }
  std::string Written = Text.text(Source->getSourceRange()).str();
  if (Written.empty() || IsExecutor)
    return Written;
  return Written + (IsPointer ? "->" : ".") + "get_executor()";
}

} // namespace coralc
