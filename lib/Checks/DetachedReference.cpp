//===--- DetachedReference.cpp - coral-detached-reference -----------------===//
//
// Reports tasks that are started with nobody to wait for them and refer to
// locals of the function that starts them, which may return first. The warning
// stands at what is referred to, or at the start for what a closure captures.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Loans.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;

namespace coralc {
namespace {

using Names = llvm::SmallPtrSet<const ValueDecl *, 8>;

/// The variables and members that are named below \p Root, captured ones
/// included.
void collectNames(const Stmt *Root, Names &Found) {
  anyStatement(Root, [&](const Stmt &Node) {
    if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
      if (isa<VarDecl, BindingDecl>(Ref->getDecl()))
        Found.insert(Ref->getDecl());
    } else if (const auto *Member = dyn_cast<MemberExpr>(&Node)) {
      if (isa<FieldDecl>(Member->getMemberDecl()))
        Found.insert(Member->getMemberDecl());
    } else if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
      for (const LambdaCapture &Capture : Lambda->captures())
        if (Capture.capturesVariable())
          Found.insert(Capture.getCapturedVar());
    }
    return false;
  });
}

bool names(const Stmt *Root, const Names &Wanted) {
  Names Found;
  collectNames(Root, Found);
  return llvm::any_of(Found,
                      [&](const ValueDecl *D) { return Wanted.contains(D); });
}

/// Does the function wait for what it started, as far as one can see?
///
/// What is waited for is not known, but it shows in names: whoever waits names
/// the scope or executor that the task was given to, or awaits something that
/// the task was given as well (a latch, a channel, an event).
class WaitFinder {
public:
  WaitFinder(const SuspensionCFG &Flow, const CallExpr &Taker,
             CoroutineTypes &Types)
      : Flow(Flow), Taker(Taker), Types(Types) {
    collectNames(&Taker, Given);
    for (const Expr *Argument : Taker.arguments())
      if (!Types.lookup(Argument->getType()) &&
          !(recordOf(Argument->getType()) &&
            recordOf(Argument->getType())->isLambda()))
        collectNames(Argument, Hosts);
    collectNames(Taker.getCallee(), Hosts);
    // An executor stands for the context that it was made of.
    for (const ValueDecl *Host : Names(Hosts)) {
      if (const auto *Variable = dyn_cast<VarDecl>(Host))
        collectNames(Variable->getInit(), Hosts);
      else if (const auto *Field = dyn_cast<FieldDecl>(Host))
        collectNames(Field->getInClassInitializer(), Hosts);
    }
  }

  /// Is there a way from the start to the end of the function on which nothing
  /// waits?
  bool mayMiss() {
    for (const CFGBlock *Block : Flow.cfg())
      for (auto Element = Block->begin(); Element != Block->end(); ++Element)
        if (std::optional<CFGStmt> Node = Element->getAs<CFGStmt>();
            Node && Node->getStmt() == &Taker)
          return missesFrom(*Block, Element + 1);
    return false;
  }

private:
  bool missesFrom(const CFGBlock &Start, CFGBlock::const_iterator Element) {
    if (waits(Element, Start.end()))
      return false;
    llvm::SmallPtrSet<const CFGBlock *, 16> Seen;
    llvm::SmallVector<const CFGBlock *, 16> Todo(Start.succ_begin(),
                                                 Start.succ_end());
    while (!Todo.empty()) {
      const CFGBlock *Block = Todo.pop_back_val();
      if (!Block || !Seen.insert(Block).second)
        continue;
      if (Block == &Flow.cfg().getExit())
        return true;
      if (!waits(Block->begin(), Block->end()))
        Todo.append(Block->succ_begin(), Block->succ_end());
    }
    return false;
  }

  bool waits(CFGBlock::const_iterator From, CFGBlock::const_iterator To) {
    for (; From != To; ++From)
      if (std::optional<CFGStmt> Node = From->getAs<CFGStmt>())
        if (isWait(*Node->getStmt()))
          return true;
    return false;
  }

  bool isWait(const Stmt &Node) {
    if (isa<CoroutineSuspendExpr, DependentCoawaitExpr>(Node))
      return names(&Node, Given);
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    if (Types.calls(Role::JoiningBridge, Call) ||
        Types.calls(Role::Blocking, Call))
      return true;
    return usesHost(*Call, Hosts) || waitsInside(*Call);
  }

  /// A member function of one of \p Among is called: io.run().
  bool usesHost(const CallExpr &Call, const Names &Among) const {
    const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
    if (!Member || Types.lookup(Member->getType()))
      return false;
    const Expr *Object =
        Member->getImplicitObjectArgument()->IgnoreParenImpCasts();
    if (const auto *Ref = dyn_cast<DeclRefExpr>(Object))
      return Among.contains(Ref->getDecl());
    const auto *Field = dyn_cast<MemberExpr>(Object);
    return Field && Among.contains(Field->getMemberDecl());
  }

