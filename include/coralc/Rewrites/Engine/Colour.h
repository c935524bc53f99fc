//===--- Colour.h - Functions that become coroutines themselves -*- C++ -*-===//
//
// What starts an agent goes on at once, and so do its callers: nobody can wait
// for the end. On request the start moves outwards. A function that an agent
// begins in, or that ends with a call of such a function, becomes a coroutine
// under its own name:
//
//   void session::start() { do_read(); }   task<void> session::start() { .. }
//   void app::run() { server_.start(); }   task<void> app::run() {
//                                            co_await server_.start(); }
//
// and whoever calls it otherwise starts it: spawn(app.run()). That is how far
// it goes: where somebody else owns the signature, as of main, constructors
// and virtual functions, where a caller is not seen, and where the caller goes
// on itself.
//
// Without that request a function becomes a coroutine in this way where several
// ways of one agent end in it and no branch would lead there:
//
//   if (ec) { fail(ec); return; }          if (ec) { co_await fail(ec);
//                                                    co_return; }
//
// Which functions those are is found round by round, from the operations
// outwards. A function waits only for what was a coroutine in an earlier round
// than itself, so that no two wait for each other without end.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_COLOUR_H
#define CORALC_REWRITES_ENGINE_COLOUR_H

#include "coralc/Rewrites/Engine/Conditionals.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace coralc {

/// The shared pointer, a temporary, on whose object \p Call is made; null when
/// the object is another.
const clang::Expr *temporaryOwner(const clang::CallExpr &Call);

class Colours {
public:
  /// Without \p Propagate only what several ways of an agent end in.
  explicit Colours(bool Propagate) : Propagate(Propagate) {}

  bool propagate() const { return Propagate; }
  /// \p F becomes a coroutine under its own name.
  bool isColoured(const clang::FunctionDecl &F) const {
    return Rounds.contains(&F);
  }
  /// That is because ways of an agent end in it.
  bool isSharedEnd(const clang::FunctionDecl &F) const {
    return SharedEnds.contains(&F);
  }
  /// Code of \p Around may wait for \p Callee.
  bool mayWait(const clang::FunctionDecl &Around,
               const clang::FunctionDecl &Callee) const;
  /// \p F may begin an agent because of what it calls.
  bool mayBegin(const clang::FunctionDecl &F, const SourceText &Text) const;

  /// Looks at what was built with these colours. Returns true when there are
  /// more, or some did not do, and everything is built anew.
  bool reconsider(const StateGraph &Graph, const SourceText &Text);

private:
  /// Colours what ways of \p A end in that have no form otherwise.
  bool colourEnds(const Agent &A, const StateGraph &Graph,
                  const SourceText &Text);
  bool canBeColoured(const Agent &A, const SourceText &Text);
  bool isNamedElsewhere(const clang::FunctionDecl &F, const SourceText &Text);

  bool Propagate;
  unsigned Round = 0;
  llvm::DenseMap<const clang::FunctionDecl *, unsigned> Rounds;
  /// The round of the agent that a function is a part of.
  llvm::DenseMap<const clang::FunctionDecl *, unsigned> RoundOfAgent;
  llvm::SmallPtrSet<const clang::FunctionDecl *, 4> SharedEnds;
  /// Functions that did not become coroutines by this.
  llvm::SmallPtrSet<const clang::FunctionDecl *, 8> Kept;
  using FunctionSet = llvm::DenseSet<const clang::FunctionDecl *>;
  /// Functions that are named where no call can be changed: in what a template
  /// was made, and outside of the text.
  std::optional<FunctionSet> Elsewhere;
  std::optional<Conditionals> Branches;
};

} // namespace coralc

#endif
