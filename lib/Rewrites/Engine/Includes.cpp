//===--- Includes.cpp - The headers that the output needs -----------------===//

#include "coralc/Rewrites/Engine/Includes.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The macros that turn the target's coroutines on.
std::vector<std::string> switchesOf(const TargetDialect &Dialect) {
  std::vector<std::string> Result;
  for (const Vocabulary &V : builtinVocabularies().all())
    for (const std::string &Switch : V.names(Role::CoroutineSwitch))
      if (StringRef(Switch).starts_with("BOOST_") == Dialect.isOfBoost())
        Result.push_back(Switch);
  return Result;
}

class IncludeEditor {
public:
  IncludeEditor(const SourceText &Text, const SourceText::File &File,
                const TargetDialect &Dialect, RewriteTarget Target)
      : Text(Text), File(File), Dialect(Dialect), Target(Target) {}

  std::vector<FileEdit> run(ArrayRef<TargetDialect::Include> Wanted) {
    std::vector<Inclusion> Present = inclusions(File);
    // What the user's own headers include of a library, the files that include
    // them have too.
    std::vector<Inclusion> Reached = Present;
    addOwnHeaders(Reached);
    auto Has = [](ArrayRef<Inclusion> Among) {
      return [Among](StringRef Header) {
        return any_of(Among,
                      [&](const Inclusion &I) { return I.Header == Header; });
      };
    };
    std::string New;
    for (const TargetDialect::Include &I : Wanted) {
      if (Has(isStandard(I.Header) ? Present : Reached)(I.Header) ||
          any_of(I.Umbrellas, Has(Reached)))
        continue;
      StringRef Top = StringRef(I.Header).split('/').first;
      bool Quoted = I.Quoted || any_of(Present, [&](const Inclusion &Other) {
                      return !Other.Angled &&
                             (Other.Header.starts_with((Top + "/").str()) ||
                              Other.Header == (Top + ".hpp").str());
                    });
      if (isStandard(I.Header) && !I.Quoted) {
        addStandardInclude(I.Header, Present);
        continue;
      }
      New += Quoted ? "#include \"" + I.Header + "\"\n"
                    : "#include <" + I.Header + ">\n";
    }
    if (!New.empty()) {
      unsigned At = behindLast(Present);
      add({At, At}, std::move(New));
    }
    if (File.IsSource)
      addCoroutineSwitches(Present);
    return std::move(Edits);
  }

private:
  struct Inclusion {
    StringRef Header;
    bool Angled;
    TextRange Line;
  };

  /// Where the first class, function or namespace of the file begins: what is
  /// included behind that is of no use to it.
  unsigned firstDefinition(const SourceText::File &File) const {
    for (const Decl *D : Text.context().getTranslationUnitDecl()->decls()) {
      std::optional<TextRange> Range = Text.range(D->getSourceRange());
      if (Range && &Text.fileOf(Range->Begin) == &File &&
          isa<TagDecl, FunctionDecl, VarDecl, NamespaceDecl>(D))
        return Range->Begin;
    }
    return File.Range.End;
  }

  /// Adds what the headers of the text include that are among \p Reached, and
  /// those that these include.
  void addOwnHeaders(std::vector<Inclusion> &Reached) const {
    SmallPtrSet<const SourceText::File *, 8> Seen{&File};
    for (size_t I = 0; I != Reached.size(); ++I)
      for (const SourceText::File &Other : Text.files())
        if (names(Reached[I], Other) && Seen.insert(&Other).second)
          append_range(Reached, inclusions(Other));
  }

  static bool names(const Inclusion &I, const SourceText::File &Header) {
    StringRef Path = Header.Path;
    return !I.Angled && Path.consume_back(I.Header) &&
           (Path.empty() || Path.ends_with("/"));
  }

