//===--- BlockingCall.cpp - coral-blocking-call ---------------------------===//
//
// Reports calls in a coroutine that block the thread instead of suspending the
// coroutine, directly or through functions of the translation unit.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/BlockingCalls.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// Does a coroutine that returns \p Result share its thread with others? One
/// that is iterated runs on the thread, and in the time, of whoever iterates.
bool sharesThread(QualType Result, CoroutineTypes &Types) {
  const CoroutineType *Type = Types.lookup(Result);
  return Type && !Type->Synchronous &&
         (Type->Kind == CoroutineKind::Task ||
          Type->Kind == CoroutineKind::AsyncGenerator ||
          Type->Kind == CoroutineKind::FireAndForget);
}

class Reporter {
public:
  explicit Reporter(TranslationUnit &Unit) : Unit(Unit) {
    const TranslationUnitDecl *Root = Unit.context().getTranslationUnitDecl();
    IdentifierTable &Names = Unit.context().Idents;
    for (const NamedDecl *Coral : Root->lookup(&Names.get("coral")))
      if (const auto *Namespace = dyn_cast<NamespaceDecl>(Coral))
        CanOffload |= !Namespace->lookup(&Names.get("sync_to_async")).empty();
  }

  void report(const BlockingCall &Found) {
    std::string Name = BlockingCalls::nameOf(Found.Where);
    Diagnosis &Report = Unit.report(
        Found.Where->getExprLoc(),
        "'" + Name + "' blocks the thread that runs this coroutine, and " +
            "with it every other coroutine on that thread; await it instead, "
            "or run it on another thread");
    for (const Expr *Inner : Found.Through)
      Report.note(Inner->getExprLoc(),
                  "it calls '" + BlockingCalls::nameOf(Inner) + "' here");
    if (CanOffload)
      offerOffloading(Report, cast<CallExpr>(*Found.Where));
  }

private:
  /// `f(x)` becomes `co_await coral::sync_to_async(f)(x)`.
  void offerOffloading(Diagnosis &Report, const CallExpr &Call) const {
    const auto *Callee =
        dyn_cast<DeclRefExpr>(Call.getCallee()->IgnoreParenImpCasts());
    const FunctionDecl *Function = Call.getDirectCallee();
    if (!Callee || !Function || Function->isVariadic() ||
        Function->getPrimaryTemplate() || isa<CXXMethodDecl>(Function) ||
        !Call.getBeginLoc().isFileID() || !Call.getEndLoc().isFileID() ||
        Function->getDeclContext()
                ->lookup(Function->getDeclName())
                .isSingleResult() == false)
      return;
    SourceLocation End = Callee->getEndLoc().getLocWithOffset(
        Function->getNameAsString().size());
    Report.fix(FixSafety::Unsafe, "run it on another thread",
               {FixItHint::CreateInsertion(Call.getBeginLoc(),
                                           "co_await coral::sync_to_async("),
                FixItHint::CreateInsertion(End, ")")});
  }

  TranslationUnit &Unit;
  bool CanOffload = false;
};

} // namespace

static void checkBlockingCall(TranslationUnit &Unit) {
  BlockingCalls Calls(Unit.types());
  Reporter Report(Unit);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function) &&
        sharesThread(Function->getReturnType(), Unit.types()))
      for (const BlockingCall &Found : Calls.in(*Function))
        Report.report(Found);
}

static const RegisterCheck
    Register("coral-blocking-call", 1,
             "a call that blocks the thread in a coroutine", checkBlockingCall);

} // namespace coralc
