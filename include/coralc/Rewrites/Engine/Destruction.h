//===--- Destruction.h - What the end of an object shows --------*- C++ -*-===//
//
// A coroutine ends its variables at other times than functions and handlers
// did. That is nothing to anybody where an end does nothing that others see.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_DESTRUCTION_H
#define CORALC_REWRITES_ENGINE_DESTRUCTION_H

#include "clang/AST/DeclCXX.h"
#include "llvm/ADT/SmallVector.h"

namespace coralc {

/// What others see of a destruction: nothing; only, who counts the owners, that
/// there is one less; perhaps something, when it is much later, since nobody
/// knows what the object holds; or all of it.
enum class Destruction { Invisible, Counted, Unknown, ReleasesLock, Visible };

Destruction destructionOf(clang::QualType Type, unsigned Depth = 0);

/// Something of \p Type that dies together with others like it, if at all.
bool isShared(clang::QualType Type);

/// \p Record points to what it owns.
bool isOwner(const clang::CXXRecordDecl &Record);

/// The pointer points to an object whose destructor the user wrote.
bool endsUserObject(clang::QualType Pointer);

/// Destroying something of \p Type runs a destructor that the user wrote.
bool endsUserCode(clang::QualType Type, unsigned Depth = 0);

/// \p V is a shared pointer that was made with a function to call at the end.
bool hasDeleter(const clang::VarDecl &V);

/// Assigning to something of \p Type runs an operator that the user wrote.
bool assignsByUserCode(clang::QualType Type, unsigned Depth = 0);

/// The types of objects of which the program asks whether they still have an
/// owner: it names a weak pointer to one, or counts the owners.
llvm::SmallVector<clang::QualType, 4>
watchedTypes(const clang::ASTContext &Context);

/// Something of \p Type owns an object of one of the \p Watched types together
/// with others.
bool ownsWatched(clang::QualType Type, llvm::ArrayRef<clang::QualType> Watched,
                 unsigned Depth = 0);

/// \p Method, or what that calls on its object, has a shared pointer to the
/// object.
bool takesOwner(const clang::CXXMethodDecl &Method, unsigned Depth = 3);

} // namespace coralc

#endif
