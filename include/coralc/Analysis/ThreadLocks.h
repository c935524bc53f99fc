//===--- ThreadLocks.h - Locks of threads and who holds them ----*- C++ -*-===//
//
// A lock of threads belongs to the thread that took it. A coroutine that keeps
// one while it is suspended gives its thread away with the lock on it: what
// runs next on that thread may want the lock, and the coroutine may go on, and
// unlock, on another thread.
//
// Which types are such locks is read off their shape: a mutex has lock() and
// unlock() that give nothing back, and one made of atomics, mutexes or
// operating system handles is one of threads; a guard is an object that unlocks
// a mutex when it dies, or that has such an object in it. Vocabularies name
// those whose shape is not visible, and the locks of coroutines, which look
// alike.
//
// Who holds a lock where is a question of flow, per lock: taken by construction
// or by a call, given back by a call, by a move, by death. In doubt it is taken
// to have been given back.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_THREADLOCKS_H
#define CORALC_ANALYSIS_THREADLOCKS_H

#include "clang/AST/Type.h"
#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/DenseMap.h"
#include <string>
#include <vector>

namespace clang {
class CXXRecordDecl;
class Expr;
class FunctionDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;
class SuspensionCFG;
struct SuspensionPoint;

/// Tells locks of threads from everything else. Answers are cached.
class ThreadLocks {
public:
  explicit ThreadLocks(CoroutineTypes &Types) : Types(Types) {}

  /// Is \p Type a mutex of threads?
  bool isMutex(clang::QualType Type);

  /// Does an object of \p Type, no reference, keep a mutex of threads locked?
  bool isGuard(clang::QualType Type);

  CoroutineTypes &types() { return Types; }

private:
  bool computeGuard(const clang::CXXRecordDecl &Record);
  bool mayGuard(clang::QualType Argument);
  bool guardsArgument(const clang::CXXRecordDecl &Record);
  bool unlocksWhenDestroyed(const clang::CXXRecordDecl &Record);

  CoroutineTypes &Types;
  llvm::DenseMap<const clang::CXXRecordDecl *, bool> Guards, Mutexes;
};

/// A lock of threads that a coroutine holds while it is suspended.
struct HeldLock {
  /// What is held, as the code spells it: the guard, or the mutex.
  std::string Name;
  bool IsGuard;
  /// Where it was taken.
  clang::SourceLocation Taken;
  /// The suspensions, in source order; at least one.
  std::vector<const SuspensionPoint *> Across;
};

/// Does \p Function have anything in it that could be such a lock? A cheap
/// question before the flow is built.
bool mayHoldLocks(const clang::FunctionDecl &Function, ThreadLocks &Locks);

/// The locks of threads that the coroutine holds across suspensions, in the
/// order in which they are first mentioned.
std::vector<HeldLock> findHeldLocks(const SuspensionCFG &Flow,
                                    ThreadLocks &Locks);

} // namespace coralc

#endif
