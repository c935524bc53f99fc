//===--- ThreadLocks.cpp - Which types are locks of threads ---------------===//

#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;

namespace coralc {

/// Has \p Record member functions lock() and unlock() that give nothing back?
/// One whose lock() is empty locks nothing.
static bool isLockable(const CXXRecordDecl *Record) {
  bool Locks = false, Unlocks = false;
  for (llvm::StringRef Name : {"lock", "Lock"})
    for (const FunctionDecl *Lock : methodsNamed(Record, Name)) {
      const auto *Body = dyn_cast_or_null<CompoundStmt>(visibleBody(Lock));
      Locks |= Lock->getReturnType()->isVoidType() &&
               Lock->getMinRequiredArguments() == 0 &&
               !(Body && Body->body_empty());
    }
  for (llvm::StringRef Name : {"unlock", "Unlock"})
    for (const FunctionDecl *Unlock : methodsNamed(Record, Name))
      Unlocks |= Unlock->getReturnType()->isVoidType();
  return Locks && Unlocks;
}

/// Does some member function of \p Record that locks have to be awaited?
static bool locksByAwait(const CXXRecordDecl *Record, CoroutineTypes &Types) {
  return llvm::any_of(Record->decls(), [&](const Decl *Member) {
    if (const auto *Template = dyn_cast<FunctionTemplateDecl>(Member))
      Member = Template->getTemplatedDecl();
    const auto *Method = dyn_cast<CXXMethodDecl>(Member);
    if (!Method || !Method->getIdentifier() ||
        !Method->getName().contains_insensitive("lock"))
      return false;
    const CoroutineType *Type = Types.lookup(returnTypeOf(Method));
    return Type && Type->isAwaitable();
  });
}

/// Is \p Type what mutexes are made of: atomics, mutexes, system handles?
static bool isMadeOfSynchronisation(QualType Type, ThreadLocks &Locks) {
  std::string Name = Type.getCanonicalType().getUnqualifiedType().getAsString();
  llvm::StringRef Spelled(Name);
  if (Spelled.contains("pthread_") || Spelled.contains("CRITICAL_SECTION") ||
      Spelled.contains("SRWLOCK"))
    return true;
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || Type->isReferenceType())
    return false;
  if (Record->isInStdNamespace() && Record->getIdentifier() &&
      Record->getName().starts_with("atomic"))
    return true;
  return Locks.isMutex(Type);
}

bool ThreadLocks::isMutex(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record)
    return false;
  if (auto Known = Mutexes.find(Record); Known != Mutexes.end())
    return Known->second;
  Mutexes[Record] = false;
  QualType Plain = Record->getASTContext().getCanonicalTagType(Record);
  bool Is =
      isLockable(Record) && !Types.plays(Role::AsyncLock, Plain) &&
      !locksByAwait(Record, Types) && !isGuard(Plain) &&
      (Types.plays(Role::ThreadLock, Plain) ||
       llvm::any_of(Record->fields(),
                    [&](const FieldDecl *Field) {
                      return isMadeOfSynchronisation(Field->getType(), *this);
                    }) ||
       llvm::any_of(Record->bases(), [&](const CXXBaseSpecifier &Base) {
         return isMutex(Base.getType());
       }));
  return Mutexes[Record] = Is;
}

bool ThreadLocks::mayGuard(QualType Argument) {
  const CXXRecordDecl *Record = recordOf(Argument);
  if (!Record)
    return true;
  if (Types.plays(Role::AsyncLock, Argument) || locksByAwait(Record, Types))
    return false;
  return methodsNamed(Record, "lock").empty() ||
         methodsNamed(Record, "unlock").empty() || isLockable(Record);
}

bool ThreadLocks::isGuard(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || Type->isReferenceType() || Record->isInvalidDecl())
    return false;
  if (auto Known = Guards.find(Record); Known != Guards.end())
    return Known->second;
  Guards[Record] = false;
  bool Is = computeGuard(*Record);
  return Guards[Record] = Is;
}

