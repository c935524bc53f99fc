//===--- CallbackFunction.cpp - The user's own callback functions ---------===//
//
// A function of the user's is asynchronous when its last argument is a
// std::function, or the like, that it calls exactly once, last, on every path,
// after waiting for something; or a pointer to a function and what that is
// given back, or in a template anything that can be called:
//
//   void get(std::string key, std::function<void(error_code, string)> done);
//
// becomes
//
//   coral::task<std::tuple<error_code, string>> get(std::string key);
//
// and a call whose callback says what goes on waits for it. Where the last two
// arguments are such, exactly one of which is called, the coroutine says which:
//
//   void get(std::string key, std::function<void(string)> on_value,
//            std::function<void(error_code)> on_error);
//
//   coral::task<std::variant<string, error_code>> get(std::string key);
//
// Whether a function
// keeps that contract is not known before its states are built, and those of
// its callers depend on it. So every candidate is believed first, and the ones
// whose states say otherwise are given up until nothing changes.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/CallbackType.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/DeducedType.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/StoredHandler.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Twin.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/QualTypeNames.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

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
      bool PointsElsewhere = V->getType()->isPointerType() && !neverChanges(*V);
      if (!refersToOthers(V->getType()) || PointsElsewhere)
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

/// The handler of \p Op is given a view of a value that is gone when it has
/// been awaited.
bool looksIntoResult(const Operation &Op, ArrayRef<QualType> Delivered) {
  return any_of(zip(Op.Results, Delivered), [](const auto &Pair) {
    const auto &[B, Type] = Pair;
    return refersToOthers(B.Type.getNonReferenceType()) &&
           !refersToOthers(Type);
  });
}

/// \p S hands its callback a pointer or view into what it owns.
bool deliversBorrowed(const State &S) {
  bool Found = false;
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.What != Step::Kind::End || !Step.Call)
      return;
    const Delivery::Completion &Way = S.Delivers->Ways[Step.Way];
    for (auto [Type, Argument] : zip(Way.Types, Way.valuesOf(*Step.Call)))
      Found |= refersToOthers(Type) && refersToLocal(Argument);
  });
  return Found;
}

/// \p Body calls \p Callback with \p Context as that argument.
bool handsBack(const Stmt *Body, const ParmVarDecl &Callback,
               const ParmVarDecl &Context, unsigned Argument) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const ParmVarDecl &Callback, &Context;
    unsigned Argument;
    bool Found = false;
    Visitor(const ParmVarDecl &Callback, const ParmVarDecl &Context,
            unsigned Argument)
        : Callback(Callback), Context(Context), Argument(Argument) {}
    bool VisitCallExpr(const CallExpr *Call) override {
      Found |= Argument < Call->getNumArgs() &&
               mentions(Call->getCallee(), &Callback) &&
               variableNamedBy(Call->getArg(Argument)) == &Context;
      return !Found;
    }
  } V(Callback, Context, Argument);
  V.TraverseStmt(Body);
  return V.Found;
}

/// Which argument of a callback that is called so \p Context is: the first or
/// the last. Where both have its type, the body of \p F says.
std::optional<unsigned> contextArgument(const FunctionProtoType &Signature,
                                        const ParmVarDecl &Callback,
                                        const ParmVarDecl &Context,
                                        const FunctionDecl &F) {
  const ASTContext &AST = F.getASTContext();
  unsigned Count = Signature.getNumParams();
  if (!Context.getType()->isPointerType() || Count == 0)
    return std::nullopt;
  SmallVector<unsigned, 2> Possible;
  for (auto [I, Type] : enumerate(Signature.param_types()))
    if (AST.hasSameUnqualifiedType(Type, Context.getType()))
      Possible.push_back(I);
  if (Possible.size() > 1)
    erase_if(Possible, [&](unsigned I) {
      return !F.hasBody() || !handsBack(F.getBody(), Callback, Context, I);
    });
  bool IsAtAnEnd = Possible.size() == 1 &&
                   (Possible.front() == 0 || Possible.front() + 1 == Count);
  return IsAtAnEnd ? std::optional(Possible.front()) : std::nullopt;
}

/// A call by its name, with \p Context where it takes that, calls the function
/// of \p Handler.
bool isOnlyOneNamedSo(const BoundCall &Handler, const Expr *Context) {
  const FunctionDecl &F = *Handler.Target;
  auto IsOnlyOne = [&](const DeclContext *Scope) {
    return all_of(Scope->lookup(F.getDeclName()), [&](const NamedDecl *D) {
      return declaresSameEntity(D->getUnderlyingDecl(), &F);
    });
  };
  const CXXRecordDecl *Record =
      Context ? asWritten(Context)->getType()->getPointeeCXXRecordDecl()
              : nullptr;
  return IsOnlyOne(F.getDeclContext()) &&
         (!Record ||
          IsOnlyOne(Record->getDeclContext()->getEnclosingNamespaceContext()));
}

