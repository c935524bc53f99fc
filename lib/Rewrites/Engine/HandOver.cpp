//===--- HandOver.cpp - Objects that are their own handlers ---------------===//
//
//   struct countdown {
//     void operator()(error_code ec) {
//       ...
//       timer.async_wait(*this);
//     }
//   };
//
// Each operation gets a copy of the object, and goes on in that. The agent
// holds one object from its start on. So what the code changes before its first
// wait is changed in that object, and not in the one that was called: nobody
// may look at the latter any more.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Calling objects of \p Record is all that the outside can do with them.
bool hidesItsState(const CXXRecordDecl &Record) {
  bool HidesFields = all_of(Record.fields(), [](const FieldDecl *F) {
    return F->getAccess() == AS_private || F->getType()->isReferenceType();
  });
  return HidesFields && none_of(Record.methods(), [](const CXXMethodDecl *M) {
           return M->getAccess() == AS_public && M->isInstance() &&
                  !M->isImplicit() && !isa<CXXConstructorDecl>(M) &&
                  !isa<CXXDestructorDecl>(M) && !M->isOverloadedOperator();
         });
}

/// The object that \p Call calls is of no use behind it: it was made for this
/// call, or is a variable that nothing else names.
bool isLastUse(const CallExpr &Call, const FunctionDecl *Caller) {
  const Expr *Object = Call.getArg(0)->IgnoreParenImpCasts();
  if (isa<MaterializeTemporaryExpr>(Object) || Object->isPRValue())
    return true;
  const VarDecl *V = variableNamedBy(Object);
  if (!V || !Caller || V->getType()->isReferenceType())
    return false;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl *V;
    unsigned Uses = 0;
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      Uses += E->getDecl() == V;
      return true;
    }
  } Uses;
  Uses.V = V;
  Uses.TraverseStmt(Caller->getBody());
  return Uses.Uses == 1;
}

bool changesCopies(const CXXRecordDecl &Record) {
  return any_of(Record.ctors(), [](const CXXConstructorDecl *C) {
    return C->isCopyOrMoveConstructor() && C->isUserProvided();
  });
}

} // namespace

std::optional<Refusal> checkHandOver(const Agent &A) {
  const auto *Operator = dyn_cast<CXXMethodDecl>(A.Entry->Function);
  if (!Operator)
    return std::nullopt;
  const CXXRecordDecl &Record = *Operator->getParent();
  auto Refuse = [&](SourceLocation Where, const Twine &Message) {
    return Refusal{"lifetime-differs", Where, Message.str()};
  };
  const CXXDestructorDecl *Destructor = Record.getDestructor();
  if (changesCopies(Record) || (Destructor && Destructor->isUserProvided()))
    return Refuse(Record.getLocation(),
                  "copies of '" + Record.getNameAsString() +
                      "' are not like the object, and a coroutine makes one "
                      "where each operation made one");
  if (hidesItsState(Record))
    return std::nullopt;
  if (A.hasToStay())
    return Refuse(Operator->getLocation(),
                  "others may call '" + A.Entry->Name +
                      "' and look at the object afterwards; make its members "
                      "private");
  for (const StartSite &Start : A.Starts)
    if (!isa<CXXOperatorCallExpr>(Start.Call) ||
        !isLastUse(*Start.Call, Start.Caller))
      return Refuse(Start.Call->getBeginLoc(),
                    "the object is used after this call, which the coroutine "
                    "would not change; call a temporary, or make its members "
                    "private");
  return std::nullopt;
}

} // namespace coralc
