//===--- Rewrite.cpp - Plans, edits and verifies a translation unit -------===//

#include "coralc/Rewrites/Rewrite.h"
#include "coralc/Rewrites/Engine/Convert.h"
#include "coralc/Rewrites/Engine/Direct.h"
#include "coralc/Rewrites/Engine/JoinedUnit.h"
#include "coralc/Rewrites/Engine/Links.h"
#include "coralc/Rewrites/Engine/Meaning.h"
#include "coralc/Rewrites/Engine/MovedCode.h"
#include "coralc/Rewrites/Engine/Parse.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Validate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class Rewriter {
public:
  Rewriter(const CompileCommand &Command, const RewriteOptions &Options)
      : Joined{Command, "", {}}, Command(Joined.Command), Options(Options) {}
  Rewriter(ArrayRef<KnownUnit> Units, JoinedUnit Joined,
           const RewriteOptions &Options)
      : Units(Units), Joined(std::move(Joined)), Command(this->Joined.Command),
        Options(Options) {}

  RewriteResult run() {
    // What others have rewritten needs what their output does.
    Parsed Input =
        parse(Options.Changed.empty() ? Command : commandForOutput(Command),
              filesWith({}));
    if (!Input.Errors.empty()) {
      if (Units.empty())
        Result.Errors = std::move(Input.Errors);
      else
        Result.NotJoined = Input.Errors.front().Message;
      return std::move(Result);
    }
    Unit = Input.Unit.get();
    Result.NotJoined = compareMeanings(Unit->getASTContext());
    if (!Result.NotJoined.empty())
      return std::move(Result);
    Converter Plan(Unit->getASTContext(), patterns(), Options.Target,
                   Options.Callbacks, Joined.Sources, Options.Propagate);
    if (Options.Lint)
      FindingsBefore = Options.Lint(*Unit).size();

    convert(Plan);
    report(Plan);
    if (Units.empty())
      Result.Links = findLinks(Plan);
    Result.Links.Offers = findOffers(Plan);
    return std::move(Result);
  }

