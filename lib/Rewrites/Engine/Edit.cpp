//===--- Edit.cpp - What a plan changes in the user's file ----------------===//

#include "coralc/Rewrites/Engine/Edit.h"
#include "coralc/Model/Records.h"
#include "coralc/Rewrites/Engine/Choice.h"
#include "coralc/Rewrites/Engine/Colour.h"
#include "coralc/Rewrites/Engine/Conditionals.h"
#include "coralc/Rewrites/Engine/CoroutineNames.h"
#include "coralc/Rewrites/Engine/DeducedType.h"
#include "coralc/Rewrites/Engine/Direct.h"
#include "coralc/Rewrites/Engine/Executor.h"
#include "coralc/Rewrites/Engine/HandlerTemplate.h"
#include "coralc/Rewrites/Engine/Includes.h"
#include "coralc/Rewrites/Engine/LaterStart.h"
#include "coralc/Rewrites/Engine/MovedCode.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/StoredHandler.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/QualTypeNames.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// An edit's text as it grows, with the parts that are not the user's.
class EditText {
public:
  EditText &user(StringRef S) {
    Text += S;
    return *this;
  }
  EditText &written(StringRef S) {
    Written.push_back(
        {unsigned(Text.size()), unsigned(Text.size() + S.size())});
    Text += S;
    return *this;
  }
  EditText &body(const RenderedBody &B) {
    for (TextRange R : B.Written)
      Written.push_back(
          {unsigned(Text.size()) + R.Begin, unsigned(Text.size()) + R.End});
    Text += B.Text;
    return *this;
  }

  std::string Text;
  std::vector<TextRange> Written;
};

class AgentEditor {
public:
  AgentEditor(MutableArrayRef<Agent *> Agents, const SourceText &Text,
              const TargetDialect &Dialect, RewriteTarget Target,
              CallbackForm Callbacks)
      : Agents(Agents), Text(Text), Dialect(Dialect), Target(Target),
        Callbacks(Callbacks), Names(Text), Branches(Text) {}

  std::vector<FileEdit> run() {
    if (Dialect.needsExecutor()) {
      LaterStart.emplace(Agents, Text);
      Origins.emplace(Text);
    }
    // A coroutine's text names those that it starts.
    for (Agent *A : Agents)
      prepare(*A);
    if (any_of(Agents, [](const Agent *A) { return A->Why.has_value(); }))
      return {};
    for (const Agent *A : Agents)
      if (A->Entry->Direct && A->Entry->Direct->Repeated)
        edit(*A->Entry->Direct->Repeated);
    // What comes to stand in one place comes in the order of the source.
    std::vector<std::pair<std::optional<unsigned>, size_t>> InOrder;
    for (auto [I, A] : enumerate(Agents))
      InOrder.push_back({Text.offset(anchorOf(*A).getBeginLoc()), I});
    llvm::sort(InOrder);
    for (const auto &[Where, I] : InOrder)
      edit(*Agents[I]);
    addInside();
    if (Edits.empty())
      return {};
    removeHandlerClasses();
    addHelpers();
    // A declaration may begin right behind the includes.
    std::vector<FileEdit> All;
    for (const auto &[File, Uses] : Used) {
      std::vector<TargetDialect::Include> Wanted = Dialect.includes(Uses);
      append_range(Wanted, Moved.lookup(File));
      append_range(All, includeEdits(Text, *File, Wanted, Dialect, Target));
    }
    for (const auto &[File, Uses] : Declared)
      if (!File->IsSource && !Used.contains(File))
        append_range(All, includeEdits(Text, *File,
                                       Dialect.declarationIncludes(Uses),
                                       Dialect, Target));
    append_range(All, std::move(Edits));
    return All;
  }

private:
  /// The agent takes the place of its entry function, its one start becoming
  /// a spawn; or the entry stays, for its callers, and spawns it; or it starts
  /// in the middle of a function, and is spawned there.
  /// Or the entry itself becomes the coroutine, each call of it a spawn or an
  /// await.
  enum class Form {
    InPlace,
    BehindEntry,
    Beside,
    TwinOfCallback,
    Generator,
    Coloured
  };

  void add(TextRange Range, EditText New) {
    Edits.push_back({Range, std::move(New.Text), std::move(New.Written)});
  }

  Form formOf(const Agent &A) const {
    const FunctionDecl &F = *A.Entry->Function;
    if (A.Entry->Generator)
      return Form::Generator;
    if (A.Entry->Delivers)
      return Form::TwinOfCallback;
    if (A.Entry->IsColoured)
      return Form::Coloured;
    if (A.beside())
      return Form::Beside;
    bool Hidden = isa<CXXMethodDecl>(F) || !F.isExternallyVisible();
    if (F.isOverloadedOperator() || A.Starts.size() != 1 ||
        !A.Starts.front().IsStatement || !Hidden || A.hasToStay() ||
        isa<CXXConstructorDecl>(F) || F.getNumParams() != 0 ||
        (isa<CXXMemberCallExpr>(A.Starts.front().Call) &&
         !isOnThis(*A.Starts.front().Call)) ||
        isMoved(A.Starts.front().Caller) ||
        !canStartIn(fileOf(A.Starts.front().Call->getBeginLoc()), F))
      return Form::BehindEntry;
    return Form::InPlace;
  }

  /// The coroutine of \p A is called like its entry.
  static bool keepsName(const Agent &A, Form How) {
    return How == Form::TwinOfCallback || How == Form::Coloured ||
           (How == Form::InPlace && !A.IsLoop);
  }

  /// A header only starts what it defines itself.
  bool canStartIn(const SourceText::File &File, const FunctionDecl &F) const {
    return File.IsSource || &File == &fileOf(F.getBeginLoc());
  }

  /// \p F's body moves into a coroutine, so that nothing in it can be edited
  /// in place.
  bool isMoved(const FunctionDecl *F) const {
    return any_of(Agents, [&](const Agent *A) {
      return any_of(A->States, [&](const State *S) {
        return S->Function == F && !S->IsPart;
      });
    });
  }

  /// The function beside which the coroutine of \p A stands: one that is not
  /// moved away.
  const FunctionDecl &anchorOf(const Agent &A) const {
    const FunctionDecl *F = A.Entry->Function;
    for (size_t Hops = 0; A.beside() && Hops != Agents.size(); ++Hops) {
      auto Owner = find_if(Agents, [&](const Agent *Other) {
        return any_of(Other->States, [&](const State *S) {
          return S->Function == F && !S->IsPart;
        });
      });
      if (Owner == Agents.end() || (*Owner)->Entry->Function == F)
        break;
      F = (*Owner)->Entry->Function;
    }
    return writtenFor(*F);
  }

  //--- One agent ---------------------------------------------------------//

