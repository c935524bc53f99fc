//===--- UnawaitedTask.cpp - coral-unawaited-task -------------------------===//
//
// Reports tasks and other awaitables that the function which creates them
// neither awaits nor gives to anybody: dropped on the spot, or kept in a
// variable that dies, or is overwritten, on some path. The warning stands at
// the creation.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Owed.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/DenseSet.h"

using namespace clang;

namespace coralc {
namespace {

/// "the task returned by 'f'", for the place where it is made.
std::string describe(const Expr *Value, const CoroutineType &Type) {
  std::string Noun =
      Type.Kind == CoroutineKind::Task ? "the task" : "the awaitable";
  const auto *Call = dyn_cast<CallExpr>(Value);
  if (!Call)
    return Noun;
  if (llvm::StringRef Name = calleeName(*Call); !Name.empty())
    return (Noun + " returned by '" + Name + "'").str();
  if (const auto *Method =
          dyn_cast_or_null<CXXMethodDecl>(Call->getDirectCallee());
      Method && Method->getParent()->isLambda())
    return Noun + " returned by this lambda";
  return Noun;
}

bool isInHandler(const FunctionDecl &Function, const Stmt *Wanted) {
  return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Handler = dyn_cast<CXXCatchStmt>(&Node);
    return Handler && anyStatement(Handler, [&](const Stmt &Inner) {
             return &Inner == Wanted;
           });
  });
}

/// May \p Function await a value of type \p Type in its body?
bool mayAwait(const FunctionDecl &Function, const CoroutineType &Type,
              CoroutineTypes &Types) {
  if (!isCoroutine(Function))
    return false;
  const CoroutineType *Own = Types.lookup(Function.getReturnType());
  if (Own && Own->Kind == CoroutineKind::Generator)
    return false;
  const CXXRecordDecl *Promise = Types.promiseOf(Function.getReturnType());
  if (!Promise)
    return false;
  const IdentifierInfo &Transform =
      Function.getASTContext().Idents.get("await_transform");
  if (membersNamed(Promise, &Transform).empty())
    return true;
  return llvm::any_of(
      methodsNamed(Promise, "await_transform"), [&](const FunctionDecl *F) {
        if (!F->getNumParams())
          return false;
        QualType Parameter = F->getParamDecl(0)->getType();
        const CXXRecordDecl *Record = recordOf(Parameter);
        return Record ? patternOf(Record) == patternOf(Type.Record)
                      : Parameter->isDependentType();
      });
}

/// Statements that are there to throw. A test that asks whether a call throws
/// has no use for what it returns.
class ExpectedToThrow {
public:
  explicit ExpectedToThrow(TranslationUnit &Unit) : Unit(Unit) {}

  bool contains(const FunctionDecl &Function, const Stmt &Value) {
    return isInTryOfMacro(Function, Value) ||
           (isLastStatement(Function, Value) && isPassedToTest(Function));
  }

private:
  /// `EXPECT_THROW(f(), error)`: the macro brings the `try` along.
  static bool isInTryOfMacro(const FunctionDecl &Function, const Stmt &Value) {
    return Value.getBeginLoc().isMacroID() &&
           anyStatement(bodyOf(Function), [&](const Stmt &Node) {
             const auto *Try = dyn_cast<CXXTryStmt>(&Node);
             return Try && Try->getTryLoc().isMacroID() &&
                    anyStatement(Try->getTryBlock(), [&](const Stmt &Inner) {
                      return &Inner == &Value;
                    });
           });
  }

  static bool isLastStatement(const FunctionDecl &Function, const Stmt &Value) {
    const auto *Body = dyn_cast_or_null<CompoundStmt>(bodyOf(Function));
    return Body && !Body->body_empty() &&
           anyStatement(Body->body_back(),
                        [&](const Stmt &Node) { return &Node == &Value; });
  }

  /// `assert_throws<error>([] { f(); })`: is \p Function the lambda?
  bool isPassedToTest(const FunctionDecl &Function) {
    const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
    if (!Method || !Method->getParent()->isLambda())
      return false;
    if (!Tests)
      collect(Tests.emplace());
    return Tests->contains(Method->getParent());
  }

