//===--- HeldLocks.cpp - Locks held across suspensions --------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Analysis/Ways.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/MapVector.h"
#include <set>

using namespace clang;

namespace coralc {
namespace {

/// What a mention of a lock does to it.
struct LockEvent {
  enum KindTy { Take, GiveBack };
  KindTy Kind;
  SourceLocation Where;
};

/// What member functions of locks do, by their names.
enum class LockCall { Takes, TriesToTake, GivesBack, Other };

LockCall meaningOf(llvm::StringRef Name) {
  if (Name.contains_insensitive("unlock") || Name.starts_with("release") ||
      Name.starts_with("Release") || Name == "reset" || Name == "dismiss")
    return LockCall::GivesBack;
  if (Name.starts_with_insensitive("try"))
    return LockCall::TriesToTake;
  if (Name.starts_with("owns") || Name.starts_with("is"))
    return LockCall::Other;
  // lock, Lock, lock_shared, ReaderLock, lockForRead, relock
  if (Name.contains_insensitive("lock"))
    return LockCall::Takes;
  return LockCall::Other;
}

/// One lock of a function: a guard that is a variable, or a mutex that some
/// expression names.
struct Lock {
  std::string Name;
  /// The guard; null for a mutex.
  const VarDecl *Guard = nullptr;
  SourceLocation TakenAtEntry;
  llvm::DenseMap<const Stmt *, LockEvent> Events;
};

const Stmt *parentOf(const ParentMap &Parents, const Stmt *Node) {
  return Parents.getParentIgnoreParenImpCasts(const_cast<Stmt *>(Node));
}

/// Says whether an expression of a guard's type is a guard that has its lock.
class GuardValue {
public:
  explicit GuardValue(ThreadLocks &Locks) : Locks(Locks) {}

  bool hasLock(const Expr *Value) const {
    Value = ignoreWrappers(Value);
    if (!Value || Value->containsErrors())
      return false;
    if (const auto *Cast = dyn_cast<CXXFunctionalCastExpr>(Value))
      return hasLock(Cast->getSubExpr());
    if (const auto *List = dyn_cast<InitListExpr>(Value))
      return hasLockAmong(List->inits());
    if (const auto *List = dyn_cast<CXXParenListInitExpr>(Value))
      return hasLockAmong(List->getInitExprs());
    if (const auto *Lambda = dyn_cast<LambdaExpr>(Value))
      return hasLockAmong(Lambda->capture_inits());
    if (const auto *Choice = dyn_cast<ConditionalOperator>(Value))
      return hasLock(Choice->getTrueExpr()) && hasLock(Choice->getFalseExpr());
    if (isa<CallExpr>(Value))
      return Value->isPRValue() && Locks.isGuard(Value->getType()) &&
             !unlocksItself(recordOf(Value->getType()));
    if (const auto *Construct = dyn_cast<CXXConstructExpr>(Value))
      return constructs(*Construct);
    // Another guard that is moved here; a dependent construction.
    if (const auto *List = dyn_cast<ParenListExpr>(Value))
      return makes(const_cast<ParenListExpr *>(List)->exprs());
    if (const auto *Unresolved = dyn_cast<CXXUnresolvedConstructExpr>(Value))
      return makes(
          llvm::ArrayRef(Unresolved->arg_begin(), Unresolved->getNumArgs()));
    return false;
  }

private:
  template <class Range> bool hasLockAmong(Range Values) const {
    return llvm::any_of(Values, [&](const Expr *Value) {
      return Value && Locks.isGuard(Value->getType()) && hasLock(Value);
    });
  }

  /// Does a guard made from \p Arguments lock what they name?
  template <class Range> static bool makes(Range Arguments) {
    bool Any = false;
    for (const Expr *Argument : Arguments) {
      if (isa<CXXDefaultArgExpr>(Argument))
        continue;
      QualType Type = Argument->getType();
      const CXXRecordDecl *Record = recordOf(Type);
      // std::defer_lock, and a null pointer for a mutex.
      if (Type->isNullPtrType() ||
          (Record && Record->getIdentifier() &&
           Record->getName().starts_with("defer_lock")))
        return false;
      Any = true;
    }
    return Any;
  }

