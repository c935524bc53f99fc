//===--- SharedHandlers.cpp - Handlers that stay functions ----------------===//

#include "coralc/Rewrites/Engine/SharedHandlers.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclCXX.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

using StateSet = SmallPtrSet<const State *, 16>;

void reach(const State &From, StateSet &Reached) {
  if (!Reached.insert(&From).second)
    return;
  forEachStep(From.Steps, [&](const Step &Step) {
    if (Step.What == Step::Kind::Jump)
      reach(*Step.Target, Reached);
  });
}

class HandlerCalls {
public:
  explicit HandlerCalls(StateGraph &Graph) : Graph(Graph) {}

  void run() {
    countOwners();
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

private:
  void countOwners() {
    for (const auto &S : Graph.States)
      noteJumps(*S, S->Steps);
    for (const auto &S : Graph.States) {
      if (Jumped.contains(S.get()) && !Graph.Starts.contains(S.get()))
        continue;
      StateSet Reached;
      reach(*S, Reached);
      for (const State *Owned : Reached)
        ++Owners[Owned];
    }
  }

  void noteJumps(const State &S, const Sequence &Steps) {
    for (const auto &[I, Step] : enumerate(Steps)) {
      noteJumps(S, Step.Then);
      noteJumps(S, Step.Else);
      if (Step.What != Step::Kind::Jump)
        continue;
      Jumped.insert(Step.Target);
      if (S.Delivers)
        Delivering.insert(Step.Target);
      if (!Step.Source && !Step.Target->IsPart &&
          !namesResults(*Steps[I - 1].Op))
        Nameless.insert(Step.Target);
    }
  }

  /// Each result that the handler of \p Op takes is a variable of the
  /// coroutine: it has the name of a parameter, or is the error.
  static bool namesResults(const Operation &Op) {
    return all_of(zip(Op.Bound->Target->parameters(), Op.Bound->Arguments),
                  [&](const auto &Pair) {
                    const auto &[Parameter, Argument] = Pair;
                    return Argument.Value || Parameter->getDeclName() ||
                           (Op.error() && Argument.Result == 0);
                  });
  }

  /// Every way into \p S is that of a handler, which names all it is given;
  /// nothing goes on in it, and nobody waits for what it delivers.
  bool canBeCalled(const State &S) const {
    return !S.Why && S.isPlain() && !S.IsPart && !S.Generator && !S.Direct &&
           !Delivering.contains(&S) && !Nameless.contains(&S);
  }

  bool hasToStay(const State &S) const {
    return Owners.lookup(&S) > 1 || S.HasUnseenCallers ||
           Graph.Starts.contains(&S) || Graph.AddressTaken.contains(&S) ||
           isVirtual(*S.Function);
  }

  static void call(const StateSet &Called, Sequence &Steps) {
    for (size_t I = 0; I != Steps.size(); ++I) {
      Step &Jump = Steps[I];
      call(Called, Jump.Then);
      call(Called, Jump.Else);
      if (Jump.What != Step::Kind::Jump || !Called.contains(Jump.Target))
        continue;
      if (Jump.Source) {
        // A call that was written stays.
        Jump.What = Step::Kind::Code;
        Jump.Target = nullptr;
        Jump.Arguments.clear();
      } else {
        // That of a handler follows its operation.
        Jump.What = Step::Kind::Call;
        Jump.Op = Steps[I - 1].Op;
      }
      Step End;
      End.What = Step::Kind::End;
      Steps.insert(Steps.begin() + ++I, std::move(End));
    }
  }

  StateGraph &Graph;
  StateSet Jumped;
  DenseMap<const State *, unsigned> Owners;
  /// Where agents go on that deliver something.
  StateSet Delivering;
  StateSet Nameless;
};

} // namespace

void callSharedHandlers(StateGraph &Graph) { HandlerCalls(Graph).run(); }

} // namespace coralc
