//===--- Lifetime.cpp - What lives while an agent waits -------------------===//
//
// In callback code the variables of a function die when it returns, which is
// before the operation that it started completes; only captures live on. In a
// coroutine every variable in scope lives through the wait. That is invisible
// for values whose destructor does nothing that others can see, and for values
// that were moved away. Everything else is refused.
//
// The other way round, what a handler does last it calls, with its variables
// around: the next step of the sequence, or the callback. In a coroutine that
// is the next turn of a loop, the code behind a branch, or the caller that goes
// on, and the variables are gone by then.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Destruction.h"
#include "coralc/Rewrites/Engine/Identity.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Unsized.h"
#include "coralc/Rewrites/Engine/Views.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Variables that \p S, as a whole statement, moves from.
SmallPtrSet<const ValueDecl *, 4> movedBy(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const ValueDecl *, 4> Moved;
    bool VisitCallExpr(const CallExpr *Call) override {
      if (Call->isCallToStdMove())
        if (const auto *Ref =
                dyn_cast<DeclRefExpr>(Call->getArg(0)->IgnoreParenImpCasts()))
          Moved.insert(Ref->getDecl());
      return true;
    }
    // What runs only sometimes moves only sometimes.
    bool TraverseIfStmt(const IfStmt *) override { return true; }
    bool TraverseConditionalOperator(const ConditionalOperator *) override {
      return true;
    }
    bool TraverseWhileStmt(const WhileStmt *) override { return true; }
    bool TraverseForStmt(const ForStmt *) override { return true; }
    bool TraverseCXXForRangeStmt(const CXXForRangeStmt *) override {
      return true;
    }
    bool TraverseSwitchStmt(const SwitchStmt *) override { return true; }
    bool TraverseCXXTryStmt(const CXXTryStmt *) override { return true; }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      for (const Expr *Init : L->capture_inits())
        TraverseStmt(Init);
      return true;
    }
  } V;
  V.TraverseStmt(S);
  return V.Moved;
}

class LifetimeCheck {
public:
  std::optional<Refusal> run(Agent &Checked) {
    const Agent &A = Checked;
    HoldsSelf = A.HoldsSelf;
    Carried = A.Carried;
    forEachNode(A.Body, [&](const Node &N) {
      if (N.Op) {
        Made.insert(N.Op->Made);
        for (const Operation &Handler : N.Op->Handlers)
          Made.insert(Handler.Made);
      }
    });
    checkReferred(A);
    checkGivenUp(A);
    for (const ParmVarDecl *P : A.Entry->parameters())
      if (!A.Entry->Delivers || !A.Entry->Delivers->replaces(P)) {
        if (!mentions(A.Entry->Function->getBody(), P) ||
            A.Entry->Referred.contains(P)) {
          declare(P);
        } else if (isBetterReferred(A, *P)) {
          Checked.StaysReferred.insert(P);
        } else {
          checkCopied(*P);
          if (mayShareObject(A, *P))
            checkSameValue(*P, *A.Entry);
          declare(P);
        }
      }
    Entry = A.Entry;
    for (const Borrowed &B : A.Entry->Uses)
      if (!B.ByReference)
        declare(B.Variable);
    walk(A.Body, /*GoesOn=*/false);
    Checked.TakenOver = std::move(TakenOver);
    return Why;
  }

private:
  struct Variable {
    const VarDecl *Decl;
    bool IsResult;
  };

  void declare(const VarDecl *V, bool IsResult = false) {
    Live.push_back({V, IsResult});
  }

