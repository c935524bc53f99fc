//===--- Validate.cpp - The output does what the input did ----------------===//

#include "coralc/Rewrites/Engine/Validate.h"
#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Normalizer.h"
#include "coralc/Rewrites/Engine/References.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/Unsized.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"
#include <map>

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Reads one side. What both sides have in common is read by the same code;
/// only suspensions and control flow between states differ.
class Reader {
public:
  Reader(const SourceText &Text, const TargetDialect &Dialect,
         const StartLabels &Starts)
      : Text(Text), Dialect(Dialect), Starts(Starts) {
    End = System.add({Point::Kind::End, "", 0, 0});
  }

  TransitionSystem readAgent(const Agent &A) {
    if (A.Entry->Delivers)
      Delivers = &*A.Entry->Delivers;
    for (const Agent::Early &E : A.TakenEarly)
      Returned.insert(E.Argument);
    for (const State *S : A.States) {
      EntryOf[S] = System.add({});
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What != Step::Kind::Suspend)
          return;
        if (Step.Op->Object)
          for (const FunctionObject::Member &M : Step.Op->Object->Members)
            Members[M.Field] = &M;
        if (Step.Op->Returned && Step.Op->Returned->InCondition)
          Returned.insert(Step.Op->Returned->InCondition);
      });
    }
    for (const State *S : A.States)
      System.Points[EntryOf[S]].Next = sequence(S->Steps, End);
    System.Start = EntryOf[A.Entry];
    return std::move(System);
  }

  /// The coroutine that was written for \p A.
  TransitionSystem readCoroutine(const FunctionDecl &F, const Agent &A) {
    if (A.Entry->Delivers && A.Entry->Delivers->hasChoice())
      Alternatives = alternativesOf(resultOfTask(F.getReturnType()));
    const Stmt *Body = bodyOfCoroutine(F);
    Starters.TraverseStmt(Body);
    System.Start = statement(Body, End);
    return std::move(System);
  }

