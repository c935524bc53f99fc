//===--- Text.cpp - Findings as compilers print them ----------------------===//

#include "coralc/Report/Report.h"
#include "llvm/ADT/STLExtras.h"
#include <tuple>

using namespace llvm;

namespace coralc {
namespace {

auto key(const Finding &F) {
  return std::tie(F.Where.Path, F.Where.Line, F.Where.Column, F.Check,
                  F.Message);
}

raw_ostream &operator<<(raw_ostream &OS, const Place &P) {
  return OS << P.Path << ":" << P.Line << ":" << P.Column;
}

} // namespace

void sortAndUnique(std::vector<Finding> &Findings) {
  llvm::sort(Findings, [](const Finding &L, const Finding &R) {
    return key(L) < key(R);
  });
  Findings.erase(
      llvm::unique(Findings, [](const Finding &L,
                                const Finding &R) { return key(L) == key(R); }),
      Findings.end());
}

void printText(raw_ostream &OS, ArrayRef<Finding> Findings) {
  for (const Finding &F : Findings) {
    OS << F.Where << ": " << (F.Level == Severity::Error ? "error" : "warning")
       << ": " << F.Message << " [" << F.Check << "]\n";
    for (const Note &N : F.Notes)
      OS << N.Where << ": note: " << N.Message << "\n";
  }
}

} // namespace coralc
