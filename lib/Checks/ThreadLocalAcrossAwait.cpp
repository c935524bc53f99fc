//===--- ThreadLocalAcrossAwait.cpp - coral-thread-local-across-await -----===//
//
// Reports what a coroutine got from its thread, such as a reference to a
// thread_local variable, the thread's id or errno, and uses after a suspension,
// when it may run on another thread.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {

/// What \p Variable keeps that belongs to the thread; empty if nothing.
static std::string threadsOwn(const VarDecl &Variable) {
  const Expr *Init = Variable.getInit();
  if (!Init || Init->containsErrors())
    return "";
  // A value that is read is a value; an address, or a reference, is the
  // thread's.
  const Expr *Named = ignoreWrappers(Init);
  bool Refers = Variable.getType()->isReferenceType();
  if (const auto *Address = dyn_cast_or_null<UnaryOperator>(Named);
      Address && Address->getOpcode() == UO_AddrOf) {
    Refers = true;
    Named = ignoreWrappers(Address->getSubExpr());
  }
  if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Named); Ref && Refers)
    if (const auto *Global = dyn_cast<VarDecl>(Ref->getDecl()))
      if (Global->getTLSKind() != VarDecl::TLS_None)
        return "'" + Global->getNameAsString() + "' of its thread";
  if (const auto *Call = dyn_cast_or_null<CallExpr>(Named))
    if (const FunctionDecl *Callee = Call->getDirectCallee()) {
      std::string Name = vocabularyName(*Callee);
      if (Name == "std::this_thread::get_id" || Name == "pthread_self" ||
          Name == "gettid")
        return "the id of its thread";
      if (Name == "__errno_location" && Refers)
        return "'errno' of its thread";
    }
  return "";
}

static void checkFunction(TranslationUnit &Unit, const FunctionDecl &Function) {
  const SourceManager &Sources = Unit.context().getSourceManager();
  llvm::SmallVector<SuspensionPoint, 8> Awaits;
  for (const SuspensionPoint &Point : suspensionPoints(Function, Unit.types()))
    if (Point.Kind == SuspensionPoint::Await)
      Awaits.push_back(Point);
  if (Awaits.empty())
    return;
  llvm::SmallPtrSet<const VarDecl *, 4> Told;
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    // A macro that takes an expression apart is there to compare it.
    if (!Variable || !Variable->hasLocalStorage() || Told.contains(Variable) ||
        Ref->getLocation().isMacroID())
      return false;
    std::string What = threadsOwn(*Variable);
    if (What.empty())
      return false;
    for (const SuspensionPoint &Await : Awaits)
      if (Sources.isBeforeInTranslationUnit(Variable->getLocation(),
                                            Await.Where) &&
          Sources.isBeforeInTranslationUnit(Await.Expression->getEndLoc(),
                                            Ref->getLocation())) {
        Told.insert(Variable);
        Unit.report(Ref->getLocation(),
                    "'" + Variable->getNameAsString() + "' is " + What +
                        " from before a suspension, after which the coroutine "
                        "may run on another; get it again")
            .note(Await.Where, "suspends here");
        break;
      }
    return false;
  });
}

static void checkThreadLocalAcrossAwait(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function)) {
      const CoroutineType *Type =
          Unit.types().lookup(Function->getReturnType());
      if (Type && Type->Kind != CoroutineKind::Generator && !Type->Synchronous)
        checkFunction(Unit, *Function);
    }
}

static const RegisterCheck
    Register("coral-thread-local-across-await", 2,
             "something of a thread's that is kept across a suspension",
             checkThreadLocalAcrossAwait);

} // namespace coralc
