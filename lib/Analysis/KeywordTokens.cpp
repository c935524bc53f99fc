//===--- KeywordTokens.cpp - Coroutine keywords in the text ---------------===//

#include "coralc/Analysis/KeywordTokens.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;

namespace coralc {
namespace {

/// The tokens of one file and the brackets that match in it.
class FileTokens {
public:
  FileTokens(FileID File, const SourceManager &Sources,
             const LangOptions &Language, llvm::ArrayRef<SourceRange> Skipped) {
    std::optional<llvm::MemoryBufferRef> Buffer = Sources.getBufferOrNone(File);
    if (!Buffer)
      return;
    Lexer Raw(File, *Buffer, Sources, Language);
    bool InDirective = false;
    Token Next;
    do {
      Raw.LexFromRawLexer(Next);
      if (Next.isAtStartOfLine())
        InDirective = Next.is(tok::hash);
      if (InDirective || llvm::any_of(Skipped, [&](SourceRange Range) {
            return Range.fullyContains(Next.getLocation());
          }))
        continue;
      Tokens.push_back(Next);
    } while (Next.isNot(tok::eof));
    match();
  }

  size_t size() const { return Tokens.size(); }
  const Token &operator[](size_t Index) const { return Tokens[Index]; }

  llvm::StringRef text(size_t Index) const {
    return Tokens[Index].is(tok::raw_identifier)
               ? Tokens[Index].getRawIdentifier()
               : "";
  }

  /// The bracket that belongs to the one at \p Index; \p Index if none does.
  size_t partner(size_t Index) const { return Partner[Index]; }

  /// The innermost '{' that is open at \p Index.
  std::optional<size_t> enclosingBrace(size_t Index) const {
    while (Index-- > 0) {
      if (Tokens[Index].isOneOf(tok::r_brace, tok::r_paren, tok::r_square))
        Index = Partner[Index];
      else if (Tokens[Index].is(tok::l_brace))
        return Index;
    }
    return std::nullopt;
  }

  /// The '[' of the lambda whose body opens at \p Brace, if it is one.
  std::optional<size_t> lambdaIntroducer(size_t Brace) const {
    bool ReturnType;
    std::optional<size_t> End = declaratorEnd(Brace, ReturnType);
    if (!End)
      return std::nullopt;
    size_t At = *End;
    if (Tokens[At].is(tok::r_paren)) {
      At = Partner[At];
      if (At == 0)
        return std::nullopt;
      --At;
      // [](auto x)<...> is not C++, []<class T>(T x) is.
      if (Tokens[At].is(tok::greater))
        while (At > 0 && Tokens[At].isNot(tok::r_square))
          --At;
    }
    if (Tokens[At].isNot(tok::r_square) || Partner[At] == At)
      return std::nullopt;
    size_t Introducer = Partner[At];
    // x[i] { is a subscript, [[ an attribute.
    if (Introducer > 0 && (Tokens[Introducer - 1].isOneOf(
                               tok::l_square, tok::r_square, tok::r_paren) ||
                           (Tokens[Introducer - 1].is(tok::raw_identifier) &&
                            text(Introducer - 1) != "return" &&
                            text(Introducer - 1) != "co_await" &&
                            text(Introducer - 1) != "co_return" &&
                            text(Introducer - 1) != "co_yield")))
      return std::nullopt;
    return Introducer;
  }

  /// Is the body that opens at \p Brace a handler's?
  bool isHandler(size_t Brace) const {
    if (Brace < 3 || Tokens[Brace - 1].isNot(tok::r_paren))
      return false;
    size_t Open = Partner[Brace - 1];
    return Open > 0 && text(Open - 1) == "catch";
  }

  /// Does a semicolon stand directly between \p Brace and its partner?
  bool holdsStatements(size_t Brace) const {
    for (size_t Index = Brace + 1; Index < Partner[Brace]; ++Index) {
      if (Tokens[Index].is(tok::semi))
        return true;
      Index = std::max(Index, Partner[Index]);
    }
    return false;
  }

  LambdaText describeLambda(size_t Introducer, size_t Brace) const {
    LambdaText Lambda;
    Lambda.Introducer = Tokens[Introducer].getLocation();
    size_t After = Partner[Introducer];
    Lambda.HasReturnType = false;
    std::optional<size_t> End = declaratorEnd(Brace, Lambda.HasReturnType);
    Lambda.HasParameters = End && Tokens[*End].is(tok::r_paren);
    size_t Last = Lambda.HasParameters ? Brace - 1 : After;
    Lambda.BeforeBody = Tokens[Last].getEndLoc();
    Lambda.ReturnsValue = false;
    forEachReturn(Brace, Partner[Brace], [&](size_t Index) {
      Lambda.ReturnsValue |= Tokens[Index + 1].isNot(tok::semi);
      if (text(Index) == "return")
        Lambda.Returns.push_back(Tokens[Index].getLocation());
    });
    return Lambda;
  }

