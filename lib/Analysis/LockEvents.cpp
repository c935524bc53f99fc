//===--- LockEvents.cpp - What a function does to locks -------------------===//

#include "coralc/Analysis/LockEvents.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/GuardValues.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/MapVector.h"
#include <set>

using namespace clang;

namespace coralc {

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

QualType ownedType(const VarDecl &Variable) {
  QualType Type = Variable.getType();
  const Expr *Init = Variable.getInit();
  while (const auto *Outer = dyn_cast_or_null<FullExpr>(Init))
    Init = Outer->getSubExpr();
  while (const auto *Cast = dyn_cast_or_null<ImplicitCastExpr>(Init))
    Init = Cast->getSubExpr();
  const auto *Extended = dyn_cast_or_null<MaterializeTemporaryExpr>(Init);
  return Type->isReferenceType() && Extended &&
                 Extended->getExtendingDecl() == &Variable
             ? Type.getNonReferenceType()
             : Type;
}

namespace {

const Stmt *parentOf(const ParentMap &Parents, const Stmt *Node) {
  return Parents.getParentIgnoreParenImpCasts(const_cast<Stmt *>(Node));
}

/// Finds the locks of a function and what is done to each.
class LockCollector {
public:
  LockCollector(const FunctionDecl &Function, ThreadLocks &Locks)
      : Function(Function), Locks(Locks), Values(Locks),
        Parents(const_cast<Stmt *>(bodyOf(Function))) {}

  std::vector<Lock> collect() {
    for (const ParmVarDecl *Parameter : Function.parameters())
      if (Locks.isGuard(Parameter->getType()))
        addGuard(*Parameter).TakenAtEntry = Parameter->getLocation();
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Declaration = dyn_cast<DeclStmt>(&Node)) {
        for (const Decl *Declared : Declaration->decls())
          if (const auto *Variable = dyn_cast<VarDecl>(Declared))
            declare(*Variable);
      } else if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node)) {
        callOnMutex(*Call);
      }
      return false;
    });
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
        const VarDecl *Variable = guardBehind(*Ref->getDecl());
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
    std::vector<Lock> All;
    for (auto &[Key, Each] : Found)
      All.push_back(std::move(Each));
    return All;
  }

