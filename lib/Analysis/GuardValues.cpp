//===--- GuardValues.cpp - Expressions that are locks, taken --------------===//

#include "coralc/Analysis/GuardValues.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Model/Records.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {

bool GuardValues::isHolder(QualType Type) const {
  const auto *Spec =
      dyn_cast_or_null<ClassTemplateSpecializationDecl>(recordOf(Type));
  if (!Spec || Type->isReferenceType() || !Spec->isInStdNamespace() ||
      !Spec->getIdentifier() ||
      !llvm::StringSwitch<bool>(Spec->getName())
           .Cases({"optional", "unique_ptr", "shared_ptr"}, true)
           .Cases({"vector", "deque", "list"}, true)
           .Default(false))
    return false;
  const TemplateArgument &Held = Spec->getTemplateArgs().get(0);
  return Held.getKind() == TemplateArgument::Type &&
         Locks.isGuard(Held.getAsType());
}

bool GuardValues::isGuardOrHolder(QualType Type) const {
  return Locks.isGuard(Type) || isHolder(Type);
}

bool GuardValues::hasLock(const Expr *Value) const {
  Value = ignoreWrappers(Value);
  if (!Value || Value->containsErrors())
    return false;
  if (const auto *Default = dyn_cast<CXXDefaultInitExpr>(Value))
    return hasLock(Default->getExpr());
  if (const auto *Cast = dyn_cast<CXXFunctionalCastExpr>(Value))
    return hasLock(Cast->getSubExpr());
  if (const auto *List = dyn_cast<InitListExpr>(Value))
    return hasLockAmong(List->inits());
  if (const auto *List = dyn_cast<CXXParenListInitExpr>(Value))
    return hasLockAmong(List->getInitExprs());
  if (const auto *Lambda = dyn_cast<LambdaExpr>(Value))
    return hasLockAmong(
        llvm::SmallVector<const Expr *>(Lambda->capture_inits()));
  if (const auto *Choice = dyn_cast<ConditionalOperator>(Value))
    return hasLock(Choice->getTrueExpr()) && hasLock(Choice->getFalseExpr());
  if (const auto *New = dyn_cast<CXXNewExpr>(Value))
    return hasLock(New->getInitializer());
  if (const auto *Call = dyn_cast<CallExpr>(Value)) {
    if (!Value->isPRValue())
      return false;
    if (isHolder(Value->getType()))
      return !calleeName(*Call).starts_with("make_") ||
             makesLocked(llvm::SmallVector<const Expr *>(Call->arguments()));
    return Locks.isGuard(Value->getType()) &&
           !unlocksItself(recordOf(Value->getType()));
  }
  if (const auto *Construct = dyn_cast<CXXConstructExpr>(Value))
    return constructs(*Construct);
  // A dependent construction.
  if (const auto *List = dyn_cast<ParenListExpr>(Value))
    return makesLocked(llvm::SmallVector<const Expr *>(
        const_cast<ParenListExpr *>(List)->exprs()));
  if (const auto *Unresolved = dyn_cast<CXXUnresolvedConstructExpr>(Value))
    return makesLocked(
        llvm::SmallVector<const Expr *>(Unresolved->arguments()));
  return false;
}

bool GuardValues::hasLockAmong(llvm::ArrayRef<const Expr *> Values) const {
  return llvm::any_of(Values, [&](const Expr *Value) {
    return Value && isGuardOrHolder(Value->getType()) && hasLock(Value);
  });
}

/// Does an argument of type \p Type say that nothing is locked? So do
/// std::defer_lock, std::nullopt and a null pointer for a mutex.
static bool saysNothingIsLocked(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  return Type->isNullPtrType() ||
         (Record && Record->getIdentifier() &&
          (Record->getName().starts_with("defer_lock") ||
           Record->getName() == "nullopt_t"));
}

bool GuardValues::makesLocked(llvm::ArrayRef<const Expr *> Arguments) const {
  bool Any = false;
  for (const Expr *Argument : Arguments) {
    if (isa<CXXDefaultArgExpr>(Argument))
      continue;
    if (saysNothingIsLocked(Argument->getType()))
      return false;
    // A guard that is moved here has what it had.
    const Expr *Given = ignoreWrappers(Argument);
    if (isa<CXXConstructExpr>(Given) && isGuardOrHolder(Given->getType()) &&
        !hasLock(Given))
      return false;
    Any = true;
  }
  return Any;
}

bool GuardValues::constructs(const CXXConstructExpr &Construct) const {
  llvm::SmallVector<const Expr *, 4> Arguments(Construct.arguments());
  if (!makesLocked(Arguments))
    return buildsGuard(*Construct.getConstructor());
  const CXXRecordDecl *Record = Construct.getConstructor()->getParent();
  if (isHolder(Construct.getType())) {
    // An element, or a new one behind a pointer; not a count, an allocator.
    return hasLockAmong(Arguments) ||
           llvm::any_of(Arguments, [&](const Expr *Argument) {
             const Expr *Given = ignoreWrappers(Argument);
             return (isa<CXXNewExpr>(Given) && hasLock(Given)) ||
                    Locks.isMutex(Argument->getType());
           });
  }
  // Of a class with a guard in it, what is given tells; or what the
  // constructor does with it.
  bool Wraps = llvm::any_of(Record->fields(), [&](const FieldDecl *Field) {
    return Locks.isGuard(Field->getType());
  });
  if (!Wraps)
    return true;
  if (!Construct.getConstructor()->hasBody() &&
      Construct.getConstructor()->isUserProvided())
    return llvm::any_of(Arguments, [&](const Expr *Argument) {
      return Locks.isMutex(Argument->getType());
    });
  return hasLockAmong(Arguments) || buildsGuard(*Construct.getConstructor()) ||
         !Construct.getConstructor()->isUserProvided();
}

/// Has \p Record a guard in it that its member functions may unlock? It may
/// have come unlocked, then.
bool GuardValues::unlocksItself(const CXXRecordDecl *Record) const {
  if (!Record || llvm::none_of(Record->fields(), [&](const FieldDecl *F) {
        return Locks.isGuard(F->getType());
      }))
    return false;
  return llvm::any_of(Record->methods(), [&](const CXXMethodDecl *Method) {
    if (Method->isImplicit() || Method->isConst() || Method->isStatic() ||
        Method->isDefaulted() || Method->isDeleted() ||
        Method->getOverloadedOperator() == OO_Arrow ||
        Method->getOverloadedOperator() == OO_Star ||
        isa<CXXConstructorDecl, CXXDestructorDecl>(Method))
      return false;
    const Stmt *Body = visibleBody(Method);
    return !Body || anyStatement(Body, [&](const Stmt &Node) {
      const auto *Member = dyn_cast<MemberExpr>(&Node);
      return Member && isa<FieldDecl>(Member->getMemberDecl()) &&
             Locks.isGuard(Member->getType());
    });
  });
}

/// Does \p Constructor initialise a guard in its class with a lock?
bool GuardValues::buildsGuard(const CXXConstructorDecl &Constructor) const {
  return llvm::any_of(Constructor.inits(), [&](const CXXCtorInitializer *Init) {
    const Expr *Value = ignoreWrappers(Init->getInit());
    if (const auto *Default = dyn_cast_or_null<CXXDefaultInitExpr>(Value))
      Value = ignoreWrappers(Default->getExpr());
    const auto *Made = dyn_cast_or_null<CXXConstructExpr>(Value);
    return Made && Made->getNumArgs() && Locks.isGuard(Made->getType()) &&
           hasLock(Made);
  });
}

} // namespace coralc
