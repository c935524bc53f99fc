//===--- Views.h - What pointers and views refer to -------------*- C++ -*-===//
//
// A pointer, a view or an iterator is good as long as what it refers to is
// there:
//
//   std::string line = next_line();
//   text_ = line;                    // a std::string_view
//   send();                          // looks at text_
//
// Where a coroutine ends a variable or a temporary earlier than a call did,
// nothing that is used later may refer to it.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_VIEWS_H
#define CORALC_REWRITES_ENGINE_VIEWS_H

#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"

namespace coralc {

/// The local variables and the temporaries that the value of an expression may
/// refer to.
struct Referents {
  llvm::SmallPtrSet<const clang::VarDecl *, 4> Variables;
  llvm::SmallVector<const clang::MaterializeTemporaryExpr *, 2> Temporaries;
};

Referents referentsOf(const clang::Expr *E);

/// The variables to which something refers that \p S stores elsewhere than in a
/// local variable: itself, or in functions that it calls.
llvm::SmallPtrSet<const clang::VarDecl *, 4>
referredFromElsewhere(const clang::Stmt *S);

} // namespace coralc

#endif
