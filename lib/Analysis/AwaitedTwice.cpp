//===--- AwaitedTwice.cpp - Tasks used up more than once ------------------===//

#include "coralc/Analysis/AwaitedTwice.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Dataflow.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Analysis/Ways.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

//===----------------------------------------------------------------------===//
// What an await does to the task
//===----------------------------------------------------------------------===//

const FunctionDecl *calleeIn(const Expr *E) {
  const auto *Call = dyn_cast_or_null<CallExpr>(E ? E->IgnoreImplicit() : E);
  return Call ? Call->getDirectCallee() : nullptr;
}

/// Does \p Function, or what it calls, destroy its coroutine or give it up?
bool givesUp(const FunctionDecl *Function, unsigned Depth) {
  return anyStatement(visibleBody(Function), [&](const Stmt &Node) {
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call)
      return false;
    llvm::StringRef Name = calleeName(*Call);
    if (Name == "destroy" || Name == "exchange")
      return true;
    return Depth && givesUp(Call->getDirectCallee(), Depth - 1);
  });
}

/// Is a task of type \p Type used up when \p Await awaits it by name?
bool usesUp(const CoroutineSuspendExpr &Await, const CoroutineType &Type) {
  if (!Type.Promise)
    return false;
  const FunctionDecl *Ready = calleeIn(Await.getReadyExpr());
  // It never asks whether the coroutine has ended before it resumes it.
  if (constantResult(Ready) == false && Type.Start == StartPolicy::Lazy)
    return true;
  return givesUp(calleeIn(Await.getResumeExpr()), 1) ||
         givesUp(calleeIn(Await.getCommonExpr()), 1);
}

//===----------------------------------------------------------------------===//
// Uses
//===----------------------------------------------------------------------===//

struct Use {
  enum KindTy { None, Awaits, AwaitsForGood, Moves, Renews, Iterates };
  KindTy Kind = None;
  const Expr *Where = nullptr;
};

/// A variable, and what happens to it at which statements.
struct Variable {
  const VarDecl *Name;
  const CoroutineType *Type;
  llvm::DenseMap<const Stmt *, Use> Uses;
  /// The loops over it, by their statement.
  llvm::DenseMap<const Stmt *, const Expr *> Loops;
};

class UseCollector {
public:
  UseCollector(const FunctionDecl &Function, CoroutineTypes &Types)
      : Function(Function), Types(Types),
        Parents(const_cast<Stmt *>(bodyOf(Function))) {}

  std::vector<Variable> collect() {
    std::vector<Variable> Found;
    auto Add = [&](const VarDecl &Name) {
      const CoroutineType *Type = typeOf(Name, Types);
      if (Type)
        Found.push_back(read(Name, *Type));
    };
    for (const ParmVarDecl *Parameter : Function.parameters())
      Add(*Parameter);
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Declaration = dyn_cast<DeclStmt>(&Node))
        for (const Decl *Declared : Declaration->decls())
          if (const auto *Name = dyn_cast<VarDecl>(Declared))
            Add(*Name);
      return false;
    });
    return Found;
  }

  /// Does \p Promise take values? A yield_value with a static_assert in it is
  /// there to say that it does not.
  static bool yieldsValues(const CXXRecordDecl *Promise) {
    return llvm::any_of(
        methodsNamed(definitionOf(patternOf(Promise)), "yield_value"),
        [](const FunctionDecl *Yield) {
          return !anyStatement(visibleBody(Yield), [](const Stmt &Node) {
            const auto *Declaration = dyn_cast<DeclStmt>(&Node);
            return Declaration && Declaration->isSingleDecl() &&
                   isa<StaticAssertDecl>(Declaration->getSingleDecl());
          });
        });
  }

  /// The type of \p Name, if a task that can be used up is in it.
  static const CoroutineType *typeOf(const VarDecl &Name,
                                     CoroutineTypes &Types) {
    if (!Name.hasLocalStorage() || Name.isInvalidDecl() || Name.isImplicit() ||
        Name.getType()->isDependentType() ||
        Name.getType()->isLValueReferenceType())
      return nullptr;
    const CoroutineType *Type = Types.lookup(Name.getType());
    if (!Type || Type->Synchronous || Type->Shared || !Type->Promise)
      return nullptr;
    if (Type->Kind == CoroutineKind::Generator)
      return Type;
    // One that yields gives its next value with each await.
    return Type->Kind == CoroutineKind::Task && !yieldsValues(Type->Promise)
               ? Type
               : nullptr;
  }

