//===--- Lint.cpp - coral lint --------------------------------------------===//

#include "coralc/Tidy/Lint.h"
#include "Commands.h"
#include "Pages.h"
#include "TranslationUnits.h"
#include "coralc/Checks/Check.h"
#include "coralc/Exec/WriteFiles.h"
#include "coralc/Report/Fixes.h"
#include "coralc/Report/Report.h"
#include "coralc/Support/Suggest.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {

template <typename Wire> static void fields(Wire &W, LintResult &R) {
  W(R.Findings, R.Incomplete);
}

namespace {

enum class Format { Text, Json, Sarif, GitHub };

/// What happens to the findings.
struct Output {
  Format As = Format::Text;
  bool Fix = false;
  bool Diff = false;
  FixSafety Limit = FixSafety::Safe;
  std::string ExportTo;
};

/// Every glob must match a check, and one check must be left to run.
Error validateChecks(StringRef Globs, unsigned Level) {
  ArrayRef<RegisteredCheck> Known = registeredChecks();
  SmallVector<StringRef> Items;
  Globs.split(Items, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef Item : Items) {
    StringRef Name = Item.trim();
    Name.consume_front("-");
    Expected<GlobPattern> Pattern = GlobPattern::create(Name);
    if (!Pattern)
      return usageError("bad glob '" + Name +
                        "' in '--checks': " + toString(Pattern.takeError()));
    if (Name != "*" && none_of(Known, [&](const RegisteredCheck &C) {
          return Pattern->match(C.Id);
        })) {
      std::string Hint = didYouMean(
          Name,
          map_to_vector(Known, [](const RegisteredCheck &C) { return C.Id; }));
      return usageError("unknown check '" + Name + "'" +
                        (Hint.empty() ? "; see 'coral list checks'" : Hint));
    }
  }
  auto LeavesAny = [&](unsigned At) {
    return any_of(Known, [&](const RegisteredCheck &C) {
      return isSelected(C, Globs, At);
    });
  };
  if (LeavesAny(Level))
    return Error::success();
  return usageError("'--checks=" + Globs + "' leaves no check to run" +
                    (LeavesAny(LevelOff) ? " at level " + Twine(Level) +
                                               "; raise '--level' or name a "
                                               "check in full"
                                         : Twine()));
}

Expected<LintOptions> lintOptions(const Arguments &Args) {
  LintOptions Options;
  if (Args.has(OPT_level_EQ)) {
    Expected<unsigned> Level = choice(Args, OPT_level_EQ, {"0", "1", "2"});
    if (!Level)
      return Level.takeError();
    Options.Level = *Level;
  }
  Options.Checks = Args.value(OPT_checks_EQ);
  if (Args.has(OPT_checks_EQ))
    if (Error E = validateChecks(Options.Checks, Options.Level.value_or(0)))
      return E;
  Options.HeaderFilter = Args.value(OPT_header_filter_EQ);
  if (std::string Problem; !Options.HeaderFilter.empty() &&
                           !Regex(Options.HeaderFilter).isValid(Problem))
    return usageError("bad regular expression in '--header-filter': " +
                      Problem);
  return Options;
}

Expected<Output> outputOptions(const Arguments &Args) {
  Output Out;
  Expected<unsigned> As =
      choice(Args, OPT_format_EQ, {"text", "json", "sarif", "github"});
  if (!As)
    return As.takeError();
  Out.As = Format(*As);
  Out.Fix = Args.has(OPT_fix);
  Out.Diff = Args.has(OPT_diff);
  Out.ExportTo = Args.value(OPT_export_fixes_EQ);
  if (Out.Fix + Out.Diff + !Out.ExportTo.empty() > 1)
    return usageError(
        "'--fix', '--diff' and '--export-fixes' exclude each other");
  if (Args.has(OPT_unsafe_fixes)) {
    if (!Out.Fix && !Out.Diff && Out.ExportTo.empty())
      return usageError("'--unsafe-fixes' needs '--fix', '--diff' or "
                        "'--export-fixes'");
    Out.Limit = FixSafety::Unsafe;
  }
  return Out;
}

/// The vocabularies of the projects that the files are in must be sound.
Error validateVocabularies(const TranslationUnits &Units) {
  IntrusiveRefCntPtr<vfs::FileSystem> Files = vfs::getRealFileSystem();
  StringSet<> Seen;
  for (const CompileCommand &C : Units.commands()) {
    SmallString<256> Path(C.File);
    sys::path::make_absolute(C.Directory, Path);
    if (Seen.insert(sys::path::parent_path(Path)).second)
      if (auto Found = vocabulariesFor(Path, *Files); !Found)
        return Found.takeError();
  }
  return Error::success();
}

void useDisplayPaths(Finding &F, const TranslationUnits &Units) {
  auto Show = [&](std::string &Path) { Path = Units.display(Path); };
  Show(F.Where.Path);
  for (Note &N : F.Notes)
    Show(N.Where.Path);
  for (Fix &X : F.Fixes)
    for (TextEdit &E : X.Edits)
      Show(E.Path);
}

void printFindings(Format As, ArrayRef<Finding> Findings, bool Complete,
                   SourceFiles &Sources) {
  switch (As) {
  case Format::Text:
    return printText(outs(), Findings);
  case Format::Json:
    return printJson(outs(), Findings);
  case Format::GitHub:
    return printGitHub(outs(), Findings);
  case Format::Sarif: {
    std::vector<SarifRule> Rules;
    for (const CheckInfo &C : listChecks()) {
      const Page *Found = findPage(C.Id);
      Rules.push_back(
          {C.Id.str(), C.Summary.str(), Found ? Found->body().str() : ""});
    }
    return printSarif(outs(), Findings, Rules, CORAL_VERSION, Complete,
                      Sources);
  }
  }
}

/// Applies or shows the fixes. \return the findings that stay.
Expected<std::vector<Finding>> fix(std::vector<Finding> Findings,
                                   const Output &Out, bool Quiet,
                                   SourceFiles &Sources) {
  Expected<FixPlan> Plan = planFixes(Findings, Out.Limit, Sources);
  if (!Plan)
    return Plan.takeError();
  if (Out.Diff) {
    for (const FileChange &Change : Plan->Changes)
      printUnifiedDiff(outs(), Change);
    return Findings;
  }
  std::vector<OutputFile> Files;
  for (FileChange &Change : Plan->Changes)
    Files.push_back({Change.Path, std::move(Change.After)});
  if (Error E = writeFiles(Files))
    return E;
  if (!Quiet && Plan->Fixed != 0)
    errs() << "fixed " << Plan->Fixed << " of " << Findings.size()
           << " findings in " << Files.size()
           << (Files.size() == 1 ? " file" : " files")
           << (Plan->Overlapping ? "; run again for fixes that overlap" : "")
           << "\n";
  return std::move(Plan->Left);
}

Error exportFixes(ArrayRef<Finding> Findings, const Output &Out,
                  SourceFiles &Sources) {
  std::string Yaml;
  raw_string_ostream OS(Yaml);
  printFixesYaml(OS, Findings, Out.Limit, Sources);
  return writeFiles(OutputFile{Out.ExportTo, Yaml});
}

} // namespace

