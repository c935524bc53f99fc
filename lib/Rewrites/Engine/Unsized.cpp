//===--- Unsized.cpp - What has no place in a frame -----------------------===//

#include "coralc/Rewrites/Engine/Unsized.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool isUnsized(const VarDecl &V) {
  const auto *Record = V.getType()->getAsRecordDecl();
  return V.hasLocalStorage() && (V.getType()->isVariableArrayType() ||
                                 (Record && Record->hasFlexibleArrayMember()));
}

/// \p N may stand in a lambda.
bool fits(const Node &N) {
  switch (N.What) {
  case Node::Kind::Comment:
    return true;
  case Node::Kind::Code:
    // The lambda has a value of its own to return.
    return !N.LivesOnAs &&
           none_of(returnsOf(N.Source), [](const ReturnStmt *R) {
             return R->getRetValue() != nullptr;
           });
  case Node::Kind::If:
    return all_of(N.Body, fits) && all_of(N.Else, fits);
  case Node::Kind::Return:
    return !N.Op && !N.Call;
  default:
    return false;
  }
}

/// \p Value is computed without looking through a pointer.
bool isPlainValue(const Expr *Value) {
  return !Value || (Value->getType()->isScalarType() && variableNamedBy(Value));
}

/// Behind a wait and at a jump all variables of the code before are gone.
bool endsScope(const Node &N) {
  switch (N.What) {
  case Node::Kind::Await:
  case Node::Kind::Continue:
    return true;
  case Node::Kind::Assign:
  case Node::Kind::Bind:
    return all_of(N.Arguments, isPlainValue);
  case Node::Kind::Return:
    return !N.Call;
  default:
    return false;
  }
}

bool ends(ArrayRef<Node> Nodes) {
  return any_of(Nodes, [](const Node &N) {
    return N.What == Node::Kind::Return || !returnsOf(N.Source).empty() ||
           ends(N.Body) || ends(N.Else);
  });
}

bool mentions(const Node &N, const ValueDecl *D) {
  auto Names = [&](const Stmt *S) { return S && coralc::mentions(S, D); };
  return Names(N.Source) || Names(N.Call) || any_of(N.Arguments, Names) ||
         (N.Op && Names(N.Op->Call)) ||
         any_of(N.inner(), [&](const Block *Inner) {
           return any_of(*Inner,
                         [&](const Node &Other) { return mentions(Other, D); });
         });
}

/// A variable that one of \p Nodes declares is named in \p Behind.
bool isUsedBehind(ArrayRef<Node> Nodes, ArrayRef<Node> Behind) {
  return any_of(Nodes, [&](const Node &N) {
    const auto *Declaration = dyn_cast_or_null<DeclStmt>(N.Source);
    return Declaration && any_of(Declaration->decls(), [&](const Decl *D) {
             const auto *V = dyn_cast<ValueDecl>(D);
             return V && any_of(Behind, [&](const Node &Other) {
                      return mentions(Other, V);
                    });
           });
  });
}

/// How many of \p Nodes, from the one with the declaration of a variable
/// without a size on, may stand apart; 0 when not all that may know of it do.
size_t countApart(ArrayRef<Node> Nodes) {
  if (!fits(Nodes.front()))
    return 0;
  if (!isa<DeclStmt>(Nodes.front().Source))
    return 1;
  size_t Count = Nodes.take_while(fits).size();
  // A return at the end stays where it is.
  if (Count > 1 && Nodes[Count - 1].What == Node::Kind::Return)
    --Count;
  ArrayRef<Node> Behind = Nodes.drop_front(Count);
  if ((!Behind.empty() && !endsScope(Behind.front())) ||
      isUsedBehind(Nodes.take_front(Count), Behind))
    return 0;
  return Count;
}

/// \p IsLast: behind \p Nodes there is only the end of the coroutine.
void setApart(Block &Nodes, bool IsLast) {
  for (size_t I = 0; I != Nodes.size(); ++I) {
    bool Ends = IsLast && I + 1 == Nodes.size();
    for (Block *Inner : Nodes[I].inner())
      setApart(*Inner, Ends && Nodes[I].What == Node::Kind::If);
    if (Nodes[I].What != Node::Kind::Code || !findUnsized(Nodes[I].Source))
      continue;
    size_t Count = countApart(ArrayRef(Nodes).drop_front(I));
    if (Count == 0)
      continue;
    auto First = Nodes.begin() + I, Behind = First + Count;
    Node Apart;
    Apart.What = Node::Kind::Apart;
    Apart.Leading.BlankLine = std::exchange(First->Leading.BlankLine, false);
    Apart.Body.assign(std::make_move_iterator(First),
                      std::make_move_iterator(Behind));
    bool IsLeft = isLeft(Apart.Body);
    Apart.MayEnd =
        !IsLeft && ends(Apart.Body) && !(IsLast && Behind == Nodes.end());
    Nodes.erase(First + 1, Behind);
    Nodes[I] = std::move(Apart);
    if (IsLeft && I + 1 == Nodes.size() && !IsLast) {
      Node Return;
      Return.What = Node::Kind::Return;
      Nodes.push_back(std::move(Return));
    }
  }
}

} // namespace

const VarDecl *findUnsized(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const VarDecl *Found = nullptr;
    bool VisitVarDecl(const VarDecl *V) override {
      if (isUnsized(*V))
        Found = V;
      return true;
    }
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
  } V;
  V.TraverseStmt(S);
  return V.Found;
}

const CompoundStmt *calledApart(const Expr *E) {
  const auto *Call = dyn_cast_or_null<CXXOperatorCallExpr>(asWritten(E));
  const auto *L = Call && Call->getNumArgs() == 1
                      ? dyn_cast<LambdaExpr>(asWritten(Call->getArg(0)))
                      : nullptr;
  return L && findUnsized(L->getBody()) ? L->getCompoundStmtBody() : nullptr;
}

void setUnsizedApart(Block &Body) { setApart(Body, /*IsLast=*/true); }

} // namespace coralc
