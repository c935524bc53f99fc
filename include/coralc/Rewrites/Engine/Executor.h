//===--- Executor.h - Where an operation's handler runs ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_EXECUTOR_H
#define CORALC_REWRITES_ENGINE_EXECUTOR_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"
#include "llvm/ADT/DenseMap.h"

namespace coralc {

/// An expression for the executor that \p Op's handler runs on, valid where
/// the agent is started; empty when there is none. \p Around is the function in
/// whose middle it is started, among the variables that the operation sees.
std::string executorOf(const Operation &Op, const SourceText &Text,
                       const clang::FunctionDecl *Around);

/// What says where \p Op's handler runs, null if nothing does, and whether that
/// is an executor itself and no object that has one.
std::pair<const clang::Expr *, bool> executorSource(const Operation &Op);

/// The call strand.wrap(handler) that holds \p Op's handler, before there was
/// bind_executor(strand, handler); null when there is none.
const clang::CXXMemberCallExpr *strandWrap(const Operation &Op);

/// Something of \p Type, or what a pointer of \p Type points to, says where
/// its handlers run.
bool hasGetExecutor(clang::QualType Type);

/// \p Type has threads or is run by some: io_context, thread_pool.
bool isExecutionContext(clang::QualType Type);

/// \p V is a local execution context that runs only what its function lets it
/// run, or was made from one.
bool runsInItsFunction(const clang::VarDecl *V);

/// \p Type runs functions that it is given.
bool isExecutor(clang::QualType Type);

/// Which operations complete on the same executor, as far as the code says. It
/// is where their objects were made from the same context, and all of it where
/// there is only one.
class ExecutorOrigins {
public:
  explicit ExecutorOrigins(const SourceText &Text);

  bool isSame(const Operation &A, const Operation &B) const;
  bool areAllTheSame() const { return AreAllTheSame; }

private:
  /// What \p E was made from: a variable or member; null if that is not known.
  const clang::ValueDecl *originOf(const clang::Expr *E, unsigned Depth) const;
  const clang::ValueDecl *originOf(const clang::ValueDecl &D,
                                   unsigned Depth) const;

  bool AreAllTheSame = false;
  /// How constructors make members, one each.
  llvm::DenseMap<const clang::FieldDecl *,
                 llvm::SmallVector<const clang::Expr *, 1>>
      Made;
};

/// The handler of \p Op says itself where it runs.
bool hasBoundExecutor(const Operation &Op);

} // namespace coralc

#endif
