//===--- Structure.cpp - From states to a structured coroutine ------------===//

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/SwitchArms.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Unsized.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/DenseSet.h"
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

namespace {

void forEachJump(const State &S, function_ref<void(const State *)> Visit) {
  forEachStep(S.Steps, [&](const Step &Step) {
    if (Step.What == Step::Kind::Jump)
      Visit(Step.Target);
  });
}

/// Reachability and dominance among the states of one agent. Agents have a
/// handful of states, so dominance is asked by removing a state.
class Flow {
public:
  explicit Flow(const State *Entry) : Entry(Entry) {
    collect(Entry, nullptr, Order);
  }

  ArrayRef<const State *> states() const { return Order; }

  bool dominates(const State *D, const State *S) const {
    if (D == S)
      return true;
    SmallVector<const State *, 8> Reached;
    if (D != Entry)
      collect(Entry, D, Reached);
    return !is_contained(Reached, S);
  }

  bool reaches(const State *From, const State *To) const {
    SmallVector<const State *, 8> Reached;
    forEachJump(*From, [&](const State *Next) {
      if (!is_contained(Reached, Next))
        collect(Next, nullptr, Reached);
    });
    return is_contained(Reached, To);
  }

  bool isBackEdge(const State *From, const State *To) const {
    return dominates(To, From);
  }

  bool isLoopHeader(const State *S) const {
    return any_of(Order, [&](const State *From) {
      bool Back = false;
      forEachJump(*From, [&](const State *To) {
        Back |= To == S && isBackEdge(From, To);
      });
      return Back;
    });
  }

  unsigned forwardEdges(const State *S) const {
    unsigned Count = S == Entry;
    for (const State *From : Order)
      forEachJump(*From, [&](const State *To) {
        Count += To == S && !isBackEdge(From, To);
      });
    return Count;
  }

  bool isMerge(const State *S) const { return forwardEdges(S) > 1; }

  const State *immediateDominator(const State *S) const {
    const State *Result = nullptr;
    for (const State *D : Order)
      if (D != S && dominates(D, S) && (!Result || dominates(Result, D)))
        Result = D;
    return Result;
  }

  /// \p S goes on in the loop that \p Header heads, other than by beginning a
  /// loop around that anew.
  bool staysInLoop(const State *S, const State *Header) const {
    SmallVector<const State *, 8> Reached;
    collect(S, Header, Reached);
    return any_of(Reached, [&](const State *From) {
      bool Back = false;
      forEachJump(*From, [&](const State *To) { Back |= To == Header; });
      return Back && isBackEdge(From, Header);
    });
  }

  /// What \p S goes on in is reached by no other way, and the agent ends there.
  bool endsIn(const State *S) const {
    SmallVector<const State *, 8> Reached;
    collect(S, nullptr, Reached);
    return all_of(Reached, [&](const State *R) { return dominates(S, R); });
  }

