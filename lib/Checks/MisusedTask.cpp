//===--- MisusedTask.cpp - coral-misused-task -----------------------------===//
//
// Reports tasks that are taken for something else: a coroutine handed on as a
// callable to something that drops what it returns, and a task that has just
// been created and is tested, compared or printed in place of its result.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Owed.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// What calling a \p Callable, a function or an object, returns. Null when it
/// cannot be called, or depends on the arguments.
QualType resultOfCalling(QualType Callable) {
  Callable = Callable.getNonReferenceType();
  if (Callable->isPointerType() || Callable->isMemberPointerType())
    Callable = Callable->getPointeeType();
  if (const auto *Function = Callable->getAs<FunctionProtoType>())
    return Function->getReturnType();
  const CXXRecordDecl *Record = recordOf(Callable);
  if (!Record)
    return {};
  ASTContext &Context = Record->getASTContext();
  QualType Result;
  for (const FunctionDecl *Call : methodsNamed(
           Record, Context.DeclarationNames.getCXXOperatorName(OO_Call))) {
    QualType Returned = returnTypeOf(Call);
    if (Returned.isNull() ||
        (!Result.isNull() && !Context.hasSameType(Result, Returned)))
      return {};
    Result = Returned;
  }
  return Result;
}

/// Is \p Type an object that holds any callable and gives nothing back when it
/// is called, as std::function<void(int)> is?
bool dropsResults(QualType Type) {
  const auto *Record =
      dyn_cast_or_null<ClassTemplateSpecializationDecl>(recordOf(Type));
  if (!Record || !Record->getTemplateArgs().size() ||
      Record->getTemplateArgs()[0].getKind() != TemplateArgument::Type)
    return false;
  const auto *Signature =
      Record->getTemplateArgs()[0].getAsType()->getAs<FunctionProtoType>();
  return Signature && Signature->getReturnType()->isVoidType() &&
         !methodsNamed(
              Record,
              Record->getASTContext().DeclarationNames.getCXXOperatorName(
                  OO_Call))
              .empty();
}

class MisuseFinder {
public:
  explicit MisuseFinder(TranslationUnit &Unit)
      : Unit(Unit), Policy(Unit.context().getLangOpts()) {}

  void check(const Stmt *Body) {
    anyStatement(Body, [&](const Stmt &Node) {
      if (const auto *Construct = dyn_cast<CXXConstructExpr>(&Node))
        visitConstruction(*Construct);
      else if (const auto *Call = dyn_cast<CallExpr>(&Node))
        visitCall(*Call);
      return false;
    });
  }

private:
  /// The type of the task that calling \p Callable makes and that must not be
  /// dropped; null if there is none.
  const CoroutineType *taskFrom(const Expr *Callable) {
    if (!Callable || Callable->isTypeDependent() || Callable->containsErrors())
      return nullptr;
    // std::bind(&server::serve, this)
    const Expr *Bound = ignoreWrappers(Callable);
    const auto *Binding = dyn_cast_or_null<CallExpr>(Bound);
    bool Binds = Binding && Binding->getNumArgs() &&
                 (Unit.types().calls(Role::Binder, Binding) ||
                  Unit.types().calls(Role::FrontBinder, Binding));
    QualType Result = resultOfCalling(Binds ? Binding->getArg(0)->getType()
                                            : Callable->getType());
    if (Result.isNull() || Result->isReferenceType() ||
        Result->isDependentType())
      return nullptr;
    const CoroutineType *Type = Unit.types().lookup(Result);
    return Type && Type->Kind == CoroutineKind::Task && !Type->Synchronous &&
                   isOwed(*Type, Kept::Nowhere)
               ? Type
               : nullptr;
  }

  void visitConstruction(const CXXConstructExpr &Construct) {
    if (Construct.getNumArgs() == 0 || Construct.containsErrors())
      return;
    if (Unit.types().calls(Role::Dropping, &Construct))
      return visitArguments(Construct.arguments(), Construct.getType());
    if (!Construct.getConstructor()->isCopyOrMoveConstructor() &&
        dropsResults(Construct.getType()))
      report(Construct.getArg(0), Construct.getType());
  }