private:
  /// The first argument of the template that \p Task is an instance of.
  static QualType resultOfTask(QualType Task) {
    const auto *Record = dyn_cast_or_null<ClassTemplateSpecializationDecl>(
        Task->getAsCXXRecordDecl());
    return Record && Record->getTemplateArgs().size() > 0 &&
                   Record->getTemplateArgs()[0].getKind() ==
                       TemplateArgument::Type
               ? Record->getTemplateArgs()[0].getAsType()
               : QualType();
  }

  static Label madeUp(Label Seen) {
    Seen.IsMadeUp = true;
    return Seen;
  }

  unsigned event(Label Seen, unsigned After) {
    return System.add({Point::Kind::Event, std::move(Seen), After, 0});
  }

  //--- Text --------------------------------------------------------------//

  Normalizer normalizer() const {
    return Normalizer(Text, Starts, FindMember, Returned, Apart != nullptr);
  }

  Label normal(const Stmt *S) const {
    Normalizer N = normalizer();
    N.TraverseStmt(S);
    return normal(S->getSourceRange(), N);
  }

  Label normal(SourceRange Where, const Normalizer &N) const {
    std::optional<TextRange> Range = Text.range(Where);
    return N.label(Range ? tokens(Text.text(*Range, N.Edits)) : "");
  }

  /// The initializer of \p V. That of a constructor call begins with the name.
  Label initializer(const VarDecl &V) const {
    const Expr *Init = asWritten(V.getInit());
    Normalizer N = normalizer();
    N.VisitVarDecl(&V);
    N.TraverseStmt(Init);
    return normal(Init->getSourceRange(), N);
  }

  /// \p Code without white space and comments between its tokens.
  std::string tokens(StringRef Code) const {
    std::string Storage = Code.str();
    Lexer Lex(SourceLocation(), Text.context().getLangOpts(), Storage.data(),
              Storage.data(), Storage.data() + Storage.size());
    std::string Result;
    Token Tok;
    for (;;) {
      bool AtEnd = Lex.LexFromRawLexer(Tok);
      if (!Tok.is(tok::eof)) {
        Result += StringRef(Lex.getBufferLocation() - Tok.getLength(),
                            Tok.getLength());
        Result += ' ';
      }
      if (AtEnd || Tok.is(tok::eof))
        break;
    }
    return Result;
  }

  //--- Operations --------------------------------------------------------//

  /// An argument; whatever takes the result is "@". \p ResumesOn is where the
  /// handler ran, if that is to be said.
  Label argument(const Expr *E, const Expr *Handler,
                 StringRef ResumesOn) const {
    const Expr *Written = asWritten(E);
    if (Written == Handler && !ResumesOn.empty())
      return madeUp("bind_executor(" + tokens(ResumesOn) + ", @, )");
    if (Written == Handler ||
        (isa<DeclRefExpr>(Written) &&
         Text.text(Written->getSourceRange()) == Dialect.token("")))
      return "@";
    if (const auto *Call = dyn_cast<CallExpr>(Written))
      if (const FunctionDecl *Callee = Call->getDirectCallee()) {
        std::string Name = qualifiedName(*Callee);
        if (StringRef(Name).ends_with("::redirect_error"))
          return argument(Call->getArg(0), Handler, ResumesOn);
        if (const auto *Wrap = dyn_cast<CXXMemberCallExpr>(Call);
            Wrap && isHandlerWrapper(Name))
          return "bind_executor(" +
                 normal(asWritten(Wrap->getImplicitObjectArgument())) + ", " +
                 argument(Wrap->getArg(0), Handler, ResumesOn) + ", )";
        if (isHandlerWrapper(Name)) {
          Label Result = Callee->getNameAsString() + "(";
          for (const Expr *Inner : Call->arguments())
            if (!isa<CXXDefaultArgExpr>(Inner))
              Result += argument(Inner, Handler, ResumesOn) + ", ";
          return Result + ")";
        }
      }
    return normal(Written);
  }

  /// The request whose start \p Call gives the result of to a variable.
  const CallExpr *askedForResult(const CallExpr &Call) const {
    const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
    if (!Member || !Member->getMethodDecl()->getDeclName().isIdentifier() ||
        Member->getMethodDecl()->getName() != Dialect.requestResult() ||
        Member->getNumArgs() != 1 || !variableNamedBy(Member->getArg(0)))
      return nullptr;
    const auto *Asked =
        dyn_cast<CallExpr>(asWritten(Member->getImplicitObjectArgument()));
    return Asked && requested(*Asked) ? Asked : nullptr;
  }

  /// The lambdas that call a function of others for whoever awaits it.
  struct Wrappers : ConstDynamicRecursiveASTVisitor {
    const TargetDialect &Dialect;
    SmallPtrSet<const VarDecl *, 4> Variables;
    SmallPtrSet<const VarDecl *, 4> Callbacks;
    explicit Wrappers(const TargetDialect &Dialect) : Dialect(Dialect) {}

    /// The lambda in a variable that \p Call awaits.
    const LambdaExpr *lambdaOf(const CallExpr &Call) const {
      const FunctionDecl *Callee = Call.getDirectCallee();
      const VarDecl *V =
          Callee && Call.getNumArgs() == 1 &&
                  qualifiedName(*Callee) == Dialect.callbackFunction()
              ? variableNamedBy(Call.getArg(0))
              : nullptr;
      return V && V->hasInit() ? dyn_cast<LambdaExpr>(asWritten(V->getInit()))
                               : nullptr;
    }
    bool VisitCallExpr(const CallExpr *Call) override {
      if (const LambdaExpr *L = lambdaOf(*Call)) {
        Variables.insert(variableNamedBy(Call->getArg(0)));
        for (const ParmVarDecl *P : callOperator(*L)->parameters())
          Callbacks.insert(P);
      }
      return true;
    }
    bool isCallback(const Expr *E) const {
      return Callbacks.contains(variableNamedBy(E));
    }
  };

  /// The call of a function of others in the lambda that \p Call awaits.
  const CallExpr *wrapped(const CallExpr &Call) const {
    const LambdaExpr *L = Starters.lambdaOf(Call);
    const CompoundStmt *Body = L ? L->getCompoundStmtBody() : nullptr;
    const auto *Only = Body && Body->size() == 1
                           ? dyn_cast<Expr>(Body->body_front())
                           : nullptr;
    return dyn_cast_or_null<CallExpr>(Only ? asWritten(Only) : nullptr);
  }

  const FunctionDecl *requested(const CallExpr &Call) const {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || Call.getNumArgs() == 0 ||
        qualifiedName(*Callee) != Dialect.requestFunction())
      return nullptr;
    const auto *Named = dyn_cast<DeclRefExpr>(asWritten(Call.getArg(0)));
    return Named ? dyn_cast<FunctionDecl>(Named->getDecl()) : nullptr;
  }

  /// The object whose code this is, be it named by a member of a handler.
  bool isOwnObject(const Expr *Object) const {
    if (ownerNamedBy(Object))
      return true;
    Object = asWritten(Object);
    if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Object))
      if (Arrow->getOperator() == OO_Arrow)
        Object = asWritten(Arrow->getArg(0));
    const FunctionObject::Member *M = Members.lookup(ownField(Object));
    return isa<CXXThisExpr>(Object) ||
           (M && M->What == FunctionObject::Member::Kind::Self);
  }

  /// \p Op is what \p Call starts in the input; it is null in the output.
  Label operation(const CallExpr &Call, const Operation *Op = nullptr) const {
    if (const CallExpr *Asked = askedForResult(Call))
      return operation(*Asked, Op) + ReturnedLabel;
    if (const CallExpr *Wrapped = wrapped(Call))
      return operation(*Wrapped);
    const Expr *Handler = Op ? Op->Handler : nullptr;
    bool DropsHandler = Op && Op->How != Operation::Form::CompletionToken;
    Label Seen = "await ";
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      if (!isOwnObject(Member->getImplicitObjectArgument()))
        Seen += normal(asWritten(Member->getImplicitObjectArgument())) + ". ";
    const FunctionDecl *Callee = Call.getDirectCallee();
    CallExpr::const_arg_range Arguments = Call.arguments();
    // A function that is called for whoever awaits it.
    if (const FunctionDecl *Called = requested(Call)) {
      Callee = Called;
      Arguments = drop_begin(Arguments);
    }
    if (Callee)
      Seen += qualifiedName(*Callee);
    Seen += "(";
    for (const Expr *E : Arguments) {
      if (isa<CXXDefaultArgExpr>(E) || Starters.isCallback(E) ||
          (DropsHandler && (Op->isHandler(E) || E == Op->Context)))
        continue;
      Seen += argument(E, Handler, Op ? Op->ResumesOn : "") + ", ";
    }
    return Seen + ")";
  }

  //--- States ------------------------------------------------------------//

  unsigned sequence(const Sequence &Steps, unsigned After) {
    for (const Step &S : reverse(Steps))
      After = step(S, After);
    return After;
  }

  unsigned step(const Step &S, unsigned After) {
    switch (S.What) {
    case Step::Kind::Code:
      return statement(S.Source, After);
    case Step::Kind::Branch:
      if (!S.Source)
        return choiceTest(sequence(S.Then, After), sequence(S.Else, After));
      return test(cast<IfStmt>(S.Source)->getCond(), sequence(S.Then, After),
                  sequence(S.Else, After));
    case Step::Kind::Switch:
      return arms(S, After);
    case Step::Kind::Leave:
      return Around->Behind;
    case Step::Kind::Suspend:
      return suspension(*S.Op, After);
    case Step::Kind::Jump:
      After = EntryOf.lookup(S.Target);
      for (size_t I = S.Arguments.size(); I-- > 0;)
        if (S.Arguments[I])
          After = passed(*S.Target->parameters()[I], *S.Arguments[I], After);
      return After;
    case Step::Kind::Call:
      return event(callOf(*S.Op->Bound), After);
    case Step::Kind::End: {
      if (S.Op && S.Op->How == Operation::Form::Completion)
        return handedOn(S);
      if (S.Op)
        return event(handedOn(*S.Op->Call, S.Op.get()), End);
      SmallVector<const Expr *, 4> Values;
      if (S.Call)
        Values = Delivers->Ways[S.Way].valuesOf(*S.Call);
      if (Delivers && Delivers->hasChoice() && S.Call)
        return event(chosen(Delivers->Ways[S.Way], S.Way, Values), End);
      if (Values.empty())
        return End;
      return event("deliver " + delivered(Values), End);
    }
    }
    llvm_unreachable("all kinds of step are handled");
  }

  unsigned arms(const Step &S, unsigned After) {
    Surrounding Inside{std::nullopt, After, {}, After};
    SaveAndRestore<Surrounding *> Here(Around, &Inside);
    unsigned Next = After;
    for (const Step::Arm &Arm : reverse(S.Arms)) {
      if (Arm.Head.Labels.empty()) {
        Inside.Default = sequence(Arm.Steps, After);
        continue;
      }
      Next = sequence(Arm.Steps, Arm.Head.Break ? After : Next);
      for (const ArmHead::Label &Label : Arm.Head.Labels)
        addCase(*Label.Case, Next);
    }
    return choice(*cast<SwitchStmt>(S.Source), std::move(Inside));
  }

  /// The call of a handler, as it reads where it is written out.
  Label callOf(const BoundCall &Handler) const {
    Label Seen = madeUp("");
    Seen.References.push_back(referenceTo(*Handler.Target));
    Seen.Text = tokens(writtenCall(
        Handler,
        [&](const Expr &E) {
          Label Value = normal(&E);
          Seen.add(Value);
          return Value.Text;
        },
        [](const ParmVarDecl &) { return std::string("$"); }));
    return Seen;
  }

  unsigned suspension(const Operation &Op, unsigned After) {
    if (Op.How == Operation::Form::Yield)
      return event("yield " + normal(Op.YieldedValue), After);
    // What it delivers goes to variables of its handler.
    if (Op.How == Operation::Form::Completion)
      return After;
    After = event(operation(*Op.Call, &Op) + (Op.Returned ? ReturnedLabel : ""),
                  After);
    for (const Expr *Step : reverse(Op.StepsBefore))
      After = statement(Step, After);
    for (const auto &[Parameter, Value] : reverse(Op.Given))
      if (Parameter->isReferenced())
        After = assigned(*Parameter, Value, After);
    After = held(Op, After);
    for (const Operation &Handler : reverse(Op.Handlers))
      After = held(Handler, After);
    for (const VarDecl *V : reverse(Op.InitCaptures))
      if (!isSharedFromThisCopy(V))
        After = assigned(*V, V->getInit(), After);
    return After;
  }

  /// The members of \p Op's handler get their values.
  unsigned held(const Operation &Op, unsigned After) {
    if (Op.Object)
      for (const FunctionObject::Member &M : reverse(Op.Object->Members))
        if (M.What == FunctionObject::Member::Kind::Value)
          After = assigned(*M.Field, M.Init, After);
    return After;
  }

  unsigned passed(const ParmVarDecl &P, const Expr &Argument, unsigned After) {
    if (!P.getDeclName())
      return !variableNamedBy(&Argument) &&
                     Argument.HasSideEffects(Text.context())
                 ? event(normal(asWritten(&Argument)), After)
                 : After;
    return assigned(P, &Argument, After);
  }

  /// \p Variable gets \p Value. Handing a variable on is no event: who owns a
  /// value is not seen.
  unsigned assigned(const ValueDecl &Variable, const Expr *Value,
                    unsigned After) {
    if (const VarDecl *From = variableNamedBy(Value))
      HandedOn.insert(From);
    if (variableNamedBy(Value) || Members.contains(ownField(Value)) ||
        isTaken(Value))
      return After;
    // The variable has the value already.
    if (isStepOfItself(Value))
      return event(normal(asWritten(Value)), After);
    std::optional<Label> Counted = counted(asWritten(Value)->IgnoreParens());
    return event(
        given(Variable, "= ", Counted ? *Counted : normal(asWritten(Value))),
        After);
  }

  /// A variable that is handed on may be there in one of both only.
  Label given(const ValueDecl &Variable, const char *How,
              const Label &Value) const {
    Label Seen = How;
    Seen.Locals.push_back(HandedOn.contains(&Variable) ? nullptr : &Variable);
    return Seen + Value;
  }

  /// What a local variable gets that \p E counts on: `++n` and `n += 1` are
  /// n + 1. None when \p E is something else.
  std::optional<Label> counted(const Expr *E) const {
    const auto *Unary = dyn_cast<UnaryOperator>(E);
    const auto *Compound = dyn_cast<CompoundAssignOperator>(E);
    const Expr *Old =
        Compound ? Compound->getLHS()
        : Unary && Unary->isPrefix() && Unary->isIncrementDecrementOp()
            ? Unary->getSubExpr()
            : nullptr;
    const VarDecl *V = Old ? variableNamedBy(Old) : nullptr;
    if (!V || !isCounted(*V))
      return std::nullopt;
    if (Unary)
      return normal(Old) + (Unary->isIncrementOp() ? "+ 1 " : "- 1 ");
    return normal(Old) +
           BinaryOperator::getOpcodeStr(
               BinaryOperator::getOpForCompoundAssignment(
                   Compound->getOpcode()))
               .str() +
           " " + normal(asWritten(Compound->getRHS()));
  }

  //--- Statements --------------------------------------------------------//

  static const Stmt *findSuspension(const Stmt *S) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Stmt *Found = nullptr;
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
      bool VisitCoawaitExpr(const CoawaitExpr *E) override {
        if (!E->isImplicit())
          Found = E;
        return true;
      }
      bool VisitCoyieldExpr(const CoyieldExpr *E) override {
        Found = E;
        return true;
      }
    } V;
    V.TraverseStmt(S);
    return V.Found;
  }

  unsigned statement(const Stmt *S, unsigned After) {
    if (!S || isa<NullStmt>(S))
      return After;
    if (const auto *Block = dyn_cast<CompoundStmt>(S))
      return statements({Block->body_begin(), Block->body_end()}, After);
    if (const auto *If = dyn_cast<IfStmt>(S);
        If && !If->hasInitStorage() && !If->hasVarStorage())
      return test(If->getCond(), statement(If->getThen(), After),
                  statement(If->getElse(), After));
    if (const auto *E = dyn_cast<Expr>(S))
      if (const CompoundStmt *Body = calledApart(E))
        return apart(*Body, After, After);
    if (const auto *Return = dyn_cast<ReturnStmt>(S); Return && Apart)
      return leaveApart(*Return);
    if (const auto *Return = dyn_cast<ReturnStmt>(S))
      return Return->getRetValue() ? event(normal(Return->getRetValue()), End)
                                   : End;
    if (const auto *Return = dyn_cast<CoreturnStmt>(S))
      return delivery(*Return);
    if (isa<ContinueStmt>(S) && Around && Around->Again)
      return *Around->Again;
    if (isa<BreakStmt>(S) && Around)
      return Around->Behind;
    if (const auto *Label = dyn_cast<SwitchCase>(S); Label && Around) {
      unsigned At = statement(Label->getSubStmt(), After);
      addCase(*Label, At);
      return At;
    }
    if (const auto *Switch = dyn_cast<SwitchStmt>(S))
      return choice(*Switch, After);
    const Stmt *Suspension = findSuspension(S);
    if (Suspension && isa<ForStmt, WhileStmt>(S))
      return loop(S, After);
    if (const auto *Await = dyn_cast_or_null<CoawaitExpr>(Suspension)) {
      const auto *Call = dyn_cast<CallExpr>(asWritten(Await->getOperand()));
      return event(Call ? operation(*Call) : "await " + normal(Await), After);
    }
    if (const auto *Yield = dyn_cast_or_null<CoyieldExpr>(Suspension))
      return event("yield " + normal(yielded(*Yield)), After);
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      return declaration(*Declaration, After);
    if (std::optional<Assignment> Local = assignmentToLocal(S))
      return assigned(Local->Variable, Local->Value, After);
    if (unpacksTaken(S))
      return After;
    if (const auto *E = dyn_cast<Expr>(S))
      if (std::optional<Label> Counted = counted(asWritten(E)))
        return event(given(*Counted->Locals.front(), "= ", *Counted), After);
    return event(normal(S), After);
  }

  unsigned statements(ArrayRef<const Stmt *> Block, unsigned After) {
    while (!Block.empty()) {
      const Stmt *Last = Block.back();
      Block = Block.drop_back();
      const CompoundStmt *Body =
          Block.empty() ? nullptr : testedApart(*Block.back(), *Last);
      if (!Body) {
        After = statement(Last, After);
        continue;
      }
      After =
          apart(*Body, After, statement(cast<IfStmt>(Last)->getThen(), After));
      Block = Block.drop_back();
    }
    return After;
  }

  //--- Code in a lambda --------------------------------------------------//

  /// Where the lambda returns true or nothing, and false.
  struct LambdaEnds {
    unsigned GoesOn, Leaves;
  };

  /// What `bool goes_on = [&] {...}(); if (!goes_on)` runs.
  static const CompoundStmt *testedApart(const Stmt &S, const Stmt &Next) {
    const auto *Declaration = dyn_cast<DeclStmt>(&S);
    const auto *V = Declaration && Declaration->isSingleDecl()
                        ? dyn_cast<VarDecl>(Declaration->getSingleDecl())
                        : nullptr;
    const auto *If = dyn_cast<IfStmt>(&Next);
    const auto *Not = dyn_cast_or_null<UnaryOperator>(
        If && !If->getElse() ? asWritten(If->getCond()) : nullptr);
    return V && Not && Not->getOpcode() == UO_LNot &&
                   variableNamedBy(Not->getSubExpr()) == V
               ? calledApart(V->getInit())
               : nullptr;
  }

  unsigned apart(const CompoundStmt &Body, unsigned GoesOn, unsigned Leaves) {
    LambdaEnds Ends{GoesOn, Leaves};
    SaveAndRestore<const LambdaEnds *> Inside(Apart, &Ends);
    SaveAndRestore<Surrounding *> Outside(Around, nullptr);
    return statement(&Body, GoesOn);
  }

  unsigned leaveApart(const ReturnStmt &S) {
    const LambdaEnds &Ends = *Apart;
    if (!S.getRetValue())
      return Ends.GoesOn;
    const Expr *Value = asWritten(S.getRetValue());
    if (const auto *Known = dyn_cast<CXXBoolLiteralExpr>(Value))
      return Known->getValue() ? Ends.GoesOn : Ends.Leaves;
    return test(Value, Ends.GoesOn, Ends.Leaves);
  }

  /// The operand of a co_yield is what the promise makes of the value.
  static const Expr *yielded(const CoyieldExpr &Yield) {
    const Expr *Operand = asWritten(Yield.getOperand());
    if (const auto *Call = dyn_cast<CXXMemberCallExpr>(Operand))
      if (Call->getNumArgs() == 1 && Call->getBeginLoc() == Yield.getBeginLoc())
        return asWritten(Call->getArg(0));
    return Operand;
  }

  /// The innermost loop or switch.
  struct Surrounding {
    /// Where a continue leads, if there is a loop, and a break.
    std::optional<unsigned> Again;
    unsigned Behind;
    /// Where the labels of the switch lead.
    std::map<std::string, unsigned> Cases = {};
    unsigned Default = 0;
    unsigned Labels = 0;
  };

  unsigned loop(const Stmt *S, unsigned After) {
    unsigned Head = System.add({});
    Surrounding Ends{Head, After};
    SaveAndRestore<Surrounding *> Inside(Around, &Ends);
    const Expr *Condition = nullptr;
    const Stmt *Body = nullptr;
    if (const auto *For = dyn_cast<ForStmt>(S)) {
      Condition = For->getCond();
      Body = For->getBody();
    } else {
      Condition = cast<WhileStmt>(S)->getCond();
      Body = cast<WhileStmt>(S)->getBody();
    }
    unsigned First = statement(Body, Head);
    System.Points[Head].Next =
        Condition ? test(Condition, First, After) : First;
    return Head;
  }

  //--- Switches ----------------------------------------------------------//

  /// Wherever its labels stand. Where some are out of sight, as in a loop that
  /// is one event, all of it is one.
  unsigned choice(const SwitchStmt &S, unsigned After) {
    std::optional<unsigned> Again;
    if (Around)
      Again = Around->Again;
    Surrounding Inside{Again, After, {}, After};
    {
      SaveAndRestore<Surrounding *> Here(Around, &Inside);
      statement(S.getBody(), After);
    }
    unsigned Labels = 0;
    for (const SwitchCase *Label = S.getSwitchCaseList(); Label;
         Label = Label->getNextSwitchCase())
      ++Labels;
    return Labels == Inside.Labels ? choice(S, std::move(Inside))
                                   : event(normal(&S), After);
  }

  unsigned choice(const SwitchStmt &S, Surrounding Inside) {
    Point Choice{Point::Kind::Choice, normal(asWritten(S.getCond())),
                 Inside.Default};
    Choice.Cases = std::move(Inside.Cases);
    unsigned At = System.add(std::move(Choice));
    for (const Stmt *Part : reverse(drop_end(partsOfHead(S))))
      At = statement(Part, At);
    return At;
  }

  void addCase(const SwitchCase &Label, unsigned At) {
    ++Around->Labels;
    if (isa<DefaultStmt>(Label)) {
      Around->Default = At;
      return;
    }
    const auto &Case = cast<CaseStmt>(Label);
    std::string Values = valueOf(*Case.getLHS());
    if (Case.getRHS())
      Values += " ... " + valueOf(*Case.getRHS());
    Around->Cases[std::move(Values)] = At;
  }

  std::string valueOf(const Expr &Constant) const {
    return toString(Constant.EvaluateKnownConstInt(Text.context()), 10);
  }

  /// Declaring a variable without a value is no event; an initializer is the
  /// same as an assignment.
  unsigned declaration(const DeclStmt &S, unsigned After) {
    for (const Decl *D : reverse(S.decls())) {
      const auto *V = dyn_cast<VarDecl>(D);
      // References to the object itself are all the same.
      if (!V || !V->hasInit() || isSharedFromThisCopy(V) ||
          Starters.Variables.contains(V))
        continue;
      const Expr *Init = asWritten(V->getInit());
      if (const auto *Construct = dyn_cast<CXXConstructExpr>(Init))
        if (!Construct->getNumArgs() && !isa<CXXTemporaryObjectExpr>(Init))
          continue;
      if (const auto *List = dyn_cast<InitListExpr>(Init))
        if (!List->getNumInits())
          continue;
      After = V->getInitStyle() == VarDecl::CInit
                  ? assigned(*V, V->getInit(), After)
                  : event(given(*V, "init ", initializer(*V)), After);
    }
    return After;
  }

  struct Assignment {
    const VarDecl &Variable;
    const Expr *Value;
  };
  /// `x = value` where x is a local variable.
  static std::optional<Assignment> assignmentToLocal(const Stmt *S) {
    const auto *E = dyn_cast<Expr>(S);
    const Expr *Left = nullptr, *Right = nullptr;
    if (!E)
      return std::nullopt;
    E = asWritten(E);
    if (const auto *Binary = dyn_cast<BinaryOperator>(E)) {
      if (Binary->getOpcode() == BO_Assign) {
        Left = Binary->getLHS();
        Right = Binary->getRHS();
      }
    } else if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(E)) {
      if (Call->getOperator() == OO_Equal) {
        Left = Call->getArg(0);
        Right = Call->getArg(1);
      }
    }
    const auto *Ref =
        dyn_cast_or_null<DeclRefExpr>(Left ? asWritten(Left) : nullptr);
    const auto *V = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    if (!V || !V->hasLocalStorage())
      return std::nullopt;
    return Assignment{*V, Right};
  }

  unsigned delivery(const CoreturnStmt &S) {
    if (!S.getOperand())
      return End;
    if (const auto *Await = dyn_cast<CoawaitExpr>(asWritten(S.getOperand())))
      if (const auto *Call = dyn_cast<CallExpr>(asWritten(Await->getOperand())))
        return event(handedOn(*Call), End);
    const Expr *Value = asWritten(S.getOperand());
    if (std::optional<ChoiceMade> Made =
            choiceMade(*Value, Alternatives, Text.context()))
      return event(chosen(Made->Way, Made->Values), End);
    // Braces have no type either.
    if (!isa<InitListExpr>(Value) && Value->getType()->isVoidType())
      return event(normal(Value), End);
    return event("deliver " + delivered(*Value), End);
  }

  /// \p Values are delivered in one of several ways.
  Label chosen(unsigned Way, ArrayRef<const Expr *> Values) const {
    return chosen(Way, delivered(Values));
  }
  /// What \p Ends gets. Braces alone would have no type.
  Label chosen(const Delivery::Completion &Ends, unsigned Way,
               ArrayRef<const Expr *> Values) const {
    Label Only = Values.size() == 1 ? normal(asWritten(Values.front())) : "";
    if (!StringRef(Only.Text).starts_with("{"))
      return chosen(Way, Values);
    Only.Text = withType(tokens(Ends.TypeTexts.front()), Only.Text);
    return chosen(Way, madeUp(std::move(Only)));
  }
  Label chosen(unsigned Way, const Label &Values) const {
    return "deliver in way " + std::to_string(Way) + " " + Values;
  }

  /// What an operation has completed with is delivered.
  unsigned handedOn(const Step &S) {
    ArrayRef<QualType> Types = Delivers->Ways[S.Way].Types;
    if (!Delivers->hasChoice() && Types.empty())
      return End;
    Label Value =
        madeUp(tokens(takenFrom("$", S.Op->Way, Types, Text.context())));
    return event(
        Delivers->hasChoice() ? chosen(S.Way, Value) : "deliver " + Value, End);
  }

  /// What \p Call delivers is delivered.
  Label handedOn(const CallExpr &Call, const Operation *Op = nullptr) const {
    return "deliver " + operation(Call, Op);
  }

  /// A value, or several of them as a tuple or in braces.
  Label delivered(const Expr &Value) const {
    const auto *Construct = dyn_cast<CXXTemporaryObjectExpr>(asWritten(&Value));
    if (Construct && qualifiedName(*Construct->getConstructor()->getParent()) ==
                         "std::tuple")
      return several(SmallVector<const Expr *, 4>(Construct->arguments()));
    return normal(asWritten(&Value));
  }

  Label delivered(ArrayRef<const Expr *> Values) const {
    return Values.size() == 1 ? delivered(*Values.front()) : several(Values);
  }

  Label several(ArrayRef<const Expr *> Values) const {
    Label Result = "{ ";
    for (const Expr *Value : Values)
      Result +=
          Label(Value == Values.front() ? "" : ", ") + normal(asWritten(Value));
    return Result + "} ";
  }

  //--- Tests -------------------------------------------------------------//

  /// A condition without its negations: `!c` with its outcomes swapped is c.
  unsigned test(const Expr *Condition, unsigned Then, unsigned Else) {
    const Expr *E = asWritten(Condition)->IgnoreParens();
    for (;;) {
      const Expr *Inner = nullptr;
      if (const auto *Unary = dyn_cast<UnaryOperator>(E)) {
        if (Unary->getOpcode() == UO_LNot)
          Inner = Unary->getSubExpr();
      } else if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(E)) {
        if (Call->getOperator() == OO_Exclaim)
          Inner = Call->getArg(0);
      }
      if (!Inner)
        break;
      std::swap(Then, Else);
      E = asWritten(Inner)->IgnoreParens();
    }
    if (std::optional<ChoiceTest> Choice = coralc::choiceTest(E)) {
      if (Choice->IsEqual == (Choice->Way == 1))
        std::swap(Then, Else);
      return choiceTest(Then, Else);
    }
    Label Seen = normal(E);
    std::optional<Equality> Objects = equalityOfObjects(E);
    // The operator may be named in one of both only.
    if (const auto *Call = dyn_cast<CXXOperatorCallExpr>(E);
        Call && !Objects && Call->getOperator() == OO_EqualEqual)
      Objects = {Call->getArg(0), Call->getArg(1), true};
    if (Objects) {
      if (!Objects->IsEqual)
        std::swap(Then, Else);
      Seen = normal(asWritten(Objects->Left)) +
             "== " + normal(asWritten(Objects->Right));
    }
    if (const auto *Binary = dyn_cast<BinaryOperator>(E);
        Binary && !Returned.contains(E)) {
      if (Binary->getOpcode() == BO_LAnd)
        return test(Binary->getLHS(), test(Binary->getRHS(), Then, Else), Else);
      if (Binary->getOpcode() == BO_LOr)
        return test(Binary->getLHS(), Then, test(Binary->getRHS(), Then, Else));
      BinaryOperatorKind Op = Binary->getOpcode();
      if (Op == BO_NE || Op == BO_LE || Op == BO_GE) {
        Op = BinaryOperator::negateComparisonOp(Op);
        std::swap(Then, Else);
      }
      Seen = normal(Binary->getLHS()) + BinaryOperator::getOpcodeStr(Op).str() +
             " " + normal(Binary->getRHS());
    }
    return System.add({Point::Kind::Test, std::move(Seen), Then, Else});
  }

  /// Whether what was awaited has completed in the first way, where that makes
  /// a difference.
  unsigned choiceTest(unsigned First, unsigned Second) {
    if (First == Second)
      return First;
    return System.add(
        {Point::Kind::Test, "the way of completion", First, Second});
  }

  static constexpr const char *ReturnedLabel = " -> $";

  const SourceText &Text;
  const TargetDialect &Dialect;
  const StartLabels &Starts;
  /// What is a variable in the output.
  DenseSet<const Stmt *> Returned;
  /// What the agent hands to its callback.
  const Delivery *Delivers = nullptr;
  /// What the coroutine returns one of, if it says which.
  ArrayRef<TemplateArgument> Alternatives;
  TransitionSystem System;
  unsigned End = 0;
  Surrounding *Around = nullptr;
  const LambdaEnds *Apart = nullptr;
  Wrappers Starters{Dialect};
  DenseMap<const State *, unsigned> EntryOf;
  /// Whose value another variable gets.
  DenseSet<const ValueDecl *> HandedOn;
  DenseMap<const ValueDecl *, const FunctionObject::Member *> Members;
  std::function<const FunctionObject::Member *(const ValueDecl *)> FindMember =
      [this](const ValueDecl *Field) { return Members.lookup(Field); };
};

} // namespace