  /// Calls \p Visit with every `return` and `co_return` between \p Open and
  /// \p Close that is not in a lambda.
  template <class F>
  void forEachReturn(size_t Open, size_t Close, F Visit) const {
    for (size_t Index = Open + 1; Index < Close && Index < size(); ++Index) {
      if (Tokens[Index].is(tok::l_brace) && lambdaIntroducer(Index))
        Index = Partner[Index];
      else if (text(Index) == "return" || text(Index) == "co_return")
        Visit(Index);
    }
  }

private:
  void match() {
    llvm::SmallVector<size_t> Open;
    for (size_t Index = 0; Index != Tokens.size(); ++Index) {
      Partner.push_back(Index);
      if (Tokens[Index].isOneOf(tok::l_brace, tok::l_paren, tok::l_square)) {
        Open.push_back(Index);
      } else if (Tokens[Index].isOneOf(tok::r_brace, tok::r_paren,
                                       tok::r_square) &&
                 !Open.empty()) {
        size_t Opened = Open.pop_back_val();
        Partner[Opened] = Index;
        Partner[Index] = Opened;
      }
    }
  }

  /// Walks back from \p Brace over what may stand between a lambda's
  /// parameters and its body.
  std::optional<size_t> declaratorEnd(size_t Brace, bool &ReturnType) const {
    ReturnType = false;
    for (size_t At = Brace; At-- > 0;) {
      const Token &T = Tokens[At];
      if (T.isOneOf(tok::r_paren, tok::r_square))
        return At;
      ReturnType |= T.is(tok::arrow);
      if (!T.isOneOf(tok::raw_identifier, tok::arrow, tok::coloncolon,
                     tok::less, tok::greater, tok::greatergreater, tok::amp,
                     tok::ampamp, tok::star, tok::comma, tok::numeric_constant))
        return std::nullopt;
    }
    return std::nullopt;
  }

  std::vector<Token> Tokens;
  std::vector<size_t> Partner;
};

bool isCoroutineKeyword(llvm::StringRef Text) {
  return Text == "co_await" || Text == "co_yield" || Text == "co_return";
}

} // namespace

std::vector<CoroutineKeyword>
coroutineKeywords(FileID File, const SourceManager &Sources,
                  const LangOptions &Language,
                  llvm::ArrayRef<SourceRange> Skipped) {
  std::vector<CoroutineKeyword> Keywords;
  bool Invalid = false;
  if (!Sources.getBufferData(File, &Invalid).contains("co_") || Invalid)
    return Keywords;
  FileTokens Tokens(File, Sources, Language, Skipped);
  for (size_t Index = 0; Index != Tokens.size(); ++Index) {
    // `operator co_await` is a name.
    if (!isCoroutineKeyword(Tokens.text(Index)) ||
        (Index > 0 && Tokens.text(Index - 1) == "operator"))
      continue;
    CoroutineKeyword Keyword;
    Keyword.Text = Tokens.text(Index);
    Keyword.Where = Tokens[Index].getLocation();
    for (std::optional<size_t> Brace = Tokens.enclosingBrace(Index); Brace;
         Brace = Tokens.enclosingBrace(*Brace)) {
      if (std::optional<size_t> Introducer = Tokens.lambdaIntroducer(*Brace)) {
        Keyword.Lambda = Tokens.describeLambda(*Introducer, *Brace);
        break;
      }
      Keyword.InHandler |= Tokens.isHandler(*Brace);
      if (Keyword.Block.isInvalid() && Tokens.holdsStatements(*Brace))
        Keyword.Block = Tokens[*Brace].getLocation();
    }
    Keywords.push_back(std::move(Keyword));
  }
  return Keywords;
}

std::vector<SourceLocation> returnKeywords(SourceRange Body,
                                           const SourceManager &Sources,
                                           const LangOptions &Language) {
  std::vector<SourceLocation> Returns;
  FileTokens Tokens(Sources.getFileID(Body.getBegin()), Sources, Language, {});
  for (size_t Index = 0; Index != Tokens.size(); ++Index)
    if (Tokens[Index].getLocation() == Body.getBegin())
      Tokens.forEachReturn(Index, Tokens.partner(Index), [&](size_t Found) {
        if (Tokens.text(Found) == "return")
          Returns.push_back(Tokens[Found].getLocation());
      });
  return Returns;
}

} // namespace coralc
