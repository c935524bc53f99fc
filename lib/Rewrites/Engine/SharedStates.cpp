//===--- SharedStates.cpp - States that several agents go on in -----------===//

#include "coralc/Rewrites/Engine/SharedStates.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

using StateSet = SmallPtrSet<const State *, 16>;
/// The entries of the agents that a state belongs to, in the graph's order.
using Owners = SmallVector<const State *, 2>;

/// Each result that the handler of \p Op takes can be a variable of the
/// coroutine: it has the name of a parameter, or is the error. What a coroutine
/// returns gets any name.
bool namesResults(const Operation &Op) {
  if (Op.How == Operation::Form::Task || Op.How == Operation::Form::Completion)
    return true;
  return all_of(zip(Op.Bound->Target->parameters(), Op.Bound->Arguments),
                [&](const auto &Pair) {
                  const auto &[Parameter, Argument] = Pair;
                  return Argument.Value || Parameter->getDeclName() ||
                         (Op.error() && Argument.Result == 0);
                });
}

class Untangler {
public:
  explicit Untangler(StateGraph &Graph) : Graph(Graph) {}

  void run() {
    readJumps();
    callHandlers();
    // What is started is no longer part of what started it, and may have been
    // shared with others.
    for (bool Changed = true; Changed;) {
      readJumps();
      Changed = false;
      for (const auto &S : Graph.States)
        Changed |= startShared(*S, S->Steps);
    }
  }

private:
  //--- Who goes on where -------------------------------------------------//

  void readJumps() {
    OwnersOf.clear();
    StateSet Jumped;
    for (const auto &S : Graph.States)
      readJumps(*S, S->Steps, Jumped);
    for (const auto &S : Graph.States)
      if (!Jumped.contains(S.get()) || Graph.Starts.contains(S.get()))
        own(*S, *S);
    // Cycles that nobody starts.
    for (const auto &S : Graph.States)
      if (!OwnersOf.contains(S.get()))
        own(*S, *S);
  }

  void readJumps(const State &S, const Sequence &Steps, StateSet &Jumped) {
    for (const Step &Step : Steps) {
      for (const Sequence *Inner : Step.inner())
        readJumps(S, *Inner, Jumped);
      if (Step.What != Step::Kind::Jump)
        continue;
      Jumped.insert(Step.Target);
      if (S.Delivers)
        Delivering.insert(Step.Target);
      if (!Step.Source && !Step.Target->IsPart && !namesResults(*Step.Op))
        Nameless.insert(Step.Target);
    }
  }

  void own(const State &Entry, const State &S) {
    Owners &Of = OwnersOf[&S];
    if (!Of.empty() && Of.back() == &Entry)
      return;
    Of.push_back(&Entry);
    forEachStep(S.Steps, [&](const Step &Step) {
      if (Step.What == Step::Kind::Jump)
        own(Entry, *Step.Target);
    });
  }

  //--- Handlers that are called ------------------------------------------//

  void callHandlers() {
    StateSet Called;
    for (const auto &S : Graph.States)
      if (canBeCalled(*S) && hasToStay(*S))
        Called.insert(S.get());
    for (const auto &S : Graph.States)
      call(Called, S->Steps);
    Graph.Starts.remove_if(
        [&](const auto &Start) { return Called.contains(Start.first); });
    Graph.AddressTaken.remove_if(
        [&](const auto &Taken) { return Called.contains(Taken.first); });
    erase_if(Graph.States, [&](const std::unique_ptr<State> &S) {
      return Called.contains(S.get());
    });
  }

  /// Every way into \p S is a call that is written, or that of a handler,
  /// which names all it is given; nothing goes on in it, and nobody waits for
  /// what it delivers.
  bool canBeCalled(const State &S) const {
    return !S.Why && S.isPlain() && !S.IsPart && !S.Generator && !S.Direct &&
           !Delivering.contains(&S) && !Nameless.contains(&S);
  }

  bool hasToStay(const State &S) const {
    return OwnersOf.lookup(&S).size() > 1 || S.HasToStay ||
           Graph.Starts.contains(&S) || Graph.AddressTaken.contains(&S) ||
           isVirtual(*S.Function);
  }

  static void call(const StateSet &Called, Sequence &Steps) {
    for (size_t I = 0; I != Steps.size(); ++I) {
      Step &Jump = Steps[I];
      for (Sequence *Inner : Jump.inner())
        call(Called, *Inner);
      if (Jump.What != Step::Kind::Jump || !Called.contains(Jump.Target))
        continue;
      leave(Steps, I);
    }
  }

  /// The agent's way ends with what was a jump. A call that was written is
  /// code like any other; that of a handler follows its operation.
  static void leave(Sequence &Steps, size_t &I) {
    Step &Jump = Steps[I];
    Jump.What = Jump.Source ? Step::Kind::Code : Step::Kind::Call;
    if (Jump.Source && !Jump.Behind.empty())
      Jump.Leading.Comments.erase(Jump.Leading.Comments.rfind(Jump.Behind),
                                  Jump.Behind.size());
    Jump.Target = nullptr;
    Jump.Arguments.clear();
    Step End;
    End.What = Step::Kind::End;
    Steps.insert(Steps.begin() + ++I, std::move(End));
  }

  //--- Agents that are started -------------------------------------------//

  /// Where an agent of \p S goes on in what belongs to others too, it starts
  /// that as an agent of its own.
  bool startShared(const State &S, Sequence &Steps) {
    bool Changed = false;
    for (size_t I = 0; I != Steps.size(); ++I) {
      Step &Jump = Steps[I];
      for (Sequence *Inner : Jump.inner())
        Changed |= startShared(S, *Inner);
      if (Jump.What != Step::Kind::Jump || !isForeign(S, *Jump.Target))
        continue;
      const auto *E = dyn_cast_or_null<Expr>(Jump.Source);
      const auto *Call = dyn_cast_or_null<CallExpr>(E ? asWritten(E) : nullptr);
      if (!Jump.Source)
        // Its function stays, for the coroutine to call.
        Jump.Target->HasToStay = Jump.Target->IsCalledByCoroutines = true;
      else if (Call)
        Graph.Starts[Jump.Target].push_back({Call, S.Function, true});
      else
        continue;
      leave(Steps, I);
      Changed = true;
    }
    return Changed;
  }

  bool isForeign(const State &S, const State &Target) const {
    const Owners &Of = OwnersOf.at(&Target);
    return Of.size() > 1 && !Target.IsPart && !Delivering.contains(&Target) &&
           !Nameless.contains(&Target) &&
           (Of != OwnersOf.at(&S) || Graph.Starts.contains(&Target));
  }

  StateGraph &Graph;
  DenseMap<const State *, Owners> OwnersOf;
  /// Where agents go on that deliver something.
  StateSet Delivering;
  StateSet Nameless;
};

} // namespace

void untangleSharedStates(StateGraph &Graph) { Untangler(Graph).run(); }

} // namespace coralc
