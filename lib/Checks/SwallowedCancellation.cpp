//===--- SwallowedCancellation.cpp - coral-swallowed-cancellation ---------===//
//
// Reports handlers in coroutines that take the exception by which the library
// cancels a coroutine, and after which the coroutine goes on and awaits again.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;

namespace coralc {
namespace {

class Finder {
public:
  Finder(TranslationUnit &Unit, const FunctionDecl &Function)
      : Unit(Unit), Function(Function) {}

  void check() {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Try = dyn_cast<CXXTryStmt>(&Node))
        visitTry(*Try);
      return false;
    });
  }

private:
  void visitTry(const CXXTryStmt &Try) {
    if (!awaits(Try.getTryBlock()))
      return;
    for (unsigned Index = 0; Index != Try.getNumHandlers(); ++Index) {
      const CXXCatchStmt &Handler = *Try.getHandler(Index);
      if (!takesCancellation(Handler))
        continue;
      // What comes behind this handler does not see a cancellation. One that a
      // macro brings along, to check that something throws, is that macro's.
      if (Handler.getCatchLoc().isMacroID())
        return;
      if (!looksAtException(Handler))
        if (const SuspensionPoint *Next = awaitAfter(Handler))
          report(Handler, *Next);
      return;
    }
  }

  /// Does \p Block await anything that cancellation reaches?
  bool awaits(const Stmt *Block) const {
    return anyStatement(Block, [&](const Stmt &Node) {
      if (isa<DependentCoawaitExpr>(Node))
        return true;
      const auto *Await = dyn_cast<CoawaitExpr>(&Node);
      return Await && !Unit.types().neverSuspends(*Await) &&
             !Unit.types().calls(Role::Shield,
                                 ignoreWrappers(Await->getOperand()));
    });
  }

  /// Does the library whose coroutine this is cancel by throwing?
  bool cancelsByThrowing() const {
    const CXXRecordDecl *Record = recordOf(Function.getReturnType());
    return Record && Unit.types().vocabularies().hasInLibrary(
                         Role::CancellationType, vocabularyName(*Record));
  }

  bool takesCancellation(const CXXCatchStmt &Handler) const {
    QualType Caught = Handler.getCaughtType();
    if (Caught.isNull())
      return cancelsByThrowing();
    return !Caught->isDependentType() &&
           Unit.types().plays(Role::CancellationType, Caught);
  }

  /// Does \p Handler ask what was thrown, and so may well tell cancellation
  /// from errors, or keep it to throw it on later?
  static bool looksAtException(const CXXCatchStmt &Handler) {
    return anyStatement(Handler.getHandlerBlock(), [](const Stmt &Node) {
      const auto *Call = dyn_cast<CallExpr>(&Node);
      llvm::StringRef Name = Call ? calleeName(*Call) : "";
      return Name == "current_exception" || Name.contains("cancel");
    });
  }

  /// The first await that control can reach from the end of \p Handler.
  const SuspensionPoint *awaitAfter(const CXXCatchStmt &Handler) {
    if (!Flow)
      Flow = SuspensionCFG::build(Function, Unit.types());
    if (!Flow)
      return nullptr;
    llvm::SmallVector<const CFGBlock *, 16> Todo;
    for (const CFGBlock *Block : Flow->cfg())
      if (Block->getLabel() == &Handler)
        Todo.push_back(Block);
    llvm::SmallPtrSet<const CFGBlock *, 16> Seen;
    while (!Todo.empty()) {
      const CFGBlock *Block = Todo.pop_back_val();
      if (!Block || !Seen.insert(Block).second || Block->hasNoReturnElement())
        continue;
      bool Ends = false;
      for (const CFGElement &Element : *Block) {
        if (const SuspensionPoint *Point = Flow->pointAt(Element))
          return Point;
        std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
        Ends |= Node && isa<CoreturnStmt, CXXThrowExpr>(Node->getStmt());
      }
      if (!Ends)
        for (const CFGBlock::AdjacentBlock &Next : Block->succs())
          Todo.push_back(Next.getReachableBlock());
    }
    return nullptr;
  }

  void report(const CXXCatchStmt &Handler, const SuspensionPoint &Next) {
    Unit.report(Handler.getCatchLoc(),
                "this handler takes the cancellation of the coroutine as well, "
                "which then goes on; catch what you can handle, or throw it on "
                "with 'throw;'")
        .note(Next.Where, "it awaits again here");
  }

  TranslationUnit &Unit;
  const FunctionDecl &Function;
  std::unique_ptr<SuspensionCFG> Flow;
};

} // namespace

static void checkSwallowedCancellation(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function))
      Finder(Unit, *Function).check();
}

static const RegisterCheck
    Register("coral-swallowed-cancellation", 1,
             "a handler that takes a cancellation and goes on",
             checkSwallowedCancellation);

} // namespace coralc