  bool constructs(const CXXConstructExpr &Construct) const {
    llvm::SmallVector<const Expr *, 4> Arguments(Construct.arguments());
    if (!makes(Arguments))
      return buildsGuard(*Construct.getConstructor());
    // Of a class with a guard in it, what is given tells; or what the
    // constructor does with it.
    const CXXRecordDecl *Record = Construct.getConstructor()->getParent();
    bool Wraps = llvm::any_of(Record->fields(), [&](const FieldDecl *Field) {
      return Locks.isGuard(Field->getType());
    });
    if (!Wraps)
      return true;
    if (!Construct.getConstructor()->hasBody() &&
        Construct.getConstructor()->isUserProvided())
      return llvm::any_of(Arguments, [&](const Expr *Argument) {
        return Locks.isMutex(Argument->getType());
      });
    return hasLockAmong(Construct.arguments()) ||
           buildsGuard(*Construct.getConstructor()) ||
           !Construct.getConstructor()->isUserProvided();
  }

  /// Has \p Record a guard in it that its member functions may unlock? It may
  /// have come unlocked, then.
  bool unlocksItself(const CXXRecordDecl *Record) const {
    if (!Record || llvm::none_of(Record->fields(), [&](const FieldDecl *F) {
          return Locks.isGuard(F->getType());
        }))
      return false;
    return llvm::any_of(Record->methods(), [&](const CXXMethodDecl *Method) {
      if (Method->isImplicit() || Method->isConst() || Method->isStatic() ||
          Method->isDefaulted() || Method->isDeleted() ||
          isa<CXXConstructorDecl, CXXDestructorDecl>(Method))
        return false;
      const Stmt *Body = visibleBody(Method);
      return !Body || anyStatement(Body, [&](const Stmt &Node) {
        const auto *Member = dyn_cast<MemberExpr>(&Node);
        return Member && isa<FieldDecl>(Member->getMemberDecl()) &&
               Locks.isGuard(Member->getType());
      });
    });
  }

  /// Does \p Constructor initialise a guard in its class with a lock?
  bool buildsGuard(const CXXConstructorDecl &Constructor) const {
    return llvm::any_of(
        Constructor.inits(), [&](const CXXCtorInitializer *Init) {
          const auto *Value = dyn_cast_or_null<CXXConstructExpr>(
              ignoreWrappers(Init->getInit()));
          return Value && Value->getNumArgs() &&
                 Locks.isGuard(Value->getType()) && hasLock(Value);
        });
  }

  ThreadLocks &Locks;
};

/// Finds the locks of a function and what is done to each.
class LockCollector {
public:
  LockCollector(const FunctionDecl &Function, ThreadLocks &Locks)
      : Function(Function), Locks(Locks), Value(Locks),
        Parents(const_cast<Stmt *>(bodyOf(Function))) {}

  llvm::MapVector<const void *, Lock> collect() {
    for (const ParmVarDecl *Parameter : Function.parameters())
      if (Locks.isGuard(Parameter->getType()))
        addGuard(*Parameter).TakenAtEntry = Parameter->getLocation();
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Declaration = dyn_cast<DeclStmt>(&Node)) {
        for (const Decl *Declared : Declaration->decls())
          if (const auto *Variable = dyn_cast<VarDecl>(Declared))
            declare(*Variable, *Declaration);
      } else if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node)) {
        callOnMutex(*Call);
      }
      return false;
    });
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
        const auto *Variable = dyn_cast<VarDecl>(Ref->getDecl());
        if (Variable && Found.count(Variable))
          mention(Found[Variable], *Ref);
      } else if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
        capture(*Lambda);
      } else if (const auto *Call = dyn_cast<CallExpr>(&Node)) {
        giveAway(*Call);
      } else if (const auto *Made = dyn_cast<CXXConstructExpr>(&Node)) {
        // A guard may adopt the lock.
        giveArguments(*Made, Made->arguments(), LockEvent::GiveBack);
      }
      return false;
    });
    return std::move(Found);
  }

