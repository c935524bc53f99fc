//===--- References.h - What names in code refer to -------------*- C++ -*-===//
//
// The same text may mean something else where it has moved to: what was const
// is not, another overload fits better, a scope around declares the same name.
// So what a name refers to is written down in a way in which the input and the
// output, which are two translation units, compare.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_REFERENCES_H
#define CORALC_REWRITES_ENGINE_REFERENCES_H

#include "clang/AST/Decl.h"
#include "clang/AST/Expr.h"
#include <optional>
#include <string>

namespace coralc {

/// \p D with its qualified name; what is declared in a function is local,
/// whichever function that is. One of several overloads is told by its
/// parameters, unless it is a library's: whether something const or not is
/// asked there makes no difference.
std::string referenceTo(const clang::NamedDecl &D);
std::string referenceTo(clang::QualType Type, const clang::ASTContext &Context);

/// With const and as a reference a variable has the same type as without.
std::string typeOfVariable(const clang::ValueDecl &D);

/// What \p E has of the function in which it stands or of the text of a macro's
/// argument: __func__, a source location that is a default argument, #x. Empty
/// if it has none, or for a macro of a system header, as assert.
std::string takenFromPlace(const clang::Expr &E,
                           const clang::ASTContext &Context);

} // namespace coralc

#endif