  void collect(llvm::DenseSet<const CXXRecordDecl *> &Closures) {
    for (const FunctionDecl *Function : Unit.functions())
      anyStatement(bodyOf(*Function), [&](const Stmt &Node) {
        const auto *Call = dyn_cast<CallExpr>(&Node);
        if (Call && calleeName(*Call).contains_insensitive("throw"))
          for (const Expr *Argument : Call->arguments())
            if (const auto *Lambda =
                    dyn_cast_or_null<LambdaExpr>(ignoreWrappers(Argument)))
              Closures.insert(Lambda->getLambdaClass());
        return false;
      });
  }

  TranslationUnit &Unit;
  std::optional<llvm::DenseSet<const CXXRecordDecl *>> Tests;
};

/// Reports for one function.
class Reporter {
public:
  Reporter(TranslationUnit &Unit, const FunctionDecl &Function,
           ExpectedToThrow &Throwing)
      : Unit(Unit), Function(Function), Throwing(Throwing) {}

  void reportDropped(const DroppedTask &Task) {
    const CoroutineType &Type = *Task.Type;
    if (!owes(Task) || Throwing.contains(Function, *Task.Value))
      return;
    std::string What = describe(Task.Value, Type);
    std::string Message = Task.Place == DroppedTask::Converted
                              ? What + " is converted to '" +
                                    Task.ConvertedTo.getAsString(policy()) +
                                    "' without having been awaited"
                              : What +
                                    " is dropped without being awaited, so " +
                                    consequenceOfLosing(Type).str();
    Diagnosis &Report =
        Unit.report(Task.Value->getBeginLoc(), Message + advice(Type));
    if (canFix(Task.Value, Type))
      Report.fix(Type.Start == StartPolicy::Lazy && !Type.ResultIsLockLike
                     ? FixSafety::Safe
                     : FixSafety::Unsafe,
                 "await it here", insertAwait(Task.Value));
  }

  void reportAbandoned(const AbandonedTask &Task) {
    const CoroutineType &Type = *Task.Type;
    bool Forgotten = isForgotten(Task);
    if (!(isOwed(Type, Kept::InVariable) || Forgotten) ||
        isDetaching(Task.Created))
      return;
    // One that is ready stands in until another one takes its place.
    if (Unit.types().calls(Role::MadeReady, Task.Created))
      return;
    // The way out that the macro of a test takes when the test has failed.
    if (!Task.NeverConsumed && Task.Branch &&
        isMadeByMacro(Task.Branch->getBeginLoc()))
      return;
    std::string Name = "'" + Task.Holder->getNameAsString() + "'";
    std::string What = describe(Task.Created, Type);
    std::string Message;
    if (Task.End == AbandonedTask::Overwritten ||
        Task.End == AbandonedTask::Replaced)
      Message = Name + " is overwritten before " + What + " is awaited";
    else if (Task.NeverConsumed)
      Message = What + " is kept in " + Name + " but never awaited";
    else
      Message = What + " is kept in " + Name + " but not awaited on every path";
    Diagnosis &Report =
        Unit.report(Task.Created->getBeginLoc(),
                    Message + ", so " +
                        (Forgotten ? "its result and any exception are lost"
                                   : consequenceOfLosing(Type).str()) +
                        advice(Type));
    addNotes(Report, Task);
    // What runs in the background is often kept so, whatever it computes.
    if (Forgotten)
      Report.fromLevel(2);
    // Such code may be there to have the task destroyed.
    if (Task.End == AbandonedTask::Replaced || losesNothing(Task) ||
        (Type.Start == StartPolicy::Lazy && !Type.ResultIsLockLike &&
         hasBlockOfItsOwn(*Task.Holder)))
      Report.fromLevel(1);
    if (Task.NeverConsumed && !Task.InContainer && isDeducedInit(Task) &&
        canFix(Task.Created, Type))
      Report.fix(FixSafety::Unsafe, "await it here", insertAwait(Task.Created));
  }

private:
  /// Does a variable keep a result that nobody asks for? An eager task runs on
  /// in it, and may be meant to; but then nobody would have it compute
  /// something.
  bool isForgotten(const AbandonedTask &Task) const {
    const CoroutineType &Type = *Task.Type;
    const auto *Variable = dyn_cast<VarDecl>(Task.Holder);
    return !isOwed(Type, Kept::InVariable) && Variable && !Task.InContainer &&
           Type.Kind == CoroutineKind::Task &&
           Type.Start == StartPolicy::Eager &&
           Type.Release != ReleasePolicy::Joins && !Type.Result.isNull() &&
           !Type.Result->isVoidType() && Task.End == AbandonedTask::Dies &&
           !Variable->isReferenced() && !Variable->hasAttr<UnusedAttr>() &&
           !Variable->getName().starts_with("_") &&
           !Variable->getName().contains_insensitive("unused") &&
           !Variable->getName().contains_insensitive("ignore") &&
           !isInTry(Task.Created);
  }

