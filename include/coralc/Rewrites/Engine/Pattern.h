//===--- Pattern.h - A front end of the rewriting engine --------*- C++ -*-===//
//
// A pattern teaches the engine one style of code: which calls start an
// operation and where their handler is, which functions deliver to a callback,
// which classes are generators built by hand. It recognises and nothing else;
// structure, lifetime, starts, text and verification belong to the engine.
//
// A pattern is one file under lib/Rewrites that registers itself:
//
//   static RegisterPattern<CompletionHandler> Register(
//       "completion-handler", "operations that take a completion token");
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_PATTERN_H
#define CORALC_REWRITES_ENGINE_PATTERN_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"
#include "coralc/Rewrites/Rewrite.h"
#include <variant>

namespace coralc {

struct BuiltGraph;

/// An operation that a pattern recognised, or why it will not do.
using OperationMatch = std::variant<Operation, Refusal>;

class Pattern {
public:
  virtual ~Pattern() = default;

  /// Comes before all questions about \p Text, and after each change of mind.
  virtual void read(const SourceText &Text) {}

  /// The operation that \p Call starts and whose handler is its continuation.
  /// Nothing when the call starts no operation of this pattern.
  virtual std::optional<OperationMatch>
  matchOperation(const clang::CallExpr &Call, const SourceText &Text) {
    return std::nullopt;
  }

  /// What \p Function hands to a callback parameter when it is done. Nothing
  /// when it has no such parameter.
  virtual std::optional<Delivery>
  matchDelivery(const clang::FunctionDecl &Function, const SourceText &Text) {
    return std::nullopt;
  }

  /// \p Function is all this pattern's: no state goes on in it.
  virtual bool owns(const clang::FunctionDecl &Function) { return false; }

  /// \p Function becomes a coroutine by this pattern, in which it runs again
  /// and again: no other agent goes on in it, but some may begin.
  virtual bool isRepeated(const clang::FunctionDecl &Function) { return false; }

  /// Adds states that are no functions of their own, such as those of a
  /// generator built by hand.
  virtual void addStates(BuiltGraph &Built, const SourceText &Text) {}

  /// Looks at what was built on this pattern's word. Returns true when it
  /// changes its mind about something, and everything is built anew.
  virtual bool reconsider(const StateGraph &Graph) { return false; }

  llvm::StringRef Name;
  /// What the user asked for.
  RewriteOptions Options;
};

/// The patterns that run, in order of name.
using PatternList = std::vector<std::unique_ptr<Pattern>>;

/// Those that \p Options name, or all.
PatternList makePatterns(const RewriteOptions &Options);

struct PatternEntry {
  llvm::StringRef Name;
  llvm::StringRef Summary;
  std::unique_ptr<Pattern> (*Make)();
};
void registerPattern(PatternEntry Entry);

template <typename T> struct RegisterPattern {
  RegisterPattern(llvm::StringRef Name, llvm::StringRef Summary) {
    registerPattern({Name, Summary, []() -> std::unique_ptr<Pattern> {
                       return std::make_unique<T>();
                     }});
  }
};

/// A static object of this type puts a reason to refuse on the list; its page
/// is docs/refusals/ID.md.
struct RegisterRefusal {
  RegisterRefusal(llvm::StringRef Id, llvm::StringRef Summary);
};

} // namespace coralc

#endif
