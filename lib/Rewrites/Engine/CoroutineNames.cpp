//===--- CoroutineNames.cpp - What new functions are called ---------------===//

#include "coralc/Rewrites/Engine/CoroutineNames.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

void addIdentifiers(std::string Code, const LangOptions &Options,
                    StringSet<> &To) {
  Lexer Raw(SourceLocation(), Options, Code.data(), Code.data(),
            Code.data() + Code.size());
  for (Token T; !Raw.LexFromRawLexer(T);)
    if (T.is(tok::raw_identifier))
      To.insert(T.getRawIdentifier());
}

static std::string withoutPrefix(StringRef Name) {
  for (StringRef Prefix :
       {"do_", "async_", "start_", "begin_", "on_", "handle_"})
    if (Name.size() > Prefix.size() && Name.consume_front(Prefix))
      return Name.str();
  for (StringRef Prefix : {"do", "async", "start", "begin", "on", "handle"})
    if (Name.size() > Prefix.size() && Name.starts_with(Prefix) &&
        isUpper(Name[Prefix.size()]))
      return Name.substr(Prefix.size(), 1).lower() +
             Name.drop_front(Prefix.size() + 1).str();
  return Name.str();
}

static bool isCamelCase(StringRef Name) {
  return !Name.contains('_') && any_of(Name, [](char C) { return isUpper(C); });
}

/// Most names of functions with several words in \p Class.
static bool isCamelCase(const CXXRecordDecl &Class) {
  int Camel = 0;
  for (const CXXMethodDecl *F : Class.methods())
    if (F->getDeclName().isIdentifier())
      Camel += isCamelCase(F->getName())              ? 1
               : F->getName().trim('_').contains('_') ? -1
                                                      : 0;
  return Camel > 0;
}

CoroutineNames::CoroutineNames(const SourceText &Text) : Text(Text) {
  addIdentifiers(Text.buffer().str(), Text.context().getLangOpts(),
                 Identifiers);
}

/// Classes may use the same name; in a class it hides that of the namespace.
bool CoroutineNames::claim(StringRef Name, const CXXRecordDecl *Class) {
  auto Claims = Claimed.find(Name);
  if (Claims != Claimed.end() && (!Class || Claims->second.contains(nullptr) ||
                                  Claims->second.contains(Class)))
    return false;
  Claimed[Name].insert(Class);
  return true;
}

std::string CoroutineNames::unique(StringRef Wanted,
                                   const CXXRecordDecl *Class) {
  std::string Result = Wanted.str();
  for (unsigned N = 2; Identifiers.contains(Result) || !claim(Result, Class);
       ++N)
    Result = (Wanted + Twine(N)).str();
  return Result;
}

std::string CoroutineNames::unmentioned(const Agent &A,
                                        StringRef Wanted) const {
  StringSet<> Names;
  for (const Borrowed &B : A.Entry->Uses)
    Names.insert(B.Variable->getName());
  for (const State *S : A.States)
    addIdentifiers(Text.text(S == A.Entry ? A.beside()->getSourceRange()
                                          : S->Function->getSourceRange())
                       .str(),
                   Text.context().getLangOpts(), Names);
  std::string Result = Wanted.str();
  for (unsigned N = 2; Names.contains(Result); ++N)
    Result = (Wanted + Twine(N)).str();
  return Result;
}

std::string CoroutineNames::of(const Agent &A, bool IsBeside) {
  const FunctionDecl &F = *A.Entry->Function;
  const auto *Class = dyn_cast<CXXRecordDecl>(F.getDeclContext());
  std::string Own =
      F.getDeclName().isIdentifier() ? F.getName().str() : std::string();
  // A part is named for the function that it goes on in, which moves into
  // it, or for its operation.
  const State *Next = A.next();
  if (Next) {
    Own = Next->Function->getNameAsString();
    if (!A.IsLoop && !Next->IsPart) {
      // What was to be handled now is what it does.
      std::string Done = withoutPrefix(Own);
      if (StringRef(Own).starts_with("handle") && !Identifiers.contains(Done) &&
          claim(Done, Class))
        return Done;
      if (claim(Own, Class))
        return Own;
    }
  }
  std::string Base = withoutPrefix(Own);
  bool SaysNothing =
      Own.empty() || Own == "start" || Own == "run" || (IsBeside && !Next);
  if (SaysNothing) {
    const Operation *First = firstOperation(A);
    const FunctionDecl *Callee =
        First && First->Call ? First->Call->getDirectCallee() : nullptr;
    if (Callee && Callee->getDeclName().isIdentifier()) {
      StringRef Name = Callee->getName();
      Name.consume_front("async_");
      if (First->How == Operation::Form::Request)
        Name = Name.substr(Name.rfind('_') + 1);
      Name.consume_back("_some");
      Name.consume_back("_until");
      Base = Name.str();
    } else if (First && First->Call) {
      // An object that is an operation.
      if (const VarDecl *Object = variableNamedBy(First->Call->getArg(0)))
        Base = "run_" + Object->getNameAsString();
    }
  }
  bool Camel = Base.find('_') == std::string::npos &&
               (SaysNothing ? Class && isCamelCase(*Class) : isCamelCase(Own));
  if (A.IsLoop)
    return unique(Base + (Camel ? "Loop" : "_loop"), Class);
  if (Base != Own && !Identifiers.contains(Base))
    return unique(Base, Class);
  if (!SaysNothing)
    Base = Own;
  return unique(Base + (Camel ? "Async" : "_async"), Class);
}

} // namespace coralc
