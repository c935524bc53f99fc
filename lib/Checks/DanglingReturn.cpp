//===--- DanglingReturn.cpp - coral-dangling-return -----------------------===//
//
// Reports plain functions that return a task which uses what dies with the
// function: locals, parameters taken by value, temporaries, objects among them
// whose member function the coroutine is. The warning stands at what dies.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Loans.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

static std::string nameOf(const Loan &Lent) {
  if (const VarDecl *Variable = Lent.What.Place.Variable)
    return (isa<ParmVarDecl>(Variable) ? "the parameter '" : "'") +
           Variable->getNameAsString() + "'";
  return Lent.What.Kind == Borrow::Object
             ? "the object that this is called on"
             : "the temporary bound to '" + Lent.What.Name->getNameAsString() +
                   "'";
}

static void checkDanglingReturn(TranslationUnit &Unit) {
  for (const Loan &Lent : Unit.loans()) {
    if (Lent.What.Kind == Borrow::Closure ||
        Lent.Fate.Kind != TaskFate::Returned || Lent.Ends != Ending::DiesFirst)
      continue;
    SourceLocation Where =
        Lent.What.Given ? Lent.What.Given->getBeginLoc() : SourceLocation();
    Diagnosis &Report = Unit.report(
        Where.isValid() ? Where : Lent.Creation->getBeginLoc(),
        nameOf(Lent) +
            " dies when this function returns, but the task that it returns "
            "uses it; make this function a coroutine, or let the task own what "
            "it uses");
    if (Lent.What.Use.Suspension.isValid())
      Report.note(Lent.What.Use.Suspension, "the task suspends here");
    if (Lent.What.Use.Where.isValid())
      Report.note(Lent.What.Use.Where, "used here");
  }
}

static const RegisterCheck
    Register("coral-dangling-return", 0,
             "a returned task that uses what dies with the function",
             checkDanglingReturn);

} // namespace coralc
