//===--- GeneratorInHotLoop.cpp - coral-generator-in-hot-loop -------------===//
//
// Reports generators that a loop makes anew in each of its iterations, to do
// next to nothing with what they yield: the frame and the resumptions then cost
// more than the work.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// The generator that \p Range makes and runs over; null if it runs over
/// anything else.
const CallExpr *generatorOf(const CXXForRangeStmt &Range,
                            CoroutineTypes &Types) {
  const auto *Call =
      dyn_cast_or_null<CallExpr>(ignoreWrappers(Range.getRangeInit()));
  if (!Call || !Call->isPRValue() || Call->isTypeDependent())
    return nullptr;
  const CoroutineType *Type = Types.lookup(Call->getType());
  return Type && Type->Kind == CoroutineKind::Generator ? Call : nullptr;
}

/// Does \p Body compute, and nothing else? Whatever calls a function, branches
/// off, allocates or suspends may well cost more than the generator.
bool onlyComputes(const Stmt *Body) {
  bool Computes = false;
  bool Other = anyStatement(Body, [&](const Stmt &Node) {
    if (const auto *Binary = dyn_cast<BinaryOperator>(&Node))
      Computes |= Binary->isAssignmentOp();
    if (const auto *Unary = dyn_cast<UnaryOperator>(&Node))
      Computes |= Unary->isIncrementDecrementOp();
    return isa<CallExpr, CXXConstructExpr, CXXNewExpr, CXXDeleteExpr,
               CXXThrowExpr, LambdaExpr, CoroutineSuspendExpr,
               DependentCoawaitExpr, CXXUnresolvedConstructExpr, ForStmt,
               WhileStmt, DoStmt, CXXForRangeStmt, ReturnStmt, BreakStmt,
               CoreturnStmt, GotoStmt, CXXTryStmt, AsmStmt>(Node);
  });
  return Computes && !Other;
}

/// The body of the loop that \p Node is; null if it is none.
const Stmt *loopBody(const Stmt &Node) {
  if (const auto *Loop = dyn_cast<ForStmt>(&Node))
    return Loop->getBody();
  if (const auto *Loop = dyn_cast<WhileStmt>(&Node))
    return Loop->getBody();
  if (const auto *Loop = dyn_cast<DoStmt>(&Node))
    return Loop->getBody();
  if (const auto *Loop = dyn_cast<CXXForRangeStmt>(&Node))
    return Loop->getBody();
  return nullptr;
}

bool suspends(const Stmt *Body) {
  return anyStatement(Body, [](const Stmt &Node) {
    return isa<CoroutineSuspendExpr, DependentCoawaitExpr>(Node);
  });
}

void checkLoop(TranslationUnit &Unit, const Stmt &Outer) {
  const Stmt *Body = loopBody(Outer);
  // A loop that waits for something has time.
  if (!Body || suspends(Body))
    return;
  anyStatement(Body, [&](const Stmt &Node) {
    const auto *Range = dyn_cast<CXXForRangeStmt>(&Node);
    if (!Range || !onlyComputes(Range->getBody()))
      return false;
    if (const CallExpr *Made = generatorOf(*Range, Unit.types()))
      Unit.report(Range->getForLoc(),
                  "this loop does less with what '" + calleeName(*Made).str() +
                      "' yields than it costs to make and resume a generator, "
                      "over and over in another loop; compute the values here")
          .note(Outer.getBeginLoc(), "the other loop is here");
    return false;
  });
}

} // namespace

static void checkGeneratorInHotLoop(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl())
      anyStatement(bodyOf(*Function), [&](const Stmt &Node) {
        checkLoop(Unit, Node);
        return false;
      });
}

static const RegisterCheck
    Register("coral-generator-in-hot-loop", 2,
             "a generator that costs more than the loops around it",
             checkGeneratorInHotLoop);

} // namespace coralc
