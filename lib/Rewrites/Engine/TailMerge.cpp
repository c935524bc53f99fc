//===--- TailMerge.cpp - One place for the same operation -----------------===//

#include "coralc/Rewrites/Engine/TailMerge.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The end of a sequence, from the suspension at \c Index on.
struct Tail {
  const State *Owner;
  Sequence *Steps;
  size_t Index;
};

/// \p Call names a variable of the function around it, other than a copy of
/// shared_from_this().
bool mentionsOuterVariable(const CallExpr &Call) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const ValueDecl *, 8> Own;
    bool Found = false;
    bool VisitVarDecl(const VarDecl *V) override {
      Own.insert(V);
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      const auto *V = dyn_cast<VarDecl>(E->getDecl());
      Found |= V && V->hasLocalStorage() && !Own.contains(V) &&
               !isSharedFromThisCopy(V);
      return true;
    }
  } V;
  V.TraverseStmt(&Call);
  return V.Found;
}

/// \p Text with every run of white space as one blank.
std::string squeezed(StringRef Text) {
  SmallVector<StringRef, 32> Words;
  SplitString(Text, Words);
  return join(Words, " ");
}

class TailMerger {
public:
  TailMerger(StateGraph &Graph, const SourceText &Text)
      : Graph(Graph), Text(Text) {}

  void run() {
    for (const auto &S : Graph.States)
      if (!S->Why && !S->Generator)
        collect(*S, S->Steps);
    for (const Group &G : Groups)
      if (G.Tails.size() > 1)
        merge(G.Tails);
  }

private:
  void collect(const State &Owner, Sequence &Steps) {
    for (size_t I = 0; I != Steps.size(); ++I) {
      Step &S = Steps[I];
      for (Sequence *Inner : S.inner())
        collect(Owner, *Inner);
      if (S.What != Step::Kind::Suspend || !S.Op->Bound || S.Op->Returned ||
          S.Op->How == Operation::Form::Completion ||
          mentionsOuterVariable(*S.Op->Call))
        continue;
      std::string Words = squeezed(Text.text(S.Op->Call->getSourceRange()));
      if (!Words.empty())
        groupOf(Owner.Function->getDeclContext(), std::move(Words))
            .Tails.push_back({&Owner, &Steps, I});
      return;
    }
  }

  struct Group {
    const DeclContext *Scope;
    std::string Words;
    std::vector<Tail> Tails;
  };

  Group &groupOf(const DeclContext *Scope, std::string Words) {
    Scope = Scope->getPrimaryContext();
    auto Known = find_if(Groups, [&](const Group &G) {
      return G.Scope == Scope && G.Words == Words;
    });
    if (Known != Groups.end())
      return *Known;
    Groups.push_back({Scope, std::move(Words), {}});
    return Groups.back();
  }

  void merge(ArrayRef<Tail> Tails) {
    State &Shared = Graph.add(Tails.front().Owner->Function);
    Shared.IsPart = true;
    Shared.Name = Tails.front().Owner->Name;
    for (const Tail &T : Tails) {
      auto First = T.Steps->begin() + T.Index;
      Step Jump;
      Jump.What = Step::Kind::Jump;
      Jump.Target = &Shared;
      if (Shared.Steps.empty())
        Shared.Steps.assign(std::make_move_iterator(First),
                            std::make_move_iterator(T.Steps->end()));
      else if (First->Leading.Comments != Shared.Steps.front().Leading.Comments)
        Jump.Leading = First->Leading;
      T.Steps->erase(First, T.Steps->end());
      T.Steps->push_back(std::move(Jump));
    }
  }

  StateGraph &Graph;
  const SourceText &Text;
  std::vector<Group> Groups;
};

} // namespace

void mergeTails(StateGraph &Graph, const SourceText &Text) {
  TailMerger(Graph, Text).run();
}

} // namespace coralc
