//===--- Lint.cpp - coral lint --------------------------------------------===//

#include "coralc/Tidy/Lint.h"
#include "Commands.h"
#include "TranslationUnits.h"
#include "coralc/Report/Report.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace coralc {

template <typename Wire> void fields(Wire &W, LintResult &R) {
  W(R.Findings, R.Incomplete);
}

namespace {

void display(Finding &F, const TranslationUnits &Units,
             const CompileCommand &Of) {
  auto Show = [&](std::string &Path) { Path = Units.display(Path, Of); };
  Show(F.Where.Path);
  for (Note &N : F.Notes)
    Show(N.Where.Path);
  for (Fix &X : F.Fixes)
    for (TextEdit &E : X.Edits)
      Show(E.Path);
}

} // namespace

Expected<int> runLint(const Arguments &Args) {
  LintOptions Options;
  Options.Checks = Args.value(OPT_checks_EQ);
  Options.HeaderFilter = Args.value(OPT_header_filter_EQ);
  Expected<unsigned> Level = choice(Args, OPT_level_EQ, {"0", "1", "2"});
  if (!Level)
    return Level.takeError();
  Options.Level = *Level;

  Expected<TranslationUnits> Units = TranslationUnits::create(Args);
  if (!Units)
    return Units.takeError();
  std::vector<Finding> Findings;
  bool Parsed = true;
  Units->forEach<LintResult>(
      [&](const CompileCommand &C) { return lintTranslationUnit(C, Options); },
      [&](const CompileCommand &C, LintResult R) {
        Parsed &= !R.Incomplete;
        for (Finding &F : R.Findings) {
          display(F, *Units, C);
          Findings.push_back(std::move(F));
        }
      });
  sortAndUnique(Findings);
  printText(outs(), Findings);
  if (!Parsed || Units->crashed())
    return Incomplete;
  return Findings.empty() ? Clean : HasFindings;
}

} // namespace coralc
