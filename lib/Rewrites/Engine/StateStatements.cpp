//===--- StateStatements.cpp - From statements to steps -------------------===//

#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/StateBuilder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static bool isEnd(const Step &S) {
  return S.What == Step::Kind::Jump || S.What == Step::Kind::End ||
         S.What == Step::Kind::Leave;
}

/// \p Steps go on behind the switch around them.
static bool leaves(const Sequence &Steps) {
  return any_of(Steps, [](const Step &S) {
    return S.What == Step::Kind::Leave ||
           (S.What == Step::Kind::Branch && (leaves(S.Then) || leaves(S.Else)));
  });
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

static bool endsWithBlock(const Stmt &S) {
  if (const auto *If = dyn_cast<IfStmt>(&S))
    return endsWithBlock(If->getElse() ? *If->getElse() : *If->getThen());
  return isa<CompoundStmt>(S);
}

void StateBuilder::buildState(State &S) {
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

StateBuilder::Position StateBuilder::bodyPosition(const FunctionDecl &F) const {
  return F.getReturnType()->isVoidType() && !isa<CXXConstructorDecl>(F) &&
                 !isVirtual(F) && !isRepeated(F)
             ? Position::Tail
             : Position::NotTail;
}

bool StateBuilder::checkFunction(const FunctionDecl &F) {
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

bool StateBuilder::endSequence(Sequence &Steps, SourceLocation Where) {
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

bool StateBuilder::buildCompound(const CompoundStmt &Body, Position Where,
                                 Sequence &Out, Trivia &Trailing) {
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

bool StateBuilder::buildStatements(ArrayRef<Stmt *> Statements, unsigned &From,
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

bool StateBuilder::returnEndsAgent() const {
  return Current->IsPart || bodyPosition(*Current->Function) == Position::Tail;
}

bool StateBuilder::endsFunction(const Stmt *S) const {
  return isBareReturn(S) || (isa<BreakStmt>(S) && SwitchIsLast);
}

unsigned StateBuilder::takeReturn(const Stmt &Return, unsigned From,
                                  Sequence &Out) {
  std::optional<TextRange> Range = Text.statement(&Return);
  if (!Range)
    return From;
  Trivia Around = Text.trivia(From, Range->Begin);
  addTrailingComment(&Return, *Range, Around);
  keepTrailing(std::move(Around), Out);
  return Range->End;
}

void StateBuilder::keepTrailing(Trivia Trailing, Sequence &Out) {
  if (Trailing.Comments.empty())
    return;
  if (!Out.empty() && isEnd(Out.back())) {
    Out.back().Leading.Comments += Trailing.Comments;
    return;
  }
  if (!Out.empty() && Out.back().What == Step::Kind::Branch && hasEnded(Out)) {
    Step &Branch = Out.back();
    return keepTrailing(std::move(Trailing), Branch.Else);
  }
  Step Comments;
  Comments.Leading = std::move(Trailing);
  Out.push_back(std::move(Comments));
}

void StateBuilder::leadWith(std::string Comments, Sequence &Arm,
                            bool IsElseIf) {
  if (Comments.empty())
    return;
  if (Arm.empty())
    return keepTrailing({std::move(Comments), false}, Arm);
  if (IsElseIf && Arm.front().What == Step::Kind::Branch)
    return leadWith(std::move(Comments), Arm.front().Then);
  Arm.front().Leading.Comments.insert(0, Comments);
}

void StateBuilder::addTrailingComment(const Stmt *S, TextRange Range,
                                      Trivia &Leading, bool IsTested) {
  const auto *E = dyn_cast<Expr>(S);
  if (!isBareReturn(S) && !isa<BreakStmt>(S) && !IsTested && !dropsSelf(S) &&
      !(E && (isInteresting(E) || mayWaitIn(E))))
    return;
  unsigned End = Text.range(S->getSourceRange())->End;
  StringRef Comment = Text.buffer().slice(End, Range.End).ltrim("; \t").rtrim();
  if (Comment.empty())
    return;
  Leading.Comments += (Comment + "\n").str();
}

bool StateBuilder::buildStatement(const Stmt *S, Position Where,
                                  Sequence &Out) {
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

const IfStmt *StateBuilder::asBranch(const Stmt *S) {
  const auto *If = dyn_cast<IfStmt>(S);
  return If && !If->hasInitStorage() && !If->hasVarStorage() &&
                 !If->isConstexpr() && (isInteresting(If) || mayWaitIn(If)) &&
                 !isInteresting(If->getCond())
             ? If
             : nullptr;
}

bool StateBuilder::comesOutOfMacro(const Stmt *S) {
  if (isa<Expr>(S) || !isInteresting(S))
    return false;
  return S->getBeginLoc().isMacroID() ||
         any_of(S->children(), [&](const Stmt *Child) {
           return Child && comesOutOfMacro(Child);
         });
}

bool StateBuilder::refuseControlFlow(const Stmt *S) {
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
  return refuse("unsupported-control-flow", S->getBeginLoc(),
                "an operation starts inside a statement that is neither a "
                "plain call nor an if or a switch; move it into a function of "
                "its own");
}

bool StateBuilder::addCode(const Stmt *S, Sequence &Out) {
  // A callback that is stored or passed on: nothing says when and how often
  // it is called.
  if (mentionsCallback(S))
    return breaksContract();
  for (const ReturnStmt *Return : returnsOf(S)) {
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

bool StateBuilder::buildBranch(const IfStmt &If, Position Where,
                               Sequence &Out) {
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

bool StateBuilder::isHeadInteresting(const SwitchStmt &Switch) {
  return any_of(partsOfHead(Switch),
                [&](const Stmt *Part) { return isInteresting(Part); });
}

bool StateBuilder::leaveSwitch(const Stmt &Break, Sequence &Out) {
  if (SwitchIsLast)
    return endSequence(Out, Break.getBeginLoc());
  Step Leave;
  Leave.What = Step::Kind::Leave;
  Out.push_back(std::move(Leave));
  return true;
}

bool StateBuilder::buildSwitch(const SwitchStmt &Switch, const SwitchArms &Read,
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
      if (!buildArm(Arm, &Arm == &Read.Arms.back(), *From, Result.Arms.back()))
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

bool StateBuilder::buildArm(const SwitchArm &Arm, bool IsLast, unsigned &From,
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

void StateBuilder::takeBreak(const BreakStmt &Break, unsigned &From,
                             Step::Arm &Out) {
  Out.Head.Break = &Break;
  std::optional<TextRange> Range = Text.statement(&Break);
  if (!Range)
    return;
  Trivia Behind;
  addTrailingComment(&Break, *Range, Behind);
  Out.Head.BehindBreak = Behind.Comments;
  From = takeReturn(Break, From, Out.Steps);
}

void StateBuilder::keepHeadComments(const IfStmt &If, Step &Branch) const {
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

std::optional<TextRange> StateBuilder::rangeOfArm(const Stmt &Arm) const {
  return endsWithBlock(Arm) ? Text.range(Arm.getSourceRange())
                            : Text.statement(&Arm);
}

bool StateBuilder::buildArm(const Stmt &Arm, Position Where, Sequence &Out) {
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

} // namespace coralc
