//===--- Flow.cpp - How the states of an agent go on ----------------------===//

#include "coralc/Rewrites/Engine/Flow.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace coralc {

void forEachJump(const State &S, function_ref<void(const State *)> Visit) {
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.What == Step::Kind::Jump)
      Visit(Step.Target);
  });
}

Flow::Flow(const State *Entry) : Entry(Entry) {
  collect(Entry, nullptr, Order);
}

bool Flow::dominates(const State *D, const State *S) const {
  if (D == S)
    return true;
  SmallVector<const State *, 8> Reached;
  if (D != Entry)
    collect(Entry, D, Reached);
  return !is_contained(Reached, S);
}

bool Flow::reaches(const State *From, const State *To) const {
  SmallVector<const State *, 8> Reached;
  forEachJump(*From, [&](const State *Next) {
    if (!is_contained(Reached, Next))
      collect(Next, nullptr, Reached);
  });
  return is_contained(Reached, To);
}

bool Flow::isBackEdge(const State *From, const State *To) const {
  return dominates(To, From);
}

bool Flow::isLoopHeader(const State *S) const {
  return any_of(Order, [&](const State *From) {
    bool Back = false;
    forEachJump(*From, [&](const State *To) {
      Back |= To == S && isBackEdge(From, To);
    });
    return Back;
  });
}

unsigned Flow::forwardEdges(const State *S) const {
  unsigned Count = S == Entry;
  for (const State *From : Order)
    forEachJump(*From, [&](const State *To) {
      Count += To == S && !isBackEdge(From, To);
    });
  return Count;
}

const State *Flow::immediateDominator(const State *S) const {
  const State *Result = nullptr;
  for (const State *D : Order)
    if (D != S && dominates(D, S) && (!Result || dominates(Result, D)))
      Result = D;
  return Result;
}

bool Flow::staysInLoop(const State *S, const State *Header) const {
  SmallVector<const State *, 8> Reached;
  collect(S, Header, Reached);
  return any_of(Reached, [&](const State *From) {
    bool Back = false;
    forEachJump(*From, [&](const State *To) { Back |= To == Header; });
    return Back && isBackEdge(From, Header);
  });
}

bool Flow::endsIn(const State *S) const {
  SmallVector<const State *, 8> Reached;
  collect(S, nullptr, Reached);
  return all_of(Reached, [&](const State *R) { return dominates(S, R); });
}

bool Flow::isReducible() const {
  for (const State *From : Order) {
    bool Good = true;
    forEachJump(*From, [&](const State *To) {
      if (isBackEdge(From, To))
        return;
      // A forward edge must not be part of a cycle through its target that
      // avoids every common dominator, so the target must not come back
      // here except through a state that dominates both.
      if (reaches(To, From) && !comesBackThroughHeader(To, From))
        Good = false;
    });
    if (!Good)
      return false;
  }
  return true;
}

bool Flow::comesBackThroughHeader(const State *To, const State *From) const {
  return any_of(Order, [&](const State *H) {
    if (!dominates(H, To) || !dominates(H, From) || !isLoopHeader(H))
      return false;
    if (H == To || H == From)
      return true;
    SmallVector<const State *, 8> Reached;
    collect(To, H, Reached);
    return !is_contained(Reached, From);
  });
}

void Flow::collect(const State *S, const State *Without,
                   SmallVectorImpl<const State *> &Reached) {
  if (S == Without || is_contained(Reached, S))
    return;
  Reached.push_back(S);
  forEachJump(*S, [&](const State *Next) { collect(Next, Without, Reached); });
}

} // namespace coralc
