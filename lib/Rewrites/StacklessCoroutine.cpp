//===--- StacklessCoroutine.cpp - reenter, yield and fork -----------------===//
//
// Asio's stackless coroutines are made of three macros. Each expands to loops,
// switches and cases around one statement of the user's, so a keyword is found
// as a statement that begins in a macro and what belongs to it as the first
// statement inside that does not. All of a function's operations have to be
// yielded, and to have the function as their handler: then every step of it is
// seen.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

bool isNamed(QualType Type, StringRef Name) {
  const CXXRecordDecl *Record =
      Type.getNonReferenceType()->getAsCXXRecordDecl();
  return Record && StringRef(qualifiedName(*Record)).ends_with(Name);
}

bool isError(QualType Type) {
  const CXXRecordDecl *Record =
      Type.getNonReferenceType()->getAsCXXRecordDecl();
  return Record && Record->getDeclName().isIdentifier() &&
         Record->getName() == "error_code";
}

/// The switch that a reenter expands to.
const SwitchStmt *reenterAt(const Stmt *S) {
  const auto *Switch = dyn_cast_or_null<SwitchStmt>(S);
  const VarDecl *Position = Switch ? Switch->getConditionVariable() : nullptr;
  return Position && isNamed(Position->getType(), "asio::detail::coroutine_ref")
             ? Switch
             : nullptr;
}

/// The loop that a yield or a fork expands to.
const ForStmt *keywordAt(const Stmt *S) {
  const auto *For = dyn_cast_or_null<ForStmt>(S);
  const auto *Init = For ? dyn_cast_or_null<Expr>(For->getInit()) : nullptr;
  const auto *Assign =
      dyn_cast_or_null<CXXOperatorCallExpr>(Init ? asWritten(Init) : nullptr);
  return Assign && For->getBeginLoc().isMacroID() &&
                 isNamed(Assign->getArg(0)->getType(),
                         "asio::detail::coroutine_ref")
             ? For
             : nullptr;
}

bool isFork(const ForStmt &Keyword) { return Keyword.getInc() != nullptr; }

class Reader {
public:
  Reader(const SourceText &Text, Pattern &Operations, ReentrantCode &Code)
      : Text(Text), Operations(Operations), Code(Code) {}

  /// Reads Code.Function, in which \p Reenter is; why not, if it cannot.
  std::optional<Refusal> read(const SwitchStmt &Reenter) {
    if (checkFunction() && readAround(Reenter)) {
      walk(Code.Body, {});
      if (!Why && Code.Yields.empty())
        refuse("not-a-plain-function", Code.Function->getLocation(),
               "the coroutine waits for nothing");
    }
    if (!Why)
      checkKind();
    if (!Why && !Forks.empty())
      readFork();
    if (!Why)
      checkPosition(Reenter);
    if (!Why)
      readResets();
    if (!Why)
      nameAll();
    return std::move(Why);
  }

