//===--- ReentrantOutline.cpp - What a stackless coroutine does -----------===//
//
// Of the function that is entered again, and of the coroutines that were made
// of it, an outline is read: a line for each statement, with the branches and
// loops around it. In the outline of the input a yield is what has to happen
// there: the operation with the parameters that its results go to, the
// parameters that it resets, and what stood around the reenter. The outlines
// have to be the same. The output's is read from what was parsed again, so that
// a statement that ended up in another branch is seen.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

/// Layout is no part of what code does.
std::string withoutSpace(StringRef Text) {
  std::string Result = Text.str();
  erase_if(Result, [](char C) { return isSpace(C); });
  return Result;
}

class Outline {
public:
  explicit Outline(const SourceText &Text) : Text(Text) {}
  virtual ~Outline() = default;

  void add(const Stmt *S) {
    if (!S || addOwn(*S))
      return;
    if (const auto *Block = dyn_cast<CompoundStmt>(S)) {
      for (const Stmt *Inner : Block->body())
        add(Inner);
    } else if (const auto *If = dyn_cast<IfStmt>(S)) {
      addIf(*If);
    } else if (const auto *Do = dyn_cast<DoStmt>(S)) {
      line("do");
      add(Do->getBody());
      line("while " + textOf(Do->getCond()->getSourceRange()));
    } else if (const auto *Case = dyn_cast<SwitchCase>(S)) {
      line(textOf({Case->getKeywordLoc(), Case->getColonLoc()}));
      add(Case->getSubStmt());
    } else if (const Stmt *Body = bodyOf(*S)) {
      line(textOf({S->getBeginLoc(), headEnd(*S)}));
      add(Body);
      line("end");
    } else if (const auto *Return = dyn_cast<ReturnStmt>(S)) {
      addReturn(Return->getRetValue());
    } else if (const auto *Return = dyn_cast<CoreturnStmt>(S)) {
      addReturn(Return->getOperand());
    } else {
      line(textOf(S->getSourceRange()));
    }
  }

  /// Returning at the end is as good as getting there.
  std::vector<std::string> finish() {
    while (!Lines.empty() && Lines.back() == "return ")
      Lines.pop_back();
    return std::move(Lines);
  }

protected:
  /// Adds what \p S means if that is more than its text.
  virtual bool addOwn(const Stmt &S) = 0;

  void line(const Twine &Line) { Lines.push_back(Line.str()); }

  void addIf(const IfStmt &If) {
    line(textOf({If.getBeginLoc(), If.getRParenLoc()}));
    add(If.getThen());
    if (If.getElse()) {
      line("else");
      add(If.getElse());
    }
    line("end");
  }

  void addReturn(const Expr *Value) {
    line("return " + (Value ? textOf(Value->getSourceRange()) : ""));
  }

  /// The operation that \p Call starts, which gives \p Result to somebody.
  void addWait(const CallExpr &Call, StringRef Result, StringRef Token) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    std::string Line =
        "wait " + (Callee ? qualifiedName(*Callee) : std::string());
    if (const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call))
      Line +=
          " of " +
          textOf(
              asWritten(Member->getImplicitObjectArgument())->getSourceRange());
    SmallVector<const Expr *, 4> Given = given(Call);
    for (const Expr *E : drop_end(Given))
      Line += ", " + textOf(E->getSourceRange());
    line(Line + ", " + withoutSpace(Token) + " -> " + Result);
  }

  /// The arguments that are written; the last one is the handler, or the token
  /// in its place.
  static SmallVector<const Expr *, 4> given(const CallExpr &Call) {
    SmallVector<const Expr *, 4> Result;
    for (const Expr *E : Call.arguments())
      if (!isa<CXXDefaultArgExpr>(E))
        Result.push_back(asWritten(E));
    return Result;
  }

  /// What is written, be it the use of a macro.
  std::string textOf(SourceRange Range) const {
    const SourceManager &SM = Text.context().getSourceManager();
    return withoutSpace(
        Text.text(SourceRange(SM.getExpansionLoc(Range.getBegin()),
                              SM.getExpansionRange(Range.getEnd()).getEnd())));
  }

  std::optional<unsigned> at(SourceLocation Where) const {
    return Text.offset(
        Text.context().getSourceManager().getExpansionLoc(Where));
  }

  const SourceText &Text;

private:
  static const Stmt *bodyOf(const Stmt &S) {
    if (const auto *For = dyn_cast<ForStmt>(&S))
      return For->getBody();
    if (const auto *While = dyn_cast<WhileStmt>(&S))
      return While->getBody();
    if (const auto *Range = dyn_cast<CXXForRangeStmt>(&S))
      return Range->getBody();
    const auto *Switch = dyn_cast<SwitchStmt>(&S);
    return Switch ? Switch->getBody() : nullptr;
  }

  static SourceLocation headEnd(const Stmt &S) {
    if (const auto *For = dyn_cast<ForStmt>(&S))
      return For->getRParenLoc();
    if (const auto *While = dyn_cast<WhileStmt>(&S))
      return While->getRParenLoc();
    if (const auto *Range = dyn_cast<CXXForRangeStmt>(&S))
      return Range->getRParenLoc();
    return cast<SwitchStmt>(S).getRParenLoc();
  }

  std::vector<std::string> Lines;
};

