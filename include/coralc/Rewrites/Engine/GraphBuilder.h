//===--- GraphBuilder.h - From syntax to the state graph --------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_GRAPHBUILDER_H
#define CORALC_REWRITES_ENGINE_GRAPHBUILDER_H

#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

struct BuiltGraph {
  StateGraph Graph;
  std::vector<FoundOperation> Operations;
};

/// Reads every function of the source files that starts an operation, and every
/// function reached from one by a tail call, into states. A state that does
/// not have the shape the engine needs carries its refusal. With \p Propagate,
/// callers of what begins an agent are coroutines by their colour (Colour.h).
BuiltGraph buildStateGraph(const SourceText &Text, const PatternList &Patterns,
                           bool Propagate = false);

} // namespace coralc

#endif
