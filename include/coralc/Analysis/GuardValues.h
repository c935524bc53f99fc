//===--- GuardValues.h - Expressions that are locks, taken ------*- C++ -*-===//
//
// A guard may or may not have its lock when it begins to live:
//
//   std::unique_lock lock(mutex);                    has it
//   std::unique_lock lock(mutex, std::defer_lock);   has not
//   std::unique_lock<std::mutex> lock;               has not
//   auto lock = cache.acquire();                     has it
//   transaction t;                                   has it, if a member has
//   auto lock = std::make_unique<guard>(mutex);      what it points to has
//
// The last is a holder: something of the standard library that owns guards,
// one or none or many, and that may be emptied.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_GUARDVALUES_H
#define CORALC_ANALYSIS_GUARDVALUES_H

#include "clang/AST/Type.h"
#include "llvm/ADT/ArrayRef.h"

namespace clang {
class CXXConstructExpr;
class CXXConstructorDecl;
class CXXRecordDecl;
class Expr;
} // namespace clang

namespace coralc {

class ThreadLocks;

/// Answers for expressions whose type is a guard or a holder of guards.
class GuardValues {
public:
  explicit GuardValues(ThreadLocks &Locks) : Locks(Locks) {}

  /// Is \p Type an optional, a smart pointer or a container of guards?
  bool isHolder(clang::QualType Type) const;

  /// Is \p Type a guard or a holder of guards?
  bool isGuardOrHolder(clang::QualType Type) const;

  /// Is \p Value a guard that has its lock, or a holder that owns such a one?
  bool hasLock(const clang::Expr *Value) const;

  /// Does a guard made from \p Arguments lock what they name?
  bool makesLocked(llvm::ArrayRef<const clang::Expr *> Arguments) const;

private:
  bool hasLockAmong(llvm::ArrayRef<const clang::Expr *> Values) const;
  bool constructs(const clang::CXXConstructExpr &Construct) const;
  bool unlocksItself(const clang::CXXRecordDecl *Record) const;
  bool buildsGuard(const clang::CXXConstructorDecl &Constructor) const;

  ThreadLocks &Locks;
};

} // namespace coralc

#endif
