//===--- StateHandlers.cpp - What handlers are and hold -------------------===//

#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/Identity.h"
#include "coralc/Rewrites/Engine/StateBuilder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/RecordLayout.h"

using namespace clang;
using namespace llvm;

namespace coralc {

/// The handlers of what is recognised as \p Match.
static SmallVector<Operation *, 2> handlersOf(OperationMatch &Match) {
  auto *Op = std::get_if<Operation>(&Match);
  if (!Op)
    return {};
  SmallVector<Operation *, 2> Result;
  for (Operation &Handler : Op->Handlers)
    Result.push_back(&Handler);
  if (Result.empty())
    Result.push_back(Op);
  return Result;
}

/// The parameter of \p Op's handler that gets its context back; null when it
/// has no use for that.
static const ParmVarDecl *parameterFor(const Operation &Op) {
  if (!Op.Bound)
    return Op.Given.empty() ? nullptr : Op.Given.front().first;
  for (auto [P, Argument] :
       zip(Op.Bound->Target->parameters(), Op.Bound->Arguments))
    if (Argument.Value == Op.Context)
      return P;
  return nullptr;
}

/// \p Body may change what \p Pointer points to: it does more than read it or
/// hand it on to another handler.
static bool isReleased(const Stmt &Body, const VarDecl &Pointer) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl &Pointer;
    SmallPtrSet<const Expr *, 8> Read;
    bool Found = false;
    explicit Visitor(const VarDecl &Pointer) : Pointer(Pointer) {}
    bool VisitImplicitCastExpr(const ImplicitCastExpr *Cast) override {
      if (Cast->getType().isConstQualified())
        Read.insert(Cast->getSubExpr()->IgnoreParens());
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Found |= E->getDecl() == &Pointer && !E->getType().isConstQualified() &&
               !Read.contains(E);
      return true;
    }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      for (auto [Capture, Init] : zip(L->captures(), L->capture_inits()))
        if (const auto *V = Capture.capturesVariable()
                                ? dyn_cast<VarDecl>(Capture.getCapturedVar())
                                : nullptr;
            !V || !isSharedFromThisCopy(V))
          TraverseStmt(Init);
      return TraverseStmt(L->getBody());
    }
  } V(Pointer);
  V.TraverseStmt(&Body);
  return V.Found;
}

void StateBuilder::dropKept() {
  for (const CallExpr *Call : Kept) {
    Found.Matches.erase(Call);
    erase_if(Found.InOrder, [&](const FoundOperation &Op) {
      return Op.Where == Call->getBeginLoc();
    });
  }
}

bool StateBuilder::keep(const CallExpr &Call) {
  Kept.insert(&Call);
  return false;
}

bool StateBuilder::canKeep(const Operation &Op) {
  if (!Op.Handlers.empty())
    return all_of(Op.Handlers, canKeep);
  return (Op.How == Operation::Form::Task ||
          Op.How == Operation::Form::Completion) &&
         (!Op.Made || Op.Bound || Op.Object || Op.Stored);
}

bool StateBuilder::refuseHandler(const Operation &Op, SourceLocation Where,
                                 const Twine &Message) {
  return canKeep(Op) ? keep(*Op.Call)
                     : refuse("unsupported-handler", Where, Message);
}

void StateBuilder::readHandlers() {
  readOperators();
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (auto &[Call, Match] : Found.Matches)
      for (Operation *Op : handlersOf(Match))
        if (Op->Object)
          for (FunctionObject::Member &M : Op->Object->Members)
            if (M.What == FunctionObject::Member::Kind::Value && isSelf(M))
              Changed = true, M.What = FunctionObject::Member::Kind::Self;
  }
  refuseUnclearMembers();
  readOperators();
  for (auto &[Call, Match] : Found.Matches)
    for (const Operation *Op : handlersOf(Match))
      if (Op->Stored)
        StoredHandlers.insert(Op->Stored);
}

/// The handler of \p Op gets something by reference that is more to it than a
/// value.
static bool needsObject(const Operation &Op) {
  auto Needs = [](const ParmVarDecl *P, const Stmt *Body) {
    return P && P->getType()->isReferenceType() && Body &&
           !isCopyAsGood(*P, *Body);
  };
  if (Op.Bound)
    return any_of(zip(Op.Bound->Target->parameters(), Op.Bound->Arguments),
                  [&](auto Each) {
                    auto &[P, Argument] = Each;
                    return !Argument.Value &&
                           Needs(P, Op.Bound->Target->getBody());
                  });
  return (Op.lambda() || Op.Object) &&
         any_of(Op.Results, [&](const Binding &B) {
           return Needs(dyn_cast_or_null<ParmVarDecl>(B.Decl), Op.body());
         });
}

