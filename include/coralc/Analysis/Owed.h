//===--- Owed.h - What is lost with a task ----------------------*- C++ -*-===//
//
// Not every task has to be awaited: a detached one runs by itself, one whose
// destructor joins waits, a result that never suspends has happened. These are
// the questions that whoever reports a lost task asks of its type.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_OWED_H
#define CORALC_ANALYSIS_OWED_H

#include "llvm/ADT/StringRef.h"

namespace coralc {

struct CoroutineType;

/// Where a task is until it dies.
enum class Kept { Nowhere, InVariable };

/// Is something lost when a \p Type dies without having been awaited?
bool isOwed(const CoroutineType &Type, Kept Where);

/// What is lost, as a clause: "its body never runs".
llvm::StringRef consequenceOfLosing(const CoroutineType &Type);

} // namespace coralc

#endif
