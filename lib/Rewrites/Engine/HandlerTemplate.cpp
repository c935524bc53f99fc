//===--- HandlerTemplate.cpp - Templates over a handler's type ------------===//

#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

const FunctionTemplateDecl *templateOf(const FunctionDecl &F) {
  const FunctionTemplateDecl *Template = F.getDescribedFunctionTemplate();
  return Template ? Template : F.getPrimaryTemplate();
}

/// Its only parameter, if that is a type which has to be deduced.
const TemplateTypeParmDecl *onlyType(const FunctionTemplateDecl &Template) {
  const TemplateParameterList &Parameters = *Template.getTemplateParameters();
  const auto *Type =
      Parameters.size() == 1
          ? dyn_cast<TemplateTypeParmDecl>(Parameters.getParam(0))
          : nullptr;
  return Type && !Type->isParameterPack() && !Type->hasDefaultArgument()
             ? Type
             : nullptr;
}

/// `Handler`, `Handler &&` or `const Handler &`.
bool isOfHandlerType(const ParmVarDecl &P) {
  QualType Type = P.getType();
  if (Type->isLValueReferenceType() &&
      !Type->getPointeeType().isConstQualified())
    return false;
  if (Type->isRValueReferenceType() &&
      Type->getPointeeType().isConstQualified())
    return false;
  return Type.getNonReferenceType()->isTemplateTypeParmType();
}

/// All that \p F, which is a template, says of itself that depends on its
/// argument is the type of its last parameter.
bool takesAnyHandler(const FunctionDecl &F) {
  if (F.param_empty() || F.getDeclContext()->isDependentContext() ||
      !F.getReturnType()->isVoidType() || F.isVariadic() || F.isConstexpr() ||
      F.isOverloadedOperator() || isa<CXXConstructorDecl>(F) ||
      F.getExceptionSpecType() != EST_None)
    return false;
  return isOfHandlerType(*F.parameters().back()) &&
         none_of(F.parameters().drop_back(), [](const ParmVarDecl *P) {
           return P->getType()->isDependentType();
         });
}

/// All functions that \p Call may call return nothing, so that none of them is
/// an operation of a library.
bool returnsNothing(const CallExpr &Call) {
  auto IsPlain = [](const NamedDecl *D) {
    const FunctionDecl *F = D->getUnderlyingDecl()->getAsFunction();
    return F && F->getReturnType()->isVoidType();
  };
  if (const FunctionDecl *F = Call.getDirectCallee())
    return IsPlain(F);
  const auto *Overloads =
      dyn_cast<OverloadExpr>(Call.getCallee()->IgnoreParenImpCasts());
  return Overloads && Overloads->getNumDecls() &&
         all_of(Overloads->decls(), IsPlain);
}

/// The handler, and the captures that carry it on.
class Carriers {
public:
  explicit Carriers(const FunctionDecl &F) {
    Known.insert(F.parameters().back());
  }

  bool contains(const ValueDecl *D) const { return Known.contains(D); }
  /// \p E is the handler, or moves from it.
  bool isSource(const Expr *E) const {
    const auto *Ref = dyn_cast<DeclRefExpr>(withoutMove(E));
    return Ref && contains(Ref->getDecl());
  }
  /// \p C, which is computed, gets the handler.
  bool add(const LambdaExpr &L, const LambdaCapture &C) {
    const auto *V =
        C.capturesVariable() ? dyn_cast<VarDecl>(C.getCapturedVar()) : nullptr;
    if (!V || !L.isInitCapture(&C) || C.getCaptureKind() == LCK_ByRef ||
        !isSource(V->getInit()))
      return false;
    Known.insert(V);
    return true;
  }

private:
  SmallPtrSet<const ValueDecl *, 4> Known;
};

/// Looks for what a template does with its handler other than to capture it,
/// to call it, and to hand it on as the last argument.
class PatternChecker : public ConstDynamicRecursiveASTVisitor {
public:
  PatternChecker(const FunctionDecl &F, const TemplateTypeParmDecl &Type)
      : Handler(F), Type(Type) {}

  bool IsPlain = true;
  bool IsUsed = false;

