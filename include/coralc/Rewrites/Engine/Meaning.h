//===--- Meaning.h - What code means, comparably ----------------*- C++ -*-===//
//
// The same text may mean something else in another translation unit: a macro
// has another value there, an overload is seen that was not, a name is found
// in another scope. A plan that was made over several files read as one holds
// for the files on their own only if all their code means the same there.
//
// So the code of a file is digested with everything that the compiler made of
// it: which declaration each name refers to, which type each expression has,
// the values of literals. Digests of two units compare bytewise.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_MEANING_H
#define CORALC_REWRITES_ENGINE_MEANING_H

#include "coralc/Rewrites/Rewrite.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Stmt.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <optional>

namespace coralc {

/// The meaning of every function and class of \p Context that is written
/// outside system headers, the main file of a joined unit left out.
std::vector<Meaning> readMeanings(const clang::ASTContext &Context);

/// The name of something in \p Alone that \p Joined has not, or that means
/// something else there.
std::optional<std::string> findDifference(llvm::ArrayRef<Meaning> Alone,
                                          llvm::ArrayRef<Meaning> Joined);

/// The declarations that \p Code names, by their name.
using NamedDeclarations = llvm::StringMap<llvm::StringSet<>>;
void collectNames(const clang::Stmt &Code, NamedDeclarations &Into);

} // namespace coralc

#endif
