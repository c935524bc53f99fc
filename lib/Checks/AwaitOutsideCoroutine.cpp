//===--- AwaitOutsideCoroutine.cpp - coral-await-outside-coroutine --------===//
//
// Reports co_await, co_yield and co_return in functions and lambdas that cannot
// be coroutines, and says what would have to change. Such code does not
// compile, so the keywords are found in the text. The mirror image is reported
// as well: a call inside a coroutine, or inside a handler that an event loop
// runs, that blocks the thread until a task is done.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/BlockingBridge.h"
#include "coralc/Analysis/KeywordTokens.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskSpelling.h"
#include "coralc/Analysis/WrittenTypes.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {
namespace {

//===----------------------------------------------------------------------===//
// Keywords where no coroutine can be
//===----------------------------------------------------------------------===//

/// Where the keyword stands and why that can be no coroutine, and what to do.
/// Empty when there is nothing against it.
struct Obstacle {
  std::string Why;
  std::string Advice;
  explicit operator bool() const { return !Why.empty(); }
};

Obstacle obstacleFor(const FunctionDecl &Function, CoroutineTypes &Types,
                     const PrintingPolicy &Policy) {
  const std::string Cannot = ", which cannot be a coroutine";
  const char *Move = "move it to a function that returns a task";
  if (isa<CXXConstructorDecl>(Function))
    return {"a constructor" + Cannot, Move};
  if (isa<CXXDestructorDecl>(Function))
    return {"a destructor" + Cannot, Move};
  if (Function.isMain())
    return {"'main'" + Cannot,
            "move it to a coroutine and run that from 'main'"};
  std::string Because =
      "'" + Function.getNameAsString() + "'" + Cannot + " because ";
  if (Function.isVariadic())
    return {Because + "it takes variable arguments",
            "make it a template or pass the arguments in a container"};
  QualType Declared = Function.getDeclaredReturnType();
  if (Declared->getContainedAutoType())
    return {Because + "its return type is deduced",
            "write the return type out"};
  if (Declared->isDependentType() || Types.promiseOf(Declared)) {
    if (Function.isConstexpr())
      return {Because + "it is constexpr", "drop the 'constexpr'"};
    return {};
  }
  if (!Declared->isVoidType() && !Declared->isScalarType() &&
      !Declared->isReferenceType() && !recordOf(Declared))
    return {};
  if (!returnTypeIsKnown(Function))
    return {};
  return {Because + "it returns '" + Declared.getAsString(Policy) + "'", ""};
}

/// "a task", or what else a coroutine with this keyword returns.
llvm::StringRef kindFor(const CoroutineKeyword &Keyword) {
  return Keyword.Text == "co_yield" ? "a generator" : "a task";
}

class KeywordReporter {
public:
  KeywordReporter(TranslationUnit &Unit)
      : Unit(Unit), Sources(Unit.context().getSourceManager()),
        Policy(Unit.context().getLangOpts()), Bodies(Unit.functions(), Sources),
        Task(Unit.context(), Unit.types()) {}

  void report(const CoroutineKeyword &Keyword) {
    KeywordOwner Owner = Bodies.ownerOf(Keyword);
    const FunctionDecl *Function = Owner.Function;
    if (Function && isCoroutine(*Function)) {
      if (Owner.InHandler)
        reportHandler(Keyword);
      return;
    }
    if (Keyword.Lambda)
      return reportLambda(Keyword, Function);
    if (!Function)
      return reportOutside(Keyword);
    if (isLambdaCallOperator(Function))
      return;
    Obstacle Against = obstacleFor(*Function, Unit.types(), Policy);
    if (!Against || !Told.insert(Function).second)
      return;
    std::string Wanted;
    if (Against.Advice.empty() && Keyword.Text != "co_yield")
      Wanted = replacement(*Function);
    if (Against.Advice.empty())
      Against.Advice = "return " + (Wanted.empty() ? kindFor(Keyword).str()
                                                   : "'" + Wanted + "'");
    Diagnosis &Report =
        Unit.report(Keyword.Where, "'" + Keyword.Text.str() + "' in " +
                                       Against.Why + "; " + Against.Advice);
    if (!Wanted.empty())
      Report.fix(FixSafety::Unsafe, "make it return '" + Wanted + "'",
                 retype(*Function, Wanted));
  }

private:
  void reportHandler(const CoroutineKeyword &Keyword) {
    if (Keyword.Text == "co_return")
      return;
    Unit.report(Keyword.Where,
                "'" + Keyword.Text.str() +
                    "' in a handler, which cannot suspend; keep what it needs, "
                    "such as a 'std::exception_ptr', and do it after the "
                    "handler");
  }

