//===--- Check.cpp - The list of checks and how they run ------------------===//

#include "coralc/Checks/Check.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Lex/Lexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;

namespace coralc {

static std::vector<RegisteredCheck> &checkList() {
  static std::vector<RegisteredCheck> List;
  return List;
}

RegisterCheck::RegisterCheck(llvm::StringRef Id, unsigned Level,
                             llvm::StringRef Summary,
                             void (*Run)(TranslationUnit &)) {
  std::vector<RegisteredCheck> &List = checkList();
  List.insert(
      llvm::upper_bound(
          List, Id,
          [](llvm::StringRef A, const RegisteredCheck &B) { return A < B.Id; }),
      {Id, Level, Summary, Run});
}

llvm::ArrayRef<RegisteredCheck> registeredChecks() { return checkList(); }

bool isSelected(const RegisteredCheck &Check, llvm::StringRef Globs,
                unsigned Level) {
  bool Selected = false;
  // clang-tidy separates items by commas and by lines.
  while (!Globs.empty()) {
    size_t End = Globs.find_first_of(",\n");
    llvm::StringRef Item = Globs.take_front(End).trim();
    Globs = Globs.drop_front(std::min(End, Globs.size() - 1) + 1);
    bool Removes = Item.consume_front("-");
    if (Item == Check.Id)
      Selected = !Removes;
    else if (llvm::Expected<llvm::GlobPattern> Glob =
                 llvm::GlobPattern::create(Item))
      Selected = Glob->match(Check.Id)
                     ? !Removes && (Selected || Check.Level <= Level)
                     : Selected;
    else
      llvm::consumeError(Glob.takeError());
  }
  return Selected;
}

unsigned levelFor(const RegisteredCheck &Check, llvm::StringRef Globs,
                  unsigned Level) {
  RegisteredCheck Unreachable = Check;
  Unreachable.Level = LevelOff;
  return isSelected(Unreachable, Globs, 0) ? LevelOff : Level;
}

namespace {

/// Collects functions with bodies. Subtrees of system headers are not entered.
class FunctionCollector : public RecursiveASTVisitor<FunctionCollector> {
public:
  FunctionCollector(const SourceManager &Sources,
                    std::vector<const FunctionDecl *> &Functions)
      : Sources(Sources), Functions(Functions) {}

  bool shouldVisitTemplateInstantiations() const { return true; }
  bool shouldVisitLambdaBody() const { return true; }

  bool TraverseDecl(Decl *Node) {
    if (Node && !isa<TranslationUnitDecl>(Node) &&
        Sources.isInSystemHeader(Node->getLocation()))
      return true;
    return RecursiveASTVisitor::TraverseDecl(Node);
  }

  bool VisitFunctionDecl(FunctionDecl *Function) {
    if (Function->doesThisDeclarationHaveABody() && !Function->isDefaulted())
      Functions.push_back(Function);
    return true;
  }

  bool VisitLambdaExpr(LambdaExpr *Lambda) {
    if (CXXMethodDecl *Operator = Lambda->getCallOperator();
        Operator && Operator->hasBody())
      Functions.push_back(Operator);
    return true;
  }

private:
  const SourceManager &Sources;
  std::vector<const FunctionDecl *> &Functions;
};

} // namespace

llvm::ArrayRef<const FunctionDecl *> TranslationUnit::functions() {
  if (!Functions) {
    Functions.emplace();
    FunctionCollector(Context.getSourceManager(), *Functions)
        .TraverseAST(Context);
    llvm::DenseSet<const FunctionDecl *> Seen;
    llvm::erase_if(*Functions, [&](const FunctionDecl *Function) {
      return !Seen.insert(Function).second;
    });
    // Templates first: what is said about one is not said again about each of
    // its instantiations.
    std::vector<const FunctionDecl *> Instantiations;
    llvm::copy_if(*Functions, std::back_inserter(Instantiations),
                  [](const FunctionDecl *Function) {
                    return Function->isTemplateInstantiation();
                  });
    llvm::erase_if(*Functions, [](const FunctionDecl *Function) {
      return Function->isTemplateInstantiation();
    });
    llvm::append_range(*Functions, Instantiations);
  }
  return *Functions;
}

llvm::ArrayRef<Loan> TranslationUnit::loans() {
  if (!Loans) {
    Loans.emplace();
    for (const FunctionDecl *Function : functions())
      if (!Function->isInvalidDecl())
        findLoans(*Function, Borrows, Types, *Loans);
  }
  return *Loans;
}

Diagnosis &TranslationUnit::report(SourceLocation Where, std::string Message) {
  for (Diagnosis &Report : Reports)
    if (Report.Check == RunningCheck && Report.Where == Where) {
      Repeated = Diagnosis();
      return Repeated;
    }
  return Reports.emplace_back(
      Diagnosis{RunningCheck, Where, std::move(Message), {}, {}});
}

/// Is \p Where in what a death test expects to end the program, such as
/// `EXPECT_DEATH(f(), "why")`?
static bool isInDeathTest(SourceLocation Where, const ASTContext &Context) {
  const SourceManager &Sources = Context.getSourceManager();
  for (; Where.isMacroID();
       Where = Sources.getImmediateExpansionRange(Where).getBegin())
    if (Lexer::getImmediateMacroName(Where, Sources, Context.getLangOpts())
            .contains_insensitive("death"))
      return true;
  return false;
}

std::vector<Diagnosis>
runChecks(TranslationUnit &Unit,
          llvm::function_ref<bool(llvm::StringRef)> Enabled) {
  std::vector<Diagnosis> All;
  SaveAndRestore Running(Unit.RunningCheck);
  std::deque<Diagnosis> Before = std::exchange(Unit.Reports, {});
  const SourceManager &Sources = Unit.context().getSourceManager();
  for (const RegisteredCheck &Check : registeredChecks()) {
    if (!Enabled(Check.Id))
      continue;
    Unit.RunningCheck = Check.Id;
    Check.Run(Unit);
    std::erase_if(Unit.Reports, [&](const Diagnosis &Report) {
      return isInDeathTest(Report.Where, Unit.context());
    });
    llvm::sort(Unit.Reports, [&](const auto &A, const auto &B) {
      return Sources.isBeforeInTranslationUnit(A.Where, B.Where);
    });
    llvm::move(Unit.Reports, std::back_inserter(All));
    Unit.Reports.clear();
  }
  Unit.Reports = std::move(Before);
  return All;
}

} // namespace coralc
