//===--- TaskFate.cpp - What becomes of a task that is made ---------------===//

#include "coralc/Analysis/TaskFate.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/StringSwitch.h"
#include <optional>

using namespace clang;

namespace coralc {
namespace {

/// Climbs from a task to whoever takes it.
class FateFinder {
public:
  FateFinder(const ParentMap &Parents, CoroutineTypes &Types, unsigned Depth)
      : Parents(Parents), Types(Types), Depth(Depth) {}

  TaskFate run(const Expr *Made) {
    const Expr *Task = Made;
    while (true) {
      const Stmt *Parent = Parents.getParent(Task);
      const auto *Outer = dyn_cast_or_null<Expr>(Parent);
      if (!Parent) // The initialiser of a member.
        return done(TaskFate::Kept);
      if (!Outer)
        return atStatement(*Parent, Task);
      if (isAwait(Outer))
        return done(TaskFate::Consumed);
      const Expr *Next = nullptr;
      if (std::optional<TaskFate> Fate = atExpression(*Outer, Task, Next))
        return *Fate;
      if (!Next)
        return TaskFate();
      Task = Next;
    }
  }

  /// What \p Call gives back, if anything, is dropped: nobody can wait.
  bool isLeftAlone(const CallExpr &Call) const {
    if (Call.getType()->isVoidType())
      return true;
    const Stmt *Node = Parents.getParent(&Call);
    while (const auto *Outer = dyn_cast_or_null<Expr>(Node)) {
      if (const auto *Cast = dyn_cast<CastExpr>(Outer);
          Cast && Cast->getCastKind() == CK_ToVoid)
        return true;
      if (ignoreWrappers(Outer) != &Call)
        return false;
      Node = Parents.getParent(Outer);
    }
    return Node && !isa<DeclStmt, ReturnStmt, CoreturnStmt>(Node);
  }

private:
  /// An await, or a part of what one is made of: those stand for its awaiter.
  bool isAwait(const Expr *Outer) const {
    const Stmt *Node = Outer;
    if (isa<OpaqueValueExpr>(Outer))
      while (isa_and_nonnull<Expr>(Node) && !isa<CoroutineSuspendExpr>(Node))
        Node = Parents.getParent(Node);
    return isa_and_nonnull<CoawaitExpr, DependentCoawaitExpr>(Node);
  }

  TaskFate done(TaskFate::KindTy Kind, const VarDecl *Keeper = nullptr) const {
    if (Raced && Kind == TaskFate::Consumed)
      return {TaskFate::Raced, nullptr, Raced};
    return {Kind, Keeper, nullptr};
  }

  /// The value \p Task is all that is left, and nobody wants it.
  TaskFate discarded(const Expr *Task) const {
    const CoroutineType *Type = Types.lookup(Task->getType());
    bool RunsOn = Running || (Type && Type->Start == StartPolicy::Eager &&
                              Type->Release == ReleasePolicy::Detaches);
    return done(RunsOn ? TaskFate::Started : TaskFate::Dropped);
  }

  TaskFate atStatement(const Stmt &Parent, const Expr *Task) const {
    if (isa<ReturnStmt>(Parent))
      return done(TaskFate::Returned);
    if (isa<CoreturnStmt>(Parent) || Wrapped)
      return TaskFate();
    if (const auto *Declaration = dyn_cast<DeclStmt>(&Parent)) {
      for (const Decl *Declared : Declaration->decls())
        if (const auto *Variable = dyn_cast<VarDecl>(Declared);
            Variable && Variable->getInit() == Task)
          return done(TaskFate::Kept,
                      Variable->hasLocalStorage() ? Variable : nullptr);
      return TaskFate();
    }
    return discarded(Task);
  }

  bool holdsTask(QualType Type) const {
    if (Type.isNull())
      return false;
    bool InContainer;
    if (taskTypeIn(Type, Types, InContainer))
      return true;
    const CoroutineType *Facts = Types.lookup(Type);
    return Facts && Facts->Promise && !Facts->Synchronous;
  }

