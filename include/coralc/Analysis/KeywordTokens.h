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
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <vector>

namespace clang {
class FunctionDecl;
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
  /// There is a trailing return type, or the name of what may be one.
  bool HasReturnType;
  /// A `return` or `co_return` in it has an operand.
  bool ReturnsValue;
  /// Where `return` stands in it, lambdas in it aside.
  std::vector<clang::SourceLocation> Returns;
};

/// A '{' that is open where a keyword stands.
struct OpenBrace {
  enum KindTy {
    /// No statement is in it: it initializes something.
    List,
    /// A block, or the body of a control statement.
    Block,
    Handler,
    Lambda,
    Namespace,
    /// The body of a function, a class, or whatever a macro makes of it: the
    /// text alone does not say.
    Other
  };
  KindTy Kind;
  clang::SourceLocation Where;
};

struct CoroutineKeyword {
  /// "co_await", "co_yield" or "co_return".
  llvm::StringRef Text;
  clang::SourceLocation Where;
  /// The braces around it, innermost first, up to the first that is a lambda's
  /// or of a kind that the text does not show. A handler is followed by the
  /// block that it handles exceptions of.
  llvm::SmallVector<OpenBrace, 4> Braces;
  /// The lambda that the last of them is the body of.
  std::optional<LambdaText> Lambda;
};

/// The coroutine keywords in \p File, in order, those in \p Skipped left out.
std::vector<CoroutineKeyword>
coroutineKeywords(clang::FileID File, const clang::SourceManager &Sources,
                  const clang::LangOptions &Language,
                  llvm::ArrayRef<clang::SourceRange> Skipped);

/// Does the keyword stand in the initializer, or the default argument, of what
/// \p Name declares? Not if anything is between them that is no initializer.
bool isInitializerOf(clang::SourceLocation Name,
                     const CoroutineKeyword &Keyword,
                     const clang::SourceManager &Sources,
                     const clang::LangOptions &Language);

/// The function or lambda that a keyword belongs to, as far as that is known.
struct KeywordOwner {
  /// Its body is in the AST; null if it is not.
  const clang::FunctionDecl *Function = nullptr;
  /// The keyword is in one of its handlers.
  bool InHandler = false;
};

/// Functions by the place where their bodies begin.
class FunctionBodies {
public:
  FunctionBodies(llvm::ArrayRef<const clang::FunctionDecl *> Functions,
                 const clang::SourceManager &Sources);

  /// A lambda that the AST has not, or a body that the text shows and the AST
  /// does not, has no function, nor has what is around it.
  KeywordOwner ownerOf(const CoroutineKeyword &Keyword) const;

private:
  llvm::DenseMap<clang::SourceLocation, const clang::FunctionDecl *> ByBrace;
};

/// Where `return` stands between \p Body's ends, lambdas aside.
std::vector<clang::SourceLocation>
returnKeywords(clang::SourceRange Body, const clang::SourceManager &Sources,
               const clang::LangOptions &Language);

} // namespace coralc

#endif
