//===--- StackfulCoroutine.cpp - Functions that wait on their own stack ---===//
//
// A stackful coroutine is a function that is handed a context, Asio's
// yield_context, and hands that to operations as their completion token; each
// call returns when the operation is done. It may call other functions with
// its context, and those wait as well. So it is found by the type of a
// parameter, and all functions that call each other with their contexts become
// coroutines together.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/BoundCall.h"
#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Initiation.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Vocabulary/Vocabulary.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool playsRole(Role R, const NamedDecl *D) {
  return D && builtinVocabularies().has(R, qualifiedName(*D));
}

bool isContext(const ParmVarDecl *P) {
  return playsRole(Role::StackfulContext,
                   P->getType().getNonReferenceType()->getAsCXXRecordDecl());
}

const ParmVarDecl *contextOf(const FunctionDecl &F) {
  auto Found = find_if(F.parameters(), isContext);
  return Found == F.param_end() ? nullptr : *Found;
}

/// Where a coroutine is started.
struct Place {
  /// On a strand, which keeps it apart from others.
  bool IsStrand = false;
  /// It is a member of the coroutine's own object.
  bool IsMember = false;
  /// What says so, when the started coroutine can name it as well.
  std::string Text;
};

/// A function or lambda that is handed a context.
struct Unit {
  DirectCode::Coroutine Coroutine;
  /// The function around the lambda, or the function itself.
  const FunctionDecl *Around = nullptr;
  std::vector<DirectCode::Await> Awaits;
  std::vector<DirectCode::Start> Starts;
  SmallVector<Place, 1> Places;
  SmallVector<const FunctionDecl *, 2> Callees;
  std::optional<Refusal> Why;

  void refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{Id, Where, Message.str()};
  }

  /// Where all starts are, if they say the same.
  std::optional<Place> commonPlace() const {
    auto IsFirst = [&](const Place &P) { return P.Text == Places[0].Text; };
    if (Places.empty() || Places[0].Text.empty() || !all_of(Places, IsFirst))
      return std::nullopt;
    return Places[0];
  }
};

/// Reads what one body does with its context.
class BodyReader : public ConstDynamicRecursiveASTVisitor {
public:
  BodyReader(Unit &U, const SourceText &Text) : U(U), Text(Text) {}

  void read() {
    TraverseStmt(U.Coroutine.Function->getBody());
    U.Coroutine.Waits = !U.Awaits.empty();
  }

  bool TraverseStmt(const Stmt *S) override {
    if (!S)
      return true;
    Parents.push_back(S);
    ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    Parents.pop_back();
    return true;
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    for (const Expr *Init : L->capture_inits())
      if (Init)
        TraverseStmt(Init);
    return true;
  }

  // The functions of a local class are functions of their own.
  bool TraverseCXXRecordDecl(const CXXRecordDecl *) override { return true; }

  bool VisitReturnStmt(const ReturnStmt *S) override {
    U.Coroutine.Returns.push_back(S);
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Call);
    if (Operator && Operator->getOperator() == OO_Subscript)
      return true;
    for (auto [Index, Argument] : enumerate(Call->arguments()))
      if (const DeclRefExpr *Use = useOfContext(Argument)) {
        Handled.insert(Use);
        readWait(*Call, Index);
      }
    return true;
  }

  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    if (E->getDecl() == U.Coroutine.Context && !Handled.contains(E))
      escapes(E->getLocation());
    return true;
  }

