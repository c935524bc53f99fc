//===--- DoubleAwait.cpp - coral-double-await -----------------------------===//
//
// Reports tasks that are awaited, and generators that are iterated, after they
// were used up. The warning stands at the second use.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/AwaitedTwice.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/Expr.h"

using namespace clang;

namespace coralc {

static void report(TranslationUnit &Unit, const SecondUse &Use) {
  std::string Name = "'" + Use.Name->getNameAsString() + "'";
  bool Repeats = Use.Again == Use.Before;
  std::string What, Note, Advice;
  switch (Use.Kind) {
  case SecondUse::Await:
    What = Repeats ? " is awaited again in the next round of the loop, though "
                     "a task can be awaited once"
                   : " is awaited again, though a task can be awaited once";
    Note = "awaited here before";
    Advice = "; keep the result of the first await, or create a new task";
    break;
  case SecondUse::AwaitOfMoved:
    What = " is awaited after it was moved from, so there is no task in it";
    Note = "moved here";
    Advice = "; await what it was moved to, or create a new task";
    break;
  case SecondUse::Iteration:
    What = Repeats ? " is iterated again in the next round of the outer loop, "
                     "though its sequence has ended"
                   : " is iterated again, though its sequence has ended";
    Note = "iterated to its end here";
    Advice = "; create a new generator, or keep the values";
    break;
  }
  Diagnosis &Report =
      Unit.report(Use.Again->getExprLoc(), Name + What + Advice);
  if (!Repeats)
    Report.note(Use.Before->getExprLoc(), Note);
}

static void checkDoubleAwait(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl() || !mayAwaitTwice(*Function, Unit.types()))
      continue;
    if (auto Flow = SuspensionCFG::build(*Function, Unit.types()))
      for (const SecondUse &Use : findSecondUses(*Flow, Unit.types()))
        report(Unit, Use);
  }
}

static const RegisterCheck
    Register("coral-double-await", 0,
             "a task that is awaited, or a generator that is iterated, twice",
             checkDoubleAwait);

} // namespace coralc
