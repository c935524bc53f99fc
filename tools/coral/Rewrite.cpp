//===--- Rewrite.cpp - coral rewrite --------------------------------------===//

#include "coralc/Rewrites/Rewrite.h"
#include "Commands.h"
#include "Program.h"
#include "coralc/Checks/Check.h"
#include "coralc/Exec/CompileCommands.h"
#include "coralc/Exec/WriteFiles.h"
#include "coralc/Report/Fixes.h"
#include "coralc/Report/Report.h"
#include "coralc/Support/Suggest.h"
#include "clang/Frontend/ASTUnit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using namespace llvm;

namespace coralc {

namespace {

enum class Destination { Diff, InPlace, OutputDir, ExportFixes };

Expected<Destination> destination(const Arguments &Args) {
  constexpr std::pair<OptionID, Destination> Options[] = {
      {OPT_diff, Destination::Diff},
      {OPT_in_place, Destination::InPlace},
      {OPT_output_dir_EQ, Destination::OutputDir},
      {OPT_export_fixes_EQ, Destination::ExportFixes}};
  std::optional<Destination> Chosen;
  for (auto [Option, To] : Options) {
    if (!Args.has(Option))
      continue;
    if (Chosen)
      return usageError("'--diff', '--in-place', '--output-dir' and "
                        "'--export-fixes' exclude each other");
    Chosen = To;
  }
  for (OptionID Id : {OPT_output_dir_EQ, OPT_export_fixes_EQ})
    if (Args.has(Id) && Args.value(Id).empty())
      return usageError("'" +
                        Args.Options.getLastArg(Id)->getSpelling().rtrim('=') +
                        "' names no place to write to");
  return Chosen.value_or(Destination::Diff);
}

/// What the checks that are on by default say about the output of a rewrite.
std::vector<Finding> lintOutput(clang::ASTUnit &Unit) {
  StringSet<> Default;
  for (const RegisteredCheck &Check : registeredChecks())
    if (Check.Level == 0)
      Default.insert(Check.Id);
  TranslationUnit Parsed(Unit.getASTContext());
  std::vector<Finding> Findings;
  for (const Diagnosis &D :
       runChecks(Parsed, [&](StringRef Id) { return Default.contains(Id); })) {
    clang::PresumedLoc Where = Unit.getSourceManager().getPresumedLoc(D.Where);
    if (Where.isValid() && D.Level == 0)
      Findings.push_back(
          {D.Check.str(),
           {Where.getFilename(), Where.getLine(), Where.getColumn()},
           Severity::Warning,
           D.Message,
           {},
           {}});
  }
  return Findings;
}

Expected<RewriteOptions> rewriteOptions(const Arguments &Args) {
  RewriteOptions Options;
  Expected<unsigned> Target =
      choice(Args, OPT_target_EQ, {"coral", "asio", "std"});
  if (!Target)
    return Target.takeError();
  Options.Target = RewriteTarget(*Target);
  Options.Lint = lintOutput;
  if (Args.has(OPT_keep_callbacks))
    Options.Callbacks = CallbackForm::Deprecated;
  Options.Propagate = Args.has(OPT_propagate);
  SmallVector<StringRef> Wrapped;
  std::string Functions = Args.value(OPT_wrap_EQ);
  StringRef(Functions).split(Wrapped, ',', /*MaxSplit=*/-1,
                             /*KeepEmpty=*/false);
  if (Args.has(OPT_wrap_EQ) && Wrapped.empty())
    return usageError("'--wrap' names no function");
  for (StringRef Function : Wrapped)
    Options.Wrapped.push_back(Function.str());

  std::vector<RewriteInfo> Infos = listRewrites();
  SmallVector<StringRef> Known =
      map_to_vector(Infos, [](const RewriteInfo &R) { return R.Name; });
  std::string List = Args.value(OPT_pattern_EQ);
  SmallVector<StringRef> Names;
  StringRef(List).split(Names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef Name : Names) {
    if (!is_contained(Known, Name)) {
      std::string Hint = didYouMean(Name, Known);
      return usageError("unknown pattern '" + Name + "'" +
                        (Hint.empty() ? "; see 'coral list rewrites'" : Hint));
    }
    Options.Patterns.push_back(Name.str());
  }
  if (Args.has(OPT_pattern_EQ) && Names.empty())
    return usageError("'--pattern' names no pattern; see 'coral list "
                      "rewrites'");
  return Options;
}

/// What all translation units together came to. Paths are as displayed.
struct Outcome {
  std::vector<RewriteSite> Sites;
  /// Every file that was looked at, changed or not.
  std::map<std::string, FileChange> Files;
  std::vector<Finding> Errors;
  std::vector<std::string> Notes;
  /// A file that two translation units rewrite differently.
  std::string Contested;