private:
  void escapes(SourceLocation Where) {
    U.refuse("context-escapes", Where,
             "the context to wait with is used other than as the argument of "
             "an operation or of a function that waits; hand it to those only");
  }

  /// The subscript that says where the error goes.
  static const CXXOperatorCallExpr *subscript(const Expr *E) {
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(asWritten(E));
    return Operator && Operator->getOperator() == OO_Subscript &&
                   Operator->getNumArgs() == 2
               ? Operator
               : nullptr;
  }

  /// The context in `yield` and in `yield[error]`.
  const DeclRefExpr *useOfContext(const Expr *E) const {
    if (const CXXOperatorCallExpr *Subscript = subscript(E))
      E = Subscript->getArg(0);
    const auto *Ref = dyn_cast<DeclRefExpr>(asWritten(E));
    return Ref && Ref->getDecl() == U.Coroutine.Context ? Ref : nullptr;
  }

  void readWait(const CallExpr &Call, unsigned Index) {
    DirectCode::Await Await;
    Await.Call = &Call;
    Await.Context = Index;
    if (const CXXOperatorCallExpr *Subscript = subscript(Call.getArg(Index)))
      Await.Error = Subscript->getArg(1);
    const FunctionDecl *Callee = definitionOf(Call.getDirectCallee());
    if (!Callee || playsRole(Role::StackfulStart, Callee))
      return escapes(Call.getBeginLoc());
    std::optional<Initiation> I = initiationOf(*Call.getDirectCallee());
    if (I && argumentOf(Call, I->TokenParameter) == Index) {
      Await.WantsExecutor = !hasOwnExecutor(Call, Index);
    } else if (Callee->hasBody() && contextOf(*Callee) && !Await.Error &&
               argumentOf(Call, contextOf(*Callee)->getFunctionScopeIndex()) ==
                   Index) {
      Await.IsOfCoroutine = true;
      U.Callees.push_back(Callee);
    } else {
      return escapes(Call.getArg(Index)->getBeginLoc());
    }
    Await.WantsParentheses = bindsTighter(Call);
    checkPlace(Call);
    for (SourceRange R :
         {Call.getSourceRange(), Call.getArg(Index)->getSourceRange()})
      if (!Text.range(R))
        U.refuse("macro-in-the-way", Call.getBeginLoc(),
                 "this wait is written inside a macro");
    U.Awaits.push_back(std::move(Await));
  }

  /// The operation works on something that says where handlers run.
  static bool hasOwnExecutor(const CallExpr &Call, unsigned Context) {
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      return saysWhere(Member->getImplicitObjectArgument()->getType());
    return any_of(enumerate(Call.arguments()), [&](const auto &Argument) {
      return Argument.index() != Context &&
             saysWhere(Argument.value()->getType());
    });
  }

  static bool saysWhere(QualType Type) {
    return hasGetExecutor(Type) || isExecutor(Type);
  }

  /// What was written around \p Call takes its result before an await would.
  bool bindsTighter(const CallExpr &Call) const {
    const Stmt *Inner = &Call;
    for (const Stmt *Parent : drop_begin(reverse(Parents))) {
      if (isa<ImplicitCastExpr, ExprWithCleanups, MaterializeTemporaryExpr,
              CXXBindTemporaryExpr>(Parent)) {
        Inner = Parent;
        continue;
      }
      if (const auto *Unary = dyn_cast<UnaryOperator>(Parent))
        return Unary->isPostfix();
      if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Parent))
        return Operator->getArg(0) == Inner &&
               is_contained({OO_Subscript, OO_Call, OO_Arrow, OO_PlusPlus,
                             OO_MinusMinus},
                            Operator->getOperator());
      return isa<MemberExpr, ArraySubscriptExpr>(Parent) ||
             (isa<CallExpr>(Parent) &&
              cast<CallExpr>(Parent)->getCallee() == Inner);
    }
    return false;
  }

  /// Not everywhere can be waited.
  void checkPlace(const CallExpr &Call) {
    const Stmt *Inner = &Call;
    for (const Stmt *Parent : drop_begin(reverse(Parents))) {
      if (isa<CXXCatchStmt>(Parent))
        U.refuse("unsupported-control-flow", Call.getBeginLoc(),
                 "nothing can be awaited in a catch block; remember there "
                 "what is to be done, and do it behind the block");
      // Compilers in use destroy what was not made, or twice.
      const auto *Condition = dyn_cast<AbstractConditionalOperator>(Parent);
      if ((Condition && Condition->getCond() != Inner) ||
          isa<InitListExpr>(Parent))
        U.refuse("unsupported-control-flow", Call.getBeginLoc(),
                 "compilers destroy twice what is awaited in an arm of a "
                 "conditional expression or in braces; wait in a statement "
                 "of its own");
      Inner = Parent;
    }
  }

  Unit &U;
  const SourceText &Text;
  SmallVector<const Stmt *, 16> Parents;
  SmallPtrSet<const DeclRefExpr *, 8> Handled;
};

