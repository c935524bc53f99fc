//===--- LaterStart.cpp - What runs before a posted coroutine -------------===//

#include "coralc/Rewrites/Engine/LaterStart.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// How code touches a variable or member. A socket sends and receives at once,
/// so that the starts of the two may change places.
enum Touch : unsigned { Looks = 1, Changes = 2, Receives = 4, Sends = 8 };

bool collide(unsigned A, unsigned B) {
  if ((A | B) & Changes)
    return true;
  return (A & B) & (Receives | Sends);
}

/// What code does to things that are there when it is over.
struct Footprint {
  struct Use {
    unsigned How = 0;
    SourceLocation Where;
  };
  /// Null stands for everything that is done where nobody sees it.
  MapVector<const ValueDecl *, Use> Touched;
  bool MayThrow = false;
  /// It runs or waits for a loop, or waits itself: the turn is over.
  bool EndsTurn = false;
};

/// A call or construction in the user's code.
struct CallSite {
  const Expr *Call = nullptr;
  /// The function, or the call operator of the lambda, that it stands in.
  const FunctionDecl *Caller = nullptr;
};

struct LambdaSite {
  const LambdaExpr *Lambda = nullptr;
  const FunctionDecl *Around = nullptr;
};

bool isNamed(const FunctionDecl *F, ArrayRef<StringRef> Names) {
  return F && F->getDeclName().isIdentifier() &&
         is_contained(Names, F->getName());
}

bool isPointerLike(QualType Type) {
  Type = Type.getNonReferenceType();
  if (Type->isPointerType())
    return true;
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         is_contained({"shared_ptr", "unique_ptr"}, Record->getName());
}

/// Using it has no effect on what others do with it.
bool isIndifferent(const ValueDecl &D) {
  QualType Type = D.getType().getNonReferenceType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Type.isConstQualified() || isExecutionContext(Type) ||
         isExecutor(Type) ||
         (Record && Record->getDeclName().isIdentifier() &&
          Record->getName() == "strand");
}

/// The class whose objects \p F makes from arguments: std::make_shared<T>.
const CXXRecordDecl *madeBy(const FunctionDecl *F) {
  if (!isNamed(F, {"make_shared", "make_unique", "allocate_shared"}))
    return nullptr;
  const TemplateArgumentList *Arguments = F->getTemplateSpecializationArgs();
  if (!Arguments || Arguments->size() == 0 ||
      Arguments->get(0).getKind() != TemplateArgument::Type)
    return nullptr;
  return Arguments->get(0).getAsType()->getAsCXXRecordDecl();
}

/// \p E makes an object that nobody knew before.
bool isFresh(const Expr *E) {
  E = E ? asWritten(E) : nullptr;
  if (const auto *Made = dyn_cast_or_null<CXXConstructExpr>(E))
    return !Made->getConstructor()->isCopyOrMoveConstructor() &&
           none_of(Made->arguments(), [](const Expr *Argument) {
             return isPointerLike(Argument->getType()) && !isFresh(Argument);
           });
  if (isa_and_nonnull<CXXNewExpr>(E))
    return true;
  const auto *Call = dyn_cast_or_null<CallExpr>(E);
  return Call && madeBy(Call->getDirectCallee());
}

/// What \p E names a part of: the member or variable; null for `this` and what
/// cannot be told.
const ValueDecl *rootOf(const Expr *E) {
  for (E = asWritten(E); E;) {
    if (const auto *Ref = dyn_cast<DeclRefExpr>(E))
      return Ref->getDecl();
    if (const auto *Member = dyn_cast<MemberExpr>(E))
      return Member->getMemberDecl();
    const Expr *Inner = nullptr;
    if (const auto *Unary = dyn_cast<UnaryOperator>(E))
      Inner = Unary->getSubExpr();
    else if (const auto *Subscript = dyn_cast<ArraySubscriptExpr>(E))
      Inner = Subscript->getBase();
    else if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(E))
      Inner = Operator->getArg(0);
    else if (const auto *Call = dyn_cast<CallExpr>(E);
             Call && Call->isCallToStdMove())
      Inner = Call->getArg(0);
    else if (const auto *Made = dyn_cast<CXXConstructExpr>(E);
             Made && Made->getNumArgs() == 1)
      Inner = Made->getArg(0);
    E = Inner ? asWritten(Inner) : nullptr;
  }
  return nullptr;
}

