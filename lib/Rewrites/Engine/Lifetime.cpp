//===--- Lifetime.cpp - What lives while an agent waits -------------------===//
//
// In callback code the variables of a function die when it returns, which is
// before the operation that it started completes; only captures live on. In a
// coroutine every variable in scope lives through the wait. That is invisible
// for values whose destructor does nothing that others can see, and for values
// that were moved away. Everything else is refused.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

enum class Destruction { Invisible, ReleasesLock, Visible };

Destruction worse(Destruction A, Destruction B) { return std::max(A, B); }

Destruction destructionOf(QualType Type, unsigned Depth = 0);

/// What destroying something of each template argument does.
Destruction argumentDestruction(const CXXRecordDecl &Record, unsigned Depth) {
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
  if (Record->isInStdNamespace()) {
    Result =
        StringSwitch<Destruction>(Record->getName())
            .Cases({"lock_guard", "unique_lock", "scoped_lock", "shared_lock"},
                   Destruction::ReleasesLock)
            .Cases({"thread", "jthread", "future", "basic_fstream",
                    "basic_ofstream"},
                   Destruction::Visible)
            .Default(Destruction::Invisible);
    Result = worse(Result, argumentDestruction(*Record, Depth));
    return Result;
  }
  if (builtinVocabularies().has(Role::PlainHolder, qualifiedName(*Record)))
    return argumentDestruction(*Record, Depth);
  const CXXDestructorDecl *Destructor = Record->getDestructor();
  if (!Destructor || Destructor->isUserProvided())
    return Destruction::Visible;
  for (const CXXBaseSpecifier &Base : Record->bases())
    Result = worse(Result, destructionOf(Base.getType(), Depth + 1));
  for (const FieldDecl *Field : Record->fields())
    if (!Field->getType()->isReferenceType())
      Result = worse(Result, destructionOf(Field->getType(), Depth + 1));
  return Result;
}

/// Variables that \p S, as a whole statement, moves from.
SmallPtrSet<const ValueDecl *, 4> movedBy(const Stmt *S) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    SmallPtrSet<const ValueDecl *, 4> Moved;
    bool VisitCallExpr(const CallExpr *Call) override {
      if (Call->isCallToStdMove())
        if (const auto *Ref =
                dyn_cast<DeclRefExpr>(Call->getArg(0)->IgnoreParenImpCasts()))
          Moved.insert(Ref->getDecl());
      return true;
    }
    // What runs only sometimes moves only sometimes.
    bool TraverseIfStmt(const IfStmt *) override { return true; }
    bool TraverseConditionalOperator(const ConditionalOperator *) override {
      return true;
    }
    bool TraverseWhileStmt(const WhileStmt *) override { return true; }
    bool TraverseForStmt(const ForStmt *) override { return true; }
    bool TraverseCXXForRangeStmt(const CXXForRangeStmt *) override {
      return true;
    }
    bool TraverseSwitchStmt(const SwitchStmt *) override { return true; }
    bool TraverseCXXTryStmt(const CXXTryStmt *) override { return true; }
    bool TraverseLambdaExpr(const LambdaExpr *L) override {
      for (const Expr *Init : L->capture_inits())
        TraverseStmt(Init);
      return true;
    }
  } V;
  V.TraverseStmt(S);
  return V.Moved;
}

class LifetimeCheck {
public:
  std::optional<Refusal> run(const Agent &A) {
    HoldsSelf = A.HoldsSelf;
    for (const ParmVarDecl *P : A.Entry->parameters())
      if (!A.Entry->Delivers || A.Entry->Delivers->Callback != P) {
        if (mentions(A.Entry->Function->getBody(), P))
          checkCopied(*P);
        declare(P);
      }
    walk(A.Body);
    return Why;
  }

private:
  struct Variable {
    const VarDecl *Decl;
    bool IsResult;
  };

  void declare(const VarDecl *V, bool IsResult = false) {
    Live.push_back({V, IsResult});
  }

