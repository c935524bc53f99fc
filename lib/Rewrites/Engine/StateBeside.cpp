//===--- StateBeside.cpp - Operations that go on beside a function --------===//

#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/StateBuilder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

/// \p Op's handler writes to variables of the function that starts it, or is
/// told where they are.
static bool storesForItsFunction(const Operation &Op) {
  if (Op.Bound)
    return any_of(Op.Bound->Arguments, [](const BoundCall::Argument &A) {
      const auto *Address = dyn_cast_or_null<UnaryOperator>(
          A.Value ? asWritten(A.Value) : nullptr);
      return Address && Address->getOpcode() == UO_AddrOf &&
             variableNamedBy(Address->getSubExpr());
    });
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const ValueDecl *, 4> Borrowed;
    bool Found = false;
    bool assign(const Expr *To) {
      To = asWritten(To);
      if (const auto *Star = dyn_cast<UnaryOperator>(To))
        To = asWritten(Star->getSubExpr());
      const auto *Ref = dyn_cast<DeclRefExpr>(To);
      Found |= Ref && Borrowed.contains(Ref->getDecl());
      Found |= Borrowed.contains(ownField(To));
      return true;
    }
    bool VisitBinaryOperator(const BinaryOperator *E) override {
      return !E->isAssignmentOp() || assign(E->getLHS());
    }
    bool VisitCXXOperatorCallExpr(const CXXOperatorCallExpr *E) override {
      return !E->isAssignmentOp() || assign(E->getArg(0));
    }
  } V;
  if (Op.Object)
    for (const FunctionObject::Member &M : Op.Object->Members)
      if (M.Field->getType()->isReferenceType() ||
          M.Field->getType()->isPointerType())
        V.Borrowed.insert(M.Field);
  if (Op.lambda())
    for (const LambdaCapture &C : Op.lambda()->captures())
      if (C.capturesVariable() && C.getCaptureKind() == LCK_ByRef)
        V.Borrowed.insert(C.getCapturedVar());
  V.TraverseStmt(Op.body());
  return V.Found;
}

void StateBuilder::keepCallback(const CallExpr &Call) {
  Refusal Why = resultUsed(Call);
  addRefused(Call, Why);
  refuseInside(std::get<Operation>(Found.Matches.find(&Call)->second), Why);
}

Refusal StateBuilder::resultUsed(const CallExpr &Call) {
  return {
      "start-result-used", Call.getBeginLoc(),
      "what '" + Call.getDirectCallee()->getNameAsString() +
          "' returns is used in a way that has no place in a coroutine; keep "
          "it in a local int, and let an if that does something only when "
          "that is not zero end a function that returns nothing"};
}

bool StateBuilder::startBeside(const CallExpr &Call,
                               const OperationMatch &Match) {
  const auto *Op = std::get_if<Operation>(&Match);
  if (!Op || !Op->isOfLibrary() || Current->Delivers)
    return false;
  State *Around = Current;
  State &Part = Graph.add(Around->Function);
  Part.IsPart = true;
  Part.Beside = &Call;
  Current = &Part;
  if (checkBeside(Call, *Op) && buildOperation(Call, *Op, Part.Steps))
    readUses(Call, *Op);
  Current = Around;
  if (Part.Why)
    refuseInside(*Op, *Part.Why);
  return true;
}

void StateBuilder::refuseInside(const Operation &Op, const Refusal &Why) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    StateBuilder &Builder;
    const Refusal &Why;
    Visitor(StateBuilder &Builder, const Refusal &Why)
        : Builder(Builder), Why(Why) {}
    bool VisitCallExpr(const CallExpr *Call) override {
      if (Builder.Found.Matches.contains(Call))
        Builder.addRefused(*Call, Why);
      return true;
    }
  } V(*this, Why);
  if (const LambdaExpr *Handler = Op.lambda())
    V.TraverseStmt(callOperator(*Handler)->getBody());
}

void StateBuilder::addRefused(const CallExpr &Call, const Refusal &Why) {
  State &Part = Graph.add(Current->Function);
  Part.IsPart = true;
  Part.Beside = &Call;
  Part.Why = Why;
}

