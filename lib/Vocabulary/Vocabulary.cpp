//===--- Vocabulary.cpp - What a library calls things ---------------------===//

#include "coralc/Vocabulary/Vocabulary.h"
#include "coralc/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/VirtualFileSystem.h"
#include "llvm/Support/YAMLTraits.h"

using namespace llvm;
using namespace coralc;

static_assert(NumRoles <= 64, "the roles of a name are bits of a number");

namespace {

struct RoleKey {
  Role Plays;
  StringLiteral Key;
};

/// The keys of the group completion-tokens, which say how an initiation is
/// recognised.
constexpr RoleKey TokenKeys[] = {
    // A template parameter constrained by it takes a continuation; its template
    // arguments are the handler signatures.
    {Role::TokenConcept, "concepts"},
    // A call to it makes the caller an initiating function.
    {Role::Initiator, "initiators"},
    // Takes a token, but starts something else than an operation.
    {Role::NotOperation, "not-operations"},
    // Wraps a handler and passes its completion on.
    {Role::HandlerWrapper, "handler-wrappers"},
};

/// The keys of a vocabulary. docs/vocabulary.md describes each.
constexpr RoleKey RoleKeys[] = {
    // Macros that turn the library's own coroutine support on.
    {Role::CoroutineSwitch, "coroutine-switches"},

    // Takes over a task and runs it with nobody to wait for it.
    {Role::Detaching, "detaching"},
    // Starts a task and returns what it is awaited by.
    {Role::Starting, "starting"},
    // Takes tasks, or a callable that makes them, and returns one awaitable
    // that is ready when all of them are.
    {Role::Collecting, "collecting"},
    // The same, ready when the first is; the others may go on.
    {Role::Racing, "racing"},
    // Awaits or disposes of a task that it is handed by reference.
    {Role::Consuming, "consuming"},
    // Keeps the callable that it is given alive until its coroutine has ended.
    {Role::KeepAlive, "keep-alive"},
    // Destroys the callable that it is given as soon as it has called it.
    {Role::Forgetting, "forgetting"},
    // Calls the callable that it is given where that stands, and returns what
    // it returned.
    {Role::Invoking, "invoking"},
    // Calls what it is given and drops the result.
    {Role::Dropping, "dropping"},
    // Runs what it is given where it may block.
    {Role::Offloading, "offloading"},
    // Keeps cancellation away from what it is given.
    {Role::Shield, "shields"},
    // Makes a task that is done: nothing is lost with it.
    {Role::MadeReady, "made-ready"},

    // Blocks the thread until a task is done.
    {Role::JoiningBridge, "joining-bridges"},
    // Blocks the thread for anything else.
    {Role::Blocking, "blocking"},
    // Awaited, it goes on in another thread.
    {Role::Hop, "hops"},

    // A mutex of threads, or a guard of one, that its shape does not give away.
    {Role::ThreadLock, "thread-locks"},
    // A mutex of coroutines, or a guard of one: may be held at a suspension.
    {Role::AsyncLock, "async-locks"},
    // Waits for the tasks that were started in it before it is gone.
    {Role::JoiningScope, "joining-scopes"},
    // A coroutine type that nobody is meant to await.
    {Role::FireAndForget, "fire-and-forget"},
    // An exception: the operation was cancelled.
    {Role::CancellationType, "cancellation-types"},
    // An exception: the sequence has ended.
    {Role::EndSignal, "end-signals"},

    // Raises the end signal at the end.
    {Role::NextCall, "next-calls"},
    // A member: gives a reference that keeps its object alive.
    {Role::StrongReference, "strong-references"},
    // A call, some arguments of which are placeholders.
    {Role::Binder, "binders"},
    // A call whose first arguments are given.
    {Role::FrontBinder, "front-binders"},
    // A class template: destroying one does what destroying its arguments does.
    {Role::PlainHolder, "plain-holders"},

    // Takes an executor and a function that runs on a stack of its own.
    {Role::StackfulStart, "stackful-starts"},
    // What such a function is handed, and hands to operations as their token.
    {Role::StackfulContext, "stackful-contexts"},
};

/// A name in a file, checked where it stands.
struct SpelledName {
  std::string Text;
};

/// A qualified C++ name, the last part of which may be an operator.
bool isName(StringRef Text) {
  SmallVector<StringRef> Parts;
  Text.split(Parts, "::");
  if (Parts.size() > 1 && Parts.back().consume_front("operator") &&
      !Parts.back().empty() && all_of(Parts.back(), isPunct))
    Parts.pop_back();
  return all_of(Parts, [](StringRef Part) {
    return !Part.empty() && !isDigit(Part.front()) &&
           all_of(Part, [](char C) { return isAlnum(C) || C == '_'; });
  });
}

struct SpelledNamespace {
  std::string Text;
};

using NameLists = std::array<std::vector<SpelledName>, NumRoles>;

struct TokenLists {
  NameLists *Names;
};

/// A vocabulary as it is spelled.
struct SpelledVocabulary {
  std::string Library;
  std::string Summary;
  std::vector<SpelledNamespace> Namespaces;
  NameLists Names;
};

/// What is in a .coral.yaml.
struct ProjectFile {
  std::vector<SpelledVocabulary> Vocabularies;
};

} // namespace