  void reportLambda(const CoroutineKeyword &Keyword,
                    const FunctionDecl *Operator) {
    const LambdaText &Lambda = *Keyword.Lambda;
    if (Lambda.HasReturnType &&
        (!Operator || !returnTypeIsKnown(*Operator) ||
         Unit.types().promiseOf(Operator->getReturnType()) ||
         Operator->getReturnType()->isDependentType()))
      return;
    if (!ToldLambdas.insert(Lambda.Introducer).second)
      return;
    const FunctionDecl *Outer = functionAround(Lambda.Introducer);
    std::string Why =
        "'" + Keyword.Text.str() +
        "' in a lambda, which cannot be a coroutine because its return type " +
        (Lambda.HasReturnType ? "is none of a coroutine" : "is deduced");
    if (Outer && isCoroutine(*Outer))
      Why += " ('" + Outer->getNameAsString() + "' would not suspend here)";
    std::string Wanted = Lambda.ReturnsValue || Lambda.HasReturnType ||
                                 Keyword.Text == "co_yield"
                             ? ""
                             : Task.wrap("", Outer);
    Diagnosis &Report =
        Unit.report(Keyword.Where, Why + "; make it return " +
                                       (Wanted.empty() ? kindFor(Keyword).str()
                                                       : "'" + Wanted + "'"));
    if (Wanted.empty())
      return;
    llvm::SmallVector<FixItHint, 4> Edits = {FixItHint::CreateInsertion(
        Lambda.BeforeBody,
        (Lambda.HasParameters ? " -> " : "() -> ") + Wanted)};
    for (SourceLocation Return : Lambda.Returns)
      Edits.push_back(FixItHint::CreateInsertion(Return, "co_"));
    Report.fix(FixSafety::Unsafe, "make it return '" + Wanted + "'", Edits);
  }

  bool contains(SourceRange Range, SourceLocation Where) const {
    return Range.isValid() &&
           !Sources.isBeforeInTranslationUnit(Where, Range.getBegin()) &&
           !Sources.isBeforeInTranslationUnit(Range.getEnd(), Where);
  }

  const FunctionDecl *functionAround(SourceLocation Where) {
    const FunctionDecl *Innermost = nullptr;
    for (const FunctionDecl *Function : Unit.functions())
      if (const Stmt *Body = bodyOf(*Function);
          Body && !Function->isTemplateInstantiation() &&
          Function->getNameInfo().getName().isIdentifier() &&
          contains(Body->getSourceRange(), Where))
        Innermost = Function;
    return Innermost;
  }

  /// A default argument, an initialiser: no function is around it.
  void reportOutside(const CoroutineKeyword &Keyword) {
    class Finder : public RecursiveASTVisitor<Finder> {
    public:
      Finder(const SourceManager &Sources, SourceLocation Where)
          : Sources(Sources), Where(Where) {}
      bool VisitDeclaratorDecl(DeclaratorDecl *Candidate) {
        SourceLocation At = Candidate->getLocation();
        if (Sources.getFileID(At) == Sources.getFileID(Where) &&
            Sources.isBeforeInTranslationUnit(At, Where) &&
            (!Nearest ||
             Sources.isBeforeInTranslationUnit(Nearest->getLocation(), At)))
          Nearest = Candidate;
        return true;
      }
      bool TraverseDecl(Decl *Node) {
        return !Node ||
               (!isa<TranslationUnitDecl>(Node) &&
                Sources.isInSystemHeader(Node->getLocation())) ||
               RecursiveASTVisitor::TraverseDecl(Node);
      }
      const SourceManager &Sources;
      SourceLocation Where;
      DeclaratorDecl *Nearest = nullptr;
    };
    Finder Find(Sources, Keyword.Where);
    Find.TraverseAST(Unit.context());
    if (!Find.Nearest || !isInScopeOf(*Find.Nearest, Keyword) ||
        !isInitializerOf(Find.Nearest->getLocation(), Keyword, Sources,
                         Unit.context().getLangOpts()))
      return;
    std::string Name = "'" + Find.Nearest->getNameAsString() + "'";
    std::string Place;
    if (isa<ParmVarDecl>(Find.Nearest))
      Place = "the default argument of " + Name;
    else if (isa<FieldDecl>(Find.Nearest))
      Place = "the initializer of member " + Name;
    else
      Place = "the initializer of " + Name;
    Unit.report(Keyword.Where, "'" + Keyword.Text.str() + "' in " + Place +
                                   ", which no coroutine runs; await it in a "
                                   "coroutine and pass the result");
  }

  /// Is all that is open around the keyword, lists aside, open around
  /// \p Declared too? The body of a function that the AST has not is not.
  static bool isInScopeOf(const DeclaratorDecl &Declared,
                          const CoroutineKeyword &Keyword) {
    const auto *Variable = dyn_cast<VarDecl>(&Declared);
    if (isa<FunctionDecl>(Declared) || (Variable && Variable->isLocalVarDecl()))
      return false;
    const auto *Class =
        dyn_cast<CXXRecordDecl>(Declared.getLexicalDeclContext());
    return llvm::all_of(Keyword.Braces, [&](const OpenBrace &Brace) {
      return Brace.Kind == OpenBrace::List ||
             Brace.Kind == OpenBrace::Namespace || isa<ParmVarDecl>(Declared) ||
             (Class && Class->getBraceRange().getBegin() == Brace.Where);
    });
  }