private:
  Variable read(const VarDecl &Name, const CoroutineType &Type) {
    Variable Result;
    Result.Name = &Name;
    Result.Type = &Type;
    // An await repeats its operand; it is one mention of the variable.
    llvm::DenseSet<const Stmt *> InAwaits;
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Await = dyn_cast<CoawaitExpr>(&Node))
        if (const Expr *Operand = Await->getOperand();
            isName(ignoreWrappers(Operand), Name)) {
          InAwaits.insert(ignoreWrappers(Operand));
          bool ForGood = isMoved(Operand) || usesUp(*Await, Type);
          Result.Uses[Await] = {ForGood ? Use::AwaitsForGood : Use::Awaits,
                                Await};
        }
      return false;
    });
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node)) {
        if (captures(*Lambda, Name))
          Result.Uses[Lambda] = {Use::Renews, Lambda};
      } else if (const auto *Loop = dyn_cast<CXXForRangeStmt>(&Node)) {
        const Expr *Range = Loop->getRangeInit();
        if (Range && isName(ignoreWrappers(Range), Name)) {
          Result.Uses[ignoreWrappers(Range)] = {Use::Iterates, Range};
          Result.Loops[Loop] = Range;
        }
      } else if (const auto *Ref = dyn_cast<DeclRefExpr>(&Node)) {
        if (Ref->getDecl() == &Name && !InAwaits.contains(Ref))
          classify(*Ref, Result);
      }
      return false;
    });
    return Result;
  }

  static bool isName(const Expr *E, const VarDecl &Name) {
    const auto *Ref = dyn_cast_or_null<DeclRefExpr>(E);
    return Ref && Ref->getDecl() == &Name;
  }

  /// Does \p Operand hand the variable in it on as an rvalue?
  static bool isMoved(const Expr *Operand) {
    return anyStatement(Operand, [](const Stmt &Node) {
      return isa<CallExpr, CXXConstructExpr>(Node);
    });
  }

  static bool captures(const LambdaExpr &Lambda, const VarDecl &Name) {
    return llvm::any_of(Lambda.captures(),
                        [&](const LambdaCapture &Capture) {
                          return Capture.capturesVariable() &&
                                 Capture.getCapturedVar() == &Name;
                        }) ||
           llvm::any_of(Lambda.capture_inits(), [&](const Expr *Init) {
             return anyStatement(Init, [&](const Stmt &Node) {
               const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
               return Ref && Ref->getDecl() == &Name;
             });
           });
  }

  void classify(const DeclRefExpr &Ref, Variable &Of) {
    // The innermost expression that is more than the variable, moved or not.
    const Stmt *Parent = Parents.getParent(&Ref);
    bool Moved = false, Copied = false;
    while (const auto *Outer = dyn_cast_or_null<Expr>(Parent)) {
      if (ignoreWrappers(Outer) != &Ref)
        break;
      Moved |= isa<CallExpr>(Outer);
      Copied |= isa<CXXConstructExpr>(Outer);
      Parent = Parents.getParent(Parent);
    }
    if (Moved || Copied) {
      const Stmt *At = Parent && isa<Expr>(Parent) ? Parent : &Ref;
      // `return std::move(t);` and the like leave the function.
      Of.Uses.try_emplace(At, Use{Use::Moves, &Ref});
      return;
    }
    TaskUse Plain = classifyUse(&Ref, false, Parents, Types);
    if (Plain.Kind == TaskUse::Observe || Plain.Kind == TaskUse::Ignore)
      return;
    if (const auto *Member = dyn_cast_or_null<MemberExpr>(Parent))
      if (const auto *Method = dyn_cast<CXXMethodDecl>(Member->getMemberDecl()))
        if (Method->isConst() || isObserver(*Method))
          return;
    const Stmt *At = Plain.At ? Plain.At : &Ref;
    if (!Of.Uses.count(&Ref))
      Of.Uses.try_emplace(At, Use{Use::Renews, &Ref});
  }

  static bool isObserver(const CXXMethodDecl &Method) {
    if (!Method.getDeclName().isIdentifier())
      return false;
    llvm::StringRef Name = Method.getName();
    return Name == "begin" || Name == "end" || Name == "done" ||
           Name.starts_with("is_") || Name.starts_with("when_");
  }

  const FunctionDecl &Function;
  CoroutineTypes &Types;
  ParentMap Parents;
};

