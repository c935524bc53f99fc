//===--- StateCalls.cpp - What a call is to an agent ----------------------===//

#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Identity.h"
#include "coralc/Rewrites/Engine/StateBuilder.h"
#include "coralc/Rewrites/Engine/Syntax.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static const Expr *argumentFor(const ParmVarDecl &P, const CallExpr &Call) {
  return Call.getArg(P.getFunctionScopeIndex());
}

bool StateBuilder::reachesOperation(const FunctionDecl *F) {
  if (Reaching.contains(F))
    return true;
  // Functions call each other in cycles, so a no holds for this search only.
  SmallPtrSet<const FunctionDecl *, 8> Seen;
  if (!reachesOperation(F, Seen))
    return false;
  Reaching.insert(F);
  return true;
}

bool StateBuilder::reachesOperation(
    const FunctionDecl *F, SmallPtrSetImpl<const FunctionDecl *> &Seen) {
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

bool StateBuilder::isSelf(const Expr *Object) const {
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

const FunctionDecl *StateBuilder::sameObjectCallee(const CallExpr &Call) const {
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (!Callee || isa<CXXOperatorCallExpr>(Call))
    return nullptr;
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    if (!isSelf(Member->getImplicitObjectArgument()))
      return nullptr;
  const FunctionDecl *Definition = definitionOf(Callee);
  return Definition->hasBody() ? Definition : nullptr;
}

std::optional<Delivery> StateBuilder::deliveryOf(const FunctionDecl &F) {
  for (const auto &P : Patterns)
    if (std::optional<Delivery> Delivers = P->matchDelivery(F, Text))
      return Delivers;
  return std::nullopt;
}

bool StateBuilder::isOwned(const FunctionDecl &F) const {
  return any_of(Patterns, [&](const auto &P) { return P->owns(F); });
}

bool StateBuilder::isRepeated(const FunctionDecl &F) const {
  return any_of(Patterns, [&](const auto &P) { return P->isRepeated(F); });
}

const FunctionDecl *StateBuilder::jumpTarget(const CallExpr &Call) {
  const FunctionDecl *Callee = sameObjectCallee(Call);
  if (!Callee || !Callee->getReturnType()->isVoidType() || isVirtual(*Callee) ||
      isReadForTemplate(*Callee) || isOwned(*Callee) ||
      !reachesOperation(Callee) || deliveryOf(*Callee))
    return nullptr;
  return Callee;
}

std::optional<unsigned> StateBuilder::callbackNamedBy(const Expr *E) const {
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(asWritten(E));
  auto Known = Ref ? Callbacks.find(Ref->getDecl()) : Callbacks.end();
  return Known != Callbacks.end() ? std::optional(Known->second) : std::nullopt;
}

bool StateBuilder::mentionsCallback(const Stmt *S) const {
  auto Mentioned = [&](const ValueDecl *D) { return mentions(S, D); };
  return any_of(make_first_range(Callbacks), Mentioned) ||
         any_of(Contexts, Mentioned);
}

bool StateBuilder::isContextSource(const Expr *E) const {
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(asWritten(E));
  return Ref && Contexts.contains(Ref->getDecl());
}

std::optional<unsigned> StateBuilder::deliveredTo(const CallExpr &Call) const {
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

bool StateBuilder::isDeliveryCall(const CallExpr &Call) const {
  return deliveredTo(Call).has_value();
}

std::optional<unsigned>
StateBuilder::callbackCalledBy(const CallExpr &Call) const {
  return callbackSource(calledObject(Call));
}

bool StateBuilder::handsOn(const CallExpr &Call) {
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

bool StateBuilder::deliversTheSame(const Delivery &A, const Delivery &B) const {
  return equal(
      A.Ways, B.Ways,
      [&](const Delivery::Completion &Left, const Delivery::Completion &Right) {
        return deliversTheSame(Left, Right);
      });
}

bool StateBuilder::deliversTheSame(const Delivery::Completion &A,
                                   const Delivery::Completion &B) const {
  return !A.Context == !B.Context && A.ContextArgument == B.ContextArgument &&
         equal(A.Types, B.Types, [&](QualType Left, QualType Right) {
           return Text.context().hasSameType(Left, Right);
         });
}

bool StateBuilder::isWait(const CallExpr &Call) const {
  const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
  return Callee && !Current->Delivers &&
         Colour.mayWait(*Current->Function, *Callee);
}

bool StateBuilder::mayWaitIn(const Stmt *S) const {
  bool Result = false;
  forEachCall(S, [&](const CallExpr &Call) { Result |= isWait(Call); });
  return Result;
}

void StateBuilder::addWait(const CallExpr &Call, Sequence &Out) {
  Step Suspend;
  Suspend.What = Step::Kind::Suspend;
  Suspend.Op = std::make_shared<Operation>();
  Suspend.Op->How = Operation::Form::Task;
  Suspend.Op->Call = &Call;
  Out.push_back(std::move(Suspend));
}

bool StateBuilder::isInteresting(const Stmt *S) {
  bool Result = leavesSwitch(S);
  forEachCall(S, [&](const CallExpr &Call) {
    Result |= Found.Matches.contains(&Call) || isDeliveryCall(Call) ||
              jumpTarget(Call) || handsOn(Call);
  });
  return Result;
}

bool StateBuilder::buildCall(const CallExpr &Call, const Stmt *S,
                             Position Where, Sequence &Out) {
  auto Match = Found.Matches.find(&Call);
  if (Match != Found.Matches.end()) {
    if (Where != Position::Tail && startBeside(Call, Match->second))
      return addCode(S, Out);
    return buildSuspension(Call, Match->second, Where, Out);
  }
  if (std::optional<unsigned> Way = deliveredTo(Call)) {
    if (Where != Position::Tail ||
        (Referring.contains(Current->Function) &&
         any_of(Current->Delivers->Ways[*Way].valuesOf(Call),
                [](const Expr *Value) { return !isOfCallerAlone(*Value); })))
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
    if (Where != Position::Tail || Referring.contains(Current->Function))
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

bool StateBuilder::startsInArguments(const CallExpr &Call) const {
  bool Result = false;
  forEachCall(&Call, [&](const CallExpr &Inner) {
    auto Match = Found.Matches.find(&Inner);
    Result |= &Inner != &Call && Match != Found.Matches.end() &&
              std::holds_alternative<Operation>(Match->second);
  });
  return Result;
}

void StateBuilder::addJump(const FunctionDecl *Target, const CallExpr &Call,
                           const Stmt *S, CallExpr::const_arg_range Arguments,
                           Sequence &Out) {
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

bool StateBuilder::buildSuspension(const CallExpr &Call, OperationMatch &Match,
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

void StateBuilder::requestDelivering(const CallExpr &Call) {
  const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
  if (std::optional<Delivery> Delivers = deliveryOf(*Callee);
      !Delivers || !Delivers->Coroutine)
    request(Callee);
}

bool StateBuilder::buildOperation(const CallExpr &Call, const Operation &Op,
                                  Sequence &Out) {
  if (mentionsCallback(Call.getCallee()) ||
      any_of(Call.arguments(), [&](const Expr *E) {
        return !Op.isHandler(E) && mentionsCallback(E);
      }))
    return breaksContract();
  return Op.Handlers.empty() ? goOn(Op, Out) : goOnInOneOf(Op, Out);
}

bool StateBuilder::goOnInOneOf(const Operation &Op, Sequence &Out) {
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
    copy_if(Received.InitCaptures, std::back_inserter(Suspend.Op->InitCaptures),
            std::not_fn(IsSelf));
    erase_if(Received.InitCaptures, std::not_fn(IsSelf));
  }
  Out.push_back(std::move(Suspend));
  Out.push_back(std::move(Branch));
  return true;
}

bool StateBuilder::handOn(const Operation &Op, Sequence &Out) {
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

bool StateBuilder::goOn(const Operation &Op, Sequence &Out) {
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

std::string StateBuilder::commentsBeforeHandler(const Operation &Op) const {
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
    if (std::optional<TextRange> Range = Text.range(Argument->getSourceRange()))
      Before = Range;
  }
  return Text.comments({Before->End, Handler->Begin});
}

bool StateBuilder::goOnInHandler(const Operation &Op, Sequence &Out) {
  Step Suspend;
  Suspend.What = Step::Kind::Suspend;
  Suspend.Op = std::make_shared<Operation>(Op);
  noteCopies(Op);
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

bool StateBuilder::buildHandler(const Operation &Op, Sequence &Out) {
  const CompoundStmt &Handler = *Op.body();
  Trivia Trailing;
  // The handler's own end is the end of the sequence that goes on here.
  if (!buildCompound(Handler, Position::Tail, Out, Trailing))
    return false;
  keepTrailing(std::move(Trailing), Out);
  return endSequence(Out, Handler.getEndLoc());
}

const CallExpr *StateBuilder::startedBy(const Expr &E) const {
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

bool StateBuilder::buildTested(const TestedStart &Start, Trivia AboveTest,
                               Sequence &Out) {
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

} // namespace coralc
