//===--- TranslationUnits.cpp - Over every translation unit ---------------===//

#include "TranslationUnits.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {
namespace {

std::string absolute(StringRef Path, StringRef Directory) {
  SmallString<256> Absolute(Path);
  sys::path::make_absolute(Directory, Absolute);
  sys::path::remove_dots(Absolute, /*remove_dot_dot=*/true);
  return Absolute.str().str();
}

} // namespace

DisplayPaths::DisplayPaths(ArrayRef<std::string> Typed) {
  SmallString<256> Current;
  sys::fs::current_path(Current);
  CurrentDirectory = Current.str().str();
  for (const std::string &Path : Typed)
    Spelling[absolute(Path, CurrentDirectory)] = Path;
}

std::string DisplayPaths::operator()(StringRef Path) const {
  std::string Absolute = absolute(Path, CurrentDirectory);
  if (auto It = Spelling.find(Absolute); It != Spelling.end())
    return It->second;
  StringRef Relative = Absolute;
  if (Relative.consume_front(CurrentDirectory) && Relative.consume_front("/"))
    return Relative.str();
  return Absolute;
}

Expected<TranslationUnits> TranslationUnits::create(const Arguments &Args) {
  Inputs In = inputs(Args);
  if (In.Paths.empty() && (In.BuildDirectory.empty() || In.Flags))
    return usageError("no input files; name files or directories, or a build "
                      "directory with -p");
  if (In.Flags && !In.BuildDirectory.empty())
    return usageError("'-p' and flags after '--' exclude each other");
  Expected<unsigned> Parallel = parallelism(Args);
  if (!Parallel)
    return Parallel.takeError();
  Expected<std::vector<CompileCommand>> Commands = loadCompileCommands(In);
  if (!Commands)
    return Commands.takeError();
  bool ShowProgress =
      !Args.has(OPT_quiet) && Commands->size() > 1 && errs().is_displayed();
  return TranslationUnits(std::move(*Commands), DisplayPaths(In.Paths),
                          *Parallel, ShowProgress);
}

std::vector<JobOutcome>
TranslationUnits::run(size_t Count, function_ref<std::string(size_t)> Job) {
  if (!ShowProgress)
    return runJobs(Count, Parallel, Job);
  std::vector<JobOutcome> Outcomes =
      runJobs(Count, Parallel, Job, [&](size_t Done) {
        errs() << "\r[" << Done << "/" << Count << "]";
      });
  errs() << "\r\033[K";
  return Outcomes;
}

void TranslationUnits::reportCrash(const CompileCommand &Of, StringRef Death) {
  Crashed = true;
  errs() << "coral: error: " << display(Of.File) << ": the analysis crashed ("
         << (Death.empty() ? "its result is cut short" : Death)
         << "); this file has no results\n";
}

} // namespace coralc
