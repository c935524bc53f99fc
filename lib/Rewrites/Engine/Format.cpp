//===--- Format.cpp - Lays out what the engine wrote ----------------------===//

#include "clang/Format/Format.h"
#include "coralc/Rewrites/Engine/Edit.h"
#include "clang/Tooling/Core/Replacement.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Whether arguments on a new line stand below the parenthesis or are merely
/// indented: what most of the file's own calls do.
bool alignsArguments(StringRef Buffer) {
  int Aligned = 0;
  StringRef Previous;
  while (!Buffer.empty()) {
    auto [Line, Rest] = Buffer.split('\n');
    Buffer = Rest;
    size_t Open =
        Previous.rtrim().ends_with(",") ? Previous.find('(') : StringRef::npos;
    if (Open != StringRef::npos && !Line.trim().empty()) {
      size_t Column = Line.find_first_not_of(' ');
      size_t Base = Previous.find_first_not_of(' ');
      if (Column > Base)
        Aligned += Column == Open + 1 ? 1 : -1;
    }
    Previous = Line;
  }
  return Aligned > 0;
}

unsigned longestLine(StringRef Buffer) {
  size_t Longest = 0;
  while (!Buffer.empty()) {
    auto [Line, Rest] = Buffer.split('\n');
    Longest = std::max(Longest, Line.rtrim().size());
    Buffer = Rest;
  }
  return Longest;
}

format::FormatStyle styleOf(const SourceText &Text, const Layout &Style) {
  Expected<format::FormatStyle> Own =
      format::getStyle("file", Text.path(), "none", Text.buffer());
  if (!Own)
    consumeError(Own.takeError());
  else if (!Own->DisableFormat)
    return *Own;
  format::FormatStyle Guess = format::getLLVMStyle();
  Guess.IndentWidth = Style.Width;
  Guess.AccessModifierOffset = -int(Style.Width);
  Guess.ContinuationIndentWidth = 4;
  Guess.BreakBeforeBraces = Style.BraceOnOwnLine
                                ? format::FormatStyle::BS_Allman
                                : format::FormatStyle::BS_Attach;
  if (!alignsArguments(Text.buffer()))
    Guess.AlignAfterOpenBracket = false;
  Guess.AllowShortFunctionsOnASingleLine = format::FormatStyle::SFS_None;
  Guess.AllowShortLambdasOnASingleLine = format::FormatStyle::SLS_All;
  Guess.SortIncludes.Enabled = false;
  Guess.PenaltyBreakAssignment = 1000;
  Guess.PenaltyBreakBeforeFirstCallParameter = 1;
  Guess.ColumnLimit = longestLine(Text.buffer()) > 100  ? 120
                      : longestLine(Text.buffer()) > 80 ? 100
                                                        : 80;
  return Guess;
}

} // namespace

Expected<std::string> applyEdits(std::vector<FileEdit> Edits,
                                 const SourceText &Text, const Layout &Style) {
  // Insertions at one place keep their order.
  std::vector<const FileEdit *> Sorted;
  for (const FileEdit &E : Edits)
    Sorted.push_back(&E);
  llvm::sort(Sorted, [](const FileEdit *A, const FileEdit *B) {
    return std::pair(A->Range.Begin, A) < std::pair(B->Range.Begin, B);
  });
  std::string Result;
  std::vector<tooling::Range> Written;
  unsigned At = 0;
  for (const FileEdit *Edit : Sorted) {
    const FileEdit &E = *Edit;
    if (E.Range.Begin < At)
      return createStringError("two changes overlap at offset " +
                               Twine(E.Range.Begin));
    Result += Text.buffer().slice(At, E.Range.Begin);
    for (TextRange W : E.Written)
      Written.push_back({unsigned(Result.size()) + W.Begin, W.End - W.Begin});
    Result += E.Text;
    At = E.Range.End;
  }
  Result += Text.buffer().substr(At);
  if (Written.empty())
    return Result;
  tooling::Replacements Layouted =
      format::reformat(styleOf(Text, Style), Result, Written, Text.path());
  return tooling::applyAllReplacements(Result, Layouted);
}

} // namespace coralc
