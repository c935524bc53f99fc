//===--- Syntax.cpp - What the user wrote, seen through the AST -----------===//

#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
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

bool isNamed(const FunctionDecl *F, ArrayRef<StringRef> Names) {
  return F && F->getDeclName().isIdentifier() &&
         is_contained(Names, F->getName());
}

const FunctionDecl *definitionOf(const FunctionDecl *F) {
  if (!F)
    return nullptr;
  if (const FunctionDecl *Read = instanceToRead(*F))
    return Read;
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

/// The function that \p Call names; in a template one that it may mean.
static const NamedDecl *calleeOf(const CallExpr &Call) {
  if (const FunctionDecl *F = Call.getDirectCallee())
    return F;
  const auto *Overloads =
      dyn_cast<OverloadExpr>(Call.getCallee()->IgnoreParenImpCasts());
  return Overloads && Overloads->getNumDecls() ? *Overloads->decls_begin()
                                               : nullptr;
}

static bool isNamedInStd(const CallExpr &Call, ArrayRef<StringRef> Names) {
  const NamedDecl *Callee = calleeOf(Call);
  Callee = Callee ? Callee->getUnderlyingDecl() : nullptr;
  return Callee && Callee->getDeclName().isIdentifier() &&
         is_contained(Names, Callee->getName()) && Callee->isInStdNamespace();
}

const Expr *withoutMove(const Expr *E) {
  E = asWritten(E);
  const auto *Call = dyn_cast_or_null<CallExpr>(E);
  return Call && Call->getNumArgs() == 1 &&
                 isNamedInStd(*Call, {"move", "forward"})
             ? asWritten(Call->getArg(0))
             : E;
}

bool isInvoke(const CallExpr &Call) {
  return Call.getNumArgs() > 0 && isNamedInStd(Call, {"invoke"});
}

const Expr *calledObject(const CallExpr &Call) {
  const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
  if (Operator ? Operator->getOperator() == OO_Call : isInvoke(Call))
    return asWritten(Call.getArg(0));
  const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
  if (const auto *Star = dyn_cast<UnaryOperator>(Callee))
    if (Star->getOpcode() == UO_Deref)
      Callee = Star->getSubExpr()->IgnoreParenImpCasts();
  return Callee;
}

SmallVector<const Expr *, 4> argumentsBehindObject(const CallExpr &Call) {
  // The first argument of operator() is the object itself.
  return SmallVector<const Expr *, 4>(drop_begin(
      Call.arguments(), isa<CXXOperatorCallExpr>(Call) || isInvoke(Call)));
}

bool isBareReturn(const Stmt *S) {
  const auto *Return = dyn_cast<ReturnStmt>(S);
  return Return && !Return->getRetValue();
}

SourceRange headOf(const SwitchStmt &Switch) {
  return {Switch.getSwitchLoc(), Switch.getRParenLoc()};
}

SmallVector<const Stmt *, 3> partsOfHead(const SwitchStmt &Switch) {
  SmallVector<const Stmt *, 3> Result{Switch.getInit(),
                                      Switch.getConditionVariableDeclStmt(),
                                      Switch.getCond()};
  erase(Result, nullptr);
  return Result;
}

SourceRange labelOf(const SwitchCase &Label) {
  return {Label.getKeywordLoc(), Label.getColonLoc()};
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

bool isOnThis(const CallExpr &Call) {
  const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
  return Member &&
         isa<CXXThisExpr>(asWritten(Member->getImplicitObjectArgument()));
}

bool contains(const Stmt *Outer, const Stmt *Inner) {
  return Outer == Inner || any_of(Outer->children(), [&](const Stmt *Child) {
           return Child && contains(Child, Inner);
         });
}

StringRef withoutUnderscore(StringRef Member) {
  StringRef Bare = Member;
  if (Bare.consume_front("m_") || Bare.consume_back("_"))
    return Bare.empty() ? Member : Bare;
  return Member;
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

SmallPtrSet<const ValueDecl *, 4> givenUpBy(const Expr *Init) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const ValueDecl *, 4> Found;
    void add(const Expr *E) {
      E = E->IgnoreParenImpCasts();
      if (const auto *Ref = dyn_cast<DeclRefExpr>(E))
        Found.insert(Ref->getDecl());
      if (const auto *Member = dyn_cast<MemberExpr>(E))
        Found.insert(Member->getMemberDecl());
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      const FunctionDecl *Callee = Call->getDirectCallee();
      if (Callee && (Call->isCallToStdMove() ||
                     qualifiedName(*Callee) == "std::exchange"))
        add(Call->getArg(0));
      return true;
    }
    bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
      const CXXMethodDecl *Method = Call->getMethodDecl();
      if (Method && Method->getDeclName().isIdentifier() &&
          Method->getName() == "release")
        add(Call->getImplicitObjectArgument());
      return true;
    }
  } V;
  V.TraverseStmt(Init);
  return V.Found;
}

