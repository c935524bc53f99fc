//===--- Suspension.cpp - Where a function may suspend --------------------===//

#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Decl.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {

const Stmt *bodyOf(const FunctionDecl &Function) {
  const Stmt *Body = Function.getBody();
  const auto *Coroutine = dyn_cast_or_null<CoroutineBodyStmt>(Body);
  if (!Coroutine)
    return Body;
  // Clang puts the try block that is a coroutine's body into another block,
  // which is nowhere.
  const auto *Block = dyn_cast_or_null<CompoundStmt>(Coroutine->getBody());
  return Block && Block->size() == 1 && isa<CXXTryStmt>(Block->body_front()) &&
                 Block->getBeginLoc().isInvalid()
             ? Block->body_front()
             : Coroutine->getBody();
}

bool isCoroutine(const FunctionDecl &Function) {
  return isa_and_nonnull<CoroutineBodyStmt>(Function.getBody());
}

/// Adds \p Wrapper, the initial or final suspension, if it may suspend.
static void addImplicit(SuspensionPoint::KindTy Kind, const Stmt *Wrapper,
                        SourceLocation Where, CoroutineTypes &Types,
                        std::vector<SuspensionPoint> &Points) {
  const CoroutineSuspendExpr *Await = nullptr;
  anyStatement(Wrapper, [&](const Stmt &Node) {
    Await = dyn_cast<CoroutineSuspendExpr>(&Node);
    return Await != nullptr;
  });
  if (!Await || !Types.neverSuspends(*Await))
    Points.push_back({Kind, Await, Where});
}

/// Does \p Suspend never leave its coroutine suspended?
static bool goesOn(const CoroutineSuspendExpr &Suspend, CoroutineTypes &Types) {
  if (Types.neverSuspends(Suspend))
    return true;
  const Expr *Operand =
      isa<CoawaitExpr>(Suspend) ? Suspend.getOperand() : nullptr;
  const CoroutineType *Type =
      Operand ? Types.lookup(Operand->getType()) : nullptr;
  return Type && Type->Synchronous;
}

std::vector<SuspensionPoint> suspensionPoints(const FunctionDecl &Function,
                                              CoroutineTypes &Types) {
  std::vector<SuspensionPoint> Points;
  const auto *Body = dyn_cast_or_null<CoroutineBodyStmt>(Function.getBody());
  if (!Body)
    return Points;
  addImplicit(SuspensionPoint::Initial, Body->getInitSuspendStmt(),
              Function.getLocation(), Types, Points);
  // What `co_await` is made of repeats its operand: each is counted once.
  llvm::DenseSet<const Stmt *> Seen;
  auto Visit = [&](const Stmt &Node, auto &Again) -> bool {
    if (const auto *Suspend = dyn_cast<CoroutineSuspendExpr>(&Node)) {
      if (Seen.insert(Suspend).second && !goesOn(*Suspend, Types))
        Points.push_back({isa<CoyieldExpr>(Suspend) ? SuspensionPoint::Yield
                                                    : SuspensionPoint::Await,
                          Suspend, Suspend->getKeywordLoc()});
    } else if (const auto *Await = dyn_cast<DependentCoawaitExpr>(&Node)) {
      if (Seen.insert(Await).second)
        Points.push_back(
            {SuspensionPoint::DependentAwait, Await, Await->getKeywordLoc()});
    } else if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
      // What a capture is initialised with is evaluated here.
      for (const Expr *Init : Lambda->capture_inits())
        anyStatement(Init,
                     [&](const Stmt &Inner) { return Again(Inner, Again); });
    }
    return false;
  };
  anyStatement(Body->getBody(),
               [&](const Stmt &Node) { return Visit(Node, Visit); });
  addImplicit(SuspensionPoint::Final, Body->getFinalSuspendStmt(),
              Function.getEndLoc(), Types, Points);
  return Points;
}

std::unique_ptr<SuspensionCFG>
SuspensionCFG::build(const FunctionDecl &Function, CoroutineTypes &Types) {
  const Stmt *Body = bodyOf(Function);
  if (!Body)
    return nullptr;
  CFG::BuildOptions Options;
  Options.setAllAlwaysAdd();
  Options.AddImplicitDtors = true;
  Options.AddLifetime = true;
  Options.AddTemporaryDtors = false;
  Options.PruneTriviallyFalseEdges = true;
  std::unique_ptr<SuspensionCFG> Result(new SuspensionCFG(Function));
  Result->Graph = CFG::buildCFG(&Function, const_cast<Stmt *>(Body),
                                &Function.getASTContext(), Options);
  if (!Result->Graph)
    return nullptr;
  Result->Points = suspensionPoints(Function, Types);
  for (unsigned Index = 0; Index != Result->Points.size(); ++Index)
    if (const Expr *Expression = Result->Points[Index].Expression)
      Result->PointOf[Expression] = Index;
  return Result;
}

const SuspensionPoint *SuspensionCFG::pointAt(const CFGElement &Element) const {
  std::optional<CFGStmt> Statement = Element.getAs<CFGStmt>();
  if (!Statement)
    return nullptr;
  auto Found = PointOf.find(Statement->getStmt());
  return Found == PointOf.end() ? nullptr : &Points[Found->second];
}

} // namespace coralc
