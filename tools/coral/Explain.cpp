//===--- Explain.cpp - coral explain --------------------------------------===//

#include "Commands.h"
#include "Pages.h"
#include "coralc/Support/Suggest.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {

Expected<int> runExplain(const Arguments &Args) {
  std::vector<std::string> Ids = Args.positional();
  if (Ids.size() != 1)
    return usageError("explain takes one id, the name in brackets at the end "
                      "of a message; see 'coral list'");
  const Page *Found = findPage(Ids.front());
  if (!Found) {
    std::string Hint = didYouMean(
        Ids.front(),
        map_to_vector(pages(), [](const Page &P) { return P.id(); }));
    return usageError("no page for '" + Ids.front() + "'" +
                      (Hint.empty() ? "; see 'coral list'" : Hint));
  }
  outs() << Found->body();
  return Clean;
}

} // namespace coralc