  std::vector<Inclusion> inclusions(const SourceText::File &File) const {
    std::vector<Inclusion> Result;
    unsigned At = File.Range.Begin;
    unsigned Last = firstDefinition(File);
    while (At < Last) {
      unsigned End = Text.lineEnd(At);
      StringRef Line = Text.text({At, End}).trim();
      if (Line.consume_front("#") && (Line = Line.ltrim(), true) &&
          Line.consume_front("include")) {
        Line = Line.ltrim();
        bool Angled = Line.starts_with("<");
        StringRef Header = Line.drop_front().take_until(
            [](char C) { return C == '>' || C == '"'; });
        // These only change what the code between them means.
        if (!Header.ends_with("asio/yield.hpp") &&
            !Header.ends_with("asio/unyield.hpp"))
          Result.push_back({Header, Angled, {At, End}});
      }
      At = End;
    }
    return Result;
  }

  /// Behind the last include, or behind what guards the file against a second
  /// one.
  unsigned behindLast(ArrayRef<Inclusion> Present) const {
    if (!Present.empty())
      return Present.back().Line.End;
    unsigned Result = File.Range.Begin;
    for (unsigned At = Result; At < File.Range.End; At = Text.lineEnd(At)) {
      StringRef Line = Text.text({At, Text.lineEnd(At)}).trim();
      bool IsGuard = Line.starts_with("#pragma once") ||
                     Line.starts_with("#ifndef") || Line.starts_with("#define");
      if (IsGuard)
        Result = Text.lineEnd(At);
      else if (!Line.empty() && !Line.starts_with("//"))
        break;
    }
    return Result;
  }

  static bool isStandard(StringRef Header) {
    return !Header.contains('/') && !Header.contains('.');
  }

  /// Among the standard headers, in order of name.
  void addStandardInclude(StringRef Header, ArrayRef<Inclusion> Present) {
    unsigned At = behindLast(Present);
    bool Seen = false;
    for (const Inclusion &I : Present) {
      if (!I.Angled || !isStandard(I.Header))
        continue;
      if (I.Header > Header) {
        At = Seen ? At : I.Line.Begin;
        break;
      }
      At = I.Line.End;
      Seen = true;
    }
    std::string New;
    New = "#include <" + Header.str() + ">\n";
    add({At, At}, std::move(New));
  }

  /// Debian's Asio 1.22 turns its coroutines off under Clang unless it is
  /// told otherwise before the first of its headers.
  void addCoroutineSwitches(ArrayRef<Inclusion> Present) {
    if (Target != RewriteTarget::Asio || Present.empty() ||
        hasCoroutines(Text, Dialect))
      return;
    std::string Defines, Guard;
    for (const std::string &Switch : switchesOf(Dialect)) {
      if (Guard.empty())
        Guard = Switch;
      Defines += "#define " + Switch + " 1\n";
    }
    std::string New;
    New +=
        ("#ifndef " + Guard + " // Asio leaves coroutines off under Clang\n" +
         Defines + "#endif\n\n");
    unsigned At = Present.front().Line.Begin;
    add({At, At}, std::move(New));
  }

  void add(TextRange Range, std::string New) {
    Edits.push_back({Range, std::move(New), {}});
  }

  const SourceText &Text;
  const SourceText::File &File;
  const TargetDialect &Dialect;
  RewriteTarget Target;
  std::vector<FileEdit> Edits;
};

} // namespace

std::vector<FileEdit> includeEdits(const SourceText &Text,
                                   const SourceText::File &File,
                                   ArrayRef<TargetDialect::Include> Wanted,
                                   const TargetDialect &Dialect,
                                   RewriteTarget Target) {
  return IncludeEditor(Text, File, Dialect, Target).run(Wanted);
}

bool hasCoroutines(const SourceText &Text, const TargetDialect &Dialect) {
  if (!Dialect.needsExecutor())
    return true;
  return all_of(switchesOf(Dialect), [&](StringRef Switch) {
    return Text.context().Idents.get(Switch).hasMacroDefinition();
  });
}

} // namespace coralc