private:
  Lock &addGuard(const VarDecl &Variable) {
    Lock &Guard = Found[&Variable];
    Guard.Name = Variable.getNameAsString();
    Guard.Guard = &Variable;
    return Guard;
  }

  void declare(const VarDecl &Variable, const DeclStmt &At) {
    if (!Variable.hasLocalStorage() || Variable.isInvalidDecl() ||
        !Locks.isGuard(Variable.getType()))
      return;
    Lock &Guard = addGuard(Variable);
    if (Value.hasLock(Variable.getInit()) || isMovedFromGuard(Variable))
      Guard.Events[&At] = {LockEvent::Take, Variable.getLocation()};
  }

  /// `auto mine = std::move(theirs);` has what the other had at first.
  bool isMovedFromGuard(const VarDecl &Variable) const {
    const auto *Ref =
        dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(Variable.getInit()));
    const auto *Other = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    return Other && Other != &Variable &&
           (isa<ParmVarDecl>(Other) || Value.hasLock(Other->getInit()));
  }

  /// `m.lock()` where m is a mutex.
  void callOnMutex(const CXXMemberCallExpr &Call) {
    const Expr *Object = Call.getImplicitObjectArgument();
    if (!Object || !Call.getMethodDecl() || !isPlace(Object))
      return;
    QualType Type = Object->getType();
    if (Type->isPointerType())
      Type = Type->getPointeeType();
    LockCall Meaning = meaningOf(calleeName(Call));
    if (Meaning == LockCall::Other || !Locks.isMutex(Type))
      return;
    QualType Result = Call.getMethodDecl()->getReturnType();
    if (!Result->isVoidType() && !Result->isBooleanType())
      return;
    Lock &Mutex = Found[keyOf(Object)];
    if (Mutex.Name.empty())
      Mutex.Name = nameOf(Object);
    Mutex.Events[&Call] = {Meaning == LockCall::GivesBack ? LockEvent::GiveBack
                                                          : LockEvent::Take,
                           Call.getExprLoc()};
  }

  /// Names \p E one object, by variables and members only?
  static bool isPlace(const Expr *E) {
    E = E->IgnoreParenImpCasts();
    if (const auto *Member = dyn_cast<MemberExpr>(E))
      return isPlace(Member->getBase());
    if (const auto *Deref = dyn_cast<UnaryOperator>(E))
      return Deref->getOpcode() == UO_Deref && isPlace(Deref->getSubExpr());
    return isa<DeclRefExpr, CXXThisExpr>(E);
  }

  /// The same for two expressions that name the same place.
  const void *keyOf(const Expr *Object) {
    std::vector<const void *> Path;
    while (true) {
      Object = Object->IgnoreParenImpCasts();
      if (const auto *Member = dyn_cast<MemberExpr>(Object)) {
        Path.push_back(Member->getMemberDecl());
        Object = Member->getBase();
      } else if (const auto *Deref = dyn_cast<UnaryOperator>(Object)) {
        Object = Deref->getSubExpr();
      } else {
        break;
      }
    }
    const auto *Ref = dyn_cast<DeclRefExpr>(Object);
    Path.push_back(Ref ? Ref->getDecl() : nullptr);
    return &*Places.insert(std::move(Path)).first;
  }

  static std::string nameOf(const Expr *Object) {
    Object = Object->IgnoreParenImpCasts();
    if (const auto *Member = dyn_cast<MemberExpr>(Object))
      return Member->getMemberDecl()->getNameAsString();
    if (const auto *Deref = dyn_cast<UnaryOperator>(Object))
      return nameOf(Deref->getSubExpr());
    const auto *Ref = dyn_cast<DeclRefExpr>(Object);
    return Ref ? Ref->getDecl()->getNameAsString() : "*this";
  }

  void event(Lock &Of, const Stmt *At, LockEvent::KindTy Kind,
             SourceLocation Where) {
    Of.Events.try_emplace(At, LockEvent{Kind, Where});
  }

  /// What the mention \p Ref of a guard does to it.
  void mention(Lock &Guard, const DeclRefExpr &Ref) {
    const Stmt *Use = &Ref;
    const Stmt *Parent = parentOf(Parents, Use);
    // A member of a class with a guard in it is looked at as the guard is.
    while (isa_and_nonnull<MemberExpr>(Parent) &&
           !isa_and_nonnull<CXXMemberCallExpr>(parentOf(Parents, Parent))) {
      Use = Parent;
      Parent = parentOf(Parents, Parent);
    }
    SourceLocation Where = Ref.getLocation();
    if (const auto *Member = dyn_cast_or_null<MemberExpr>(Parent))
      return call(Guard, *Member, Where);
    if (const auto *Operator = dyn_cast_or_null<CXXOperatorCallExpr>(Parent)) {
      if (Operator->getOperator() == OO_Equal && Operator->getNumArgs() == 2 &&
          Operator->getArg(0)->IgnoreParenImpCasts() == Use)
        return event(Guard, Operator,
                     Value.hasLock(Operator->getArg(1)) ? LockEvent::Take
                                                        : LockEvent::GiveBack,
                     Where);
      if (Operator->getOperator() != OO_Equal)
        return;
    }
    if (const auto *Call = dyn_cast_or_null<CallExpr>(Parent)) {
      if (leavesAlone(*Call, Use))
        return;
    } else if (isa_and_nonnull<CompoundStmt>(Parent) ||
               isa_and_nonnull<CStyleCastExpr>(Parent)) {
      return;
    }
    if (Parent)
      event(Guard, Parent, LockEvent::GiveBack, Where);
    event(Guard, &Ref, LockEvent::GiveBack, Where);
  }

  void call(Lock &Guard, const MemberExpr &Member, SourceLocation Where) {
    const auto *Call =
        dyn_cast_or_null<CXXMemberCallExpr>(parentOf(Parents, &Member));
    const auto *Method = dyn_cast<CXXMethodDecl>(Member.getMemberDecl());
    if (!Call || !Method || !Method->getDeclName().isIdentifier())
      return;
    switch (meaningOf(Method->getName())) {
    case LockCall::GivesBack:
      return event(Guard, Call, LockEvent::GiveBack, Where);
    case LockCall::Takes:
    case LockCall::TriesToTake:
      return event(Guard, Call, LockEvent::Take, Where);
    case LockCall::Other:
      break;
    }
    if (Method->getName() == "swap" || mayGiveBack(*Method))
      event(Guard, Call, LockEvent::GiveBack, Where);
  }

  /// May a member function of a class with a guard in it unlock it?
  bool mayGiveBack(const CXXMethodDecl &Method) const {
    if (Method.isConst() || Method.isStatic() ||
        llvm::none_of(Method.getParent()->fields(), [&](const FieldDecl *F) {
          return Locks.isGuard(F->getType());
        }))
      return false;
    const Stmt *Body = visibleBody(&Method);
    return !Body || anyStatement(Body, [&](const Stmt &Node) {
      const auto *Member = dyn_cast<MemberExpr>(&Node);
      return Member && Locks.isGuard(Member->getType());
    });
  }

  /// Does \p Call, which is given the guard \p Use, leave it locked? Waiting
  /// for a condition does, and what takes it by constant reference.
  bool leavesAlone(const CallExpr &Call, const Stmt *Use) const {
    if (calleeName(Call).starts_with_insensitive("wait"))
      return true;
    const FunctionDecl *Callee = Call.getDirectCallee();
    for (unsigned Index = 0;
         Callee && Index < Call.getNumArgs() && Index < Callee->getNumParams();
         ++Index)
      if (Call.getArg(Index)->IgnoreParenImpCasts() == Use) {
        QualType Type = Callee->getParamDecl(Index)->getType();
        return Type->isLValueReferenceType() &&
               Type.getNonReferenceType().isConstQualified();
      }
    return false;
  }

  /// A closure that has a guard may do anything to it. One that unlocks a
  /// mutex does so when it is called.
  void capture(const LambdaExpr &Lambda) {
    for (const LambdaCapture &Capture : Lambda.captures()) {
      const auto *Variable = Capture.capturesVariable()
                                 ? dyn_cast<VarDecl>(Capture.getCapturedVar())
                                 : nullptr;
      if (Variable && Found.count(Variable))
        event(Found[Variable], &Lambda, LockEvent::GiveBack,
              Lambda.getBeginLoc());
    }
    for (const Expr *Init : Lambda.capture_inits())
      anyStatement(Init, [&](const Stmt &Node) {
        const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
        const auto *Variable =
            Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
        if (Variable && Found.count(Variable))
          event(Found[Variable], &Lambda, LockEvent::GiveBack,
                Lambda.getBeginLoc());
        return false;
      });
  }

  /// Calls that may unlock a mutex without being its unlock(): those with
  /// "unlock" in their name, those of closures and those that are given it.
  void giveAway(const CallExpr &Call) {
    bool TakesAll = calleeName(Call) == "lock" && !isa<CXXMemberCallExpr>(Call);
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
    bool IsClosure = Operator && Operator->getOperator() == OO_Call;
    bool Unlocks = calleeName(Call).contains_insensitive("unlock");
    for (auto &[Key, Mutex] : Found) {
      if (Mutex.Guard)
        continue;
      if (Unlocks || IsClosure)
        event(Mutex, &Call, LockEvent::GiveBack, Call.getExprLoc());
    }
    giveArguments(Call, Call.arguments(),
                  TakesAll ? LockEvent::Take : LockEvent::GiveBack);
  }

  /// \p To gets \p Arguments and does something to the mutexes among them.
  template <class Range>
  void giveArguments(const Expr &To, Range Arguments, LockEvent::KindTy Kind) {
    for (const Expr *Argument : Arguments) {
      const Expr *Given = Argument->IgnoreParenImpCasts();
      if (const auto *Address = dyn_cast<UnaryOperator>(Given);
          Address && Address->getOpcode() == UO_AddrOf)
        Given = Address->getSubExpr()->IgnoreParenImpCasts();
      if (!isPlace(Given) || !Locks.isMutex(Given->getType()))
        continue;
      auto Known = Found.find(keyOf(Given));
      if (Known != Found.end())
        event(Known->second, &To, Kind, To.getExprLoc());
    }
  }

  const FunctionDecl &Function;
  ThreadLocks &Locks;
  GuardValue Value;
  ParentMap Parents;
  llvm::MapVector<const void *, Lock> Found;
  std::set<std::vector<const void *>> Places;
};

