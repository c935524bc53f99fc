//===--- SharedState.cpp - References into what others may change ---------===//

#include "coralc/Analysis/SharedState.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Storage.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {

//===----------------------------------------------------------------------===//
// Containers
//===----------------------------------------------------------------------===//

/// A class whose elements come and go: it has an end, and something that takes
/// elements away.
static bool isContainer(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || methodsNamed(Record, "end").empty())
    return false;
  return llvm::any_of(llvm::ArrayRef<llvm::StringRef>{"erase", "clear",
                                                      "pop_front", "pop_back",
                                                      "remove"},
                      [&](llvm::StringRef Name) {
                        return !methodsNamed(Record, Name).empty();
                      });
}

/// Do elements stay where they are when others are added, as in node-based
/// containers? Those can give a node away or splice it.
static bool hasStableElements(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  return !methodsNamed(Record, "extract").empty() ||
         !methodsNamed(Record, "splice").empty() ||
         !methodsNamed(Record, "splice_after").empty();
}

static bool isIterator(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || !Record->hasDefinition())
    return false;
  DeclarationNameTable &Names = Record->getASTContext().DeclarationNames;
  return !methodsNamed(Record, Names.getCXXOperatorName(OO_PlusPlus)).empty() &&
         !methodsNamed(Record, Names.getCXXOperatorName(OO_Star)).empty();
}

static bool isSmartPointer(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || !Record->hasDefinition() || Record->hasTrivialDestructor())
    return false;
  return !methodsNamed(
              Record,
              Record->getASTContext().DeclarationNames.getCXXOperatorName(
                  OO_Arrow))
              .empty() &&
         methodsNamed(Record, "end").empty() && !isIterator(Type);
}

/// Methods of a container that give access into it and change nothing.
static bool isAccess(llvm::StringRef Name) {
  return llvm::StringSwitch<bool>(Name)
      .Cases({"at", "front", "back", "data", "find", "top"}, true)
      .Cases({"begin", "end", "rbegin", "rend", "cbegin", "cend"}, true)
      .Cases({"lower_bound", "upper_bound", "equal_range", "c_str"}, true)
      .Default(false);
}

/// Methods that leave every element where it is.
static bool leavesElements(llvm::StringRef Name, bool Stable) {
  if (isAccess(Name) ||
      llvm::StringSwitch<bool>(Name)
          .Cases({"size", "empty", "count", "contains", "capacity"}, true)
          .Cases({"max_size", "length", "get_allocator"}, true)
          .Default(false))
    return true;
  return Stable && (Name.starts_with("insert") || Name.starts_with("emplace") ||
                    Name.starts_with("push_") || Name == "try_emplace");
}

/// Looks through conversions to a base, const and the like.
static const Expr *plain(const Expr *E) {
  while (E) {
    const Expr *Inner = ignoreWrappers(E);
    if (const auto *Cast = dyn_cast_or_null<ImplicitCastExpr>(Inner))
      Inner = Cast->getSubExpr();
    if (Inner == E)
      break;
    E = Inner;
  }
  return E;
}

/// The declaration of the container that \p Object is, if others can reach it:
/// a member of something, or a global. What is local, or a parameter that the
/// caller lends, is null.
static const ValueDecl *reachable(const Expr *Object) {
  Object = Object->IgnoreParenImpCasts();
  if (Object->getType().isConstQualified() && !isa<MemberExpr>(Object))
    return nullptr;
  if (const auto *Member = dyn_cast<MemberExpr>(Object)) {
    const auto *Field = dyn_cast<FieldDecl>(Member->getMemberDecl());
    if (!Field || Field->getType().isConstQualified() ||
        Field->getType()->isReferenceType())
      return nullptr;
    Storage Place = storageOf(Member);
    return Place.Kind == Storage::Local || Place.Kind == Storage::Temporary
               ? nullptr
               : Field;
  }
  const auto *Ref = dyn_cast<DeclRefExpr>(Object);
  const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  return Variable && Variable->hasGlobalStorage() &&
                 !Variable->getType().isConstQualified()
             ? Variable
             : nullptr;
}

namespace {

/// One step of getting at something: from what, and how.
struct Access {
  enum HowTy {
    /// A member of it, or its address.
    Part,
    /// An element or an iterator of it.
    Element,
    /// A view of all of it.
    View,
    /// What it points to.
    Pointee
  };
  const Expr *From = nullptr;
  HowTy How = Part;
};

} // namespace

