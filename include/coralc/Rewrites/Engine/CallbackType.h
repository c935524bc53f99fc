//===--- CallbackType.h - Parameters that hold a callback -------*- C++ -*-===//
//
// std::function and its kin are known by what they are, not by name: an
// instance of a class template whose first argument is the type of a function,
// which is made from whatever can be called so, and is called so itself:
//
//   std::function<void(error_code, string)>
//   boost::function<void(error_code)>
//   std::move_only_function<void(int) &&>
//
// A pointer to a function is one as well. What it works on is handed over with
// it, and given back to it:
//
//   void (*done)(int status, void *user), void *user
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_CALLBACKTYPE_H
#define CORALC_REWRITES_ENGINE_CALLBACKTYPE_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/Type.h"
#include <optional>

namespace coralc {

struct CallbackType {
  /// What it is called with, in the words of whoever named the type.
  const clang::FunctionProtoType *Signature = nullptr;
  /// A callback that is const cannot be called.
  bool IsChangedByCall = false;
  /// A pointer to a function.
  bool IsPointer = false;
};

/// What a parameter of \p Type is called with, if it is its owner's callback
/// and returns nothing: a value, a constant reference or one to a temporary.
/// Nothing for a class of the user's own, which may do more than call.
std::optional<CallbackType> callbackType(clang::QualType Type,
                                         const SourceText &Text);

} // namespace coralc

#endif