LLVM_YAML_IS_SEQUENCE_VECTOR(SpelledVocabulary)

// The names of a role are written in one line.
LLVM_YAML_IS_FLOW_SEQUENCE_VECTOR(SpelledName)
LLVM_YAML_IS_FLOW_SEQUENCE_VECTOR(SpelledNamespace)

template <> struct yaml::ScalarTraits<SpelledName> {
  static void output(const SpelledName &Name, void *, raw_ostream &OS) {
    OS << Name.Text;
  }
  static StringRef input(StringRef Text, void *, SpelledName &Name) {
    Name.Text = Text.str();
    return isName(Text) ? ""
                        : "not a name; write it qualified relative to the "
                          "namespaces, without template arguments";
  }
  static QuotingType mustQuote(StringRef) { return QuotingType::None; }
};

template <> struct yaml::ScalarTraits<SpelledNamespace> {
  static void output(const SpelledNamespace &Name, void *, raw_ostream &OS) {
    OS << Name.Text;
  }
  static StringRef input(StringRef Text, void *, SpelledNamespace &Name) {
    Name.Text = Text.str();
    return Text == "*" || Text == "::" || Text == "extern C" || isName(Text)
               ? ""
               : "not a namespace; write it fully qualified, '::' for the "
                 "global one, '*' for any, 'extern C' for C functions";
  }
  static QuotingType mustQuote(StringRef) { return QuotingType::None; }
};

template <> struct yaml::MappingTraits<TokenLists> {
  static void mapping(IO &Io, TokenLists &Lists) {
    for (const RoleKey &Key : TokenKeys)
      Io.mapOptional(Key.Key.data(), (*Lists.Names)[unsigned(Key.Plays)]);
  }
};

template <> struct yaml::MappingTraits<SpelledVocabulary> {
  static void mapping(IO &Io, SpelledVocabulary &V) {
    Io.mapRequired("library", V.Library);
    Io.mapRequired("summary", V.Summary);
    Io.mapRequired("namespaces", V.Namespaces);
    TokenLists Tokens{&V.Names};
    Io.mapOptional("completion-tokens", Tokens);
    for (const RoleKey &Key : RoleKeys)
      Io.mapOptional(Key.Key.data(), V.Names[unsigned(Key.Plays)]);
  }
  static std::string validate(IO &Io, SpelledVocabulary &V) {
    if (Io.error())
      return "";
    if (V.Library.empty())
      return "'library' is empty; give it a unique name";
    if (V.Namespaces.empty())
      return "'namespaces' is empty; name the library's namespace";
    return "";
  }
};

template <> struct yaml::MappingTraits<ProjectFile> {
  static void mapping(IO &Io, ProjectFile &File) {
    Io.mapOptional("vocabularies", File.Vocabularies);
  }
};

namespace coralc {
namespace {

std::vector<StringRef> allKeys() {
  std::vector<StringRef> Keys = {"library", "summary", "namespaces",
                                 "completion-tokens", "vocabularies"};
  for (const RoleKey &Key : TokenKeys)
    Keys.push_back(Key.Key);
  for (const RoleKey &Key : RoleKeys)
    Keys.push_back(Key.Key);
  return Keys;
}

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
      Problem.Text += didYouMean(Message.drop_back(), allKeys());
  }
};

