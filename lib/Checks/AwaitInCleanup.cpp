//===--- AwaitInCleanup.cpp - coral-await-in-cleanup ----------------------===//
//
// Reports awaits that stand between two statements of which the second undoes
// the first, with nothing to undo it when the await throws or the coroutine is
// cancelled there, and awaits between a handler that took a cancellation and
// where it is thrown on.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/ThreadLocks.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/FoldingSet.h"

using namespace clang;

namespace coralc {
namespace {

/// A statement that changes something for a while.
struct Opening {
  enum KindTy { Counts, Sets, Calls };
  KindTy Kind;
  const Expr *Object;
  /// The value of Sets.
  bool Value = false;
  /// The member functions of Calls.
  std::string Name, Undo;
};

/// What a call of \p Name is undone by, if there is such a function: "release",
/// "unlock", "unsubscribe".
std::string undoes(llvm::StringRef Name) {
  if (Name == "acquire")
    return "release";
  return Name.empty() ? "" : ("un" + Name).str();
}

/// The expression of \p Node, an await looked through.
const Expr *expressionOf(const Stmt *Node) {
  const auto *E = dyn_cast_or_null<Expr>(Node);
  if (const auto *Cleanups = dyn_cast_or_null<FullExpr>(E))
    E = Cleanups->getSubExpr();
  if (const auto *Await = dyn_cast_or_null<CoawaitExpr>(ignoreWrappers(E)))
    E = Await->getOperand();
  return ignoreWrappers(E);
}

/// Is \p Object state that outlives the coroutine: of this, of a parameter by
/// reference, static?
bool isShared(const Expr *Object) {
  Object = Object->IgnoreParenImpCasts();
  if (isa<CXXThisExpr>(Object))
    return true;
  if (const auto *Member = dyn_cast<MemberExpr>(Object))
    return isa<FieldDecl, VarDecl>(Member->getMemberDecl()) &&
           isShared(Member->getBase());
  const auto *Ref = dyn_cast<DeclRefExpr>(Object);
  const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
  if (!Variable)
    return false;
  return Variable->hasGlobalStorage() ||
         (isa<ParmVarDecl>(Variable) &&
          (Variable->getType()->isReferenceType() ||
           Variable->getType()->isPointerType()));
}

std::string nameOf(const Expr &Object) {
  if (const auto *Member = dyn_cast<MemberExpr>(Object.IgnoreParenImpCasts()))
    return Member->getMemberDecl()->getNameAsString();
  const auto *Ref = dyn_cast<DeclRefExpr>(Object.IgnoreParenImpCasts());
  return Ref ? Ref->getDecl()->getNameAsString() : "";
}

class Finder {
public:
  Finder(TranslationUnit &Unit, const FunctionDecl &Function)
      : Unit(Unit), Function(Function), Locks(Unit.types()) {}

  void check() {
    for (const SuspensionPoint &Point :
         suspensionPoints(Function, Unit.types()))
      if (Point.Kind == SuspensionPoint::Await && mayThrow(*Point.Expression))
        Points.push_back(Point);
    if (Points.empty())
      return;
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Block = dyn_cast<CompoundStmt>(&Node))
        checkBlock(*Block);
      return false;
    });
  }

