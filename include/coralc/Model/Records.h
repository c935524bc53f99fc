//===--- Records.h - Reading classes, instantiated or not -------*- C++ -*-===//
//
// A library's types are mostly templates, and what a translation unit does not
// use of them is not instantiated. These functions read a class through its
// instantiation where there is one and through the template's own pattern
// where there is not, bases included.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_MODEL_RECORDS_H
#define CORALC_MODEL_RECORDS_H

#include "clang/AST/DeclarationName.h"
#include "clang/AST/Type.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace clang {
class ASTContext;
class CXXRecordDecl;
class CallExpr;
class Decl;
class Expr;
class FunctionDecl;
class NamedDecl;
class Stmt;
} // namespace clang

namespace coralc {

/// The class behind \p Type, references and qualifiers aside: its definition
/// if there is one, else the pattern of the template it comes from. Null when
/// \p Type is no class or the class is not known.
const clang::CXXRecordDecl *recordOf(clang::QualType Type);

/// The definition of \p Record, or of the pattern it will be instantiated
/// from.
const clang::CXXRecordDecl *definitionOf(const clang::CXXRecordDecl *Record);

/// The class or the template's pattern that all instantiations share.
const clang::CXXRecordDecl *patternOf(const clang::CXXRecordDecl *Record);

/// Members of \p Record called \p Name; those of the nearest base when it has
/// none itself.
llvm::SmallVector<const clang::NamedDecl *, 2>
membersNamed(const clang::CXXRecordDecl *Record, clang::DeclarationName Name);

/// Member functions (and patterns of member templates) called \p Name that
/// are not deleted.
llvm::SmallVector<const clang::FunctionDecl *, 2>
methodsNamed(const clang::CXXRecordDecl *Record, llvm::StringRef Name);
llvm::SmallVector<const clang::FunctionDecl *, 2>
methodsNamed(const clang::CXXRecordDecl *Record, clang::DeclarationName Name);

/// Objects of \p Record can be copied by anybody, as far as is known of it.
bool isCopyable(const clang::CXXRecordDecl &Record);

/// The nested type \p Name of \p Record; null when there is none.
clang::QualType memberType(const clang::CXXRecordDecl *Record,
                           llvm::StringRef Name);

/// The body of \p Function, or of the pattern it is instantiated from; null
/// when neither is visible.
const clang::Stmt *visibleBody(const clang::FunctionDecl *Function);

/// What \p Function returns; for a deduced type that has not been deduced,
/// what its one return statement says. Null when unknown.
clang::QualType returnTypeOf(const clang::FunctionDecl *Function);

/// The one constant that \p Function returns, if that is all it does.
std::optional<bool> constantResult(const clang::FunctionDecl *Function);

/// The name that a call spells, resolved or not: "f" of `f()`, `a.f()`,
/// `T::f()`. Empty when it has none.
llvm::StringRef calleeName(const clang::CallExpr &Call);

/// The name of \p Declaration as vocabularies spell names: qualified, without
/// inline and anonymous namespaces and without template arguments.
std::string vocabularyName(const clang::NamedDecl &Declaration);

/// Calls \p Visit with every statement below \p Root, itself included, until
/// one returns true. Does not enter lambda bodies. Returns whether one did.
bool anyStatement(const clang::Stmt *Root,
                  llvm::function_ref<bool(const clang::Stmt &)> Visit);

} // namespace coralc

#endif
