//===--- RepeatedCallback.cpp - What is called again and again ------------===//

#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/Direct.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace clang;
using namespace llvm;

namespace coralc {

const CompoundStmt &RepeatedCallback::body() const {
  return *cast<CompoundStmt>(Function->getBody());
}

/// What \p Type, void (*)(Handle *, ...), is called with, if that is a handle
/// of libuv and something besides.
static const FunctionProtoType *handleCallback(QualType Type) {
  const auto *Signature =
      Type->isFunctionPointerType()
          ? Type->getPointeeType()->getAs<FunctionProtoType>()
          : nullptr;
  if (!Signature || !Signature->getReturnType()->isVoidType() ||
      Signature->getNumParams() < 2)
    return nullptr;
  const CXXRecordDecl *Handle =
      Signature->getParamType(0)->getPointeeCXXRecordDecl();
  bool IsHandle = Handle && Handle->hasDefinition() && Handle->getDeclName() &&
                  Handle->getName() != "uv_handle_s" &&
                  any_of(Handle->fields(), [](const FieldDecl *F) {
                    return F->getName() == "close_cb";
                  });
  return IsHandle ? Signature : nullptr;
}

std::optional<RepeatedStart> repeatedStart(const CallExpr &Call) {
  RepeatedStart Start;
  Start.Function = Call.getDirectCallee();
  ArrayRef<const Expr *> Given(Call.getArgs(), Call.getNumArgs());
  if (Start.Function && qualifiedName(*Start.Function) == "coral::uv::start") {
    const auto *Named =
        Given.empty()
            ? nullptr
            : dyn_cast<DeclRefExpr>(Given.front()->IgnoreParenImpCasts());
    Start.Function = Named ? dyn_cast<FunctionDecl>(Named->getDecl()) : nullptr;
    Given = Given.drop_front(Named ? 1 : 0);
  }
  const FunctionDecl *F = Start.Function;
  if (!F || !F->isExternC() || F->hasBody() ||
      !F->getDeclName().isIdentifier() || !F->getName().starts_with("uv_") ||
      F->getName().ends_with("_oneshot") || Given.size() != F->getNumParams())
    return std::nullopt;
  Start.Arguments.assign(Given.begin(), Given.end());
  for (auto [I, P] : enumerate(F->parameters()))
    if (const FunctionProtoType *Known = handleCallback(P->getType()))
      if (any_of(F->parameters(), [&](const ParmVarDecl *Other) {
            return F->getASTContext().hasSameType(Other->getType(),
                                                  Known->getParamType(0));
          })) {
        Start.Callback = I;
        return Start;
      }
  return std::nullopt;
}

namespace {

/// What a parameter of a callback is a variable for: one that has a name and
/// is used.
bool isUsed(const ParmVarDecl &P, const RepeatedCallback &Code) {
  return P.getDeclName() && mentions(&Code.body(), &P);
}

class Editor {
public:
  Editor(const RepeatedCallback &Code, const SourceText &Text,
         const TargetDialect &Dialect, StringRef Events, unsigned Depth)
      : Code(Code), Text(Text), Dialect(Dialect), Events(Events), Depth(Depth),
        Style(Layout::of(*Code.Around, Text)) {}

  std::vector<Substitution> run() {
    for (const FunctionDecl *F : Code.Function->redecls())
      editHead(*F);
    if (Code.Lambda)
      Edits.push_back(resultOf(*Code.Lambda, Text, Dialect.taskType("void")));
    editBody();
    for (const ReturnStmt *Return : Code.Returns)
      edit(*Return);
    for (const CallExpr *Call : Code.Starts)
      edit(*Call);
    return std::move(Edits);
  }

private:
  void replace(TextRange Range, const Twine &New) {
    Edits.push_back({Range, New.str()});
  }
  void insert(unsigned At, const Twine &New) { replace({At, At}, New); }

  /// The handle stays a parameter; what the callback is told comes by the
  /// events.
  void editHead(const FunctionDecl &F) {
    unsigned Behind = Text.range(F.parameters().front()->getSourceRange())->End;
    unsigned End = Text.range(F.parameters().back()->getSourceRange())->End;
    replace({Behind, End}, ", " + Dialect.eventsType(Code.Type) + " " + Events);
    if (!Code.Lambda)
      replace(*Text.range(F.getReturnTypeSourceRange()),
              Dialect.taskType("void"));
  }

