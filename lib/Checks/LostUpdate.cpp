//===--- LostUpdate.cpp - coral-lost-update -------------------------------===//
//
// Reports state that others can reach and that a coroutine reads before a
// suspension and writes after it as if nothing had happened in between:
// `n = n + co_await f()`, a copy that is changed and written back, and
// `if (!cache) cache = co_await load()`. The warning stands at the write.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {
namespace {

/// A place in memory, as members of members of a variable or of *this.
using Place = llvm::SmallVector<const ValueDecl *, 4>;

/// Fills \p Result with the place that \p E names; false when it names none, or
/// one that only this coroutine can reach.
bool sharedPlace(const Expr *E, Place &Result) {
  E = ignoreWrappers(E);
  if (!E)
    return false;
  if (const auto *Member = dyn_cast<MemberExpr>(E)) {
    const auto *Field = dyn_cast<ValueDecl>(Member->getMemberDecl());
    if (!Field || isa<CXXMethodDecl>(Field))
      return false;
    const Expr *Base = Member->getBase()->IgnoreParenImpCasts();
    bool Shared = isa<CXXThisExpr>(Base) || sharedPlace(Base, Result);
    // Behind a pointer is what others have, too.
    if (!Shared && Member->isArrow() && isa<DeclRefExpr>(Base)) {
      Result.push_back(cast<DeclRefExpr>(Base)->getDecl());
      Shared = true;
    }
    Result.push_back(Field);
    return Shared && !Field->getType().isConstQualified();
  }
  if (const auto *Deref = dyn_cast<UnaryOperator>(E))
    if (Deref->getOpcode() == UO_Deref)
      if (const auto *Ref = dyn_cast<DeclRefExpr>(
              Deref->getSubExpr()->IgnoreParenImpCasts())) {
        Result.push_back(Ref->getDecl());
        return true;
      }
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  if (!Variable || Variable->getType().isConstQualified())
    return false;
  Result.push_back(Variable);
  if (Variable->hasGlobalStorage())
    return Variable->getTLSKind() == VarDecl::TLS_None;
  return Ref->refersToEnclosingVariableOrCapture() ||
         (isa<ParmVarDecl>(Variable) &&
          Variable->getType()->isLValueReferenceType() &&
          !Variable->getType().getNonReferenceType().isConstQualified());
}

bool names(const Expr *E, const Place &Wanted) {
  Place Found;
  return sharedPlace(E, Found) && Found == Wanted;
}

bool isAwait(const Stmt &Node) {
  return isa<CoroutineSuspendExpr, DependentCoawaitExpr>(Node);
}

bool suspends(const Stmt *Root) { return anyStatement(Root, isAwait); }

/// A write to a shared place: `x = e`, `x.emplace(e)`, `x[k] = e`.
struct Write {
  const Expr *Target = nullptr;
  const Expr *Value = nullptr;
};

/// The container of which \p Target is an element; else \p Target.
const Expr *withoutSubscript(const Expr *Target) {
  Target = ignoreWrappers(Target);
  const auto *Element = dyn_cast_or_null<CXXOperatorCallExpr>(Target);
  return Element && Element->getOperator() == OO_Subscript ? Element->getArg(0)
                                                           : Target;
}

Write writeIn(const Stmt &Node) {
  if (const auto *Assign = dyn_cast<BinaryOperator>(&Node))
    if (Assign->getOpcode() == BO_Assign)
      return {withoutSubscript(Assign->getLHS()), Assign->getRHS()};
  if (const auto *Assign = dyn_cast<CXXOperatorCallExpr>(&Node))
    if (Assign->getOperator() == OO_Equal && Assign->getNumArgs() == 2)
      return {withoutSubscript(Assign->getArg(0)), Assign->getArg(1)};
  if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node))
    if (llvm::StringSwitch<bool>(calleeName(*Call))
            .Cases({"emplace", "insert", "try_emplace"}, true)
            .Cases({"insert_or_assign", "reset"}, true)
            .Default(false) &&
        Call->getNumArgs())
      return {Call->getImplicitObjectArgument(),
              Call->getArg(Call->getNumArgs() - 1)};
  return {};
}

