//===--- Registry.cpp - Patterns and refusals by name ---------------------===//

#include "coralc/Rewrites/Engine/Pattern.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static std::vector<PatternEntry> &patterns() {
  static std::vector<PatternEntry> Entries;
  return Entries;
}

void registerPattern(PatternEntry Entry) {
  std::vector<PatternEntry> &Entries = patterns();
  Entries.insert(upper_bound(Entries, Entry,
                             [](const PatternEntry &A, const PatternEntry &B) {
                               return A.Name < B.Name;
                             }),
                 Entry);
}

PatternList makePatterns(ArrayRef<std::string> Names, bool Propagate) {
  PatternList Result;
  for (const PatternEntry &Entry : patterns())
    if (Names.empty() || is_contained(Names, Entry.Name)) {
      Result.push_back(Entry.Make());
      Result.back()->Name = Entry.Name;
      Result.back()->Propagates = Propagate;
    }
  return Result;
}

std::vector<RewriteInfo> listRewrites() {
  std::vector<RewriteInfo> Result;
  for (const PatternEntry &Entry : patterns())
    Result.push_back({Entry.Name, Entry.Summary});
  return Result;
}

} // namespace coralc
