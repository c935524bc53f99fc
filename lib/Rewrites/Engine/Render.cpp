//===--- Render.cpp - A planned agent as text -----------------------------===//

#include "coralc/Rewrites/Engine/Render.h"
#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/Handler.h"
#include "coralc/Rewrites/Engine/RangeEdits.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "coralc/Rewrites/Engine/UnneededOwners.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

/// The type of \p Parameter as it is written, qualifiers and all; empty where
/// it is also written behind the name.
static StringRef declaredType(const ParmVarDecl &Parameter,
                              const SourceText &Text) {
  std::optional<unsigned> Begin = Text.offset(Parameter.getBeginLoc());
  std::optional<unsigned> End = Text.offset(Parameter.getLocation());
  QualType Type = Parameter.getOriginalType().getNonReferenceType();
  if (!Begin || !End || *End <= *Begin || !Parameter.getDeclName() ||
      Type->isArrayType() || Type->isFunctionPointerType() ||
      Type->isMemberPointerType())
    return "";
  return Text.text(TextRange{*Begin, *End}).rtrim();
}

/// What is declared with \p Type has its name inside of it.
static bool enclosesName(QualType Type) {
  QualType Pointee = Type->getPointeeType();
  return !Pointee.isNull() && !Type->getAs<TypedefType>() &&
         (Pointee->isFunctionType() || Pointee->isArrayType());
}

std::string declaration(StringRef Type, StringRef Name) {
  int Depth = 0;
  for (size_t I = 0; I + 1 < Type.size(); ++I) {
    Depth += Type[I] == '<' ? 1 : Type[I] == '>' ? -1 : 0;
    if (Depth == 0 && Type.substr(I).starts_with("*)"))
      return (Type.take_front(I + 1) + Name + Type.drop_front(I + 1)).str();
  }
  return (Type + " " + Name).str();
}

std::string valueTypeText(const DeclaratorDecl &D, const SourceText &Text) {
  // The location of a type does not cover the qualifiers of what it points to.
  QualType Value = D.getType().getNonReferenceType();
  bool Encloses = enclosesName(Value);
  if (const auto *Parameter = dyn_cast<ParmVarDecl>(&D);
      Parameter && !Encloses && Value->isPointerType() &&
      !Value.isLocalConstQualified())
    if (StringRef Written = declaredType(*Parameter, Text).rtrim("& ");
        !Written.empty())
      return Written.str();
  const TypeSourceInfo *Info = D.getTypeSourceInfo();
  if (Info && !Encloses) {
    TypeLoc Loc = Info->getTypeLoc();
    if (auto Reference = Loc.getAs<ReferenceTypeLoc>())
      Loc = Reference.getPointeeLoc();
    StringRef Written = Text.text(Loc.getUnqualifiedLoc().getSourceRange());
    if (!Written.empty() && Written != "auto")
      return Written.str();
  }
  PrintingPolicy Policy(Text.context().getLangOpts());
  Policy.SuppressTagKeyword = true;
  return D.getType().getNonReferenceType().getUnqualifiedType().getAsString(
      Policy);
}

std::string referredTypeText(const ParmVarDecl &P, const SourceText &Text) {
  StringRef Written = declaredType(P, Text).rtrim("& ");
  return Written.empty() ? valueTypeText(P, Text) : Written.str();
}

namespace {

class Renderer {
public:
  Renderer(const Agent &A, const RenderContext &Context)
      : A(A), Context(Context), Text(Context.Text) {}

  RenderedBody run() {
    Scopes.emplace_back();
    findMembers();
    Owners = findUnneededOwners(A, Context);
    findCopies();
    findForeignNames();
    findMoved();
    findCalled();
    for (const ParmVarDecl *P : A.Entry->parameters())
      if (P->getDeclName()) {
        bool IsReference = A.getsReference(*P);
        declareAs(P, P->getName().str(),
                  IsReference ? P->getType() : valueType(*P));
        if (IsReference)
          References.insert(P);
        if (mentions(A.Entry->Function->getBody(), P) &&
            !(A.Entry->Delivers && A.Entry->Delivers->replaces(P)))
          HiddenNames.insert(P->getName());
      }
    for (const Borrowed &B : A.Entry->Uses) {
      if (B.Variable->getDeclName())
        HiddenNames.insert(B.Variable->getName());
      QualType Type = B.Variable->getType().getNonReferenceType();
      declareAs(B.Variable, B.Variable->getName().str(),
                B.ByReference ? Text.context().getLValueReferenceType(Type)
                              : Type);
      if (B.ByReference)
        References.insert(B.Variable);
    }
    openBrace();
    holdSelf();
    block(A.Body);
    closeBrace();
    return std::move(Result);
  }

private:
  //--- The object --------------------------------------------------------//

  /// Whoever awaits the coroutine need not hold its object, as the handlers
  /// did.
  void holdSelf() {
    if (!A.HoldsSelf || !(A.Entry->Delivers || A.Entry->IsColoured) ||
        A.IsHeldByOthers || holdsSelfAtFirst())
      return;
    const VarDecl *Self = capturedSelf();
    std::string Name = Self ? Self->getNameAsString() : unique("self");
    writtenLine("auto " + Name + " = shared_from_this();");
    Scopes.back()[Name] = {Self ? Self->getType() : Text.context().VoidTy,
                           Self};
  }

  /// The user's code does so before it waits.
  bool holdsSelfAtFirst() const {
    for (const Node &N : A.Body) {
      if (N.What != Node::Kind::Code && N.What != Node::Kind::Comment)
        return false;
      const auto *Single = dyn_cast_or_null<DeclStmt>(N.Source);
      const auto *V = Single && Single->isSingleDecl()
                          ? dyn_cast<VarDecl>(Single->getSingleDecl())
                          : nullptr;
      if (V && isSharedFromThisCopy(V))
        return true;
    }
    return false;
  }

  const VarDecl *capturedSelf() const {
    const VarDecl *Found = nullptr;
    forEachNode(A.Body, [&](const Node &N) {
      if (!N.waits() || !N.Op->lambda())
        return;
      for (const LambdaCapture &C : N.Op->lambda()->captures())
        if (const auto *V = C.capturesVariable()
                                ? dyn_cast<VarDecl>(C.getCapturedVar())
                                : nullptr;
            V && !Found && isSharedFromThisCopy(V))
          Found = V;
    });
    return Found;
  }

  //--- Names -------------------------------------------------------------//

  struct Variable {
    QualType Type;
    /// Where it is a copy of shared_from_this().
    const VarDecl *Self = nullptr;
    /// It was declared for what an initiation returned, and what it holds is
    /// of no use behind the test of that.
    enum class Outcome { No, Named, Unnamed };
    Outcome IsOutcome = Outcome::No;
    /// It is there when its function is over, or may be a name for what is.
    bool Stays = false;
  };

  Variable *visible(StringRef Name) {
    return const_cast<Variable *>(std::as_const(*this).visible(Name));
  }

  const Variable *visible(StringRef Name) const {
    for (const auto &Scope : reverse(Scopes)) {
      auto Known = Scope.find(Name);
      if (Known != Scope.end())
        return &Known->second;
    }
    return nullptr;
  }

  std::string unique(StringRef Name) const {
    std::string Result = Name.str();
    for (unsigned N = 2; visible(Result) || ForeignNames.contains(Result); ++N)
      Result = (Name + Twine(N)).str();
    return Result;
  }

