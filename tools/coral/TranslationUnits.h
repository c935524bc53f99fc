//===--- TranslationUnits.h - Over every translation unit -------*- C++ -*-===//
//
// What lint and rewrite have in common: find the translation units, analyse
// each in a process of its own, and bring the paths of the results into the
// form that the user typed.
//
//===----------------------------------------------------------------------===//

#ifndef CORAL_TRANSLATIONUNITS_H
#define CORAL_TRANSLATIONUNITS_H

#include "Options.h"
#include "coralc/Exec/Wire.h"
#include "coralc/Exec/Workers.h"
#include "llvm/ADT/StringMap.h"

namespace coralc {

/// Prints paths as people expect them: as typed if they were typed, relative
/// below the current directory, absolute elsewhere.
class DisplayPaths {
public:
  /// \p Typed are the paths of the command line.
  explicit DisplayPaths(llvm::ArrayRef<std::string> Typed);

  std::string operator()(llvm::StringRef Path) const;

private:
  std::string CurrentDirectory;
  llvm::StringMap<std::string> Spelling;
};

/// The translation units of one run.
class TranslationUnits {
public:
  static llvm::Expected<TranslationUnits> create(const Arguments &Args);

  /// Calls \p Analyze on every translation unit, each in a process of its own,
  /// and \p Take on each result, in the order of the units.
  template <typename Result>
  void forEach(llvm::function_ref<Result(const CompileCommand &)> Analyze,
               llvm::function_ref<void(const CompileCommand &, Result)> Take);

  /// Calls \p Work on every one of \p Jobs, each in a process of its own. A job
  /// whose process died has no result; \p UnitOf says which unit it was about.
  template <typename Result, typename Job>
  std::vector<std::optional<Result>>
  runEach(llvm::ArrayRef<Job> Jobs,
          llvm::function_ref<Result(const Job &)> Work,
          llvm::function_ref<const CompileCommand &(const Job &)> UnitOf);

  /// A worker died; its translation unit has no result.
  bool crashed() const { return Crashed; }
  size_t size() const { return Commands.size(); }
  llvm::ArrayRef<CompileCommand> commands() const { return Commands; }
  std::string display(llvm::StringRef Path) const { return Display(Path); }

private:
  TranslationUnits(std::vector<CompileCommand> Commands, DisplayPaths Display,
                   unsigned Parallel, bool ShowProgress)
      : Commands(std::move(Commands)), Display(std::move(Display)),
        Parallel(Parallel), ShowProgress(ShowProgress) {}

  std::vector<JobOutcome> run(size_t Count,
                              llvm::function_ref<std::string(size_t)> Job);
  void reportCrash(const CompileCommand &Of, llvm::StringRef Death);

  std::vector<CompileCommand> Commands;
  DisplayPaths Display;
  unsigned Parallel;
  bool ShowProgress;
  bool Crashed = false;
};

template <typename Result>
void TranslationUnits::forEach(
    llvm::function_ref<Result(const CompileCommand &)> Analyze,
    llvm::function_ref<void(const CompileCommand &, Result)> Take) {
  std::vector<std::optional<Result>> Results = runEach<Result, CompileCommand>(
      Commands, Analyze,
      [](const CompileCommand &C) -> const CompileCommand & { return C; });
  for (size_t I = 0; I != Commands.size(); ++I)
    if (Results[I])
      Take(Commands[I], std::move(*Results[I]));
}

template <typename Result, typename Job>
std::vector<std::optional<Result>> TranslationUnits::runEach(
    llvm::ArrayRef<Job> Jobs, llvm::function_ref<Result(const Job &)> Work,
    llvm::function_ref<const CompileCommand &(const Job &)> UnitOf) {
  std::vector<JobOutcome> Outcomes = run(Jobs.size(), [&](size_t I) {
    Result R = Work(Jobs[I]);
    return toWire(R);
  });
  std::vector<std::optional<Result>> Results(Jobs.size());
  for (size_t I = 0; I != Jobs.size(); ++I) {
    if (Outcomes[I].Result)
      Results[I] = fromWire<Result>(*Outcomes[I].Result);
    if (!Results[I])
      reportCrash(UnitOf(Jobs[I]), Outcomes[I].Death);
  }
  return Results;
}

} // namespace coralc

#endif
