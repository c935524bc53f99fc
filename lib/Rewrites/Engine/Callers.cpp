//===--- Callers.cpp - Whether all callers are seen -----------------------===//

#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclFriend.h"
#include "clang/AST/DeclTemplate.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool isDefinedHere(const FunctionDecl &F, const SourceText &Text) {
  const FunctionDecl *Definition = nullptr;
  if (F.isImplicit() || F.isDeleted() || F.isDefaulted())
    return true;
  if (!F.isDefined(Definition))
    return F.isPureVirtual();
  return Text.range(Definition->getSourceRange()).has_value();
}

} // namespace

bool isWholeIn(const CXXRecordDecl &Class, const SourceText &Text) {
  return all_of(Class.decls(), [&](const Decl *D) {
    if (const auto *F = dyn_cast<FunctionDecl>(D))
      return isDefinedHere(*F, Text);
    if (const auto *T = dyn_cast<FunctionTemplateDecl>(D))
      return isDefinedHere(*T->getTemplatedDecl(), Text);
    if (const auto *Nested = dyn_cast<CXXRecordDecl>(D))
      return Nested->isImplicit() || (Nested->isThisDeclarationADefinition() &&
                                      isWholeIn(*Nested, Text));
    return !isa<FriendDecl, ClassTemplateDecl>(D);
  });
}

bool hasUnseenCallers(const FunctionDecl &F, const SourceText &Text) {
  if (all_of(declarationsOf(F), [&](const FunctionDecl *Declared) {
        return Text.isInSource(Declared->getSourceRange());
      }))
    return false;
  const auto *Method = dyn_cast<CXXMethodDecl>(&F);
  return !Method || Method->getAccess() != AS_private ||
         !isWholeIn(*Method->getParent(), Text);
}

} // namespace coralc
