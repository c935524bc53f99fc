//===--- WrittenTypes.h - Types as the text has them ------------*- C++ -*-===//
//
// Where a type is not known Clang goes on with another: with int for a name
// that nobody has declared, with a class that lacks the bases which it could
// not find. A declaration then has a type that its author has not written, and
// what follows from it is nothing to report. The text tells.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_WRITTENTYPES_H
#define CORALC_ANALYSIS_WRITTENTYPES_H

#include "clang/Basic/SourceLocation.h"
#include "llvm/ADT/StringRef.h"

namespace clang {
class ASTContext;
class FunctionDecl;
} // namespace clang

namespace coralc {

/// What stands between the first and the last token of \p Range.
llvm::StringRef textOf(clang::SourceRange Range,
                       const clang::ASTContext &Context);

/// The return type as it is written, before the name or behind the parameters.
clang::SourceRange returnTypeRange(const clang::FunctionDecl &Function);

/// Is the return type of \p Function what its declaration says?
bool returnTypeIsKnown(const clang::FunctionDecl &Function);

} // namespace coralc

#endif
