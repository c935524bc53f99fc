//===--- Borrowing.cpp - What a task uses without owning it ---------------===//

#include "coralc/Analysis/Borrowing.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/KeptAlive.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {

/// The declaration of \p Function that has the body, or the pattern that has.
static const FunctionDecl *withBody(const FunctionDecl &Function) {
  if (const FunctionDecl *Definition = Function.getDefinition())
    if (Definition->getBody())
      return Definition;
  const FunctionDecl *Pattern = Function.getTemplateInstantiationPattern();
  Pattern = Pattern ? Pattern->getDefinition() : nullptr;
  return Pattern && Pattern->getBody() ? Pattern : nullptr;
}

static bool isReferring(QualType Type) {
  return Type->isReferenceType() || Type->isPointerType() || isView(Type);
}

//===----------------------------------------------------------------------===//
// Late uses
//===----------------------------------------------------------------------===//

/// What the closure whose call operator \p Function is has copies of.
static llvm::SmallPtrSet<const ValueDecl *, 4>
capturedByCopy(const FunctionDecl &Function) {
  llvm::SmallPtrSet<const ValueDecl *, 4> Copied;
  const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
  if (Method && Method->getParent()->isLambda())
    for (const LambdaCapture &Capture : Method->getParent()->captures())
      if (Capture.capturesVariable() && Capture.getCaptureKind() == LCK_ByCopy)
        Copied.insert(Capture.getCapturedVar());
  return Copied;
}

namespace {

/// Notes uses in one body, those of local references to a subject included.
class UseRecorder {
public:
  UseRecorder(const FunctionDecl &Function, LateUses &Uses)
      : InLambda(isLambda(Function)), Copied(capturedByCopy(Function)),
        Uses(Uses) {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Statement = dyn_cast<DeclStmt>(&Node))
        for (const Decl *Declared : Statement->decls())
          if (const auto *Variable = dyn_cast<VarDecl>(Declared))
            addAlias(*Variable);
      return false;
    });
  }

  void note(const Stmt &Node, LateUse Use) {
    if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
      if (Ref->refersToEnclosingVariableOrCapture())
        noteCapture(Use);
      else
        noteVariable(Ref->getDecl(), Use);
    } else if (isa<CXXThisExpr>(Node)) {
      noteThis(Use);
    }
  }

  void noteVariable(const ValueDecl *Variable, LateUse Use) {
    if (!Uses.Variables.try_emplace(Variable, Use).second)
      return;
    if (AliasesOfCaptures.contains(Variable))
      noteCapture(Use);
    for (const ValueDecl *Subject : Aliases.lookup(Variable))
      noteVariable(Subject, Use);
    if (AliasesOfThis.contains(Variable))
      noteThis(Use);
  }

  void noteThis(LateUse Use) {
    if (InLambda)
      return noteCapture(Use);
    if (!Uses.This)
      Uses.This = Use;
  }

  static bool isLambda(const FunctionDecl &Function) {
    const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
    return Method && Method->getParent()->isLambda();
  }

private:
  void noteCapture(LateUse Use) {
    if (!Uses.Captures)
      Uses.Captures = Use;
  }

  void addAlias(const VarDecl &Variable) {
    if (!Variable.getInit() || !isReferring(Variable.getType()))
      return;
    anyStatement(Variable.getInit(), [&](const Stmt &Node) {
      if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
        if (Ref->refersToEnclosingVariableOrCapture())
          addAliasOfCapture(Variable, *Ref);
        else
          Aliases[&Variable].push_back(Ref->getDecl());
      } else if (isa<CXXThisExpr>(Node) && !InLambda) {
        // A lambda's `this` is a pointer in the closure: a copy of it does
        // without.
        AliasesOfThis.insert(&Variable);
      }
      return false;
    });
  }

  /// \p Variable is made from the capture \p Captured: it refers to the closure
  /// if the closure has a copy, and if it is not just a copy of that itself.
  void addAliasOfCapture(const VarDecl &Variable, const DeclRefExpr &Captured) {
    bool TakesAddress = anyStatement(Variable.getInit(), [&](const Stmt &Node) {
      const auto *Unary = dyn_cast<UnaryOperator>(&Node);
      return Unary && Unary->getOpcode() == UO_AddrOf;
    });
    QualType Of = Captured.getType();
    if ((!Variable.getType()->isPointerType() || TakesAddress) &&
        (Variable.getType()->isReferenceType() ||
         !(Of->isPointerType() || isView(Of))) &&
        Copied.contains(Captured.getDecl()))
      AliasesOfCaptures.insert(&Variable);
  }

  bool InLambda;
  llvm::SmallPtrSet<const ValueDecl *, 4> Copied;
  LateUses &Uses;
  llvm::DenseMap<const ValueDecl *, llvm::SmallVector<const ValueDecl *, 2>>
      Aliases;
  llvm::DenseSet<const ValueDecl *> AliasesOfThis;
  llvm::DenseSet<const ValueDecl *> AliasesOfCaptures;
};

