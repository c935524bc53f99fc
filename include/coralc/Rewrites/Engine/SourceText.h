//===--- SourceText.h - The user's text, by range ---------------*- C++ -*-===//
//
// Rewriting moves ranges of the user's own text. This is the only place that
// turns AST nodes into text: it knows where a statement's semicolon and
// comments are, what the file's indentation and braces look like, and how a
// moved range is indented anew.
//
// The text is the source files and, behind them, every header of the user's in
// which a function that one of them defines is declared, and every one that is
// in the same directory as one of these: those are the files that a rewrite may
// change. An offset is a place in all of it. There is one source file, the main
// file, unless several are read as one (JoinedUnit.h).
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_SOURCETEXT_H
#define CORALC_REWRITES_ENGINE_SOURCETEXT_H

#include "coralc/Rewrites/Engine/StateGraph.h"
#include "clang/AST/ASTContext.h"
#include "llvm/ADT/StringRef.h"

namespace coralc {

/// A half-open range of offsets into the text.
struct TextRange {
  unsigned Begin = 0;
  unsigned End = 0;
};

/// A change inside a moved range.
struct Substitution {
  TextRange Range;
  std::string Text;
};

class SourceText {
public:
  /// A file of the text, and where in the text it is.
  struct File {
    clang::FileID Id;
    std::string Path;
    TextRange Range;
    /// Compiled on its own, and no header.
    bool IsSource = false;
  };

  /// \p Sources are the files that the main file joins; none when the main
  /// file is the only source.
  explicit SourceText(const clang::ASTContext &Context,
                      llvm::ArrayRef<std::string> Sources = {});
  SourceText(const SourceText &) = delete;
  SourceText &operator=(const SourceText &) = delete;

  /// All of the text.
  llvm::StringRef buffer() const { return Buffer; }
  /// The sources first.
  llvm::ArrayRef<File> files() const { return Files; }
  const File &fileOf(unsigned Offset) const;
  const clang::ASTContext &context() const { return Context; }

  /// The range as spelled in one file of the text, or nothing when a macro or
  /// another file is involved.
  std::optional<TextRange> range(clang::SourceRange Tokens) const;
  std::optional<unsigned> offset(clang::SourceLocation Loc) const;
  bool isInSource(clang::SourceRange Tokens) const;

  llvm::StringRef text(TextRange Range) const;
  /// The text of \p Tokens; empty when range() has none.
  llvm::StringRef text(clang::SourceRange Tokens) const;
  std::string text(TextRange Range,
                   llvm::ArrayRef<Substitution> Substitutions) const;

  /// \p Range with a comment behind it on the same line.
  TextRange withComment(TextRange Range) const;
  /// \p S with its semicolon and a comment behind it on the same line.
  std::optional<TextRange> statement(const clang::Stmt *S) const;
  /// The comments and empty lines between \p From and \p To.
  Trivia trivia(unsigned From, unsigned To) const;
  /// All comments in \p Range, whatever else is there, each in lines of its
  /// own.
  std::string comments(TextRange Range) const;
  /// \p Function with its leading comments and the line ends behind it.
  TextRange wholeLines(TextRange Range) const;
  /// Where the comment lines directly above \p Offset begin.
  unsigned leadingComments(unsigned Offset) const;

  unsigned lineBegin(unsigned Offset) const;
  unsigned lineEnd(unsigned Offset) const;
  /// The white space that the line of \p Offset begins with.
  llvm::StringRef indentation(unsigned Offset) const;
  bool crossesDirective(TextRange Range) const;

private:
  void add(clang::FileID Id, bool IsSource);
  void addNeighbours();

  const clang::ASTContext &Context;
  const clang::SourceManager &SM;
  std::vector<File> Files;
  std::string Buffer;
};

/// The colon where the private section of \p F's class begins, if \p F
/// itself is not private and there is one.
std::optional<unsigned> privateSection(const clang::FunctionDecl &F,
                                       const SourceText &Text);

/// How the user lays out braces and indentation, read off one function and, for
/// what is inside of functions, its file.
struct Layout {
  /// One level of indentation: so many of that character.
  unsigned Width = 2;
  char Blank = ' ';
  /// The brace of a function.
  bool BraceOnOwnLine = false;
  /// The brace of an if or a loop, and an else or a catch behind one.
  bool ControlBraceOnOwnLine = false;
  bool ElseOnOwnLine = false;
  /// Such a brace is indented, and what it holds once more.
  bool BraceIndented = false;

  static Layout of(const clang::FunctionDecl &Function, const SourceText &Text);
};

/// \p Text, whose first line was indented by \p From blanks, indented by \p To
/// times \p Blank instead. Lines inside raw strings stay.
std::string reindent(llvm::StringRef Text, unsigned From, unsigned To,
                     char Blank);

} // namespace coralc

#endif
