//===--- Suggest.cpp - "did you mean" -------------------------------------===//

#include "coralc/Support/Suggest.h"

using namespace llvm;

namespace coralc {

std::string didYouMean(StringRef Word, ArrayRef<StringRef> Candidates) {
  // A third of the word may be wrong, of a short word two letters that change
  // places; beyond that a suggestion misleads.
  unsigned Best = Word.size() / (Word.size() < 6 ? 2 : 3) + 1;
  StringRef Nearest;
  for (StringRef Candidate : Candidates) {
    unsigned Distance =
        Word.edit_distance(Candidate, /*AllowReplacements=*/true, Best);
    if (Distance < Best) {
      Best = Distance;
      Nearest = Candidate;
    }
  }
  return Nearest.empty() ? "" : "; did you mean '" + Nearest.str() + "'?";
}

} // namespace coralc
