//===--- Storage.cpp - Whose object is it, and when does it die -----------===//

#include "coralc/Analysis/Storage.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Model/Records.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;

namespace coralc {

/// A class that owns what its accessors give out: clang marks those of the
/// standard library, others are marked [[gsl::Owner]] by their authors.
static bool isOwner(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  return Record && (Record->hasAttr<OwnerAttr>() ||
                    patternOf(Record)->hasAttr<OwnerAttr>());
}

bool isView(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || !Record->hasDefinition() || Record->isDependentContext())
    return false;
  if (Record->hasAttr<PointerAttr>() ||
      patternOf(Record)->hasAttr<PointerAttr>())
    return true;
  // A pointer, perhaps with a length, that nobody frees.
  if (!Record->isTriviallyCopyable() || !Record->hasTrivialDestructor() ||
      Record->isLambda() || Record->field_empty())
    return false;
  bool Points = false;
  for (const FieldDecl *Field : Record->fields()) {
    if (!Field->getType()->isScalarType())
      return false;
    Points |= Field->getType()->isPointerType();
  }
  return Points && Record->getNumBases() == 0;
}

bool isStateless(QualType Type) {
  if (Type->isNullPtrType() || Type->isFunctionType())
    return true;
  const CXXRecordDecl *Record = recordOf(Type);
  return Record && Record->hasDefinition() && Record->isEmpty() &&
         Record->hasTrivialDestructor();
}

/// Either of two places, if they are the same.
static Storage either(Storage A, Storage B) {
  return A.sameAs(B) ? A : Storage();
}

static Storage storageOfVariable(const ValueDecl *Declared);

static Storage storageOfReference(const DeclRefExpr &Ref) {
  // In a lambda a captured variable is a part of the closure, or somebody
  // else's.
  if (Ref.refersToEnclosingVariableOrCapture())
    return {};
  return storageOfVariable(Ref.getDecl());
}

static Storage storageOfVariable(const ValueDecl *Declared) {
  if (const auto *Binding = dyn_cast<BindingDecl>(Declared)) {
    if (Binding->getHoldingVar())
      return {};
    return Binding->getDecomposedDecl()
               ? storageOfVariable(Binding->getDecomposedDecl())
               : Storage();
  }
  const auto *Variable = dyn_cast<VarDecl>(Declared);
  if (!Variable)
    return isa<FunctionDecl, TemplateParamObjectDecl>(Declared)
               ? Storage{Storage::Static, nullptr, nullptr}
               : Storage();
  if (!Variable->hasLocalStorage())
    return {Variable->getType()->isReferenceType() ? Storage::Unknown
                                                   : Storage::Static,
            nullptr, nullptr};
  if (Variable->getType()->isDependentType())
    return {};
  if (!Variable->getType()->isReferenceType())
    return {Storage::Local, Variable, nullptr};
  if (isa<ParmVarDecl>(Variable))
    return {Storage::Parameter, Variable, nullptr};
  if (!Variable->getInit())
    return {};
  // A reference declared before what it is bound to would be a cycle.
  Storage Bound = storageOf(Variable->getInit());
  return Bound.Kind == Storage::Temporary ? Storage() : Bound;
}

/// `std::make_shared<session>()`
static bool makesShared(const Expr *Value) {
  const auto *Call = dyn_cast_or_null<CallExpr>(ignoreWrappers(Value));
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  return Callee && Callee->isInStdNamespace() &&
         calleeName(*Call) == "make_shared";
}

