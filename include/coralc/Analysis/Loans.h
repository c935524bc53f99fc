//===--- Loans.h - Tasks and what they borrow, side by side -----*- C++ -*-===//
//
// Borrowing.h says what a task uses that it does not own, and where that
// lives; TaskFate.h says what becomes of the task. A loan is both together,
// at one place of a program, and the answer to the question that matters:
// which of the two ends first?
//
//   std::vector<task<>> all;
//   for (int n : numbers) {
//     std::string name = std::to_string(n);
//     all.push_back(fetch(name));        // 'name' ends with the iteration,
//   }                                    // the task when 'all' is awaited
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_LOANS_H
#define CORALC_ANALYSIS_LOANS_H

#include "coralc/Analysis/Borrowing.h"
#include "coralc/Analysis/TaskFate.h"
#include <vector>

namespace coralc {

struct CoroutineType;

/// What outlives what.
enum class Ending {
  /// The object outlives the task, or nothing is known.
  Fine,
  /// The object dies first, whenever this is run.
  DiesFirst,
  /// It does unless somebody makes sure that it does not.
  MayDieFirst
};

struct Loan {
  /// Where it happens.
  const clang::FunctionDecl *In;
  /// The call that makes the task, or takes the callable that will.
  const clang::CallExpr *Creation;
  /// The task's; null when a callable was passed on uncalled.
  const CoroutineType *Type;
  Borrow What;
  TaskFate Fate;
  Ending Ends;
};

/// The loans of \p Function that are not fine, in no particular order.
void findLoans(const clang::FunctionDecl &Function, Borrowing &Borrows,
               CoroutineTypes &Types, std::vector<Loan> &Found);

} // namespace coralc

#endif
