//===--- GraphBuilder.cpp - From syntax to the state graph ----------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/Colour.h"
#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/RequestOwner.h"
#include "coralc/Rewrites/Engine/SharedStates.h"
#include "coralc/Rewrites/Engine/StartResult.h"
#include "coralc/Rewrites/Engine/SwitchArms.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/TailMerge.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/RecordLayout.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

State *StateGraph::find(const FunctionDecl *Function) const {
  for (const auto &S : States)
    if (S->Function == Function && !S->IsPart)
      return S.get();
  return nullptr;
}

State &StateGraph::add(const FunctionDecl *Function) {
  States.push_back(std::make_unique<State>());
  States.back()->Function = Function;
  States.back()->Name = Function->getQualifiedNameAsString();
  return *States.back();
}

void forEachStep(const Sequence &Steps,
                 function_ref<void(const Step &)> Visit) {
  for (const Step &S : Steps) {
    Visit(S);
    for (const Sequence *Inner : S.inner())
      forEachStep(*Inner, Visit);
  }
}

SmallVector<Sequence *, 4> Step::inner() {
  SmallVector<Sequence *, 4> Result{&Then, &Else};
  for (Arm &A : Arms)
    Result.push_back(&A.Steps);
  return Result;
}

SmallVector<const Sequence *, 4> Step::inner() const {
  SmallVector<const Sequence *, 4> Result{&Then, &Else};
  for (const Arm &A : Arms)
    Result.push_back(&A.Steps);
  return Result;
}

const CompoundStmt *Operation::body() const {
  const CXXMethodDecl *Operator =
      Object ? Object->Operator : callOperator(*lambda());
  return cast<CompoundStmt>(Operator->getBody());
}

bool Operation::isHandler(const Expr *E) const {
  return (HandlerArgument && asWritten(E) == asWritten(HandlerArgument)) ||
         any_of(Handlers,
                [&](const Operation &Handler) { return Handler.isHandler(E); });
}

SmallVector<const Expr *, 4>
Delivery::Completion::valuesOf(const CallExpr &Call) const {
  SmallVector<const Expr *, 4> Result = argumentsBehindObject(Call);
  if (Context)
    Result.erase(Result.begin() + ContextArgument);
  return Result;
}

bool Delivery::replaces(const ParmVarDecl *P) const {
  return any_of(Ways, [&](const Completion &Way) {
    return P == Way.Callback || P == Way.Context;
  });
}

bool State::isPlain() const {
  bool Result = !Delivers;
  forEachStep(Steps, [&](const Step &Step) {
    Result &= Step.What != Step::Kind::Suspend && Step.What != Step::Kind::Jump;
  });
  return Result;
}

namespace {

/// Calls below one statement, those in lambdas left out.
class CallCollector : public ConstDynamicRecursiveASTVisitor {
public:
  explicit CallCollector(function_ref<void(const CallExpr &)> Visit)
      : Visit(Visit) {}
  bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
  bool VisitCallExpr(const CallExpr *Call) override {
    Visit(*Call);
    return true;
  }

private:
  function_ref<void(const CallExpr &)> Visit;
};

void forEachCall(const Stmt *S, function_ref<void(const CallExpr &)> Visit) {
  CallCollector(Visit).TraverseStmt(S);
}

using FunctionSet = SmallPtrSet<const FunctionDecl *, 4>;
using CallSet = SmallPtrSet<const CallExpr *, 4>;

class GraphBuilder {
public:
  /// The calls \p Kept hand over a callback as they did. What is built is of no
  /// use when there are more of them behind it.
  GraphBuilder(const SourceText &Text, const PatternList &Patterns,
               const FunctionSet &Distrusted, const Colours &Colour,
               CallSet &Kept)
      : Text(Text), Patterns(Patterns), Colour(Colour),
        Found(findOperations(Text, Patterns)), Kept(Kept) {
    dropKept();
    readHandlers();
    readOwners(Distrusted);
  }

  BuiltGraph build() {
    for (const FoundOperation &Op : Found.InOrder)
      if (const FunctionDecl *F = definitionOf(Op.Function);
          !Moved.contains(F) && !isOwned(*F))
        request(definitionOf(Op.Function));
    requestCallers();
    for (size_t I = 0; I != Pending.size(); ++I)
      buildState(*Pending[I]);
    for (const auto &S : Graph.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Suspend && !S->Beside)
          WaitingHandlers.insert(Step.Op->lambda());
      });
    mergeTails(Graph, Text);
    refuseStrayOperations();
    dropPlainStates();
    collectReferences();
    untangleSharedStates(Graph);
    dropIdleCallers();
    refuseVirtualStates();
    findJumps();
    for (const auto &S : Graph.States) {
      S->IsColoured = !S->IsPart && Colour.isColoured(*S->Function);
      S->IsSharedEnd = S->IsColoured && Colour.isSharedEnd(*S->Function);
    }
    for (const auto &S : Graph.States)
      dropSelves(S->Steps);
    for (const auto &S : Graph.States)
      dropOwners(*S, S->Steps);
    for (const auto &S : Graph.States)
      dropRequests(S->Steps);
    BuiltGraph Built{std::move(Graph), std::move(Found.InOrder)};
    for (const auto &P : Patterns)
      P->addStates(Built, Text);
    return Built;
  }

