//===--- SwitchArms.h - A switch as a branch with many arms -----*- C++ -*-===//
//
// The language lets labels stand anywhere inside of a switch. What programs
// mean by one is a branch: labels, what is done for them, and a break.
//
//   switch (state_) {
//   case state::head:
//   case state::body:
//     read_more();
//     break;
//   default:
//     stop();
//   }
//
// A switch whose labels all stand in its own block is read as such a branch; an
// arm without a break goes on in the next one.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_SWITCHARMS_H
#define CORALC_REWRITES_ENGINE_SWITCHARMS_H

#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// Some labels and what stands behind them, up to the next ones.
struct SwitchArm {
  llvm::SmallVector<const clang::SwitchCase *, 2> Labels;
  /// The block that is all of the arm, but for a break behind it.
  const clang::CompoundStmt *Braces = nullptr;
  /// Without that block and the break at the end.
  llvm::SmallVector<clang::Stmt *, 8> Statements;
  const clang::BreakStmt *Break = nullptr;
};

/// The arms of a switch, or why it has none.
struct SwitchArms {
  std::vector<SwitchArm> Arms;
  std::optional<Refusal> Why;

  static SwitchArms of(const clang::SwitchStmt &Switch);
};

/// A break in \p S leaves a switch around \p S.
bool leavesSwitch(const clang::Stmt *S);

} // namespace coralc

#endif
