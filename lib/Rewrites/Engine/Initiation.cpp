//===--- Initiation.cpp - Functions that take a completion token ----------===//

#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprConcepts.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

unsigned argumentOf(const CallExpr &Call, unsigned Parameter) {
  // The first argument of an operator of a class is the object.
  bool IsMember = isa<CXXOperatorCallExpr>(Call) &&
                  isa_and_nonnull<CXXMethodDecl>(Call.getDirectCallee());
  return Parameter + IsMember;
}

bool isDispatch(const CallExpr &Call) {
  return isNamed(Call.getDirectCallee(), {"dispatch"});
}

namespace {

const FunctionProtoType *signatureIn(ArrayRef<TemplateArgument> Arguments) {
  for (const TemplateArgument &A : Arguments) {
    if (A.getKind() == TemplateArgument::Pack) {
      if (const FunctionProtoType *Found = signatureIn(A.pack_elements()))
        return Found;
    } else if (A.getKind() == TemplateArgument::Type) {
      if (const auto *Found = A.getAsType()->getAs<FunctionProtoType>())
        return Found;
    }
  }
  return nullptr;
}

bool isToken(const TemplateTypeParmDecl &P) {
  const TypeConstraint *Constraint = P.getTypeConstraint();
  return Constraint && Constraint->getNamedConcept() &&
         builtinVocabularies().has(
             Role::TokenConcept, qualifiedName(*Constraint->getNamedConcept()));
}

/// Null where the signature depends on the class around the function.
const FunctionProtoType *constraintSignature(const TemplateTypeParmDecl &P) {
  const ASTTemplateArgumentListInfo *Written =
      P.getTypeConstraint()->getTemplateArgsAsWritten();
  if (!Written)
    return nullptr;
  SmallVector<TemplateArgument, 2> Arguments;
  for (const TemplateArgumentLoc &A : Written->arguments())
    Arguments.push_back(A.getArgument());
  return signatureIn(Arguments);
}

/// The call async_initiate<Token, Signature>(...) in an initiating function.
class InitiatorCall : public ConstDynamicRecursiveASTVisitor {
public:
  bool VisitUnresolvedLookupExpr(const UnresolvedLookupExpr *E) override {
    if (Signature || !E->hasExplicitTemplateArgs())
      return true;
    for (const NamedDecl *D : E->decls())
      if (builtinVocabularies().has(Role::Initiator, qualifiedName(*D))) {
        SmallVector<TemplateArgument, 3> Arguments;
        for (const TemplateArgumentLoc &A : E->template_arguments())
          Arguments.push_back(A.getArgument());
        Signature = signatureIn(Arguments);
        if (!Arguments.empty() &&
            Arguments.front().getKind() == TemplateArgument::Type)
          Token = Arguments.front().getAsType();
        break;
      }
    return true;
  }

  const FunctionProtoType *Signature = nullptr;
  QualType Token;
};

const FunctionTemplateDecl *writtenTemplate(const FunctionDecl &F) {
  const FunctionTemplateDecl *T = F.getPrimaryTemplate();
  while (T && T->getInstantiatedFromMemberTemplate())
    T = T->getInstantiatedFromMemberTemplate();
  return T;
}

std::optional<unsigned> parameterOfType(const FunctionDecl &F, QualType Token) {
  for (const ParmVarDecl *P : F.parameters())
    if (F.getASTContext().hasSameUnqualifiedType(
            P->getType().getNonReferenceType(), Token))
      return P->getFunctionScopeIndex();
  return std::nullopt;
}

const ParmVarDecl *forwardedParameter(const Expr *E) {
  E = asWritten(E)->IgnoreParenCasts();
  const auto *Call = dyn_cast<CallExpr>(E);
  if (Call && Call->getNumArgs() == 1 && Call->getBuiltinCallee())
    E = asWritten(Call->getArg(0))->IgnoreParenCasts();
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  return Ref ? dyn_cast<ParmVarDecl>(Ref->getDecl()) : nullptr;
}

std::optional<Initiation> initiationAt(const FunctionDecl &Callee,
                                       unsigned Depth);

/// What an instantiated function that does not say what it is does with its
/// token.
class HandedOn : public ConstDynamicRecursiveASTVisitor {
public:
  explicit HandedOn(unsigned Depth) : Depth(Depth) {}

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    if (!Callee || Found || none_of(Call->arguments(), forwardedParameter))
      return true;
    const FunctionProtoType *Signature = nullptr;
    std::optional<unsigned> Token;
    if (const TemplateArgumentList *Arguments =
            Callee->getTemplateSpecializationArgs();
        Arguments &&
        builtinVocabularies().has(Role::Initiator, qualifiedName(*Callee))) {
      Signature = signatureIn(Arguments->asArray());
      if (Signature && Arguments->get(0).getKind() == TemplateArgument::Type)
        Token = parameterOfType(
            *Callee, Arguments->get(0).getAsType().getNonReferenceType());
    } else if (std::optional<Initiation> I = initiationAt(*Callee, Depth + 1)) {
      Signature = I->Signature;
      Token = argumentOf(*Call, I->TokenParameter);
    }
    if (Token && *Token < Call->getNumArgs())
      if (const ParmVarDecl *P = forwardedParameter(Call->getArg(*Token)))
        Found = Initiation{P->getFunctionScopeIndex(), Signature};
    return true;
  }

  std::optional<Initiation> Found;

private:
  unsigned Depth;
};

std::optional<Initiation> initiationAt(const FunctionDecl &Callee,
                                       unsigned Depth) {
  const FunctionTemplateDecl *Template = writtenTemplate(Callee);
  if (!Template || Depth > 3)
    return std::nullopt;
  const FunctionDecl &Written = *Template->getTemplatedDecl();
  const ASTContext &Context = Callee.getASTContext();
  for (const NamedDecl *P : *Template->getTemplateParameters()) {
    const auto *Type = dyn_cast<TemplateTypeParmDecl>(P);
    if (!Type || !isToken(*Type))
      continue;
    if (std::optional<unsigned> Index =
            parameterOfType(Written, Context.getTypeDeclType(Type)))
      return Initiation{*Index, constraintSignature(*Type)};
  }
  if (!Written.hasBody())
    return std::nullopt;
  InitiatorCall Call;
  Call.TraverseStmt(Written.getBody());
  if (Call.Signature && !Call.Token.isNull())
    if (std::optional<unsigned> Index = parameterOfType(Written, Call.Token))
      return Initiation{*Index, Call.Signature};
  // A function that says that it returns nothing takes no token.
  if (Written.getReturnType()->isVoidType() || !Callee.getBody())
    return std::nullopt;
  HandedOn Body(Depth);
  Body.TraverseStmt(Callee.getBody());
  return Body.Found;
}

} // namespace

std::optional<Initiation> initiationOf(const FunctionDecl &Callee) {
  return initiationAt(Callee, 0);
}

} // namespace coralc
