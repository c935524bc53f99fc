//===--- MissingCoReturn.cpp - coral-missing-co-return --------------------===//
//
// Reports coroutines that can run off their end where the promise wants a
// value, and functions that say they return a task and neither are coroutines
// nor return anything. Both are undefined behaviour.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;

namespace coralc {
namespace {

/// Does control that came to \p Block leave the function by running off its
/// end? \p Block is one that goes to the exit.
bool runsOff(const CFGBlock &Block) {
  if (Block.hasNoReturnElement())
    return false;
  if (const Stmt *Terminator = Block.getTerminatorStmt())
    if (isa<CXXTryStmt, CXXThrowExpr, CoreturnStmt>(Terminator))
      return false;
  for (const CFGElement &Element : llvm::reverse(Block)) {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      continue;
    const Stmt *Last = Node->getStmt();
    if (const auto *Cleanups = dyn_cast<ExprWithCleanups>(Last))
      Last = Cleanups->getSubExpr();
    return !isa<CoreturnStmt, ReturnStmt, CXXThrowExpr>(Last);
  }
  return true;
}

/// The blocks that control can reach, handlers of exceptions among them.
void collectReachable(const CFG &Graph,
                      llvm::SmallPtrSetImpl<const CFGBlock *> &Seen) {
  llvm::SmallVector<const CFGBlock *, 32> Todo = {&Graph.getEntry()};
  auto Reach = [&] {
    while (!Todo.empty()) {
      const CFGBlock *Block = Todo.pop_back_val();
      if (!Block || !Seen.insert(Block).second)
        continue;
      for (const CFGBlock::AdjacentBlock &Next : Block->succs())
        Todo.push_back(Next.getReachableBlock());
    }
  };
  Reach();
  // What may throw is anything; a handler is reached if its try block is.
  for (const CFGBlock *Try : Graph.try_blocks()) {
    Todo.push_back(Try);
    Reach();
  }
}

bool canRunOff(const CFG &Graph) {
  llvm::SmallPtrSet<const CFGBlock *, 32> Reachable;
  collectReachable(Graph, Reachable);
  return llvm::any_of(
      Graph.getExit().preds(), [&](const CFGBlock::AdjacentBlock &From) {
        const CFGBlock *Block = From.getReachableBlock();
        return Block && Reachable.contains(Block) && runsOff(*Block);
      });
}

/// A task-returning body: anything at all that leaves it otherwise?
bool saysNothing(const Stmt *Body) {
  return !anyStatement(Body, [](const Stmt &Node) {
    if (isa<ReturnStmt, CoreturnStmt, CoroutineSuspendExpr,
            DependentCoawaitExpr, CXXThrowExpr, AsmStmt>(Node))
      return true;
    const auto *Call = dyn_cast<CallExpr>(&Node);
    return Call &&
           (Call->isTypeDependent() ||
            (Call->getDirectCallee() && Call->getDirectCallee()->isNoReturn()));
  });
}

class Reporter {
public:
  explicit Reporter(TranslationUnit &Unit) : Unit(Unit) {}

  void check(const FunctionDecl &Function) {
    QualType Result = Function.getReturnType();
    // Any type may have a promise, void too; what runs off is told by classes.
    if (Result->isDependentType() || Function.isDependentContext() ||
        !recordOf(Result))
      return;
    const CXXRecordDecl *Promise = Unit.types().promiseOf(Result);
    if (!Promise)
      return;
    bool WantsValue = !methodsNamed(Promise, "return_value").empty();
    bool WantsNothing = !methodsNamed(Promise, "return_void").empty();
    if (isCoroutine(Function)) {
      if (WantsValue && !WantsNothing)
        checkCoroutine(Function);
    } else {
      checkPlain(Function, WantsNothing);
    }
  }

private:
  void checkCoroutine(const FunctionDecl &Function) {
    auto Flow = SuspensionCFG::build(Function, Unit.types());
    if (!Flow || !canRunOff(Flow->cfg()))
      return;
    Unit.report(bodyOf(Function)->getEndLoc(),
                "control can get here, the end of a coroutine that has to give "
                "a value, which is undefined; 'co_return' one on every path");
  }

  void checkPlain(const FunctionDecl &Function, bool WantsNothing) {
    const Stmt *Body = Function.getBody();
    if (!isa_and_nonnull<CompoundStmt>(Body) || Function.hasAttr<NakedAttr>() ||
        Function.isNoReturn() || !saysNothing(Body))
      return;
    auto Flow = SuspensionCFG::build(Function, Unit.types());
    if (!Flow || !canRunOff(Flow->cfg()))
      return;
    Diagnosis &Report = Unit.report(
        Body->getEndLoc(),
        "this function returns nothing and is no coroutine, though it says it "
        "returns a task, which is undefined; 'co_return' or return a task");
    if (WantsNothing && Body->getEndLoc().isFileID() && !Function.isConstexpr())
      Report.fix(FixSafety::Safe, "make it a coroutine",
                 insertReturn(*cast<CompoundStmt>(Body)));
  }

  /// `co_return;` before the closing brace, on a line of its own if that has
  /// one.
  FixItHint insertReturn(const CompoundStmt &Body) const {
    const SourceManager &Sources = Unit.context().getSourceManager();
    SourceLocation End = Body.getRBracLoc();
    unsigned Brace = Sources.getSpellingColumnNumber(End);
    bool OneLine = Sources.getSpellingLineNumber(Body.getLBracLoc()) ==
                   Sources.getSpellingLineNumber(End);
    if (OneLine)
      return FixItHint::CreateInsertion(End, Body.body_empty() ? " co_return; "
                                                               : "co_return; ");
    return FixItHint::CreateInsertion(End, "  co_return;\n" +
                                               std::string(Brace - 1, ' '));
  }

  TranslationUnit &Unit;
};

} // namespace

static void checkMissingCoReturn(TranslationUnit &Unit) {
  if (Unit.context().getDiagnostics().hasUncompilableErrorOccurred())
    return;
  Reporter Report(Unit);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl())
      Report.check(*Function);
}

static const RegisterCheck
    Register("coral-missing-co-return", 0,
             "a coroutine that can run off its end without the value it owes",
             checkMissingCoReturn);

} // namespace coralc
