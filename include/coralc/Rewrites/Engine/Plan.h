//===--- Plan.h - Agents and their structured bodies ------------*- C++ -*-===//
//
// An agent is one logical sequence of operations: everything that is reached
// from one entry by handlers and tail calls. Agents are what becomes a
// coroutine or stays as a whole. The plan of an agent is a structured program
// over the user's own statements:
//
//   - states with one predecessor stand where they were jumped to,
//   - a state that dominates a jump back to it heads an endless loop,
//   - a state reached from several places stands once, after the branch that
//     dominates it (Ramsey, "Beyond Relooper", ICFP 2022),
//   - a branch with one arm that only ends the agent becomes a guard,
//   - a switch stays one.
//
// What has no such form without a flag or a goto is refused.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_PLAN_H
#define CORALC_REWRITES_ENGINE_PLAN_H

#include "coralc/Rewrites/Engine/Carried.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"

namespace coralc {

struct Node;
using Block = std::vector<Node>;

struct Node {
  enum class Kind {
    /// A statement of the user's.
    Code,
    /// Nothing but \c Leading: what it stood before is gone.
    Comment,
    If,
    Switch,
    /// An endless loop; \c Target heads it.
    Loop,
    Await,
    /// \c Body runs in a lambda, whose variables are not in the frame.
    Apart,
    /// The handler of \c Op is called.
    Call,
    /// Parameters of \c Target get \c Arguments: as new variables,
    Bind,
    /// as new variables that are assigned later,
    Declare,
    /// or as assignments.
    Assign,
    /// Control flow out of the middle of a block.
    Continue,
    Break,
    Return,
    /// Inside Structure.cpp only: go where \c Target stands, or behind the
    /// switch around, and a block that is followed by \c Target.
    FallTo,
    Leave,
    Region
  };
  Kind What = Kind::Code;
  Trivia Leading;
  /// If: null where it asks in which way \c Op has completed.
  const clang::Stmt *Source = nullptr;
  std::shared_ptr<Operation> Op;
  const State *Target = nullptr;
  llvm::SmallVector<const clang::Expr *, 2> Arguments;
  const clang::CallExpr *Call = nullptr;
  /// Return: which of several callbacks gets the values.
  unsigned Way = 0;
  /// If: the condition is negated.
  bool Negated = false;
  /// Code: the variable that \c Source declares lives on as this parameter of
  /// a later state, so its declaration becomes an assignment.
  const clang::ParmVarDecl *LivesOnAs = nullptr;
  Block Body, Else;
  struct Arm {
    ArmHead Head;
    Block Body;
  };
  /// Switch: in order of the text.
  std::vector<Arm> Arms;
  /// Loop: behind it there is nothing but the end of the coroutine.
  bool EndsBehind = false;
  /// Apart: some ways through \c Body end the coroutine.
  bool MayEnd = false;

  /// The blocks inside of it.
  llvm::SmallVector<Block *, 4> inner();
  llvm::SmallVector<const Block *, 4> inner() const;
  /// \c Op is started and waited for.
  bool waits() const {
    return (What == Kind::Await || (What == Kind::Return && Op)) &&
           Op->How != Operation::Form::Completion;
  }
};

struct Agent {
  const State *Entry = nullptr;
  std::vector<const State *> States;
  /// They stay what the entry got.
  CarriedParameters Carried;
  /// Empty when the plan was refused.
  Block Body;
  /// All of it is one loop.
  bool IsLoop = false;
  bool HoldsSelf = false;
  /// The object itself goes on, as a copy that the agent holds.
  bool HoldsObject = false;
  /// Every handler was the object moved, so that it need not be copied.
  bool MovesObject = false;
  /// Captures that are the variable from which they were moved: nothing else
  /// uses it then.
  llvm::SmallPtrSet<const clang::VarDecl *, 4> TakenOver;
  /// Parameters of the entry that the coroutine has by reference as well: it
  /// needs them until it first waits, and a copy would not do.
  llvm::SmallPtrSet<const clang::ParmVarDecl *, 2> StaysReferred;
  /// A member that the first operation is given, which may have changed when
  /// that starts: the agent gets it as \c Name where it is begun itself.
  struct Early {
    const clang::MemberExpr *Argument = nullptr;
    std::string Name;
  };
  llvm::SmallVector<Early, 1> TakenEarly;
  /// How the agent is started from outside.
  std::vector<StartSite> Starts;
  /// Where the entry is mentioned without being called: it is called from
  /// where nobody sees it, too.
  std::optional<clang::SourceLocation> AddressTaken;
  std::optional<Refusal> Why;
  /// The name of the coroutine that was written for it.
  std::string Coroutine;
  /// States that several ways go on in, and that go nowhere else, where these
  /// ways have no form without more branches than they had. A coroutine that
  /// the agent waits for would give them one.
  llvm::SmallVector<const State *, 2> SharedEnds;
  /// Who waits for the coroutine holds its object.
  bool IsHeldByOthers = false;

  bool contains(const State *S) const;
  /// The coroutine gets \p P, a parameter of the entry, by reference.
  bool getsReference(const clang::ParmVarDecl &P) const {
    return Entry->Referred.contains(&P) || StaysReferred.contains(&P);
  }
  /// The entry's function stays, and starts the coroutine.
  bool hasToStay() const { return Entry->HasToStay || AddressTaken; }
  /// The start in a function's middle from which the agent goes on beside it.
  const clang::CallExpr *beside() const { return Entry->Beside; }
  /// The function that an agent which begins beside another goes on in after
  /// its first operation, if it does: the agent takes its place.
  const State *next() const {
    return Entry->Beside && States.size() > 1 ? States[1] : nullptr;
  }
};

/// \p A waits for the coroutine that begins in \p Entry.
bool waitsFor(const Agent &A, const State &Entry);

/// What \p A is started for: in order of the text the first operation that it
/// starts itself, or else the first coroutine that it waits for.
const Operation *firstOperation(const Agent &A);

/// \p Call is inside the code that \p N moves.
bool movesCall(const Node &N, const clang::CallExpr &Call);

/// So is the call that starts \p A in a function's middle.
bool startsIn(const Agent &A, const Node &N);

/// Why \p S, which is mentioned at \p Where, cannot become a coroutine.
Refusal addressTaken(const State &S, clang::SourceLocation Where);

/// Partitions \p Graph into agents and structures each of them.
std::vector<Agent> planAgents(const StateGraph &Graph, const SourceText &Text);

/// Calls \p Visit for every node, inner ones included, in order of the text.
void forEachNode(const Block &Nodes,
                 llvm::function_ref<void(const Node &)> Visit);

/// Control never gets behind \p N, or to the end of \p Nodes, which say so.
bool isLeft(const Node &N);
bool isLeft(const Block &Nodes);

/// A break in \p Nodes leaves the loop or switch around them.
bool breaksOut(const Block &Nodes);

/// Checks that nobody sees the difference between an object that goes on
/// itself and one that hands itself over to its agent when it starts.
std::optional<Refusal> checkHandOver(const Agent &A);

/// Checks that the object of \p A is owned wherever \p A starts, if the agent
/// holds it before the code did.
std::optional<Refusal> checkFirstHold(const Agent &A, const SourceText &Text);

/// Checks that nothing outlives or is outlived by what it was not before;
/// returns why the agent must stay otherwise. Notes which captures are taken
/// over.
std::optional<Refusal> checkLifetimes(Agent &A);

} // namespace coralc

#endif
