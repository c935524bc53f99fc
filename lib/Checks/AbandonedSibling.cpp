//===--- AbandonedSibling.cpp - coral-abandoned-sibling -------------------===//
//
// Reports tasks that have started and go on using this frame's locals when the
// frame is left early: because an await before theirs throws, or because they
// lost a race. The warning stands at the local that is borrowed.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Loans.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// Does a coroutine of this type run on when nobody waits for it any more?
bool runsOn(const CoroutineType &Type) {
  return Type.Start == StartPolicy::Eager &&
         Type.Release == ReleasePolicy::Detaches;
}

/// What a started task borrows from the frame that started it.
struct Started {
  const Expr *Creation;
  Borrow What;
};

/// Finds the first await that may throw between the creation of a task and its
/// being awaited. A state says whether the holder holds an unawaited task.
class SiblingFlow {
public:
  using State = bool;

  SiblingFlow(const SuspensionCFG &Flow, const TaskHolder &Holder,
              const ParentMap &Parents, CoroutineTypes &Types)
      : Flow(Flow), Holder(Holder), Parents(Parents), Types(Types) {
    anyStatement(bodyOf(Flow.function()), [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
          Ref && Ref->getDecl() == Holder.Name) {
        TaskUse Use = classifyUse(Ref, Holder.InContainer, Parents, Types);
        if (Use.Kind != TaskUse::Observe)
          Consumes.insert(Use.At);
      } else if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
        Consumes.insert(Lambda);
      }
      return false;
    });
  }

  const SuspensionPoint *run() {
    auto OnEntry = runForward(Flow.cfg(), *this);
    for (const CFGBlock *Block : Flow.cfg()) {
      std::optional<bool> At = OnEntry[Block->getBlockID()];
      if (!At)
        continue;
      for (const CFGElement &Element : *Block) {
        const SuspensionPoint *Point = Flow.pointAt(Element);
        if (*At && Point && mayThrow(*Point) &&
            (!First || Point->Where < First->Where))
          First = Point;
        transfer(Element, *At);
      }
    }
    return First;
  }

  State entry() { return false; }
  void transfer(const CFGElement &Element, State &At) {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    if (const auto *Declaration = dyn_cast<DeclStmt>(Node->getStmt()))
      At |= llvm::is_contained(Declaration->decls(), Holder.Owner);
    if (Consumes.contains(Node->getStmt()))
      At = false;
  }
  void follow(const CFGBlock &, unsigned, State &) {}
  bool join(State &Into, State From) {
    bool Changes = From && !Into;
    Into |= From;
    return Changes;
  }

private:
  /// Awaiting a task hands on what it has thrown; other awaitables, timers and
  /// the like, are not taken to throw. A handler may make it good.
  bool mayThrow(const SuspensionPoint &Point) const {
    const auto *Await = dyn_cast_or_null<CoawaitExpr>(Point.Expression);
    if (!Await || !Await->getOperand())
      return false;
    const Expr *Operand = Await->getOperand();
    const CoroutineType *Type = Types.lookup(Operand->getType());
    if (!Type || Type->Kind != CoroutineKind::Task)
      return false;
    for (const Stmt *Node = Await; Node; Node = Parents.getParent(Node))
      if (isa<CXXTryStmt>(Node))
        return false;
    return true;
  }

  const SuspensionCFG &Flow;
  const TaskHolder &Holder;
  const ParentMap &Parents;
  CoroutineTypes &Types;
  llvm::DenseSet<const Stmt *> Consumes;
  const SuspensionPoint *First = nullptr;
};

class SiblingReporter {
public:
  SiblingReporter(TranslationUnit &Unit, const FunctionDecl &Function)
      : Unit(Unit), Function(Function) {}

  void checkFunction() {
    if (!isCoroutine(Function))
      return;
    std::vector<TaskHolder> Holders = taskHolders(Function, Unit.types());
    llvm::erase_if(Holders, [](const TaskHolder &Holder) {
      return Holder.InContainer || !runsOn(*Holder.Type) ||
             Holder.Name != Holder.Owner;
    });
    if (Holders.empty())
      return;
    ParentMap Parents(const_cast<Stmt *>(bodyOf(Function)));
    std::unique_ptr<SuspensionCFG> Flow;
    for (const TaskHolder &Holder : Holders) {
      std::optional<Started> Task = startedIn(*Holder.Owner);
      if (!Task)
        continue;
      if (!Flow)
        Flow = SuspensionCFG::build(Function, Unit.types());
      if (!Flow)
        return;
      if (const SuspensionPoint *Leaves =
              SiblingFlow(*Flow, Holder, Parents, Unit.types()).run())
        report(*Task, Holder, *Leaves);
    }
  }

private:
  /// The task that \p Variable is initialised with, if it borrows a local that
  /// dies with the frame.
  std::optional<Started> startedIn(const VarDecl &Variable) {
    const Expr *Made = Variable.getInit()
                           ? creationIn(Variable.getInit(), Unit.types(), false)
                           : nullptr;
    const auto *Call = dyn_cast_or_null<CallExpr>(Made);
    if (!Call)
      return std::nullopt;
    for (const Borrow &What : Unit.borrowing().of(*Call))
      if (What.Place.Kind == Storage::Local)
        return Started{Call, What};
    return std::nullopt;
  }

  void report(const Started &Task, const TaskHolder &Holder,
              const SuspensionPoint &Leaves) {
    std::string Name = "'" + Task.What.Place.Variable->getNameAsString() + "'";
    Diagnosis &Report = Unit.report(
        Task.What.Given ? Task.What.Given->getBeginLoc()
                        : Task.Creation->getBeginLoc(),
        "the task in '" + Holder.Name->getNameAsString() + "' goes on using " +
            Name +
            " when an await before its own throws and this frame is gone; "
            "await all of them together");
    Report.note(Leaves.Where, "this await may leave the frame");
    if (Task.What.Use.Where.isValid())
      Report.note(Task.What.Use.Where, "used here");
  }

  TranslationUnit &Unit;
  const FunctionDecl &Function;
};

/// The loser of a race goes on with what it borrowed.
void reportLoser(TranslationUnit &Unit, const Loan &Lent) {
  const Borrow &What = Lent.What;
  std::string Name = What.Place.Variable
                         ? "'" + What.Place.Variable->getNameAsString() + "'"
                         : std::string("a temporary");
  Diagnosis &Report = Unit.report(
      What.Given && What.Given->getBeginLoc().isValid()
          ? What.Given->getBeginLoc()
          : Lent.Creation->getBeginLoc(),
      "the task goes on using " + Name +
          " when it loses the race and this frame is gone; let the task own "
          "it, or wait for the losers");
  Report.note(Lent.Fate.Taker->getBeginLoc(), "this does not wait for all");
  if (What.Use.Where.isValid())
    Report.note(What.Use.Where, "used here");
}

} // namespace

static void checkAbandonedSibling(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl())
      SiblingReporter(Unit, *Function).checkFunction();
  for (const Loan &Lent : Unit.loans())
    if (Lent.Fate.Kind == TaskFate::Raced &&
        (Lent.What.Place.Kind == Storage::Local ||
         Lent.What.Place.Kind == Storage::Temporary) &&
        Lent.Type && runsOn(*Lent.Type))
      reportLoser(Unit, Lent);
}

static const RegisterCheck
    Register("coral-abandoned-sibling", 1,
             "a started task that outlives the frame whose state it uses",
             checkAbandonedSibling);

} // namespace coralc
