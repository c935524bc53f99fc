//===--- Convertible.cpp - coral-convertible ------------------------------===//
//
// Shows what `coral rewrite` converts, with the edit. The planner that rewrites
// is the detector; that is why this check is in the room that knows both.
//
//===----------------------------------------------------------------------===//

#include "coralc/Checks/Check.h"
#include "coralc/Rewrites/Offer.h"
#include "clang/AST/ASTContext.h"

namespace coralc {

static void check(TranslationUnit &Unit) {
  // What is planned for broken code would not verify.
  if (Unit.context().getDiagnostics().hasUncompilableErrorOccurred())
    return;
  for (const ConversionOffer &Offer :
       offerConversions(Unit.context(), RewriteTarget::Coral))
    Unit.report(Offer.Where, "'" + Offer.Function +
                                 "' can be a coroutine; run 'coral rewrite' to "
                                 "convert it")
        .fix(FixSafety::Unsafe, "convert to a coroutine", Offer.Edits);
}

static const RegisterCheck
    Register("coral-convertible", LevelOff,
             "callbacks, generators and coroutines of Asio that 'coral "
             "rewrite' converts",
             check);

} // namespace coralc