unsigned countMentions(const Stmt *S, const VarDecl &V) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl &V;
    unsigned Count = 0;
    explicit Visitor(const VarDecl &V) : V(V) {}
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Count += E->getDecl() == &V;
      return true;
    }
  } Visitor(V);
  Visitor.TraverseStmt(S);
  return Visitor.Count;
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

bool asksForSelf(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
      Found |= isSharedFromThis(Call);
      return true;
    }
  } V;
  V.TraverseStmt(S);
  return V.Found;
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

bool neverChanges(const VarDecl &V) {
  if (V.getType()->isReferenceType())
    return true;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl &V;
    unsigned Uses = 0, Reads = 0;
    explicit Visitor(const VarDecl &V) : V(V) {}
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Uses += E->getDecl() == &V;
      return true;
    }
    bool VisitCastExpr(const CastExpr *E) override {
      const auto *Ref = dyn_cast<DeclRefExpr>(E->getSubExpr()->IgnoreParens());
      bool Reads = E->getCastKind() == CK_LValueToRValue ||
                   E->getCastKind() == CK_ToVoid;
      this->Reads += Reads && Ref && Ref->getDecl() == &V;
      return true;
    }
  } Uses(V);
  const auto *Function = dyn_cast<FunctionDecl>(V.getDeclContext());
  Uses.TraverseStmt(Function ? Function->getBody() : nullptr);
  return Function && Uses.Uses == Uses.Reads;
}

bool isCounted(const VarDecl &V) {
  QualType Type = V.getType().getNonReferenceType();
  return !Type->isBooleanType() && !Type.isVolatileQualified() &&
         (Type->isArithmeticType() || Type->isObjectPointerType());
}

/// \p F as it is written, in a template if it is an instance of one.
static const FunctionDecl *patternOf(const FunctionDecl &F) {
  const FunctionDecl *Pattern = F.getTemplateInstantiationPattern();
  return Pattern ? Pattern : F.getDefinition();
}

/// What \p F returns, if that is all it does.
static const Expr *onlyReturn(const FunctionDecl &F) {
  const auto *Body = dyn_cast_or_null<CompoundStmt>(F.getBody());
  const auto *Return = Body && Body->size() == 1
                           ? dyn_cast<ReturnStmt>(Body->body_front())
                           : nullptr;
  return Return && Return->getRetValue()
             ? asWritten(Return->getRetValue())->IgnoreParens()
             : nullptr;
}

static const Expr *operandOfNot(const Expr *E) {
  const Expr *Operand = nullptr;
  if (const auto *Not = dyn_cast_or_null<UnaryOperator>(E))
    Operand = Not->getOpcode() == UO_LNot ? Not->getSubExpr() : nullptr;
  if (const auto *Call = dyn_cast_or_null<CXXOperatorCallExpr>(E))
    Operand = Call->getOperator() == OO_Exclaim ? Call->getArg(0) : nullptr;
  return Operand ? asWritten(Operand)->IgnoreParens() : nullptr;
}

static bool isSameCode(const Expr *A, const Expr *B,
                       const ASTContext &Context) {
  FoldingSetNodeID First, Second;
  A->Profile(First, Context, /*Canonical=*/true);
  B->Profile(Second, Context, /*Canonical=*/true);
  return First == Second;
}

/// \p NotEqual, an operator !=, returns the opposite of what == does: it calls
/// that, or does the same as one beside it.
static bool isOpposite(const FunctionDecl &NotEqual) {
  const FunctionDecl *Own = patternOf(NotEqual);
  const Expr *Negated = Own ? operandOfNot(onlyReturn(*Own)) : nullptr;
  // In a template, ! may still become a call.
  if (!Negated || !NotEqual.getDefinition() ||
      !isa_and_present<UnaryOperator>(onlyReturn(*NotEqual.getDefinition())))
    return false;
  if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(Negated))
    if (Call->getOperator() == OO_EqualEqual)
      return true;
  return any_of(Own->getLexicalDeclContext()->decls(), [&](const Decl *D) {
    if (const auto *Friend = dyn_cast<FriendDecl>(D))
      D = Friend->getFriendDecl();
    const auto *Equal = dyn_cast_or_null<FunctionDecl>(D);
    if (!Equal || Equal->getOverloadedOperator() != OO_EqualEqual ||
        !equal(Equal->parameters(), Own->parameters(),
               [&](const ParmVarDecl *A, const ParmVarDecl *B) {
                 return Own->getASTContext().hasSameType(A->getType(),
                                                         B->getType());
               }))
      return false;
    const Expr *Returned = onlyReturn(*Equal);
    return Returned && isSameCode(Returned, Negated, Own->getASTContext());
  });
}

