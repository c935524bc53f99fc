//===--- LaterStart.cpp - What runs before a posted coroutine -------------===//

#include "coralc/Rewrites/Engine/LaterStart.h"
#include "coralc/Model/Records.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/Footprint.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Views.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// What \p A does before its first wait.
class FirstStretch {
public:
  FirstStretch(const Agent &A, const CallIndex &Calls)
      : First(firstOperation(A)), Reader(Calls, Print) {
    read(A.Body);
    Print.EndsTurn = false;
    // Its own variables nobody else knows.
    Print.Touched.remove_if([&](const auto &Entry) {
      const auto *V = dyn_cast_or_null<VarDecl>(Entry.first);
      if (!V || V->hasGlobalStorage())
        return false;
      if (isa<ParmVarDecl>(V) && !A.beside())
        return !V->getType()->isReferenceType() &&
               !V->getType()->isPointerType();
      return none_of(A.Entry->Uses, [&](const Borrowed &B) {
        return B.Variable == V && B.ByReference;
      });
    });
  }

  Footprint Print;

private:
  /// Whether each way through \p Nodes waits.
  bool read(const Block &Nodes) {
    return any_of(Nodes, [&](const Node &N) { return read(N); });
  }

  bool read(const Node &N) {
    for (const Expr *Argument : N.Arguments)
      if (Argument)
        Reader.read(Argument);
    switch (N.What) {
    case Node::Kind::Code:
      Reader.read(N.Source);
      return false;
    case Node::Kind::If: {
      if (const auto *If = dyn_cast_or_null<IfStmt>(N.Source)) {
        Reader.read(If->getInit());
        Reader.read(If->getCond());
      }
      bool ThenWaits = read(N.Body);
      return read(N.Else) && ThenWaits;
    }
    case Node::Kind::Switch: {
      for (const Stmt *Part : partsOfHead(*cast<SwitchStmt>(N.Source)))
        Reader.read(Part);
      bool AllWait = true;
      for (const Node::Arm &Arm : N.Arms)
        AllWait &= read(Arm.Body) && !breaksOut(Arm.Body);
      return AllWait;
    }
    case Node::Kind::Loop:
    case Node::Kind::Apart:
      return read(N.Body);
    case Node::Kind::Await:
      Reader.readFirst(*N.Op->Call);
      if (!isDispatch(*N.Op->Call))
        return true;
      // In the loop it goes on at once.
      if (!isDispatch(*First->Call))
        Print.Dispatch = N.Op->Call;
      return false;
    case Node::Kind::Call:
      Reader.read(N.Op->body());
      return false;
    case Node::Kind::Return:
      Reader.read(N.Call);
      return true;
    default:
      return false;
    }
  }

  const Operation *First;
  FootprintReader Reader;
};

/// \p E names \p Field when it is computed; a handler may do so later.
bool startMentions(const Expr &E, const FieldDecl &Field) {
  const auto *L = dyn_cast<LambdaExpr>(asWritten(&E));
  return L ? any_of(L->capture_inits(),
                    [&](const Expr *Init) { return mentions(Init, &Field); })
           : mentions(&E, &Field);
}

