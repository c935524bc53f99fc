//===--- SharedState.h - References into what others may change -*- C++ -*-===//
//
// While a coroutine is suspended everybody else runs. What it got hold of
// before may be gone afterwards:
//
//   Entry &entry = table_[key];   // a place inside a container
//   co_await flush();             // others erase, insert, rehash
//   entry.hits++;                 // whose entry is it now?
//
// A *view into shared state* is a local reference, pointer, iterator, view or
// structured binding that was made from a container (or other owner) which
// the frame does not own, or from what a temporary smart pointer holds. It is
// stale after a suspension until it is made anew.
//
// Not shared: what is local to the frame, constant, or moved out of reach
// before; members as a whole, which live as long as their object; a private
// container that no function of the class ever changes; state that a lock of
// coroutines protects meanwhile.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_SHAREDSTATE_H
#define CORALC_ANALYSIS_SHAREDSTATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace clang {
class Expr;
class FieldDecl;
class FunctionDecl;
class Stmt;
class ValueDecl;
class VarDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;
class SuspensionCFG;
struct SuspensionPoint;

/// A view into shared state that is used when it is stale.
struct StaleUse {
  /// The reference, pointer, iterator or binding; null for a range-for.
  const clang::ValueDecl *View;
  /// The container, or what the smart pointer is got from.
  const clang::Expr *Source;
  /// The variable or member that the container is; null for a smart pointer.
  const clang::ValueDecl *Container;
  const SuspensionPoint *Suspension;
  const clang::Stmt *Use;
};

class SharedState {
public:
  /// \p Functions are all functions of the translation unit.
  SharedState(llvm::ArrayRef<const clang::FunctionDecl *> Functions,
              CoroutineTypes &Types)
      : Functions(Functions), Types(Types) {}

  /// The first stale use of each view of the coroutine.
  std::vector<StaleUse> staleUses(const SuspensionCFG &Flow);

  /// The container, not owned by the frame, that \p Value gives access into;
  /// null when it is no such thing. Sets \p Container to its declaration.
  const clang::Expr *sharedSource(const clang::Expr *Value,
                                  const clang::ValueDecl *&Container);

private:
  bool mayChange(const clang::ValueDecl *Container);

  llvm::ArrayRef<const clang::FunctionDecl *> Functions;
  CoroutineTypes &Types;
  llvm::DenseMap<const clang::ValueDecl *, bool> Changes;
};

} // namespace coralc

#endif
