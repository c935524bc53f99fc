//===--- Handler.h - What an operation's handler is -------------*- C++ -*-===//
//
// A handler is written as a lambda, as an object of a class of the user's, or
// by the name of a function with what it is called with:
//
//   store.get(key, [this](error_code ec, string value) { ... });
//   store.get(key, printer{this});
//   store.get(key, std::bind(&session::on_get, this, _1, _2));
//
// Whoever calls it, an agent goes on in the same way.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_HANDLER_H
#define CORALC_REWRITES_ENGINE_HANDLER_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "coralc/Rewrites/Engine/StateGraph.h"

namespace coralc {

/// Reads the handler that \p Op has been made by, which is called with values
/// of the types \p Delivered by \p Callee: what it calls, and to which of its
/// parameters the values go. Returns why no agent can go on in it.
std::optional<Refusal> readHandler(Operation &Op,
                                   const clang::FunctionDecl &Callee,
                                   llvm::ArrayRef<clang::QualType> Delivered,
                                   const SourceText &Text);

/// The definition of the function that calling the handler of \p Op runs.
const clang::FunctionDecl *runBy(const Operation &Op);

/// The variables of which the handler of \p Op holds a copy.
llvm::SmallVector<const clang::ValueDecl *, 4> copiedInto(const Operation &Op);

/// What stands between the handler of \p Op and the end of its call, if those
/// are comments.
std::optional<TextRange> behindHandler(const Operation &Op,
                                       const SourceText &Text);

/// \p Type is, or refers to, a class of this name in any namespace.
bool isRecordNamed(clang::QualType Type, llvm::StringRef Name);

} // namespace coralc

#endif
