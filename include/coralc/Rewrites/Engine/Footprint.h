//===--- Footprint.h - What code touches ----------------------*- C++ -*-===//
//
// Two pieces of code may change places when neither changes what the other
// uses. A footprint is what a piece of code uses of what is there when it is
// over: members, globals, variables of the functions around. It is read through
// the user's functions that the code calls, up to the end of the turn. Members
// are told apart by their declarations and not by their objects, unless it is
// plain that an object is another one: held by value, or just made.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_FOOTPRINT_H
#define CORALC_REWRITES_ENGINE_FOOTPRINT_H

#include "coralc/Rewrites/Engine/CallIndex.h"
#include "llvm/ADT/APSInt.h"
#include "llvm/ADT/MapVector.h"
#include <memory>
#include <optional>

namespace coralc {

/// How code touches a variable or member. A socket sends and receives at once,
/// so that the starts of the two may change places.
enum Touch : unsigned { Looks = 1, Changes = 2, Receives = 4, Sends = 8 };

/// Where operations of all objects wait together, so that their handlers run in
/// the order in which they began: what is posted; timers that are set for a
/// time from now, if it is the same; names that are looked up; connections to
/// what accepts them in turn.
enum class Queue { Handlers, Timers, Lookups, Connections };

/// An operation that joins a queue.
struct Queued {
  Queue Where;
  const clang::Expr *Begun;
  /// The time for which it sets a timer, in the unit of \c Unit, if that is
  /// constant.
  std::optional<llvm::APSInt> Ticks = std::nullopt;
  clang::QualType Unit = {};

  /// Which of the two comes first depends on which was begun first.
  bool isInOrderWith(const Queued &Other) const;
};

/// Code that touches something like \p A and code that does so like \p B may
/// not change places.
bool collide(unsigned A, unsigned B);

/// What code does to things that are there when it is over.
struct Footprint {
  struct Use {
    unsigned How = 0;
    clang::SourceLocation Where;
  };
  /// Null stands for everything that is done where nobody sees it.
  llvm::MapVector<const clang::ValueDecl *, Use> Touched;
  llvm::SmallVector<Queued, 2> Joins;
  bool MayThrow = false;
  /// Runs at once if the loop runs already, and later otherwise.
  const clang::Expr *Dispatch = nullptr;
  /// Calls of member functions that are defined where nobody sees it, on what
  /// may be the object whose start this is about.
  llvm::SmallVector<const clang::CallExpr *, 2> Unseen;
  /// It runs or waits for a loop, or waits itself: the turn is over.
  bool EndsTurn = false;
  /// There what handlers throw may be caught.
  bool EndsInTry = false;
};

/// An operation of \p B that keeps its place before or behind one of \p A; null
/// without.
const Queued *inOrderWith(const Footprint &A, const Footprint &B);

/// Code that leaves \p A and code that leaves \p B may not change places.
bool collide(const Footprint &A, const Footprint &B);

/// Reads what code touches, in the order in which it stands, up to the end of
/// the turn.
class FootprintReader {
public:
  /// \p Self is the call of which the code is behind; \p Root the variable that
  /// holds the object of that call, if it is one.
  FootprintReader(const CallIndex &Calls, Footprint &To,
                  const clang::Expr *Self = nullptr,
                  const clang::ValueDecl *Root = nullptr);
  ~FootprintReader();

  void read(const clang::Stmt *S);
  /// The body of \p F, which is called on some other object if \p IsOther.
  void readFunction(const clang::FunctionDecl &F, bool IsOther);
  /// The operation that the agent itself begins with.
  void readFirst(const clang::CallExpr &Call);
  /// The destructor of \p Type, if it is the user's.
  void readEndOf(clang::QualType Type);

private:
  class Visitor;
  std::unique_ptr<Visitor> Impl;
};

/// \p D's use has no effect on what others do with it: executors, constants.
bool isIndifferent(const clang::ValueDecl &D);

/// A pointer or a smart pointer that owns.
bool isPointerLike(clang::QualType Type);

/// \p E makes an object that nobody knew before.
bool isFresh(const clang::Expr *E);

/// What \p E names a part of: the member or variable; null for `this` and what
/// cannot be told.
const clang::ValueDecl *rootOf(const clang::Expr *E);

/// The object that \p Call calls a member of.
const clang::Expr *objectOf(const clang::Expr &Call);

} // namespace coralc

#endif
