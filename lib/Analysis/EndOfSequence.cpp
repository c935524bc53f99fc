//===--- EndOfSequence.cpp - Ends of sequences that get away --------------===//

#include "coralc/Analysis/EndOfSequence.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallSet.h"

using namespace clang;

namespace coralc {

bool EndOfSequence::isEndSignal(QualType Type) const {
  return Types.plays(Role::EndSignal, Type);
}

//===----------------------------------------------------------------------===//
// Handlers
//===----------------------------------------------------------------------===//

static bool isDerivedFrom(const CXXRecordDecl *Derived,
                          const CXXRecordDecl *Base) {
  return Derived->hasDefinition() && Base->hasDefinition() &&
         (Derived->getCanonicalDecl() == Base->getCanonicalDecl() ||
          Derived->isDerivedFrom(Base));
}

/// Does \p Handler take an end signal; \p Signal, if it is known which?
static bool takesSignal(const EndOfSequence &Ends, const CXXCatchStmt &Handler,
                        QualType Signal) {
  QualType Caught = Handler.getCaughtType();
  if (Caught.isNull() || Ends.isEndSignal(Caught))
    return true;
  const CXXRecordDecl *Base = recordOf(Caught);
  if (!Base)
    return false;
  if (const CXXRecordDecl *Thrown = recordOf(Signal))
    return isDerivedFrom(Thrown, Base);
  return Base->isInStdNamespace() && Base->getIdentifier() &&
         Base->getName() == "exception";
}

/// Does \p Handler, whatever else it does, throw on what it took?
static bool alwaysRethrows(const CXXCatchStmt &Handler) {
  const auto *Block = dyn_cast_or_null<CompoundStmt>(Handler.getHandlerBlock());
  return Block && llvm::any_of(Block->body(), [](const Stmt *Child) {
           if (const auto *Outer = dyn_cast<ExprWithCleanups>(Child))
             Child = Outer->getSubExpr();
           const auto *Throw = dyn_cast<CXXThrowExpr>(Child);
           return Throw && !Throw->getSubExpr();
         });
}

//===----------------------------------------------------------------------===//
// Sites
//===----------------------------------------------------------------------===//

/// The variable or member of *this that \p E names; null if it is neither.
static const ValueDecl *namedBy(const Expr *E) {
  E = ignoreWrappers(E);
  if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(E))
    return Ref->getDecl();
  if (const auto *Member = dyn_cast_or_null<MemberExpr>(E))
    if (isa<CXXThisExpr>(Member->getBase()->IgnoreParenImpCasts()))
      return Member->getMemberDecl();
  return nullptr;
}

/// The sequence that \p Call takes an element of.
static const ValueDecl *sequenceOf(const CallExpr &Call) {
  if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
    return namedBy(Member->getImplicitObjectArgument());
  return Call.getNumArgs() ? namedBy(Call.getArg(0)) : nullptr;
}

namespace {
struct Candidate {
  EndOfSequenceSite Site;
  /// What has to be known not to have ended.
  const ValueDecl *Sequence = nullptr;
};
} // namespace

/// Walks a function and collects the sites that no handler around them covers.
class SiteCollector {
public:
  SiteCollector(EndOfSequence &Ends, std::vector<Candidate> &Found)
      : Ends(Ends), Found(Found) {}

  void walk(const Stmt *Node) {
    if (!Node || !Seen.insert(Node).second || isa<LambdaExpr>(Node))
      return;
    if (const auto *Try = dyn_cast<CXXTryStmt>(Node)) {
      Around.push_back(Try);
      walk(Try->getTryBlock());
      Around.pop_back();
      for (unsigned Index = 0; Index != Try->getNumHandlers(); ++Index)
        walk(Try->getHandler(Index));
      return;
    }
    if (const auto *Throw = dyn_cast<CXXThrowExpr>(Node)) {
      const Expr *Thrown = Throw->getSubExpr();
      if (Thrown && Ends.isEndSignal(Thrown->getType()))
        add({EndOfSequenceSite::Throw, Throw, Thrown->getType()}, nullptr);
    } else if (const auto *Call = dyn_cast<CallExpr>(Node)) {
      classify(*Call);
    }
    if (const auto *Loop = dyn_cast<CXXForRangeStmt>(Node)) {
      walk(Loop->getInit());
      walk(Loop->getRangeInit());
      return walk(Loop->getBody());
    }
    if (const auto *Await = dyn_cast<CoroutineSuspendExpr>(Node))
      return walk(Await->getOperand());
    for (const Stmt *Child : Node->children())
      walk(Child);
  }

private:
  void add(EndOfSequenceSite Site, const ValueDecl *Sequence) {
    for (const CXXTryStmt *Try : llvm::reverse(Around))
      for (unsigned Index = 0; Index != Try->getNumHandlers(); ++Index)
        if (takesSignal(Ends, *Try->getHandler(Index), Site.Signal)) {
          if (!alwaysRethrows(*Try->getHandler(Index)))
            return;
          break;
        }
    Found.push_back({Site, Sequence});
  }