  /// The head of the loop and what follows it, each after a line's end. In a
  /// function without any variable g++ 12 goes wrong with an await in a
  /// condition: then what is awaited becomes one.
  std::string head() const {
    std::vector<std::string> Told = told();
    std::string Result =
        "\n" + margin() + "while (" +
        (Told.empty() ? "[[maybe_unused]] bool " + nameOfMore() + " = " : "") +
        "co_await " + Events.str() + ".next())";
    Result +=
        Style.ControlBraceOnOwnLine ? "\n" + margin() + "{" : std::string(" {");
    for (const std::string &Line : Told)
      Result += "\n" + margin() + step() + Line;
    return Result;
  }

  std::string nameOfMore() const {
    std::string Name = "more_" + Events.str();
    while (Text.buffer().contains(Name))
      Name += '_';
    return Name;
  }

  std::string foot() const { return "\n" + margin() + "}"; }

  /// Where the body's brace stands, and where the loop begins.
  std::string outer() const {
    std::string Result =
        Text.indentation(*Text.offset(Code.body().getLBracLoc())).str();
    for (unsigned I = 0; I != Depth; ++I)
      Result += step();
    return Result;
  }
  std::string margin() const { return outer() + step(); }

  /// How the line of \p Offset, inside of the body, is indented in the end.
  std::string indentation(unsigned Offset) const {
    std::string Result = Text.indentation(Offset).str();
    for (unsigned I = 0; I != Depth + 1; ++I)
      Result += step();
    return Result;
  }

  std::string step() const { return std::string(Style.Width, Style.Blank); }

  /// The parameters as variables of the turn.
  std::vector<std::string> told() const {
    ArrayRef<const ParmVarDecl *> Parameters =
        ArrayRef<const ParmVarDecl *>(Code.Function->param_begin(),
                                      Code.Function->param_end())
            .drop_front();
    std::string All = (Events + ".told()").str();
    auto Used = [&](const ParmVarDecl *P) { return isUsed(*P, Code); };
    if (Parameters.size() > 1 && all_of(Parameters, Used)) {
      std::vector<StringRef> Names;
      for (const ParmVarDecl *P : Parameters)
        Names.push_back(P->getName());
      return {"auto [" + join(Names, ", ") + "] = " + All + ";"};
    }
    std::vector<std::string> Lines;
    for (auto [I, P] : enumerate(Parameters))
      if (Used(P))
        Lines.push_back(
            declaration(valueTypeText(*P, Text), P->getName()) + " = " +
            (Parameters.size() == 1
                 ? All
                 : "std::get<" + std::to_string(I) + ">(" + All + ")") +
            ";");
    return Lines;
  }

  void editBody() {
    const CompoundStmt &Body = Code.body();
    unsigned Open = *Text.offset(Body.getLBracLoc());
    unsigned Close = *Text.offset(Body.getRBracLoc());
    unsigned First = Text.lineEnd(Open);
    unsigned Last = Text.lineBegin(Close);
    bool HasLines = !Body.body_empty() && First <= Last &&
                    *Text.offset(Body.body_front()->getBeginLoc()) >= First &&
                    Text.text({Last, Close}).trim().empty();
    if (!HasLines)
      return editLine(Open + 1, Close);
    insert(First - 1, head());
    for (unsigned Line : linesOf({First, Last}))
      insert(Line, step());
    insert(Last - 1, foot());
  }

  /// All of the body stands in the line of a brace.
  void editLine(unsigned Begin, unsigned End) {
    StringRef Inside = Text.text(TextRange{Begin, End});
    unsigned First = Begin + (Inside.size() - Inside.ltrim().size());
    unsigned Behind = Begin + Inside.rtrim().size();
    std::string Tail = foot() + "\n" + outer();
    if (Inside.trim().empty())
      return replace({Begin, End}, head() + Tail);
    replace({Begin, First}, head() + "\n" + margin() + step());
    replace({Behind, End}, Tail);
  }

