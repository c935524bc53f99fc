//===--- UnusedNolint.cpp - coral-unused-nolint ---------------------------===//
//
// Asks each check that a NOLINT comment of the main file names in full what it
// has to say, at any level, and whether it says something where the comment
// silences it: on its line, on the next, or down to the end of the block. What
// comes out of a macro is silenced where the macro is used, too.
//
//===----------------------------------------------------------------------===//

#include "coralc/Checks/Check.h"
#include "clang/AST/ASTContext.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

constexpr llvm::StringLiteral OwnId = "coral-unused-nolint";

/// A check that a comment names, and where it is silent.
struct Silenced {
  StringRef Check;
  /// Of the name, in the file.
  unsigned Offset;
  unsigned FirstLine;
  unsigned LastLine;
};

class CommentReader {
public:
  explicit CommentReader(const ASTContext &Context)
      : Context(Context), SM(Context.getSourceManager()),
        File(SM.getMainFileID()), Buffer(SM.getBufferData(File)) {}

  /// What the comments of the main file silence, except for those in
  /// \p Skipped, which silence nothing here.
  std::vector<Silenced> read(ArrayRef<SourceRange> Skipped) {
    if (!Buffer.contains("NOLINT"))
      return {};
    std::vector<std::pair<unsigned, unsigned>> Ranges;
    for (SourceRange Range : Skipped)
      if (SM.isInFileID(Range.getBegin(), File))
        Ranges.push_back({SM.getFileOffset(Range.getBegin()),
                          SM.getFileOffset(Range.getEnd())});
    Lexer Tokens(File, SM.getBufferOrFake(File), SM, Context.getLangOpts());
    Tokens.SetCommentRetentionState(true);
    Token Next;
    for (bool End = false; !End;) {
      End = Tokens.LexFromRawLexer(Next);
      if (!Next.is(tok::comment))
        continue;
      unsigned Begin = SM.getFileOffset(Next.getLocation());
      if (none_of(Ranges, [&](const auto &Range) {
            return Range.first <= Begin && Begin < Range.second;
          }))
        readComment(Begin, Next.getLength());
    }
    return std::move(Found);
  }

private:
  void readComment(unsigned Begin, unsigned Length) {
    StringRef Comment = Buffer.substr(Begin, Length);
    for (size_t At = Comment.find("NOLINT"); At != StringRef::npos;
         At = Comment.find("NOLINT", At + 1)) {
      StringRef Rest = Comment.drop_front(At + StringRef("NOLINT").size());
      bool Begins = Rest.consume_front("BEGIN");
      bool Ends = !Begins && Rest.consume_front("END");
      bool NextLine = !Begins && !Ends && Rest.consume_front("NEXTLINE");
      if (!Rest.consume_front("(") || !Rest.contains(')'))
        continue;
      StringRef Names = Rest.take_until([](char C) { return C == ')'; });
      unsigned Line = SM.getLineNumber(File, Begin + At);
      if (Ends)
        end(Names, Line);
      else if (Begins)
        Open.push_back({Names, Line});
      else
        add(Names, Line + NextLine, Line + NextLine);
    }
  }

  void end(StringRef Names, unsigned Line) {
    auto Block = find_if(
        reverse(Open), [&](const auto &Block) { return Block.first == Names; });
    if (Block == Open.rend())
      return;
    add(Block->first, Block->second, Line);
    Open.erase(std::next(Block).base());
  }

  /// \p Names are a part of the buffer.
  void add(StringRef Names, unsigned First, unsigned Last) {
    SmallVector<StringRef, 4> Items;
    Names.split(Items, ',');
    for (StringRef Item : Items) {
      StringRef Name = Item.trim();
      for (const RegisteredCheck &Check : registeredChecks())
        // A check that runs by name only offers, and warns of nothing.
        if (Check.Id == Name && Check.Level != LevelOff && Name != OwnId)
          Found.push_back(
              {Check.Id, unsigned(Name.data() - Buffer.data()), First, Last});
    }
  }

  const ASTContext &Context;
  const SourceManager &SM;
  FileID File;
  StringRef Buffer;
  std::vector<Silenced> Found;
  std::vector<std::pair<StringRef, unsigned>> Open;
};

/// The lines of the main file on which a comment would silence a report at
/// \p Where.
void addLines(SourceLocation Where, const SourceManager &SM,
              DenseSet<unsigned> &Lines) {
  while (Where.isValid()) {
    auto [File, Offset] = SM.getDecomposedSpellingLoc(Where);
    if (File == SM.getMainFileID())
      Lines.insert(SM.getLineNumber(File, Offset));
    if (!Where.isMacroID())
      return;
    Where = SM.getImmediateExpansionRange(Where).getBegin();
  }
}

void check(TranslationUnit &Unit) {
  const ASTContext &Context = Unit.context();
  const SourceManager &SM = Context.getSourceManager();
  // What does not compile says less.
  if (Context.getDiagnostics().hasUncompilableErrorOccurred())
    return;
  std::vector<Silenced> All = CommentReader(Context).read(Unit.SkippedRanges);
  StringMap<DenseSet<unsigned>> Lines;
  for (const Diagnosis &Said : runChecks(Unit, [&](StringRef Id) {
         return any_of(All, [&](const Silenced &S) { return S.Check == Id; });
       }))
    addLines(Said.Where, SM, Lines[Said.Check]);
  for (const Silenced &S : All)
    if (none_of(Lines[S.Check], [&](unsigned Line) {
          return S.FirstLine <= Line && Line <= S.LastLine;
        }))
      Unit.report(
          SM.getLocForStartOfFile(SM.getMainFileID())
              .getLocWithOffset(S.Offset),
          "'" + S.Check.str() +
              "' reports nothing here, and this NOLINT would hide what it "
              "finds later; remove the name");
}

const RegisterCheck Register(OwnId, 1, "a NOLINT comment that silences nothing",
                             check);

} // namespace
} // namespace coralc