  std::vector<SourceLocation> Sites;

private:
  bool refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{Id, place(Where), Message.str()};
    return false;
  }

  SourceLocation place(SourceLocation Where) const {
    return Text.context().getSourceManager().getExpansionLoc(Where);
  }

  std::optional<unsigned> at(SourceLocation Where) const {
    return Text.offset(place(Where));
  }

  //--- The function ------------------------------------------------------//

  bool checkFunction() {
    const CXXMethodDecl &F = *Code.Function;
    std::string Name = "'" + F.getQualifiedNameAsString() + "'";
    if (F.isTemplated() || F.isTemplateInstantiation())
      return refuse("dependent-code", F.getLocation(),
                    Name + " is a template, as that of a composed operation "
                           "is, and what it waits for depends on its "
                           "arguments");
    if (F.isVirtual())
      return refuse("signature-owned-by-others", F.getLocation(),
                    Name + " is virtual, and others rely on its type");
    if (F.isStatic() || !F.getReturnType()->isVoidType() ||
        F.getType()->castAs<FunctionProtoType>()->isNothrow())
      return refuse("not-a-plain-function", F.getLocation(),
                    Name + " returns a value, is static or noexcept, so that "
                           "it cannot start a coroutine and return");
    for (const FunctionDecl *D : F.redecls())
      if (!Text.range(D->getSourceRange()))
        return refuse("macro-in-the-way", F.getLocation(),
                      Name + " is declared where it cannot be changed");
    if (Text.crossesDirective(*Text.range(F.getSourceRange())))
      return refuse("preprocessor-in-the-way", F.getLocation(),
                    Name + " contains a preprocessor directive, so its other "
                           "branch would be lost");
    for (const ParmVarDecl *P : F.parameters()) {
      if (isError(P->getType()) && P->getDeclName() && !Code.Error)
        Code.Error = P;
      if (P->getDeclName() && P->getType()->isLValueReferenceType() &&
          !P->getType()->getPointeeType().isConstQualified())
        return refuse("capture-of-a-copy", P->getLocation(),
                      "'" + P->getName() +
                          "' refers to something of the caller's");
    }
    return Code.Error || refuse("unsupported-handler", F.getLocation(),
                                Name + " has no named parameter for the error");
  }

  /// What is around the reenter runs at every step.
  bool readAround(const SwitchStmt &Reenter) {
    const auto *Whole = cast<CompoundStmt>(Code.Function->getBody());
    const Stmt *Last = Whole->body_empty() ? nullptr : Whole->body_back();
    const auto *If = dyn_cast_or_null<IfStmt>(
        Whole->size() == 2 ? Whole->body_front() : Last);
    bool Before = Whole->size() == 2 && Last == &Reenter;
    const Stmt *Then = If ? If->getThen() : nullptr;
    if (const auto *Block = dyn_cast_or_null<CompoundStmt>(Then);
        Block && !Before && Block->size() == 1)
      Then = Block->body_front();
    if (Before ? If && testsError(*If, false) && leaves(*If->getThen())
               : If && Whole->size() == 1 && Then == &Reenter &&
                     testsError(*If, true))
      Code.Guard = If;
    else if (Whole->size() != 1 || Last != &Reenter)
      return refuse("unsupported-control-flow", Reenter.getBeginLoc(),
                    "what is around this runs at every step of the coroutine; "
                    "only a test of the error may stand there");
    Code.Begin = *at(Reenter.getBeginLoc());
    Code.Body = dyn_cast_or_null<CompoundStmt>(
        statementOf(Reenter.getBody(), Code.Begin));
    return Code.Body ||
           refuse("unsupported-control-flow", Reenter.getBeginLoc(),
                  "the coroutine is no block");
  }

  bool testsError(const IfStmt &If, bool Negated) const {
    if (If.getElse() || If.hasInitStorage() || If.hasVarStorage())
      return false;
    std::string Wanted = (Negated ? "!" : "") + Code.Error->getName().str();
    return Text.text(If.getCond()->getSourceRange()) == Wanted;
  }

  /// Few statements, the last of which returns, and no other does.
  static bool leaves(const Stmt &S) {
    if (isa<ReturnStmt>(S))
      return true;
    const auto *Block = dyn_cast<CompoundStmt>(&S);
    return Block && !Block->body_empty() && Block->size() <= 3 &&
           isa<ReturnStmt>(Block->body_back()) &&
           all_of(drop_end(Block->body()),
                  [](const Stmt *S) { return isa<Expr>(S); });
  }

  /// The user's statement in what the macro at \p Keyword expands to.
  const Stmt *statementOf(const Stmt *S, unsigned Keyword) const {
    while (S && S->getBeginLoc().isMacroID() &&
           at(S->getBeginLoc()) == Keyword) {
      if (const auto *If = dyn_cast<IfStmt>(S))
        S = If->getElse();
      else if (const auto *Switch = dyn_cast<SwitchStmt>(S))
        S = Switch->getBody();
      else if (const auto *For = dyn_cast<ForStmt>(S))
        S = For->getBody();
      else if (const auto *Case = dyn_cast<SwitchCase>(S))
        S = Case->getSubStmt();
      else
        return nullptr;
    }
    return S;
  }

  //--- The code ----------------------------------------------------------//

  struct Surroundings {
    const Stmt *Parent = nullptr;
    bool InLoop = false;
  };

  void walk(const Stmt *S, Surroundings Around) {
    if (!S || Why)
      return;
    if (const ForStmt *Keyword = keywordAt(S))
      return readKeyword(*Keyword, Around);
    if (reenterAt(S)) {
      refuse("unsupported-control-flow", S->getBeginLoc(),
             "one coroutine is inside another");
      return;
    }
    if (const auto *Return = dyn_cast<ReturnStmt>(S)) {
      if (!Text.offset(Return->getReturnLoc()))
        refuse("macro-in-the-way", S->getBeginLoc(),
               "this return comes out of a macro");
      return Code.Returns.push_back(Return);
    }
    if (isa<BreakStmt>(S) && !Around.InLoop) {
      refuse("unsupported-control-flow", S->getBeginLoc(),
             "this leaves the block of the coroutine, and what comes then is "
             "not plain; return instead");
      return;
    }
    if (isa<CXXTryStmt, GotoStmt, LabelStmt>(S)) {
      refuse("unsupported-control-flow", S->getBeginLoc(),
             "nobody can jump into this statement");
      return;
    }
    if (const auto *E = dyn_cast<Expr>(S))
      return walkExpression(*E);
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      for (const Decl *D : Declaration->decls())
        if (const auto *V = dyn_cast<VarDecl>(D); V && V->hasInit())
          walkExpression(*V->getInit());
    bool Loops =
        isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt, SwitchStmt>(S);
    for (const Stmt *Child : S->children())
      walk(Child, {S, Around.InLoop || Loops});
  }

  /// An operation that nobody yields would enter the function behind its back.
  void walkExpression(const Expr &E) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      Reader &R;
      explicit Visitor(Reader &R) : R(R) {}
      bool VisitCallExpr(const CallExpr *Call) override {
        if (Call->getDirectCallee() &&
            declaresSameEntity(Call->getDirectCallee(), R.Code.Function))
          R.refuse("unsupported-start", Call->getBeginLoc(),
                   "the coroutine calls itself without a fork, and goes on "
                   "twice in one place");
        if (R.Operations.matchOperation(*Call, R.Text)) {
          R.Sites.push_back(Call->getBeginLoc());
          R.refuse("unsupported-control-flow", Call->getBeginLoc(),
                   "this operation is started without a yield, and its "
                   "handler runs beside the coroutine");
        }
        return true;
      }
    } V(*this);
    V.TraverseStmt(&E);
  }

  void readKeyword(const ForStmt &Keyword, Surroundings Around) {
    std::optional<unsigned> Begin = at(Keyword.getBeginLoc());
    const Stmt *Body = Begin ? statementOf(&Keyword, *Begin) : nullptr;
    if (!Body || !Text.range(Body->getSourceRange())) {
      refuse("macro-in-the-way", Keyword.getBeginLoc(),
             "what belongs to this keyword comes out of a macro");
      return;
    }
    if (isFork(Keyword)) {
      if (!isa_and_nonnull<CompoundStmt>(Around.Parent))
        refuse("unsupported-control-flow", Keyword.getBeginLoc(),
               "this fork is no statement of a block");
      Forks.push_back({&Keyword, Body});
      return;
    }
    ReentrantCode::Yield Yield;
    Yield.Begin = *Begin;
    Yield.Body = Body;
    Yield.WantsBraces = !isa_and_nonnull<CompoundStmt>(Around.Parent);
    if (isa<BreakStmt>(Body)) {
      Code.Yields.push_back(Yield);
      Keywords[&Keyword] = Code.Yields.size() - 1;
      return;
    }
    const Stmt *Start = Body;
    if (const auto *Block = dyn_cast<CompoundStmt>(Body)) {
      if (!checkBlock(*Block))
        return;
      Start = Block->body_back();
    }
    const auto *E = dyn_cast<Expr>(Start);
    const auto *Call = E ? dyn_cast<CallExpr>(asWritten(E)) : nullptr;
    if (!Call || !readOperation(*Call, Yield))
      return;
    if (isa<CompoundStmt>(Body))
      Yield.WantsBraces = false;
    Code.Yields.push_back(std::move(Yield));
    Keywords[&Keyword] = Code.Yields.size() - 1;
  }

  /// Variables of the block died before the coroutine was entered again.
  bool checkBlock(const CompoundStmt &Block) {
    if (Block.body_empty() || !isa<Expr>(Block.body_back()))
      return refuse("unsupported-control-flow", Block.getBeginLoc(),
                    "this block does not end with starting an operation");
    for (const Stmt *S : drop_end(Block.body())) {
      const auto *Declaration = dyn_cast<DeclStmt>(S);
      if (const auto *E = dyn_cast<Expr>(S)) {
        walkExpression(*E);
        continue;
      }
      bool IsPlain =
          Declaration && all_of(Declaration->decls(), [](Decl *D) {
            const auto *V = dyn_cast<VarDecl>(D);
            return V && (V->getType()->isReferenceType() ||
                         V->getType().isDestructedType() == QualType::DK_none);
          });
      if (!IsPlain)
        return refuse("unsupported-control-flow", S->getBeginLoc(),
                      "this block does more than start an operation");
    }
    return !Why;
  }

  bool readOperation(const CallExpr &Call, ReentrantCode::Yield &Yield) {
    Sites.push_back(Call.getBeginLoc());
    std::optional<OperationMatch> Match = Operations.matchOperation(Call, Text);
    if (const auto *Refused = Match ? std::get_if<Refusal>(&*Match) : nullptr)
      return refuse(Refused->Id, Refused->Where, Refused->Message);
    const auto *Op = Match ? std::get_if<Operation>(&*Match) : nullptr;
    bool IsOwn =
        Op && Op->Bound && declaresSameEntity(Op->Bound->Target, Code.Function);
    if (!IsOwn || Op->Stored || strandWrap(*Op))
      return refuse("unsupported-handler", Call.getBeginLoc(),
                    "the coroutine is entered again by something else than "
                    "this operation with the coroutine as its handler");
    for (auto [P, A] : zip(Code.Function->parameters(), Op->Bound->Arguments))
      if (A.Value && P == Code.Error && Op->error())
        return refuse("unsupported-handler", Call.getBeginLoc(),
                      "the error goes to another parameter");
    bool HoldsSelf = Op->Bound->Object && holdsSelf(*Op->Bound->Object);
    if (Op->Bound->Object && !HoldsSelf &&
        !isa<CXXThisExpr>(asWritten(Op->Bound->Object)))
      return refuse("unsupported-handler", Call.getBeginLoc(),
                    "the handler enters another object");
    Yield.Op = std::make_shared<Operation>(*Op);
    Yield.Op->HoldsSelf = HoldsSelf;
    Yield.Op->IsObject = Op->Bound->IsObject;
    return true;
  }

  static bool holdsSelf(const Expr &Object) {
    const VarDecl *V = variableNamedBy(&Object);
    return isSharedFromThis(&Object) || (V && isSharedFromThisCopy(V));
  }

  void checkKind() {
    const ReentrantCode::Yield *First = nullptr;
    for (const ReentrantCode::Yield &Y : Code.Yields) {
      if (!Y.Op)
        continue;
      if (!First) {
        First = &Y;
        Code.HoldsObject = Y.Op->IsObject;
        Code.HoldsSelf = Y.Op->HoldsSelf;
      } else if (Code.HoldsObject != Y.Op->IsObject ||
                 Code.HoldsSelf != Y.Op->HoldsSelf) {
        refuse("lifetime-differs", Y.Op->Call->getBeginLoc(),
               "some handlers of this coroutine hold the object and this one "
               "holds it in another way or not at all");
      }
    }
    if (!First)
      refuse("not-a-plain-function", Code.Function->getLocation(),
             "the coroutine waits for nothing");
  }

  //--- Forks -------------------------------------------------------------//

  struct ForkPlace {
    const ForStmt *Keyword;
    const Stmt *Body;
  };

  /// A question of the coroutine whether it is the child, or the parent.
  const CXXMemberCallExpr *question(const Expr *E, StringRef Name) {
    const auto *Call = dyn_cast<CXXMemberCallExpr>(asWritten(E));
    const CXXMethodDecl *Method = Call ? Call->getMethodDecl() : nullptr;
    if (!Method || !Method->getDeclName().isIdentifier() ||
        Method->getName() != Name ||
        !StringRef(qualifiedName(*Method->getParent()))
             .ends_with("asio::coroutine"))
      return nullptr;
    Answered.insert(Call);
    return Call;
  }

  bool readFork() {
    ForkPlace Place = Forks.front();
    SourceLocation Where = Place.Keyword->getBeginLoc();
    auto TwoWays = [&] {
      return refuse("unsupported-control-flow", Where,
                    "both copies go on in the same code from here; leave the "
                    "loop with 'while (is_parent())', or let the child have a "
                    "block of its own that returns");
    };
    if (Forks.size() > 1)
      return TwoWays();
    if (!Code.HoldsObject || !callsCopy(*Place.Body))
      return refuse("unsupported-start", Where,
                    "this fork does something else than to call a copy of the "
                    "object; write 'fork name(*this)();'");
    ReentrantCode::Fork Fork;
    Fork.Begin = *at(Where);
    Fork.Body = Place.Body;
    if (!splitLoop(*Place.Keyword, Fork) &&
        !splitBlock(*Code.Body, *Place.Keyword, Fork))
      return TwoWays();
    Code.Forked = std::move(Fork);
    return true;
  }

  /// name(*this)(), which leaves all parameters to their defaults.
  bool callsCopy(const Stmt &S) const {
    const auto *E = dyn_cast<Expr>(&S);
    const auto *Call =
        dyn_cast_or_null<CXXOperatorCallExpr>(E ? asWritten(E) : nullptr);
    if (!Call || !declaresSameEntity(Call->getDirectCallee(),
                                     Code.Function->getFirstDecl()))
      return false;
    for (const Expr *Argument : drop_begin(Call->arguments()))
      if (!isa<CXXDefaultArgExpr>(Argument) || !isZero(*asWritten(Argument)))
        return false;
    const Expr *Copy = Call->getArg(0)->IgnoreImplicit();
    while (const auto *Cast = dyn_cast<CXXFunctionalCastExpr>(Copy))
      Copy = Cast->getSubExpr()->IgnoreImplicit();
    const auto *Construct = dyn_cast<CXXConstructExpr>(Copy);
    const auto *This =
        Construct && Construct->getNumArgs() == 1 &&
                Construct->getConstructor()->isCopyConstructor()
            ? dyn_cast<UnaryOperator>(asWritten(Construct->getArg(0)))
            : nullptr;
    return This && This->getOpcode() == UO_Deref &&
           isa<CXXThisExpr>(asWritten(This->getSubExpr()));
  }

  bool isZero(const Expr &E) const {
    if (const auto *Construct = dyn_cast<CXXConstructExpr>(&E))
      return Construct->getNumArgs() == 0;
    if (const auto *List = dyn_cast<InitListExpr>(&E))
      return List->getNumInits() == 0;
    Expr::EvalResult Value;
    return isa<CXXScalarValueInitExpr>(&E) ||
           (E.EvaluateAsInt(Value, Text.context()) && Value.Val.getInt() == 0);
  }

  /// A loop that the parent never leaves, and behind it the child's code.
  bool splitLoop(const ForStmt &Keyword, ReentrantCode::Fork &Fork) {
    ArrayRef<Stmt *> All(Code.Body->body_begin(), Code.Body->body_end());
    for (auto [I, S] : enumerate(All)) {
      const Stmt *Body = nullptr;
      const auto *Do = dyn_cast<DoStmt>(S);
      const auto *For = dyn_cast<ForStmt>(S);
      if (Do)
        Body = Do->getBody();
      else if (For && !keywordAt(S) && !For->getCond() && !For->getInit() &&
               !For->getInc())
        Body = For->getBody();
      const auto *Block = dyn_cast_or_null<CompoundStmt>(Body);
      const Stmt *const *Found =
          Block ? find(Block->body(), &Keyword) : nullptr;
      if (!Block || Found == Block->body_end())
        continue;
      Fork.Child.append(All.begin() + I + 1, All.end());
      Fork.ParentEnd = Text.statement(S)->End;
      if (Fork.Child.empty() || breaksOut(*Block, Found + 1))
        return false;
      return Do ? readDo(*Do, *Block, Found, Fork)
                : readFor(*Block, Found, Fork);
    }
    return false;
  }

  /// do { ...; fork name(*this)(); } while (is_parent());
  bool readDo(const DoStmt &Do, const CompoundStmt &Block,
              const Stmt *const *Found, ReentrantCode::Fork &Fork) {
    if (Found + 1 != Block.body_end() || !question(Do.getCond(), "is_parent"))
      return false;
    unsigned Begin = *Text.offset(Do.getDoLoc());
    Fork.Head = {Begin, Begin + 2};
    unsigned Close = *Text.offset(Block.getRBracLoc()) + 1;
    Fork.Test = {Close, Text.range(Do.getSourceRange())->End};
    // The semicolon goes, too.
    Fork.Test.End = Text.buffer().find(';', Fork.Test.End - 1) + 1;
    Fork.ParentEnd = Fork.Test.End;
    return true;
  }

  /// for (;;) { ...; fork name(*this)(); if (is_child()) break; ... }
  bool readFor(const CompoundStmt &Block, const Stmt *const *Found,
               ReentrantCode::Fork &Fork) {
    if (Found + 1 == Block.body_end())
      return false;
    const auto *If = dyn_cast<IfStmt>(Found[1]);
    const Stmt *Then = If && !If->getElse() ? If->getThen() : nullptr;
    if (const auto *Inner = dyn_cast_or_null<CompoundStmt>(Then);
        Inner && Inner->size() == 1)
      Then = Inner->body_front();
    if (!isa_and_nonnull<BreakStmt>(Then) ||
        !question(If->getCond(), "is_child"))
      return false;
    Fork.Test = lines(*Text.statement(If));
    return true;
  }

  /// fork name(*this)(); if (is_child()) { ...; return; }
  bool splitBlock(const CompoundStmt &Block, const ForStmt &Keyword,
                  ReentrantCode::Fork &Fork) {
    const Stmt *const *Found = find(Block.body(), &Keyword);
    if (Found == Block.body_end()) {
      for (const Stmt *S : Block.body())
        if (splitInside(*S, Keyword, Fork))
          return true;
      return false;
    }
    if (Found + 1 == Block.body_end())
      return false;
    const auto *If = dyn_cast<IfStmt>(Found[1]);
    const auto *Then =
        If && !If->getElse() ? dyn_cast<CompoundStmt>(If->getThen()) : nullptr;
    if (!Then || Then->body_empty() || !question(If->getCond(), "is_child") ||
        !ends(*Then->body_back()))
      return false;
    Fork.Child.append(Then->body_begin(), Then->body_end());
    Fork.ParentEnd = std::nullopt;
    Fork.Test = lines(*Text.statement(If));
    return true;
  }

  bool splitInside(const Stmt &S, const ForStmt &Keyword,
                   ReentrantCode::Fork &Fork) {
    if (isa<Expr>(S) || keywordAt(&S))
      return false;
    if (const auto *Block = dyn_cast<CompoundStmt>(&S))
      return splitBlock(*Block, Keyword, Fork);
    return any_of(S.children(), [&](const Stmt *Child) {
      return Child && splitInside(*Child, Keyword, Fork);
    });
  }

  bool ends(const Stmt &S) const {
    const ForStmt *Keyword = keywordAt(&S);
    return isa<ReturnStmt>(S) ||
           (Keyword && isa_and_nonnull<BreakStmt>(
                           statementOf(Keyword, *at(Keyword->getBeginLoc()))));
  }

  TextRange lines(TextRange Range) const {
    return {Text.lineBegin(Range.Begin), Text.lineEnd(Range.End)};
  }

  /// A break other than the one that the fork's test decides about.
  bool breaksOut(const CompoundStmt &Block, const Stmt *const *Test) const {
    return any_of(Block.body(),
                  [&](Stmt *const &S) { return &S != Test && hasBreak(S); });
  }

  bool hasBreak(const Stmt *S) const {
    if (!S || isa<Expr>(S) || keywordAt(S) ||
        isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt, SwitchStmt>(S))
      return false;
    return isa<BreakStmt>(S) || any_of(S->children(), [&](const Stmt *Child) {
             return hasBreak(Child);
           });
  }

  //--- Who else knows where the coroutine is -----------------------------//

  void checkPosition(const SwitchStmt &Reenter) {
    const CXXRecordDecl &Class = *Code.Function->getParent();
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const SmallPtrSetImpl<const Expr *> &Answered;
      const CXXRecordDecl &Class;
      const Expr *Found = nullptr;
      unsigned Named = 0;
      const ValueDecl *Field = nullptr;
      Visitor(const SmallPtrSetImpl<const Expr *> &Answered,
              const CXXRecordDecl &Class)
          : Answered(Answered), Class(Class) {}
      bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *E) override {
        const CXXMethodDecl *M = E->getMethodDecl();
        if (M && !Answered.contains(E) && isOfClass(*E) &&
            StringRef(qualifiedName(*M->getParent()))
                .ends_with("asio::coroutine"))
          Found = E;
        return true;
      }
      /// The position is that of an object of the class, or a member of it.
      bool isOfClass(const CXXMemberCallExpr &E) const {
        const Expr *Object = E.getImplicitObjectArgument()->IgnoreImpCasts();
        if (const auto *Member = dyn_cast<MemberExpr>(Object))
          Object = Member->getBase()->IgnoreImpCasts();
        QualType Type = Object->getType();
        if (Type->isPointerType())
          Type = Type->getPointeeType();
        return declaresSameEntity(Type->getAsCXXRecordDecl(), &Class);
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        Named += Field && E->getMemberDecl() == Field;
        return true;
      }
    } V(Answered, Class);
    const Expr *Position = asWritten(Reenter.getConditionVariable()->getInit());
    if (const auto *Made = dyn_cast<CXXConstructExpr>(Position))
      if (Made->getNumArgs() == 1)
        Position = asWritten(Made->getArg(0));
    if (const auto *Unary = dyn_cast<UnaryOperator>(Position))
      Position = asWritten(Unary->getSubExpr());
    if (const auto *Field = dyn_cast<MemberExpr>(Position))
      V.Field = Field->getMemberDecl();
    forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
    if (V.Found) {
      refuse("unsupported-control-flow", V.Found->getBeginLoc(),
             "this asks where the coroutine is, or which of two it is, and "
             "is not the test behind a fork");
      return;
    }
    // Lists of values would mean other members.
    if (Class.isAggregate())
      return;
    if (V.Field) {
      std::optional<TextRange> Range = Text.range(V.Field->getSourceRange());
      if (V.Named == 1 && Range)
        Code.Position = Text.wholeLines({Range->Begin, Range->End + 1});
      return;
    }
    for (auto [I, Base] : enumerate(Class.bases()))
      if (isNamed(Base.getType(), "asio::coroutine"))
        removeBase(Class, I);
  }

  void removeBase(const CXXRecordDecl &Class, unsigned Index) {
    SmallVector<TextRange, 2> Bases;
    for (const CXXBaseSpecifier &Base : Class.bases()) {
      std::optional<TextRange> Range = Text.range(Base.getSourceRange());
      if (!Range)
        return;
      Bases.push_back(*Range);
    }
    TextRange Gone = Bases[Index];
    if (Index > 0)
      Gone.Begin = Bases[Index - 1].End;
    else if (Bases.size() > 1)
      Gone.End = Bases[1].Begin;
    else
      Gone.Begin = Text.buffer()
                       .take_front(Text.buffer().rfind(':', Gone.Begin))
                       .rtrim()
                       .size();
    Code.Position = Gone;
  }

  //--- Results -----------------------------------------------------------//

  /// Each step gives all parameters a value, be it a default. That is seen
  /// where the parameter is looked at before the next step that delivers it.
  void readResets() {
    for (const ParmVarDecl *P : Code.Function->parameters()) {
      if (!P->getDeclName())
        continue;
      After.clear();
      // What is known of a loop's head needs a second look.
      for (int Round = 0; Round != 3; ++Round)
        isLive(Code.Body, *P, false, {});
      for (ReentrantCode::Yield &Y : Code.Yields) {
        if (!Y.Op)
          continue;
        const Expr *Value =
            Y.Op->Bound->Arguments[P->getFunctionScopeIndex()].Value;
        // What is done about an error looks at them, too.
        bool IsTested = Code.Guard && Y.Op->error() &&
                        mentions(Code.Guard->getThen(), P) &&
                        Code.Guard->getEndLoc() < Code.Body->getBeginLoc();
        if (!After[Y.Begin] && !IsTested)
          Y.Dead.push_back(P);
        if (!Value || !(After[Y.Begin] || IsTested))
          continue;
        if (!isZero(*asWritten(Value)) &&
            !asWritten(Value)->isEvaluatable(Text.context())) {
          refuse("unsupported-handler", Value->getBeginLoc(),
                 "this argument of the handler is computed when the operation "
                 "is started");
          return;
        }
        Y.Reset.push_back(P);
      }
    }
  }

  struct Exits {
    bool Break = false, Continue = false;
  };

  /// \p P may be looked at from the beginning of \p S on, if it may be behind
  /// it when \p Behind.
  bool isLive(const Stmt *S, const ParmVarDecl &P, bool Behind, Exits Ways) {
    if (!S)
      return Behind;
    if (const ForStmt *Keyword = keywordAt(S)) {
      unsigned Begin = *at(Keyword->getBeginLoc());
      const Stmt *Body = statementOf(Keyword, Begin);
      if (isFork(*Keyword))
        return mentions(Body, &P) || Behind;
      if (isa<BreakStmt>(Body))
        return false;
      After[Begin] |= Behind;
      return mentions(Body, &P);
    }
    if (const auto *Block = dyn_cast<CompoundStmt>(S)) {
      for (const Stmt *Inner : reverse(Block->body()))
        Behind = isLive(Inner, P, Behind, Ways);
      return Behind;
    }
    if (const auto *If = dyn_cast<IfStmt>(S)) {
      bool Then = isLive(If->getThen(), P, Behind, Ways);
      bool Else = isLive(If->getElse(), P, Behind, Ways);
      return Then || Else || mentions(If->getCond(), &P);
    }
    if (isa<BreakStmt>(S))
      return Ways.Break;
    if (isa<ContinueStmt>(S))
      return Ways.Continue;
    if (isa<ReturnStmt>(S))
      return mentions(S, &P);
    const Stmt *Body = nullptr;
    if (const auto *For = dyn_cast<ForStmt>(S))
      Body = For->getBody();
    else if (const auto *While = dyn_cast<WhileStmt>(S))
      Body = While->getBody();
    else if (const auto *Do = dyn_cast<DoStmt>(S))
      Body = Do->getBody();
    else if (const auto *Range = dyn_cast<CXXForRangeStmt>(S))
      Body = Range->getBody();
    if (!Body)
      return mentions(S, &P) || Behind;
    // All but the body is looked at as a whole, at both ends of it.
    bool Head = any_of(S->children(), [&](const Stmt *Child) {
      return Child && Child != Body && mentions(Child, &P);
    });
    bool Around = Heads[S] || Head || Behind;
    bool Live = isLive(Body, P, Around, {Behind, Around});
    Heads[S] = Heads[S] || Live;
    return Live || Head || Behind;
  }

  //--- Names and executors -----------------------------------------------//

  void nameAll() {
    bool IsChild = false;
    auto InChild = [&](const ReentrantCode::Yield &Y) {
      return Code.Forked && any_of(Code.Forked->Child, [&](const Stmt *S) {
               unsigned Begin = *at(S->getBeginLoc());
               return Begin <= Y.Begin && Y.Begin <= *at(S->getEndLoc());
             });
    };
    for (const ReentrantCode::Yield &Y : Code.Yields) {
      IsChild = InChild(Y);
      std::string &Name = IsChild ? Code.Forked->Name : Code.Name;
      if (!Y.Op || !Name.empty())
        continue;
      bool Loops = IsChild ? Code.Forked->Child.size() == 1
                           : Code.Body->size() == 1 || Code.Forked;
      StringRef Called = Y.Op->Call->getDirectCallee()->getName();
      Called.consume_front("async_");
      Called.consume_back("_some");
      Called.consume_back("_until");
      Name = (Called + (Loops ? "_loop" : "")).str();
      if (!Loops)
        Name = IsChild ? "serve" : "run_async";
      (IsChild ? Code.Forked->Executor : Code.Executor) =
          isThere(Y) ? executorOf(*Y.Op, Text, nullptr) : std::string();
    }
    // A child that waits for nothing starts nowhere.
    if (Code.Forked && Code.Forked->Name.empty())
      refuse("unsupported-control-flow", Code.Forked->Body->getBeginLoc(),
             "the child of this fork waits for nothing; call a function");
  }

  /// What \p Y's operation works on is not made by the code before it.
  bool isThere(const ReentrantCode::Yield &Y) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallPtrSet<const ValueDecl *, 4> Members;
      static bool hasOwnExecutor(QualType Type) {
        return !Type->isPointerType() && hasGetExecutor(Type);
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        // What has an executor itself keeps it.
        if (isa<FieldDecl>(E->getMemberDecl()) && !hasOwnExecutor(E->getType()))
          Members.insert(E->getMemberDecl());
        return true;
      }
    } Used;
    const Expr *Object =
        Y.Op->Call->getNumArgs() ? Y.Op->Call->getArg(0) : nullptr;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(Y.Op->Call))
      Object = Member->getImplicitObjectArgument();
    if (Object)
      Used.TraverseStmt(Object);
    struct Before : ConstDynamicRecursiveASTVisitor {
      const Reader &R;
      const SmallPtrSetImpl<const ValueDecl *> &Members;
      unsigned From, To;
      bool Found = false;
      Before(const Reader &R, const SmallPtrSetImpl<const ValueDecl *> &Members,
             unsigned From, unsigned To)
          : R(R), Members(Members), From(From), To(To) {}
      // Looking through a pointer does not change it.
      bool TraverseCXXOperatorCallExpr(const CXXOperatorCallExpr *E) override {
        bool Looks = E->getOperator() == OO_Arrow ||
                     (E->getOperator() == OO_Star && E->getNumArgs() == 1);
        return Looks ||
               ConstDynamicRecursiveASTVisitor::TraverseCXXOperatorCallExpr(E);
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        std::optional<unsigned> At = R.at(E->getBeginLoc());
        Found |= Members.contains(E->getMemberDecl()) && At && *At > From &&
                 *At < To;
        return true;
      }
    };
    unsigned From = Code.Begin;
    if (Code.Forked && Y.Begin > Code.Forked->Begin)
      From = Code.Forked->Begin;
    Before V(*this, Used.Members, From, Y.Begin);
    V.TraverseStmt(Code.Body);
    return !V.Found;
  }

  const SourceText &Text;
  Pattern &Operations;
  ReentrantCode &Code;
  std::optional<Refusal> Why;
  std::vector<ForkPlace> Forks;
  DenseMap<const ForStmt *, size_t> Keywords;
  SmallPtrSet<const Expr *, 2> Answered;
  /// By where it begins, whether a parameter is looked at behind a yield; and
  /// at the head of a loop.
  DenseMap<unsigned, bool> After;
  DenseMap<const Stmt *, bool> Heads;
};

