//===--- Conditionals.cpp - Text that is not always compiled --------------===//

#include "coralc/Rewrites/Engine/Conditionals.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

struct Directive {
  unsigned Begin;
  StringRef Keyword;
};

/// The #if, #else and #endif of \p File and their like.
std::vector<Directive> directivesIn(const SourceText &Text,
                                    const SourceText::File &File) {
  std::vector<Directive> Found;
  for (unsigned At = File.Range.Begin; At < File.Range.End;) {
    unsigned End = Text.lineEnd(At);
    StringRef Line = Text.buffer().slice(At, End).ltrim(" \t");
    if (Line.consume_front("#")) {
      StringRef Keyword = Line.ltrim(" \t").take_while(isAlpha);
      if (Keyword.starts_with("if") || Keyword.starts_with("el") ||
          Keyword == "endif")
        Found.push_back({At, Keyword});
    }
    if (End == At)
      break;
    At = End;
  }
  return Found;
}

} // namespace

Conditionals::Conditionals(const SourceText &Text) {
  for (const SourceText::File &File : Text.files())
    read(Text, File);
  llvm::sort(Changes);
  std::string Buffer = Text.buffer().str();
  Lexer Raw(SourceLocation(), Text.context().getLangOpts(), Buffer.data(),
            Buffer.data(), Buffer.data() + Buffer.size());
  for (Token T; !Raw.LexFromRawLexer(T);)
    if (T.is(tok::raw_identifier))
      if (unsigned Branch =
              branchOf(T.getRawIdentifier().data() - Buffer.data()))
        Names[T.getRawIdentifier()].insert(Branch);
}

void Conditionals::read(const SourceText &Text, const SourceText::File &File) {
  std::vector<Directive> Found = directivesIn(Text, File);
  SmallVector<unsigned, 4> Around{0};
  Changes.push_back({File.Range.Begin, 0});
  for (auto [I, D] : enumerate(Found)) {
    if (D.Keyword.starts_with("if")) {
      // The last #endif of the file ends its guard; if it is not that of the
      // first #ifndef, something of the file is seen as conditional.
      bool IsGuard = I == 0 && D.Keyword == "ifndef" &&
                     none_of(drop_begin(Found),
                             [&, Depth = 1](const Directive &Next) mutable {
                               Depth += Next.Keyword.starts_with("if");
                               Depth -= Next.Keyword == "endif";
                               return Depth == 0 && &Next != &Found.back();
                             });
      Around.push_back(IsGuard ? 0 : ++Branches);
    } else if (D.Keyword == "endif") {
      if (Around.size() > 1)
        Around.pop_back();
    } else if (Around.size() > 1) {
      Around.back() = ++Branches;
    }
    Changes.push_back({D.Begin, Around.back()});
  }
}

unsigned Conditionals::branchOf(unsigned Offset) const {
  auto Next = upper_bound(Changes, Offset, [](unsigned At, const auto &Change) {
    return At < Change.first;
  });
  return Next == Changes.begin() ? 0 : std::prev(Next)->second;
}

bool Conditionals::isNamedOutside(StringRef Name, unsigned Branch) const {
  auto Known = Names.find(Name);
  return Known != Names.end() &&
         (Known->second.size() > 1 || !Known->second.contains(Branch));
}

} // namespace coralc
