//===--- Flow.h - How the states of an agent go on --------------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_FLOW_H
#define CORALC_REWRITES_ENGINE_FLOW_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "llvm/ADT/SmallVector.h"

namespace coralc {

/// Calls \p Visit for every state that \p S jumps to.
void forEachJump(const State &S, llvm::function_ref<void(const State *)> Visit);

/// Reachability and dominance among the states of one agent. Agents have a
/// handful of states, so dominance is asked by removing a state.
class Flow {
public:
  explicit Flow(const State *Entry);

  /// All that the entry reaches, itself first.
  llvm::ArrayRef<const State *> states() const { return Order; }

  /// Every way from the entry to \p S leads through \p D.
  bool dominates(const State *D, const State *S) const;
  const State *immediateDominator(const State *S) const;
  bool reaches(const State *From, const State *To) const;

  bool isBackEdge(const State *From, const State *To) const;
  bool isLoopHeader(const State *S) const;
  /// How many jumps lead to \p S, back edges aside; being started counts as
  /// one.
  unsigned forwardEdges(const State *S) const;
  bool isMerge(const State *S) const { return forwardEdges(S) > 1; }

  /// \p S goes on in the loop that \p Header heads, other than by beginning a
  /// loop around that anew.
  bool staysInLoop(const State *S, const State *Header) const;

  /// What \p S goes on in is reached by no other way, and the agent ends there.
  bool endsIn(const State *S) const;

  /// A cycle that is entered in two places has no loop to become.
  bool isReducible() const;

private:
  bool comesBackThroughHeader(const State *To, const State *From) const;

  static void collect(const State *S, const State *Without,
                      llvm::SmallVectorImpl<const State *> &Reached);

  const State *Entry;
  llvm::SmallVector<const State *, 8> Order;
};

} // namespace coralc

#endif
