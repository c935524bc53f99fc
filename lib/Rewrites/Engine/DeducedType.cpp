//===--- DeducedType.cpp - How a type is written that was deduced ---------===//

#include "coralc/Rewrites/Engine/DeducedType.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/QualTypeNames.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Names that are known in \p F only.
bool declaresNames(const FunctionDecl &F) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool VisitDecl(const Decl *D) override {
      Found |= isa<TypedefNameDecl, UsingDecl, UsingDirectiveDecl,
                   NamespaceAliasDecl>(D);
      return true;
    }
  } V;
  V.TraverseStmt(F.getBody());
  return V.Found;
}

/// A typedef in a namespace that the user's code has somewhere for \p Type.
TypedefTypeLoc findTypedef(QualType Type, const SourceText &Text) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const SourceText &Text;
    QualType Wanted;
    TypedefTypeLoc Found;
    Visitor(const SourceText &Text, QualType Wanted)
        : Text(Text), Wanted(Wanted) {}
    bool VisitTypedefTypeLoc(TypedefTypeLoc Loc) override {
      const TypedefNameDecl *Name = Loc.getDecl();
      if (Name->getDeclContext()->isFileContext() &&
          Text.context().hasSameType(Loc.getType(), Wanted))
        Found = Text.text(Loc.getSourceRange()).empty() ? Found : Loc;
      return Found.isNull();
    }
  } V(Text, Type.getUnqualifiedType());
  forEachOwnDecl(Text, [&](const Decl *D) {
    if (V.Found.isNull())
      V.TraverseDecl(D);
  });
  return V.Found;
}

/// The user's name for \p Type.
StringRef typedefName(QualType Type, const SourceText &Text) {
  TypedefTypeLoc Found = findTypedef(Type, Text);
  return Found.isNull() ? "" : Text.text(Found.getSourceRange());
}

/// \p Type without names that only mean something where it was deduced.
QualType nameable(QualType Type, const ASTContext &Context) {
  for (;;) {
    const auto *Typedef = dyn_cast<TypedefType>(Type);
    bool IsOfInstance = Typedef && isa<ClassTemplateSpecializationDecl>(
                                       Typedef->getDecl()->getDeclContext());
    if (!IsOfInstance && !isa<AutoType, DecltypeType, SubstTemplateTypeParmType,
                              PackIndexingType, TypeOfExprType>(Type))
      return Type;
    Type = Type.getSingleStepDesugaredType(Context).getUnqualifiedType();
  }
}

} // namespace

static bool canBeNamed(const CXXRecordDecl &Record);

bool canBeNamed(QualType Type) {
  Type = Type.getCanonicalType();
  while (!Type->getPointeeType().isNull())
    Type = Type->getPointeeType();
  if (const auto *Function = Type->getAs<FunctionProtoType>())
    return canBeNamed(Function->getReturnType()) &&
           all_of(Function->param_types(),
                  [](QualType P) { return canBeNamed(P); });
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return !Record || canBeNamed(*Record);
}

static bool canBeNamed(const TemplateArgument &Argument) {
  if (Argument.getKind() == TemplateArgument::Pack)
    return all_of(Argument.pack_elements(),
                  [](const TemplateArgument &A) { return canBeNamed(A); });
  return Argument.getKind() != TemplateArgument::Type ||
         canBeNamed(Argument.getAsType());
}

static bool canBeNamed(const CXXRecordDecl &Record) {
  if (Record.isLambda() || Record.isLocalClass() ||
      Record.getAccess() == AS_private || Record.getAccess() == AS_protected)
    return false;
  if (const auto *Outer = dyn_cast<CXXRecordDecl>(Record.getDeclContext());
      Outer && !canBeNamed(*Outer))
    return false;
  const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(&Record);
  return !Special ||
         all_of(Special->getTemplateArgs().asArray(),
                [](const TemplateArgument &A) { return canBeNamed(A); });
}

std::string deducedType(const VarDecl &V, QualType Type, const SourceText &Text,
                        const PrintingPolicy &Policy) {
  if (StringRef Known = typedefName(Type, Text); !Known.empty())
    return (Type.isConstQualified() ? "const " : "") + Known.str();
  std::string Result = Type.getCanonicalType().getAsString(Policy);
  const auto *Call = dyn_cast_or_null<CallExpr>(
      V.hasInit() ? asWritten(V.getInit()) : nullptr);
  const auto *Callee =
      Call ? dyn_cast<DeclRefExpr>(Call->getCallee()->IgnoreParenImpCasts())
           : nullptr;
  const auto *Around = dyn_cast<FunctionDecl>(V.getDeclContext());
  if (!Callee || Callee->getNumTemplateArgs() != 1 || !Around ||
      declaresNames(*Around))
    return Result;
  const TemplateArgumentLoc &Value = Callee->getTemplateArgs()[0];
  StringRef Written = Text.text(Value.getSourceRange());
  if (Value.getArgument().getKind() != TemplateArgument::Type ||
      Written.empty())
    return Result;
  std::string Deduced =
      "<" +
      Value.getArgument().getAsType().getCanonicalType().getAsString(Policy) +
      ">";
  if (StringRef(Result).ends_with(Deduced))
    Result.replace(Result.size() - Deduced.size(), Deduced.size(),
                   ("<" + Written + ">").str());
  return Result;
}

std::string deducedType(QualType Type, const SourceText &Text) {
  Type = nameable(Type, Text.context());
  bool IsInstance = !Type->getAs<TypedefType>() &&
                    isa_and_present<ClassTemplateSpecializationDecl>(
                        Type->getAsCXXRecordDecl());
  if (TypedefTypeLoc Known =
          IsInstance ? findTypedef(Type, Text) : TypedefTypeLoc();
      !Known.isNull())
    return qualifiedName(*Known.getDecl());
  return TypeName::getFullyQualifiedName(
      Type, Text.context(), PrintingPolicy(Text.context().getLangOpts()));
}

} // namespace coralc
