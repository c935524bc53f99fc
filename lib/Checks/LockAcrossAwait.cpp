//===--- LockAcrossAwait.cpp - coral-lock-across-await --------------------===//
//
// Reports locks of threads that a coroutine holds while it is suspended. The
// warning stands at the first such suspension.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Checks/Check.h"
#include "clang/AST/Decl.h"

using namespace clang;

namespace coralc {

static void report(TranslationUnit &Unit, const HeldLock &Held) {
  Diagnosis &Report = Unit.report(
      Held.Across.front()->Where,
      "'" + Held.Name + "' " + (Held.IsGuard ? "keeps a mutex" : "is") +
          " locked while the coroutine is suspended here, so its thread may "
          "wait for itself and another may unlock; unlock before, or use a "
          "lock of coroutines");
  Report.note(Held.Taken, "locked here");
  for (const SuspensionPoint *Point : llvm::drop_begin(Held.Across))
    Report.note(Point->Where, "still locked when it suspends here");
}

static void checkLockAcrossAwait(TranslationUnit &Unit) {
  ThreadLocks Locks(Unit.types());
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl() || !mayHoldLocks(*Function, Locks))
      continue;
    if (auto Flow = SuspensionCFG::build(*Function, Unit.types()))
      for (const HeldLock &Held : findHeldLocks(*Flow, Locks))
        report(Unit, Held);
  }
}

static const RegisterCheck
    Register("coral-lock-across-await", 0,
             "a lock of threads that is held while a coroutine is suspended",
             checkLockAcrossAwait);

} // namespace coralc
