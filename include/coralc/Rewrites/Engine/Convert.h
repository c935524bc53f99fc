//===--- Convert.h - The agents of a unit become coroutines ----*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_CONVERT_H
#define CORALC_REWRITES_ENGINE_CONVERT_H

#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Render.h"

namespace coralc {

/// A parsed translation unit as a rewrite sees it: its text, the agents in it,
/// and what becomes of the text when some of them are converted. Nothing here
/// looks at the output.
class Converter {
public:
  /// What the files of a text become, in their order.
  using Contents = std::vector<std::string>;

  /// \p Sources are the files of a joined unit.
  Converter(const clang::ASTContext &Context, PatternList Patterns,
            RewriteTarget Target,
            CallbackForm Callbacks = CallbackForm::Replaced,
            llvm::ArrayRef<std::string> Sources = {}, bool Propagate = false);

  /// What it builds of any text: Asio's coroutines are spawned on an executor,
  /// which only the function that begins an agent can name.
  static BuiltGraph build(const SourceText &Text, const PatternList &Patterns,
                          RewriteTarget Target, bool Propagate);

  const SourceText &text() const { return Text; }
  const BuiltGraph &graph() const { return Built; }
  llvm::MutableArrayRef<Agent> agents() { return Agents; }
  const TargetDialect &dialect() const { return *Dialect; }

  /// The agents without a refusal. One that waits for the task of a function
  /// that is refused is refused with it.
  std::vector<Agent *> convertible();
  void refuseDependents();

  /// Puts \p A, every function whose task it waits for, and what starts beside
  /// the code that moves into it, behind \p To.
  void addWithCallees(Agent &A, std::vector<Agent *> &To);

  /// Every file with \p Chosen converted, or nothing when there is none left:
  /// what cannot be written down is refused and leaves \p Chosen. If those that
  /// are left cannot be converted together, there is nothing, and \p Problem
  /// says why.
  std::optional<Contents> edit(std::vector<Agent *> &Chosen,
                               std::string &Problem);

private:
  PatternList Patterns;
  SourceText Text;
  BuiltGraph Built;
  std::vector<Agent> Agents;
  RewriteTarget Target;
  CallbackForm Callbacks;
  std::unique_ptr<TargetDialect> Dialect;
};

} // namespace coralc

#endif