Expected<int> runLint(const Arguments &Args) {
  Expected<LintOptions> Options = lintOptions(Args);
  if (!Options)
    return Options.takeError();
  Expected<Output> Out = outputOptions(Args);
  if (!Out)
    return Out.takeError();
  Expected<TranslationUnits> Units = TranslationUnits::create(Args);
  if (!Units)
    return Units.takeError();
  if (Error E = validateVocabularies(*Units))
    return E;

  std::vector<Finding> Findings;
  bool Complete = true;
  Units->forEach<LintResult>(
      [&](const CompileCommand &C) { return lintTranslationUnit(C, *Options); },
      [&](const CompileCommand &, LintResult R) {
        Complete &= !R.Incomplete;
        for (Finding &F : R.Findings) {
          useDisplayPaths(F, *Units);
          Findings.push_back(std::move(F));
        }
      });
  Complete &= !Units->crashed();
  sortAndUnique(Findings);

  SourceFiles Sources;
  if (Out->Fix || Out->Diff) {
    Expected<std::vector<Finding>> Left =
        fix(std::move(Findings), *Out, Args.has(OPT_quiet), Sources);
    if (!Left)
      return Left.takeError();
    Findings = std::move(*Left);
  }
  if (!Out->ExportTo.empty())
    if (Error E = exportFixes(Findings, *Out, Sources))
      return E;
  if (!Out->Diff)
    printFindings(Out->As, Findings, Complete, Sources);
  if (!Complete)
    return Incomplete;
  return Findings.empty() ? Clean : HasFindings;
}

} // namespace coralc
