//===--- Twin.cpp - Coroutines beside callback functions ------------------===//

#include "coralc/Rewrites/Engine/Twin.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Rewrites/Engine/Choice.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static QualType valueType(QualType Type) {
  return Type.getNonReferenceType().getUnqualifiedType();
}

/// What awaiting a \p Task gives. Of one that no code here awaits, only the
/// template is known, and its argument says it.
static QualType resultOf(QualType Type, const CoroutineType &Task) {
  if (!Task.Result.isNull())
    return Task.Result;
  const auto *Special = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Type->getAsCXXRecordDecl());
  if (!Special || Special->getTemplateArgs().size() == 0 ||
      Special->getTemplateArgs()[0].getKind() != TemplateArgument::Type)
    return QualType();
  return Special->getTemplateArgs()[0].getAsType();
}

/// \p Result holds what a callback gets that is called with \p Types: the
/// value, or all of them in a tuple.
static bool holds(QualType Result, ArrayRef<QualType> Types,
                  const ASTContext &Context) {
  auto Same = [&](QualType A, QualType B) {
    return Context.hasSameType(valueType(A), valueType(B));
  };
  if (Types.size() == 1)
    return Same(Result, Types.front());
  const auto *Tuple = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Result->getAsCXXRecordDecl());
  if (!Tuple || Tuple->getQualifiedNameAsString() != "std::tuple")
    return false;
  ArrayRef<TemplateArgument> Elements =
      Tuple->getTemplateArgs()[0].getPackAsArray();
  return equal(Elements, Types, [&](const TemplateArgument &A, QualType B) {
    return A.getKind() == TemplateArgument::Type && Same(A.getAsType(), B);
  });
}

/// \p Result is what awaiting the twin of a function that delivers so gives:
/// nothing, what the callback gets, or what one of several does.
static bool isResult(QualType Result, const Delivery &Delivers,
                     const ASTContext &Context) {
  const Delivery::Completion &First = Delivers.Ways.front();
  if (!Delivers.hasChoice())
    return First.Types.empty() ? Result->isVoidType()
                               : holds(Result, First.Types, Context);
  return equal(alternativesOf(Result), Delivers.Ways,
               [&](const TemplateArgument &Alternative,
                   const Delivery::Completion &Way) {
                 QualType Type = Alternative.getAsType();
                 const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
                 return Way.Types.empty()
                            ? Record && Record->getQualifiedNameAsString() ==
                                            "std::monostate"
                            : holds(Type, Way.Types, Context);
               });
}

/// \p Twin takes what \p F does but for the callback, on the same object.
static bool takesTheSame(const FunctionDecl &Twin, const FunctionDecl &F,
                         const Delivery &Delivers, const ASTContext &Context) {
  const auto *Method = dyn_cast<CXXMethodDecl>(&F);
  const auto *Other = dyn_cast<CXXMethodDecl>(&Twin);
  if (Method && Other &&
      (Method->isStatic() != Other->isStatic() ||
       Method->getMethodQualifiers() != Other->getMethodQualifiers()))
    return false;
  auto Others = make_filter_range(F.parameters(), [&](const ParmVarDecl *P) {
    return !Delivers.replaces(P);
  });
  return equal(Twin.parameters(), Others,
               [&](const ParmVarDecl *A, const ParmVarDecl *B) {
                 return Context.hasSameType(valueType(A->getType()),
                                            valueType(B->getType()));
               });
}

const FunctionDecl *coroutineTwin(const FunctionDecl &F,
                                  const Delivery &Delivers,
                                  const ASTContext &Context) {
  CoroutineTypes Types(const_cast<ASTContext &>(Context));
  for (const NamedDecl *D : F.getDeclContext()->lookup(F.getDeclName())) {
    const auto *Twin = dyn_cast<FunctionDecl>(D);
    if (!Twin || Twin->getNumParams() >= F.getNumParams())
      continue;
    const CoroutineType *Task = Types.lookup(Twin->getReturnType());
    if (!Task || Task->Kind != CoroutineKind::Task)
      continue;
    QualType Result = resultOf(Twin->getReturnType(), *Task);
    if (!Result.isNull() && isResult(Result, Delivers, Context) &&
        takesTheSame(*Twin, F, Delivers, Context))
      return Twin;
  }
  return nullptr;
}

} // namespace coralc
