//===--- Footprint.cpp - What code touches --------------------------------===//

#include "coralc/Rewrites/Engine/Footprint.h"
#include "coralc/Model/Records.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool collide(unsigned A, unsigned B) {
  if ((A | B) & Changes)
    return true;
  return (A & B) & (Receives | Sends);
}

bool Queued::isInOrderWith(const Queued &Other) const {
  bool AreOther =
      Ticks && Other.Ticks && Unit == Other.Unit && *Ticks != *Other.Ticks;
  return Where == Other.Where && !AreOther;
}

const Queued *inOrderWith(const Footprint &A, const Footprint &B) {
  auto *Found = find_if(B.Joins, [&](const Queued &Second) {
    return any_of(A.Joins, [&](const Queued &First) {
      return First.isInOrderWith(Second);
    });
  });
  return Found == B.Joins.end() ? nullptr : Found;
}

bool collide(const Footprint &A, const Footprint &B) {
  return inOrderWith(A, B) || any_of(A.Touched, [&](const auto &Entry) {
           auto Other = B.Touched.find(Entry.first);
           return Other != B.Touched.end() &&
                  collide(Entry.second.How, Other->second.How);
         });
}

bool isPointerLike(QualType Type) {
  Type = Type.getNonReferenceType();
  if (Type->isPointerType())
    return true;
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         is_contained({"shared_ptr", "unique_ptr"}, Record->getName());
}

bool isIndifferent(const ValueDecl &D) {
  QualType Type = D.getType().getNonReferenceType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Type.isConstQualified() || isExecutionContext(Type) ||
         isExecutor(Type) ||
         (Record && Record->getDeclName().isIdentifier() &&
          Record->getName() == "strand");
}

/// \p F is a function like `pointer create() { return pointer(new connection);
/// }`.
static bool returnsFresh(const FunctionDecl *F) {
  F = definitionOf(F);
  const auto *Body = F ? dyn_cast_or_null<CompoundStmt>(F->getBody()) : nullptr;
  const auto *Return = Body && Body->size() == 1
                           ? dyn_cast<ReturnStmt>(Body->body_front())
                           : nullptr;
  return Return && isFresh(Return->getRetValue());
}

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
  return Call && (madeBy(Call->getDirectCallee()) ||
                  returnsFresh(Call->getDirectCallee()));
}

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

const Expr *objectOf(const Expr &Call) {
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    return asWritten(Member->getImplicitObjectArgument());
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call))
    return asWritten(Operator->getArg(0));
  return nullptr;
}

class FootprintReader::Visitor : public ConstDynamicRecursiveASTVisitor {
public:
  Visitor(const CallIndex &Calls, Footprint &To, const Expr *Self,
          const ValueDecl *Root)
      : Calls(Calls), To(To), Self(Self), Root(Root) {}

  void read(const Stmt *S) {
    if (!S || To.EndsTurn)
      return;
    if (const auto *Try = dyn_cast<CXXTryStmt>(S)) {
      SaveAndRestore Inside(InTry, true);
      return read(Try->getTryBlock());
    }
    if (!isa<CompoundStmt>(S)) {
      TraverseStmt(S);
      return;
    }
    for (const Stmt *Child : S->children())
      read(Child);
  }

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

  bool TraverseCXXTryStmt(const CXXTryStmt *Try) override {
    SaveAndRestore Inside(InTry, true);
    return ConstDynamicRecursiveASTVisitor::TraverseCXXTryStmt(Try);
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    for (auto [Capture, Init] : zip(L->captures(), L->capture_inits()))
      if (Capture.getCaptureKind() != LCK_ByRef)
        TraverseStmt(Init);
    return true;
  }