private:
  static bool mayThrow(const Expr &Await) {
    const auto *Suspend = dyn_cast<CoroutineSuspendExpr>(&Await);
    const auto *Resume = dyn_cast_or_null<CallExpr>(
        Suspend ? ignoreWrappers(Suspend->getResumeExpr()) : nullptr);
    const FunctionDecl *Callee = Resume ? Resume->getDirectCallee() : nullptr;
    const auto *Type =
        Callee ? Callee->getType()->getAs<FunctionProtoType>() : nullptr;
    return Type && !Type->isNothrow();
  }

  void checkBlock(const CompoundStmt &Block) {
    llvm::SmallVector<const Stmt *, 8> Statements(Block.body());
    for (size_t First = 0; First != Statements.size(); ++First) {
      llvm::ArrayRef<const Stmt *> Rest(Statements);
      Rest = Rest.drop_front(First + 1);
      if (std::optional<Opening> Open = opening(Statements[First]))
        checkPair(*Open, *Statements[First], Rest);
      if (const auto *Try = dyn_cast<CXXTryStmt>(Statements[First]))
        checkHandlers(*Try, Rest);
    }
  }

  //===--------------------------------------------------------------------===//
  // Pairs
  //===--------------------------------------------------------------------===//

  std::optional<Opening> opening(const Stmt *Node) {
    const Expr *E = expressionOf(Node);
    if (const auto *Unary = dyn_cast_or_null<UnaryOperator>(E))
      if (Unary->isIncrementOp() && isShared(Unary->getSubExpr()))
        return Opening{Opening::Counts, Unary->getSubExpr(), false, "", ""};
    if (const auto *Assign = dyn_cast_or_null<BinaryOperator>(E))
      if (std::optional<bool> Value = constantAssigned(*Assign);
          Value && isShared(Assign->getLHS()))
        return Opening{Opening::Sets, Assign->getLHS(), *Value, "", ""};
    const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(E);
    const Expr *Object = Call ? Call->getImplicitObjectArgument() : nullptr;
    if (!Object || !isShared(Object))
      return std::nullopt;
    std::string Undo = undoes(calleeName(*Call));
    QualType Type = Object->getType();
    if (Type->isPointerType())
      Type = Type->getPointeeType();
    if (Undo.empty() || Locks.isMutex(Type) ||
        methodsNamed(recordOf(Type), Undo).empty())
      return std::nullopt;
    return Opening{Opening::Calls, Object, false, calleeName(*Call).str(),
                   Undo};
  }

  static std::optional<bool> constantAssigned(const BinaryOperator &Assign) {
    const auto *Value = Assign.getOpcode() == BO_Assign
                            ? dyn_cast<CXXBoolLiteralExpr>(
                                  Assign.getRHS()->IgnoreParenImpCasts())
                            : nullptr;
    return Value ? std::optional(Value->getValue()) : std::nullopt;
  }

  bool sameObject(const Expr *A, const Expr *B) const {
    llvm::FoldingSetNodeID First, Second;
    A->IgnoreParenImpCasts()->Profile(First, Unit.context(), true);
    B->IgnoreParenImpCasts()->Profile(Second, Unit.context(), true);
    return First == Second;
  }

  bool closes(const Stmt *Node, const Opening &Open) const {
    const Expr *E = expressionOf(Node);
    if (const auto *Unary = dyn_cast_or_null<UnaryOperator>(E))
      return Open.Kind == Opening::Counts && Unary->isDecrementOp() &&
             sameObject(Unary->getSubExpr(), Open.Object);
    if (const auto *Assign = dyn_cast_or_null<BinaryOperator>(E))
      return Open.Kind == Opening::Sets && Assign->isAssignmentOp() &&
             constantAssigned(*Assign) == !Open.Value &&
             sameObject(Assign->getLHS(), Open.Object);
    const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(E);
    return Call && Open.Kind == Opening::Calls &&
           calleeName(*Call) == Open.Undo &&
           Call->getImplicitObjectArgument() &&
           sameObject(Call->getImplicitObjectArgument(), Open.Object);
  }

  bool closesWithin(const Stmt *Root, const Opening &Open) const {
    return anyStatement(Root,
                        [&](const Stmt &Node) { return closes(&Node, Open); });
  }

  /// Is there a handler or a closure that undoes it?
  bool undoneElsewhere(const Opening &Open) const {
    return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        return closesWithin(Lambda->getBody(), Open);
      return isa<CXXCatchStmt>(Node) && closesWithin(&Node, Open);
    });
  }

  void checkPair(const Opening &Open, const Stmt &Begin,
                 llvm::ArrayRef<const Stmt *> Rest) {
    const auto *End = llvm::find_if(
        Rest, [&](const Stmt *Node) { return closes(Node, Open); });
    if (End == Rest.end())
      return;
    const SuspensionPoint *Between = nullptr;
    for (const Stmt *Node : llvm::make_range(Rest.begin(), End)) {
      if (closesWithin(Node, Open))
        return;
      if (!Between)
        Between = unprotectedAwait(Node);
    }
    if (!Between || undoneElsewhere(Open))
      return;
    std::string What = "an exception or a cancellation at this await leaves '";
    if (Open.Kind == Opening::Calls)
      What += Open.Name + "' without its '" + Open.Undo +
              "'; make that call in the destructor of an object";
    else
      What += nameOf(*Open.Object) +
              "' as it is now; change it back in the destructor of an object";
    Unit.report(Between->Where, What)
        .note(Begin.getBeginLoc(), "done here")
        .note((*End)->getBeginLoc(), "undone here, if this is reached");
  }

  /// The first await in \p Root that no handler for everything is around.
  const SuspensionPoint *unprotectedAwait(const Stmt *Root) const {
    const SuspensionPoint *Found = nullptr;
    llvm::SmallVector<const CXXTryStmt *, 2> Tries;
    anyStatement(Root, [&](const Stmt &Node) {
      if (const auto *Try = dyn_cast<CXXTryStmt>(&Node))
        Tries.push_back(Try);
      return false;
    });
    anyStatement(Root, [&](const Stmt &Node) {
      auto Point = llvm::find_if(Points, [&](const SuspensionPoint &P) {
        return P.Expression == &Node;
      });
      if (Point == Points.end() ||
          llvm::any_of(Tries, [&](const CXXTryStmt *Try) {
            return takesEverything(*Try) && contains(Try->getTryBlock(), Node);
          }))
        return false;
      Found = &*Point;
      return true;
    });
    return Found;
  }

  static bool contains(const Stmt *Root, const Stmt &Wanted) {
    return anyStatement(Root,
                        [&](const Stmt &Node) { return &Node == &Wanted; });
  }

  static bool takesEverything(const CXXTryStmt &Try) {
    for (unsigned Index = 0; Index != Try.getNumHandlers(); ++Index)
      if (Try.getHandler(Index)->getCaughtType().isNull())
        return true;
    return false;
  }

  //===--------------------------------------------------------------------===//
  // Handlers
  //===--------------------------------------------------------------------===//

  /// Does the library cancel by throwing, and have something to keep a
  /// cancellation from what is awaited?
  bool canShield() const {
    const CXXRecordDecl *Record = recordOf(Function.getReturnType());
    const VocabularySet &Names = Unit.types().vocabularies();
    return Record &&
           Names.hasInLibrary(Role::CancellationType,
                              vocabularyName(*Record)) &&
           Names.hasInLibrary(Role::Shield, vocabularyName(*Record));
  }

  /// The variable in which \p Handler keeps what was thrown.
  static const ValueDecl *keptException(const CXXCatchStmt &Handler) {
    const ValueDecl *Kept = nullptr;
    anyStatement(Handler.getHandlerBlock(), [&](const Stmt &Node) {
      const auto *Assign = dyn_cast<CXXOperatorCallExpr>(&Node);
      if (!Assign || Assign->getOperator() != OO_Equal ||
          Assign->getNumArgs() != 2)
        return false;
      const auto *Value =
          dyn_cast_or_null<CallExpr>(ignoreWrappers(Assign->getArg(1)));
      const auto *Target =
          dyn_cast<DeclRefExpr>(Assign->getArg(0)->IgnoreParenImpCasts());
      if (Value && Target && calleeName(*Value) == "current_exception")
        Kept = Target->getDecl();
      return Kept != nullptr;
    });
    return Kept;
  }

  static bool throwsOn(const Stmt &Node, const ValueDecl *Kept) {
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call || calleeName(*Call) != "rethrow_exception" ||
        Call->getNumArgs() != 1)
      return false;
    const auto *Ref =
        dyn_cast_or_null<DeclRefExpr>(ignoreWrappers(Call->getArg(0)));
    return Ref && Ref->getDecl() == Kept;
  }

  void checkHandlers(const CXXTryStmt &Try, llvm::ArrayRef<const Stmt *> Rest) {
    if (!takesEverything(Try) || !canShield())
      return;
    const CXXCatchStmt &Handler = *Try.getHandler(Try.getNumHandlers() - 1);
    const ValueDecl *Kept = keptException(Handler);
    if (!Kept)
      return;
    const SuspensionPoint *Await = nullptr;
    for (const Stmt *Node : Rest) {
      const Stmt *Throws = nullptr;
      anyStatement(Node, [&](const Stmt &Inner) {
        if (!Await)
          if (auto Point = llvm::find_if(Points,
                                         [&](const SuspensionPoint &P) {
                                           return P.Expression == &Inner;
                                         });
              Point != Points.end() && !isShielded(*Point->Expression))
            Await = &*Point;
        if (throwsOn(Inner, Kept))
          Throws = &Inner;
        return Throws != nullptr;
      });
      if (!Throws)
        continue;
      if (Await)
        Unit.report(Await->Where,
                    "this await cleans up after a cancellation, too, and "
                    "another cancellation would end it half-way; shield what "
                    "it awaits")
            .note(Handler.getCatchLoc(), "the cancellation is taken here")
            .note(Throws->getBeginLoc(), "and thrown on here");
      return;
    }
  }

  bool isShielded(const Expr &Await) const {
    const auto *Suspend = dyn_cast<CoroutineSuspendExpr>(&Await);
    return Suspend && Unit.types().calls(Role::Shield,
                                         ignoreWrappers(Suspend->getOperand()));
  }

  TranslationUnit &Unit;
  const FunctionDecl &Function;
  ThreadLocks Locks;
  std::vector<SuspensionPoint> Points;
};

} // namespace

static void checkAwaitInCleanup(TranslationUnit &Unit) {
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function))
      Finder(Unit, *Function).check();
}

static const RegisterCheck
    Register("coral-await-in-cleanup", 2,
             "an await at which a cancellation leaves something half done",
             checkAwaitInCleanup);

} // namespace coralc
