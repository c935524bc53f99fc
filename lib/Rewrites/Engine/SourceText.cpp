//===--- SourceText.cpp - The user's text, by range -----------------------===//

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

SourceText::SourceText(const ASTContext &Context, ArrayRef<std::string> Sources)
    : Context(Context), SM(Context.getSourceManager()) {
  for (const std::string &Path : Sources)
    if (OptionalFileEntryRef Entry =
            SM.getFileManager().getOptionalFileRef(Path))
      add(SM.translateFile(*Entry), /*IsSource=*/true);
  if (Sources.empty())
    add(SM.getMainFileID(), /*IsSource=*/true);
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SourceText &Text;
    explicit Visitor(SourceText &Text) : Text(Text) {}
    bool VisitFunctionDecl(const FunctionDecl *F) override {
      for (const FunctionDecl *Declared : F->redecls()) {
        SourceLocation Where = Declared->getLocation();
        if (Where.isFileID() && !Text.SM.isInSystemHeader(Where))
          Text.add(Text.SM.getFileID(Where), /*IsSource=*/false);
      }
      return true;
    }
    bool TraverseStmt(const Stmt *) override { return true; }
  } V(*this);
  SmallVector<FileID, 4> Own;
  for (const File &F : Files)
    Own.push_back(F.Id);
  for (const Decl *D : Context.getTranslationUnitDecl()->decls())
    if (is_contained(Own, SM.getFileID(SM.getExpansionLoc(D->getLocation()))))
      V.TraverseDecl(D);
  addNeighbours();
}

/// Headers that are included, in the directory of a file that is known.
void SourceText::addNeighbours() {
  auto DirectoryOf = [&](FileID Id) -> const DirectoryEntry * {
    OptionalFileEntryRef Entry = SM.getFileEntryRefForID(Id);
    return Entry ? &Entry->getDir().getDirEntry() : nullptr;
  };
  SmallPtrSet<const DirectoryEntry *, 4> Directories;
  for (const File &F : Files)
    if (const DirectoryEntry *Directory = DirectoryOf(F.Id))
      Directories.insert(Directory);
  for (unsigned I = 0, E = SM.local_sloc_entry_size(); I != E; ++I) {
    const SrcMgr::SLocEntry &Entry = SM.getLocalSLocEntry(I);
    if (!Entry.isFile())
      continue;
    SourceLocation Start =
        SourceLocation::getFromRawEncoding(Entry.getOffset());
    FileID Id = SM.getFileID(Start);
    if (SM.getIncludeLoc(Id).isValid() && !SM.isInSystemHeader(Start) &&
        Directories.contains(DirectoryOf(Id)))
      add(Id, /*IsSource=*/false);
  }
}

void SourceText::add(FileID Id, bool IsSource) {
  OptionalFileEntryRef Entry = SM.getFileEntryRefForID(Id);
  std::string Path = Entry ? Entry->getName().str() : std::string();
  // Of a header that is included again and again the first time counts.
  if (!Files.empty() &&
      (!Entry || any_of(Files, [&](const File &F) { return F.Path == Path; })))
    return;
  unsigned Begin = Buffer.size();
  Buffer += SM.getBufferData(Id);
  Files.push_back(
      {Id, std::move(Path), {Begin, unsigned(Buffer.size())}, IsSource});
  // The end of a last line without one is a place in its own file.
  Buffer += "\n\n";
}

const SourceText::File &SourceText::fileOf(unsigned Offset) const {
  return *find_if(Files,
                  [&](const File &F) { return Offset <= F.Range.End + 1; });
}

std::optional<unsigned> SourceText::offset(SourceLocation Loc) const {
  if (Loc.isInvalid() || Loc.isMacroID())
    return std::nullopt;
  auto [Id, Offset] = SM.getDecomposedLoc(Loc);
  for (const File &F : Files)
    if (F.Id == Id)
      return F.Range.Begin + Offset;
  return std::nullopt;
}