  void prepare(Agent &A) {
    const FunctionDecl &F = *A.Entry->Function;
    if (A.Entry->Direct) {
      A.Why = checkDirect(*A.Entry->Direct, Dialect);
      if (!A.Why && A.Entry->Direct->Reentrant)
        checkSwitches(A, F);
      if (!A.Why && A.Entry->Direct->Repeated)
        A.Why = checkConditionals(*A.Entry->Direct->Repeated);
      return;
    }
    if (A.Entry->Generator && Dialect.generatorType("").empty()) {
      A.Why = Refusal{"target-has-no-generator", F.getLocation(),
                      "this target has no generator for '" + A.Entry->Name +
                          "'; convert to --target=coral"};
      return;
    }
    if (StringRef What = unawaitable(A); !What.empty()) {
      A.Why = Refusal{"target-has-no-request", F.getLocation(),
                      ("this target cannot wait for " + What + ", as '" +
                       A.Entry->Name + "' does; convert to --target=coral")
                          .str()};
      return;
    }
    std::string Executor;
    // What is only waited for goes on where and when the other waits.
    bool IsStarted = !A.Entry->Generator && !A.Entry->IsSharedEnd;
    if (Dialect.needsExecutor() && IsStarted) {
      if (const Operation *First = firstOperation(A))
        if (First->How == Operation::Form::CompletionToken)
          Executor = executorOf(*First, Text, A.beside() ? &F : nullptr);
      if (Executor.empty()) {
        A.Why = Refusal{"no-executor", F.getLocation(),
                        "'" + A.Entry->Name +
                            "' has no object with an executor where it is "
                            "started, which this target needs; convert to "
                            "--target=coral or give it one"};
        return;
      }
    }
    if (Dialect.needsExecutor() && A.AddressTaken) {
      // Whoever calls it would see it return before its operation is started.
      A.Why = addressTaken(*A.Entry, *A.AddressTaken);
      return;
    }
    if (Dialect.needsExecutor() && A.beside() && !checkBorrowed(A))
      return;
    if (Dialect.needsExecutor() && !A.StaysReferred.empty()) {
      const ParmVarDecl &P = **A.StaysReferred.begin();
      A.Why = Refusal{"started-later", P.getLocation(),
                      "what '" + P.getNameAsString() +
                          "' refers to may change or end, or its address may "
                          "be kept, before this target's coroutine begins, "
                          "which would have a copy of it. Take it by value, "
                          "or convert to --target=coral"};
      return;
    }
    if (Dialect.needsExecutor() && !A.Entry->Referred.empty()) {
      // What it refers to may be gone when the coroutine begins.
      A.Why = Refusal{"capture-by-reference", F.getLocation(),
                      "a handler refers to what '" + A.Entry->Name +
                          "' got by reference, which this target's coroutine "
                          "would use only after its caller went on; pass it "
                          "by pointer, or convert to --target=coral"};
      return;
    }
    if (LaterStart && IsStarted && (A.Why = LaterStart->check(A)))
      return;
    for (Agent::Early &E : A.TakenEarly) {
      E.Name = Names.unmentioned(
          A, withoutUnderscore(E.Argument->getMemberDecl()->getName()));
      Inside.push_back({*Text.range(E.Argument->getSourceRange()), E.Name});
    }
    if (Dialect.needsExecutor() && A.Entry->Delivers && keepsEntry(A) &&
        deliversAtOnce(A)) {
      A.Why = Refusal{"started-later", F.getLocation(),
                      "'" + A.Entry->Name +
                          "' may call its callback before it returns; this "
                          "target starts it only then. Convert to "
                          "--target=coral"};
      return;
    }
    if (Dialect.needsExecutor() && F.isOverloadedOperator() && !A.HoldsObject &&
        !A.HoldsSelf) {
      A.Why = Refusal{"started-later", F.getLocation(),
                      "'" + A.Entry->Name +
                          "' may be called on an object that is gone when "
                          "this target starts the operation. Convert to "
                          "--target=coral"};
      return;
    }
    if (!checkSwitches(A, anchorOf(A)))
      return;
    const SourceText::File &Here = fileOf(anchorOf(A).getBeginLoc());
    if ((A.Why = checkMovedCode(A, Here, Text)) ||
        (A.Why = checkMovedNames(A, Text)))
      return;
    Form How = formOf(A);
    if ((A.Why = checkConditionals(A, How)))
      return;
    if (How == Form::Generator)
      A.Coroutine = "values";
    else if (!keepsName(A, How))
      A.Coroutine = Names.of(A, How == Form::Beside);
    else if (F.getDeclName().isIdentifier())
      A.Coroutine = F.getName().str();
    Executors[&A] = std::move(Executor);
    forEachNode(A.Body, [&](const Node &N) {
      if (N.What == Node::Kind::Await)
        N.Op->ResumesOn = resumesOn(A, *N.Op);
    });
  }

  /// Other builds may compile other text. No function of \p A may be moved into
  /// or out of what is compiled in some builds only, nor go where such text
  /// names it.
  std::optional<Refusal> checkConditionals(const Agent &A, Form How) const {
    unsigned Here = Branches.branchOf(*Text.offset(anchorOf(A).getBeginLoc()));
    for (const State *S : A.States) {
      const FunctionDecl &F = *S->Function;
      bool Stays = S->IsPart || (S == A.Entry && How != Form::InPlace &&
                                 How != Form::Coloured);
      unsigned Branch = Branches.branchOf(*Text.offset(F.getBeginLoc()));
      if (Branch != Here)
        return Refusal{"preprocessor-in-the-way", F.getLocation(),
                       "'" + S->Name +
                           "' stands in another branch of an #if than the "
                           "coroutine that it would become a part of"};
      if (!Stays && F.getDeclName().isIdentifier() &&
          Branches.isNamedOutside(F.getName(), Branch))
        return Refusal{"preprocessor-in-the-way", F.getLocation(),
                       "'" + S->Name +
                           "' would go, and is named between #if and #endif, "
                           "in code that other builds may compile"};
    }
    return std::nullopt;
  }

  /// A callback that becomes a coroutine is no callback for text that is not
  /// seen.
  std::optional<Refusal> checkConditionals(const RepeatedCallback &Code) const {
    const FunctionDecl &F = *Code.Function;
    unsigned Branch = Branches.branchOf(*Text.offset(F.getLocation()));
    if (Code.Lambda || !Branches.isNamedOutside(F.getName(), Branch))
      return std::nullopt;
    return Refusal{"preprocessor-in-the-way", F.getLocation(),
                   "'" + F.getQualifiedNameAsString() +
                       "' is named between #if and #endif, in code that other "
                       "builds may compile"};
  }

  /// What \p A waits for and this target cannot; empty when there is nothing.
  StringRef unawaitable(const Agent &A) const {
    if (Dialect.requestFunction().empty() &&
        awaits(A, Operation::Form::Request))
      return "libuv";
    if (Dialect.callbackFunction().empty() &&
        awaits(A, Operation::Form::Callback))
      return "a callback";
    return "";
  }

  static bool awaits(const Agent &A, Operation::Form How) {
    bool Found = false;
    forEachNode(A.Body,
                [&](const Node &N) { Found |= N.waits() && N.Op->How == How; });
    return Found;
  }