  /// What \p Outer does with \p Task: its fate, or in \p Next the expression
  /// that stands for it from here on.
  std::optional<TaskFate> atExpression(const Expr &Outer, const Expr *Task,
                                       const Expr *&Next) {
    if (isa<ParenExpr, FullExpr, MaterializeTemporaryExpr,
            CXXBindTemporaryExpr>(Outer)) {
      Next = &Outer;
      return std::nullopt;
    }
    if (const auto *Cast = dyn_cast<CastExpr>(&Outer)) {
      if (Cast->getCastKind() == CK_ToVoid)
        return discarded(Task);
      if (Wrapped || holdsTask(Cast->getType()))
        Next = &Outer;
      return std::nullopt;
    }
    if (const auto *Choice = dyn_cast<ConditionalOperator>(&Outer)) {
      if (Choice->getCond() != Task)
        Next = &Outer;
      return std::nullopt;
    }
    if (const auto *Binary = dyn_cast<BinaryOperator>(&Outer)) {
      if (Binary->getOpcode() == BO_Comma) {
        if (Binary->getLHS() == Task)
          return discarded(Task);
        Next = &Outer;
      }
      return std::nullopt;
    }
    if (const auto *Member = dyn_cast<MemberExpr>(&Outer)) {
      const auto *Call =
          dyn_cast_or_null<CXXMemberCallExpr>(Parents.getParent(Member));
      if (Call && Call->getCallee()->IgnoreParens() == Member)
        return atCall(*Call, Task, Next);
      return std::nullopt;
    }
    if (const auto *Call = dyn_cast<CallExpr>(&Outer))
      return atCall(*Call, Task, Next);
    if (isa<CXXNewExpr>(Outer))
      return done(TaskFate::Kept);
    if (isa<CXXConstructExpr, InitListExpr, CXXStdInitializerListExpr,
            CXXParenListInitExpr>(Outer) &&
        holdsTask(Outer.getType()))
      Next = &Outer;
    else if (const auto *Construction = dyn_cast<CXXConstructExpr>(&Outer);
             Construction && takesOver(*Construction, Task)) {
      Wrapped = true;
      Next = &Outer;
    }
    return std::nullopt;
  }

  /// Is \p Task moved into an object of some other class? What that does with
  /// it is not known, but if it is returned, so is the task.
  static bool takesOver(const CXXConstructExpr &Construction,
                        const Expr *Task) {
    const CXXConstructorDecl *Constructor = Construction.getConstructor();
    for (unsigned Index = 0; Index < Construction.getNumArgs(); ++Index)
      if (Construction.getArg(Index) == Task)
        return Index < Constructor->getNumParams() &&
               !Constructor->getParamDecl(Index)
                    ->getType()
                    ->isLValueReferenceType();
    return false;
  }

  std::optional<TaskFate> atCall(const CallExpr &Call, const Expr *Task,
                                 const Expr *&Next) {
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
        Operator && Operator->getOperator() == OO_Equal) {
      if (Operator->getArg(1) == Task)
        return atAssignment(*Operator->getArg(0), Task);
      return std::nullopt;
    }
    if (Types.calls(Role::Detaching, &Call))
      return isLeftAlone(Call) ? TaskFate{TaskFate::Started, nullptr, &Call}
                               : FateFinder(Parents, Types, Depth).run(&Call);
    llvm::StringRef Name = calleeName(Call);
    if (Types.calls(Role::JoiningBridge, &Call) || Name == "await_transform")
      return done(TaskFate::Consumed);
    if (Types.calls(Role::Consuming, &Call))
      return TaskFate();
    Running |= Types.calls(Role::Starting, &Call);
    if (Types.calls(Role::Racing, &Call))
      Raced = &Call;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      if (putsIntoContainer(*Member, Task))
        return done(TaskFate::Kept, localContainer(*Member));
    if (std::optional<TaskFate> Learned = insideCallee(Call, Task))
      return Learned;
    if (holdsTask(Call.getType()))
      Next = &Call;
    return std::nullopt;
  }

  TaskFate atAssignment(const Expr &Target, const Expr *Task) const {
    const Expr *To = Target.IgnoreParenImpCasts();
    if (const auto *Subscript = dyn_cast<CXXOperatorCallExpr>(To);
        Subscript && Subscript->getOperator() == OO_Subscript)
      To = Subscript->getArg(0)->IgnoreParenImpCasts();
    if (const auto *Ref = dyn_cast<DeclRefExpr>(To)) {
      if (Ref->getDecl()->isInStdNamespace())
        return discarded(Task);
      const auto *Variable = dyn_cast<VarDecl>(Ref->getDecl());
      if (Variable && Variable->hasLocalStorage() &&
          !Ref->refersToEnclosingVariableOrCapture())
        return Variable->getType()->isReferenceType()
                   ? TaskFate()
                   : done(TaskFate::Kept, Variable);
      return done(TaskFate::Kept);
    }
    return isa<MemberExpr>(To) ? done(TaskFate::Kept) : TaskFate();
  }