  std::vector<FileChange> changes() const {
    std::vector<FileChange> Changed;
    for (const auto &[Path, Change] : Files)
      if (Change.Before != Change.After)
        Changed.push_back(Change);
    return Changed;
  }
};

void merge(Outcome &Into, FileChange Change) {
  auto [It, Inserted] = Into.Files.try_emplace(Change.Path, Change);
  if (Inserted)
    return;
  FileChange &There = It->second;
  if (There.Before == There.After)
    There = std::move(Change);
  else if (Change.Before != Change.After && Change.After != There.After) {
    if (std::optional<FileChange> Both = mergeChanges(There, Change))
      There = std::move(*Both);
    else
      Into.Contested = Change.Path;
  }
}

void merge(Outcome &Into, GroupResult Group, const TranslationUnits &Units) {
  RewriteResult &R = Group.Result;
  append_range(Into.Notes, Group.Notes);
  for (RewriteSite &S : R.Sites) {
    S.Where.Path = Units.display(S.Where.Path);
    Into.Sites.push_back(std::move(S));
  }
  for (Finding &E : R.Errors) {
    E.Where.Path = Units.display(E.Where.Path);
    for (Note &N : E.Notes)
      N.Where.Path = Units.display(N.Where.Path);
    Into.Errors.push_back(std::move(E));
  }
  for (RewrittenFile &F : R.Files)
    merge(Into,
          {Units.display(F.Path), std::move(F.Before), std::move(F.After)});
  if (!R.Errors.empty())
    return;
  // A file without anything to rewrite comes out as it was.
  SourceFiles Sources;
  for (const CompileCommand &Unit : Group.Units) {
    std::string Text = Sources.text(Unit.File).str();
    merge(Into, {Units.display(Unit.File), Text, Text});
  }
}

/// Where below \p Directory a file goes: where it is below the current
/// directory, or by its name alone if it is elsewhere.
std::string outputPath(StringRef Directory, StringRef Path) {
  SmallString<256> Output(Directory);
  SmallString<256> Relative(Path);
  sys::path::remove_dots(Relative, /*remove_dot_dot=*/true);
  bool Outside = sys::path::is_absolute(Relative) || Relative.starts_with("..");
  sys::path::append(Output, Outside ? sys::path::filename(Relative)
                                    : StringRef(Relative));
  return Output.str().str();
}

Error writeOutputDir(const Outcome &All, StringRef Directory) {
  std::vector<OutputFile> Files;
  std::map<std::string, StringRef> From;
  for (const auto &[Path, Change] : All.Files) {
    std::string Output = outputPath(Directory, Path);
    if (sys::fs::equivalent(Output, Path))
      return usageError("'--output-dir' would overwrite '" + Path +
                        "'; name another directory, or use '--in-place'");
    auto [It, Inserted] = From.try_emplace(Output, Path);
    if (!Inserted)
      return usageError("'" + Path + "' and '" + It->second +
                        "' would both become '" + Output +
                        "'; run from a directory above both");
    Files.push_back({Output, Change.After});
  }
  return writeFiles(Files);
}

Error writeInPlace(const Outcome &All) {
  std::vector<OutputFile> Files;
  SourceFiles OnDisk;
  for (FileChange &Change : All.changes()) {
    if (OnDisk.text(Change.Path) != Change.Before)
      return usageError("'" + Change.Path +
                        "' changed while it was analysed; run again");
    Files.push_back({Change.Path, std::move(Change.After)});
  }
  return writeFiles(Files);
}

Error writeFixes(const Outcome &All, StringRef Path) {
  std::string Yaml;
  raw_string_ostream OS(Yaml);
  printChangesYaml(OS, All.changes());
  return writeFiles(OutputFile{Path.str(), Yaml});
}

void printReport(const Outcome &All) {
  std::vector<RewrittenPath> Files;
  for (const auto &[Path, Change] : All.Files)
    Files.push_back({Path, Change.Before != Change.After});
  printRewriteJson(outs(), All.Sites, Files);
}

void printSummary(const Outcome &All) {
  size_t Converted = count_if(All.Sites, [](const RewriteSite &S) {
    return S.Status == SiteStatus::Converted;
  });
  if (All.Sites.empty() && !All.Errors.empty())
    errs() << "nothing rewritten: fix the errors above first, or the flags "
              "that the file is compiled with\n";
  else if (All.Sites.empty())
    errs() << "nothing to rewrite\n";
  else
    errs() << "converted " << Converted << " of " << All.Sites.size()
           << (All.Sites.size() == 1 ? " site\n" : " sites\n");
}

Error write(const Outcome &All, Destination To, const Arguments &Args) {
  switch (To) {
  case Destination::Diff:
    if (!Args.has(OPT_report_EQ))
      for (const FileChange &Change : All.changes())
        printUnifiedDiff(outs(), Change);
    return Error::success();
  case Destination::InPlace:
    return writeInPlace(All);
  case Destination::OutputDir:
    return writeOutputDir(All, Args.value(OPT_output_dir_EQ));
  case Destination::ExportFixes:
    return writeFixes(All, Args.value(OPT_export_fixes_EQ));
  }
  llvm_unreachable("not a destination");
}

} // namespace

Expected<int> runRewrite(const Arguments &Args) {
  Expected<RewriteOptions> Options = rewriteOptions(Args);
  if (!Options)
    return Options.takeError();
  Expected<Destination> To = destination(Args);
  if (!To)
    return To.takeError();
  if (Expected<unsigned> Report = choice(Args, OPT_report_EQ, {"json"});
      !Report)
    return Report.takeError();
  Expected<TranslationUnits> Units = TranslationUnits::create(Args);
  if (!Units)
    return Units.takeError();
  if (*To == Destination::OutputDir)
    if (Error E = checkWritable(Args.value(OPT_output_dir_EQ)))
      return E;

  Outcome All;
  for (GroupResult &Group :
       rewriteProgram(*Units, loadWholeDatabase(inputs(Args)), *Options))
    merge(All, std::move(Group), *Units);
  sortAndUnique(All.Sites);
  sortAndUnique(All.Errors);
  if (!All.Contested.empty())
    return usageError("translation units disagree on how '" + All.Contested +
                      "' is rewritten; rewrite them one at a time");

  printText(errs(), All.Errors);
  if (Error E = write(All, *To, Args))
    return E;
  if (Args.has(OPT_report_EQ))
    printReport(All);
  else
    printRefusals(errs(), All.Sites);
  if (!Args.has(OPT_quiet)) {
    for (const std::string &Note : All.Notes)
      errs() << "coral: note: " << Note << "\n";
    printSummary(All);
  }
  if (!All.Errors.empty() || Units->crashed())
    return Incomplete;
  return *To == Destination::Diff && !All.changes().empty() ? HasFindings
                                                            : Clean;
}

} // namespace coralc