/// The object that \p Call calls a member of.
const Expr *objectOf(const Expr &Call) {
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    return asWritten(Member->getImplicitObjectArgument());
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call))
    return asWritten(Operator->getArg(0));
  return nullptr;
}

/// Who calls what in the user's code, and what is called later now.
class CallIndex {
public:
  CallIndex(ArrayRef<Agent *> Converted, const SourceText &Text) : Text(Text) {
    for (const Agent *A : Converted)
      for (const StartSite &Start : A->Starts)
        Later.insert(Start.Call);
    struct Walker : ConstDynamicRecursiveASTVisitor {
      CallIndex &To;
      const FunctionDecl *Current = nullptr;
      explicit Walker(CallIndex &To) : To(To) {}
      bool TraverseDecl(const Decl *D) override {
        const auto *F = dyn_cast_or_null<FunctionDecl>(D);
        SaveAndRestore<const FunctionDecl *> Function(Current, F ? F : Current);
        return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
      }
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        const CXXMethodDecl *Operator = callOperator(*L);
        if (!Operator)
          return true;
        To.Lambdas[Operator] = {L, Current};
        for (const Expr *Init : L->capture_inits())
          TraverseStmt(Init);
        SaveAndRestore<const FunctionDecl *> Function(Current, Operator);
        return TraverseStmt(Operator->getBody());
      }
      bool VisitCallExpr(const CallExpr *Call) override {
        const FunctionDecl *Callee = Call->getDirectCallee();
        To.CallerOf[Call] = Current;
        if (const CXXRecordDecl *Made = madeBy(Callee))
          To.Makers[Made->getCanonicalDecl()].push_back({Call, Current});
        else if (Callee)
          To.addCaller(*Callee, {Call, Current});
        return true;
      }
      bool VisitCXXConstructExpr(const CXXConstructExpr *Made) override {
        To.addCaller(*Made->getConstructor(), {Made, Current});
        return true;
      }
    };
    Walker W(*this);
    forEachOwnDecl(Text, [&](const Decl *D) { W.TraverseDecl(D); });
  }

  /// The body of \p F, if it is the user's.
  const FunctionDecl *seen(const FunctionDecl *F) const {
    F = definitionOf(F);
    return F && F->hasBody() && Text.range(F->getSourceRange()) ? F : nullptr;
  }

  /// All that may call \p F.
  std::vector<CallSite> callersOf(const FunctionDecl &F) const {
    std::vector<CallSite> Found = Callers.lookup(definitionOf(&F));
    if (const auto *Made = dyn_cast<CXXConstructorDecl>(&F))
      append_range(Found, Makers.lookup(Made->getParent()->getCanonicalDecl()));
    if (const auto *Method = dyn_cast<CXXMethodDecl>(&F))
      for (const CXXMethodDecl *Overridden : Method->overridden_methods())
        append_range(Found, callersOf(*Overridden));
    return Found;
  }

  const SourceText &Text;
  SmallPtrSet<const Expr *, 16> Later;
  DenseMap<const Expr *, const FunctionDecl *> CallerOf;
  DenseMap<const FunctionDecl *, LambdaSite> Lambdas;

private:
  void addCaller(const FunctionDecl &F, CallSite Site) {
    Callers[definitionOf(&F)].push_back(Site);
  }

  DenseMap<const FunctionDecl *, std::vector<CallSite>> Callers;
  DenseMap<const CXXRecordDecl *, std::vector<CallSite>> Makers;
};

/// Reads what code touches, in the order in which it stands, up to the end of
/// the turn, with the user's functions that it calls.
class FootprintReader : public ConstDynamicRecursiveASTVisitor {
public:
  /// \p Self is the call of which the code is behind; \p Root the variable that
  /// holds the object of that call, if it is one.
  FootprintReader(const CallIndex &Calls, Footprint &To,
                  const Expr *Self = nullptr, const ValueDecl *Root = nullptr)
      : Calls(Calls), To(To), Self(Self), Root(Root) {}

  void read(const Stmt *S) {
    if (!S || To.EndsTurn)
      return;
    if (const auto *Try = dyn_cast<CXXTryStmt>(S))
      return read(Try->getTryBlock());
    if (!isa<CompoundStmt>(S)) {
      TraverseStmt(S);
      return;
    }
    for (const Stmt *Child : S->children())
      read(Child);
  }

