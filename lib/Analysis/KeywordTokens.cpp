//===--- KeywordTokens.cpp - Coroutine keywords in the text ---------------===//

#include "coralc/Analysis/KeywordTokens.h"
#include "coralc/Analysis/Suspension.h"
#include "clang/AST/Decl.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

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

  /// The '[' of the lambda whose body opens at \p Brace, if it is one: what
  /// stands between its parameters and the body is walked over.
  std::optional<size_t> lambdaIntroducer(size_t Brace) const {
    for (size_t At = Brace; At-- > 0;) {
      const Token &T = Tokens[At];
      if (T.isOneOf(tok::r_paren, tok::r_square)) {
        if (Partner[At] == At)
          return std::nullopt;
        if (T.is(tok::r_square) && introducesLambda(Partner[At]))
          return Partner[At];
        At = Partner[At];
      } else if (!T.isOneOf(tok::raw_identifier, tok::arrow, tok::coloncolon,
                            tok::less, tok::greater, tok::greatergreater,
                            tok::amp, tok::ampamp, tok::pipepipe, tok::exclaim,
                            tok::star, tok::comma, tok::ellipsis,
                            tok::numeric_constant)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  OpenBrace::KindTy kindOf(size_t Brace) const {
    if (isHandler(Brace))
      return OpenBrace::Handler;
    if (lambdaIntroducer(Brace))
      return OpenBrace::Lambda;
    if (Partner[Brace] != Brace && !holdsStatements(Brace))
      return OpenBrace::List;
    if (beginsStatement(Brace) ||
        (text(Brace - 1) == "try" && beginsStatement(Brace - 1)))
      return OpenBrace::Block;
    return opensNamespace(Brace) ? OpenBrace::Namespace : OpenBrace::Other;
  }

  /// The '{' of the block whose exceptions the handler at \p Brace takes.
  std::optional<size_t> handledBlock(size_t Brace) const {
    while (isHandler(Brace)) {
      size_t Catch = Partner[Brace - 1] - 1;
      if (Catch == 0 || Tokens[Catch - 1].isNot(tok::r_brace) ||
          Partner[Catch - 1] == Catch - 1)
        return std::nullopt;
      Brace = Partner[Catch - 1];
    }
    return Brace;
  }

  LambdaText describeLambda(size_t Introducer, size_t Brace) const {
    LambdaText Lambda;
    Lambda.Introducer = Tokens[Introducer].getLocation();
    size_t After = Partner[Introducer];
    size_t Parameters = After + 1;
    if (Tokens[Parameters].is(tok::less))
      while (Parameters < Brace && Tokens[Parameters].isNot(tok::l_paren))
        ++Parameters;
    Lambda.HasParameters = Tokens[Parameters].is(tok::l_paren);
    size_t Last = Lambda.HasParameters ? Brace - 1 : After;
    if (text(Last) == "try")
      --Last;
    Lambda.BeforeBody = Tokens[Last].getEndLoc();
    Lambda.HasReturnType = false;
    for (size_t Index = Lambda.HasParameters ? Partner[Parameters] + 1
                                             : After + 1;
         Index < Brace; Index = std::max(Index, Partner[Index]) + 1)
      Lambda.HasReturnType |= mayBeReturnType(Index);
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
  /// Finds what belongs together. A brace closes the parentheses in it that
  /// nobody closed; a parenthesis that would close a brace is none.
  void match() {
    llvm::SmallVector<size_t> Open;
    for (size_t Index = 0; Index != Tokens.size(); ++Index) {
      Partner.push_back(Index);
      const Token &T = Tokens[Index];
      if (T.isOneOf(tok::l_brace, tok::l_paren, tok::l_square))
        Open.push_back(Index);
      if (!T.isOneOf(tok::r_brace, tok::r_paren, tok::r_square))
        continue;
      if (T.is(tok::r_brace))
        while (!Open.empty() && Tokens[Open.back()].isNot(tok::l_brace))
          Open.pop_back();
      tok::TokenKind Opener = T.is(tok::r_brace)   ? tok::l_brace
                              : T.is(tok::r_paren) ? tok::l_paren
                                                   : tok::l_square;
      if (Open.empty() || Tokens[Open.back()].isNot(Opener))
        continue;
      size_t Opened = Open.pop_back_val();
      Partner[Opened] = Index;
      Partner[Index] = Opened;
    }
  }

  /// Does a lambda begin with the '[' at \p Open? x[i] is a subscript, and so
  /// may be what follows any other name; [[x]] is an attribute, auto &[x] a
  /// binding.
  bool introducesLambda(size_t Open) const {
    if (Tokens[Open + 1].is(tok::l_square))
      return false;
    if (Open == 0)
      return true;
    size_t Before = Open - 1;
    if (Tokens[Before].isOneOf(tok::amp, tok::ampamp))
      return Before == 0 || text(Before - 1) != "auto";
    if (Tokens[Before].is(tok::raw_identifier))
      return llvm::StringSwitch<bool>(text(Before))
          .Cases({"return", "co_return", "co_await", "co_yield"}, true)
          .Cases({"throw", "else", "do", "and", "or", "not"}, true)
          .Default(false);
    return !Tokens[Before].isOneOf(tok::l_square, tok::r_square, tok::r_paren);
  }

  /// Could the token at \p Index, behind a lambda's parameters, be or stand
  /// for a return type?
  bool mayBeReturnType(size_t Index) const {
    if (Tokens[Index].isNot(tok::raw_identifier))
      return Tokens[Index].is(tok::arrow);
    return !llvm::StringSwitch<bool>(text(Index))
                .Cases({"mutable", "noexcept", "constexpr", "consteval"}, true)
                .Cases({"static", "try", "__attribute__"}, true)
                .Default(false);
  }

  /// Is the body that opens at \p Brace a handler's?
  bool isHandler(size_t Brace) const {
    if (Brace < 3 || Tokens[Brace - 1].isNot(tok::r_paren))
      return false;
    size_t Open = Partner[Brace - 1];
    return Open > 0 && text(Open - 1) == "catch";
  }

  /// Does a semicolon stand between \p Brace and its partner?
  bool holdsStatements(size_t Brace) const {
    for (size_t Index = Brace + 1; Index < Partner[Brace]; ++Index)
      if (Tokens[Index].is(tok::semi))
        return true;
    return false;
  }

  /// Is the token at \p Index where a statement begins, or a declaration?
  bool beginsStatement(size_t Index) const {
    // An attribute may stand before it, as in `if (x) [[likely]] {`.
    while (Index > 1 && Tokens[Index - 1].is(tok::r_square) &&
           Tokens[Partner[Index - 1] + 1].is(tok::l_square))
      Index = Partner[Index - 1];
    if (Index == 0)
      return true;
    size_t Before = Index - 1;
    if (Tokens[Before].is(tok::r_paren)) {
      size_t Open = Partner[Before];
      llvm::StringRef Statement = Open > 0 ? text(Open - 1) : "";
      // if constexpr (x), for co_await (x : y)
      if (Open > 1 && (Statement == "constexpr" || Statement == "co_await"))
        Statement = text(Open - 2);
      return Statement == "if" || Statement == "for" || Statement == "while" ||
             Statement == "switch";
    }
    return Tokens[Before].isOneOf(tok::semi, tok::l_brace, tok::r_brace,
                                  tok::colon) ||
           text(Before) == "else" || text(Before) == "do" ||
           (text(Before) == "consteval" && Before > 0 &&
            (text(Before - 1) == "if" || Tokens[Before - 1].is(tok::exclaim)));
  }

  /// namespace a::b {, extern "C" {
  bool opensNamespace(size_t Brace) const {
    for (size_t At = Brace; At-- > 0;) {
      if (Tokens[At].is(tok::r_square))
        At = Partner[At];
      else if (text(At) == "namespace")
        return true;
      else if (Tokens[At].is(tok::string_literal))
        return At > 0 && text(At - 1) == "extern" && At + 1 == Brace;
      else if (!Tokens[At].isOneOf(tok::raw_identifier, tok::coloncolon))
        return false;
    }
    return false;
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
    std::optional<size_t> Brace = Tokens.enclosingBrace(Index);
    while (Brace) {
      OpenBrace::KindTy Kind = Tokens.kindOf(*Brace);
      Keyword.Braces.push_back({Kind, Tokens[*Brace].getLocation()});
      if (Kind == OpenBrace::Lambda)
        Keyword.Lambda =
            Tokens.describeLambda(*Tokens.lambdaIntroducer(*Brace), *Brace);
      if (Kind == OpenBrace::Lambda || Kind == OpenBrace::Other)
        break;
      Brace = Kind == OpenBrace::Handler ? Tokens.handledBlock(*Brace)
                                         : Tokens.enclosingBrace(*Brace);
    }
    Keywords.push_back(std::move(Keyword));
  }
  return Keywords;
}

bool isInitializerOf(SourceLocation Name, const CoroutineKeyword &Keyword,
                     const SourceManager &Sources,
                     const LangOptions &Language) {
  auto [File, Begin] = Sources.getDecomposedLoc(Name);
  auto [SameFile, End] = Sources.getDecomposedLoc(Keyword.Where);
  if (!Name.isFileID() || File != SameFile || Begin >= End)
    return false;
  llvm::StringRef Text = Sources.getBufferData(File);
  Lexer Raw(Sources.getLocForStartOfFile(File), Language, Text.begin(),
            Text.begin() + Begin, Text.end());
  llvm::SmallVector<tok::TokenKind> Open;
  // `x = ...`, and `x{...}` or `x(...)`.
  bool Assigned = false, Direct = false;
  Token Next;
  Raw.LexFromRawLexer(Next);
  for (bool First = true;; First = false) {
    Raw.LexFromRawLexer(Next);
    if (Sources.getFileOffset(Next.getLocation()) >= End)
      return Assigned || (Direct && !Open.empty());
    if (Next.isOneOf(tok::semi, tok::hash, tok::eof) ||
        (Next.is(tok::comma) && Open.empty()))
      return false;
    if (Next.isOneOf(tok::l_brace, tok::l_paren, tok::l_square)) {
      Direct |= First && Next.isNot(tok::l_square);
      Open.push_back(Next.getKind());
    } else if (Next.isOneOf(tok::r_brace, tok::r_paren, tok::r_square)) {
      if (Open.empty())
        return false;
      Open.pop_back();
      if (Open.empty() && Direct)
        return false;
    }
    Assigned |= Next.is(tok::equal) && Open.empty();
  }
}

FunctionBodies::FunctionBodies(llvm::ArrayRef<const FunctionDecl *> Functions,
                               const SourceManager &Sources) {
  for (const FunctionDecl *Function : Functions) {
    const Stmt *Body = bodyOf(*Function);
    if (const auto *Try = dyn_cast_or_null<CXXTryStmt>(Body))
      Body = Try->getTryBlock();
    if (Body && Body->getBeginLoc().isValid() &&
        !Function->isTemplateInstantiation())
      ByBrace.try_emplace(Sources.getFileLoc(Body->getBeginLoc()), Function);
  }
}

KeywordOwner FunctionBodies::ownerOf(const CoroutineKeyword &Keyword) const {
  KeywordOwner Owner;
  for (const OpenBrace &Brace : Keyword.Braces) {
    Owner.InHandler |= Brace.Kind == OpenBrace::Handler;
    Owner.Function = ByBrace.lookup(Brace.Where);
    if (Owner.Function)
      break;
  }
  return Owner;
}

std::vector<SourceLocation> returnKeywords(SourceRange Body,
                                           const SourceManager &Sources,
                                           const LangOptions &Language) {
  std::vector<SourceLocation> Returns;
  FileTokens Tokens(Sources.getFileID(Body.getBegin()), Sources, Language, {});
  size_t Begin = 0, End = 0;
  for (size_t Index = 0; Index != Tokens.size(); ++Index) {
    if (Tokens[Index].getLocation() == Body.getBegin())
      Begin = Index;
    if (Tokens[Index].getLocation() == Body.getEnd())
      End = Index;
  }
  Tokens.forEachReturn(Begin, End, [&](size_t Found) {
    if (Tokens.text(Found) == "return")
      Returns.push_back(Tokens[Found].getLocation());
  });
  return Returns;
}

} // namespace coralc
