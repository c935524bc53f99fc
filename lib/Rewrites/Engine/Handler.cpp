//===--- Handler.cpp - What an operation's handler is ---------------------===//

#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool isRecordNamed(QualType Type, StringRef Name) {
  const CXXRecordDecl *Record =
      Type.getNonReferenceType()->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         Record->getName() == Name;
}

namespace {

Binding binding(const ParmVarDecl &P, bool IsFirst, const SourceText &Text) {
  Binding B;
  B.Decl = P.getDeclName() ? &P : nullptr;
  B.Type = P.getType();
  B.TypeText = valueTypeText(P, Text);
  B.IsError = IsFirst && isRecordNamed(P.getType(), "error_code");
  return B;
}

std::optional<Refusal> mayThrow(const FunctionDecl &F, const Expr &Handler) {
  if (!F.getType()->castAs<FunctionProtoType>()->isNothrow())
    return std::nullopt;
  return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                 "the handler is noexcept, so an exception in it ends the "
                 "program; a coroutine would let it out"};
}

Refusal takesOtherValues(const Expr &Handler) {
  return Refusal{"unsupported-handler", Handler.getBeginLoc(),
                 "the handler does not take exactly what the operation "
                 "delivers"};
}

std::optional<Refusal> readLambda(const LambdaExpr &Lambda, unsigned Count,
                                  Operation &Op, const SourceText &Text) {
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

std::optional<Refusal> readObject(unsigned Count, Operation &Op,
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

/// The results go to the parameters of the function that the handler calls; one
/// that goes nowhere has the type that the operation delivers.
std::optional<Refusal> readBoundCall(const FunctionDecl &Callee,
                                     ArrayRef<QualType> Delivered,
                                     Operation &Op, const SourceText &Text) {
  Op.Bound = boundCall(*Op.Made, Delivered.size());
  if (!Op.Bound)
    return Refusal{"unsupported-handler", Op.Handler->getBeginLoc(),
                   "the handler of '" + Callee.getNameAsString() +
                       "' is neither a lambda nor a function with its "
                       "arguments; write it as a lambda that calls what it "
                       "calls now"};
  if (std::optional<Refusal> Why = mayThrow(*Op.Bound->Target, *Op.Made))
    return Why;
  PrintingPolicy Policy(Text.context().getLangOpts());
  for (unsigned Result = 0; Result != Delivered.size(); ++Result) {
    Binding B;
    B.Type = Delivered[Result].getNonReferenceType();
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

} // namespace

std::optional<Refusal> readHandler(Operation &Op, const FunctionDecl &Callee,
                                   ArrayRef<QualType> Delivered,
                                   const SourceText &Text) {
  if (const LambdaExpr *Lambda = Op.lambda())
    return readLambda(*Lambda, Delivered.size(), Op, Text);
  Op.Object = functionObject(*Op.Made);
  return Op.Object ? readObject(Delivered.size(), Op, Text)
                   : readBoundCall(Callee, Delivered, Op, Text);
}

const FunctionDecl *runBy(const Operation &Op) {
  if (Op.Bound)
    return Op.Bound->Target;
  if (Op.Object)
    return Op.Object->Operator;
  return Op.lambda() ? callOperator(*Op.lambda()) : nullptr;
}

SmallVector<const ValueDecl *, 4> copiedInto(const Operation &Op) {
  SmallVector<const ValueDecl *, 4> Result;
  if (const LambdaExpr *Lambda = Op.lambda())
    for (const LambdaCapture &C : Lambda->captures())
      if (C.capturesVariable() && C.getCaptureKind() == LCK_ByCopy)
        Result.push_back(C.getCapturedVar());
  if (Op.Object)
    for (const FunctionObject::Member &M : Op.Object->Members)
      if (const VarDecl *V = variableNamedBy(M.Init);
          V && !M.Field->getType()->isReferenceType())
        Result.push_back(V);
  if (Op.Bound)
    for (const BoundCall::Argument &A : Op.Bound->Arguments)
      if (const VarDecl *V = A.Value ? variableNamedBy(A.Value) : nullptr)
        Result.push_back(V);
  return Result;
}

std::optional<TextRange> behindHandler(const Operation &Op,
                                       const SourceText &Text) {
  if (!Op.Call || !Op.HandlerArgument || Op.How == Operation::Form::Callback)
    return std::nullopt;
  const Expr *Last = nullptr;
  for (const Expr *Argument : Op.Call->arguments())
    if (!isa<CXXDefaultArgExpr>(Argument))
      Last = Argument;
  std::optional<TextRange> Handler =
      Text.range(Op.HandlerArgument->getSourceRange());
  std::optional<unsigned> Close = Text.offset(Op.Call->getRParenLoc());
  if (!Last || asWritten(Last) != asWritten(Op.HandlerArgument) || !Handler ||
      !Close || *Close < Handler->End)
    return std::nullopt;
  TextRange Behind{Handler->End, *Close};
  return Text.comments(Behind).empty() ? std::nullopt : std::optional(Behind);
}

} // namespace coralc
