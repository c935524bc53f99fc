//===--- PullGenerator.cpp - Generators built by hand ---------------------===//
//
// A class whose one purpose is a function that returns the next value, or
// nothing at the end:
//
//   std::optional<T> next();
//
// A machine with named states is a switch over a member; every case is a
// state, `state_ = X; return v;` yields v and jumps to X. Without such a
// member the function starts from the top on every call: one state that jumps
// to itself. Either is an agent like any other, whose operations are yields.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// The T of std::optional<T>, as written where it can be.
struct OptionalType {
  QualType Value;
  std::string Text;
};

std::optional<OptionalType> optionalType(const FunctionDecl &F,
                                         const SourceText &Text) {
  const CXXRecordDecl *Record = F.getReturnType()->getAsCXXRecordDecl();
  const auto *Special =
      dyn_cast_or_null<ClassTemplateSpecializationDecl>(Record);
  if (!Special || qualifiedName(*Special) != "std::optional")
    return std::nullopt;
  OptionalType Result;
  Result.Value = Special->getTemplateArgs()[0].getAsType();
  PrintingPolicy Policy(Text.context().getLangOpts());
  Policy.SuppressTagKeyword = true;
  Result.Text = Result.Value.getAsString(Policy);
  if (const auto *Written =
          F.getReturnType()->getAs<TemplateSpecializationType>())
    Result.Text =
        Written->template_arguments().front().getAsType().getAsString(Policy);
  return Result;
}

/// \p E is std::nullopt, {} or an empty optional.
bool isEmptyOptional(const Expr *E) {
  E = asWritten(E);
  if (const auto *Ref = dyn_cast<DeclRefExpr>(E))
    return Ref->getDecl()->getDeclName().isIdentifier() &&
           Ref->getDecl()->getName() == "nullopt";
  if (const auto *List = dyn_cast<InitListExpr>(E))
    return List->getNumInits() == 0;
  if (const auto *Construct = dyn_cast<CXXConstructExpr>(E))
    return Construct->getNumArgs() == 0 &&
           qualifiedName(*Construct->getConstructor()->getParent()) ==
               "std::optional";
  return false;
}

/// Where pull functions are called, and how often the members of a machine
/// are mentioned.
class UseCollector : public ConstDynamicRecursiveASTVisitor {
public:
  struct PullCall {
    const CXXMemberCallExpr *Call;
    const WhileStmt *Loop;
    /// The loop around \c Loop and the one around the object's declaration.
    const Stmt *Around;
  };

  bool TraverseStmt(const Stmt *S) override {
    bool IsLoop = isa_and_nonnull<WhileStmt, ForStmt, DoStmt, CXXForRangeStmt,
                                  LambdaExpr>(S);
    if (const auto *While = dyn_cast_or_null<WhileStmt>(S))
      if (const VarDecl *Item = While->getConditionVariable())
        if (const auto *Call =
                dyn_cast_or_null<CXXMemberCallExpr>(asWritten(Item->getInit())))
          Loops[Call] = {Call, While, Enclosing};
    const Stmt *Outer = Enclosing;
    if (IsLoop)
      Enclosing = S;
    bool Result = ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
    Enclosing = Outer;
    return Result;
  }
  bool VisitVarDecl(const VarDecl *V) override {
    DeclaredIn[V] = Enclosing;
    return true;
  }
  bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
    if (const CXXMethodDecl *Method = Call->getMethodDecl())
      Calls[Method->getCanonicalDecl()].push_back(Call);
    return true;
  }
  bool VisitMemberExpr(const MemberExpr *E) override {
    ++Mentions[E->getMemberDecl()];
    return true;
  }
  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    ++Mentions[E->getDecl()];
    References[E->getDecl()].push_back(E);
    return true;
  }
  bool VisitCXXOperatorCallExpr(const CXXOperatorCallExpr *Call) override {
    if (Call->getOperator() == OO_Star || Call->getOperator() == OO_Arrow)
      if (Call->getNumArgs() == 1)
        if (const auto *Ref = dyn_cast<DeclRefExpr>(asWritten(Call->getArg(0))))
          Accesses[Ref] = Call;
    return true;
  }

  DenseMap<const CXXMemberCallExpr *, PullCall> Loops;
  DenseMap<const CXXMethodDecl *, std::vector<const CXXMemberCallExpr *>> Calls;
  DenseMap<const VarDecl *, const Stmt *> DeclaredIn;
  DenseMap<const ValueDecl *, unsigned> Mentions;
  DenseMap<const ValueDecl *, std::vector<const DeclRefExpr *>> References;
  DenseMap<const DeclRefExpr *, const CXXOperatorCallExpr *> Accesses;

