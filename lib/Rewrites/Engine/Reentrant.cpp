//===--- Reentrant.cpp - Functions that are entered again -----------------===//

#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class ReentrantEditor {
public:
  ReentrantEditor(const ReentrantCode &Code, const SourceText &Text,
                  const TargetDialect &Dialect, StringRef Rethrow,
                  function_ref<std::string(StringRef)> Unique)
      : Code(Code), Text(Text), Dialect(Dialect), Rethrow(Rethrow),
        Style(Layout::of(*Code.Function, Text)) {
    // A body that begins with a macro says nothing of its own layout.
    const Stmt *First =
        cast<CompoundStmt>(Code.Function->getBody())->body_front();
    unsigned Inner = Text.indentation(*Text.offset(beginOf(*First))).size();
    if (Inner > baseColumn() && Inner - baseColumn() <= 8)
      Style.Width = Inner - baseColumn();
    Name = Unique(Code.Name);
    if (Code.Forked)
      ChildName = Unique(Code.Forked->Name);
  }

  std::vector<FileEdit> run() {
    for (const ReentrantCode::Yield &Y : Code.Yields)
      edit(Y);
    for (const ReturnStmt *Return : Code.Returns)
      Inner.push_back({keyword(Return->getReturnLoc(), "return"), "co_return"});
    if (Code.Forked)
      edit(*Code.Forked);
    replaceDefinition();
    if (Code.Function->isOutOfLine())
      declare();
    if (Code.Position.End > Code.Position.Begin)
      Edits.push_back({Code.Position, "", {}});
    return std::move(Edits);
  }