/// The members of its object that the operation with which \p A begins beside a
/// function of that object is told the values of, and does nothing else with.
SmallVector<const MemberExpr *, 2> valuesToldFirst(const Agent &A) {
  SmallVector<const MemberExpr *, 2> Result;
  if (!A.beside() || A.HoldsObject || A.Body.empty() ||
      A.Body.front().What != Node::Kind::Await ||
      A.Body.front().Op->How != Operation::Form::CompletionToken)
    return Result;
  const CallExpr &Call = *A.Body.front().Op->Call;
  const FunctionDecl *Callee = Call.getDirectCallee();
  const SourceManager &SM =
      A.Entry->Function->getASTContext().getSourceManager();
  for (auto [I, P] : enumerate(Callee->parameters())) {
    if (I >= Call.getNumArgs())
      break;
    const auto *Told = dyn_cast<MemberExpr>(asWritten(Call.getArg(I)));
    const FieldDecl *Field = ownField(Told);
    QualType Type = P->getType();
    const CXXRecordDecl *Record =
        Field ? Field->getType()->getAsCXXRecordDecl() : nullptr;
    if (!Field || Field->getType()->isReferenceType() ||
        Field->getType()->isArrayType() || Field->getType()->isPointerType() ||
        (Type->isReferenceType() &&
         !(Type->isLValueReferenceType() &&
           Type->getPointeeType().isConstQualified())))
      continue;
    // A library's values can be copied without anybody seeing it.
    if (Record &&
        !(isCopyable(*Record) &&
          SM.isInSystemHeader(SM.getExpansionLoc(Record->getLocation()))))
      continue;
    if (none_of(Call.arguments(), [&](const Expr *Other) {
          return asWritten(Other) != Told && startMentions(*Other, *Field);
        }))
      Result.push_back(Told);
  }
  return Result;
}

/// Follows the code behind a start to the end of its turn.
class Behind {
public:
  Behind(const Agent &A, const CallIndex &Calls)
      : A(A), Calls(Calls), Told(valuesToldFirst(A)) {}

  /// What changes before the first operation is told of it.
  SmallSetVector<const MemberExpr *, 2> Changed;

  std::optional<Refusal> check() {
    FirstStretch First(A, Calls);
    checkExecutor(First.Print);
    if (const Expr *Dispatch = First.Print.Dispatch)
      refuse(Dispatch->getBeginLoc(),
             "what is dispatched here may run later and would run at once");
    for (const StartSite &Start : A.Starts)
      checkTold(*Start.Call);
    for (const StartSite &Start : A.Starts)
      if (!Calls.callerOf(*Start.Call))
        refuse(Start.Call->getBeginLoc(),
               "this is not called by a function, so that nothing says what "
               "runs behind it");
      else if (!Why)
        follow({Start.Call, Calls.callerOf(*Start.Call)}, First.Print,
               *A.Entry->Function);
    return std::move(Why);
  }

private:
  /// What \p Start makes for its arguments is gone when the coroutine begins.
  void checkTold(const CallExpr &Start) {
    if (isa<CXXOperatorCallExpr>(Start))
      return;
    for (auto [P, Argument] : zip(A.Entry->parameters(), Start.arguments()))
      if (refersToOthers(P->getType().getNonReferenceType()) &&
          mentions(A.Entry->Function->getBody(), P) &&
          !referentsOf(Argument).Temporaries.empty())
        refuse(Argument->getBeginLoc(),
               "'" + P->getName() +
                   "' refers to something that is made for this call");
  }

  /// The start asks the object of the first operation for its executor, and
  /// must not do so before that is made.
  void checkExecutor(const Footprint &First) {
    const Operation *Op = firstOperation(A);
    const Expr *Source = Op && Op->How == Operation::Form::CompletionToken
                             ? executorSource(*Op).first
                             : nullptr;
    Source = Source ? asWritten(Source) : nullptr;
    if (!Source || !(isa<CXXOperatorCallExpr>(Source) ||
                     Source->getType()->isPointerType()))
      return;
    const ValueDecl *Holder = rootOf(Source);
    auto Use = First.Touched.find(Holder);
    if (Holder && Use != First.Touched.end() && (Use->second.How & Changes))
      Why = Refusal{"no-executor", Op->Call->getBeginLoc(),
                    "'" + Holder->getNameAsString() +
                        "' gets its object only in the coroutine, so that it "
                        "has no executor to start that on; convert to "
                        "--target=coral"};
  }

  void refuse(SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{"started-later", Where,
                    (Message + "; this target starts the operation "
                               "later than that. Convert to --target=coral")
                        .str()};
  }