  /// The body of \p F, which is called on some other object if \p IsOther.
  void readFunction(const FunctionDecl &F, bool IsOther) {
    if (!Entered[IsOther].insert(&F).second)
      return;
    SaveAndRestore<bool> Object(OnOther, IsOther);
    if (const auto *Made = dyn_cast<CXXConstructorDecl>(&F))
      for (const CXXCtorInitializer *Init : Made->inits())
        if (Init->isWritten())
          TraverseStmt(Init->getInit());
    read(F.getBody());
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    for (auto [Capture, Init] : zip(L->captures(), L->capture_inits()))
      if (Capture.getCaptureKind() != LCK_ByRef)
        TraverseStmt(Init);
    return true;
  }

  bool TraverseCallExpr(const CallExpr *Call) override {
    return isSkipped(Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCallExpr(Call);
  }
  bool TraverseCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
    return isSkipped(Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCXXMemberCallExpr(Call);
  }
  bool TraverseCXXOperatorCallExpr(const CXXOperatorCallExpr *Call) override {
    return isSkipped(Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCXXOperatorCallExpr(Call);
  }

  bool VisitImplicitCastExpr(const ImplicitCastExpr *E) override {
    if (E->getCastKind() == CK_LValueToRValue ||
        E->getType().isConstQualified())
      treat(E->getSubExpr(), Looks);
    return true;
  }

  bool VisitCXXThrowExpr(const CXXThrowExpr *) override {
    To.MayThrow = true;
    return true;
  }

  bool VisitCXXDeleteExpr(const CXXDeleteExpr *E) override {
    touch(rootOf(E->getArgument()), Changes, E->getBeginLoc());
    return true;
  }

  bool VisitCoroutineSuspendExpr(const CoroutineSuspendExpr *) override {
    To.EndsTurn = true;
    return true;
  }

  bool VisitCXXConstructExpr(const CXXConstructExpr *Made) override {
    if (const FunctionDecl *Body = Calls.seen(Made->getConstructor()))
      readFunction(*Body, /*IsOther=*/true);
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    const Expr *Object = objectOf(*Call);
    if (endsTurn(Callee, Object))
      To.EndsTurn = true;
    if (const FunctionDecl *Body = Calls.seen(Callee)) {
      if (Object && !isPart(Object))
        treat(Object, Looks);
      readFunction(*Body, Object ? isOther(Object) : OnOther);
      return true;
    }
    std::optional<Initiation> Starts;
    if (Callee)
      Starts = initiationOf(*Callee);
    if (Starts) {
      unsigned How = directionOf(*Callee);
      if (!Object && Call->getNumArgs() > 1)
        Object = Call->getArg(0);
      if (How && Object)
        treat(Object, How);
      for (const Expr *Argument : Call->arguments()) {
        markQuiet(Argument);
        if (How == Sends && Argument != Object)
          treatAll(Argument, Looks);
      }
      return true;
    }
    if (Callee && Callee->getDeclName().isIdentifier() &&
        isNamed(Callee, {"get_executor", "get_io_context", "get_io_service"}) &&
        Object)
      treat(Object, Looks);
    if (Call->isCallToStdMove() && isPointerLike(Call->getArg(0)->getType()))
      treat(Call->getArg(0), Looks);
    if (Object && Call->getNumArgs() > 0 && isPointerLike(Object->getType()) &&
        isFresh(Call->getArg(Call->getNumArgs() - 1)))
      Renewed.insert(rootOf(Object));
    if (!Quiet.contains(Call))
      readCalledHere(*Call);
    if (isUnseen(Callee))
      touch(nullptr, Changes, Call->getBeginLoc());
    if (mayThrow(*Call, Callee))
      To.MayThrow = true;
    return true;
  }

  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    if (const auto *V = dyn_cast<VarDecl>(E->getDecl()))
      touch(V, howTreated(E), E->getLocation());
    return true;
  }

  bool VisitMemberExpr(const MemberExpr *E) override {
    const auto *Field = dyn_cast<FieldDecl>(E->getMemberDecl());
    if (!Field)
      return true;
    if (!isa<CXXThisExpr>(asWritten(E->getBase()))) {
      treat(E->getBase(), Looks);
      if (isOther(asWritten(E->getBase())))
        return true;
    } else if (OnOther) {
      return true;
    }
    touch(Field, howTreated(E), E->getMemberLoc());
    return true;
  }

  /// The operation that the agent itself begins with.
  void readFirst(const CallExpr &Call) {
    Begun = &Call;
    TraverseStmt(&Call);
  }

private:
  /// Not run before the end of this turn, or not again.
  bool isSkipped(const CallExpr *Call) const {
    return Call == Self || (Call != Begun && Calls.Later.contains(Call));
  }

  void touch(const ValueDecl *D, unsigned How, SourceLocation Where) {
    if (D && isIndifferent(*D))
      return;
    Footprint::Use &Use = To.Touched[D];
    if (!(Use.How & Changes))
      Use.Where = Where;
    Use.How |= How;
  }

  /// What \p E names is treated like this, where nothing said else before.
  void treat(const Expr *E, unsigned How) {
    for (E = E->IgnoreParenImpCasts(); E; E = E->IgnoreParenImpCasts()) {
      Treated.try_emplace(E, How);
      if (const auto *Member = dyn_cast<MemberExpr>(E);
          Member && !Member->isArrow())
        E = Member->getBase();
      else if (const auto *At = dyn_cast<ArraySubscriptExpr>(E))
        E = At->getBase();
      else
        break;
    }
  }

  void treatAll(const Stmt *S, unsigned How) {
    if (const auto *E = dyn_cast_or_null<Expr>(S))
      Treated.try_emplace(E, How);
    if (S && !isa<LambdaExpr>(S))
      for (const Stmt *Child : S->children())
        treatAll(Child, How);
  }

  unsigned howTreated(const Expr *E) const {
    auto Known = Treated.find(E);
    return Known == Treated.end() ? unsigned(Changes) : Known->second;
  }

  /// Calls among the arguments of an initiation throw no more than it does, and
  /// wrap its handler.
  void markQuiet(const Stmt *S) {
    if (const auto *Call = dyn_cast_or_null<CallExpr>(S))
      Quiet.insert(Call);
    if (S && !isa<LambdaExpr>(S))
      for (const Stmt *Child : S->children())
        markQuiet(Child);
  }

  /// \p Object is held by value: what is done to its members is done to it.
  bool isPart(const Expr *Object) const {
    const ValueDecl *Named = nullptr;
    if (const auto *Member = dyn_cast<MemberExpr>(Object))
      Named = Member->getMemberDecl();
    else if (const auto *Ref = dyn_cast<DeclRefExpr>(Object))
      Named = Ref->getDecl();
    return Named && Named != Root && !Named->getType()->isReferenceType() &&
           !Named->getType()->isPointerType();
  }

  /// \p Object is not the one whose start this is about.
  bool isOther(const Expr *Object) const {
    if (isa<CXXThisExpr>(Object))
      return OnOther;
    const ValueDecl *Named = rootOf(Object);
    const auto *V = dyn_cast_or_null<VarDecl>(Named);
    return isPart(Object) || isFresh(Object) || Renewed.contains(Named) ||
           (V && V != Root && V->hasLocalStorage() &&
            !V->getType()->isReferenceType() && isFresh(V->getInit()));
  }

  /// A lambda that a function of a library is given calls at once what it has.
  void readCalledHere(const CallExpr &Call) {
    for (const Expr *Argument : Call.arguments())
      if (const auto *L = dyn_cast<LambdaExpr>(asWritten(Argument)))
        if (const CXXMethodDecl *Operator = callOperator(*L))
          read(Operator->getBody());
  }

  static bool endsTurn(const FunctionDecl *Callee, const Expr *Object) {
    if (!Object || !Callee || !Callee->getDeclName().isIdentifier())
      return false;
    StringRef Name = Callee->getName();
    if (isExecutionContext(Object->getType().getNonReferenceType()) ||
        (Object->getType()->isPointerType() &&
         isExecutionContext(Object->getType()->getPointeeType())))
      return Name.starts_with("run") || Name.starts_with("poll") ||
             Name == "join" || Name == "wait" || Name == "attach";
    return is_contained({"join", "join_all", "wait"}, Name);
  }

  /// Nobody here sees what it does to what it was not given.
  bool isUnseen(const FunctionDecl *Callee) const {
    if (!Callee)
      return true;
    const SourceManager &SM = Calls.Text.context().getSourceManager();
    if (SM.isInSystemHeader(SM.getExpansionLoc(Callee->getLocation())))
      return isNamed(Callee, {"printf", "vprintf", "puts", "putchar"});
    return !Callee->isImplicit() && !Callee->isDefined() &&
           !Callee->getBuiltinID() && !isa<CXXMethodDecl>(Callee);
  }

  bool mayThrow(const CallExpr &Call, const FunctionDecl *Callee) const {
    if (Quiet.contains(&Call) || isa<CXXOperatorCallExpr>(&Call))
      return false;
    const auto *Type =
        Callee ? Callee->getType()->getAs<FunctionProtoType>() : nullptr;
    if (Type && Type->isNothrow())
      return false;
    return !Callee || !Callee->getDeclName().isIdentifier() ||
           !(Callee->getName().starts_with("expires") ||
             isNamed(Callee, {"shared_from_this", "move", "forward"}));
  }

  /// Starting it sends or receives, or none of the two.
  static unsigned directionOf(const FunctionDecl &Callee) {
    if (!Callee.getDeclName().isIdentifier())
      return 0;
    StringRef Name = Callee.getName();
    if (Name.contains("read") || Name.contains("receive"))
      return Receives;
    return Name.contains("write") || Name.contains("send") ? unsigned(Sends)
                                                           : 0u;
  }

  const CallIndex &Calls;
  Footprint &To;
  const Expr *Self;
  const ValueDecl *Root;
  const CallExpr *Begun = nullptr;
  /// Pointers that point to another object from some place on.
  SmallPtrSet<const ValueDecl *, 2> Renewed;
  /// `this` is not the object whose start this is about.
  bool OnOther = false;
  DenseMap<const Expr *, unsigned> Treated;
  SmallPtrSet<const CallExpr *, 8> Quiet;
  SmallPtrSet<const FunctionDecl *, 8> Entered[2];
};

/// What \p A does before its first wait.
class FirstStretch {
public:
  FirstStretch(const Agent &A, const CallIndex &Calls) : Reader(Calls, Print) {
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
        Reader.TraverseStmt(Argument);
    switch (N.What) {
    case Node::Kind::Code:
      Reader.TraverseStmt(N.Source);
      return false;
    case Node::Kind::If: {
      if (const auto *If = dyn_cast<IfStmt>(N.Source)) {
        Reader.TraverseStmt(If->getInit());
        Reader.TraverseStmt(If->getCond());
      }
      bool ThenWaits = read(N.Body);
      return read(N.Else) && ThenWaits;
    }
    case Node::Kind::Loop:
      return read(N.Body);
    case Node::Kind::Await:
      Reader.readFirst(*N.Op->Call);
      return true;
    case Node::Kind::Call:
      Reader.TraverseStmt(N.Op->body());
      return false;
    case Node::Kind::Return:
      Reader.TraverseStmt(N.Call);
      return true;
    default:
      return false;
    }
  }