/// The template's argument is given by hand.
bool hasTemplateArguments(const CallExpr &Call) {
  const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
  if (const auto *Member = dyn_cast<MemberExpr>(Callee))
    return Member->hasExplicitTemplateArgs();
  const auto *Ref = dyn_cast<DeclRefExpr>(Callee);
  return Ref && Ref->hasExplicitTemplateArgs();
}

class CallbackFunction final : public Pattern {
public:
  std::optional<Delivery> matchDelivery(const FunctionDecl &Function,
                                        const SourceText &Text) override {
    const FunctionDecl *F = definitionOf(&Function);
    std::optional<Delivery> Found = callbackOf(*F, Text);
    if (!Found || any_of(Found->Ways, [](const Delivery::Completion &Way) {
          return !Way.Callback->getDeclName();
        }))
      return std::nullopt;
    Delivery Result = std::move(*Found);
    if (Options.Propagate)
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
    bool IsWrapped = is_contained(Options.Wrapped, qualifiedName(*Callee));
    std::optional<Delivery> Delivers =
        IsWrapped ? callbackOf(*Callee, Text) : matchDelivery(*Callee, Text);
    if (!Delivers || Call.getNumArgs() != Callee->getNumParams() ||
        hasTemplateArguments(Call))
      return std::nullopt;
    if (IsWrapped)
      return readWrapped(*Delivers, Call, Text);
    if (!Delivers->hasChoice())
      return readCallback(Delivers->Ways.front(), *Delivers, Call, Text);
    Operation Op;
    Op.How = Operation::Form::Task;
    Op.Call = &Call;
    for (const auto &[I, Way] : enumerate(Delivers->Ways)) {
      std::optional<Operation> Handler =
          readCallback(Way, *Delivers, Call, Text);
      if (!Handler)
        Handler = callbackHandedOn(Way, Call, Text);
      if (!Handler)
        return std::nullopt;
      Handler->How = Operation::Form::Completion;
      Handler->Way = I;
      Op.Handlers.push_back(std::move(*Handler));
    }
    bool GoesOn =
        any_of(Op.Handlers, [](const Operation &Each) { return Each.Made; });
    if (!GoesOn || takeTheSame(Op.Handlers))
      return std::nullopt;
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
  /// The callback that \p Call hands over for \p Way, if an agent may go on in
  /// it.
  std::optional<Operation> readCallback(const Delivery::Completion &Way,
                                        const Delivery &Delivers,
                                        const CallExpr &Call,
                                        const SourceText &Text) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    const Expr *Argument = Call.getArg(Way.Callback->getFunctionScopeIndex());
    if (isa<CXXDefaultArgExpr>(Argument))
      return std::nullopt;
    Operation Op;
    Op.How = Operation::Form::Task;
    Op.Call = &Call;
    Op.Handler = asWritten(Argument);
    Op.HandlerArgument = Argument;
    Op.Stored = storedHandler(*Op.Handler, Call);
    Op.Made = Op.Stored ? madeBy(*Op.Stored) : Op.Handler;
    SmallVector<QualType, 2> Handed = Way.Types;
    if (Way.Context) {
      Op.Context = Call.getArg(Way.Context->getFunctionScopeIndex());
      Handed.insert(Handed.begin() + Way.ContextArgument,
                    Op.Context->getType());
    }
    std::optional<Refusal> Why = readHandler(Op, *Callee, Handed, Text);
    // An object becomes a pointer by what it says itself, and the pointer says
    // which of several functions of a name is meant.
    if (Way.Callback->getType()->isFunctionPointerType() &&
        (Op.Object || (Op.Bound && !isOnlyOneNamedSo(*Op.Bound, Op.Context))))
      return std::nullopt;
    if (!Why && Op.Context && !giveBack(Way.ContextArgument, Op, Text))
      return std::nullopt;
    if (const FunctionDecl *Handler = runBy(Op);
        Handler && asksForPlaces(*Handler)) {
      if (Delivers.Coroutine)
        return std::nullopt;
      AskedForPlaces.insert(definitionOf(Callee));
    }
    // Others may still be handed the result; this one stays a callback.
    bool CanNotGoOn = Op.Bound && (Op.Bound->IsObject ||
                                   Op.Bound->Target->isTemplateInstantiation());
    if (Why || CanNotGoOn || looksIntoResult(Op, Way.Types) ||
        !Text.range(Op.Made->getSourceRange()))
      return std::nullopt;
    for (auto [B, Type] : zip(Op.Results, Way.Types)) {
      // An error is a value like any other.
      B.IsError = false;
      if (B.TypeText == "auto" && Op.Results.size() > 1)
        B.TypeText = deducedType(Type, Text);
    }
    return Op;
  }