  /// A function whose body is there does so with a member, or with what it is
  /// passed.
  bool waitsInside(const CallExpr &Call) const {
    const FunctionDecl *Callee = Call.getDirectCallee();
    const FunctionDecl *Definition = Callee ? Callee->getDefinition() : nullptr;
    const Stmt *Body = Definition ? bodyOf(*Definition) : nullptr;
    if (!Body || isa<CXXOperatorCallExpr>(Call) ||
        Types.calls(Role::Detaching, &Call))
      return false;
    Names Passed = Hosts;
    for (unsigned Index = 0;
         Index < Call.getNumArgs() && Index < Definition->getNumParams();
         ++Index) {
      Names Argument;
      collectNames(Call.getArg(Index), Argument);
      if (llvm::any_of(Argument,
                       [&](const ValueDecl *D) { return Hosts.contains(D); }))
        Passed.insert(Definition->getParamDecl(Index));
    }
    return anyStatement(Body, [&](const Stmt &Node) {
      const auto *Inner = dyn_cast<CallExpr>(&Node);
      return Inner && usesHost(*Inner, Passed);
    });
  }

  const SuspensionCFG &Flow;
  const CallExpr &Taker;
  CoroutineTypes &Types;
  Names Given;
  /// What the task was given to, not what it was given.
  Names Hosts;
};

/// \p Variable is an execution context or a scope that dies with its function,
/// or was made of one.
bool isLocalContext(const VarDecl &Variable) {
  const CXXRecordDecl *Record = recordOf(Variable.getType());
  if (!Record || Variable.getType()->isReferenceType() ||
      !Variable.hasLocalStorage())
    return false;
  // An executor can be copied, and refers to the context that it is of. A
  // context or a scope cannot.
  if (!isCopyable(*Record))
    return true;
  // The caller's handle is of a context of the caller's.
  if (isa<ParmVarDecl>(Variable) || !Variable.hasInit())
    return !isa<ParmVarDecl>(Variable);
  Names Of;
  collectNames(Variable.getInit(), Of);
  return llvm::any_of(Of, [&](const ValueDecl *D) {
    const auto *From = dyn_cast<VarDecl>(D);
    return From && From != &Variable && isLocalContext(*From);
  });
}

/// Is the task given to something that is gone, or waits, before the function
/// has returned: an execution context or a scope that is a local itself?
bool diesWithFunction(const CallExpr &Taker, const Loan &Lent,
                      CoroutineTypes &Types) {
  auto IsLocal = [&](const Expr *Value) {
    if (!Value || Value == Lent.Creation || Types.lookup(Value->getType()) ||
        !recordOf(Value->getType()) || recordOf(Value->getType())->isLambda() ||
        storageOf(Value).Kind != Storage::Local)
      return false;
    const VarDecl *Variable = storageOf(Value).Variable;
    return !Variable || isLocalContext(*Variable);
  };
  const auto *Member = dyn_cast<CXXMemberCallExpr>(&Taker);
  if (Member && IsLocal(Member->getImplicitObjectArgument()))
    return true;
  return llvm::any_of(Taker.arguments(), IsLocal);
}

void report(TranslationUnit &Unit, const Loan &Lent) {
  const Borrow &What = Lent.What;
  std::string Name = "'" + What.Place.Variable->getNameAsString() + "'";
  const CallExpr *Start = Lent.Fate.Taker ? Lent.Fate.Taker : Lent.Creation;
  SourceLocation Where =
      What.Given ? What.Given->getBeginLoc() : Start->getBeginLoc();
  Diagnosis &Report = Unit.report(
      Where, (What.Kind == Borrow::Closure ? "the closure " + Name : Name) +
                 " may be gone while the task that is started here still uses "
                 "it; wait for the task before this function returns, or let "
                 "the task own it");
  if (What.Use.Suspension.isValid())
    Report.note(What.Use.Suspension, "the task suspends here");
  if (What.Use.Where.isValid())
    Report.note(What.Use.Where, "used here");
}

} // namespace

static void checkDetachedReference(TranslationUnit &Unit) {
  for (const Loan &Lent : Unit.loans()) {
    const CallExpr *Taker = Lent.Fate.Taker ? Lent.Fate.Taker : Lent.Creation;
    if (Lent.What.Place.Kind != Storage::Local ||
        Lent.Fate.Kind != TaskFate::Started || Lent.In->isMain() ||
        (Lent.Fate.Taker && diesWithFunction(*Taker, Lent, Unit.types())))
      continue;
    // A handle that somebody keeps can be waited for.
    ParentMap Parents(const_cast<Stmt *>(bodyOf(*Lent.In)));
    const Stmt *Outer = Parents.getParent(Taker);
    while (isa_and_nonnull<FullExpr, CXXBindTemporaryExpr, ParenExpr>(Outer))
      Outer = Parents.getParent(Outer);
    if (const auto *Cast = dyn_cast_or_null<CastExpr>(Outer);
        Cast && Cast->getCastKind() == CK_ToVoid)
      Outer = Parents.getParent(Cast);
    if (!Outer || isa<Expr, DeclStmt, ReturnStmt>(Outer))
      continue;
    if (auto Flow = SuspensionCFG::build(*Lent.In, Unit.types()))
      if (WaitFinder(*Flow, *Taker, Unit.types()).mayMiss())
        report(Unit, Lent);
  }
}

static const RegisterCheck
    Register("coral-detached-reference", 1,
             "a detached task that refers to locals of whoever starts it",
             checkDetachedReference);

} // namespace coralc