void StateBuilder::readReferringCallbacks() {
  for (auto &[Call, Match] : Found.Matches)
    for (const Operation *Op : handlersOf(Match))
      if (!Op->isOfLibrary() && Call->getDirectCallee() && needsObject(*Op))
        Referring.insert(definitionOf(Call->getDirectCallee()));
}

void StateBuilder::readOperators() {
  Moved.clear();
  for (auto &[Call, Match] : Found.Matches)
    for (const Operation *Op : handlersOf(Match))
      if (Op->Object)
        Moved.insert(Op->Object->Operator);
}

bool StateBuilder::isSelf(const FunctionObject::Member &M) {
  QualType Type = M.Field->getType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  const Expr *Init = M.Init;
  if (const auto *Unary = dyn_cast<UnaryOperator>(Init))
    if (Unary->getOpcode() == UO_Deref && Type->isReferenceType())
      Init = asWritten(Unary->getSubExpr());
  bool Refers = Type->isReferenceType() || Type->isPointerType() ||
                (Record && Record->getDeclName().isIdentifier() &&
                 Record->getName() == "shared_ptr");
  if (!Refers)
    return false;
  if (const VarDecl *Copy = variableNamedBy(Init))
    Init = isSharedFromThisCopy(Copy) ? asWritten(Copy->getInit()) : Init;
  if (!isSelf(Init))
    return false;
  Selves.insert(M.Field);
  return true;
}

void StateBuilder::refuseUnclearMembers() {
  for (auto &[Call, Match] : Found.Matches) {
    const Expr *Unclear = nullptr;
    for (const Operation *Op : handlersOf(Match))
      if (const FunctionObject::Member *M = unclearMember(*Op)) {
        Unclear = M->Init;
        if (canKeep(*Op))
          Kept.insert(Op->Call);
      }
    if (Unclear)
      Match = Refusal{"unsupported-handler", Unclear->getBeginLoc(),
                      "the handler works on another object than the one "
                      "that starts the operation"};
  }
}

const FunctionObject::Member *
StateBuilder::unclearMember(const Operation &Op) const {
  if (Op.Object)
    for (const FunctionObject::Member &M : Op.Object->Members)
      if (Selves.contains(M.Field) &&
          M.What != FunctionObject::Member::Kind::Self)
        return &M;
  return nullptr;
}

void StateBuilder::readOwners(const FunctionSet &Distrusted) {
  struct Start {
    const FunctionDecl *Callback;
    const Expr *Object;
  };
  SmallVector<Start, 8> Starts;
  FunctionSet Others = Distrusted;
  for (const FoundOperation &Where : Found.InOrder)
    for (const auto &[Call, Match] : Found.Matches) {
      const auto *Op = std::get_if<Operation>(&Match);
      if (!Op || !(Op->Request || Op->Context) ||
          Call->getBeginLoc() != Where.Where)
        continue;
      const FunctionDecl *Callback = Op->Bound ? definitionOf(Op->Bound->Target)
                                               : callOperator(*Op->lambda());
      if (const Expr *Object =
              Op->Context ? ownedContext(Op->Context) : nullptr) {
        const CXXRecordDecl *Class =
            Object->getType()->getPointeeCXXRecordDecl()->getCanonicalDecl();
        Starts.push_back({Callback, Object});
        addOwner(Callback, {Class, false, false, parameterFor(*Op)}, Others);
        continue;
      }
      std::optional<OwnedRequest> Request =
          Op->Request ? ownedRequest(Op->Request) : std::nullopt;
      if (!Request) {
        Others.insert(Callback);
        continue;
      }
      const auto *Class =
          cast<CXXRecordDecl>(Request->Member->getParent())->getCanonicalDecl();
      bool IsFirst = Text.context().getFieldOffset(Request->Member) == 0;
      bool IsInData = OwnersKnown.remembersObject(
          *Request, *Call, *definitionOf(Where.Function));
      Starts.push_back({Callback, Request->Object});
      addOwner(Callback, {Class, IsInData, IsFirst, nullptr}, Others);
    }
  for (const FunctionDecl *F : Others)
    Owners.erase(F);
  // What one callback starts another believes.
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const Start &S : Starts)
      if (!isSelf(S.Object))
        Changed |= Owners.erase(S.Callback);
  }
}

