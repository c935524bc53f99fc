//===--- BusyWait.cpp - coral-busy-wait -----------------------------------===//
//
// Reports loops in coroutines that only sleep, or only give way, until a
// condition changes that somebody else changes.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// Is \p E a time span or a point in time?
bool isTime(const Expr *E) {
  const CXXRecordDecl *Record = recordOf(E->getType());
  std::string Name = Record ? vocabularyName(*Record) : "";
  return Name == "std::chrono::duration" || Name == "std::chrono::time_point";
}

bool isAwait(const Stmt &Node) {
  return isa<CoroutineSuspendExpr, DependentCoawaitExpr>(Node);
}

const Expr *awaitedBy(const Stmt *Node) {
  if (const auto *E = dyn_cast_or_null<Expr>(Node))
    Node = E->IgnoreParenImpCasts();
  while (const auto *Outer = dyn_cast_or_null<FullExpr>(Node))
    Node = Outer->getSubExpr()->IgnoreParenImpCasts();
  if (const auto *Cast = dyn_cast_or_null<ExplicitCastExpr>(Node))
    return awaitedBy(Cast->getSubExpr());
  if (const auto *Await = dyn_cast_or_null<CoawaitExpr>(Node))
    return Await->getOperand();
  if (const auto *Await = dyn_cast_or_null<DependentCoawaitExpr>(Node))
    return Await->getOperand();
  return nullptr;
}

/// Does awaiting \p Operand do nothing but let time pass? It sleeps, by its
/// name, for a time that is given, or gives way.
bool letsTimePass(const Expr *Operand) {
  const auto *Call = dyn_cast_or_null<CallExpr>(ignoreWrappers(Operand));
  if (!Call)
    return Operand && isTime(Operand);
  llvm::StringRef Name = calleeName(*Call);
  if (Name.contains_insensitive("sleep") || Name.starts_with("yield") ||
      Name.ends_with("yield") || Name.starts_with("resume_after"))
    return true;
  return !Name.contains_insensitive("wait") && Call->getNumArgs() != 0 &&
         llvm::all_of(Call->arguments(), isTime);
}

/// `timer.expires_after(10ms); co_await timer.async_wait(token);`
bool isTimerPair(const Stmt *Set, const Stmt *Wait) {
  const auto *E = dyn_cast<Expr>(Set);
  const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(ignoreWrappers(E));
  if (!Call || !calleeName(*Call).starts_with("expires_") ||
      !Call->getNumArgs() || !isTime(Call->getArg(0)))
    return false;
  const auto *Waits =
      dyn_cast_or_null<CXXMemberCallExpr>(ignoreWrappers(awaitedBy(Wait)));
  if (!Waits)
    return false;
  const auto *A =
      dyn_cast<DeclRefExpr>(ignoreWrappers(Call->getImplicitObjectArgument()));
  const auto *B =
      dyn_cast<DeclRefExpr>(ignoreWrappers(Waits->getImplicitObjectArgument()));
  return A && B && A->getDecl() == B->getDecl();
}

/// Can somebody else change the answer of \p Condition? It reads something,
/// and is neither constant nor an await, nor a clock.
bool isChangedByOthers(const Expr *Condition) {
  bool Reads = false;
  bool Other = anyStatement(Condition, [&](const Stmt &Node) {
    if (isAwait(Node))
      return true;
    if (const auto *Call = dyn_cast<CallExpr>(&Node);
        Call && (calleeName(*Call) == "now" || isTime(Call)))
      return true;
    if (const auto *Unary = dyn_cast<UnaryOperator>(&Node))
      if (Unary->isIncrementDecrementOp())
        return true;
    if (const auto *Member = dyn_cast<MemberExpr>(&Node))
      Reads |= !isa<CXXMethodDecl>(Member->getMemberDecl()) ||
               isa<CXXThisExpr>(Member->getBase()->IgnoreParenImpCasts());
    if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node))
      Reads |= isa<VarDecl>(Ref->getDecl());
    return false;
  });
  return Reads && !Other;
}

void checkLoop(TranslationUnit &Unit, SourceLocation Where,
               const Expr *Condition, const Stmt *Body) {
  if (!Condition || !Body || Condition->containsErrors() ||
      !isChangedByOthers(Condition))
    return;
  llvm::SmallVector<const Stmt *, 4> Statements;
  if (const auto *Block = dyn_cast<CompoundStmt>(Body))
    llvm::append_range(Statements, Block->body());
  else
    Statements.push_back(Body);
  bool OnlyWaits =
      (Statements.size() == 1 && letsTimePass(awaitedBy(Statements[0]))) ||
      (Statements.size() == 2 && isTimerPair(Statements[0], Statements[1]));
  if (OnlyWaits)
    Unit.report(Where,
                "this loop only lets time pass until its condition changes, "
                "and notices late; await an event that whoever changes it sets")
        .note(Condition->getExprLoc(), "the condition is here");
}

} // namespace

static void checkBusyWait(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl() || !isCoroutine(*Function))
      continue;
    anyStatement(bodyOf(*Function), [&](const Stmt &Node) {
      if (const auto *Loop = dyn_cast<WhileStmt>(&Node))
        checkLoop(Unit, Loop->getWhileLoc(), Loop->getCond(), Loop->getBody());
      else if (const auto *Loop = dyn_cast<DoStmt>(&Node))
        checkLoop(Unit, Loop->getDoLoc(), Loop->getCond(), Loop->getBody());
      else if (const auto *Loop = dyn_cast<ForStmt>(&Node);
               Loop && !Loop->getInc())
        checkLoop(Unit, Loop->getForLoc(), Loop->getCond(), Loop->getBody());
      return false;
    });
  }
}

static const RegisterCheck
    Register("coral-busy-wait", 1,
             "a loop that sleeps until somebody else changes something",
             checkBusyWait);

} // namespace coralc
