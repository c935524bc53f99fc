//===--- Rewrite.h - What a rewrite of one translation unit is --*- C++ -*-===//
//
// A rewrite pattern turns one style of asynchronous or generator-style code
// into native coroutines. Patterns register themselves; the engine under
// Engine/ is shared by all of them.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_REWRITE_H
#define CORALC_REWRITES_REWRITE_H

#include "coralc/Exec/CompileCommand.h"
#include "coralc/Support/Finding.h"
#include "llvm/ADT/StringRef.h"
#include <functional>
#include <string>
#include <vector>

namespace clang {
class ASTUnit;
} // namespace clang

namespace coralc {

/// The coroutine library that the output is written for.
enum class RewriteTarget { Coral, Asio, Std };

/// What the user asked for.
struct RewriteOptions {
  RewriteTarget Target = RewriteTarget::Coral;
  /// Names of the patterns to apply; empty means all.
  std::vector<std::string> Patterns;
  /// Lints a parsed translation unit, nothing when it is not to be linted.
  /// What this finds in the output and not in the input, the rewrite withdraws.
  std::function<std::vector<Finding>(clang::ASTUnit &)> Lint;
};

/// A file as it becomes.
struct RewrittenFile {
  std::string Path;
  std::string Before;
  std::string After;
};

/// The outcome for one translation unit. Nothing has been written to disk.
struct RewriteResult {
  std::vector<RewriteSite> Sites;
  std::vector<RewrittenFile> Files;
  /// The input did not compile: the errors, in Clang's words. No file changes.
  std::vector<Finding> Errors;
};

/// Plans, edits and verifies the rewrite of one translation unit in memory.
RewriteResult rewriteTranslationUnit(const CompileCommand &Command,
                                     const RewriteOptions &Options);

/// Name and one-line summary of every registered pattern, sorted by name.
struct RewriteInfo {
  llvm::StringRef Name;
  llvm::StringRef Summary;
};
std::vector<RewriteInfo> listRewrites();

/// Id and one-line summary of every reason to refuse, sorted by id.
struct RefusalInfo {
  llvm::StringRef Id;
  llvm::StringRef Summary;
};
std::vector<RefusalInfo> listRefusals();

} // namespace coralc

#endif
