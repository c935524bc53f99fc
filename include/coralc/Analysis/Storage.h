//===--- Storage.h - Whose object is it, and when does it die ---*- C++ -*-===//
//
// A coroutine that is handed a reference, a pointer or a view works on an
// object of somebody else's. Whether that goes well depends on where the
// object lives:
//
//   Temporary   it dies at the end of the full-expression
//   Local       it dies at the end of a variable's scope
//   Parameter   what a reference parameter is bound to: the caller knows
//   This        *this, or a part of it: the owner of the object knows
//   Static      it outlives everything
//
// What lies in an owner (a vector's element, what a unique_ptr or an optional
// holds) dies with the owner. What is reached through any other pointer or
// reference is Unknown.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_STORAGE_H
#define CORALC_ANALYSIS_STORAGE_H

#include "clang/AST/Type.h"

namespace clang {
class Expr;
class ValueDecl;
class VarDecl;
} // namespace clang

namespace coralc {

struct Storage {
  enum KindTy { Unknown, Temporary, Local, Parameter, This, Static };
  KindTy Kind = Unknown;
  /// The variable of Local and Parameter.
  const clang::VarDecl *Variable = nullptr;
  /// The expression that makes a Temporary.
  const clang::Expr *Object = nullptr;

  bool sameAs(const Storage &Other) const {
    return Kind == Other.Kind && Variable == Other.Variable;
  }
};

/// Where the object lives that the glvalue \p Object denotes.
Storage storageOf(const clang::Expr *Object);

/// Where the object lives that the value of \p Value, a pointer or a view,
/// points into.
Storage pointeeStorageOf(const clang::Expr *Value);

/// Does a \p Type point at things that it does not own, as string_view and
/// span do? References and pointers are not meant.
bool isView(clang::QualType Type);

/// Has an object of \p Type nothing in it that could be missed when it is
/// gone?
bool isStateless(clang::QualType Type);

} // namespace coralc

#endif
