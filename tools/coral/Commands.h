//===--- Commands.h - What each command of coral does -----------*- C++ -*-===//

#ifndef CORAL_COMMANDS_H
#define CORAL_COMMANDS_H

#include "Options.h"

namespace coralc {

/// What a run of `coral` ends with.
enum ExitCode {
  Clean = 0,
  /// There are findings, or `rewrite --diff` has a diff.
  HasFindings = 1,
  /// Usage, configuration or internal error.
  Failed = 2,
  /// A translation unit did not parse, or its worker crashed. Wins over
  /// HasFindings.
  Incomplete = 3
};

llvm::Expected<int> runLint(const Arguments &Args);
llvm::Expected<int> runRewrite(const Arguments &Args);
llvm::Expected<int> runExplain(const Arguments &Args);
llvm::Expected<int> runList(const Arguments &Args);

} // namespace coralc

#endif