private:
  const Stmt *Enclosing = nullptr;
};

/// Reads one pull function into states.
class MachineReader {
public:
  MachineReader(const CXXMethodDecl &Pull, StateGraph &Graph,
                const SourceText &Text, const Pattern &Origin)
      : Pull(Pull), Graph(Graph), Text(Text), Origin(Origin) {}

  /// The first state; it carries the refusal when something does not fit.
  State *read() {
    const auto *Body = cast<CompoundStmt>(Pull.getBody());
    const SwitchStmt *Switch = machineSwitch(*Body);
    if (!Switch) {
      Entry = Self = &addState(Pull.getNameAsString());
      readList(itemsOf(Body), nullptr, Entry->Steps);
      return Entry;
    }
    readSwitch(*Switch);
    return Entry;
  }

  /// The member that holds the state, and how often the machine mentions it.
  const FieldDecl *Position = nullptr;
  unsigned PositionMentions = 0;
  DenseMap<const EnumConstantDecl *, unsigned> LabelMentions;

private:
  State &addState(const Twine &Name) {
    State &S = Graph.add(&Pull);
    S.Name = Pull.getQualifiedNameAsString();
    return S;
  }

  bool refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Entry->Why)
      Entry->Why = Refusal{Id, Where, Message.str()};
    return false;
  }

  static bool isEndless(const Stmt *Loop, const Stmt *&Body) {
    if (const auto *For = dyn_cast<ForStmt>(Loop)) {
      Body = For->getBody();
      return !For->getCond() && !For->getInit() && !For->getInc();
    }
    if (const auto *While = dyn_cast<WhileStmt>(Loop)) {
      Body = While->getBody();
      const auto *True =
          dyn_cast<CXXBoolLiteralExpr>(While->getCond()->IgnoreImplicit());
      return True && True->getValue();
    }
    return false;
  }

  /// for (;;) { switch (member_) {...} }, or the switch alone with an empty
  /// return behind it.
  const SwitchStmt *machineSwitch(const CompoundStmt &Body) {
    if (Body.body_empty())
      return nullptr;
    const Stmt *First = Body.body_front();
    const Stmt *Inner = nullptr;
    if (isEndless(First, Inner) && Body.size() == 1) {
      Loops = true;
      if (const auto *Block = dyn_cast<CompoundStmt>(Inner)) {
        if (Block->size() != 1)
          return nullptr;
        Inner = Block->body_front();
      }
      First = Inner;
    } else if (Body.size() == 2) {
      const auto *Return = dyn_cast<ReturnStmt>(Body.body_back());
      if (!Return || !isEmptyOptional(Return->getRetValue()))
        return nullptr;
    } else if (Body.size() > 2) {
      return nullptr;
    }
    const auto *Switch = dyn_cast<SwitchStmt>(First);
    if (!Switch || !isa<CompoundStmt>(Switch->getBody()))
      return nullptr;
    const auto *Member =
        dyn_cast<MemberExpr>(Switch->getCond()->IgnoreParenImpCasts());
    if (!Member || !isa<CXXThisExpr>(Member->getBase()->IgnoreImplicit()))
      return nullptr;
    Position = dyn_cast<FieldDecl>(Member->getMemberDecl());
    return Position ? Switch : nullptr;
  }

  std::optional<int64_t> constant(const Expr *E) {
    Expr::EvalResult Value;
    if (!E || E->isValueDependent() || !E->EvaluateAsInt(Value, Text.context()))
      return std::nullopt;
    struct Labels : ConstDynamicRecursiveASTVisitor {
      DenseMap<const EnumConstantDecl *, unsigned> &Counts;
      explicit Labels(DenseMap<const EnumConstantDecl *, unsigned> &Counts)
          : Counts(Counts) {}
      bool VisitDeclRefExpr(const DeclRefExpr *Ref) override {
        if (const auto *Label = dyn_cast<EnumConstantDecl>(Ref->getDecl()))
          ++Counts[Label];
        return true;
      }
    };
    Labels(LabelMentions).TraverseStmt(E);
    return Value.Val.getInt().getExtValue();
  }

  bool readSwitch(const SwitchStmt &Switch) {
    ++PositionMentions;
    struct Case {
      State *Where;
      std::vector<const Stmt *> Body;
      unsigned From;
    };
    std::vector<Case> Cases;
    std::vector<std::pair<const Expr *, State *>> Labels;
    for (const Stmt *S : cast<CompoundStmt>(Switch.getBody())->body()) {
      const auto *Label = dyn_cast<SwitchCase>(S);
      if (Label) {
        State &New = addState("");
        if (!Entry)
          Entry = &New;
        Cases.push_back({&New, {}, 0});
        while (Label) {
          const auto *Value = dyn_cast<CaseStmt>(Label);
          if (!Value)
            return refuse("unsupported-control-flow", Label->getBeginLoc(),
                          "the machine has a default case; name every state");
          Labels.push_back({Value->getLHS(), &New});
          Cases.back().From = *Text.offset(Value->getColonLoc()) + 1;
          S = Label->getSubStmt();
          Label = dyn_cast<SwitchCase>(S);
        }
      }
      if (Cases.empty())
        return false;
      Cases.back().Body.push_back(S);
    }
    if (!Entry)
      return false;
    for (auto [Value, Where] : Labels) {
      std::optional<int64_t> Key = constant(Value);
      if (!Key)
        return refuse("unsupported-control-flow", Value->getBeginLoc(),
                      "this label is no constant");
      StateOf[*Key] = Where;
    }
    std::optional<int64_t> Initial =
        constant(Position->getInClassInitializer());
    State *First = Initial ? StateOf.lookup(*Initial) : nullptr;
    if (!First)
      return refuse("generator-state-shared", Position->getLocation(),
                    "where the machine starts is not said by an initializer "
                    "of '" +
                        Position->getName() + "' in the class");
    // The first state carries what belongs to the machine.
    First->Why = Entry->Why;
    Entry = First;
    for (size_t I = 0; I != Cases.size(); ++I) {
      Self = Cases[I].Where;
      FallsTo = I + 1 != Cases.size() ? Cases[I + 1].Where : nullptr;
      if (!readList(itemsOf(Cases[I].Body, Cases[I].From), nullptr,
                    Self->Steps))
        return false;
    }
    return true;
  }

  //--- Statements --------------------------------------------------------//

  /// The state that `member_ = X` selects.
  State *assignedState(const Stmt *S) {
    const auto *Assign = dyn_cast<BinaryOperator>(S);
    if (!Assign || Assign->getOpcode() != BO_Assign || !Position)
      return nullptr;
    const auto *Member =
        dyn_cast<MemberExpr>(Assign->getLHS()->IgnoreParenImpCasts());
    if (!Member || Member->getMemberDecl() != Position)
      return nullptr;
    std::optional<int64_t> Key = constant(Assign->getRHS());
    State *To = Key ? StateOf.lookup(*Key) : nullptr;
    if (To)
      ++PositionMentions;
    return To;
  }

  /// \p S leaves the function, the machine's loop or a state, or selects the
  /// next one.
  bool isInteresting(const Stmt *S) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const FieldDecl *Position;
      unsigned Loops = 0;
      bool Found = false;
      bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
      bool TraverseStmt(const Stmt *S) override {
        bool IsLoop =
            isa_and_nonnull<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S);
        Loops += IsLoop;
        bool Result = ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
        Loops -= IsLoop;
        return Result;
      }
      bool VisitReturnStmt(const ReturnStmt *) override {
        Found = true;
        return true;
      }
      bool VisitBreakStmt(const BreakStmt *) override {
        Found |= !Loops;
        return true;
      }
      bool VisitContinueStmt(const ContinueStmt *) override {
        Found |= !Loops;
        return true;
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        Found |= Position && E->getMemberDecl() == Position;
        return true;
      }
    } V;
    V.Position = Position;
    V.TraverseStmt(S);
    return V.Found;
  }

  void leave(State *To, Sequence &Out) {
    Step Jump;
    Jump.What = To ? Step::Kind::Jump : Step::Kind::End;
    Jump.Target = To;
    Out.push_back(std::move(Jump));
  }

  /// A statement and where the comments before it begin.
  struct Item {
    const Stmt *Statement;
    unsigned From;
  };
  using ItemList = SmallVector<Item, 8>;

  ItemList itemsOf(ArrayRef<const Stmt *> Statements, unsigned From) const {
    ItemList Result;
    for (const Stmt *S : Statements) {
      Result.push_back({S, From});
      if (std::optional<TextRange> Range = Text.statement(S))
        From = Range->End;
    }
    return Result;
  }

  ItemList itemsOf(const Stmt *Arm) const {
    if (!Arm)
      return {};
    if (const auto *Block = dyn_cast<CompoundStmt>(Arm))
      return itemsOf(ArrayRef<const Stmt *>(Block->body_begin(), Block->size()),
                     Text.offset(Block->getLBracLoc()).value_or(0) + 1);
    return {{Arm, Text.offset(Arm->getBeginLoc()).value_or(0)}};
  }

  /// Nothing that follows \p S runs.
  static bool alwaysLeaves(const Stmt *S) {
    if (!S)
      return false;
    if (const auto *Block = dyn_cast<CompoundStmt>(S))
      return !Block->body_empty() && alwaysLeaves(Block->body_back());
    if (const auto *If = dyn_cast<IfStmt>(S))
      return alwaysLeaves(If->getThen()) && alwaysLeaves(If->getElse());
    return isa<ReturnStmt, BreakStmt, ContinueStmt>(S);
  }

  /// Reads \p Items to where control leaves the state; \p Next is the state
  /// that was selected before them.
  bool readList(ArrayRef<Item> Items, State *Next, Sequence &Out) {
    for (size_t I = 0; I != Items.size(); ++I) {
      const Stmt *S = Items[I].Statement;
      std::optional<TextRange> Range = Text.statement(S);
      if (!Range)
        return refuse("macro-in-the-way", S->getBeginLoc(),
                      "this statement comes out of a macro");
      if (State *To = assignedState(S)) {
        Next = To;
        continue;
      }
      size_t Size = Out.size();
      const auto *If = dyn_cast<IfStmt>(S);
      bool Ends = false;
      if (If && isInteresting(S)) {
        if (!readBranch(*If, Items.drop_front(I + 1), Next, Out, Ends))
          return false;
      } else if (!readStatement(S, Next, Out, Ends)) {
        return false;
      }
      Out[Size].Leading = Text.trivia(Items[I].From, Range->Begin);
      if (Ends)
        return true;
    }
    if (FallsTo) {
      leave(FallsTo, Out);
      return true;
    }
    return refuse("unsupported-control-flow", Pull.getLocation(),
                  "a path through '" + Entry->Name +
                      "' ends without returning a value or nothing");
  }

  bool readStatement(const Stmt *S, State *Next, Sequence &Out, bool &Ends) {
    Ends = true;
    if (isa<BreakStmt>(S) || (isa<ContinueStmt>(S) && Loops)) {
      leave(Loops ? (Next ? Next : Self) : nullptr, Out);
      return true;
    }
    if (const auto *Return = dyn_cast<ReturnStmt>(S)) {
      if (isEmptyOptional(Return->getRetValue())) {
        leave(nullptr, Out);
        return true;
      }
      const Expr *Value = asWritten(Return->getRetValue());
      if (const CXXRecordDecl *Record = Value->getType()->getAsCXXRecordDecl();
          Record && qualifiedName(*Record) == "std::optional")
        return refuse("unsupported-control-flow", S->getBeginLoc(),
                      "this may return a value or nothing; test which");
      Step Yield;
      Yield.What = Step::Kind::Suspend;
      Yield.Op = std::make_shared<Operation>();
      Yield.Op->How = Operation::Form::Yield;
      Yield.Op->Origin = &Origin;
      Yield.Op->YieldedValue = Value;
      Out.push_back(std::move(Yield));
      leave(Next ? Next : Self, Out);
      return true;
    }
    if (isInteresting(S))
      return refuse("unsupported-control-flow", S->getBeginLoc(),
                    "the next value is decided inside this statement, which "
                    "is neither a return nor an if");
    Ends = false;
    Step Code;
    Code.Source = S;
    Out.push_back(std::move(Code));
    return true;
  }

  /// An if. What follows it goes into the arms that do not leave by
  /// themselves: the state that an arm selects is known only there.
  bool readBranch(const IfStmt &If, ArrayRef<Item> Rest, State *Next,
                  Sequence &Out, bool &Ends) {
    if (If.hasInitStorage() || If.hasVarStorage())
      return refuse("unsupported-control-flow", If.getBeginLoc(),
                    "declare the variable before this if");
    Step Branch;
    Branch.What = Step::Kind::Branch;
    Branch.Source = &If;
    bool ThenLeaves = alwaysLeaves(If.getThen());
    bool ElseLeaves = alwaysLeaves(If.getElse());
    ItemList Then = itemsOf(If.getThen()), Else = itemsOf(If.getElse());
    // A guard leaves what follows where it is.
    Ends = !(ThenLeaves && !If.getElse());
    if (Ends) {
      bool Short =
          Rest.empty() || (Rest.size() == 1 && alwaysLeaves(Rest[0].Statement));
      if (!ThenLeaves && !ElseLeaves && !Short)
        return refuse("unsupported-control-flow", If.getBeginLoc(),
                      "what follows this if depends on which arm ran; end "
                      "each arm with break or return");
      if (!ThenLeaves)
        Then.append(Rest.begin(), Rest.end());
      if (!ElseLeaves)
        Else.append(Rest.begin(), Rest.end());
      if (!readList(Else, Next, Branch.Else))
        return false;
    }
    if (!readList(Then, Next, Branch.Then))
      return false;
    Out.push_back(std::move(Branch));
    return true;
  }

  const CXXMethodDecl &Pull;
  StateGraph &Graph;
  const SourceText &Text;
  const Pattern &Origin;
  State *Entry = nullptr;
  State *Self = nullptr;
  State *FallsTo = nullptr;
  bool Loops = false;
  DenseMap<int64_t, State *> StateOf;
};

