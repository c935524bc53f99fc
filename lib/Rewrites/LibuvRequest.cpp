//===--- LibuvRequest.cpp - Functions of libuv that take a request --------===//
//
// Such a function is given a request, which is the caller's, and a callback
// that gets the request back, once. What is called again and again (reading,
// listening, timers) is given a handle instead and is no request.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/RequestOwner.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// What void (*)(Request *, ...) is called with.
const FunctionProtoType *requestCallback(QualType Type) {
  const auto *Signature =
      Type->isFunctionPointerType()
          ? Type->getPointeeType()->getAs<FunctionProtoType>()
          : nullptr;
  return Signature && Signature->getReturnType()->isVoidType() &&
                 Signature->getNumParams() > 0 &&
                 Signature->getParamType(0)->isPointerType() &&
                 isRequest(Signature->getParamType(0)->getPointeeType())
             ? Signature
             : nullptr;
}

class LibuvRequest final : public Pattern {
public:
  std::optional<OperationMatch>
  matchOperation(const CallExpr &Call, const SourceText &Text) override {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || !Callee->isExternC() || Callee->hasBody() ||
        Call.getNumArgs() != Callee->getNumParams())
      return std::nullopt;
    Operation Op;
    const FunctionProtoType *Signature = nullptr;
    // The work of uv_queue_work has the form of a callback, and comes first.
    for (auto [P, Argument] : zip(Callee->parameters(), Call.arguments()))
      if (const FunctionProtoType *Known = requestCallback(P->getType())) {
        Signature = Known;
        Op.HandlerArgument = Argument;
      }
    if (!Signature || isNull(*Op.HandlerArgument, Text))
      return std::nullopt;
    const Expr *Request = nullptr;
    for (auto [P, Argument] : zip(Callee->parameters(), Call.arguments()))
      if (Text.context().hasSameType(P->getType(), Signature->getParamType(0)))
        Request = Argument;
    if (!Request)
      return std::nullopt;

    Op.How = Operation::Form::Request;
    Op.Call = &Call;
    Op.Request = Request;
    Op.Handler = Op.Made = asWritten(Op.HandlerArgument);
    for (SourceRange R : {Call.getSourceRange(), Op.Made->getSourceRange()})
      if (!Text.range(R))
        return Refusal{"macro-in-the-way", Call.getBeginLoc(),
                       "this operation is started inside a macro"};
    if (const LambdaExpr *Lambda = Op.lambda()) {
      if (Request->HasSideEffects(Text.context()))
        return Refusal{"unsupported-handler", Request->getBeginLoc(),
                       "the request is made where the operation is started; "
                       "name it as a variable before"};
      readLambda(*Lambda, *Request, Op, Text);
      return Op;
    }
    return readFunction(*Callee, *Signature, *Request, Op, Text);
  }

private:
  static bool isNull(const Expr &E, const SourceText &Text) {
    return E.isNullPointerConstant(const_cast<ASTContext &>(Text.context()),
                                   Expr::NPC_ValueDependentIsNotNull) !=
           Expr::NPCK_NotNull;
  }

  static Binding binding(const ParmVarDecl &P, const SourceText &Text) {
    Binding B;
    B.Decl = P.getDeclName() ? &P : nullptr;
    B.Type = P.getType();
    B.TypeText = valueTypeText(P, Text);
    return B;
  }

  static void readLambda(const LambdaExpr &Lambda, const Expr &Request,
                         Operation &Op, const SourceText &Text) {
    for (const ParmVarDecl *P : callOperator(Lambda)->parameters())
      if (P->getFunctionScopeIndex() == 0)
        Op.Given.push_back({P, &Request});
      else
        Op.Results.push_back(binding(*P, Text));
  }

  static OperationMatch readFunction(const FunctionDecl &Callee,
                                     const FunctionProtoType &Signature,
                                     const Expr &Request, Operation &Op,
                                     const SourceText &Text) {
    Op.Bound = boundCall(*Op.Made, Signature.getNumParams());
    if (!Op.Bound)
      return Refusal{"unsupported-handler", Op.Made->getBeginLoc(),
                     "the handler of '" + Callee.getNameAsString() +
                         "' is neither a lambda nor the name of a function"};
    for (auto [P, Argument] :
         zip(Op.Bound->Target->parameters(), Op.Bound->Arguments)) {
      if (Argument.Result == 0) {
        Argument.Value = &Request;
        continue;
      }
      --Argument.Result;
      Op.Results.push_back(binding(*P, Text));
    }
    return Op;
  }
};

RegisterPattern<LibuvRequest> Register("libuv-request",
                                       "libuv's functions that take a request");

} // namespace
} // namespace coralc
