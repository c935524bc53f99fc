//===--- Structure.cpp - From states to a structured coroutine ------------===//

#include "coralc/Rewrites/Engine/Structure.h"
#include "coralc/Rewrites/Engine/Flow.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

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

} // namespace

void structure(Agent &A, const SourceText &Text) { Structurer(A, Text).run(); }

} // namespace coralc