  void classify(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || Call.containsErrors())
      return;
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call)) {
      if ((Operator->getOperator() == OO_Star ||
           Operator->getOperator() == OO_Arrow) &&
          isGeneratorIterator(Operator->getArg(0)))
        add({EndOfSequenceSite::Dereference, &Call, {}},
            namedBy(Operator->getArg(0)));
      return;
    }
    if (Ends.Types.plays(Role::NextCall, *Callee)) {
      // With a default there is always something to give.
      if (isa<CXXMethodDecl>(Callee) || Call.getNumArgs() == 1)
        add({EndOfSequenceSite::Next, &Call, {}}, sequenceOf(Call));
      return;
    }
    if (std::optional<EndOfSequenceSite> Inner = Ends.leakThrough(Callee))
      add({EndOfSequenceSite::Call, &Call, Inner->Signal, Inner->Where},
          sequenceOf(Call));
  }

  /// `g.begin()`, or a variable initialised with it.
  bool isGeneratorIterator(const Expr *E) const {
    E = ignoreWrappers(E);
    if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(E)) {
      const auto *Variable = dyn_cast<VarDecl>(Ref->getDecl());
      if (!Variable || !Variable->hasLocalStorage() || Variable->isImplicit() ||
          !Variable->getInit())
        return false;
      E = ignoreWrappers(Variable->getInit());
    }
    const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(E);
    if (!Call || calleeName(*Call) != "begin")
      return false;
    const CoroutineType *Type =
        Ends.Types.lookup(Call->getImplicitObjectArgument()->getType());
    return Type && Type->Kind == CoroutineKind::Generator;
  }

  EndOfSequence &Ends;
  std::vector<Candidate> &Found;
  llvm::SmallVector<const CXXTryStmt *> Around;
  llvm::DenseSet<const Stmt *> Seen;
};

//===----------------------------------------------------------------------===//
// What was asked
//===----------------------------------------------------------------------===//

namespace {

/// The must-analysis of what is known to have a next element.
class AskedFlow {
public:
  using State = std::vector<const ValueDecl *>; // sorted

  AskedFlow(const CFG &Graph, const std::vector<Candidate> &Candidates) {
    for (const Candidate &Each : Candidates)
      if (Each.Sequence) {
        Sequences.insert(Each.Sequence);
        Takes[Each.Site.Where] = Each.Sequence;
      }
    auto OnEntry = runForward(Graph, *this);
    Recording = true;
    for (const CFGBlock *Block : Graph)
      if (std::optional<State> &At = OnEntry[Block->getBlockID()])
        for (const CFGElement &Element : *Block)
          transfer(Element, *At);
  }

  /// Was it asked on every path to \p Where?
  bool asked(const Expr *Where) const { return !Unasked.contains(Where); }

  State entry() const { return {}; }

  void transfer(const CFGElement &Element, State &At) {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    const Stmt *S = Node->getStmt();
    if (auto Take = Takes.find(S); Take != Takes.end()) {
      if (Recording && !llvm::is_contained(At, Take->second))
        Unasked.insert(S);
      // Reading an iterator twice is reading the same element.
      const auto *Operator = dyn_cast<CXXOperatorCallExpr>(S);
      if (!Operator)
        llvm::erase(At, Take->second);
    }
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(S);
        Operator && (Operator->getOperator() == OO_PlusPlus ||
                     Operator->getOperator() == OO_Equal))
      llvm::erase(At, namedBy(Operator->getArg(0)));
  }

  void follow(const CFGBlock &From, unsigned Successor, State &At) {
    const Expr *Condition =
        From.succ_size() == 2 ? From.getLastCondition() : nullptr;
    if (!Condition)
      return;
    bool Inverted = false;
    Condition = Condition->IgnoreParenImpCasts();
    while (const auto *Not = dyn_cast<UnaryOperator>(Condition)) {
      if (Not->getOpcode() != UO_LNot)
        break;
      Inverted = !Inverted;
      Condition = Not->getSubExpr()->IgnoreParenImpCasts();
    }
    std::optional<bool> MeansMore = meaning(Condition);
    bool Holds = (Successor == 0) != Inverted;
    for (const ValueDecl *Sequence : Sequences)
      if (mentions(Condition, Sequence) &&
          (!MeansMore || *MeansMore == Holds) &&
          !llvm::is_contained(At, Sequence))
        At.insert(llvm::upper_bound(At, Sequence), Sequence);
  }

