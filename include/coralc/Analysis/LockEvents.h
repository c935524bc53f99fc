//===--- LockEvents.h - What a function does to locks -----------*- C++ -*-===//
//
// The vocabulary of the analysis of held locks: which variables are guards,
// which expressions name mutexes, and what each mention of one does to it. A
// mention that is not understood gives the lock back: the analysis built on
// this is meant to be silent rather than wrong.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_LOCKEVENTS_H
#define CORALC_ANALYSIS_LOCKEVENTS_H

#include "clang/AST/Type.h"
#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace clang {
class FunctionDecl;
class Stmt;
class VarDecl;
} // namespace clang

namespace coralc {

class ThreadLocks;

/// What a mention of a lock does to it.
struct LockEvent {
  enum KindTy { Take, GiveBack };
  KindTy Kind;
  clang::SourceLocation Where;
};

/// What member functions of locks do, by their names.
enum class LockCall { Takes, TriesToTake, GivesBack, Other };

LockCall meaningOf(llvm::StringRef Name);

/// One lock of a function: a guard that is a variable, or a mutex that some
/// expression names.
struct Lock {
  std::string Name;
  /// The guard; null for a mutex.
  const clang::VarDecl *Guard = nullptr;
  /// Where it was taken before the function began; invalid if it was not.
  clang::SourceLocation TakenAtEntry;
  /// The guard has its lock from its declaration on.
  bool TakenAtDeclaration = false;
  llvm::DenseMap<const clang::Stmt *, LockEvent> Events;
};

/// The type of the object that \p Variable owns: its own, or that of the
/// temporary whose life the reference extends.
clang::QualType ownedType(const clang::VarDecl &Variable);

/// The locks of threads that \p Function mentions, in that order.
std::vector<Lock> collectLocks(const clang::FunctionDecl &Function,
                               ThreadLocks &Locks);

} // namespace coralc

#endif