/// Everything in the user's files that has to do with contexts.
class Collector : public ConstDynamicRecursiveASTVisitor {
public:
  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    SaveAndRestore<const FunctionDecl *> Function(Current, F ? F : Current);
    return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }

  bool VisitFunctionDecl(const FunctionDecl *F) override {
    if (contextOf(*F) && F->isThisDeclarationADefinition() && F->hasBody())
      Functions.push_back(F);
    return true;
  }

  bool TraverseLambdaExpr(const LambdaExpr *L) override {
    // Its call operator is no function of its own.
    for (const Expr *Init : L->capture_inits())
      TraverseStmt(Init);
    return TraverseStmt(L->getBody());
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    if (Current && playsRole(Role::StackfulStart, Call->getDirectCallee()))
      Starts.push_back({Call, Current});
    return true;
  }

  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    if (const auto *F = dyn_cast<FunctionDecl>(E->getDecl()))
      note(F, E->getLocation());
    return true;
  }

  bool VisitMemberExpr(const MemberExpr *E) override {
    if (const auto *F = dyn_cast<FunctionDecl>(E->getMemberDecl()))
      note(F, E->getMemberLoc());
    return true;
  }

  bool VisitVarDecl(const VarDecl *V) override { return noteObject(*V); }
  bool VisitFieldDecl(const FieldDecl *F) override { return noteObject(*F); }

  struct StartCall {
    const CallExpr *Call;
    const FunctionDecl *Around;
  };

  std::vector<const FunctionDecl *> Functions;
  std::vector<StartCall> Starts;
  MapVector<const FunctionDecl *, std::vector<SourceLocation>> Mentions;

  /// Execution contexts that are made here, two standing for more.
  unsigned Contexts = 0;

private:
  bool noteObject(const ValueDecl &Object) {
    if (isExecutionContext(Object.getType()))
      ++Contexts;
    else if (holdsExecutionContexts(Object.getType()))
      Contexts += 2;
    return true;
  }

  /// A container or an owner of execution contexts.
  static bool holdsExecutionContexts(QualType Type) {
    const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
        Type->getAsCXXRecordDecl());
    return Record && Record->isInStdNamespace() &&
           any_of(Record->getTemplateArgs().asArray(),
                  [](const TemplateArgument &A) {
                    return A.getKind() == TemplateArgument::Type &&
                           (isExecutionContext(A.getAsType()) ||
                            holdsExecutionContexts(A.getAsType()));
                  });
  }

  void note(const FunctionDecl *F, SourceLocation Where) {
    if (contextOf(*F))
      Mentions[definitionOf(F)].push_back(Where);
  }

  const FunctionDecl *Current = nullptr;
};

class StackfulCoroutine final : public Pattern {
public:
  void addStates(BuiltGraph &Built, const SourceText &Text) override {
    Collector All;
    forEachOwnDecl(Text, [&](const Decl *D) { All.TraverseDecl(D); });
    Units.clear();
    for (const FunctionDecl *F : All.Functions)
      addFunction(*F, Text);
    for (const Collector::StartCall &Start : All.Starts)
      addStart(*Start.Call, *Start.Around, Text);
    for (const auto &U : Units)
      if (U->Coroutine.Function)
        BodyReader(*U, Text).read();
    while (any_of(Units, [&](const auto &U) { return placeByCallers(*U); })) {
    }
    checkMentions(All);
    for (const SmallVector<Unit *, 2> &Together : components())
      addState(Together, All.Contexts > 1, Built);
  }

private:
  Unit &add(const FunctionDecl &Function, const ParmVarDecl *Context,
            const FunctionDecl &Around) {
    auto U = std::make_unique<Unit>();
    U->Coroutine.Function = &Function;
    U->Coroutine.Context = Context;
    U->Around = &Around;
    Units.push_back(std::move(U));
    return *Units.back();
  }

  Unit *find(const FunctionDecl *Function) const {
    for (const auto &U : Units)
      if (!U->Coroutine.Lambda && U->Coroutine.Function == Function)
        return U.get();
    return nullptr;
  }

  //--- Functions ---------------------------------------------------------//