std::optional<TextRange> SourceText::range(SourceRange Tokens) const {
  CharSourceRange Chars = Lexer::makeFileCharRange(
      CharSourceRange::getTokenRange(Tokens), SM, Context.getLangOpts());
  if (Chars.isInvalid())
    return std::nullopt;
  std::optional<unsigned> Begin = offset(Chars.getBegin());
  std::optional<unsigned> End = offset(Chars.getEnd());
  if (!Begin || !End || *End < *Begin)
    return std::nullopt;
  return TextRange{*Begin, *End};
}

bool SourceText::isInSource(SourceRange Tokens) const {
  std::optional<TextRange> Range = range(Tokens);
  return Range && fileOf(Range->Begin).IsSource;
}

StringRef SourceText::text(TextRange Range) const {
  return buffer().slice(Range.Begin, Range.End);
}

StringRef SourceText::text(SourceRange Tokens) const {
  std::optional<TextRange> Range = range(Tokens);
  return Range ? text(*Range) : StringRef();
}

std::string SourceText::text(TextRange Range,
                             ArrayRef<Substitution> Substitutions) const {
  SmallVector<Substitution, 8> Sorted(Substitutions);
  sort(Sorted, [](const Substitution &A, const Substitution &B) {
    return std::tie(A.Range.Begin, A.Range.End) <
           std::tie(B.Range.Begin, B.Range.End);
  });
  std::string Result;
  unsigned At = Range.Begin;
  for (const Substitution &S : Sorted) {
    if (S.Range.Begin < At || S.Range.End > Range.End)
      continue;
    Result += buffer().slice(At, S.Range.Begin);
    Result += S.Text;
    At = S.Range.End;
  }
  Result += buffer().slice(At, Range.End);
  return Result;
}

/// Skips blanks and a comment that ends on the same line.
static unsigned skipTrailingComment(StringRef Buffer, unsigned At) {
  unsigned Probe = At;
  while (Probe < Buffer.size() && isHorizontalWhitespace(Buffer[Probe]))
    ++Probe;
  StringRef Rest = Buffer.substr(Probe);
  if (Rest.starts_with("//"))
    return Probe + std::min(Rest.find('\n'), Rest.size());
  if (Rest.starts_with("/*")) {
    size_t Close = Rest.find("*/");
    if (Close != StringRef::npos && !Rest.take_front(Close).contains('\n') &&
        Rest.drop_front(Close + 2).ltrim(" \t\r").starts_with("\n"))
      return Probe + Close + 2;
  }
  return At;
}

TextRange SourceText::withComment(TextRange Range) const {
  return {Range.Begin, skipTrailingComment(buffer(), Range.End)};
}

std::optional<TextRange> SourceText::statement(const Stmt *S) const {
  std::optional<TextRange> Range = range(S->getSourceRange());
  if (!Range)
    return std::nullopt;
  if (Range->End > 0 && Buffer[Range->End - 1] != ';' &&
      Buffer[Range->End - 1] != '}') {
    StringRef Rest = buffer().substr(Range->End);
    size_t Semi = Rest.find_first_not_of(" \t\r\n");
    if (Semi != StringRef::npos && Rest[Semi] == ';')
      Range->End += Semi + 1;
  }
  // An expression that ends with a brace still needs its semicolon.
  if (isa<Expr>(S) && buffer().substr(Range->End).starts_with(";"))
    ++Range->End;
  return withComment(*Range);
}

Trivia SourceText::trivia(unsigned From, unsigned To) const {
  Trivia Result;
  StringRef Gap = buffer().slice(From, To);
  SmallVector<StringRef, 8> Lines;
  Gap.split(Lines, '\n');
  // The first piece is what stands behind an opening brace, and the last one
  // is the indentation of what follows.
  StringRef Behind = Lines.front().trim();
  if (Lines.size() > 1 &&
      (Behind.starts_with("//") || Behind.starts_with("/*")))
    Result.Comments = (Behind + "\n").str();
  ArrayRef<StringRef> Own = ArrayRef(Lines).drop_front();
  if (!Own.empty())
    Own = Own.drop_back();
  size_t Common = StringRef::npos;
  for (StringRef Line : Own)
    if (!Line.trim().empty())
      Common = std::min(Common, Line.take_while(isHorizontalWhitespace).size());
  // Empty lines stay between comments, or inside of one.
  size_t Empty = 0;
  for (StringRef Line : Own) {
    if (Line.trim().empty()) {
      ++Empty;
      continue;
    }
    if (Result.Comments.empty())
      Result.BlankLine |= Empty > 0;
    else
      Result.Comments.append(Empty, '\n');
    Empty = 0;
    Result.Comments += (Line.drop_front(Common).rtrim() + "\n").str();
  }
  if (Result.Comments.empty())
    Result.BlankLine = Empty > 0;
  // A comment before what follows on the same line.
  StringRef Before = Lines.back().trim();
  if (Before.ends_with("*/"))
    Result.Comments += (Before + "\n").str();
  return Result;
}

