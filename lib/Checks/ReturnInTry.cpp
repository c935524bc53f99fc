//===--- ReturnInTry.cpp - coral-return-in-try ----------------------------===//
//
// Reports plain functions that return a task from inside a `try`, or with a
// lock in a local variable: by the time the task runs, the handler and the lock
// are gone. A coroutine that awaits the task there keeps both.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// Does \p Handler do nothing but throw on what it took?
bool onlyRethrows(const CXXCatchStmt &Handler) {
  const auto *Block = dyn_cast_or_null<CompoundStmt>(Handler.getHandlerBlock());
  if (!Block || Block->body_empty())
    return false;
  const Stmt *Last = Block->body_back();
  if (const auto *Cleanups = dyn_cast<ExprWithCleanups>(Last))
    Last = Cleanups->getSubExpr();
  return isa<CXXThrowExpr>(Last) && !anyStatement(Block, [](const Stmt &Node) {
           return isa<ReturnStmt>(Node);
         });
}

/// May evaluating \p Node throw by itself, here and now? Making a value out of
/// others is taken not to.
bool mayThrowNow(const Stmt &Node) {
  if (isa<CXXThrowExpr>(Node))
    return true;
  const auto *Call = dyn_cast<CallExpr>(&Node);
  if (!Call)
    return false;
  if (Call->isTypeDependent())
    return true;
  const FunctionDecl *Callee = Call->getDirectCallee();
  if (!Callee)
    return true;
  const auto *Type = Callee->getType()->getAs<FunctionProtoType>();
  if (Type && Type->isNothrow())
    return false;
  // Getters and the like.
  const auto *Method = dyn_cast<CXXMethodDecl>(Callee);
  return !(Method && Method->isConst() && Call->getNumArgs() == 0) &&
         !Callee->isInStdNamespace();
}

class Finder {
public:
  Finder(TranslationUnit &Unit, ThreadLocks &Locks)
      : Unit(Unit), Locks(Locks) {}

  void visit(const Stmt *Node, const CXXTryStmt *Around) {
    if (!Node || isa<LambdaExpr>(Node))
      return;
    if (const auto *Try = dyn_cast<CXXTryStmt>(Node)) {
      visit(Try->getTryBlock(), handles(*Try) ? Try : Around);
      for (unsigned Index = 0; Index != Try->getNumHandlers(); ++Index)
        visit(Try->getHandler(Index), Around);
      return;
    }
    if (const auto *Return = dyn_cast<ReturnStmt>(Node))
      return visitReturn(*Return, Around);
    if (const auto *Block = dyn_cast<CompoundStmt>(Node))
      visitBlock(*Block);
    for (const Stmt *Child : Node->children())
      visit(Child, Around);
  }

private:
  static bool handles(const CXXTryStmt &Try) {
    for (unsigned Index = 0; Index != Try.getNumHandlers(); ++Index)
      if (!onlyRethrows(*Try.getHandler(Index)))
        return true;
    return false;
  }

  /// The call that makes the task that \p Return returns.
  const CallExpr *taskIn(const ReturnStmt &Return, const CoroutineType *&Type) {
    const auto *Call =
        dyn_cast_or_null<CallExpr>(ignoreWrappers(Return.getRetValue()));
    if (!Call || !Call->isPRValue() || Call->containsErrors() ||
        Call->isTypeDependent() || calleeName(*Call).starts_with("make_"))
      return nullptr;
    Type = Unit.types().lookup(Call->getType());
    return Type && Type->Kind == CoroutineKind::Task && !Type->Synchronous
               ? Call
               : nullptr;
  }

  /// Can \p Call, which makes a \p Type, itself throw what its task throws? A
  /// function that returns an eager future, and is no coroutine, may.
  static bool throwsLater(const CallExpr &Call, const CoroutineType &Type) {
    if (Type.Start == StartPolicy::Lazy)
      return true;
    const FunctionDecl *Callee = Call.getDirectCallee();
    const FunctionDecl *Definition = Callee ? Callee->getDefinition() : nullptr;
    return Definition && isCoroutine(*Definition);
  }