static Access accessIn(const Expr *Value) {
  if (const auto *Unary = dyn_cast<UnaryOperator>(Value)) {
    // What a plain pointer points to is not in the container that holds it.
    bool Through = Unary->getOpcode() == UO_AddrOf ||
                   (Unary->getOpcode() == UO_Deref &&
                    isa<CallExpr>(plain(Unary->getSubExpr())));
    return {Through ? Unary->getSubExpr() : nullptr, Access::Part};
  }
  if (const auto *Member = dyn_cast<MemberExpr>(Value)) {
    const auto *Field = dyn_cast<FieldDecl>(Member->getMemberDecl());
    bool Through =
        Field && !Field->getType()->isReferenceType() &&
        (!Member->isArrow() || isa<CallExpr>(plain(Member->getBase())));
    return {Through ? Member->getBase() : nullptr, Access::Part};
  }
  if (const auto *Made = dyn_cast<CXXConstructExpr>(Value))
    return {Made->getNumArgs() && isView(Made->getType()) ? Made->getArg(0)
                                                          : nullptr,
            Access::View};
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Value))
    switch (Operator->getOperator()) {
    case OO_Star:
    case OO_Arrow:
      return {Operator->getArg(0), Access::Pointee};
    case OO_Subscript:
      return {Operator->getArg(0), Access::Element};
    default:
      return {};
    }
  const auto *Call = dyn_cast<CXXMemberCallExpr>(Value);
  if (!Call)
    return {};
  const Expr *Object = Call->getImplicitObjectArgument();
  llvm::StringRef Name = calleeName(*Call);
  if (isa_and_nonnull<CXXConversionDecl>(Call->getMethodDecl()))
    return {Object, Access::View};
  if (Name == "get" || Name == "value")
    return {Object, Access::Pointee};
  return {isAccess(Name) ? Object : nullptr, Access::Element};
}

const Expr *SharedState::sharedSource(const Expr *Value,
                                      const ValueDecl *&Container) {
  Container = nullptr;
  while ((Value = plain(Value))) {
    if (Value->isTypeDependent() || Value->containsErrors())
      return nullptr;
    Access Step = accessIn(Value);
    if (!Step.From ||
        (Step.How != Access::Part && Step.From->getType()->isPointerType()))
      return nullptr;
    QualType Type = Step.From->IgnoreParenImpCasts()->getType();
    if (Step.How == Access::Element && !isContainer(Type))
      return nullptr;
    if ((Step.How == Access::Element || Step.How == Access::View) &&
        isContainer(Type)) {
      Container = reachable(Step.From);
      if (Container || Step.How == Access::Element)
        return Container && mayChange(Container) ? Step.From : nullptr;
    }
    if (Step.How == Access::Pointee && isSmartPointer(Type) &&
        storageOf(Step.From).Kind == Storage::Temporary)
      return Step.From;
    Value = Step.From;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Changes
//===----------------------------------------------------------------------===//

/// Is everything that can touch \p Field in this translation unit?
static bool isFullyVisible(const FieldDecl *Field) {
  if (Field->getAccess() != AS_private)
    return false;
  const auto *Class = dyn_cast<CXXRecordDecl>(Field->getParent());
  if (!Class || Class->hasFriends())
    return false;
  return llvm::all_of(Class->decls(), [](const Decl *Member) {
    if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Member))
      Member = Template->getTemplatedDecl();
    const auto *Function = dyn_cast<FunctionDecl>(Member);
    return !Function || Function->isImplicit() || Function->isDefaulted() ||
           Function->isDeleted() || Function->getDefinition();
  });
}

static bool refersTo(const Expr *E, const ValueDecl *Declared) {
  E = E->IgnoreParenImpCasts();
  if (const auto *Member = dyn_cast<MemberExpr>(E))
    return Member->getMemberDecl() == Declared;
  const auto *Ref = dyn_cast<DeclRefExpr>(E);
  return Ref && Ref->getDecl() == Declared;
}

