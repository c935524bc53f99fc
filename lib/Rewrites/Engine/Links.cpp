//===--- Links.cpp - What ties a unit to others of its program ------------===//

#include "coralc/Rewrites/Engine/Links.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/Meaning.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Index/USRGeneration.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallString.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The outermost class that \p F is a member of.
const CXXRecordDecl *classOf(const FunctionDecl &F) {
  const auto *Class = dyn_cast<CXXRecordDecl>(F.getDeclContext());
  while (Class)
    if (const auto *Outer = dyn_cast<CXXRecordDecl>(Class->getDeclContext()))
      Class = Outer;
    else
      break;
  return Class;
}

class LinkFinder : public ConstDynamicRecursiveASTVisitor {
public:
  explicit LinkFinder(const SourceText &Text) : Text(Text) {}

  bool VisitFunctionDecl(const FunctionDecl *F) override {
    if (!F->isThisDeclarationADefinition() ||
        !Text.isInSource(F->getSourceRange()))
      return true;
    const CXXRecordDecl *Class = classOf(*F);
    if (Class && !Text.isInSource(Class->getSourceRange()) &&
        !isWholeIn(*Class, Text))
      Shared.insert(Class->getCanonicalDecl());
    return true;
  }
  bool TraverseStmt(const Stmt *) override { return true; }

  const SourceText &Text;
  SetVector<const CXXRecordDecl *> Shared;
};

std::string usrOf(const CXXRecordDecl &Class) {
  SmallString<128> Usr;
  index::generateUSRForDecl(&Class, Usr);
  return Usr.str().str();
}

} // namespace

UnitLinks findLinks(Converter &Plan) {
  LinkFinder Finder(Plan.text());
  forEachOwnDecl(Plan.text(), [&](const Decl *D) { Finder.TraverseDecl(D); });
  UnitLinks Links;
  for (const CXXRecordDecl *Class : Finder.Shared) {
    Links.Shares.push_back(usrOf(*Class));
    for (const FoundOperation &Op : Plan.graph().Operations) {
      const CXXRecordDecl *Around = classOf(*Op.Function);
      if (Around && Around->getCanonicalDecl() == Class) {
        Links.Wants.push_back(Links.Shares.back());
        break;
      }
    }
  }
  if (!Links.Shares.empty())
    Links.Meanings = readMeanings(Plan.text().context());
  return Links;
}

std::vector<std::string> findOffers(Converter &Plan) {
  std::vector<std::string> Names;
  for (const Agent &A : Plan.agents())
    if (!A.Why && A.Entry->Delivers && A.Entry->HasToStay)
      Names.push_back(A.Entry->Function->getNameAsString());
  return Names;
}

} // namespace coralc
