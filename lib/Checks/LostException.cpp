//===--- LostException.cpp - coral-lost-exception -------------------------===//
//
// Reports exceptions that nobody can see: a promise whose unhandled_exception
// does nothing, or keeps the exception where nobody takes it from, and a task
// that is started detached though it can fail.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {
namespace {

class Finder {
public:
  explicit Finder(TranslationUnit &Unit) : Unit(Unit) {}

  /// The promise's side.
  void checkPromise(const CXXMethodDecl &Unhandled) {
    const auto *Body = dyn_cast_or_null<CompoundStmt>(Unhandled.getBody());
    if (!Body || Unhandled.isDeleted() || !isPromise(*Unhandled.getParent()))
      return;
    if (Body->body_empty()) {
      Unit.report(Unhandled.getLocation(),
                  "this drops every exception that leaves the coroutine, and "
                  "whoever awaits it goes on as if there were a result; keep "
                  "'std::current_exception()' and throw it on in "
                  "'await_resume', or call 'std::terminate'");
      return;
    }
    const FieldDecl *Kept = keptIn(*Body);
    if (Kept && !isRead(*Kept, Unhandled) && knowsAll(*Unhandled.getParent()))
      Unit.report(Unhandled.getLocation(),
                  "the exception is kept in '" + Kept->getNameAsString() +
                      "', which nothing reads, so whoever awaits the coroutine "
                      "goes on as if there were a result; throw it on in "
                      "'await_resume'")
          .note(Kept->getLocation(), "declared here");
  }

  /// `co_spawn(executor, f(), detached)`
  void checkSpawns(const FunctionDecl &Function) {
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Call = dyn_cast<CallExpr>(&Node))
        checkSpawn(*Call);
      return false;
    });
  }

private:
  static bool isPromise(const CXXRecordDecl &Record) {
    return !methodsNamed(&Record, "get_return_object").empty() ||
           !methodsNamed(&Record, "initial_suspend").empty();
  }

  /// The member of the promise that \p Body assigns the exception to.
  static const FieldDecl *keptIn(const CompoundStmt &Body) {
    if (Body.size() != 1)
      return nullptr;
    const FieldDecl *Kept = nullptr;
    anyStatement(&Body, [&](const Stmt &Node) {
      const auto *Assign = dyn_cast<CXXOperatorCallExpr>(&Node);
      if (!Assign || Assign->getOperator() != OO_Equal)
        return false;
      const auto *Member =
          dyn_cast<MemberExpr>(Assign->getArg(0)->IgnoreParenImpCasts());
      if (Member && isa<CXXThisExpr>(Member->getBase()->IgnoreParenImpCasts()))
        Kept = dyn_cast<FieldDecl>(Member->getMemberDecl());
      return true;
    });
    const CXXRecordDecl *Type = Kept ? recordOf(Kept->getType()) : nullptr;
    return Type && Type->getIdentifier() && Type->getName() == "exception_ptr"
               ? Kept
               : nullptr;
  }

  /// Does any function but \p Writer mention a member called as \p Kept is?
  bool isRead(const FieldDecl &Kept, const CXXMethodDecl &Writer) const {
    return llvm::any_of(Unit.functions(), [&](const FunctionDecl *Function) {
      if (Function == &Writer ||
          Function->getDeclName() == Writer.getDeclName())
        return false;
      return anyStatement(Function->getBody(), [&](const Stmt &Node) {
        if (const auto *Member = dyn_cast<MemberExpr>(&Node))
          return Member->getMemberDecl()->getDeclName() == Kept.getDeclName();
        const auto *Dependent = dyn_cast<CXXDependentScopeMemberExpr>(&Node);
        return Dependent && Dependent->getMember() == Kept.getDeclName();
      });
    });
  }

  /// Can every function of \p Promise and of what it is nested in be seen?
  static bool knowsAll(const CXXRecordDecl &Promise) {
    const auto *Outer = dyn_cast<CXXRecordDecl>(Promise.getDeclContext());
    for (const CXXRecordDecl *Class : {&Promise, Outer})
      for (const Decl *Member :
           Class ? Class->decls()
                 : DeclContext::decl_range(DeclContext::decl_iterator(),
                                           DeclContext::decl_iterator())) {
        const auto *Method = dyn_cast<CXXMethodDecl>(Member);
        if (Method && !Method->isImplicit() && !Method->isDefaulted() &&
            !Method->isDeleted() && !visibleBody(Method))
          return false;
      }
    return Promise.friends().empty();
  }

  void checkSpawn(const CallExpr &Call) {
    if (!Unit.types().calls(Role::Detaching, &Call) || Call.containsErrors())
      return;
    const CXXRecordDecl *Token =
        Call.getNumArgs()
            ? recordOf(Call.getArg(Call.getNumArgs() - 1)->getType())
            : nullptr;
    if (!Token || !Token->getIdentifier() ||
        !Token->getName().starts_with("detached"))
      return;
    for (const Expr *Argument : Call.arguments()) {
      const FunctionDecl *Started = coroutineIn(ignoreWrappers(Argument));
      if (!Started || handlesItself(*Started))
        continue;
      Unit.report(Call.getExprLoc(),
                  "an exception that leaves this task goes nowhere, because it "
                  "is detached; pass a handler that takes the "
                  "'std::exception_ptr', or catch in the coroutine")
          .note(Started->getLocation(), "the coroutine is here");
      return;
    }
  }

  /// The coroutine, as far as it is visible, that \p Argument calls, or is.
  static const FunctionDecl *coroutineIn(const Expr *Argument) {
    const FunctionDecl *Function = nullptr;
    if (const auto *Call = dyn_cast_or_null<CallExpr>(Argument))
      Function = Call->getDirectCallee();
    else if (const auto *Lambda = dyn_cast_or_null<LambdaExpr>(Argument))
      Function = Lambda->getCallOperator();
    else if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Argument))
      Function = dyn_cast<FunctionDecl>(Ref->getDecl());
    Function = Function ? Function->getDefinition() : nullptr;
    return Function && isCoroutine(*Function) ? Function : nullptr;
  }

  /// Does \p Function catch what it can, or has it nothing that can fail?
  static bool handlesItself(const FunctionDecl &Function) {
    bool Handles = false, Awaits = false;
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      Awaits |= isa<CoroutineSuspendExpr, CXXThrowExpr>(Node);
      if (const auto *Handler = dyn_cast<CXXCatchStmt>(&Node)) {
        QualType Caught = Handler->getCaughtType();
        const CXXRecordDecl *Type = recordOf(Caught);
        Handles |= Caught.isNull() ||
                   (Type && Type->getIdentifier() && Type->isInStdNamespace());
      }
      return false;
    });
    return Handles || !Awaits;
  }

  TranslationUnit &Unit;
};

} // namespace

static void checkLostException(TranslationUnit &Unit) {
  if (!Unit.context().getLangOpts().CXXExceptions ||
      Unit.context().getDiagnostics().hasUncompilableErrorOccurred())
    return;
  Finder Find(Unit);
  for (const FunctionDecl *Function : Unit.functions()) {
    if (Function->isInvalidDecl())
      continue;
    const auto *Method = dyn_cast<CXXMethodDecl>(Function);
    if (Method && Method->getIdentifier() &&
        Method->getName() == "unhandled_exception")
      Find.checkPromise(*Method);
    Find.checkSpawns(*Function);
  }
}

static const RegisterCheck
    Register("coral-lost-exception", 1,
             "an exception of a coroutine that nobody can see",
             checkLostException);

} // namespace coralc