/// The first suspension that may lie behind, for every place of a function.
class FirstSuspension {
public:
  using State = const SuspensionPoint *;

  explicit FirstSuspension(const SuspensionCFG &Flow) : Flow(Flow) {}

  State entry() { return nullptr; }
  void transfer(const CFGElement &Element, State &At) {
    const SuspensionPoint *Point = Flow.pointAt(Element);
    if (!At && Point && Point->Kind != SuspensionPoint::Initial &&
        Point->Kind != SuspensionPoint::Final)
      At = Point;
  }
  void follow(const CFGBlock &, unsigned, State &) {}
  bool join(State &Into, State From) {
    if (Into || !From)
      return false;
    Into = From;
    return true;
  }

private:
  const SuspensionCFG &Flow;
};

} // namespace

void Borrowing::readCoroutine(const FunctionDecl &Function, LateUses &Uses) {
  UseRecorder Record(Function, Uses);
  const CoroutineType *Type = Types.lookup(Function.getReturnType());
  if (Type && Type->Start == StartPolicy::Lazy) {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      Record.note(Node, {Node.getBeginLoc(), {}});
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        for (const Expr *Init : Lambda->capture_inits())
          anyStatement(Init, [&](const Stmt &Inner) {
            Record.note(Inner, {Inner.getBeginLoc(), {}});
            return false;
          });
      return false;
    });
    return;
  }
  auto Flow = SuspensionCFG::build(Function, Types);
  if (!Flow)
    return;
  FirstSuspension Domain(*Flow);
  auto OnEntry = runForward(Flow->cfg(), Domain);
  for (const CFGBlock *Block : Flow->cfg()) {
    std::optional<const SuspensionPoint *> At = OnEntry[Block->getBlockID()];
    if (!At)
      continue;
    for (const CFGElement &Element : *Block) {
      Domain.transfer(Element, *At);
      std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
      if (!Node)
        continue;
      if (*At) {
        Record.note(*Node->getStmt(),
                    {Node->getStmt()->getBeginLoc(), (*At)->Where});
      } else if (const auto *Call = dyn_cast<CallExpr>(Node->getStmt())) {
        // What an inner task borrows is used while this one waits for it.
        for (const Borrow &Inner : of(*Call)) {
          if (Inner.Use.Suspension.isInvalid() ||
              (Inner.Kind == Borrow::Captured &&
               callsForeignLambda(*Call, Function)))
            continue;
          if (Inner.Place.Kind == Storage::Parameter)
            Record.noteVariable(Inner.Place.Variable, Inner.Use);
          else if (Inner.Place.Kind == Storage::This)
            Record.noteThis(Inner.Use);
        }
      }
    }
  }
}

/// The tasks that a plain function makes and returns.
static void forReturnedCalls(const Expr *Value,
                             llvm::function_ref<void(const CallExpr &)> Take) {
  Value = ignoreWrappers(Value);
  if (const auto *Choice = dyn_cast_or_null<ConditionalOperator>(Value)) {
    forReturnedCalls(Choice->getTrueExpr(), Take);
    forReturnedCalls(Choice->getFalseExpr(), Take);
  } else if (const auto *Call = dyn_cast_or_null<CallExpr>(Value)) {
    Take(*Call);
  }
}

