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

PatternList makePatterns(const RewriteOptions &Options) {
  PatternList Result;
  for (const PatternEntry &Entry : patterns())
    if (Options.Patterns.empty() ||
        is_contained(Options.Patterns, Entry.Name)) {
      Result.push_back(Entry.Make());
      Result.back()->Name = Entry.Name;
      Result.back()->Options = Options;
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