class PullGeneratorPattern final : public Pattern {
public:
  void addStates(BuiltGraph &Built, const SourceText &Text) override {
    UseCollector Uses;
    std::vector<const CXXRecordDecl *> Classes;
    forEachOwnDecl(Text, [&](const Decl *D) {
      Uses.TraverseDecl(D);
      collectClasses(D, Classes);
    });
    for (const CXXRecordDecl *Class : Classes)
      if (const CXXMethodDecl *Pull = pullFunction(*Class, Text))
        addGenerator(*Pull, Uses, Built, Text);
  }

private:
  static void collectClasses(const Decl *D,
                             std::vector<const CXXRecordDecl *> &Classes) {
    if (const auto *Class = dyn_cast<CXXRecordDecl>(D))
      if (Class->isThisDeclarationADefinition() && !Class->isTemplated())
        Classes.push_back(Class);
    if (const auto *Context = dyn_cast<DeclContext>(D))
      if (isa<NamespaceDecl, CXXRecordDecl>(D))
        for (const Decl *Inner : Context->decls())
          collectClasses(Inner, Classes);
  }

  /// The one thing that a generator class lets others do.
  static const CXXMethodDecl *pullFunction(const CXXRecordDecl &Class,
                                           const SourceText &Text) {
    if (Class.getNumBases() != 0)
      return nullptr;
    const CXXMethodDecl *Found = nullptr;
    for (const CXXMethodDecl *Method : Class.methods()) {
      if (Method->isImplicit() || Method->isStatic() || Method->isConst() ||
          Method->getAccess() != AS_public ||
          isa<CXXConstructorDecl, CXXDestructorDecl>(Method))
        continue;
      if (Found)
        return nullptr;
      Found = Method;
    }
    if (!Found || Found->getNumParams() != 0 || !Found->hasInlineBody() ||
        Found->isVirtual() || !isa<CompoundStmt>(Found->getBody()) ||
        !Text.isInSource(Found->getSourceRange()) ||
        !optionalType(*Found, Text))
      return nullptr;
    return Found;
  }