private:
  Lock &addGuard(const VarDecl &Variable) {
    Lock &Guard = Found[&Variable];
    Guard.Name = Variable.getNameAsString();
    Guard.Guard = &Variable;
    if (const auto *Bound = dyn_cast<DecompositionDecl>(&Variable))
      for (const BindingDecl *Binding : Bound->bindings())
        if (Guard.Name.empty() && Values.isGuardOrHolder(Binding->getType()))
          Guard.Name = Binding->getNameAsString();
    return Guard;
  }

  void declare(const VarDecl &Variable) {
    if (!Variable.hasLocalStorage() || Variable.isInvalidDecl() ||
        !Values.isGuardOrHolder(ownedType(Variable)))
      return;
    Lock &Guard = addGuard(Variable);
    if (Values.hasLock(Variable.getInit()) ||
        isMovedFromGuard(Variable, Variable.getInit()))
      Guard.TakenAtDeclaration = true;
  }

  /// `auto mine = std::move(theirs);` has what the other had at first, unless
  /// that is unlocked somewhere.
  bool isMovedFromGuard(const VarDecl &Variable, const Expr *Value) const {
    const auto *Ref = dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(Value));
    const auto *Other = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    return Other && Other != &Variable && Locks.isGuard(Other->getType()) &&
           (isa<ParmVarDecl>(Other) || Values.hasLock(Other->getInit())) &&
           !anyStatement(bodyOf(Function), [&](const Stmt &Node) {
             const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node);
             const Expr *Object =
                 Call ? Call->getImplicitObjectArgument() : nullptr;
             const auto *Of = dyn_cast_or_null<DeclRefExpr>(
                 Object ? Object->IgnoreParenImpCasts() : nullptr);
             return Of && Of->getDecl() == Other &&
                    meaningOf(calleeName(*Call)) == LockCall::GivesBack;
           });
  }

  /// What \p Use, the object or an argument of a swap, is swapped with; null if
  /// \p Call is no swap.
  static const Expr *swappedWith(const CallExpr &Call, const Stmt *Use) {
    if (calleeName(Call) != "swap")
      return nullptr;
    const Expr *First = nullptr, *Second = nullptr;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
        Member && Call.getNumArgs() == 1) {
      First = Member->getImplicitObjectArgument();
      Second = Call.getArg(0);
    } else if (!Member && Call.getNumArgs() == 2) {
      First = Call.getArg(0);
      Second = Call.getArg(1);
    }
    if (!First)
      return nullptr;
    return First->IgnoreParenImpCasts() == Use ? Second : First;
  }

  void swap(Lock &Guard, const CallExpr &Call, const Expr *Other,
            SourceLocation Where) {
    event(Guard, &Call,
          isMovedFromGuard(*Guard.Guard, Other) ? LockEvent::Take
                                                : LockEvent::GiveBack,
          Where);
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

  /// The variable whose guard a mention of \p Name uses: itself, or what a
  /// structured binding that is a guard takes apart.
  const VarDecl *guardBehind(const ValueDecl &Name) const {
    const auto *Binding = dyn_cast<BindingDecl>(&Name);
    if (!Binding)
      return dyn_cast<VarDecl>(&Name);
    return Values.isGuardOrHolder(Binding->getType())
               ? dyn_cast_or_null<VarDecl>(Binding->getDecomposedDecl())
               : nullptr;
  }

  /// Does \p Node reach into what has a guard in it: a member, or what a holder
  /// points to?
  static bool reachesInto(const Stmt *Node, const Stmt *Use,
                          const ParentMap &Parents) {
    if (isa_and_nonnull<MemberExpr>(Node))
      return !isa_and_nonnull<CXXMemberCallExpr>(parentOf(Parents, Node));
    const auto *Operator = dyn_cast_or_null<CXXOperatorCallExpr>(Node);
    return Operator &&
           (Operator->getOperator() == OO_Arrow ||
            Operator->getOperator() == OO_Star ||
            Operator->getOperator() == OO_Subscript) &&
           Operator->getArg(0)->IgnoreParenImpCasts() == Use;
  }

  /// What the mention \p Ref of a guard does to it.
  void mention(Lock &Guard, const DeclRefExpr &Ref) {
    const Stmt *Use = &Ref;
    const Stmt *Parent = parentOf(Parents, Use);
    // A member of a class with a guard in it is looked at as the guard is.
    while (reachesInto(Parent, Use, Parents)) {
      Use = Parent;
      Parent = parentOf(Parents, Parent);
    }
    SourceLocation Where = Ref.getLocation();
    if (const auto *Member = dyn_cast_or_null<MemberExpr>(Parent))
      return call(Guard, *Member, Ref);
    if (const auto *Operator = dyn_cast_or_null<CXXOperatorCallExpr>(Parent)) {
      if (Operator->getOperator() == OO_Equal && Operator->getNumArgs() == 2 &&
          Operator->getArg(0)->IgnoreParenImpCasts() == Use)
        return event(Guard, Operator,
                     Values.hasLock(Operator->getArg(1)) ||
                             isMovedFromGuard(*Guard.Guard, Operator->getArg(1))
                         ? LockEvent::Take
                         : LockEvent::GiveBack,
                     Where);
      if (Operator->getOperator() != OO_Equal)
        return;
    }
    if (const auto *Call = dyn_cast_or_null<CallExpr>(Parent)) {
      if (leavesAlone(*Call, Use))
        return;
      if (const Expr *Other = swappedWith(*Call, Use))
        return swap(Guard, *Call, Other, Where);
      if (locksAll(*Call))
        return event(Guard, Call, LockEvent::Take, Where);
    } else if (isa_and_nonnull<CompoundStmt>(Parent) ||
               isa_and_nonnull<CStyleCastExpr>(Parent)) {
      return;
    }
    if (Parent)
      event(Guard, Parent, LockEvent::GiveBack, Where);
    event(Guard, &Ref, LockEvent::GiveBack, Where);
  }

  void call(Lock &Guard, const MemberExpr &Member, const DeclRefExpr &Ref) {
    SourceLocation Where = Ref.getLocation();
    const auto *Call =
        dyn_cast_or_null<CXXMemberCallExpr>(parentOf(Parents, &Member));
    const auto *Method = dyn_cast<CXXMethodDecl>(Member.getMemberDecl());
    if (!Call || !Method || !Method->getDeclName().isIdentifier())
      return;
    if (isPut(Method->getName()) && Values.isHolder(Guard.Guard->getType()))
      return event(
          Guard, Call,
          Values.makesLocked(llvm::SmallVector<const Expr *>(Call->arguments()))
              ? LockEvent::Take
              : LockEvent::GiveBack,
          Where);
    switch (meaningOf(Method->getName())) {
    case LockCall::GivesBack:
      return event(Guard, Call, LockEvent::GiveBack, Where);
    case LockCall::Takes:
    case LockCall::TriesToTake:
      return event(Guard, Call, LockEvent::Take, Where);
    case LockCall::Other:
      break;
    }
    if (const Expr *Other = swappedWith(*Call, &Ref))
      return swap(Guard, *Call, Other, Where);
    if (mayGiveBack(*Method) ||
        (Values.isHolder(Guard.Guard->getType()) && !Method->isConst()))
      event(Guard, Call, LockEvent::GiveBack, Where);
  }

  static bool isPut(llvm::StringRef Name) {
    return Name.starts_with("emplace") || Name.starts_with("push_");
  }

  /// `std::lock(a, b)`
  static bool locksAll(const CallExpr &Call) {
    return calleeName(Call) == "lock" && !isa<CXXMemberCallExpr>(Call);
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
                  locksAll(Call) ? LockEvent::Take : LockEvent::GiveBack);
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
  GuardValues Values;
  ParentMap Parents;
  llvm::MapVector<const void *, Lock> Found;
  std::set<std::vector<const void *>> Places;
};

} // namespace

std::vector<Lock> collectLocks(const FunctionDecl &Function,
                               ThreadLocks &Locks) {
  return LockCollector(Function, Locks).collect();
}

} // namespace coralc
