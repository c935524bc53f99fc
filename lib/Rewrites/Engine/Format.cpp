//===--- Format.cpp - Lays out what the engine wrote ----------------------===//

#include "clang/Format/Format.h"
#include "coralc/Rewrites/Engine/Edit.h"
#include "clang/Basic/CharInfo.h"
#include "clang/Tooling/Core/Replacement.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>
#include <optional>

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

/// Calls \p Visit with every line of \p Buffer and the one behind it.
void forEachLine(StringRef Buffer,
                 function_ref<void(StringRef Line, StringRef Next)> Visit) {
  while (!Buffer.empty()) {
    auto [Line, Rest] = Buffer.split('\n');
    Visit(Line, Rest.split('\n').first);
    Buffer = Rest;
  }
}

constexpr unsigned TabWidth = 4;

int indentationOf(StringRef Line) {
  StringRef Blanks = Line.take_while(isHorizontalWhitespace);
  return Blanks.size() + Blanks.count('\t') * (TabWidth - 1);
}

bool isAccessSpecifier(StringRef Line) {
  return StringSwitch<bool>(Line.split(':').first.trim())
             .Cases({"public", "protected", "private"}, true)
             .Default(false) &&
         Line.contains(':');
}

/// How far access specifiers stand before the members behind them, in most of
/// the file.
std::optional<int> accessOffset(StringRef Buffer) {
  std::map<int, unsigned> Votes;
  forEachLine(Buffer, [&](StringRef Line, StringRef Next) {
    if (isAccessSpecifier(Line) && !Next.trim().empty() &&
        !isAccessSpecifier(Next) && indentationOf(Next) > indentationOf(Line))
      ++Votes[indentationOf(Line) - indentationOf(Next)];
  });
  auto Most = llvm::max_element(
      Votes, [](auto &A, auto &B) { return A.second < B.second; });
  return Most == Votes.end() ? std::nullopt : std::optional(Most->first);
}

/// Whether an if that only leaves stands on one line in most of the file.
bool leavesOnOneLine(StringRef Buffer) {
  int OneLine = 0;
  forEachLine(Buffer, [&](StringRef Line, StringRef Next) {
    Line = Line.trim();
    Next = Next.trim();
    if (!Line.starts_with("if (") && !Line.starts_with("if("))
      return;
    if (Line.ends_with(";"))
      ++OneLine;
    else if (Line.ends_with(")") && Next.ends_with(";"))
      --OneLine;
  });
  return OneLine > 0;
}

bool isKeyword(StringRef Word) {
  return is_contained({"if", "for", "while", "switch", "catch", "return",
                       "co_return", "co_await", "co_yield", "else", "new",
                       "case", "throw", "and", "or", "not"},
                      Word);
}

/// The name that ends \p Text; empty when there is none.
StringRef lastName(StringRef Text) {
  size_t End = Text.size();
  while (End > 0 && (isAlnum(Text[End - 1]) || Text[End - 1] == '_'))
    --End;
  return Text.drop_front(End);
}

/// Whether most calls in the file have a blank before the parenthesis.
bool spacesBeforeParens(StringRef Buffer) {
  int Spaced = 0;
  forEachLine(Buffer, [&](StringRef Line, StringRef) {
    Line = Line.split("//").first.ltrim();
    if (Line.starts_with("#") || Line.starts_with("*") ||
        Line.starts_with("/*"))
      return;
    for (size_t At = Line.find('('); At != StringRef::npos;
         At = Line.find('(', At + 1)) {
      StringRef Before = Line.take_front(At);
      bool HasBlank = Before.consume_back(" ");
      StringRef Name = lastName(Before);
      if (!Name.empty() && !isKeyword(Name))
        Spaced += HasBlank ? 1 : -1;
    }
  });
  return Spaced > 0;
}

/// Whether most functions of the file have their names at the begin of a line,
/// below what they return.
bool breaksAfterReturnType(StringRef Buffer) {
  int Below = 0;
  StringRef Type;
  forEachLine(Buffer, [&](StringRef Line, StringRef Next) {
    StringRef Above = std::exchange(Type, Line.trim());
    StringRef Head = Line.split('(').first.rtrim();
    bool BeginsBody = Line.rtrim().ends_with("{") ||
                      (Next.trim() == "{" && Line.contains(')'));
    StringRef First = Head.trim().split(' ').first;
    if (!BeginsBody || Head.size() == Line.size() || isKeyword(First) ||
        lastName(Head).empty())
      return;
    if (Head.trim().contains(' '))
      --Below;
    else if (!Above.empty() && (isAlnum(Above.back()) || Above.back() == '>') &&
             !isKeyword(Above) && isAlpha(Above.front()))
      ++Below;
  });
  return Below > 0;
}

