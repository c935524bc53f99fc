//===--- OperationFinder.h - Every operation of a unit -------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_OPERATIONFINDER_H
#define CORALC_REWRITES_ENGINE_OPERATIONFINDER_H

#include "coralc/Rewrites/Engine/Pattern.h"
#include "llvm/ADT/DenseMap.h"

namespace coralc {

/// An operation that was found, convertible or not, and the function that
/// starts it.
struct FoundOperation {
  clang::SourceLocation Where;
  const Pattern *Origin = nullptr;
  const clang::FunctionDecl *Function = nullptr;
};

struct FoundOperations {
  std::vector<FoundOperation> InOrder;
  llvm::DenseMap<const clang::CallExpr *, OperationMatch> Matches;
};

/// Shows every call in \p Text to the patterns.
FoundOperations findOperations(const SourceText &Text,
                               const PatternList &Patterns);

/// Calls \p Visit for the top-level declarations in the files of \p Text.
void forEachOwnDecl(const SourceText &Text,
                    llvm::function_ref<void(const clang::Decl *)> Visit);

} // namespace coralc

#endif