  /// Does \p Call put \p Task into a container of tasks?
  bool putsIntoContainer(const CXXMemberCallExpr &Call,
                         const Expr *Task) const {
    bool Puts = llvm::StringSwitch<bool>(calleeName(Call))
                    .Cases({"push_back", "emplace_back", "push_front"}, true)
                    .Cases({"emplace_front", "push", "emplace"}, true)
                    .Cases({"insert", "try_emplace", "assign"}, true)
                    .Default(false);
    const Expr *Object = Call.getImplicitObjectArgument();
    bool InContainer = false;
    return Puts && Object && Object->IgnoreParenImpCasts() != Task &&
           taskTypeIn(Object->getType().getNonReferenceType(), Types,
                      InContainer) &&
           InContainer;
  }

  /// The local variable that is this container; null when it is another's.
  static const VarDecl *localContainer(const CXXMemberCallExpr &Call) {
    const auto *Ref = dyn_cast<DeclRefExpr>(
        Call.getImplicitObjectArgument()->IgnoreParenImpCasts());
    const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    return Variable && Variable->hasLocalStorage() &&
                   !Variable->getType()->isReferenceType() &&
                   !Ref->refersToEnclosingVariableOrCapture()
               ? Variable
               : nullptr;
  }

  /// What a function whose body is there does with the parameter that \p Task
  /// is passed as, if that is to start it or to wait for it.
  std::optional<TaskFate> insideCallee(const CallExpr &Call, const Expr *Task) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    const FunctionDecl *Body = Callee ? Callee->getDefinition() : nullptr;
    if (!Body || !Depth || holdsTask(Call.getType()) ||
        isa<CXXOperatorCallExpr>(Call))
      return std::nullopt;
    const Stmt *Statements = bodyOf(*Body);
    for (unsigned Index = 0;
         Index < Call.getNumArgs() && Index < Body->getNumParams(); ++Index) {
      if (Call.getArg(Index) != Task || !Statements)
        continue;
      const ParmVarDecl *Parameter = Body->getParamDecl(Index);
      ParentMap Inside(const_cast<Stmt *>(Statements));
      std::optional<TaskFate> Found;
      anyStatement(Statements, [&](const Stmt &Node) {
        const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
        if (!Ref || Ref->getDecl() != Parameter)
          return false;
        TaskFate Fate =
            FateFinder(Inside, Types, Depth - 1).run(moved(Ref, Inside));
        if (Fate.Kind == TaskFate::Started)
          Found = TaskFate{TaskFate::Started, nullptr, &Call};
        else if (Fate.Kind == TaskFate::Kept && !Fate.Keeper)
          Found = Fate;
        else if (Fate.Kind == TaskFate::Consumed && isCoroutine(*Body))
          // Nobody waits for the coroutine that waits for it.
          Found = TaskFate{TaskFate::Started, nullptr, &Call};
        return Found.has_value();
      });
      return Found;
    }
    return std::nullopt;
  }

  /// `std::move(t)`, if that is what \p Ref stands in.
  static const Expr *moved(const Expr *Ref, const ParentMap &Parents) {
    const Expr *Outermost = Ref;
    for (const Stmt *Node = Parents.getParent(Ref);
         const auto *Outer = dyn_cast_or_null<Expr>(Node);
         Node = Parents.getParent(Node)) {
      if (ignoreWrappers(Outer) != Ref)
        break;
      Outermost = Outer;
    }
    return Outermost;
  }

  const ParentMap &Parents;
  CoroutineTypes &Types;
  unsigned Depth;
  /// What waits for the first of several only.
  const CallExpr *Raced = nullptr;
  /// Something has started it.
  bool Running = false;
  /// An object of another class has it.
  bool Wrapped = false;
};

} // namespace

bool isLeftAlone(const CallExpr &Call, const ParentMap &Parents,
                 CoroutineTypes &Types) {
  return FateFinder(Parents, Types, 0).isLeftAlone(Call);
}

TaskFate fateOfTask(const Expr *Made, const ParentMap &Parents,
                    CoroutineTypes &Types) {
  return FateFinder(Parents, Types, 2).run(Made);
}

} // namespace coralc