//===----------------------------------------------------------------------===//
// Flow
//===----------------------------------------------------------------------===//

struct Condition {
  enum StatusTy { Fresh, Awaited, Moved, Exhausted } Status = Fresh;
  const Expr *Where = nullptr;
  bool operator==(const Condition &) const = default;
};

class UseFlow {
public:
  using State = Ways<Condition>;

  UseFlow(const SuspensionCFG &Flow, const Variable &Of, Conditions &Branches)
      : Flow(Flow), Of(Of), Branches(Branches),
        Context(Flow.function().getASTContext()) {}

  void run(std::vector<SecondUse> &Found) {
    auto OnEntry = runForward(Flow.cfg(), *this);
    Out = &Found;
    for (const CFGBlock *Block : Flow.cfg())
      if (std::optional<State> &At = OnEntry[Block->getBlockID()])
        for (const CFGElement &Element : *Block)
          transfer(Element, *At);
  }

  State entry() const { return State(Condition()); }

  void transfer(const CFGElement &Element, State &At) const {
    std::optional<CFGStmt> Node = Element.getAs<CFGStmt>();
    if (!Node)
      return;
    const Stmt *S = Node->getStmt();
    At.pass(*S, Branches, Context);
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      if (llvm::is_contained(Declaration->decls(), Of.Name))
        return At.set({});
    auto Found = Of.Uses.find(S);
    if (Found == Of.Uses.end())
      return;
    const Use &Now = Found->second;
    switch (Now.Kind) {
    case Use::None:
      return;
    case Use::Renews:
      return At.set({});
    case Use::Moves:
      return At.set({Condition::Moved, Now.Where});
    case Use::Awaits:
    case Use::AwaitsForGood:
      note(At, Now);
      if (Now.Kind == Use::AwaitsForGood)
        At.set({Condition::Awaited, Now.Where});
      return;
    case Use::Iterates:
      note(At, Now);
      return At.set({});
    }
  }

  void follow(const CFGBlock &From, unsigned Successor, State &At) const {
    const Stmt *Terminator = From.getTerminatorStmt();
    if (Terminator && Successor == 1)
      if (auto Loop = Of.Loops.find(Terminator); Loop != Of.Loops.end())
        At.set({Condition::Exhausted, Loop->second});
    At.follow(From, Successor, Branches);
  }

  static bool join(State &Into, const State &From) { return Into.join(From); }

private:
  void note(const State &At, const Use &Now) const {
    if (!Out)
      return;
    bool Iterates = Now.Kind == Use::Iterates;
    auto IsUsedUp = [&](const Condition &C) {
      return Iterates ? C.Status == Condition::Exhausted ||
                            C.Status == Condition::Moved
                      : C.Status == Condition::Awaited ||
                            C.Status == Condition::Moved;
    };
    if (!At.some(IsUsedUp))
      return;
    const Condition &Before = *At.first(IsUsedUp);
    if (Iterates && Before.Status == Condition::Moved)
      return;
    Out->push_back({Iterates ? SecondUse::Iteration
                    : Before.Status == Condition::Moved
                        ? SecondUse::AwaitOfMoved
                        : SecondUse::Await,
                    Of.Name, Now.Where, Before.Where});
  }

  const SuspensionCFG &Flow;
  const Variable &Of;
  Conditions &Branches;
  ASTContext &Context;
  std::vector<SecondUse> *Out = nullptr;
};

} // namespace

bool mayAwaitTwice(const FunctionDecl &Function, CoroutineTypes &Types) {
  auto Is = [&](const Decl *Declared) {
    const auto *Name = dyn_cast<VarDecl>(Declared);
    return Name && UseCollector::typeOf(*Name, Types);
  };
  return llvm::any_of(Function.parameters(), Is) ||
         anyStatement(bodyOf(Function), [&](const Stmt &Node) {
           const auto *Declaration = dyn_cast<DeclStmt>(&Node);
           return Declaration && llvm::any_of(Declaration->decls(), Is);
         });
}

std::vector<SecondUse> findSecondUses(const SuspensionCFG &Flow,
                                      CoroutineTypes &Types) {
  std::vector<SecondUse> Found;
  std::vector<Variable> Variables =
      UseCollector(Flow.function(), Types).collect();
  Conditions Branches(Flow.function().getASTContext(), Flow.cfg());
  for (const Variable &Each : Variables)
    if (!Each.Uses.empty())
      UseFlow(Flow, Each, Branches).run(Found);
  return Found;
}

} // namespace coralc