  bool TraverseCallExpr(const CallExpr *Call) override {
    return skip(Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCallExpr(Call);
  }
  bool TraverseCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
    return skip(Call) ||
           ConstDynamicRecursiveASTVisitor::TraverseCXXMemberCallExpr(Call);
  }
  bool TraverseCXXOperatorCallExpr(const CXXOperatorCallExpr *Call) override {
    return skip(Call) ||
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
    readEndOf(E->getDestroyedType());
    return true;
  }

  bool VisitCXXBindTemporaryExpr(const CXXBindTemporaryExpr *E) override {
    readEndOf(E->getType());
    return true;
  }

  bool VisitVarDecl(const VarDecl *V) override {
    if (V->hasLocalStorage() && !isa<ParmVarDecl>(V))
      readEndOf(V->getType());
    return true;
  }

  bool VisitCoroutineSuspendExpr(const CoroutineSuspendExpr *) override {
    endTurn();
    return true;
  }

  bool VisitCXXConstructExpr(const CXXConstructExpr *Made) override {
    if (isSet(*Made->getConstructor()->getParent(),
              {Made->getArgs(), Made->getNumArgs()}))
      setTimer(*Made, *Made->getArg(1));
    if (const FunctionDecl *Body = Calls.seen(Made->getConstructor()))
      readFunction(*Body, /*IsOther=*/true);
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    const Expr *Object = objectOf(*Call);
    if (endsTurn(Callee, Object))
      endTurn();
    if (const FunctionDecl *Body = Calls.seen(Callee)) {
      if (Object && !isPart(Object))
        treat(Object, Looks);
      readFunction(*Body, Object ? isOther(Object) : OnOther);
      return true;
    }
    if (const CXXRecordDecl *Made = madeBy(Callee)) {
      readMaking(*Made);
      if (isSet(*Made, {Call->getArgs(), Call->getNumArgs()}))
        setTimer(*Call, *Call->getArg(1));
    }
    std::optional<Initiation> Starts;
    if (Callee)
      Starts = initiationOf(*Callee);
    if (Starts) {
      unsigned How = directionOf(*Callee);
      if (std::optional<Queue> Q = queueOf(*Callee);
          Q && !(isDispatch(*Call) && Call == Begun))
        To.Joins.push_back({*Q, Call});
      if (isDispatch(*Call) && Call != Begun)
        To.Dispatch = Call;
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
    // Who asks the time later is told another.
    if (isNamed(Callee, {"now"}))
      To.Joins.push_back({Queue::Timers, Call});
    if (isNamed(Callee, {"expires_after", "expires_from_now"}) &&
        Call->getNumArgs() > 0)
      setTimer(*Call, *Call->getArg(0));
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
    if (isUnseen(Callee)) {
      if (!isa_and_nonnull<CXXMethodDecl>(Callee)) {
        touch(nullptr, Changes, Call->getBeginLoc());
        if (!Callee || !isOfSystem(*Callee))
          To.Joins.push_back({Queue::Handlers, Call});
      } else if (Object && !isOther(Object))
        To.Unseen.push_back(Call);
    }
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

  void readFirst(const CallExpr &Call) {
    Begun = &Call;
    TraverseStmt(&Call);
  }

  /// An object of \p Type goes, unless another turn has begun before.
  void readEndOf(QualType Type) {
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    if (To.EndsTurn || !Record || !Record->hasDefinition())
      return;
    if (const FunctionDecl *Body = Calls.seen(Record->getDestructor()))
      readFunction(*Body, /*IsOther=*/true);
  }

private:
  void endTurn() {
    To.EndsInTry |= InTry && !To.EndsTurn;
    To.EndsTurn = true;
  }

  /// A function of a library makes a \p Made with one of these.
  void readMaking(const CXXRecordDecl &Made) {
    if (!Made.hasDefinition())
      return;
    for (const CXXConstructorDecl *Constructor : Made.ctors())
      if (const FunctionDecl *Body = Constructor->isCopyOrMoveConstructor()
                                         ? nullptr
                                         : Calls.seen(Constructor))
        readFunction(*Body, /*IsOther=*/true);
  }

  /// \p Call is not run before the end of this turn, or not again.
  bool skip(const CallExpr *Call) {
    if (Call == Self)
      return true;
    if (Call == Begun || !Calls.isStart(*Call))
      return false;
    // It keeps the place that it has where nothing is posted for a coroutine.
    if (Calls.isStartOfDispatched(*Call))
      To.Joins.push_back({Queue::Handlers, Call});
    return true;
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

  /// \p E sets a timer for \p Time.
  void setTimer(const Expr &E, const Expr &Time) {
    Queued Timer{Queue::Timers, &E};
    Expr::EvalResult Value;
    if (!Time.isValueDependent() &&
        Time.EvaluateAsRValue(Value, Calls.text().context()) &&
        Value.Val.isStruct() && Value.Val.getStructNumFields() == 1 &&
        Value.Val.getStructField(0).isInt()) {
      Timer.Ticks = Value.Val.getStructField(0).getInt();
      Timer.Unit = Time.getType().getCanonicalType().getUnqualifiedType();
    }
    To.Joins.push_back(std::move(Timer));
  }

  bool isOfSystem(const FunctionDecl &F) const {
    const SourceManager &SM = Calls.text().context().getSourceManager();
    return SM.isInSystemHeader(SM.getExpansionLoc(F.getLocation()));
  }

  /// Nobody here sees what it does to what it was not given.
  bool isUnseen(const FunctionDecl *Callee) const {
    if (!Callee)
      return true;
    if (isOfSystem(*Callee))
      return isNamed(Callee, {"printf", "vprintf", "puts", "putchar"});
    return !Callee->isImplicit() && !Callee->isDefined() &&
           !Callee->getBuiltinID();
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

  static std::optional<Queue> queueOf(const FunctionDecl &Initiating) {
    if (!Initiating.getDeclName().isIdentifier())
      return std::nullopt;
    StringRef Name = Initiating.getName();
    if (is_contained({"post", "dispatch", "defer"}, Name))
      return Queue::Handlers;
    if (Name.contains("resolve"))
      return Queue::Lookups;
    if (Name.contains("connect"))
      return Queue::Connections;
    return std::nullopt;
  }

  /// A \p Timer that is made from \p Arguments is told how long to wait, and
  /// not until when.
  static bool isSet(const CXXRecordDecl &Timer,
                    ArrayRef<const Expr *> Arguments) {
    if (Arguments.size() < 2 ||
        (methodsNamed(&Timer, "expires_after").empty() &&
         methodsNamed(&Timer, "expires_from_now").empty()))
      return false;
    QualType Told = Arguments[1]->getType();
    return none_of(
        methodsNamed(&Timer, "expires_at"), [&](const FunctionDecl *Until) {
          return Until->getNumParams() > 0 &&
                 Until->getASTContext().hasSameUnqualifiedType(
                     Until->getParamDecl(0)->getType().getNonReferenceType(),
                     Told);
        });
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
  bool InTry = false;
  DenseMap<const Expr *, unsigned> Treated;
  SmallPtrSet<const CallExpr *, 8> Quiet;
  SmallPtrSet<const FunctionDecl *, 8> Entered[2];
};

FootprintReader::FootprintReader(const CallIndex &Calls, Footprint &To,
                                 const Expr *Self, const ValueDecl *Root)
    : Impl(std::make_unique<Visitor>(Calls, To, Self, Root)) {}
FootprintReader::~FootprintReader() = default;

void FootprintReader::read(const Stmt *S) { Impl->read(S); }
void FootprintReader::readFunction(const FunctionDecl &F, bool IsOther) {
  Impl->readFunction(F, IsOther);
}
void FootprintReader::readFirst(const CallExpr &Call) { Impl->readFirst(Call); }
void FootprintReader::readEndOf(QualType Type) { Impl->readEndOf(Type); }

} // namespace coralc
