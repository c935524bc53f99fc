//===--- Vocabulary.h - What a library calls things -------------*- C++ -*-===//
//
// Most of what Coral knows of a coroutine library it reads off the types. What
// types do not say, a vocabulary says: which calls take a task over, which
// calls block, which exception means "end of the sequence". One YAML file per
// library:
//
//   library: asio                     # a unique name
//   summary: one line
//   namespaces: [asio, boost::asio]   # every name below is looked up in each;
//                                     # '::' is the global one, '*' is any,
//                                     # 'extern C' is that of C functions
//   completion-tokens:                # a group of roles
//     initiators: [async_initiate]
//   detaching: [co_spawn]             # a role: the names that play it
//
// What roles there are and what they mean is in the table of Vocabulary.cpp
// and, for people, in docs/vocabulary.md. Names are qualified relative to the
// namespaces and without template arguments; a member is named by its class
// ("generator::send"). Macros and library names are taken as they are.
//
// Whoever looks at code in a project reads the project's own names as well,
// from the `vocabularies` of every .coral.yaml above the file:
//
//   vocabularies:
//     - library: ours
//       summary: the house framework
//       namespaces: [ours]
//       detaching: [fire]
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_VOCABULARY_VOCABULARY_H
#define CORALC_VOCABULARY_VOCABULARY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace llvm::vfs {
class FileSystem;
}

namespace coralc {

/// What a name means to its library.
enum class Role : unsigned char {
  // completion-tokens
  TokenConcept,
  Initiator,
  NotOperation,
  HandlerWrapper,
  CoroutineSwitch,

  // Calls that take tasks or callables.
  Detaching,
  Starting,
  Collecting,
  Racing,
  Consuming,
  KeepAlive,
  Forgetting,
  Invoking,
  Dropping,
  Offloading,
  Shield,
  MadeReady,

  // Calls that hold up or move the thread.
  JoiningBridge,
  Blocking,
  Hop,

  // Types.
  ThreadLock,
  AsyncLock,
  JoiningScope,
  FireAndForget,
  CancellationType,
  EndSignal,

  // Other calls.
  NextCall,
  StrongReference,
  Binder,
  FrontBinder,
  PlainHolder,

  // Coroutines with a stack of their own.
  StackfulStart,
  StackfulContext,
};
constexpr unsigned NumRoles = unsigned(Role::StackfulContext) + 1;

/// One vocabulary. Once parsed, every C++ name is fully qualified, inline
/// namespaces left out ("boost::asio::co_spawn"), once for each namespace.
struct Vocabulary {
  std::string Library;
  std::string Summary;
  std::vector<std::string> Namespaces;
  std::array<std::vector<std::string>, NumRoles> Names;

  llvm::ArrayRef<std::string> names(Role R) const { return Names[unsigned(R)]; }
};

/// Parses one vocabulary file. The error names \p Path, line and column, and
/// for an unknown key the key that was probably meant.
llvm::Expected<Vocabulary> parseVocabulary(llvm::StringRef Text,
                                           llvm::StringRef Path);

/// Several vocabularies, asked as one. Names are looked up fully qualified,
/// without inline namespaces and template arguments.
class VocabularySet {
public:
  explicit VocabularySet(std::vector<Vocabulary> Vocabularies);

  /// Does some library call something \p Name that plays the role \p R?
  bool has(Role R, llvm::StringRef Name) const;

  /// Does the library in whose namespaces \p Name lies have anything that plays
  /// the role \p R? What lies in std is no library's own.
  bool hasInLibrary(Role R, llvm::StringRef Name) const;

  /// Sorted by library.
  const std::vector<Vocabulary> &all() const { return Vocabularies; }

private:
  std::vector<Vocabulary> Vocabularies;
  /// The roles of a name, one bit each.
  llvm::StringMap<uint64_t> Roles;
};

/// The vocabularies that are part of Coral.
const VocabularySet &builtinVocabularies();

/// The builtin vocabularies and those of every .coral.yaml in the directory of
/// \p File, an absolute path, and above. A vocabulary there may have the name
/// of another one; the names of both count.
llvm::Expected<std::shared_ptr<const VocabularySet>>
vocabulariesFor(llvm::StringRef File, llvm::vfs::FileSystem &Files);

} // namespace coralc

#endif
