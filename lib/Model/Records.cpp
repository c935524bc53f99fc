//===--- Records.cpp - Reading classes, instantiated or not ---------------===//

#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;

namespace coralc {

const CXXRecordDecl *definitionOf(const CXXRecordDecl *Record) {
  if (!Record)
    return nullptr;
  if (const CXXRecordDecl *Definition = Record->getDefinition())
    return Definition;
  if (const CXXRecordDecl *Pattern = Record->getTemplateInstantiationPattern())
    return Pattern->getDefinition();
  if (const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(Record))
    return Spec->getSpecializedTemplate()->getTemplatedDecl()->getDefinition();
  return nullptr;
}

const CXXRecordDecl *patternOf(const CXXRecordDecl *Record) {
  if (!Record)
    return nullptr;
  if (const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(Record))
    return Spec->getSpecializedTemplate()
        ->getTemplatedDecl()
        ->getCanonicalDecl();
  if (const CXXRecordDecl *Pattern = Record->getTemplateInstantiationPattern())
    return Pattern->getCanonicalDecl();
  return Record->getCanonicalDecl();
}

const CXXRecordDecl *recordOf(QualType Type) {
  if (Type.isNull())
    return nullptr;
  Type = Type.getNonReferenceType();
  if (const CXXRecordDecl *Record = Type->getAsCXXRecordDecl())
    return definitionOf(Record);
  if (const auto *Spec = Type->getAs<TemplateSpecializationType>())
    if (const auto *Template = dyn_cast_or_null<ClassTemplateDecl>(
            Spec->getTemplateName().getAsTemplateDecl()))
      return Template->getTemplatedDecl()->getDefinition();
  return nullptr;
}

static void
collectMembers(const CXXRecordDecl *Record, DeclarationName Name,
               llvm::SmallPtrSetImpl<const CXXRecordDecl *> &Visited,
               llvm::SmallVectorImpl<const NamedDecl *> &Found) {
  Record = definitionOf(Record);
  if (!Record || !Visited.insert(Record).second)
    return;
  for (const NamedDecl *Member : Record->lookup(Name))
    Found.push_back(Member->getUnderlyingDecl());
  if (!Found.empty())
    return;
  for (const CXXBaseSpecifier &Base : Record->bases())
    collectMembers(recordOf(Base.getType()), Name, Visited, Found);
}

llvm::SmallVector<const NamedDecl *, 2>
membersNamed(const CXXRecordDecl *Record, DeclarationName Name) {
  llvm::SmallPtrSet<const CXXRecordDecl *, 8> Visited;
  llvm::SmallVector<const NamedDecl *, 2> Found;
  collectMembers(Record, Name, Visited, Found);
  return Found;
}

static DeclarationName identifier(const CXXRecordDecl *Record,
                                  llvm::StringRef Name) {
  return &Record->getASTContext().Idents.get(Name);
}

llvm::SmallVector<const FunctionDecl *, 2>
methodsNamed(const CXXRecordDecl *Record, DeclarationName Name) {
  llvm::SmallVector<const FunctionDecl *, 2> Methods;
  for (const NamedDecl *Member : membersNamed(Record, Name)) {
    const auto *Function = dyn_cast<FunctionDecl>(Member);
    if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Member))
      Function = Template->getTemplatedDecl();
    if (Function && !Function->isDeleted())
      Methods.push_back(Function);
  }
  return Methods;
}

llvm::SmallVector<const FunctionDecl *, 2>
methodsNamed(const CXXRecordDecl *Record, llvm::StringRef Name) {
  if (!Record)
    return {};
  return methodsNamed(Record, identifier(Record, Name));
}

bool isCopyable(const CXXRecordDecl &Record) {
  if (!Record.hasDefinition())
    return true;
  if (Record.needsImplicitCopyConstructor())
    return !Record.defaultedCopyConstructorIsDeleted() &&
           !Record.hasUserDeclaredMoveOperation();
  return llvm::any_of(Record.ctors(), [](const CXXConstructorDecl *C) {
    return C->isCopyConstructor() && !C->isDeleted() &&
           C->getAccess() == AS_public;
  });
}

QualType memberType(const CXXRecordDecl *Record, llvm::StringRef Name) {
  if (!Record)
    return {};
  for (const NamedDecl *Member : membersNamed(Record, identifier(Record, Name)))
    if (const auto *Type = dyn_cast<TypeDecl>(Member))
      return Record->getASTContext().getTypeDeclType(Type);
  return {};
}