class StacklessCoroutine final : public Pattern {
public:
  bool owns(const FunctionDecl &Function) override {
    auto Known = Owned.find(&Function);
    if (Known != Owned.end())
      return Known->second;
    return Owned[&Function] = findReenter(Function) != nullptr;
  }

  void addStates(BuiltGraph &Built, const SourceText &Text) override {
    struct Collector : ConstDynamicRecursiveASTVisitor {
      std::vector<const CXXMethodDecl *> Functions;
      bool VisitCXXMethodDecl(const CXXMethodDecl *F) override {
        if (F->isThisDeclarationADefinition() && F->hasBody() &&
            findReenter(*F))
          Functions.push_back(F);
        return true;
      }
    } All;
    forEachOwnDecl(Text, [&](const Decl *D) { All.TraverseDecl(D); });
    auto FileOf = [&](const CXXMethodDecl *F) -> const SourceText::File * {
      std::optional<unsigned> At = Text.offset(F->getBeginLoc());
      return At ? &Text.fileOf(*At) : nullptr;
    };
    for (const CXXMethodDecl *F : All.Functions) {
      size_t Together =
          count_if(All.Functions, [&](const CXXMethodDecl *Other) {
            return FileOf(Other) == FileOf(F);
          });
      addState(*F, Together, Built, Text);
    }
  }

private:
  static const SwitchStmt *findReenter(const FunctionDecl &F) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const SwitchStmt *Found = nullptr;
      bool VisitSwitchStmt(const SwitchStmt *S) override {
        Found = Found ? Found : reenterAt(S);
        return true;
      }
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    } V;
    V.TraverseStmt(F.getBody());
    return V.Found;
  }

  void addState(const CXXMethodDecl &F, size_t Together, BuiltGraph &Built,
                const SourceText &Text) {
    State &S = Built.Graph.add(&F);
    S.IsPart = true;
    S.HasToStay = !all_of(F.redecls(), [&](const FunctionDecl *D) {
      return Text.isInSource(D->getSourceRange());
    });
    S.Direct = std::make_shared<DirectCode>();
    S.Direct->Reentrant = std::make_shared<ReentrantCode>();
    ReentrantCode &Code = *S.Direct->Reentrant;
    Code.Function = &F;
    Code.Together = Together;
    PatternList Handlers = makePatterns({.Patterns = {"completion-handler"}});
    Reader R(Text, *Handlers.front(), Code);
    S.Why = R.read(*findReenter(F));
    readStarts(F, Code, S, Built, Text);
    S.Direct->Sites = std::move(R.Sites);
    for (FoundOperation &Op : Built.Operations)
      if (definitionOf(Op.Function) == &F) {
        Op.Origin = this;
        if (!is_contained(S.Direct->Sites, Op.Where))
          S.Direct->Sites.push_back(Op.Where);
      }
    for (SourceLocation Where : S.Direct->Sites)
      if (none_of(Built.Operations,
                  [&](const FoundOperation &Op) { return Op.Where == Where; }))
        Built.Operations.push_back({Where, this, &F});
    if (S.Direct->Sites.empty()) {
      S.Direct->Sites.push_back(F.getLocation());
      Built.Operations.push_back({F.getLocation(), this, &F});
    }
  }

  /// Whoever enters the function starts it: calls from elsewhere that would go
  /// on where it left off cannot be told from others, but by there being one.
  void readStarts(const CXXMethodDecl &F, const ReentrantCode &Code, State &S,
                  BuiltGraph &Built, const SourceText &Text) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const CXXMethodDecl &F;
      const FunctionDecl *Current = nullptr;
      std::vector<StartSite> Calls;
      unsigned Lambdas = 0;
      bool InLambda = false;
      unsigned Others = 0;
      SmallPtrSet<const Expr *, 8> Callees;
      explicit Visitor(const CXXMethodDecl &F) : F(F) {}
      bool TraverseDecl(const Decl *D) override {
        const auto *Function = dyn_cast_or_null<FunctionDecl>(D);
        if (Function == &F)
          return true;
        SaveAndRestore Inside(Current, Function ? Function : Current);
        return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
      }
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        SaveAndRestore Inside(Lambdas, Lambdas + 1);
        return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
      }
      bool VisitCallExpr(const CallExpr *Call) override {
        if (!Call->getDirectCallee() ||
            !declaresSameEntity(Call->getDirectCallee(), &F))
          return true;
        Callees.insert(Call->getCallee()->IgnoreParenImpCasts());
        Calls.push_back({Call, Current, true});
        InLambda |= Lambdas > 0;
        return true;
      }
      bool mention(const Expr *E, const ValueDecl *D) {
        Others += declaresSameEntity(D, &F) && !Callees.contains(E);
        return true;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        return mention(E, E->getDecl());
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        return mention(E, E->getMemberDecl());
      }
    } V(F);
    forEachOwnDecl(Text, [&](const Decl *D) { V.TraverseDecl(D); });
    if (Code.HoldsObject)
      Built.Graph.Starts[&S] = V.Calls;
    if (S.Why)
      return;
    if (V.Others > 0)
      S.Why = Refusal{"address-taken", F.getLocation(),
                      "'" + F.getQualifiedNameAsString() +
                          "' is used other than by calling it, and may be "
                          "entered again by somebody else"};
    else if (!Code.HoldsObject &&
             (V.Calls.size() > 1 || V.InLambda || S.HasToStay))
      S.Why = Refusal{"unsupported-start", F.getLocation(),
                      "'" + F.getQualifiedNameAsString() +
                          "' is called in several places or out of sight, and "
                          "nothing says which call starts it and which goes "
                          "on; start it in one place, with a private function"};
  }

  DenseMap<const FunctionDecl *, bool> Owned;
};

RegisterPattern<StacklessCoroutine>
    Register("stackless-coroutine",
             "functions that reenter, yield and fork, in Asio's macros");

} // namespace
} // namespace coralc
