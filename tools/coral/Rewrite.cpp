//===--- Rewrite.cpp - coral rewrite --------------------------------------===//

#include "coralc/Rewrites/Rewrite.h"
#include "Commands.h"
#include "TranslationUnits.h"

using namespace llvm;

namespace coralc {

template <typename Wire> void fields(Wire &W, RewrittenFile &F) {
  W(F.Path, F.Before, F.After);
}
template <typename Wire> void fields(Wire &W, RewriteResult &R) {
  W(R.Sites, R.Files, R.Errors);
}

Expected<int> runRewrite(const Arguments &Args) {
  return usageError("not here");
}

} // namespace coralc
