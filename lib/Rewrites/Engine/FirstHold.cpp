//===--- FirstHold.cpp - From where on an agent holds its object ----------===//
//
//   ~connection() { close(); }
//
//   void close() {
//     if (!open_)
//       return;
//     auto self = shared_from_this();
//     ...
//   }
//
// An agent holds its object from its start on, which is before the code that
// asked for shared_from_this(). That fails for an object that nobody owns: one
// that is a variable, is just made or goes. So none of these may come there.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclCXX.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The first statement of \p F asks for shared_from_this(), whatever happens.
bool holdsAtFirst(const FunctionDecl &F) {
  const auto *Body = dyn_cast_or_null<CompoundStmt>(F.getBody());
  if (!Body || Body->body_empty() || !isa<DeclStmt, Expr>(Body->body_front()))
    return false;
  return asksForSelf(Body->body_front());
}

/// What the program does with objects of a class.
class UnownedObjects : public OwnCodeVisitor {
public:
  explicit UnownedObjects(const CXXRecordDecl &Class) : Class(Class) {}

  /// A member function is called on an object that nobody need own.
  bool mayCall(const FunctionDecl &F) const {
    if (HasVariable)
      return true;
    SmallVector<const FunctionDecl *, 8> Reached(MakersAndEnds.begin(),
                                                 MakersAndEnds.end());
    for (size_t I = 0; I != Reached.size(); ++I)
      for (const FunctionDecl *Callee : Calls.lookup(Reached[I])) {
        if (Callee == &F)
          return true;
        if (!is_contained(Reached, Callee))
          Reached.push_back(Callee);
      }
    return false;
  }

  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    SaveAndRestore Function(Current, F ? F : Current);
    return OwnCodeVisitor::TraverseDecl(D);
  }
  // Mostly it runs later.
  bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
  bool VisitFunctionDecl(const FunctionDecl *F) override {
    if (isa<CXXConstructorDecl, CXXDestructorDecl>(F) &&
        isOfClass(cast<CXXMethodDecl>(F)->getParent()) && F->hasBody())
      MakersAndEnds.push_back(definitionOf(F));
    return true;
  }
  bool VisitDeclaratorDecl(const DeclaratorDecl *D) override {
    const clang::Type *Object = D->getType()->getBaseElementTypeUnsafe();
    HasVariable |= isOfClass(Object->getAsCXXRecordDecl());
    return true;
  }
  bool VisitCallExpr(const CallExpr *Call) override {
    if (isOnThis(*Call) && Call->getDirectCallee())
      Calls[definitionOf(Current)].push_back(
          definitionOf(Call->getDirectCallee()));
    return true;
  }

private:
  bool isOfClass(const CXXRecordDecl *Record) const {
    return Record && Record->hasDefinition() &&
           (declaresSameEntity(Record, &Class) ||
            Record->isDerivedFrom(&Class));
  }

  const CXXRecordDecl &Class;
  const FunctionDecl *Current = nullptr;
  bool HasVariable = false;
  SmallVector<const FunctionDecl *, 4> MakersAndEnds;
  DenseMap<const FunctionDecl *, SmallVector<const FunctionDecl *, 4>> Calls;
};

} // namespace

std::optional<Refusal> checkFirstHold(const Agent &A, const SourceText &Text) {
  const auto *Method = dyn_cast<CXXMethodDecl>(A.Entry->Function);
  if (!A.HoldsSelf || A.beside() || !Method || holdsAtFirst(*Method))
    return std::nullopt;
  UnownedObjects Objects(*Method->getParent());
  forEachOwnDecl(Text, [&](const Decl *D) { Objects.TraverseDecl(D); });
  if (!Objects.mayCall(*Method))
    return std::nullopt;
  return Refusal{"lifetime-differs", Method->getLocation(),
                 "'" + A.Entry->Name +
                     "' may be called for an object that no shared pointer "
                     "owns, as a variable or in a destructor, and does "
                     "something before it asks for shared_from_this(), which "
                     "a coroutine holds from its start; ask for it first, in "
                     "a function of its own"};
}

} // namespace coralc