bool StateBuilder::startBesideWithin(const Stmt *S) {
  SmallPtrSet<const CallExpr *, 8> Statements = statementCalls(S);
  SmallVector<const CallExpr *, 4> Starts;
  bool All = true;
  forEachCall(S, [&](const CallExpr &Call) {
    All &= !isDeliveryCall(Call);
    auto Match = Found.Matches.find(&Call);
    if (Match == Found.Matches.end())
      return;
    const auto *Op = std::get_if<Operation>(&Match->second);
    All &= Op && Op->isOfLibrary() &&
           (Statements.contains(&Call) || Op->How == Operation::Form::Request);
    Starts.push_back(&Call);
  });
  if (!All || Current->Delivers)
    return false;
  for (const CallExpr *Call : Starts)
    if (Statements.contains(Call))
      startBeside(*Call, Found.Matches.find(Call)->second);
    else
      keepCallback(*Call);
  return true;
}

SmallPtrSet<const CallExpr *, 8> StateBuilder::statementCalls(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const CallExpr *, 8> Calls;
    void note(const Stmt *S) { Calls.insert(statementCall(S)); }
    bool VisitStmt(const Stmt *S) override {
      if (isa<CompoundStmt>(S))
        for (const Stmt *Child : S->children())
          note(Child);
      else if (const auto *If = dyn_cast<IfStmt>(S))
        note(If->getThen()), note(If->getElse());
      else if (const auto *For = dyn_cast<ForStmt>(S))
        note(For->getBody());
      else if (const auto *Range = dyn_cast<CXXForRangeStmt>(S))
        note(Range->getBody());
      else if (const auto *While = dyn_cast<WhileStmt>(S))
        note(While->getBody());
      else if (const auto *Case = dyn_cast<SwitchCase>(S))
        note(Case->getSubStmt());
      return true;
    }
  } V;
  V.TraverseStmt(S);
  return V.Calls;
}

bool StateBuilder::checkBeside(const CallExpr &Call, const Operation &Op) {
  const FunctionDecl &F = *Current->Function;
  SourceLocation Where = Call.getBeginLoc();
  if (F.isTemplated())
    return refuse("dependent-code", Where,
                  "'" + Current->Name +
                      "' is a template, and what its calls mean depends on "
                      "the arguments");
  const auto *Method = dyn_cast<CXXMethodDecl>(&F);
  if (Method && !Text.range(Method->getParent()->getSourceRange()))
    return refuse("macro-in-the-way", Where,
                  "the class of '" + Current->Name +
                      "' is defined by a macro, and the coroutine would "
                      "have to be declared there");
  if (Text.crossesDirective(*Text.range(Call.getSourceRange())))
    return refuse("preprocessor-in-the-way", Where,
                  "the operation contains a preprocessor directive, so its "
                  "other branch would be lost");
  if (Op.Results.empty() && !goesOn(Op))
    return refuse("operation-not-last", Where,
                  "the handler only runs something later, beside the code "
                  "behind this call, and waits for nothing; there is "
                  "nothing for a coroutine to do");
  if (!goesOn(Op) && storesForItsFunction(Op))
    return refuse("operation-not-last", Where,
                  "the handler only stores what the operation delivers in "
                  "variables of '" +
                      Current->Name +
                      "', which waits for it on its own; make the function "
                      "asynchronous instead");
  return true;
}

bool StateBuilder::goesOn(const Operation &Op) {
  if (Op.Bound)
    return reachesOperation(Op.Bound->Target);
  return isInteresting(Op.body());
}