  /// A cycle that is entered in two places has no loop to become.
  bool isReducible() const {
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

private:
  bool comesBackThroughHeader(const State *To, const State *From) const {
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

  static void collect(const State *S, const State *Without,
                      SmallVectorImpl<const State *> &Reached) {
    if (S == Without || is_contained(Reached, S))
      return;
    Reached.push_back(S);
    forEachJump(*S,
                [&](const State *Next) { collect(Next, Without, Reached); });
  }

  const State *Entry;
  SmallVector<const State *, 8> Order;
};

class Structurer {
public:
  Structurer(Agent &A, const SourceText &Text)
      : A(A), Text(Text), States(A.Entry) {}

  void run() {
    if (!States.isReducible())
      return refuse(A.Entry, "the handlers form a cycle that is entered in "
                             "two places; give it one entry");
    for (bool Leaves : {false, true})
      for (bool Nests : {false, true}) {
        if (structure(Nests, Leaves))
          return;
        if (!Nests && !Leaves)
          findSharedEnds();
      }
    refuse(A.Entry,
           "two branches continue in different shared handlers, which needs a "
           "jump that C++ does not have; let one of the handlers call the "
           "other");
  }

private:
  /// \p Nests: what stands behind a branch becomes an arm of it. \p Leaves:
  /// what a loop goes on in when it is over stands behind it.
  bool structure(bool Nests, bool Leaves) {
    LeavesLoops = Leaves;
    A.Body = place(A.Entry);
    A.IsLoop = A.Body.size() == 1 && A.Body.front().What == Node::Kind::Loop;
    if (Nests)
      nest(A.Body);
    flattenGuards(A.Body);
    placeDeclarations(A.Body);
    if (!resolve(A.Body, {Node::Kind::Return, nullptr}, {}))
      return false;
    dropElseBehindLeave(A.Body);
    return true;
  }

  /// Inner ones first: the others are found when those are coroutines.
  void findSharedEnds() {
    for (const State *S : States.states())
      if (S != A.Entry && !S->isPlain() && States.isMerge(S) &&
          States.endsIn(S))
        A.SharedEnds.push_back(S);
  }

  void refuse(const State *S, StringRef Message) {
    A.Why =
        Refusal{"irreducible-flow", S->Function->getLocation(), Message.str()};
  }

  /// The block that runs from the entry of \p S to the ends of everything
  /// that \p S dominates.
  Block place(const State *S) {
    SmallVector<const State *, 4> Merges;
    for (const State *M : States.states())
      if (M != S && States.isMerge(M) && States.immediateDominator(M) == S)
        Merges.push_back(M);
    // An earlier merge may jump to a later one, so the innermost region is
    // the one that ends at the earliest.
    llvm::sort(Merges, [&](const State *L, const State *R) {
      return States.reaches(L, R) && !States.reaches(R, L);
    });

    Block Result = lower(S->Steps, S);
    bool IsLoop = States.isLoopHeader(S);
    bool IsOwn =
        S->Function != A.Entry->Function && S != A.next() && !S->IsPart;
    if (IsOwn && !IsLoop && !Result.empty())
      takeOverComments(*S, Result.front().Leading);
    auto IsBehindLoop = [&](const State *M) {
      return LeavesLoops && IsLoop && !States.staysInLoop(M, S);
    };
    for (const State *M : Merges) {
      if (IsBehindLoop(M))
        continue;
      Block *Arm = armWithJumps(Result, M);
      addBehind(Arm ? *Arm : Result, M);
    }
    if (!IsLoop)
      return Result;
    Node Loop;
    Loop.What = Node::Kind::Loop;
    Loop.Target = S;
    Loop.Body = std::move(Result);
    if (IsOwn)
      takeOverComments(*S, Loop.Leading);
    Block Wrapped;
    Wrapped.push_back(std::move(Loop));
    for (const State *M : Merges)
      if (IsBehindLoop(M))
        addBehind(Wrapped, M);
    return Wrapped;
  }

  /// Lets \p M stand behind \p B, from which it is jumped to.
  void addBehind(Block &B, const State *M) {
    Node Region;
    Region.What = Node::Kind::Region;
    Region.Target = M;
    Region.Body = std::move(B);
    B.clear();
    if (!hasAllValues(*M)) {
      Node Declare;
      Declare.What = Node::Kind::Declare;
      Declare.Target = M;
      B.push_back(std::move(Declare));
    }
    B.push_back(std::move(Region));
    append(B, place(M));
  }

  static bool jumpsTo(const Block &B, const State *M) {
    bool Found = false;
    forEachNode(B, [&](const Node &N) {
      Found |= N.What == Node::Kind::FallTo && N.Target == M;
    });
    return Found;
  }

  /// The innermost arm of a switch in \p B that has all jumps to \p M; null
  /// where there is none. Control never gets to the end of it.
  static Block *armWithJumps(Block &B, const State *M) {
    SmallVector<std::pair<Node *, Block *>, 2> Inner;
    for (Node &N : B) {
      // A jump in \p B itself.
      if (N.What == Node::Kind::FallTo && N.Target == M)
        return nullptr;
      for (Block *Nested : N.inner())
        if (jumpsTo(*Nested, M))
          Inner.push_back({&N, Nested});
    }
    if (Inner.size() != 1 || Inner.front().first->What == Node::Kind::Loop)
      return nullptr;
    auto [Outer, Only] = Inner.front();
    if (Block *Deeper = armWithJumps(*Only, M))
      return Deeper;
    for (const Node::Arm &A : Outer->Arms)
      if (&A.Body == Only && A.Head.FallsThrough)
        return nullptr;
    if (Outer->What != Node::Kind::Switch)
      return nullptr;
    if (!leaves(*Only)) {
      Only->emplace_back();
      Only->back().What = Node::Kind::Leave;
    }
    return Only;
  }

  static void append(Block &To, Block From) {
    To.insert(To.end(), std::make_move_iterator(From.begin()),
              std::make_move_iterator(From.end()));
  }

  /// What stood above the function goes where its body goes.
  void takeOverComments(const State &S, Trivia &Leading) const {
    std::optional<unsigned> Begin = Text.offset(S.Function->getBeginLoc());
    if (!Begin)
      return;
    unsigned From = Text.leadingComments(*Begin);
    if (From == Text.lineBegin(*Begin))
      return;
    // Their first line has an indentation, too.
    Trivia Above = Text.trivia(From ? From - 1 : From, *Begin);
    Leading.Comments = Above.Comments + Leading.Comments;
    Leading.BlankLine = true;
  }

  Block lower(const Sequence &Steps, const State *S) {
    Block Result;
    for (const Step &Step : Steps) {
      Node N;
      N.Leading = Step.Leading;
      N.Source = Step.Source;
      N.Arguments = Step.Arguments;
      N.Call = Step.Call;
      N.Way = Step.Way;
      switch (Step.What) {
      case Step::Kind::Code:
        N.What = Step.Source ? Node::Kind::Code : Node::Kind::Comment;
        break;
      case Step::Kind::Branch:
        N.What = Node::Kind::If;
        N.Op = Step.Op;
        N.Body = lower(Step.Then, S);
        N.Else = lower(Step.Else, S);
        break;
      case Step::Kind::Switch:
        N.What = Node::Kind::Switch;
        for (const Step::Arm &Arm : Step.Arms)
          N.Arms.push_back({Arm.Head, lower(Arm.Steps, S)});
        break;
      case Step::Kind::Leave:
        N.What = Node::Kind::Leave;
        break;
      case Step::Kind::Suspend:
        N.What = Node::Kind::Await;
        N.Op = Step.Op;
        break;
      case Step::Kind::Call:
        N.What = Node::Kind::Call;
        N.Op = Step.Op;
        break;
      case Step::Kind::End:
        N.What = Node::Kind::Return;
        N.Op = Step.Op;
        break;
      case Step::Kind::Jump:
        append(Result, jump(Step, S));
        continue;
      }
      Result.push_back(std::move(N));
    }
    return Result;
  }

  /// Nothing has to be handed on to \p S.
  bool hasAllValues(const State &S) const {
    return all_of(S.parameters(),
                  [&](const ParmVarDecl *P) { return A.Carried.contains(P); });
  }

  Block jump(const Step &Step, const State *From) {
    const State *To = Step.Target;
    Block Result;
    bool Back = States.isBackEdge(From, To);
    bool Inline = !Back && !States.isMerge(To);
    if (!Step.Leading.Comments.empty()) {
      Node Comment;
      Comment.What = Node::Kind::Comment;
      Comment.Leading = Step.Leading;
      Result.push_back(std::move(Comment));
    }
    if (!hasAllValues(*To)) {
      Node Arguments;
      Arguments.What = Inline ? Node::Kind::Bind : Node::Kind::Assign;
      Arguments.Target = To;
      Arguments.Arguments = Step.Arguments;
      for (auto [P, Argument] : zip(To->parameters(), Arguments.Arguments))
        if (A.Carried.contains(P))
          Argument = nullptr;
      Result.push_back(std::move(Arguments));
    }
    if (Inline) {
      append(Result, place(To));
      return Result;
    }
    Node Leave;
    Leave.What = Back ? Node::Kind::Continue : Node::Kind::FallTo;
    Leave.Target = To;
    Result.push_back(std::move(Leave));
    return Result;
  }

  /// \p N takes what an operation has completed with, or hands it on.
  static bool receives(const Node &N) {
    return N.Op && N.Op->How == Operation::Form::Completion;
  }

  /// Every path through \p B ends the agent without waiting for anything.
  static bool onlyEnds(const Block &B) {
    if (B.empty())
      return false;
    for (const Node &N : B)
      if (!receives(N) &&
          (N.Op ||
           (N.What != Node::Kind::Code && N.What != Node::Kind::Return &&
            N.What != Node::Kind::If && N.What != Node::Kind::Comment)))
        return false;
    const Node &Last = B.back();
    if (Last.What == Node::Kind::If)
      return onlyEnds(Last.Body) && onlyEnds(Last.Else);
    return Last.What == Node::Kind::Return;
  }

  /// Control never gets to the end of \p B.
  static bool leaves(const Block &B) {
    if (B.empty())
      return false;
    const Node &Last = B.back();
    return Last.What == Node::Kind::Return ||
           Last.What == Node::Kind::Continue ||
           Last.What == Node::Kind::FallTo || Last.What == Node::Kind::Leave ||
           Last.What == Node::Kind::Loop ||
           (Last.What == Node::Kind::If && leaves(Last.Body) &&
            leaves(Last.Else)) ||
           (Last.What == Node::Kind::Switch &&
            all_of(Last.Arms, [](const Node::Arm &A) {
              return A.Head.FallsThrough ||
                     (leaves(A.Body) && !goesBehindSwitch(A.Body));
            }));
  }

  /// Somewhere in \p B control leaves the switch around it.
  static bool goesBehindSwitch(const Block &B) {
    return any_of(B, [](const Node &N) {
      return N.What == Node::Kind::Leave ||
             (N.What == Node::Kind::If &&
              (goesBehindSwitch(N.Body) || goesBehindSwitch(N.Else)));
    });
  }

  /// \p B goes on in a shared state, or from a loop of its own in one around
  /// it.
  static bool fallsOut(const Block &B) {
    SmallPtrSet<const State *, 4> Loops;
    forEachNode(B, [&](const Node &N) {
      if (N.What == Node::Kind::Loop)
        Loops.insert(N.Target);
    });
    bool Found = false;
    forEachNode(B, [&](const Node &N) {
      Found |= N.What == Node::Kind::FallTo ||
               (N.What == Node::Kind::Continue && !Loops.empty() &&
                !Loops.contains(N.Target));
    });
    return Found;
  }

  /// The only arm that goes on behind \p Switch, where others leave for a
  /// shared state.
  static Block *onlyArmToGoOn(Node &Switch) {
    Block *Only = nullptr;
    bool FallsOut = false;
    for (Node::Arm &A : Switch.Arms) {
      if (goesBehindSwitch(A.Body))
        return nullptr;
      FallsOut |= fallsOut(A.Body);
      if (A.Head.FallsThrough || leaves(A.Body))
        continue;
      if (Only)
        return nullptr;
      Only = &A.Body;
    }
    return FallsOut ? Only : nullptr;
  }

  /// What stands behind a branch of which one arm leaves for a shared state
  /// becomes the end of the other arm, so that both come to that state by
  /// their ends.
  static void nest(Block &B) {
    for (size_t I = 0; I < B.size(); ++I) {
      Node &N = B[I];
      if (N.What == Node::Kind::If && I + 1 < B.size()) {
        bool ByThen = leaves(N.Body) && fallsOut(N.Body) && !leaves(N.Else);
        bool ByElse = leaves(N.Else) && fallsOut(N.Else) && !leaves(N.Body);
        if (ByThen || ByElse) {
          Block Rest(std::make_move_iterator(B.begin() + I + 1),
                     std::make_move_iterator(B.end()));
          B.resize(I + 1);
          append(ByThen ? B[I].Else : B[I].Body, std::move(Rest));
        }
      }
      if (N.What == Node::Kind::Switch && I + 1 < B.size())
        if (Block *Other = onlyArmToGoOn(N)) {
          append(*Other, {std::make_move_iterator(B.begin() + I + 1),
                          std::make_move_iterator(B.end())});
          B.resize(I + 1);
        }
      for (Block *Inner : B[I].inner())
        nest(*Inner);
    }
  }

  /// Behind a branch that goes on elsewhere the agent ends: that is the other
  /// arm.
  static void takeEndAsElse(Block &B, size_t I) {
    Block Rest(B.begin() + I + 1, B.end());
    if (B[I].What != Node::Kind::If || !B[I].Else.empty() ||
        !leaves(B[I].Body) || onlyEnds(B[I].Body) || !onlyEnds(Rest))
      return;
    B.resize(I + 1);
    B[I].Else = std::move(Rest);
  }

  /// \p Arm of \p N is what the user wrote as an `else if`.
  static bool isElseIf(const Node &N, const Block &Arm) {
    const auto *If = dyn_cast_or_null<IfStmt>(N.Source);
    return &Arm == &N.Else && If && Arm.size() == 1 &&
           Arm.front().What == Node::Kind::If &&
           Arm.front().Source == If->getElse();
  }

  /// What ends becomes a guard in front of the rest, but for an else-if, which
  /// is one of several cases.
  static void flattenGuards(Block &B, bool IsElseIf = false) {
    for (size_t I = 0; I < B.size(); ++I) {
      takeEndAsElse(B, I);
      Node &N = B[I];
      if (N.What == Node::Kind::If && I + 1 == B.size() && !N.Else.empty() &&
          !IsElseIf) {
        bool ThenEnds = onlyEnds(N.Body), ElseEnds = onlyEnds(N.Else);
        if (ThenEnds != ElseEnds) {
          if (ElseEnds) {
            std::swap(N.Body, N.Else);
            N.Negated = !N.Negated;
          }
          Block Rest = std::move(N.Else);
          N.Else.clear();
          append(B, std::move(Rest));
        }
      }
      for (Block *Inner : B[I].inner())
        flattenGuards(*Inner, isElseIf(B[I], *Inner));
    }
  }

  static bool assigns(const Node &N, const State *Target) {
    bool Found = false;
    auto Look = [&](const Node &N) {
      Found |= N.What == Node::Kind::Assign && N.Target == Target;
      Found |= N.What == Node::Kind::Await &&
               any_of(N.Op->Results, [&](const Binding &B) {
                 return B.Decl && is_contained(Target->parameters(), B.Decl);
               });
    };
    Look(N);
    for (const Block *Inner : N.inner())
      forEachNode(*Inner, Look);
    return Found;
  }

  /// Moves the declaration of a shared state's parameters down to the branch
  /// that first assigns them, and lets a local variable that is only handed
  /// on be that parameter from the start.
  void placeDeclarations(Block &B) {
    for (size_t I = 0; I < B.size(); ++I) {
      if (B[I].What == Node::Kind::Declare && I + 1 < B.size() &&
          B[I + 1].What == Node::Kind::Region) {
        Node Declare = std::move(B[I]);
        B.erase(B.begin() + I);
        Block &Inner = B[I].Body;
        auto First = find_if(
            Inner, [&](const Node &N) { return assigns(N, Declare.Target); });
        mergeVariables(Inner, Declare.Target);
        Inner.insert(First, std::move(Declare));
      }
      for (Block *Inner : B[I].inner())
        placeDeclarations(*Inner);
    }
  }

  void mergeVariables(Block &B, const State *Target) {
    for (size_t I = 0; I < B.size(); ++I) {
      for (Block *Inner : B[I].inner())
        mergeVariables(*Inner, Target);
      if (B[I].What != Node::Kind::Assign || B[I].Target != Target ||
          Target->parameters().size() != 1 || !B[I].Arguments.front())
        continue;
      const ParmVarDecl *P = Target->parameters().front();
      const VarDecl *V = variableNamedBy(B[I].Arguments.front());
      if (!V || isa<ParmVarDecl>(V) || V->getInitStyle() != VarDecl::CInit ||
          V->getType().isConstQualified() || !V->hasInit() ||
          !Text.context().hasSameUnqualifiedType(
              V->getType(), P->getType().getNonReferenceType()))
        continue;
      for (size_t J = 0; J < I; ++J)
        if (const auto *D = dyn_cast_or_null<DeclStmt>(B[J].Source);
            D && B[J].What == Node::Kind::Code && D->isSingleDecl() &&
            D->getSingleDecl() == V)
          B[J].LivesOnAs = P;
    }
  }

  /// Where control goes when it falls off the end of a block.
  struct Fall {
    Node::Kind What;
    const State *Target;
    /// The switch behind which it goes on.
    const Stmt *Switch = nullptr;
    bool operator==(const Fall &) const = default;
  };

  /// The innermost loop around a block, and where control goes behind what a
  /// break would leave: that loop, or a switch inside of it.
  struct Surrounding {
    const State *Loop = nullptr;
    Fall Behind = {Node::Kind::Code, nullptr};
  };

  /// Drops what only says where control goes anyway, splices regions, and
  /// turns a jump behind the innermost loop or switch into a break. Returns
  /// false when a jump would have to leave more than that.
  static bool resolve(Block &B, Fall End, Surrounding Around) {
    Block Result;
    for (size_t I = 0; I < B.size(); ++I) {
      Node &N = B[I];
      bool Last = I + 1 == B.size();
      switch (N.What) {
      case Node::Kind::Region: {
        Fall Inner{Node::Kind::FallTo, N.Target};
        if (!resolve(N.Body, Inner, Around))
          return false;
        append(Result, std::move(N.Body));
        continue;
      }
      case Node::Kind::Loop: {
        Fall Again{Node::Kind::Continue, N.Target};
        // A loop is the last thing in its block: behind it lies the block's
        // own end.
        if (!resolve(N.Body, Again, {N.Target, End}))
          return false;
        N.EndsBehind = End.What == Node::Kind::Return;
        break;
      }
      case Node::Kind::Switch: {
        Fall Next = isLastBefore(B, I, End)
                        ? End
                        : Fall{Node::Kind::Leave, nullptr, N.Source};
        for (Node::Arm &Arm : N.Arms)
          if (!resolve(Arm.Body,
                       Arm.Head.FallsThrough ? Fall{Node::Kind::Code, nullptr}
                                             : Next,
                       {Around.Loop, Next}))
            return false;
        break;
      }
      case Node::Kind::Leave:
        if (Last && Around.Behind == End) {
          if (N.Leading.Comments.empty())
            continue;
          N.What = Node::Kind::Comment;
          break;
        }
        N.What = Node::Kind::Break;
        break;
      case Node::Kind::If: {
        Fall Next = Last ? End : Fall{Node::Kind::Code, nullptr};
        if (!resolve(N.Body, Next, Around) || !resolve(N.Else, Next, Around))
          return false;
        break;
      }
      case Node::Kind::Continue:
      case Node::Kind::Return:
      case Node::Kind::FallTo: {
        Fall Here{N.What, N.What == Node::Kind::Return ? nullptr : N.Target};
        bool Delivers = N.What == Node::Kind::Return && (N.Call || N.Op);
        if (Here == End && Last && !Delivers) {
          if (N.Leading.Comments.empty())
            continue;
          N.What = Node::Kind::Comment;
          break;
        }
        bool IsOuterContinue =
            N.What == Node::Kind::Continue && N.Target != Around.Loop;
        if (N.What == Node::Kind::FallTo || IsOuterContinue) {
          if (!(Around.Behind == Here))
            return false;
          N.What = Node::Kind::Break;
        }
        break;
      }
      default:
        break;
      }
      Result.push_back(std::move(N));
    }
    B = std::move(Result);
    return true;
  }

  /// Behind the node \p I of \p B control only goes on to \p End.
  static bool isLastBefore(const Block &B, size_t I, const Fall &End) {
    return all_of(drop_begin(B, I + 1), [&](const Node &N) {
      bool Delivers = N.What == Node::Kind::Return && (N.Call || N.Op);
      return N.What == Node::Kind::Comment ||
             (Fall{N.What, N.Target} == End && !Delivers);
    });
  }

  /// Behind a branch that leaves nothing has to be an else.
  static void dropElseBehindLeave(Block &B, bool IsElseIf = false) {
    for (size_t I = 0; I < B.size(); ++I) {
      if (B[I].What == Node::Kind::If && I + 1 == B.size() && !IsElseIf &&
          isLeft(B[I].Body)) {
        Block Rest = std::move(B[I].Else);
        B[I].Else.clear();
        append(B, std::move(Rest));
      }
      for (Block *Inner : B[I].inner())
        dropElseBehindLeave(*Inner, isElseIf(B[I], *Inner));
    }
  }

  Agent &A;
  const SourceText &Text;
  Flow States;
  bool LeavesLoops = false;
};

std::string quoted(const State *S) { return "'" + S->Name + "'"; }

/// Callback functions that hold their object until their callback has returned.
using HoldingFunctions = SmallPtrSet<const FunctionDecl *, 4>;

/// While \p Op is waited for, and when the agent goes on, the object is held,
/// by the handler or by what calls it.
bool isHeldAt(const Operation &Op, const HoldingFunctions &Holding) {
  const FunctionDecl *Callee = definitionOf(Op.Call->getDirectCallee());
  const auto *Member = dyn_cast<CXXMemberCallExpr>(Op.Call);
  return Op.HoldsSelf || (Member && Holding.contains(Callee) &&
                          (isOnThis(*Member) ||
                           ownerNamedBy(Member->getImplicitObjectArgument())));
}

/// An operation that says with its handler whether it holds the object.
bool showsHolding(const Step &S) {
  return S.What == Step::Kind::Suspend && S.Op->Call && !S.Op->isPlainCall() &&
         S.Op->Handlers.empty() && S.Op->Made;
}

HoldingFunctions findHolding(ArrayRef<Agent> Agents) {
  HoldingFunctions Holding;
  for (bool IsNew = true; IsNew;) {
    IsNew = false;
    for (const Agent &A : Agents)
      for (const State *S : A.States)
        forEachStep(S->Steps, [&](const Step &Step) {
          if (A.Entry->Delivers && showsHolding(Step) &&
              isHeldAt(*Step.Op, Holding))
            IsNew |= Holding.insert(A.Entry->Function).second;
        });
  }
  return Holding;
}

/// One strong reference is held while the agent waits, at every wait or at
/// none.
void readSelf(Agent &A, const HoldingFunctions &Holding) {
  bool First = true;
  for (const State *S : A.States)
    forEachStep(S->Steps, [&](const Step &Step) {
      if (!showsHolding(Step))
        return;
      bool IsHeld = isHeldAt(*Step.Op, Holding);
      if (First) {
        A.HoldsSelf = IsHeld;
        A.HoldsObject = Step.Op->IsObject;
        A.MovesObject = A.HoldsObject;
      } else if (A.HoldsObject != Step.Op->IsObject && !A.Why)
        A.Why = Refusal{
            "lifetime-differs", Step.Op->Call->getBeginLoc(),
            "some handlers of " + quoted(A.Entry) +
                " are the object itself and this one is not; hand the object "
                "on in all of them"};
      else if (A.HoldsSelf != IsHeld && !A.Why)
        A.Why = Refusal{
            "lifetime-differs", Step.Op->Call->getBeginLoc(),
            "some handlers of " + quoted(A.Entry) +
                " keep the object alive and this one does not, or the other "
                "way round; a coroutine holds one reference from start to "
                "end. Capture shared_from_this() in all of them or in none"};
      A.MovesObject &= isa<CallExpr>(Step.Op->Made);
      First = false;
    });
}

/// What waits for \p End, which goes on in the same object, holds that if the
/// handlers of both did.
void readHeld(Agent &End, MutableArrayRef<Agent> Agents) {
  bool HasHandlers = any_of(End.States, [](const State *S) {
    bool Found = false;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Suspend && Step.Op->Made;
    });
    return Found;
  });
  End.IsHeldByOthers = End.HoldsSelf;
  for (Agent &A : Agents) {
    if (!waitsFor(A, *End.Entry))
      continue;
    End.IsHeldByOthers &= A.HoldsSelf;
    if (A.HoldsSelf && HasHandlers && !End.HoldsSelf && !A.Why) {
      A.Why = Refusal{"lifetime-differs", End.Entry->Function->getLocation(),
                      "the handlers of " + quoted(A.Entry) +
                          " keep the object alive and those of " +
                          quoted(End.Entry) +
                          ", in which it ends, do not; capture "
                          "shared_from_this() in all of them or in none"};
      A.Body.clear();
    }
  }
}

} // namespace