class InputOutline final : public Outline {
public:
  InputOutline(const ReentrantCode &Code, const SourceText &Text,
               const TargetDialect &Dialect, bool IsChild)
      : Outline(Text), Code(Code), Dialect(Dialect), IsChild(IsChild) {}

  /// What the function does when it is entered for the first time, or what
  /// only the child of its fork does.
  std::vector<std::string> read() {
    if (IsChild) {
      for (const Stmt *S : Code.Forked->Child)
        add(S);
    } else {
      addGuard();
      add(Code.Body);
    }
    return finish();
  }

private:
  bool addOwn(const Stmt &S) override {
    std::optional<unsigned> Begin = at(S.getBeginLoc());
    if (!IsChild && Code.Forked && Begin && addParent(S, *Begin))
      return true;
    if (S.getBeginLoc().isMacroID() && Begin) {
      for (const ReentrantCode::Yield &Y : Code.Yields)
        if (Y.Begin == *Begin)
          return addYield(Y);
      if (Code.Forked && Code.Forked->Begin == *Begin) {
        line("start the child");
        return true;
      }
    }
    return false;
  }

  bool addYield(const ReentrantCode::Yield &Y) {
    if (!Y.Op) {
      addReturn(nullptr);
      return true;
    }
    if (const auto *Block = dyn_cast<CompoundStmt>(Y.Body))
      for (const Stmt *S : drop_end(Block->body()))
        add(S);
    std::string Result;
    bool HasError = false;
    for (auto [P, A] :
         zip(Code.Function->parameters(), Y.Op->Bound->Arguments)) {
      HasError |= !A.Value && P == Code.Error;
      if (!A.Value && P != Code.Error && P->getDeclName() &&
          !is_contained(Y.Dead, P))
        Result = P->getName();
    }
    addWait(*Y.Op->Call, Result,
            Dialect.token(HasError ? Code.Error->getName() : StringRef()));
    for (const ParmVarDecl *P : Y.Reset)
      line(P->getName() + "=" +
           textOf(asWritten(
                      Y.Op->Bound->Arguments[P->getFunctionScopeIndex()].Value)
                      ->getSourceRange()));
    if (HasError)
      addGuard();
    return true;
  }

  /// What happens at every step.
  void addGuard() {
    if (!Code.Guard)
      return;
    line("if(" + Code.Error->getName() + ")");
    if (*at(Code.Guard->getEndLoc()) > Code.Begin)
      addReturn(nullptr);
    else
      add(Code.Guard->getThen());
    line("end");
  }

  /// The parent does not have what only its child does, and need not ask.
  bool addParent(const Stmt &S, unsigned Begin) {
    const ReentrantCode::Fork &Fork = *Code.Forked;
    if (is_contained(Fork.Child, &S))
      return true;
    const auto *Do = dyn_cast<DoStmt>(&S);
    if (Do && Fork.Head.End > Fork.Head.Begin && Begin == Fork.Head.Begin) {
      line("for(;;)");
      add(Do->getBody());
      line("end");
      return true;
    }
    return isa<IfStmt>(S) && Fork.Test.Begin <= Begin && Begin < Fork.Test.End;
  }

  const ReentrantCode &Code;
  const TargetDialect &Dialect;
  bool IsChild;
};

class OutputOutline final : public Outline {
public:
  OutputOutline(const SourceText &Text, const CXXMethodDecl &Coroutine)
      : Outline(Text), Coroutine(Coroutine) {}

  /// Leaves out the variables in front that are called like \p Parameters.
  std::vector<std::string> read(ArrayRef<const ParmVarDecl *> Parameters) {
    ArrayRef<Stmt *> Code(cast<CompoundStmt>(bodyOf(Coroutine))->body_begin(),
                          cast<CompoundStmt>(bodyOf(Coroutine))->body_end());
    while (!Code.empty() && declaresOneOf(*Code.front(), Parameters))
      Code = Code.drop_front();
    for (const Stmt *S : Code)
      add(S);
    return finish();
  }

  /// What the coroutine starts.
  const CXXMethodDecl *Child = nullptr;

