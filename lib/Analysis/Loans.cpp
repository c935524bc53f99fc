//===--- Loans.cpp - Tasks and what they borrow, side by side -------------===//

#include "coralc/Analysis/Loans.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Callables.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// The loans below one root: a body, or the initialiser of a member.
class LoanFinder {
public:
  LoanFinder(const FunctionDecl &Function, const Stmt *Root, Borrowing &Borrows,
             CoroutineTypes &Types, std::vector<Loan> &Found)
      : Function(Function), Root(Root), Borrows(Borrows), Types(Types),
        Found(Found) {}

  void run() {
    llvm::DenseSet<const Stmt *> Seen;
    anyStatement(Root, [&](const Stmt &Node) {
      const auto *Call = dyn_cast<CallExpr>(&Node);
      if (!Call || !Seen.insert(Call).second)
        return false;
      for (const Borrow &What : Borrows.of(*Call))
        if (What.Kind != Borrow::Captured ||
            !callsForeignLambda(*Call, Function))
          addMade(*Call, What);
      for (const Borrow &What : Borrows.ofHeld(*Call, Function))
        addMade(*Call, What);
      addPassed(*Call);
      return false;
    });
  }

private:
  const ParentMap &parents() {
    if (!Parents)
      Parents.emplace(const_cast<Stmt *>(Root));
    return *Parents;
  }

  void add(const CallExpr &Call, const CoroutineType *Type, const Borrow &What,
           const TaskFate &Fate, Ending Ends) {
    if (Ends != Ending::Fine)
      Found.push_back({&Function, &Call, Type, What, Fate, Ends});
  }

  /// A variable of the function around a lambda does not end with the lambda.
  bool isOfAnother(const Storage &Place) const {
    return Place.Kind == Storage::Local && Place.Variable &&
           Place.Variable->getParentFunctionOrMethod() &&
           !Place.Variable->getParentFunctionOrMethod()->Equals(&Function);
  }

  void addMade(const CallExpr &Call, const Borrow &What) {
    if (What.Place.Kind == Storage::Unknown ||
        What.Place.Kind == Storage::Static ||
        What.Place.Kind == Storage::Parameter || isOfAnother(What.Place))
      return;
    const CoroutineType *Type = Types.lookup(Call.getType());
    TaskFate Fate = followed(fateOfTask(&Call, parents(), Types));
    add(Call, Type, What, Fate, endingOf(Call, *Type, What, Fate));
  }

  /// A task that is kept in a variable, and returned or started from there.
  TaskFate followed(TaskFate Fate) {
    if (Fate.Kind != TaskFate::Kept || !Fate.Keeper)
      return Fate;
    TaskFate Later = Fate;
    anyStatement(Root, [&](const Stmt &Node) {
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      if (!Ref || Ref->getDecl() != Fate.Keeper)
        return false;
      TaskFate Next = fateOfTask(Ref, parents(), Types);
      if (Next.Kind != TaskFate::Returned && Next.Kind != TaskFate::Started)
        return false;
      Later = Next;
      return true;
    });
    return Later;
  }

  /// `[x](this auto)`: the coroutine has the closure as a parameter.
  static bool holdsItself(const FunctionDecl &Operator) {
    const auto *Method = dyn_cast<CXXMethodDecl>(&Operator);
    return Method && Method->isExplicitObjectMemberFunction() &&
           !Method->getParamDecl(0)->getType()->isReferenceType();
  }

  /// Lambdas that are passed on uncalled.
  void addPassed(const CallExpr &Call) {
    CallableUse Use = useOfCallables(Call, Types);
    if (Use == CallableUse::Detached && !isLeftAlone(Call, parents(), Types))
      Use = CallableUse::KeptAlive;
    for (unsigned Index = 0; Index < Call.getNumArgs(); ++Index) {
      const Expr *Argument = Call.getArg(Index);
      const Expr *Given = ignoreWrappers(Argument);
      const CXXRecordDecl *Closure =
          Given ? Given->getType()->getAsCXXRecordDecl() : nullptr;
      if (!Closure || !Closure->isLambda())
        continue;
      const FunctionDecl *Operator = coroutineOperator(*Closure);
      if (!Operator) {
        addContinuation(Call, *Given, Use);
        // One that returns a task which refers to a capture is no better.
        Operator = Closure->getLambdaCallOperator();
        if (Operator->isDependentContext())
          continue;
      }
      if (!holdsItself(*Operator))
        addCoroutine(Call, *Argument, *Closure, *Operator,
                     Use == CallableUse::Unknown ? useInside(Call, Index, Types)
                                                 : Use);
    }
  }