  bool TraverseLambdaCapture(const LambdaExpr *L, const LambdaCapture *C,
                             const Expr *Init) override {
    if (Handler.add(*L, *C))
      return true;
    if (!C->capturesVariable() || !Handler.contains(C->getCapturedVar()))
      return ConstDynamicRecursiveASTVisitor::TraverseLambdaCapture(L, C, Init);
    IsPlain &= C->getCaptureKind() == LCK_ByCopy;
    return true;
  }
  bool TraverseCallExpr(const CallExpr *Call) override {
    return readCall(*Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCallExpr(Call);
  }
  bool TraverseCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
    return readCall(*Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCXXMemberCallExpr(Call);
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    IsPlain &= !Handler.contains(E->getDecl());
    return true;
  }
  bool VisitTemplateTypeParmTypeLoc(TemplateTypeParmTypeLoc Loc) override {
    const TemplateTypeParmType *Named = Loc.getTypePtr();
    IsPlain &= Named->getDepth() != Type.getDepth() ||
               Named->getIndex() != Type.getIndex();
    return true;
  }

private:
  bool readCall(const CallExpr &Call) {
    bool Calls = Handler.isSource(calledObject(Call));
    unsigned Count = Call.getNumArgs();
    if (!Calls && (Count == 0 || !Handler.isSource(Call.getArg(Count - 1)) ||
                   isMove(Call) || !returnsNothing(Call)))
      return false;
    IsUsed = true;
    if (!Calls)
      TraverseStmt(Call.getCallee());
    SmallVector<const Expr *, 4> Others = argumentsBehindObject(Call);
    if (!Calls)
      Others.pop_back();
    for (const Expr *Argument : Others) {
      // Braces mean what the handler makes of them.
      IsPlain &= !Calls || !isa<InitListExpr>(Argument);
      TraverseStmt(Argument);
    }
    return true;
  }

  static bool isMove(const CallExpr &Call) {
    return withoutMove(&Call) != &Call;
  }

  Carriers Handler;
  const TemplateTypeParmDecl &Type;
};

bool isPlain(const FunctionDecl &Pattern, const TemplateTypeParmDecl &Type) {
  PatternChecker Checker(Pattern, Type);
  Checker.TraverseStmt(Pattern.getBody());
  return Checker.IsPlain && Checker.IsUsed;
}

/// The instances of \p Template that have a body; none where some argument has
/// a function of its own.
SmallVector<const FunctionDecl *, 4>
instancesOf(const FunctionTemplateDecl &Template) {
  SmallVector<const FunctionDecl *, 4> Result;
  for (const FunctionDecl *F : Template.specializations()) {
    if (F->getTemplateSpecializationKind() != TSK_ImplicitInstantiation)
      return {};
    if (F->isThisDeclarationADefinition() && F->hasBody() &&
        !F->isInvalidDecl())
      Result.push_back(F);
  }
  return Result;
}

/// What an instance does with its handler, and what else it calls.
class InstanceReader : public ConstDynamicRecursiveASTVisitor {
public:
  explicit InstanceReader(const FunctionDecl &F) : Handler(F) {
    TraverseStmt(F.getBody());
  }

  SmallVector<const CallExpr *, 4> Calls, HandedOn;
  SmallVector<std::pair<SourceLocation, const Decl *>, 16> Others;

  bool TraverseLambdaCapture(const LambdaExpr *L, const LambdaCapture *C,
                             const Expr *Init) override {
    Handler.add(*L, *C);
    return ConstDynamicRecursiveASTVisitor::TraverseLambdaCapture(L, C, Init);
  }
  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    if (!L->isGenericLambda() || !callOperator(*L))
      return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
    for (const LambdaCapture &C : L->captures())
      Handler.add(*L, C);
    return TraverseStmt(callOperator(*L)->getBody());
  }
  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    if (Handler.isSource(calledObject(*Call))) {
      Calls.push_back(Call);
      return true;
    }
    if (unsigned Count = Call->getNumArgs();
        Count && Handler.isSource(Call->getArg(Count - 1)) &&
        withoutMove(Call) == Call)
      HandedOn.push_back(Call);
    // What a handler takes is converted to that.
    if (isa_and_present<CXXConversionDecl>(Callee))
      return true;
    const FunctionTemplateDecl *Template =
        Callee ? Callee->getPrimaryTemplate() : nullptr;
    const Decl *D = Template ? cast<Decl>(Template) : Callee;
    Others.push_back({Call->getBeginLoc(), D ? D->getCanonicalDecl() : D});
    return true;
  }

private:
  Carriers Handler;
};

/// The function that \p Call, which calls a handler, runs; null where that is
/// not known.
const FunctionDecl *runBy(const CallExpr &Call) {
  if (!isInvoke(Call))
    return Call.getDirectCallee();
  const CXXRecordDecl *Record =
      calledObject(Call)->getType()->getAsCXXRecordDecl();
  return Record && Record->isLambda() && !Record->isGenericLambda()
             ? Record->getLambdaCallOperator()
             : nullptr;
}