void StateBuilder::addOwner(const FunctionDecl *Callback, KnownOwner Owner,
                            FunctionSet &Others) {
  KnownOwner &Known = Owners.insert({Callback, Owner}).first->second;
  Known.IsInData &= Owner.IsInData;
  Known.IsFirst &= Owner.IsFirst;
  if (Known.Class != Owner.Class || Known.Given != Owner.Given)
    Others.insert(Callback);
}

bool StateBuilder::isKnown(const FoundOwner &Owner) const {
  auto Found = Owners.find(Owner.callback());
  if (Found == Owners.end())
    return false;
  const KnownOwner &Known = Found->second;
  bool IsThere = Owner.IsPlain     ? Known.Given == Owner.Request
                 : Owner.ByAddress ? Known.IsFirst
                                   : Known.IsInData;
  return IsThere && Known.Class == Owner.Class;
}

void StateBuilder::dropOwners(State &Around, Sequence &Steps) {
  for (Step &S : Steps) {
    for (Sequence *Inner : S.inner())
      dropOwners(Around, *Inner);
    const auto *D = dyn_cast_or_null<DeclStmt>(S.Source);
    const auto *V = D && D->isSingleDecl()
                        ? dyn_cast<VarDecl>(D->getSingleDecl())
                        : nullptr;
    std::optional<FoundOwner> Owner = V ? foundOwner(*V) : std::nullopt;
    if (!Owner || !isKnown(*Owner) || !neverUsed(*V, *Owner->callback()))
      continue;
    GoneOwners.insert(D);
    Around.Unneeded.insert(V);
    S.Source = nullptr;
  }
  erase_if(Steps, [](const Step &S) {
    return S.What == Step::Kind::Code && !S.Source &&
           S.Leading.Comments.empty();
  });
}

bool StateBuilder::neverUsed(const VarDecl &V,
                             const FunctionDecl &Callback) const {
  return isOnlyJumpedThrough(&V, Callback.getBody());
}

void StateBuilder::dropRequests(Sequence &Steps) {
  for (Step &S : Steps) {
    for (Sequence *Inner : S.inner())
      dropRequests(*Inner);
    if (S.What == Step::Kind::Suspend)
      erase_if(S.Op->Given, [&](const auto &Pair) {
        const FunctionDecl *F = callOperator(*S.Op->lambda());
        return Owners.contains(F) && neverUsed(*Pair.first, *F);
      });
    if (S.What != Step::Kind::Jump || S.Source || S.Target->IsPart)
      continue;
    const FunctionDecl *F = S.Target->Function;
    if (!Owners.contains(F))
      continue;
    for (auto [P, Argument] : zip(S.Target->parameters(), S.Arguments))
      if (Argument && neverUsed(*P, *F)) {
        Argument = nullptr;
        S.Target->Unneeded.insert(P);
      }
  }
}