  void addGenerator(const CXXMethodDecl &Pull, const UseCollector &Uses,
                    BuiltGraph &Built, const SourceText &Text) {
    auto Calls = Uses.Calls.find(Pull.getCanonicalDecl());
    if (Calls == Uses.Calls.end())
      return;
    MachineReader Machine(Pull, Built.Graph, Text, *this);
    State *Entry = Machine.read();
    if (!Entry)
      return;
    auto Generator = std::make_shared<PullGenerator>();
    Generator->Pull = &Pull;
    Generator->ValueText = optionalType(Pull, Text)->Text;
    Entry->Generator = Generator;
    Built.Operations.push_back({Pull.getLocation(), this, &Pull});
    if (Entry->Why)
      return;
    SmallPtrSet<const ValueDecl *, 4> Objects;
    for (const CXXMemberCallExpr *Call : Calls->second)
      if (std::optional<Refusal> Why =
              readLoop(*Call, Uses, Objects, *Generator)) {
        Entry->Why = std::move(Why);
        return;
      }
    Entry->Why = findObsolete(Machine, Uses, *Generator);
  }

  static std::optional<Refusal>
  readLoop(const CXXMemberCallExpr &Call, const UseCollector &Uses,
           SmallPtrSetImpl<const ValueDecl *> &Objects,
           PullGenerator &Generator) {
    auto No = [&](StringRef Why) {
      return Refusal{"generator-pulled-elsewhere", Call.getBeginLoc(),
                     ("'" + Generator.Pull->getQualifiedNameAsString() +
                      "' is called here " + Why)
                         .str()};
    };
    auto Found = Uses.Loops.find(&Call);
    if (Found == Uses.Loops.end())
      return No("other than in while (auto value = ...)");
    const Expr *Object = asWritten(Call.getImplicitObjectArgument());
    const auto *Ref = dyn_cast<DeclRefExpr>(Object);
    const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    if (!Variable || !Variable->hasLocalStorage() ||
        Variable->getType()->isReferenceType() ||
        Uses.DeclaredIn.lookup(Variable) != Found->second.Around)
      return No("on an object that others may pull from as well");
    if (!Objects.insert(Variable).second)
      return No("in a second loop over the same object, which would go on "
                "where the first one stopped");
    PullGenerator::Loop Loop;
    Loop.Statement = Found->second.Loop;
    Loop.Item = Loop.Statement->getConditionVariable();
    Loop.Object = Object;
    auto References = Uses.References.find(Loop.Item);
    if (References != Uses.References.end())
      for (const DeclRefExpr *Use : References->second) {
        if (Use->getLocation() == Loop.Item->getLocation())
          continue;
        const CXXOperatorCallExpr *Access = Uses.Accesses.lookup(Use);
        if (Access)
          Loop.Uses.push_back(Access);
        else if (!isConditionOf(*Use, *Loop.Statement))
          return No("into an optional that is used as one");
      }
    Generator.Loops.push_back(std::move(Loop));
    return std::nullopt;
  }

