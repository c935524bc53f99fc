//===--- DanglingCapture.cpp - coral-dangling-capture ---------------------===//
//
// Reports coroutine lambdas whose closure dies while the coroutine still uses
// its captures: they live in the closure, not in the coroutine's frame. The
// warning stands at the closure.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Loans.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

static std::string closureOf(const Loan &Lent) {
  const Storage &Place = Lent.What.Place;
  return Place.Kind == Storage::Local
             ? "the closure '" + Place.Variable->getNameAsString() + "'"
             : "this closure";
}

static std::string endOf(const Loan &Lent) {
  if (!Lent.Type)
    return "is destroyed as soon as it has been called";
  if (Lent.What.Place.Kind == Storage::Temporary)
    return "dies at the end of the full-expression";
  return Lent.Fate.Kind == TaskFate::Returned
             ? "dies when this function returns"
             : "dies at the end of its scope";
}

static void checkDanglingCapture(TranslationUnit &Unit) {
  for (const Loan &Lent : Unit.loans()) {
    if (Lent.What.Kind != Borrow::Closure || Lent.Ends != Ending::DiesFirst)
      continue;
    SourceLocation Where = Lent.What.Given->getBeginLoc();
    Diagnosis &Report = Unit.report(
        Where.isValid() ? Where : Lent.Creation->getBeginLoc(),
        closureOf(Lent) + " " + endOf(Lent) +
            ", but its coroutine uses what it captures after that; pass it as "
            "parameters, or keep the closure for as long as the task");
    if (Lent.What.Use.Suspension.isValid())
      Report.note(Lent.What.Use.Suspension, "the coroutine suspends here");
    Report.note(Lent.What.Use.Where, "uses a capture here");
  }
}

static const RegisterCheck
    Register("coral-dangling-capture", 0,
             "a coroutine lambda whose closure dies before its coroutine ends",
             checkDanglingCapture);

} // namespace coralc
