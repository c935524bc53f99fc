//===--- CompletionHandler.cpp - Operations that take a completion token --===//
//
// A completion token that can be called is a handler, and makes the initiating
// function return nothing. Every other token makes it return how the result is
// to be had.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/Pattern.h"
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
    if (std::optional<Refusal> Why =
            readHandler(Op, Callee, I.Signature->param_types(), Text))
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
