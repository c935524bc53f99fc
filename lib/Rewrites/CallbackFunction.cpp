//===--- CallbackFunction.cpp - The user's own callback functions ---------===//
//
// A function of the user's is asynchronous when its last argument is a
// std::function, or the like, that it calls exactly once, last, on every path,
// after waiting for something:
//
//   void get(std::string key, std::function<void(error_code, string)> done);
//
// becomes
//
//   coral::task<std::tuple<error_code, string>> get(std::string key);
//
// and a call whose callback says what goes on waits for it. Whether a function
// keeps that contract is not known before its states are built, and those of
// its callers depend on it. So every candidate is believed first, and the ones
// whose states say otherwise are given up until nothing changes.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/CallbackType.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/StoredHandler.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Twin.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/QualTypeNames.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// What the callback gets is the callee's own object, which the callback may
/// change or be of a derived class: more than its value is handed over.
bool isMoreThanValue(QualType Type) {
  if (!Type->isLValueReferenceType())
    return false;
  QualType Object = Type->getPointeeType();
  const CXXRecordDecl *Record = Object->getAsCXXRecordDecl();
  return !Object.isConstQualified() ||
         (Record && Record->hasDefinition() && Record->isPolymorphic());
}

/// The handler asks where what \p P refers to is, which no value tells.
bool takesAddressOf(const ParmVarDecl &P, const Stmt &Body) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const ParmVarDecl &P;
    bool Found = false;
    explicit Visitor(const ParmVarDecl &P) : P(P) {}
    bool VisitUnaryOperator(const UnaryOperator *E) override {
      Found |= E->getOpcode() == UO_AddrOf && names(E->getSubExpr());
      return !Found;
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      Found |= Call->getNumArgs() == 1 &&
               isNamed(Call->getDirectCallee(), {"addressof", "ref", "cref"}) &&
               names(Call->getArg(0));
      return !Found;
    }
    bool names(const Expr *E) const { return variableNamedBy(E) == &P; }
  } V(P);
  V.TraverseStmt(&Body);
  return V.Found;
}

/// \p Handler asks that of something that it is handed.
bool asksForPlaces(const FunctionDecl &Handler) {
  return any_of(Handler.parameters(), [&](const ParmVarDecl *P) {
    return P->getType()->isReferenceType() && Handler.hasBody() &&
           takesAddressOf(*P, *Handler.getBody());
  });
}

/// \p E refers to a variable or temporary that is gone when its function has
/// returned.
bool refersToLocal(const Expr *E) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool VisitDeclRefExpr(const DeclRefExpr *Ref) override {
      const auto *V = dyn_cast<VarDecl>(Ref->getDecl());
      if (!V || !V->hasLocalStorage() || V->getType()->isReferenceType())
        return true;
      if (!refersToOthers(V->getType()))
        Found = true;
      else if (!isa<ParmVarDecl>(V) && V->hasInit() && Entered.insert(V).second)
        TraverseStmt(V->getInit());
      return true;
    }
    bool VisitMaterializeTemporaryExpr(
        const MaterializeTemporaryExpr *Made) override {
      const CXXRecordDecl *Record = Made->getType()->getAsCXXRecordDecl();
      Found |=
          Record && Record->hasDefinition() && !Record->hasTrivialDestructor();
      return true;
    }
    SmallPtrSet<const VarDecl *, 4> Entered;
  } V;
  V.TraverseStmt(E);
  return V.Found;
}

/// \p S hands its callback a pointer or view into what it owns.
bool deliversBorrowed(const State &S) {
  bool Found = false;
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.What == Step::Kind::End && Step.Call)
      for (auto [Type, Argument] :
           zip(S.Delivers->Types,
               drop_begin(Step.Call->arguments(),
                          isa<CXXOperatorCallExpr>(Step.Call))))
        Found |= refersToOthers(Type) && refersToLocal(Argument);
  });
  return Found;
}