bool StateBuilder::buildBoundHandler(Step Suspend, Sequence &Out) {
  Operation &Op = *Suspend.Op;
  const BoundCall &Bound = *Op.Bound;
  SourceLocation Where = Op.Made->getBeginLoc();
  std::string Name = Bound.Target->getNameAsString();
  if (!Bound.Target->getReturnType()->isVoidType() ||
      !Bound.Target->hasBody() || !Text.range(Bound.Target->getSourceRange()))
    return refuseHandler(Op, Where,
                         "the handler calls '" + Name +
                             "', which is not a function of this file that "
                             "returns nothing");
  if (Bound.Object && !isSelf(Bound.Object))
    return refuseHandler(Op, Where,
                         "the handler calls '" + Name +
                             "' on another object than the one that starts "
                             "the operation; start it in a function of that "
                             "object");
  if (canKeep(Op) && isVirtual(*Bound.Target))
    return keep(*Op.Call);
  // Nobody who waits gets what is delivered there, if anything is.
  if (Current->Delivers)
    return breaksContract();
  Op.HoldsSelf = Bound.Object && holdsSelf(Bound.Object);
  Op.IsObject = Bound.IsObject;
  if (Bound.IsObject && Current->Beside)
    return refuse("operation-not-last", Where,
                  "the object goes on in its handler, and so does the code "
                  "behind this operation");
  if (Bound.IsObject && !isOwnOperator(*Bound.Target))
    return refuse("unsupported-handler", Where,
                  "the handler is an object of which this is not the code");
  Step Jump;
  Jump.What = Step::Kind::Jump;
  Jump.Target = &request(Bound.Target);
  for (const BoundCall::Argument &A : Bound.Arguments) {
    if (const Expr *Stepped = A.Value ? steppedBefore(*A.Value, Op) : nullptr) {
      Op.StepsBefore.push_back(A.Value);
      Jump.Arguments.push_back(Stepped);
      continue;
    }
    if (A.Value && !Bound.IsObject && !isSettled(A.Value))
      return refuseHandler(Op, A.Value->getBeginLoc(),
                           "this argument of the handler is computed when "
                           "the operation is started; name it as a variable "
                           "before");
    Jump.Arguments.push_back(A.Value);
  }
  if (Bound.Reference)
    BoundReferences.insert(Bound.Reference);
  Jump.Op = Suspend.Op;
  Out.push_back(std::move(Suspend));
  Out.push_back(std::move(Jump));
  return true;
}

bool StateBuilder::isOwnOperator(const FunctionDecl &F) const {
  const auto *Method = dyn_cast<CXXMethodDecl>(Current->Function);
  return Method && declaresSameEntity(Method->getParent(),
                                      cast<CXXMethodDecl>(F).getParent());
}

bool StateBuilder::readMembers(Operation &Op) {
  for (FunctionObject::Member &M : Op.Object->Members) {
    if (M.What == FunctionObject::Member::Kind::Self) {
      Op.HoldsSelf |= M.Field->getType()->getAsCXXRecordDecl() != nullptr;
      continue;
    }
    QualType Type = M.Field->getType();
    const VarDecl *Variable = variableNamedBy(M.Init);
    bool IsOfSameType = Text.context().hasSameUnqualifiedType(
        Type.getNonReferenceType(), M.Init->getType());
    if (Variable && IsOfSameType && !isSharedFromThisCopy(Variable)) {
      if (Type->isReferenceType() && canKeep(Op))
        return keep(*Op.Call);
      if (Type->isReferenceType() && !Current->Beside)
        return refuseReference(*Variable, M.Init->getBeginLoc());
      M.What = FunctionObject::Member::Kind::Variable;
      continue;
    }
    if (Type->isReferenceType() || Type->isArrayType() ||
        (Current->Beside && !isSettled(M.Init)) || !mayComeFirst(*M.Init, Op) ||
        !Text.range(M.Init->getSourceRange()))
      return refuseHandler(Op, M.Init->getBeginLoc(),
                           "this member of the handler is computed when the "
                           "operation is started; name it as a variable "
                           "before");
  }
  return true;
}

bool StateBuilder::holdsSelf(const Expr *Object) const {
  if (isSharedFromThis(Object))
    return true;
  if (const FieldDecl *Field = ownField(Object))
    return Selves.contains(Field) && Field->getType()->getAsCXXRecordDecl();
  const VarDecl *Var = variableNamedBy(Object);
  return Var && isSharedFromThisCopy(Var);
}

const Expr *StateBuilder::steppedBefore(const Expr &E,
                                        const Operation &Op) const {
  const Expr *Written = asWritten(&E);
  const Expr *Operand = nullptr;
  if (const auto *Unary = dyn_cast<UnaryOperator>(Written)) {
    if (Unary->isPrefix() && Unary->isIncrementDecrementOp())
      Operand = Unary->getSubExpr();
  } else if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(Written)) {
    bool IsStep = Call->getOperator() == OO_PlusPlus ||
                  Call->getOperator() == OO_MinusMinus;
    const FunctionDecl *Callee = Call->getDirectCallee();
    if (IsStep && Call->getNumArgs() == 1 && Callee &&
        Text.context().getSourceManager().isInSystemHeader(
            Callee->getLocation()))
      Operand = Call->getArg(0);
  }
  const VarDecl *V = Operand ? variableNamedBy(Operand) : nullptr;
  if (!V || !V->hasLocalStorage() || V->getType()->isReferenceType() ||
      Current->Beside || Op.Bound->IsObject ||
      countMentions(Op.Call, *V) != 1 || !Text.range(E.getSourceRange()))
    return nullptr;
  return Operand;
}