  /// The coroutine of the same class that \p S starts.
  static const CXXMethodDecl *startedBy(const Stmt &S,
                                        const CXXMethodDecl &From) {
    struct Visitor : ConstDynamicRecursiveASTVisitor {
      const CXXMethodDecl &From;
      const CXXMethodDecl *Found = nullptr;
      bool InLambda = false;
      explicit Visitor(const CXXMethodDecl &From) : From(From) {}
      bool TraverseLambdaExpr(const LambdaExpr *L) override {
        InLambda = true;
        return TraverseStmt(L->getBody());
      }
      bool VisitCXXMemberCallExpr(const CXXMemberCallExpr *Call) override {
        return note(Call->getMethodDecl());
      }
      bool note(const CXXMethodDecl *M) {
        const FunctionDecl *Definition = M ? definitionOf(M) : nullptr;
        if (Definition && Definition != &From &&
            declaresSameEntity(M->getParent(), From.getParent()) &&
            isa_and_nonnull<CoroutineBodyStmt>(Definition->getBody()))
          Found = cast<CXXMethodDecl>(Definition);
        return true;
      }
    } V(From);
    if (isa<Expr>(S))
      V.TraverseStmt(&S);
    return V.Found;
  }

private:
  static const Stmt *bodyOf(const CXXMethodDecl &F) {
    const auto *Made = dyn_cast<CoroutineBodyStmt>(F.getBody());
    return Made ? Made->getBody() : F.getBody();
  }

  static bool declaresOneOf(const Stmt &S,
                            ArrayRef<const ParmVarDecl *> Parameters) {
    const auto *Declaration = dyn_cast<DeclStmt>(&S);
    const auto *V = Declaration && Declaration->isSingleDecl()
                        ? dyn_cast<VarDecl>(Declaration->getSingleDecl())
                        : nullptr;
    return V && any_of(Parameters, [&](const ParmVarDecl *P) {
             return P->getDeclName() && P->getName() == V->getName();
           });
  }

  bool addOwn(const Stmt &S) override {
    const auto *E = dyn_cast<Expr>(&S);
    if (!E)
      return false;
    std::string Result;
    const Expr *Waits = asWritten(E);
    if (const auto *Assign = dyn_cast<BinaryOperator>(Waits);
        Assign && Assign->getOpcode() == BO_Assign) {
      Result = textOf(Assign->getLHS()->getSourceRange());
      Waits = asWritten(Assign->getRHS());
    } else if (const auto *Assign = dyn_cast<CXXOperatorCallExpr>(Waits);
               Assign && Assign->getOperator() == OO_Equal) {
      Result = textOf(Assign->getArg(0)->getSourceRange());
      Waits = asWritten(Assign->getArg(1));
    }
    const auto *Await = dyn_cast<CoawaitExpr>(Waits);
    const auto *Call =
        Await ? dyn_cast<CallExpr>(asWritten(Await->getOperand())) : nullptr;
    if (Call && !given(*Call).empty()) {
      addWait(*Call, Result, textOf(given(*Call).back()->getSourceRange()));
      return true;
    }
    const CXXMethodDecl *Started = startedBy(S, Coroutine);
    if (!Started || Child)
      return false;
    Child = Started;
    line("start the child");
    return true;
  }

  const CXXMethodDecl &Coroutine;
};

/// What became of \p Function.
const CXXMethodDecl *findAgain(const CXXMethodDecl &Function,
                               const SourceText &Output) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const CXXMethodDecl &Wanted;
    const CXXMethodDecl *Found = nullptr;
    explicit Visitor(const CXXMethodDecl &Wanted) : Wanted(Wanted) {}
    bool VisitCXXMethodDecl(const CXXMethodDecl *F) override {
      if (F->isThisDeclarationADefinition() &&
          F->getQualifiedNameAsString() == Wanted.getQualifiedNameAsString() &&
          F->getType().getAsString() == Wanted.getType().getAsString())
        Found = F;
      return true;
    }
  } V(Function);
  forEachOwnDecl(Output, [&](const Decl *D) { V.TraverseDecl(D); });
  return V.Found;
}

std::string compare(ArrayRef<std::string> Input, ArrayRef<std::string> Output) {
  for (size_t I = 0; I != std::max(Input.size(), Output.size()); ++I) {
    StringRef Is = I < Output.size() ? StringRef(Output[I]) : "nothing";
    StringRef Was = I < Input.size() ? StringRef(Input[I]) : "nothing";
    if (Is != Was)
      return ("the input goes on with '" + Was + "' where the output has '" +
              Is + "'")
          .str();
  }
  return "";
}

} // namespace

std::string compareReentrant(const ReentrantCode &Code, const SourceText &Input,
                             const SourceText &Output,
                             const TargetDialect &Dialect) {
  const CXXMethodDecl *Function = findAgain(*Code.Function, Output);
  const auto *Body =
      Function ? dyn_cast<CompoundStmt>(Function->getBody()) : nullptr;
  const CXXMethodDecl *Coroutine =
      Body && Body->size() == 1
          ? OutputOutline::startedBy(*Body->body_front(), *Function)
          : nullptr;
  if (!Coroutine)
    return "the function does not start a coroutine";
  OutputOutline Parent(Output, *Coroutine);
  std::string Difference = compare(
      InputOutline(Code, Input, Dialect, false).read(), Parent.read({}));
  if (!Difference.empty() || !Code.Forked)
    return Difference;
  return compare(
      InputOutline(Code, Input, Dialect, true).read(),
      OutputOutline(Output, *Parent.Child).read(Code.Function->parameters()));
}

} // namespace coralc
