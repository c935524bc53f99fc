//===--- StoredHandler.cpp - Handlers that have a name --------------------===//

#include "coralc/Rewrites/Engine/StoredHandler.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The statements from the block that declares the variable down to the call,
/// none of which runs it more than once: the index of each in its block.
struct Way {
  const CompoundStmt *Block;
  size_t Declaration = 0;
  size_t Use = 0;
  bool IsStatement = false;
};

/// \p S is \p Call, or a block or an if that leads to it.
bool leadsTo(const Stmt *S, const CallExpr &Call) {
  if (!S)
    return false;
  if (const auto *E = dyn_cast<Expr>(S))
    return asWritten(E) == &Call;
  if (const auto *Return = dyn_cast<ReturnStmt>(S))
    return leadsTo(Return->getRetValue(), Call);
  if (const auto *If = dyn_cast<IfStmt>(S))
    return leadsTo(If->getThen(), Call) || leadsTo(If->getElse(), Call);
  const auto *Block = dyn_cast<CompoundStmt>(S);
  return Block && any_of(Block->body(), [&](const Stmt *Inner) {
           return leadsTo(Inner, Call);
         });
}

bool declares(const Stmt *S, const VarDecl &V) {
  const auto *Declaration = dyn_cast<DeclStmt>(S);
  return Declaration && Declaration->isSingleDecl() &&
         Declaration->getSingleDecl() == &V;
}

std::optional<Way> wayTo(const Stmt *S, const VarDecl &V,
                         const CallExpr &Call) {
  if (!S)
    return std::nullopt;
  if (const auto *Block = dyn_cast<CompoundStmt>(S)) {
    std::optional<size_t> Declared;
    for (const auto &[I, Inner] : enumerate(Block->body())) {
      if (declares(Inner, V))
        Declared = I;
      else if (Declared && leadsTo(Inner, Call))
        return Way{Block, *Declared, I, isa<Expr>(Inner)};
    }
  }
  for (const Stmt *Child : S->children())
    if (std::optional<Way> Found = wayTo(Child, V, Call))
      return Found;
  return std::nullopt;
}

const Stmt *bodyAround(const VarDecl &V) {
  const auto *F = dyn_cast<FunctionDecl>(V.getDeclContext());
  return F ? F->getBody() : nullptr;
}

/// What the handler that \p Made makes is made from: the variables whose
/// values it takes, and whether there is anything else that could give another
/// result later.
struct Ingredients {
  SmallPtrSet<const VarDecl *, 4> Variables;
  bool OnlyVariables = true;
};

void addValue(const Expr *E, Ingredients &To) {
  E = asWritten(E);
  if (const VarDecl *Variable = variableNamedBy(E)) {
    if (!isSharedFromThisCopy(Variable))
      To.Variables.insert(Variable);
  } else if (!isa<CXXThisExpr>(E) && !isSharedFromThis(E)) {
    To.OnlyVariables = false;
  }
}

Ingredients ingredientsOf(const Expr &Made) {
  Ingredients Result;
  const auto *Lambda = dyn_cast<LambdaExpr>(&Made);
  if (!Lambda) {
    Result.OnlyVariables = false;
    return Result;
  }
  for (const LambdaCapture &C : Lambda->captures()) {
    if (!C.capturesVariable() || C.getCaptureKind() != LCK_ByCopy)
      continue;
    const auto *Variable = dyn_cast<VarDecl>(C.getCapturedVar());
    if (Variable && Variable->isInitCapture())
      addValue(Variable->getInit(), Result);
    else if (Variable && !isSharedFromThisCopy(Variable))
      Result.Variables.insert(Variable);
  }
  return Result;
}

} // namespace

const Expr *madeBy(const VarDecl &Stored) {
  // What seems to convert an argument to an object of the user's makes it.
  const Expr *Init = Stored.getInit();
  const Expr *Inner = asWritten(Init);
  const CXXRecordDecl *Record = Stored.getType()->getAsCXXRecordDecl();
  return Record && !Record->isLambda() && !Record->isInStdNamespace() ? Init
                                                                      : Inner;
}

const DeclStmt *declarationOf(const VarDecl &V) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl *V;
    const DeclStmt *Found = nullptr;
    bool VisitDeclStmt(const DeclStmt *S) override {
      if (declares(S, *V))
        Found = S;
      return true;
    }
  } Declarations;
  Declarations.V = &V;
  Declarations.TraverseStmt(bodyAround(V));
  return Declarations.Found;
}

const VarDecl *storedHandler(const Expr &Handler, const CallExpr &Call) {
  const VarDecl *V = variableNamedBy(&Handler);
  if (!V || isa<ParmVarDecl>(V) || V->isStaticLocal() || V->isInitCapture() ||
      V->getType()->isReferenceType() || !V->hasInit())
    return nullptr;
  const Stmt *Body = bodyAround(*V);
  std::optional<Way> Found = wayTo(Body, *V, Call);
  if (!Found || countMentions(Body, *V) != 1)
    return nullptr;
  Ingredients From = ingredientsOf(*madeBy(*V));
  if (!From.OnlyVariables)
    return Found->Use == Found->Declaration + 1 && Found->IsStatement ? V
                                                                      : nullptr;
  ArrayRef<Stmt *> Statements(Found->Block->body_begin(),
                              Found->Block->body_end());
  // The last of these is the call itself, or leads to it.
  ArrayRef<Stmt *> Between =
      Statements.slice(Found->Declaration + 1,
                       Found->Use - Found->Declaration - Found->IsStatement);
  bool Changes = any_of(Between, [&](const Stmt *S) {
    return any_of(From.Variables,
                  [&](const VarDecl *Taken) { return mentions(S, Taken); });
  });
  return Changes ? nullptr : V;
}

} // namespace coralc
