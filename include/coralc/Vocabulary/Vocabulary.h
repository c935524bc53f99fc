//===--- Vocabulary.h - What a library calls things -------------*- C++ -*-===//
//
// Most of what Coral knows of a coroutine library it reads off the types. What
// types do not say, a vocabulary says: which calls take a task over, which
// calls block, which exception means "end of the sequence". One YAML file per
// library:
//
//   library: asio                     # a unique name
//   summary: one line
//   namespaces: [asio, boost::asio]   # every name below is looked up in each
//   completion-tokens:
//     concepts: [completion_token_for]  # a template parameter constrained by
//                                       # it takes a continuation; its template
//                                       # arguments are the handler signatures
//     initiators: [async_initiate]      # a call to it makes the caller an
//                                       # initiating function
//     not-operations: [co_spawn]        # takes a token, but starts something
//                                       # else than an operation
//     handler-wrappers: [bind_executor] # wraps a handler and passes its
//                                       # completion on
//   coroutine-switches: [HAS_CO_AWAIT]  # macros that turn the library's own
//                                       # coroutine support on
//   detaching: [co_spawn]             # takes over a task and runs it detached
//   joining-bridges: [run]            # blocks the thread until a task is done
//   binders: [bind]                   # a call, some arguments of which are
//                                     # placeholders
//   front-binders: [bind_front]       # a call whose first arguments are given
//   plain-holders: [shared_ptr]       # a class template: destroying one does
//                                     # what destroying its arguments does
//   end-signals: [stop_iteration]     # an exception: the sequence has ended
//   next-calls: [next]                # raises the end signal at the end
//
// Names are qualified relative to the namespaces and without template
// arguments; a member is named by its class ("generator::send"). Macros and
// library names are taken as they are.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_VOCABULARY_VOCABULARY_H
#define CORALC_VOCABULARY_VOCABULARY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace coralc {

/// How an initiation is recognised from its completion token.
struct CompletionTokens {
  std::vector<std::string> Concepts;
  std::vector<std::string> Initiators;
  std::vector<std::string> NotOperations;
  std::vector<std::string> HandlerWrappers;
};

/// One vocabulary file. Once parsed, every C++ name is fully qualified, inline
/// namespaces left out ("boost::asio::co_spawn"), once for each namespace.
struct Vocabulary {
  std::string Library;
  std::string Summary;
  std::vector<std::string> Namespaces;
  CompletionTokens Tokens;
  std::vector<std::string> CoroutineSwitches;
  std::vector<std::string> Detaching;
  std::vector<std::string> JoiningBridges;
  std::vector<std::string> Binders;
  std::vector<std::string> FrontBinders;
  std::vector<std::string> PlainHolders;
  std::vector<std::string> EndSignals;
  std::vector<std::string> NextCalls;
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

  bool isCompletionTokenConcept(llvm::StringRef Name) const;
  bool isInitiator(llvm::StringRef Name) const;
  bool isNotOperation(llvm::StringRef Name) const;
  bool isHandlerWrapper(llvm::StringRef Name) const;
  bool isDetaching(llvm::StringRef Name) const;
  bool isJoiningBridge(llvm::StringRef Name) const;
  bool isBinder(llvm::StringRef Name) const;
  bool isFrontBinder(llvm::StringRef Name) const;
  bool isPlainHolder(llvm::StringRef Name) const;
  bool isEndSignal(llvm::StringRef Name) const;
  bool isNextCall(llvm::StringRef Name) const;

  /// Sorted by library.
  const std::vector<Vocabulary> &all() const { return Vocabularies; }

private:
  std::vector<Vocabulary> Vocabularies;
};

/// The vocabularies that are part of Coral.
const VocabularySet &builtinVocabularies();

} // namespace coralc

#endif