  /// The names by which the agent's code refers to anything but the agent's
  /// own variables, which would be hidden by a variable of that name: members,
  /// globals, and what is declared further inside.
  void findForeignNames() {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallPtrSet<const ValueDecl *, 16> Own;
      SmallPtrSet<const LambdaExpr *, 4> Handlers;
      SmallPtrSet<const ValueDecl *, 4> Fields;
      StringSet<> &Names;
      StartText Start;
      const UnneededOwners &Owners;
      Visitor(StringSet<> &Names, StartText Start, const UnneededOwners &Owners)
          : Names(Names), Start(Start), Owners(Owners) {}
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        return Handlers.contains(L)
                   ? TraverseStmt(callOperator(*L)->getBody())
                   : ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
      }
      // What starts beside this agent has names of its own.
      bool TraverseStmt(const Stmt *S) override {
        return startsAnother(S, Start) ||
               ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      void add(const NamedDecl *D) {
        if (D->getDeclName().isIdentifier() && !D->getName().empty())
          Names.insert(D->getName());
      }
      // A member of the object that a handler holds is named without it.
      bool VisitMemberExpr(const MemberExpr *E) override {
        bool OfHandler = Fields.contains(ownField(E));
        if ((E->isImplicitAccess() && !OfHandler) || isOfSelf(*E) ||
            (Owners.isLookedThrough(*E) &&
             Owners.prefixOf(*E->getMemberDecl()).empty()))
          add(E->getMemberDecl());
        return true;
      }
      bool isOfSelf(const MemberExpr &E) const {
        const Expr *Base = asWritten(E.getBase());
        if (const auto *Arrow = dyn_cast<CXXOperatorCallExpr>(Base))
          Base = asWritten(Arrow->getArg(0));
        return Fields.contains(ownField(Base));
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        const auto *V = dyn_cast<VarDecl>(E->getDecl());
        if (!E->hasQualifier() && !(V && V->isLocalVarDeclOrParm()) &&
            !Own.contains(E->getDecl()))
          add(E->getDecl());
        return true;
      }
      bool VisitVarDecl(const VarDecl *V) override {
        if (!Own.contains(V) && !Owners.Variables.contains(V))
          add(V);
        return true;
      }
    } V(ForeignNames, Context.Start, Owners);
    for (const State *S : A.States) {
      V.Own.insert(S->parameters().begin(), S->parameters().end());
      V.Own.insert(S->Unneeded.begin(), S->Unneeded.end());
      for (const Borrowed &B : S->Uses)
        V.Own.insert(B.Variable);
      forEachStep(S->Steps, [&](const Step &Step) {
        SmallVector<const Stmt *, 3> Declaring{Step.Source};
        if (const auto *Switch = dyn_cast_or_null<SwitchStmt>(Step.Source))
          Declaring = partsOfHead(*Switch);
        for (const Stmt *S : Declaring)
          if (const auto *D = dyn_cast_or_null<DeclStmt>(S))
            for (const Decl *Declared : D->decls())
              if (const auto *Value = dyn_cast<ValueDecl>(Declared)) {
                V.Own.insert(Value);
                if (const auto *Parts = dyn_cast<DecompositionDecl>(Value))
                  V.Own.insert(Parts->bindings().begin(),
                               Parts->bindings().end());
              }
        if (Step.What == Step::Kind::Call)
          V.add(Step.Op->Bound->Target);
        if (Step.What != Step::Kind::Suspend)
          return;
        V.Handlers.insert(Step.Op->lambda());
        if (Step.Op->Object)
          for (const FunctionObject::Member &M : Step.Op->Object->Members)
            V.Fields.insert(M.Field);
        V.Own.insert(Step.Op->InitCaptures.begin(),
                     Step.Op->InitCaptures.end());
        if (Step.Op->Returned)
          V.Own.insert(Step.Op->Returned->Variable);
        for (const auto &[Parameter, Value] : Step.Op->Given)
          V.Own.insert(Parameter);
        for (const Binding &B : Step.Op->Results)
          if (B.Decl)
            V.Own.insert(B.Decl);
      });
    }
    for (const State *S : A.States) {
      V.TraverseStmt(S->Beside ? S->Beside : S->Function->getBody());
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What != Step::Kind::Suspend)
          return;
        if (Step.Op->Object)
          V.TraverseStmt(Step.Op->body());
        else if (S->Beside && Step.Op->Stored)
          V.TraverseStmt(Step.Op->Made);
      });
    }
  }

  void findMembers() {
    for (const State *S : A.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Suspend && Step.Op->Object)
          for (const FunctionObject::Member &M : Step.Op->Object->Members)
            Members[M.Field] = &M;
      });
  }

  /// \p Name holds something that \p Op's handler has captured.
  bool isCaptured(const Operation &Op, StringRef Name) const {
    if (Op.Bound)
      return any_of(Op.Bound->Arguments, [&](const BoundCall::Argument &A) {
        const VarDecl *V = A.Value ? variableNamedBy(A.Value) : nullptr;
        return V && nameOf(V) == Name;
      });
    if (Op.Object)
      return any_of(Op.Object->Members, [&](const FunctionObject::Member &M) {
        auto Known = Names.find(M.Field);
        return Known != Names.end() && Known->second == Name;
      });
    const LambdaExpr *Handler = Op.lambda();
    return Handler && any_of(Handler->captures(), [&](const LambdaCapture &C) {
             return C.capturesVariable() && nameOf(C.getCapturedVar()) == Name;
           });
  }

  void declareAs(const ValueDecl *D, std::string Name, QualType Type) {
    const auto *V = dyn_cast_or_null<VarDecl>(D);
    Scopes.back()[Name] = {Type, V && isSharedFromThisCopy(V) ? V : nullptr};
    if (D)
      Names[D] = std::move(Name);
  }

  /// The function that had \p Known is over, so that it may be something else
  /// of \p Type.
  bool isFree(const Variable &Known, QualType Type) const {
    return !Known.Stays && sameType(Known.Type, Type) &&
           !Known.Type.isConstQualified() && !Known.Type->isReferenceType();
  }

  bool sameType(QualType A, QualType B) const {
    return Text.context().hasSameUnqualifiedType(A.getNonReferenceType(),
                                                 B.getNonReferenceType());
  }

  std::string nameOf(const ValueDecl *D) const {
    auto Known = Names.find(D);
    return Known != Names.end() ? Known->second : D->getName().str();
  }

  /// Parameters whose coroutine variable is a value of its own.
  void findCopies() {
    for (const State *S : A.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Suspend)
          Copied.insert_range(copiedInto(*Step.Op));
      });
    forEachNode(A.Body, [&](const Node &N) {
      if (N.What == Node::Kind::Assign || N.What == Node::Kind::Declare)
        Assigned.insert(N.Target->parameters().begin(),
                        N.Target->parameters().end());
    });
  }

  //--- Text --------------------------------------------------------------//

  std::string edited(TextRange Range, const Stmt *Within,
                     ArrayRef<Substitution> More = {}) const {
    auto Member = [&](const ValueDecl *Field) { return Members.lookup(Field); };
    RangeEdits Visitor(Context, Names, Returned, Member, HiddenNames, Owners,
                       returnText());
    Visitor.TraverseStmt(Within);
    append_range(Started, Visitor.Started);
    SmallVector<Substitution, 8> All(More);
    append_range(All, Visitor.Edits);
    append_range(All, Context.Inside);
    // A replaced range hides the edits inside it.
    erase_if(All, [&](const Substitution &S) {
      return any_of(More, [&](const Substitution &Outer) {
        return &Outer != &S && Outer.Range.Begin <= S.Range.Begin &&
               S.Range.End <= Outer.Range.End &&
               (Outer.Range.Begin != S.Range.Begin ||
                Outer.Range.End != S.Range.End);
      });
    });
    return Text.text(Range, All);
  }

  std::string edited(const Expr *E) const {
    std::optional<TextRange> Range = Text.range(E->getSourceRange());
    return Range ? edited(*Range, E) : std::string();
  }

  std::string indent() const {
    return std::string(column(), Context.Style.Blank);
  }
  unsigned column() const {
    return Context.Indent + Depth * Context.Style.Width;
  }

  void userLine(StringRef Line) {
    Result.Text += indent();
    Result.Text += Line;
    Result.Text += '\n';
    AtBlockStart = false;
  }

  void writtenLine(const Twine &Line) {
    unsigned Begin = Result.Text.size();
    userLine(Line.str());
    // The line end belongs to what follows, which may be the user's.
    Result.Written.push_back({Begin, unsigned(Result.Text.size() - 1)});
  }

  void openBrace() {
    Result.Text += Depth ? indent() + "{\n" : "{\n";
    ++Depth;
    AtBlockStart = true;
  }

  void closeBrace() {
    --Depth;
    Result.Text += indent() + "}";
    if (Depth)
      Result.Text += '\n';
    AtBlockStart = false;
  }

  /// "if (c)" or "for (;;)", and the brace that follows in the user's style.
  void openBlock(const Twine &Head) {
    if (Context.Style.ControlBraceOnOwnLine) {
      writtenLine(Head);
      Depth += Context.Style.BraceIndented;
      userLine("{");
    } else {
      writtenLine(Head + " {");
    }
    ++Depth;
    AtBlockStart = true;
    Scopes.emplace_back();
  }

  void closeBlock(StringRef Brace = "}") {
    --Depth;
    Scopes.pop_back();
    userLine(Brace);
    Depth -= Context.Style.BraceIndented;
  }

  void comments(const Trivia &Leading, bool Separate = true) {
    if (Separate && Leading.BlankLine && !AtBlockStart)
      Result.Text += '\n';
    StringRef Rest = Leading.Comments;
    while (!Rest.empty()) {
      auto [Line, Next] = Rest.split('\n');
      Rest = Next;
      if (Line.empty())
        Result.Text += '\n';
      else
        userLine(Line);
    }
  }

  //--- Nodes -------------------------------------------------------------//

  void block(ArrayRef<Node> Nodes) {
    for (size_t I = 0; I != Nodes.size(); ++I)
      if (!awaitOnly(Nodes, I))
        node(Nodes[I]);
  }

  /// Writes the await \p I of \p Nodes without the branch that follows, where
  /// that makes no difference, and goes on to that.
  bool awaitOnly(ArrayRef<Node> Nodes, size_t &I) {
    const Node &N = Nodes[I];
    const Node *Choice = I + 1 < Nodes.size() ? &Nodes[I + 1] : nullptr;
    if (N.What != Node::Kind::Await || N.Op->Handlers.empty() || !Choice ||
        Choice->What != Node::Kind::If || Choice->Source ||
        Choice->Op->Call != N.Op->Call ||
        !isWithoutChoice(*Choice, Nodes.drop_front(I + 2)))
      return false;
    comments(N.Leading);
    hold(*N.Op);
    writtenLine("co_await " + callWithoutHandler(*N.Op, {}) + ";");
    comments(Choice->Leading);
    ++I;
    return true;
  }

  /// Both arms of \p Choice say nothing, and go on in what is \p Behind it.
  bool isWithoutChoice(const Node &Choice, ArrayRef<Node> Behind) const {
    auto Next = find_if(Behind, [&](const Node &N) {
      return N.What != Node::Kind::Comment && !takesNothing(N);
    });
    auto GoesOn = [&](ArrayRef<Node> Arm) {
      if (!Arm.empty() && Next != Behind.end() &&
          isSameLeave(Arm.back(), *Next))
        Arm = Arm.drop_back();
      return all_of(Arm, [&](const Node &N) {
        return N.Leading.Comments.empty() &&
               (N.What == Node::Kind::Comment || takesNothing(N));
      });
    };
    return GoesOn(Choice.Body) && GoesOn(Choice.Else);
  }

  static bool isSameLeave(const Node &A, const Node &B) {
    bool Leaves = A.What == Node::Kind::Continue ||
                  A.What == Node::Kind::Break || A.What == Node::Kind::Return;
    return Leaves && A.What == B.What && A.Leading.Comments.empty() &&
           !A.Call && !A.Op && !B.Call && !B.Op;
  }

  void node(const Node &N) {
    comments(N.Leading);
    switch (N.What) {
    case Node::Kind::Comment:
      return;
    case Node::Kind::Code:
      return N.LivesOnAs ? assignInstead(N) : code(N.Source);
    case Node::Kind::If:
      return branch(N, "");
    case Node::Kind::Switch:
      return choice(N);
    case Node::Kind::Loop:
      return loop(N);
    case Node::Kind::Await:
      return await(*N.Op);
    case Node::Kind::Apart:
      return apart(N);
    case Node::Kind::Call:
      return call(*N.Op->Bound);
    case Node::Kind::Bind:
      return bind(N);
    case Node::Kind::Declare:
      return declareLater(*N.Target);
    case Node::Kind::Assign:
      return assign(N);
    case Node::Kind::Continue:
      return writtenLine("continue;");
    case Node::Kind::Break:
      return writtenLine("break;");
    case Node::Kind::Return:
      return end(N);
    case Node::Kind::FallTo:
    case Node::Kind::Leave:
    case Node::Kind::Region:
      llvm_unreachable("resolved by Structure.cpp");
    }
  }

  /// \p V is a reference to the object itself, and so is one that is there.
  bool reusesSelf(const VarDecl &V) {
    if (!isSharedFromThisCopy(&V))
      return false;
    for (const auto &Scope : Scopes)
      for (const auto &Known : Scope)
        if (Known.second.Self && !Moved.contains(Known.second.Self) &&
            sameType(Known.second.Type, V.getType())) {
          Names[&V] = Known.first().str();
          return true;
        }
    return false;
  }

  void findMoved() {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      SmallPtrSet<const VarDecl *, 4> &Moved;
      explicit Visitor(SmallPtrSet<const VarDecl *, 4> &Moved) : Moved(Moved) {}
      bool VisitCallExpr(const CallExpr *E) override {
        if (E->isCallToStdMove())
          Moved.insert(variableNamedBy(E));
        return true;
      }
    } V(Moved);
    for (const State *S : A.States)
      V.TraverseStmt(S->Function->getBody());
  }

  void code(const Stmt *S) {
    const auto *Single = dyn_cast<DeclStmt>(S);
    const auto *Self = Single && Single->isSingleDecl()
                           ? dyn_cast<VarDecl>(Single->getSingleDecl())
                           : nullptr;
    if (Self && Owners.Variables.contains(Self))
      return comments({Text.comments(*Text.statement(S)), false});
    if (Self && reusesSelf(*Self))
      return;
    if (const auto *Declaration = dyn_cast<DeclStmt>(S))
      for (const Decl *D : Declaration->decls())
        if (const auto *V = dyn_cast<VarDecl>(D))
          declareVariable(*V);
    TextRange Range = *Text.statement(S);
    unsigned From = Text.indentation(Range.Begin).size();
    Started.clear();
    std::string Line =
        reindent(edited(Range, S), From, column(), Context.Style.Blank);
    // A line end may go.
    size_t Begin = Result.Text.size() - 1;
    place(Range, Line);
    for (const std::string &Start : Started)
      if (size_t At = Result.Text.find(Start, Begin); At != std::string::npos) {
        Begin = At + Start.size();
        Result.Written.push_back({unsigned(At), unsigned(Begin)});
      }
  }

  /// \p Line stood at \p Range. What stood on one line stays on one.
  void place(TextRange Range, const std::string &Line) {
    StringRef Gap = Text.text(TextRange{LastCode.End, Range.Begin});
    if (LastCode.End <= Range.Begin && LastCodeEnd == Result.Text.size() &&
        Gap.find_first_not_of(" \t") == StringRef::npos) {
      Result.Text.pop_back();
      Result.Text += Gap.str() + Line + '\n';
    } else {
      userLine(Line);
    }
    LastCode = Range;
    LastCodeEnd = Result.Text.size();
  }

  /// An endless loop, or a while when all that ends it is a test at its head:
  /// behind a loop there is only the end of the coroutine.
  void loop(const Node &N) {
    ArrayRef<Node> Body = N.Body;
    if (hasTestAtHead(N)) {
      Node Stays = Body.front();
      Stays.Negated = !Stays.Negated;
      openBlock("while (" + condition(Stays) + ")");
      Body = Body.drop_front();
    } else {
      openBlock("for (;;)");
    }
    block(Body);
    closeBlock();
  }

  bool hasTestAtHead(const Node &Loop) const {
    const Node &Head = Loop.Body.front();
    return Loop.EndsBehind && Head.What == Node::Kind::If &&
           isSilent(Head.Else) && Head.Leading.Comments.empty() &&
           isLoneLeave(Head.Body) &&
           Head.Body.back().What == Node::Kind::Return &&
           !Head.Body.back().Call && !Head.Body.back().Op;
  }

  /// Control never gets behind \p Loop.
  bool isEndless(const Node &Loop) const {
    return !hasTestAtHead(Loop) && !breaksOut(Loop.Body);
  }

  void declareVariable(const VarDecl &V) {
    if (const auto *Parts = dyn_cast<DecompositionDecl>(&V)) {
      for (const BindingDecl *Part : Parts->bindings()) {
        std::string Name = unique(Part->getName());
        declareAs(Part, Name, Part->getType());
        Scopes.back()[Name].Stays = true;
      }
      return;
    }
    std::string Name = unique(V.getName());
    declareAs(&V, Name, V.getType());
    Scopes.back()[Name].Stays = !V.hasLocalStorage();
    if (V.getType()->isReferenceType())
      References.insert(&V);
  }

  void assignInstead(const Node &N) {
    const auto *V = cast<VarDecl>(cast<DeclStmt>(N.Source)->getSingleDecl());
    Names[V] = nameOf(N.LivesOnAs);
    writtenLine(nameOf(V) + " = " + edited(asWritten(V->getInit())) + ";");
  }

  std::string condition(const Node &N) const {
    if (!N.Source)
      return Choices.lookup(N.Op->Call) +
             (N.Negated ? ".index() == 1" : ".index() == 0");
    const Expr *Condition = cast<IfStmt>(N.Source)->getCond();
    return N.Negated ? negated(Condition) : edited(asWritten(Condition));
  }

  /// The opposite of \p Condition, as a person would write it.
  std::string negated(const Expr *Condition) const {
    const Expr *E = asWritten(Condition)->IgnoreParens();
    if (const auto *Unary = dyn_cast<UnaryOperator>(E))
      if (Unary->getOpcode() == UO_LNot)
        return edited(asWritten(Unary->getSubExpr()));
    if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(E))
      if (Operator->getOperator() == OO_Exclaim &&
          !isOfUser(Operator->getDirectCallee()))
        return edited(asWritten(Operator->getArg(0)));
    if (std::optional<Equality> Objects = equalityOfObjects(E))
      return edited(asWritten(Objects->Left)) +
             (Objects->IsEqual ? " != " : " == ") +
             edited(asWritten(Objects->Right));
    if (const auto *Binary = dyn_cast<BinaryOperator>(E)) {
      if (Binary->isLogicalOp())
        return negatedOperand(*Binary, Binary->getLHS()) +
               (Binary->getOpcode() == BO_LAnd ? " || " : " && ") +
               negatedOperand(*Binary, Binary->getRHS());
      if (Binary->isEqualityOp() ||
          (Binary->isRelationalOp() &&
           Binary->getLHS()->getType()->isIntegralOrEnumerationType() &&
           Binary->getRHS()->getType()->isIntegralOrEnumerationType()))
        return edited(Binary->getLHS()) + " " +
               BinaryOperator::getOpcodeStr(
                   BinaryOperator::negateComparisonOp(Binary->getOpcode()))
                   .str() +
               " " + edited(Binary->getRHS());
    }
    std::string Written = edited(E);
    const auto *Operator = dyn_cast<CXXOperatorCallExpr>(E);
    bool IsSimple = Returned.contains(E) ||
                    (Operator ? is_contained({OO_Subscript, OO_Call},
                                             Operator->getOperator())
                              : isa<DeclRefExpr, MemberExpr, CallExpr,
                                    ArraySubscriptExpr, CXXBoolLiteralExpr>(E));
    if (hasNotOfUser(E->getType()))
      return "!bool(" + Written + ")";
    return IsSimple ? "!" + Written : "!(" + Written + ")";
  }

  bool isOfUser(const FunctionDecl *F) const {
    return !F || !Text.context().getSourceManager().isInSystemHeader(
                     F->getLocation());
  }

  /// `!` of a \p Type does what the user likes, which need not be the opposite
  /// of its conversion to bool.
  bool hasNotOfUser(QualType Type) const {
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    if (!Record || !Record->hasDefinition())
      return false;
    DeclarationName Not =
        Text.context().DeclarationNames.getCXXOperatorName(OO_Exclaim);
    auto Declares = [&](const DeclContext *Scope) {
      return any_of(Scope->lookup(Not), [&](const NamedDecl *D) {
        return isOfUser(D->getAsFunction());
      });
    };
    return Declares(Record->getEnclosingNamespaceContext()) ||
           Declares(Record) ||
           !Record->forallBases(
               [&](const CXXRecordDecl *Base) { return !Declares(Base); });
  }

  /// An operand of a negated && or ||, in parentheses where the operators mix.
  std::string negatedOperand(const BinaryOperator &Outer,
                             const Expr *Operand) const {
    std::string Written = negated(Operand);
    const auto *Inner =
        dyn_cast<BinaryOperator>(asWritten(Operand)->IgnoreParens());
    bool Mixes = Inner && Inner->isLogicalOp() &&
                 Inner->getOpcode() != Outer.getOpcode();
    return Mixes ? "(" + Written + ")" : Written;
  }

  /// \p B has no text: its arguments are where they have to be already.
  bool isSilent(ArrayRef<Node> B) const {
    return all_of(B, [&](const Node &N) {
      return N.Leading.Comments.empty() &&
             (N.What == Node::Kind::Comment || takesNothing(N) ||
              isUnneededOwner(N) ||
              (N.What == Node::Kind::Assign && assignments(N).empty()));
    });
  }

  /// \p N declares what the agent's code has no use for, and says no more.
  bool isUnneededOwner(const Node &N) const {
    const auto *S = N.What == Node::Kind::Code && !N.LivesOnAs
                        ? dyn_cast_or_null<DeclStmt>(N.Source)
                        : nullptr;
    const auto *V = S && S->isSingleDecl()
                        ? dyn_cast<VarDecl>(S->getSingleDecl())
                        : nullptr;
    return V && Owners.Variables.contains(V) &&
           Text.comments(*Text.statement(S)).empty();
  }

  /// \p N is where a handler begins that has no use for what it gets.
  bool takesNothing(const Node &N) const {
    return N.What == Node::Kind::Await &&
           N.Op->How == Operation::Form::Completion &&
           N.Op->InitCaptures.empty() && !Called.contains(N.Op.get()) &&
           dropsResults(*N.Op);
  }

  /// A lone co_return, continue or break needs no braces.
  bool isLoneLeave(const Block &B) const {
    if (B.empty() || !isSilent(ArrayRef(B).drop_back()))
      return false;
    const Node &Last = B.back();
    return Last.Leading.Comments.empty() &&
           (Last.What == Node::Kind::Continue ||
            Last.What == Node::Kind::Break || Last.What == Node::Kind::Return);
  }

  /// The arm is one statement that stood without braces.
  static bool isUnbraced(const Node &N) {
    const auto *If = dyn_cast_or_null<IfStmt>(N.Source);
    if (!If)
      return false;
    const Stmt *Arm = N.Negated ? If->getElse() : If->getThen();
    return N.Body.size() == 1 && N.Body.front().What == Node::Kind::Code &&
           N.Body.front().Source == Arm &&
           N.Body.front().Leading.Comments.empty();
  }

  void branch(const Node &N, StringRef Prefix) {
    std::string Head = (Prefix + "if (" + condition(N) + ")").str();
    if (isSilent(N.Body) && !isSilent(N.Else)) {
      Node Turned = N;
      std::swap(Turned.Body, Turned.Else);
      Turned.Negated = !Turned.Negated;
      return branch(Turned, Prefix);
    }
    if ((isLoneLeave(N.Body) || isUnbraced(N)) && isSilent(N.Else)) {
      writtenLine(Head);
      ++Depth;
      node(N.Body.back());
      --Depth;
      return;
    }
    openBlock(Head);
    block(N.Body);
    if (isSilent(N.Else))
      return closeBlock();
    bool Chained = N.Else.size() == 1 &&
                   N.Else.front().What == Node::Kind::If &&
                   N.Else.front().Leading.Comments.empty();
    if (Chained) {
      closeForElse();
      return branch(N.Else.front(),
                    Context.Style.ElseOnOwnLine ? "else " : "} else ");
    }
    closeForElse();
    openBlock(Context.Style.ElseOnOwnLine ? "else" : "} else");
    block(N.Else);
    closeBlock();
  }

  /// What has no place in the frame, in a lambda that says whether to go on.
  void apart(const Node &N) {
    std::string GoesOn = N.MayEnd ? unique("goes_on") : "";
    openBlock((N.MayEnd ? "bool " + GoesOn + " = " : "") + "[&]");
    {
      SaveAndRestore Inside(Apart, &N);
      ArrayRef<Node> Body = N.Body;
      if (N.MayEnd && isGuard(Body.back())) {
        block(Body.drop_back());
        comments(Body.back().Leading);
        Node Stays = Body.back();
        Stays.Negated = !Stays.Negated;
        writtenLine("return " + condition(Stays) + ";");
      } else {
        block(Body);
        if (N.MayEnd)
          writtenLine("return true;");
      }
    }
    closeBlock("}();");
    if (!N.MayEnd)
      return;
    Scopes.back()[GoesOn] = {Text.context().BoolTy};
    writtenLine("if (!" + GoesOn + ")");
    ++Depth;
    writtenLine("co_return;");
    --Depth;
  }

  /// It only ends the coroutine, if something is so.
  bool isGuard(const Node &N) const {
    return N.What == Node::Kind::If && isSilent(N.Else) &&
           isLoneLeave(N.Body) && !cast<IfStmt>(N.Source)->hasInitStorage() &&
           !cast<IfStmt>(N.Source)->hasVarStorage() &&
           cast<IfStmt>(N.Source)->getCond()->getType()->isBooleanType();
  }

  //--- Switches ----------------------------------------------------------//

  /// The head, the labels and where they stand are the user's.
  void choice(const Node &N) {
    const auto &Switch = *cast<SwitchStmt>(N.Source);
    Scopes.emplace_back();
    for (const Stmt *Part : partsOfHead(Switch))
      if (const auto *Declaration = dyn_cast<DeclStmt>(Part))
        for (const Decl *D : Declaration->decls())
          if (const auto *V = dyn_cast<VarDecl>(D))
            declareVariable(*V);
    TextRange Head = *Text.range(headOf(Switch));
    unsigned From = Text.indentation(Head.Begin).size();
    // With the comment before the brace.
    TextRange Brace = *Text.range(Switch.getBody()->getBeginLoc());
    Head.End += Text.text(TextRange{Head.End, Brace.Begin}).rtrim().size();
    std::string Written =
        reindent(edited(Head, &Switch), From, column(), Context.Style.Blank);
    bool OnOwnLine = isOnOwnLine(*Switch.getBody());
    bool IsDeeper =
        OnOwnLine && columnOf(Switch.getBody()->getBeginLoc()) > From;
    userLine(Written + (OnOwnLine ? "" : " {"));
    Depth += IsDeeper;
    if (OnOwnLine)
      userLine("{");
    AtBlockStart = true;
    bool Indents = labelsAreIndented(Switch, N.Arms.front());
    Depth += Indents;
    for (const Node::Arm &Arm : N.Arms)
      arm(Arm, isLastText(N, Arm));
    Depth -= Indents;
    Scopes.pop_back();
    userLine("}");
    Depth -= IsDeeper;
  }

  size_t columnOf(SourceLocation Where) const {
    return Text.indentation(*Text.offset(Where)).size();
  }

  bool isOnOwnLine(const Stmt &Block) const {
    TextRange Brace = *Text.range(Block.getBeginLoc());
    return Text.text(TextRange{Text.lineBegin(Brace.Begin), Brace.Begin})
        .trim()
        .empty();
  }

  bool labelsAreIndented(const SwitchStmt &Switch,
                         const Node::Arm &First) const {
    return columnOf(First.Head.Labels.front().Case->getKeywordLoc()) >
           columnOf(Switch.getBody()->getEndLoc());
  }

  /// Nothing is written behind \p Arm of \p Switch.
  bool isLastText(const Node &Switch, const Node::Arm &Arm) const {
    size_t Next = &Arm - Switch.Arms.data() + 1;
    return Next == Switch.Arms.size() ||
           (Switch.Arms[Next].Head.Labels.empty() &&
            isSilent(Switch.Arms[Next].Body));
  }

  void arm(const Node::Arm &Arm, bool IsLast) {
    bool IsWritten = Arm.Head.Labels.empty();
    if (IsWritten && isSilent(Arm.Body))
      return;
    if (IsWritten)
      writtenLine("default:");
    for (const ArmHead::Label &Label : Arm.Head.Labels)
      label(Label);
    size_t LabelEnd = Result.Text.size() - 1;
    size_t BehindColon = IsWritten ? LabelEnd : ColonEnd;
    Scopes.emplace_back();
    ++Depth;
    AtBlockStart = true;
    armBody(Arm, IsLast);
    --Depth;
    bool HasNames = !Scopes.back().empty();
    Scopes.pop_back();
    if (!HasNames && !Arm.Head.Braces)
      return;
    bool OnOwnLine = Arm.Head.Braces ? isOnOwnLine(*Arm.Head.Braces)
                                     : Context.Style.ControlBraceOnOwnLine;
    if (OnOwnLine)
      insert(LabelEnd, "\n" + indent() + "{");
    else
      insert(BehindColon, " {");
    userLine("}");
  }

  void label(const ArmHead::Label &Label) {
    comments(Label.Leading);
    TextRange Range = *Text.range(labelOf(*Label.Case));
    TextRange Whole = Text.withComment(Range);
    std::string Written = edited(Range, Label.Case);
    place(Whole, Written + Text.text(TextRange{Range.End, Whole.End}).str());
    ColonEnd = Result.Text.size() - 1 - (Whole.End - Range.End);
  }

  /// The statements of an arm, with a break behind them where control would
  /// get into the next one.
  void armBody(const Node::Arm &Arm, bool IsLast) {
    ArrayRef<Node> Body = Arm.Body;
    bool EndsInLoop = !Body.empty() && Body.back().What == Node::Kind::Loop &&
                      isEndless(Body.back());
    bool Breaks = !Arm.Head.FallsThrough && !isLeft(Arm.Body) && !EndsInLoop;
    const BreakStmt *Break = Arm.Head.Break;
    // A label needs a statement.
    Breaks &= Break || !IsLast || isSilent(Arm.Body);
    std::string Behind;
    if (Breaks && Break && !Body.empty() &&
        Body.back().What == Node::Kind::Comment &&
        Body.back().Leading.Comments == Arm.Head.BehindBreak) {
      Behind = " " + StringRef(Arm.Head.BehindBreak).rtrim().str();
      Body = Body.drop_back();
    }
    block(Body);
    if (!Breaks)
      return;
    std::optional<TextRange> Range =
        Break ? Text.statement(Break) : std::nullopt;
    if (Range)
      place(*Range, "break;" + Behind);
    else
      writtenLine("break;");
  }

  /// Inserts \p New, which nobody formats, at \p Offset.
  void insert(size_t Offset, const std::string &New) {
    Result.Text.insert(Offset, New);
    for (TextRange &Written : Result.Written)
      if (Written.Begin >= Offset)
        Written = {unsigned(Written.Begin + New.size()),
                   unsigned(Written.End + New.size())};
  }

  /// Ends an arm; its brace stands alone, or before the else.
  void closeForElse() {
    if (Context.Style.ElseOnOwnLine)
      return closeBlock();
    --Depth;
    Scopes.pop_back();
  }

  /// A handler that stays a function. What the operation delivers has the
  /// names of its parameters; one without a name can only be the error, or
  /// what a coroutine returns.
  void call(const BoundCall &Handler) {
    writtenLine(writtenCall(
                    Handler, [&](const Expr &E) { return edited(&E); },
                    [&](const ParmVarDecl &P) {
                      auto Known = Unnamed.find(&P);
                      return P.getDeclName()          ? nameOf(&P)
                             : Known != Unnamed.end() ? Known->second
                                                      : LastError;
                    }) +
                ";");
  }

  void end(const Node &N) {
    if (N.waits()) {
      std::string Awaited = awaited(*N.Op, {});
      return writtenLine("co_return co_await " + Awaited + ";");
    }
    if (N.Op)
      return handOn(N);
    if (!N.Call)
      return writtenLine(Twine(returnText()) + ";");
    const Delivery &Delivers = *A.Entry->Delivers;
    const Delivery::Completion &Way = Delivers.Ways[N.Way];
    SmallVector<const Expr *, 4> Arguments = Way.valuesOf(*N.Call);
    std::string Values;
    for (const Expr *Argument : Arguments)
      Values += (Argument == Arguments.front() ? "" : ", ") +
                edited(asWritten(Argument));
    if (Delivers.hasChoice()) {
      if (Arguments.size() == 1)
        Values = withType(Way.TypeTexts.front(), Values);
      Values =
          returnedChoice(Delivers, N.Way, Arguments, Values, Text.context());
    } else if (Arguments.empty()) {
      return writtenLine("co_return;");
    } else if (Arguments.size() > 1) {
      Values = Context.Dialect.several(Way.TypeTexts, Values);
    }
    writtenLine("co_return " + Values + ";");
  }

  /// What ends the agent.
  StringRef returnText() const {
    return !Apart ? "co_return" : Apart->MayEnd ? "return false" : "return";
  }

  /// What an operation has completed with is what the coroutine returns.
  void handOn(const Node &N) {
    const Delivery &Delivers = *A.Entry->Delivers;
    ArrayRef<QualType> Types = Delivers.Ways[N.Way].Types;
    if (!Delivers.hasChoice() && Types.empty())
      return writtenLine("co_return;");
    std::string Value =
        takenFrom(Choices.lookup(N.Op->Call), N.Op->Way, Types, Text.context());
    if (Delivers.hasChoice())
      Value = handedOnChoice(Delivers, N.Way, Value, Text.context());
    writtenLine("co_return " + Value + ";");
  }

  //--- Operations --------------------------------------------------------//

  void await(const Operation &Op) {
    hold(Op);
    switch (Op.How) {
    case Operation::Form::Yield:
      return writtenLine("co_yield " + edited(asWritten(Op.YieldedValue)) +
                         ";");
    case Operation::Form::CompletionToken:
      return awaitToken(Op);
    case Operation::Form::Task:
      return Op.Handlers.empty() ? awaitCall(Op, {}) : awaitChoice(Op);
    case Operation::Form::Request:
      return awaitCall(Op, requested(*Op.Call));
    case Operation::Form::Callback:
      return awaitCall(Op, {});
    case Operation::Form::Completion:
      return takeChosen(Op);
    }
  }

  /// What the handler of \p Op, or those of which it goes on in one, would have
  /// held.
  void hold(const Operation &Op) {
    for (const VarDecl *Capture : Op.InitCaptures) {
      if (Owners.Variables.contains(Capture) || reusesSelf(*Capture))
        continue;
      if (A.TakenOver.contains(Capture)) {
        Names[Capture] = nameOf(variableNamedBy(Capture->getInit()));
        continue;
      }
      std::string Init = edited(asWritten(Capture->getInit()));
      std::string Name = unique(Capture->getName());
      bool IsList = Capture->getInitStyle() == VarDecl::ListInit &&
                    StringRef(Init).starts_with("{");
      writtenLine("auto " + Name + (IsList ? "" : " = ") + Init + ";");
      declareAs(Capture, Name, Capture->getType());
    }
    for (const Operation &Handler : Op.Handlers)
      holdMembers(Handler);
    if (Op.How != Operation::Form::Completion)
      holdMembers(Op);
    for (const auto &[Parameter, Value] : Op.Given)
      give(*Parameter, *Value);
    for (const Expr *Step : Op.StepsBefore)
      writtenLine(edited(asWritten(Step)) + ";");
  }

  void holdMembers(const Operation &Op) {
    if (Op.Object)
      for (const FunctionObject::Member &M : Op.Object->Members)
        hold(M);
  }

  /// The result of \p Op says in which of its handlers the agent goes on.
  void awaitChoice(const Operation &Op) {
    std::string Name = unique("result");
    declareAs(nullptr, Name, Text.context().VoidTy);
    Choices[Op.Call] = Name;
    writtenLine("auto " + Name + " = co_await " + callWithoutHandler(Op, {}) +
                ";");
  }

  /// The handler of \p Op gets what the result holds.
  void takeChosen(const Operation &Op) {
    SmallVector<QualType, 2> Types;
    for (const Binding &B : Op.Results)
      Types.push_back(B.Type);
    nameForCall(Op);
    if (!dropsResults(Op))
      bindResults(Op, takenFrom(Choices.lookup(Op.Call), Op.Way, Types,
                                Text.context()));
  }

  /// A parameter of the handler that gets what the call was given.
  void give(const ParmVarDecl &P, const Expr &Value) {
    if (!P.getDeclName() || !P.isReferenced())
      return;
    const VarDecl *From = variableNamedBy(&Value);
    if (From && sameType(From->getType(), P.getType())) {
      Names[&P] = nameOf(From);
      return;
    }
    std::string Name = unique(P.getName());
    writtenLine(declaration(valueTypeText(P, Text), Name) + " = " +
                edited(asWritten(&Value)) + ";");
    declareAs(&P, Name, P.getType());
  }

  /// "f(" as "call(f, ".
  SmallVector<Substitution, 1> requested(const CallExpr &Call) const {
    std::optional<unsigned> First = Text.offset(Call.getArg(0)->getBeginLoc());
    TextRange Callee = *Text.range(Call.getCallee()->getSourceRange());
    return {{{Callee.Begin, *First},
             Context.Dialect.requestFunction() + "(" + Text.text(Callee).str() +
                 ", "}};
  }

  /// What the handler would have held while it waits.
  void hold(const FunctionObject::Member &M) {
    if (M.What == FunctionObject::Member::Kind::Self)
      return;
    if (M.What == FunctionObject::Member::Kind::Variable) {
      Names[M.Field] = nameOf(variableNamedBy(M.Init));
      return;
    }
    std::string Init = edited(M.Init);
    std::string Name = unique(withoutUnderscore(M.Field->getName()));
    QualType Type = M.Field->getType();
    std::string TypeText = "auto";
    if (!Text.context().hasSameUnqualifiedType(Type, M.Init->getType()))
      TypeText = M.Field->getType().getUnqualifiedType().getAsString(
          PrintingPolicy(Text.context().getLangOpts()));
    writtenLine(declaration(TypeText, Name) + " = " + Init + ";");
    declareAs(M.Field, Name, Type.getUnqualifiedType());
  }

  /// Somebody looks at it, or sees it end.
  bool isWanted(const Operation &Op, const Binding &B) const {
    return B.Decl && (B.Decl->isReferenced() || Called.contains(&Op) ||
                      B.Type.getNonReferenceType().isDestructedType());
  }

  void findCalled() {
    for (const State *S : A.States)
      forEachStep(S->Steps, [&](const Step &Step) {
        if (Step.What == Step::Kind::Call)
          Called.insert(Step.Op.get());
      });
  }

  /// The parameter without a name that the function which \p Op's handler calls
  /// has for a result.
  static const ParmVarDecl *unnamedParameter(const Operation &Op,
                                             unsigned Result) {
    for (auto [P, Given] :
         zip(Op.Bound->Target->parameters(), Op.Bound->Arguments))
      if (!P->getDeclName() && !Given.Value && Given.Result == Result)
        return P;
    return nullptr;
  }

  /// Variables for such results where that function is called.
  void nameForCall(const Operation &Op) {
    if (!Called.contains(&Op))
      return;
    for (unsigned I = 0; I != Op.Results.size(); ++I)
      if (const ParmVarDecl *P = unnamedParameter(Op, I)) {
        QualType Type = P->getType().getNonReferenceType().getUnqualifiedType();
        std::string Name =
            unique(isRecordNamed(Type, "error_code") ? "ec" : "result");
        if (Op.Results.size() > 1)
          writtenLine(declaration(Op.Results[I].TypeText, Name) + ";");
        declareAs(nullptr, Name, Type);
        Unnamed[P] = Name;
      }
  }

  /// What the result \p I of \p Op goes to, other than a variable that the
  /// handler has named; empty when to nothing.
  std::string nameless(const Operation &Op, unsigned I) const {
    const ParmVarDecl *P =
        Called.contains(&Op) ? unnamedParameter(Op, I) : nullptr;
    return P ? Unnamed.lookup(P) : std::string();
  }

  void awaitToken(const Operation &Op) {
    std::string Error;
    if (const Binding *B = Op.error())
      LastError = Error = errorVariable(Op, *B);
    SmallVector<Substitution, 2> Token{
        {*Text.range(Op.Handler->getSourceRange()),
         Context.Dialect.token(Error, Op.ResumesOn)}};
    if (std::optional<TextRange> Behind = behindHandler(Op, Text))
      Token.push_back({*Behind, ""});
    if (const CXXMemberCallExpr *Wrap = strandWrap(Op))
      Token.push_back(binding(*Wrap));
    std::string Call =
        edited(*Text.range(Op.Call->getSourceRange()), Op.Call, Token);
    ArrayRef<Binding> Values = ArrayRef(Op.Results);
    if (Op.error())
      Values = Values.drop_front();
    const Binding *Value = !Values.empty() && isWanted(Op, Values.front())
                               ? &Values.front()
                               : nullptr;
    writtenLine((Value ? bindingPrefix(Op, *Value) : "") + "co_await " + Call +
                ";");
  }

  /// "strand.wrap(" as "bind_executor(strand, ", which takes any token.
  Substitution binding(const CXXMemberCallExpr &Wrap) const {
    StringRef Name = "io_context::strand::wrap";
    std::string Function = qualifiedName(*Wrap.getMethodDecl());
    StringRef Namespace = StringRef(Function).drop_back(Name.size());
    return {{*Text.offset(Wrap.getBeginLoc()),
             *Text.offset(Wrap.getArg(0)->getBeginLoc())},
            Namespace.str() + "bind_executor(" +
                edited(asWritten(Wrap.getImplicitObjectArgument())) + ", "};
  }

  /// The variable for an operation's error: the handler's own parameter, or
  /// an error variable in scope when the handler ignores it.
  std::string errorVariable(const Operation &Op, const Binding &B) {
    StringRef Wanted = B.Decl ? B.Decl->getName() : StringRef("ec");
    const Variable *Known = visible(Wanted);
    if (Known && isFree(*Known, B.Type) && !isCaptured(Op, Wanted)) {
      if (B.Decl)
        Names[B.Decl] = Wanted.str();
      return Wanted.str();
    }
    std::string Name = unique(Wanted);
    writtenLine(declaration(errorType(B), Name) + ";");
    declareAs(B.Decl, Name, B.Type.getNonReferenceType().getUnqualifiedType());
    return Name;
  }

  /// Where the handler does not say it, the name that the file uses.
  std::string errorType(const Binding &B) const {
    StringRef Standard = "std::error_code";
    const CXXRecordDecl *Record =
        B.Type.getNonReferenceType()->getAsCXXRecordDecl();
    bool SaysStandard =
        !B.Decl && Record && qualifiedName(*Record) == Standard &&
        !Text.buffer().contains(B.TypeText) && Text.buffer().contains(Standard);
    return SaysStandard ? Standard.str() : B.TypeText;
  }

  /// "T x = " for a result, or "x = " when such a variable is in scope: the
  /// handler that owned it is over.
  std::string bindingPrefix(const Operation &Op, const Binding &B) {
    StringRef Wanted = B.Decl->getName();
    const Variable *Known = visible(Wanted);
    if (Known && isFree(*Known, B.Type) && !isCaptured(Op, Wanted)) {
      Names[B.Decl] = Wanted.str();
      return (Wanted + " = ").str();
    }
    std::string Name = unique(Wanted);
    declareAs(B.Decl, Name, B.Type.getNonReferenceType().getUnqualifiedType());
    return declaration(B.TypeText, Name) + " = ";
  }

  /// The variable for what an initiation returns. Behind the test of an earlier
  /// one's result there is only what the handler does, so its variable is free;
  /// but where it was refused and starts another, what has a name is still seen
  /// under any other.
  std::string returnedVariable(const Operation &Op) {
    const VarDecl *V = Op.Returned->Variable;
    std::string Name = V ? nameOf(V) : "result";
    if (!V || Op.Returned->IsDeclared) {
      Name = V ? V->getName().str() : Name;
      const Variable *Known = visible(Name);
      bool IsFree =
          Known && (Known->IsOutcome == Variable::Outcome::Unnamed ||
                    (V && Known->IsOutcome == Variable::Outcome::Named));
      if (!IsFree) {
        Name = unique(Name);
        writtenLine("int " + Name + ";");
        declareAs(nullptr, Name, Text.context().IntTy);
      }
    }
    if (V)
      Names[V] = Name;
    // Another variable may have this name by now.
    if (Variable *Known = visible(Name); Known && (!V || V->getName() == Name))
      Known->IsOutcome =
          V ? Variable::Outcome::Named : Variable::Outcome::Unnamed;
    return Name;
  }

  void awaitCall(const Operation &Op, SmallVector<Substitution, 1> Edits) {
    std::string Returns = Op.Returned ? returnedVariable(Op) : "";
    std::string Call = "co_await " + awaited(Op, std::move(Edits));
    if (Op.Returned) {
      Call += "." + Context.Dialect.requestResult() + "(" + Returns + ")";
      if (Op.Returned->InCondition)
        Returned[Op.Returned->InCondition] = Returns;
    }
    nameForCall(Op);
    if (dropsResults(Op))
      return writtenLine(Call + ";");
    bindResults(Op, Call);
  }

  /// No result of \p Op goes to a variable.
  bool dropsResults(const Operation &Op) const {
    return all_of(enumerate(Op.Results), [&](const auto &Result) {
      return !isWanted(Op, Result.value()) &&
             nameless(Op, Result.index()).empty();
    });
  }

  /// The variables for the results of \p Op get \p Value.
  void bindResults(const Operation &Op, const std::string &Value) {
    if (Op.Results.size() == 1) {
      const Binding &Only = Op.Results.front();
      std::string Name = nameless(Op, 0);
      return writtenLine((Name.empty()
                              ? bindingPrefix(Op, Only)
                              : declaration(Only.TypeText, Name) + " = ") +
                         Value + ";");
    }
    std::string Tie;
    for (const auto &[I, B] : enumerate(Op.Results)) {
      Tie += Tie.empty() ? "std::tie(" : ", ";
      if (!isWanted(Op, B)) {
        std::string Name = nameless(Op, I);
        Tie += Name.empty() ? "std::ignore" : Name;
        continue;
      }
      std::string Prefix = bindingPrefix(Op, B);
      if (Prefix != nameOf(B.Decl) + " = ")
        writtenLine(StringRef(Prefix).drop_back(3) + ";");
      Tie += nameOf(B.Decl);
    }
    writtenLine(Tie + ") = " + Value + ";");
  }

  /// What a call without its handler is awaited by. One of a function of others
  /// stands in a lambda, before that.
  std::string awaited(const Operation &Op, SmallVector<Substitution, 1> Edits) {
    if (Op.How != Operation::Form::Callback)
      return callWithoutHandler(Op, std::move(Edits));
    StringRef Name = Op.Call->getDirectCallee()->getName();
    Name.consume_front("async_");
    std::string Start = unique(("start_" + Name).str());
    TextRange Handler = *Text.range(Op.HandlerArgument->getSourceRange());
    // Only the call is where the parameter is.
    StringRef Before = Text.text(
        TextRange{Text.range(Op.Call->getSourceRange())->Begin, Handler.Begin});
    std::string Done = Before.contains("done") ? unique("done") : "done";
    Edits.push_back({Handler, "std::move(" + Done + ")"});
    openBlock("auto " + Start + " = [&](" + Op.HolderText + " " + Done + ")");
    writtenLine(edited(*Text.range(Op.Call->getSourceRange()), Op.Call, Edits) +
                ";");
    closeBlock("};");
    Scopes.back()[Start] = {Text.context().VoidTy};
    return Context.Dialect.callbackFunction() + "<" + Op.SignatureText + ">(" +
           Start + ")";
  }

  std::string callWithoutHandler(const Operation &Op,
                                 SmallVector<Substitution, 1> Edits) const {
    TextRange Call = *Text.range(Op.Call->getSourceRange());
    if (Op.isPlainCall())
      return edited(Call, Op.Call, Edits);
    const Expr *First = Op.HandlerArgument, *Last = Op.Context;
    if (!Op.Handlers.empty()) {
      First = Op.Handlers.front().HandlerArgument;
      Last = Op.Handlers.back().HandlerArgument;
    }
    TextRange Handler = *Text.range(First->getSourceRange());
    if (Last)
      Handler.End = Text.range(Last->getSourceRange())->End;
    for (const Expr *Argument : Op.Call->arguments()) {
      if (asWritten(Argument) == asWritten(First))
        break;
      if (std::optional<TextRange> Before =
              Text.range(Argument->getSourceRange()))
        Handler.Begin = Before->End;
    }
    if (std::optional<TextRange> Behind =
            behindHandler(Op.Handlers.empty() ? Op : Op.Handlers.back(), Text))
      Handler.End = Behind->End;
    Edits.push_back({Handler, ""});
    return edited(Call, Op.Call, Edits);
  }

  //--- Parameters of states ----------------------------------------------//

  void bind(const Node &N) {
    // What goes on as the same is not to be had.
    SmallPtrSet<const VarDecl *, 4> Taken;
    for (const ParmVarDecl *P : N.Target->parameters())
      if (const VarDecl *Same = A.Carried.lookup(P))
        Taken.insert(Same);
    for (auto [Parameter, Argument] :
         zip(N.Target->parameters(), N.Arguments)) {
      if (!Argument)
        continue;
      const VarDecl *From = variableNamedBy(Argument);
      // The variable is done for where it was; the parameter takes it over.
      const VarDecl *Same =
          A.Carried.lookup(dyn_cast_or_null<ParmVarDecl>(From));
      if (From && canTakeOver(*From, *Parameter) &&
          Taken.insert(Same ? Same : From).second) {
        Names[Parameter] = nameOf(From);
        if (Variable *Known = visible(nameOf(From)))
          Known->IsOutcome = Variable::Outcome::No;
        if (References.contains(From))
          References.insert(Parameter);
        continue;
      }
      std::string Value = edited(asWritten(Argument));
      if (!Parameter->getDeclName()) {
        if (Argument->HasSideEffects(Text.context()))
          writtenLine(Value + ";");
        continue;
      }
      if (N.Arguments.size() == 1 && canReuse(*Parameter)) {
        Names[Parameter] = Parameter->getName().str();
        writtenLine(assignment(Names[Parameter], *Argument, Value) + ";");
        continue;
      }
      std::string Name = unique(Parameter->getName());
      writtenLine(declaration(localType(*Parameter), Name) + " = " + Value +
                  ";");
      if (staysReference(*Parameter)) {
        declareAs(Parameter, Name, Parameter->getType());
        References.insert(Parameter);
      } else {
        declareAs(Parameter, Name, valueType(*Parameter));
      }
    }
  }

  /// A variable of its name is in scope that belongs to a function which is
  /// over, and nobody sees whether its old value ends.
  bool canReuse(const ParmVarDecl &Parameter) const {
    QualType Type = Parameter.getType();
    const Variable *Known = visible(Parameter.getName());
    return Known && isFree(*Known, Type) && !Type->isReferenceType() &&
           !Type.isDestructedType();
  }

  bool canTakeOver(const VarDecl &From, const ParmVarDecl &Parameter) const {
    return sameType(From.getType(), Parameter.getType()) &&
           !From.getType().isConstQualified() &&
           (!References.contains(&From) || staysReference(Parameter)) &&
           (nameOf(&From) == Parameter.getName() ||
            !ForeignNames.contains(nameOf(&From)));
  }

  /// Nothing waits or loops before the parameter's last use, so that it may
  /// refer to what it was called with.
  bool staysReference(const ParmVarDecl &P) const {
    return P.getType()->isReferenceType() && !Copied.contains(&P) &&
           !Assigned.contains(&P);
  }

  std::string localType(const ParmVarDecl &P) const {
    if (StringRef Written = declaredType(P, Text);
        staysReference(P) && !Written.empty())
      return Written.str();
    return valueTypeText(P, Text);
  }

  void declareLater(const State &Target) {
    for (const ParmVarDecl *P : Target.parameters()) {
      if (!P->getDeclName() || Target.Unneeded.contains(P) ||
          A.Carried.contains(P))
        continue;
      std::string Name = unique(P->getName());
      bool Zero = P->getType().getNonReferenceType()->isScalarType();
      writtenLine(declaration(valueTypeText(*P, Text), Name) +
                  (Zero ? "{};" : ";"));
      declareAs(P, Name, valueType(*P));
    }
  }

  /// The type of the variable that \p P becomes.
  static QualType valueType(const ParmVarDecl &P) {
    return P.getType().getNonReferenceType().getUnqualifiedType();
  }

  struct Assignment {
    std::string Name, Value;
    const Expr *Argument;
    /// What a variable for the value is declared with.
    std::string Type;
    bool IsTrivial = false;
  };

  std::vector<Assignment> assignments(const Node &N) const {
    std::vector<Assignment> Result;
    for (auto [Parameter, Argument] :
         zip(N.Target->parameters(), N.Arguments)) {
      if (!Argument)
        continue;
      const VarDecl *From = variableNamedBy(Argument);
      if (!Parameter->getDeclName() ||
          (From && nameOf(From) == nameOf(Parameter)))
        continue;
      std::string Value = edited(asWritten(Argument));
      if (Value != nameOf(Parameter))
        Result.push_back(
            {nameOf(Parameter), std::move(Value), Argument,
             sameType(asWritten(Argument)->getType(), Parameter->getType())
                 ? "auto"
                 : valueTypeText(*Parameter, Text),
             valueType(*Parameter).isTriviallyCopyableType(Text.context())});
    }
    return Result;
  }

  void assign(const Node &N) {
    std::vector<Assignment> Assignments = assignments(N);
    // All arguments are evaluated before any parameter changes.
    if (!needOldValues(Assignments)) {
      for (const Assignment &Next : Assignments)
        writtenLine(assignment(Next.Name, *Next.Argument, Next.Value) + ";");
      return;
    }
    for (Assignment &Next : Assignments) {
      std::string Name = unique("next_" + Next.Name);
      writtenLine(Next.Type + " " + Name + " = " + Next.Value + ";");
      Next.Value = Next.IsTrivial ? Name : "std::move(" + Name + ")";
    }
    for (const Assignment &Next : Assignments)
      writtenLine(Next.Name + " = " + Next.Value + ";");
  }

  /// "x = x - 1" as a person writes it, where that is the same.
  std::string assignment(StringRef Name, const Expr &Argument,
                         StringRef Value) const {
    auto IsOld = [&](const Expr *E) {
      const VarDecl *V = variableNamedBy(E);
      return V && nameOf(V) == Name && isCounted(*V);
    };
    const Expr *E = asWritten(&Argument)->IgnoreParens();
    if (const auto *Unary = dyn_cast<UnaryOperator>(E);
        Unary && Unary->isPrefix() && Unary->isIncrementDecrementOp() &&
        IsOld(Unary->getSubExpr()))
      return edited(E);
    if (isStepOfItself(E)) {
      const VarDecl *V =
          variableNamedBy(cast<CXXOperatorCallExpr>(E)->getArg(0));
      if (V && nameOf(V) == Name)
        return edited(E);
    }
    const auto *Binary = dyn_cast<BinaryOperator>(E);
    if (!Binary ||
        !(Binary->isMultiplicativeOp() || Binary->isAdditiveOp() ||
          Binary->isShiftOp() || Binary->isBitwiseOp()) ||
        !IsOld(Binary->getLHS()))
      return (Name + " = " + Value).str();
    const auto *One = dyn_cast<IntegerLiteral>(asWritten(Binary->getRHS()));
    if (One && One->getValue() == 1 && Binary->isAdditiveOp())
      return (Binary->getOpcode() == BO_Add ? "++" : "--") + Name.str();
    return (Name + " " + Binary->getOpcodeStr() + "= " +
            edited(asWritten(Binary->getRHS())))
        .str();
  }

  /// A later argument may look at a parameter that was assigned before.
  bool needOldValues(ArrayRef<Assignment> Assignments) const {
    for (size_t I = 1; I < Assignments.size(); ++I)
      for (const auto &[Variable, Name] : Names)
        if (mentions(Assignments[I].Argument, Variable) &&
            (References.contains(Variable) ||
             refersToOthers(Variable->getType()) ||
             any_of(Assignments.take_front(I), [&](const Assignment &Earlier) {
               return Earlier.Name == Name;
             })))
          return true;
    return false;
  }

  const Agent &A;
  const RenderContext &Context;
  const SourceText &Text;
  RenderedBody Result;
  unsigned Depth = 0;
  bool AtBlockStart = true;
  /// The lambda that is being written.
  const Node *Apart = nullptr;
  /// The statement that was moved last, and where its line ends in the result.
  TextRange LastCode{0, 0};
  size_t LastCodeEnd = 0;
  /// What stands in the text that was edited last for the starts of agents.
  mutable std::vector<std::string> Started;
  /// Where in the result the colon of the label that was moved last ends.
  size_t ColonEnd = 0;
  SmallVector<StringMap<Variable>, 8> Scopes;
  DenseMap<const ValueDecl *, std::string> Names;
  /// The variables that say in which way what was awaited has completed.
  DenseMap<const CallExpr *, std::string> Choices;
  /// What stands in conditions for the result of an initiation.
  DenseMap<const Stmt *, std::string> Returned;
  /// What the agent's code gives away.
  SmallPtrSet<const VarDecl *, 4> Moved;
  /// The operations whose handlers stay functions, and variables for those of
  /// their parameters that have no name.
  SmallPtrSet<const Operation *, 4> Called;
  DenseMap<const ParmVarDecl *, std::string> Unnamed;
  /// The variable that has the error of the operation awaited last.
  std::string LastError;
  UnneededOwners Owners;
  /// Parameters that a handler has captured by value, and those that get a
  /// new value when a state is entered again.
  SmallPtrSet<const ValueDecl *, 8> Copied, Assigned;
  /// Variables of the coroutine that are references.
  SmallPtrSet<const ValueDecl *, 8> References;
  StringSet<> ForeignNames;
  /// What the coroutine's parameters are called, which keep their names.
  StringSet<> HiddenNames;
  /// What the agent's handlers have as members.
  DenseMap<const ValueDecl *, const FunctionObject::Member *> Members;
};

} // namespace

RenderedBody renderBody(const Agent &A, const RenderContext &Context) {
  return Renderer(A, Context).run();
}

} // namespace coralc