bool StateBuilder::isSettled(const Expr *E) const {
  // A parameter becomes the coroutine's own.
  if (const VarDecl *Var = variableNamedBy(E))
    return isa<ParmVarDecl>(Var) || !Var->getType()->isReferenceType();
  E = asWritten(E);
  if (const auto *Cast = dyn_cast<ExplicitCastExpr>(E))
    if (Cast->getType()->isPointerType())
      return isSettled(Cast->getSubExpr());
  if (const auto *Unary = dyn_cast<UnaryOperator>(E)) {
    if (Unary->getOpcode() == UO_AddrOf)
      return hasSettledPlace(Unary->getSubExpr());
    if (Unary->isArithmeticOp())
      return isSettled(Unary->getSubExpr());
  }
  if (const auto *Binary = dyn_cast<BinaryOperator>(E))
    if (Binary->isAdditiveOp() || Binary->isMultiplicativeOp() ||
        Binary->isShiftOp() || Binary->isBitwiseOp())
      return isSettled(Binary->getLHS()) && isSettled(Binary->getRHS());
  return isa<CXXThisExpr, clang::StringLiteral>(E) ||
         (!E->isValueDependent() && E->isEvaluatable(Text.context()));
}

/// \p S changes something, or calls a function of the user's that does.
static bool hasEffect(const Stmt &S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool Found = false;
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    bool VisitUnaryOperator(const UnaryOperator *E) override {
      Found |= E->isIncrementDecrementOp();
      return true;
    }
    bool VisitBinaryOperator(const BinaryOperator *E) override {
      Found |= E->isAssignmentOp();
      return true;
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      const FunctionDecl *Callee = definitionOf(Call->getDirectCallee());
      const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call);
      if (!Callee || (Operator && (Operator->isAssignmentOp() ||
                                   Operator->getOperator() == OO_PlusPlus ||
                                   Operator->getOperator() == OO_MinusMinus)))
        Found = true;
      else if (!Callee->getASTContext().getSourceManager().isInSystemHeader(
                   Callee->getLocation()))
        Found |= !isAccessor(*Callee);
      return true;
    }
    static bool isAccessor(const FunctionDecl &F) {
      const auto *Body = dyn_cast_or_null<CompoundStmt>(F.getBody());
      const auto *Return = Body && Body->size() == 1
                               ? dyn_cast<ReturnStmt>(Body->body_front())
                               : nullptr;
      const Expr *Value = Return ? Return->getRetValue() : nullptr;
      bool Calls = false;
      if (Value)
        forEachCall(Value, [&](const CallExpr &Call) {
          const FunctionDecl *Callee = Call.getDirectCallee();
          Calls |=
              !Callee || !F.getASTContext().getSourceManager().isInSystemHeader(
                             Callee->getLocation());
        });
      return Value && !Calls && !hasEffect(*Value);
    }
  } V;
  V.TraverseStmt(&S);
  return V.Found;
}

/// \p E is an object by its name, or what a pointer of a name points to.
static bool isNamedObject(const Expr *E) {
  for (E = asWritten(E)->IgnoreParens();; E = asWritten(E)->IgnoreParens())
    if (const auto *Member = dyn_cast<MemberExpr>(E))
      E = Member->getBase();
    else if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(E);
             Call && Call->getNumArgs() == 1 &&
             (Call->getOperator() == OO_Arrow ||
              Call->getOperator() == OO_Star))
      E = Call->getArg(0);
    else if (const auto *Unary = dyn_cast<UnaryOperator>(E);
             Unary && Unary->getOpcode() == UO_Deref)
      E = Unary->getSubExpr();
    else
      return isa<DeclRefExpr, CXXThisExpr>(E);
}

bool StateBuilder::mayComeFirst(const Expr &Init, const Operation &Op) {
  const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(Op.Call);
  if (!Call)
    return true;
  const Expr *Object = Call->getImplicitObjectArgument();
  const Expr *Value = withoutMove(&Init);
  bool IsPlain =
      isNamedObject(Value) ||
      (!Value->isValueDependent() &&
       Value->isEvaluatable(Op.Call->getDirectCallee()->getASTContext()));
  return (IsPlain || !hasEffect(*Object)) &&
         (isNamedObject(Object) || !hasEffect(Init));
}

