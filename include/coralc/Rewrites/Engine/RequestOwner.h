//===--- RequestOwner.h - The object that a request belongs to --*- C++ -*-===//
//
// A callback of C finds its object by the request that it is given back:
//
//   connect_.data = this;
//   uv_tcp_connect(&connect_, &socket_, to, on_connect);
//
//   static void on_connect(uv_connect_t *req, int status) {
//     static_cast<client *>(req->data)->connected(status);
//   }
//
// If nothing but its object is ever written to the data of the member
// connect_, the object that is found is the one that has started the
// operation. So it is where the request is the first member of its object and
// the callback takes its address for that of the object.
//
// A callback that is given back a plain pointer finds in it what was passed:
//
//   store_.get(key, on_value, this);
//
//   static void on_value(int value, void *user) {
//     static_cast<client *>(user)->got(value);
//   }
//
//===----------------------------------------------------------------------===//

#ifndef CORALC_REWRITES_ENGINE_REQUESTOWNER_H
#define CORALC_REWRITES_ENGINE_REQUESTOWNER_H

#include "coralc/Rewrites/Engine/SourceText.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include <memory>
#include <optional>

namespace coralc {

/// All of libuv's requests, and nothing else, say which of them they are.
bool isRequest(clang::QualType Type);

/// A pointer to an object that a callback gets from its request, or from what
/// it is given back.
struct FoundOwner {
  /// The callback's parameter.
  const clang::ParmVarDecl *Request = nullptr;
  const clang::CXXRecordDecl *Class = nullptr;
  /// The address of the request is that of the object.
  bool ByAddress = false;
  /// \c Request is no request, but a plain pointer to the object.
  bool IsPlain = false;

  /// The function or call operator whose parameter \c Request is.
  const clang::FunctionDecl *callback() const;
};

/// \p E as such a pointer: a cast of `req->data`, of `req` or of `user`, or a
/// variable that was made from one and never changes.
std::optional<FoundOwner> foundOwner(const clang::Expr *E);
/// What \p V, which nobody has looked for changes of, was made from.
std::optional<FoundOwner> foundOwner(const clang::VarDecl &V);

/// `&object->member` as the request of an operation.
struct OwnedRequest {
  const clang::FieldDecl *Member = nullptr;
  const clang::Expr *Object = nullptr;
};
std::optional<OwnedRequest> ownedRequest(const clang::Expr *E);

/// The object whose address \p Context is, as it is given to a callback: `this`
/// or a pointer to an object of a class. Null when it is something else.
const clang::Expr *ownedContext(const clang::Expr *Context);

/// Which members' data is always the object that they are a part of.
class RequestOwners {
public:
  explicit RequestOwners(const SourceText &Text);
  ~RequestOwners();

  /// The data of \p Request is its object when \p Call, which stands in
  /// \p Function, starts an operation with it.
  bool remembersObject(const OwnedRequest &Request, const clang::CallExpr &Call,
                       const clang::FunctionDecl &Function);

private:
  struct Writes;
  const SourceText &Text;
  std::unique_ptr<Writes> Known;
};

} // namespace coralc

#endif