  static bool join(State &Into, const State &From) {
    size_t Before = Into.size();
    llvm::erase_if(Into, [&](const ValueDecl *Sequence) {
      return !llvm::is_contained(From, Sequence);
    });
    return Into.size() != Before;
  }

private:
  /// Does a true \p Condition mean that there is more, or that there is not?
  /// Nothing when it is not a question of the known kinds; it is then taken to
  /// have been asked for a reason.
  static std::optional<bool> meaning(const Expr *Condition) {
    if (const auto *Rewritten = dyn_cast<CXXRewrittenBinaryOperator>(Condition))
      return Rewritten->getOperator() == BO_NE   ? std::optional(true)
             : Rewritten->getOperator() == BO_EQ ? std::optional(false)
                                                 : std::nullopt;
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Condition))
      return Operator->getOperator() == OO_ExclaimEqual ? std::optional(true)
             : Operator->getOperator() == OO_EqualEqual ? std::optional(false)
                                                        : std::nullopt;
    const auto *Call = dyn_cast<CXXMemberCallExpr>(Condition);
    if (!Call)
      return std::nullopt;
    if (isa_and_nonnull<CXXConversionDecl>(Call->getMethodDecl()))
      return true;
    return llvm::StringSwitch<std::optional<bool>>(calleeName(*Call))
        .Cases({"done", "is_done", "finished", "exhausted"}, false)
        .Cases({"at_end", "empty", "closed"}, false)
        .Cases({"has_next", "has_value", "valid", "hasNext"}, true)
        .Default(std::nullopt);
  }

  static bool mentions(const Expr *Condition, const ValueDecl *Sequence) {
    return anyStatement(Condition, [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node))
        return Ref->getDecl() == Sequence;
      const auto *Member = dyn_cast<MemberExpr>(&Node);
      return Member && Member->getMemberDecl() == Sequence;
    });
  }

  llvm::SmallPtrSet<const ValueDecl *, 4> Sequences;
  llvm::DenseMap<const Stmt *, const ValueDecl *> Takes;
  llvm::SmallPtrSet<const Stmt *, 8> Unasked;
  bool Recording = false;
};

} // namespace

std::vector<EndOfSequenceSite>
EndOfSequence::leaks(const FunctionDecl &Function) {
  std::vector<Candidate> Candidates;
  SiteCollector(*this, Candidates).walk(bodyOf(Function));
  std::vector<EndOfSequenceSite> Leaks;
  std::optional<AskedFlow> Asked;
  for (const Candidate &Each : Candidates) {
    if (Each.Sequence && !Asked) {
      auto Flow = SuspensionCFG::build(Function, Types);
      if (!Flow)
        return {};
      Asked.emplace(Flow->cfg(), Candidates);
    }
    if (!Each.Sequence || !Asked->asked(Each.Site.Where))
      Leaks.push_back(Each.Site);
  }
  return Leaks;
}

std::optional<EndOfSequenceSite>
EndOfSequence::leakThrough(const FunctionDecl *Callee) {
  const FunctionDecl *Definition = Callee->getDefinition();
  if (!Definition || !Definition->doesThisDeclarationHaveABody() ||
      isCoroutine(*Definition) ||
      Callee->getASTContext().getSourceManager().isInSystemHeader(
          Definition->getLocation()))
    return std::nullopt;
  // What a library with end signals does inside is its own contract.
  std::string Name = vocabularyName(*Definition);
  for (const Vocabulary &Library : Types.vocabularies().all())
    if (!Library.names(Role::EndSignal).empty())
      for (const std::string &Namespace : Library.Namespaces)
        if (llvm::StringRef(Name).starts_with(Namespace + "::"))
          return std::nullopt;
  if (auto Known = Summaries.find(Definition); Known != Summaries.end())
    return Known->second;
  // A recursive call finds nothing new.
  Summaries[Definition] = std::nullopt;
  std::vector<EndOfSequenceSite> Inner = leaks(*Definition);
  std::optional<EndOfSequenceSite> Summary;
  if (!Inner.empty())
    Summary = Inner.front();
  return Summaries[Definition] = Summary;
}

} // namespace coralc
