//===--- Executor.cpp - Where an operation's handler runs -----------------===//

#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
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

std::pair<const Expr *, bool> executorSource(const Operation &Op) {
  if (const Expr *Bound = boundExecutor(Op))
    return {Bound, !hasGetExecutor(Bound->getType())};
  const Expr *Source = nullptr;
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Op.Call))
    Source = Member->getImplicitObjectArgument();
  else if (Op.Call->getNumArgs() > 1)
    Source = Op.Call->getArg(0);
  if (!Source)
    return {nullptr, false};
  if (hasGetExecutor(Source->getType()))
    return {Source, false};
  bool IsExecutor =
      !isa<CXXMemberCallExpr>(Op.Call) && isExecutor(Source->getType());
  return {IsExecutor ? Source : nullptr, IsExecutor};
}

bool hasBoundExecutor(const Operation &Op) {
  return boundExecutor(Op) != nullptr;
}

ExecutorOrigins::ExecutorOrigins(const SourceText &Text) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    ExecutorOrigins &To;
    unsigned Contexts = 0;
    bool HasOthers = false;
    explicit Visitor(ExecutorOrigins &To) : To(To) {}
    bool VisitCXXConstructorDecl(const CXXConstructorDecl *C) override {
      for (const CXXCtorInitializer *Init : C->inits())
        if (Init->isMemberInitializer())
          To.Made[Init->getMember()].push_back(Init->getInit());
      return true;
    }
    bool VisitDeclaratorDecl(const DeclaratorDecl *D) override {
      if (isa<ValueDecl>(D))
        note(D->getType());
      return true;
    }
    bool VisitExpr(const Expr *E) override {
      if (isa<CXXNewExpr>(E))
        note(E->getType()->getPointeeType());
      else if (const auto *Call = dyn_cast<CallExpr>(E))
        note(Call->getType());
      return true;
    }
    void note(QualType Type) {
      const CXXRecordDecl *Record =
          Type.getNonReferenceType()->getAsCXXRecordDecl();
      if (!Record || !Record->getDeclName().isIdentifier())
        return;
      bool IsReference = Type->isReferenceType();
      StringRef Name = Record->getName();
      HasOthers |= Name == "strand" || Name == "thread_pool" ||
                   Name == "system_context" || Name == "basic_system_executor";
      if (const auto *Special =
              dyn_cast<ClassTemplateSpecializationDecl>(Record);
          Special && Record->isInStdNamespace() &&
          Special->getTemplateArgs().size() > 0 &&
          Special->getTemplateArgs()[0].getKind() == TemplateArgument::Type)
        HasOthers |=
            isExecutionContext(Special->getTemplateArgs()[0].getAsType());
      Contexts += !IsReference && isExecutionContext(Type);
    }
  } V(*this);
  forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
  AreAllTheSame = V.Contexts <= 1 && !V.HasOthers;
}

const ValueDecl *ExecutorOrigins::originOf(const Expr *E,
                                           unsigned Depth) const {
  E = E ? asWritten(E) : nullptr;
  if (!E || Depth > 8)
    return nullptr;
  if (const auto *Ref = dyn_cast<DeclRefExpr>(E))
    return originOf(*Ref->getDecl(), Depth);
  if (const auto *Member = dyn_cast<MemberExpr>(E))
    return originOf(*Member->getMemberDecl(), Depth);
  if (const auto *Unary = dyn_cast<UnaryOperator>(E))
    return originOf(Unary->getSubExpr(), Depth + 1);
  if (const auto *New = dyn_cast<CXXNewExpr>(E))
    return originOf(New->getInitializer(), Depth + 1);
  if (const auto *List = dyn_cast<InitListExpr>(E))
    return List->getNumInits() ? originOf(List->getInit(0), Depth + 1)
                               : nullptr;
  if (const auto *Paren = dyn_cast<ParenListExpr>(E))
    return Paren->getNumExprs() ? originOf(Paren->getExpr(0), Depth + 1)
                                : nullptr;
  if (const auto *Made = dyn_cast<CXXConstructExpr>(E))
    return Made->getNumArgs() ? originOf(Made->getArg(0), Depth + 1) : nullptr;
  // The executor of an object, or the object itself behind a pointer.
  if (const auto *Call = dyn_cast<CXXMemberCallExpr>(E))
    return originOf(Call->getImplicitObjectArgument(), Depth + 1);
  const auto *Call = dyn_cast<CallExpr>(E);
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  if (!Callee || Call->getNumArgs() == 0)
    return nullptr;
  bool PassesOn =
      isa<CXXOperatorCallExpr>(Call) || Call->isCallToStdMove() ||
      (Callee->getDeclName().isIdentifier() &&
       is_contained({"make_shared", "make_unique", "ref"}, Callee->getName()));
  return PassesOn ? originOf(Call->getArg(0), Depth + 1) : nullptr;
}

const ValueDecl *ExecutorOrigins::originOf(const ValueDecl &D,
                                           unsigned Depth) const {
  const CXXRecordDecl *Record =
      D.getType().getNonReferenceType()->getAsCXXRecordDecl();
  // A strand is an executor of its own.
  if (Record && Record->getDeclName().isIdentifier() &&
      Record->getName() == "strand")
    return &D;
  const ValueDecl *Origin = nullptr;
  if (const auto *Field = dyn_cast<FieldDecl>(&D)) {
    for (const Expr *Init : Made.lookup(Field)) {
      const ValueDecl *From = originOf(Init, Depth + 1);
      // Each constructor has parameters of its own.
      if (!From || (Origin && Origin->getDeclName() != From->getDeclName()))
        return &D;
      Origin = From;
    }
  } else if (const auto *V = dyn_cast<VarDecl>(&D);
             V && !isa<ParmVarDecl>(V) && !isExecutionContext(V->getType())) {
    Origin = originOf(V->getInit(), Depth + 1);
  }
  return Origin ? Origin : &D;
}

bool ExecutorOrigins::isSame(const Operation &A, const Operation &B) const {
  if (AreAllTheSame)
    return true;
  const ValueDecl *First = originOf(executorSource(A).first, 0);
  return First && First == originOf(executorSource(B).first, 0);
}

std::string executorOf(const Operation &Op, const SourceText &Text,
                       const FunctionDecl *Around) {
  auto [Source, IsExecutor] = executorSource(Op);
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
