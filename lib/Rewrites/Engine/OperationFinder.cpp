//===--- OperationFinder.cpp - Every operation of a unit ------------------===//

#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class OperationFinder : public OwnCodeVisitor {
public:
  OperationFinder(const SourceText &Text, const PatternList &Patterns)
      : Text(Text), Patterns(Patterns) {}

  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    if (!F)
      return OwnCodeVisitor::TraverseDecl(D);
    SaveAndRestore<const FunctionDecl *> Function(Current, F);
    SaveAndRestore<unsigned> Lambdas(ForeignLambdas, 0u);
    return OwnCodeVisitor::TraverseDecl(D);
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    bool Foreign = !Handlers.contains(L);
    SaveAndRestore<unsigned> Lambdas(ForeignLambdas, ForeignLambdas + Foreign);
    SaveAndRestore<const FunctionDecl *> Around(
        CallbackOf, Foreign ? PassedTo.lookup(L) : CallbackOf);
    // Of a generic handler, the instance says what is called.
    if (!Foreign && L->isGenericLambda())
      return TraverseStmt(callOperator(*L)->getBody());
    return OwnCodeVisitor::TraverseLambdaExpr(L);
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    if (!Current || !Text.range(Call->getSourceRange()))
      return true;
    notePassed(*Call);
    for (const auto &P : Patterns) {
      std::optional<OperationMatch> Match = P->matchOperation(*Call, Text);
      if (!Match)
        continue;
      if (auto *Op = std::get_if<Operation>(&*Match)) {
        Op->Origin = P.get();
        noteHandler(*Op);
        if (ForeignLambdas)
          Match =
              Refusal{"operation-in-a-lambda", Call->getBeginLoc(), inLambda()};
      }
      Found.InOrder.push_back({Call->getBeginLoc(), P.get(), Current});
      Found.Matches.try_emplace(Call, std::move(*Match));
      break;
    }
    return true;
  }

  void noteHandler(const Operation &Op) {
    for (const Operation &Handler : Op.Handlers)
      noteHandler(Handler);
    WasEarly |= Handlers.insert(Op.lambda()).second && Op.Stored;
  }

  /// Which of the user's functions get a lambda.
  void notePassed(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || isa<CXXOperatorCallExpr>(Call) ||
        !Text.range(Callee->getSourceRange()))
      return;
    for (const Expr *Argument : Call.arguments())
      if (const auto *L = dyn_cast<LambdaExpr>(asWritten(Argument)))
        PassedTo[L] = Callee;
  }

  std::string inLambda() const {
    if (!CallbackOf)
      return "the operation starts inside a lambda that is not itself a "
             "handler, so nothing says when and how often it runs; move the "
             "lambda's body into a function";
    return "the operation starts inside a callback of '" +
           CallbackOf->getNameAsString() +
           "', which is not known to wait and then call it exactly once, as "
           "the last thing on every path; move the callback's body into a "
           "function";
  }

  const SourceText &Text;
  const PatternList &Patterns;
  /// Lambdas that the user's own functions get, and the one that got the
  /// innermost around.
  DenseMap<const LambdaExpr *, const FunctionDecl *> PassedTo;
  const FunctionDecl *CallbackOf = nullptr;
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