  void addFunction(const FunctionDecl &F, const SourceText &Text) {
    Unit &U = add(F, contextOf(F), F);
    auto Refuse = [&](StringRef Id, const Twine &Why) {
      U.refuse(Id, F.getLocation(),
               "'" + F.getQualifiedNameAsString() + "' " + Why);
    };
    if (F.isDependentContext() || F.isTemplateInstantiation())
      Refuse("dependent-code", "is a template, and what it waits for depends "
                               "on its arguments");
    else if (isa<CXXConstructorDecl, CXXDestructorDecl>(F) ||
             F.isOverloadedOperator() || !isa<CompoundStmt>(F.getBody()))
      Refuse("not-a-plain-function", "is no plain function, so that it cannot "
                                     "become a coroutine");
    else if (isVirtual(F))
      Refuse("signature-owned-by-others",
             "is virtual, and others rely on its type");
    else if (count_if(F.parameters(), isContext) > 1)
      Refuse("context-escapes", "is handed several contexts");
    else if (F.getReturnType()->isUndeducedType() ||
             isa<AutoType>(F.getDeclaredReturnType()))
      Refuse("unsupported-control-flow",
             "does not say what it returns; write the type");
    for (const FunctionDecl *D : F.redecls()) {
      if (!Text.range(D->getSourceRange()) ||
          !Text.range(D->getReturnTypeSourceRange()))
        Refuse("macro-in-the-way", "is declared by a macro, or where it "
                                   "cannot be changed");
    }
    if (F.getType()->castAs<FunctionProtoType>()->isNothrow())
      Refuse("unsupported-control-flow",
             "is noexcept, so an exception in it ends the program; a "
             "coroutine would let it out");
    if (hasUnseenCallers(F, Text))
      Refuse("declared-in-a-header",
             "is declared in a header, and others may call it");
  }

  //--- Starts ------------------------------------------------------------//

  void addStart(const CallExpr &Call, const FunctionDecl &Around,
                const SourceText &Text) {
    const Expr *Function =
        Call.getNumArgs() > 1 ? asWritten(Call.getArg(1)) : nullptr;
    const auto *Lambda = dyn_cast_or_null<LambdaExpr>(Function);
    DirectCode::Start Start;
    Start.Call = &Call;
    const Expr *Object = nullptr;
    Unit *U = nullptr;
    if (Lambda && !Lambda->getCallOperator()->isTemplated() &&
        Lambda->getCallOperator()->getNumParams() == 1 &&
        contextOf(*Lambda->getCallOperator())) {
      U = &add(*Lambda->getCallOperator(),
               contextOf(*Lambda->getCallOperator()), Around);
      U->Coroutine.Lambda = Lambda;
      if (U->Coroutine.Function->getType()
              ->castAs<FunctionProtoType>()
              ->isNothrow())
        U->refuse("unsupported-control-flow", Lambda->getBeginLoc(),
                  "the lambda is noexcept, so an exception in it ends the "
                  "program; a coroutine would let it out");
      if (!Text.range(Lambda->getSourceRange()))
        U->refuse("macro-in-the-way", Lambda->getBeginLoc(),
                  "the lambda is written inside a macro");
    } else if (Function && !Lambda) {
      U = readBound(*Function, Start, Object);
    }
    if (!U) {
      // Something that is not converted, but was found.
      U = &add(Around, nullptr, Around);
      U->Coroutine.Function = nullptr;
      U->refuse("unsupported-start", Call.getBeginLoc(),
                "what runs on this stack is neither a lambda nor a function "
                "with its arguments; write a lambda that takes the context");
    }
    U->Places.push_back(readPlace(Call, Lambda, Object, *U, Text));
    for (const Expr *Argument : drop_begin(Call.arguments(), 2)) {
      if (isa<CXXDefaultArgExpr>(Argument))
        continue;
      Start.HasHandler = true;
      if (!isEndHandler(*Argument))
        U->refuse("unsupported-start", Argument->getBeginLoc(),
                  "how this coroutine ends is told to something else than a "
                  "lambda with a std::exception_ptr");
    }
    if (!Text.range(Call.getSourceRange()) ||
        !Text.range(Call.getCallee()->getSourceRange()))
      U->refuse("macro-in-the-way", Call.getBeginLoc(),
                "this start is written inside a macro");
    U->Starts.push_back(Start);
  }