  /// Where lines begin in \p Range that are not empty and not the inside of a
  /// literal.
  std::vector<unsigned> linesOf(TextRange Range) const {
    std::vector<TextRange> Literals;
    std::string Storage = Text.text(Range).str();
    Lexer Raw(SourceLocation(), Text.context().getLangOpts(), Storage.data(),
              Storage.data(), Storage.data() + Storage.size());
    for (Token T; !Raw.LexFromRawLexer(T);)
      if (T.isLiteral()) {
        unsigned End = Range.Begin + (Raw.getBufferLocation() - Storage.data());
        Literals.push_back({End - T.getLength(), End});
      }
    std::vector<unsigned> Result;
    for (unsigned Line = Range.Begin; Line < Range.End;
         Line = Text.lineEnd(Line))
      if (!Text.text({Line, Text.lineEnd(Line)}).trim().empty() &&
          none_of(Literals,
                  [&](TextRange L) { return L.Begin < Line && Line < L.End; }))
        Result.push_back(Line);
    return Result;
  }

  /// It goes on with the next turn, and does so at the end by itself.
  void edit(const ReturnStmt &Return) {
    unsigned At = *Text.offset(Return.getReturnLoc());
    unsigned End =
        Text.buffer().find(';', Text.range(Return.getSourceRange())->End) + 1;
    TextRange Keyword{At, At + unsigned(strlen("return"))};
    bool IsLast = Code.body().body_back() == &Return;
    if (const Expr *Value = Return.getRetValue()) {
      Keyword.End = Text.range(Value->getSourceRange())->Begin;
      if (IsLast)
        return replace(Keyword, "");
      return continueBehind(Return, Keyword, End);
    }
    if (!IsLast)
      return replace(Keyword, "continue");
    TextRange Line{Text.lineBegin(At) - 1, Text.lineEnd(End) - 1};
    if (Text.text(Line).trim() != "return;")
      return replace({At, End}, "");
    dropStep(Line.Begin + 1);
    replace(Line, "");
  }

  /// What was returned, of type void, is a statement of its own.
  void continueBehind(const ReturnStmt &Return, TextRange Keyword,
                      unsigned End) {
    std::string Here = indentation(Keyword.Begin);
    if (isInBlock(Code.body(), Return)) {
      replace(Keyword, "");
      return insert(End, "\n" + Here + "continue;");
    }
    unsigned Behind = Text.buffer().take_front(Keyword.Begin).rtrim().size();
    bool IsApart = Behind < Text.lineBegin(Keyword.Begin);
    std::string Outer = IsApart ? indentation(Behind) : Here;
    if (!IsApart)
      Here += step();
    else
      dropStep(Text.lineBegin(Keyword.Begin));
    replace({Behind, Keyword.End},
            (Style.ControlBraceOnOwnLine ? "\n" + Outer : " ") + "{\n" + Here);
    insert(End, "\n" + Here + "continue;\n" + Outer + "}");
  }

  /// The line that begins at \p Line is gone or written anew.
  void dropStep(unsigned Line) {
    erase_if(Edits, [&](const Substitution &S) {
      return S.Range.Begin == Line && S.Range.End == Line;
    });
  }

  static bool isInBlock(const Stmt &Around, const ReturnStmt &Return) {
    return any_of(Around.children(), [&](const Stmt *Child) {
      return Child && (Child == &Return ? isa<CompoundStmt>(Around)
                                        : isInBlock(*Child, Return));
    });
  }

  void edit(const CallExpr &Call) {
    TextRange Callee = *Text.range(Call.getCallee()->getSourceRange());
    unsigned Open = Text.buffer().find('(', Callee.End);
    bool IsApart = isSpace(Text.buffer()[Open + 1]);
    replace({Callee.Begin, Open + 1}, Dialect.eventsStart() + "(" +
                                          Text.text(Callee) + "," +
                                          (IsApart ? "" : " "));
  }

  const RepeatedCallback &Code;
  const SourceText &Text;
  const TargetDialect &Dialect;
  StringRef Events;
  unsigned Depth;
  Layout Style;
  std::vector<Substitution> Edits;
};

//--- What happens at an event ----------------------------------------------//

/// A line for each statement, with the branches and loops around it.
class Outline {
public:
  /// \p Starts are the calls in the input that become starts of coroutines,
  /// and \p Coroutines the names of those in the output.
  Outline(const SourceText &Text, const DenseSet<const CallExpr *> &Starts,
          const StringSet<> &Coroutines)
      : Text(Text), Starts(Starts), Coroutines(Coroutines) {}