bool StateBuilder::hasSettledPlace(const Expr *E) const {
  E = asWritten(E);
  while (const auto *Member = dyn_cast<MemberExpr>(E)) {
    if (!isa<FieldDecl>(Member->getMemberDecl()) ||
        Member->getMemberDecl()->getType()->isReferenceType())
      return false;
    E = asWritten(Member->getBase());
    if (Member->isArrow())
      return isSettled(E);
  }
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  return Ref && isa<VarDecl>(Ref->getDecl());
}

const ParmVarDecl *
StateBuilder::referenceParameter(const ValueDecl &Captured) const {
  const auto *P = dyn_cast<ParmVarDecl>(&Captured);
  if (!P || !is_contained(Current->Function->parameters(), P) ||
      !P->getType()->isLValueReferenceType())
    return nullptr;
  QualType Object = P->getType()->getPointeeType();
  return Object.isConstQualified() || Object->isArrayType() ||
                 Object->isFunctionType()
             ? nullptr
             : P;
}

void StateBuilder::noteCopies(const Operation &Op) {
  for (const ValueDecl *Copied : copiedInto(Op))
    if (const ParmVarDecl *P = referenceParameter(*Copied))
      Current->CopiedInto.insert(P);
}

bool StateBuilder::refuseReference(const ValueDecl &Variable,
                                   SourceLocation Where) {
  if (Variable.getType()->isReferenceType())
    return refuse("capture-by-reference", Where,
                  "the handler refers to what '" + Variable.getName() +
                      "' refers to, and a coroutine would have a copy of "
                      "that; pass a pointer, which the handler may copy");
  return refuse("capture-by-reference", Where,
                "the handler refers to a variable of the function that "
                "started the operation, which has returned by then; give it "
                "a copy");
}

bool StateBuilder::readCaptures(Operation &Op) {
  for (const LambdaCapture &Capture : Op.lambda()->captures()) {
    SourceLocation Where = Capture.getLocation();
    switch (Capture.getCaptureKind()) {
    case LCK_This:
      continue;
    case LCK_StarThis:
      return refuse("capture-of-a-copy", Where,
                    "the handler works on a copy of the object");
    case LCK_VLAType:
      return refuse("unsupported-handler", Where,
                    "the handler captures a variable-length array");
    case LCK_ByRef:
      // The function goes on while the operation does.
      if (Current->Beside)
        continue;
      if (const ParmVarDecl *P =
              referenceParameter(*Capture.getCapturedVar())) {
        Current->Referred.insert(P);
        continue;
      }
      return refuseReference(*Capture.getCapturedVar(), Where);
    case LCK_ByCopy:
      break;
    }
    const auto *Var = dyn_cast<VarDecl>(Capture.getCapturedVar());
    if (!Var)
      continue;
    if (isSharedFromThisCopy(Var) && isReleased(*Op.body(), *Var))
      return refuse("lifetime-differs", Where,
                    "'" + Var->getName() +
                        "' is given up in the middle of the handler, and "
                        "the coroutine holds the object to its end");
    // Captured once more, it is a variable like any other.
    if (Op.lambda()->isInitCapture(&Capture)) {
      if (Current->Beside && !isSharedFromThisCopy(Var) && !movedInto(*Var))
        return refuse("unsupported-handler", Where,
                      "this capture is computed when the operation is "
                      "started; make it a variable before, and capture "
                      "that");
      if (isSharedFromThisCopy(Var)) {
        Op.HoldsSelf = true;
        if (mentions(Op.body(), Var))
          Op.InitCaptures.push_back(Var);
      } else if (std::optional<unsigned> Way = callbackSource(Var->getInit())) {
        Callbacks.insert({Var, *Way});
      } else if (isContextSource(Var->getInit())) {
        Contexts.insert(Var);
      } else if (mentionsCallback(Var->getInit())) {
        return breaksContract();
      } else if (!mayComeFirst(*Var->getInit(), Op)) {
        return refuse("unsupported-handler", Where,
                      "this capture is computed when the operation is "
                      "started, behind its object; make it a variable before, "
                      "and capture that");
      } else {
        Op.InitCaptures.push_back(Var);
      }
    } else if (isSharedFromThisCopy(Var)) {
      Op.HoldsSelf = true;
      // The function around keeps its variable.
      if (Current->Beside && isSharedFromThis(asWritten(Var->getInit())) &&
          mentions(Op.body(), Var))
        Op.InitCaptures.push_back(Var);
    }
  }
  return true;
}

