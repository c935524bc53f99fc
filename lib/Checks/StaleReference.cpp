//===--- StaleReference.cpp - coral-stale-reference -----------------------===//
//
// Reports references, pointers, iterators, views and structured bindings into
// state that others can change, used after a suspension, and loops over such
// state that suspend. The warning stands at the use.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/SharedState.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {

static void reportView(TranslationUnit &Unit, const StaleUse &Use) {
  std::string Name = "'" + Use.View->getNameAsString() + "'";
  std::string Into =
      Use.Container
          ? "refers into '" + Use.Container->getNameAsString() +
                "', which others may change while this coroutine is suspended"
          : "refers to what a temporary smart pointer held, which may be gone "
            "after a suspension";
  std::string Advice =
      Use.Container ? "; get it again after the suspension, or copy what is "
                      "needed before it"
                    : "; keep the smart pointer in a variable";
  Unit.report(Use.Use->getBeginLoc(), Name + " " + Into + Advice)
      .note(Use.View->getLocation(), Name + " is made here")
      .note(Use.Suspension->Where, "suspends here");
}

static void reportLoop(TranslationUnit &Unit, const StaleUse &Use) {
  Unit.report(cast<CXXForRangeStmt>(Use.Use)->getForLoc(),
              "this loop goes over '" + Use.Container->getNameAsString() +
                  "', which others may change while the body is suspended; "
                  "loop over a copy, or over indices or keys that are checked "
                  "again")
      .note(Use.Suspension->Where, "suspends here");
}

static void checkStaleReference(TranslationUnit &Unit) {
  SharedState Shared(Unit.functions(), Unit.types());
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl() || !isCoroutine(*Function))
      continue;
    auto Flow = SuspensionCFG::build(*Function, Unit.types());
    if (!Flow)
      continue;
    for (const StaleUse &Use : Shared.staleUses(*Flow))
      if (Use.View)
        reportView(Unit, Use);
      else
        reportLoop(Unit, Use);
  }
}

static const RegisterCheck
    Register("coral-stale-reference", 1,
             "a reference into shared state that is used after a suspension",
             checkStaleReference);

} // namespace coralc