/// Is what \p Passed refers to among the \p Copied captures of a closure?
static bool isPartOf(const Borrow &Passed,
                     const llvm::SmallPtrSetImpl<const ValueDecl *> &Copied) {
  const Expr *Given = Passed.Given;
  if (!Given || Passed.Kind == Borrow::Captured ||
      (Passed.Kind == Borrow::Object && Given->getType()->isPointerType()) ||
      (Passed.Name && !Passed.Name->getType()->isReferenceType()))
    return false;
  while (true) {
    Given = ignoreWrappers(Given);
    const auto *Member = dyn_cast_or_null<MemberExpr>(Given);
    if (!Member || Member->isArrow())
      break;
    Given = Member->getBase();
  }
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Given);
  return Ref && Copied.contains(Ref->getDecl());
}

void Borrowing::readPlain(const FunctionDecl &Function, LateUses &Uses) {
  auto Copied = capturedByCopy(Function);
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Return = dyn_cast<ReturnStmt>(&Node);
    if (!Return || !Return->getRetValue())
      return false;
    forReturnedCalls(Return->getRetValue(), [&](const CallExpr &Call) {
      for (const Borrow &Passed : of(Call)) {
        if (Passed.Kind == Borrow::Captured &&
            callsForeignLambda(Call, Function))
          continue;
        if (Passed.Place.Kind == Storage::Parameter)
          Uses.Variables.try_emplace(Passed.Place.Variable, Passed.Use);
        else if (Passed.Place.Kind == Storage::This && !Uses.This)
          Uses.This = Passed.Use;
        else if (!Uses.Captures && isPartOf(Passed, Copied))
          Uses.Captures = Passed.Use;
      }
    });
    return false;
  });
}

const LateUses &Borrowing::lateUses(const FunctionDecl &Function) {
  const FunctionDecl *Body = withBody(Function);
  std::unique_ptr<LateUses> &Slot =
      Known[Body ? Body : Function.getCanonicalDecl()];
  if (Slot)
    return *Slot;
  // Put an answer in first: a function may call itself.
  Slot = std::make_unique<LateUses>();
  LateUses &Uses = *Slot;
  if (!Body)
    return Uses;
  Uses.Visible = true;
  if (isCoroutine(*Body))
    readCoroutine(*Body, Uses);
  else
    readPlain(*Body, Uses);
  return Uses;
}

//===----------------------------------------------------------------------===//
// Borrows
//===----------------------------------------------------------------------===//

const FunctionDecl *coroutineOperator(const CXXRecordDecl &Closure) {
  const CXXMethodDecl *Operator = Closure.getLambdaCallOperator();
  if (!Operator)
    return nullptr;
  if (const FunctionTemplateDecl *Template =
          Operator->getDescribedFunctionTemplate()) {
    const FunctionDecl *Only = nullptr;
    for (const FunctionDecl *Instance : Template->specializations())
      Only = Only ? Only : Instance;
    if (!Only)
      return isCoroutine(*Operator) ? Operator : nullptr;
    return isCoroutine(*Only) ? Only : nullptr;
  }
  return isCoroutine(*Operator) ? Operator : nullptr;
}

/// Is an object of this class only a handle: copied freely, its copies as good
/// as itself?
static bool isHandle(const CXXRecordDecl *Record) {
  return !Record->hasDefinition() || Record->isTriviallyCopyable() ||
         Record->isEmpty();
}

static bool isLifetimeBound(const ParmVarDecl &Parameter) {
  return Parameter.hasAttr<LifetimeBoundAttr>();
}

/// The object and the arguments of a call, beside the parameters they meet.
struct CallParts {
  const Expr *Object = nullptr;
  llvm::SmallVector<std::pair<const ParmVarDecl *, const Expr *>, 4> Arguments;

  CallParts(const CallExpr &Call, const FunctionDecl &Callee) {
    unsigned First = 0;
    const auto *Method = dyn_cast<CXXMethodDecl>(&Callee);
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call)) {
      Object = Member->getImplicitObjectArgument();
    } else if (isa<CXXOperatorCallExpr>(Call) && Method &&
               !Method->isExplicitObjectMemberFunction()) {
      First = 1;
      if (!Method->isStatic() && Call.getNumArgs())
        Object = Call.getArg(0);
    }
    for (unsigned Index = First;
         Index < Call.getNumArgs() && Index - First < Callee.getNumParams();
         ++Index)
      Arguments.push_back(
          {Callee.getParamDecl(Index - First), Call.getArg(Index)});
  }
};

