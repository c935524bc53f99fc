//===--- Owed.cpp - What is lost with a task ------------------------------===//

#include "coralc/Analysis/Owed.h"
#include "coralc/Model/CoroutineTypes.h"

namespace coralc {

bool isOwed(const CoroutineType &Type, Kept Where) {
  if (Type.ResultIsLockLike)
    return true;
  if (Type.Release == ReleasePolicy::Joins)
    return false;
  if (Type.Kind == CoroutineKind::Awaitable)
    return Type.Nodiscard || Type.OnlyAwaitable;
  if (Type.Kind != CoroutineKind::Task)
    return false;
  if (Type.Start == StartPolicy::Lazy)
    return true;
  // An eager coroutine runs without being awaited. What may get lost is its
  // outcome, if the library says that it matters, and the rest of its body, if
  // its frame dies with the value. A variable keeps the frame alive, though.
  if (Type.Release == ReleasePolicy::Destroys)
    return Where == Kept::Nowhere;
  return Type.Nodiscard;
}

llvm::StringRef consequenceOfLosing(const CoroutineType &Type) {
  if (Type.ResultIsLockLike)
    return "nothing is held";
  if (Type.Kind == CoroutineKind::Awaitable)
    return Type.OnlyAwaitable ? "the operation never happens"
                              : "its result and any error are lost";
  if (Type.Start == StartPolicy::Lazy)
    return "its body never runs";
  if (Type.Release == ReleasePolicy::Destroys)
    return "it is destroyed where it first suspends";
  return "its result and any exception are lost";
}

} // namespace coralc
