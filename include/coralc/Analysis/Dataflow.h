//===--- Dataflow.h - Forward dataflow over a function ----------*- C++ -*-===//
//
// What is true at a place in a function depends on the ways control can get
// there. A forward analysis starts with what is true on entry, follows every
// element and every edge, and joins what arrives at a block from several
// sides, until nothing changes any more.
//
// A Domain says what "true" is:
//
//   using State = ...;                     // one element of the lattice
//   State entry();                         // on entry to the function
//   void transfer(const CFGElement &, State &);
//   void follow(const CFGBlock &From, unsigned Successor, State &);
//                                          // what taking this edge says
//   bool join(State &Into, const State &From);
//                                          // least upper bound; did it change?
//
// The laws that make it end with the right answer: join is commutative,
// associative and idempotent; transfer and follow are monotone; no state can
// grow for ever.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_DATAFLOW_H
#define CORALC_ANALYSIS_DATAFLOW_H

#include "coralc/Analysis/Conditions.h"
#include "clang/Analysis/Analyses/PostOrderCFGView.h"
#include "clang/Analysis/CFG.h"
#include "clang/Analysis/FlowSensitive/DataflowWorklist.h"
#include <optional>
#include <vector>

namespace coralc {

/// Runs \p Domain to its fixed point. The result holds the state on entry to
/// each block by block id; blocks that cannot be reached have none.
template <class Domain>
std::vector<std::optional<typename Domain::State>>
runForward(const clang::CFG &Graph, Domain &Analysis) {
  using State = typename Domain::State;
  std::vector<std::optional<State>> OnEntry(Graph.getNumBlockIDs());
  clang::PostOrderCFGView View(&Graph);
  clang::ForwardDataflowWorklist Worklist(Graph, &View);
  OnEntry[Graph.getEntry().getBlockID()] = Analysis.entry();
  Worklist.enqueueBlock(&Graph.getEntry());
  while (const clang::CFGBlock *Block = Worklist.dequeue()) {
    State AtEnd = *OnEntry[Block->getBlockID()];
    for (const clang::CFGElement &Element : *Block)
      Analysis.transfer(Element, AtEnd);
    unsigned Index = 0;
    for (const clang::CFGBlock::AdjacentBlock &Next : Block->succs()) {
      unsigned Successor = Index++;
      if (!Next.isReachable() || Conditions::isNeverTaken(*Block, Successor))
        continue;
      State Along = AtEnd;
      Analysis.follow(*Block, Successor, Along);
      std::optional<State> &Into = OnEntry[Next->getBlockID()];
      if (!Into) {
        Into = std::move(Along);
        Worklist.enqueueBlock(Next);
      } else if (Analysis.join(*Into, Along)) {
        Worklist.enqueueBlock(Next);
      }
    }
  }
  return OnEntry;
}

} // namespace coralc

#endif
