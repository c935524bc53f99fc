//===--- OperationFinder.cpp - Every operation of a unit ------------------===//

#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class OperationFinder : public ConstDynamicRecursiveASTVisitor {
public:
  OperationFinder(const SourceText &Text, const PatternList &Patterns)
      : Text(Text), Patterns(Patterns) {}

  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    if (!F)
      return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
    SaveAndRestore<const FunctionDecl *> Function(Current, F);
    SaveAndRestore<unsigned> Lambdas(ForeignLambdas, 0u);
    return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    bool Foreign = !Handlers.contains(L);
    SaveAndRestore<unsigned> Lambdas(ForeignLambdas, ForeignLambdas + Foreign);
    // Of a generic handler, the instance says what is called.
    if (!Foreign && L->isGenericLambda())
      return TraverseStmt(callOperator(*L)->getBody());
    return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    if (!Current || !Text.range(Call->getSourceRange()))
      return true;
    for (const auto &P : Patterns) {
      std::optional<OperationMatch> Match = P->matchOperation(*Call, Text);
      if (!Match)
        continue;
      if (auto *Op = std::get_if<Operation>(&*Match)) {
        Op->Origin = P.get();
        WasEarly |= Handlers.insert(Op->lambda()).second && Op->Stored;
        if (ForeignLambdas)
          Match = Refusal{"operation-in-a-lambda", Call->getBeginLoc(),
                          "the operation starts inside a lambda that is not "
                          "itself a handler, so nothing says when and how "
                          "often it runs; move the lambda's body into a "
                          "function"};
      }
      Found.InOrder.push_back({Call->getBeginLoc(), P.get(), Current});
      Found.Matches.try_emplace(Call, std::move(*Match));
      break;
    }
    return true;
  }

  const SourceText &Text;
  const PatternList &Patterns;
  const FunctionDecl *Current = nullptr;
  unsigned ForeignLambdas = 0;
  /// A handler was come by before its operation was seen.
  bool WasEarly = false;
  SmallPtrSet<const LambdaExpr *, 8> Handlers;
  FoundOperations Found;
};

} // namespace

FoundOperations findOperations(const SourceText &Text,
                               const PatternList &Patterns) {
  OperationFinder Finder(Text, Patterns);
  do {
    Finder.WasEarly = false;
    Finder.Found = FoundOperations();
    forEachOwnDecl(Text, [&](const Decl *D) { Finder.TraverseDecl(D); });
  } while (Finder.WasEarly);
  return std::move(Finder.Found);
}

void forEachOwnDecl(const SourceText &Text,
                    function_ref<void(const Decl *)> Visit) {
  const SourceManager &SM = Text.context().getSourceManager();
  for (const Decl *D : Text.context().getTranslationUnitDecl()->decls()) {
    FileID Where = SM.getFileID(SM.getExpansionLoc(D->getLocation()));
    if (any_of(Text.files(),
               [&](const SourceText::File &F) { return F.Id == Where; }))
      Visit(D);
  }
}

} // namespace coralc
