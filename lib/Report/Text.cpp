//===--- Text.cpp - Results as compilers print them -----------------------===//

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

auto key(const RewriteSite &S) {
  return std::tie(S.Where.Path, S.Where.Line, S.Where.Column, S.Pattern,
                  S.Status, S.Reason, S.Message);
}

template <typename T> void sortAndUniqueByKey(std::vector<T> &Results) {
  llvm::sort(Results, [](const T &L, const T &R) { return key(L) < key(R); });
  Results.erase(
      llvm::unique(Results,
                   [](const T &L, const T &R) { return key(L) == key(R); }),
      Results.end());
}

/// `path:line:column`; a finding about a whole file has no line.
raw_ostream &operator<<(raw_ostream &OS, const Place &P) {
  OS << P.Path;
  if (P.Line != 0)
    OS << ":" << P.Line << ":" << P.Column;
  return OS;
}

StringRef name(Severity Level) {
  return Level == Severity::Error ? "error" : "warning";
}

/// Escapes what ends a workflow command's message or, with \p InProperty, a
/// property of it.
std::string escapeForGitHub(StringRef Text, StringRef Special) {
  std::string Escaped;
  raw_string_ostream OS(Escaped);
  for (char C : Text)
    if (Special.contains(C))
      OS << "%" << hexdigit((C >> 4) & 15) << hexdigit(C & 15);
    else
      OS << C;
  return Escaped;
}

} // namespace

void sortAndUnique(std::vector<Finding> &Findings) {
  sortAndUniqueByKey(Findings);
}

void sortAndUnique(std::vector<RewriteSite> &Sites) {
  sortAndUniqueByKey(Sites);
  // What one unit converts is converted for all, and comes first.
  auto Place = [](const RewriteSite &S) {
    return std::tie(S.Where.Path, S.Where.Line, S.Where.Column, S.Pattern);
  };
  Sites.erase(llvm::unique(Sites,
                           [&](const RewriteSite &L, const RewriteSite &R) {
                             return Place(L) == Place(R);
                           }),
              Sites.end());
}

void printText(raw_ostream &OS, ArrayRef<Finding> Findings) {
  for (const Finding &F : Findings) {
    OS << F.Where << ": " << name(F.Level) << ": " << F.Message << " ["
       << F.Check << "]\n";
    for (const Note &N : F.Notes)
      OS << N.Where << ": note: " << N.Message << "\n";
  }
}

void printGitHub(raw_ostream &OS, ArrayRef<Finding> Findings) {
  constexpr StringRef InMessage = "%\r\n", InProperty = "%\r\n:,";
  for (const Finding &F : Findings) {
    std::string Text = F.Message;
    for (const Note &N : F.Notes) {
      raw_string_ostream Notes(Text);
      Notes << "\n" << N.Where << ": note: " << N.Message;
    }
    OS << "::" << name(F.Level)
       << " file=" << escapeForGitHub(F.Where.Path, InProperty)
       << ",line=" << F.Where.Line << ",col=" << F.Where.Column
       << ",title=" << escapeForGitHub(F.Check, InProperty)
       << "::" << escapeForGitHub(Text, InMessage) << "\n";
  }
}

void printRefusals(raw_ostream &OS, ArrayRef<RewriteSite> Sites) {
  for (const RewriteSite &S : Sites)
    if (S.Status == SiteStatus::Refused)
      OS << S.Where << ": note: not converted: " << S.Message << " ["
         << S.Reason << "]\n";
}

} // namespace coralc