void StateBuilder::readUses(const CallExpr &Call, const Operation &Op) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const Expr *Handler;
    const Expr *Skipped = nullptr;
    SmallPtrSet<const ValueDecl *, 8> Own;
    SmallPtrSet<const Expr *, 8> Values;
    SmallPtrSet<const Expr *, 8> Addresses;
    struct Use {
      bool AsObject = false, Captured = false, ByReference = false;
      bool IsMoved = false;
      SourceLocation Where;
    };
    MapVector<const VarDecl *, Use> Uses;
    bool InHandler = false;
    bool IsReference = false;

    bool TraverseStmt(const Stmt *S) override {
      if (S && S == Skipped)
        return true;
      SaveAndRestore Inside(InHandler, InHandler || S == Handler);
      return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    }
    bool TraverseLambdaCapture(const LambdaExpr *, const LambdaCapture *C,
                               const Expr *Init) override {
      return !C->capturesVariable() || !C->getCapturedVar()->isInitCapture() ||
             TraverseStmt(Init);
    }
    bool VisitVarDecl(const VarDecl *V) override {
      Own.insert(V);
      return true;
    }
    bool VisitImplicitCastExpr(const ImplicitCastExpr *E) override {
      if (E->getCastKind() == CK_LValueToRValue)
        Values.insert(E->getSubExpr()->IgnoreParens());
      return true;
    }
    bool VisitUnaryOperator(const UnaryOperator *E) override {
      if (E->getOpcode() == UO_AddrOf)
        Addresses.insert(E->getSubExpr()->IgnoreParens());
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      const auto *V = dyn_cast<VarDecl>(E->getDecl());
      if (!V || !(V->hasLocalStorage() || V->isStaticLocal()) ||
          Own.contains(V) || isSharedFromThisCopy(V))
        return true;
      Use &U = Uses[V];
      U.Where = E->getLocation();
      if (Addresses.contains(E))
        U.ByReference = true;
      else if (InHandler && IsReference)
        U.ByReference = true;
      else if (InHandler)
        U.Captured |= !isa<LambdaExpr>(Handler);
      else
        U.AsObject |= !Values.contains(E);
      return true;
    }
  } V;
  V.Handler = Op.Made;
  if (Op.Stored)
    V.Own.insert(Op.Stored);
  if (Op.Object) {
    // What the call operator uses is what its members were made from.
    V.InHandler = true;
    for (const FunctionObject::Member &M : Op.Object->Members) {
      V.IsReference = M.Field->getType()->isReferenceType();
      V.TraverseStmt(M.Init);
    }
    V.InHandler = V.IsReference = false;
    V.Skipped = Op.Made;
  } else if (Op.Stored) {
    V.TraverseStmt(Op.Made);
  }
  V.TraverseStmt(&Call);
  if (const LambdaExpr *Handler = Op.lambda())
    for (const LambdaCapture &C : Handler->captures())
      if (auto Known = V.Uses.find(C.capturesVariable()
                                       ? dyn_cast<VarDecl>(C.getCapturedVar())
                                       : nullptr);
          Known != V.Uses.end())
        (C.getCaptureKind() == LCK_ByRef ? Known->second.ByReference
                                         : Known->second.Captured) = true;
  for (const VarDecl *Capture : Current->Steps.front().Op->InitCaptures)
    if (const VarDecl *From = movedInto(*Capture);
        From && !isSharedFromThisCopy(From)) {
      V.Uses[From].Captured = true;
      V.Uses[From].IsMoved = true;
    }
  for (const auto &[Variable, U] : V.Uses) {
    if (!addUse(*Variable, U.AsObject, U.Captured, U.ByReference, U.Where))
      return;
    Current->Uses.back().IsMoved = U.IsMoved;
  }
  checkCopies();
}

void StateBuilder::checkCopies() {
  forEachStep(Current->Steps, [&](const Step &Step) {
    if (Step.What != Step::Kind::Suspend)
      return;
    for (const ValueDecl *Copied : copiedInto(*Step.Op))
      if (any_of(Current->Uses, [&](const Borrowed &B) {
            return B.ByReference && B.Variable == Copied;
          }))
        refuse("capture-of-a-copy", Step.Op->Made->getBeginLoc(),
               "this handler works on a copy of '" + Copied->getName() +
                   "', and the one around it on the variable; a coroutine has "
                   "one of them");
  });
}

bool StateBuilder::addUse(const VarDecl &V, bool AsObject, bool Captured,
                          bool ByReference, SourceLocation Where) {
  QualType Type = V.getType().getNonReferenceType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (V.isStaticLocal() || Type->isArrayType() ||
      (Record && (Record->isLambda() || Record->isLocalClass())))
    return refuse("operation-not-last", Where,
                  "the code behind this operation goes on beside its "
                  "handler, and '" +
                      V.getName() +
                      "' cannot be handed to a coroutine; make it a "
                      "variable of a named type");
  bool Copies =
      Captured && AsObject && !Type.isTriviallyCopyableType(Text.context()) &&
      !(Record &&
        (Record->isInStdNamespace() ||
         builtinVocabularies().has(Role::PlainHolder, qualifiedName(*Record))));
  if (Copies || (ByReference && Captured))
    return refuse("capture-of-a-copy", Where,
                  "the operation works on '" + V.getName() +
                      "' and its handler on a copy of it; a coroutine has "
                      "one of them");
  bool Refers = ByReference || (AsObject && !Captured);
  Current->Uses.push_back({&V, Refers});
  return true;
}

} // namespace coralc