  /// The implicit test of `while (auto x = ...)`.
  static bool isConditionOf(const DeclRefExpr &Use, const WhileStmt &Loop) {
    SourceRange Condition = Loop.getCond()->getSourceRange();
    return Condition.getBegin() == Use.getLocation();
  }

  static std::optional<Refusal> findObsolete(const MachineReader &Machine,
                                             const UseCollector &Uses,
                                             PullGenerator &Generator) {
    const FieldDecl *Position = Machine.Position;
    if (!Position)
      return std::nullopt;
    if (Uses.Mentions.lookup(Position) != Machine.PositionMentions)
      return Refusal{"generator-state-shared", Position->getLocation(),
                     "'" + Position->getNameAsString() +
                         "' is used other than by the machine's own switch "
                         "and assignments"};
    Generator.Obsolete.push_back(Position);
    const auto *Enum = Position->getType()->getAs<EnumType>();
    if (!Enum)
      return std::nullopt;
    const EnumDecl *Labels = Enum->getDecl()->getDefinition();
    if (Labels && Labels->getDeclContext() == Position->getDeclContext() &&
        all_of(Labels->enumerators(), [&](const EnumConstantDecl *Label) {
          return Uses.Mentions.lookup(Label) ==
                 Machine.LabelMentions.lookup(Label);
        }))
      Generator.Obsolete.push_back(Labels);
    return std::nullopt;
  }
};

RegisterPattern<PullGeneratorPattern>
    Register("pull-generator",
             "classes that hand out one value per call, built by hand");

} // namespace
} // namespace coralc