private:
  enum class Position { Tail, NotTail };

  State &request(const FunctionDecl *F) {
    if (State *Known = Graph.find(F))
      return *Known;
    State &S = Graph.add(F);
    Pending.push_back(&S);
    return S;
  }

  bool refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Current->Why)
      Current->Why = Refusal{Id, Where, Message.str()};
    return false;
  }

  bool breaksContract() {
    Current->KeepsContract = false;
    return false;
  }

  //--- What handlers are -------------------------------------------------//

  void dropKept() {
    for (const CallExpr *Call : Kept) {
      Found.Matches.erase(Call);
      erase_if(Found.InOrder, [&](const FoundOperation &Op) {
        return Op.Where == Call->getBeginLoc();
      });
    }
  }

  /// \p Call is waited for no more, which is no reason to refuse the function
  /// around it: somebody calls its callback, as before.
  bool keep(const CallExpr &Call) {
    Kept.insert(&Call);
    return false;
  }

  /// \p Op calls a function of the user's, with a callback that has another
  /// form than a lambda.
  static bool canKeep(const Operation &Op) {
    if (!Op.Handlers.empty())
      return all_of(Op.Handlers, canKeep);
    return (Op.How == Operation::Form::Task ||
            Op.How == Operation::Form::Completion) &&
           (!Op.Made || Op.Bound || Op.Object || Op.Stored);
  }

  /// The handlers of what is recognised as \p Match.
  static SmallVector<Operation *, 2> handlersOf(OperationMatch &Match) {
    auto *Op = std::get_if<Operation>(&Match);
    if (!Op)
      return {};
    SmallVector<Operation *, 2> Result;
    for (Operation &Handler : Op->Handlers)
      Result.push_back(&Handler);
    if (Result.empty())
      Result.push_back(Op);
    return Result;
  }

  /// No agent goes on in the handler of \p Op.
  bool refuseHandler(const Operation &Op, SourceLocation Where,
                     const Twine &Message) {
    return canKeep(Op) ? keep(*Op.Call)
                       : refuse("unsupported-handler", Where, Message);
  }

  /// Which handlers have a name, and what is known of those that are objects.
  void readHandlers() {
    readOperators();
    for (bool Changed = true; Changed;) {
      Changed = false;
      for (auto &[Call, Match] : Found.Matches)
        for (Operation *Op : handlersOf(Match))
          if (Op->Object)
            for (FunctionObject::Member &M : Op->Object->Members)
              if (M.What == FunctionObject::Member::Kind::Value && isSelf(M))
                Changed = true, M.What = FunctionObject::Member::Kind::Self;
    }
    refuseUnclearMembers();
    readOperators();
    for (auto &[Call, Match] : Found.Matches)
      for (const Operation *Op : handlersOf(Match))
        if (Op->Stored)
          StoredHandlers.insert(Op->Stored);
  }

  void readOperators() {
    Moved.clear();
    for (auto &[Call, Match] : Found.Matches)
      for (const Operation *Op : handlersOf(Match))
        if (Op->Object)
          Moved.insert(Op->Object->Operator);
  }

  /// \p M is the object that starts the operation, by reference, by pointer or
  /// by shared pointer.
  bool isSelf(const FunctionObject::Member &M) {
    QualType Type = M.Field->getType();
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    const Expr *Init = M.Init;
    if (const auto *Unary = dyn_cast<UnaryOperator>(Init))
      if (Unary->getOpcode() == UO_Deref && Type->isReferenceType())
        Init = asWritten(Unary->getSubExpr());
    bool Refers = Type->isReferenceType() || Type->isPointerType() ||
                  (Record && Record->getDeclName().isIdentifier() &&
                   Record->getName() == "shared_ptr");
    if (!Refers)
      return false;
    if (const VarDecl *Copy = variableNamedBy(Init))
      Init = isSharedFromThisCopy(Copy) ? asWritten(Copy->getInit()) : Init;
    if (!isSelf(Init))
      return false;
    Selves.insert(M.Field);
    return true;
  }

  /// A member that is the object for one handler is that for all.
  void refuseUnclearMembers() {
    for (auto &[Call, Match] : Found.Matches) {
      const Expr *Unclear = nullptr;
      for (const Operation *Op : handlersOf(Match))
        if (const FunctionObject::Member *M = unclearMember(*Op)) {
          Unclear = M->Init;
          if (canKeep(*Op))
            Kept.insert(Op->Call);
        }
      if (Unclear)
        Match = Refusal{"unsupported-handler", Unclear->getBeginLoc(),
                        "the handler works on another object than the one "
                        "that starts the operation"};
    }
  }

  /// A member of \p Op's handler that is the object for another handler.
  const FunctionObject::Member *unclearMember(const Operation &Op) const {
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        if (Selves.contains(M.Field) &&
            M.What != FunctionObject::Member::Kind::Self)
          return &M;
    return nullptr;
  }

  //--- Whose requests are given back -------------------------------------//

  /// Which callbacks find by their request the object that has started the
  /// operation: each of their operations is started with a request that is a
  /// member of the object whose code that is, or with that object itself.
  void readOwners(const FunctionSet &Distrusted) {
    struct Start {
      const FunctionDecl *Callback;
      const Expr *Object;
    };
    SmallVector<Start, 8> Starts;
    FunctionSet Others = Distrusted;
    for (const FoundOperation &Where : Found.InOrder)
      for (const auto &[Call, Match] : Found.Matches) {
        const auto *Op = std::get_if<Operation>(&Match);
        if (!Op || !(Op->Request || Op->Context) ||
            Call->getBeginLoc() != Where.Where)
          continue;
        const FunctionDecl *Callback = Op->Bound
                                           ? definitionOf(Op->Bound->Target)
                                           : callOperator(*Op->lambda());
        if (const Expr *Object =
                Op->Context ? ownedContext(Op->Context) : nullptr) {
          const CXXRecordDecl *Class =
              Object->getType()->getPointeeCXXRecordDecl()->getCanonicalDecl();
          Starts.push_back({Callback, Object});
          addOwner(Callback, {Class, false, false, parameterFor(*Op)}, Others);
          continue;
        }
        std::optional<OwnedRequest> Request =
            Op->Request ? ownedRequest(Op->Request) : std::nullopt;
        if (!Request) {
          Others.insert(Callback);
          continue;
        }
        const auto *Class = cast<CXXRecordDecl>(Request->Member->getParent())
                                ->getCanonicalDecl();
        bool IsFirst = Text.context().getFieldOffset(Request->Member) == 0;
        bool IsInData = OwnersKnown.remembersObject(
            *Request, *Call, *definitionOf(Where.Function));
        Starts.push_back({Callback, Request->Object});
        addOwner(Callback, {Class, IsInData, IsFirst, nullptr}, Others);
      }
    for (const FunctionDecl *F : Others)
      Owners.erase(F);
    // What one callback starts another believes.
    for (bool Changed = true; Changed;) {
      Changed = false;
      for (const Start &S : Starts)
        if (!isSelf(S.Object))
          Changed |= Owners.erase(S.Callback);
    }
  }

  /// What callbacks find by their requests, or by the parameter \c Given.
  struct KnownOwner {
    const CXXRecordDecl *Class;
    bool IsInData, IsFirst;
    const ParmVarDecl *Given;
  };

  /// \p Callback is started by \p Owner; \p Others gets it where that is not
  /// always the same.
  void addOwner(const FunctionDecl *Callback, KnownOwner Owner,
                FunctionSet &Others) {
    KnownOwner &Known = Owners.insert({Callback, Owner}).first->second;
    Known.IsInData &= Owner.IsInData;
    Known.IsFirst &= Owner.IsFirst;
    if (Known.Class != Owner.Class || Known.Given != Owner.Given)
      Others.insert(Callback);
  }

  /// The parameter of \p Op's handler that gets its context back; null when it
  /// has no use for that.
  static const ParmVarDecl *parameterFor(const Operation &Op) {
    if (!Op.Bound)
      return Op.Given.empty() ? nullptr : Op.Given.front().first;
    for (auto [P, Argument] :
         zip(Op.Bound->Target->parameters(), Op.Bound->Arguments))
      if (Argument.Value == Op.Context)
        return P;
    return nullptr;
  }

  bool isKnown(const FoundOwner &Owner) const {
    auto Found = Owners.find(Owner.callback());
    if (Found == Owners.end())
      return false;
    const KnownOwner &Known = Found->second;
    bool IsThere = Owner.IsPlain     ? Known.Given == Owner.Request
                   : Owner.ByAddress ? Known.IsFirst
                                     : Known.IsInData;
    return IsThere && Known.Class == Owner.Class;
  }

  /// Variables that only named the object that an agent goes on in.
  void dropOwners(State &Around, Sequence &Steps) {
    for (Step &S : Steps) {
      for (Sequence *Inner : S.inner())
        dropOwners(Around, *Inner);
      const auto *D = dyn_cast_or_null<DeclStmt>(S.Source);
      const auto *V = D && D->isSingleDecl()
                          ? dyn_cast<VarDecl>(D->getSingleDecl())
                          : nullptr;
      std::optional<FoundOwner> Owner = V ? foundOwner(*V) : std::nullopt;
      if (!Owner || !isKnown(*Owner) || !neverUsed(*V, *Owner->callback()))
        continue;
      GoneOwners.insert(D);
      Around.Unneeded.insert(V);
      S.Source = nullptr;
    }
    erase_if(Steps, [](const Step &S) {
      return S.What == Step::Kind::Code && !S.Source &&
             S.Leading.Comments.empty();
    });
  }

  bool neverUsed(const VarDecl &V, const FunctionDecl &Callback) const {
    return isOnlyJumpedThrough(&V, Callback.getBody());
  }

  /// Parameters that only led to such an object.
  void dropRequests(Sequence &Steps) {
    for (Step &S : Steps) {
      for (Sequence *Inner : S.inner())
        dropRequests(*Inner);
      if (S.What == Step::Kind::Suspend)
        erase_if(S.Op->Given, [&](const auto &Pair) {
          const FunctionDecl *F = callOperator(*S.Op->lambda());
          return Owners.contains(F) && neverUsed(*Pair.first, *F);
        });
      if (S.What != Step::Kind::Jump || S.Source || S.Target->IsPart)
        continue;
      const FunctionDecl *F = S.Target->Function;
      if (!Owners.contains(F))
        continue;
      for (auto [P, Argument] : zip(S.Target->parameters(), S.Arguments))
        if (Argument && neverUsed(*P, *F)) {
          Argument = nullptr;
          S.Target->Unneeded.insert(P);
        }
    }
  }

  //--- What a call is ----------------------------------------------------//

  /// \p F starts an operation itself, or by calling such a function on the
  /// same object.
  bool reachesOperation(const FunctionDecl *F) {
    if (Reaching.contains(F))
      return true;
    // Functions call each other in cycles, so a no holds for this search only.
    SmallPtrSet<const FunctionDecl *, 8> Seen;
    if (!reachesOperation(F, Seen))
      return false;
    Reaching.insert(F);
    return true;
  }

  bool reachesOperation(const FunctionDecl *F,
                        SmallPtrSetImpl<const FunctionDecl *> &Seen) {
    if (!Seen.insert(F).second)
      return false;
    if (any_of(Found.InOrder, [&](const FoundOperation &Op) {
          return definitionOf(Op.Function) == F;
        }))
      return true;
    bool Result = false;
    if (F->hasBody() && Text.range(F->getSourceRange()))
      forEachCall(F->getBody(), [&](const CallExpr &Call) {
        const FunctionDecl *Callee = Result ? nullptr : sameObjectCallee(Call);
        Result |= Callee && !isReadForTemplate(*Callee) &&
                  reachesOperation(Callee, Seen);
      });
    return Result;
  }

  bool isSelf(const Expr *Object) const {
    Object = asWritten(Object);
    if (!Object || isSharedFromThis(Object))
      return Object;
    // What a handler calls on itself is not called on what started it.
    if (isa<CXXThisExpr>(Object))
      return none_of(Moved, [&](const FunctionDecl *Operator) {
        return declaresSameEntity(cast<CXXMethodDecl>(Operator)->getParent(),
                                  Object->getType()->getPointeeCXXRecordDecl());
      });
    if (const FieldDecl *Field = ownField(Object))
      return Selves.contains(Field);
    if (std::optional<FoundOwner> Owner = foundOwner(Object))
      return isKnown(*Owner);
    if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Object))
      if (Arrow->getOperator() == OO_Arrow)
        return isSelf(Arrow->getArg(0));
    if (const auto *Ref = dyn_cast<DeclRefExpr>(Object))
      if (const auto *Var = dyn_cast<VarDecl>(Ref->getDecl()))
        return isSharedFromThisCopy(Var);
    return false;
  }

  /// The function that \p Call calls on the object whose code this is.
  const FunctionDecl *sameObjectCallee(const CallExpr &Call) const {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || isa<CXXOperatorCallExpr>(Call))
      return nullptr;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      if (!isSelf(Member->getImplicitObjectArgument()))
        return nullptr;
    const FunctionDecl *Definition = definitionOf(Callee);
    return Definition->hasBody() ? Definition : nullptr;
  }

  std::optional<Delivery> deliveryOf(const FunctionDecl &F) {
    for (const auto &P : Patterns)
      if (std::optional<Delivery> Delivers = P->matchDelivery(F, Text))
        return Delivers;
    return std::nullopt;
  }

  bool isOwned(const FunctionDecl &F) const {
    return any_of(Patterns, [&](const auto &P) { return P->owns(F); });
  }

  bool isRepeated(const FunctionDecl &F) const {
    return any_of(Patterns, [&](const auto &P) { return P->isRepeated(F); });
  }

  const FunctionDecl *jumpTarget(const CallExpr &Call) {
    const FunctionDecl *Callee = sameObjectCallee(Call);
    if (!Callee || !Callee->getReturnType()->isVoidType() ||
        isVirtual(*Callee) || isReadForTemplate(*Callee) || isOwned(*Callee) ||
        !reachesOperation(Callee) || deliveryOf(*Callee))
      return nullptr;
    return Callee;
  }

  /// Which callback of the current state \p E is.
  std::optional<unsigned> callbackNamedBy(const Expr *E) const {
    const auto *Ref = dyn_cast_or_null<DeclRefExpr>(asWritten(E));
    auto Known = Ref ? Callbacks.find(Ref->getDecl()) : Callbacks.end();
    return Known != Callbacks.end() ? std::optional(Known->second)
                                    : std::nullopt;
  }

  /// \p S uses a callback or its context.
  bool mentionsCallback(const Stmt *S) const {
    auto Mentioned = [&](const ValueDecl *D) { return mentions(S, D); };
    return any_of(make_first_range(Callbacks), Mentioned) ||
           any_of(Contexts, Mentioned);
  }

  bool isContextSource(const Expr *E) const {
    const auto *Ref = dyn_cast_or_null<DeclRefExpr>(asWritten(E));
    return Ref && Contexts.contains(Ref->getDecl());
  }

  /// Which callback \p Call delivers to.
  std::optional<unsigned> deliveredTo(const CallExpr &Call) const {
    std::optional<unsigned> Way = callbackCalledBy(Call);
    if (!Way)
      return std::nullopt;
    const Delivery::Completion &Ends = Current->Delivers->Ways[*Way];
    bool OnlyDelivers =
        (!Ends.Context || isContextSource(Call.getArg(Ends.ContextArgument))) &&
        none_of(Ends.valuesOf(Call),
                [&](const Expr *Value) { return mentionsCallback(Value); });
    return OnlyDelivers ? Way : std::nullopt;
  }

  bool isDeliveryCall(const CallExpr &Call) const {
    return deliveredTo(Call).has_value();
  }

  /// done(..), (*done)(..) or std::invoke(done, ..), of an object or a pointer.
  std::optional<unsigned> callbackCalledBy(const CallExpr &Call) const {
    return callbackSource(calledObject(Call));
  }

  /// The callbacks go on to a function that delivers the same to each.
  bool handsOn(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Current->Delivers || !Callee || isa<CXXOperatorCallExpr>(Call) ||
        Call.getNumArgs() != Callee->getNumParams() ||
        none_of(Call.arguments(),
                [&](const Expr *E) { return callbackSource(E).has_value(); }))
      return false;
    std::optional<Delivery> Delivers = deliveryOf(*Callee);
    if (!Delivers || !deliversTheSame(*Delivers, *Current->Delivers))
      return false;
    for (auto [P, Argument] :
         zip(definitionOf(Callee)->parameters(), Call.arguments()))
      if (!Delivers->replaces(P) && mentionsCallback(Argument))
        return false;
    return all_of(enumerate(Delivers->Ways), [&](const auto &Each) {
      const Delivery::Completion &Way = Each.value();
      return callbackSource(argumentFor(*Way.Callback, Call)) == Each.index() &&
             (!Way.Context || isContextSource(argumentFor(*Way.Context, Call)));
    });
  }

  bool deliversTheSame(const Delivery &A, const Delivery &B) const {
    return equal(A.Ways, B.Ways,
                 [&](const Delivery::Completion &Left,
                     const Delivery::Completion &Right) {
                   return deliversTheSame(Left, Right);
                 });
  }

  bool deliversTheSame(const Delivery::Completion &A,
                       const Delivery::Completion &B) const {
    return !A.Context == !B.Context && A.ContextArgument == B.ContextArgument &&
           equal(A.Types, B.Types, [&](QualType Left, QualType Right) {
             return Text.context().hasSameType(Left, Right);
           });
  }

  //--- Callers of what begins an agent -----------------------------------//

  /// Functions that start no operation themselves, and end with a call of what
  /// does.
  void requestCallers() {
    if (!Colour.propagate())
      return;
    struct Visitor : OwnCodeVisitor {
      SmallVector<const FunctionDecl *, 16> Found;
      bool VisitFunctionDecl(const FunctionDecl *F) override {
        const auto *Method = dyn_cast<CXXMethodDecl>(F);
        if (F->isThisDeclarationADefinition() && F->hasBody() &&
            !(Method && Method->getParent()->isLambda()))
          Found.push_back(F);
        return true;
      }
    } V;
    forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
    for (const FunctionDecl *F : V.Found)
      if (!Graph.find(F) && !Moved.contains(F) && !isOwned(*F) && mayBegin(*F))
        request(F).IsBegunByCall = true;
  }

  bool mayBegin(const FunctionDecl &F) {
    std::optional<Delivery> Delivers = deliveryOf(F);
    if (Delivers ? Delivers->Coroutine != nullptr : !Colour.mayBegin(F, Text))
      return false;
    bool Result = false;
    forEachCall(F.getBody(), [&](const CallExpr &Call) {
      const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
      if (!Callee || Callee == &F)
        return;
      // The callback goes on to another function.
      if (Delivers)
        Result |= any_of(Call.arguments(),
                         [&](const Expr *E) {
                           const auto *P = dyn_cast_or_null<ParmVarDecl>(
                               variableNamedBy(E));
                           return P && Delivers->replaces(P);
                         }) &&
                  deliveryOf(*Callee);
      else
        Result |= Colour.mayWait(F, *Callee) || jumpTarget(Call);
    });
    return Result;
  }

  /// Such functions in which no agent begins after all.
  void dropIdleCallers() {
    auto IsIdle = [](const State &S) {
      return S.IsBegunByCall && !S.Delivers && (S.Why || S.isPlain());
    };
    Graph.Starts.remove_if(
        [&](const auto &Start) { return IsIdle(*Start.first); });
    Graph.AddressTaken.remove_if(
        [&](const auto &Taken) { return IsIdle(*Taken.first); });
    erase_if(Graph.States, [&](const auto &S) { return IsIdle(*S); });
  }

  /// \p Call is of a coroutine by colour for which the code here may wait.
  bool isWait(const CallExpr &Call) const {
    const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
    return Callee && !Current->Delivers &&
           Colour.mayWait(*Current->Function, *Callee);
  }

  bool mayWaitIn(const Stmt *S) const {
    bool Result = false;
    forEachCall(S, [&](const CallExpr &Call) { Result |= isWait(Call); });
    return Result;
  }

  void addWait(const CallExpr &Call, Sequence &Out) {
    Step Suspend;
    Suspend.What = Step::Kind::Suspend;
    Suspend.Op = std::make_shared<Operation>();
    Suspend.Op->How = Operation::Form::Task;
    Suspend.Op->Call = &Call;
    Out.push_back(std::move(Suspend));
  }

  /// \p S holds something that decides where the agent goes on.
  bool isInteresting(const Stmt *S) {
    bool Result = leavesSwitch(S);
    forEachCall(S, [&](const CallExpr &Call) {
      Result |= Found.Matches.contains(&Call) || isDeliveryCall(Call) ||
                jumpTarget(Call) || handsOn(Call);
    });
    return Result;
  }

  //--- Bodies ------------------------------------------------------------//

  void buildState(State &S) {
    Current = &S;
    Callbacks.clear();
    Contexts.clear();
    const FunctionDecl *F = S.Function;
    const auto *Body = dyn_cast_or_null<CompoundStmt>(F->getBody());
    if (!Body) {
      refuse("not-a-plain-function", F->getLocation(),
             "'" + S.Name + "' is already a coroutine or has no plain body");
      return;
    }
    S.Delivers = deliveryOf(*F);
    if (S.Delivers)
      for (const auto &[I, Way] : enumerate(S.Delivers->Ways)) {
        Callbacks.insert({Way.Callback, I});
        if (Way.Context)
          Contexts.insert(Way.Context);
      }
    Trivia Trailing;
    if (!checkFunction(*F) ||
        !buildCompound(*Body, bodyPosition(*F), S.Steps, Trailing) ||
        !endSequence(S.Steps, Body->getRBracLoc()))
      return;
    keepTrailing(std::move(Trailing), S.Steps);
  }

  /// No agent goes on in a constructor, in a virtual function, in a coroutine
  /// of its own kind, nor in what returns a value whatever its operations do:
  /// those start agents and stay as they are.
  Position bodyPosition(const FunctionDecl &F) const {
    return F.getReturnType()->isVoidType() && !isa<CXXConstructorDecl>(F) &&
                   !isVirtual(F) && !isRepeated(F)
               ? Position::Tail
               : Position::NotTail;
  }

  /// A function whose operations all go on beside it stays a function, unless
  /// an agent goes on in it.
  void dropPlainStates() {
    SmallPtrSet<const State *, 8> Jumped;
    for (const auto &S : Graph.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Jump)
          Jumped.insert(Step.Target);
      });
    erase_if(Graph.States, [&](const std::unique_ptr<State> &S) {
      return !S->IsPart && !S->Why && S->isPlain() && !Jumped.contains(S.get());
    });
  }

  /// What goes on in a virtual function would have to be a part of it.
  void refuseVirtualStates() {
    for (const auto &S : Graph.States)
      if (isVirtual(*S->Function) && !S->IsPart && !S->Why)
        S->Why =
            Refusal{"signature-owned-by-others", S->Function->getLocation(),
                    "'" + S->Name +
                        "' is virtual, so its overrides and callers "
                        "would have to change with it"};
  }

  bool checkFunction(const FunctionDecl &F) {
    if (F.isTemplated() || (isReadForTemplate(F) && !Current->Delivers))
      return refuse("dependent-code", F.getLocation(),
                    "'" + Current->Name +
                        "' is a template, and what its calls mean depends on "
                        "the arguments; convert an instantiation by hand "
                        "first");
    for (const FunctionDecl *Redecl : declarationsOf(F))
      if (!Text.range(wholeRange(*Redecl)))
        return refuse("macro-in-the-way", Redecl->getLocation(),
                      "'" + Current->Name +
                          "' is declared by a macro or in a header that is "
                          "not the program's own");
    Current->HasToStay = hasUnseenCallers(F, Text);
    if (Text.crossesDirective(*Text.range(wholeRange(writtenFor(F)))))
      return refuse("preprocessor-in-the-way", F.getLocation(),
                    "'" + Current->Name +
                        "' contains a preprocessor directive, so its other "
                        "branch would be lost");
    return true;
  }

  /// Ends a sequence that falls off its end.
  bool endSequence(Sequence &Steps, SourceLocation Where) {
    if (!Steps.empty()) {
      Step &Last = Steps.back();
      if (hasEnded(Steps))
        return true;
      if (Last.What == Step::Kind::Branch)
        return endSequence(Last.Then, Where) && endSequence(Last.Else, Where);
    }
    if (Current->Delivers)
      return breaksContract();
    Step End;
    End.What = Step::Kind::End;
    Steps.push_back(std::move(End));
    return true;
  }

  bool buildCompound(const CompoundStmt &Body, Position Where, Sequence &Out,
                     Trivia &Trailing) {
    std::optional<unsigned> Open = Text.offset(Body.getLBracLoc());
    std::optional<unsigned> Close = Text.offset(Body.getRBracLoc());
    if (!Open || !Close)
      return refuse("macro-in-the-way", Body.getBeginLoc(),
                    "this block comes out of a macro");
    unsigned From = *Open + 1;
    if (!buildStatements({Body.body_begin(), Body.size()}, From, Where, Out))
      return false;
    Trailing = Text.trivia(From, *Close);
    return true;
  }

  /// \p From is where the comments before the first statement begin, and then
  /// where those behind the last one do.
  bool buildStatements(ArrayRef<Stmt *> Statements, unsigned &From,
                       Position Where, Sequence &Out) {
    // Of declarations that are gone.
    std::string Left;
    for (size_t I = 0; I != Statements.size(); ++I) {
      const Stmt *S = Statements[I];
      std::optional<TextRange> Range = Text.statement(S);
      if (!Range)
        return refuse("macro-in-the-way", S->getBeginLoc(),
                      "this statement comes out of a macro");
      Trivia Leading = Text.trivia(From, Range->Begin);
      Leading.Comments.insert(0, std::exchange(Left, ""));
      size_t Above = Leading.Comments.size();
      std::optional<TestedStart> Tested = Where == Position::Tail
                                              ? testedStart(Statements.slice(I))
                                              : std::nullopt;
      bool Last = I + 1 == Statements.size();
      addTrailingComment(S, *Range, Leading, Tested.has_value());
      std::string Behind = Leading.Comments.substr(Above);
      From = !Tested && asBranch(S) ? rangeOfArm(*S)->End : Range->End;
      bool ReturnsNext =
          !Last && endsFunction(Statements[I + 1]) && returnEndsAgent();
      if (!Last && endsFunction(S))
        return refuse("unreachable-code", Statements[I + 1]->getBeginLoc(),
                      "code after this point never runs");
      Position Here = (Last && Where == Position::Tail) || ReturnsNext
                          ? Position::Tail
                          : Position::NotTail;
      size_t Size = Out.size();
      if (Tested) {
        std::optional<TextRange> Test = Text.statement(Tested->Test);
        if (!Test)
          return refuse("macro-in-the-way", Tested->Test->getBeginLoc(),
                        "this statement comes out of a macro");
        if (!buildTested(*Tested, Text.trivia(From, Test->Begin), Out))
          return false;
        From = Test->End;
        ++I;
      } else if (!buildStatement(S, Here, Out)) {
        return false;
      }
      if (Out.size() == Size) {
        Left = std::move(Leading.Comments);
      } else {
        Leading.Comments.insert(Above, Out[Size].Leading.Comments);
        Out[Size].Leading = std::move(Leading);
        Out[Size].Behind = std::move(Behind);
      }
      // What is behind the block of a switch stands outside of it.
      if (Out.size() != Size && Out.back().What == Step::Kind::Switch)
        From = Text.range(S->getSourceRange())->End;
      // A declaration that is gone leaves its comments behind.
      if (Out.size() > Size && Out.back().What == Step::Kind::Code &&
          !Out.back().Source && Out.back().Leading.Comments.empty())
        Out.pop_back();
      bool Ended = !Out.empty() && isEnd(Out.back());
      if (Ended && !Last && !(ReturnsNext && I + 2 == Statements.size()))
        return refuse("unreachable-code", Statements[I + 1]->getBeginLoc(),
                      "code after this point never runs");
      if (Ended) {
        if (ReturnsNext)
          From = takeReturn(*Statements[I + 1], From, Out);
        break;
      }
    }
    keepTrailing({std::move(Left), false}, Out);
    return true;
  }

  /// What returns here has come to its agent's end, be it in a handler.
  bool returnEndsAgent() const {
    return Current->IsPart ||
           bodyPosition(*Current->Function) == Position::Tail;
  }

  /// \p S ends the function and does nothing else.
  bool endsFunction(const Stmt *S) const {
    return isBareReturn(S) || (isa<BreakStmt>(S) && SwitchIsLast);
  }

  /// The comments around a return that \p Out has no more use for; returns
  /// where it ends.
  unsigned takeReturn(const Stmt &Return, unsigned From, Sequence &Out) {
    std::optional<TextRange> Range = Text.statement(&Return);
    if (!Range)
      return From;
    Trivia Around = Text.trivia(From, Range->Begin);
    addTrailingComment(&Return, *Range, Around);
    keepTrailing(std::move(Around), Out);
    return Range->End;
  }

  static bool isEnd(const Step &S) {
    return S.What == Step::Kind::Jump || S.What == Step::Kind::End ||
           S.What == Step::Kind::Leave;
  }

  /// Control does not get to the end of \p Steps.
  static bool hasEnded(const Sequence &Steps) {
    if (Steps.empty())
      return false;
    const Step &Last = Steps.back();
    if (Last.What == Step::Kind::Branch)
      return hasEnded(Last.Then) && hasEnded(Last.Else);
    if (Last.What == Step::Kind::Switch)
      return all_of(Last.Arms, [](const Step::Arm &A) {
        return A.Head.FallsThrough || (hasEnded(A.Steps) && !leaves(A.Steps));
      });
    return isEnd(Last);
  }

  /// \p Steps go on behind the switch around them.
  static bool leaves(const Sequence &Steps) {
    return any_of(Steps, [](const Step &S) {
      return S.What == Step::Kind::Leave ||
             (S.What == Step::Kind::Branch &&
              (leaves(S.Then) || leaves(S.Else)));
    });
  }

  /// Comments that nothing follows stay at the end of their block.
  static void keepTrailing(Trivia Trailing, Sequence &Out) {
    if (Trailing.Comments.empty())
      return;
    if (!Out.empty() && isEnd(Out.back())) {
      Out.back().Leading.Comments += Trailing.Comments;
      return;
    }
    if (!Out.empty() && Out.back().What == Step::Kind::Branch &&
        hasEnded(Out)) {
      Step &Branch = Out.back();
      return keepTrailing(std::move(Trailing), Branch.Else);
    }
    Step Comments;
    Comments.Leading = std::move(Trailing);
    Out.push_back(std::move(Comments));
  }

  /// The comment behind a statement that does not move as it is.
  void addTrailingComment(const Stmt *S, TextRange Range, Trivia &Leading,
                          bool IsTested = false) {
    const auto *E = dyn_cast<Expr>(S);
    if (!isBareReturn(S) && !isa<BreakStmt>(S) && !IsTested && !dropsSelf(S) &&
        !(E && (isInteresting(E) || mayWaitIn(E))))
      return;
    unsigned End = Text.range(S->getSourceRange())->End;
    StringRef Comment =
        Text.buffer().slice(End, Range.End).ltrim("; \t").rtrim();
    if (Comment.empty())
      return;
    Leading.Comments += (Comment + "\n").str();
  }

  bool buildStatement(const Stmt *S, Position Where, Sequence &Out) {
    if (isa<BreakStmt>(S))
      return leaveSwitch(*S, Out);
    if (const auto *Return = dyn_cast<ReturnStmt>(S)) {
      const Expr *Value = Return->getRetValue();
      if (!Value)
        return endSequence(Out, S->getBeginLoc());
      if (Value->getType()->isVoidType() && !isInteresting(Value))
        return addCode(Value, Out) && endSequence(Out, S->getBeginLoc());
      if (const auto *Call = dyn_cast<CallExpr>(asWritten(Value)))
        if (Call->getType()->isVoidType())
          return buildCall(*Call, S, Position::Tail, Out);
    }
    if (const CallExpr *Call = statementCall(S))
      return buildCall(*Call, S, Where, Out);
    bool Waits = Where == Position::Tail && asBranch(S);
    if (!isInteresting(S) && !Waits) {
      if (dropsSelf(S))
        return true;
      if (const auto *D = dyn_cast<DeclStmt>(S);
          D && D->isSingleDecl() &&
          StoredHandlers.contains(dyn_cast<VarDecl>(D->getSingleDecl()))) {
        Out.emplace_back();
        return true;
      }
      return addCode(S, Out);
    }
    if (comesOutOfMacro(S))
      return refuse("macro-in-the-way", S->getBeginLoc(),
                    "this statement comes out of a macro");
    const auto *If = dyn_cast<IfStmt>(S);
    if (If && Where == Position::Tail)
      if (std::optional<TestedStart> Tested = testedStart(*If))
        return buildTested(*Tested, Trivia(), Out);
    if (asBranch(S) || (If && !If->hasInitStorage() && !If->hasVarStorage() &&
                        !If->isConstexpr() && startBesideWithin(If->getCond())))
      return buildBranch(*If, Where, Out);
    const auto *Switch = dyn_cast<SwitchStmt>(S);
    SwitchArms Arms = Switch ? SwitchArms::of(*Switch) : SwitchArms();
    if (Switch && !Arms.Why && !isHeadInteresting(*Switch))
      return buildSwitch(*Switch, Arms, Where, Out);
    // A break that leaves a switch around this must not be hidden in code.
    if (!leavesSwitch(S) && startBesideWithin(S))
      return addCode(S, Out);
    if (Arms.Why && !Current->Why)
      Current->Why = Arms.Why;
    return !Arms.Why && refuseControlFlow(S);
  }

  /// \p S as an if that decides where the agent goes on.
  const IfStmt *asBranch(const Stmt *S) {
    const auto *If = dyn_cast<IfStmt>(S);
    return If && !If->hasInitStorage() && !If->hasVarStorage() &&
                   !If->isConstexpr() && (isInteresting(If) || mayWaitIn(If)) &&
                   !isInteresting(If->getCond())
               ? If
               : nullptr;
  }

  /// A macro hides a way to an operation in \p S.
  bool comesOutOfMacro(const Stmt *S) {
    if (isa<Expr>(S) || !isInteresting(S))
      return false;
    return S->getBeginLoc().isMacroID() ||
           any_of(S->children(), [&](const Stmt *Child) {
             return Child && comesOutOfMacro(Child);
           });
  }

  bool refuseControlFlow(const Stmt *S) {
    if (isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S))
      return refuse("operation-in-a-loop", S->getBeginLoc(),
                    "this loop starts an operation in every turn without "
                    "waiting for it; as a coroutine they would run one "
                    "after the other");
    const CallExpr *Used = nullptr;
    SmallPtrSet<const CallExpr *, 8> Statements = statementCalls(S);
    forEachCall(S, [&](const CallExpr &Call) {
      if (startedBy(Call) && !Statements.contains(&Call))
        Used = &Call;
    });
    if (Used) {
      if (!Current->Why)
        Current->Why = resultUsed(*Used);
      return false;
    }
    return refuse(
        "unsupported-control-flow", S->getBeginLoc(),
        "an operation starts inside a statement that is neither a "
        "plain call nor an if or a switch; move it into a function of "
        "its own");
  }

  /// The returns by which \p S leaves the function.
  static SmallVector<const ReturnStmt *, 2> returnsIn(const Stmt *S) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallVector<const ReturnStmt *, 2> Found;
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
      bool VisitReturnStmt(const ReturnStmt *R) override {
        Found.push_back(R);
        return true;
      }
    } V;
    V.TraverseStmt(S);
    return V.Found;
  }

  bool addCode(const Stmt *S, Sequence &Out) {
    // A callback that is stored or passed on: nothing says when and how often
    // it is called.
    if (mentionsCallback(S))
      return breaksContract();
    for (const ReturnStmt *Return : returnsIn(S)) {
      if (Return->getReturnLoc().isMacroID())
        return refuse("macro-in-the-way", Return->getReturnLoc(),
                      "a macro returns from here, and what it expands to "
                      "cannot become a co_return; write the return out");
      // It leaves without a call of the callback.
      if (Current->Delivers)
        return breaksContract();
    }
    Step Code;
    Code.Source = S;
    Out.push_back(std::move(Code));
    return true;
  }

  bool buildBranch(const IfStmt &If, Position Where, Sequence &Out) {
    if (mentionsCallback(If.getCond()))
      return breaksContract();
    Step Branch;
    Branch.What = Step::Kind::Branch;
    Branch.Source = &If;
    if (!buildArm(*If.getThen(), Where, Branch.Then))
      return false;
    if (If.getElse() && !buildArm(*If.getElse(), Where, Branch.Else))
      return false;
    keepHeadComments(If, Branch);
    if (Where == Position::Tail && !(endSequence(Branch.Then, If.getEndLoc()) &&
                                     endSequence(Branch.Else, If.getEndLoc())))
      return false;
    Out.push_back(std::move(Branch));
    return true;
  }

  //--- Switches ----------------------------------------------------------//

  bool isHeadInteresting(const SwitchStmt &Switch) {
    return any_of(partsOfHead(Switch),
                  [&](const Stmt *Part) { return isInteresting(Part); });
  }

  bool leaveSwitch(const Stmt &Break, Sequence &Out) {
    if (SwitchIsLast)
      return endSequence(Out, Break.getBeginLoc());
    Step Leave;
    Leave.What = Step::Kind::Leave;
    Out.push_back(std::move(Leave));
    return true;
  }

  bool buildSwitch(const SwitchStmt &Switch, const SwitchArms &Read,
                   Position Where, Sequence &Out) {
    const auto &Body = *cast<CompoundStmt>(Switch.getBody());
    std::optional<unsigned> From = Text.offset(Body.getLBracLoc());
    std::optional<unsigned> Close = Text.offset(Body.getRBracLoc());
    if (!From || !Close || !Text.range(headOf(Switch)))
      return refuse("macro-in-the-way", Switch.getBeginLoc(),
                    "this switch comes out of a macro");
    ++*From;
    Step Result;
    Result.What = Step::Kind::Switch;
    Result.Source = &Switch;
    {
      SaveAndRestore Inside(SwitchIsLast, Where == Position::Tail);
      for (const SwitchArm &Arm : Read.Arms) {
        Result.Arms.emplace_back();
        if (!buildArm(Arm, &Arm == &Read.Arms.back(), *From,
                      Result.Arms.back()))
          return false;
      }
      if (!hasDefault(Switch))
        Result.Arms.emplace_back();
      if (Where == Position::Tail)
        for (Step::Arm &Arm : Result.Arms)
          if (!Arm.Head.FallsThrough &&
              !endSequence(Arm.Steps, Switch.getEndLoc()))
            return false;
    }
    keepTrailing(Text.trivia(*From, *Close), lastWritten(Result).Steps);
    if (!goesOnInside(Result))
      return addCode(&Switch, Out);
    Out.push_back(std::move(Result));
    return true;
  }

  static bool hasDefault(const SwitchStmt &Switch) {
    for (const SwitchCase *Label = Switch.getSwitchCaseList(); Label;
         Label = Label->getNextSwitchCase())
      if (isa<DefaultStmt>(Label))
        return true;
    return false;
  }

  static Step::Arm &lastWritten(Step &Switch) {
    Step::Arm *Last = &Switch.Arms.back();
    return Last->Head.Labels.empty() ? Last[-1] : *Last;
  }

  /// \p From is where the comments before the arm begin, and then where those
  /// behind it do.
  bool buildArm(const SwitchArm &Arm, bool IsLast, unsigned &From,
                Step::Arm &Out) {
    for (const SwitchCase *Label : Arm.Labels) {
      std::optional<TextRange> Range = Text.range(labelOf(*Label));
      if (!Range)
        return refuse("macro-in-the-way", Label->getBeginLoc(),
                      "this label comes out of a macro");
      Out.Head.Labels.push_back({Label, Text.trivia(From, Range->Begin)});
      From = Text.withComment(*Range).End;
    }
    std::optional<TextRange> Block;
    if (Arm.Braces) {
      Block = Text.range(Arm.Braces->getSourceRange());
      if (!Block)
        return refuse("macro-in-the-way", Arm.Braces->getBeginLoc(),
                      "this block comes out of a macro");
      leadWith(Text.comments({From, Block->Begin}), Out.Steps);
      From = Block->Begin + 1;
    }
    Out.Head.Braces = Arm.Braces;
    bool EndsHere = SwitchIsLast && (Arm.Break || IsLast);
    if (!buildStatements(Arm.Statements, From,
                         EndsHere ? Position::Tail : Position::NotTail,
                         Out.Steps))
      return false;
    Out.Head.FallsThrough = !Arm.Break && !IsLast && !hasEnded(Out.Steps);
    if (Arm.Break &&
        (!Block ||
         Text.offset(Arm.Break->getBeginLoc()).value_or(0) < Block->End))
      takeBreak(*Arm.Break, From, Out);
    if (!Block)
      return true;
    keepTrailing(Text.trivia(From, Block->End - 1), Out.Steps);
    From = Block->End;
    if (Arm.Break && !Out.Head.Break)
      takeBreak(*Arm.Break, From, Out);
    return true;
  }

  void takeBreak(const BreakStmt &Break, unsigned &From, Step::Arm &Out) {
    Out.Head.Break = &Break;
    std::optional<TextRange> Range = Text.statement(&Break);
    if (!Range)
      return;
    Trivia Behind;
    addTrailingComment(&Break, *Range, Behind);
    Out.Head.BehindBreak = Behind.Comments;
    From = takeReturn(Break, From, Out.Steps);
  }

  /// Something in \p Switch decides where the agent goes on. Otherwise it is
  /// code like any other, and so are the agents that start beside it.
  static bool goesOnInside(const Step &Switch) {
    bool Found = false;
    for (const Step::Arm &Arm : Switch.Arms)
      forEachStep(Arm.Steps, [&](const Step &S) {
        Found |= S.What == Step::Kind::Suspend || S.What == Step::Kind::Jump ||
                 (S.What == Step::Kind::End && (S.Call || S.Op));
      });
    return Found;
  }

  /// The comments before an arm, and around an else, begin the arm.
  void keepHeadComments(const IfStmt &If, Step &Branch) const {
    std::optional<TextRange> Condition =
        Text.range(If.getCond()->getSourceRange());
    std::optional<TextRange> Then = rangeOfArm(*If.getThen());
    if (!Condition || !Then)
      return;
    leadWith(Text.comments({Condition->End, Then->Begin}), Branch.Then);
    if (std::optional<unsigned> Else =
            If.getElse() ? Text.offset(If.getElse()->getBeginLoc())
                         : std::nullopt)
      leadWith(Text.comments({Then->End, *Else}), Branch.Else,
               isa<IfStmt>(If.getElse()));
  }

  static bool endsWithBlock(const Stmt &S) {
    if (const auto *If = dyn_cast<IfStmt>(&S))
      return endsWithBlock(If->getElse() ? *If->getElse() : *If->getThen());
    return isa<CompoundStmt>(S);
  }

  /// What is behind a block stands outside of it.
  std::optional<TextRange> rangeOfArm(const Stmt &Arm) const {
    return endsWithBlock(Arm) ? Text.range(Arm.getSourceRange())
                              : Text.statement(&Arm);
  }

  /// What is said of an else if is said of its arm.
  static void leadWith(std::string Comments, Sequence &Arm,
                       bool IsElseIf = false) {
    if (Comments.empty())
      return;
    if (Arm.empty())
      return keepTrailing({std::move(Comments), false}, Arm);
    if (IsElseIf && Arm.front().What == Step::Kind::Branch)
      return leadWith(std::move(Comments), Arm.front().Then);
    Arm.front().Leading.Comments.insert(0, Comments);
  }

  bool buildArm(const Stmt &Arm, Position Where, Sequence &Out) {
    Trivia Trailing;
    const auto *Block = dyn_cast<CompoundStmt>(&Arm);
    if (!Block) {
      size_t Size = Out.size();
      if (std::optional<TextRange> Range = Text.statement(&Arm))
        addTrailingComment(&Arm, *Range, Trailing);
      if (!buildStatement(&Arm, Where, Out))
        return false;
      if (Out.size() != Size) {
        Out[Size].Leading.Comments += Trailing.Comments;
        Out[Size].Behind = std::move(Trailing.Comments);
      }
      return true;
    }
    if (!buildCompound(*Block, Where, Out, Trailing))
      return false;
    keepTrailing(std::move(Trailing), Out);
    return true;
  }

  bool buildCall(const CallExpr &Call, const Stmt *S, Position Where,
                 Sequence &Out) {
    auto Match = Found.Matches.find(&Call);
    if (Match != Found.Matches.end()) {
      if (Where != Position::Tail && startBeside(Call, Match->second))
        return addCode(S, Out);
      return buildSuspension(Call, Match->second, Where, Out);
    }
    if (std::optional<unsigned> Way = deliveredTo(Call)) {
      if (Where != Position::Tail)
        return breaksContract();
      Step End;
      End.What = Step::Kind::End;
      End.Source = S;
      End.Call = &Call;
      End.Way = *Way;
      Out.push_back(std::move(End));
      return true;
    }
    if (handsOn(Call)) {
      if (Where != Position::Tail)
        return breaksContract();
      if (sameObjectCallee(Call) == Current->Function) {
        addJump(Current->Function, Call, S, Call.arguments(), Out);
        // The callback has its value already.
        for (const ParmVarDecl *P : Current->Function->parameters())
          if (Current->Delivers->replaces(P))
            Out.back().Arguments[P->getFunctionScopeIndex()] = nullptr;
        return true;
      }
      requestDelivering(Call);
      Step End;
      End.What = Step::Kind::End;
      End.Source = S;
      End.Op = std::make_shared<Operation>();
      End.Op->How = Operation::Form::Task;
      End.Op->Call = &Call;
      Delivery To = *deliveryOf(*Call.getDirectCallee());
      for (const Delivery::Completion &Way : To.Ways) {
        Operation &Handler =
            To.hasChoice() ? End.Op->Handlers.emplace_back() : *End.Op;
        Handler.HandlerArgument = argumentFor(*Way.Callback, Call);
        Handler.Handler = asWritten(Handler.HandlerArgument);
        if (Way.Context)
          Handler.Context = argumentFor(*Way.Context, Call);
      }
      Out.push_back(std::move(End));
      return true;
    }
    if (Where == Position::Tail && isWait(Call)) {
      addWait(Call, Out);
      return endSequence(Out, S->getEndLoc());
    }
    if (const FunctionDecl *Target = jumpTarget(Call);
        Target && Where == Position::Tail) {
      // Nobody who waits gets what is delivered there, if anything is.
      if (Current->Delivers)
        return breaksContract();
      addJump(Target, Call, S, Call.arguments(), Out);
      return true;
    }
    if (startsInArguments(Call) && !startBesideWithin(S))
      return refuseControlFlow(S);
    return addCode(S, Out);
  }

  bool startsInArguments(const CallExpr &Call) const {
    bool Result = false;
    forEachCall(&Call, [&](const CallExpr &Inner) {
      auto Match = Found.Matches.find(&Inner);
      Result |= &Inner != &Call && Match != Found.Matches.end() &&
                std::holds_alternative<Operation>(Match->second);
    });
    return Result;
  }

  void addJump(const FunctionDecl *Target, const CallExpr &Call, const Stmt *S,
               CallExpr::const_arg_range Arguments, Sequence &Out) {
    Step Jump;
    Jump.What = Step::Kind::Jump;
    Jump.Source = S;
    Jump.Target = &request(Target);
    Jump.Arguments.assign(Arguments.begin(), Arguments.end());
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      if (std::optional<FoundOwner> Owner =
              foundOwner(Member->getImplicitObjectArgument()))
        Jump.Through = Owner->callback();
    Jumps.insert(&Call);
    Out.push_back(std::move(Jump));
  }

  bool buildSuspension(const CallExpr &Call, OperationMatch &Match,
                       Position Where, Sequence &Out) {
    if (const auto *Why = std::get_if<Refusal>(&Match)) {
      if (!Current->Why)
        Current->Why = *Why;
      return false;
    }
    if (Where != Position::Tail && canKeep(std::get<Operation>(Match)))
      return keep(Call);
    if (std::get<Operation>(Match).How == Operation::Form::Task)
      requestDelivering(Call);
    if (Where != Position::Tail)
      return refuse("operation-not-last", Call.getBeginLoc(),
                    "this function goes on after the call, so here the "
                    "callback stays; to wait for it, make the call the last "
                    "thing that a function of its own does");
    return buildOperation(Call, std::get<Operation>(Match), Out);
  }

  /// Whether what \p Call calls keeps its contract is seen by building it,
  /// unless it is a coroutine already.
  void requestDelivering(const CallExpr &Call) {
    const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
    if (std::optional<Delivery> Delivers = deliveryOf(*Callee);
        !Delivers || !Delivers->Coroutine)
      request(Callee);
  }

  static const Expr *argumentFor(const ParmVarDecl &P, const CallExpr &Call) {
    return Call.getArg(P.getFunctionScopeIndex());
  }

  bool buildOperation(const CallExpr &Call, const Operation &Op,
                      Sequence &Out) {
    if (mentionsCallback(Call.getCallee()) ||
        any_of(Call.arguments(), [&](const Expr *E) {
          return !Op.isHandler(E) && mentionsCallback(E);
        }))
      return breaksContract();
    return Op.Handlers.empty() ? goOn(Op, Out) : goOnInOneOf(Op, Out);
  }

  /// Waits for \p Op, and goes on in the handler of the way in which that
  /// completes. What the handlers hold they all have from when it started.
  bool goOnInOneOf(const Operation &Op, Sequence &Out) {
    Step Suspend, Branch;
    Suspend.What = Step::Kind::Suspend;
    Suspend.Op = std::make_shared<Operation>(Op);
    Branch.What = Step::Kind::Branch;
    Branch.Op = Suspend.Op;
    for (const Operation &Handler : Op.Handlers) {
      Sequence &Arm = Handler.Way == 0 ? Branch.Then : Branch.Else;
      if (Handler.Made ? !goOn(Handler, Arm) : !handOn(Handler, Arm))
        return false;
      Operation &Received = *Arm.front().Op;
      Suspend.Op->Handlers[Handler.Way] = Received;
      auto IsSelf = [](const VarDecl *V) { return isSharedFromThisCopy(V); };
      copy_if(Received.InitCaptures,
              std::back_inserter(Suspend.Op->InitCaptures),
              std::not_fn(IsSelf));
      erase_if(Received.InitCaptures, std::not_fn(IsSelf));
    }
    Out.push_back(std::move(Suspend));
    Out.push_back(std::move(Branch));
    return true;
  }

  /// What \p Op completes with goes straight to the callback.
  bool handOn(const Operation &Op, Sequence &Out) {
    std::optional<unsigned> Way = callbackSource(Op.HandlerArgument);
    std::optional<Delivery> From = deliveryOf(*Op.Call->getDirectCallee());
    if (!Way || !From ||
        !deliversTheSame(From->Ways[Op.Way], Current->Delivers->Ways[*Way]))
      return keep(*Op.Call);
    Step End;
    End.What = Step::Kind::End;
    End.Op = std::make_shared<Operation>(Op);
    End.Way = *Way;
    Out.push_back(std::move(End));
    return true;
  }

  /// The comments around a handler that goes are said of what it does, and
  /// those behind one that is replaced of its operation.
  bool goOn(const Operation &Op, Sequence &Out) {
    size_t Begin = Out.size();
    if (!goOnInHandler(Op, Out))
      return false;
    std::string Comments = commentsBeforeHandler(Op);
    std::optional<TextRange> Behind = behindHandler(Op, Text);
    if (Behind && Op.How != Operation::Form::CompletionToken)
      Comments += Text.comments(*Behind);
    else if (Behind)
      Out[Begin].Leading.Comments.insert(0, Text.comments(*Behind));
    size_t First = Begin + (Op.How != Operation::Form::Completion);
    if (First == Out.size())
      keepTrailing({std::move(Comments), false}, Out);
    else
      Out[First].Leading.Comments.insert(0, Comments);
    return true;
  }

  std::string commentsBeforeHandler(const Operation &Op) const {
    bool HandlerGoes = Op.How == Operation::Form::Task ||
                       Op.How == Operation::Form::Completion ||
                       Op.How == Operation::Form::Request;
    std::optional<TextRange> Handler, Before;
    if (HandlerGoes && Op.HandlerArgument) {
      Handler = Text.range(Op.HandlerArgument->getSourceRange());
      Before = Text.range(Op.Call->getCallee()->getSourceRange());
    }
    if (!Handler || !Before)
      return "";
    for (const Expr *Argument : Op.Call->arguments()) {
      if (asWritten(Argument) == asWritten(Op.HandlerArgument))
        break;
      if (std::optional<TextRange> Range =
              Text.range(Argument->getSourceRange()))
        Before = Range;
    }
    return Text.comments({Before->End, Handler->Begin});
  }

  bool goOnInHandler(const Operation &Op, Sequence &Out) {
    Step Suspend;
    Suspend.What = Step::Kind::Suspend;
    Suspend.Op = std::make_shared<Operation>(Op);
    if (Suspend.Op->Bound)
      return buildBoundHandler(std::move(Suspend), Out);
    if (Suspend.Op->Object) {
      Out.push_back(Suspend);
      return readMembers(*Suspend.Op) && buildHandler(*Suspend.Op, Out);
    }
    if (!readCaptures(*Suspend.Op))
      return false;
    Out.push_back(Suspend);
    return buildHandler(*Suspend.Op, Out);
  }

  bool buildHandler(const Operation &Op, Sequence &Out) {
    const CompoundStmt &Handler = *Op.body();
    Trivia Trailing;
    // The handler's own end is the end of the sequence that goes on here.
    if (!buildCompound(Handler, Position::Tail, Out, Trailing))
      return false;
    keepTrailing(std::move(Trailing), Out);
    return endSequence(Out, Handler.getEndLoc());
  }

  //--- Operations that say whether they have started ---------------------//

  /// \p E is a call that starts a request and says so by a number that is
  /// negative when it did not.
  const CallExpr *startedBy(const Expr &E) const {
    const auto *Call = dyn_cast<CallExpr>(&E);
    auto Match = Found.Matches.find(Call);
    const auto *Op = Match == Found.Matches.end()
                         ? nullptr
                         : std::get_if<Operation>(&Match->second);
    return Op && Op->How == Operation::Form::Request &&
                   Text.context().hasSameType(Call->getType(),
                                              Text.context().IntTy)
               ? Call
               : nullptr;
  }

  template <class Place>
  std::optional<TestedStart> testedStart(const Place &Where) const {
    return coralc::testedStart(
        Where, [this](const Expr &E) { return startedBy(E); }, Text.context());
  }

  bool buildTested(const TestedStart &Start, Trivia AboveTest, Sequence &Out) {
    Operation Op = std::get<Operation>(Found.Matches.find(Start.Call)->second);
    Op.Returned = Start.Returned;
    Sequence Begun, Nothing, Failed;
    if (!buildOperation(*Start.Call, Op, Begun) ||
        (Start.onFailure() &&
         !buildArm(*Start.onFailure(), Position::Tail, Failed)) ||
        (Start.onSuccess() &&
         !buildArm(*Start.onSuccess(), Position::Tail, Nothing)) ||
        !endSequence(Failed, Start.Test->getEndLoc()))
      return false;
    Out.push_back(std::move(Begun.front()));
    Begun.erase(Begun.begin());
    for (Step &S : reverse(Nothing))
      if (!S.Leading.Comments.empty()) {
        Step Comment;
        Comment.Leading = std::move(S.Leading);
        Begun.insert(Begun.begin(), std::move(Comment));
      }
    Step Branch;
    Branch.What = Step::Kind::Branch;
    Branch.Source = Start.Test;
    Branch.Leading = std::move(AboveTest);
    Branch.Then = std::move(Start.HoldsOnFailure ? Failed : Begun);
    Branch.Else = std::move(Start.HoldsOnFailure ? Begun : Failed);
    Out.push_back(std::move(Branch));
    return true;
  }

  //--- Operations that go on beside their function -----------------------//

  /// \p Call keeps its callback: what it returns is used beside it.
  void keepCallback(const CallExpr &Call) {
    Refusal Why = resultUsed(Call);
    addRefused(Call, Why);
    refuseInside(std::get<Operation>(Found.Matches.find(&Call)->second), Why);
  }

  static Refusal resultUsed(const CallExpr &Call) {
    return {
        "start-result-used", Call.getBeginLoc(),
        "what '" + Call.getDirectCallee()->getNameAsString() +
            "' returns is used in a way that has no place in a coroutine; keep "
            "it in a local int, and let an if that does something only when "
            "that is not zero end a function that returns nothing"};
  }

  /// Makes what \p Call starts a state of its own; false when the code around
  /// it has to answer for it.
  bool startBeside(const CallExpr &Call, const OperationMatch &Match) {
    const auto *Op = std::get_if<Operation>(&Match);
    if (!Op || !Op->isOfLibrary() || Current->Delivers)
      return false;
    State *Around = Current;
    State &Part = Graph.add(Around->Function);
    Part.IsPart = true;
    Part.Beside = &Call;
    Current = &Part;
    if (checkBeside(Call, *Op) && buildOperation(Call, *Op, Part.Steps))
      readUses(Call, *Op);
    Current = Around;
    if (Part.Why)
      refuseInside(*Op, *Part.Why);
    return true;
  }

  /// The operations in a handler that stays are refused with it.
  void refuseInside(const Operation &Op, const Refusal &Why) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      GraphBuilder &Builder;
      const Refusal &Why;
      Visitor(GraphBuilder &Builder, const Refusal &Why)
          : Builder(Builder), Why(Why) {}
      bool VisitCallExpr(const CallExpr *Call) override {
        if (Builder.Found.Matches.contains(Call))
          Builder.addRefused(*Call, Why);
        return true;
      }
    } V(*this, Why);
    if (const LambdaExpr *Handler = Op.lambda())
      V.TraverseStmt(callOperator(*Handler)->getBody());
  }

  void addRefused(const CallExpr &Call, const Refusal &Why) {
    State &Part = Graph.add(Current->Function);
    Part.IsPart = true;
    Part.Beside = &Call;
    Part.Why = Why;
  }

  /// The same for every operation inside \p S, each a statement of its own.
  bool startBesideWithin(const Stmt *S) {
    SmallPtrSet<const CallExpr *, 8> Statements = statementCalls(S);
    SmallVector<const CallExpr *, 4> Starts;
    bool All = true;
    forEachCall(S, [&](const CallExpr &Call) {
      All &= !isDeliveryCall(Call);
      auto Match = Found.Matches.find(&Call);
      if (Match == Found.Matches.end())
        return;
      const auto *Op = std::get_if<Operation>(&Match->second);
      All &=
          Op && Op->isOfLibrary() &&
          (Statements.contains(&Call) || Op->How == Operation::Form::Request);
      Starts.push_back(&Call);
    });
    if (!All || Current->Delivers)
      return false;
    for (const CallExpr *Call : Starts)
      if (Statements.contains(Call))
        startBeside(*Call, Found.Matches.find(Call)->second);
      else
        keepCallback(*Call);
    return true;
  }

  /// The calls below \p S that are whole statements.
  static SmallPtrSet<const CallExpr *, 8> statementCalls(const Stmt *S) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallPtrSet<const CallExpr *, 8> Calls;
      void note(const Stmt *S) { Calls.insert(statementCall(S)); }
      bool VisitStmt(const Stmt *S) override {
        if (isa<CompoundStmt>(S))
          for (const Stmt *Child : S->children())
            note(Child);
        else if (const auto *If = dyn_cast<IfStmt>(S))
          note(If->getThen()), note(If->getElse());
        else if (const auto *For = dyn_cast<ForStmt>(S))
          note(For->getBody());
        else if (const auto *Range = dyn_cast<CXXForRangeStmt>(S))
          note(Range->getBody());
        else if (const auto *While = dyn_cast<WhileStmt>(S))
          note(While->getBody());
        else if (const auto *Case = dyn_cast<SwitchCase>(S))
          note(Case->getSubStmt());
        return true;
      }
    } V;
    V.TraverseStmt(S);
    return V.Calls;
  }

  bool checkBeside(const CallExpr &Call, const Operation &Op) {
    const FunctionDecl &F = *Current->Function;
    SourceLocation Where = Call.getBeginLoc();
    if (F.isTemplated())
      return refuse("dependent-code", Where,
                    "'" + Current->Name +
                        "' is a template, and what its calls mean depends on "
                        "the arguments");
    const auto *Method = dyn_cast<CXXMethodDecl>(&F);
    if (Method && !Text.range(Method->getParent()->getSourceRange()))
      return refuse("macro-in-the-way", Where,
                    "the class of '" + Current->Name +
                        "' is defined by a macro, and the coroutine would "
                        "have to be declared there");
    if (Text.crossesDirective(*Text.range(Call.getSourceRange())))
      return refuse("preprocessor-in-the-way", Where,
                    "the operation contains a preprocessor directive, so its "
                    "other branch would be lost");
    if (Op.Results.empty() && !goesOn(Op))
      return refuse("operation-not-last", Where,
                    "the handler only runs something later, beside the code "
                    "behind this call, and waits for nothing; there is "
                    "nothing for a coroutine to do");
    if (!goesOn(Op) && storesForItsFunction(Op))
      return refuse("operation-not-last", Where,
                    "the handler only stores what the operation delivers in "
                    "variables of '" +
                        Current->Name +
                        "', which waits for it on its own; make the function "
                        "asynchronous instead");
    return true;
  }

  /// \p Op's handler writes to variables of the function that starts it, or is
  /// told where they are.
  static bool storesForItsFunction(const Operation &Op) {
    if (Op.Bound)
      return any_of(Op.Bound->Arguments, [](const BoundCall::Argument &A) {
        const auto *Address = dyn_cast_or_null<UnaryOperator>(
            A.Value ? asWritten(A.Value) : nullptr);
        return Address && Address->getOpcode() == UO_AddrOf &&
               variableNamedBy(Address->getSubExpr());
      });
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallPtrSet<const ValueDecl *, 4> Borrowed;
      bool Found = false;
      bool assign(const Expr *To) {
        To = asWritten(To);
        if (const auto *Star = dyn_cast<UnaryOperator>(To))
          To = asWritten(Star->getSubExpr());
        const auto *Ref = dyn_cast<DeclRefExpr>(To);
        Found |= Ref && Borrowed.contains(Ref->getDecl());
        Found |= Borrowed.contains(ownField(To));
        return true;
      }
      bool VisitBinaryOperator(const BinaryOperator *E) override {
        return !E->isAssignmentOp() || assign(E->getLHS());
      }
      bool VisitCXXOperatorCallExpr(const CXXOperatorCallExpr *E) override {
        return !E->isAssignmentOp() || assign(E->getArg(0));
      }
    } V;
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        if (M.Field->getType()->isReferenceType() ||
            M.Field->getType()->isPointerType())
          V.Borrowed.insert(M.Field);
    if (Op.lambda())
      for (const LambdaCapture &C : Op.lambda()->captures())
        if (C.capturesVariable() && C.getCaptureKind() == LCK_ByRef)
          V.Borrowed.insert(C.getCapturedVar());
    V.TraverseStmt(Op.body());
    return V.Found;
  }

  /// \p Op's handler starts another operation.
  bool goesOn(const Operation &Op) {
    if (Op.Bound)
      return reachesOperation(Op.Bound->Target);
    return isInteresting(Op.body());
  }

  /// What the part that \p Call starts uses of its function.
  void readUses(const CallExpr &Call, const Operation &Op) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Expr *Handler;
      const Expr *Skipped = nullptr;
      SmallPtrSet<const ValueDecl *, 8> Own;
      SmallPtrSet<const Expr *, 8> Values;
      SmallPtrSet<const Expr *, 8> Addresses;
      struct Use {
        bool AsObject = false, Captured = false, ByReference = false;
        bool IsMoved = false;
        SourceLocation Where;
      };
      MapVector<const VarDecl *, Use> Uses;
      bool InHandler = false;
      bool IsReference = false;

      bool TraverseStmt(const Stmt *S) override {
        if (S && S == Skipped)
          return true;
        SaveAndRestore Inside(InHandler, InHandler || S == Handler);
        return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      bool TraverseLambdaCapture(const LambdaExpr *, const LambdaCapture *C,
                                 const Expr *Init) override {
        return !C->capturesVariable() ||
               !C->getCapturedVar()->isInitCapture() || TraverseStmt(Init);
      }
      bool VisitVarDecl(const VarDecl *V) override {
        Own.insert(V);
        return true;
      }
      bool VisitImplicitCastExpr(const ImplicitCastExpr *E) override {
        if (E->getCastKind() == CK_LValueToRValue)
          Values.insert(E->getSubExpr()->IgnoreParens());
        return true;
      }
      bool VisitUnaryOperator(const UnaryOperator *E) override {
        if (E->getOpcode() == UO_AddrOf)
          Addresses.insert(E->getSubExpr()->IgnoreParens());
        return true;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        const auto *V = dyn_cast<VarDecl>(E->getDecl());
        if (!V || !(V->hasLocalStorage() || V->isStaticLocal()) ||
            Own.contains(V) || isSharedFromThisCopy(V))
          return true;
        Use &U = Uses[V];
        U.Where = E->getLocation();
        if (Addresses.contains(E))
          U.ByReference = true;
        else if (InHandler && IsReference)
          U.ByReference = true;
        else if (InHandler)
          U.Captured |= !isa<LambdaExpr>(Handler);
        else
          U.AsObject |= !Values.contains(E);
        return true;
      }
    } V;
    V.Handler = Op.Made;
    if (Op.Stored)
      V.Own.insert(Op.Stored);
    if (Op.Object) {
      // What the call operator uses is what its members were made from.
      V.InHandler = true;
      for (const FunctionObject::Member &M : Op.Object->Members) {
        V.IsReference = M.Field->getType()->isReferenceType();
        V.TraverseStmt(M.Init);
      }
      V.InHandler = V.IsReference = false;
      V.Skipped = Op.Made;
    } else if (Op.Stored) {
      V.TraverseStmt(Op.Made);
    }
    V.TraverseStmt(&Call);
    if (const LambdaExpr *Handler = Op.lambda())
      for (const LambdaCapture &C : Handler->captures())
        if (auto Known = V.Uses.find(C.capturesVariable()
                                         ? dyn_cast<VarDecl>(C.getCapturedVar())
                                         : nullptr);
            Known != V.Uses.end())
          (C.getCaptureKind() == LCK_ByRef ? Known->second.ByReference
                                           : Known->second.Captured) = true;
    for (const VarDecl *Capture : Current->Steps.front().Op->InitCaptures)
      if (const VarDecl *From = movedInto(*Capture);
          From && !isSharedFromThisCopy(From)) {
        V.Uses[From].Captured = true;
        V.Uses[From].IsMoved = true;
      }
    for (const auto &[Variable, U] : V.Uses) {
      if (!addUse(*Variable, U.AsObject, U.Captured, U.ByReference, U.Where))
        return;
      Current->Uses.back().IsMoved = U.IsMoved;
    }
  }

  bool addUse(const VarDecl &V, bool AsObject, bool Captured, bool ByReference,
              SourceLocation Where) {
    QualType Type = V.getType().getNonReferenceType();
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    if (V.isStaticLocal() || Type->isArrayType() ||
        (Record && (Record->isLambda() || Record->isLocalClass())))
      return refuse("operation-not-last", Where,
                    "the code behind this operation goes on beside its "
                    "handler, and '" +
                        V.getName() +
                        "' cannot be handed to a coroutine; make it a "
                        "variable of a named type");
    bool Copies =
        Captured && AsObject && !Type.isTriviallyCopyableType(Text.context()) &&
        !(Record && (Record->isInStdNamespace() ||
                     builtinVocabularies().has(Role::PlainHolder,
                                               qualifiedName(*Record))));
    if (Copies || (ByReference && Captured))
      return refuse("capture-of-a-copy", Where,
                    "the operation works on '" + V.getName() +
                        "' and its handler on a copy of it; a coroutine has "
                        "one of them");
    bool Refers = ByReference || (AsObject && !Captured);
    Current->Uses.push_back({&V, Refers});
    return true;
  }

  /// A handler that calls a function with what the operation delivers: the
  /// agent goes on there.
  bool buildBoundHandler(Step Suspend, Sequence &Out) {
    Operation &Op = *Suspend.Op;
    const BoundCall &Bound = *Op.Bound;
    SourceLocation Where = Op.Made->getBeginLoc();
    std::string Name = Bound.Target->getNameAsString();
    if (!Bound.Target->getReturnType()->isVoidType() ||
        !Bound.Target->hasBody() || !Text.range(Bound.Target->getSourceRange()))
      return refuseHandler(Op, Where,
                           "the handler calls '" + Name +
                               "', which is not a function of this file that "
                               "returns nothing");
    if (Bound.Object && !isSelf(Bound.Object))
      return refuseHandler(Op, Where,
                           "the handler calls '" + Name +
                               "' on another object than the one that starts "
                               "the operation; start it in a function of that "
                               "object");
    if (canKeep(Op) && isVirtual(*Bound.Target))
      return keep(*Op.Call);
    // Nobody who waits gets what is delivered there, if anything is.
    if (Current->Delivers)
      return breaksContract();
    Op.HoldsSelf = Bound.Object && holdsSelf(Bound.Object);
    Op.IsObject = Bound.IsObject;
    if (Bound.IsObject && Current->Beside)
      return refuse("operation-not-last", Where,
                    "the object goes on in its handler, and so does the code "
                    "behind this operation");
    if (Bound.IsObject && !isOwnOperator(*Bound.Target))
      return refuse("unsupported-handler", Where,
                    "the handler is an object of which this is not the code");
    Step Jump;
    Jump.What = Step::Kind::Jump;
    Jump.Target = &request(Bound.Target);
    for (const BoundCall::Argument &A : Bound.Arguments) {
      if (const Expr *Stepped =
              A.Value ? steppedBefore(*A.Value, Op) : nullptr) {
        Op.StepsBefore.push_back(A.Value);
        Jump.Arguments.push_back(Stepped);
        continue;
      }
      if (A.Value && !Bound.IsObject && !isSettled(A.Value))
        return refuseHandler(Op, A.Value->getBeginLoc(),
                             "this argument of the handler is computed when "
                             "the operation is started; name it as a variable "
                             "before");
      Jump.Arguments.push_back(A.Value);
    }
    if (Bound.Reference)
      BoundReferences.insert(Bound.Reference);
    Jump.Op = Suspend.Op;
    Out.push_back(std::move(Suspend));
    Out.push_back(std::move(Jump));
    return true;
  }

  /// \p F is the call operator of the class whose code this is.
  bool isOwnOperator(const FunctionDecl &F) const {
    const auto *Method = dyn_cast<CXXMethodDecl>(Current->Function);
    return Method && declaresSameEntity(Method->getParent(),
                                        cast<CXXMethodDecl>(F).getParent());
  }

  /// The members of a handler are what a lambda would capture.
  bool readMembers(Operation &Op) {
    for (FunctionObject::Member &M : Op.Object->Members) {
      if (M.What == FunctionObject::Member::Kind::Self) {
        Op.HoldsSelf |= M.Field->getType()->getAsCXXRecordDecl() != nullptr;
        continue;
      }
      QualType Type = M.Field->getType();
      const VarDecl *Variable = variableNamedBy(M.Init);
      bool IsOfSameType = Text.context().hasSameUnqualifiedType(
          Type.getNonReferenceType(), M.Init->getType());
      if (Variable && IsOfSameType && !isSharedFromThisCopy(Variable)) {
        if (Type->isReferenceType() && canKeep(Op))
          return keep(*Op.Call);
        if (Type->isReferenceType() && !Current->Beside)
          return refuse("capture-by-reference", M.Init->getBeginLoc(),
                        "the handler refers to a variable of the function "
                        "that started the operation, which has returned by "
                        "then; keep a copy of it");
        M.What = FunctionObject::Member::Kind::Variable;
        continue;
      }
      if (Type->isReferenceType() || Type->isArrayType() ||
          (Current->Beside && !isSettled(M.Init)) ||
          !Text.range(M.Init->getSourceRange()))
        return refuseHandler(Op, M.Init->getBeginLoc(),
                             "this member of the handler is computed when the "
                             "operation is started; name it as a variable "
                             "before");
    }
    return true;
  }

  /// \p Object is a strong reference to this object.
  bool holdsSelf(const Expr *Object) const {
    if (isSharedFromThis(Object))
      return true;
    if (const FieldDecl *Field = ownField(Object))
      return Selves.contains(Field) && Field->getType()->getAsCXXRecordDecl();
    const VarDecl *Var = variableNamedBy(Object);
    return Var && isSharedFromThisCopy(Var);
  }

  /// The variable that \p E, a bound value, increments or decrements by one and
  /// gives: `++i`. Nobody but the handler of \p Op gets to see that step.
  const Expr *steppedBefore(const Expr &E, const Operation &Op) const {
    const Expr *Written = asWritten(&E);
    const Expr *Operand = nullptr;
    if (const auto *Unary = dyn_cast<UnaryOperator>(Written)) {
      if (Unary->isPrefix() && Unary->isIncrementDecrementOp())
        Operand = Unary->getSubExpr();
    } else if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(Written)) {
      bool IsStep = Call->getOperator() == OO_PlusPlus ||
                    Call->getOperator() == OO_MinusMinus;
      const FunctionDecl *Callee = Call->getDirectCallee();
      if (IsStep && Call->getNumArgs() == 1 && Callee &&
          Text.context().getSourceManager().isInSystemHeader(
              Callee->getLocation()))
        Operand = Call->getArg(0);
    }
    const VarDecl *V = Operand ? variableNamedBy(Operand) : nullptr;
    if (!V || !V->hasLocalStorage() || V->getType()->isReferenceType() ||
        Current->Beside || Op.Bound->IsObject ||
        countMentions(Op.Call, *V) != 1 || !Text.range(E.getSourceRange()))
      return nullptr;
    return Operand;
  }

  /// Evaluating \p E gives the same before and after the wait.
  bool isSettled(const Expr *E) const {
    // A parameter becomes the coroutine's own.
    if (const VarDecl *Var = variableNamedBy(E))
      return isa<ParmVarDecl>(Var) || !Var->getType()->isReferenceType();
    E = asWritten(E);
    if (const auto *Cast = dyn_cast<ExplicitCastExpr>(E))
      if (Cast->getType()->isPointerType())
        return isSettled(Cast->getSubExpr());
    if (const auto *Unary = dyn_cast<UnaryOperator>(E)) {
      if (Unary->getOpcode() == UO_AddrOf)
        return hasSettledPlace(Unary->getSubExpr());
      if (Unary->isArithmeticOp())
        return isSettled(Unary->getSubExpr());
    }
    if (const auto *Binary = dyn_cast<BinaryOperator>(E))
      if (Binary->isAdditiveOp() || Binary->isMultiplicativeOp() ||
          Binary->isShiftOp() || Binary->isBitwiseOp())
        return isSettled(Binary->getLHS()) && isSettled(Binary->getRHS());
    return isa<CXXThisExpr>(E) ||
           (!E->isValueDependent() && E->isEvaluatable(Text.context()));
  }

  /// \p E is a variable, or a member of one or of what one points to.
  bool hasSettledPlace(const Expr *E) const {
    E = asWritten(E);
    while (const auto *Member = dyn_cast<MemberExpr>(E)) {
      if (!isa<FieldDecl>(Member->getMemberDecl()) ||
          Member->getMemberDecl()->getType()->isReferenceType())
        return false;
      E = asWritten(Member->getBase());
      if (Member->isArrow())
        return isSettled(E);
    }
    const auto *Ref = dyn_cast<DeclRefExpr>(E);
    return Ref && isa<VarDecl>(Ref->getDecl());
  }

  /// The parameter of the current function that \p Capture captures, if that
  /// is a way to an object which may change.
  const ParmVarDecl *referenceParameter(const LambdaCapture &Capture) const {
    const auto *P = dyn_cast<ParmVarDecl>(Capture.getCapturedVar());
    if (!P || !is_contained(Current->Function->parameters(), P) ||
        !P->getType()->isLValueReferenceType())
      return nullptr;
    QualType Object = P->getType()->getPointeeType();
    return Object.isConstQualified() || Object->isArrayType() ||
                   Object->isFunctionType()
               ? nullptr
               : P;
  }

  bool readCaptures(Operation &Op) {
    for (const LambdaCapture &Capture : Op.lambda()->captures()) {
      SourceLocation Where = Capture.getLocation();
      switch (Capture.getCaptureKind()) {
      case LCK_This:
        continue;
      case LCK_StarThis:
        return refuse("capture-of-a-copy", Where,
                      "the handler works on a copy of the object");
      case LCK_VLAType:
        return refuse("unsupported-handler", Where,
                      "the handler captures a variable-length array");
      case LCK_ByRef:
        // The function goes on while the operation does.
        if (Current->Beside)
          continue;
        if (const ParmVarDecl *P = referenceParameter(Capture)) {
          Current->Referred.insert(P);
          continue;
        }
        if (const auto *Var = dyn_cast<VarDecl>(Capture.getCapturedVar());
            Var && Var->getType()->isReferenceType())
          return refuse("capture-by-reference", Where,
                        "the handler refers to what '" + Var->getName() +
                            "' refers to, and a coroutine would have a copy "
                            "of that; pass it by pointer, and capture the "
                            "pointer by value");
        return refuse("capture-by-reference", Where,
                      "the handler refers to a variable of the function that "
                      "started the operation, which has returned by then; "
                      "capture it by value");
      case LCK_ByCopy:
        break;
      }
      const auto *Var = dyn_cast<VarDecl>(Capture.getCapturedVar());
      if (!Var)
        continue;
      if (const ParmVarDecl *P = referenceParameter(Capture))
        Current->CopiedInto.insert(P);
      if (isSharedFromThisCopy(Var) && isReleased(*Op.body(), *Var))
        return refuse("lifetime-differs", Where,
                      "'" + Var->getName() +
                          "' is given up in the middle of the handler, and "
                          "the coroutine holds the object to its end");
      // Captured once more, it is a variable like any other.
      if (Op.lambda()->isInitCapture(&Capture)) {
        if (Current->Beside && !isSharedFromThisCopy(Var) && !movedInto(*Var))
          return refuse("unsupported-handler", Where,
                        "this capture is computed when the operation is "
                        "started; make it a variable before, and capture "
                        "that");
        if (isSharedFromThisCopy(Var)) {
          Op.HoldsSelf = true;
          if (mentions(Op.body(), Var))
            Op.InitCaptures.push_back(Var);
        } else if (std::optional<unsigned> Way =
                       callbackSource(Var->getInit())) {
          Callbacks.insert({Var, *Way});
        } else if (isContextSource(Var->getInit())) {
          Contexts.insert(Var);
        } else if (mentionsCallback(Var->getInit())) {
          return breaksContract();
        } else {
          Op.InitCaptures.push_back(Var);
        }
      } else if (isSharedFromThisCopy(Var)) {
        Op.HoldsSelf = true;
        // The function around keeps its variable.
        if (Current->Beside && isSharedFromThis(asWritten(Var->getInit())) &&
            mentions(Op.body(), Var))
          Op.InitCaptures.push_back(Var);
      }
    }
    return true;
  }

  /// The variable that is moved into \p Capture as it is.
  const VarDecl *movedInto(const VarDecl &Capture) const {
    const auto *Move = dyn_cast<CallExpr>(asWritten(Capture.getInit()));
    const VarDecl *From =
        Move && Move->isCallToStdMove() ? variableNamedBy(Move) : nullptr;
    return From && !From->getType()->isReferenceType() &&
                   Text.context().hasSameType(From->getType(),
                                              Capture.getType())
               ? From
               : nullptr;
  }

  /// \p Body changes what \p Pointer points to.
  static bool isReleased(const Stmt &Body, const VarDecl &Pointer) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const VarDecl &Pointer;
      bool Found = false;
      explicit Visitor(const VarDecl &Pointer) : Pointer(Pointer) {}
      bool names(const Expr *E) const {
        const auto *Ref = dyn_cast<DeclRefExpr>(E->IgnoreParenImpCasts());
        return Ref && Ref->getDecl() == &Pointer;
      }
      bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
        const CXXMethodDecl *Method = Call->getMethodDecl();
        Found |= Method && !Method->isConst() &&
                 names(Call->getImplicitObjectArgument());
        return true;
      }
      bool VisitCXXOperatorCallExpr(const CXXOperatorCallExpr *Call) override {
        Found |= Call->isAssignmentOp() && names(Call->getArg(0));
        return true;
      }
    } V(Pointer);
    V.TraverseStmt(&Body);
    return V.Found;
  }

  /// Which callback of the current state \p E is, or moves from.
  std::optional<unsigned> callbackSource(const Expr *E) const {
    return callbackNamedBy(withoutMove(E));
  }

  /// \p S declares a copy of shared_from_this() that is only there to be
  /// captured: the agent holds that reference itself.
  bool dropsSelf(const Stmt *S) {
    const auto *Declaration = dyn_cast<DeclStmt>(S);
    if (!Declaration || !Declaration->isSingleDecl())
      return false;
    const auto *Var = dyn_cast<VarDecl>(Declaration->getSingleDecl());
    if (!Var || !isSharedFromThisCopy(Var))
      return false;
    return !isUsedOutsideCaptures(Var);
  }

  /// Other than by the captures of handlers.
  bool isUsedOutsideCaptures(const VarDecl *Var) {
    SmallPtrSet<const LambdaExpr *, 16> Handlers;
    for (const auto &[Call, Match] : Found.Matches)
      if (const auto *Op = std::get_if<Operation>(&Match)) {
        Handlers.insert(Op->lambda());
        for (const Operation &Way : Op->Handlers)
          Handlers.insert(Way.lambda());
      }
    struct Uses : ConstDynamicRecursiveASTVisitor {
      const SmallPtrSetImpl<const LambdaExpr *> &Handlers;
      const VarDecl *Var;
      bool Found = false;
      Uses(const SmallPtrSetImpl<const LambdaExpr *> &Handlers,
           const VarDecl *Var)
          : Handlers(Handlers), Var(Var) {}
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        Found |= !Handlers.contains(L) &&
                 any_of(L->captures(), [&](const LambdaCapture &C) {
                   return C.capturesVariable() && C.getCapturedVar() == Var;
                 });
        return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
      }
      bool TraverseLambdaCapture(const LambdaExpr *, const LambdaCapture *C,
                                 const Expr *Init) override {
        const auto *Captured = C->capturesVariable()
                                   ? dyn_cast<VarDecl>(C->getCapturedVar())
                                   : nullptr;
        return !Captured || isSharedFromThisCopy(Captured) ||
               TraverseStmt(Init);
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        Found |= E->getDecl() == Var;
        return true;
      }
    } Visitor(Handlers, Var);
    Visitor.TraverseStmt(Current->Function->getBody());
    return Visitor.Found;
  }

  /// An operation that no walk through its function comes by, as in a lambda
  /// that is stored, is refused with the function around it.
  void refuseStrayOperations() {
    for (const auto &[Call, Match] : Found.Matches)
      for (const FoundOperation &Op : Found.InOrder)
        if (const auto *Why = std::get_if<Refusal>(&Match);
            Why && Op.Where == Call->getBeginLoc()) {
          State *S = Graph.find(definitionOf(Op.Function));
          if (S && !S->Why)
            S->Why = *Why;
        }
  }

  /// The calls that are jumps in the end.
  void findJumps() {
    Jumps.clear();
    for (const auto &S : Graph.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Jump)
          Jumps.insert(statementCall(Step.Source));
      });
  }

  /// Captures of shared_from_this() through which handlers only went on in
  /// other states, or which they handed on to the handlers in them: the agent
  /// holds that reference itself.
  void dropSelves(Sequence &Steps) {
    for (Step &S : Steps) {
      for (Sequence *Inner : S.inner())
        dropSelves(*Inner);
      if (S.What == Step::Kind::Suspend && S.Op->lambda())
        erase_if(S.Op->InitCaptures, [&](const VarDecl *V) {
          return isSharedFromThisCopy(V) &&
                 isOnlyJumpedThrough(V, S.Op->body());
        });
    }
  }

  bool isOnlyJumpedThrough(const VarDecl *V, const Stmt *Body) const {
    struct Uses : ConstDynamicRecursiveASTVisitor {
      const GraphBuilder &Builder;
      const VarDecl *V;
      bool Found = false;
      Uses(const GraphBuilder &Builder, const VarDecl *V)
          : Builder(Builder), V(V) {}
      bool TraverseStmt(const Stmt *S) override {
        if (Builder.GoneOwners.contains(S))
          return true;
        const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(S);
        if (!Call || !Builder.Jumps.contains(Call))
          return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
        for (const Expr *Argument : Call->arguments())
          TraverseStmt(Argument);
        return true;
      }
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        return Builder.WaitingHandlers.contains(L)
                   ? TraverseStmt(callOperator(*L)->getBody())
                   : ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        Found |= E->getDecl() == V;
        return true;
      }
    } Visitor(*this, V);
    Visitor.TraverseStmt(Body);
    return !Visitor.Found;
  }

  //--- Entries -----------------------------------------------------------//

  /// Who mentions a state other than by a jump: starts and taken addresses.
  void collectReferences() {
    struct Walker : OwnCodeVisitor {
      GraphBuilder &Builder;
      const FunctionDecl *Function = nullptr;
      const Stmt *Statement = nullptr;
      SmallPtrSet<const Expr *, 16> Callees;
      SmallPtrSet<const CallExpr *, 16> Statements;

      explicit Walker(GraphBuilder &Builder) : Builder(Builder) {
        ShouldVisitTemplateInstantiations = true;
      }
      bool VisitFunctionDecl(const FunctionDecl *F) override {
        if (F->isThisDeclarationADefinition() && !isLambda(F))
          Function = F;
        return true;
      }
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        // The agents go on in the instance of a generic handler.
        return L->isGenericLambda() && Builder.WaitingHandlers.contains(L)
                   ? TraverseStmt(callOperator(*L)->getBody())
                   : OwnCodeVisitor::TraverseLambdaExpr(L);
      }
      static bool isLambda(const FunctionDecl *F) {
        const auto *Method = dyn_cast<CXXMethodDecl>(F);
        return Method && Method->getParent()->isLambda();
      }
      void noteStatement(const Stmt *S) { Statements.insert(statementCall(S)); }
      bool VisitCompoundStmt(const CompoundStmt *S) override {
        for (const Stmt *Child : S->body())
          noteStatement(Child);
        return true;
      }
      bool VisitIfStmt(const IfStmt *S) override {
        noteStatement(S->getThen());
        noteStatement(S->getElse());
        return true;
      }
      bool VisitSwitchCase(const SwitchCase *S) override {
        noteStatement(S->getSubStmt());
        return true;
      }
      bool VisitCallExpr(const CallExpr *Call) override {
        const Expr *Callee = Call->getCallee()->IgnoreParenImpCasts();
        Callees.insert(Callee);
        if (Builder.Jumps.contains(Call))
          return true;
        const FunctionDecl *Target = Call->getDirectCallee();
        if (State *S =
                Target ? Builder.Graph.find(definitionOf(Target)) : nullptr)
          Builder.Graph.Starts[S].push_back(
              {Call, Function, Statements.contains(Call)});
        return true;
      }
      bool mention(const Expr *E, const ValueDecl *D) {
        const auto *F = dyn_cast<FunctionDecl>(D);
        State *S = F ? Builder.Graph.find(definitionOf(F)) : nullptr;
        if (S && !Callees.contains(E) && !Builder.BoundReferences.contains(E))
          Builder.Graph.AddressTaken.insert({S, E->getBeginLoc()});
        return true;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        return mention(E, E->getDecl());
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        return mention(E, E->getMemberDecl());
      }
      bool VisitExpr(const Expr *E) override {
        if (DeclarationName Name = namedInTemplate(*E))
          for (const auto &S : Builder.Graph.States)
            S->HasToStay |= S->Function->getDeclName() == Name &&
                            isReadForTemplate(*S->Function);
        return true;
      }
    };
    Walker W(*this);
    forEachOwnDecl(Text, [&](const Decl *D) { W.TraverseDecl(D); });
    for (const auto &S : Graph.States)
      if (S->Beside)
        Graph.Starts[S.get()].push_back({S->Beside, S->Function, true});
  }

  const SourceText &Text;
  const PatternList &Patterns;
  const Colours &Colour;
  FoundOperations Found;
  StateGraph Graph;
  std::vector<State *> Pending;
  SmallPtrSet<const FunctionDecl *, 16> Reaching;
  SmallPtrSet<const CallExpr *, 16> Jumps;
  /// Variables that hold a handler until its operation starts.
  SmallPtrSet<const VarDecl *, 4> StoredHandlers;
  /// Call operators that are handlers of other objects' operations.
  SmallPtrSet<const FunctionDecl *, 4> Moved;
  /// Members of handlers that are the object that starts the operation.
  SmallPtrSet<const ValueDecl *, 4> Selves;
  /// The lambdas in which an agent goes on.
  SmallPtrSet<const LambdaExpr *, 16> WaitingHandlers;
  /// Where handlers name the function that they call.
  SmallPtrSet<const Expr *, 8> BoundReferences;
  DenseMap<const FunctionDecl *, KnownOwner> Owners;
  RequestOwners OwnersKnown{Text};
  /// Declarations of variables that nothing is left of.
  SmallPtrSet<const Stmt *, 4> GoneOwners;
  /// The callback parameters of the current state and the captures that carry
  /// them into handlers: the way in which a call of it ends.
  DenseMap<const ValueDecl *, unsigned> Callbacks;
  /// The same for what the callback is given back.
  SmallPtrSet<const ValueDecl *, 4> Contexts;
  CallSet &Kept;
  State *Current = nullptr;
  /// Behind the innermost switch that is read there is nothing but the end.
  bool SwitchIsLast = false;
};