  /// \p Site calls \p Callee, in which the start is; \p Print is what must
  /// not be touched from here on.
  void follow(CallSite Site, Footprint Print, const FunctionDecl &Callee) {
    if (!Site.Caller || !Site.Caller->hasBody() ||
        !Followed.insert(Site.Call).second)
      return;
    const Stmt &Body = *Site.Caller->getBody();
    ParentMap Parents(const_cast<Stmt *>(&Body));
    const ValueDecl *Root = nullptr, *Owner = nullptr;
    if (Site.Call != A.beside()) {
      nameArguments(*Site.Call, Callee, Print);
      Root = rootAt(*Site.Call, Parents);
      if (!A.HoldsSelf && !A.HoldsObject && usesObject(Print)) {
        Owner = Root;
        if (Owner)
          Print.Touched[Owner].How |= Looks;
        else if (isGoneBehind(*Site.Call, Parents))
          return refuse(Site.Call->getBeginLoc(),
                        "the object is gone behind this call");
      }
    }

    Footprint After;
    FootprintReader Reader(Calls, After, Site.Call, Root);
    const Stmt *Child = Site.Call;
    if (!Parents.getParent(Child) && Child != &Body)
      Reader.read(&Body); // The call initializes a member or base.
    for (const Stmt *Parent = Parents.getParent(Child); Parent;
         Child = Parent, Parent = Parents.getParent(Child)) {
      if (isa<LambdaExpr>(Parent))
        return;
      readBehind(*Parent, *Child, Reader);
      if (collides(Print, After) || collidesWithPosted(Print, *Parent, *Child))
        return;
      if (After.EndsInTry && Print.MayThrow)
        return refuse(Site.Call->getBeginLoc(),
                      "what this may throw would be caught where a loop that "
                      "is run behind it throws");
      if (After.EndsTurn)
        return;
      if (const auto *Try = dyn_cast<CXXTryStmt>(Parent);
          Try && Try->getTryBlock() == Child && Print.MayThrow)
        return refuse(Try->getBeginLoc(), "what '" + Callee.getNameAsString() +
                                              "' may throw is caught here");
      if (const auto *Scope = dyn_cast<CompoundStmt>(Parent);
          Scope && Owner && isGoneAtEndOf(*Scope, Body, *Owner, *Site.Caller))
        return refuse(Owner->getLocation(),
                      "'" + Owner->getName() + "' is gone when its scope ends");
    }

    if (std::optional<LambdaSite> L = Calls.lambdaOf(*Site.Caller))
      return followLambda(*L->Lambda, L->Around, Print);
    for (const CallSite &Next : Calls.callersOf(*Site.Caller))
      follow(Next, Print, *Site.Caller);
  }

  /// A handler ends the turn; what else gets the lambda may call it at once.
  void followLambda(const LambdaExpr &L, const FunctionDecl *Around,
                    const Footprint &Print) {
    if (!Around || !Around->hasBody())
      return;
    ParentMap Parents(Around->getBody());
    for (const Stmt *Up = Parents.getParent(&L); Up;
         Up = Parents.getParent(Up)) {
      if (isa<DeclStmt>(Up))
        break;
      const auto *Call = dyn_cast<CallExpr>(Up);
      const FunctionDecl *Taker = Call ? Call->getDirectCallee() : nullptr;
      if (Taker && initiationOf(*Taker))
        return;
      if (Call && !Call->isCallToStdMove())
        return follow({Call, Around}, Print, *L.getCallOperator());
    }
    for (const CallSite &Next : Calls.callersOf(*L.getCallOperator()))
      follow(Next, Print, *L.getCallOperator());
  }