/// Follows one lock through the function.
class LockFlow {
public:
  /// Where the lock was taken; invalid while it is not held.
  using State = Ways<SourceLocation>;

  LockFlow(const SuspensionCFG &Flow, const Lock &Of, Conditions &Branches)
      : Flow(Flow), Of(Of), Branches(Branches),
        Context(Flow.function().getASTContext()) {}

  HeldLock run() {
    HeldLock Result{Of.Name, Of.Guard != nullptr, {}, {}};
    auto OnEntry = runForward(Flow.cfg(), *this);
    for (const CFGBlock *Block : Flow.cfg())
      if (std::optional<State> &At = OnEntry[Block->getBlockID()])
        for (const CFGElement &Element : *Block) {
          note(Element, *At, Result);
          transfer(Element, *At);
        }
    llvm::sort(Result.Across, [](const auto *A, const auto *B) {
      return A < B; // one vector holds them all, in source order
    });
    return Result;
  }

  State entry() const { return State(Of.TakenAtEntry); }

  void transfer(const CFGElement &Element, State &At) const {
    if (Of.Guard && endsGuard(Element))
      return At.set({});
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    At.pass(*Node->getStmt(), Branches, Context);
    auto Event = Of.Events.find(Node->getStmt());
    if (Event != Of.Events.end())
      At.set(Event->second.Kind == LockEvent::Take ? Event->second.Where
                                                   : SourceLocation());
  }

