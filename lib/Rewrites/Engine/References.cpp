//===--- References.cpp - What names in code refer to ---------------------===//

#include "coralc/Rewrites/Engine/References.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

/// The function in which \p D is declared, be it as part of something else.
static const DeclContext *functionAround(const Decl &D) {
  const DeclContext *Context = D.getDeclContext();
  while (Context && !Context->isFunctionOrMethod())
    Context = Context->getParent();
  return Context;
}

static bool isOfLibrary(const NamedDecl &D) {
  const SourceManager &SM = D.getASTContext().getSourceManager();
  SourceLocation Where = SM.getExpansionLoc(D.getLocation());
  if (Where.isInvalid() || SM.isInSystemHeader(Where))
    return true;
  const NamespaceDecl *Outermost = nullptr;
  for (const DeclContext *Context = D.getDeclContext(); Context;
       Context = Context->getParent())
    if (const auto *Namespace = dyn_cast<NamespaceDecl>(Context))
      Outermost = Namespace;
  return Outermost &&
         is_contained({"asio", "boost", "coral"}, Outermost->getName());
}

std::string referenceTo(QualType Type, const ASTContext &Context) {
  PrintingPolicy Policy(Context.getLangOpts());
  Policy.AnonymousTagLocations = false;
  Type = Type.getCanonicalType();
  // A local type is printed by its name alone.
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool HasLocal = false;
    bool VisitTagType(const TagType *Type) override {
      const TagDecl *Tag = Type->getDecl();
      HasLocal |= Tag->getIdentifier() && functionAround(*Tag);
      if (const auto *Instance = dyn_cast<ClassTemplateSpecializationDecl>(Tag))
        for (const TemplateArgument &A : Instance->getTemplateArgs().asArray())
          TraverseTemplateArgument(A);
      return true;
    }
  } V;
  V.TraverseType(Type);
  return (V.HasLocal ? "local " : "") + Type.getAsString(Policy);
}

/// What tells \p F from other functions of its name.
static std::string signatureOf(const FunctionDecl &F) {
  const auto *Type = F.getType()->castAs<FunctionProtoType>();
  std::string Result = "(";
  for (QualType Parameter : Type->param_types())
    Result +=
        (Result == "(" ? "" : ", ") + referenceTo(Parameter, F.getASTContext());
  Result += Type->isVariadic() ? ", ...)" : ")";
  if (Type->isConst())
    Result += " const";
  if (Type->isVolatile())
    Result += " volatile";
  if (Type->getRefQualifier() != RQ_None)
    Result += Type->getRefQualifier() == RQ_LValue ? " &" : " &&";
  return Result;
}

std::string referenceTo(const NamedDecl &D) {
  // A const_iterator may have become an iterator.
  if (D.isCXXInstanceMember() && isOfLibrary(D))
    return D.getNameAsString();
  std::string Name;
  if (const DeclContext *Function = functionAround(D)) {
    Name = D.getNameAsString();
    for (const DeclContext *Context = D.getDeclContext(); Context != Function;
         Context = Context->getParent())
      if (const auto *Record = dyn_cast<CXXRecordDecl>(Context))
        Name = Record->getNameAsString() + "::" + Name;
    Name = "local " + Name;
  } else {
    Name = qualifiedName(D);
  }
  const auto *F = dyn_cast<FunctionDecl>(&D);
  return F && !isOfLibrary(*F) ? Name + signatureOf(*F) : Name;
}

/// The name of the function in which something stands.
static std::string nameAround(const DeclContext *Context) {
  while (Context && !isa<FunctionDecl>(Context))
    Context = Context->getParent();
  return Context
             ? "the name of " + cast<FunctionDecl>(Context)->getNameAsString()
             : std::string();
}

/// \p E is a default argument in which the compiler says where it is used.
static bool saysFunction(const CXXDefaultArgExpr &E) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    Visitor() { ShouldVisitImplicitCode = true; }
    bool VisitSourceLocExpr(const SourceLocExpr *E) override {
      Found |= !E->isIntType() &&
               E->getIdentKind() != SourceLocIdentKind::File &&
               E->getIdentKind() != SourceLocIdentKind::FileName;
      return true;
    }
  } V;
  V.TraverseStmt(E.getExpr());
  return V.Found;
}

std::string typeOfVariable(const ValueDecl &D) {
  return referenceTo(D.getType().getNonReferenceType().getUnqualifiedType(),
                     D.getASTContext());
}

std::string takenFromPlace(const Expr &E, const ASTContext &Context) {
  const SourceManager &SM = Context.getSourceManager();
  if (const auto *Name = dyn_cast<PredefinedExpr>(&E)) {
    // It has none in a template.
    return Name->getFunctionName() && !SM.isInSystemMacro(E.getBeginLoc())
               ? "the name of " + Name->getFunctionName()->getString().str()
               : std::string();
  }
  if (const auto *Argument = dyn_cast<CXXDefaultArgExpr>(&E))
    return saysFunction(*Argument) ? nameAround(Argument->getUsedContext())
                                   : std::string();
  if (const auto *Location = dyn_cast<SourceLocExpr>(&E))
    return Location->isIntType() ? std::string()
                                 : nameAround(Location->getParentContext());
  if (const auto *Text = dyn_cast<clang::StringLiteral>(&E)) {
    SourceLocation Where = E.getBeginLoc();
    return Where.isMacroID() && Text->isOrdinary() &&
                   SM.isWrittenInScratchSpace(SM.getSpellingLoc(Where)) &&
                   !SM.isInSystemHeader(SM.getSpellingLoc(
                       SM.getImmediateExpansionRange(Where).getBegin()))
               ? "the text " + Text->getString().str()
               : std::string();
  }
  return "";
}

} // namespace coralc