  FootprintReader Reader;
};

/// Follows the code behind a start to the end of its turn.
class Behind {
public:
  Behind(const Agent &A, const CallIndex &Calls) : A(A), Calls(Calls) {}

  std::optional<Refusal> check() {
    FirstStretch First(A, Calls);
    checkExecutor(First.Print);
    for (const StartSite &Start : A.Starts)
      if (!Why)
        follow({Start.Call, Calls.CallerOf.lookup(Start.Call)}, First.Print,
               *A.Entry->Function);
    return std::move(Why);
  }

private:
  /// The start asks the object of the first operation for its executor, and
  /// must not do so before that is made.
  void checkExecutor(const Footprint &First) {
    const Operation *Op = nullptr;
    forEachNode(A.Body, [&](const Node &N) {
      if (!Op && N.What == Node::Kind::Await)
        Op = N.Op.get();
    });
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
      if (collides(Print, After))
        return;
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

    if (auto Lambda = Calls.Lambdas.find(Site.Caller);
        Lambda != Calls.Lambdas.end())
      return followLambda(*Lambda->second.Lambda, Lambda->second.Around, Print);
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

  bool collides(const Footprint &First, const Footprint &After) {
    for (const auto &[Decl, Use] : First.Touched) {
      auto Other = After.Touched.find(Decl);
      if (Other == After.Touched.end() || !collide(Use.How, Other->second.How))
        continue;
      refuse(Other->second.Where,
             Decl ? "'" + Decl->getNameAsString() +
                        "' is used by code that runs behind the start"
                  : std::string("what this does behind the start cannot be "
                                "seen here"));
      return true;
    }
    return false;
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
  std::optional<Refusal> Why;
  SmallPtrSet<const Expr *, 8> Followed;
};

} // namespace

class LaterStarts::Index : public CallIndex {
  using CallIndex::CallIndex;
};

LaterStarts::LaterStarts(ArrayRef<Agent *> Converted, const SourceText &Text)
    : Calls(std::make_unique<Index>(Converted, Text)) {}
LaterStarts::~LaterStarts() = default;

std::optional<Refusal> LaterStarts::check(const Agent &A) const {
  return Behind(A, *Calls).check();
}

} // namespace coralc