const Stmt *visibleBody(const FunctionDecl *Function) {
  if (!Function)
    return nullptr;
  if (const Stmt *Body = Function->getBody())
    return Body;
  if (const FunctionDecl *Pattern = Function->getTemplateInstantiationPattern())
    return Pattern->getBody();
  // A member template of an instantiated class has its body in the pattern.
  const FunctionTemplateDecl *Template =
      Function->getDescribedFunctionTemplate();
  while (Template && !Template->getTemplatedDecl()->getBody())
    Template = Template->getInstantiatedFromMemberTemplate();
  return Template ? Template->getTemplatedDecl()->getBody() : nullptr;
}

bool anyStatement(const Stmt *Root,
                  llvm::function_ref<bool(const Stmt &)> Visit) {
  if (!Root)
    return false;
  if (Visit(*Root))
    return true;
  if (isa<LambdaExpr>(Root))
    return false;
  return llvm::any_of(Root->children(), [&](const Stmt *Child) {
    return anyStatement(Child, Visit);
  });
}

/// The operand of the only return statement of \p Function.
static const Expr *onlyReturned(const FunctionDecl *Function) {
  const Expr *Only = nullptr;
  bool Ambiguous = false;
  anyStatement(visibleBody(Function), [&](const Stmt &Node) {
    if (const auto *Return = dyn_cast<ReturnStmt>(&Node)) {
      Ambiguous |= Only != nullptr;
      Only = Return->getRetValue();
    }
    return false;
  });
  return Ambiguous ? nullptr : Only;
}

QualType returnTypeOf(const FunctionDecl *Function) {
  if (!Function)
    return {};
  QualType Type = Function->getReturnType();
  const auto *Deduced = Type->getContainedDeducedType();
  // In a template's pattern a deduced type stays a placeholder.
  if (!Deduced || (Deduced->isDeduced() && !Type->isDependentType()))
    return Type;
  if (const Expr *Value = onlyReturned(Function))
    if (recordOf(Value->getType()))
      return Value->getType();
  return {};
}

std::optional<bool> constantResult(const FunctionDecl *Function) {
  const auto *Body = dyn_cast_or_null<CompoundStmt>(visibleBody(Function));
  if (!Body || Body->size() != 1)
    return std::nullopt;
  const Expr *Value = onlyReturned(Function);
  if (!Value || Value->isValueDependent() || Value->isTypeDependent() ||
      Value->containsErrors())
    return std::nullopt;
  bool Result = false;
  if (Value->EvaluateAsBooleanCondition(Result, Function->getASTContext()))
    return Result;
  return std::nullopt;
}

llvm::StringRef calleeName(const CallExpr &Call) {
  const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
  DeclarationName Name;
  if (const auto *Member = dyn_cast<MemberExpr>(Callee))
    Name = Member->getMemberDecl()->getDeclName();
  else if (const auto *Ref = dyn_cast<DeclRefExpr>(Callee))
    Name = Ref->getDecl()->getDeclName();
  else if (const auto *Dependent =
               dyn_cast<CXXDependentScopeMemberExpr>(Callee))
    Name = Dependent->getMember();
  else if (const auto *Overloaded = dyn_cast<OverloadExpr>(Callee))
    Name = Overloaded->getName();
  else if (const auto *Scoped = dyn_cast<DependentScopeDeclRefExpr>(Callee))
    Name = Scoped->getDeclName();
  return Name.isIdentifier() && Name.getAsIdentifierInfo()
             ? Name.getAsIdentifierInfo()->getName()
             : "";
}

std::string vocabularyName(const NamedDecl &Declaration) {
  std::string Name = Declaration.getDeclName().getAsString();
  for (const DeclContext *Scope = Declaration.getDeclContext(); Scope;
       Scope = Scope->getParent()) {
    const auto *Namespace = dyn_cast<NamespaceDecl>(Scope);
    if (Namespace &&
        (Namespace->isInline() || Namespace->isAnonymousNamespace()))
      continue;
    if (const auto *Outer = dyn_cast<NamedDecl>(Scope))
      Name = Outer->getDeclName().getAsString() + "::" + Name;
  }
  return Name;
}

} // namespace coralc
