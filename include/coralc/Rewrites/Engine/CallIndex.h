//===--- CallIndex.h - Who calls what -------------------------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_CALLINDEX_H
#define CORALC_REWRITES_ENGINE_CALLINDEX_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include <vector>

namespace coralc {

/// A call or construction in the user's code.
struct CallSite {
  const clang::Expr *Call = nullptr;
  /// The function, or the call operator of the lambda, that it stands in.
  const clang::FunctionDecl *Caller = nullptr;
};

struct LambdaSite {
  const clang::LambdaExpr *Lambda = nullptr;
  const clang::FunctionDecl *Around = nullptr;
};

/// Who calls what in the user's code, and which calls start an agent.
class CallIndex {
public:
  CallIndex(llvm::ArrayRef<Agent *> Converted, const SourceText &Text);

  const SourceText &text() const { return Text; }

  /// The definition of \p F, if it is the user's.
  const clang::FunctionDecl *seen(const clang::FunctionDecl *F) const;
  /// All that may call \p F.
  std::vector<CallSite> callersOf(const clang::FunctionDecl &F) const;
  /// The function or call operator that \p Call stands in.
  const clang::FunctionDecl *callerOf(const clang::Expr &Call) const {
    return CallerOf.lookup(&Call);
  }
  /// The lambda that \p Operator is the call operator of, if it is one.
  std::optional<LambdaSite> lambdaOf(const clang::FunctionDecl &Operator) const;
  /// \p Call starts an agent.
  bool isStart(const clang::Expr &Call) const { return Starts.contains(&Call); }
  /// \p Call starts an agent that begins with a dispatch.
  bool isStartOfDispatched(const clang::Expr &Call) const {
    return DispatchStarts.contains(&Call);
  }

private:
  void addCaller(const clang::FunctionDecl &F, CallSite Site);

  const SourceText &Text;
  llvm::SmallPtrSet<const clang::Expr *, 16> Starts, DispatchStarts;
  llvm::DenseMap<const clang::Expr *, const clang::FunctionDecl *> CallerOf;
  llvm::DenseMap<const clang::FunctionDecl *, LambdaSite> Lambdas;
  llvm::DenseMap<const clang::FunctionDecl *, std::vector<CallSite>> Callers;
  llvm::DenseMap<const clang::CXXRecordDecl *, std::vector<CallSite>> Makers;
};

/// The class whose objects \p F makes from arguments: std::make_shared<T>.
const clang::CXXRecordDecl *madeBy(const clang::FunctionDecl *F);

} // namespace coralc

#endif