/// Is \p Pointer a shared pointer that nobody else has a copy of: one that is
/// made here, or a local variable that is mentioned once?
static bool isOnlyOwner(const Expr *Pointer) {
  if (makesShared(Pointer))
    return true;
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(Pointer));
  const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  const auto *Function =
      Variable ? dyn_cast<FunctionDecl>(Variable->getDeclContext()) : nullptr;
  if (!Function || !Variable->hasLocalStorage() ||
      Ref->refersToEnclosingVariableOrCapture() ||
      !makesShared(Variable->getInit()))
    return false;
  return !anyStatement(Function->getBody(), [&](const Stmt &Node) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->captures(),
                          [&](const LambdaCapture &C) {
                            return C.capturesVariable() &&
                                   C.getCapturedVar() == Variable;
                          }) ||
             llvm::any_of(Lambda->capture_inits(), [&](const Expr *Init) {
               return anyStatement(Init, [&](const Stmt &Inner) {
                 const auto *Other = dyn_cast<DeclRefExpr>(&Inner);
                 return Other && Other->getDecl() == Variable;
               });
             });
    const auto *Other = dyn_cast<DeclRefExpr>(&Node);
    return Other && Other->getDecl() == Variable && Other != Ref;
  });
}

static Storage storageOfCall(const CallExpr &Call) {
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call)) {
    OverloadedOperatorKind Kind = Operator->getOperator();
    if ((Kind == OO_Subscript || Kind == OO_Star || Kind == OO_Arrow) &&
        isOwner(Operator->getArg(0)->getType()))
      return storageOf(Operator->getArg(0));
    if ((Kind == OO_Star || Kind == OO_Arrow) &&
        isOnlyOwner(Operator->getArg(0)))
      return storageOf(Operator->getArg(0));
    return {};
  }
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call)) {
    const Expr *Object = Member->getImplicitObjectArgument();
    if (Object && !Object->getType()->isPointerType() &&
        isOwner(Object->getType()))
      return storageOf(Object);
    return {};
  }
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (Callee && Callee->isInStdNamespace() && Call.getNumArgs() == 1 &&
      (calleeName(Call) == "as_const" ||
       calleeName(Call) == "move_if_noexcept"))
    return storageOf(Call.getArg(0));
  return {};
}

Storage storageOf(const Expr *Object) {
  while (Object) {
    if (Object->containsErrors() || Object->isTypeDependent())
      return {};
    if (const auto *Temporary = dyn_cast<MaterializeTemporaryExpr>(Object)) {
      switch (Temporary->getStorageDuration()) {
      case SD_Static:
      case SD_Thread:
        return {Storage::Static, nullptr, nullptr};
      case SD_FullExpression:
        return {Storage::Temporary, nullptr, Temporary};
      default:
        const auto *Extending =
            dyn_cast_or_null<VarDecl>(Temporary->getExtendingDecl());
        return Extending ? Storage{Storage::Local, Extending, nullptr}
                         : Storage();
      }
    }
    if (const auto *Default = dyn_cast<CXXDefaultArgExpr>(Object)) {
      Object = Default->getExpr();
      continue;
    }
    if (isa<ParenExpr, FullExpr>(Object) ||
        (isa<CastExpr>(Object) && Object->isGLValue()) ||
        (isa<CallExpr>(Object) && ignoreWrappers(Object) != Object)) {
      if (const auto *Paren = dyn_cast<ParenExpr>(Object))
        Object = Paren->getSubExpr();
      else if (const auto *Full = dyn_cast<FullExpr>(Object))
        Object = Full->getSubExpr();
      else if (const auto *Cast = dyn_cast<CastExpr>(Object))
        Object = Cast->getSubExpr();
      else
        Object = cast<CallExpr>(Object)->getArg(0);
      continue;
    }
    if (isa<StringLiteral, PredefinedExpr>(Object))
      return {Storage::Static, nullptr, nullptr};
    if (const auto *Ref = dyn_cast<DeclRefExpr>(Object))
      return storageOfReference(*Ref);
    if (const auto *Member = dyn_cast<MemberExpr>(Object)) {
      const auto *Field = dyn_cast<FieldDecl>(Member->getMemberDecl());
      if (!Field)
        return {isa<VarDecl>(Member->getMemberDecl()) ? Storage::Static
                                                      : Storage::Unknown,
                nullptr, nullptr};
      if (Field->getType()->isReferenceType())
        return {};
      if (Member->isArrow())
        return pointeeStorageOf(Member->getBase());
      Object = Member->getBase();
      continue;
    }
    if (const auto *Unary = dyn_cast<UnaryOperator>(Object))
      return Unary->getOpcode() == UO_Deref
                 ? pointeeStorageOf(Unary->getSubExpr())
                 : Storage();
    if (const auto *Subscript = dyn_cast<ArraySubscriptExpr>(Object))
      return pointeeStorageOf(Subscript->getBase());
    if (const auto *Choice = dyn_cast<ConditionalOperator>(Object))
      return either(storageOf(Choice->getTrueExpr()),
                    storageOf(Choice->getFalseExpr()));
    if (const auto *Call = dyn_cast<CallExpr>(Object))
      return storageOfCall(*Call);
    return {};
  }
  return {};
}