private:
  //--- What is inside ----------------------------------------------------//

  TextRange keyword(SourceLocation Where, StringRef Word) const {
    unsigned At = *Text.offset(Where);
    return {At, At + unsigned(Word.size())};
  }

  void edit(const ReentrantCode::Yield &Y) {
    unsigned Body = *Text.offset(Y.Body->getBeginLoc());
    if (!Y.Op) {
      Inner.push_back(
          {{Y.Begin, Text.range(Y.Body->getSourceRange())->End}, "co_return"});
      return;
    }
    TextRange Call = *Text.range(Y.Op->Call->getSourceRange());
    unsigned End = Text.buffer().find(';', Call.End) + 1;
    std::string Indent = Text.indentation(Call.Begin).str();
    std::string Await = await(Y, Indent);
    if (Y.WantsBraces)
      return addBraces(Y, End, Indent, Await);
    if (Body == Call.Begin) {
      Inner.push_back({{Y.Begin, End}, std::move(Await)});
      return;
    }
    Inner.push_back({{Y.Begin, Body}, ""});
    Inner.push_back({{Call.Begin, End}, std::move(Await)});
  }

  /// The statement stood alone behind an if, a loop or an else.
  void addBraces(const ReentrantCode::Yield &Y, unsigned End, StringRef Indent,
                 StringRef Await) {
    unsigned Begin = Text.buffer().take_front(Y.Begin).rtrim().size();
    std::string Outer = Text.indentation(Begin).str();
    std::string Open = Style.ControlBraceOnOwnLine ? "\n" + Outer + "{\n"
                                                   : std::string(" {\n");
    std::string Close = "\n" + Outer + "}";
    StringRef Rest = Text.buffer().substr(End).ltrim();
    if (Rest.starts_with("else") && !Style.ElseOnOwnLine) {
      End = Rest.data() - Text.buffer().data();
      Close += " ";
    }
    Inner.push_back({{Begin, End}, Open + Indent.str() + Await.str() + Close});
  }

  /// The operation, what it does not deliver, and what ran at every step.
  std::string await(const ReentrantCode::Yield &Y, StringRef Indent) const {
    const Operation &Op = *Y.Op;
    std::string Result;
    StringRef Error;
    for (auto [P, A] : zip(Code.Function->parameters(), Op.Bound->Arguments)) {
      if (A.Value)
        continue;
      if (P == Code.Error)
        Error = P->getName();
      else if (P->getDeclName() && !is_contained(Y.Dead, P))
        Result = P->getName().str() + " = ";
    }
    Substitution Token{*Text.range(Op.Handler->getSourceRange()),
                       Dialect.token(Error)};
    Result += "co_await " +
              Text.text(*Text.range(Op.Call->getSourceRange()), Token) + ";";
    for (const ParmVarDecl *P : Y.Reset) {
      if (!is_contained(parameters(partOf(Y)), P))
        continue;
      const Expr *Value = Op.Bound->Arguments[P->getFunctionScopeIndex()].Value;
      Result += "\n" + Indent.str() + P->getName().str() + " = " +
                Text.text(asWritten(Value)->getSourceRange()).str() + ";";
    }
    if (Code.Guard && !Error.empty())
      Result += "\n" + Indent.str() + guard(Indent);
    return Result;
  }

  /// What leaves the coroutine where the function was not entered again.
  std::string guard(StringRef Indent) const {
    std::string Head = "if (" + Code.Error->getName().str() + ")";
    const Stmt *Then = Code.Guard->getThen();
    bool IsAround = contains(Then, Code.Body);
    if (IsAround || isa<ReturnStmt>(Then)) {
      const auto *Return = dyn_cast<ReturnStmt>(Then);
      std::string Leave = "co_return";
      if (Return && Return->getRetValue() && !IsAround)
        Leave += " " + Text.text(Return->getRetValue()->getSourceRange()).str();
      return Head + "\n" + Indent.str() +
             std::string(Style.Width, Style.Blank) + Leave + ";";
    }
    TextRange Range = *Text.range(Then->getSourceRange());
    SmallVector<Substitution, 1> Leaves;
    for (const Stmt *S : cast<CompoundStmt>(Then)->body())
      if (const auto *Return = dyn_cast<ReturnStmt>(S))
        Leaves.push_back(
            {keyword(Return->getReturnLoc(), "return"), "co_return"});
    unsigned From = Text.indentation(Range.Begin).size();
    return Head + " " +
           reindent(Text.text(Range, Leaves), From, Indent.size(), Style.Blank);
  }

  void edit(const ReentrantCode::Fork &Fork) {
    unsigned End = Text.range(Fork.Body->getSourceRange())->End;
    Inner.push_back({{Fork.Begin, End}, spawn(ChildName, {}, Fork.Executor)});
    if (Fork.Head.End > Fork.Head.Begin)
      Inner.push_back({Fork.Head, "for (;;)"});
    Inner.push_back({Fork.Test, ""});
  }

  //--- The coroutines ----------------------------------------------------//

  enum class Part { Parent, Child };

  Part partOf(const ReentrantCode::Yield &Y) const {
    bool IsChild =
        Code.Forked && any_of(Code.Forked->Child, [&](const Stmt *S) {
          return *Text.offset(beginOf(*S)) <= Y.Begin &&
                 Y.Begin <= *Text.offset(endOf(*S));
        });
    return IsChild ? Part::Child : Part::Parent;
  }

  /// The parameters that are variables of that part of the code.
  SmallVector<const ParmVarDecl *, 3> parameters(Part Of = Part::Parent) const {
    SmallVector<const ParmVarDecl *, 3> Result;
    for (const ParmVarDecl *P : Code.Function->parameters())
      if (P->getDeclName() && (P == Code.Error || isNamedIn(Of, *P)))
        Result.push_back(P);
    return Result;
  }

  bool isNamedIn(Part Of, const ParmVarDecl &P) const {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      ArrayRef<const Stmt *> Skipped;
      const ParmVarDecl &P;
      bool Found = false;
      Visitor(ArrayRef<const Stmt *> Skipped, const ParmVarDecl &P)
          : Skipped(Skipped), P(P) {}
      bool TraverseStmt(const Stmt *S) override {
        return is_contained(Skipped, S) ||
               ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
      }
      bool VisitDeclRefExpr(const DeclRefExpr *E) override {
        Found |= E->getDecl() == &P;
        return true;
      }
    };
    ArrayRef<const Stmt *> Child;
    if (Code.Forked)
      Child = Code.Forked->Child;
    if (Of == Part::Child)
      return any_of(Child, [&](const Stmt *S) { return mentions(S, &P); });
    Visitor Parent(Child, P);
    Parent.TraverseStmt(Code.Function->getBody());
    return Parent.Found;
  }

  /// Starts \p Coroutine with \p Arguments and what keeps its object alive.
  std::string spawn(StringRef Coroutine,
                    ArrayRef<const ParmVarDecl *> Arguments,
                    StringRef Executor) const {
    std::string Captures =
        Code.HoldsObject ? "self = *this" : "this, self = shared_from_this()";
    std::string Passed;
    for (const ParmVarDecl *P : Arguments) {
      Captures += ", " + P->getName().str();
      Passed += (Passed.empty() ? "" : ", ") + P->getName().str();
    }
    std::string Task = (Coroutine + "(" + Passed + ")").str();
    if (Code.HoldsObject)
      Task = "[" + Captures + "]() mutable { return self." + Task + "; }";
    else if (Code.HoldsSelf)
      Task = "[" + Captures + "] { return " + Task + "; }";
    return Dialect.spawn(Task, Executor, Rethrow);
  }

  std::string signature(StringRef Coroutine, bool HasParameters,
                        const FunctionDecl &Beside) const {
    std::string Result = Dialect.taskType("void") + " ";
    if (Beside.isOutOfLine())
      if (NestedNameSpecifierLoc Loc = Beside.getQualifierLoc())
        Result += Text.text(Loc.getSourceRange()).str();
    Result += Coroutine.str() + "(";
    if (HasParameters)
      for (const ParmVarDecl *P : parameters()) {
        const ParmVarDecl *There =
            Beside.getParamDecl(P->getFunctionScopeIndex());
        Result += (P == parameters().front() ? "" : ", ") +
                  declaration(valueTypeText(*There, Text), P->getName());
      }
    return Result + ")" + (Code.Function->isConst() ? " const" : "");
  }

  std::string margin(unsigned Levels) const {
    return std::string(baseColumn() + Levels * Style.Width, Style.Blank);
  }

  unsigned baseColumn() const {
    return Text.indentation(*Text.offset(Code.Function->getBeginLoc())).size();
  }

  std::string openBody() const {
    return (Style.BraceOnOwnLine ? "\n" + margin(0) : std::string(" ")) + "{\n";
  }

  /// The text of \p Range, which begins behind the blanks of its first line.
  std::string moved(TextRange Range) const {
    unsigned From = Text.indentation(Range.Begin).size();
    std::string Body = Text.text(Range, Inner);
    Body.resize(StringRef(Body).rtrim().size());
    Body += '\n';
    return margin(1) +
           reindent(Body, From, baseColumn() + Style.Width, Style.Blank);
  }

  /// Comments and all that is between \p From and \p To, without blank lines
  /// at its ends.
  TextRange withoutBlanks(unsigned From, unsigned To) const {
    StringRef Inside = Text.buffer().slice(From, To);
    From += Inside.size() - Inside.ltrim().size();
    return {From, To};
  }

  std::string comments(unsigned From, unsigned To) const {
    std::string Result;
    std::string Comments = Text.trivia(From, To).Comments;
    StringRef Rest = Comments;
    while (!Rest.empty()) {
      auto [Line, Next] = Rest.split('\n');
      Result += margin(1) + Line.str() + "\n";
      Rest = Next;
    }
    return Result;
  }

  unsigned behindBrace(const Stmt &Block) const {
    return *Text.offset(Block.getBeginLoc()) + 1;
  }

  void replaceDefinition() {
    const auto &Whole = *cast<CompoundStmt>(Code.Function->getBody());
    TextRange Range = *Text.range(Code.Function->getSourceRange());
    unsigned Open = behindBrace(Whole);
    FileEdit Start{Range, "", {}};
    Start.Text = Text.text(TextRange{Range.Begin, Open}, unusedNames()) + "\n";
    write(Start, margin(1) + spawn(Name, parameters(), Code.Executor) + ";\n");
    Start.Text += margin(0) + "}";
    FileEdit New{Range, "", {}};
    if (std::optional<unsigned> Private = privateSection(*Code.Function, Text);
        Private && !Code.Function->isOutOfLine()) {
      New.Range.Begin = New.Range.End = Text.lineEnd(*Private);
      Edits.push_back(std::move(Start));
      New.Text = margin(0);
    } else {
      New = std::move(Start);
      New.Text += "\n\n" + margin(0);
    }
    write(New, signature(Name, true, *Code.Function));
    New.Text += openBody();
    beforeReenter(New.Text, Open);
    unsigned End = Code.Forked && Code.Forked->ParentEnd
                       ? *Code.Forked->ParentEnd
                       : *Text.offset(Code.Body->getRBracLoc());
    New.Text += moved(withoutBlanks(behindBrace(*Code.Body), End));
    behindReenter(New.Text, *Text.offset(Whole.getRBracLoc()));
    New.Text += margin(0) + "}";
    if (Code.Forked)
      addChild(New);
    layOutAwaits(New);
    if (New.Range.Begin != Range.Begin)
      New.Text += "\n\n";
    Edits.push_back(std::move(New));
  }

  static void write(FileEdit &Edit, const std::string &Line) {
    unsigned Begin = Edit.Text.size();
    Edit.Text += Line;
    Edit.Written.push_back({Begin, unsigned(Edit.Text.size())});
  }

  /// The names of parameters that the function does not hand on.
  SmallVector<Substitution, 2> unusedNames() const {
    SmallVector<Substitution, 2> Result;
    for (const ParmVarDecl *P : Code.Function->parameters()) {
      if (!P->getDeclName() || is_contained(parameters(), P))
        continue;
      unsigned Name = *Text.offset(P->getLocation());
      unsigned Begin = Text.buffer().take_front(Name).rtrim().size();
      Result.push_back({{Begin, unsigned(Name + P->getName().size())}, ""});
    }
    return Result;
  }

  /// What makes a line longer wants a new layout.
  void layOutAwaits(FileEdit &New) {
    layOut("co_await ", New);
    if (Code.Forked)
      layOut(spawn(ChildName, {}, Code.Forked->Executor), New);
  }

  static void layOut(StringRef Wanted, FileEdit &New) {
    for (size_t At = 0;
         (At = New.Text.find(Wanted.str(), At)) != std::string::npos; ++At) {
      size_t Begin = New.Text.rfind('\n', At) + 1;
      // The line after it is the user's, and would be touched by its end.
      size_t End = std::min(New.Text.find('\n', At), New.Text.size()) - 1;
      New.Written.push_back({unsigned(Begin), unsigned(End)});
    }
  }

  void beforeReenter(std::string &Result, unsigned Open) const {
    unsigned Reenter = Code.Begin;
    if (!Code.Guard) {
      Result += comments(Open, Reenter);
      return;
    }
    TextRange Guard = *Text.range(Code.Guard->getSourceRange());
    bool IsAround = contains(Code.Guard->getThen(), Code.Body);
    Result += comments(Open, Guard.Begin) + margin(1) + guard(margin(1)) + "\n";
    if (!IsAround)
      Result += comments(Guard.End, Reenter);
    else if (isa<CompoundStmt>(Code.Guard->getThen()))
      Result += comments(behindBrace(*Code.Guard->getThen()), Reenter);
    // What was said of the reenter is not said of what follows.
    if (StringRef(Result).rtrim().rsplit('\n').second.ltrim().starts_with("//"))
      Result += "\n";
  }

  void behindReenter(std::string &Result, unsigned Close) const {
    unsigned From = *Text.offset(Code.Body->getRBracLoc()) + 1;
    if (Code.Guard && isa<CompoundStmt>(Code.Guard->getThen()) &&
        contains(Code.Guard->getThen(), Code.Body))
      From = *Text.offset(Code.Guard->getThen()->getEndLoc()) + 1;
    Result += comments(From, Close);
  }

  /// The child has its own results, which begin as those of a call without
  /// arguments.
  void addChild(FileEdit &New) const {
    ArrayRef<const Stmt *> Child = Code.Forked->Child;
    New.Text += "\n\n" + margin(0);
    write(New, signature(ChildName, false, *Code.Function));
    New.Text += openBody();
    for (const ParmVarDecl *P : parameters(Part::Child)) {
      bool IsScalar = P->getType()->isScalarType();
      New.Text += margin(1) +
                  declaration(valueTypeText(*P, Text), P->getName()) +
                  (IsScalar ? " = 0;\n" : ";\n");
    }
    // Falling off the end is as good.
    while (Child.size() > 1 && isBareReturn(*Child.back()))
      Child = Child.drop_back();
    unsigned From = Text.leadingComments(*Text.offset(beginOf(*Child.front())));
    From = std::max(From, Code.Forked->ParentEnd.value_or(0));
    unsigned To = *Text.offset(endOf(*Child.back()));
    To = Text.statement(Child.back()) ? Text.statement(Child.back())->End
                                      : Text.lineEnd(To);
    New.Text += moved(withoutBlanks(From, To)) + margin(0) + "}";
  }

  static bool isBareReturn(const Stmt &S) {
    const auto *Return = dyn_cast<ReturnStmt>(&S);
    return Return && !Return->getRetValue();
  }

  SourceLocation beginOf(const Stmt &S) const {
    return Text.context().getSourceManager().getExpansionLoc(S.getBeginLoc());
  }
  SourceLocation endOf(const Stmt &S) const {
    return Text.context().getSourceManager().getExpansionLoc(S.getEndLoc());
  }

  void declare() {
    const FunctionDecl &First = *Code.Function->getFirstDecl();
    unsigned Behind =
        Text.lineEnd(privateSection(First, Text)
                         .value_or(Text.range(First.getSourceRange())->End));
    std::string Indent =
        Text.indentation(*Text.offset(First.getBeginLoc())).str();
    std::string New = Indent + signature(Name, true, First) + ";\n";
    if (Code.Forked)
      New += Indent + signature(ChildName, false, First) + ";\n";
    unsigned Size = New.size();
    Edits.push_back({{Behind, Behind}, std::move(New), {{0, Size}}});
  }

  const ReentrantCode &Code;
  const SourceText &Text;
  const TargetDialect &Dialect;
  StringRef Rethrow;
  Layout Style;
  std::string Name, ChildName;
  SmallVector<Substitution, 16> Inner;
  std::vector<FileEdit> Edits;
};

} // namespace

