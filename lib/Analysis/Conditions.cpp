//===--- Conditions.cpp - Branches that say the same thing ----------------===//

#include "coralc/Analysis/Conditions.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/FoldingSet.h"

using namespace clang;

namespace coralc {

/// Gives \p Condition the same answer when asked again, its variables being
/// the same? Calls do not, but for const member functions and comparisons.
static bool isRepeatable(const Expr *Condition) {
  return !anyStatement(Condition, [](const Stmt &Node) {
    if (const auto *Unary = dyn_cast<UnaryOperator>(&Node))
      return Unary->isIncrementDecrementOp();
    if (const auto *Binary = dyn_cast<BinaryOperator>(&Node))
      return Binary->isAssignmentOp();
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node))
      return !Operator->isComparisonOp() &&
             Operator->getOperator() != OO_Exclaim;
    if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node))
      return !Call->getMethodDecl() || !Call->getMethodDecl()->isConst();
    return isa<CallExpr>(Node) || isa<CoroutineSuspendExpr>(Node) ||
           isa<LambdaExpr>(Node);
  });
}

Conditions::Conditions(ASTContext &Context, const CFG &Graph)
    : Context(Context) {
  for (const CFGBlock *Block : Graph) {
    const Expr *Condition = branchCondition(*Block);
    if (!Condition)
      continue;
    bool Value = true;
    unsigned Number = number(Condition, Value);
    if (isRepeatable(Condition))
      ++Occurrences[Number];
  }
}

const Expr *Conditions::branchCondition(const CFGBlock &Block) {
  if (Block.succ_size() != 2 || !Block.getTerminatorStmt() ||
      isa<SwitchStmt>(Block.getTerminatorStmt()))
    return nullptr;
  return Block.getLastCondition();
}

bool Conditions::isNeverTaken(const CFGBlock &Block, unsigned Successor) {
  const Expr *Condition = branchCondition(Block);
  if (!Condition)
    return false;
  const auto *Call = dyn_cast<CallExpr>(Condition->IgnoreParenImpCasts());
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  if (!Callee || Callee->getNumParams())
    return false;
  const auto *Method = dyn_cast<CXXMethodDecl>(Callee);
  std::optional<bool> Always =
      Method && Method->isVirtual() ? std::nullopt : constantResult(Callee);
  return Always && *Always != (Successor == 0);
}

unsigned Conditions::number(const Expr *Condition, bool &Value) {
  while (true) {
    Condition = Condition->IgnoreParenImpCasts();
    const auto *Not = dyn_cast<UnaryOperator>(Condition);
    if (!Not || Not->getOpcode() != UO_LNot)
      break;
    Value = !Value;
    Condition = Not->getSubExpr();
  }
  llvm::FoldingSetNodeID Id;
  if (const auto *Ref = dyn_cast<DeclRefExpr>(Condition)) {
    Id.AddPointer(Ref->getDecl()->getCanonicalDecl());
  } else if (const auto *Compare = dyn_cast<BinaryOperator>(Condition);
             Compare && Compare->isEqualityOp()) {
    // `a != b` is the negation of `a == b`.
    if (Compare->getOpcode() == BO_NE)
      Value = !Value;
    Compare->getLHS()->IgnoreParenImpCasts()->Profile(Id, Context, true);
    Compare->getRHS()->IgnoreParenImpCasts()->Profile(Id, Context, true);
  } else {
    Condition->Profile(Id, Context, true);
  }
  auto [Slot, Fresh] = Numbers.try_emplace(Id.ComputeHash(), Numbers.size());
  if (Fresh)
    anyStatement(Condition, [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node))
        Mentions[Ref->getDecl()].push_back(Slot->second);
      return false;
    });
  if (const auto *Ref = dyn_cast<DeclRefExpr>(Condition))
    Plain[Ref->getDecl()] = Slot->second;
  return Slot->second;
}

llvm::ArrayRef<unsigned>
Conditions::mentioning(const ValueDecl *Variable) const {
  auto Found = Mentions.find(Variable);
  return Found == Mentions.end() ? llvm::ArrayRef<unsigned>()
                                 : llvm::ArrayRef(Found->second);
}

std::optional<unsigned> Conditions::plain(const ValueDecl *Variable) const {
  auto Found = Plain.find(Variable);
  if (Found == Plain.end())
    return std::nullopt;
  return Found->second;
}

bool Conditions::isCorrelated(unsigned Number) const {
  auto Found = Occurrences.find(Number);
  return Found != Occurrences.end() && Found->second > 1;
}

} // namespace coralc
