//===--- Fixes.h - Fixes of many findings as one change ---------*- C++ -*-===//

#ifndef CORALC_REPORT_FIXES_H
#define CORALC_REPORT_FIXES_H

#include "coralc/Report/SourceFiles.h"
#include "coralc/Support/Diff.h"
#include "coralc/Support/Finding.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <vector>

namespace coralc {

/// What fixing does to the files.
struct FixPlan {
  /// In the order of their paths.
  std::vector<FileChange> Changes;
  /// The findings that stay: without a fix of the wanted safety, or with one
  /// that overlaps a fix taken before.
  std::vector<Finding> Left;
  size_t Fixed = 0;
  size_t Overlapping = 0;
};

/// The fix of \p F to apply: its first that is safe, or unsafe when
/// \p Limit is FixSafety::Unsafe. A fix that is only shown is never applied.
const Fix *chooseFix(const Finding &F, FixSafety Limit);

/// Takes the fixes in the order of the findings. A fix is taken whole or not
/// at all; edits that several fixes share are made once. Fails when a file is
/// no longer the one that was analysed.
llvm::Expected<FixPlan> planFixes(llvm::ArrayRef<Finding> Findings,
                                  FixSafety Limit, SourceFiles &Sources);

/// \p A and \p B, two changes of the same file, as one; nothing when they
/// change the same place differently. \p B may begin with what \p A makes of
/// the file, or a part of that.
std::optional<FileChange> mergeChanges(const FileChange &A,
                                       const FileChange &B);

/// Prints findings and the fixes of \p Limit as clang-apply-replacements reads
/// them. Paths are relative to the current directory.
void printFixesYaml(llvm::raw_ostream &OS, llvm::ArrayRef<Finding> Findings,
                    FixSafety Limit, SourceFiles &Sources);

/// Prints changes of files as clang-apply-replacements reads them.
void printChangesYaml(llvm::raw_ostream &OS,
                      llvm::ArrayRef<FileChange> Changes);

} // namespace coralc

#endif