  void refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{Id, Where, Message.str()};
  }

  /// \p GoesOn: what stands behind \p Nodes, or the loop around them.
  void walk(const Block &Nodes, bool GoesOn) {
    size_t Outer = Live.size();
    SaveAndRestore Here(BlockBegin, Outer);
    for (const Node &N : Nodes) {
      bool HasNext = GoesOn || &N != &Nodes.back();
      switch (N.What) {
      case Node::Kind::Code:
        code(N.Source);
        break;
      case Node::Kind::If: {
        auto Saved = Live;
        walk(N.Body, HasNext);
        Live = Saved;
        walk(N.Else, HasNext);
        Live = std::move(Saved);
        break;
      }
      case Node::Kind::Switch:
        branch(N, HasNext);
        break;
      case Node::Kind::Apart: {
        SaveAndRestore InLambda(IsApart, true);
        walk(N.Body, HasNext);
        break;
      }
      case Node::Kind::Loop: {
        Heads.insert(N.Target);
        SaveAndRestore<size_t> Begin(LoopBegin, Live.size());
        SaveAndRestore<size_t> Left(BreakBegin, Live.size());
        auto Saved = Live;
        walk(N.Body, /*GoesOn=*/true);
        Live = std::move(Saved);
        break;
      }
      case Node::Kind::Bind:
      case Node::Kind::Declare:
        for (const ParmVarDecl *P : N.Target->parameters())
          if (N.Target->CopiedInto.contains(P))
            checkCopied(*P);
        for (auto [P, Argument] : zip(N.Target->parameters(), N.Arguments))
          if (Argument) {
            checkArgument(*Argument, *P);
            handOn(*Argument, *P);
            if (!Carried.contains(P) && !isOfCallerAlone(*Argument) &&
                isHeldByHandler(*P, *N.Target))
              checkSameValue(*P, *N.Target);
          }
        // What is bound to no argument is what the operation delivers.
        for (auto [I, P] : enumerate(N.Target->parameters()))
          if (!Carried.contains(P))
            declare(P, /*IsResult=*/I < N.Arguments.size() && !N.Arguments[I]);
        break;
      case Node::Kind::Assign:
        for (auto [P, Argument] : zip(N.Target->parameters(), N.Arguments))
          if (Argument && variableOf(*Argument) != P)
            checkAssigned(*Argument, *P, Heads.contains(N.Target));
        for (const Expr *Argument : N.Arguments)
          if (Argument)
            drop(movedBy(Argument));
        for (auto [P, Argument] : zip(N.Target->parameters(), N.Arguments))
          if (N.Target->Referred.contains(P)) {
            checkSame(*P, Argument);
          } else {
            checkCopied(*P);
            if (Argument && !isOfCallerAlone(*Argument))
              checkSameValue(*P, *N.Target);
          }
        break;
      case Node::Kind::Await:
        await(*N.Op);
        break;
      case Node::Kind::Continue:
        checkLeft(LoopBegin);
        break;
      case Node::Kind::Break:
        checkLeft(BreakBegin);
        break;
      case Node::Kind::Return:
        if (N.Op)
          await(*N.Op);
        if (N.Call || (N.Op && !N.waits()))
          checkDelivered();
        break;
      default:
        break;
      }
    }
    if (GoesOn && !isLeft(Nodes))
      checkLeft(Outer);
    Live.resize(std::min(Outer, Live.size()));
  }

  /// What the head of a switch declares lives as long as its arms.
  void branch(const Node &N, bool HasNext) {
    const auto &Switch = *cast<SwitchStmt>(N.Source);
    SaveAndRestore<size_t> Left(BreakBegin, Live.size());
    auto Outer = Live;
    for (const Stmt *Part : partsOfHead(Switch))
      code(Part);
    auto Inside = Live;
    for (const Node::Arm &Arm : N.Arms) {
      Live = Inside;
      walk(Arm.Body, HasNext || Arm.Head.FallsThrough);
    }
    Live = std::move(Inside);
    if (HasNext && !isLeft(N))
      checkLeft(BreakBegin);
    Live = std::move(Outer);
  }

  /// The variables from the one with the number \p First on are gone before the
  /// next step begins, which was called while they were there.
  void checkLeft(size_t First) {
    for (const Variable &V : drop_begin(Live, std::min(First, Live.size()))) {
      checkReferents(V, "when the next step begins");
      if (!matters(V))
        continue;
      if (destructionOf(V.Decl->getType()) == Destruction::ReleasesLock)
        refuse("lock-across-suspension", V.Decl->getLocation(),
               "'" + V.Decl->getName() +
                   "' is locked while the next operation is started; "
                   "end its scope before");
      else
        refuse("observable-destructor", V.Decl->getLocation(),
               "'" + V.Decl->getName() +
                   "' was destroyed when the next step had begun and would now "
                   "be before; end its scope before that step");
    }
  }

  /// The callback ran while the variables were there; what the callback did now
  /// follows in the caller, when they are gone.
  void checkDelivered() {
    for (const Variable &V : Live) {
      checkReferents(V, "when the caller goes on");
      if (!matters(V) && (V.IsResult || !endsUserObject(V.Decl->getType()) ||
                          isSharedFromThisCopy(V.Decl)))
        continue;
      if (destructionOf(V.Decl->getType()) == Destruction::ReleasesLock)
        refuse("lock-across-suspension", V.Decl->getLocation(),
               "'" + V.Decl->getName() +
                   "' is locked while the callback runs; end its scope before");
      else
        refuse("observable-destructor", V.Decl->getLocation(),
               "'" + V.Decl->getName() +
                   "' was destroyed when the callback had run and would now be "
                   "before the caller goes on; end its scope before the "
                   "callback is called");
    }
  }

  /// Somebody sees when \p V ends. What an operation delivers is most often
  /// given away.
  bool matters(const Variable &V) const {
    QualType Type = V.Decl->getType();
    if (V.IsResult || Type->isReferenceType())
      return false;
    if (isShared(Type))
      return (hasDeleter(*V.Decl) || endsUserObject(Type)) &&
             !isSharedFromThisCopy(V.Decl) && !isHeldElsewhere(*V.Decl);
    return destructionOf(Type) > Destruction::Unknown;
  }

  /// Others own what \p V, a shared pointer, points to.
  bool isHeldElsewhere(const VarDecl &V) const {
    return Copies.contains(&V) || isHandedOut(V) ||
           any_of(HandedOnAs.lookup(&V),
                  [&](const ParmVarDecl *P) { return isHandedOut(*P); });
  }

  /// The function of \p V, a shared pointer, hands others a copy, or the object
  /// takes one itself.
  bool isHandedOut(const VarDecl &V) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const VarDecl &V;
      const SmallPtrSet<const Expr *, 8> &Made;
      bool Found = false;
      Visitor(const VarDecl &V, const SmallPtrSet<const Expr *, 8> &Made)
          : V(V), Made(Made) {}
      bool names(const Expr *E) const { return variableNamedBy(E) == &V; }
      bool TraverseStmt(const Stmt *S) override {
        const auto *E = dyn_cast_or_null<Expr>(S);
        return (E && Made.contains(E) && !isa<LambdaExpr>(E)) ||
               ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      bool VisitLambdaExpr(const LambdaExpr *L) override {
        for (auto [Capture, Init] : zip(L->captures(), L->capture_inits()))
          Found |= Capture.getCaptureKind() == LCK_ByCopy && names(Init) &&
                   !Made.contains(L);
        return true;
      }
      bool VisitCallExpr(const CallExpr *Call) override {
        const FunctionDecl *Callee = Call->getDirectCallee();
        if (!Callee || Call->isCallToStdMove())
          return true;
        if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call)) {
          Found |=
              Operator->getOperator() == OO_Equal && names(Operator->getArg(1));
          return true;
        }
        bool IsOfLibrary =
            Callee->getASTContext().getSourceManager().isInSystemHeader(
                Callee->getLocation());
        for (auto [P, Argument] : zip(Callee->parameters(), Call->arguments()))
          Found |= names(Argument) &&
                   (IsOfLibrary || !P->getType()->isReferenceType());
        const auto *Member = dyn_cast<CXXMemberCallExpr>(Call);
        const auto *Arrow = Member ? dyn_cast<CXXOperatorCallExpr>(asWritten(
                                         Member->getImplicitObjectArgument()))
                                   : nullptr;
        Found |= Arrow && Arrow->getOperator() == OO_Arrow &&
                 names(Arrow->getArg(0)) &&
                 takesOwner(*Member->getMethodDecl());
        return true;
      }
    } Search(V, Made);
    const auto *Function = dyn_cast<FunctionDecl>(V.getDeclContext());
    Search.TraverseStmt(Function ? Function->getBody() : nullptr);
    return Search.Found;
  }

  /// Nothing that is used later refers to \p V, which is gone by then.
  void checkReferents(const Variable &V, StringRef When) {
    QualType Type = V.Decl->getType();
    // What a view is copied to does not refer to the view.
    if (ReferredTo.contains(V.Decl) && !refersToOthers(Type) &&
        (V.IsResult || !Type->isReferenceType()) &&
        !(isShared(Type) && isHeldElsewhere(*V.Decl)))
      refuse("lifetime-differs", V.Decl->getLocation(),
             "something refers to '" + V.Decl->getName() +
                 "' that lives longer, and the coroutine would have ended it " +
                 When + "; make it a member");
  }

  /// A value that is made on the way to \p P was there until the function that
  /// has \p P returned, and would now be gone when \p P has its value.
  void checkArgument(const Expr &Argument, const ParmVarDecl &P) {
    if (refersToOthers(P.getType().getNonReferenceType()) &&
        !referentsOf(&Argument).Temporaries.empty())
      refuse("lifetime-differs", Argument.getBeginLoc(),
             "'" + P.getName() +
                 "' refers to something that is made for this call, and that "
                 "the coroutine would not keep; make it a variable before");
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Expr *Found = nullptr;
      bool HoldsSelf;
      explicit Visitor(bool HoldsSelf) : HoldsSelf(HoldsSelf) {}
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
      bool VisitCXXBindTemporaryExpr(const CXXBindTemporaryExpr *E) override {
        if (endIsSeen(*E, HoldsSelf))
          Found = E;
        return true;
      }
    } V(HoldsSelf);
    V.TraverseStmt(withoutOwnTemporary(&Argument));
    if (V.Found)
      refuse("observable-destructor", V.Found->getBeginLoc(),
             "what is made here was destroyed when the function that is called "
             "had returned and would now be before it begins; make it a "
             "variable before");
  }

  /// \p E without the temporary that becomes what \p E initializes, be it moved
  /// from one pointer into another.
  static const Expr *withoutOwnTemporary(const Expr *E) {
    while (true) {
      if (const auto *Full = dyn_cast<FullExpr>(E))
        E = Full->getSubExpr();
      else if (const auto *Temporary = dyn_cast<MaterializeTemporaryExpr>(E))
        E = Temporary->getSubExpr();
      else if (const auto *Bound = dyn_cast<CXXBindTemporaryExpr>(E))
        E = Bound->getSubExpr();
      else if (const auto *Cast = dyn_cast<CastExpr>(E))
        E = Cast->getSubExpr();
      else if (const auto *Made = dyn_cast<CXXConstructExpr>(E);
               Made && Made->getNumArgs() == 1 &&
               isOwner(*Made->getConstructor()->getParent()))
        E = Made->getArg(0);
      else
        return E;
    }
  }

  /// Somebody sees the end of the temporary \p E. What a library makes for
  /// itself nobody else does, but what an owner owns.
  static bool endIsSeen(const CXXBindTemporaryExpr &E, bool HoldsSelf) {
    const CXXRecordDecl &Record = *E.getType()->getAsCXXRecordDecl();
    return destructionOf(E.getType()) > Destruction::Unknown &&
           !(HoldsSelf && isSharedFromThis(&E)) &&
           (isOwner(Record) ||
            !Record.getASTContext().getSourceManager().isInSystemHeader(
                Record.getLocation()));
  }

  /// Each call had a new \p P, where a coroutine has one that gets other
  /// values.
  void checkAssigned(const Expr &Argument, const ParmVarDecl &P, bool IsAgain) {
    checkArgument(Argument, P);
    if (assignsByUserCode(P.getType()))
      refuse("capture-of-a-copy", Argument.getBeginLoc(),
             "'" + P.getName() +
                 "' is made anew by each call, and a coroutine would assign to "
                 "it, by an operator of its own; hand on a pointer to it");
    if (endsUserCode(P.getType()) && (IsAgain || !isShared(P.getType())) &&
        !(isShared(P.getType()) && isHeldElsewhere(P)))
      refuse("observable-destructor", Argument.getBeginLoc(),
             "what '" + P.getName() +
                 "' was before is destroyed when the next step has begun, and "
                 "would now be before; hand it on, or end it in a step of its "
                 "own");
    // What it refers to is used in the next turn.
    if (refersToOthers(P.getType().getNonReferenceType()))
      for (const VarDecl *V : referentsOf(&Argument).Variables)
        ReferredTo.insert(V);
  }

  /// Whoever hands on what it has keeps it until it is over, a handler as well:
  /// what the function that gets a copy gives up does not end there.
  void checkGivenUp(const Agent &A) {
    forEachNode(A.Body, [&](const Node &N) {
      if (!N.Target || N.Arguments.empty())
        return;
      for (auto [P, Argument] : zip(N.Target->parameters(), N.Arguments)) {
        const VarDecl *V = Argument ? variableOf(*Argument) : nullptr;
        if (!V || isGivenUp(*Argument) || !endsUserCode(P->getType()))
          continue;
        // It may go on beside its copy.
        bool Stays = any_of(N.Target->parameters(), [&](auto *Other) {
          return Carried.lookup(Other) == V;
        });
        if (!Stays && changes(*N.Target, *P))
          refuse("observable-destructor", P->getLocation(),
                 "'" + P->getName() +
                     "' is changed while its caller still has a copy, where a "
                     "coroutine has one variable for both; move it into the "
                     "call");
      }
    });
  }

  static bool isGivenUp(const Expr &E) {
    const auto *Move = dyn_cast<CallExpr>(asWritten(&E));
    return Move && Move->isCallToStdMove() &&
           !Move->getArg(0)->getType().isConstQualified();
  }

  /// Only what the coroutine itself was started with stays a reference, if
  /// every handler takes it for one.
  void checkReferred(const Agent &A) {
    for (const State *S : A.States)
      for (const ParmVarDecl *P : S->Referred)
        if (S != A.Entry || S->Delivers || S->IsColoured)
          refuse("capture-by-reference", P->getLocation(),
                 "the handler refers to what '" + P->getName() +
                     "' refers to, and a coroutine would have a copy of that; "
                     "pass it by pointer, and capture the pointer by value");
        else if (S->CopiedInto.contains(P) || isBound(A, *P))
          refuse("capture-of-a-copy", P->getLocation(),
                 "one handler refers to what '" + P->getName() +
                     "' refers to, and another works on a copy of it; make it "
                     "a member or a pointer");
  }

  /// A handler that is no lambda has a copy of \p P.
  static bool isBound(const Agent &A, const ParmVarDecl &P) {
    bool Result = false;
    forEachNode(A.Body, [&](const Node &N) {
      Result |= N.waits() && !N.Op->lambda() && N.Op->HandlerArgument &&
                mentions(N.Op->HandlerArgument, &P);
    });
    return Result;
  }

  /// A reference refers to one object for good.
  void checkSame(const ParmVarDecl &P, const Expr *Argument) {
    if (Argument && variableOf(*Argument) != &P)
      refuse(
          "capture-by-reference", P.getLocation(),
          "the handler refers to what '" + P.getName() +
              "' refers to, which may be another object in each turn; pass it "
              "by pointer, and capture the pointer by value");
  }

  /// \p P, which \p A has until it first waits, is no copy but what the caller
  /// has.
  static bool isBetterReferred(const Agent &A, const ParmVarDecl &P) {
    QualType Type = P.getType();
    if (!P.getDeclName() || !Type->isReferenceType() || isNeededLater(A, P))
      return false;
    if (Type->isLValueReferenceType() &&
        !Type->getPointeeType().isConstQualified())
      return true;
    const CXXRecordDecl *Record = Type->getPointeeType()->getAsCXXRecordDecl();
    return isShared(Type->getPointeeType()) ||
           destructionOf(Type) == Destruction::Unknown || endsUserCode(Type) ||
           (Record && Record->hasUserDeclaredCopyConstructor() &&
            !Record->getASTContext().getSourceManager().isInSystemHeader(
                Record->getLocation())) ||
           isLeftAlone(P, *A.Entry) || !isCopyAsGood(P, *A.Entry);
  }

  /// Something of \p A uses \p P when that has waited, or changes it.
  static bool isNeededLater(const Agent &A, const ParmVarDecl &P) {
    bool Result = isHeldByHandler(P, *A.Entry);
    forEachNode(A.Body, [&](const Node &N) {
      Result |=
          (N.waits() && N.Op->How == Operation::Form::Request) ||
          ((N.What == Node::Kind::Assign || N.What == Node::Kind::Declare) &&
           N.Target == A.Entry);
    });
    for (const State *S : A.States)
      for (const ParmVarDecl *Other : S->parameters())
        Result |= A.Carried.lookup(Other) == &P && isHeldByHandler(*Other, *S);
    return Result;
  }

  /// The caller may find that what it let \p P refer to is its own still.
  static bool isLeftAlone(const ParmVarDecl &P, const State &S) {
    return P.getType()->isRValueReferenceType() && !isAlwaysMoved(P, S);
  }

  /// What \p P, a parameter of \p A's entry, refers to may be known to others
  /// than the callers, of which all are seen.
  static bool mayShareObject(const Agent &A, const ParmVarDecl &P) {
    return A.hasToStay() || A.Entry->Delivers || A.beside() ||
           any_of(A.Starts, [&](const StartSite &Start) {
             unsigned I = P.getFunctionScopeIndex();
             return !Start.Call || Start.Call->getNumArgs() <= I ||
                    !isOfCallerAlone(*Start.Call->getArg(I));
           });
  }

  /// \p P, which is one of \p S, becomes a variable that is made before the
  /// function of that begins.
  void checkSameValue(const ParmVarDecl &P, const State &S) {
    if (!P.getDeclName() || !P.getType()->isReferenceType() ||
        !mentions(S.Function->getBody(), &P))
      return;
    if (isLeftAlone(P, S))
      refuse("capture-of-a-copy", P.getLocation(),
             "'" + P.getName() +
                 "' is not moved from on every way, and the coroutine would "
                 "always take it from the caller; take it by value");
    else if (!isCopyAsGood(P, S))
      refuse("capture-of-a-copy", P.getLocation(),
             "what '" + P.getName() +
                 "' refers to may change before it is read, or its address "
                 "may be kept, and the coroutine would have a copy of it; "
                 "take it by value, or make it a member or a pointer");
  }

  /// A parameter that becomes a variable of the coroutine's own must not be
  /// the caller's way to see what happens to it.
  void checkCopied(const ParmVarDecl &P) {
    const auto *F = dyn_cast<FunctionDecl>(P.getDeclContext());
    if (P.getDeclName() && F && F->hasBody() &&
        P.getType().getNonReferenceType().isConstQualified())
      checkConstant(P, *F->getBody());
    if (!P.getDeclName() || !P.getType()->isLValueReferenceType())
      return;
    QualType Object = P.getType()->getPointeeType();
    if (const CXXRecordDecl *Record = Object->getAsCXXRecordDecl();
        Record && Record->hasDefinition() && Record->isPolymorphic())
      refuse("capture-of-a-copy", P.getLocation(),
             "'" + P.getName() +
                 "' may be an object of a derived class, and the coroutine "
                 "would copy only its base; make it a member or a pointer");
    if (!Object.isConstQualified())
      refuse("capture-of-a-copy", P.getLocation(),
             "'" + P.getName() +
                 "' is a reference to the caller's object, and the coroutine "
                 "would work on a copy of it; make it a member or a pointer");
  }

  /// A variable that is handed on under its own name lives on as \p P.
  void handOn(const Expr &Argument, const ParmVarDecl &P) {
    drop(movedBy(&Argument));
    const VarDecl *V = variableNamedBy(&Argument);
    const VarDecl *Stays = standsFor(V);
    if (V && V->getDeclName() != P.getDeclName() &&
        any_of(Live,
               [&](const Variable &Other) { return Other.Decl == Stays; })) {
      Copies.insert(&P);
      HandedOnAs[Stays].push_back(&P);
    }
    if (V && V->getDeclName() == P.getDeclName() &&
        !V->getType().isConstQualified() &&
        P.getASTContext().hasSameType(V->getType(),
                                      P.getType().getUnqualifiedType()))
      erase_if(Live, [&](const Variable &Other) { return Other.Decl == V; });
  }

  /// A frame is a record, and what has no fixed size cannot be a member of one.
  void checkSizes(const Stmt *S) {
    const VarDecl *Found = IsApart ? nullptr : findUnsized(S);
    if (!Found)
      return;
    bool IsArray = Found->getType()->isVariableArrayType();
    refuse("size-not-fixed", Found->getLocation(),
           "'" + Found->getName() +
               (IsArray ? "' has a length that is computed, and cannot be kept "
                        : "' ends with an array without a size, which some "
                          "compilers cannot keep ") +
               "in a coroutine's frame; use it in a function that is called "
               "from here");
  }

  /// g++ before 13 cannot keep the array of an initializer list in a frame.
  void checkLists(const Operation &Op) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Expr *Found = nullptr;
      bool VisitCXXStdInitializerListExpr(
          const CXXStdInitializerListExpr *E) override {
        Found = E;
        return true;
      }
    } V;
    for (const Expr *Argument : Op.Call->arguments())
      if (!Op.isHandler(Argument))
        V.TraverseStmt(Argument);
    if (V.Found)
      refuse("list-in-an-await", V.Found->getBeginLoc(),
             "this list would be inside an await, where some compilers cannot "
             "keep it; name what is made of it as a variable before");
  }

  /// The owners that \p Call, which calls a coroutine, hands over to it, and
  /// the one of its object, where that holds itself.
  static SmallPtrSet<const Expr *, 4> keptByTask(const CallExpr &Call) {
    SmallPtrSet<const Expr *, 4> Kept;
    for (auto [P, Argument] :
         zip(definitionOf(Call.getDirectCallee())->parameters(),
             Call.arguments()))
      if (!P->getType()->isReferenceType())
        if (const CXXRecordDecl *Record = P->getType()->getAsCXXRecordDecl();
            Record && isOwner(*Record))
          Kept.insert(Argument);
    const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
    if (Member && Member->getMethodDecl() &&
        takesOwner(*Member->getMethodDecl()))
      if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(
              asWritten(Member->getImplicitObjectArgument()));
          Arrow && Arrow->getOperator() == OO_Arrow)
        Kept.insert(Arrow->getArg(0));
    return Kept;
  }

  /// What an awaited call makes on the way was gone when the operation had
  /// started, and now is when it completes.
  void checkTemporaries(const Operation &Op) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Operation &Op;
      SmallPtrSet<const Expr *, 4> Kept;
      SmallVector<const CXXBindTemporaryExpr *, 2> Found;
      explicit Visitor(const Operation &Op) : Op(Op) {}
      bool TraverseStmt(const Stmt *S) override {
        const auto *E = dyn_cast_or_null<Expr>(S);
        if (E && (Op.isHandler(E) || Kept.contains(E)))
          return true;
        return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
      bool VisitCXXBindTemporaryExpr(const CXXBindTemporaryExpr *E) override {
        Found.push_back(E);
        return true;
      }
    } V(Op);
    if (Op.How == Operation::Form::Task)
      V.Kept = keptByTask(*Op.Call);
    V.TraverseStmt(Op.Call);
    for (const CXXBindTemporaryExpr *E : V.Found) {
      const CXXRecordDecl *Record = E->getType()->getAsCXXRecordDecl();
      switch (destructionOf(E->getType())) {
      case Destruction::Invisible:
      case Destruction::Counted:
      case Destruction::Unknown:
        break;
      case Destruction::ReleasesLock:
        return refuse("lock-across-suspension", E->getBeginLoc(),
                      "what is locked here would stay so while the coroutine "
                      "waits; end its scope before the operation starts");
      case Destruction::Visible:
        if (endIsSeen(*E, HoldsSelf))
          return refuse("observable-destructor", E->getBeginLoc(),
                        "the '" + Record->getName() +
                            "' that is made here was destroyed when the "
                            "operation had started and would now live until it "
                            "completes; make what is needed of it a variable "
                            "before");
      }
    }
  }

  void code(const Stmt *S) {
    checkSizes(S);
    drop(movedBy(S));
    for (const VarDecl *V : referredFromElsewhere(S))
      ReferredTo.insert(V);
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      for (const Decl *D : Declaration->decls())
        if (const auto *V = dyn_cast<VarDecl>(D))
          if (!V->isStaticLocal())
            declare(V);
  }

  void await(const Operation &Op) {
    if (Op.How == Operation::Form::Completion)
      return receive(Op);
    for (const VarDecl *V : Op.InitCaptures)
      takeOver(*V, handlerWith(*V, Op));
    checkOrder(Op);
    if (Op.Call) {
      drop(movedBy(Op.Call));
      checkLists(Op);
      checkTemporaries(Op);
    }
    Captured.clear();
    for (const Operation &Handler : Op.Handlers)
      hold(Handler);
    hold(Op);
    if (Op.isPlainCall())
      holdWhatItGets(*Op.Call);
    else if (const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(Op.Call);
             Call && !Op.isOfLibrary())
      checkHeldToo(*Call);
    for (const Variable &V : Live)
      checkAcross(*V.Decl);
    for (const VarDecl *V : Op.InitCaptures)
      declare(V);
    for (const Binding &B : Op.Results)
      if (B.Decl)
        declare(B.Decl, true);
  }

  /// What a task has completed with is moved to where the handler has it. What
  /// is left stays in the task's result.
  void receive(const Operation &Op) {
    for (const Binding &B : Op.Results) {
      if (leavesSomething(B))
        refuse("observable-destructor", Op.Made->getBeginLoc(),
               "something of what the callback gets was destroyed when that "
               "had returned and would now live until the block ends; hand a "
               "pointer to it over");
      if (B.Decl)
        declare(B.Decl, true);
    }
  }

  /// When \p B has been moved from, or nobody has a name for it, it has an end
  /// that is seen.
  static bool leavesSomething(const Binding &B) {
    QualType Type = B.Type.getNonReferenceType();
    if (destructionOf(Type) <= Destruction::Counted)
      return false;
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    bool IsEmptyThen =
        isShared(Type) || (Record && Record->isInStdNamespace() &&
                           is_contained({"unique_ptr", "function",
                                         "move_only_function", "vector"},
                                        Record->getName()));
    return !B.Decl || !IsEmptyThen;
  }

  /// The handler of \p Op that has \p Capture.
  static const Operation &handlerWith(const VarDecl &Capture,
                                      const Operation &Op) {
    auto Has = [&](const Operation &Handler) {
      return Handler.lambda() &&
             any_of(Handler.lambda()->captures(), [&](const LambdaCapture &C) {
               return C.capturesVariable() && C.getCapturedVar() == &Capture;
             });
    };
    auto Found = find_if(Op.Handlers, Has);
    return Found != Op.Handlers.end() ? *Found : Op;
  }

  /// Notes what the handler of \p Op holds.
  void hold(const Operation &Op) {
    if (const LambdaExpr *Handler = Op.lambda())
      for (const LambdaCapture &Capture : Handler->captures())
        if (Capture.capturesVariable())
          checkCapture(Capture, *Handler);
    if (Op.Bound)
      for (const BoundCall::Argument &A : Op.Bound->Arguments)
        if (const VarDecl *V = A.Value ? variableNamedBy(A.Value) : nullptr)
          capture(V);
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        checkMember(M);
  }

  /// The coroutine that \p Call calls has an owner of what it gets owners of,
  /// up to its end, unless it gives that up.
  void holdWhatItGets(const CallExpr &Call) {
    for (auto [P, Argument] :
         zip(definitionOf(Call.getDirectCallee())->parameters(),
             Call.arguments()))
      if (const VarDecl *V = variableNamedBy(Argument);
          V && isShared(V->getType().getNonReferenceType()) && isKept(*P) &&
          P->getASTContext().hasSameUnqualifiedType(
              P->getType().getNonReferenceType(),
              V->getType().getNonReferenceType()))
        capture(V);
  }

  /// What \p Call waits for may hold its object, which it did until its
  /// callback had returned.
  void checkHeldToo(const CXXMemberCallExpr &Call) {
    const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
    const Expr *Object = Call.getImplicitObjectArgument();
    if (!Callee->hasBody() || isOnThis(Call) || ownerNamedBy(Object) ||
        !asksForSelf(Callee->getBody()) || !endsUserCode(Call.getObjectType()))
      return;
    const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(asWritten(Object));
    const VarDecl *Owner = variableNamedBy(Arrow ? Arrow->getArg(0) : Object);
    if (!Owner || !Captured.contains(Owner))
      refuse("observable-destructor", Call.getBeginLoc(),
             "the object of '" + Callee->getNameAsString() +
                 "' was held while the callback ran and may now be gone "
                 "before; capture a shared pointer to it in the callback");
  }

  void capture(const VarDecl *V) { Captured.insert(standsFor(V)); }

  /// The coroutine's variable that \p V is.
  const VarDecl *standsFor(const VarDecl *V) const {
    const VarDecl *First = Carried.lookup(dyn_cast_or_null<ParmVarDecl>(V));
    return First ? First : V;
  }

  /// The one that \p E names, if it names any.
  const VarDecl *variableOf(const Expr &E) const {
    return standsFor(variableNamedBy(&E));
  }

  /// What a handler holds goes in an order of its own: captures and members in
  /// the reverse of theirs, values that are bound in theirs. The variables of a
  /// coroutine go in the reverse of theirs, and last of all its object.
  void checkOrder(const Operation &Op) {
    const VarDecl *Before = nullptr;
    size_t Place = 0;
    auto Add = [&](const VarDecl *V) {
      std::optional<size_t> Next = V ? placeOf(*V, Op) : std::nullopt;
      if (!Next || !endsUserCode(V->getType()))
        return;
      if (Before && *Next < Place)
        refuse("observable-destructor", Op.Call->getBeginLoc(),
               "'" + Before->getName() + "' and '" + V->getName() +
                   "' are destroyed with the handler in another order than "
                   "the variables of a coroutine would be; hold them in the "
                   "order in which they are declared");
      Before = V;
      Place = *Next;
    };
    for (const Operation &Each : Op.Handlers.empty()
                                     ? ArrayRef<Operation>(Op)
                                     : ArrayRef<Operation>(Op.Handlers)) {
      if (const LambdaExpr *Handler = Each.lambda())
        for (const LambdaCapture &Capture : Handler->captures())
          if (Capture.capturesVariable() &&
              Capture.getCaptureKind() == LCK_ByCopy)
            Add(dyn_cast<VarDecl>(Capture.getCapturedVar()));
      if (Each.Object)
        for (const FunctionObject::Member &M : Each.Object->Members)
          if (M.What == FunctionObject::Member::Kind::Variable)
            Add(variableNamedBy(M.Init));
      if (Each.Bound)
        for (const BoundCall::Argument &A : reverse(Each.Bound->Arguments))
          if (A.Value)
            Add(variableNamedBy(A.Value));
    }
  }

  /// Where \p V stands among the variables of the coroutine.
  std::optional<size_t> placeOf(const VarDecl &V, const Operation &Op) const {
    if (isSharedFromThisCopy(&V))
      return HoldsSelf ? std::optional<size_t>(0) : std::nullopt;
    const VarDecl *Stands = &V;
    if (TakenOver.contains(&V))
      Stands = variableNamedBy(cast<CallExpr>(asWritten(V.getInit())));
    Stands = standsFor(Stands);
    for (auto [I, Other] : enumerate(Live))
      if (Other.Decl == Stands)
        return I + 1;
    for (auto [I, Other] : enumerate(Op.InitCaptures))
      if (Other == &V)
        return Live.size() + I + 1;
    return std::nullopt;
  }

  /// A variable that is moved into a capture of its name has no other use, or
  /// it would have none in the function that started the operation. What the
  /// operation works on has to stay where it is: in t->wait([t = move(t)]),
  /// the first t is looked at before the move.
  void takeOver(const VarDecl &Capture, const Operation &Op) {
    const Expr *Init = asWritten(Capture.getInit());
    if (Op.Stored)
      return;
    // Arguments are made in no certain order.
    for (const ValueDecl *D : givenUpBy(Init))
      for (const Expr *Argument : Op.Call->arguments())
        if (asWritten(Argument) != asWritten(Op.HandlerArgument) &&
            mentions(Argument, D))
          return refuse("lifetime-differs", Argument->getBeginLoc(),
                        "the call uses '" + D->getName() +
                            "', which its handler takes away; name what it "
                            "uses before");
    if (canTakeOver(Capture, Op)) {
      TakenOver.insert(&Capture);
      return;
    }
    for (const ValueDecl *D : givenUpBy(Init))
      if (mentionsOutside(*Op.Call, *Op.Made, *D))
        return refuse("lifetime-differs", Capture.getLocation(),
                      "the operation works on '" + D->getName() +
                          "', which is moved into its handler; move it into a "
                          "variable before, and capture that");
  }

  bool canTakeOver(const VarDecl &Capture, const Operation &Op) const {
    const auto *Move = dyn_cast<CallExpr>(asWritten(Capture.getInit()));
    const VarDecl *From =
        Move && Move->isCallToStdMove() ? variableNamedBy(Move) : nullptr;
    if (!From || (From->getDeclName() != Capture.getDeclName() &&
                  !mentionsOutside(*Op.Call, *Op.Made, *From)))
      return false;
    bool IsBorrowed = any_of(
        Entry->Uses, [&](const Borrowed &B) { return B.Variable == From; });
    bool IsOwn = is_contained(Entry->parameters(), From) ||
                 !From->getType()->isReferenceType();
    QualType Type = From->getType().getNonReferenceType();
    bool EndsAlike = IsBorrowed ||
                     destructionOf(Type) <= Destruction::Counted ||
                     any_of(drop_begin(Live, BlockBegin),
                            [&](const Variable &V) { return V.Decl == From; });
    return IsOwn && EndsAlike &&
           From->getASTContext().hasSameUnqualifiedType(Type,
                                                        Capture.getType());
  }

  static bool mentionsOutside(const CallExpr &Call, const Expr &Handler,
                              const ValueDecl &D) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Expr &Handler;
      const ValueDecl &Wanted;
      Visitor(const Expr &Handler, const ValueDecl &Wanted)
          : Handler(Handler), Wanted(Wanted) {}
      bool TraverseStmt(const Stmt *S) override {
        return S == &Handler ||
               ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        return E->getDecl() != &Wanted;
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        return E->getMemberDecl() != &Wanted;
      }
    } V(Handler, D);
    return !V.TraverseStmt(&Call);
  }

  void checkCapture(const LambdaCapture &Capture, const LambdaExpr &Handler) {
    const auto *V = dyn_cast<VarDecl>(Capture.getCapturedVar());
    if (V && !isa<ParmVarDecl>(V) && V->getType()->isReferenceType())
      refuse("capture-of-a-copy", Capture.getLocation(),
             "the handler captures a copy of what '" + V->getName() +
                 "' refers to; make the copy before the operation starts");
    if (V && Capture.getCaptureKind() == LCK_ByCopy && !Handler.isMutable() &&
        !V->getType().isConstQualified())
      checkConstant(*V, *Handler.getBody());
    if (V && Capture.getCaptureKind() == LCK_ByCopy && !V->isInitCapture() &&
        !isShared(V->getType()) && endsUserCode(V->getType()))
      refuse("observable-destructor", Capture.getLocation(),
             "'" + V->getName() +
                 "' is destroyed when the operation has started, and its copy "
                 "with the handler, where a coroutine has only one of them; "
                 "move it into the capture");
    capture(V);
  }

  /// \p V, or the copy of it that a handler holds, is a constant in \p Body;
  /// the variable of the coroutine is none.
  void checkConstant(const VarDecl &V, const Stmt &Body) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const VarDecl &V;
      unsigned Mentions = 0;
      const CallExpr *Move = nullptr;
      const CXXMemberCallExpr *Overloaded = nullptr;
      explicit Visitor(const VarDecl &V) : V(V) {}
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        Mentions += E->getDecl() == &V;
        return true;
      }
      bool VisitCallExpr(const CallExpr *Call) override {
        if (Call->isCallToStdMove() && variableNamedBy(Call->getArg(0)) == &V)
          Move = Call;
        return true;
      }
      bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
        const CXXMethodDecl *Method = Call->getMethodDecl();
        if (Method && Method->isConst() &&
            variableNamedBy(Call->getImplicitObjectArgument()) == &V &&
            !Method->getASTContext().getSourceManager().isInSystemHeader(
                Method->getLocation()) &&
            any_of(Method->getParent()->lookup(Method->getDeclName()),
                   [&](const NamedDecl *D) {
                     const auto *Other = dyn_cast<CXXMethodDecl>(D);
                     return Other && !Other->isConst() &&
                            Other->getNumParams() == Method->getNumParams();
                   }))
          Overloaded = Call;
        return true;
      }
    } Found(V);
    Found.TraverseStmt(&Body);
    if (Found.Move && (Found.Mentions > 1 ||
                       destructionOf(V.getType()) > Destruction::Unknown))
      refuse("capture-of-a-copy", Found.Move->getBeginLoc(),
             "'" + V.getName() +
                 "' is a constant here, so that this copies it where the "
                 "coroutine would move it; leave out the std::move");
    if (Found.Overloaded)
      refuse("capture-of-a-copy", Found.Overloaded->getBeginLoc(),
             "'" + V.getName() +
                 "' is a constant here and a variable in the coroutine, which "
                 "would call another '" +
                 Found.Overloaded->getMethodDecl()->getNameAsString() +
                 "'; call it for std::as_const(" + V.getName() + ")");
  }

  /// A value that the handler holds becomes a variable of the coroutine.
  void checkMember(const FunctionObject::Member &M) {
    if (M.What == FunctionObject::Member::Kind::Variable)
      capture(variableNamedBy(M.Init));
    if (M.What == FunctionObject::Member::Kind::Value &&
        destructionOf(M.Field->getType()) > Destruction::Unknown)
      refuse("observable-destructor", M.Init->getBeginLoc(),
             "'" + M.Field->getName() +
                 "' is destroyed with the handler and would now live until "
                 "the block ends; give its operation a function of its own");
  }

  void checkAcross(const VarDecl &V) {
    Destruction Ends =
        hasDeleter(V) ? Destruction::Visible : destructionOf(V.getType());
    switch (Ends) {
    case Destruction::Invisible:
      return;
    case Destruction::ReleasesLock:
      return refuse("lock-across-suspension", V.getLocation(),
                    "'" + V.getName() +
                        "' would stay locked while the coroutine waits; end "
                        "its scope before the operation starts");
    case Destruction::Counted:
    case Destruction::Unknown:
    case Destruction::Visible:
      if (Ends == Destruction::Counted && !isWatched(V))
        return;
      // The agent holds its object anyway.
      if (HoldsSelf && isSharedFromThisCopy(&V))
        return;
      // A parameter is a copy of what its reference refers to.
      if (!Captured.contains(&V) &&
          (!V.getType()->isReferenceType() ||
           (Ends <= Destruction::Unknown && isa<ParmVarDecl>(V))))
        refuse("observable-destructor", V.getLocation(),
               "'" + V.getName() +
                   "' was destroyed before the operation completes and would "
                   "now live until it has; end its scope before");
    }
  }

  /// Somebody asks whether what \p V owns still has an owner.
  bool isWatched(const VarDecl &V) {
    if (!Watched)
      Watched = watchedTypes(V.getASTContext());
    return ownsWatched(V.getType(), *Watched);
  }

  void drop(const SmallPtrSet<const ValueDecl *, 4> &Moved) {
    erase_if(Live, [&](const Variable &V) { return Moved.contains(V.Decl); });
  }

  SmallVector<Variable, 8> Live;
  /// How many variables are live that the current block does not declare.
  size_t BlockBegin = 0;
  const State *Entry = nullptr;
  SmallPtrSet<const VarDecl *, 4> TakenOver;
  SmallPtrSet<const VarDecl *, 8> Captured;
  CarriedParameters Carried;
  /// What the agent's handlers are made of.
  SmallPtrSet<const Expr *, 8> Made;
  /// Variables to which something refers that lives longer.
  SmallPtrSet<const VarDecl *, 4> ReferredTo;
  /// Parameters that are made copies of variables which stay.
  SmallPtrSet<const VarDecl *, 4> Copies;
  /// Under which names later steps know variables that stay.
  DenseMap<const VarDecl *, SmallVector<const ParmVarDecl *, 2>> HandedOnAs;
  /// The states that head loops around.
  SmallPtrSet<const State *, 4> Heads;
  std::optional<SmallVector<QualType, 4>> Watched;
  /// How many variables there were when the innermost loop began, and the
  /// innermost loop or switch.
  size_t LoopBegin = 0, BreakBegin = 0;
  bool HoldsSelf = false;
  /// The code is not in the coroutine itself.
  bool IsApart = false;
  std::optional<Refusal> Why;
};

} // namespace

std::optional<Refusal> checkLifetimes(Agent &A) {
  return LifetimeCheck().run(A);
}

} // namespace coralc