const VarDecl *StateBuilder::movedInto(const VarDecl &Capture) const {
  const auto *Move = dyn_cast<CallExpr>(asWritten(Capture.getInit()));
  const VarDecl *From =
      Move && Move->isCallToStdMove() ? variableNamedBy(Move) : nullptr;
  return From && !From->getType()->isReferenceType() &&
                 Text.context().hasSameType(From->getType(), Capture.getType())
             ? From
             : nullptr;
}

std::optional<unsigned> StateBuilder::callbackSource(const Expr *E) const {
  return callbackNamedBy(withoutMove(E));
}

bool StateBuilder::dropsSelf(const Stmt *S) {
  const auto *Declaration = dyn_cast<DeclStmt>(S);
  if (!Declaration || !Declaration->isSingleDecl())
    return false;
  const auto *Var = dyn_cast<VarDecl>(Declaration->getSingleDecl());
  if (!Var || !isSharedFromThisCopy(Var))
    return false;
  return !isUsedOutsideCaptures(Var);
}

bool StateBuilder::isUsedOutsideCaptures(const VarDecl *Var) {
  SmallPtrSet<const LambdaExpr *, 16> Handlers;
  for (const auto &[Call, Match] : Found.Matches)
    if (const auto *Op = std::get_if<Operation>(&Match)) {
      Handlers.insert(Op->lambda());
      for (const Operation &Way : Op->Handlers)
        Handlers.insert(Way.lambda());
    }
  struct Uses : ConstDynamicRecursiveASTVisitor {
    const SmallPtrSetImpl<const LambdaExpr *> &Handlers;
    const VarDecl *Var;
    bool Found = false;
    Uses(const SmallPtrSetImpl<const LambdaExpr *> &Handlers,
         const VarDecl *Var)
        : Handlers(Handlers), Var(Var) {}
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      Found |= !Handlers.contains(L) &&
               any_of(L->captures(), [&](const LambdaCapture &C) {
                 return C.capturesVariable() && C.getCapturedVar() == Var;
               });
      return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
    }
    bool TraverseLambdaCapture(const LambdaExpr *, const LambdaCapture *C,
                               const Expr *Init) override {
      const auto *Captured = C->capturesVariable()
                                 ? dyn_cast<VarDecl>(C->getCapturedVar())
                                 : nullptr;
      return !Captured || isSharedFromThisCopy(Captured) || TraverseStmt(Init);
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Found |= E->getDecl() == Var;
      return true;
    }
  } Visitor(Handlers, Var);
  Visitor.TraverseStmt(Current->Function->getBody());
  return Visitor.Found;
}

void StateBuilder::dropSelves(Sequence &Steps) {
  for (Step &S : Steps) {
    for (Sequence *Inner : S.inner())
      dropSelves(*Inner);
    if (S.What == Step::Kind::Suspend && S.Op->lambda())
      erase_if(S.Op->InitCaptures, [&](const VarDecl *V) {
        return isSharedFromThisCopy(V) && isOnlyJumpedThrough(V, S.Op->body());
      });
  }
}

bool StateBuilder::isOnlyJumpedThrough(const VarDecl *V,
                                       const Stmt *Body) const {
  struct Uses : ConstDynamicRecursiveASTVisitor {
    const StateBuilder &Builder;
    const VarDecl *V;
    bool Found = false;
    Uses(const StateBuilder &Builder, const VarDecl *V)
        : Builder(Builder), V(V) {}
    bool TraverseStmt(const Stmt *S) override {
      if (Builder.GoneOwners.contains(S))
        return true;
      const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(S);
      if (!Call || !Builder.Jumps.contains(Call))
        return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      for (const Expr *Argument : Call->arguments())
        TraverseStmt(Argument);
      return true;
    }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      return Builder.WaitingHandlers.contains(L)
                 ? TraverseStmt(callOperator(*L)->getBody())
                 : ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Found |= E->getDecl() == V;
      return true;
    }
  } Visitor(*this, V);
  Visitor.TraverseStmt(Body);
  return !Visitor.Found;
}

} // namespace coralc