std::vector<FileEdit>
editReentrant(const ReentrantCode &Code, const SourceText &Text,
              const TargetDialect &Dialect, StringRef Rethrow,
              function_ref<std::string(StringRef)> Unique) {
  return ReentrantEditor(Code, Text, Dialect, Rethrow, Unique).run();
}

std::vector<TextRange> reentrantIncludes(const SourceText &Text,
                                         const SourceText::File &File) {
  std::vector<TextRange> Result;
  TextRange Lines = File.Range;
  for (unsigned Next = Lines.Begin; Next < Lines.End;
       Next = Text.lineEnd(Next)) {
    unsigned At = Next;
    unsigned End = Text.lineEnd(At);
    StringRef Line = Text.text(TextRange{At, End}).trim();
    if (!Line.consume_front("#include"))
      continue;
    StringRef Header = Line.ltrim().trim("<>\"");
    Header.consume_front("boost/");
    if (Header != "asio/yield.hpp" && Header != "asio/unyield.hpp")
      continue;
    // What is said about it goes with it, and one of the empty lines around.
    At = Text.leadingComments(At);
    unsigned Previous = At > Lines.Begin ? Text.lineBegin(At - 1) : At;
    bool IsAlone = Text.text(TextRange{Previous, At}).trim().empty() &&
                   Text.text(TextRange{End, Text.lineEnd(End)}).trim().empty();
    Result.push_back({IsAlone ? Previous : At, End});
  }
  return Result;
}

} // namespace coralc