template <typename Parsed>
Expected<Parsed> parse(StringRef Text, StringRef Path) {
  Parsed Result;
  ParseProblem Problem{Path, {}};
  yaml::Input In(MemoryBufferRef(Text, Path), /*Ctxt=*/nullptr,
                 ParseProblem::take, &Problem);
  In >> Result;
  if (In.error())
    return createStringError(errc::invalid_argument,
                             Problem.Text.empty() ? Path + ": not readable"
                                                  : Twine(Problem.Text));
  return Result;
}

Vocabulary qualify(SpelledVocabulary Spelled) {
  Vocabulary V;
  V.Library = std::move(Spelled.Library);
  V.Summary = std::move(Spelled.Summary);
  for (SpelledNamespace &Namespace : Spelled.Namespaces)
    V.Namespaces.push_back(std::move(Namespace.Text));
  for (auto [Names, Qualified] : zip_equal(Spelled.Names, V.Names)) {
    bool AsTheyAre = &Qualified == &V.Names[unsigned(Role::CoroutineSwitch)];
    for (const SpelledName &Name : Names) {
      if (AsTheyAre)
        Qualified.push_back(Name.Text);
      else
        for (const std::string &Namespace : V.Namespaces)
          Qualified.push_back(Namespace == "::" ? Name.Text
                                                : Namespace + "::" + Name.Text);
    }
  }
  return V;
}

} // namespace

Expected<Vocabulary> parseVocabulary(StringRef Text, StringRef Path) {
  Expected<SpelledVocabulary> Spelled = parse<SpelledVocabulary>(Text, Path);
  if (!Spelled)
    return Spelled.takeError();
  if (Spelled->Library.empty())
    return createStringError(errc::invalid_argument,
                             Path + ": no vocabulary in it");
  return qualify(std::move(*Spelled));
}

VocabularySet::VocabularySet(std::vector<Vocabulary> Vocabularies)
    : Vocabularies(std::move(Vocabularies)) {
  llvm::sort(this->Vocabularies, [](const Vocabulary &L, const Vocabulary &R) {
    return L.Library < R.Library;
  });
  for (const Vocabulary &V : this->Vocabularies)
    for (auto [Bit, Names] : enumerate(V.Names))
      for (const std::string &Name : Names)
        Roles[Name] |= uint64_t(1) << Bit;
}

bool VocabularySet::has(Role R, StringRef Name) const {
  return Roles.lookup(Name) >> unsigned(R) & 1;
}

bool VocabularySet::hasInLibrary(Role R, StringRef Name) const {
  return any_of(Vocabularies, [&](const Vocabulary &Library) {
    return !Library.names(R).empty() &&
           any_of(Library.Namespaces, [&](StringRef Namespace) {
             StringRef Inside = Name;
             return Namespace != "std" && Inside.consume_front(Namespace) &&
                    Inside.starts_with("::");
           });
  });
}

static std::vector<Vocabulary> parseBuiltin() {
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
  return Parsed;
}

const VocabularySet &builtinVocabularies() {
  static const VocabularySet Builtin(parseBuiltin());
  return Builtin;
}

Expected<std::shared_ptr<const VocabularySet>>
vocabulariesFor(StringRef File, vfs::FileSystem &Files) {
  std::vector<Vocabulary> All = builtinVocabularies().all();
  size_t NumBuiltin = All.size();
  for (StringRef Directory = sys::path::parent_path(File); !Directory.empty();
       Directory = sys::path::parent_path(Directory)) {
    SmallString<256> Path(Directory);
    sys::path::append(Path, ".coral.yaml");
    if (!Files.exists(Path))
      continue;
    ErrorOr<std::unique_ptr<MemoryBuffer>> Text = Files.getBufferForFile(Path);
    if (!Text)
      return createStringError(Text.getError(),
                               Path + ": " + Text.getError().message());
    if ((*Text)->getBuffer().trim().empty())
      continue;
    Expected<ProjectFile> Project =
        parse<ProjectFile>((*Text)->getBuffer(), Path);
    if (!Project)
      return Project.takeError();
    for (SpelledVocabulary &Spelled : Project->Vocabularies)
      All.push_back(qualify(std::move(Spelled)));
  }
  if (All.size() == NumBuiltin)
    return std::shared_ptr<const VocabularySet>(
        std::shared_ptr<const VocabularySet>(), &builtinVocabularies());
  return std::make_shared<VocabularySet>(std::move(All));
}

} // namespace coralc
