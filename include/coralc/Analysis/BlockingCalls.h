//===--- BlockingCalls.h - Calls that hold up the thread --------*- C++ -*-===//
//
// A call blocks if a vocabulary says so, or if it is one of a function of this
// translation unit that makes such a call. What a function does in a lambda it
// does not do itself, and a coroutine suspends instead: neither is followed.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_BLOCKINGCALLS_H
#define CORALC_ANALYSIS_BLOCKINGCALLS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace clang {
class Expr;
class FunctionDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

struct BlockingCall {
  /// The call in the function that was asked about.
  const clang::Expr *Where;
  /// The calls that it leads to, the one that blocks last; empty when it is
  /// that itself.
  llvm::SmallVector<const clang::Expr *, 2> Through;

  const clang::Expr *blocks() const {
    return Through.empty() ? Where : Through.back();
  }
};

class BlockingCalls {
public:
  explicit BlockingCalls(CoroutineTypes &Types) : Types(Types) {}

  /// The calls in \p Function that block the thread, in source order.
  std::vector<BlockingCall> in(const clang::FunctionDecl &Function);

  /// What such a call calls: "std::this_thread::sleep_for".
  static std::string nameOf(const clang::Expr *Call);

private:
  bool blocksItself(const clang::Expr *Call) const;
  const std::vector<BlockingCall> &summary(const clang::FunctionDecl &Callee);

  CoroutineTypes &Types;
  llvm::DenseMap<const clang::FunctionDecl *, std::vector<BlockingCall>>
      Summaries;
};

} // namespace coralc

#endif