/// \p Code with a blank before the parenthesis of each call.
std::string withSpacesBeforeParens(StringRef Code) {
  std::string Result;
  for (char C : Code) {
    if (C == '(' && !lastName(Result).empty())
      Result += ' ';
    Result += C;
  }
  return Result;
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

format::FormatStyle styleOf(StringRef Path, StringRef Text,
                            const Layout &Style) {
  Expected<format::FormatStyle> Own =
      format::getStyle("file", Path, "none", Text);
  if (!Own)
    consumeError(Own.takeError());
  else if (!Own->DisableFormat)
    return *Own;
  format::FormatStyle Guess = format::getLLVMStyle();
  Guess.IndentWidth = Style.Width;
  Guess.ContinuationIndentWidth = 4;
  if (Style.Blank == '\t') {
    Guess.UseTab = format::FormatStyle::UT_Always;
    Guess.IndentWidth = Guess.TabWidth = TabWidth;
  }
  Guess.AccessModifierOffset =
      accessOffset(Text).value_or(-int(Guess.IndentWidth));
  Guess.DerivePointerAlignment = true;
  if (leavesOnOneLine(Text))
    Guess.AllowShortIfStatementsOnASingleLine =
        format::FormatStyle::SIS_WithoutElse;
  Guess.BreakBeforeBraces = Style.BraceOnOwnLine
                                ? format::FormatStyle::BS_Allman
                                : format::FormatStyle::BS_Attach;
  if (Style.ControlBraceOnOwnLine != Style.BraceOnOwnLine ||
      Style.ElseOnOwnLine != Style.ControlBraceOnOwnLine) {
    Guess.BreakBeforeBraces = format::FormatStyle::BS_Custom;
    Guess.BraceWrapping.AfterFunction = Style.BraceOnOwnLine;
    Guess.BraceWrapping.AfterControlStatement =
        Style.ControlBraceOnOwnLine ? format::FormatStyle::BWACS_Always
                                    : format::FormatStyle::BWACS_Never;
    Guess.BraceWrapping.BeforeElse = Style.ElseOnOwnLine;
    Guess.BraceWrapping.BeforeCatch = Style.ElseOnOwnLine;
  }
  if (Style.BraceIndented)
    Guess.BreakBeforeBraces = format::FormatStyle::BS_GNU;
  if (spacesBeforeParens(Text))
    Guess.SpaceBeforeParens = format::FormatStyle::SBPO_Always;
  if (breaksAfterReturnType(Text))
    Guess.BreakAfterReturnType = format::FormatStyle::RTBS_AllDefinitions;
  if (!alignsArguments(Text))
    Guess.AlignAfterOpenBracket = false;
  Guess.AllowShortFunctionsOnASingleLine = format::FormatStyle::SFS_None;
  Guess.AllowShortLambdasOnASingleLine = format::FormatStyle::SLS_All;
  Guess.SortIncludes.Enabled = false;
  Guess.PenaltyBreakAssignment = 1000;
  Guess.PenaltyBreakBeforeFirstCallParameter = 1;
  unsigned Longest = longestLine(Text);
  Guess.ColumnLimit = Longest > 100 ? 120 : Longest > 80 ? 100 : 80;
  return Guess;
}

/// \p Result with the line ends of the user's file.
std::string withLineEnds(StringRef Original, std::string Result) {
  size_t Lines = Original.count('\n');
  if (Lines == 0 || Original.count("\r\n") != Lines)
    return Result;
  std::string Converted;
  for (char C : Result) {
    if (C == '\n' && !StringRef(Converted).ends_with("\r"))
      Converted += '\r';
    Converted += C;
  }
  return Converted;
}

/// \p E replaces something in one line, which stays one that is not too long.
bool fitsInLine(const FileEdit &E, const SourceText &Text,
                const format::FormatStyle &Style) {
  unsigned Begin = Text.lineBegin(E.Range.Begin);
  unsigned End = Text.lineEnd(E.Range.End);
  StringRef Line = Text.text({Begin, End}).rtrim();
  return E.Range.Begin != E.Range.End && !StringRef(E.Text).contains('\n') &&
         !Line.contains('\n') &&
         (Style.ColumnLimit == 0 ||
          Line.size() - (E.Range.End - E.Range.Begin) + E.Text.size() <=
              Style.ColumnLimit);
}

/// Appends what is written into a line that is not laid out.
void appendLine(const FileEdit &E, const format::FormatStyle &Style,
                std::string &Result) {
  unsigned At = 0;
  StringRef New = E.Text;
  if (Style.SpaceBeforeParens == format::FormatStyle::SBPO_Always)
    for (TextRange W : E.Written) {
      Result += New.slice(At, W.Begin);
      Result += withSpacesBeforeParens(New.slice(W.Begin, W.End));
      At = W.End;
    }
  Result += New.drop_front(At);
}

/// \p Edits are those of \p File.
Expected<std::string> applyToFile(std::vector<const FileEdit *> Sorted,
                                  const SourceText &Text,
                                  const SourceText::File &File,
                                  const Layout &Style) {
  StringRef Before = Text.text(File.Range);
  format::FormatStyle Wanted = styleOf(File.Path, Before, Style);
  // Insertions at one place keep their order, before what is replaced there.
  llvm::sort(Sorted, [](const FileEdit *A, const FileEdit *B) {
    auto Key = [](const FileEdit *E) {
      return std::tuple(E->Range.Begin, E->Range.Begin != E->Range.End, E);
    };
    return Key(A) < Key(B);
  });
  std::string Result;
  std::vector<tooling::Range> Written;
  unsigned At = File.Range.Begin;
  bool Removed = false;
  for (const FileEdit *Edit : Sorted) {
    const FileEdit &E = *Edit;
    // Two declarations that go may both take the empty line between them.
    bool Removes = E.Text.empty();
    if (E.Range.Begin < At && !(Removed && Removes && At <= E.Range.End))
      return createStringError("two changes overlap at offset " +
                               Twine(E.Range.Begin - File.Range.Begin));
    Removed = Removes;
    Result += Text.text({At, std::max(At, E.Range.Begin)});
    if (!fitsInLine(E, Text, Wanted)) {
      for (TextRange W : E.Written)
        Written.push_back({unsigned(Result.size()) + W.Begin, W.End - W.Begin});
      Result += E.Text;
    } else {
      appendLine(E, Wanted, Result);
    }
    At = std::max(At, std::min(E.Range.End, File.Range.End));
    // What was the last declaration of its class has left an empty line.
    StringRef Next = Text.text({At, File.Range.End}).ltrim(" \t");
    if (Removes && Next.starts_with("}") && StringRef(Result).ends_with("\n\n"))
      Result.pop_back();
  }
  StringRef Rest = Text.text({At, File.Range.End});
  // What was the last declaration of its file has left one too.
  if (Removed && Rest.trim().empty()) {
    Rest = "";
    if (StringRef(Result).ends_with("\n\n"))
      Result.pop_back();
  }
  Result += Rest;
  if (Written.empty())
    return withLineEnds(Before, std::move(Result));
  tooling::Replacements Layouted =
      format::reformat(Wanted, Result, Written, File.Path);
  Expected<std::string> Formatted =
      tooling::applyAllReplacements(Result, Layouted);
  if (!Formatted)
    return Formatted.takeError();
  return withLineEnds(Before, std::move(*Formatted));
}

} // namespace

Expected<std::vector<std::string>> applyEdits(ArrayRef<FileEdit> Edits,
                                              const SourceText &Text,
                                              const Layout &Style) {
  std::vector<std::string> Results;
  for (const SourceText::File &File : Text.files()) {
    std::vector<const FileEdit *> Own;
    for (const FileEdit &E : Edits)
      if (&Text.fileOf(E.Range.Begin) == &File)
        Own.push_back(&E);
    Expected<std::string> After =
        applyToFile(std::move(Own), Text, File, Style);
    if (!After)
      return After.takeError();
    Results.push_back(std::move(*After));
  }
  return Results;
}

} // namespace coralc