std::string SourceText::comments(TextRange Range) const {
  std::string Code = text(Range).str();
  Lexer Raw(SourceLocation(), Context.getLangOpts(), Code.data(), Code.data(),
            Code.data() + Code.size());
  Raw.SetCommentRetentionState(true);
  std::string Result;
  for (Token T;;) {
    bool AtEnd = Raw.LexFromRawLexer(T);
    if (T.is(tok::comment))
      Result +=
          StringRef(Raw.getBufferLocation() - T.getLength(), T.getLength())
              .rtrim()
              .str() +
          "\n";
    if (AtEnd || T.is(tok::eof))
      return Result;
  }
}

unsigned SourceText::lineBegin(unsigned Offset) const {
  size_t At = buffer().take_front(Offset).rfind('\n');
  return At == StringRef::npos ? 0 : At + 1;
}

unsigned SourceText::lineEnd(unsigned Offset) const {
  size_t At = buffer().find('\n', Offset);
  return At == StringRef::npos ? Buffer.size() : At + 1;
}

StringRef SourceText::indentation(unsigned Offset) const {
  StringRef Line = buffer().substr(lineBegin(Offset));
  return Line.take_while(isHorizontalWhitespace);
}

/// Where the line begins on which the comment that ends \p Text was opened;
/// npos when something stands before it there.
static size_t blockCommentBegin(StringRef Text) {
  size_t Open = Text.rtrim().drop_back(2).rfind("/*");
  if (Open == StringRef::npos)
    return Open;
  size_t Begin = Text.take_front(Open).rfind('\n') + 1;
  return Text.slice(Begin, Open).trim().empty() ? Begin : StringRef::npos;
}

unsigned SourceText::leadingComments(unsigned Offset) const {
  unsigned Begin = lineBegin(Offset);
  while (Begin > 0) {
    unsigned Previous = lineBegin(Begin - 1);
    StringRef Line = buffer().slice(Previous, Begin).trim();
    if (Line.ends_with("*/") && !Line.starts_with("//")) {
      size_t Open = blockCommentBegin(buffer().take_front(Begin));
      if (Open == StringRef::npos)
        break;
      Begin = Open;
      continue;
    }
    if (!Line.starts_with("//"))
      break;
    Begin = Previous;
  }
  return Begin;
}

TextRange SourceText::wholeLines(TextRange Range) const {
  TextRange Result{leadingComments(Range.Begin), lineEnd(Range.End)};
  // One of the two empty lines around a removed definition goes with it; when
  // it is the last thing in its block, the empty line before it goes.
  StringRef Next = buffer().slice(Result.End, lineEnd(Result.End));
  unsigned Previous = Result.Begin > 0 ? lineBegin(Result.Begin - 1) : 0;
  StringRef Before = buffer().slice(Previous, Result.Begin).trim();
  bool IsFirst =
      Before.empty() || Before.ends_with("{") || Before.ends_with(":");
  if (Next.trim().empty() && Result.End < Buffer.size() && IsFirst)
    Result.End = lineEnd(Result.End);
  else if (Next.trim().starts_with("}") && Before.empty())
    Result.Begin = Previous;
  return Result;
}

bool SourceText::crossesDirective(TextRange Range) const {
  unsigned At = lineBegin(Range.Begin);
  while (At < Range.End) {
    unsigned End = lineEnd(At);
    if (buffer().slice(At, End).ltrim(" \t").starts_with("#"))
      return true;
    if (End == At)
      break;
    At = End;
  }
  return false;
}