  /// The return type that would make \p Function a coroutine; empty when there
  /// is none to suggest.
  std::string replacement(const FunctionDecl &Function) const {
    if (const auto *Method = dyn_cast<CXXMethodDecl>(&Function))
      if (Method->isVirtual())
        return "";
    return Task.wrap(textOf(returnTypeRange(Function), Unit.context()),
                     Function.getDeclContext());
  }

  llvm::SmallVector<FixItHint, 4> retype(const FunctionDecl &Function,
                                         llvm::StringRef Wanted) const {
    llvm::SmallVector<FixItHint, 4> Edits;
    for (const FunctionDecl *Declaration : Function.redecls())
      Edits.push_back(
          FixItHint::CreateReplacement(returnTypeRange(*Declaration), Wanted));
    for (SourceLocation Return :
         returnKeywords(Function.getBody()->getSourceRange(), Sources,
                        Unit.context().getLangOpts()))
      Edits.push_back(FixItHint::CreateInsertion(Return, "co_"));
    return Edits;
  }

  TranslationUnit &Unit;
  const SourceManager &Sources;
  PrintingPolicy Policy;
  FunctionBodies Bodies;
  TaskSpelling Task;
  llvm::DenseSet<const FunctionDecl *> Told;
  llvm::DenseSet<SourceLocation> ToldLambdas;
};

/// The files of the user's that declarations come from.
std::vector<FileID> userFiles(TranslationUnit &Unit) {
  const SourceManager &Sources = Unit.context().getSourceManager();
  std::vector<FileID> Files;
  for (const Decl *Top :
       Unit.context().getTranslationUnitDecl()->noload_decls()) {
    SourceLocation Where = Sources.getExpansionLoc(Top->getLocation());
    if (Where.isInvalid() || Sources.isInSystemHeader(Where))
      continue;
    FileID File = Sources.getFileID(Where);
    if (!llvm::is_contained(Files, File))
      Files.push_back(File);
  }
  if (!llvm::is_contained(Files, Sources.getMainFileID()))
    Files.push_back(Sources.getMainFileID());
  return Files;
}

//===----------------------------------------------------------------------===//
// Bridges that block
//===----------------------------------------------------------------------===//

/// What is called, a function or a function object.
llvm::StringRef nameOf(const CallExpr &Call) {
  const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
  const auto *Object =
      Operator && Operator->getOperator() == OO_Call
          ? dyn_cast<DeclRefExpr>(Operator->getArg(0)->IgnoreParenImpCasts())
          : nullptr;
  return Object && Object->getDecl()->getIdentifier()
             ? Object->getDecl()->getName()
             : calleeName(Call);
}

void report(const BridgeCall &Bridge, TranslationUnit &Unit) {
  const CallExpr &Call = *Bridge.Call;
  bool CanAwait = Bridge.In == BridgeCall::Coroutine;
  Diagnosis &Report = Unit.report(
      Call.getExprLoc(),
      ("'" + nameOf(Call) + "' blocks the thread that runs this " +
       (CanAwait ? "coroutine" : "handler") +
       ", and with it everything that the task may wait for; " +
       (CanAwait ? "'co_await' the task" : "start the task instead"))
          .str());
  if (CanAwait && Call.getBeginLoc().isFileID() &&
      Call.getEndLoc().isFileID() && Call.getNumArgs() <= 1)
    Report.fix(FixSafety::Unsafe, "await the task",
               FixItHint::CreateReplacement(
                   Call.getSourceRange(),
                   ("co_await " +
                    textOf(Bridge.Task->getSourceRange(), Unit.context()))
                       .str()));
}

} // namespace

static void checkAwaitOutsideCoroutine(TranslationUnit &Unit) {
  const ASTContext &Context = Unit.context();
  if (Context.getDiagnostics().hasUncompilableErrorOccurred()) {
    KeywordReporter Reporter(Unit);
    for (FileID File : userFiles(Unit))
      for (const CoroutineKeyword &Keyword :
           coroutineKeywords(File, Context.getSourceManager(),
                             Context.getLangOpts(), Unit.SkippedRanges))
        Reporter.report(Keyword);
  }
  for (const FunctionDecl *Function : Unit.functions())
    for (const BridgeCall &Bridge : findBridges(*Function, Unit.types()))
      report(Bridge, Unit);
}

static const RegisterCheck
    Register("coral-await-outside-coroutine", 0,
             "a coroutine keyword where no coroutine can be, or a blocking "
             "wait where one could await",
             checkAwaitOutsideCoroutine);

} // namespace coralc