class Finder {
public:
  Finder(TranslationUnit &Unit, const FunctionDecl &Function)
      : Unit(Unit), Sources(Unit.context().getSourceManager()),
        Function(Function) {
    for (const SuspensionPoint &Point :
         suspensionPoints(Function, Unit.types()))
      if (Point.Kind == SuspensionPoint::Await ||
          Point.Kind == SuspensionPoint::DependentAwait)
        Awaits.push_back(Point.Where);
  }

  void check() {
    if (Awaits.empty() || holdsLock())
      return;
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *If = dyn_cast<IfStmt>(&Node))
        visitIf(*If);
      else if (Write Found = writeIn(Node); Found.Target)
        visitWrite(Found);
      return false;
    });
  }

private:
  /// Under a lock of coroutines nobody else gets between.
  bool holdsLock() const {
    auto IsLock = [&](const Decl *Declared) {
      const auto *Variable = dyn_cast<VarDecl>(Declared);
      return Variable && recordOf(Variable->getType()) &&
             (Unit.types().isLockLike(Variable->getType()) ||
              Unit.types().plays(Role::AsyncLock, Variable->getType()) ||
              Unit.types().plays(Role::ThreadLock, Variable->getType()));
    };
    return llvm::any_of(Function.parameters(), IsLock) ||
           anyStatement(bodyOf(Function), [&](const Stmt &Node) {
             if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
               return llvm::any_of(Declaration->decls(), IsLock);
             // `co_await mutex.lock();`
             const auto *Call = dyn_cast<CallExpr>(&Node);
             return Call && calleeName(*Call).contains_insensitive("lock");
           });
  }

  bool before(SourceLocation A, SourceLocation B) const {
    return Sources.isBeforeInTranslationUnit(A, B);
  }

  bool suspendsBetween(SourceLocation From, SourceLocation To) const {
    return llvm::any_of(Awaits, [&](SourceLocation Await) {
      return before(From, Await) && before(Await, To);
    });
  }

  std::string nameOf(const Place &Of) const {
    return "'" + Of.back()->getNameAsString() + "'";
  }

  /// `x = x + co_await e`, and `auto n = x; ... co_await ...; x = n + 1;`
  void visitWrite(const Write &Found) {
    Place Target;
    if (!sharedPlace(Found.Target, Target))
      return;
    SourceLocation Where = Found.Target->getExprLoc();
    const Expr *Read = readBeforeAwait(Found.Value, Target);
    if (Read)
      return report(Where, Target, Read->getExprLoc(),
                    "may lose what others do to it meanwhile: its old value is "
                    "read before the suspension in this expression; await "
                    "first, into a variable");
    // A local copy from before a suspension.
    const VarDecl *Copy = nullptr;
    anyStatement(Found.Value, [&](const Stmt &Node) {
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
      if (Variable && isStaleCopy(*Variable, Target, Where))
        Copy = Variable;
      return Copy != nullptr || isAwait(Node);
    });
    if (Copy)
      report(Where, Target, Copy->getLocation(),
             "is overwritten with what it was before a suspension, and what "
             "others did to it meanwhile is lost; read it again after the "
             "suspension");
  }

  /// Is \p Variable a copy of \p Target that is taken before a suspension and
  /// written back at \p Where, after it?
  bool isStaleCopy(const VarDecl &Variable, const Place &Target,
                   SourceLocation Where) const {
    if (!Variable.hasLocalStorage() || isa<ParmVarDecl>(Variable) ||
        Variable.getType()->isReferenceType() ||
        !Variable.getType()->isArithmeticType() ||
        !names(Variable.getInit(), Target) ||
        !suspendsBetween(Variable.getLocation(), Where))
      return false;
    // Taken again, or compared with what is there now.
    return !anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Assign = dyn_cast<BinaryOperator>(&Node)) {
        const auto *Ref =
            dyn_cast<DeclRefExpr>(Assign->getLHS()->IgnoreParenImpCasts());
        if (Assign->getOpcode() == BO_Assign && Ref &&
            Ref->getDecl() == &Variable)
          return true;
        return Assign->isComparisonOp() &&
               (names(Assign->getLHS(), Target) ||
                names(Assign->getRHS(), Target)) &&
               before(Variable.getLocation(), Assign->getExprLoc());
      }
      return false;
    });
  }

  /// The first read of \p Target in \p Value, if a suspension of the same
  /// expression comes after it.
  static const Expr *readBeforeAwait(const Expr *Value, const Place &Target) {
    const Expr *Read = nullptr;
    bool Awaits = anyStatement(Value, [&](const Stmt &Node) {
      if (isAwait(Node))
        return true;
      const auto *E = dyn_cast<Expr>(&Node);
      if (!Read && E && isa<DeclRefExpr, MemberExpr, UnaryOperator>(E) &&
          names(E, Target))
        Read = E;
      return false;
    });
    return Awaits ? Read : nullptr;
  }

  /// `if (!x) x = co_await make();`
  void visitIf(const IfStmt &If) {
    Place Asked;
    if (!If.getCond() || suspends(If.getCond()) ||
        !asksForAbsence(If.getCond(), Asked) || !suspends(If.getThen()))
      return;
    bool Suspended = false, Decided = false;
    anyStatement(If.getThen(), [&](const Stmt &Node) {
      if (Decided)
        return true;
      if (const auto *Inner = dyn_cast<IfStmt>(&Node)) {
        // Asked again.
        Place Again;
        bool Inverted = mentions(Inner->getCond(), Asked);
        Decided |= Inverted;
        return Decided;
      }
      Write Found = writeIn(Node);
      if (Found.Target && names(Found.Target, Asked)) {
        Decided = true;
        if (Suspended || suspends(Found.Value))
          report(Found.Target->getExprLoc(), Asked, If.getCond()->getExprLoc(),
                 "may have been set by another coroutine since it was tested, "
                 "before the suspension; test it again, or keep what is being "
                 "made so that others can await it");
        return true;
      }
      Suspended |= isAwait(Node);
      return false;
    });
  }

  static bool mentions(const Stmt *Root, const Place &Wanted) {
    return anyStatement(Root, [&](const Stmt &Node) {
      const auto *E = dyn_cast<Expr>(&Node);
      return E && isa<DeclRefExpr, MemberExpr, UnaryOperator>(E) &&
             names(E, Wanted);
    });
  }

  /// Is \p Condition true when nothing is in some shared place: `!x`,
  /// `x == nullptr`, `!x.has_value()`, `!x.contains(k)`?
  static bool asksForAbsence(const Expr *Condition, Place &Asked) {
    bool Negated = false;
    Condition = Condition->IgnoreParenImpCasts();
    while (const auto *Not = dyn_cast<UnaryOperator>(Condition)) {
      if (Not->getOpcode() != UO_LNot)
        break;
      Negated = !Negated;
      Condition = Not->getSubExpr()->IgnoreParenImpCasts();
    }
    if (const auto *Compare = dyn_cast<BinaryOperator>(Condition))
      return !Negated && Compare->getOpcode() == BO_EQ &&
             isNull(Compare->getRHS()) && sharedPlace(Compare->getLHS(), Asked);
    if (const auto *Compare = dyn_cast<CXXOperatorCallExpr>(Condition))
      return !Negated && Compare->getOperator() == OO_EqualEqual &&
             isNull(Compare->getArg(1)) &&
             sharedPlace(Compare->getArg(0), Asked);
    if (const auto *Call = dyn_cast<CXXMemberCallExpr>(Condition)) {
      bool Empty = calleeName(*Call) == "empty";
      bool Present =
          isa_and_nonnull<CXXConversionDecl>(Call->getMethodDecl()) ||
          llvm::StringSwitch<bool>(calleeName(*Call))
              .Cases({"has_value", "contains", "count"}, true)
              .Default(false);
      return (Empty ? !Negated : Present && Negated) &&
             sharedPlace(Call->getImplicitObjectArgument(), Asked);
    }
    return Negated && sharedPlace(Condition, Asked);
  }

  static bool isNull(const Expr *E) {
    E = E->IgnoreParenImpCasts();
    return isa<CXXNullPtrLiteralExpr, GNUNullExpr>(E) ||
           E->getType().getAsString().find("nullopt") != std::string::npos;
  }

  void report(SourceLocation Where, const Place &What, SourceLocation Read,
              const std::string &Why) {
    Unit.report(Where, nameOf(What) + " " + Why).note(Read, "read here");
  }

  TranslationUnit &Unit;
  const SourceManager &Sources;
  const FunctionDecl &Function;
  llvm::SmallVector<SourceLocation, 8> Awaits;
};

} // namespace

static void checkLostUpdate(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function))
      Finder(Unit, *Function).check();
}

static const RegisterCheck
    Register("coral-lost-update", 1,
             "shared state that is read before a suspension and written after",
             checkLostUpdate);

} // namespace coralc
