//===--- TaskSpelling.cpp - The task type that a file uses ----------------===//

#include "coralc/Analysis/TaskSpelling.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"

using namespace clang;

namespace coralc {

TaskSpelling::TaskSpelling(ASTContext &Context, CoroutineTypes &Types)
    : Context(Context), Types(Types) {
  Votes Count;
  for (const Decl *Top : Context.getTranslationUnitDecl()->noload_decls())
    count(Top, Count);
  unsigned Most = 0;
  for (auto [Candidate, Number] : Count)
    if (Number > Most) {
      Template = Candidate;
      Most = Number;
    }
}

std::string TaskSpelling::wrap(llvm::StringRef Result,
                               const DeclContext *Place) const {
  if (!Template)
    return "";
  if (Result == "void" || Result.empty())
    Result = resultHasDefault() ? "" : "void";
  return (name(Place) + "<" + Result + ">").str();
}

void TaskSpelling::count(const Decl *Node, Votes &Count) {
  const SourceManager &Sources = Context.getSourceManager();
  if (Sources.isInSystemHeader(Node->getLocation()))
    return;
  if (isa<NamespaceDecl, CXXRecordDecl, LinkageSpecDecl>(Node))
    for (const Decl *Inner : cast<DeclContext>(Node)->noload_decls())
      count(Inner, Count);
  const auto *Function = dyn_cast<FunctionDecl>(Node);
  if (!Function || !Sources.isInMainFile(Function->getLocation()))
    return;
  const CoroutineType *Type = Types.lookup(Function->getReturnType());
  if (!Type || Type->Kind != CoroutineKind::Task)
    return;
  if (const auto *Spec =
          dyn_cast<ClassTemplateSpecializationDecl>(Type->Record)) {
    ++Count[Spec->getSpecializedTemplate()->getCanonicalDecl()];
    if (!Example)
      Example = Function;
  }
}

bool TaskSpelling::resultHasDefault() const {
  const NamedDecl *First =
      Template->getMostRecentDecl()->getTemplateParameters()->getParam(0);
  const auto *Parameter = dyn_cast<TemplateTypeParmDecl>(First);
  return Parameter && Parameter->hasDefaultArgument();
}

/// As the first function that returns it spells it, if the same words mean the
/// same at \p Place; else in full.
std::string TaskSpelling::name(const DeclContext *Place) const {
  if (Example && Place && Example->getDeclContext()->Encloses(Place)) {
    llvm::StringRef Text = Lexer::getSourceText(
        CharSourceRange::getTokenRange(Example->getReturnTypeSourceRange()),
        Context.getSourceManager(), Context.getLangOpts());
    if (Text.contains((Template->getName() + "<").str()))
      return Text.take_front(Text.find('<')).str();
  }
  return vocabularyName(*Template);
}

} // namespace coralc