  std::string read(const RepeatedCallback &Code) {
    begin(*Code.Function, Code.Lambda != nullptr);
    for (auto [I, P] : enumerate(drop_begin(Code.Function->parameters())))
      if (isUsed(*P, Code))
        line("told " + Twine(I) + " " + P->getName());
    add(&Code.body(), 0);
    return finish();
  }

  /// Nothing when \p F is no loop over events.
  std::optional<std::string> readLoop(const FunctionDecl &F, bool IsLambda) {
    const auto *Made = dyn_cast_or_null<CoroutineBodyStmt>(F.getBody());
    const auto *Body = Made ? dyn_cast<CompoundStmt>(Made->getBody()) : nullptr;
    const auto *Loop = Body && Body->size() == 1
                           ? dyn_cast<WhileStmt>(Body->body_front())
                           : nullptr;
    const auto *Turn = Loop ? dyn_cast<CompoundStmt>(Loop->getBody()) : nullptr;
    if (!Turn || F.getNumParams() != 2 ||
        !isCallOn(*F.getParamDecl(1), awaited(*Loop), "next"))
      return std::nullopt;
    begin(F, IsLambda);
    ArrayRef<const Stmt *> Rest(Turn->body_begin(), Turn->body_end());
    while (!Rest.empty() && addTold(*Rest.front(), *F.getParamDecl(1)))
      Rest = Rest.drop_front();
    for (const Stmt *S : Rest)
      add(S, 0);
    return finish();
  }

private:
  void line(const Twine &Line) {
    Lines += Line.str();
    Lines += '\n';
  }

  void begin(const FunctionDecl &F, bool IsLambda) {
    line(IsLambda ? "lambda" : F.getQualifiedNameAsString());
    const ParmVarDecl *Handle = F.getParamDecl(0);
    line(Handle->getType().getCanonicalType().getAsString() + " " +
         Handle->getName());
  }

  /// Returning at the end is as good as getting there.
  std::string finish() {
    StringRef Result = Lines;
    while (Result.consume_back("return\n"))
      ;
    return Result.str();
  }

  static const Expr *awaited(const WhileStmt &Loop) {
    const VarDecl *More = Loop.getConditionVariable();
    const auto *Await = dyn_cast<CoawaitExpr>(
        asWritten(More ? More->getInit() : Loop.getCond()));
    return Await ? asWritten(Await->getOperand()) : nullptr;
  }

  static bool isCallOn(const VarDecl &Object, const Expr *E, StringRef Name) {
    const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(E);
    return Call && isNamed(Call->getMethodDecl(), {Name}) &&
           variableNamedBy(Call->getImplicitObjectArgument()) == &Object;
  }

  /// \p S declares what the callback would be told.
  bool addTold(const Stmt &S, const VarDecl &Events) {
    const auto *Declaration = dyn_cast<DeclStmt>(&S);
    const auto *V = Declaration && Declaration->isSingleDecl()
                        ? dyn_cast<VarDecl>(Declaration->getSingleDecl())
                        : nullptr;
    const Expr *Init = V && V->hasInit() ? asWritten(V->getInit()) : nullptr;
    if (!Init)
      return false;
    if (const auto *All = dyn_cast<DecompositionDecl>(V)) {
      if (!isCallOn(Events, Init, "told"))
        return false;
      for (auto [I, B] : enumerate(All->bindings()))
        line("told " + Twine(I) + " " + B->getName());
      return true;
    }
    unsigned Index = 0;
    const auto *Get = dyn_cast<CallExpr>(Init);
    if (Get && Get->getDirectCallee() &&
        qualifiedName(*Get->getDirectCallee()) == "std::get") {
      const TemplateArgumentList *Arguments =
          Get->getDirectCallee()->getTemplateSpecializationArgs();
      Index = Arguments->get(0).getAsIntegral().getZExtValue();
      Init = asWritten(Get->getArg(0));
    }
    if (!isCallOn(Events, Init, "told"))
      return false;
    line("told " + Twine(Index) + " " + V->getName());
    return true;
  }