  /// A function, or one with all arguments bound but the context; a member
  /// function is bound to \p Object.
  Unit *readBound(const Expr &Function, DirectCode::Start &Start,
                  const Expr *&Object) const {
    std::optional<BoundCall> Bound = boundCall(Function, 1);
    Unit *U = Bound ? find(Bound->Target) : nullptr;
    if (!U)
      return nullptr;
    unsigned Context = U->Coroutine.Context->getFunctionScopeIndex();
    if (Bound->Arguments[Context].Value)
      return nullptr;
    Object = Bound->Object;
    if (const auto *Binder = dyn_cast<CallExpr>(&Function)) {
      Start.Binder = Binder;
      Start.Placeholder = Binder->getNumArgs() -
                          U->Coroutine.Function->getNumParams() + Context;
      // One that binds the first arguments has nothing for the last.
      if (Start.Placeholder >= Binder->getNumArgs() || Start.Placeholder == 0)
        return nullptr;
    }
    return U;
  }

  static bool isEndHandler(const Expr &E) {
    const CXXRecordDecl *Type =
        E.getType().getNonReferenceType()->getAsCXXRecordDecl();
    if (!Type)
      return false;
    if (!Type->isLambda())
      return Type->getName() == "detached_t";
    const CXXMethodDecl *Operator = Type->getLambdaCallOperator();
    return Operator && Operator->getNumParams() == 1;
  }

  static Place readPlace(const CallExpr &Call, const LambdaExpr *Lambda,
                         const Expr *Object, Unit &U, const SourceText &Text) {
    Place Result;
    const Expr *Where = asWritten(Call.getArg(0));
    QualType Type = Where->getType().getNonReferenceType();
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    if (!Record || !(hasGetExecutor(Type) || isExecutor(Type)) ||
        playsRole(Role::StackfulContext, Record)) {
      U.refuse("unsupported-start", Where->getBeginLoc(),
               "this coroutine is not started on an executor or an execution "
               "context, so that it shares the strand of something else");
      return Result;
    }
    Result.IsStrand = Record->getName() == "strand";
    Result.IsMember = isOfThis(*Where);
    if (Lambda ? isNamedIn(*Where, *Lambda, *U.Around)
               : Object && isThis(Object) && Result.IsMember)
      Result.Text = Text.text(Where->getSourceRange()).str();
    return Result;
  }

  static bool isThis(const Expr *Object) {
    return isa<CXXThisExpr>(asWritten(Object)) || isSharedFromThis(Object);
  }

  /// \p E is a member of this object.
  static bool isOfThis(const Expr &E) {
    const auto *Member = dyn_cast<MemberExpr>(&E);
    return Member && isa<CXXThisExpr>(asWritten(Member->getBase()));
  }

