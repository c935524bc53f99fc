//===--- RequestOwner.cpp - The object that a request belongs to ----------===//

#include "coralc/Rewrites/Engine/RequestOwner.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool isRequest(QualType Type) {
  const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
  return Record && Record->hasDefinition() &&
         any_of(Record->fields(), [](const FieldDecl *F) {
           const auto *Named = F->getType()->getAs<TypedefType>();
           return F->getName() == "type" && Named &&
                  Named->getDecl()->getName() == "uv_req_type";
         });
}

namespace {

const Expr *bare(const Expr *E) {
  return asWritten(asWritten(E)->IgnoreParens());
}

const Expr *withoutCasts(const Expr *E) {
  E = bare(E);
  while (const auto *Cast = dyn_cast<ExplicitCastExpr>(E))
    E = bare(Cast->getSubExpr());
  return E;
}

const CXXRecordDecl *pointee(QualType Type) {
  const CXXRecordDecl *Record =
      Type->isPointerType() ? Type->getPointeeCXXRecordDecl() : nullptr;
  return Record ? Record->getCanonicalDecl() : nullptr;
}

/// The data of a request.
const MemberExpr *dataOfRequest(const Expr *E) {
  const auto *Member = dyn_cast<MemberExpr>(bare(E));
  const auto *Field =
      Member ? dyn_cast<FieldDecl>(Member->getMemberDecl()) : nullptr;
  return Field && Field->getDeclName().isIdentifier() &&
                 Field->getName() == "data" &&
                 isRequest(Field->getASTContext().getCanonicalTagType(
                     Field->getParent()))
             ? Member
             : nullptr;
}

/// A member that is a request.
const FieldDecl *requestMember(const Expr *E) {
  const auto *Member = dyn_cast<MemberExpr>(E);
  const auto *Field =
      Member ? dyn_cast<FieldDecl>(Member->getMemberDecl()) : nullptr;
  return Field && isRequest(Field->getType()) ? Field : nullptr;
}

/// A variable of \p Type is no object of its own.
bool isHandle(QualType Type) {
  return Type->isPointerType() || Type->isReferenceType();
}

/// Two pointers to one object: `this`, or a variable that does not change.
bool isSameObject(const Expr *A, const Expr *B) {
  A = withoutCasts(A);
  B = withoutCasts(B);
  if (isa<CXXThisExpr>(A) && isa<CXXThisExpr>(B))
    return true;
  const VarDecl *V = variableNamedBy(A);
  return V && V == variableNamedBy(B) && neverChanges(*V);
}

} // namespace

const FunctionDecl *FoundOwner::callback() const {
  return definitionOf(cast<FunctionDecl>(Request->getDeclContext()));
}

std::optional<FoundOwner> foundOwner(const VarDecl &V) {
  return V.hasInit() && isHandle(V.getType()) ? foundOwner(V.getInit())
                                              : std::nullopt;
}

std::optional<FoundOwner> foundOwner(const Expr *E) {
  FoundOwner Result;
  E = bare(E);
  QualType Type = E->getType();
  const VarDecl *V = variableNamedBy(E);
  if (V) {
    if (isa<ParmVarDecl>(V) || !V->hasInit() || !isHandle(V->getType()))
      return std::nullopt;
    E = bare(V->getInit());
  }
  const auto *Star = dyn_cast<UnaryOperator>(E);
  if (Star && Star->getOpcode() == UO_Deref)
    E = bare(Star->getSubExpr());
  const auto *Cast = dyn_cast<ExplicitCastExpr>(E);
  if (!Cast)
    return std::nullopt;
  Result.Class = pointee(Cast->getType());
  const Expr *From = withoutCasts(Cast);
  Result.ByAddress = !dataOfRequest(From);
  if (const MemberExpr *Data = dataOfRequest(From))
    From = Data->isArrow() ? bare(Data->getBase()) : nullptr;
  const VarDecl *Request = From ? variableNamedBy(From) : nullptr;
  Result.Request = dyn_cast_or_null<ParmVarDecl>(Request);
  // On its way a pointer to another class could become another address.
  Result.IsPlain = Result.Request && Request->getType()->isVoidPointerType() &&
                   variableNamedBy(bare(Cast->getSubExpr())) == Request;
  Result.ByAddress &= !Result.IsPlain;
  // A variable of another type may be another place in the object.
  const CXXRecordDecl *Named =
      Type->isPointerType() ? pointee(Type) : Type->getAsCXXRecordDecl();
  if (!Result.Request || !Result.Class || !Named ||
      Named->getCanonicalDecl() != Result.Class ||
      !Request->getType()->isPointerType() ||
      !(Result.IsPlain || isRequest(Request->getType()->getPointeeType())) ||
      !neverChanges(*Request) || (V && !neverChanges(*V)))
    return std::nullopt;
  return Result;
}

