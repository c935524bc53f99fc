//===--- KeptAlive.h - Who keeps an object alive meanwhile ------*- C++ -*-===//
//
// A detached task may go on using *this only if somebody keeps the object:
//
//   auto self = shared_from_this();          a strong reference in the frame
//   if (auto self = weak.lock()) ...         one that is asked for each time
//   auto held = gate_.hold();                a guard that the owner waits for
//   spawn([self = shared_from_this()] ...)   a strong reference in the closure
//
// A reference is read off its type: a class whose operator-> gives the object's
// class, or a base or derived class of it.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_ANALYSIS_KEPTALIVE_H
#define CORALC_ANALYSIS_KEPTALIVE_H

#include "clang/AST/Type.h"
#include "llvm/ADT/ArrayRef.h"

namespace clang {
class CXXRecordDecl;
class FunctionDecl;
class Stmt;
} // namespace clang

namespace coralc {

class CoroutineTypes;

/// Is \p Type a smart pointer, strong or weak, to \p Class or a relative?
bool refersStrongly(clang::QualType Type, const clang::CXXRecordDecl &Class);

/// Does something below \p Root make or name such a pointer?
bool mentionsReference(const clang::Stmt *Root,
                       const clang::CXXRecordDecl &Class,
                       CoroutineTypes &Types);

/// Does the coroutine \p Function itself keep the object of class \p Class
/// that it works on, by a parameter, a local variable or a capture?
bool keepsAlive(const clang::FunctionDecl &Function,
                const clang::CXXRecordDecl &Class, CoroutineTypes &Types);

/// Are the objects of \p Class that this translation unit makes, as far as it
/// shows, variables of `main`? They are there for as long as anything runs.
bool livesInMain(const clang::CXXRecordDecl &Class,
                 llvm::ArrayRef<const clang::FunctionDecl *> Functions);

} // namespace coralc

#endif
