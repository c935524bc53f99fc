//===--- Direct.cpp - Code that only changes its spelling -----------------===//

#include "coralc/Rewrites/Engine/Direct.h"
#include "coralc/Rewrites/Engine/Reentrant.h"
#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/TypeLoc.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

class DirectEditor {
public:
  DirectEditor(const DirectCode &Code, const SourceText &Text,
               const TargetDialect &Dialect, RethrowFor Rethrow)
      : Code(Code), Text(Text), Dialect(Dialect), Rethrow(Rethrow) {}

  std::vector<FileEdit> run() {
    for (const DirectCode::Coroutine &C : Code.Coroutines)
      edit(C);
    for (const DirectCode::Start &S : Code.Starts)
      edit(S);
    for (const DirectCode::Await &A : Code.Awaits)
      edit(A);
    return std::move(Edits);
  }

private:
  void replace(TextRange Range, const Twine &New) {
    Edits.push_back({Range, New.str(), {}});
  }
  void insert(unsigned At, const Twine &New) { replace({At, At}, New); }
  /// What makes a line longer wants a new layout.
  void layOut() {
    Edits.back().Written = {{0, unsigned(Edits.back().Text.size())}};
  }

  /// Takes one of several things with a comma between them away.
  void removeFromList(ArrayRef<TextRange> List, unsigned Index) {
    TextRange Gone = List[Index];
    if (Index > 0)
      Gone.Begin = List[Index - 1].End;
    else if (List.size() > 1)
      Gone.End = List[1].Begin;
    replace(Gone, "");
  }

  void edit(const DirectCode::Coroutine &C) {
    for (const FunctionDecl *D : C.Function->redecls()) {
      SmallVector<TextRange, 4> Parameters;
      for (const ParmVarDecl *P : D->parameters())
        Parameters.push_back(*Text.range(P->getSourceRange()));
      removeFromList(Parameters, C.Context->getFunctionScopeIndex());
      if (!C.Lambda) {
        TextRange Result = *Text.range(D->getReturnTypeSourceRange());
        replace(Result, Dialect.taskType(Text.text(Result)));
      }
    }
    if (C.Lambda) {
      Substitution Result = resultOf(*C.Lambda, Text, Dialect.taskType("void"));
      replace(Result.Range, Result.Text);
    }
    for (const ReturnStmt *Return : C.Returns)
      edit(*Return, *C.Function);
    if (!C.Waits && C.Returns.empty())
      endBody(*C.Function);
  }

  void edit(const ReturnStmt &Return, const FunctionDecl &F) {
    insert(*Text.offset(Return.getReturnLoc()), "co_");
    const Expr *Value = Return.getRetValue();
    std::optional<TextRange> Written =
        Value ? Text.range(Value->getSourceRange()) : std::nullopt;
    if (Written && Text.text(*Written).starts_with("{") &&
        !Dialect.returnsBraces())
      insert(Written->Begin, Text.text(F.getReturnTypeSourceRange()));
  }

  /// A function without a wait and a return says that it is a coroutine.
  void endBody(const FunctionDecl &F) {
    unsigned Open = *Text.offset(F.getBody()->getBeginLoc());
    unsigned Close = *Text.offset(F.getBody()->getEndLoc());
    unsigned Line = Text.lineBegin(Close);
    if (Line > Open) {
      Layout Style = Layout::of(F, Text);
      return insert(Line, Text.indentation(Close) +
                              std::string(Style.Width, Style.Blank) +
                              "co_return;\n");
    }
    bool HasBlank = Text.text(TextRange{Open, Close}).ends_with(" ");
    insert(Close, HasBlank ? "co_return; " : " co_return; ");
  }

  void edit(const DirectCode::Start &S) {
    replace(*Text.range(S.Call->getCallee()->getSourceRange()),
            Dialect.startFunction());
    if (S.Binder) {
      SmallVector<TextRange, 4> Arguments;
      for (const Expr *E : S.Binder->arguments())
        Arguments.push_back(*Text.range(E->getSourceRange()));
      removeFromList(Arguments, S.Placeholder);
    }
    if (Dialect.needsExecutor() && !S.HasHandler)
      insert(*Text.offset(S.Call->getRParenLoc()),
             ", " + Rethrow(*S.Call).str());
  }

  void edit(const DirectCode::Await &A) {
    TextRange Whole = *Text.range(A.Call->getSourceRange());
    insert(Whole.Begin, A.WantsParentheses ? "(co_await " : "co_await ");
    if (A.WantsParentheses)
      insert(Whole.End, ")");
    SmallVector<TextRange, 4> Arguments;
    for (const Expr *E : A.Call->arguments())
      if (!isa<CXXDefaultArgExpr>(E))
        Arguments.push_back(*Text.range(E->getSourceRange()));
    if (A.IsOfCoroutine)
      return removeFromList(Arguments, A.Context);
    StringRef Error =
        A.Error ? Text.text(A.Error->getSourceRange()) : StringRef();
    replace(Arguments[A.Context],
            Dialect.token(Error, A.WantsExecutor && !Dialect.needsExecutor()
                                     ? A.Executor
                                     : ""));
    layOut();
  }

  const DirectCode &Code;
  const SourceText &Text;
  const TargetDialect &Dialect;
  RethrowFor Rethrow;
  std::vector<FileEdit> Edits;
};

/// What a wait is known by: what it waits for and what that gives.
std::string labelOf(const CallExpr &Call, QualType Result) {
  const FunctionDecl *Callee = Call.getDirectCallee();
  return (Callee ? qualifiedName(*Callee) : std::string()) + " " +
         Result.getCanonicalType().getUnqualifiedType().getAsString();
}

} // namespace