  /// \p Loops: how many loops of the body are around \p S.
  void add(const Stmt *S, unsigned Loops) {
    if (const auto *Block = dyn_cast<CompoundStmt>(S)) {
      for (const Stmt *Inner : Block->body())
        add(Inner, Loops);
    } else if (const auto *If = dyn_cast<IfStmt>(S)) {
      line(textOf({If->getBeginLoc(), If->getRParenLoc()}, If));
      addBlock(If->getThen(), Loops);
      if (If->getElse())
        addBlock(If->getElse(), Loops);
    } else if (const auto *Switch = dyn_cast<SwitchStmt>(S)) {
      line(textOf({Switch->getBeginLoc(), Switch->getRParenLoc()}, Switch));
      addBlock(Switch->getBody(), Loops);
    } else if (const auto *Case = dyn_cast<SwitchCase>(S)) {
      line(textOf({Case->getKeywordLoc(), Case->getColonLoc()}, Case));
      add(Case->getSubStmt(), Loops);
    } else if (const auto *Label = dyn_cast<LabelStmt>(S)) {
      line(StringRef(Label->getName()) + ":");
      add(Label->getSubStmt(), Loops);
    } else if (const auto *Try = dyn_cast<CXXTryStmt>(S)) {
      addTry(*Try, Loops);
    } else if (isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S)) {
      addLoop(*S, Loops);
    } else if (const auto *Return = dyn_cast<ReturnStmt>(S)) {
      if (Return->getRetValue())
        line(textOf(Return->getRetValue()->getSourceRange(), Return));
      line("return");
    } else if (isa<ContinueStmt>(S) && Loops == 0) {
      line("return");
    } else if (!isa<NullStmt>(S)) {
      line(textOf(S->getSourceRange(), S));
    }
  }

  void addBlock(const Stmt *S, unsigned Loops) {
    line("{");
    add(S, Loops);
    line("}");
  }

  void addTry(const CXXTryStmt &Try, unsigned Loops) {
    line("try");
    addBlock(Try.getTryBlock(), Loops);
    for (unsigned I = 0; I != Try.getNumHandlers(); ++I) {
      const CXXCatchStmt *Handler = Try.getHandler(I);
      const VarDecl *V = Handler->getExceptionDecl();
      line("catch " + (V ? textOf(V->getSourceRange(), nullptr) : "..."));
      addBlock(Handler->getHandlerBlock(), Loops);
    }
  }

  void addLoop(const Stmt &S, unsigned Loops) {
    const Stmt *Body = nullptr;
    for (const Stmt *Child : S.children())
      Body = Child ? Child : Body;
    if (const auto *Do = dyn_cast<DoStmt>(&S)) {
      Body = Do->getBody();
      line("do " + textOf(Do->getCond()->getSourceRange(), Do->getCond()));
    } else {
      line(textOf({S.getBeginLoc(), Body->getBeginLoc()}, &S, Body));
    }
    addBlock(Body, Loops + 1);
  }

  /// \p Range, which belongs to \p S, without \p Body and white space. What
  /// hands a callback to a handle is spelled as a call of libuv's, and what
  /// starts beside this code as the start that it is.
  std::string textOf(SourceRange Range, const Stmt *S,
                     const Stmt *Body = nullptr) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const Outline &Of;
      std::vector<Substitution> Edits;
      explicit Visitor(const Outline &Of) : Of(Of) {}
      bool TraverseStmt(const Stmt *S) override {
        const auto *Call = dyn_cast_or_null<CallExpr>(S);
        std::optional<TextRange> Where =
            Call ? Of.Text.range(Call->getSourceRange()) : std::nullopt;
        if (Where && Of.isStart(*Call)) {
          Edits.push_back({*Where, "start"});
          return true;
        }
        if (Where)
          Of.addRepeated(*Call, Edits);
        return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
    } V(*this);
    if (S)
      V.TraverseStmt(S);
    std::optional<TextRange> Whole = Text.range(Range);
    if (Body && Whole)
      Whole->End = *Text.offset(Body->getBeginLoc());
    std::string Result = Whole ? Text.text(*Whole, V.Edits) : "";
    erase_if(Result, [](char C) { return isSpace(C); });
    return Result;
  }

