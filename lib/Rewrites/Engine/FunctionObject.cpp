//===--- FunctionObject.cpp - Handlers that are objects -------------------===//

#include "coralc/Rewrites/Engine/FunctionObject.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

using Member = FunctionObject::Member;

/// A class with bases or a destructor of its own does more.
bool onlyHoldsMembers(const CXXRecordDecl &Record) {
  const CXXDestructorDecl *Destructor = Record.getDestructor();
  return Record.getNumBases() == 0 && !Record.isUnion() &&
         !(Destructor && Destructor->isUserProvided());
}

bool isConstant(const Expr *E) {
  E = asWritten(E);
  return isa<IntegerLiteral, CXXBoolLiteralExpr, CXXNullPtrLiteralExpr,
             FloatingLiteral, clang::StringLiteral, CharacterLiteral>(E);
}

/// The members of what a constructor makes when each initializer is one of its
/// parameters, or that moved.
bool readConstructor(const CXXConstructExpr &Made, FunctionObject &Result) {
  const CXXConstructorDecl *Declared = Made.getConstructor();
  const auto *Constructor =
      dyn_cast<CXXConstructorDecl>(definitionOf(Declared));
  const auto *Body =
      Constructor ? dyn_cast_or_null<CompoundStmt>(Constructor->getBody())
                  : nullptr;
  if (!Body || !Body->body_empty() || Constructor->isDelegatingConstructor() ||
      Constructor->isCopyOrMoveConstructor())
    return false;
  for (const CXXCtorInitializer *Init : Constructor->inits()) {
    if (!Init->isMemberInitializer() || Init->isInClassMemberInitializer())
      return false;
    const Expr *Value = asWritten(Init->getInit());
    if (const auto *List = dyn_cast<InitListExpr>(Value))
      if (List->getNumInits() == 1)
        Value = asWritten(List->getInit(0));
    if (const auto *Copy = dyn_cast<CXXConstructExpr>(Value))
      if (Copy->getConstructor()->isCopyOrMoveConstructor() &&
          Copy->getNumArgs() == 1)
        Value = asWritten(Copy->getArg(0));
    const auto *Parameter =
        dyn_cast_or_null<ParmVarDecl>(variableNamedBy(Value));
    if (Parameter) {
      unsigned Index = Parameter->getFunctionScopeIndex();
      if (Index >= Made.getNumArgs())
        return false;
      Value = asWritten(Made.getArg(Index));
    } else if (!isConstant(Value)) {
      return false;
    }
    Result.Members.push_back({Init->getMember(), Value, Member::Kind::Value});
  }
  return true;
}

bool readList(const CXXRecordDecl &Record, ArrayRef<const Expr *> Inits,
              FunctionObject &Result) {
  for (auto [Field, Given] : zip(Record.fields(), Inits)) {
    const Expr *Init = Given;
    if (const auto *Default = dyn_cast<CXXDefaultInitExpr>(Init)) {
      if (!isConstant(Default->getExpr()))
        return false;
      Init = Default->getExpr();
    }
    if (isa<ImplicitValueInitExpr>(Init))
      return false;
    Result.Members.push_back({Field, asWritten(Init), Member::Kind::Value});
  }
  return Inits.size() ==
         size_t(std::distance(Record.field_begin(), Record.field_end()));
}

/// The expression by which \p E makes an object: a list or a constructor, even
/// of one argument, which asWritten() takes for a conversion.
const Expr *maker(const Expr &E) {
  const Expr *Made = E.IgnoreImplicit();
  while (const auto *Cast = dyn_cast<CXXFunctionalCastExpr>(Made))
    Made = Cast->getSubExpr()->IgnoreImplicit();
  const auto *Copy = dyn_cast<CXXConstructExpr>(Made);
  return Copy && Copy->isElidable() ? maker(*Copy->getArg(0)) : Made;
}

} // namespace

const CXXMethodDecl *onlyCallOperator(const CXXRecordDecl &Record) {
  auto Found = Record.lookup(
      Record.getASTContext().DeclarationNames.getCXXOperatorName(OO_Call));
  if (!Found.isSingleResult())
    return nullptr;
  const auto *Operator = dyn_cast<CXXMethodDecl>(Found.front());
  if (!Operator || Operator->isVirtual())
    return nullptr;
  return dyn_cast<CXXMethodDecl>(definitionOf(Operator));
}

const Member *FunctionObject::find(const ValueDecl *Field) const {
  const auto *Found =
      find_if(Members, [&](const Member &M) { return M.Field == Field; });
  return Found == Members.end() ? nullptr : Found;
}

