//===--- AbandonedTasks.cpp - Tasks that die in a variable ----------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Conditions.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;

namespace coralc {
namespace {

/// A branch that was taken.
struct Branch {
  const CFGBlock *Block;
  bool Taken;
};

/// One way of getting here. See Awaitedness.h.
struct World {
  enum StatusTy { Empty, Unawaited, Settled };
  StatusTy Status = Empty;
  const Expr *Created = nullptr;
  /// Condition numbers and their values, sorted.
  llvm::SmallVector<std::pair<unsigned, bool>, 4> Known;
  /// The branches taken since the creation. No part of what makes worlds
  /// differ: of several ways to the same world the first one is told.
  llvm::SmallVector<Branch, 4> Path;

  bool sameAs(const World &Other) const {
    return Status == Other.Status && Created == Other.Created &&
           Known == Other.Known;
  }

  std::optional<bool> value(unsigned Condition) const {
    for (auto [Number, Value] : Known)
      if (Number == Condition)
        return Value;
    return std::nullopt;
  }
  void forget(unsigned Condition) {
    llvm::erase_if(Known, [&](auto Entry) { return Entry.first == Condition; });
  }
  void learn(unsigned Condition, bool Value) {
    forget(Condition);
    Known.push_back({Condition, Value});
    llvm::sort(Known);
  }
};

/// Follows one holder through the function.
class HolderFlow {
public:
  struct State {
    llvm::SmallVector<World, 4> Worlds;
    bool Blurred = false;
  };

  HolderFlow(const SuspensionCFG &Flow, const TaskHolder &Holder,
             const ParentMap &Parents, CoroutineTypes &Types,
             Conditions &Branches)
      : Flow(Flow), Holder(Holder), Types(Types), Branches(Branches),
        Context(Flow.function().getASTContext()) {
    collectUses(Parents);
    collectLoops();
  }

  /// Runs the analysis and adds what it finds to \p Found.
  void run(std::vector<AbandonedTask> &Found) {
    auto OnEntry = runForward(Flow.cfg(), *this);
    Out = &Found;
    for (const CFGBlock *Block : Flow.cfg()) {
      std::optional<State> &At = OnEntry[Block->getBlockID()];
      if (At)
        for (const CFGElement &Element : *Block)
          transfer(Element, *At);
    }
    for (AbandonedTask &Task : Found)
      if (Task.Holder == Holder.Name)
        Task.Crossed = Crossed;
  }

  State entry() {
    State Start;
    Start.Worlds.emplace_back();
    return Start;
  }

  void transfer(const CFGElement &Element, State &At) {
    if (endsHolder(Element))
      return end(At, AbandonedTask::Dies, deathLocation(Element));
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    const Stmt *S = Node->getStmt();
    if (const SuspensionPoint *Point = Out ? Flow.pointAt(Element) : nullptr)
      noteCrossing(Point, At);
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      declare(*Declaration, At);
    else if (isa<CXXThrowExpr>(S))
      set(At, World::Settled, nullptr);
    else if (const auto *Assign = dyn_cast<BinaryOperator>(S);
             Assign && Assign->isAssignmentOp())
      assignVariable(*Assign, At);
    else if (const auto *Step = dyn_cast<UnaryOperator>(S);
             Step &&
             (Step->isIncrementDecrementOp() || Step->getOpcode() == UO_AddrOf))
      forgetVariable(Step->getSubExpr(), At);
    if (auto Use = Uses.find(S); Use != Uses.end())
      apply(Use->second, At);
  }

