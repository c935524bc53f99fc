//===--- Vocabulary.cpp - What a library calls things ---------------------===//

#include "coralc/Vocabulary/Vocabulary.h"
#include "coralc/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/YAMLTraits.h"

using namespace llvm;
using namespace coralc;

static constexpr StringRef Keys[] = {"library",
                                     "summary",
                                     "namespaces",
                                     "concepts",
                                     "initiators",
                                     "not-operations",
                                     "detaching",
                                     "end-signals",
                                     "completion-tokens",
                                     "handler-wrappers",
                                     "joining-bridges",
                                     "next-calls",
                                     "coroutine-switches",
                                     "binders",
                                     "front-binders",
                                     "plain-holders"};

template <> struct yaml::MappingTraits<CompletionTokens> {
  static void mapping(IO &Io, CompletionTokens &T) {
    Io.mapOptional("concepts", T.Concepts);
    Io.mapOptional("initiators", T.Initiators);
    Io.mapOptional("not-operations", T.NotOperations);
    Io.mapOptional("handler-wrappers", T.HandlerWrappers);
  }
};

template <> struct yaml::MappingTraits<Vocabulary> {
  static void mapping(IO &Io, Vocabulary &V) {
    Io.mapRequired("library", V.Library);
    Io.mapRequired("summary", V.Summary);
    Io.mapRequired("namespaces", V.Namespaces);
    Io.mapOptional("completion-tokens", V.Tokens);
    Io.mapOptional("coroutine-switches", V.CoroutineSwitches);
    Io.mapOptional("detaching", V.Detaching);
    Io.mapOptional("joining-bridges", V.JoiningBridges);
    Io.mapOptional("binders", V.Binders);
    Io.mapOptional("front-binders", V.FrontBinders);
    Io.mapOptional("plain-holders", V.PlainHolders);
    Io.mapOptional("end-signals", V.EndSignals);
    Io.mapOptional("next-calls", V.NextCalls);
  }
};

namespace coralc {
namespace {

/// The first thing that was wrong, as `path:line:column: message`.
struct ParseProblem {
  StringRef Path;
  std::string Text;

  static void take(const SMDiagnostic &D, void *Context) {
    auto &Problem = *static_cast<ParseProblem *>(Context);
    if (!Problem.Text.empty())
      return;
    StringRef Message = D.getMessage();
    Problem.Text = (Problem.Path + ":" + Twine(D.getLineNo()) + ":" +
                    Twine(D.getColumnNo() + 1) + ": " + Message)
                       .str();
    if (Message.consume_front("unknown key '"))
      Problem.Text += didYouMean(Message.drop_back(), Keys);
  }
};

Error invalid(const Twine &Message) {
  return createStringError(errc::invalid_argument, Message);
}

void qualify(std::vector<std::string> &Names,
             ArrayRef<std::string> Namespaces) {
  std::vector<std::string> Qualified;
  for (const std::string &Namespace : Namespaces)
    for (const std::string &Name : Names)
      Qualified.push_back(Namespace + "::" + Name);
  Names = std::move(Qualified);
}

template <typename List>
bool anyHas(ArrayRef<Vocabulary> Vocabularies, StringRef Name, List Of) {
  return any_of(Vocabularies,
                [&](const Vocabulary &V) { return is_contained(Of(V), Name); });
}

} // namespace

Expected<Vocabulary> parseVocabulary(StringRef Text, StringRef Path) {
  Vocabulary V;
  ParseProblem Problem{Path, {}};
  yaml::Input In(MemoryBufferRef(Text, Path), /*Ctxt=*/nullptr,
                 ParseProblem::take, &Problem);
  In >> V;
  if (In.error())
    return invalid(Problem.Text.empty() ? (Path + ": no vocabulary in it").str()
                                        : Problem.Text);
  if (V.Library.empty())
    return invalid(Path + ": 'library' is empty; give it a unique name");
  if (V.Namespaces.empty())
    return invalid(Path +
                   ": 'namespaces' is empty; name the library's namespace");
  for (std::vector<std::string> *Names :
       {&V.Tokens.Concepts, &V.Tokens.Initiators, &V.Tokens.NotOperations,
        &V.Tokens.HandlerWrappers, &V.Detaching, &V.JoiningBridges, &V.Binders,
        &V.FrontBinders, &V.PlainHolders, &V.EndSignals, &V.NextCalls})
    qualify(*Names, V.Namespaces);
  return V;
}

VocabularySet::VocabularySet(std::vector<Vocabulary> Vocabularies)
    : Vocabularies(std::move(Vocabularies)) {
  llvm::sort(this->Vocabularies, [](const Vocabulary &L, const Vocabulary &R) {
    return L.Library < R.Library;
  });
}

bool VocabularySet::isCompletionTokenConcept(StringRef Name) const {
  return anyHas(Vocabularies, Name, [](const Vocabulary &V) {
    return ArrayRef(V.Tokens.Concepts);
  });
}

bool VocabularySet::isInitiator(StringRef Name) const {
  return anyHas(Vocabularies, Name, [](const Vocabulary &V) {
    return ArrayRef(V.Tokens.Initiators);
  });
}

bool VocabularySet::isNotOperation(StringRef Name) const {
  return anyHas(Vocabularies, Name, [](const Vocabulary &V) {
    return ArrayRef(V.Tokens.NotOperations);
  });
}

bool VocabularySet::isHandlerWrapper(StringRef Name) const {
  return anyHas(Vocabularies, Name, [](const Vocabulary &V) {
    return ArrayRef(V.Tokens.HandlerWrappers);
  });
}

bool VocabularySet::isDetaching(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.Detaching); });
}

bool VocabularySet::isJoiningBridge(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.JoiningBridges); });
}

bool VocabularySet::isBinder(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.Binders); });
}

bool VocabularySet::isFrontBinder(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.FrontBinders); });
}

bool VocabularySet::isPlainHolder(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.PlainHolders); });
}

bool VocabularySet::isEndSignal(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.EndSignals); });
}

bool VocabularySet::isNextCall(StringRef Name) const {
  return anyHas(Vocabularies, Name,
                [](const Vocabulary &V) { return ArrayRef(V.NextCalls); });
}

const VocabularySet &builtinVocabularies() {
  static const VocabularySet Builtin = [] {
    static constexpr std::pair<StringRef, StringRef> Files[] = {
#include "Vocabularies.inc"
    };
    std::vector<Vocabulary> Parsed;
    for (auto [Name, Text] : Files) {
      Expected<Vocabulary> V = parseVocabulary(Text, Name);
      if (!V)
        reportFatalUsageError(V.takeError());
      Parsed.push_back(std::move(*V));
    }
    return VocabularySet(std::move(Parsed));
  }();
  return Builtin;
}

} // namespace coralc
