//===--- Edit.h - What a plan changes in the user's file --------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_EDIT_H
#define CORALC_REWRITES_ENGINE_EDIT_H

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Render.h"

namespace coralc {

/// A replacement of a range of the text, in one file; \c Written are the
/// ranges of \c Text that are not the user's own and want formatting.
struct FileEdit {
  TextRange Range;
  std::string Text;
  std::vector<TextRange> Written;
};

/// Everything that turning \p Converted into coroutines changes, includes and
/// all. The agents must be free of refusals; what cannot be written down after
/// all becomes the agent's refusal and nothing of it is edited.
std::vector<FileEdit> editAgents(llvm::MutableArrayRef<Agent *> Converted,
                                 const SourceText &Text,
                                 const TargetDialect &Dialect,
                                 RewriteTarget Target, CallbackForm Callbacks);

/// Applies \p Edits to \p Text and lays out what was written, by the user's
/// .clang-format or, without one, the way the file itself looks. Returns what
/// becomes of each file of \p Text.
llvm::Expected<std::vector<std::string>>
applyEdits(llvm::ArrayRef<FileEdit> Edits, const SourceText &Text,
           const Layout &Style);

/// The Asio that the operations of \p Agents belong to.
std::string asioNamespace(llvm::ArrayRef<Agent> Agents);

/// What all code of \p Text may call the namespace \p Name: an alias for it
/// that begins the only file, or the name itself.
std::string aliasOf(llvm::StringRef Name, const SourceText &Text);

} // namespace coralc

#endif