  void follow(const CFGBlock &From, unsigned Successor, State &At) {
    const Expr *Condition = Conditions::branchCondition(From);
    if (!Condition)
      return;
    bool Taken = Successor == 0;
    bool Inverted;
    bool Presence = testsPresence(Condition, Holder.Name, Inverted);
    bool Value = Taken;
    unsigned Number = Branches.number(Condition, Value);
    llvm::erase_if(At.Worlds, [&](World &Way) {
      if (Presence)
        return Way.Status != World::Settled &&
               (Way.Status == World::Unawaited) != (Taken != Inverted);
      if (std::optional<bool> Known = Way.value(Number);
          Known && *Known != Value)
        return true;
      return false;
    });
    for (World &Way : At.Worlds) {
      if (!Presence && Branches.isCorrelated(Number))
        Way.learn(Number, Value);
      if (Way.Status == World::Unawaited && Way.Path.size() < 32)
        Way.Path.push_back({&From, Taken});
    }
    if (!Taken && LoopsOverTasks.contains(From.getTerminatorStmt()))
      for (World &Way : At.Worlds)
        if (Way.Status == World::Unawaited)
          Way.Status = World::Settled;
    normalise(At);
  }

  bool join(State &Into, const State &From) {
    size_t Before = Into.Worlds.size();
    bool WasBlurred = Into.Blurred;
    Into.Blurred |= From.Blurred;
    for (const World &Way : From.Worlds)
      Into.Worlds.push_back(Way);
    normalise(Into);
    return Into.Worlds.size() != Before || Into.Blurred != WasBlurred;
  }

private:
  static constexpr size_t MaxWorlds = 24;

  void collectUses(const ParentMap &Parents) {
    anyStatement(bodyOf(Flow.function()), [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
        for (const LambdaCapture &Capture : Lambda->captures())
          if (Capture.capturesVariable() &&
              (Capture.getCapturedVar() == Holder.Name ||
               Capture.getCapturedVar() == Holder.Owner))
            addUse({TaskUse::Consume, Lambda, nullptr});
        for (const Expr *Init : Lambda->capture_inits())
          anyStatement(Init, [&](const Stmt &Inner) {
            const auto *Ref = dyn_cast<DeclRefExpr>(&Inner);
            if (Ref && Ref->getDecl() == Holder.Name)
              addUse({TaskUse::Consume, Lambda, nullptr});
            return false;
          });
      }
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      if (Ref && Ref->getDecl() == Holder.Name)
        addUse(classifyUse(Ref, Holder.InContainer, Parents, Types));
      return false;
    });
  }

  /// Loops that take the tasks out of a container one by one. When such a loop
  /// has ended there are none left: `i < tasks.size()`, or `i < 3` where three
  /// were put in.
  void collectLoops() {
    if (!Holder.InContainer)
      return;
    anyStatement(bodyOf(Flow.function()), [&](const Stmt &Node) {
      if (!isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(Node))
        return false;
      bool Takes = false, Fills = false;
      anyStatement(&Node, [&](const Stmt &Inner) {
        const auto *Declaration = dyn_cast<DeclStmt>(&Inner);
        Fills |= Declaration &&
                 llvm::is_contained(Declaration->decls(), Holder.Owner);
        if (auto Use = Uses.find(&Inner); Use != Uses.end()) {
          Takes |= Use->second.Kind == TaskUse::Consume;
          Fills |= Use->second.Kind == TaskUse::Put ||
                   Use->second.Kind == TaskUse::Assign;
        }
        return false;
      });
      if (Takes && !Fills)
        LoopsOverTasks.insert(&Node);
      return false;
    });
  }

  void addUse(TaskUse Use) {
    // Saying that a value is not wanted is fine, but a guard is wanted by its
    // nature: without it nothing is held.
    if (Use.Kind == TaskUse::Ignore)
      Use.Kind =
          Holder.Type->ResultIsLockLike ? TaskUse::Observe : TaskUse::Consume;
    Consumed |= Use.Kind == TaskUse::Consume;
    if (Use.Kind != TaskUse::Observe)
      Uses[Use.At] = Use;
  }

  static void normalise(State &At) {
    auto Deduplicate = [&] {
      llvm::SmallVector<World, 4> Distinct;
      for (World &Way : At.Worlds)
        if (llvm::none_of(Distinct,
                          [&](const World &W) { return W.sameAs(Way); }))
          Distinct.push_back(std::move(Way));
      At.Worlds = std::move(Distinct);
    };
    Deduplicate();
    if (At.Worlds.size() <= MaxWorlds && !At.Blurred)
      return;
    At.Blurred = true;
    for (World &Way : At.Worlds)
      Way.Known.clear();
    Deduplicate();
  }

