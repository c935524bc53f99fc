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

/// \p Call names something that the function around it declares, other than a
/// copy of shared_from_this().
bool mentionsLocalName(const CallExpr &Call, const FunctionDecl &Around) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const FunctionDecl &Around;
    SmallPtrSet<const Decl *, 8> Own;
    bool Found = false;
    explicit Visitor(const FunctionDecl &Around) : Around(Around) {}
    void add(const Decl *D) {
      const DeclContext *Scope = D ? D->getParentFunctionOrMethod() : nullptr;
      const auto *V = dyn_cast_or_null<VarDecl>(D);
      // What is outside of a local class is the same for all its functions.
      bool IsOutside = Scope && Scope != &Around && Scope->Encloses(&Around);
      Found |= Scope && !IsOutside && !Own.contains(D) &&
               !(V && isSharedFromThisCopy(V));
    }
    bool VisitDecl(const Decl *D) override {
      Own.insert(D);
      return true;
    }
    bool VisitDeclRefExpr(const DeclRefExpr *E) override {
      add(E->getDecl());
      return true;
    }
    bool VisitTypeLoc(TypeLoc T) override {
      add(T.getType()->getAsTagDecl());
      if (const auto *Name = T.getType()->getAs<TypedefType>())
        add(Name->getDecl());
      return true;
    }
  } V(Around);
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
          mentionsLocalName(*S.Op->Call, *Owner.Function))
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