/// Is \p Declared a task that whoever is given it makes his own? Nobody is
/// given one by rvalue reference to leave it where it is.
static bool takesOver(QualType Declared, CoroutineTypes &Types) {
  const CoroutineType *Type =
      Declared->isRValueReferenceType() ? Types.lookup(Declared) : nullptr;
  return Type && Type->Kind == CoroutineKind::Task;
}

std::vector<Borrow> Borrowing::of(const CallExpr &Call) {
  std::vector<Borrow> Found;
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (!Callee || Call.isTypeDependent() || Call.containsErrors())
    return Found;
  // Its author says that the task refers to nothing that it is given.
  if (Callee->hasAttr<CoroDisableLifetimeBoundAttr>())
    return Found;
  const CoroutineType *Type = Types.lookup(Call.getType());
  if (!Type || !Type->Promise || Type->Synchronous)
    return Found;
  const LateUses &Uses = lateUses(*Callee);
  const FunctionDecl *Body = withBody(*Callee);
  bool Assumed = !Uses.Visible && Type->Start == StartPolicy::Lazy;
  CallParts Parts(Call, *Callee);

  const auto *Method = dyn_cast<CXXMethodDecl>(Callee);
  const CXXRecordDecl *Class = Method ? Method->getParent() : nullptr;
  bool OfClosure = Class && Class->isLambda();
  if (OfClosure && Uses.Captures && Method->isExplicitObjectMemberFunction()) {
    auto [Self, Given] = Parts.Arguments.front();
    if (Self->getType()->isReferenceType())
      Found.push_back(
          {Borrow::Closure, Given, nullptr, storageOf(Given), *Uses.Captures});
  }
  if (Parts.Object && !Method->isStatic()) {
    std::optional<LateUse> Late = OfClosure ? Uses.Captures : Uses.This;
    // `auto self = shared_from_this();` has run when an eager one returns.
    if (!OfClosure && Type->Start == StartPolicy::Eager && Body &&
        keepsAlive(*Body, *Class, Types))
      Late = std::nullopt;
    // One that can be shared may give its coroutine a share of itself.
    if (!Late && Assumed && !isHandle(Class) &&
        methodsNamed(Class, "shared_from_this").empty())
      Late = LateUse();
    Storage Place = Parts.Object->getType()->isPointerType()
                        ? pointeeStorageOf(Parts.Object)
                        : storageOf(Parts.Object);
    if (Late)
      Found.push_back({OfClosure ? Borrow::Closure : Borrow::Object,
                       Parts.Object, nullptr, Place, *Late});
  }
  if (OfClosure)
    addCaptured(*Class, Uses, Found);

  for (auto [Parameter, Given] : Parts.Arguments) {
    QualType Declared = Parameter->getType();
    if (!isReferring(Declared) || (Declared->isReferenceType() &&
                                   isStateless(Declared.getNonReferenceType())))
      continue;
    unsigned Index = Parameter->getFunctionScopeIndex();
    const ParmVarDecl *Inside = Body && Index < Body->getNumParams()
                                    ? Body->getParamDecl(Index)
                                    : nullptr;
    std::optional<LateUse> Late = Inside ? Uses.of(Inside) : std::nullopt;
    if (!Late && ((Assumed && !takesOver(Declared, Types)) ||
                  (!Uses.Visible && isLifetimeBound(*Parameter))))
      Late = LateUse();
    if (!Late)
      continue;
    Storage Place = Declared->isReferenceType() ? storageOf(Given)
                                                : pointeeStorageOf(Given);
    // A view that is copied from where a parameter refers to: what it points
    // into is not what the parameter refers to.
    if (!Declared->isReferenceType() && Place.Kind == Storage::Parameter &&
        Place.Variable->getType()->isReferenceType() &&
        (isView(Place.Variable->getType().getNonReferenceType()) ||
         Place.Variable->getType().getNonReferenceType()->isPointerType()))
      Place = {};
    // A callable that a plain function calls and whose task it passes on.
    const CXXRecordDecl *Callable = recordOf(Declared);
    bool CallsIt = Body && !isCoroutine(*Body) && Callable &&
                   Callable->isLambda() && coroutineOperator(*Callable);
    Found.push_back({CallsIt ? Borrow::Closure : Borrow::Argument, Given,
                     Parameter, Place, *Late});
  }
  return Found;
}

} // namespace coralc