  void addCoroutine(const CallExpr &Call, const Expr &Argument,
                    const CXXRecordDecl &Closure, const FunctionDecl &Operator,
                    CallableUse Use) {
    const TaskFate Runs = {TaskFate::Started, nullptr, &Call};
    if (Use == CallableUse::Detached)
      for (const Borrow &What : Borrows.ofKept(Closure))
        add(Call, nullptr, What, Runs, Ending::MayDieFirst);
    const auto &Late = Borrows.lateUses(Operator).Captures;
    if (!Late)
      return;
    const Expr *Given = ignoreWrappers(&Argument);
    if (Use == CallableUse::Forgotten)
      add(Call, nullptr,
          {Borrow::Closure,
           Given,
           nullptr,
           {Storage::Temporary, nullptr, &Argument},
           *Late},
          Runs, Ending::DiesFirst);
    else if (Use == CallableUse::Invoked && Types.lookup(Call.getType()))
      addMade(Call,
              {Borrow::Closure, Given, nullptr, storageOf(&Argument), *Late});
    else if (Use == CallableUse::InvokedAndStarted)
      addStarted(Call, Operator,
                 {Borrow::Closure, Given, nullptr, storageOf(&Argument), *Late},
                 Runs);
  }

  /// \p What, a closure that stands where it is called from, and whose task
  /// goes on by itself.
  void addStarted(const CallExpr &Call, const FunctionDecl &Operator,
                  const Borrow &What, const TaskFate &Runs) {
    const CoroutineType *Type = Types.lookup(Operator.getReturnType());
    if (What.Place.Kind == Storage::Temporary)
      add(Call, Type, What, Runs, Ending::DiesFirst);
    else if (What.Place.Kind == Storage::Local)
      add(Call, Type, What, Runs, Ending::MayDieFirst);
  }

  /// `return read().then([&n] { ++n; });`: what is run when the function has
  /// returned refers to what has died by then.
  void addContinuation(const CallExpr &Call, const Expr &Given,
                       CallableUse Use) {
    const CoroutineType *Type =
        Use == CallableUse::Forgotten || Use == CallableUse::KeptAlive
            ? Types.lookup(Call.getType())
            : nullptr;
    if (Type && !Type->Synchronous)
      for (const Borrow &What : Borrows.ofContinuation(Given))
        addMade(Call, What);
  }

  Ending endingOf(const CallExpr &Call, const CoroutineType &Type,
                  const Borrow &What, const TaskFate &Fate) {
    switch (What.Place.Kind) {
    case Storage::Temporary:
      switch (Fate.Kind) {
      case TaskFate::Kept:
        return !Fate.Keeper || mayRunOn(Call, Type) || isMentioned(*Fate.Keeper)
                   ? Ending::DiesFirst
                   : Ending::Fine;
      case TaskFate::Returned:
      case TaskFate::Started:
        return Ending::DiesFirst;
      case TaskFate::Raced:
        return Ending::MayDieFirst;
      default:
        return Ending::Fine;
      }
    case Storage::Local:
      switch (Fate.Kind) {
      case TaskFate::Kept:
        return Fate.Keeper ? inScopes(Call, *What.Place.Variable, *Fate.Keeper)
                           : Ending::Fine;
      case TaskFate::Returned:
        return isKeptAlongside(Call, What) ? Ending::Fine : Ending::DiesFirst;
      case TaskFate::Started:
      case TaskFate::Raced:
        return Ending::MayDieFirst;
      default:
        return Ending::Fine;
      }
    case Storage::This:
      return Fate.Kind == TaskFate::Started ? Ending::MayDieFirst
                                            : Ending::Fine;
    default:
      return Ending::Fine;
    }
  }

  /// May the task that \p Call makes run on when nobody mentions it again? A
  /// lazy one does not, and one that ends with its object does not where the
  /// function does nothing else until then.
  bool mayRunOn(const CallExpr &Call, const CoroutineType &Type) const {
    if (Type.Start == StartPolicy::Lazy)
      return false;
    const Stmt *OfReturn = nullptr;
    return Type.Release == ReleasePolicy::Detaches ||
           anyStatement(Root, [&](const Stmt &Node) {
             // What `co_return` tells the promise.
             if (const auto *Return = dyn_cast<CoreturnStmt>(&Node))
               OfReturn = Return->getPromiseCall();
             return isa<CallExpr, CoroutineSuspendExpr, DependentCoawaitExpr>(
                        Node) &&
                    &Node != OfReturn && Call.getEndLoc() < Node.getBeginLoc();
           });
  }