  /// What may be the caller's own callback, in which nothing goes on here.
  static std::optional<Operation>
  callbackHandedOn(const Delivery::Completion &Way, const CallExpr &Call,
                   const SourceText &Text) {
    Operation Op;
    Op.Call = &Call;
    Op.HandlerArgument = Call.getArg(Way.Callback->getFunctionScopeIndex());
    Op.Handler = asWritten(Op.HandlerArgument);
    bool IsWritten =
        Text.range(Op.HandlerArgument->getSourceRange()).has_value();
    return IsWritten && variableNamedBy(Op.Handler) ? std::optional(Op)
                                                    : std::nullopt;
  }

  /// What \p F hands to the callback that is its last parameter, or to the
  /// pointer before that, or to one of two callbacks.
  static std::optional<Delivery> callbackOf(const FunctionDecl &F,
                                            const SourceText &Text) {
    if (F.param_empty())
      return std::nullopt;
    if (isReadForTemplate(F)) {
      SmallPtrSet<const FunctionDecl *, 4> Asked;
      return callbackOfTemplate(F, Text, Asked);
    }
    ArrayRef<ParmVarDecl *> Others = F.parameters().drop_back();
    const ParmVarDecl *Callback = F.parameters().back();
    const ParmVarDecl *Context = nullptr;
    std::optional<CallbackType> Type = callbackType(Callback->getType(), Text);
    if (!Type && !Others.empty()) {
      Context = Callback;
      Callback = Others.back();
      Others = Others.drop_back();
      Type = callbackType(Callback->getType(), Text);
    }
    if (!Type)
      return std::nullopt;
    Delivery Result;
    if (std::optional<CallbackType> First =
            Others.empty() ? std::nullopt
                           : callbackType(Others.back()->getType(), Text);
        First && !First->IsPointer && !Type->IsPointer && !Context) {
      if (!addWay(*Others.back(), *First, Result, Text))
        return std::nullopt;
      Others = Others.drop_back();
    }
    if (any_of(Others, [&](const ParmVarDecl *P) {
          std::optional<CallbackType> Other = callbackType(P->getType(), Text);
          return Other && (Type->IsPointer || !Other->IsPointer);
        }))
      return std::nullopt;
    // Functions of C cannot have an overload.
    if (Type->IsPointer && F.isExternC())
      return std::nullopt;
    std::optional<unsigned> Argument;
    if (Context) {
      if (Type->IsPointer && Context->getDeclName())
        Argument = contextArgument(*Type->Signature, *Callback, *Context, F);
      if (!Argument)
        return std::nullopt;
    }
    if (!addWay(*Callback, *Type, Result, Text, Context, Argument))
      return std::nullopt;
    return Result;
  }

  /// Adds the calls of \p Callback, which get \p Context back as the argument
  /// \p Index. False where more than values are handed over.
  static bool addWay(const ParmVarDecl &Callback, const CallbackType &Type,
                     Delivery &To, const SourceText &Text,
                     const ParmVarDecl *Context = nullptr,
                     std::optional<unsigned> Index = std::nullopt) {
    Delivery::Completion &Way = To.Ways.emplace_back();
    Way.Callback = &Callback;
    Way.Context = Context;
    Way.ContextArgument = Index.value_or(0);
    Way.IsChangedByCall = Type.IsChangedByCall;
    Way.HandedOver = "std::move(" + Callback.getNameAsString() + ")";
    PrintingPolicy Policy(Text.context().getLangOpts());
    for (auto [I, Each] : enumerate(Type.Signature->param_types())) {
      if (Index == I)
        continue;
      if (isMoreThanValue(Each))
        return false;
      QualType Value = Each.getNonReferenceType().getUnqualifiedType();
      Way.Types.push_back(Value);
      Way.TypeTexts.push_back(Value.getAsString(Policy));
    }
    return true;
  }