/// Agents go on in the object that a callback finds by its request. That is no
/// help where the callback is called otherwise, where an agent that starts in
/// it has no object of its own, or where what is joined does not convert. Adds
/// the callbacks that are not to be believed, and says whether there are any.
bool distrust(const StateGraph &Graph, const SourceText &Text,
              FunctionSet &Distrusted) {
  FunctionSet Used, Wrong;
  auto AddThrough = [](const State &S, FunctionSet &To) {
    forEachStep(S.Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump && Step.Through)
        To.insert(Step.Through);
    });
  };
  for (const auto &S : Graph.States)
    AddThrough(*S, Used);
  if (Used.empty())
    return false;
  for (const auto &S : Graph.States) {
    if (Graph.Starts.contains(S.get()) || Graph.AddressTaken.contains(S.get()))
      if (!S->IsPart)
        Wrong.insert(S->Function);
    forEachStep(S->Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump && Step.Source && !Step.Target->IsPart)
        Wrong.insert(Step.Target->Function);
    });
  }
  for (const Agent &A : planAgents(Graph, Text)) {
    const auto *Method = dyn_cast<CXXMethodDecl>(A.Entry->Function);
    if (!A.Why && Method && Method->isInstance())
      continue;
    for (const State *S : A.States)
      AddThrough(*S, Wrong);
  }
  bool Changed = false;
  for (const FunctionDecl *F : Wrong)
    if (Used.contains(F))
      Changed |= Distrusted.insert(F).second;
  return Changed;
}

} // namespace

BuiltGraph buildStateGraph(const SourceText &Text, const PatternList &Patterns,
                           bool Propagate) {
  FunctionSet Distrusted;
  CallSet Kept;
  Colours Colour(Propagate);
  for (;;) {
    for (const auto &P : Patterns)
      P->read(Text);
    size_t Before = Kept.size();
    BuiltGraph Built =
        GraphBuilder(Text, Patterns, Distrusted, Colour, Kept).build();
    if (Kept.size() != Before)
      continue;
    bool Changed = false;
    for (const auto &P : Patterns)
      Changed |= P->reconsider(Built.Graph);
    Changed = Changed || distrust(Built.Graph, Text, Distrusted);
    Changed = Changed || Colour.reconsider(Built.Graph, Text);
    if (!Changed)
      return Built;
  }
}

} // namespace coralc