  /// What is called in a `try` may be called for what it throws.
  bool isInTry(const Stmt *Wanted) const {
    return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      const auto *Try = dyn_cast<CXXTryStmt>(&Node);
      return Try && anyStatement(Try->getTryBlock(), [&](const Stmt &Inner) {
               return &Inner == Wanted;
             });
    });
  }

  /// `auto done = run().handle_exception([](std::exception_ptr) {})` runs on by
  /// itself, has no result, and somebody has taken its exception.
  static bool losesNothing(const AbandonedTask &Task) {
    const auto *Call = dyn_cast<CallExpr>(ignoreWrappers(Task.Created));
    return Call && Task.Type->Start == StartPolicy::Eager &&
           !Task.Type->Result.isNull() && Task.Type->Result->isVoidType() &&
           llvm::any_of(Call->arguments(), [](const Expr *Argument) {
             const Expr *Given = ignoreWrappers(Argument);
             const auto *Lambda = dyn_cast_or_null<LambdaExpr>(Given);
             const FunctionDecl *Handler =
                 Lambda ? Lambda->getCallOperator() : nullptr;
             if (!Handler || Handler->getNumParams() != 1)
               return false;
             const CXXRecordDecl *Taken =
                 recordOf(Handler->getParamDecl(0)->getType());
             return Taken && Taken->getName() == "exception_ptr";
           });
  }

  /// `{ auto task = start(); ... }`: does a block that is no body of anything
  /// begin with \p Holder?
  bool hasBlockOfItsOwn(const ValueDecl &Holder) const {
    return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      const auto *Outer = dyn_cast<CompoundStmt>(&Node);
      return Outer && llvm::any_of(Outer->body(), [&](const Stmt *Child) {
               const auto *Block = dyn_cast<CompoundStmt>(Child);
               const auto *First = Block && !Block->body_empty()
                                       ? dyn_cast<DeclStmt>(Block->body_front())
                                       : nullptr;
               return First && llvm::is_contained(First->decls(), &Holder);
             });
    });
  }

  bool isMadeByMacro(SourceLocation Where) const {
    return Unit.context().getSourceManager().isMacroBodyExpansion(Where);
  }

  bool owes(const DroppedTask &Task) const {
    const CoroutineType &Type = *Task.Type;
    if (isDetaching(Task.Value))
      return false;
    switch (Task.Place) {
    case DroppedTask::Ignored:
      return Type.ResultIsLockLike;
    case DroppedTask::Converted:
      // Elsewhere the conversion may well be what waits for the task.
      return Type.Kind == CoroutineKind::Task && isCoroutine(Function) &&
             (Type.Result.isNull() || sameResult(Task));
    case DroppedTask::Discarded:
      // Who calls it by its name wants the awaiter, not to await.
      if (isa<CXXMemberCallExpr>(Task.Value) && calleeOf(Task.Value) &&
          calleeOf(Task.Value)->getOverloadedOperator() == OO_Coawait)
        return false;
      return isOwed(Type, Kept::Nowhere) ||
             (isNodiscardCall(Task.Value) &&
              Type.Release != ReleasePolicy::Joins);
    }
    llvm_unreachable("covered switch");
  }

  bool sameResult(const DroppedTask &Task) const {
    return Unit.context().hasSameUnqualifiedType(
        Task.Type->Result.getNonReferenceType(),
        Task.ConvertedTo.getNonReferenceType());
  }

  static const FunctionDecl *calleeOf(const Expr *Value) {
    const auto *Call = dyn_cast<CallExpr>(Value);
    return Call ? Call->getDirectCallee() : nullptr;
  }
  bool isDetaching(const Expr *Value) const {
    return Unit.types().calls(Role::Detaching, Value);
  }
  static bool isNodiscardCall(const Expr *Value) {
    const FunctionDecl *Callee = calleeOf(Value);
    return Callee && Callee->hasAttr<WarnUnusedResultAttr>();
  }

  PrintingPolicy policy() const {
    return PrintingPolicy(Unit.context().getLangOpts());
  }

  std::string advice(const CoroutineType &Type) const {
    if (!isCoroutine(Function))
      return "; await it in a coroutine or hand it to something that does";
    return Type.ResultIsLockLike ? "; keep the result of 'co_await'"
                                 : "; 'co_await' it";
  }

  bool canFix(const Expr *Value, const CoroutineType &Type) const {
    return Value->getBeginLoc().isFileID() &&
           mayAwait(Function, Type, Unit.types()) &&
           !isInHandler(Function, Value);
  }

  static FixItHint insertAwait(const Expr *Value) {
    return FixItHint::CreateInsertion(Value->getBeginLoc(), "co_await ");
  }

  /// Is the task what an `auto` variable that nobody uses is initialised with?
  /// The variable then becomes the result.
  static bool isDeducedInit(const AbandonedTask &Task) {
    const auto *Variable = dyn_cast<VarDecl>(Task.Holder);
    return Variable && Variable->hasInit() && !Variable->isUsed() &&
           Variable->getType()->getContainedDeducedType() &&
           ignoreWrappers(Variable->getInit()) == Task.Created &&
           !Task.Type->Result.isNull() && !Task.Type->Result->isVoidType();
  }

  void addNotes(Diagnosis &Report, const AbandonedTask &Task) const {
    if (Task.Branch)
      Report.note(Task.Branch->getBeginLoc(),
                  std::string("the path on which this is ") +
                      (Task.BranchTaken ? "true" : "false") + " misses it");
    if (Task.Type->ResultIsLockLike)
      for (const SuspensionPoint *Point : Task.Crossed)
        Report.note(Point->Where, "suspends here with nothing held");
    if (Task.EndsAt.isInvalid())
      return;
    switch (Task.End) {
    case AbandonedTask::Dies:
      if (Task.Branch)
        Report.note(Task.EndsAt, "it dies here");
      break;
    case AbandonedTask::Overwritten:
    case AbandonedTask::Replaced:
      Report.note(Task.EndsAt, "overwritten here");
      break;
    case AbandonedTask::Cleared:
      Report.note(Task.EndsAt, "destroyed here");
      break;
    }
  }

  TranslationUnit &Unit;
  const FunctionDecl &Function;
  ExpectedToThrow &Throwing;
};

} // namespace

static void checkUnawaitedTask(TranslationUnit &Unit) {
  // In broken code statements may be missing, and with them the uses of a
  // variable. What is dropped is dropped all the same.
  bool Broken = Unit.context().getDiagnostics().hasUncompilableErrorOccurred();
  ExpectedToThrow Throwing(Unit);
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl())
      continue;
    Reporter Report(Unit, *Function, Throwing);
    for (const DroppedTask &Task : findDroppedTasks(*Function, Unit.types()))
      Report.reportDropped(Task);
    if (Broken || !mayHoldTasks(*Function, Unit.types()))
      continue;
    if (auto Flow = SuspensionCFG::build(*Function, Unit.types()))
      for (const AbandonedTask &Task : findAbandonedTasks(*Flow, Unit.types()))
        Report.reportAbandoned(Task);
  }
}

static const RegisterCheck
    Register("coral-unawaited-task", 0,
             "a task or awaitable that is created and never awaited",
             checkUnawaitedTask);

} // namespace coralc