  void visitReturn(const ReturnStmt &Return, const CXXTryStmt *Try) {
    const CoroutineType *Type = nullptr;
    const CallExpr *Call = Try ? taskIn(Return, Type) : nullptr;
    if (!Call || !throwsLater(*Call, *Type))
      return;
    // Where something else in the block may throw, the handler is for that.
    if (anyStatement(Try->getTryBlock(), [&](const Stmt &Node) {
          const auto *Other = dyn_cast<CallExpr>(&Node);
          return &Node != Call && mayThrowNow(Node) &&
                 !(Other && returnsLater(*Other));
        }))
      return;
    Unit.report(Return.getReturnLoc(),
                "the task is returned out of this 'try', so the handler never "
                "sees what the task throws; make this function a coroutine and "
                "'co_return co_await' the task here")
        .note(Try->getHandler(0)->getBeginLoc(),
              "this handler is gone when the task runs");
  }

  bool returnsLater(const CallExpr &Call) {
    const CoroutineType *Type = Unit.types().lookup(Call.getType());
    return Type && Type->Kind == CoroutineKind::Task &&
           throwsLater(Call, *Type);
  }

  /// `guard g(m); return task();`, where the guard can be for nothing else.
  void visitBlock(const CompoundStmt &Block) {
    const DeclStmt *Before = nullptr;
    for (const Stmt *Child : Block.body()) {
      if (const auto *Return = dyn_cast<ReturnStmt>(Child); Return && Before)
        visitGuarded(*Before, *Return);
      Before = dyn_cast<DeclStmt>(Child);
    }
  }

  void visitGuarded(const DeclStmt &Before, const ReturnStmt &Return) {
    const auto *Guard = Before.isSingleDecl()
                            ? dyn_cast<VarDecl>(Before.getSingleDecl())
                            : nullptr;
    if (!Guard || !Guard->hasLocalStorage() || Guard->isInvalidDecl() ||
        !Guard->getInit())
      return;
    bool IsLock = Locks.isGuard(Guard->getType()) ||
                  Unit.types().isLockLike(Guard->getType());
    if (!IsLock && !isScopeGuard(Guard->getType()))
      return;
    const CoroutineType *Type = nullptr;
    const CallExpr *Call = taskIn(Return, Type);
    if (!Call || !throwsLater(*Call, *Type))
      return;
    // Arguments may be what is read under the lock.
    bool ReadsUnderLock =
        llvm::any_of(Call->arguments(), [&](const Expr *Argument) {
          return anyStatement(Argument, [&](const Stmt &Node) {
            if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
              const auto *Variable = dyn_cast<VarDecl>(Ref->getDecl());
              return Variable == Guard ||
                     (Variable && !Variable->hasLocalStorage());
            }
            return isa<MemberExpr, CallExpr, LambdaExpr>(Node);
          });
        });
    if (ReadsUnderLock)
      return;
    Unit.report(Return.getReturnLoc(),
                "'" + Guard->getNameAsString() + "' " +
                    (IsLock ? "is released" : "does what it is there for") +
                    " when this function returns, before the task has run; "
                    "make this function a coroutine and 'co_return co_await' "
                    "the task here")
        .note(Guard->getLocation(),
              IsLock ? "it is taken here" : "it is declared here");
  }

  /// Does a \p Type call what it was given when it dies?
  static bool isScopeGuard(QualType Type) {
    const CXXRecordDecl *Record = recordOf(Type);
    const CXXDestructorDecl *Destructor =
        Record && !Type->isReferenceType() ? Record->getDestructor() : nullptr;
    return Destructor &&
           anyStatement(visibleBody(Destructor), [](const Stmt &Node) {
             const auto *Call = dyn_cast<CallExpr>(&Node);
             if (!Call)
               return false;
             const Expr *Callee = Call->getCallee();
             if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call))
               Callee = Operator->getOperator() == OO_Call ? Call->getArg(0)
                                                           : nullptr;
             const auto *Field = dyn_cast_or_null<MemberExpr>(
                 Callee ? Callee->IgnoreParenImpCasts() : nullptr);
             return Field && isa<FieldDecl>(Field->getMemberDecl()) &&
                    isa<CXXThisExpr>(Field->getBase()->IgnoreParenImpCasts());
           });
  }

  TranslationUnit &Unit;
  ThreadLocks &Locks;
};

} // namespace

static void checkReturnInTry(TranslationUnit &Unit) {
  ThreadLocks Locks(Unit.types());
  Finder Find(Unit, Locks);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && !isCoroutine(*Function) &&
        !Function->getReturnType()->isDependentType() &&
        Unit.types().lookup(Function->getReturnType()))
      Find.visit(Function->getBody(), nullptr);
}

static const RegisterCheck
    Register("coral-return-in-try", 0,
             "a task returned out of the 'try' or from under the lock that it "
             "needs",
             checkReturnInTry);

} // namespace coralc
