//===--- FunctionObject.h - Handlers that are objects -----------*- C++ -*-===//
//
// A handler may be an object of a class of the user's:
//
//   struct read_handler {
//     std::shared_ptr<session> self;
//     void operator()(error_code ec, size_t length) const {
//       if (!ec)
//         self->do_write(length);
//     }
//   };
//   socket_.async_read_some(buffer, read_handler{shared_from_this()});
//
// That is a lambda written out: the members are its captures and the body of
// the call operator is what it runs. Where the agent goes on, a member is the
// object whose code starts the operation, or a variable of the coroutine.
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_FUNCTIONOBJECT_H
#define CORALC_REWRITES_ENGINE_FUNCTIONOBJECT_H

#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <vector>

namespace coralc {

class SourceText;
struct Operation;
struct Substitution;

struct FunctionObject {
  struct Member {
    enum class Kind {
      /// The object whose code starts the operation: a reference, a pointer or
      /// a shared pointer to it.
      Self,
      /// A variable that it was made from.
      Variable,
      /// A value that was computed when the handler was made.
      Value
    };
    const clang::FieldDecl *Field = nullptr;
    const clang::Expr *Init = nullptr;
    Kind What = Kind::Value;
  };
  /// The definition of the call operator.
  const clang::CXXMethodDecl *Operator = nullptr;
  llvm::SmallVector<Member, 2> Members;

  const Member *find(const clang::ValueDecl *Field) const;
};

/// The definition of the only function that calling an object of \p Record
/// runs; null if there are several, or it is virtual or a template.
const clang::CXXMethodDecl *
onlyCallOperator(const clang::CXXRecordDecl &Record);

/// The object that \p Handler makes, if each of its members is one of the
/// arguments or a constant, and it can only be called in one way.
std::optional<FunctionObject> functionObject(const clang::Expr &Handler);

/// Finds the member that a field is, among those of an agent's handlers.
using MemberOf = llvm::function_ref<const FunctionObject::Member *(
    const clang::ValueDecl *)>;

/// What becomes of \p E where it is moved out of a call operator: `self->x_`
/// is `x_`, and what stands for the object alone is this, *this or
/// shared_from_this(). Nothing when \p E does not name the object.
std::optional<Substitution> withoutSelf(const clang::MemberExpr &E,
                                        MemberOf Known, const SourceText &Text);

/// The ranges of the text that define \p Class and its members: nothing but
/// the handlers of \p Operations uses it, so that it goes with them. Empty when
/// it has to stay.
std::vector<clang::SourceRange>
definitionsOnlyFor(const clang::CXXRecordDecl &Class,
                   llvm::ArrayRef<const Operation *> Operations,
                   const SourceText &Text);

/// Where the call operator of \p Object uses that object other than by naming
/// the members that are known; null when nowhere.
const clang::Expr *otherUseOfItself(const FunctionObject &Object);

/// The member of a handler that \p E names in its call operator.
const clang::FieldDecl *ownField(const clang::Expr *E);

} // namespace coralc

#endif