const Expr *ownedContext(const Expr *Context) {
  Context = bare(Context);
  const auto *Cast = dyn_cast<ExplicitCastExpr>(Context);
  if (Cast && Cast->getType()->isVoidPointerType())
    Context = bare(Cast->getSubExpr());
  return pointee(Context->getType()) ? Context : nullptr;
}

std::optional<OwnedRequest> ownedRequest(const Expr *E) {
  const auto *Address = dyn_cast<UnaryOperator>(bare(E));
  if (!Address || Address->getOpcode() != UO_AddrOf)
    return std::nullopt;
  const auto *Member = dyn_cast<MemberExpr>(bare(Address->getSubExpr()));
  const FieldDecl *Field = Member ? requestMember(Member) : nullptr;
  if (!Field || Field->getParent()->isDependentContext() ||
      !Member->isArrow() ||
      pointee(bare(Member->getBase())->getType()) !=
          cast<CXXRecordDecl>(Field->getParent())->getCanonicalDecl())
    return std::nullopt;
  return OwnedRequest{Field, bare(Member->getBase())};
}

/// Who writes to the data of requests, and who might.
struct RequestOwners::Writes : ConstDynamicRecursiveASTVisitor {
  explicit Writes(const SourceText &Text) : Text(Text) {
    ShouldVisitTemplateInstantiations = true;
    forEachOwnDecl(Text, [&](const Decl *D) { TraverseDecl(D); });
  }

  /// `object->member.data = object`
  struct Assignment {
    const FieldDecl *Member;
    const Expr *Object;
  };
  DenseMap<const Stmt *, Assignment> Assignments;
  /// Members that get other data, or are used in a way that may give it to
  /// them; and requests of which some do, wherever they are.
  SmallPtrSet<const FieldDecl *, 8> Members;
  SmallPtrSet<const CXXRecordDecl *, 8> Types;
  bool All = false;

  bool
  TraverseUnaryExprOrTypeTraitExpr(const UnaryExprOrTypeTraitExpr *) override {
    return true;
  }

  bool VisitBinaryOperator(const BinaryOperator *E) override {
    const MemberExpr *Data =
        E->getOpcode() == BO_Assign ? dataOfRequest(E->getLHS()) : nullptr;
    const auto *Member = Data && !Data->isArrow()
                             ? dyn_cast<MemberExpr>(bare(Data->getBase()))
                             : nullptr;
    const FieldDecl *Field = Member ? requestMember(Member) : nullptr;
    if (!Field || !Member->isArrow() ||
        pointee(bare(Member->getBase())->getType()) !=
            pointee(withoutCasts(E->getRHS())->getType()) ||
        pointee(bare(Member->getBase())->getType()) !=
            cast<CXXRecordDecl>(Field->getParent())->getCanonicalDecl() ||
        !isSameObject(Member->getBase(), E->getRHS()))
      return true;
    Assignments[E] = {Field, bare(Member->getBase())};
    Harmless.insert(Data);
    return true;
  }

  bool VisitImplicitCastExpr(const ImplicitCastExpr *E) override {
    if (E->getCastKind() == CK_LValueToRValue)
      Harmless.insert(E->getSubExpr()->IgnoreParens());
    return true;
  }

  bool VisitMemberExpr(const MemberExpr *E) override {
    const Expr *Base = bare(E->getBase());
    // Another part of the request, or its data, of which more is known below.
    if (!E->isArrow() && requestMember(Base))
      Harmless.insert(Base);
    if (dataOfRequest(E) && !Harmless.contains(E))
      spoil(*E);
    if (const FieldDecl *Field = requestMember(E);
        Field && !Harmless.contains(E))
      Members.insert(Field);
    return true;
  }

  bool VisitUnaryOperator(const UnaryOperator *E) override {
    // A whole request may be copied.
    if (E->getOpcode() == UO_Deref && isRequest(E->getType()))
      Types.insert(E->getType()->getAsCXXRecordDecl()->getCanonicalDecl());
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    const FunctionDecl *Seen = definitionOf(Callee);
    if (Seen && Seen->hasBody() && Text.range(Seen->getSourceRange()))
      return true;
    StringRef Name =
        Callee && Callee->getDeclName().isIdentifier() ? Callee->getName() : "";
    bool OfLibuv =
        Callee && ((Callee->isExternC() && Name.starts_with("uv_")) ||
                   qualifiedName(*Callee) == "coral::uv::call");
    if (OfLibuv) {
      All |= Name == "uv_req_set_data";
      for (const Expr *Argument : Call->arguments())
        if (const auto *Address =
                dyn_cast<UnaryOperator>(withoutCasts(Argument));
            Address && Address->getOpcode() == UO_AddrOf)
          Harmless.insert(bare(Address->getSubExpr()));
      return true;
    }
    // Whoever is not seen may write to the request that it is given, and to all
    // of what it is given as plain memory.
    if (Name == "free")
      return true;
    for (const Expr *Argument : Call->arguments()) {
      QualType Type = withoutCasts(Argument)->getType();
      if (const CXXRecordDecl *Record = pointee(Type);
          Record && (Argument->getType()->isVoidPointerType() ||
                     isRequest(Type->getPointeeType())))
        Types.insert(Record);
    }
    return true;
  }

private:
  void spoil(const MemberExpr &Data) {
    const Expr *Base = bare(Data.getBase());
    if (const FieldDecl *Field =
            Data.isArrow() ? nullptr : requestMember(Base)) {
      Members.insert(Field);
      return;
    }
    // A variable is no member.
    const auto *Ref = dyn_cast<DeclRefExpr>(Base);
    if (!Data.isArrow() && Ref && !Ref->getDecl()->getType()->isReferenceType())
      return;
    const auto *Record =
        cast<CXXRecordDecl>(cast<FieldDecl>(Data.getMemberDecl())->getParent());
    Types.insert(Record->getCanonicalDecl());
    All |=
        Record->getDeclName().isIdentifier() && Record->getName() == "uv_req_s";
  }