  /// Whoever includes the header of \p Anchor sees a coroutine of \p A.
  bool checkSwitches(Agent &A, const FunctionDecl &Anchor) const {
    if (!isInHeader(*Anchor.getFirstDecl()) || hasCoroutines(Text, Dialect))
      return true;
    A.Why = Refusal{"coroutines-switched-off", A.Entry->Function->getLocation(),
                    "'" + A.Entry->Name +
                        "' is declared in a header, and the other files "
                        "that include it have no coroutines of this target "
                        "with the flags in use; turn them on for the whole "
                        "program, or convert to --target=coral"};
    return false;
  }

  /// co_spawn posts, so that the operation starts when the code around it has
  /// gone on: what it works on must be there then.
  bool checkBorrowed(Agent &A) {
    const FunctionDecl &F = *A.Entry->Function;
    if (F.isMain() || hasOwnContext(firstOperation(A), objectOf(*A.beside())))
      return true;
    for (const Borrowed &B : A.Entry->Uses)
      if (refersTo(A, B)) {
        A.Why = Refusal{
            "started-later", A.beside()->getBeginLoc(),
            ("'" + A.Entry->Name + "' may have returned, and with it gone '" +
             B.Variable->getName() +
             "'; this target starts the operation only then. Convert to "
             "--target=coral")
                .str()};
        return false;
      }
    return true;
  }

  /// The coroutine of \p A gets a reference to what it borrows. Where it
  /// starts when its function may have returned, it takes along what it can.
  bool refersTo(const Agent &A, const Borrowed &B) const {
    const FunctionDecl &F = *A.Entry->Function;
    return B.ByReference &&
           (!Dialect.needsExecutor() || F.isMain() ||
            hasOwnContext(firstOperation(A), objectOf(*A.beside())) ||
            !canTakeAlong(A, *B.Variable));
  }

  /// A copy of \p V is as good for the coroutine as the variable itself.
  bool canTakeAlong(const Agent &A, const VarDecl &V) const {
    QualType Type = V.getType().getNonReferenceType();
    const CXXRecordDecl *Record = Type->getAsCXXRecordDecl();
    if (Type->isArrayType() ||
        (Record && (!Record->hasDefinition() || !isCopyable(*Record))))
      return false;
    if (V.getType()->isReferenceType())
      return Type.isConstQualified() && !(Record && Record->isPolymorphic());
    std::optional<unsigned> Start = Text.offset(A.beside()->getEndLoc());
    return Start && !isUsedBehind(*A.Entry->Function->getBody(), V, *Start);
  }

  /// All of \p Op, which works on \p Object, is over when the function that
  /// starts it returns.
  static bool hasOwnContext(const Operation *Op, const ValueDecl *Object) {
    return Op && Op->How == Operation::Form::CompletionToken &&
           asWritten(Op->HandlerArgument) == Op->Handler &&
           runsInItsFunction(dyn_cast_or_null<VarDecl>(Object));
  }

