//===--- CompletionHandler.cpp - Operations that take a completion token --===//
//
// In Asio's model every initiating function is a template whose completion
// token parameter names the handler's signature: in its constraint,
//
//   template <completion_token_for<void(error_code, size_t)> Token>
//   auto async_read_some(const Buffers &, Token &&);
//
// or, before concepts, in the async_initiate<Token, void(error_code, size_t)>
// that its body calls, or hands its token on to another initiating function.
// Composed operations of third parties do the same, so no list of operations
// is needed. A token that is a handler makes them return nothing; every other
// token makes them return how the result is to be had.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprConcepts.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// An initiating function: which parameter takes the token, and what the
/// token's handler receives; without a signature, what the handler takes.
struct Initiation {
  unsigned TokenParameter = 0;
  const FunctionProtoType *Signature = nullptr;
};

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

unsigned argumentOf(const CallExpr &Call, unsigned Parameter) {
  // The first argument of an operator of a class is the object.
  bool IsMember = isa<CXXOperatorCallExpr>(Call) &&
                  isa_and_nonnull<CXXMethodDecl>(Call.getDirectCallee());
  return Parameter + IsMember;
}

std::optional<Initiation> initiationOf(const FunctionDecl &Callee,
                                       unsigned Depth = 0);

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
    } else if (std::optional<Initiation> I = initiationOf(*Callee, Depth + 1)) {
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

std::optional<Initiation> initiationOf(const FunctionDecl &Callee,
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

/// The handler in \p Argument: itself, or wrapped as in
/// bind_executor(strand, handler), where the last argument is the handler.
const Expr *handlerIn(const Expr *Argument) {
  Argument = asWritten(Argument);
  const auto *Call = dyn_cast<CallExpr>(Argument);
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  if (!Callee || !isHandlerWrapper(qualifiedName(*Callee)))
    return Argument;
  for (const Expr *Inner : reverse(Call->arguments()))
    if (!isa<CXXDefaultArgExpr>(Inner))
      return handlerIn(Inner);
  return Argument;
}

/// Something that can be called is a handler; every other token says how a
/// result is to be had and is no callback.
bool isCallable(QualType Type) {
  Type = Type.getNonReferenceType();
  if (Type->isFunctionType() || Type->isFunctionPointerType())
    return true;
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (!Record || !Record->hasDefinition())
    return false;
  return !Record
              ->lookup(
                  Record->getASTContext().DeclarationNames.getCXXOperatorName(
                      OO_Call))
              .empty();
}

bool isRecordNamed(QualType Type, StringRef Name) {
  const CXXRecordDecl *Record =
      Type.getNonReferenceType()->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         Record->getName() == Name;
}

class CompletionHandler final : public Pattern {
public:
  std::optional<OperationMatch>
  matchOperation(const CallExpr &Call, const SourceText &Text) override {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee)
      return matchDependent(Call);
    if (!Call.getType()->isVoidType() ||
        builtinVocabularies().has(Role::NotOperation, qualifiedName(*Callee)))
      return std::nullopt;
    std::optional<Initiation> I = initiationOf(*Callee);
    if (!I)
      return std::nullopt;
    unsigned Index = argumentOf(Call, I->TokenParameter);
    if (Index >= Call.getNumArgs())
      return std::nullopt;
    const Expr *Argument = Call.getArg(Index);
    const Expr *Handler = handlerIn(Argument);
    if (!isCallable(Handler->getType()))
      return std::nullopt;
    if (!I->Signature)
      I->Signature = signatureOf(*Handler);
    if (!I->Signature)
      return Refusal{"unsupported-handler", Handler->getBeginLoc(),
                     "nothing says what '" + Callee->getNameAsString() +
                         "' delivers to this handler; write it as a lambda "
                         "with the types of its parameters"};
    return makeOperation(Call, *Callee, *I, *Argument, *Handler, Text);
  }

private:
  /// What a handler takes that can only be called in one way.
  static const FunctionProtoType *signatureOf(const Expr &Handler) {
    const auto *Lambda = dyn_cast<LambdaExpr>(&Handler);
    if (!Lambda || Lambda->getCallOperator()->isTemplated())
      return nullptr;
    return Lambda->getCallOperator()->getType()->getAs<FunctionProtoType>();
  }

  static OperationMatch makeOperation(const CallExpr &Call,
                                      const FunctionDecl &Callee,
                                      const Initiation &I, const Expr &Argument,
                                      const Expr &Handler,
                                      const SourceText &Text) {
    Operation Op;
    Op.Call = &Call;
    Op.Handler = &Handler;
    Op.HandlerArgument = &Argument;
    for (SourceRange R : {Call.getSourceRange(), Handler.getSourceRange()})
      if (!Text.range(R))
        return Refusal{"macro-in-the-way", Call.getBeginLoc(),
                       "this operation is started inside a macro"};
    unsigned Count = I.Signature->getNumParams();
    if (Count > 0 &&
        isRecordNamed(I.Signature->getParamType(0), "exception_ptr"))
      return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                     "the operation hands its handler an exception, and one "
                     "that is awaited throws it"};
    std::optional<Refusal> Why = Op.lambda()
                                     ? readLambda(*Op.lambda(), Count, Op, Text)
                                     : readBoundCall(Callee, I, Op, Text);
    if (Why)
      return std::move(*Why);
    bool DeliversError =
        Count > 0 && isRecordNamed(I.Signature->getParamType(0), "error_code");
    if (DeliversError && !Op.error())
      return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                     "the handler takes the error as another type than the "
                     "operation delivers"};
    if (Op.Results.size() > (Op.error() ? 2u : 1u))
      return Refusal{"several-results", Call.getBeginLoc(),
                     "'" + Callee.getNameAsString() +
                         "' delivers several values besides the error"};
    return Op;
  }

  static Binding binding(const ParmVarDecl &P, bool IsFirst,
                         const SourceText &Text) {
    Binding B;
    B.Decl = P.getDeclName() ? &P : nullptr;
    B.Type = P.getType();
    B.TypeText = valueTypeText(P, Text);
    B.IsError = IsFirst && isRecordNamed(P.getType(), "error_code");
    return B;
  }

  static std::optional<Refusal> readLambda(const LambdaExpr &Lambda,
                                           unsigned Count, Operation &Op,
                                           const SourceText &Text) {
    const CXXMethodDecl *Operator = Lambda.getCallOperator();
    if (Operator->isTemplated())
      return Refusal{"dependent-code", Lambda.getBeginLoc(),
                     "the handler is a generic lambda; write the types of "
                     "its parameters"};
    if (Operator->getType()->castAs<FunctionProtoType>()->isNothrow())
      return Refusal{"unsupported-handler", Lambda.getBeginLoc(),
                     "the handler is noexcept, so an exception in it ends the "
                     "program; a coroutine would let it out"};
    if (Operator->getNumParams() != Count)
      return Refusal{"unsupported-handler", Lambda.getBeginLoc(),
                     "the handler does not take exactly what the operation "
                     "delivers"};
    for (const ParmVarDecl *P : Operator->parameters())
      Op.Results.push_back(binding(*P, Op.Results.empty(), Text));
    return std::nullopt;
  }

  /// The results go to the parameters of the function that the handler calls;
  /// one that goes nowhere has the type that the operation delivers.
  static std::optional<Refusal> readBoundCall(const FunctionDecl &Callee,
                                              const Initiation &I,
                                              Operation &Op,
                                              const SourceText &Text) {
    unsigned Count = I.Signature->getNumParams();
    Op.Bound = boundCall(*Op.Handler, Count);
    if (!Op.Bound)
      return Refusal{"unsupported-handler", Op.Handler->getBeginLoc(),
                     "the handler of '" + Callee.getNameAsString() +
                         "' is neither a lambda nor a function with its "
                         "arguments; write it as a lambda that calls what it "
                         "calls now"};
    if (Op.Bound->Target->getType()->castAs<FunctionProtoType>()->isNothrow())
      return Refusal{"unsupported-handler", Op.Handler->getBeginLoc(),
                     "the handler is noexcept, so an exception in it ends the "
                     "program; a coroutine would let it out"};
    PrintingPolicy Policy(Text.context().getLangOpts());
    for (unsigned Result = 0; Result != Count; ++Result) {
      Binding B;
      B.Type = I.Signature->getParamType(Result).getNonReferenceType();
      B.TypeText = B.Type.getUnqualifiedType().getAsString(Policy);
      B.IsError = Result == 0 && isRecordNamed(B.Type, "error_code");
      for (auto [P, Argument] :
           zip(Op.Bound->Target->parameters(), Op.Bound->Arguments))
        if (!Argument.Value && Argument.Result == Result)
          B = binding(*P, Result == 0, Text);
      Op.Results.push_back(std::move(B));
    }
    return std::nullopt;
  }

  /// In a template nothing is known but names.
  static std::optional<OperationMatch> matchDependent(const CallExpr &Call) {
    if (!Call.isTypeDependent() || Call.getNumArgs() == 0 ||
        !isa<LambdaExpr>(asWritten(Call.getArg(Call.getNumArgs() - 1))))
      return std::nullopt;
    const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
    DeclarationName Name;
    if (const auto *Member = dyn_cast<CXXDependentScopeMemberExpr>(Callee))
      Name = Member->getMember();
    else if (const auto *Overloads = dyn_cast<OverloadExpr>(Callee))
      Name = Overloads->getName();
    if (!Name.isIdentifier() || !Name.getAsIdentifierInfo() ||
        !Name.getAsIdentifierInfo()->getName().starts_with("async_"))
      return std::nullopt;
    return Refusal{"dependent-code", Call.getBeginLoc(),
                   "what '" + Name.getAsString() +
                       "' does depends on a template argument"};
  }
};

RegisterPattern<CompletionHandler>
    Register("completion-handler",
             "operations that take a completion token, as in Asio");

} // namespace
} // namespace coralc
