//===--- Executor.h - Where an operation's handler runs ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_EXECUTOR_H
#define CORALC_REWRITES_ENGINE_EXECUTOR_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// An expression for the executor that \p Op's handler runs on, valid where
/// the agent is started; empty when there is none. \p SeesLocals: it is started
/// where the operation was, among the same variables.
std::string executorOf(const Operation &Op, const SourceText &Text,
                       bool SeesLocals);

} // namespace coralc

#endif
