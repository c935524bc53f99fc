//===--- StartResult.cpp - Starts that say whether they worked ------------===//

#include "coralc/Rewrites/Engine/StartResult.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ASTContext.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

const Expr *bare(const Expr *E) {
  return asWritten(asWritten(E)->IgnoreParens());
}

/// \p S does nothing, or ends a function that does nothing more.
bool isNothing(const Stmt *S) {
  if (const auto *Block = dyn_cast_or_null<CompoundStmt>(S))
    return all_of(Block->body(), isNothing);
  return !S || isa<NullStmt>(S) || isBareReturn(S);
}

class Recognizer {
public:
  Recognizer(StartedBy Started, const ASTContext &Context)
      : Started(Started), Context(Context) {}

  /// The start whose result \p S gives to a variable of the function's.
  std::optional<TestedStart> assigned(const Stmt *S) const {
    TestedStart Start;
    if (const auto *D = dyn_cast<DeclStmt>(S)) {
      const auto *V =
          D->isSingleDecl() ? dyn_cast<VarDecl>(D->getSingleDecl()) : nullptr;
      Start.Returned.Variable = V;
      Start.Returned.IsDeclared = true;
      Start.Call = V && V->hasInit() ? Started(*bare(V->getInit())) : nullptr;
    } else if (const auto *E = dyn_cast<Expr>(S)) {
      const auto *Assign = dyn_cast<BinaryOperator>(bare(E));
      if (!Assign || Assign->getOpcode() != BO_Assign)
        return std::nullopt;
      Start.Returned.Variable = variableNamedBy(Assign->getLHS());
      Start.Call = Started(*bare(Assign->getRHS()));
    }
    const VarDecl *V = Start.Returned.Variable;
    if (!Start.Call || !V || !V->hasLocalStorage() || !isInt(V->getType()))
      return std::nullopt;
    return Start;
  }

  std::optional<TestedStart> withTest(TestedStart Start,
                                      const IfStmt &Test) const {
    Start.Test = &Test;
    std::optional<bool> OnFailure = holdsOnFailure(*Test.getCond(), Start);
    if (Test.isConstexpr() || !OnFailure)
      return std::nullopt;
    Start.HoldsOnFailure = *OnFailure;
    if (!isNothing(Start.onSuccess()))
      return std::nullopt;
    return Start;
  }

private:
  bool isInt(QualType Type) const {
    return Context.hasSameUnqualifiedType(Type, Context.IntTy);
  }

  bool isZero(const Expr &E) const {
    std::optional<APSInt> Value =
        E.isValueDependent() ? std::nullopt : E.getIntegerConstantExpr(Context);
    return Value && Value->isZero() && isInt(E.getType());
  }

  /// Whether \p Condition holds when \p Start did not work and not when it
  /// did, or the other way round. A start that stands in the condition itself
  /// is put into \p Start.
  std::optional<bool> holdsOnFailure(const Expr &Condition,
                                     TestedStart &Start) const {
    const Expr *E = bare(&Condition);
    if (isResult(*E, Start))
      return true;
    if (const auto *Not = dyn_cast<UnaryOperator>(E);
        Not && Not->getOpcode() == UO_LNot) {
      std::optional<bool> Inner = holdsOnFailure(*Not->getSubExpr(), Start);
      return Inner ? std::optional(!*Inner) : std::nullopt;
    }
    const auto *Compare = dyn_cast<BinaryOperator>(E);
    if (!Compare || !Compare->isComparisonOp())
      return std::nullopt;
    const Expr *Left = Compare->getLHS(), *Right = Compare->getRHS();
    BinaryOperatorKind How = Compare->getOpcode();
    if (isZero(*Left)) {
      std::swap(Left, Right);
      if (Compare->isRelationalOp())
        How = BinaryOperator::reverseComparisonOp(How);
    }
    if (!isZero(*Right) || !isInt(Left->getType()) ||
        !isResult(*bare(Left), Start))
      return std::nullopt;
    // What is returned is zero or negative.
    if (How == BO_NE || How == BO_LT)
      return true;
    if (How == BO_EQ || How == BO_GE)
      return false;
    return std::nullopt;
  }

  /// \p E is what \p Start returned.
  bool isResult(const Expr &E, TestedStart &Start) const {
    if (Start.Call)
      return variableNamedBy(&E) == Start.Returned.Variable;
    if (const CallExpr *Call = Started(E))
      Start.Call = Call;
    else if (std::optional<TestedStart> Assigned = assigned(&E))
      Start.Call = Assigned->Call, Start.Returned = Assigned->Returned;
    Start.Returned.InCondition = &E;
    return Start.Call;
  }

  StartedBy Started;
  const ASTContext &Context;
};

} // namespace

std::optional<TestedStart> testedStart(ArrayRef<Stmt *> Statements,
                                       StartedBy Started,
                                       const ASTContext &Context) {
  Recognizer Known(Started, Context);
  std::optional<TestedStart> Start = Known.assigned(Statements.front());
  bool Returns = Statements.size() == 3 && isBareReturn(Statements.back());
  if (!Start || (Statements.size() != 2 && !Returns))
    return std::nullopt;
  const auto *Test = dyn_cast<IfStmt>(Statements[1]);
  if (!Test || Test->hasInitStorage() || Test->hasVarStorage())
    return std::nullopt;
  return Known.withTest(std::move(*Start), *Test);
}

std::optional<TestedStart> testedStart(const IfStmt &Test, StartedBy Started,
                                       const ASTContext &Context) {
  Recognizer Known(Started, Context);
  const DeclStmt *Variable = Test.getConditionVariableDeclStmt();
  const Stmt *Head = Test.getInit();
  if (Variable && Head)
    return std::nullopt;
  Head = Variable ? Variable : Head;
  if (!Head)
    return Known.withTest(TestedStart(), Test);
  std::optional<TestedStart> Start = Known.assigned(Head);
  return Start ? Known.withTest(std::move(*Start), Test) : std::nullopt;
}

} // namespace coralc
