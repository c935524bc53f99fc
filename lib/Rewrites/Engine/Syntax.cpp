//===--- Syntax.cpp - What the user wrote, seen through the AST -----------===//

#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

std::string qualifiedName(const NamedDecl &D) {
  std::string Result;
  raw_string_ostream Out(Result);
  SmallVector<const NamedDecl *, 4> Path;
  for (const DeclContext *Context = D.getDeclContext(); Context;
       Context = Context->getParent()) {
    const auto *Namespace = dyn_cast<NamespaceDecl>(Context);
    if (Namespace &&
        (Namespace->isInline() || Namespace->isAnonymousNamespace()))
      continue;
    if (isa<NamespaceDecl, RecordDecl>(Context))
      Path.push_back(cast<NamedDecl>(Context));
  }
  for (const NamedDecl *Part : reverse(Path))
    Out << Part->getDeclName() << "::";
  Out << D.getDeclName();
  return Result;
}

bool isHandlerWrapper(StringRef Name) {
  return builtinVocabularies().has(Role::HandlerWrapper, Name);
}

const FunctionDecl *definitionOf(const FunctionDecl *F) {
  if (!F)
    return nullptr;
  const FunctionDecl *Definition = nullptr;
  return F->hasBody(Definition) ? Definition : F->getCanonicalDecl();
}

bool isVirtual(const FunctionDecl &F) {
  const auto *Method = dyn_cast<CXXMethodDecl>(&F);
  return Method && Method->isVirtual();
}

const CXXMethodDecl *callOperator(const LambdaExpr &L) {
  const FunctionTemplateDecl *Template = L.getDependentCallOperator();
  if (!Template)
    return L.getCallOperator();
  const CXXMethodDecl *Only = nullptr;
  for (const FunctionDecl *Instance : Template->specializations()) {
    if (!Instance->isDefined())
      continue;
    if (Only)
      return nullptr;
    Only = cast<CXXMethodDecl>(Instance);
  }
  return Only;
}

const Expr *asWritten(const Expr *E) {
  if (!E)
    return nullptr;
  for (;;) {
    const Expr *Inner = E->IgnoreUnlessSpelledInSource();
    if (const auto *Cleanups = dyn_cast<ExprWithCleanups>(Inner))
      Inner = Cleanups->getSubExpr();
    if (const auto *Default = dyn_cast<CXXDefaultArgExpr>(Inner))
      Inner = Default->getExpr();
    if (Inner == E)
      return E;
    E = Inner;
  }
}

bool isBareReturn(const Stmt *S) {
  const auto *Return = dyn_cast<ReturnStmt>(S);
  return Return && !Return->getRetValue();
}

const CallExpr *statementCall(const Stmt *S) {
  const Expr *E = asWritten(dyn_cast_or_null<Expr>(S));
  while (const auto *Cast = dyn_cast_or_null<ExplicitCastExpr>(E)) {
    if (!Cast->getType()->isVoidType())
      return nullptr;
    E = asWritten(Cast->getSubExpr());
  }
  return dyn_cast_or_null<CallExpr>(E);
}

bool mentions(const Stmt *S, const ValueDecl *D) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const ValueDecl *Wanted;
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      return E->getDecl() != Wanted;
    }
    bool VisitMemberExpr(const MemberExpr *E) override {
      return E->getMemberDecl() != Wanted;
    }
  } V;
  V.Wanted = D;
  return !V.TraverseStmt(S);
}

bool refersToOthers(QualType Type) {
  if (Type->isPointerType())
    return true;
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->hasDefinition() && Record->isTriviallyCopyable() &&
         any_of(Record->fields(), [](const FieldDecl *F) {
           return F->getType()->isPointerType() ||
                  F->getType()->isReferenceType();
         });
}

bool isSharedFromThis(const Expr *E) {
  const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(asWritten(E));
  if (!Call || !Call->getMethodDecl())
    return false;
  const CXXMethodDecl *Method = Call->getMethodDecl();
  return Method->getDeclName().isIdentifier() &&
         Method->getName() == "shared_from_this" &&
         isa<CXXThisExpr>(
             Call->getImplicitObjectArgument()->IgnoreParenImpCasts());
}

const VarDecl *variableNamedBy(const Expr *E) {
  E = asWritten(E);
  if (const auto *Call = dyn_cast<CallExpr>(E))
    if (Call->isCallToStdMove())
      E = asWritten(Call->getArg(0));
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  return V && V->hasLocalStorage() ? V : nullptr;
}

/// Both are of one class template, such as std::shared_ptr.
static bool isSameKindOfPointer(QualType A, QualType B) {
  auto Template = [](QualType Type) -> const Decl * {
    const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
        Type.getNonReferenceType()->getAsCXXRecordDecl());
    return Record ? Record->getSpecializedTemplate()->getCanonicalDecl()
                  : nullptr;
  };
  return Template(A) == Template(B);
}

bool isSharedFromThisCopy(const VarDecl *Var) {
  if (!Var->hasInit())
    return false;
  const Expr *Init = asWritten(Var->getInit());
  // A weak pointer holds nothing.
  if (!isSameKindOfPointer(Var->getType(), Init->getType()))
    return false;
  if (isSharedFromThis(Init))
    return true;
  // Moved into a capture it is held by the next handler.
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Init);
  const VarDecl *From = Ref ? dyn_cast<VarDecl>(Ref->getDecl())
                        : Var->isInitCapture() ? variableNamedBy(Init)
                                               : nullptr;
  return From && From != Var && isSharedFromThisCopy(From);
}

} // namespace coralc