private:
  using Contents = Converter::Contents;

  PatternList patterns() const { return makePatterns(Options); }

  /// What is read in the place of what is on disk: the main file that joins
  /// units, \p Own, and what other units make of headers.
  SmallVector<VirtualFile, 2> filesWith(ArrayRef<VirtualFile> Own) const {
    SmallVector<VirtualFile, 2> Files;
    if (!Units.empty())
      Files.push_back({Command.File, Joined.Contents});
    append_range(Files, Own);
    for (const RewrittenFile &Changed : Options.Changed)
      if (none_of(Own, [&](const VirtualFile &F) {
            return absolutePath(F.Path, Command.Directory) == Changed.Path;
          }))
        Files.push_back({Changed.Path, Changed.After});
    return Files;
  }

  /// What means something else in \p Context, where the units are read as one,
  /// than in a unit on its own.
  std::string compareMeanings(const ASTContext &Context) const {
    if (Units.empty())
      return "";
    std::vector<Meaning> Together = readMeanings(Context);
    for (const KnownUnit &Known : Units)
      if (std::optional<std::string> Name =
              findDifference(Known.Meanings, Together))
        return differs(*Name, Known.Command);
    return "";
  }

  static std::string differs(StringRef Name, const CompileCommand &Alone) {
    return ("'" + Name + "' means something else in '" +
            sys::path::filename(Alone.File) +
            "' on its own; macros and names must be the same in all files")
        .str();
  }

  /// Converts all that can be, and when that does not verify, one agent after
  /// the other, so that one bad agent does not hold back the rest.
  void convert(Converter &Plan) {
    std::vector<Agent *> Chosen = Plan.convertible();
    std::string Problem;
    std::optional<Contents> After = Plan.edit(Chosen, Problem);
    if (Chosen.empty())
      return;
    if (After)
      Problem = verify(*After, Chosen, Plan);
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
    return File.IsSource && Units.empty()
               ? Command.File
               : absolutePath(File.Path, Command.Directory);
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
        Problem.clear();
        After = Plan.edit(Trial, Problem);
        if (After)
          Problem = verify(*After, Trial, Plan);
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
    SmallVector<VirtualFile, 2> Own;
    for (auto [File, Contents] : zip(Input.files(), After))
      Own.push_back({File.IsSource && Units.empty() ? Command.File : File.Path,
                     Contents});
    SmallVector<VirtualFile, 2> Files = filesWith(Own);
    Parsed Output = parse(commandForOutput(Command), Files);
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
    SourceText Text(Output.Unit->getASTContext(), Joined.Sources);
    for (const Agent *A : Chosen) {
      std::string Difference =
          A->Entry->Direct && A->Entry->Direct->Reentrant
              ? compareReentrant(*A->Entry->Direct->Reentrant, Input, Text,
                                 Plan.dialect())
          : A->Entry->Direct && A->Entry->Direct->Repeated
              ? compareRepeated(*A->Entry->Direct->Repeated, Input, Text,
                                Chosen)
          : A->Entry->Direct
              ? compareDirect(*A->Entry->Direct, Text)
              : compareBehaviour(*A, Input, Text, Plan.dialect(), Chosen);
      if (!Difference.empty())
        return "in '" + A->Entry->Name + "' " + Difference;
    }
    BuiltGraph Again =
        Converter::build(Text, patterns(), Options.Target, Options.Propagate);
    auto IsLeft = [&](const Agent &Found) {
      return any_of(Plan.agents(), [&](const Agent &A) {
        return A.Entry->Name == Found.Entry->Name && !is_contained(Chosen, &A);
      });
    };
    for (const Agent &A : planAgents(Again.Graph, Text))
      if (!A.Why && !IsLeft(A))
        return "a second run would convert '" + A.Entry->Name + "'";
    return verifyApart(Files, Output.Unit->getASTContext(), Chosen, Plan);
  }

  /// What is wrong with the output when each unit is compiled on its own, as
  /// it will be, and not as in \p Together.
  std::string verifyApart(ArrayRef<VirtualFile> Files,
                          const ASTContext &Together, ArrayRef<Agent *> Chosen,
                          Converter &Plan) {
    if (Units.empty())
      return "";
    std::vector<Meaning> Meanings = readMeanings(Together);
    for (const KnownUnit &Known : Units) {
      StringRef Name = sys::path::filename(Known.Command.File);
      Parsed Alone = parse(commandForOutput(withAbsolutePath(Known.Command)),
                           Files.drop_front());
      if (!Alone.Errors.empty()) {
        const Finding &First = Alone.Errors.front();
        return ("line " + Twine(First.Where.Line) + " of the output in '" +
                sys::path::filename(First.Where.Path) +
                "' does not compile: " + First.Message)
            .str();
      }
      if (std::optional<std::string> Different = findDifference(
              readMeanings(Alone.Unit->getASTContext()), Meanings))
        return differs(*Different, Known.Command);
      SourceText Text(Alone.Unit->getASTContext());
      for (const Agent *A : Chosen)
        if (std::string Problem = checkNames(*A, Plan.text(), Text);
            !Problem.empty())
          return Problem + " in '" + Name.str() + "'";
    }
    return "";
  }

  /// A name in the coroutine of \p A that was another's in \p Input.
  static std::string checkNames(const Agent &A, const SourceText &Input,
                                const SourceText &Output) {
    const FunctionDecl *Coroutine = findCoroutine(A, Output);
    if (!Coroutine || A.Entry->Direct)
      return "";
    NamedDeclarations Before, After;
    for (const State *S : A.States)
      collectNames(*S->Function->getBody(), Before);
    collectNames(*bodyOfCoroutine(*Coroutine), After);
    for (const auto &Named : After)
      if (auto Known = Before.find(Named.getKey()); Known != Before.end())
        for (const auto &Usr : Named.getValue())
          if (!Known->getValue().contains(Usr.getKey()))
            return "'" + Named.getKey().str() + "' means something else";
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
        bool Found = (!S->IsPart && S->Function == F) || isHandlerIn(*S, *F);
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
    // What is a part of a function comes before the function itself, and what
    // is known by its site first of all.
    auto Rank = [](const Agent &A) {
      return A.Entry->Direct ? 0 : A.beside() ? 1 : 2;
    };
    SmallVector<const Agent *, 8> Agents;
    for (int Wanted : {0, 1, 2})
      for (const Agent &A : Plan.agents())
        if (Rank(A) == Wanted)
          Agents.push_back(&A);
    const SourceManager &SM = Unit->getSourceManager();
    for (const FoundOperation &Op : Plan.graph().Operations) {
      RewriteSite Site;
      PresumedLoc Where = SM.getPresumedLoc(Op.Where);
      const SourceText &Text = Plan.text();
      Site.Where = {pathOf(Text.fileOf(*Text.offset(Op.Where)), Text),
                    Where.getLine(), Where.getColumn()};
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
          if (Reason.isValid() &&
              SM.isWrittenInSameFile(A.Why->Where, Op.Where) &&
              Reason.getLine() != Where.getLine())
            Site.Message += " (line " + std::to_string(Reason.getLine()) + ")";
          else if (Reason.isValid() &&
                   !SM.isWrittenInSameFile(A.Why->Where, Op.Where))
            Site.Message += (" (" + sys::path::filename(Reason.getFilename()) +
                             ":" + Twine(Reason.getLine()) + ")")
                                .str();
        } else {
          Site.Status = SiteStatus::Converted;
        }
        break;
      }
      Result.Sites.push_back(std::move(Site));
    }
  }

  /// The units that are read as one; none when there is only one.
  ArrayRef<KnownUnit> Units;
  JoinedUnit Joined;
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

UnitCheck checkUnit(const CompileCommand &Command,
                    const std::vector<RewrittenFile> &Files) {
  std::vector<VirtualFile> Overlay;
  for (const RewrittenFile &F : Files)
    Overlay.push_back({F.Path, F.After});
  UnitCheck Check;
  CompileCommand Output = withAbsolutePath(Command);
  Check.After = parse(commandForOutput(Output), Overlay).Errors;
  if (!Check.After.empty())
    Check.Before = parse(Command).Errors;
  return Check;
}

RewriteResult rewriteJoined(const std::vector<KnownUnit> &Units,
                            const RewriteOptions &Options) {
  std::vector<CompileCommand> Commands;
  for (const KnownUnit &Known : Units)
    Commands.push_back(Known.Command);
  return Rewriter(Units, joinUnits(Commands), Options).run();
}

} // namespace coralc