Refusal addressTaken(const State &S, SourceLocation Where) {
  return {"address-taken", Where,
          quoted(&S) + " is used other than by calling it, so not every start "
                       "of it is known"};
}

/// \p F runs as a part of \p A: it is one of its states, or they call it.
static bool runsIn(const FunctionDecl *F, const Agent &A) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const FunctionDecl *F;
    explicit Visitor(const FunctionDecl *F) : F(F) {}
    bool VisitCallExpr(const CallExpr *Call) override {
      return definitionOf(Call->getDirectCallee()) != F;
    }
  } V(F);
  bool Found = false;
  for (const State *S : A.States) {
    Found |= S->Function == F;
    forEachStep(S->Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Code && Step.Source &&
               !V.TraverseStmt(Step.Source);
      Found |= Step.What == Step::Kind::Call && Step.Op->Bound->Target == F;
    });
  }
  return Found;
}

/// The loop, try or switch that is no branch of \p Other's in which \p A is
/// called. No agent goes on behind that, so that the call starts another.
static const Stmt *calledWithin(const Agent &A, const Agent &Other) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const CallExpr *Call;
    const Stmt *Found = nullptr;
    explicit Visitor(const CallExpr *Call) : Call(Call) {}
    bool VisitStmt(const Stmt *S) override {
      const auto *Switch = dyn_cast<SwitchStmt>(S);
      if ((isa<WhileStmt, DoStmt, ForStmt, CXXForRangeStmt, CXXTryStmt>(S) ||
           (Switch && SwitchArms::of(*Switch).Why)) &&
          contains(S, Call))
        Found = S;
      return !Found;
    }
  };
  for (const StartSite &Start : A.Starts)
    if (Start.Caller && runsIn(Start.Caller, Other)) {
      Visitor V(Start.Call);
      V.TraverseStmt(Start.Caller->getBody());
      if (V.Found)
        return V.Found;
    }
  return nullptr;
}