  bool isMentioned(const VarDecl &Variable) {
    return anyStatement(
        Root, [&](const Stmt &Node) { return mentions(Node, Variable); });
  }

  static bool mentions(const Stmt &Node, const VarDecl &Variable) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->captures(),
                          [&](const LambdaCapture &C) {
                            return C.capturesVariable() &&
                                   C.getCapturedVar() == &Variable;
                          }) ||
             llvm::any_of(Lambda->capture_inits(), [&](const Expr *Init) {
               return anyStatement(Init, [&](const Stmt &Inner) {
                 return mentions(Inner, Variable);
               });
             });
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    if (!Ref)
      return false;
    if (const auto *Binding = dyn_cast<BindingDecl>(Ref->getDecl()))
      return Binding->getDecomposedDecl() == &Variable;
    return Ref->getDecl() == &Variable;
  }

  /// `return run(*x).finally([x = std::move(x)] {})`: is \p Variable handed on
  /// in the same full-expression to something that may keep what it holds?
  bool isKeptAlongside(const CallExpr &Call, const Borrow &What) {
    const VarDecl &Variable = *What.Place.Variable;
    // What refers to the variable itself does not care who takes it over.
    const Expr *Given = What.Given;
    while (const auto *Member =
               dyn_cast_or_null<MemberExpr>(ignoreWrappers(Given))) {
      if (Member->isArrow())
        break;
      Given = Member->getBase();
    }
    if (Given && isa<DeclRefExpr>(ignoreWrappers(Given)))
      return false;
    const Stmt *Whole = &Call;
    while (const auto *Outer =
               dyn_cast_or_null<Expr>(parents().getParent(Whole)))
      Whole = Outer;
    unsigned Inside = 0, All = 0;
    anyStatement(&Call, [&](const Stmt &Node) {
      Inside += mentions(Node, Variable);
      return false;
    });
    anyStatement(Whole, [&](const Stmt &Node) {
      All += mentions(Node, Variable);
      return false;
    });
    return All > Inside;
  }

  /// The statement in which \p Variable lives; null for the whole function.
  const Stmt *scopeOf(const VarDecl &Variable) {
    const Stmt *Declaration = nullptr;
    anyStatement(Root, [&](const Stmt &Node) {
      const auto *Statement = dyn_cast<DeclStmt>(&Node);
      if (Statement && llvm::is_contained(Statement->decls(), &Variable))
        Declaration = Statement;
      return Declaration != nullptr;
    });
    while (Declaration &&
           !isa<CompoundStmt, ForStmt, CXXForRangeStmt, IfStmt, WhileStmt,
                SwitchStmt, CXXCatchStmt>(Declaration))
      Declaration = parents().getParent(Declaration);
    return Declaration == Root ? nullptr : Declaration;
  }

  bool isInside(const Stmt *Node, const Stmt *Scope) {
    while (Node && Node != Scope)
      Node = parents().getParent(Node);
    return Node != nullptr;
  }

  /// A local object and the local variable that keeps the task: does the object
  /// die first, with the task still to be run?
  Ending inScopes(const CallExpr &Call, const VarDecl &Object,
                  const VarDecl &Keeper) {
    const Stmt *Inner = scopeOf(Object);
    if (!Inner || Inner == scopeOf(Keeper) || isInside(scopeOf(Keeper), Inner))
      return Ending::Fine;
    bool Later = false, Before = false;
    anyStatement(Root, [&](const Stmt &Node) {
      if (!mentions(Node, Keeper))
        return false;
      if (!isInside(&Node, Inner))
        Later = true;
      else if (const auto *Ref = dyn_cast<Expr>(&Node))
        Before |=
            classifyUse(Ref, /*InContainer=*/true, parents(), Types).Kind ==
            TaskUse::Consume;
      return false;
    });
    return Later && !Before ? Ending::DiesFirst : Ending::Fine;
  }

  const FunctionDecl &Function;
  const Stmt *Root;
  Borrowing &Borrows;
  CoroutineTypes &Types;
  std::vector<Loan> &Found;
  std::optional<ParentMap> Parents;
};

} // namespace

void findLoans(const FunctionDecl &Function, Borrowing &Borrows,
               CoroutineTypes &Types, std::vector<Loan> &Found) {
  if (const Stmt *Body = bodyOf(Function))
    LoanFinder(Function, Body, Borrows, Types, Found).run();
  if (const auto *Constructor = dyn_cast<CXXConstructorDecl>(&Function))
    for (const CXXCtorInitializer *Init : Constructor->inits())
      if (const Expr *Value = Init->getInit())
        LoanFinder(Function, Value, Borrows, Types, Found).run();
}

} // namespace coralc
