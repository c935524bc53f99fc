//===--- KeywordTokens.h - Coroutine keywords in the text -------*- C++ -*-===//
//
// Where a coroutine keyword may not stand, Clang reports an error and keeps no
// expression: the AST shows an empty statement, an invalid declaration, or
// nothing. The keyword is still in the text, and so is the structure around it
// that matters: which braces belong to a lambda, which to a handler, which to
// the function itself.
//
// The text is read as it stands: nothing is expanded, directives are stepped
// over, and what the preprocessor skipped is left out if the caller knows it.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_KEYWORDTOKENS_H
#define CORALC_ANALYSIS_KEYWORDTOKENS_H

#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <vector>

namespace clang {
class LangOptions;
class SourceManager;
} // namespace clang

namespace coralc {

/// A lambda as the text shows it.
struct LambdaText {
  /// The '['.
  clang::SourceLocation Introducer;
  /// Just behind ']' or, if there are parameters, behind ')' and what follows
  /// it up to the body.
  clang::SourceLocation BeforeBody;
  bool HasParameters;
  /// There is a trailing return type.
  bool HasReturnType;
  /// A `return` or `co_return` in it has an operand.
  bool ReturnsValue;
  /// Where `return` stands in it, lambdas in it aside.
  std::vector<clang::SourceLocation> Returns;
};

struct CoroutineKeyword {
  /// "co_await", "co_yield" or "co_return".
  llvm::StringRef Text;
  clang::SourceLocation Where;
  /// The innermost lambda around it.
  std::optional<LambdaText> Lambda;
  /// It stands in a handler of that lambda, or of the function if there is
  /// none.
  bool InHandler = false;
  /// The '{' of the innermost block, or class, or namespace, around it.
  clang::SourceLocation Block;
};

/// The coroutine keywords in \p File, in order, those in \p Skipped left out.
std::vector<CoroutineKeyword>
coroutineKeywords(clang::FileID File, const clang::SourceManager &Sources,
                  const clang::LangOptions &Language,
                  llvm::ArrayRef<clang::SourceRange> Skipped);

/// Where `return` stands between \p Body's ends, lambdas aside.
std::vector<clang::SourceLocation>
returnKeywords(clang::SourceRange Body, const clang::SourceManager &Sources,
               const clang::LangOptions &Language);

} // namespace coralc

#endif