  /// The variable or member on which \p Call works.
  static const ValueDecl *objectOf(const CallExpr &Call) {
    const Expr *Object = nullptr;
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      Object = Member->getImplicitObjectArgument();
    else if (Call.getNumArgs() > 0)
      Object = Call.getArg(0);
    if (const auto *Arrow = dyn_cast_or_null<CXXOperatorCallExpr>(
            Object ? asWritten(Object) : nullptr))
      Object = Arrow->getArg(0);
    if (const VarDecl *Variable = Object ? variableNamedBy(Object) : nullptr)
      return Variable;
    Object = Object ? asWritten(Object) : nullptr;
    if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Object))
      return Ref->getDecl();
    if (const auto *Member = dyn_cast_or_null<MemberExpr>(Object))
      return Member->getMemberDecl();
    return nullptr;
  }

  bool isUsedBehind(const Stmt &Body, const ValueDecl &D,
                    unsigned Start) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const SourceText &Text;
      const ValueDecl &D;
      unsigned Start;
      bool Found = false;
      Visitor(const SourceText &Text, const ValueDecl &D, unsigned Start)
          : Text(Text), D(D), Start(Start) {}
      bool use(const ValueDecl *Used, SourceLocation Where) {
        std::optional<unsigned> At = Text.offset(Where);
        Found |= Used == &D && (!At || *At > Start);
        return true;
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        return use(E->getDecl(), E->getLocation());
      }
      bool VisitMemberExpr(const MemberExpr *E) override {
        return use(E->getMemberDecl(), E->getMemberLoc());
      }
    } V(Text, D, Start);
    V.TraverseStmt(&Body);
    return V.Found;
  }

  void edit(const ReentrantCode &Code) {
    const SourceText::File &File = fileOf(Code.Function->getBeginLoc());
    StringRef Rethrow = Dialect.needsExecutor() ? rethrowIn(File) : StringRef();
    append_range(
        Edits,
        editReentrant(Code, Text, Dialect, Rethrow, [&](StringRef Wanted) {
          return Names.unique(Wanted, Code.Function->getParent());
        }));
    // What the macros need goes with the last of them.
    if (++Reentrants[&File] == Code.Together)
      for (TextRange Line : reentrantIncludes(Text, File))
        add(Line, EditText());
    TargetDialect::Uses &Uses = Used[&File];
    Uses.Tasks = true;
    for (const ReentrantCode::Yield &Y : Code.Yields)
      Uses.ErrorsRedirected |= Y.Op && Y.Op->error();
    for (const FunctionDecl *F : Code.Function->redecls())
      Declared[&fileOf(F->getBeginLoc())].Tasks = true;
  }

  void edit(const RepeatedCallback &Code) {
    if (Events.empty())
      Events = Names.unique("events");
    append_range(Inside,
                 editRepeated(Code, Text, Dialect, Events, depthOf(Code)));
    auto Note = [&](SourceLocation Where) {
      TargetDialect::Uses &Uses = Used[&fileOf(Where)];
      Uses.Tasks = Uses.Events = true;
    };
    for (const FunctionDecl *F : Code.Function->redecls())
      Note(F->getLocation());
    for (const CallExpr *Call : Code.Starts)
      Note(Call->getBeginLoc());
  }

  /// How many loops are written around \p Code.
  unsigned depthOf(const RepeatedCallback &Code) const {
    TextRange Here = *Text.range(Code.body().getSourceRange());
    return count_if(Agents, [&](const Agent *A) {
      const RepeatedCallback *Other =
          A->Entry->Direct ? A->Entry->Direct->Repeated.get() : nullptr;
      if (!Other)
        return false;
      TextRange Around = *Text.range(Other->body().getSourceRange());
      return Around.Begin < Here.Begin && Here.End < Around.End;
    });
  }

  /// Changes in place what has not gone elsewhere with the code around it.
  void addInside() {
    std::vector<FileEdit> InPlace;
    for (Substitution &S : Inside) {
      bool Moved = any_of(Edits, [&](const FileEdit &E) {
        return E.Range.Begin <= S.Range.Begin && S.Range.Begin < E.Range.End;
      });
      if (Moved)
        continue;
      std::vector<TextRange> Written;
      size_t LineEnd = StringRef(S.Text).take_while(isSpace).size();
      if (LineEnd != S.Text.size())
        Written.push_back({unsigned(LineEnd), unsigned(S.Text.size())});
      InPlace.push_back({S.Range, std::move(S.Text), std::move(Written)});
    }
    append_range(Edits, std::move(InPlace));
  }

  void edit(const DirectCode &Code) {
    // That is written by now.
    if (Code.Repeated)
      return;
    if (Code.Reentrant)
      return edit(*Code.Reentrant);
    append_range(Edits, editDirect(Code, Text, Dialect, [&](const CallExpr &C) {
                   return rethrowIn(fileOf(C.getBeginLoc()));
                 }));
    for (const DirectCode::Start &Start : Code.Starts)
      Used[&fileOf(Start.Call->getBeginLoc())].Tasks = true;
    for (const DirectCode::Await &Await : Code.Awaits) {
      TargetDialect::Uses &Uses = Used[&fileOf(Await.Call->getBeginLoc())];
      Uses.ErrorsRedirected |= Await.Error != nullptr;
      Uses.ExecutorsBound |= Await.WantsExecutor && !Dialect.needsExecutor();
    }
    for (const DirectCode::Coroutine &C : Code.Coroutines)
      for (const FunctionDecl *F : C.Function->redecls()) {
        const SourceText::File &File = fileOf(F->getBeginLoc());
        (File.IsSource ? Used : Declared)[&File].Tasks = true;
      }
  }

  void edit(Agent &A) {
    if (A.Entry->Direct)
      return edit(*A.Entry->Direct);
    const FunctionDecl &F = *A.Entry->Function;
    Form How = formOf(A);
    noteUses(A);
    Layout Style = Layout::of(F, Text);
    const FunctionDecl *Home = laterHome(A, anchorOf(A), Text);
    unsigned Begin = *Text.offset((Home ? *Home : F).getBeginLoc());
    unsigned Indent = Text.indentation(Begin).size();
    const SourceText::File &Here = fileOf(anchorOf(A).getBeginLoc());
    append_range(Moved[&Here], includesOfMovedCode(A, Here, Text));
    auto Start = [&](const CallExpr &Call, NameOf NameOf, WrittenAs Written) {
      for (const Agent *Other : Agents)
        if (Other != &A && Other->beside() == &Call)
          return startText(*Other, Here, NameOf);
      if (!isSpawned(Call))
        return std::string();
      Used[&Here].Tasks = true;
      auto [Before, Behind] = spawnAround(Call);
      return Before + Written(spawnedPart(Call)) + Behind;
    };
    RenderedBody Body = renderBody(
        A, RenderContext{Text, Dialect, Start, Inside, Style, Indent});
    if (!Inside.empty() && StringRef(Body.Text).contains(Dialect.eventsStart()))
      Used[&Here].Events = true;
    Coroutine C{A, Body, Style, Indent, Home};
    switch (How) {
    case Form::Beside:
      if (!isInMovedCode(*A.beside())) {
        replaceStart(A);
        removeStored(A);
      }
      addDefinition(C);
      break;
    case Form::InPlace:
      replaceEntry(C);
      replaceStart(A);
      break;
    case Form::BehindEntry:
      keepEntry(C);
      break;
    case Form::TwinOfCallback:
      addTwin(C);
      break;
    case Form::Coloured:
      replaceEntry(C);
      spawnCalls(A);
      break;
    case Form::Generator:
      replaceEntry(C);
      for (const PullGenerator::Loop &Loop : A.Entry->Generator->Loops)
        replaceLoop(Loop, A.Entry->Generator->ValueText, A.Coroutine);
      for (const Decl *D : A.Entry->Generator->Obsolete)
        removeDeclaration(D->getSourceRange());
      break;
    }
    for (const State *S : A.States)
      if ((A.beside() || S->Function != A.Entry->Function) && !S->IsPart)
        for (const FunctionDecl *F : S->Function->redecls())
          if (F != Home)
            removeDeclaration(F->getSourceRange());
  }

  /// \p Call is of what becomes a coroutine by its colour, and goes on while
  /// that waits.
  bool isSpawned(const CallExpr &Call) const {
    return !isAwaited(&Call) && any_of(Agents, [&](const Agent *A) {
      return A->Entry->IsColoured &&
             any_of(A->Starts, [&](const StartSite &Start) {
               return Start.Call == &Call;
             });
    });
  }

  /// Makes a spawn of each call of \p A's entry that nobody waits for and that
  /// stays where it is.
  void spawnCalls(const Agent &A) {
    for (const StartSite &Start : A.Starts) {
      if (isAwaited(Start.Call) || isInMovedCode(*Start.Call))
        continue;
      Used[&fileOf(Start.Call->getBeginLoc())].Tasks = true;
      auto [Before, Behind] = spawnAround(*Start.Call);
      TextRange Kept = *Text.range(spawnedPart(*Start.Call).getSourceRange());
      EditText Open, Close;
      Open.written(Before);
      Close.written(Behind);
      add({Kept.Begin, Kept.Begin}, std::move(Open));
      add({Kept.End, Text.range(Start.Call->getSourceRange())->End},
          std::move(Close));
    }
  }

  /// What stays of \p Call where it is spawned: a temporary that owns the
  /// object is handed over, and the call made on that.
  static const Expr &spawnedPart(const CallExpr &Call) {
    const Expr *Owner = temporaryOwner(Call);
    return Owner ? *Owner : Call;
  }

  /// What stands before and behind that.
  std::pair<std::string, std::string> spawnAround(const CallExpr &Call) const {
    std::string Spawn = Dialect.spawn("@", "", "");
    auto [Before, Behind] = StringRef(Spawn).split('@');
    if (!temporaryOwner(Call))
      return {Before.str(), Behind.str()};
    std::string Name = Call.getDirectCallee()->getNameAsString();
    return {(Before + "[self = ").str(),
            ("] { return self->" + Name + "(); }" + Behind).str()};
  }

  /// \p Call moves into a coroutine, with what is around it.
  bool isInMovedCode(const CallExpr &Call) const {
    return any_of(Agents, [&](const Agent *A) {
      bool Found = false;
      forEachNode(A->Body, [&](const Node &N) { Found |= movesCall(N, Call); });
      return Found;
    });
  }

  /// The file of the text in which \p Where is.
  const SourceText::File &fileOf(SourceLocation Where) const {
    return Text.fileOf(*Text.offset(Where));
  }

  void noteUses(const Agent &A) {
    TargetDialect::Uses &Uses = Used[&fileOf(anchorOf(A).getBeginLoc())];
    if (A.Entry->Generator) {
      Uses.Generators = true;
      return;
    }
    Uses.Tasks = true;
    Uses.Choices |= A.Entry->Delivers && A.Entry->Delivers->hasChoice();
    forEachNode(A.Body, [&](const Node &N) {
      if (N.What != Node::Kind::Await)
        return;
      bool TakesToken = N.Op->How == Operation::Form::CompletionToken;
      Uses.Tokens |= TakesToken;
      Uses.Requests |= N.Op->How == Operation::Form::Request;
      Uses.Callbacks |= N.Op->How == Operation::Form::Callback;
      Uses.ErrorsRedirected |= TakesToken && N.Op->error();
      Uses.ExecutorsBound |=
          strandWrap(*N.Op) != nullptr || !N.Op->ResumesOn.empty();
    });
  }

  std::string resultType(const Agent &A) const {
    if (A.Entry->Generator)
      return Dialect.generatorType(A.Entry->Generator->ValueText);
    if (!A.Entry->Delivers)
      return Dialect.taskType("void");
    return Dialect.taskType(deliveredType(*A.Entry->Delivers));
  }

  /// A coroutine of this target goes on where it was started, or where the one
  /// that waits for it was, whatever object an operation works on.
  std::string resumesOn(const Agent &A, const Operation &Op) const {
    if (!Dialect.needsExecutor() ||
        Op.How != Operation::Form::CompletionToken ||
        Origins->areAllTheSame() || hasBoundExecutor(Op))
      return "";
    return isStartedOn(A, Op) ? "" : executorOf(Op, Text, A.Entry->Function);
  }

  /// Whoever starts \p A does so on the executor of the object of \p Op.
  bool isStartedOn(const Agent &A, const Operation &Op) const {
    if (A.Entry->IsColoured)
      return all_of(Agents, [&](const Agent *Other) {
        return !waitsFor(*Other, *A.Entry) || isStartedOn(*Other, Op);
      });
    const Operation *First = firstOperation(A);
    return !A.Entry->Delivers && First && Origins->isSame(*First, Op);
  }

  /// A parameter of a coroutine, and what it gets at the start.
  struct Parameter {
    const ValueDecl *Decl;
    std::string Type;
    bool ByReference = false;
    /// The start may give its own value up.
    bool Moves = false;
    /// Its own name, where that is not the one of what it gets.
    StringRef Name = {};
  };

  /// The coroutine's parameters: what it uses of its entry's, or, where it is
  /// called in the entry's place, all but the callback; or what it uses of the
  /// function in whose middle it starts. They are values unless that function
  /// goes on working with them.
  SmallVector<Parameter, 4> coroutineParameters(const Agent &A) const {
    SmallVector<Parameter, 4> Result;
    PrintingPolicy Policy(Text.context().getLangOpts());
    Policy.SuppressTagKeyword = true;
    for (const Borrowed &B : A.Entry->Uses) {
      QualType Type = B.Variable->getType().getNonReferenceType();
      bool ByReference = refersTo(A, B);
      // What a deduced type is written in may have no name here.
      bool IsDeduced = B.Variable->getType()->getContainedDeducedType();
      if (IsDeduced && !canBeNamed(Type)) {
        Result.push_back(
            {B.Variable,
             ByReference && Type.isConstQualified() ? "const auto" : "auto",
             ByReference, false});
        continue;
      }
      if (!ByReference)
        Type = Type.getUnqualifiedType();
      std::string Written = IsDeduced
                                ? deducedType(*B.Variable, Type, Text, Policy)
                                : Type.getAsString(Policy);
      Result.push_back(
          {B.Variable, std::move(Written), ByReference, B.IsMoved});
    }
    for (const Agent::Early &E : A.TakenEarly) {
      const auto *Field = cast<FieldDecl>(E.Argument->getMemberDecl());
      Result.push_back(
          {Field, valueTypeText(*Field, Text), false, false, E.Name});
    }
    const std::optional<Delivery> &Delivers = A.Entry->Delivers;
    for (const ParmVarDecl *P : A.Entry->parameters())
      if (Delivers ? !Delivers->replaces(P)
                   : A.Entry->IsColoured ||
                         mentions(A.Entry->Function->getBody(), P)) {
        bool ByReference = A.getsReference(*P);
        Result.push_back(
            {P,
             ByReference ? referredTypeText(*P, Text) : valueTypeText(*P, Text),
             ByReference,
             ByReference ? P->getType()->isRValueReferenceType()
                         : !isCheapToCopy(*P)});
      }
    return Result;
  }

  /// \p F is declared in a header, where the names of the main file mean
  /// nothing.
  bool isInHeader(const FunctionDecl &F) const {
    return !Text.isInSource(F.getSourceRange());
  }

  /// The type of \p P as it is written beside \p Beside.
  std::string typeText(const Parameter &P, const FunctionDecl &Beside) const {
    if (!isInHeader(Beside))
      return P.Type;
    if (const auto *Own = dyn_cast<ParmVarDecl>(P.Decl);
        Own &&
        declaresSameEntity(
            &writtenFor(*cast<FunctionDecl>(Own->getDeclContext())), &Beside)) {
      const ParmVarDecl &There =
          *Beside.getParamDecl(Own->getFunctionScopeIndex());
      return P.ByReference ? referredTypeText(There, Text)
                           : valueTypeText(There, Text);
    }
    PrintingPolicy Policy(Text.context().getLangOpts());
    QualType Type = P.Decl->getType().getNonReferenceType();
    return TypeName::getFullyQualifiedName(
        P.ByReference ? Type : Type.getUnqualifiedType(), Text.context(),
        Policy);
  }

  std::string parameterList(const Agent &A, const FunctionDecl &Beside) const {
    std::string Result;
    for (const Parameter &P : coroutineParameters(A)) {
      if (!Result.empty())
        Result += ", ";
      std::string Type = typeText(P, Beside);
      if (P.Decl->getDeclName())
        Type = declaration(
            Type, (!P.ByReference                               ? ""
                   : P.Decl->getType()->isRValueReferenceType() ? "&&"
                                                                : "&") +
                      (P.Name.empty() ? P.Decl->getName() : P.Name).str());
      Result += Type;
    }
    return Result;
  }

  /// The function's specifiers that a coroutine keeps ("static ") where it is
  /// written beside \p Beside.
  std::string specifiers(const Agent &A, const FunctionDecl &Beside) const {
    const FunctionDecl &F = *A.Entry->Function;
    bool IsMember = isa<CXXMethodDecl>(F);
    bool IsStatic = F.getStorageClass() == SC_Static ||
                    (A.beside() && !IsMember && !F.isInlined());
    if (IsStatic && !F.isOutOfLine())
      return "static ";
    // Several files may define a template.
    bool IsInline =
        (Beside.isOutOfLine() ? Beside : F).isInlined() ||
        (isReadForTemplate(F) && writtenFor(F).isExternallyVisible());
    return IsInline && (!IsMember || Beside.isOutOfLine()) ? "inline " : "";
  }

  /// What the coroutine of \p A is declared as beside \p Beside, a declaration
  /// of its anchor.
  std::string signature(const Agent &A, const FunctionDecl &Beside) const {
    const FunctionDecl &F = *A.Entry->Function;
    std::string Qualifier;
    if (Beside.isOutOfLine())
      if (NestedNameSpecifierLoc Loc = Beside.getQualifierLoc())
        Qualifier = Text.text(Loc.getSourceRange()).str();
    std::string Const;
    if (const auto *Method = dyn_cast<CXXMethodDecl>(&F))
      Const = Method->isConst() ? " const" : "";
    return specifiers(A, Beside) + resultType(A) + " " + Qualifier +
           A.Coroutine + "(" + parameterList(A, Beside) + ")" + Const;
  }

  TextRange definitionRange(const FunctionDecl &F) const {
    return *Text.range(wholeRange(F));
  }

  static StringRef bodySeparator(const Layout &Style, std::string &Storage,
                                 unsigned Indent) {
    Storage =
        Style.BraceOnOwnLine ? "\n" + std::string(Indent, Style.Blank) : " ";
    return Storage;
  }

  /// How a coroutine is written.
  struct Coroutine {
    const Agent &A;
    const RenderedBody &Body;
    const Layout &Style;
    unsigned Indent;
    /// It is only declared beside its entry, and defined where this was.
    const FunctionDecl *Home;
  };

  void replaceEntry(const Coroutine &C) {
    if (C.Home)
      defineAtHome(C);
    for (const FunctionDecl *F : declarationsOf(*C.A.Entry->Function)) {
      EditText New;
      New.written(signature(C.A, *F));
      bool IsDefinition = F->isThisDeclarationADefinition();
      if (IsDefinition && C.Home && F->isOutOfLine()) {
        removeDeclaration(F->getSourceRange());
      } else if (IsDefinition && C.Home) {
        add(definitionRange(*F), std::move(New.written(";")));
      } else if (IsDefinition) {
        unsigned Brace = *Text.offset(F->getBody()->getBeginLoc());
        // What stands between the parameters and the brace is the user's.
        unsigned After = signatureEnd(*F);
        New.user(Text.buffer().slice(After, Brace)).body(C.Body);
        add(definitionRange(*F), std::move(New));
      } else {
        noteDeclaration(C.A, *F);
        add(definitionRange(*F), std::move(New));
      }
    }
  }

  /// Behind the parameter list and what qualifies it.
  unsigned signatureEnd(const FunctionDecl &F) const {
    unsigned Brace = *Text.offset(F.getBody()->getBeginLoc());
    return Text.buffer().take_front(Brace).rtrim().size();
  }

  /// The task to start, as an expression, or as a lambda that holds what the
  /// task needs while it runs.
  std::string taskExpression(const Agent &A, NameOf NameOf) const {
    std::string Captures =
        A.HoldsObject
            ? (A.MovesObject ? "self = std::move(*this)" : "self = *this")
            : "this, self = shared_from_this()";
    // What is awaited holds its object itself, but only until it is over.
    bool IsHeld = A.HoldsSelf;
    std::string Arguments;
    bool Moves = false;
    for (const Parameter &P : coroutineParameters(A)) {
      if (!Arguments.empty())
        Arguments += ", ";
      if (IsHeld && !P.Name.empty()) {
        Arguments += P.Name;
        Captures += (", " + P.Name + " = " + P.Decl->getName()).str();
        continue;
      }
      if (!P.Decl->getDeclName()) {
        Arguments += P.Type + "()";
        continue;
      }
      std::string Name = NameOf(*P.Decl);
      bool MovesCapture = P.Moves && !P.ByReference;
      Moves |= MovesCapture;
      Arguments += P.Moves ? "std::move(" + Name + ")" : Name;
      Captures += (P.ByReference ? ", &" : ", ") + Name +
                  (MovesCapture ? " = std::move(" + Name + ")" : "");
    }
    std::string Call = A.Coroutine + "(" + Arguments + ")";
    if (A.HoldsObject)
      return "[" + Captures + "]() mutable { return self." + Call + "; }";
    if (!IsHeld)
      return Call;
    return "[" + Captures + "]" + (Moves ? "() mutable" : "") + " { return " +
           Call + "; }";
  }

  bool isCheapToCopy(const ParmVarDecl &P) const {
    return P.getType().isTriviallyCopyableType(Text.context()) ||
           (P.getType()->isReferenceType() &&
            P.getType()->getPointeeType().isConstQualified());
  }

  /// What starts \p A in \p File.
  std::string startText(const Agent &A, const SourceText::File &File,
                        NameOf NameOf) {
    std::string Task = taskExpression(A, NameOf);
    StringRef Executor = Executors.find(&A)->second;
    Used[&File].Tasks = true;
    if (!A.Entry->Delivers)
      return Dialect.spawn(Task, Executor, rethrowIn(File));
    return Dialect.deliver(Task, Executor, *A.Entry->Delivers);
  }

  std::string startText(const Agent &A, const SourceText::File &File) {
    return startText(A, File,
                     [](const ValueDecl &D) { return D.getNameAsString(); });
  }

  /// The function in \p File that rethrows what ended a coroutine.
  StringRef rethrowIn(const SourceText::File &File) {
    if (!Dialect.needsExecutor())
      return "";
    std::string &Name = Rethrow[&File];
    if (Name.empty())
      Name = Names.unique("rethrow");
    return Name;
  }

  void replaceStart(const Agent &A) {
    EditText New;
    const CallExpr &Call = *A.Starts.front().Call;
    New.written(startText(A, fileOf(Call.getBeginLoc())));
    add(*Text.range(Call.getSourceRange()), std::move(New));
  }

  /// The body of \p A's entry where that stays. Its brace stays where it is.
  EditText startBody(const Agent &A, const Layout &Style) {
    const FunctionDecl &F = *A.Entry->Function;
    const SourceText::File &Here = fileOf(F.getBeginLoc());
    unsigned Indent = Text.indentation(*Text.offset(F.getBeginLoc())).size();
    EditText Body;
    Body.user("{\n" + std::string(Indent + Style.Width, Style.Blank))
        .written(startText(A, Here) + ";")
        .user("\n" + std::string(Indent, Style.Blank) + "}");
    return Body;
  }

  void keepEntry(const Coroutine &C) {
    const FunctionDecl &F = *C.A.Entry->Function;
    add(*Text.range(F.getBody()->getSourceRange()), startBody(C.A, C.Style));
    addDefinition(C);
  }

  /// The line before \p At is part of something else.
  bool followsCode(unsigned At) const {
    StringRef Before = Text.buffer().take_front(At);
    if (!Before.consume_back("\n"))
      return false;
    Before = Before.rtrim(" \t\r");
    return !Before.empty() && !Before.ends_with("\n") && !Before.ends_with("{");
  }

  /// Writes \p C out beside \p Beside.
  void define(const Coroutine &C, const FunctionDecl &Beside,
              EditText &To) const {
    std::string Separator;
    if (const State *Next = C.A.next(); Next && !Next->IsPart) {
      unsigned Begin = *Text.offset(Next->Function->getBeginLoc());
      To.user(Text.text(
          TextRange{Text.leadingComments(Begin), Text.lineBegin(Begin)}));
    }
    To.user(std::string(C.Indent, C.Style.Blank))
        .written(signature(C.A, Beside))
        .user(bodySeparator(C.Style, Separator, C.Indent))
        .body(C.Body)
        .user("\n");
  }

  void defineAtHome(const Coroutine &C) {
    TextRange Gone = definitionRange(*C.Home);
    EditText New;
    define(C, *C.Home, New);
    add({Text.leadingComments(Gone.Begin), Text.lineEnd(Gone.End)},
        std::move(New));
  }

  /// Puts the coroutine beside its entry: members behind it, unless the class
  /// has a private section and nobody else is to call it, and free functions
  /// before it, where the entry can call them. It is only declared there if
  /// what it names comes later.
  void addDefinition(const Coroutine &C) {
    const FunctionDecl &F = anchorOf(C.A);
    TextRange Whole = definitionRange(F);
    bool Before = !isa<CXXMethodDecl>(F);
    bool NamesEntry = Before && !C.Home && namesEntry(C, F);
    // Who called the function with a callback may wait for its twin.
    std::optional<unsigned> Private =
        C.A.Entry->Delivers ? std::nullopt
                            : privateSection(*F.getFirstDecl(), Text);
    bool Apart = Private && !F.isOutOfLine();
    unsigned Behind = Text.lineEnd(Whole.End);
    unsigned At = Before  ? Text.leadingComments(Whole.Begin)
                  : Apart ? Text.lineEnd(*Private)
                          : Behind;
    EditText New;
    if ((!Before && !Apart) || (Before && followsCode(At)))
      New.user("\n");
    if (C.Home || NamesEntry)
      New.user(Text.indentation(Whole.Begin))
          .written(signature(C.A, F) + ";")
          .user("\n");
    else
      define(C, F, New);
    if (Before || Apart)
      New.user("\n");
    // A class declares it already.
    if (!C.Home || !F.isOutOfLine())
      add({At, At}, std::move(New));
    if (C.Home)
      defineAtHome(C);
    if (NamesEntry) {
      EditText Definition;
      define(C, F, Definition.user("\n"));
      add({Behind, Behind}, std::move(Definition));
    }
    if (F.isOutOfLine())
      declareIn(*F.getFirstDecl(), Private, C.A);
  }

  /// Declares the coroutine of \p A in a class, behind \p Declaration or
  /// \p Private.
  void declareIn(const FunctionDecl &Declaration,
                 std::optional<unsigned> Private, const Agent &A) {
    noteDeclaration(A, Declaration);
    TextRange Declared = definitionRange(Declaration);
    EditText Declare;
    Declare.user(Text.indentation(Declared.Begin))
        .written(signature(A, Declaration) + ";")
        .user("\n");
    unsigned Behind = Text.lineEnd(Private.value_or(Declared.End));
    add({Behind, Behind}, std::move(Declare));
  }

  /// \p C names its entry \p F, which is not declared before.
  bool namesEntry(const Coroutine &C, const FunctionDecl &F) const {
    StringSet<> Named;
    addIdentifiers(C.Body.Text, Text.context().getLangOpts(), Named);
    return F.isFirstDecl() && F.getDeclName().isIdentifier() &&
           F.getName() != C.A.Coroutine && Named.contains(F.getName());
  }

  void addTwin(const Coroutine &C) {
    if (keepsEntry(C.A))
      keepEntry(C);
    else
      replaceEntry(C);
    if (Callbacks == CallbackForm::Deprecated)
      deprecate(*writtenFor(*C.A.Entry->Function).getFirstDecl());
  }

  /// The callback function of \p A stays beside its coroutine.
  bool keepsEntry(const Agent &A) const {
    bool CallersRemain = any_of(A.Starts, [&](const StartSite &Start) {
      return !isAwaited(Start.Call);
    });
    return CallersRemain || A.Starts.empty() || A.hasToStay() ||
           Callbacks == CallbackForm::Deprecated;
  }

  /// On some way \p A comes to its callback before it waits.
  bool deliversAtOnce(const Agent &A) const {
    SmallPtrSet<const Agent *, 4> Asked;
    return deliversAtOnce(A, Asked);
  }

  bool deliversAtOnce(const Agent &A,
                      SmallPtrSetImpl<const Agent *> &Asked) const {
    bool Delivers = false;
    if (Asked.insert(&A).second)
      goesThrough(A.Body, Asked, Delivers);
    return Delivers;
  }

  /// Some way leads through or out of \p Nodes that neither waits nor ends
  /// there. \p Delivers is set where one ends at the callback.
  bool goesThrough(const Block &Nodes, SmallPtrSetImpl<const Agent *> &Asked,
                   bool &Delivers) const {
    for (const Node &N : Nodes) {
      bool GoesOn = true;
      if (N.What == Node::Kind::If) {
        bool Then = goesThrough(N.Body, Asked, Delivers);
        GoesOn = goesThrough(N.Else, Asked, Delivers) || Then;
      } else if (N.What == Node::Kind::Loop) {
        GoesOn = goesThrough(N.Body, Asked, Delivers);
      } else if (N.What == Node::Kind::Break ||
                 N.What == Node::Kind::Continue) {
        return true;
      } else if (N.waits()) {
        GoesOn = isOverAtOnce(*N.Op, Asked);
        Delivers |= GoesOn && N.What == Node::Kind::Return;
      } else if (N.What == Node::Kind::Return) {
        Delivers |= N.Call || N.Op;
        GoesOn = false;
      }
      if (!GoesOn)
        return false;
    }
    return true;
  }

  /// \p Op waits for a coroutine that may not wait itself.
  bool isOverAtOnce(const Operation &Op,
                    SmallPtrSetImpl<const Agent *> &Asked) const {
    const FunctionDecl *Callee = definitionOf(Op.Call->getDirectCallee());
    return Op.How == Operation::Form::Task && any_of(Agents, [&](Agent *A) {
             return A->Entry->Delivers && A->Entry->Function == Callee &&
                    deliversAtOnce(*A, Asked);
           });
  }

  /// Says on \p F that callers should wait for its twin.
  void deprecate(const FunctionDecl &F) {
    unsigned At = *Text.offset(F.getBeginLoc());
    EditText Attribute;
    Attribute.written("[[deprecated(\"co_await the overload without a "
                      "callback\")]]");
    Attribute.user("\n").user(Text.indentation(At));
    add({At, At}, std::move(Attribute));
  }

  /// The coroutine of \p A is declared where \p F is.
  void noteDeclaration(const Agent &A, const FunctionDecl &F) {
    TargetDialect::Uses &Uses = Declared[&fileOf(F.getBeginLoc())];
    (A.Entry->Generator ? Uses.Generators : Uses.Tasks) = true;
    Uses.Choices |= A.Entry->Delivers && A.Entry->Delivers->hasChoice();
  }

  bool isAwaited(const CallExpr *Call) const {
    return any_of(Agents, [&](const Agent *A) {
      bool Found = false;
      forEachNode(A->Body, [&](const Node &N) {
        Found |= N.waits() && N.Op->Call == Call;
      });
      return Found;
    });
  }

  void removeDeclaration(SourceRange Tokens) {
    TextRange Range = *Text.range(Tokens);
    if (Text.buffer().substr(Range.End).starts_with(";"))
      ++Range.End;
    add(Text.wholeLines(Range), EditText());
  }

  /// The variable that held the handler of the operation that starts \p A goes;
  /// what was said about it stays.
  void removeStored(const Agent &A) {
    const Operation *First = firstOperation(A);
    if (!First || First->Call != A.beside() || !First->Stored)
      return;
    TextRange Range = *Text.statement(declarationOf(*First->Stored));
    add({Text.lineBegin(Range.Begin), Text.lineEnd(Range.End)}, EditText());
  }

  /// Classes of which only handlers were objects that are there no more.
  void removeHandlerClasses() {
    MapVector<const CXXRecordDecl *, std::vector<const Operation *>> Handlers;
    for (const Agent *A : Agents)
      forEachNode(A->Body, [&](const Node &N) {
        if (N.What == Node::Kind::Await && N.Op->Object)
          Handlers[N.Op->Object->Operator->getParent()].push_back(N.Op.get());
      });
    for (const auto &[Class, Operations] : Handlers)
      for (SourceRange R : definitionsOnlyFor(*Class, Operations, Text))
        removeDeclaration(R);
  }

  /// while (auto x = object.next()) becomes for (auto x : object.values()),
  /// and what was *x is x.
  void replaceLoop(const PullGenerator::Loop &Loop, StringRef ValueText,
                   StringRef Name) {
    SourceRange Head(Loop.Statement->getBeginLoc(),
                     Loop.Statement->getRParenLoc());
    bool IsConst = Loop.Item->getType().isConstQualified();
    TypeLoc Written = Loop.Item->getTypeSourceInfo()->getTypeLoc();
    std::string Type = "auto";
    if (!Written.getUnqualifiedLoc().getAs<AutoTypeLoc>())
      Type = ValueText.str();
    EditText New;
    New.written("for (" + std::string(IsConst ? "const " : "") + Type + " " +
                Loop.Item->getNameAsString() + " : " +
                Text.text(Loop.Object->getSourceRange()).str() + "." +
                Name.str() + "())");
    add(*Text.range(Head), std::move(New));
    for (const CXXOperatorCallExpr *Use : Loop.Uses) {
      EditText Accessed;
      bool IsArrow = Use->getOperator() == OO_Arrow;
      if (IsArrow)
        Accessed.user(".");
      unsigned At = *Text.offset(Use->getOperatorLoc());
      add({At, At + (IsArrow ? 2 : 1)}, std::move(Accessed));
    }
  }

  //--- The file around them ----------------------------------------------//

  void addHelpers() {
    for (const auto &[File, Name] : Rethrow)
      addRethrow(*File, Name);
  }

  void addRethrow(const SourceText::File &File, StringRef Name) {
    // Before the outermost declaration that holds the first change.
    unsigned First = File.Range.End;
    for (const FileEdit &E : Edits)
      if (&Text.fileOf(E.Range.Begin) == &File)
        First = std::min(First, E.Range.Begin);
    unsigned At = First;
    for (const Decl *D : Text.context().getTranslationUnitDecl()->decls()) {
      std::optional<TextRange> Range = Text.range(D->getSourceRange());
      if (Range && Range->Begin <= First && First < Range->End)
        At = Text.leadingComments(Range->Begin);
    }
    EditText Helper;
    Helper
        .written("// An exception that ends a coroutine leaves through run(), "
                 "as it would leave a\n// handler.\n" +
                 std::string(File.IsSource ? "static" : "inline") + " void " +
                 Name.str() +
                 "(std::exception_ptr error)\n{\n  if (error)\n    "
                 "std::rethrow_exception(error);\n}\n")
        .user("\n");
    // Before a coroutine that is written at the same place.
    Edits.insert(Edits.begin(),
                 {{At, At}, std::move(Helper.Text), std::move(Helper.Written)});
  }

  MutableArrayRef<Agent *> Agents;
  const SourceText &Text;
  const TargetDialect &Dialect;
  RewriteTarget Target;
  CallbackForm Callbacks;
  std::vector<FileEdit> Edits;
  /// What changes in the user's code wherever that goes, and what coroutines
  /// call the events that they wait for.
  std::vector<Substitution> Inside;
  std::string Events;
  CoroutineNames Names;
  Conditionals Branches;
  /// The function that rethrows what ended a coroutine, in each file that
  /// starts one.
  MapVector<const SourceText::File *, std::string> Rethrow;
  /// What each file uses that has coroutines, or starts some.
  MapVector<const SourceText::File *, TargetDialect::Uses> Used;
  /// What each file needs for code that moves there from other files.
  DenseMap<const SourceText::File *, std::vector<TargetDialect::Include>> Moved;
  /// What coroutines are declared with in each file.
  MapVector<const SourceText::File *, TargetDialect::Uses> Declared;
  /// How many functions of each file are entered again no more.
  DenseMap<const SourceText::File *, size_t> Reentrants;
  DenseMap<const Agent *, std::string> Executors;
  /// Set where the target posts what it starts, on an executor.
  std::optional<LaterStarts> LaterStart;
  std::optional<ExecutorOrigins> Origins;
};

} // namespace

