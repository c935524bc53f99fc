//===--- Destruction.cpp - What the end of an object shows ----------------===//

#include "coralc/Rewrites/Engine/Destruction.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;
using namespace llvm;

namespace coralc {

static Destruction worse(Destruction A, Destruction B) {
  return std::max(A, B);
}

/// What destroying something of each template argument does.
static Destruction argumentDestruction(const CXXRecordDecl &Record,
                                       unsigned Depth) {
  Destruction Result = Destruction::Invisible;
  const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(&Record);
  if (!Special)
    return Result;
  auto Add = [&](const TemplateArgument &Argument) {
    if (Argument.getKind() == TemplateArgument::Type)
      Result = worse(Result, destructionOf(Argument.getAsType(), Depth + 1));
  };
  for (const TemplateArgument &Argument : Special->getTemplateArgs().asArray())
    if (Argument.getKind() == TemplateArgument::Pack)
      for_each(Argument.pack_elements(), Add);
    else
      Add(Argument);
  return Result;
}

/// \p Record points to what it owns.
bool isOwner(const CXXRecordDecl &Record) {
  return Record.getDeclName().isIdentifier() &&
         is_contained({"shared_ptr", "unique_ptr", "scoped_ptr",
                       "intrusive_ptr", "shared_array", "scoped_array"},
                      Record.getName());
}

/// What \p Owner points to ends in a way that its type does not say: in a
/// destructor of a derived class, or in a function that is called instead.
static bool endsUnknown(const CXXRecordDecl &Owner) {
  const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(&Owner);
  if (!Special || !isOwner(Owner) || Special->getTemplateArgs().size() == 0 ||
      Special->getTemplateArgs()[0].getKind() != TemplateArgument::Type)
    return false;
  const TemplateArgumentList &Arguments = Special->getTemplateArgs();
  if (Arguments[0].getAsType()->isVoidType())
    return true;
  if (Arguments.size() > 1 && Owner.getName() == "unique_ptr") {
    const CXXRecordDecl *Deleter =
        Arguments[1].getAsType()->getAsCXXRecordDecl();
    if (!Deleter || qualifiedName(*Deleter) != "std::default_delete")
      return true;
  }
  const CXXRecordDecl *Object = Arguments[0].getAsType()->getAsCXXRecordDecl();
  Object = Object ? Object->getDefinition() : nullptr;
  return Object && Object->getDestructor() &&
         Object->getDestructor()->isVirtual() && !Object->isEffectivelyFinal();
}

/// The user wrote what \p Record's destructor does, and not that it is nothing.
static bool hasOwnEnd(const CXXRecordDecl &Record) {
  const FunctionDecl *Destructor = Record.getDestructor();
  if (!Destructor || !Destructor->isUserProvided())
    return !Destructor;
  const auto *Body =
      dyn_cast_or_null<CompoundStmt>(definitionOf(Destructor)->getBody());
  return !Body || !Body->body_empty();
}

Destruction destructionOf(QualType Type, unsigned Depth) {
  Type = Type.getNonReferenceType().getCanonicalType();
  if (const clang::ArrayType *Array = Type->getAsArrayTypeUnsafe())
    return destructionOf(Array->getElementType(), Depth);
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (!Record)
    return Destruction::Invisible;
  Record = Record->getDefinition();
  if (!Record || Depth > 8)
    return Destruction::Visible;
  if (Record->hasTrivialDestructor())
    return Destruction::Invisible;

  Destruction Result = Destruction::Invisible;
  if (endsUnknown(*Record))
    return Destruction::Visible;
  if (Record->getDeclName().isIdentifier() && Record->getName() == "weak_ptr")
    return Destruction::Invisible;
  if (Record->isInStdNamespace()) {
    Result =
        StringSwitch<Destruction>(Record->getName())
            .Cases({"lock_guard", "unique_lock", "scoped_lock", "shared_lock"},
                   Destruction::ReleasesLock)
            .Cases({"thread", "jthread", "future", "shared_future", "promise",
                    "packaged_task", "stop_callback"},
                   Destruction::Visible)
            .Cases({"basic_fstream", "basic_ofstream", "basic_filebuf",
                    "basic_osyncstream", "basic_syncbuf"},
                   Destruction::Visible)
            .Case("shared_ptr", Destruction::Counted)
            .Cases(
                {"function", "move_only_function", "copyable_function", "any"},
                Destruction::Unknown)
            .Default(Destruction::Invisible);
    Result = worse(Result, argumentDestruction(*Record, Depth));
    return Result;
  }
  if (builtinVocabularies().has(Role::PlainHolder, qualifiedName(*Record)))
    return worse(Record->getName() == "shared_ptr" ? Destruction::Counted
                                                   : Destruction::Invisible,
                 argumentDestruction(*Record, Depth));
  if (hasOwnEnd(*Record))
    return Destruction::Visible;
  for (const CXXBaseSpecifier &Base : Record->bases())
    Result = worse(Result, destructionOf(Base.getType(), Depth + 1));
  for (const FieldDecl *Field : Record->fields())
    if (!Field->getType()->isReferenceType())
      Result = worse(Result, destructionOf(Field->getType(), Depth + 1));
  return Result;
}

bool isShared(QualType Type) {
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         is_contained({"shared_ptr", "weak_ptr", "intrusive_ptr"},
                      Record->getName());
}

bool endsUserObject(QualType Pointer) {
  const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Pointer->getAsCXXRecordDecl());
  if (!Record || Record->getName() == "weak_ptr" ||
      Record->getTemplateArgs().size() == 0 ||
      Record->getTemplateArgs()[0].getKind() != TemplateArgument::Type)
    return false;
  if (endsUnknown(*Record))
    return true;
  const CXXRecordDecl *Object =
      Record->getTemplateArgs()[0].getAsType()->getAsCXXRecordDecl();
  return Object && Object->hasDefinition() &&
         !Object->getASTContext().getSourceManager().isInSystemHeader(
             Object->getLocation()) &&
         destructionOf(Pointer) > Destruction::Unknown;
}