  void follow(const CFGBlock &From, unsigned Successor, State &At) const {
    if (const Expr *Condition = Conditions::branchCondition(From)) {
      bool Holds = Successor == 0;
      if (asksForLock(Condition, Holds)) {
        // Whoever tried knows now.
        if (!Holds)
          At.set({});
        return;
      }
    }
    At.follow(From, Successor, Branches);
  }

  static bool join(State &Into, const State &From) { return Into.join(From); }

private:
  void note(const CFGElement &Element, const State &At, HeldLock &Result) {
    const SuspensionPoint *Point = Flow.pointAt(Element);
    auto IsHeld = [](SourceLocation Taken) { return Taken.isValid(); };
    if (!Point || !At.some(IsHeld) || llvm::is_contained(Result.Across, Point))
      return;
    if (Result.Across.empty() || Point < Result.Across.front())
      Result.Taken = *At.first(IsHeld);
    Result.Across.push_back(Point);
  }

  bool endsGuard(const CFGElement &Element) const {
    if (auto Death = Element.getAs<CFGAutomaticObjDtor>())
      return Death->getVarDecl() == Of.Guard;
    if (auto Death = Element.getAs<CFGLifetimeEnds>())
      return Death->getVarDecl() == Of.Guard;
    return false;
  }

  /// Is \p Condition whether the lock was taken? \p Holds then says whether it
  /// was where \p Holds, as given, is the value of the condition.
  bool asksForLock(const Expr *Condition, bool &Holds) const {
    while (true) {
      Condition = Condition->IgnoreParenImpCasts();
      const auto *Not = dyn_cast<UnaryOperator>(Condition);
      if (!Not || Not->getOpcode() != UO_LNot)
        break;
      Holds = !Holds;
      Condition = Not->getSubExpr();
    }
    const auto *Call = dyn_cast<CXXMemberCallExpr>(Condition);
    if (!Call || !Call->getMethodDecl())
      return false;
    if (!Of.Guard)
      return Of.Events.contains(Call) &&
             meaningOf(calleeName(*Call)) == LockCall::TriesToTake;
    const Expr *Object = Call->getImplicitObjectArgument();
    const auto *Ref =
        Object ? dyn_cast<DeclRefExpr>(Object->IgnoreParenImpCasts()) : nullptr;
    if (!Ref || Ref->getDecl() != Of.Guard)
      return false;
    llvm::StringRef Name = calleeName(*Call);
    return isa<CXXConversionDecl>(Call->getMethodDecl()) ||
           Name.starts_with("owns") || Name.starts_with_insensitive("is") ||
           meaningOf(Name) == LockCall::TriesToTake;
  }

