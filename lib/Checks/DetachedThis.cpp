//===--- DetachedThis.cpp - coral-detached-this ---------------------------===//
//
// Reports tasks that are started with nobody to wait for them and use *this
// after a suspension, while nothing keeps the object alive. The warning stands
// where the task is started; for a coroutine of a fire-and-forget type, at the
// coroutine.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/KeptAlive.h"
#include "coralc/Analysis/Loans.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// The class of the object that `this` is in \p Function, lambdas looked
/// through; null when there is none.
const CXXRecordDecl *classOfThis(const FunctionDecl &Function) {
  const DeclContext *Scope = &Function;
  while (Scope && !Scope->isFileContext()) {
    if (const auto *Method = dyn_cast<CXXMethodDecl>(Scope))
      if (!Method->getParent()->isLambda())
        return Method->isStatic() ? nullptr : Method->getParent();
    Scope = Scope->getParent();
  }
  return nullptr;
}

/// Is \p Value a part of *this that the task dies with, or is waited for by: an
/// execution context or a scope, not a mere handle of one?
bool diesWithThis(const Expr *Value) {
  if (!Value || storageOf(Value).Kind != Storage::This)
    return false;
  const CXXRecordDecl *Record = recordOf(Value->getType());
  if (!Record || !Value->getType()->isRecordType())
    return false;
  if (!isCopyable(*Record))
    return true;
  // A handle of one that is a member, too: executor{context.get_executor()}.
  const auto *Member = dyn_cast<MemberExpr>(Value->IgnoreParenImpCasts());
  const auto *Field =
      Member ? dyn_cast<FieldDecl>(Member->getMemberDecl()) : nullptr;
  return Field &&
         anyStatement(Field->getInClassInitializer(), [](const Stmt &Node) {
           const auto *Of = dyn_cast<MemberExpr>(&Node);
           const CXXRecordDecl *Record = Of ? recordOf(Of->getType()) : nullptr;
           return Record && Of->getType()->isRecordType() &&
                  !isCopyable(*Record);
         });
}

class DetachedThisReporter {
public:
  explicit DetachedThisReporter(TranslationUnit &Unit) : Unit(Unit) {}

  void reportStarted(const Loan &Lent) {
    const CXXRecordDecl *Class = classOfThis(*Lent.In);
    if (!Class || isFireAndForget(Lent.Type) || isKept(Lent, *Class) ||
        livesInMain(*Class, Unit.functions()))
      return;
    Diagnosis &Report = Unit.report(
        whereOf(Lent),
        "the task that is started here uses '" + Class->getNameAsString() +
            "' with nothing to keep the object alive; let the task hold a "
            "strong reference to it, or let the object wait for the task");
    addNotes(Report, Lent.What.Use);
  }

  void reportDefined(const FunctionDecl &Function) {
    const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
    if (!Method || Method->getParent()->isLambda() || !isCoroutine(Function) ||
        !isFireAndForget(Unit.types().lookup(Function.getReturnType())))
      return;
    const std::optional<LateUse> &Use =
        Unit.borrowing().lateUses(Function).This;
    if (!Use || Use->Suspension.isInvalid() ||
        keepsAlive(Function, *Method->getParent(), Unit.types()) ||
        livesInMain(*Method->getParent(), Unit.functions()))
      return;
    Diagnosis &Report = Unit.report(
        Function.getLocation(),
        "nobody waits for this coroutine, and nothing keeps its object alive "
        "while it is suspended; hold a strong reference in it, or check a weak "
        "one after each suspension");
    addNotes(Report, *Use);
  }

private:
  static bool isFireAndForget(const CoroutineType *Type) {
    return Type && Type->Kind == CoroutineKind::FireAndForget;
  }

  static SourceLocation whereOf(const Loan &Lent) {
    const CallExpr *Call = Lent.Fate.Taker ? Lent.Fate.Taker : Lent.Creation;
    return Call->getBeginLoc();
  }

  static void addNotes(Diagnosis &Report, const LateUse &Use) {
    if (Use.Suspension.isValid())
      Report.note(Use.Suspension, "suspends here");
    if (Use.Where.isValid())
      Report.note(Use.Where, "uses the object here");
  }

  bool isKept(const Loan &Lent, const CXXRecordDecl &Class) {
    CoroutineTypes &Types = Unit.types();
    const CallExpr *Taker = Lent.Fate.Taker ? Lent.Fate.Taker : Lent.Creation;
    if (mentionsReference(Taker, Class, Types) ||
        keepsAlive(*Lent.In, Class, Types))
      return true;
    if (const FunctionDecl *Callee = Lent.Creation->getDirectCallee())
      if (const FunctionDecl *Body = Callee->getDefinition())
        if (keepsAlive(*Body, Class, Types))
          return true;
    // The closure that is passed on uncalled.
    bool Keeps = anyStatement(Taker, [&](const Stmt &Node) {
      const auto *Lambda = dyn_cast<LambdaExpr>(&Node);
      return Lambda && keepsAlive(*Lambda->getCallOperator(), Class, Types);
    });
    if (Keeps)
      return true;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Taker))
      if (Lent.Creation != Taker &&
          (diesWithThis(Member->getImplicitObjectArgument()) ||
           Types.plays(Role::JoiningScope,
                       Member->getImplicitObjectArgument()->getType())))
        return true;
    return Lent.Creation != Taker || !Lent.Type
               ? llvm::any_of(Taker->arguments(),
                              [](const Expr *Argument) {
                                return diesWithThis(Argument);
                              })
               : false;
  }

  TranslationUnit &Unit;
};

} // namespace

static void checkDetachedThis(TranslationUnit &Unit) {
  DetachedThisReporter Reporter(Unit);
  for (const Loan &Lent : Unit.loans())
    if (Lent.What.Place.Kind == Storage::This &&
        Lent.Fate.Kind == TaskFate::Started)
      Reporter.reportStarted(Lent);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl())
      Reporter.reportDefined(*Function);
}

static const RegisterCheck
    Register("coral-detached-this", 1,
             "a detached task that uses an object which nothing keeps alive",
             checkDetachedThis);

} // namespace coralc
