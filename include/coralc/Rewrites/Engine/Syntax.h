//===--- Syntax.h - What the user wrote, seen through the AST ---*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_SYNTAX_H
#define CORALC_REWRITES_ENGINE_SYNTAX_H

#include "clang/AST/Decl.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace coralc {

/// The qualified name of \p D as vocabularies write it: without inline
/// namespaces and template arguments.
std::string qualifiedName(const clang::NamedDecl &D);

/// \p Name wraps a handler and passes its completion on, such as
/// asio::bind_executor: a token may take the handler's place inside it.
bool isHandlerWrapper(llvm::StringRef Name);

/// \p F has one of the \p Names.
bool isNamed(const clang::FunctionDecl *F,
             llvm::ArrayRef<llvm::StringRef> Names);

/// \p F's definition in this translation unit, else \p F. All instances of a
/// template over a handler's type have one, the instance that is read for it.
const clang::FunctionDecl *definitionOf(const clang::FunctionDecl *F);

/// \p F is a function whose overrides may be called instead of it.
bool isVirtual(const clang::FunctionDecl &F);

/// What \p L runs when it is called; of a generic lambda the only instance of
/// that, or null if there are none or several.
const clang::CXXMethodDecl *callOperator(const clang::LambdaExpr &L);

/// \p E without what the compiler put around it: the call, lambda or
/// reference that the user wrote, be it as a default argument.
const clang::Expr *asWritten(const clang::Expr *E);

/// The operand of std::move or std::forward as it is written, else \p E.
const clang::Expr *withoutMove(const clang::Expr *E);

/// \p Call calls its first argument: std::invoke.
bool isInvoke(const clang::CallExpr &Call);

/// What \p Call calls: an object or pointer, or what names a function.
const clang::Expr *calledObject(const clang::CallExpr &Call);

/// The arguments that this gets.
llvm::SmallVector<const clang::Expr *, 4>
argumentsBehindObject(const clang::CallExpr &Call);

/// \p S is a return of nothing.
bool isBareReturn(const clang::Stmt *S);

/// "switch (...)".
clang::SourceRange headOf(const clang::SwitchStmt &Switch);

/// What is run there, in order.
llvm::SmallVector<const clang::Stmt *, 3>
partsOfHead(const clang::SwitchStmt &Switch);

/// "case x:" or "default:".
clang::SourceRange labelOf(const clang::SwitchCase &Label);

/// The call that \p S is as a whole statement, be it cast to void.
const clang::CallExpr *statementCall(const clang::Stmt *S);

/// The local variable that \p E names or moves from, if it does only that.
const clang::VarDecl *variableNamedBy(const clang::Expr *E);

/// \p V is a local variable that keeps the value it began with.
bool neverChanges(const clang::VarDecl &V);

/// For \p V, `v = v + x` and `v += x` are the same, and so is `++v` when x
/// is 1.
bool isCounted(const clang::VarDecl &V);

/// `++v` or `--v` of a class whose operator returns the object itself: the
/// variable has its new value then.
bool isStepOfItself(const clang::Expr *E);

/// The operands of `a == b` or `a != b` on objects where the other is its
/// opposite.
struct Equality {
  const clang::Expr *Left, *Right;
  bool IsEqual;
};
std::optional<Equality> equalityOfObjects(const clang::Expr *E);

/// \p Call calls a member function on `this`.
bool isOnThis(const clang::CallExpr &Call);

/// \p Inner is \p Outer or below it.
bool contains(const clang::Stmt *Outer, const clang::Stmt *Inner);

/// What a variable is called that has the value of a member called \p Member.
llvm::StringRef withoutUnderscore(llvm::StringRef Member);

/// Something below \p S names \p D.
bool mentions(const clang::Stmt *S, const clang::ValueDecl *D);

/// The calls below \p S, those in lambdas left out.
void forEachCall(const clang::Stmt *S,
                 llvm::function_ref<void(const clang::CallExpr &)> Visit);

/// The returns by which \p S leaves the function that it stands in.
llvm::SmallVector<const clang::ReturnStmt *, 2> returnsOf(const clang::Stmt *S);

/// How often something below \p S names \p V.
unsigned countMentions(const clang::Stmt *S, const clang::VarDecl &V);

/// Variables and members from which \p E moves.
llvm::SmallPtrSet<const clang::ValueDecl *, 4> givenUpBy(const clang::Expr *E);

/// Something of \p Type is a pointer, or holds one and copies it, as views and
/// iterators do: it is good as long as something else is there.
bool refersToOthers(clang::QualType Type);

/// \p E is shared_from_this().
bool isSharedFromThis(const clang::Expr *E);

/// Something below \p S is.
bool asksForSelf(const clang::Stmt *S);

/// \p Var is initialized with shared_from_this(), or a copy of such a
/// variable.
bool isSharedFromThisCopy(const clang::VarDecl *Var);

/// The variable of that kind by whose operator `->` \p Object names the object,
/// as the type that `this` has; null otherwise.
const clang::VarDecl *ownerNamedBy(const clang::Expr *Object);

} // namespace coralc

#endif