  void visitCall(const CallExpr &Call) {
    if (Call.containsErrors())
      return;
    if (Unit.types().calls(Role::Dropping, &Call))
      return visitArguments(Call.arguments(), {}, nameOfDropping(Call));
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call))
      return visitOperator(*Operator);
    const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
    if (!Member || !Member->getMethodDecl())
      return;
    if (isa<CXXConversionDecl>(Member->getMethodDecl()) &&
        Member->getMethodDecl()->getReturnType()->isBooleanType())
      return reportValue(Member->getImplicitObjectArgument(), "tested");
    // container.emplace_back(callable)
    if (calleeName(Call).starts_with("emplace") && Call.getNumArgs()) {
      QualType Element =
          memberType(recordOf(Member->getObjectType()), "value_type");
      if (!Element.isNull() && dropsResults(Element))
        report(Call.getArg(Call.getNumArgs() - 1), Element);
    }
  }

  void visitOperator(const CXXOperatorCallExpr &Operator) {
    if (Operator.getNumArgs() != 2)
      return;
    if (Operator.getOperator() == OO_Equal &&
        dropsResults(Operator.getArg(0)->getType()))
      return report(Operator.getArg(1), Operator.getArg(0)->getType());
    if (Operator.isComparisonOp())
      for (const Expr *Operand : Operator.arguments())
        reportValue(Operand, "compared");
    if (Operator.getOperator() == OO_LessLess &&
        recordOf(Operator.getArg(0)->getType()))
      reportValue(Operator.getArg(1), "printed");
  }

  /// What is called: a function, or a function object by its name, as
  /// std::ranges::for_each is one.
  static llvm::StringRef nameOfDropping(const CallExpr &Call) {
    llvm::StringRef Name = calleeName(Call);
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
    const auto *Object =
        Name.empty() && Operator
            ? dyn_cast<DeclRefExpr>(Operator->getArg(0)->IgnoreParenImpCasts())
            : nullptr;
    return Object && Object->getDecl()->getIdentifier()
               ? Object->getDecl()->getName()
               : Name;
  }

  template <class Range>
  void visitArguments(Range Arguments, QualType Sink,
                      llvm::StringRef Callee = "") {
    for (const Expr *Argument : Arguments)
      report(Argument, Sink, Callee);
  }

  void report(const Expr *Callable, QualType Sink,
              llvm::StringRef Callee = "") {
    const CoroutineType *Type = taskFrom(Callable);
    if (!Type)
      return;
    std::string Where =
        Callee.empty() ? "'" + spell(Sink) + "'" : "'" + Callee.str() + "'";
    const Expr *Spelled = Callable->IgnoreUnlessSpelledInSource();
    bool IsLambda = isa<LambdaExpr>(ignoreWrappers(Spelled));
    Unit.report(Spelled->getBeginLoc(),
                Where + " drops the task that this " +
                    (IsLambda ? "lambda" : "callable") + " returns, so " +
                    consequenceOfLosing(*Type).str() +
                    "; start the task in it, or use something that takes a "
                    "coroutine");
  }

  /// A task that has just been created, used as if it were its result.
  void reportValue(const Expr *Value, llvm::StringRef How) {
    const auto *Call = dyn_cast_or_null<CallExpr>(ignoreWrappers(Value));
    if (!Call || !Call->isPRValue() || Call->containsErrors() ||
        isa<CoroutineSuspendExpr>(Call))
      return;
    const CoroutineType *Type = Unit.types().lookup(Call->getType());
    if (!Type || Type->Kind != CoroutineKind::Task || Type->Synchronous ||
        !isOwed(*Type, Kept::Nowhere))
      return;
    Unit.report(Call->getBeginLoc(),
                ("the task returned by '" + calleeName(*Call) + "' is " + How +
                 ", not its result, so " + consequenceOfLosing(*Type) +
                 "; 'co_await' it")
                    .str());
  }

  /// The type, if it is a member of a container not by that name.
  std::string spell(QualType Type) const {
    if (const CXXRecordDecl *Record = recordOf(Type);
        Record && Type->getAs<TypedefType>() &&
        !Type->getAs<TypedefType>()
             ->getDecl()
             ->getDeclContext()
             ->isFileContext())
      Type = Unit.context().getCanonicalTagType(Record);
    return Type.getUnqualifiedType().getAsString(Policy);
  }

  TranslationUnit &Unit;
  PrintingPolicy Policy;
};

} // namespace

static void checkMisusedTask(TranslationUnit &Unit) {
  MisuseFinder Finder(Unit);
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl())
      continue;
    Finder.check(bodyOf(*Function));
    if (const auto *Constructor = dyn_cast<CXXConstructorDecl>(Function))
      for (const CXXCtorInitializer *Init : Constructor->inits())
        Finder.check(Init->getInit());
  }
}

static const RegisterCheck
    Register("coral-misused-task", 0,
             "a task that is dropped by what calls the coroutine, or used in "
             "place of its result",
             checkMisusedTask);

} // namespace coralc
