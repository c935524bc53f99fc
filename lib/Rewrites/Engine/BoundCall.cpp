//===--- BoundCall.cpp - Handlers that name a function --------------------===//

#include "coralc/Rewrites/Engine/BoundCall.h"
#include "coralc/Rewrites/Engine/FunctionObject.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The function that \p E names: f, &f or &C::f.
const DeclRefExpr *functionNamedBy(const Expr *E) {
  E = asWritten(E);
  if (const auto *Address = dyn_cast<UnaryOperator>(E))
    if (Address->getOpcode() == UO_AddrOf)
      E = asWritten(Address->getSubExpr());
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  return Ref && isa<FunctionDecl>(Ref->getDecl()) ? Ref : nullptr;
}

/// N for the N-th placeholder of a bind: a constant, or a function that
/// returns one, of an empty class that is told apart by a number alone.
std::optional<unsigned> placeholder(const Expr *E) {
  const auto *Ref = dyn_cast<DeclRefExpr>(asWritten(E));
  if (!Ref)
    return std::nullopt;
  QualType Type = Ref->getDecl()->getType().getNonReferenceType();
  if (const auto *Function = dyn_cast<FunctionDecl>(Ref->getDecl()))
    Type = Function->getReturnType();
  else if (const auto *V = dyn_cast<VarDecl>(Ref->getDecl());
           !V || V->hasLocalStorage())
    return std::nullopt;
  const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Type->getAsCXXRecordDecl());
  if (!Record || !Record->hasDefinition() || !Record->isEmpty())
    return std::nullopt;
  const TemplateArgumentList &Arguments = Record->getTemplateArgs();
  if (Arguments.size() != 1 ||
      Arguments[0].getKind() != TemplateArgument::Integral)
    return std::nullopt;
  APSInt Number = Arguments[0].getAsIntegral();
  if (!Number.isStrictlyPositive())
    return std::nullopt;
  return Number.getLimitedValue();
}

bool isInstanceMethod(const FunctionDecl &F) {
  const auto *Method = dyn_cast<CXXMethodDecl>(&F);
  return Method && Method->isInstance();
}

/// The arguments that \p Call binds behind the function it names.
std::optional<BoundCall> bound(const CallExpr &Call, unsigned Results) {
  const FunctionDecl *Binder = Call.getDirectCallee();
  if (!Binder || Call.getNumArgs() == 0)
    return std::nullopt;
  std::string Name = qualifiedName(*Binder);
  bool IsFront = builtinVocabularies().has(Role::FrontBinder, Name);
  if (!IsFront && !builtinVocabularies().has(Role::Binder, Name))
    return std::nullopt;
  const DeclRefExpr *Function = functionNamedBy(Call.getArg(0));
  if (!Function)
    return std::nullopt;

  BoundCall Result;
  Result.Reference = Function;
  Result.Target = definitionOf(cast<FunctionDecl>(Function->getDecl()));
  SmallVector<const Expr *, 4> Given(drop_begin(Call.arguments()));
  if (isInstanceMethod(*Result.Target)) {
    if (Given.empty() || placeholder(Given.front()))
      return std::nullopt;
    Result.Object = Given.front();
    Given.erase(Given.begin());
  }
  for (const Expr *E : Given) {
    std::optional<unsigned> Number = IsFront ? std::nullopt : placeholder(E);
    if (Number && *Number > Results)
      return std::nullopt;
    Result.Arguments.push_back(Number
                                   ? BoundCall::Argument{nullptr, *Number - 1}
                                   : BoundCall::Argument{E, 0});
  }
  if (IsFront)
    for (unsigned I = 0; I != Results; ++I)
      Result.Arguments.push_back({nullptr, I});
  return Result;
}

/// The call of the object itself, `*this` or moved from. What the operation
/// does not deliver is left to the operator's defaults.
std::optional<BoundCall> ownCall(const Expr &Handler, unsigned Results) {
  const Expr *E = asWritten(&Handler);
  if (const auto *Call = dyn_cast<CallExpr>(E))
    if (Call->isCallToStdMove())
      E = asWritten(Call->getArg(0));
  const auto *Object = dyn_cast<UnaryOperator>(E);
  if (!Object || Object->getOpcode() != UO_Deref ||
      !isa<CXXThisExpr>(asWritten(Object->getSubExpr())))
    return std::nullopt;
  const CXXRecordDecl *Record = Object->getType()->getAsCXXRecordDecl();
  const CXXMethodDecl *Operator =
      Record && Record->hasDefinition() ? onlyCallOperator(*Record) : nullptr;
  if (!Operator || Operator->getNumParams() < Results)
    return std::nullopt;
  BoundCall Result;
  Result.Target = Operator;
  Result.IsObject = true;
  for (const ParmVarDecl *P : Operator->parameters()) {
    unsigned Index = P->getFunctionScopeIndex();
    const ParmVarDecl *Declared = Operator->getFirstDecl()->getParamDecl(Index);
    if (Index < Results)
      Result.Arguments.push_back({nullptr, Index});
    else if (Declared->hasDefaultArg() &&
             !Declared->hasUninstantiatedDefaultArg())
      Result.Arguments.push_back({Declared->getDefaultArg(), 0});
    else
      return std::nullopt;
  }
  return Result;
}

} // namespace

std::optional<BoundCall> boundCall(const Expr &Handler, unsigned Results) {
  std::optional<BoundCall> Result = ownCall(Handler, Results);
  if (Result)
    return Result;
  if (const DeclRefExpr *Function = functionNamedBy(&Handler)) {
    Result.emplace();
    Result->Reference = Function;
    Result->Target = definitionOf(cast<FunctionDecl>(Function->getDecl()));
    for (unsigned I = 0; I != Results; ++I)
      Result->Arguments.push_back({nullptr, I});
    if (isInstanceMethod(*Result->Target))
      return std::nullopt;
  } else if (const auto *Call = dyn_cast<CallExpr>(asWritten(&Handler))) {
    Result = bound(*Call, Results);
  }
  // A result that is passed twice, and arguments left to their defaults, have
  // no variable to go to.
  if (!Result || Result->Arguments.size() != Result->Target->getNumParams())
    return std::nullopt;
  SmallVector<bool, 4> Seen(Results);
  for (const BoundCall::Argument &A : Result->Arguments)
    if (!A.Value && std::exchange(Seen[A.Result], true))
      return std::nullopt;
  return Result;
}

std::string writtenCall(const BoundCall &Handler,
                        function_ref<std::string(const Expr &)> Value,
                        function_ref<std::string(const ParmVarDecl &)> Result) {
  const FunctionDecl &F = *Handler.Target;
  const ASTContext &Context = F.getASTContext();
  std::string Name = F.getNameAsString();
  if (!isInstanceMethod(F) && Handler.Reference->hasQualifier()) {
    raw_string_ostream Out(Name = "");
    Handler.Reference->getQualifier().print(Out, Context.getPrintingPolicy());
    Out << F.getName();
  }
  std::string Arguments;
  for (auto [P, Given] : zip(F.parameters(), Handler.Arguments)) {
    Arguments += Arguments.empty() ? "" : ", ";
    if (Given.Value) {
      Arguments += Value(*asWritten(Given.Value));
      continue;
    }
    QualType Type = P->getType();
    bool Moves =
        !Type->isReferenceType() && !Type.isTriviallyCopyableType(Context);
    Arguments += Moves ? "std::move(" + Result(*P) + ")" : Result(*P);
  }
  return Name + "(" + Arguments + ")";
}

} // namespace coralc
