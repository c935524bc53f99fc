//===--- Plan.cpp - What is asked of a plan -------------------------------===//

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool Agent::contains(const State *S) const { return is_contained(States, S); }

void forEachNode(const Block &Nodes, function_ref<void(const Node &)> Visit) {
  for (const Node &N : Nodes) {
    Visit(N);
    for (const Block *Inner : N.inner())
      forEachNode(*Inner, Visit);
  }
}

SmallVector<Block *, 4> Node::inner() {
  SmallVector<Block *, 4> Result{&Body, &Else};
  for (Arm &A : Arms)
    Result.push_back(&A.Body);
  return Result;
}

SmallVector<const Block *, 4> Node::inner() const {
  SmallVector<const Block *, 4> Result{&Body, &Else};
  for (const Arm &A : Arms)
    Result.push_back(&A.Body);
  return Result;
}

bool waitsFor(const Agent &A, const State &Entry) {
  return any_of(A.States, [&](const State *S) {
    bool Found = false;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Suspend &&
               Step.Op->How == Operation::Form::Task &&
               definitionOf(Step.Op->Call->getDirectCallee()) == Entry.Function;
    });
    return Found;
  });
}

const Operation *firstOperation(const Agent &A) {
  const Operation *First = nullptr;
  forEachNode(A.Body, [&](const Node &N) {
    if (N.waits() && (!First || (First->isPlainCall() && !N.Op->isPlainCall())))
      First = N.Op.get();
  });
  return First;
}

bool isLeft(const Block &Nodes) {
  return !Nodes.empty() && isLeft(Nodes.back());
}

bool isLeft(const Node &N) {
  switch (N.What) {
  case Node::Kind::Return:
  case Node::Kind::Continue:
  case Node::Kind::Break:
    return true;
  case Node::Kind::If:
    return isLeft(N.Body) && isLeft(N.Else);
  case Node::Kind::Switch:
    return all_of(N.Arms, [](const Node::Arm &A) {
      return A.Head.FallsThrough || (isLeft(A.Body) && !breaksOut(A.Body));
    });
  default:
    return false;
  }
}

bool breaksOut(const Block &Nodes) {
  return any_of(Nodes, [](const Node &N) {
    return N.What == Node::Kind::Break ||
           (N.What == Node::Kind::If &&
            (breaksOut(N.Body) || breaksOut(N.Else)));
  });
}

bool movesCall(const Node &N, const CallExpr &Call) {
  return N.What == Node::Kind::Code && N.Source && contains(N.Source, &Call);
}

bool startsIn(const Agent &A, const Node &N) {
  return A.beside() && movesCall(N, *A.beside());
}

} // namespace coralc