/// The code of \p S, which is noexcept, becomes a part of what is not. Where
/// the entry stays a function, it is that up to the first wait.
static bool losesNoexcept(const State &S, const Agent &A) {
  const auto *Type = S.Function->getType()->getAs<FunctionProtoType>();
  if (S.IsPart || !Type || !Type->isNothrow())
    return false;
  return &S != A.Entry || !A.hasToStay() || S.Delivers ||
         any_of(A.States, [&](const State *From) {
           bool Found = false;
           forEachJump(*From, [&](const State *To) { Found |= To == &S; });
           return Found;
         });
}

/// Why neither \p A nor \p B, which both go on in \p S, can become a coroutine.
static Refusal sharedContinuation(const State &S, const Agent &A,
                                  const Agent &B) {
  for (auto [Started, Other] : {std::pair(&A, &B), std::pair(&B, &A)})
    if (const Stmt *Around = calledWithin(*Started, *Other)) {
      const auto *Switch = dyn_cast<SwitchStmt>(Around);
      return {"unsupported-control-flow", Around->getBeginLoc(),
              quoted(Started->Entry) + " is called inside this " +
                  (Switch
                       ? "switch, and " + SwitchArms::of(*Switch).Why->Message
                       : "statement, and a coroutine goes on only behind "
                         "plain calls, ifs and switches; write it with "
                         "ifs")};
    }
  return {"shared-continuation", S.Function->getLocation(),
          quoted(&S) + " continues both " + quoted(A.Entry) + " and " +
              quoted(B.Entry) +
              ", which are started independently; give each its own"};
}