  /// A call of a function of others. A pointer to a function cannot be made of
  /// what goes on with a coroutine.
  std::optional<Operation> readWrapped(const Delivery &Delivers,
                                       const CallExpr &Call,
                                       const SourceText &Text) {
    const Delivery::Completion &Way = Delivers.Ways.front();
    QualType Holder = Way.Callback->getType().getNonReferenceType();
    if (Delivers.hasChoice() || Holder->isFunctionPointerType())
      return std::nullopt;
    std::optional<Operation> Op = readCallback(Way, Delivers, Call, Text);
    const FunctionDecl *Handler = Op ? runBy(*Op) : nullptr;
    if (!Op || (Handler && asksForPlaces(*Handler)))
      return std::nullopt;
    PrintingPolicy Policy(Text.context().getLangOpts());
    auto Named = [&](QualType Type) {
      return TypeName::getFullyQualifiedName(Type, Text.context(), Policy);
    };
    Op->How = Operation::Form::Callback;
    Op->HolderText = Named(Holder.getUnqualifiedType());
    Op->SignatureText = "void(" + join(map_range(Way.Types, Named), ", ") + ")";
    return Op;
  }

  /// The same for \p F which is read for a template, whose code says it.
  static std::optional<Delivery>
  callbackOfTemplate(const FunctionDecl &F, const SourceText &Text,
                     SmallPtrSetImpl<const FunctionDecl *> &Asked) {
    Delivery Result;
    Delivery::Completion &Way = Result.Ways.emplace_back();
    Way.Callback = F.parameters().back();
    if (!Asked.insert(&F).second || !Way.Callback->getDeclName() ||
        !Text.range(F.getSourceRange()) ||
        any_of(F.parameters().drop_back(), [&](const ParmVarDecl *P) {
          return callbackType(P->getType(), Text).has_value();
        }))
      return std::nullopt;
    Delivery Next;
    auto HandedOnTo = [&](const FunctionDecl &Callee) {
      const FunctionDecl &To = *definitionOf(&Callee);
      std::optional<Delivery> Found = isReadForTemplate(To)
                                          ? callbackOfTemplate(To, Text, Asked)
                                          : callbackOf(To, Text);
      if (!Found || Found->hasChoice())
        return std::optional<ArrayRef<QualType>>();
      Next = std::move(*Found);
      return std::optional<ArrayRef<QualType>>(Next.Ways.front().Types);
    };
    std::optional<SmallVector<QualType, 2>> Types =
        valuesForHandler(F, hasUnseenCallers(F, Text), HandedOnTo);
    Asked.erase(&F);
    if (!Types ||
        !all_of(*Types, [](QualType Each) { return canBeNamed(Each); }))
      return std::nullopt;
    for (QualType Each : *Types) {
      Way.Types.push_back(Each);
      Way.TypeTexts.push_back(deducedType(Each, Text));
    }
    Way.IsChangedByCall = true;
    Way.HandedOver = handlerHandedOver(F);
    return Result;
  }

  /// Gives the handler's parameter \p Index what the call was given for it.
  /// False where that is no longer the same when the handler runs.
  static bool giveBack(unsigned Index, Operation &Op, const SourceText &Text) {
    const VarDecl *Named = variableNamedBy(Op.Context);
    bool Refers = Named && !isa<ParmVarDecl>(Named) &&
                  Named->getType()->isReferenceType();
    if (Refers || isa<CXXDefaultArgExpr>(Op.Context) ||
        !Text.range(Op.Context->getSourceRange()))
      return false;
    const ParmVarDecl *P = Op.Results[Index].Decl;
    Op.Results.erase(Op.Results.begin() + Index);
    // A deduced type would be that of what was converted.
    if (P && Op.lambda() && Op.lambda()->isGenericLambda() &&
        !Text.context().hasSameType(P->getType(),
                                    asWritten(Op.Context)->getType()))
      return false;
    if (!Op.Bound) {
      if (P && P->isReferenced())
        Op.Given.push_back({P, Op.Context});
      else
        return !Op.Context->HasSideEffects(Text.context());
      return true;
    }
    for (BoundCall::Argument &Argument : Op.Bound->Arguments)
      if (Argument.Result == Index)
        Argument.Value = Op.Context;
      else if (Argument.Result > Index)
        --Argument.Result;
    return true;
  }

  /// The functions to which the callback of \p S goes on, from one to the next.
  static void addHandedOn(const State &S, const StateGraph &Graph,
                          SmallPtrSetImpl<const FunctionDecl *> &Next) {
    forEachStep(S.Steps, [&](const Step &Step) {
      if (Step.What != Step::Kind::End || !Step.Op ||
          Step.Op->How == Operation::Form::Completion)
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
