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
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace clang {
class ASTUnit;
} // namespace clang

namespace coralc {

/// The coroutine library that the output is written for.
enum class RewriteTarget { Coral, Asio, Std };

/// What becomes of a function that takes a callback when there is a coroutine
/// in its place.
enum class CallbackForm {
  /// It goes when nothing is seen to call it any more.
  Replaced,
  /// It stays, forwards to the coroutine, and is deprecated.
  Deprecated
};

/// A file as it becomes.
struct RewrittenFile {
  std::string Path;
  std::string Before;
  std::string After;
};

/// What the user asked for.
struct RewriteOptions {
  RewriteTarget Target = RewriteTarget::Coral;
  CallbackForm Callbacks = CallbackForm::Replaced;
  /// Callers of what becomes a coroutine become coroutines, too.
  bool Propagate = false;
  /// Qualified names of functions that call the callback which is their last
  /// argument once: who calls them awaits that.
  std::vector<std::string> Wrapped = {};
  /// Names of the patterns to apply; empty means all.
  std::vector<std::string> Patterns;
  /// Lints a parsed translation unit, nothing when it is not to be linted.
  /// What this finds in the output and not in the input, the rewrite withdraws.
  std::function<std::vector<Finding>(clang::ASTUnit &)> Lint = {};
  /// Headers that the rewrite of other units changes, by absolute path: this
  /// one is read with what they become.
  std::vector<RewrittenFile> Changed = {};
};

/// A digest of what the compiler made of a definition.
struct Meaning {
  /// Clang's name for it across translation units.
  std::string Usr;
  std::string Name;
  uint64_t Digest = 0;
};

/// What ties a translation unit to others of its program.
struct UnitLinks {
  /// Classes of which it defines some members and others define the rest.
  std::vector<std::string> Shares;
  /// Those of them that start operations here.
  std::vector<std::string> Wants;
  /// The names of callback functions, declared in headers, that have got a
  /// coroutine beside them here.
  std::vector<std::string> Offers;
  /// What its code means; empty when it shares nothing.
  std::vector<Meaning> Meanings;
};

/// The outcome for one translation unit, or for several that were read as one.
/// Nothing has been written to disk.
struct RewriteResult {
  std::vector<RewriteSite> Sites;
  std::vector<RewrittenFile> Files;
  /// The input did not compile: the errors, in Clang's words. No file changes.
  std::vector<Finding> Errors;
  UnitLinks Links;
  /// Why units could not be read as one, if that was tried. Then there is
  /// nothing else.
  std::string NotJoined;
};

/// Plans, edits and verifies the rewrite of one translation unit in memory.
RewriteResult rewriteTranslationUnit(const CompileCommand &Command,
                                     const RewriteOptions &Options);

/// A unit that was looked at on its own.
struct KnownUnit {
  CompileCommand Command;
  std::vector<Meaning> Meanings;
};

/// The same for units that share classes, as if they were one.
RewriteResult rewriteJoined(const std::vector<KnownUnit> &Units,
                            const RewriteOptions &Options);

/// The errors of a unit as it is and as it becomes.
struct UnitCheck {
  std::vector<Finding> Before;
  std::vector<Finding> After;
};

/// Compiles \p Command with \p Files, whose paths are absolute, as they become;
/// and, if that fails, as they are.
UnitCheck checkUnit(const CompileCommand &Command,
                    const std::vector<RewrittenFile> &Files);

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