std::vector<FileEdit> editAgents(MutableArrayRef<Agent *> Converted,
                                 const SourceText &Text,
                                 const TargetDialect &Dialect,
                                 RewriteTarget Target, CallbackForm Callbacks) {
  return AgentEditor(Converted, Text, Dialect, Target, Callbacks).run();
}

std::string asioNamespace(ArrayRef<Agent> Agents) {
  for (const Agent &A : Agents) {
    bool Boost = false;
    if (A.Entry->Direct)
      if (const ReentrantCode *Code = A.Entry->Direct->Reentrant.get();
          Code && Code->Error)
        Boost |= StringRef(qualifiedName(*Code->Error->getType()
                                              .getNonReferenceType()
                                              ->getAsCXXRecordDecl()))
                     .starts_with("boost::");
    if (A.Entry->Direct)
      for (const DirectCode::Start &Start : A.Entry->Direct->Starts)
        Boost |= StringRef(qualifiedName(*Start.Call->getDirectCallee()))
                     .starts_with("boost::");
    forEachNode(A.Body, [&](const Node &N) {
      if (N.What != Node::Kind::Await)
        return;
      if (const Binding *Error = N.Op->error())
        if (const CXXRecordDecl *R =
                Error->Type.getNonReferenceType()->getAsCXXRecordDecl())
          Boost |= StringRef(qualifiedName(*R)).starts_with("boost::");
      if (N.Op->Call && N.Op->Call->getDirectCallee())
        Boost |= StringRef(qualifiedName(*N.Op->Call->getDirectCallee()))
                     .starts_with("boost::");
    });
    if (Boost)
      return "boost::asio";
  }
  return "asio";
}

std::string aliasOf(StringRef Name, const SourceText &Text) {
  if (Text.files().size() == 1)
    for (const Decl *D : Text.context().getTranslationUnitDecl()->decls()) {
      if (!Text.range(D->getSourceRange()))
        continue;
      if (isa<FunctionDecl, TagDecl, VarDecl, NamespaceDecl>(D))
        break;
      const auto *Alias = dyn_cast<NamespaceAliasDecl>(D);
      if (Alias && qualifiedName(*Alias->getNamespace()) == Name)
        return Alias->getNameAsString();
    }
  return Name.str();
}

} // namespace coralc