bool isStepOfItself(const Expr *E) {
  const auto *Call = dyn_cast<CXXOperatorCallExpr>(asWritten(E));
  const auto *Operator =
      Call && Call->getNumArgs() == 1
          ? dyn_cast_or_null<CXXMethodDecl>(Call->getDirectCallee())
          : nullptr;
  if (!Operator ||
      (Call->getOperator() != OO_PlusPlus &&
       Call->getOperator() != OO_MinusMinus) ||
      !Operator->getReturnType()->isLValueReferenceType())
    return false;
  if (Operator->getParent()->isInStdNamespace())
    return true;
  const auto *Body = dyn_cast_or_null<CompoundStmt>(Operator->getBody());
  const auto *Return = Body && !Body->body_empty()
                           ? dyn_cast<ReturnStmt>(Body->body_back())
                           : nullptr;
  const auto *Object =
      Return ? dyn_cast<UnaryOperator>(asWritten(Return->getRetValue()))
             : nullptr;
  return Object && Object->getOpcode() == UO_Deref &&
         isa<CXXThisExpr>(asWritten(Object->getSubExpr())) &&
         none_of(drop_end(Body->body()),
                 [](const Stmt *S) { return !isa<Expr>(S); });
}

std::optional<Equality> equalityOfObjects(const Expr *E) {
  E = E->IgnoreParenImpCasts();
  if (const auto *Cleanups = dyn_cast<ExprWithCleanups>(E))
    E = Cleanups->getSubExpr()->IgnoreParenImpCasts();
  // Where there is no !=, it is what == is not.
  if (const auto *Rewritten = dyn_cast<CXXRewrittenBinaryOperator>(E))
    if (Rewritten->getOpcode() == BO_NE)
      return Equality{Rewritten->getLHS(), Rewritten->getRHS(), false};
  const auto *Call = dyn_cast<CXXOperatorCallExpr>(E);
  if (!Call || Call->getNumArgs() != 2)
    return std::nullopt;
  const FunctionDecl *Operator = Call->getDirectCallee();
  Equality Result{Call->getArg(0), Call->getArg(1),
                  Call->getOperator() == OO_EqualEqual};
  if (Operator && Result.IsEqual && Operator->isInStdNamespace())
    return Result;
  if (Operator && Call->getOperator() == OO_ExclaimEqual &&
      isOpposite(*Operator))
    return Result;
  return std::nullopt;
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

/// The variable of which \p Var is made a copy, or that is moved into it.
static const VarDecl *copiedFrom(const VarDecl &Var) {
  const Expr *Init = asWritten(Var.getInit());
  // Moved into a capture it is held by the next handler.
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Init);
  const VarDecl *From = Ref ? dyn_cast<VarDecl>(Ref->getDecl())
                        : Var.isInitCapture() ? variableNamedBy(Init)
                                              : nullptr;
  return From != &Var ? From : nullptr;
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
  const VarDecl *From = copiedFrom(*Var);
  return From && isSharedFromThisCopy(From);
}

const VarDecl *ownerNamedBy(const Expr *Object) {
  Object = asWritten(Object);
  QualType Pointer;
  if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Object)) {
    if (Arrow->getOperator() != OO_Arrow)
      return nullptr;
    Pointer = Arrow->getType();
    Object = asWritten(Arrow->getArg(0));
  }
  const auto *Ref = dyn_cast<DeclRefExpr>(Object);
  const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  if (!V || Pointer.isNull() || !isSharedFromThisCopy(V))
    return nullptr;
  const VarDecl *First = V;
  while (!isSharedFromThis(First->getInit()))
    First = copiedFrom(*First);
  const Expr *This = cast<CXXMemberCallExpr>(asWritten(First->getInit()))
                         ->getImplicitObjectArgument()
                         ->IgnoreParenImpCasts();
  return V->getASTContext().hasSameType(Pointer->getPointeeType(),
                                        This->getType()->getPointeeType())
             ? V
             : nullptr;
}

void forEachCall(const Stmt *S, function_ref<void(const CallExpr &)> Visit) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    function_ref<void(const CallExpr &)> Visit;
    explicit Visitor(function_ref<void(const CallExpr &)> Visit)
        : Visit(Visit) {}
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    bool TraverseCXXRecordDecl(const CXXRecordDecl *) override { return true; }
    bool VisitCallExpr(const CallExpr *Call) override {
      Visit(*Call);
      return true;
    }
  };
  Visitor(Visit).TraverseStmt(S);
}

SmallVector<const ReturnStmt *, 2> returnsOf(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallVector<const ReturnStmt *, 2> Found;
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    bool TraverseCXXRecordDecl(const CXXRecordDecl *) override { return true; }
    bool VisitReturnStmt(const ReturnStmt *R) override {
      Found.push_back(R);
      return true;
    }
  } V;
  V.TraverseStmt(S);
  return V.Found;
}

} // namespace coralc
