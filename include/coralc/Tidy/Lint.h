//===--- Lint.h - Runs the checks over one translation unit -----*- C++ -*-===//

#ifndef CORALC_TIDY_LINT_H
#define CORALC_TIDY_LINT_H

#include "coralc/Exec/CompileCommand.h"
#include "coralc/Support/Finding.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace coralc {

struct LintOptions {
  /// clang-tidy globs over check ids; empty means all of the level, and what
  /// the nearest .clang-tidy says about Coral's checks.
  std::string Checks;
  /// 0 (quiet), 1 or 2 (strict): up to which level globs select checks. Without
  /// one, the option CoralLevel of the nearest .clang-tidy, else 0.
  std::optional<unsigned> Level;
  /// Findings in headers are kept when the header's path matches.
  std::string HeaderFilter;
};

struct LintResult {
  std::vector<Finding> Findings;
  /// The translation unit did not parse: findings may be missing.
  bool Incomplete = false;
};

/// Lints one translation unit. NOLINT comments are honoured as in clang-tidy.
LintResult lintTranslationUnit(const CompileCommand &Command,
                               const LintOptions &Options);

/// What is known of a check before it runs.
struct CheckInfo {
  llvm::StringRef Id;
  llvm::StringRef Summary;
  /// Absent for a check that runs only when it is named in full.
  std::optional<unsigned> Level;
};

/// Every registered check, sorted by id.
std::vector<CheckInfo> listChecks();

} // namespace coralc

#endif