/// What a view is made from: the object it is constructed from or converted
/// from.
static const Expr *viewedIn(const Expr *Value) {
  if (const auto *Call = dyn_cast<CXXMemberCallExpr>(Value))
    return isa_and_nonnull<CXXConversionDecl>(Call->getMethodDecl())
               ? Call->getImplicitObjectArgument()
               : nullptr;
  const auto *Construct = dyn_cast<CXXConstructExpr>(Value);
  return Construct && Construct->getNumArgs() ? Construct->getArg(0) : nullptr;
}

Storage pointeeStorageOf(const Expr *Value) {
  while (Value) {
    if (Value->containsErrors() || Value->isTypeDependent())
      return {};
    if (const auto *Default = dyn_cast<CXXDefaultArgExpr>(Value)) {
      Value = Default->getExpr();
      continue;
    }
    if (const Expr *Inner = ignoreWrappers(Value); Inner != Value) {
      Value = Inner;
      continue;
    }
    if (const auto *Cast = dyn_cast<CastExpr>(Value)) {
      if (Cast->getCastKind() == CK_ArrayToPointerDecay)
        return storageOf(Cast->getSubExpr());
      if (Cast->getCastKind() != CK_UserDefinedConversion &&
          !Cast->getSubExpr()->getType()->isPointerType())
        return {};
      Value = Cast->getSubExpr();
      continue;
    }
    break;
  }
  if (!Value)
    return {};
  if (isa<CXXThisExpr>(Value))
    return {Storage::This, nullptr, nullptr};
  if (const auto *Ref = dyn_cast<DeclRefExpr>(Value)) {
    const auto *Passed = dyn_cast<ParmVarDecl>(Ref->getDecl());
    return Passed && !Ref->refersToEnclosingVariableOrCapture()
               ? Storage{Storage::Parameter, Passed, nullptr}
               : Storage();
  }
  if (const auto *Unary = dyn_cast<UnaryOperator>(Value);
      Unary && Unary->getOpcode() == UO_AddrOf)
    return storageOf(Unary->getSubExpr());
  if (const auto *Choice = dyn_cast<ConditionalOperator>(Value))
    return either(pointeeStorageOf(Choice->getTrueExpr()),
                  pointeeStorageOf(Choice->getFalseExpr()));
  if (isa<StringLiteral>(Value))
    return {Storage::Static, nullptr, nullptr};
  if (isView(Value->getType()))
    if (const Expr *Source = viewedIn(Value)) {
      QualType From = Source->getType();
      if (From->isPointerType() || From->isArrayType() || isView(From))
        return From->isArrayType() ? storageOf(Source)
                                   : pointeeStorageOf(Source);
      const CXXRecordDecl *Owner = recordOf(From);
      bool Owns = Owner && Owner->hasDefinition() &&
                  (isOwner(From) || !Owner->hasTrivialDestructor());
      return Owns ? storageOf(Source) : Storage();
    }
  const auto *Call = dyn_cast<CallExpr>(Value);
  if (!Call)
    return {};
  const FunctionDecl *Callee = Call->getDirectCallee();
  if (Callee && Callee->isInStdNamespace() && Call->getNumArgs() == 1 &&
      (calleeName(*Call) == "ref" || calleeName(*Call) == "cref" ||
       calleeName(*Call) == "addressof"))
    return storageOf(Call->getArg(0));
  return Value->getType()->isPointerType() || isView(Value->getType())
             ? storageOfCall(*Call)
             : Storage();
}

} // namespace coralc
