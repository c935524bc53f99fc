//===--- PromiseContract.cpp - coral-promise-contract ---------------------===//
//
// Reports coroutine types that break what a promise and its return object owe
// each other: frames that nobody destroys or that are destroyed twice, moves
// that forget the old frame or keep the handle, continuations that are resumed
// on top of the stack, tasks that may be dropped without a word.
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
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {
namespace {

bool isHandle(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  return Record && Record->isInStdNamespace() && Record->getIdentifier() &&
         Record->getName() == "coroutine_handle";
}

/// One coroutine type: the object that a coroutine returns, and its promise.
class Contract {
public:
  Contract(TranslationUnit &Unit, const CXXRecordDecl &Record,
           const CoroutineType &Type)
      : Unit(Unit), Record(Record), Type(Type) {
    for (const FieldDecl *Field : Record.fields())
      if (isHandle(Field->getType()))
        Handle = Field;
    const CXXDestructorDecl *Destructor = Record.getDestructor();
    Destroys = Handle && Destructor && destroysHandle(*Destructor);
  }

  void check() {
    checkFinalSuspend();
    if (Destroys) {
      checkCopies();
      checkMoveConstruction();
      checkMoveAssignment();
    } else {
      checkLeak();
    }
    checkAttributes();
  }

private:
  /// Does \p Destructor, whatever it asks of the handle itself, destroy it?
  bool destroysHandle(const CXXDestructorDecl &Destructor) const {
    return anyStatement(visibleBody(&Destructor), [&](const Stmt &Node) {
      const auto *Call = dyn_cast<CallExpr>(&Node);
      if (!Call || calleeName(*Call) != "destroy")
        return false;
      return anyStatement(Call->getCallee(), [&](const Stmt &Inner) {
        const auto *Member = dyn_cast<MemberExpr>(&Inner);
        return Member && Member->getMemberDecl() == Handle;
      });
    });
  }

  const FunctionDecl *finalSuspend() const {
    auto Found = methodsNamed(Type.Promise, "final_suspend");
    return Found.size() == 1 ? Found.front() : nullptr;
  }

  bool finalNeverSuspends() const {
    const FunctionDecl *Final = finalSuspend();
    return Final &&
           Unit.types().readiness(returnTypeOf(Final)) == Readiness::Always;
  }

  void checkFinalSuspend() {
    const FunctionDecl *Final = finalSuspend();
    if (!Final)
      return;
    if (Destroys && finalNeverSuspends() && !isToldOfTheEnd())
      Unit.report(Final->getLocation(),
                  "the frame destroys itself, because 'final_suspend' does not "
                  "suspend, and '" +
                      name() +
                      "' destroys it again; suspend in 'final_suspend'")
          .note(Record.getDestructor()->getLocation(),
                "destroyed a second time here");
    for (const FunctionDecl *Suspend :
         methodsNamed(recordOf(returnTypeOf(Final)), "await_suspend"))
      checkRecursion(*Suspend);
  }

  /// Does the promise write to what may be the return object, which then knows
  /// that the frame is gone?
  bool isToldOfTheEnd() const {
    for (const FieldDecl *Field : Type.Promise->fields())
      if (Field->getType()->isPointerType() ||
          Field->getType()->isReferenceType())
        return true;
    return Type.Promise->getDestructor() &&
           Type.Promise->getDestructor()->isUserProvided();
  }

  /// `void await_suspend(handle h) { h.promise().continuation.resume(); }`
  void checkRecursion(const FunctionDecl &Suspend) {
    if (!Suspend.getReturnType()->isVoidType() &&
        !Suspend.getReturnType()->isBooleanType())
      return;
    const Stmt *Body = visibleBody(&Suspend);
    const CallExpr *Resume = nullptr;
    anyStatement(Body, [&](const Stmt &Node) {
      // Of several that wait no more than one can be transferred to.
      if (isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(Node))
        return true;
      const auto *Call = dyn_cast<CallExpr>(&Node);
      if (Call && calleeName(*Call) == "resume" && Call->getNumArgs() == 0)
        Resume = Call;
      return Resume != nullptr;
    });
    if (Resume)
      Unit.report(Resume->getExprLoc(),
                  "the continuation is resumed on top of the coroutine that "
                  "ends, so a long chain of them overflows the stack; return "
                  "its handle from 'await_suspend'");
  }

  void checkCopies() {
    if (Type.Kind == CoroutineKind::Awaitable || hasOtherState())
      return;
    bool Implicit = Record.needsImplicitCopyConstructor() &&
                    !Record.defaultedCopyConstructorIsDeleted() &&
                    !Record.hasUserDeclaredMoveOperation();
    const CXXConstructorDecl *Defaulted = nullptr;
    for (const CXXConstructorDecl *Constructor : Record.ctors())
      if (Constructor->isCopyConstructor() && Constructor->isDefaulted() &&
          !Constructor->isDeleted())
        Defaulted = Constructor;
    if (!Implicit && !Defaulted)
      return;
    Unit.report(Defaulted && !Defaulted->isImplicit() ? Defaulted->getLocation()
                                                      : Record.getLocation(),
                "a copy of '" + name() +
                    "' has the same handle, and both destroy the frame; "
                    "delete the copy operations");
  }

  void checkMoveConstruction() {
    for (const CXXConstructorDecl *Constructor : Record.ctors())
      if (Constructor->isMoveConstructor() &&
          Constructor->isExplicitlyDefaulted() && !Constructor->isDeleted() &&
          !hasOtherState())
        Unit.report(Constructor->getLocation(),
                    "a defaulted move leaves the handle in what is moved from, "
                    "and both destroy the frame; 'std::exchange' it");
  }

  void checkMoveAssignment() {
    for (const CXXMethodDecl *Method : Record.methods()) {
      if (!Method->isMoveAssignmentOperator() || Method->isDeleted())
        continue;
      if (Method->isExplicitlyDefaulted() && !hasOtherState())
        Unit.report(Method->getLocation(),
                    "a defaulted move assignment forgets the frame that the "
                    "task has, and leaves the other handle behind; destroy the "
                    "one and 'std::exchange' the other");
      else if (const Stmt *Body = visibleBody(Method);
               Body && forgetsFrame(Body))
        Unit.report(Method->getLocation(),
                    "the move assignment forgets the frame that the task has, "
                    "which nobody destroys then; destroy it first, or swap");
    }
  }

  /// Does \p Body give the handle a new value and nothing else that could end
  /// the old one?
  bool forgetsFrame(const Stmt *Body) const {
    bool Assigns = false, Calls = false;
    anyStatement(Body, [&](const Stmt &Node) {
      if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(&Node)) {
        Assigns |= Call->getOperator() == OO_Equal &&
                   isHandle(Call->getArg(0)->getType());
        return false;
      }
      const auto *Call = dyn_cast<CallExpr>(&Node);
      Calls |= Call && calleeName(*Call) != "exchange" &&
               calleeName(*Call) != "move" && calleeName(*Call) != "addressof";
      // A temporary may take the old one with it.
      Calls |= isa<DeclStmt>(Node);
      return false;
    });
    return Assigns && !Calls;
  }

  /// Nobody destroys the frame: it suspends at its end, and the handle is lost
  /// with the object.
  void checkLeak() {
    const FunctionDecl *Final = finalSuspend();
    if (!Handle || !Final || Handle->getAccess() == AS_public ||
        Type.Release != ReleasePolicy::Unknown || Record.getNumBases() ||
        Unit.types().readiness(returnTypeOf(Final)) != Readiness::Never)
      return;
    for (const CXXRecordDecl *Class :
         {&Record, Type.Promise, recordOf(returnTypeOf(Final))})
      if (!Class || mayDestroy(*Class))
        return;
    Unit.report(Record.getLocation(),
                "the frame of a coroutine that returns '" + name() +
                    "' is never destroyed: it suspends at its end, and nobody "
                    "calls 'destroy'; do so in the destructor");
  }

  /// Has \p Class a function that destroys a frame, hands the handle out, or
  /// cannot be looked into?
  bool mayDestroy(const CXXRecordDecl &Class) const {
    if (!Class.friends().empty())
      return true;
    return llvm::any_of(Class.decls(), [&](const Decl *Member) {
      if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Member))
        Member = Template->getTemplatedDecl();
      if (const auto *Nested = dyn_cast<CXXRecordDecl>(Member))
        return Nested != &Class && !Nested->isImplicit() &&
               Nested->hasDefinition() && Nested->getDefinition() != &Class &&
               mayDestroy(*Nested->getDefinition());
      const auto *Function = dyn_cast<FunctionDecl>(Member);
      if (!Function || Function->isImplicit() || Function->isDefaulted() ||
          Function->isDeleted())
        return false;
      const Stmt *Body = visibleBody(Function);
      return !Body || isHandle(Function->getReturnType()) ||
             anyStatement(Body, [&](const Stmt &Node) {
               const auto *Call = dyn_cast<CallExpr>(&Node);
               if (!Call)
                 return false;
               if (calleeName(*Call) == "destroy")
                 return true;
               // Somebody else gets it.
               return llvm::any_of(Call->arguments(), [](const Expr *A) {
                 return isHandle(A->getType());
               });
             });
    });
  }

  void checkAttributes() {
    bool SelfDestroying = finalNeverSuspends();
    if (SelfDestroying && Record.hasAttr<CoroAwaitElidableAttr>())
      Unit.report(Record.getLocation(),
                  "the frame of an elided coroutine lies in that of its caller "
                  "and must not destroy itself, but 'final_suspend' does not "
                  "suspend; suspend there, or drop 'coro_await_elidable'");
    if (Type.Kind != CoroutineKind::Task || Type.Nodiscard ||
        !isOwed(Type, Kept::Nowhere))
      return;
    Diagnosis &Report = Unit.report(
        Record.getLocation(),
        "'" + name() + "' may be dropped without a warning, and then " +
            consequenceOfLosing(Type).str() + "; make it '[[nodiscard]]'");
    if (Record.getLocation().isFileID())
      Report.fix(
          FixSafety::Unsafe, "make it '[[nodiscard]]'",
          FixItHint::CreateInsertion(Record.getLocation(), "[[nodiscard]] "));
  }

  /// Something besides the handle may say whether it is still owned.
  bool hasOtherState() const {
    return std::distance(Record.field_begin(), Record.field_end()) != 1 ||
           Record.getNumBases();
  }

  std::string name() const { return Record.getNameAsString(); }

  TranslationUnit &Unit;
  const CXXRecordDecl &Record;
  const CoroutineType &Type;
  const FieldDecl *Handle = nullptr;
  bool Destroys = false;
};

} // namespace

static void checkPromiseContract(TranslationUnit &Unit) {
  if (Unit.context().getDiagnostics().hasUncompilableErrorOccurred())
    return;
  const SourceManager &Sources = Unit.context().getSourceManager();
  llvm::DenseSet<const CXXRecordDecl *> Seen;
  // A type matters where there are coroutines that return it; what a template
  // says is said about its pattern, once.
  for (const FunctionDecl *Function : Unit.functions()) {
    if (!isCoroutine(*Function))
      continue;
    const CoroutineType *Type = Unit.types().lookup(Function->getReturnType());
    if (!Type || !Type->Promise || Type->Synchronous ||
        Sources.isInSystemHeader(Type->Record->getLocation()) ||
        !Seen.insert(patternOf(Type->Record)).second)
      continue;
    Contract(Unit, *Type->Record, *Type).check();
  }
}

static const RegisterCheck
    Register("coral-promise-contract", 1,
             "a coroutine type that leaks frames or destroys them twice",
             checkPromiseContract);

} // namespace coralc