/// Does \p Function do more with \p Container than look into it?
static bool changes(const FunctionDecl &Function, const ValueDecl *Container) {
  const Stmt *Body = bodyOf(Function);
  bool Stable = hasStableElements(Container->getType());
  unsigned Mentions = 0, Harmless = 0;
  llvm::DenseSet<const Stmt *> Seen;
  anyStatement(Body, [&](const Stmt &Node) {
    if (!Seen.insert(&Node).second)
      return false;
    if (const auto *E = dyn_cast<Expr>(&Node);
        E && isa<MemberExpr, DeclRefExpr>(E))
      Mentions += refersTo(E, Container);
    if (const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node)) {
      if (refersTo(Call->getImplicitObjectArgument(), Container))
        Harmless += leavesElements(calleeName(*Call), Stable);
    } else if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node)) {
      if (Operator->getOperator() == OO_Subscript &&
          refersTo(Operator->getArg(0), Container))
        ++Harmless;
    } else if (const auto *Declaration = dyn_cast<DeclStmt>(&Node)) {
      // The range of a range-for.
      for (const Decl *Declared : Declaration->decls())
        if (const auto *Variable = dyn_cast<VarDecl>(Declared);
            Variable && Variable->isImplicit() && Variable->getInit())
          Harmless += refersTo(Variable->getInit(), Container);
    }
    return false;
  });
  return Mentions > Harmless;
}

bool SharedState::mayChange(const ValueDecl *Container) {
  auto [Known, Fresh] = Changes.try_emplace(Container, true);
  if (!Fresh)
    return Known->second;
  const auto *Field = dyn_cast<FieldDecl>(Container);
  bool Result = true;
  if (Field && isFullyVisible(Field))
    Result = llvm::any_of(Functions, [&](const FunctionDecl *Function) {
      return !isa<CXXConstructorDecl, CXXDestructorDecl>(Function) &&
             changes(*Function, Container);
    });
  return Changes[Container] = Result;
}

//===----------------------------------------------------------------------===//
// Stale uses
//===----------------------------------------------------------------------===//

namespace {

/// One local view, and where it is made.
struct View {
  const ValueDecl *Name;
  const VarDecl *Owner;
  const Expr *Source;
  const ValueDecl *Container;
};

/// Follows one view. A state is the suspension since it was made, if it was
/// made on every way here.
class ViewFlow {
public:
  struct State {
    bool Made = false;
    const SuspensionPoint *Behind = nullptr;
  };

  /// \p Assigned are the mentions that are only given a new value.
  ViewFlow(const SuspensionCFG &Flow, const View &Of, SharedState &Shared,
           const llvm::DenseSet<const Stmt *> &Assigned)
      : Flow(Flow), Of(Of), Shared(Shared), Assigned(Assigned) {}

  std::optional<StaleUse> run() {
    auto OnEntry = runForward(Flow.cfg(), *this);
    const SourceManager &Sources =
        Flow.function().getASTContext().getSourceManager();
    std::optional<StaleUse> First;
    for (const CFGBlock *Block : Flow.cfg()) {
      std::optional<State> At = OnEntry[Block->getBlockID()];
      if (!At)
        continue;
      for (const CFGElement &Element : *Block) {
        if (const Stmt *Use = useIn(Element); Use && At->Made && At->Behind)
          if (!First || Sources.isBeforeInTranslationUnit(
                            Use->getBeginLoc(), First->Use->getBeginLoc()))
            First = {Of.Name, Of.Source, Of.Container, At->Behind, Use};
        transfer(Element, *At);
      }
    }
    return First;
  }

  State entry() { return {}; }
  void transfer(const CFGElement &Element, State &At) {
    if (const SuspensionPoint *Point = Flow.pointAt(Element);
        Point && At.Made && !At.Behind)
      At.Behind = Point;
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    if (const auto *Declaration = dyn_cast<DeclStmt>(Node->getStmt());
        Declaration && llvm::is_contained(Declaration->decls(), Of.Owner))
      At = {true, nullptr};
    else if (const Expr *Value = assignedIn(*Node->getStmt()))
      At = {isShared(Value), nullptr};
  }
  void follow(const CFGBlock &, unsigned, State &) {}
  bool join(State &Into, const State &From) {
    State Before = Into;
    Into.Made |= From.Made;
    if (!Into.Behind)
      Into.Behind = From.Behind;
    return Into.Made != Before.Made || Into.Behind != Before.Behind;
  }

private:
  bool isShared(const Expr *Value) {
    const ValueDecl *Container;
    return Shared.sharedSource(Value, Container) != nullptr;
  }

  bool isView(const Expr *E) const {
    const auto *Ref = dyn_cast<DeclRefExpr>(E->IgnoreParenImpCasts());
    return Ref && Ref->getDecl() == Of.Name;
  }

