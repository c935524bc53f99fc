//===--- Conditions.h - Branches that say the same thing --------*- C++ -*-===//
//
// `if (b) t = start(); ... if (b) co_await t;` takes both branches or none. To
// know that, an analysis has to recognise that two branches ask the same
// question, and when the answer may have changed in between: when a variable
// in it was changed. State that is not a local variable is taken not to change
// between two questions.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_CONDITIONS_H
#define CORALC_ANALYSIS_CONDITIONS_H

#include "clang/Analysis/CFG.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <map>
#include <optional>

namespace clang {
class ASTContext;
class Expr;
class ValueDecl;
} // namespace clang

namespace coralc {

/// The branch conditions of a function, numbered: two that say the same in the
/// same words, or its negation, have the same number.
class Conditions {
public:
  Conditions(clang::ASTContext &Context, const clang::CFG &Graph);

  /// What decides between the two ways out of \p Block; null when there are
  /// not two.
  static const clang::Expr *branchCondition(const clang::CFGBlock &Block);

  /// Does the condition of \p Block always come out so that its way out number
  /// \p Successor is not taken? Clang knows of constants; this of calls whose
  /// function returns one, as in the `do ... while (dummy())` of test macros.
  static bool isNeverTaken(const clang::CFGBlock &Block, unsigned Successor);

  /// The number of \p Condition; negations are stripped into \p Value.
  unsigned number(const clang::Expr *Condition, bool &Value);

  /// The conditions that mention \p Variable: they may change when it does.
  llvm::ArrayRef<unsigned> mentioning(const clang::ValueDecl *Variable) const;

  /// The condition that is just \p Variable, if there is one.
  std::optional<unsigned> plain(const clang::ValueDecl *Variable) const;

  /// Can knowing \p Number decide another branch?
  bool isCorrelated(unsigned Number) const;

private:
  clang::ASTContext &Context;
  std::map<unsigned, unsigned> Numbers;
  llvm::DenseMap<unsigned, unsigned> Occurrences;
  llvm::DenseMap<const clang::ValueDecl *, llvm::SmallVector<unsigned, 2>>
      Mentions;
  llvm::DenseMap<const clang::ValueDecl *, unsigned> Plain;
};

} // namespace coralc

#endif