  /// What runs of \p Parent when \p Child, a part of it, is done.
  void readBehind(const Stmt &Parent, const Stmt &Child,
                  FootprintReader &Reader) const {
    if (const auto *Scope = dyn_cast<CompoundStmt>(&Parent)) {
      bool IsBehind = false;
      for (const Stmt *S : Scope->body()) {
        if (IsBehind)
          Reader.read(S);
        IsBehind |= S == &Child;
      }
      readEnds(*Scope, Child, Reader);
      return;
    }
    if (isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(Parent)) {
      for (const Stmt *S : Parent.children())
        Reader.read(S);
      return;
    }
    // The call whose argument this is comes behind it.
    const FunctionDecl *Next = nullptr;
    if (const auto *Call = dyn_cast<CallExpr>(&Parent))
      Next = Calls.seen(Call->getDirectCallee());
    else if (const auto *Made = dyn_cast<CXXConstructExpr>(&Parent))
      Next = Calls.seen(Made->getConstructor());
    if (Next)
      Reader.readFunction(*Next, /*IsOther=*/false);
  }

  /// What was made in \p Scope before \p Child goes behind all that.
  static void readEnds(const CompoundStmt &Scope, const Stmt &Child,
                       FootprintReader &Reader) {
    for (const Stmt *S : Scope.body()) {
      if (S == &Child)
        return;
      const auto *Declared = dyn_cast<DeclStmt>(S);
      if (!Declared)
        continue;
      for (const Decl *D : Declared->decls())
        if (const auto *V = dyn_cast<VarDecl>(D); V && V->hasLocalStorage())
          Reader.readEndOf(V->getType());
    }
  }

  bool collides(const Footprint &First, const Footprint &After) {
    for (const auto &[Decl, Use] : First.Touched) {
      auto Other = After.Touched.find(Decl);
      if (Other == After.Touched.end() || !collide(Use.How, Other->second.How))
        continue;
      const auto *Value = find_if(Told, [&](const MemberExpr *E) {
        return E->getMemberDecl() == Decl;
      });
      if (Value != Told.end()) {
        Changed.insert(*Value);
        continue;
      }
      refuse(Other->second.Where,
             Decl
                 ? "'" + Decl->getNameAsString() +
                       "' is used by code that runs behind the start"
                 : std::string("what this does behind the start cannot be seen "
                               "here"));
      return true;
    }
    if (const Queued *Behind = inOrderWith(First, After)) {
      refuse(Behind->Begun->getBeginLoc(), whatJoins(*Behind));
      return true;
    }
    return collidesUnseen(First, After) || collidesUnseen(After, First);
  }

  /// What \p Parent posts before \p Child runs before the coroutine does.
  bool collidesWithPosted(const Footprint &First, const Stmt &Parent,
                          const Stmt &Child) {
    const auto *Scope = dyn_cast<CompoundStmt>(&Parent);
    if (!Scope)
      return false;
    SmallVector<const Expr *, 1> Posted;
    for (const Stmt *S : Scope->body()) {
      if (S == &Child)
        break;
      Footprint Before;
      FootprintReader(Calls, Before).read(S);
      if (Before.EndsTurn)
        Posted.clear();
      else
        for (const Queued &Q : Before.Joins)
          if (Q.Where == Queue::Handlers)
            Posted.push_back(Q.Begun);
    }
    for (const Expr *E : Posted) {
      const auto *Call = dyn_cast<CallExpr>(E);
      const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
      std::optional<Initiation> Post =
          Callee ? initiationOf(*Callee) : std::nullopt;
      bool IsStart = Calls.isStart(*E);
      if (IsStart
              ? !isSeen(First)
              : !Post || !mayCollide(First, *Call->getArg(argumentOf(
                                                *Call, Post->TokenParameter))))
        continue;
      refuse(E->getBeginLoc(),
             "this was posted before the start, and would run first");
      return true;
    }
    return false;
  }

