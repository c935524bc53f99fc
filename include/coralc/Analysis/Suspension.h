//===--- Suspension.h - Where a function may suspend ------------*- C++ -*-===//
//
// A suspension point is a place where a coroutine may hand its thread back and
// be resumed later, by anybody, on any thread: every `co_await`, written or
// implied (`co_yield`, initial and final suspend). To clang::CFG it is a
// straight run of calls like any other; the initial and final ones are not in
// the CFG at all. SuspensionCFG puts this layer on top: it owns the CFG of a
// function's body and knows which of its elements are suspension points.
//
// An await whose await_ready is constant true never suspends, and is none.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_SUSPENSION_H
#define CORALC_ANALYSIS_SUSPENSION_H

#include "clang/Analysis/CFG.h"
#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <vector>

namespace clang {
class FunctionDecl;
class Stmt;
} // namespace clang

namespace coralc {

class CoroutineTypes;

struct SuspensionPoint {
  enum KindTy {
    Initial,
    Await,
    /// A co_await whose operand depends on a template parameter: it may turn
    /// out never to suspend.
    DependentAwait,
    Yield,
    Final
  };
  KindTy Kind;
  /// The expression; null for an initial or final suspension that the broken
  /// body lacks.
  const clang::Expr *Expression;
  clang::SourceLocation Where;
};

/// The statements that \p Function itself runs: the body of a coroutine
/// without the machinery around it. Null when there is none.
const clang::Stmt *bodyOf(const clang::FunctionDecl &Function);

/// Is \p Function a coroutine? A template's pattern is one, too.
bool isCoroutine(const clang::FunctionDecl &Function);

/// The suspension points of \p Function in source order, the initial one first
/// and the final one last. Those of lambdas in it belong to the lambdas. Empty
/// when \p Function is no coroutine.
std::vector<SuspensionPoint>
suspensionPoints(const clang::FunctionDecl &Function, CoroutineTypes &Types);

/// The control flow of one function body, with its suspension points.
///
/// Every expression is an element of its own, and so are the destructor calls
/// and ends of lifetime of local variables. A block is left early by `throw`
/// only; calls are taken to return.
class SuspensionCFG {
public:
  /// Null when the function has no body or Clang cannot build its CFG, as for
  /// some broken code.
  static std::unique_ptr<SuspensionCFG>
  build(const clang::FunctionDecl &Function, CoroutineTypes &Types);

  const clang::FunctionDecl &function() const { return Function; }
  const clang::CFG &cfg() const { return *Graph; }
  llvm::ArrayRef<SuspensionPoint> points() const { return Points; }

  /// The suspension point that \p Element is; null if it is none.
  const SuspensionPoint *pointAt(const clang::CFGElement &Element) const;

private:
  SuspensionCFG(const clang::FunctionDecl &Function) : Function(Function) {}

  const clang::FunctionDecl &Function;
  std::unique_ptr<clang::CFG> Graph;
  std::vector<SuspensionPoint> Points;
  llvm::DenseMap<const clang::Stmt *, unsigned> PointOf;
};

} // namespace coralc

#endif
