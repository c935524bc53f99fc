//===--- Registry.cpp - Patterns and refusals by name ---------------------===//

#include "coralc/Rewrites/Engine/Names.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static std::vector<PatternEntry> &patterns() {
  static std::vector<PatternEntry> Entries;
  return Entries;
}

void registerPattern(PatternEntry Entry) {
  std::vector<PatternEntry> &Entries = patterns();
  Entries.insert(upper_bound(Entries, Entry,
                             [](const PatternEntry &A, const PatternEntry &B) {
                               return A.Name < B.Name;
                             }),
                 Entry);
}

PatternList makePatterns(ArrayRef<std::string> Names) {
  PatternList Result;
  for (const PatternEntry &Entry : patterns())
    if (Names.empty() || is_contained(Names, Entry.Name)) {
      Result.push_back(Entry.Make());
      Result.back()->Name = Entry.Name;
    }
  return Result;
}

std::vector<RewriteInfo> listRewrites() {
  std::vector<RewriteInfo> Result;
  for (const PatternEntry &Entry : patterns())
    Result.push_back({Entry.Name, Entry.Summary});
  return Result;
}

std::string qualifiedName(const NamedDecl &D) {
  std::string Result;
  raw_string_ostream Out(Result);
  SmallVector<const NamedDecl *, 4> Path;
  for (const DeclContext *Context = D.getDeclContext(); Context;
       Context = Context->getParent()) {
    const auto *Namespace = dyn_cast<NamespaceDecl>(Context);
    if (Namespace &&
        (Namespace->isInline() || Namespace->isAnonymousNamespace()))
      continue;
    if (isa<NamespaceDecl, RecordDecl>(Context))
      Path.push_back(cast<NamedDecl>(Context));
  }
  for (const NamedDecl *Part : reverse(Path))
    Out << Part->getDeclName() << "::";
  Out << D.getDeclName();
  return Result;
}

bool isHandlerWrapper(StringRef Name) {
  return builtinVocabularies().isHandlerWrapper(Name);
}

} // namespace coralc