  /// \p Lambda's body can say \p E and means the same by it for as long as it
  /// runs.
  static bool isNamedIn(const Expr &E, const LambdaExpr &Lambda,
                        const FunctionDecl &Around) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const LambdaExpr &Lambda;
      const FunctionDecl &Around;
      bool Found = true;
      Visitor(const LambdaExpr &Lambda, const FunctionDecl &Around)
          : Lambda(Lambda), Around(Around) {}
      bool isNamed(const VarDecl &V) const {
        bool Stays = Around.isMain() || V.getType()->isReferenceType();
        for (const LambdaCapture &C : Lambda.captures())
          if (C.capturesVariable() && C.getCapturedVar() == &V)
            return Stays || C.getCaptureKind() == LCK_ByCopy;
        return Stays && Lambda.getCaptureDefault() == LCD_ByRef;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *Ref) override {
        const auto *V = dyn_cast<VarDecl>(Ref->getDecl());
        if (V && V->hasLocalStorage())
          Found &= isNamed(*V);
        return true;
      }
      bool VisitCXXThisExpr(const CXXThisExpr *) override {
        Found &= any_of(Lambda.captures(), [](const LambdaCapture &C) {
          return C.capturesThis();
        });
        return true;
      }
      bool VisitCallExpr(const CallExpr *) override {
        Found = false;
        return true;
      }
    } V(Lambda, Around);
    V.TraverseStmt(&E);
    return V.Found;
  }

  /// A member function that is only called goes on where all its callers do,
  /// which its own object names.
  bool placeByCallers(Unit &U) const {
    if (U.Coroutine.Lambda || !U.Places.empty())
      return false;
    std::optional<Place> Common;
    for (const auto &Caller : Units)
      for (const DirectCode::Await &Await : Caller->Awaits) {
        if (definitionOf(Await.Call->getDirectCallee()) != U.Coroutine.Function)
          continue;
        const auto *Call = dyn_cast<CXXMemberCallExpr>(Await.Call);
        std::optional<Place> Where = Caller->commonPlace();
        if (!Call || !isThis(Call->getImplicitObjectArgument()) || !Where ||
            !Where->IsMember || (Common && Common->Text != Where->Text))
          return false;
        Common = std::move(Where);
      }
    if (!Common)
      return false;
    U.Places.push_back(*Common);
    return true;
  }

  //--- What belongs together ---------------------------------------------//

  /// A function that is converted is only called with a context, or started.
  void checkMentions(const Collector &All) {
    DenseMap<const FunctionDecl *, size_t> Known;
    for (const auto &U : Units) {
      for (const FunctionDecl *Callee : U->Callees)
        ++Known[Callee];
      if (!U->Coroutine.Lambda && U->Coroutine.Function)
        Known[U->Coroutine.Function] += U->Starts.size();
    }
    for (const auto &[F, Where] : All.Mentions)
      if (Unit *U = find(F))
        if (Where.size() != Known.lookup(F))
          U->refuse("address-taken", Where.back(),
                    "'" + F->getQualifiedNameAsString() +
                        "' is used other than by calling it with a context "
                        "or starting it");
  }

  std::vector<SmallVector<Unit *, 2>> components() const {
    EquivalenceClasses<Unit *> Classes;
    for (const auto &U : Units) {
      Classes.insert(U.get());
      for (const FunctionDecl *Callee : U->Callees) {
        if (Unit *Other = find(Callee))
          Classes.unionSets(U.get(), Other);
        else
          U->refuse("callee-refused", Callee->getLocation(),
                    "'" + Callee->getQualifiedNameAsString() +
                        "', which this waits for, is not defined here");
      }
    }
    MapVector<Unit *, SmallVector<Unit *, 2>> Result;
    for (const auto &U : Units)
      Result[Classes.getLeaderValue(U.get())].push_back(U.get());
    std::vector<SmallVector<Unit *, 2>> Components;
    for (auto &[Leader, Members] : Result)
      Components.push_back(std::move(Members));
    return Components;
  }

  /// With \p SeveralContexts, what an operation works on may run its handlers
  /// elsewhere than where the coroutine was started.
  void addState(ArrayRef<Unit *> Together, bool SeveralContexts,
                BuiltGraph &Built) {
    const Unit &First = *Together.front();
    State &S = Built.Graph.add(First.Around);
    S.IsPart = true;
    S.Direct = std::make_shared<DirectCode>();
    bool OnStrand = any_of(Together, [](const Unit *U) {
      return any_of(U->Places, [](const Place &P) { return P.IsStrand; });
    });
    for (const Unit *U : Together) {
      if (U->Why && !S.Why)
        S.Why = U->Why;
      SmallVector<SourceLocation, 4> Sites;
      for (const DirectCode::Start &Start : U->Starts) {
        S.Direct->Starts.push_back(Start);
        Sites.push_back(Start.Call->getBeginLoc());
      }
      for (DirectCode::Await Await : U->Awaits) {
        if (!Await.IsOfCoroutine) {
          Sites.push_back(Await.Call->getBeginLoc());
          Await.WantsExecutor |= OnStrand || SeveralContexts;
        }
        if (std::optional<Place> Where = U->commonPlace())
          Await.Executor = Where->Text;
        S.Direct->Awaits.push_back(std::move(Await));
      }
      if (U->Coroutine.Function)
        S.Direct->Coroutines.push_back(U->Coroutine);
      if (Sites.empty() && U->Why)
        Sites.push_back(U->Why->Where);
      for (SourceLocation Where : Sites) {
        S.Direct->Sites.push_back(Where);
        Built.Operations.push_back({Where, this, U->Around});
      }
    }
  }

  std::vector<std::unique_ptr<Unit>> Units;
};

RegisterPattern<StackfulCoroutine>
    Register("stackful-coroutine",
             "functions that wait on stacks of their own, with a context");

const RegisterRefusal Refusals[] = {
    {"context-escapes", "what a stackful coroutine waits with goes elsewhere"},
    {"unsupported-start", "a coroutine of Asio's is started in another form"},
};

} // namespace
} // namespace coralc