  const SourceText &Text;
  SmallPtrSet<const Stmt *, 16> Harmless;
};

RequestOwners::RequestOwners(const SourceText &Text) : Text(Text) {}
RequestOwners::~RequestOwners() = default;

namespace {

bool jumpsAbout(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    bool VisitLabelStmt(const LabelStmt *) override { return false; }
    bool VisitSwitchStmt(const SwitchStmt *) override { return false; }
  } V;
  return !V.TraverseStmt(S);
}

/// A statement that \p Is has run before \p Wanted does.
bool isBehind(const Stmt *Wanted, const Stmt *Around,
              function_ref<bool(const Stmt *)> Is) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const Stmt *Wanted;
    function_ref<bool(const Stmt *)> Is;
    bool Found = false;
    Visitor(const Stmt *Wanted, function_ref<bool(const Stmt *)> Is)
        : Wanted(Wanted), Is(Is) {}
    bool VisitCompoundStmt(const CompoundStmt *S) override {
      bool Ran = false;
      for (const Stmt *Child : S->body()) {
        if (contains(Child, Wanted))
          Found |= Ran;
        Ran |= Is(Child);
      }
      return true;
    }
  } V(Wanted, Is);
  V.TraverseStmt(Around);
  return V.Found;
}

/// Objects of \p Class are copied member by member somewhere.
bool isCopied(const CXXRecordDecl &Class) {
  return any_of(Class.methods(), [](const CXXMethodDecl *M) {
    const auto *Constructor = dyn_cast<CXXConstructorDecl>(M);
    bool Copies = M->isCopyAssignmentOperator() ||
                  M->isMoveAssignmentOperator() ||
                  (Constructor && Constructor->isCopyOrMoveConstructor());
    return Copies && (M->isImplicit() || M->isDefaulted()) && !M->isDeleted() &&
           (M->isUsed() || M->isReferenced());
  });
}

} // namespace

bool RequestOwners::remembersObject(const OwnedRequest &Request,
                                    const CallExpr &Call,
                                    const FunctionDecl &Function) {
  if (!Known)
    Known = std::make_unique<Writes>(Text);
  const FieldDecl &Member = *Request.Member;
  const auto &Class = *cast<CXXRecordDecl>(Member.getParent());
  const CXXRecordDecl *Type = Member.getType()->getAsCXXRecordDecl();
  bool AllSeen = Text.isInSource(Class.getSourceRange()) ||
                 (Member.getAccess() == AS_private && isWholeIn(Class, Text));
  if (Known->All || Known->Members.contains(&Member) ||
      Known->Types.contains(Type->getCanonicalDecl()) ||
      Known->Types.contains(Class.getCanonicalDecl()) || !AllSeen ||
      Class.isUnion() || isCopied(Class))
    return false;
  auto Assigns = [&](const Stmt *S) {
    const auto *E = dyn_cast<Expr>(S);
    auto Assigned = Known->Assignments.find(E ? bare(E) : nullptr);
    return Assigned != Known->Assignments.end() &&
                   Assigned->second.Member == &Member
               ? Assigned->second.Object
               : nullptr;
  };
  bool ByConstructors =
      Class.hasUserDeclaredConstructor() &&
      all_of(Class.ctors(), [&](const CXXConstructorDecl *C) {
        const auto *Body = dyn_cast_or_null<CompoundStmt>(C->getBody());
        if (C->isDeleted() || C->isImplicit() || C->isDelegatingConstructor())
          return true;
        return Body && !jumpsAbout(Body) && returnsOf(Body).empty() &&
               any_of(Body->body(), [&](const Stmt *S) {
                 const Expr *Object = Assigns(S);
                 return Object && isa<CXXThisExpr>(Object);
               });
      });
  return ByConstructors ||
         (!jumpsAbout(Function.getBody()) &&
          isBehind(&Call, Function.getBody(), [&](const Stmt *S) {
            const Expr *Object = Assigns(S);
            return Object && isSameObject(Object, Request.Object);
          }));
}

} // namespace coralc