bool endsUserCode(QualType Type, unsigned Depth) {
  Type = Type.getNonReferenceType().getCanonicalType();
  if (const clang::ArrayType *Array = Type->getAsArrayTypeUnsafe())
    return endsUserCode(Array->getElementType(), Depth);
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  Record = Record ? Record->getDefinition() : nullptr;
  if (!Record || Depth > 8 || Record->hasTrivialDestructor())
    return false;
  auto Ends = [&](QualType Part) { return endsUserCode(Part, Depth + 1); };
  if (Record->getASTContext().getSourceManager().isInSystemHeader(
          Record->getLocation())) {
    const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(Record);
    if (endsUnknown(*Record))
      return true;
    return Special && Record->getName() != "weak_ptr" &&
           any_of(Special->getTemplateArgs().asArray(),
                  [&](const TemplateArgument &Argument) {
                    return Argument.getKind() == TemplateArgument::Type &&
                           Ends(Argument.getAsType());
                  });
  }
  return hasOwnEnd(*Record) ||
         any_of(Record->bases(),
                [&](const CXXBaseSpecifier &B) { return Ends(B.getType()); }) ||
         any_of(Record->fields(),
                [&](const FieldDecl *F) { return Ends(F->getType()); });
}

bool hasDeleter(const VarDecl &V) {
  const auto *Made = isShared(V.getType()) && V.hasInit()
                         ? dyn_cast<CXXConstructExpr>(
                               V.getInit()->IgnoreUnlessSpelledInSource())
                         : nullptr;
  if (!Made || Made->getNumArgs() < 2)
    return false;
  QualType Second = Made->getArg(1)->getType();
  return Second->isRecordType() || Second->isFunctionType() ||
         Second->isFunctionPointerType();
}

bool assignsByUserCode(QualType Type, unsigned Depth) {
  const CXXRecordDecl *Record =
      Type.getNonReferenceType()->getAsCXXRecordDecl();
  Record = Record ? Record->getDefinition() : nullptr;
  if (!Record || Depth > 8 ||
      Record->getASTContext().getSourceManager().isInSystemHeader(
          Record->getLocation()))
    return false;
  return any_of(Record->methods(),
                [](const CXXMethodDecl *M) {
                  return M->getOverloadedOperator() == OO_Equal &&
                         M->isUserProvided();
                }) ||
         any_of(Record->bases(),
                [&](const CXXBaseSpecifier &B) {
                  return assignsByUserCode(B.getType(), Depth + 1);
                }) ||
         any_of(Record->fields(), [&](const FieldDecl *F) {
           return assignsByUserCode(F->getType(), Depth + 1);
         });
}