  void refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{Id, Where, Message.str()};
  }

  void walk(const Block &Nodes) {
    size_t Outer = Live.size();
    for (const Node &N : Nodes) {
      switch (N.What) {
      case Node::Kind::Code:
        code(N.Source);
        break;
      case Node::Kind::If:
      case Node::Kind::Loop: {
        auto Saved = Live;
        walk(N.Body);
        Live = Saved;
        walk(N.Else);
        Live = std::move(Saved);
        break;
      }
      case Node::Kind::Bind:
      case Node::Kind::Declare:
        for (auto [P, Argument] : zip(N.Target->parameters(), N.Arguments))
          if (Argument)
            handOn(*Argument, *P);
        for (const ParmVarDecl *P : N.Target->parameters())
          declare(P);
        break;
      case Node::Kind::Assign:
        for (const Expr *Argument : N.Arguments)
          if (Argument)
            drop(movedBy(Argument));
        for (const ParmVarDecl *P : N.Target->parameters())
          checkCopied(*P);
        break;
      case Node::Kind::Await:
        await(*N.Op);
        break;
      case Node::Kind::Continue:
        for (const Variable &V : Live)
          if (!V.IsResult &&
              destructionOf(V.Decl->getType()) == Destruction::ReleasesLock)
            refuse("lock-across-suspension", V.Decl->getLocation(),
                   "'" + V.Decl->getName() +
                       "' is locked while the next operation is started; "
                       "end its scope before");
        break;
      default:
        break;
      }
    }
    Live.resize(std::min(Outer, Live.size()));
  }

  /// A parameter that becomes a variable of the coroutine's own must not be
  /// the caller's way to see what happens to it.
  void checkCopied(const ParmVarDecl &P) {
    if (P.getDeclName() && P.getType()->isLValueReferenceType() &&
        !P.getType()->getPointeeType().isConstQualified())
      refuse("capture-of-a-copy", P.getLocation(),
             "'" + P.getName() +
                 "' is a reference to the caller's object, and the coroutine "
                 "would work on a copy of it; make it a member or a pointer");
  }

  /// A variable that is handed on under its own name lives on as \p P.
  void handOn(const Expr &Argument, const ParmVarDecl &P) {
    drop(movedBy(&Argument));
    const VarDecl *V = variableNamedBy(&Argument);
    if (V && V->getDeclName() == P.getDeclName() &&
        !V->getType().isConstQualified() &&
        P.getASTContext().hasSameType(V->getType(),
                                      P.getType().getUnqualifiedType()))
      erase_if(Live, [&](const Variable &Other) { return Other.Decl == V; });
  }

  /// A frame is a record, and what has no fixed size cannot be a member of one.
  void checkSizes(const Stmt *S) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const VarDecl *Found = nullptr;
      bool VisitVarDecl(const VarDecl *V) override {
        const auto *Record = V->getType()->getAsRecordDecl();
        if (V->hasLocalStorage() && Record && Record->hasFlexibleArrayMember())
          Found = V;
        return true;
      }
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    } V;
    V.TraverseStmt(S);
    if (V.Found)
      refuse("size-not-fixed", V.Found->getLocation(),
             "'" + V.Found->getName() +
                 "' ends with an array without a size, which some compilers "
                 "cannot keep in a coroutine's frame; use it in a function "
                 "that is called from here");
  }

  void code(const Stmt *S) {
    checkSizes(S);
    drop(movedBy(S));
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      for (const Decl *D : Declaration->decls())
        if (const auto *V = dyn_cast<VarDecl>(D))
          if (!V->isStaticLocal())
            declare(V);
  }

  void await(const Operation &Op) {
    if (Op.Call)
      drop(movedBy(Op.Call));
    Captured.clear();
    if (const LambdaExpr *Handler = Op.lambda())
      for (const LambdaCapture &Capture : Handler->captures())
        if (Capture.capturesVariable())
          checkCapture(Capture);
    if (Op.Bound)
      for (const BoundCall::Argument &A : Op.Bound->Arguments)
        if (const VarDecl *V = A.Value ? variableNamedBy(A.Value) : nullptr)
          Captured.insert(V);
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        checkMember(M);
    for (const Variable &V : Live)
      checkAcross(*V.Decl);
    for (const VarDecl *V : Op.InitCaptures)
      declare(V);
    for (const Binding &B : Op.Results)
      if (B.Decl)
        declare(B.Decl, true);
  }

  void checkCapture(const LambdaCapture &Capture) {
    const auto *V = dyn_cast<VarDecl>(Capture.getCapturedVar());
    if (V && !isa<ParmVarDecl>(V) && V->getType()->isReferenceType())
      refuse("capture-of-a-copy", Capture.getLocation(),
             "the handler captures a copy of what '" + V->getName() +
                 "' refers to; make the copy before the operation starts");
    Captured.insert(V);
  }

  /// A value that the handler holds becomes a variable of the coroutine.
  void checkMember(const FunctionObject::Member &M) {
    if (M.What == FunctionObject::Member::Kind::Variable)
      Captured.insert(variableNamedBy(M.Init));
    if (M.What == FunctionObject::Member::Kind::Value &&
        destructionOf(M.Field->getType()) != Destruction::Invisible)
      refuse("observable-destructor", M.Init->getBeginLoc(),
             "'" + M.Field->getName() +
                 "' is destroyed with the handler and would now live until "
                 "the block ends; give its operation a function of its own");
  }

  void checkAcross(const VarDecl &V) {
    switch (destructionOf(V.getType())) {
    case Destruction::Invisible:
      return;
    case Destruction::ReleasesLock:
      return refuse("lock-across-suspension", V.getLocation(),
                    "'" + V.getName() +
                        "' would stay locked while the coroutine waits; end "
                        "its scope before the operation starts");
    case Destruction::Visible:
      // The agent holds its object anyway.
      if (HoldsSelf && isSharedFromThisCopy(&V))
        return;
      if (!Captured.contains(&V) && !V.getType()->isReferenceType())
        refuse("observable-destructor", V.getLocation(),
               "'" + V.getName() +
                   "' was destroyed before the operation completes and would "
                   "now live until it has; end its scope before");
    }
  }

  void drop(const SmallPtrSet<const ValueDecl *, 4> &Moved) {
    erase_if(Live, [&](const Variable &V) { return Moved.contains(V.Decl); });
  }

  SmallVector<Variable, 8> Live;
  SmallPtrSet<const VarDecl *, 8> Captured;
  bool HoldsSelf = false;
  std::optional<Refusal> Why;
};

} // namespace

std::optional<Refusal> checkLifetimes(const Agent &A) {
  return LifetimeCheck().run(A);
}

} // namespace coralc