bool isWrittenForAnything(const FunctionDecl &F) {
  return F.getPrimaryTemplate() != nullptr;
}

/// \p E is a variable of the function that calls the handler, or a part of one,
/// which nobody looks at behind the call.
bool isOwnVariable(const Expr *E) {
  E = asWritten(E);
  while (const auto *Member = dyn_cast<MemberExpr>(E)) {
    if (Member->isArrow() ||
        Member->getMemberDecl()->getType()->isReferenceType())
      return false;
    E = asWritten(Member->getBase());
  }
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  return V && V->hasLocalStorage() && !V->getType()->isReferenceType();
}

/// The value of \p Argument is all that the handler gets, as its parameter \p
/// I.
bool isValue(const Expr *Argument, unsigned I, const FunctionDecl *Handler,
             bool IsPublic) {
  const Expr *E = asWritten(Argument);
  if (!E->isLValue())
    return true;
  QualType Type = E->getType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (Record && Record->hasDefinition() && Record->isPolymorphic())
    return false;
  bool ShowsChange =
      !Type.isConstQualified() && !Type->isFunctionType() && !isOwnVariable(E);
  if (!Handler)
    return !ShowsChange;
  QualType Taken = Handler->getParamDecl(I)->getType();
  bool Changes = Taken->isLValueReferenceType() &&
                 !Taken->getPointeeType().isConstQualified();
  return !(ShowsChange && (Changes || IsPublic)) &&
         !(Changes && !isWrittenForAnything(*Handler));
}

/// What calls hand over in one place.
struct Column {
  QualType Type;
  bool IsSame = true;
  /// What all handlers take there, if it is one type.
  QualType Taken;
  bool IsTakenAlike = true;

  void add(QualType Given, QualType TakenAs, const ASTContext &Context) {
    if (Type.isNull())
      Type = Given;
    IsSame &= Context.hasSameType(Type, Given);
    if (Taken.isNull())
      Taken = TakenAs;
    IsTakenAlike &= !TakenAs.isNull() && Context.hasSameType(Taken, TakenAs);
  }
};

/// What calls of handlers hand over.
class Columns {
public:
  explicit Columns(bool IsPublic) : IsPublic(IsPublic) {}

  bool add(const CallExpr &Call, const ASTContext &Context) {
    SmallVector<const Expr *, 4> Arguments(argumentsBehindObject(Call));
    if (!start(Arguments.size()))
      return false;
    const FunctionDecl *Handler = runBy(Call);
    if (Handler && Handler->getNumParams() < Arguments.size())
      Handler = nullptr;
    for (auto [I, Argument] : enumerate(Arguments)) {
      const Expr *E = asWritten(Argument);
      if (isa<CXXDefaultArgExpr>(Argument) || E->isTypeDependent() ||
          E->getType()->isVoidType() ||
          !isValue(Argument, I, Handler, IsPublic))
        return false;
      QualType Taken;
      if (Handler && !isWrittenForAnything(*Handler))
        Taken = valueOf(Handler->getParamDecl(I)->getType(), Context);
      All[I].add(valueOf(E->getType(), Context), Taken, Context);
    }
    return true;
  }
  bool add(ArrayRef<QualType> Values, const ASTContext &Context) {
    if (!start(Values.size()))
      return false;
    for (auto [C, Type] : zip(All, Values))
      C.add(Type, QualType(), Context);
    return true;
  }
  /// One type for each place. Where calls differ and all handlers are known, it
  /// is what these take.
  std::optional<SmallVector<QualType, 2>> types() const {
    SmallVector<QualType, 2> Result;
    for (const Column &C : All) {
      if (!C.IsSame && (IsPublic || !C.IsTakenAlike))
        return std::nullopt;
      Result.push_back(C.IsSame ? C.Type : C.Taken);
    }
    return IsStarted ? std::optional(Result) : std::nullopt;
  }

private:
  bool start(size_t Count) {
    if (!IsStarted)
      All.resize(Count);
    IsStarted = true;
    return All.size() == Count;
  }
  static QualType valueOf(QualType Type, const ASTContext &Context) {
    Type = Type.getNonReferenceType();
    if (Type->isArrayType() || Type->isFunctionType())
      Type = Context.getDecayedType(Type);
    return Type.getUnqualifiedType();
  }

  bool IsPublic;
  bool IsStarted = false;
  SmallVector<Column, 2> All;
};

} // namespace

