//===--- CallbackType.cpp - Parameters that hold a callback ---------------===//

#include "coralc/Rewrites/Engine/CallbackType.h"
#include "clang/AST/DeclTemplate.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The first argument of the class template that \p Type is an instance of. As
/// it is written it keeps the user's names of the types.
QualType firstArgument(QualType Type, const CXXRecordDecl &Record) {
  const auto *Written = Type->getAs<TemplateSpecializationType>();
  while (Written && Written->isTypeAlias())
    Written = Written->getAliasedType()->getAs<TemplateSpecializationType>();
  ArrayRef<TemplateArgument> Arguments;
  if (Written)
    Arguments = Written->template_arguments();
  else if (const auto *Special =
               dyn_cast<ClassTemplateSpecializationDecl>(&Record))
    Arguments = Special->getTemplateArgs().asArray();
  return !Arguments.empty() &&
                 Arguments.front().getKind() == TemplateArgument::Type
             ? Arguments.front().getAsType()
             : QualType();
}

/// A template among the constructors takes an object of any class.
bool isMadeFromAnything(const CXXRecordDecl &Record) {
  return any_of(Record.decls(), [](const Decl *D) {
    const auto *Template = dyn_cast<FunctionTemplateDecl>(D);
    const auto *Constructor =
        Template ? dyn_cast<CXXConstructorDecl>(Template->getTemplatedDecl())
                 : nullptr;
    if (!Constructor || Constructor->param_empty())
      return false;
    QualType First = Constructor->getParamDecl(0)->getType();
    return First.getNonReferenceType()->isTemplateTypeParmType();
  });
}

/// The call operators of \p Record and its bases.
void addCallOperators(const CXXRecordDecl &Record,
                      SmallVectorImpl<const CXXMethodDecl *> &Out) {
  DeclarationName Call =
      Record.getASTContext().DeclarationNames.getCXXOperatorName(OO_Call);
  for (const NamedDecl *D : Record.lookup(Call))
    if (const auto *Method = dyn_cast_or_null<CXXMethodDecl>(
            D->getUnderlyingDecl()->getAsFunction()))
      Out.push_back(Method);
  if (!Out.empty())
    return;
  for (const CXXBaseSpecifier &Base : Record.bases())
    if (const CXXRecordDecl *Class = Base.getType()->getAsCXXRecordDecl();
        Class && Class->hasDefinition())
      addCallOperators(*Class->getDefinition(), Out);
}

/// One that lets no exception out does more than the function it holds.
bool isPlain(const FunctionProtoType *Signature) {
  return Signature && Signature->getReturnType()->isVoidType() &&
         !Signature->isVariadic() && !Signature->isNothrow();
}

} // namespace

std::optional<CallbackType> callbackType(QualType Type,
                                         const SourceText &Text) {
  CallbackType Result;
  if (Type->isFunctionPointerType()) {
    Result.Signature = Type->getPointeeType()->getAs<FunctionProtoType>();
    Result.IsPointer = true;
    return isPlain(Result.Signature) ? std::optional(Result) : std::nullopt;
  }
  // Others see what becomes of the object.
  if (Type->isLValueReferenceType() &&
      !Type->getPointeeType().isConstQualified())
    return std::nullopt;
  Type = Type.getNonReferenceType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (!isa_and_present<ClassTemplateSpecializationDecl>(Record) ||
      !Record->hasDefinition() || Text.range(Record->getSourceRange()))
    return std::nullopt;
  Record = Record->getDefinition();
  QualType First = firstArgument(Type, *Record);
  Result.Signature =
      First.isNull() ? nullptr : First->getAs<FunctionProtoType>();
  if (!isPlain(Result.Signature) ||
      Result.Signature->getRefQualifier() == RQ_LValue ||
      !isMadeFromAnything(*Record))
    return std::nullopt;
  SmallVector<const CXXMethodDecl *, 2> Operators;
  addCallOperators(*Record, Operators);
  if (none_of(Operators, [&](const CXXMethodDecl *Operator) {
        return Operator->isTemplated() ||
               Operator->getNumParams() == Result.Signature->getNumParams();
      }))
    return std::nullopt;
  Result.IsChangedByCall =
      none_of(Operators, [](const CXXMethodDecl *Operator) {
        return Operator->isConst();
      });
  return Result;
}

} // namespace coralc