Substitution resultOf(const LambdaExpr &L, const SourceText &Text,
                      StringRef Type) {
  FunctionTypeLoc Signature = L.getCallOperator()->getFunctionTypeLoc();
  if (L.hasExplicitResultType())
    return {*Text.range(Signature.getReturnLoc().getSourceRange()), Type.str()};
  unsigned From = *Text.offset(Signature.getRParenLoc());
  unsigned To = *Text.offset(L.getBody()->getBeginLoc());
  std::string Between = Text.text(TextRange{From, To}).str();
  Lexer Raw(SourceLocation(), Text.context().getLangOpts(), Between.data(),
            Between.data(), Between.data() + Between.size());
  unsigned At = From + 1;
  for (Token T; !Raw.LexFromRawLexer(T);)
    At = From + Raw.getBufferLocation() - Between.data();
  return {{At, At}, (" -> " + Type).str()};
}

std::vector<FileEdit> editDirect(const DirectCode &Code, const SourceText &Text,
                                 const TargetDialect &Dialect,
                                 RethrowFor Rethrow) {
  assert(!Code.Reentrant && !Code.Repeated && "has an editor of its own");
  return DirectEditor(Code, Text, Dialect, Rethrow).run();
}

/// A condition of \p Of's in which it would await, though it has no variable.
/// g++ 12 does not come back to such a coroutine when one of its parameters is
/// destroyed by a function.
static const Expr *awaitInCondition(const DirectCode::Coroutine &Of,
                                    ArrayRef<DirectCode::Await> Awaits) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    ArrayRef<DirectCode::Await> Awaits;
    const Expr *Found = nullptr;
    bool HasVariable = false;
    bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
    bool VisitVarDecl(const VarDecl *) override {
      HasVariable = true;
      return true;
    }
    bool VisitStmt(const Stmt *S) override {
      const Expr *Condition = nullptr;
      if (const auto *If = dyn_cast<IfStmt>(S))
        Condition = If->getCond();
      else if (const auto *While = dyn_cast<WhileStmt>(S))
        Condition = While->getCond();
      else if (const auto *Do = dyn_cast<DoStmt>(S))
        Condition = Do->getCond();
      else if (const auto *For = dyn_cast<ForStmt>(S))
        Condition = For->getCond();
      else if (const auto *Switch = dyn_cast<SwitchStmt>(S))
        Condition = Switch->getCond();
      if (Condition && any_of(Awaits, [&](const DirectCode::Await &A) {
            return contains(Condition, A.Call);
          }))
        Found = Condition;
      return true;
    }
  } V;
  V.Awaits = Awaits;
  V.TraverseStmt(Of.Function->getBody());
  bool IsDestroyed =
      any_of(Of.Function->parameters(), [&](const ParmVarDecl *P) {
        return P != Of.Context && P->getType().isDestructedType();
      });
  return IsDestroyed && !V.HasVariable ? V.Found : nullptr;
}

std::optional<Refusal> checkDirect(const DirectCode &Code,
                                   const TargetDialect &Dialect) {
  if (const ReentrantCode *Reentrant = Code.Reentrant.get()) {
    if (Dialect.needsExecutor() &&
        (Reentrant->Executor.empty() ||
         (Reentrant->Forked && Reentrant->Forked->Executor.empty())))
      return Refusal{"no-executor", Reentrant->Function->getLocation(),
                     "'" + Reentrant->Function->getQualifiedNameAsString() +
                         "' has no object with an executor where it is "
                         "started, which this target needs; convert to "
                         "--target=coral or give it one"};
    return std::nullopt;
  }
  if (Code.Repeated) {
    if (Dialect.eventsStart().empty())
      return Refusal{"target-has-no-request",
                     Code.Repeated->Function->getLocation(),
                     "this target cannot wait for libuv's handles; convert to "
                     "--target=coral"};
    return std::nullopt;
  }
  for (const DirectCode::Coroutine &Each : Code.Coroutines)
    if (const Expr *Condition = awaitInCondition(Each, Code.Awaits))
      return Refusal{"await-in-a-condition", Condition->getBeginLoc(),
                     "this condition would await in a function without any "
                     "variable, which some compilers get wrong; give what it "
                     "tests a variable"};
  // Where the start says it, all that a coroutine waits for knows it.
  if (Dialect.needsExecutor())
    return std::nullopt;
  for (const DirectCode::Await &A : Code.Awaits)
    if (A.WantsExecutor && A.Executor.empty())
      return Refusal{"no-executor", A.Call->getBeginLoc(),
                     "the strand or executor that this goes on in has no name "
                     "here; let the lambda capture it, or convert to "
                     "--target=asio"};
  return std::nullopt;
}

std::string compareDirect(const DirectCode &Code, const SourceText &Output) {
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    StringMap<unsigned> Waits;
    bool VisitCoawaitExpr(const CoawaitExpr *E) override {
      if (const auto *Call = dyn_cast<CallExpr>(asWritten(E->getOperand())))
        ++Waits[labelOf(*Call, E->getType())];
      return true;
    }
  } V;
  forEachOwnDecl(Output, [&](const Decl *D) { V.TraverseDecl(D); });
  for (const DirectCode::Await &A : Code.Awaits) {
    std::string Label = labelOf(*A.Call, A.Call->getType());
    if (V.Waits[Label]-- == 0)
      return "the input waits for '" + Label + "' where the output does not";
  }
  return "";
}

} // namespace coralc