std::vector<Agent> planAgents(const StateGraph &Graph, const SourceText &Text) {
  // Entries: started from outside, delivering to a caller, or never jumped to;
  // then, of cycles that nobody here starts, the state that comes first.
  SmallPtrSet<const State *, 16> Jumped;
  for (const auto &S : Graph.States)
    forEachJump(*S, [&](const State *To) { Jumped.insert(To); });

  std::vector<Agent> Agents;
  DenseMap<const State *, size_t> Owner;
  SmallPtrSet<const State *, 16> Covered;
  auto AddAgent = [&](const State *Entry) {
    Agent A;
    A.Entry = Entry;
    auto Starts = Graph.Starts.find(Entry);
    if (Starts != Graph.Starts.end())
      A.Starts = Starts->second;
    Flow Reached(A.Entry);
    A.States.assign(Reached.states().begin(), Reached.states().end());
    Covered.insert(A.States.begin(), A.States.end());
    Agents.push_back(std::move(A));
  };
  for (const auto &S : Graph.States)
    if (!Jumped.contains(S.get()) || Graph.Starts.contains(S.get()) ||
        S->Generator)
      AddAgent(S.get());
  for (const auto &S : Graph.States)
    if (!Covered.contains(S.get()))
      AddAgent(S.get());

  for (size_t I = 0; I != Agents.size(); ++I)
    for (const State *S : Agents[I].States) {
      auto [Known, New] = Owner.try_emplace(S, I);
      if (New)
        continue;
      for (size_t J : {Known->second, I})
        if (!Agents[J].Why)
          Agents[J].Why =
              sharedContinuation(*S, Agents[Known->second], Agents[I]);
    }

  HoldingFunctions Holding = findHolding(Agents);
  for (Agent &A : Agents) {
    for (const State *S : A.States) {
      if (A.Why)
        break;
      if (S->Why)
        A.Why = S->Why;
      else if (S->IsCalledByCoroutines && S != A.Entry && !S->IsPart)
        A.Why =
            Refusal{"shared-continuation", S->Function->getLocation(),
                    quoted(S) + " becomes a part of a coroutine, but is the "
                                "handler of others too; give each its own"};
      else if (S->HasToStay && S != A.Entry && !S->IsPart)
        A.Why = Refusal{
            "declared-in-a-header", S->Function->getLocation(),
            quoted(S) + " becomes a part of a coroutine, but it is declared "
                        "in a header and others may call it; make it private, "
                        "in a class whose functions are all defined here"};
      else if (losesNoexcept(*S, A))
        A.Why =
            Refusal{"unsupported-handler", S->Function->getLocation(),
                    quoted(S) + " is noexcept, so an exception in it ends the "
                                "program; a coroutine would let it out"};
      auto Taken = Graph.AddressTaken.find(S);
      if (A.Why || Taken == Graph.AddressTaken.end())
        continue;
      if (S == A.Entry && !S->Delivers && !S->Generator && !S->Direct)
        A.AddressTaken = Taken->second;
      else
        A.Why = addressTaken(*S, Taken->second);
    }
    if (A.Entry->Direct) {
      if (!A.Why && A.Entry->Direct->Reentrant &&
          A.Entry->Direct->Reentrant->HoldsObject)
        A.Why = checkHandOver(A);
      continue;
    }
    if (!A.Why)
      readSelf(A, Holding);
    if (!A.Why && A.HoldsObject)
      A.Why = checkHandOver(A);
    if (!A.Why)
      A.Why = checkFirstHold(A, Text);
    if (!A.Why) {
      A.Carried = findCarried(*A.Entry, A.States);
      Structurer(A, Text).run();
    }
    if (!A.Why) {
      setUnsizedApart(A.Body);
      A.Why = checkLifetimes(A);
    }
    // What was refused half-way is no program.
    if (A.Why)
      A.Body.clear();
  }
  for (Agent &A : Agents)
    if (A.Entry->IsSharedEnd)
      readHeld(A, Agents);
  return Agents;
}

} // namespace coralc
