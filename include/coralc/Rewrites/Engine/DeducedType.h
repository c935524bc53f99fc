//===--- DeducedType.h - How a type is written that was deduced -*- C++ -*-===//
//
// What an `auto` variable is handed to is declared with its type. Where the
// user has a name for that it is used.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_DEDUCEDTYPE_H
#define CORALC_REWRITES_ENGINE_DEDUCEDTYPE_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/Decl.h"
#include "clang/AST/PrettyPrinter.h"

namespace coralc {

/// \p Type can be written down outside the code that it comes from.
bool canBeNamed(clang::QualType Type);

/// \p Type, which was deduced for \p V, with the value type of
/// std::make_shared<Value>(...) as it is written there.
std::string deducedType(const clang::VarDecl &V, clang::QualType Type,
                        const SourceText &Text,
                        const clang::PrintingPolicy &Policy);

/// \p Type, which some expression has, with its whole name.
std::string deducedType(clang::QualType Type, const SourceText &Text);

} // namespace coralc

#endif
