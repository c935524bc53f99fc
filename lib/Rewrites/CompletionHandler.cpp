//===--- CompletionHandler.cpp - Operations that take a completion token --===//
//
// A completion token that can be called is a handler, and makes the initiating
// function return nothing. Every other token makes it return how the result is
// to be had.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/StoredHandler.h"
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
    const VarDecl *Stored = storedHandler(*Handler, Call);
    const Expr *Made = Stored ? madeBy(*Stored) : Handler;
    if (!I->Signature)
      I->Signature = signatureOf(*Made);
    if (!I->Signature)
      return Refusal{"unsupported-handler", Handler->getBeginLoc(),
                     "nothing says what '" + Callee->getNameAsString() +
                         "' delivers to this handler; write it as a lambda "
                         "with the types of its parameters"};
    Operation Op;
    Op.Call = &Call;
    Op.Handler = Handler;
    Op.HandlerArgument = Argument;
    Op.Made = Made;
    Op.Stored = Stored;
    return makeOperation(std::move(Op), *Callee, *I, Text);
  }

private:
  /// What a handler takes that can only be called in one way.
  static const FunctionProtoType *signatureOf(const Expr &Handler) {
    if (std::optional<FunctionObject> Object = functionObject(Handler))
      return Object->Operator->getType()->getAs<FunctionProtoType>();
    const auto *Lambda = dyn_cast<LambdaExpr>(&Handler);
    if (!Lambda || Lambda->getCallOperator()->isTemplated())
      return nullptr;
    return Lambda->getCallOperator()->getType()->getAs<FunctionProtoType>();
  }

  static OperationMatch makeOperation(Operation Op, const FunctionDecl &Callee,
                                      const Initiation &I,
                                      const SourceText &Text) {
    const CallExpr &Call = *Op.Call;
    const Expr &Handler = *Op.Made;
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
    if (!Op.lambda())
      Op.Object = functionObject(Handler);
    std::optional<Refusal> Why =
        Op.lambda() ? readLambda(*Op.lambda(), Count, Op, Text)
        : Op.Object ? readObject(Count, Op, Text)
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
    const CXXMethodDecl *Operator = callOperator(Lambda);
    if (!Operator)
      return Refusal{"dependent-code", Lambda.getBeginLoc(),
                     "the handler is a generic lambda that is called with "
                     "different types, or never; write the types of its "
                     "parameters"};
    if (std::optional<Refusal> Why = mayThrow(*Operator, Lambda))
      return Why;
    if (Operator->getNumParams() != Count)
      return takesOtherValues(Lambda);
    for (auto [P, Written] :
         zip(Operator->parameters(), Lambda.getCallOperator()->parameters())) {
      Op.Results.push_back(binding(*P, Op.Results.empty(), Text));
      if (Written->getType()->isDependentType() && !Op.Results.back().IsError)
        Op.Results.back().TypeText = "auto";
    }
    return std::nullopt;
  }

  static Refusal takesOtherValues(const Expr &Handler) {
    return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                   "the handler does not take exactly what the operation "
                   "delivers"};
  }

  static std::optional<Refusal> readObject(unsigned Count, Operation &Op,
                                           const SourceText &Text) {
    const CXXMethodDecl &Operator = *Op.Object->Operator;
    std::optional<TextRange> Range = Text.range(Operator.getSourceRange());
    if (!Range || !Text.isInSource(Operator.getSourceRange()) ||
        !isa<CompoundStmt>(Operator.getBody()))
      return Refusal{"unsupported-handler", Op.Made->getBeginLoc(),
                     "the call operator of the handler is not in this file; "
                     "write a lambda that calls what it calls"};
    if (Text.crossesDirective(*Range))
      return Refusal{"preprocessor-in-the-way", Operator.getLocation(),
                     "the handler contains a preprocessor directive, so its "
                     "other branch would be lost"};
    if (std::optional<Refusal> Why = mayThrow(Operator, *Op.Made))
      return Why;
    if (const Expr *Use = otherUseOfItself(*Op.Object))
      return Refusal{"unsupported-handler", Use->getBeginLoc(),
                     "the handler works on itself other than by its members; "
                     "write it as a lambda, or call it instead of handing it "
                     "to an operation"};
    if (Operator.getNumParams() != Count ||
        !Operator.getReturnType()->isVoidType())
      return takesOtherValues(*Op.Made);
    for (const ParmVarDecl *P : Operator.parameters())
      Op.Results.push_back(binding(*P, Op.Results.empty(), Text));
    return std::nullopt;
  }

  static std::optional<Refusal> mayThrow(const FunctionDecl &F,
                                         const Expr &Handler) {
    if (!F.getType()->castAs<FunctionProtoType>()->isNothrow())
      return std::nullopt;
    return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                   "the handler is noexcept, so an exception in it ends the "
                   "program; a coroutine would let it out"};
  }

  /// The results go to the parameters of the function that the handler calls;
  /// one that goes nowhere has the type that the operation delivers.
  static std::optional<Refusal> readBoundCall(const FunctionDecl &Callee,
                                              const Initiation &I,
                                              Operation &Op,
                                              const SourceText &Text) {
    unsigned Count = I.Signature->getNumParams();
    Op.Bound = boundCall(*Op.Made, Count);
    if (!Op.Bound)
      return Refusal{"unsupported-handler", Op.Handler->getBeginLoc(),
                     "the handler of '" + Callee.getNameAsString() +
                         "' is neither a lambda nor a function with its "
                         "arguments; write it as a lambda that calls what it "
                         "calls now"};
    if (std::optional<Refusal> Why = mayThrow(*Op.Bound->Target, *Op.Made))
      return Why;
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
        !looksLikeHandler(*Call.getArg(Call.getNumArgs() - 1)))
      return std::nullopt;
    StringRef Name = calledName(Call);
    if (!Name.starts_with("async_"))
      return std::nullopt;
    return Refusal{
        "dependent-code", Call.getBeginLoc(),
        ("what '" + Name + "' does depends on a template argument").str()};
  }

  /// A lambda, or a call of what binds a function's arguments or wraps a
  /// handler.
  static bool looksLikeHandler(const Expr &E) {
    const Expr *Written = asWritten(&E);
    const auto *Call = dyn_cast<CallExpr>(Written);
    return isa<LambdaExpr>(Written) ||
           (Call && (calledName(*Call) == "wrap" ||
                     calledName(*Call).starts_with("bind")));
  }

  static StringRef calledName(const CallExpr &Call) {
    const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
    DeclarationName Name;
    if (const auto *Member = dyn_cast<CXXDependentScopeMemberExpr>(Callee))
      Name = Member->getMember();
    else if (const auto *Overloads = dyn_cast<OverloadExpr>(Callee))
      Name = Overloads->getName();
    else if (const FunctionDecl *F = Call.getDirectCallee())
      Name = F->getDeclName();
    const IdentifierInfo *Identifier = Name.getAsIdentifierInfo();
    return Identifier ? Identifier->getName() : StringRef();
  }
};

RegisterPattern<CompletionHandler>
    Register("completion-handler",
             "operations that take a completion token, as in Asio");

} // namespace
} // namespace coralc
