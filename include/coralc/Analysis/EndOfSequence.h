//===--- EndOfSequence.h - Ends of sequences that get away ------*- C++ -*-===//
//
// Some libraries say "there is no next element" with an exception, as Python
// says it with StopIteration: the end signal. Inside a coroutine such an
// exception means two things. Meant for the coroutine's own caller, it is
// wrong: a coroutine ends by `co_return`, and an end signal that leaves it
// would be taken by whoever iterates further out for the end of *its* sequence.
// Got from a generator that the coroutine reads, it says that somebody forgot
// to ask whether there is a next element.
//
// A site that raises, or reads past, the end is harmless if a handler around it
// takes the signal, or if on every path to it the function asked whether the
// sequence has ended. The second is a must-analysis: the state is the set of
// sequences known to have a next element, join is intersection, asking adds
// one, taking an element removes it.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_ENDOFSEQUENCE_H
#define CORALC_ANALYSIS_ENDOFSEQUENCE_H

#include "clang/AST/Type.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>
#include <vector>

namespace clang {
class CallExpr;
class Expr;
class FunctionDecl;
} // namespace clang

namespace coralc {

class CoroutineTypes;

struct EndOfSequenceSite {
  enum KindTy {
    /// An end signal is thrown.
    Throw,
    /// The next element is asked for by a call that raises at the end.
    Next,
    /// An iterator of a generator is read.
    Dereference,
    /// A function of this translation unit is called that does any of it.
    Call
  };
  KindTy Kind;
  const clang::Expr *Where;
  /// The end signal, if this site, or the one in the called function, throws
  /// it itself.
  clang::QualType Signal;
  /// Where the called function does it.
  const clang::Expr *Origin = nullptr;
};

class EndOfSequence {
public:
  explicit EndOfSequence(CoroutineTypes &Types) : Types(Types) {}

  /// Is \p Type an exception that means the end of a sequence?
  bool isEndSignal(clang::QualType Type) const;

  /// The sites from which an end can leave \p Function: neither handled nor
  /// asked for before. In source order.
  std::vector<EndOfSequenceSite> leaks(const clang::FunctionDecl &Function);

private:
  friend class SiteCollector;

  /// The first leak of a function of this translation unit that is called.
  std::optional<EndOfSequenceSite>
  leakThrough(const clang::FunctionDecl *Callee);

  CoroutineTypes &Types;
  llvm::DenseMap<const clang::FunctionDecl *, std::optional<EndOfSequenceSite>>
      Summaries;
};

} // namespace coralc

#endif
