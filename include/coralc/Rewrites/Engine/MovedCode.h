//===--- MovedCode.h - Code that moves to another place ---------*- C++ -*-===//
//
// A coroutine stands beside its entry, or, if what it names is not known there,
// where the last of its functions was. What the agent does in the functions of
// other files moves to the entry's, and must find there what it uses: the
// headers, and nothing that only its own file declares or defines as a macro. A
// variable of which each file has its own, such as a static one in a header,
// would be another one there.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_MOVEDCODE_H
#define CORALC_REWRITES_ENGINE_MOVEDCODE_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Render.h"

namespace coralc {

/// The functions of \p A whose code moves to \p To from other source files.
std::vector<const clang::FunctionDecl *>
movedFunctions(const Agent &A, const SourceText::File &To,
               const SourceText &Text);

/// What \p A uses and \p To has not.
std::optional<Refusal> checkMovedCode(const Agent &A,
                                      const SourceText::File &To,
                                      const SourceText &Text);

/// A name in a function of \p A that may mean something else in the class or
/// namespace to which that moves.
std::optional<Refusal> checkMovedNames(const Agent &A, const SourceText &Text);

/// Where the coroutine of \p A can be defined if what it names is not all known
/// at \p Anchor, beside which it is declared: the last of the functions that go
/// into it. Null if it can be defined beside \p Anchor, or nowhere.
const clang::FunctionDecl *laterHome(const Agent &A,
                                     const clang::FunctionDecl &Anchor,
                                     const SourceText &Text);

/// The headers that what moves to \p To uses and that other source files
/// include.
std::vector<TargetDialect::Include>
includesOfMovedCode(const Agent &A, const SourceText::File &To,
                    const SourceText &Text);

} // namespace coralc

#endif