  const SuspensionCFG &Flow;
  const Lock &Of;
  Conditions &Branches;
  ASTContext &Context;
};

/// A guard that is a temporary in the operand of an await, and is used there:
/// it lives until the whole expression has been evaluated.
void addTemporaries(const SuspensionCFG &Flow, ThreadLocks &Locks,
                    std::vector<HeldLock> &Found) {
  for (const SuspensionPoint &Point : Flow.points()) {
    const auto *Await =
        dyn_cast_or_null<CoroutineSuspendExpr>(Point.Expression);
    if (!Await || Point.Kind != SuspensionPoint::Await)
      continue;
    anyStatement(Await->getOperand(), [&](const Stmt &Node) {
      const Expr *Object = nullptr;
      if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node))
        Object = Call->getImplicitObjectArgument();
      else if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node);
               Operator && Operator->getNumArgs())
        Object = Operator->getArg(0);
      Object = ignoreWrappers(Object);
      const auto *Made = dyn_cast_or_null<CallExpr>(Object);
      if (!Made || !Made->isPRValue() || !Locks.isGuard(Made->getType()))
        return false;
      Found.push_back(
          {calleeName(*Made).str(), true, Made->getExprLoc(), {&Point}});
      return true;
    });
  }
}

} // namespace

bool mayHoldLocks(const FunctionDecl &Function, ThreadLocks &Locks) {
  if (!isCoroutine(Function))
    return false;
  if (llvm::any_of(Function.parameters(), [&](const ParmVarDecl *P) {
        return Locks.isGuard(P->getType());
      }))
    return true;
  return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
      return llvm::any_of(Declaration->decls(), [&](const Decl *Declared) {
        const auto *Variable = dyn_cast<VarDecl>(Declared);
        return Variable && Locks.isGuard(Variable->getType());
      });
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    if (Call->isPRValue() && Locks.isGuard(Call->getType()))
      return true;
    const auto *Member = dyn_cast<CXXMemberCallExpr>(Call);
    return Member && meaningOf(calleeName(*Member)) == LockCall::Takes;
  });
}

std::vector<HeldLock> findHeldLocks(const SuspensionCFG &Flow,
                                    ThreadLocks &Locks) {
  std::vector<HeldLock> Found;
  auto Collected = LockCollector(Flow.function(), Locks).collect();
  Conditions Branches(Flow.function().getASTContext(), Flow.cfg());
  for (const auto &[Key, Each] : Collected)
    if (HeldLock Held = LockFlow(Flow, Each, Branches).run();
        !Held.Across.empty())
      Found.push_back(std::move(Held));
  addTemporaries(Flow, Locks, Found);
  return Found;
}

} // namespace coralc
