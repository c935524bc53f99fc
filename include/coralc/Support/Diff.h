//===--- Diff.h - What changes in a file ------------------------*- C++ -*-===//

#ifndef CORALC_SUPPORT_DIFF_H
#define CORALC_SUPPORT_DIFF_H

#include "coralc/Support/Finding.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <vector>

namespace coralc {

/// A file as it was read and as it becomes.
struct FileChange {
  std::string Path;
  std::string Before;
  std::string After;
};

/// A unified diff that `patch -p1` and `git apply` take: three lines of
/// context, `a/` and `b/` before the path. Nothing if nothing changes.
void printUnifiedDiff(llvm::raw_ostream &OS, const FileChange &Change);

/// The same change as replacements of whole lines, in order.
std::vector<TextEdit> lineEdits(const FileChange &Change);

} // namespace coralc

#endif