class CallbackFunction final : public Pattern {
public:
  std::optional<Delivery> matchDelivery(const FunctionDecl &Function,
                                        const SourceText &Text) override {
    const FunctionDecl *F = definitionOf(&Function);
    if (F->param_empty())
      return std::nullopt;
    const ParmVarDecl *Callback = F->parameters().back();
    std::optional<CallbackType> Type = callbackType(Callback->getType(), Text);
    if (!Type || !Callback->getDeclName() ||
        any_of(Type->Signature->param_types(), isMoreThanValue) ||
        any_of(drop_end(F->parameters()), [&](const ParmVarDecl *P) {
          return callbackType(P->getType(), Text).has_value();
        }))
      return std::nullopt;
    PrintingPolicy Policy(Text.context().getLangOpts());
    Delivery Result;
    Result.Callback = Callback;
    Result.IsChangedByCall = Type->IsChangedByCall;
    for (QualType Each : Type->Signature->param_types()) {
      QualType Value = Each.getNonReferenceType().getUnqualifiedType();
      Result.Types.push_back(Value);
      Result.TypeTexts.push_back(Value.getAsString(Policy));
    }
    if (Propagates)
      Result.Coroutine = coroutineTwin(*F, Result, Text.context());
    bool MayBecomeOne =
        !GivenUp.contains(F) && F->hasBody() && Text.range(F->getSourceRange());
    if (!Result.Coroutine && !MayBecomeOne)
      return std::nullopt;
    return Result;
  }

  std::optional<OperationMatch>
  matchOperation(const CallExpr &Call, const SourceText &Text) override {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || isa<CXXOperatorCallExpr>(Call) || !Call.getNumArgs())
      return std::nullopt;
    std::optional<Delivery> Delivers = matchDelivery(*Callee, Text);
    const Expr *Argument = Call.getArg(Call.getNumArgs() - 1);
    if (!Delivers || Call.getNumArgs() != Callee->getNumParams() ||
        isa<CXXDefaultArgExpr>(Argument))
      return std::nullopt;
    Operation Op;
    Op.How = Operation::Form::Task;
    Op.Call = &Call;
    Op.Handler = asWritten(Argument);
    Op.HandlerArgument = Argument;
    Op.Stored = storedHandler(*Op.Handler, Call);
    Op.Made = Op.Stored ? madeBy(*Op.Stored) : Op.Handler;
    std::optional<Refusal> Why =
        readHandler(Op, *Callee, Delivers->Types, Text);
    if (const FunctionDecl *Handler = runBy(Op);
        Handler && asksForPlaces(*Handler)) {
      if (Delivers->Coroutine)
        return std::nullopt;
      AskedForPlaces.insert(definitionOf(Callee));
    }
    // Others may still be handed the result; this one stays a callback.
    if (Why || (Op.Bound && Op.Bound->IsObject) ||
        !Text.range(Op.Made->getSourceRange()))
      return std::nullopt;
    for (auto [B, Type] : zip(Op.Results, Delivers->Types)) {
      // An error is a value like any other.
      B.IsError = false;
      if (B.TypeText == "auto" && Op.Results.size() > 1)
        B.TypeText = TypeName::getFullyQualifiedName(
            Type, Text.context(), PrintingPolicy(Text.context().getLangOpts()));
    }
    return Op;
  }

  bool reconsider(const StateGraph &Graph) override {
    bool Changed = false;
    for (const auto &S : Graph.States) {
      if (!S->Delivers)
        continue;
      bool Waits = false;
      forEachStep(S->Steps, [&](const Step &Step) {
        Waits |= Step.What == Step::Kind::Suspend ||
                 (Step.What == Step::Kind::End && Step.Op);
      });
      // Each would wait for the next one, of which there would be ever more.
      SmallPtrSet<const FunctionDecl *, 4> Next;
      addHandedOn(*S, Graph, Next);
      if (S->Why || !S->KeepsContract || !Waits || Next.contains(S->Function) ||
          deliversBorrowed(*S) || AskedForPlaces.contains(S->Function))
        Changed |= GivenUp.insert(S->Function).second;
    }
    return Changed;
  }

private:
  /// The functions to which the callback of \p S goes on, from one to the next.
  static void addHandedOn(const State &S, const StateGraph &Graph,
                          SmallPtrSetImpl<const FunctionDecl *> &Next) {
    forEachStep(S.Steps, [&](const Step &Step) {
      if (Step.What != Step::Kind::End || !Step.Op)
        return;
      const FunctionDecl *F = definitionOf(Step.Op->Call->getDirectCallee());
      if (const State *To = Next.insert(F).second ? Graph.find(F) : nullptr)
        addHandedOn(*To, Graph, Next);
    });
  }

  /// Functions of which some callback looks where what it is handed is.
  SmallPtrSet<const FunctionDecl *, 8> AskedForPlaces;
  /// Functions that do not call their callback exactly once and last.
  SmallPtrSet<const FunctionDecl *, 8> GivenUp;
};

RegisterPattern<CallbackFunction>
    Register("callback-function",
             "functions that call a callback once when they are done");

} // namespace
} // namespace coralc
