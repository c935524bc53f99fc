//===--- CoroutineTypes.h - What a type means to coroutines -----*- C++ -*-===//
//
// C++ has no keyword that says "this type is a task". A coroutine's return
// type R names a promise, by std::coroutine_traits<R, Args...> or by a nested
// R::promise_type, and the promise decides everything that matters:
//
//   initial_suspend   an awaiter that suspends makes the coroutine lazy: its
//                     body does not run before somebody awaits or resumes it.
//                     One that does not makes it eager: it has started by the
//                     time the caller gets R.
//   final_suspend     an awaiter that does not suspend destroys the frame when
//                     the body ends: R no longer owns anything.
//   yield_value       makes it a generator.
//
// What may be done with R is said by R: `operator co_await` or the awaiter's
// three members make it awaitable, begin() makes it iterable, its destructor
// destroys the frame, waits for it, or lets it go.
//
// Everything here is read off declarations and visible bodies. What cannot be
// read is Unknown, and whoever asks is expected to stay silent.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_MODEL_COROUTINETYPES_H
#define CORALC_MODEL_COROUTINETYPES_H

#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/Type.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>

namespace clang {
class ASTContext;
class CXXRecordDecl;
class ClassTemplateDecl;
class CoroutineSuspendExpr;
class Expr;
class NamedDecl;
} // namespace clang

namespace coralc {

/// When the body of a coroutine begins to run.
enum class StartPolicy {
  Unknown,
  /// When it is awaited or resumed; never, if nobody does.
  Lazy,
  /// Before the call that creates it returns.
  Eager
};

/// What becomes of a coroutine that still runs when its R is destroyed.
enum class ReleasePolicy {
  Unknown,
  /// R's destructor destroys the frame: the coroutine ends where it is.
  Destroys,
  /// R's destructor waits until the coroutine is done.
  Joins,
  /// The coroutine goes on by itself; the frame destroys itself at its end.
  Detaches
};

enum class CoroutineKind {
  /// Awaited for one result.
  Task,
  /// Iterated synchronously.
  Generator,
  /// Iterated; getting the next element is awaited.
  AsyncGenerator,
  /// Neither awaited nor iterated, and outlives the R that was returned.
  FireAndForget,
  /// Awaitable, but no coroutine can return it: an awaiter, a sender, a future.
  Awaitable,
  /// A coroutine type that is driven in some other way.
  Other
};

/// What is known of one type.
struct CoroutineType {
  /// The canonical declaration; of a template's pattern if nothing else is
  /// there.
  const clang::CXXRecordDecl *Record = nullptr;
  /// The promise; null when the type is awaitable but no coroutine type.
  const clang::CXXRecordDecl *Promise = nullptr;
  CoroutineKind Kind = CoroutineKind::Other;
  StartPolicy Start = StartPolicy::Unknown;
  ReleasePolicy Release = ReleasePolicy::Unknown;

  bool AwaitableAsLvalue = false;
  bool AwaitableAsRvalue = false;
  /// Copies share one coroutine and each may be awaited.
  bool Shared = false;
  /// The awaiter never leaves a coroutine suspended: it goes on or ends there,
  /// as result- and optional-like types do. Nothing outlives the call.
  bool Synchronous = false;
  /// An awaiter or operation that offers nothing but being awaited: dropped,
  /// it has done nothing.
  bool OnlyAwaitable = false;
  /// The type itself is [[nodiscard]].
  bool Nodiscard = false;

  /// What awaiting yields; null when unknown.
  clang::QualType Result;
  /// \c Result is a guard: owning it means holding a lock, units, a permit.
  bool ResultIsLockLike = false;

  bool isAwaitable() const { return AwaitableAsLvalue || AwaitableAsRvalue; }
};

/// Whether an awaiter's await_ready is known before the program runs.
enum class Readiness {
  Unknown,
  /// Constant true: awaiting it never suspends.
  Always,
  /// Constant false: awaiting it always reaches await_suspend.
  Never
};

/// The coroutine types of one translation unit. Answers are cached per
/// canonical type; the cache lives as long as this object.
class CoroutineTypes {
public:
  /// \p Vocabularies must outlive this object.
  explicit CoroutineTypes(
      clang::ASTContext &Context,
      const VocabularySet &Vocabularies = builtinVocabularies());
  ~CoroutineTypes();

  /// What \p Type means to coroutines, references and qualifiers aside; null
  /// when it is neither a coroutine type nor awaitable, or not known to be.
  const CoroutineType *lookup(clang::QualType Type);

  /// The promise that a coroutine returning \p Result would have, or null when
  /// no coroutine can return it.
  const clang::CXXRecordDecl *promiseOf(clang::QualType Result);

  /// Whether awaiting an awaiter of type \p Awaiter suspends at all.
  Readiness readiness(clang::QualType Awaiter);

  /// Does this suspension never suspend, because its await_ready is constant?
  bool neverSuspends(const clang::CoroutineSuspendExpr &Suspension);

  /// Is \p Type a guard: a move-only object that gives something back when it
  /// dies, such as a lock, units of a semaphore, or a permit?
  bool isLockLike(clang::QualType Type);

  /// What libraries call things, the project's own among them.
  const VocabularySet &vocabularies() const { return Vocabularies; }

  /// Does a vocabulary give \p Declaration the role \p R?
  bool plays(Role R, const clang::NamedDecl &Declaration) const;

  /// Does it give that role to the class \p Type, references and qualifiers
  /// aside, or to one of its bases?
  bool plays(Role R, clang::QualType Type) const;

  /// Does \p Call call what plays the role \p R, a function or a function
  /// object? A constructor plays the role of its class. False for what is null,
  /// no call, or not resolved.
  bool calls(Role R, const clang::Expr *Call) const;

private:
  std::unique_ptr<CoroutineType> compute(const clang::CXXRecordDecl &Record);
  void readPromise(CoroutineType &Facts);
  void readAwaiter(CoroutineType &Facts);
  const clang::ClassTemplateDecl *coroutineTraits();
  const clang::CXXRecordDecl *promiseByTraits(clang::QualType Result);

  clang::ASTContext &Context;
  const VocabularySet &Vocabularies;
  const clang::ClassTemplateDecl *Traits = nullptr;
  bool LookedForTraits = false;
  llvm::DenseMap<const void *, const clang::CXXRecordDecl *> Promises;
  llvm::DenseMap<const clang::CXXRecordDecl *, std::unique_ptr<CoroutineType>>
      Cache;
};

} // namespace coralc

#endif