std::optional<FunctionObject> functionObject(const Expr &Handler) {
  const Expr *Made = maker(Handler);
  const CXXRecordDecl *Record = Made->getType()->getAsCXXRecordDecl();
  if (!Record || !Record->hasDefinition() || Record->isLambda() ||
      Record->isInStdNamespace() || !onlyHoldsMembers(*Record))
    return std::nullopt;
  FunctionObject Result;
  Result.Operator = onlyCallOperator(*Record);
  if (!Result.Operator || !Result.Operator->hasBody())
    return std::nullopt;
  bool Read = false;
  if (const auto *List = dyn_cast<InitListExpr>(Made)) {
    if (List->isSyntacticForm() && List->getSemanticForm())
      List = List->getSemanticForm();
    Read = readList(*Record, List->inits(), Result);
  } else if (const auto *List = dyn_cast<CXXParenListInitExpr>(Made)) {
    Read = readList(*Record, List->getInitExprs(), Result);
  } else if (const auto *Construct = dyn_cast<CXXConstructExpr>(Made)) {
    Read = Record->field_empty() || readConstructor(*Construct, Result);
  }
  if (!Read)
    return std::nullopt;
  return Result;
}

std::vector<SourceRange>
definitionsOnlyFor(const CXXRecordDecl &Class,
                   ArrayRef<const Operation *> Operations,
                   const SourceText &Text) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const CXXRecordDecl &Class;
    SmallVector<SourceRange, 4> Handlers;
    SmallPtrSet<const Decl *, 4> Stored;
    std::vector<SourceRange> Definitions;
    bool IsUsed = false;
    Visitor(const CXXRecordDecl &Class, ArrayRef<const Operation *> Operations)
        : Class(Class) {
      for (const Operation *Op : Operations) {
        Handlers.push_back(Op->Made->getSourceRange());
        Stored.insert(Op->Stored);
      }
    }
    bool TraverseStmt(const Stmt *S) override {
      // One expression is several nodes of the same range.
      return (S && is_contained(Handlers, S->getSourceRange())) ||
             ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    }
    bool TraverseDecl(const Decl *D) override {
      if (D && Stored.contains(D))
        return true;
      const auto *Method = dyn_cast_or_null<CXXMethodDecl>(D);
      bool IsOwn = D == &Class ||
                   (Method && declaresSameEntity(Method->getParent(), &Class));
      if (!IsOwn)
        return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
      Definitions.push_back(D->getSourceRange());
      return true;
    }
    bool VisitTypeLoc(TypeLoc T) override {
      IsUsed |= T.getType()->getAsCXXRecordDecl() &&
                declaresSameEntity(T.getType()->getAsCXXRecordDecl(), &Class);
      return true;
    }
  } V(Class, Operations);
  bool IsPlain = Class.getDeclName() && !Class.isLocalClass() &&
                 !isa<ClassTemplateSpecializationDecl>(Class) &&
                 std::next(Class.redecls_begin()) == Class.redecls_end() &&
                 Text.isInSource(Class.getSourceRange());
  if (!IsPlain)
    return {};
  forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
  return V.IsUsed ? std::vector<SourceRange>() : std::move(V.Definitions);
}

const Expr *otherUseOfItself(const FunctionObject &Object) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const FunctionObject &Object;
    const Expr *Found = nullptr;
    explicit Visitor(const FunctionObject &Object) : Object(Object) {
      ShouldVisitImplicitCode = true;
    }
    bool TraverseStmt(const Stmt *S) override {
      const auto *E = dyn_cast_or_null<MemberExpr>(S);
      if (E && Object.find(ownField(E)))
        return true;
      return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      for (const LambdaCapture &C : L->captures())
        if (C.capturesThis())
          Found = L;
      return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
    }
    bool VisitCXXThisExpr(const CXXThisExpr *E) override {
      Found = E;
      return true;
    }
  } V(Object);
  V.TraverseStmt(Object.Operator->getBody());
  return V.Found;
}

const FieldDecl *ownField(const Expr *E) {
  const auto *Named = dyn_cast_or_null<MemberExpr>(asWritten(E));
  return Named && isa<CXXThisExpr>(asWritten(Named->getBase()))
             ? dyn_cast<FieldDecl>(Named->getMemberDecl())
             : nullptr;
}

/// What \p Field is called where the object is `this`.
static std::string selfText(const FieldDecl &Field) {
  if (Field.getType()->isReferenceType())
    return "*this";
  return Field.getType()->isPointerType() ? "this" : "shared_from_this()";
}

std::optional<Substitution> withoutSelf(const MemberExpr &E, MemberOf Known,
                                        const SourceText &Text) {
  // `self->x_`, where self is a pointer, an object or a shared pointer.
  const Expr *Base = asWritten(E.getBase());
  if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Base))
    if (Arrow->getOperator() == OO_Arrow)
      Base = asWritten(Arrow->getArg(0));
  auto IsSelf = [&](const FieldDecl *Field) {
    const Member *M = Field ? Known(Field) : nullptr;
    return M && M->What == Member::Kind::Self;
  };
  if (IsSelf(ownField(Base))) {
    std::optional<unsigned> From = Text.offset(E.getBeginLoc());
    std::optional<unsigned> To = Text.offset(E.getMemberLoc());
    if (!From || !To || *To < *From)
      return std::nullopt;
    return Substitution{{*From, *To}, ""};
  }
  const auto *Field = dyn_cast<FieldDecl>(E.getMemberDecl());
  if (!IsSelf(ownField(&E)) || !Text.range(E.getSourceRange()))
    return std::nullopt;
  return Substitution{*Text.range(E.getSourceRange()), selfText(*Field)};
}

} // namespace coralc