/// Can a \p Record be made from something that it refers to?
static bool isMadeFromAnother(const CXXRecordDecl &Record) {
  return llvm::any_of(Record.ctors(), [&](const CXXConstructorDecl *C) {
    if (!C->getNumParams() || C->isCopyOrMoveConstructor())
      return false;
    QualType First = C->getParamDecl(0)->getType();
    return First->isReferenceType() || First->isPointerType() ||
           C->getParamDecl(0)->isParameterPack();
  });
}

bool ThreadLocks::unlocksWhenDestroyed(const CXXRecordDecl &Record) {
  const CXXDestructorDecl *Destructor = Record.getDestructor();
  return Destructor &&
         anyStatement(visibleBody(Destructor), [&](const Stmt &Node) {
           const auto *Call = dyn_cast<CallExpr>(&Node);
           if (!Call || !calleeName(*Call).contains_insensitive("unlock"))
             return false;
           const auto *Member =
               dyn_cast<MemberExpr>(Call->getCallee()->IgnoreParenImpCasts());
           if (!Member)
             return false;
           QualType Object = Member->getBase()->getType();
           if (Object->isPointerType())
             Object = Object->getPointeeType();
           return isMutex(Object);
         });
}

/// What the constructors of \p Record take as a reference to what they change.
static llvm::SmallVector<QualType, 2>
takenByReference(const CXXRecordDecl &Record) {
  llvm::SmallVector<QualType, 2> Taken;
  for (const CXXConstructorDecl *Constructor : Record.ctors()) {
    if (!Constructor->getNumParams() || Constructor->isCopyOrMoveConstructor())
      continue;
    QualType First = Constructor->getParamDecl(0)->getType();
    if (First->isLValueReferenceType() &&
        !First.getNonReferenceType().isConstQualified())
      Taken.push_back(First.getNonReferenceType());
  }
  return Taken;
}

bool ThreadLocks::guardsArgument(const CXXRecordDecl &Record) {
  const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(&Record);
  const CXXDestructorDecl *Destructor = Record.getDestructor();
  if (!Spec || !Destructor || !Destructor->isUserProvided())
    return false;
  return llvm::any_of(takenByReference(Record), [&](QualType Taken) {
    const CXXRecordDecl *Mutex = recordOf(Taken);
    auto IsTaken = [&](const TemplateArgument &Argument) {
      return Argument.getKind() == TemplateArgument::Type &&
             recordOf(Argument.getAsType()) == Mutex;
    };
    return Mutex && isLockable(Mutex) && mayGuard(Taken) &&
           llvm::any_of(Spec->getTemplateArgs().asArray(),
                        [&](const TemplateArgument &A) {
                          return A.getKind() == TemplateArgument::Pack
                                     ? llvm::any_of(A.pack_elements(), IsTaken)
                                     : IsTaken(A);
                        });
  });
}

bool ThreadLocks::computeGuard(const CXXRecordDecl &Record) {
  QualType Type = Record.getASTContext().getCanonicalTagType(&Record);
  if (Types.plays(Role::AsyncLock, Type))
    return false;
  if (Types.plays(Role::ThreadLock, Type)) {
    const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(&Record);
    return isMadeFromAnother(Record) &&
           (!Spec || llvm::all_of(Spec->getTemplateArgs().asArray(),
                                  [&](const TemplateArgument &A) {
                                    return A.getKind() !=
                                               TemplateArgument::Type ||
                                           mayGuard(A.getAsType());
                                  }));
  }
  if (guardsArgument(Record) || unlocksWhenDestroyed(Record))
    return true;
  return llvm::any_of(Record.fields(),
                      [&](const FieldDecl *Field) {
                        return isGuard(Field->getType());
                      }) ||
         llvm::any_of(Record.bases(), [&](const CXXBaseSpecifier &Base) {
           return isGuard(Base.getType());
         });
}

} // namespace coralc
