//===--- GraphBuilder.h - From syntax to the state graph --------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_GRAPHBUILDER_H
#define CORALC_REWRITES_ENGINE_GRAPHBUILDER_H

#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// An operation that was found, convertible or not, and the function that
/// starts it.
struct FoundOperation {
  clang::SourceLocation Where;
  const Pattern *Origin = nullptr;
  const clang::FunctionDecl *Function = nullptr;
};

struct BuiltGraph {
  StateGraph Graph;
  std::vector<FoundOperation> Operations;
};

/// Reads every function of the main file that starts an operation, and every
/// function reached from one by a tail call, into states. A state that does
/// not have the shape the engine needs carries its refusal.
BuiltGraph buildStateGraph(const SourceText &Text, const PatternList &Patterns);

/// \p F's definition in this translation unit, else \p F.
const clang::FunctionDecl *definitionOf(const clang::FunctionDecl *F);

/// \p E without what the compiler put around it: the call, lambda or
/// reference that the user wrote.
const clang::Expr *asWritten(const clang::Expr *E);

/// \p E is shared_from_this().
bool isSharedFromThis(const clang::Expr *E);

} // namespace coralc

#endif