const FunctionDecl *instanceToRead(const FunctionDecl &F) {
  const FunctionTemplateDecl *Template = templateOf(F);
  const TemplateTypeParmDecl *Type = Template ? onlyType(*Template) : nullptr;
  const FunctionDecl *Pattern = nullptr;
  if (!Type || Template->getInstantiatedFromMemberTemplate() ||
      !takesAnyHandler(*Template->getTemplatedDecl()) ||
      !Template->getTemplatedDecl()->isDefined(Pattern) ||
      !Pattern->hasBody() || !isPlain(*Pattern, *Type))
    return nullptr;
  SmallVector<const FunctionDecl *, 4> Instances = instancesOf(*Template);
  return Instances.empty() ? nullptr : Instances.front();
}

bool isReadForTemplate(const FunctionDecl &F) {
  return F.isTemplateInstantiation() && instanceToRead(F) == &F;
}

const FunctionDecl &writtenFor(const FunctionDecl &F) {
  if (!isReadForTemplate(F))
    return F;
  const FunctionDecl *Pattern = F.getPrimaryTemplate()->getTemplatedDecl();
  return Pattern->getDefinition() ? *Pattern->getDefinition() : *Pattern;
}

SmallVector<const FunctionDecl *, 2> declarationsOf(const FunctionDecl &F) {
  SmallVector<const FunctionDecl *, 2> Result;
  append_range(Result, writtenFor(F).redecls());
  return Result;
}

SourceRange wholeRange(const FunctionDecl &F) {
  SourceRange Range = F.getSourceRange();
  if (const FunctionTemplateDecl *Template = F.getDescribedFunctionTemplate();
      Template && !Template->isAbbreviated())
    Range.setBegin(Template->getTemplateParameters()->getTemplateLoc());
  return Range;
}

std::optional<SmallVector<QualType, 2>> valuesForHandler(
    const FunctionDecl &F, bool IsPublic,
    function_ref<std::optional<ArrayRef<QualType>>(const FunctionDecl &)>
        HandedOnTo) {
  const ASTContext &Context = F.getASTContext();
  Columns Values(IsPublic);
  InstanceReader Read(F);
  for (const FunctionDecl *Instance : instancesOf(*F.getPrimaryTemplate())) {
    InstanceReader Other(*Instance);
    if (Other.Others != Read.Others)
      return std::nullopt;
    for (const CallExpr *Call : Other.Calls)
      if (!Values.add(*Call, Context))
        return std::nullopt;
  }
  for (const CallExpr *Call : Read.HandedOn) {
    const FunctionDecl *Callee = Call->getDirectCallee();
    // What it hands on to itself it gets back.
    if (!Callee || definitionOf(Callee) == &F)
      continue;
    std::optional<ArrayRef<QualType>> Types = HandedOnTo(*Callee);
    if (!Types || !Values.add(*Types, Context))
      return std::nullopt;
  }
  return Values.types();
}

std::string handlerHandedOver(const FunctionDecl &F) {
  const FunctionDecl &Written = writtenFor(F);
  const ParmVarDecl &P = *Written.parameters().back();
  std::string Name = P.getNameAsString();
  if (P.getType()->isLValueReferenceType())
    return Name;
  if (!P.getType()->isReferenceType())
    return "std::move(" + Name + ")";
  const TemplateTypeParmDecl &Type =
      *onlyType(*Written.getDescribedFunctionTemplate());
  return "std::forward<" +
         (Type.isImplicit() ? "decltype(" + Name + ")"
                            : Type.getNameAsString()) +
         ">(" + Name + ")";
}

DeclarationName namedInTemplate(const Expr &E) {
  if (const auto *Overloads = dyn_cast<OverloadExpr>(&E))
    return Overloads->getName();
  if (const auto *Member = dyn_cast<CXXDependentScopeMemberExpr>(&E))
    return Member->getMember();
  const auto *Scoped = dyn_cast<DependentScopeDeclRefExpr>(&E);
  return Scoped ? Scoped->getDeclName() : DeclarationName();
}

bool OwnCodeVisitor::TraverseFunctionTemplateDecl(
    const FunctionTemplateDecl *D) {
  const FunctionDecl &Pattern = *D->getTemplatedDecl();
  const FunctionDecl *Read = instanceToRead(Pattern);
  if (!Read)
    return ConstDynamicRecursiveASTVisitor::TraverseFunctionTemplateDecl(D);
  return !Pattern.isThisDeclarationADefinition() || TraverseDecl(Read);
}

} // namespace coralc