  static void set(State &At, World::StatusTy Status, const Expr *Created) {
    for (World &Way : At.Worlds) {
      Way.Status = Status;
      Way.Created = Created;
      Way.Path.clear();
    }
    normalise(At);
  }

  void declare(const DeclStmt &Declaration, State &At) {
    for (const Decl *Declared : Declaration.decls()) {
      const auto *Variable = dyn_cast<VarDecl>(Declared);
      if (!Variable)
        continue;
      if (Variable == Holder.Owner) {
        if (const Expr *Made = initialCreation(*Variable))
          set(At, World::Unawaited, Made);
        else
          set(At,
              Variable->getInit() && !isDefault(*Variable) ? World::Settled
                                                           : World::Empty,
              nullptr);
      } else {
        setVariable(*Variable, Variable->getInit(), At);
      }
    }
  }

  /// What makes the task of \p Value, if this function does.
  const Expr *madeIn(const Expr *Value, bool InContainer) const {
    return creationIn(Value, Types, InContainer,
                      [&](const DeclRefExpr &Moved) -> const Expr * {
                        const VarDecl *Before = onlyMovedFrom(Moved);
                        return Before ? creationIn(Before->getInit(), Types,
                                                   InContainer)
                                      : nullptr;
                      });
  }

  /// The local variable of which \p Ref is the only mention.
  const VarDecl *onlyMovedFrom(const DeclRefExpr &Ref) const {
    const auto *Before = dyn_cast<VarDecl>(Ref.getDecl());
    if (!Before || !Before->hasLocalStorage() || isa<ParmVarDecl>(Before) ||
        Before->getType()->isReferenceType())
      return nullptr;
    bool Again = anyStatement(bodyOf(Flow.function()), [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
          return C.capturesVariable() && C.getCapturedVar() == Before;
        });
      const auto *Other = dyn_cast<DeclRefExpr>(&Node);
      return Other && Other != &Ref && Other->getDecl() == Before;
    });
    return Again ? nullptr : Before;
  }

  /// What makes the task that the holder is initialised with, if anything.
  const Expr *initialCreation(const VarDecl &Variable) {
    if (!Variable.getInit())
      return nullptr;
    const auto *Bound = dyn_cast<DecompositionDecl>(&Variable);
    if (!Bound)
      return madeIn(Variable.getInit(), Holder.InContainer);
    // A binding of `auto [a, b] = std::tuple{f(), g()}` has an element of its
    // own, if the elements are spelled out.
    if (const auto *Construct =
            dyn_cast<CXXConstructExpr>(ignoreWrappers(Variable.getInit()));
        Construct && Construct->getNumArgs() == Bound->bindings().size())
      for (auto [Binding, Element] :
           llvm::zip(Bound->bindings(), Construct->arguments()))
        if (Binding == Holder.Name)
          return madeIn(Element, /*InContainer=*/true);
    return madeIn(Variable.getInit(), /*InContainer=*/true);
  }

  /// `std::vector<task<>> tasks(3);`
  static bool isCount(const Expr *Argument) {
    return isa<CXXDefaultArgExpr>(Argument) ||
           Argument->getType()->isIntegerType();
  }

  /// Is \p Variable initialised to hold nothing?
  static bool isDefault(const VarDecl &Variable) {
    const Expr *Init = ignoreWrappers(Variable.getInit());
    if (const auto *Construct = dyn_cast_or_null<CXXConstructExpr>(Init))
      return llvm::all_of(Construct->arguments(), isCount) ||
             Construct->getArg(0)->getType()->isNullPtrType() ||
             Construct->getArg(0)->isDefaultArgument() ||
             Construct->getArg(0)->getType().getAsString().find("nullopt") !=
                 std::string::npos;
    if (const auto *List = dyn_cast_or_null<InitListExpr>(Init))
      return List->getNumInits() == 0;
    return false;
  }

  void assignVariable(const BinaryOperator &Assign, State &At) {
    const auto *Ref =
        dyn_cast<DeclRefExpr>(Assign.getLHS()->IgnoreParenImpCasts());
    if (!Ref)
      return;
    if (Assign.getOpcode() == BO_Assign)
      setVariable(*Ref->getDecl(), Assign.getRHS(), At);
    else
      forgetVariable(Ref, At);
  }

  /// \p Variable gets the value \p Value: a constant is known, and conditions
  /// on what it was are not any more.
  void setVariable(const ValueDecl &Variable, const Expr *Value, State &At) {
    for (unsigned Number : Branches.mentioning(&Variable))
      for (World &Way : At.Worlds)
        Way.forget(Number);
    bool Constant;
    if (!Value || Value->isValueDependent() || Value->containsErrors() ||
        !Variable.getType()->isScalarType() ||
        !Value->EvaluateAsBooleanCondition(Constant, Context))
      return normalise(At);
    if (std::optional<unsigned> Number = Branches.plain(&Variable))
      for (World &Way : At.Worlds)
        Way.learn(*Number, Constant);
    normalise(At);
  }

  void forgetVariable(const Expr *Target, State &At) {
    const auto *Ref = dyn_cast<DeclRefExpr>(Target->IgnoreParenImpCasts());
    if (!Ref)
      return;
    for (unsigned Number : Branches.mentioning(Ref->getDecl()))
      for (World &Way : At.Worlds)
        Way.forget(Number);
    normalise(At);
  }

  /// An assignment in a loop that is left out in some rounds may well be made
  /// in one of them only: `if (i == 50) t = start();`.
  static void settleRounds(State &At, const Expr *Made) {
    for (World &Way : At.Worlds)
      if (Made && Way.Created == Made && Way.Path.size() > 1)
        Way.Status = World::Settled;
  }

  void apply(const TaskUse &Use, State &At) {
    switch (Use.Kind) {
    case TaskUse::Observe:
    case TaskUse::Ignore:
      return;
    case TaskUse::Consume:
      return set(At, World::Settled, nullptr);
    case TaskUse::Clear:
      return end(At, AbandonedTask::Cleared, Use.At->getBeginLoc());
    case TaskUse::Assign: {
      const Expr *Made = madeIn(Use.Value, Holder.InContainer);
      settleRounds(At, Made);
      bool Named = isa_and_nonnull<DeclRefExpr>(
          Use.Value ? ignoreWrappers(Use.Value) : nullptr);
      end(At, Named ? AbandonedTask::Replaced : AbandonedTask::Overwritten,
          Use.At->getBeginLoc());
      if (Made)
        set(At, World::Unawaited, Made);
      else
        set(At, World::Settled, nullptr);
      return;
    }
    case TaskUse::Put: {
      const Expr *Made = madeIn(Use.Value, /*InContainer=*/true);
      if (!Made)
        return;
      for (World &Way : At.Worlds)
        if (Way.Status == World::Empty) {
          Way.Status = World::Unawaited;
          Way.Created = Made;
        }
      return normalise(At);
    }
    }
  }

  void noteCrossing(const SuspensionPoint *Point, const State &At) {
    if (llvm::any_of(
            At.Worlds,
            [](const World &Way) { return Way.Status == World::Unawaited; }) &&
        !llvm::is_contained(Crossed, Point))
      Crossed.push_back(Point);
  }

  /// What the holder holds is destroyed at \p Where.
  void end(State &At, AbandonedTask::EndTy How, SourceLocation Where) {
    bool Agreed = llvm::all_of(At.Worlds, [](const World &Way) {
      return Way.Status == World::Unawaited;
    });
    if (Out && (Agreed || !At.Blurred))
      for (const World &Way : At.Worlds)
        if (Way.Status == World::Unawaited)
          report(Way, How, Where);
    set(At, World::Empty, nullptr);
  }

  void report(const World &Way, AbandonedTask::EndTy How,
              SourceLocation Where) {
    if (llvm::any_of(*Out, [&](const AbandonedTask &Known) {
          return Known.Created == Way.Created && Known.Holder == Holder.Name;
        }))
      return;
    const Branch *Missing = missingBranch(Way);
    Out->push_back(
        {How,
         Holder.Name,
         Holder.InContainer,
         Way.Created,
         Holder.Type,
         Where,
         !Consumed,
         Missing ? Conditions::branchCondition(*Missing->Block) : nullptr,
         Missing && Missing->Taken,
         {}});
  }

  /// The last branch on the way whose other side may still consume the task.
  const Branch *missingBranch(const World &Way) {
    for (const Branch &Step : llvm::reverse(Way.Path)) {
      const CFGBlock *Other = *(Step.Block->succ_begin() + Step.Taken);
      const CFGBlock *Chosen = *(Step.Block->succ_begin() + !Step.Taken);
      if (Other && reachesConsumption(Other) &&
          !(Chosen && reachesConsumption(Chosen)))
        return &Step;
    }
    return nullptr;
  }

  static SourceLocation deathLocation(const CFGElement &Element) {
    const Stmt *Trigger =
        Element.getKind() == CFGElement::LifetimeEnds
            ? Element.castAs<CFGLifetimeEnds>().getTriggerStmt()
            : Element.castAs<CFGAutomaticObjDtor>().getTriggerStmt();
    if (!Trigger)
      return {};
    return isa<CompoundStmt>(Trigger) ? Trigger->getEndLoc()
                                      : Trigger->getBeginLoc();
  }

  bool endsHolder(const CFGElement &Element) const {
    if (auto Death = Element.getAs<CFGAutomaticObjDtor>())
      return Death->getVarDecl() == Holder.Owner;
    if (auto Death = Element.getAs<CFGLifetimeEnds>())
      return Death->getVarDecl() == Holder.Owner;
    return false;
  }

  bool reachesConsumption(const CFGBlock *From) {
    llvm::SmallPtrSet<const CFGBlock *, 16> Seen;
    llvm::SmallVector<const CFGBlock *, 16> Todo = {From};
    while (!Todo.empty()) {
      const CFGBlock *Block = Todo.pop_back_val();
      if (!Block || !Seen.insert(Block).second)
        continue;
      bool Ended = false;
      for (const CFGElement &Element : *Block) {
        Ended |= endsHolder(Element);
        if (std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
            !Ended && Node)
          if (auto Use = Uses.find(Node->getStmt());
              Use != Uses.end() && Use->second.Kind == TaskUse::Consume)
            return true;
      }
      if (!Ended)
        for (const CFGBlock *Next : Block->succs())
          Todo.push_back(Next);
    }
    return false;
  }

  const SuspensionCFG &Flow;
  const TaskHolder &Holder;
  CoroutineTypes &Types;
  Conditions &Branches;
  ASTContext &Context;
  llvm::DenseMap<const Stmt *, TaskUse> Uses;
  llvm::SmallPtrSet<const Stmt *, 4> LoopsOverTasks;
  std::vector<const SuspensionPoint *> Crossed;
  bool Consumed = false;
  std::vector<AbandonedTask> *Out = nullptr;
};

} // namespace

std::vector<AbandonedTask> findAbandonedTasks(const SuspensionCFG &Flow,
                                              CoroutineTypes &Types) {
  std::vector<AbandonedTask> Found;
  ParentMap Parents(const_cast<Stmt *>(bodyOf(Flow.function())));
  Conditions Branches(Flow.function().getASTContext(), Flow.cfg());
  for (const TaskHolder &Holder : taskHolders(Flow.function(), Types))
    HolderFlow(Flow, Holder, Parents, Types, Branches).run(Found);
  return Found;
}

} // namespace coralc
