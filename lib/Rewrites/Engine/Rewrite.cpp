//===--- Rewrite.cpp - Plans, edits and verifies a translation unit -------===//

#include "coralc/Rewrites/Rewrite.h"
#include "coralc/Rewrites/Engine/Convert.h"
#include "coralc/Rewrites/Engine/Direct.h"
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
      : Command(Command), Options(Options) {}

  RewriteResult run() {
    Parsed Input = parse(Command);
    if (!Input.Errors.empty()) {
      Result.Errors = std::move(Input.Errors);
      return std::move(Result);
    }
    Unit = Input.Unit.get();
    Converter Plan(Unit->getASTContext(), makePatterns(Options.Patterns),
                   Options.Target);
    if (Options.Lint)
      FindingsBefore = Options.Lint(*Unit).size();

    convert(Plan);
    report(Plan);
    return std::move(Result);
  }

private:
  using Contents = Converter::Contents;

  /// Converts all that can be, and when that does not verify, one agent after
  /// the other, so that one bad agent does not hold back the rest.
  void convert(Converter &Plan) {
    std::vector<Agent *> Chosen = Plan.convertible();
    std::optional<Contents> After = Plan.edit(Chosen);
    if (!After)
      return;
    std::string Problem = verify(*After, Chosen, Plan);
    if (!Problem.empty()) {
      After = convertOneByOne(Chosen, Plan, Problem);
      if (!After)
        return;
    }
    const SourceText &Text = Plan.text();
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

  std::optional<Contents>
  convertOneByOne(ArrayRef<Agent *> All, Converter &Plan, std::string Problem) {
    std::optional<Contents> Good;
    std::vector<Agent *> Kept;
    for (Agent *A : All) {
      if (A->Why || is_contained(Kept, A))
        continue;
      std::vector<Agent *> Trial = Kept;
      Plan.addWithCallees(*A, Trial);
      std::optional<Contents> After;
      if (All.size() > 1) {
        After = Plan.edit(Trial);
        Problem = After ? verify(*After, Trial, Plan) : "";
      }
      if (After && Problem.empty()) {
        Kept = std::move(Trial);
        Good = std::move(After);
      } else if (!A->Why) {
        A->Why =
            Refusal{"output-does-not-verify", A->Entry->Function->getLocation(),
                    "the coroutine for '" + A->Entry->Name +
                        "' was withdrawn: " + Problem};
        Plan.refuseDependents();
      }
    }
    return Good;
  }

  /// What is wrong with the output, in the compiler's words; empty when it
  /// compiles, lints clean, does what the input did and offers nothing more to
  /// rewrite than those of \p Plan that are not among \p Chosen.
  std::string verify(const Contents &After, ArrayRef<Agent *> Chosen,
                     Converter &Plan) {
    const SourceText &Input = Plan.text();
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
              : compareBehaviour(*A, Input, Text, Plan.dialect(), Chosen);
      if (!Difference.empty())
        return "in '" + A->Entry->Name + "' " + Difference;
    }
    BuiltGraph Again = buildStateGraph(Text, makePatterns(Options.Patterns));
    auto IsLeft = [&](const Agent &Found) {
      return any_of(Plan.agents(), [&](const Agent &A) {
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
    return any_of(A.States, [&](const State *S) {
      return S->Function == F || isHandlerIn(*S, *F);
    });
  }

  /// \p F is the call operator of a handler that \p S waits with.
  static bool isHandlerIn(const State &S, const FunctionDecl &F) {
    bool Found = false;
    forEachStep(S.Steps, [&](const Step &Step) {
      Found |= Step.What == Step::Kind::Suspend && Step.Op->Object &&
               Step.Op->Object->Operator == &F;
    });
    return Found;
  }

  void report(Converter &Plan) {
    // What is a part of a function comes before the function itself.
    SmallVector<const Agent *, 8> Agents;
    for (bool IsPart : {true, false})
      for (const Agent &A : Plan.agents())
        if ((A.beside() || A.Entry->Direct) == IsPart)
          Agents.push_back(&A);
    const SourceManager &SM = Unit->getSourceManager();
    for (const FoundOperation &Op : Plan.graph().Operations) {
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
  ASTUnit *Unit = nullptr;
  size_t FindingsBefore = 0;
  RewriteResult Result;
};

} // namespace

RewriteResult rewriteTranslationUnit(const CompileCommand &Command,
                                     const RewriteOptions &Options) {
  return Rewriter(Command, Options).run();
}

} // namespace coralc