std::optional<unsigned> privateSection(const FunctionDecl &F,
                                       const SourceText &Text) {
  const auto *Class = dyn_cast<CXXRecordDecl>(F.getDeclContext());
  if (!Class || F.getAccess() == AS_private)
    return std::nullopt;
  for (const Decl *D : Class->decls())
    if (isa<AccessSpecDecl>(D) && D->getAccess() == AS_private)
      return Text.offset(cast<AccessSpecDecl>(D)->getColonLoc());
  return std::nullopt;
}

/// Reads off \p Code where the braces of its ifs and loops stand, and what goes
/// on behind them.
static void readControlBraces(StringRef Code, Layout &Result) {
  auto ColumnOf = [](StringRef Line) {
    return Line.take_while(isHorizontalWhitespace).size();
  };
  int OwnLine = 0, ElseOwnLine = 0, Indented = 0;
  StringRef Previous;
  while (!Code.empty()) {
    auto [Line, Rest] = Code.split('\n');
    Code = Rest;
    StringRef Next = Rest.split('\n').first;
    bool IsDeeper = ColumnOf(Next) > ColumnOf(Line);
    Line = Line.trim();
    Next = Next.trim();
    StringRef Word = Line;
    bool GoesOn = Word.consume_front("}");
    Word = Word.ltrim().take_while([](char C) { return isAlpha(C); });
    bool IsElse = Word == "else" || Word == "catch";
    if (IsElse)
      ElseOwnLine += GoesOn ? -1 : Previous == "}" ? 1 : 0;
    Previous = Line;
    if (!IsElse && Word != "if" && Word != "for" && Word != "while" &&
        Word != "switch" && Word != "try" && Word != "do")
      continue;
    if (Line.ends_with("{")) {
      --OwnLine;
    } else if (Next == "{") {
      ++OwnLine;
      Indented += IsDeeper ? 1 : -1;
    }
  }
  Result.ControlBraceOnOwnLine =
      OwnLine == 0 ? Result.BraceOnOwnLine : OwnLine > 0;
  Result.ElseOnOwnLine = Result.ControlBraceOnOwnLine || ElseOwnLine > 0;
  Result.BraceIndented = Result.ControlBraceOnOwnLine && Indented > 0;
}

Layout Layout::of(const FunctionDecl &Function, const SourceText &Text) {
  Layout Result;
  const auto *Body = dyn_cast_or_null<CompoundStmt>(Function.getBody());
  if (!Body)
    return Result;
  std::optional<unsigned> Brace = Text.offset(Body->getLBracLoc());
  if (!Brace)
    return Result;
  StringRef Before = Text.buffer().slice(Text.lineBegin(*Brace), *Brace);
  Result.BraceOnOwnLine = Before.trim().empty();
  readControlBraces(Text.text(Text.fileOf(*Brace).Range), Result);
  if (Body->body_empty())
    return Result;
  std::optional<unsigned> First =
      Text.offset(Body->body_front()->getBeginLoc());
  std::optional<unsigned> Close = Text.offset(Body->getRBracLoc());
  if (First && Close) {
    size_t Inner = Text.indentation(*First).size();
    size_t Outer = Text.indentation(*Close).size();
    if (Inner > Outer && Inner - Outer <= 8)
      Result.Width = Inner - Outer;
    if (Inner > 0 && Text.indentation(*First).back() == '\t')
      Result.Blank = '\t';
  }
  return Result;
}

std::string reindent(StringRef Text, unsigned From, unsigned To, char Blank) {
  std::string Result;
  bool InRawString = false;
  for (bool First = true; !Text.empty(); First = false) {
    auto [Line, Rest] = Text.split('\n');
    bool HasEnd = Line.size() < Text.size();
    Text = Rest;
    if (First || InRawString || Line.starts_with("#")) {
      Result += Line;
    } else if (!Line.trim().empty()) {
      size_t Blanks = Line.take_while(isHorizontalWhitespace).size();
      Result.append(To, Blank);
      Result += Line.drop_front(std::min<size_t>(Blanks, From));
    }
    if (HasEnd)
      Result += '\n';
    if (Line.contains("R\"") && !Line.contains(")\""))
      InRawString = true;
    else if (InRawString && Line.contains(")"))
      InRawString = !Line.contains("\"");
  }
  return Result;
}

} // namespace coralc
