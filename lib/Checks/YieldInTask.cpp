//===--- YieldInTask.cpp - coral-yield-in-task ----------------------------===//
//
// Reports code that mixes the protocols of generators and of tasks: `co_yield`
// in a coroutine whose type takes no values, `co_await` in a generator, and a
// loop over a generator that ignores the tasks it yields. Where such code does
// not compile, the keywords are found in the text.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/KeywordTokens.h"
#include "coralc/Analysis/Owed.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {
namespace {

class Reporter {
public:
  explicit Reporter(TranslationUnit &Unit)
      : Unit(Unit),
        Bodies(Unit.functions(), Unit.context().getSourceManager()) {}

  /// A keyword in code that may not compile because of it.
  void checkKeyword(const CoroutineKeyword &Keyword) {
    if (Keyword.Text == "co_return")
      return;
    const FunctionDecl *Function = Bodies.ownerOf(Keyword).Function;
    if (!Function)
      return;
    QualType Result = Function->getReturnType();
    const CXXRecordDecl *Promise = Unit.types().promiseOf(Result);
    const CoroutineType *Type = Unit.types().lookup(Result);
    if (!Promise || !Type || Result->isDependentType())
      return;
    bool Yields = !methodsNamed(Promise, "yield_value").empty();
    if (Keyword.Text == "co_yield" && !Yields && Type->isAwaitable())
      Unit.report(Keyword.Where,
                  "'co_yield' in a coroutine that returns '" +
                      Result.getUnqualifiedType().getAsString(
                          PrintingPolicy(Unit.context().getLangOpts())) +
                      "', which takes no values; return a generator, or "
                      "'co_await' what you wait for");
    if (Keyword.Text == "co_await" && Yields && forbidsAwait(Promise))
      Unit.report(Keyword.Where, awaitInGenerator());
  }

  /// A suspension of a generator that compiles: whoever iterates would resume
  /// it before what it awaits is there.
  void checkSuspensions(const FunctionDecl &Function) {
    const CoroutineType *Type = Unit.types().lookup(Function.getReturnType());
    // One that is not iterated yields to its promise, not to a loop.
    if (!Type || Type->Kind != CoroutineKind::Generator ||
        methodsNamed(Type->Record, "begin").empty())
      return;
    for (const SuspensionPoint &Point :
         suspensionPoints(Function, Unit.types())) {
      const auto *Await = dyn_cast_or_null<CoawaitExpr>(Point.Expression);
      if (!Await || Point.Kind != SuspensionPoint::Await)
        continue;
      const CoroutineType *Awaited =
          Unit.types().lookup(Await->getOperand()->getType());
      if (Awaited && Awaited->Kind == CoroutineKind::Task &&
          !Awaited->Synchronous)
        Unit.report(Point.Where, awaitInGenerator());
    }
  }

  /// for (auto &&task : generator()) with a body that has no use for the task.
  void checkLoops(const FunctionDecl &Function) {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Loop = dyn_cast<CXXForRangeStmt>(&Node))
        checkLoop(*Loop);
      return false;
    });
  }

private:
  static std::string awaitInGenerator() {
    return "'co_await' in a generator, which whoever iterates it would resume "
           "before the result is there; make it an asynchronous generator";
  }

  void checkLoop(const CXXForRangeStmt &Loop) {
    const Expr *Range = Loop.getRangeInit();
    const VarDecl *Each = Loop.getLoopVariable();
    if (!Range || !Each || Range->isTypeDependent() ||
        Range->containsErrors() || !Loop.getBody())
      return;
    const CoroutineType *Type = Unit.types().lookup(Range->getType());
    if (!Type || Type->Kind != CoroutineKind::Generator)
      return;
    const CoroutineType *Yielded = Unit.types().lookup(Each->getType());
    if (!Yielded || Yielded->Kind != CoroutineKind::Task ||
        Yielded->Synchronous || !isOwed(*Yielded, Kept::Nowhere))
      return;
    bool Used = anyStatement(Loop.getBody(), [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
          return C.capturesVariable() && C.getCapturedVar() == Each;
        });
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      return Ref && Ref->getDecl() == Each;
    });
    if (!Used)
      Unit.report(Range->getExprLoc(),
                  "this loop iterates a generator that yields tasks and awaits "
                  "none of them, so " +
                      consequenceOfLosing(*Yielded).str() +
                      "; await each of them, or run the generator as the "
                      "coroutine that it is");
  }

  /// Does \p Promise have an await_transform only to say that there is none:
  /// deleted, or with a static_assert in it?
  static bool forbidsAwait(const CXXRecordDecl *Promise) {
    // A member template has its body in the pattern of its class.
    Promise = definitionOf(patternOf(Promise));
    if (!Promise)
      return false;
    const IdentifierInfo &Name =
        Promise->getASTContext().Idents.get("await_transform");
    return !membersNamed(Promise, &Name).empty() &&
           llvm::all_of(
               methodsNamed(Promise, &Name), [](const FunctionDecl *F) {
                 return anyStatement(visibleBody(F), [](const Stmt &Node) {
                   const auto *Declaration = dyn_cast<DeclStmt>(&Node);
                   return Declaration && Declaration->isSingleDecl() &&
                          isa<StaticAssertDecl>(Declaration->getSingleDecl());
                 });
               });
  }

  TranslationUnit &Unit;
  FunctionBodies Bodies;
};

} // namespace

static void checkYieldInTask(TranslationUnit &Unit) {
  Reporter Report(Unit);
  const ASTContext &Context = Unit.context();
  if (Context.getDiagnostics().hasUncompilableErrorOccurred())
    for (const CoroutineKeyword &Keyword :
         coroutineKeywords(Context.getSourceManager().getMainFileID(),
                           Context.getSourceManager(), Context.getLangOpts(),
                           Unit.SkippedRanges))
      Report.checkKeyword(Keyword);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl()) {
      Report.checkSuspensions(*Function);
      Report.checkLoops(*Function);
    }
}

static const RegisterCheck
    Register("coral-yield-in-task", 0,
             "the protocols of generators and of tasks, mixed",
             checkYieldInTask);

} // namespace coralc