  /// The new value of the view, if \p Node assigns it.
  const Expr *assignedIn(const Stmt &Node) const {
    if (Of.Name->getType()->isReferenceType() || isa<BindingDecl>(Of.Name))
      return nullptr;
    if (const auto *Assign = dyn_cast<BinaryOperator>(&Node))
      return Assign->getOpcode() == BO_Assign && isView(Assign->getLHS())
                 ? Assign->getRHS()
                 : nullptr;
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node);
    return Operator && Operator->getOperator() == OO_Equal &&
                   isView(Operator->getArg(0))
               ? Operator->getArg(1)
               : nullptr;
  }

  const Stmt *useIn(const CFGElement &Element) const {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    const auto *Ref = Node ? dyn_cast<DeclRefExpr>(Node->getStmt()) : nullptr;
    if (!Ref || Ref->getDecl() != Of.Name)
      return nullptr;
    // Assigning to a reference is a use of what it refers to.
    bool Anew = Assigned.contains(Ref) && !isa<BindingDecl>(Of.Name) &&
                !Of.Name->getType()->isReferenceType();
    return Anew ? nullptr : Ref;
  }

  const SuspensionCFG &Flow;
  const View &Of;
  SharedState &Shared;
  const llvm::DenseSet<const Stmt *> &Assigned;
};

bool mayView(QualType Type) {
  return Type->isReferenceType() || Type->isPointerType() || isView(Type) ||
         isIterator(Type);
}

} // namespace

std::vector<StaleUse> SharedState::staleUses(const SuspensionCFG &Flow) {
  const Stmt *Body = bodyOf(Flow.function());
  bool Suspends = llvm::any_of(Flow.points(), [](const SuspensionPoint &Point) {
    return Point.Kind != SuspensionPoint::Initial &&
           Point.Kind != SuspensionPoint::Final;
  });
  std::vector<StaleUse> Found;
  if (!Suspends)
    return Found;
  std::vector<View> Views;
  bool Guarded = false;
  llvm::DenseSet<const Stmt *> Assigned;
  auto AddVariable = [&](const VarDecl &Variable) {
    Guarded |= Types.isLockLike(Variable.getType());
    if (!Variable.hasLocalStorage() || !Variable.getInit() ||
        Variable.isImplicit() || Variable.isInvalidDecl() ||
        Variable.getType()->isDependentType())
      return;
    const ValueDecl *Container;
    if (!mayView(Variable.getType()))
      return;
    // A value that is got out and bound to a reference is the frame's own.
    if (storageOf(Variable.getInit()).Kind == Storage::Local)
      return;
    const Expr *Source = sharedSource(Variable.getInit(), Container);
    if (!Source)
      return;
    if (const auto *Bound = dyn_cast<DecompositionDecl>(&Variable)) {
      for (const BindingDecl *Binding : Bound->bindings())
        Views.push_back({Binding, Bound, Source, Container});
      return;
    }
    Views.push_back({&Variable, &Variable, Source, Container});
  };
  anyStatement(Body, [&](const Stmt &Node) {
    if (const auto *Statement = dyn_cast<DeclStmt>(&Node)) {
      for (const Decl *Declared : Statement->decls())
        if (const auto *Variable = dyn_cast<VarDecl>(Declared))
          AddVariable(*Variable);
    } else if (const auto *Assign = dyn_cast<BinaryOperator>(&Node)) {
      if (Assign->getOpcode() == BO_Assign)
        Assigned.insert(Assign->getLHS()->IgnoreParenImpCasts());
    } else if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Node)) {
      if (Operator->getOperator() == OO_Equal)
        Assigned.insert(Operator->getArg(0)->IgnoreParenImpCasts());
    }
    return false;
  });
  if (Guarded)
    return Found;
  for (const View &Each : Views)
    if (std::optional<StaleUse> Use =
            ViewFlow(Flow, Each, *this, Assigned).run())
      Found.push_back(*Use);
  // A loop over a container looks at the container again after each iteration.
  anyStatement(Body, [&](const Stmt &Node) {
    const auto *Loop = dyn_cast<CXXForRangeStmt>(&Node);
    const Expr *Range = Loop ? Loop->getRangeInit() : nullptr;
    if (!Range || Range->isTypeDependent() || !isContainer(Range->getType()))
      return false;
    const ValueDecl *Container = reachable(Range);
    if (!Container || !mayChange(Container))
      return false;
    for (const SuspensionPoint &Point : Flow.points())
      if (Point.Expression &&
          anyStatement(Loop->getBody(), [&](const Stmt &Inner) {
            return &Inner == Point.Expression;
          })) {
        Found.push_back({nullptr, Range, Container, &Point, Loop});
        break;
      }
    return false;
  });
  return Found;
}

} // namespace coralc