/// What \p Pointer, a smart pointer, points to.
static QualType pointeeOf(QualType Pointer) {
  const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
      Pointer.getNonReferenceType()->getAsCXXRecordDecl());
  bool HasPointee =
      Record && Record->getTemplateArgs().size() > 0 &&
      Record->getTemplateArgs()[0].getKind() == TemplateArgument::Type;
  return HasPointee ? Record->getTemplateArgs()[0].getAsType() : QualType();
}

SmallVector<QualType, 4> watchedTypes(const ASTContext &Context) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const SourceManager &Sources;
    SmallVector<QualType, 4> Found;
    explicit Visitor(const SourceManager &Sources) : Sources(Sources) {
      ShouldVisitTemplateInstantiations = true;
    }
    bool TraverseDecl(const Decl *D) override {
      return !D || Sources.isInSystemHeader(D->getLocation()) ||
             ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
    }
    bool VisitExpr(const Expr *E) override {
      // In a template the list that a member is made from has no type.
      QualType Type = E->getType();
      const CXXRecordDecl *Record =
          Type.isNull() ? nullptr : Type->getAsCXXRecordDecl();
      if (Record && Record->getDeclName().isIdentifier() &&
          Record->getName() == "weak_ptr")
        add(Type);
      return true;
    }
    bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
      const CXXMethodDecl *Method = Call->getMethodDecl();
      if (Method && Method->getDeclName().isIdentifier() &&
          is_contained({"use_count", "unique"}, Method->getName()))
        add(Call->getImplicitObjectArgument()->getType());
      return true;
    }
    void add(QualType Pointer) {
      if (QualType Object = pointeeOf(Pointer); !Object.isNull())
        Found.push_back(Object);
    }
  } V(Context.getSourceManager());
  V.TraverseDecl(Context.getTranslationUnitDecl());
  return std::move(V.Found);
}

/// A pointer to \p A and one to \p B may own one object.
static bool mayBeOneObject(QualType A, QualType B) {
  const CXXRecordDecl *First = A->getAsCXXRecordDecl(),
                      *Second = B->getAsCXXRecordDecl();
  if (A->isVoidType() || B->isVoidType() ||
      A.getCanonicalType().getUnqualifiedType() ==
          B.getCanonicalType().getUnqualifiedType())
    return true;
  return First && Second && First->hasDefinition() && Second->hasDefinition() &&
         (First->isDerivedFrom(Second) || Second->isDerivedFrom(First));
}

bool ownsWatched(QualType Type, ArrayRef<QualType> Watched, unsigned Depth) {
  Type = Type.getNonReferenceType().getCanonicalType();
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  if (!Record || !Record->hasDefinition() || Depth > 8)
    return false;
  auto Owns = [&](QualType Part) {
    return ownsWatched(Part, Watched, Depth + 1);
  };
  if (isShared(Type))
    return any_of(Watched, [&](QualType Object) {
      return mayBeOneObject(pointeeOf(Type), Object);
    });
  if (const auto *Special = dyn_cast<ClassTemplateSpecializationDecl>(Record))
    if (any_of(Special->getTemplateArgs().asArray(),
               [&](const TemplateArgument &Argument) {
                 return Argument.getKind() == TemplateArgument::Type &&
                        Owns(Argument.getAsType());
               }))
      return true;
  return any_of(Record->fields(),
                [&](const FieldDecl *F) { return Owns(F->getType()); });
}

bool takesOwner(const CXXMethodDecl &Method, unsigned Depth) {
  const Stmt *Body = definitionOf(&Method)->getBody();
  bool Result = false;
  if (!Body || Depth == 0)
    return false;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    function_ref<void(const CXXMemberCallExpr &)> Visit;
    explicit Visitor(function_ref<void(const CXXMemberCallExpr &)> Visit)
        : Visit(Visit) {}
    bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
      Visit(*Call);
      return true;
    }
  };
  Visitor([&](const CXXMemberCallExpr &Call) {
    const CXXMethodDecl *Called = Call.getMethodDecl();
    Result = Result || isSharedFromThis(&Call) ||
             (Called && isOnThis(Call) && takesOwner(*Called, Depth - 1));
  }).TraverseStmt(Body);
  return Result;
}

} // namespace coralc
