//===--- Rewrite.cpp - Plans, edits and verifies a translation unit -------===//

#include "coralc/Rewrites/Rewrite.h"
#include "coralc/Rewrites/Engine/Direct.h"
#include "coralc/Rewrites/Engine/Edit.h"
#include "coralc/Rewrites/Engine/Parse.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Validate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class Rewriter {
public:
  Rewriter(const CompileCommand &Command, const RewriteOptions &Options)
      : Command(Command), Options(Options),
        Patterns(makePatterns(Options.Patterns)) {}

  RewriteResult run() {
    Parsed Input = parse(Command);
    if (!Input.Errors.empty()) {
      Result.Errors = std::move(Input.Errors);
      return std::move(Result);
    }
    Unit = Input.Unit.get();
    SourceText Text(Unit->getASTContext());
    BuiltGraph Built = buildStateGraph(Text, Patterns);
    std::vector<Agent> Agents = planAgents(Built.Graph, Text);
    Dialect = makeDialect(Options.Target, asioNamespace(Agents));
    if (Options.Lint)
      FindingsBefore = Options.Lint(*Unit).size();

    convert(Agents, Text);
    report(Built, Agents);
    return std::move(Result);
  }

private:
  /// What the files of a text become, in their order.
  using Contents = std::vector<std::string>;

  /// An agent that waits for a function's task needs that function to have
  /// become one.
  static void refuseDependents(MutableArrayRef<Agent> Agents) {
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
          if (A.Why || N.What != Node::Kind::Await ||
              N.Op->How != Operation::Form::Task)
            return;
          if (const Agent *Other = Refused(N.Op->Call)) {
            A.Why = Refusal{"callee-refused", N.Op->Call->getBeginLoc(),
                            "'" + Other->Entry->Name +
                                "', which this waits for, is not converted"};
            Changed = true;
          }
        });
      }
    }
  }

  static std::vector<Agent *> convertible(MutableArrayRef<Agent> Agents) {
    refuseDependents(Agents);
    std::vector<Agent *> Chosen;
    for (Agent &A : Agents)
      if (!A.Why)
        Chosen.push_back(&A);
    return Chosen;
  }

  /// Every file of \p Text with \p Chosen converted, or nothing when there is
  /// none.
  std::optional<Contents> edit(std::vector<Agent *> &Chosen,
                               MutableArrayRef<Agent> Agents,
                               const SourceText &Text) {
    for (;;) {
      if (Chosen.empty())
        return std::nullopt;
      std::vector<FileEdit> Edits =
          editAgents(Chosen, Text, *Dialect, Options.Target);
      size_t Before = Chosen.size();
      erase_if(Chosen, [](const Agent *A) { return A->Why.has_value(); });
      if (Chosen.size() != Before) {
        refuseDependents(Agents);
        erase_if(Chosen, [](const Agent *A) { return A->Why.has_value(); });
        continue;
      }
      Layout Style = Layout::of(*Chosen.front()->Entry->Function, Text);
      Expected<Contents> After = applyEdits(Edits, Text, Style);
      if (After)
        return std::move(*After);
      std::string Message = toString(After.takeError());
      for (Agent *A : Chosen)
        A->Why = Refusal{"output-does-not-verify",
                         A->Entry->Function->getLocation(), Message};
      return std::nullopt;
    }
  }

  /// Converts all that can be, and when that does not verify, one agent after
  /// the other, so that one bad agent does not hold back the rest.
  void convert(std::vector<Agent> &Agents, const SourceText &Text) {
    std::vector<Agent *> Chosen = convertible(Agents);
    std::optional<Contents> After = edit(Chosen, Agents, Text);
    if (!After)
      return;
    std::string Problem = verify(*After, Chosen, Agents, Text);
    if (!Problem.empty()) {
      After = convertOneByOne(Chosen, Agents, Text, Problem);
      if (!After)
        return;
    }
    for (auto [File, Contents] : zip(Text.files(), *After)) {
      StringRef Before = Text.text(File.Range);
      if (Contents != Before)
        Result.Files.push_back(
            {pathOf(File, Text), Before.str(), std::move(Contents)});
    }
  }

  /// The path of \p File, whatever directory is the current one.
  std::string pathOf(const SourceText::File &File,
                     const SourceText &Text) const {
    if (&File == &Text.mainFile())
      return Command.File;
    SmallString<256> Path(File.Path);
    sys::path::make_absolute(Command.Directory, Path);
    sys::path::remove_dots(Path, /*remove_dot_dot=*/true);
    return Path.str().str();
  }

  std::optional<Contents> convertOneByOne(ArrayRef<Agent *> All,
                                          MutableArrayRef<Agent> Agents,
                                          const SourceText &Text,
                                          std::string Problem) {
    std::optional<Contents> Good;
    std::vector<Agent *> Kept;
    for (Agent *A : All) {
      if (A->Why || is_contained(Kept, A))
        continue;
      std::vector<Agent *> Trial = Kept;
      addWithCallees(*A, Agents, Trial);
      std::optional<Contents> After;
      if (All.size() > 1) {
        After = edit(Trial, Agents, Text);
        Problem = After ? verify(*After, Trial, Agents, Text) : "";
      }
      if (After && Problem.empty()) {
        Kept = std::move(Trial);
        Good = std::move(After);
      } else if (!A->Why) {
        A->Why =
            Refusal{"output-does-not-verify", A->Entry->Function->getLocation(),
                    "the coroutine for '" + A->Entry->Name +
                        "' was withdrawn: " + Problem};
        refuseDependents(Agents);
      }
    }
    return Good;
  }

  /// \p A, every function whose task it waits for, and what starts beside the
  /// code that moves into it.
  static void addWithCallees(Agent &A, MutableArrayRef<Agent> Agents,
                             std::vector<Agent *> &To) {
    if (is_contained(To, &A))
      return;
    To.push_back(&A);
    forEachNode(A.Body, [&](const Node &N) {
      const FunctionDecl *Callee = nullptr;
      if (N.What == Node::Kind::Await && N.Op->How == Operation::Form::Task)
        Callee = definitionOf(N.Op->Call->getDirectCallee());
      for (Agent &Other : Agents)
        if (!Other.Why &&
            ((Callee && Other.Entry->Function == Callee) || startsIn(Other, N)))
          addWithCallees(Other, Agents, To);
    });
  }

  /// What is wrong with the output, in the compiler's words; empty when it
  /// compiles, lints clean, does what the input did and offers nothing more to
  /// rewrite than those of \p Agents that are not among \p Chosen.
  std::string verify(const Contents &After, ArrayRef<Agent *> Chosen,
                     ArrayRef<Agent> Agents, const SourceText &Input) {
    SmallVector<VirtualFile, 2> Files;
    for (auto [File, Contents] : zip(Input.files(), After))
      Files.push_back(
          {&File == &Input.mainFile() ? Command.File : File.Path, Contents});
    Parsed Output =
        parse(commandForOutput(Command, Unit->getLangOpts()), Files);
    if (!Output.Errors.empty()) {
      const Finding &First = Output.Errors.front();
      return "line " + std::to_string(First.Where.Line) +
             " of the output does not compile: " + First.Message;
    }
    if (Options.Lint) {
      std::vector<Finding> Found = Options.Lint(*Output.Unit);
      if (Found.size() > FindingsBefore)
        return "the output would be reported by " + Found.front().Check + ": " +
               Found.front().Message;
    }
    SourceText Text(Output.Unit->getASTContext());
    for (const Agent *A : Chosen) {
      std::string Difference =
          A->Entry->Direct
              ? compareDirect(*A->Entry->Direct, Text)
              : compareBehaviour(*A, Input, Text, *Dialect, Chosen);
      if (!Difference.empty())
        return "in '" + A->Entry->Name + "' " + Difference;
    }
    BuiltGraph Again = buildStateGraph(Text, makePatterns(Options.Patterns));
    auto IsLeft = [&](const Agent &Found) {
      return any_of(Agents, [&](const Agent &A) {
        return A.Entry->Name == Found.Entry->Name && !is_contained(Chosen, &A);
      });
    };
    for (const Agent &A : planAgents(Again.Graph, Text))
      if (!A.Why && !IsLeft(A))
        return "a second run would convert '" + A.Entry->Name + "'";
    return "";
  }

  /// \p Op starts in \p A: where a part of its function begins beside it, in
  /// that part.
  static bool isPartOf(const FoundOperation &Op, const Agent &A,
                       const FunctionDecl *F) {
    if (const DirectCode *Code = A.Entry->Direct.get())
      return is_contained(Code->Sites, Op.Where);
    if (A.beside())
      return any_of(A.States, [&](const State *S) {
        bool Found = !S->IsPart && S->Function == F;
        forEachStep(S->Steps, [&](const Step &Step) {
          Found |= Step.What == Step::Kind::Suspend && Step.Op->Call &&
                   Step.Op->Call->getBeginLoc() == Op.Where;
        });
        return Found || (S->Beside && S->Beside->getBeginLoc() == Op.Where);
      });
    return any_of(A.States, [&](const State *S) { return S->Function == F; });
  }

  void report(const BuiltGraph &Built, ArrayRef<Agent> AllAgents) {
    // What is a part of a function comes before the function itself.
    SmallVector<const Agent *, 8> Agents;
    for (bool IsPart : {true, false})
      for (const Agent &A : AllAgents)
        if ((A.beside() || A.Entry->Direct) == IsPart)
          Agents.push_back(&A);
    const SourceManager &SM = Unit->getSourceManager();
    for (const FoundOperation &Op : Built.Operations) {
      RewriteSite Site;
      PresumedLoc Where = SM.getPresumedLoc(Op.Where);
      Site.Where = {Command.File, Where.getLine(), Where.getColumn()};
      Site.Pattern = Op.Origin->Name.str();
      const FunctionDecl *F = definitionOf(Op.Function);
      for (const Agent *Each : Agents) {
        const Agent &A = *Each;
        if (!isPartOf(Op, A, F))
          continue;
        Site.Unit = A.Entry->Name;
        if (A.Why) {
          Site.Status = SiteStatus::Refused;
          Site.Reason = A.Why->Id.str();
          Site.Message = A.Why->Message;
          PresumedLoc Reason = SM.getPresumedLoc(A.Why->Where);
          if (Reason.isValid() && Reason.getLine() != Where.getLine())
            Site.Message += " (line " + std::to_string(Reason.getLine()) + ")";
        } else {
          Site.Status = SiteStatus::Converted;
        }
        break;
      }
      Result.Sites.push_back(std::move(Site));
    }
  }

  const CompileCommand &Command;
  const RewriteOptions &Options;
  PatternList Patterns;
  ASTUnit *Unit = nullptr;
  std::unique_ptr<TargetDialect> Dialect;
  size_t FindingsBefore = 0;
  RewriteResult Result;
};

} // namespace

RewriteResult rewriteTranslationUnit(const CompileCommand &Command,
                                     const RewriteOptions &Options) {
  return Rewriter(Command, Options).run();
}

} // namespace coralc
