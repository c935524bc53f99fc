//===--- UnneededOwners.h - Owners that only name members -------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_UNNEEDEDOWNERS_H
#define CORALC_REWRITES_ENGINE_UNNEEDEDOWNERS_H

#include "coralc/Rewrites/Engine/Render.h"
#include "llvm/ADT/StringSet.h"

namespace coralc {

/// Copies of shared_from_this() through which an agent's code names members,
/// and nothing else: what starts the agent holds the object.
struct UnneededOwners {
  llvm::SmallPtrSet<const clang::VarDecl *, 4> Variables;
  /// What else is declared in that code, and may hide a member.
  llvm::StringSet<> Locals;

  bool isLookedThrough(const clang::MemberExpr &E) const;
  /// What stands before \p Member where an owner did.
  std::string prefixOf(const clang::ValueDecl &Member) const;
};

/// Those of \p A; none if one is needed for something else.
UnneededOwners findUnneededOwners(const Agent &A, const RenderContext &Context);

/// \p S starts an agent, whose code is not where the start is.
bool startsAnother(const clang::Stmt *S, StartText Start);

} // namespace coralc

#endif