  bool isStart(const CallExpr &Call) const {
    if (Starts.contains(&Call))
      return true;
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (!Callee || qualifiedName(*Callee) != "coral::spawn")
      return false;
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const StringSet<> &Coroutines;
      bool Found = false;
      explicit Visitor(const StringSet<> &Coroutines)
          : Coroutines(Coroutines) {}
      bool VisitCallExpr(const CallExpr *Inner) override {
        const FunctionDecl *F = Inner->getDirectCallee();
        Found |= F && F->getDeclName().isIdentifier() &&
                 Coroutines.contains(F->getName());
        return true;
      }
    } V(Coroutines);
    V.TraverseStmt(&Call);
    return V.Found;
  }

  void addRepeated(const CallExpr &Call,
                   std::vector<Substitution> &Edits) const {
    std::optional<Substitution> Head = headOfRepeated(Call, Text);
    if (!Head)
      return;
    Edits.push_back(std::move(*Head));
    RepeatedStart Start = *repeatedStart(Call);
    const Expr *Callback = Start.Arguments[Start.Callback];
    std::optional<TextRange> Where = Text.range(Callback->getSourceRange());
    if (Where && isa<LambdaExpr>(asWritten(Callback)))
      Edits.push_back({*Where, "lambda"});
  }

  const SourceText &Text;
  const DenseSet<const CallExpr *> &Starts;
  const StringSet<> &Coroutines;
  std::string Lines;
};

/// The first line in which \p Was and \p Is differ.
std::string firstDifference(StringRef Was, StringRef Is) {
  while (!Was.empty() && !Is.empty()) {
    auto [A, RestOfA] = Was.split('\n');
    auto [B, RestOfB] = Is.split('\n');
    if (A != B)
      break;
    Was = RestOfA;
    Is = RestOfB;
  }
  auto Line = [](StringRef S) {
    return S.empty() ? "nothing" : S.split('\n').first;
  };
  return ("the input goes on with '" + Line(Was) + "' where the output has '" +
          Line(Is) + "'")
      .str();
}

} // namespace

std::vector<Substitution> editRepeated(const RepeatedCallback &Code,
                                       const SourceText &Text,
                                       const TargetDialect &Dialect,
                                       StringRef Events, unsigned Depth) {
  return Editor(Code, Text, Dialect, Events, Depth).run();
}

std::optional<Substitution> headOfRepeated(const CallExpr &Call,
                                           const SourceText &Text) {
  std::optional<RepeatedStart> Start = repeatedStart(Call);
  std::optional<TextRange> Whole = Text.range(Call.getSourceRange());
  if (!Start || !Whole)
    return std::nullopt;
  std::optional<TextRange> First =
      Text.range(Start->Arguments.front()->getSourceRange());
  if (!First)
    return std::nullopt;
  return Substitution{{Whole->Begin, First->Begin},
                      Start->Function->getName().str() + "("};
}

std::string compareRepeated(const RepeatedCallback &Code,
                            const SourceText &Input, const SourceText &Output,
                            ArrayRef<Agent *> Converted) {
  DenseSet<const CallExpr *> Starts;
  StringSet<> Coroutines;
  for (const Agent *A : Converted)
    if (A->beside()) {
      Starts.insert(A->beside());
      Coroutines.insert(A->Coroutine);
    }
  std::string Wanted = Outline(Input, Starts, Coroutines).read(Code);
  StringRef Name = StringRef(Wanted).split('\n').first;
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    function_ref<bool(const FunctionDecl &, bool)> Look;
    explicit Visitor(function_ref<bool(const FunctionDecl &, bool)> Look)
        : Look(Look) {}
    bool VisitFunctionDecl(const FunctionDecl *F) override {
      return !F->isThisDeclarationADefinition() || Look(*F, false);
    }
    bool VisitLambdaExpr(const LambdaExpr *L) override {
      return L->isGenericLambda() || Look(*L->getCallOperator(), true);
    }
  };
  std::string Closest;
  bool Found = false;
  auto Look = [&](const FunctionDecl &F, bool IsLambda) {
    std::optional<std::string> Loop =
        Outline(Output, Starts, Coroutines).readLoop(F, IsLambda);
    Found |= Loop == Wanted;
    if (Loop && Closest.empty() && StringRef(*Loop).split('\n').first == Name)
      Closest = *Loop;
    return !Found;
  };
  Visitor Loops(Look);
  forEachOwnDecl(Output, [&](const Decl *D) {
    if (!Found)
      Loops.TraverseDecl(D);
  });
  return Found ? "" : firstDifference(Wanted, Closest);
}

} // namespace coralc
