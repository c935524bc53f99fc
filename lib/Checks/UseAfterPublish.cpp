//===--- UseAfterPublish.cpp - coral-use-after-publish --------------------===//
//
// Reports what await_suspend does with a coroutine that it has given away. As
// soon as somebody else has the handle, the coroutine may go on in another
// thread and end: the frame, the awaiter in it and everything that the awaiter
// refers to are gone. And when await_suspend returns, its own parameters are.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {
namespace {

/// The local variable or parameter of the function that \p E names.
const VarDecl *localIn(const Expr *E) {
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(E));
  const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  return Variable && Variable->hasLocalStorage() ? Variable : nullptr;
}

bool mentions(const Stmt *Root, const VarDecl *Variable) {
  return anyStatement(Root, [&](const Stmt &Node) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
        return C.capturesVariable() && C.getCapturedVar() == Variable;
      });
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    return Ref && Ref->getDecl() == Variable;
  });
}

/// Does \p Call run the callable that it is given before it returns?
bool callsAtOnce(const CallExpr &Call, const Expr *Callable) {
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (!Callee)
    return false;
  if (Callee->isInStdNamespace() && Callee->getIdentifier())
    return Callee->getName() != "async";
  for (unsigned Index = 0;
       Index < Call.getNumArgs() && Index < Callee->getNumParams(); ++Index) {
    if (ignoreWrappers(Call.getArg(Index)) != Callable)
      continue;
    const FunctionDecl *Body = Callee;
    if (const FunctionDecl *Pattern = Callee->getTemplateInstantiationPattern();
        Pattern && !Callee->getBody())
      Body = Pattern;
    if (Index >= Body->getNumParams())
      return false;
    const ParmVarDecl *Parameter = Body->getParamDecl(Index);
    return anyStatement(Body->getBody(), [&](const Stmt &Node) {
      const auto *Inner = dyn_cast<CallExpr>(&Node);
      if (!Inner)
        return false;
      const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Inner);
      const Expr *Called = Operator && Operator->getOperator() == OO_Call
                               ? Operator->getArg(0)
                               : Inner->getCallee();
      return localIn(Called) == Parameter;
    });
  }
  return false;
}

/// One await_suspend.
class Suspender {
public:
  Suspender(TranslationUnit &Unit, const CXXMethodDecl &Function)
      : Unit(Unit), Function(Function), Handle(Function.getParamDecl(0)),
        Parents(const_cast<Stmt *>(Function.getBody())) {}

  void check() {
    collect(Function.getBody());
    if (!Published.empty() && !takesLock())
      checkAfterwards();
  }

  // The domain of the flow: the first place that gave the handle away.
  using State = const Expr *;
  State entry() const { return nullptr; }
  void transfer(const CFGElement &Element, State &At) const {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    if (const auto *E = dyn_cast<Expr>(Node->getStmt());
        E && !At && llvm::is_contained(Published, E))
      At = E;
  }
  void follow(const CFGBlock &, unsigned, State &) const {}
  bool join(State &Into, const State &From) const {
    if (Into || !From)
      return false;
    Into = From;
    return true;
  }

private:
  void collect(const Stmt *Body) {
    anyStatement(Body, [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        visitClosure(*Lambda);
      else if (const auto *Assign = dyn_cast<BinaryOperator>(&Node))
        visitAssignment(*Assign);
      else if (const auto *Call = dyn_cast<CallExpr>(&Node))
        visitCall(*Call);
      return false;
    });
  }

  /// The call that gets \p Value as an argument; a construction counts.
  const Expr *receiverOf(const Expr *Value) const {
    const Stmt *Node = Parents.getParent(Value);
    while (const auto *Outer = dyn_cast_or_null<Expr>(Node)) {
      if (ignoreWrappers(Outer) != Value)
        return isa<CallExpr, CXXConstructExpr, CXXUnresolvedConstructExpr>(
                   Outer)
                   ? Outer
                   : nullptr;
      Node = Parents.getParent(Node);
    }
    return nullptr;
  }

  void visitClosure(const LambdaExpr &Lambda) {
    const Expr *Receiver = receiverOf(&Lambda);
    if (!Receiver)
      return;
    bool IsCalled = false;
    if (const auto *Call = dyn_cast<CallExpr>(Receiver))
      IsCalled = Call->getCallee()->IgnoreParenImpCasts() == &Lambda ||
                 isa<CXXOperatorCallExpr>(Call) || callsAtOnce(*Call, &Lambda);
    if (IsCalled || !mentions(&Lambda, Handle))
      return;
    Published.push_back(Receiver);
    // One that only passes the handle on may well be run on the spot.
    if (!resumes(Lambda))
      return;
    for (const LambdaCapture &Capture : Lambda.captures()) {
      if (!Capture.capturesVariable() || Capture.getCaptureKind() != LCK_ByRef)
        continue;
      const auto *Captured = dyn_cast<VarDecl>(Capture.getCapturedVar());
      if (!Captured || Captured->isInitCapture() ||
          Captured->getType()->isReferenceType() ||
          !Captured->hasLocalStorage())
        continue;
      Unit.report(Capture.getLocation(),
                  "'" + Captured->getNameAsString() +
                      "' is captured by reference and is gone when "
                      "'await_suspend' returns, before the coroutine is "
                      "resumed; capture it by value");
      return;
    }
  }