const Stmt *bodyOfCoroutine(const FunctionDecl &Coroutine) {
  return cast<CoroutineBodyStmt>(Coroutine.getBody())->getBody();
}

const FunctionDecl *findCoroutine(const Agent &A, const SourceText &Output) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const Agent &A;
    const FunctionDecl *Found = nullptr;
    explicit Visitor(const Agent &A) : A(A) {
      // With a parameter of a type that has no name it is a template.
      ShouldVisitTemplateInstantiations = true;
    }
    bool VisitFunctionDecl(const FunctionDecl *F) override {
      if (F->isDependentContext() || !F->getDeclName().isIdentifier() ||
          F->getName() != A.Coroutine ||
          scopeOf(*F) != scopeOf(*A.Entry->Function))
        return true;
      // Of several overloads it is the one with the same parameters, if its
      // parameters are the same.
      if (isa_and_present<CoroutineBodyStmt>(F->getBody()) &&
          !(Found && hasParametersOf(*A.Entry->Function, *Found)))
        Found = F->getDefinition();
      return true;
    }
    static std::string scopeOf(const FunctionDecl &F) {
      const auto *Scope = dyn_cast<NamedDecl>(F.getDeclContext());
      return Scope ? qualifiedName(*Scope) : std::string();
    }
    static bool hasParametersOf(const FunctionDecl &F, const FunctionDecl &G) {
      return llvm::equal(F.parameters(), G.parameters(),
                         [](const ParmVarDecl *P, const ParmVarDecl *Q) {
                           return typeOfVariable(*P) == typeOfVariable(*Q);
                         });
    }
  } V(A);
  forEachOwnDecl(Output, [&](const Decl *D) { V.TraverseDecl(D); });
  return V.Found;
}

std::string compareBehaviour(const Agent &A, const SourceText &Input,
                             const SourceText &Output,
                             const TargetDialect &Dialect,
                             ArrayRef<Agent *> Converted) {
  const FunctionDecl *Coroutine = findCoroutine(A, Output);
  if (!Coroutine)
    return "the output has no coroutine '" + A.Coroutine + "'";
  StartLabels Starts(Converted);
  return compare(Reader(Input, Dialect, Starts).readAgent(A),
                 Reader(Output, Dialect, Starts).readCoroutine(*Coroutine, A));
}

} // namespace coralc
