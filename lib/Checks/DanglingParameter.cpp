//===--- DanglingParameter.cpp - coral-dangling-parameter -----------------===//
//
// Reports tasks that are kept or started while they refer to a temporary, or
// to a local of an inner scope, that is gone when they run: through a
// reference, a pointer or a view parameter, or as the object whose member
// function the coroutine is. The warning stands at what dies.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Loans.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

static std::string describe(const Loan &Lent) {
  const Borrow &What = Lent.What;
  if (What.Place.Kind == Storage::Local)
    return "'" + What.Place.Variable->getNameAsString() +
           "' dies at the end of its scope";
  std::string Object =
      What.Kind == Borrow::Object
          ? "the temporary that this is called on"
          : (What.Name->getDeclName() ? "the temporary bound to '" +
                                            What.Name->getNameAsString() + "'"
                                      : "this temporary");
  return Object + " dies at the end of the full-expression";
}

static void checkCalls(TranslationUnit &Unit) {
  for (const Loan &Lent : Unit.loans()) {
    if ((Lent.What.Kind != Borrow::Argument &&
         Lent.What.Kind != Borrow::Object) ||
        Lent.Fate.Kind == TaskFate::Returned || Lent.Ends != Ending::DiesFirst)
      continue;
    SourceLocation Where = Lent.What.Given->getBeginLoc();
    Diagnosis &Report = Unit.report(
        Where.isValid() ? Where : Lent.Creation->getBeginLoc(),
        describe(Lent) + ", but the task uses it after that; await the task "
                         "here, or give it an object that lives as long");
    if (Lent.What.Use.Suspension.isValid())
      Report.note(Lent.What.Use.Suspension, "the task suspends here");
    if (Lent.What.Use.Where.isValid())
      Report.note(Lent.What.Use.Where, "used here");
  }
}

/// Coroutines whose parameters would dangle if their callers did not wait.
static void checkDeclarations(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions()) {
    const CoroutineType *Type = Unit.types().lookup(Function->getReturnType());
    if (Function->isInvalidDecl() || !isCoroutine(*Function) || !Type ||
        Type->Synchronous)
      continue;
    const LateUses &Uses = Unit.borrowing().lateUses(*Function);
    for (const ParmVarDecl *Parameter : Function->parameters()) {
      bool Reference = Parameter->getType()->isReferenceType();
      std::optional<LateUse> Use = Uses.of(Parameter);
      if (!Use || Parameter->getLocation().isInvalid() ||
          (!Reference && !isView(Parameter->getType())))
        continue;
      Diagnosis &Report = Unit.report(
          Parameter->getLocation(),
          "'" + Parameter->getNameAsString() + "' is a " +
              (Reference ? "reference" : "view") +
              " that this coroutine uses after it has first suspended, when "
              "what it refers to may be gone; take it by value");
      Report.fromLevel(2);
      if (Use->Suspension.isValid())
        Report.note(Use->Suspension, "suspends here");
      Report.note(Use->Where, "used here");
    }
  }
}

static void checkDanglingParameter(TranslationUnit &Unit) {
  checkCalls(Unit);
  checkDeclarations(Unit);
}

static const RegisterCheck
    Register("coral-dangling-parameter", 0,
             "a task that refers to an argument which dies before it is done",
             checkDanglingParameter);

} // namespace coralc
