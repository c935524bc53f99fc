//===--- Convert.cpp - The agents of a unit become coroutines -------------===//

#include "coralc/Rewrites/Engine/Convert.h"
#include "coralc/Rewrites/Engine/Edit.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

Converter::Converter(const ASTContext &Context, PatternList Given,
                     RewriteTarget Target, CallbackForm Callbacks,
                     ArrayRef<std::string> Sources, bool Propagate)
    : Patterns(std::move(Given)), Text(Context, Sources),
      Built(build(Text, Patterns, Target, Propagate)),
      Agents(planAgents(Built.Graph, Text)), Target(Target),
      Callbacks(Callbacks),
      Dialect(makeDialect(Target, asioNamespace(Agents),
                          aliasOf(asioNamespace(Agents), Text))) {}

BuiltGraph Converter::build(const SourceText &Text, const PatternList &Patterns,
                            RewriteTarget Target, bool Propagate) {
  return buildStateGraph(Text, Patterns,
                         Propagate && Target != RewriteTarget::Asio);
}

void Converter::refuseDependents() {
  auto Refused = [&](const CallExpr *Call) -> const Agent * {
    const FunctionDecl *Callee = definitionOf(Call->getDirectCallee());
    for (const Agent &A : Agents)
      if (A.Entry->Function == Callee && A.Why)
        return &A;
    return nullptr;
  };
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (Agent &A : Agents) {
      if (A.Why)
        continue;
      forEachNode(A.Body, [&](const Node &N) {
        if (A.Why || !N.waits() || N.Op->How != Operation::Form::Task)
          return;
        if (const Agent *Other = Refused(N.Op->Call)) {
          A.Why = Refusal{"callee-refused", N.Op->Call->getBeginLoc(),
                          "'" + Other->Entry->Name +
                              "', which this waits for, is not converted"};
          Changed = true;
        }
      });
      // Nobody would wait for it.
      for (const Agent &Other : Agents)
        if (!A.Why && A.Entry->IsSharedEnd && Other.Why &&
            waitsFor(Other, *A.Entry)) {
          A.Why = Other.Why;
          Changed = true;
        }
    }
  }
}

std::vector<Agent *> Converter::convertible() {
  refuseDependents();
  std::vector<Agent *> Chosen;
  for (Agent &A : Agents)
    if (!A.Why)
      Chosen.push_back(&A);
  return Chosen;
}

void Converter::addWithCallees(Agent &A, std::vector<Agent *> &To) {
  if (is_contained(To, &A))
    return;
  To.push_back(&A);
  if (A.Entry->IsSharedEnd)
    for (Agent &Other : Agents)
      if (waitsFor(Other, *A.Entry))
        addWithCallees(Other, To);
  forEachNode(A.Body, [&](const Node &N) {
    const FunctionDecl *Callee = nullptr;
    if (N.waits() && N.Op->How == Operation::Form::Task)
      Callee = definitionOf(N.Op->Call->getDirectCallee());
    for (Agent &Other : Agents)
      if (!Other.Why &&
          ((Callee && Other.Entry->Function == Callee) || startsIn(Other, N)))
        addWithCallees(Other, To);
  });
}

std::optional<Converter::Contents> Converter::edit(std::vector<Agent *> &Chosen,
                                                   std::string &Problem) {
  for (;;) {
    if (Chosen.empty())
      return std::nullopt;
    std::vector<FileEdit> Edits =
        editAgents(Chosen, Text, *Dialect, Target, Callbacks);
    size_t Before = Chosen.size();
    erase_if(Chosen, [](const Agent *A) { return A->Why.has_value(); });
    if (Chosen.size() != Before) {
      refuseDependents();
      erase_if(Chosen, [](const Agent *A) { return A->Why.has_value(); });
      continue;
    }
    Layout Style = Layout::of(*Chosen.front()->Entry->Function, Text);
    Expected<Contents> After = applyEdits(Edits, Text, Style);
    if (After)
      return std::move(*After);
    Problem = toString(After.takeError());
    return std::nullopt;
  }
}

} // namespace coralc