  /// Does \p Lambda resume or destroy the coroutine itself?
  bool resumes(const LambdaExpr &Lambda) const {
    return anyStatement(Lambda.getBody(), [&](const Stmt &Node) {
      const auto *Call = dyn_cast<CallExpr>(&Node);
      if (!Call)
        return false;
      if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call))
        return Operator->getOperator() == OO_Call &&
               localIn(Operator->getArg(0)) == Handle;
      if (localIn(Call->getCallee()) == Handle)
        return true;
      llvm::StringRef Name = calleeName(*Call);
      return (Name == "resume" || Name == "destroy") &&
             mentions(Call->getCallee(), Handle);
    });
  }

  /// `request.data = &handle;`
  void visitAssignment(const BinaryOperator &Assign) {
    if (Assign.getOpcode() != BO_Assign)
      return;
    const auto *Address =
        dyn_cast<UnaryOperator>(Assign.getRHS()->IgnoreParenCasts());
    if (!Address || Address->getOpcode() != UO_AddrOf ||
        localIn(Address->getSubExpr()) != Handle ||
        Handle->getType()->isReferenceType() || localIn(Assign.getLHS()))
      return;
    Unit.report(Address->getOperatorLoc(),
                "the address of '" + Handle->getNameAsString() +
                    "' is kept, which is gone when 'await_suspend' returns, "
                    "before the coroutine is resumed; keep the handle itself, "
                    "or its address()");
  }

  void visitCall(const CallExpr &Call) {
    llvm::StringRef Name = calleeName(Call);
    if (const auto *Member =
            dyn_cast<MemberExpr>(Call.getCallee()->IgnoreParenImpCasts()))
      if (localIn(Member->getBase()) == Handle) {
        if (Name == "resume" || Name == "destroy")
          Published.push_back(&Call);
        return;
      }
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call)) {
      if (Operator->getOperator() == OO_Call &&
          localIn(Operator->getArg(0)) == Handle)
        Published.push_back(&Call);
      return;
    }
    // Who runs things gets the handle itself.
    if (!llvm::StringSwitch<bool>(Name)
             .Cases({"post", "defer", "dispatch", "execute"}, true)
             .Cases({"submit", "schedule", "enqueue"}, true)
             .Cases({"resume_on", "schedule_on", "add_task"}, true)
             .Default(false))
      return;
    for (const Expr *Argument : Call.arguments())
      if (localIn(Argument) == Handle)
        Published.push_back(&Call);
  }

  /// Under a lock whoever resumes the coroutine may have to wait.
  bool takesLock() const {
    return anyStatement(Function.getBody(), [&](const Stmt &Node) {
      if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
        return llvm::any_of(Declaration->decls(), [&](const Decl *Declared) {
          const auto *Variable = dyn_cast<VarDecl>(Declared);
          const CXXRecordDecl *Record =
              Variable ? recordOf(Variable->getType()) : nullptr;
          return Record &&
                 (Unit.types().isLockLike(Variable->getType()) ||
                  Unit.types().plays(Role::ThreadLock, Variable->getType()) ||
                  Unit.types().plays(Role::AsyncLock, Variable->getType()));
        });
      const auto *Call = dyn_cast<CXXMemberCallExpr>(&Node);
      return Call && calleeName(*Call).contains_insensitive("lock");
    });
  }

  void checkAfterwards() {
    auto Flow = SuspensionCFG::build(Function, Unit.types());
    if (!Flow)
      return;
    auto OnEntry = runForward(Flow->cfg(), *this);
    for (const CFGBlock *Block : Flow->cfg())
      if (std::optional<State> &At = OnEntry[Block->getBlockID()])
        for (const CFGElement &Element : *Block) {
          if (*At && touch(Element, *At))
            return;
          transfer(Element, *At);
        }
  }

  /// Reports \p Element if it reads the frame; then the rest is no news.
  bool touch(const CFGElement &Element, const Expr *After) {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    const auto *E = Node ? dyn_cast<Expr>(Node->getStmt()) : nullptr;
    if (!E || E == After || isWithin(E, After))
      return false;
    std::string What;
    if (isa<CXXThisExpr>(E)) {
      const auto *Member = dyn_cast_or_null<MemberExpr>(
          Parents.getParentIgnoreParenImpCasts(const_cast<Expr *>(E)));
      if (Member && isa<CXXMethodDecl>(Member->getMemberDecl()) &&
          cast<CXXMethodDecl>(Member->getMemberDecl())->isStatic())
        return false;
      What = Member ? "'" + Member->getMemberDecl()->getNameAsString() + "'"
                    : "'this'";
    } else if (const auto *Call = dyn_cast<CXXMemberCallExpr>(E);
               Call && localIn(Call->getImplicitObjectArgument()) == Handle &&
               calleeName(*Call) == "promise") {
      What = "the promise";
    } else {
      return false;
    }
    Unit.report(E->getExprLoc(),
                What + " is used after the coroutine was handed over, when it "
                       "may have gone on and ended in another thread; do this "
                       "before, or copy what is needed to a local variable")
        .fromLevel(1)
        .note(After->getExprLoc(), "handed over here");
    return true;
  }

  static bool isWithin(const Expr *E, const Expr *Root) {
    return anyStatement(Root, [&](const Stmt &Node) { return &Node == E; });
  }

  TranslationUnit &Unit;
  const CXXMethodDecl &Function;
  const ParmVarDecl *Handle;
  ParentMap Parents;
  llvm::SmallVector<const Expr *, 4> Published;
};

} // namespace

static void checkUseAfterPublish(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions()) {
    const auto *Method = dyn_cast<CXXMethodDecl>(Function);
    if (!Method || Method->isInvalidDecl() || !Method->getBody() ||
        !Method->getIdentifier() || Method->getName() != "await_suspend" ||
        Method->getNumParams() != 1 || Method->isStatic())
      continue;
    Suspender(Unit, *Method).check();
  }
}

static const RegisterCheck
    Register("coral-use-after-publish", 0,
             "an awaiter that uses a coroutine after handing it over",
             checkUseAfterPublish);

} // namespace coralc
