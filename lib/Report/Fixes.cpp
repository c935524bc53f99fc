//===--- Fixes.cpp - Fixes of many findings as one change -----------------===//

#include "coralc/Report/Fixes.h"
#include "clang/Tooling/Core/Replacement.h"
#include "clang/Tooling/DiagnosticsYaml.h"
#include "clang/Tooling/ReplacementsYaml.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/YAMLTraits.h"
#include <map>
#include <set>
#include <tuple>

using namespace llvm;
using clang::tooling::Replacement;
using clang::tooling::Replacements;

namespace coralc {
namespace {

Replacement replacement(const TextEdit &E) {
  return Replacement(E.Path, E.Offset, E.Length, E.Text);
}

using EditKey = std::tuple<std::string, unsigned, unsigned, std::string>;

EditKey key(const TextEdit &E) { return {E.Path, E.Offset, E.Length, E.Text}; }

/// The edits of all fixes taken so far.
class EditSet {
public:
  /// \return false, with nothing changed, if an edit overlaps one that is
  /// there already.
  bool add(const Fix &F) {
    std::map<std::string, Replacements> Trial;
    std::vector<EditKey> Keys;
    for (const TextEdit &E : F.Edits) {
      if (Seen.count(key(E)) || is_contained(Keys, key(E)))
        continue;
      auto It = Trial.try_emplace(E.Path, ByFile[E.Path]).first;
      if (Error Overlap = It->second.add(replacement(E))) {
        consumeError(std::move(Overlap));
        return false;
      }
      Keys.push_back(key(E));
    }
    for (auto &[Path, Edits] : Trial)
      ByFile[Path] = std::move(Edits);
    Seen.insert(Keys.begin(), Keys.end());
    return true;
  }

  const std::map<std::string, Replacements> &byFile() const { return ByFile; }

private:
  std::map<std::string, Replacements> ByFile;
  std::set<EditKey> Seen;
};

clang::tooling::DiagnosticMessage message(const Place &Where, StringRef Text,
                                          SourceFiles &Sources) {
  clang::tooling::DiagnosticMessage M(Text);
  M.FilePath = Where.Path;
  M.FileOffset = Sources.offset(Where);
  return M;
}

} // namespace

const Fix *chooseFix(const Finding &F, FixSafety Limit) {
  for (const Fix &X : F.Fixes)
    if (X.Safety <= Limit)
      return &X;
  return nullptr;
}

Expected<FixPlan> planFixes(ArrayRef<Finding> Findings, FixSafety Limit,
                            SourceFiles &Sources) {
  FixPlan Plan;
  EditSet Edits;
  for (const Finding &F : Findings) {
    const Fix *Chosen = chooseFix(F, Limit);
    if (Chosen && Edits.add(*Chosen)) {
      ++Plan.Fixed;
      continue;
    }
    Plan.Overlapping += Chosen != nullptr;
    Plan.Left.push_back(F);
  }
  for (const auto &[Path, OfFile] : Edits.byFile()) {
    StringRef Before = Sources.text(Path);
    bool Outside = any_of(OfFile, [&](const Replacement &R) {
      return R.getOffset() + R.getLength() > Before.size();
    });
    if (Outside)
      return createStringError(
          inconvertibleErrorCode(),
          "'" + Path + "' changed while it was analysed; run again");
    Expected<std::string> After =
        clang::tooling::applyAllReplacements(Before, OfFile);
    if (!After)
      return After.takeError();
    Plan.Changes.push_back({Path, Before.str(), std::move(*After)});
  }
  return Plan;
}

std::optional<FileChange> mergeChanges(const FileChange &A,
                                       const FileChange &B) {
  EditSet Edits;
  // Line by line, so that what one of them does is done as a whole.
  const FileChange Since{A.Path, B.Before, A.After};
  for (const FileChange *Change : {&Since, &B})
    for (const TextEdit &E : lineEdits(*Change))
      if (!Edits.add({FixSafety::Safe, {E}}))
        return std::nullopt;
  Expected<std::string> After = clang::tooling::applyAllReplacements(
      B.Before, Edits.byFile().find(A.Path)->second);
  if (!After) {
    consumeError(After.takeError());
    return std::nullopt;
  }
  return FileChange{A.Path, A.Before, std::move(*After)};
}

void printFixesYaml(raw_ostream &OS, ArrayRef<Finding> Findings,
                    FixSafety Limit, SourceFiles &Sources) {
  clang::tooling::TranslationUnitDiagnostics Unit;
  for (const Finding &F : Findings) {
    using clang::tooling::Diagnostic;
    Diagnostic D(F.Check,
                 F.Level == Severity::Error ? Diagnostic::Error
                                            : Diagnostic::Warning,
                 /*BuildDirectory=*/"");
    D.Message = message(F.Where, F.Message, Sources);
    if (const Fix *Chosen = chooseFix(F, Limit))
      for (const TextEdit &E : Chosen->Edits)
        consumeError(D.Message.Fix[E.Path].add(replacement(E)));
    for (const Note &N : F.Notes)
      D.Notes.push_back(message(N.Where, N.Message, Sources));
    Unit.Diagnostics.push_back(std::move(D));
  }
  yaml::Output Out(OS);
  Out << Unit;
}

void printChangesYaml(raw_ostream &OS, ArrayRef<FileChange> Changes) {
  clang::tooling::TranslationUnitReplacements Unit;
  for (const FileChange &Change : Changes)
    for (const TextEdit &E : lineEdits(Change))
      Unit.Replacements.push_back(replacement(E));
  yaml::Output Out(OS);
  Out << Unit;
}

} // namespace coralc