  /// Some function in \p Handler may do what collides with \p First.
  bool mayCollide(const Footprint &First, const Expr &Handler) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallVector<const LambdaExpr *, 1> Lambdas;
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        Lambdas.push_back(L);
        return true;
      }
    } V;
    V.TraverseStmt(&Handler);
    if (V.Lambdas.empty())
      return isSeen(First);
    return any_of(V.Lambdas, [&](const LambdaExpr *L) {
      Footprint Print;
      FootprintReader(Calls, Print).read(L->getBody());
      return collide(First, Print);
    });
  }

  /// Somebody sees when the code of \p Print runs.
  static bool isSeen(const Footprint &Print) {
    return !Print.Touched.empty() || !Print.Joins.empty();
  }

  StringRef whatJoins(const Queued &Behind) const {
    const auto *Call = dyn_cast<CallExpr>(Behind.Begun);
    const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
    switch (Behind.Where) {
    case Queue::Handlers:
      return Callee && (initiationOf(*Callee) || Calls.isStart(*Call))
                 ? "this is posted behind the start"
                 : "what this does behind the start cannot be seen here";
    case Queue::Timers:
      return isNamed(Callee, {"now"}) ? "this asks the time behind the start"
                                      : "this sets a timer behind the start";
    case Queue::Lookups:
      return "this looks up a name behind the start";
    case Queue::Connections:
      return "this connects behind the start";
    }
    llvm_unreachable("no such queue");
  }

  /// What \p Unseen calls may do anything to the members that \p Seen uses.
  bool collidesUnseen(const Footprint &Unseen, const Footprint &Seen) {
    for (const CallExpr *Call : Unseen.Unseen) {
      const auto *Method = cast<CXXMethodDecl>(Call->getDirectCallee());
      if (!usesMembersOf(Seen, *Method->getParent()))
        continue;
      refuse(Call->getBeginLoc(), "'" + Method->getNameAsString() +
                                      "' is defined in another file, and may "
                                      "use what this works on");
      return true;
    }
    return false;
  }

  static bool usesMembersOf(const Footprint &F, const CXXRecordDecl &Class) {
    return any_of(F.Touched, [&](const auto &Entry) {
      const auto *Field = dyn_cast_or_null<FieldDecl>(Entry.first);
      const auto *Owner =
          Field ? dyn_cast<CXXRecordDecl>(Field->getParent()) : nullptr;
      return Owner &&
             (declaresSameEntity(Owner, &Class) || Class.isDerivedFrom(Owner));
    });
  }

  /// What \p Callee's parameters refer to becomes what \p Call names for it.
  static void nameArguments(const Expr &Call, const FunctionDecl &Callee,
                            Footprint &Print) {
    auto Name = [&](unsigned I, const Expr *Argument) {
      if (I >= Callee.getNumParams())
        return;
      auto Known = Print.Touched.find(Callee.getParamDecl(I));
      if (Known == Print.Touched.end())
        return;
      Footprint::Use Use = Known->second;
      if (const ValueDecl *Named = rootOf(Argument);
          Named && !isIndifferent(*Named))
        Print.Touched[Named].How |= Use.How;
    };
    if (const auto *C = dyn_cast<CallExpr>(&Call))
      for (auto [I, Argument] : enumerate(C->arguments()))
        if (I >= argumentOf(*C, 0))
          Name(I - argumentOf(*C, 0), Argument);
    if (const auto *Made = dyn_cast<CXXConstructExpr>(&Call))
      for (auto [I, Argument] : enumerate(Made->arguments()))
        Name(I, Argument);
  }

  static bool usesObject(const Footprint &Print) {
    return any_of(Print.Touched, [](const auto &Entry) {
      return isa_and_nonnull<FieldDecl>(Entry.first);
    });
  }

  /// The variable or member that holds the object that \p Call is for.
  static const ValueDecl *rootAt(const Expr &Call, const ParentMap &Parents) {
    if (const Expr *Object = objectOf(Call))
      return rootOf(Object);
    bool Makes = isa<CXXConstructExpr>(Call);
    if (const auto *C = dyn_cast<CallExpr>(&Call))
      Makes = madeBy(C->getDirectCallee());
    if (!Makes)
      return nullptr;
    for (const Stmt *Up = Parents.getParent(&Call);
         Up && !isa<CompoundStmt>(Up); Up = Parents.getParent(Up)) {
      if (isa<CXXNewExpr, LambdaExpr>(Up))
        return nullptr;
      if (const auto *Declared = dyn_cast<DeclStmt>(Up))
        return Declared->isSingleDecl()
                   ? dyn_cast<ValueDecl>(Declared->getSingleDecl())
                   : nullptr;
    }
    return nullptr;
  }

  /// \p Call is for a temporary object that nobody else knows.
  static bool isGoneBehind(const Expr &Call, const ParentMap &Parents) {
    const Expr *Object = objectOf(Call);
    if (!Object)
      return false;
    if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Object))
      Object = asWritten(Arrow->getArg(0));
    return !isa<CXXNewExpr>(Object) && isFresh(Object);
  }

  /// Some thread may run handlers while \p S goes on.
  bool mayRun(const Stmt &S) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const CallIndex &Calls;
      bool Found = false;
      SmallPtrSet<const FunctionDecl *, 4> Entered;
      explicit Visitor(const CallIndex &Calls) : Calls(Calls) {}
      bool mention(const ValueDecl *D) {
        const auto *Method = dyn_cast<CXXMethodDecl>(D);
        Found |= Method && Method->getDeclName().isIdentifier() &&
                 Method->getName().starts_with("run") &&
                 isExecutionContext(Method->getASTContext().getCanonicalTagType(
                     Method->getParent()));
        if (const FunctionDecl *F = Calls.seen(dyn_cast<FunctionDecl>(D));
            F && Entered.insert(F).second)
          TraverseStmt(F->getBody());
        return !Found;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        return mention(E->getDecl());
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        return mention(E->getMemberDecl());
      }
    } V(Calls);
    V.TraverseStmt(&S);
    return V.Found;
  }

  /// \p V is an object, or the only pointer to it, that ends with \p Scope.
  bool isGoneAtEndOf(const CompoundStmt &Scope, const Stmt &Body,
                     const ValueDecl &V, const FunctionDecl &F) const {
    const auto *Variable = dyn_cast<VarDecl>(&V);
    if (!Variable || !Variable->hasLocalStorage() ||
        isa<ParmVarDecl>(Variable) || Variable->getType()->isReferenceType() ||
        Variable->getType()->isPointerType() || (F.isMain() && &Scope == &Body))
      return false;
    bool IsHere = any_of(Scope.body(), [&](const Stmt *S) {
      const auto *Declared = dyn_cast<DeclStmt>(S);
      return Declared && is_contained(Declared->decls(), Variable);
    });
    return IsHere && !mayRun(Scope) &&
           !(isPointerLike(V.getType()) && isHandedOn(Body, V));
  }

  /// The pointer \p V is more than looked through in \p Body.
  static bool isHandedOn(const Stmt &Body, const ValueDecl &V) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const ValueDecl *V = nullptr;
      unsigned Mentions = 0, Through = 0;
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        Mentions += E->getDecl() == V;
        return true;
      }
      bool VisitCXXOperatorCallExpr(const CXXOperatorCallExpr *E) override {
        if (E->getOperator() == OO_Arrow || E->getOperator() == OO_Star)
          Through += rootOf(E->getArg(0)) == V;
        return true;
      }
    } Visitor;
    Visitor.V = &V;
    Visitor.TraverseStmt(&Body);
    return Visitor.Mentions > Visitor.Through;
  }

  const Agent &A;
  const CallIndex &Calls;
  SmallVector<const MemberExpr *, 2> Told;
  std::optional<Refusal> Why;
  SmallPtrSet<const Expr *, 8> Followed;
};

} // namespace

LaterStarts::LaterStarts(ArrayRef<Agent *> Converted, const SourceText &Text)
    : Calls(Converted, Text) {}

std::optional<Refusal> LaterStarts::check(Agent &A) const {
  Behind Code(A, Calls);
  std::optional<Refusal> Why = Code.check();
  A.TakenEarly.clear();
  for (const MemberExpr *E : Code.Changed)
    A.TakenEarly.push_back({E, ""});
  return Why;
}

} // namespace coralc
