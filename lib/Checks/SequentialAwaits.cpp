//===--- SequentialAwaits.cpp - coral-sequential-awaits -------------------===//
//
// Reports awaits in a row that do not need each other's results, where the
// library could run them side by side.
//
//===----------------------------------------------------------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Checks/Check.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"

using namespace clang;

namespace coralc {
namespace {

/// `auto x = co_await f(...);`
struct AwaitedVariable {
  const VarDecl *Name = nullptr;
  const CallExpr *Call = nullptr;
};

class Finder {
public:
  explicit Finder(TranslationUnit &Unit) : Unit(Unit) {}

  void check(const FunctionDecl &Function) {
    if (!canCollect(Function))
      return;
    anyStatement(bodyOf(Function), [&](const Stmt &Node) {
      if (const auto *Block = dyn_cast<CompoundStmt>(&Node))
        visit(*Block);
      return false;
    });
  }

private:
  /// Has the library whose coroutine this is something like gather?
  bool canCollect(const FunctionDecl &Function) const {
    const CXXRecordDecl *Record = recordOf(Function.getReturnType());
    return Record && Unit.types().vocabularies().hasInLibrary(
                         Role::Collecting, vocabularyName(*Record));
  }

  void visit(const CompoundStmt &Block) {
    llvm::SmallVector<AwaitedVariable, 4> Row;
    for (const Stmt *Child : Block.body()) {
      AwaitedVariable Next = awaitedIn(Child);
      if (Next.Call && !dependsOn(Next, Row)) {
        Row.push_back(Next);
        continue;
      }
      report(Row);
      Row.clear();
      if (Next.Call)
        Row.push_back(Next);
    }
    report(Row);
  }

  AwaitedVariable awaitedIn(const Stmt *Node) const {
    const auto *Declaration = dyn_cast<DeclStmt>(Node);
    const auto *Name = Declaration && Declaration->isSingleDecl()
                           ? dyn_cast<VarDecl>(Declaration->getSingleDecl())
                           : nullptr;
    const auto *Await = dyn_cast_or_null<CoawaitExpr>(
        Name ? ignoreWrappers(Name->getInit()) : nullptr);
    const auto *Call = dyn_cast_or_null<CallExpr>(
        Await ? ignoreWrappers(Await->getOperand()) : nullptr);
    if (!Call || !Call->getDirectCallee() || changesState(*Call))
      return {};
    const CoroutineType *Type = Unit.types().lookup(Call->getType());
    if (!Type || Type->Kind != CoroutineKind::Task || Type->Synchronous ||
        Type->Start != StartPolicy::Lazy)
      return {};
    return {Name, Call};
  }

  /// May \p Call change what the next one reads?
  static bool changesState(const CallExpr &Call) {
    const FunctionDecl *Callee = Call.getDirectCallee();
    if (const auto *Method = dyn_cast<CXXMethodDecl>(Callee))
      if (!Method->isStatic() && !Method->isConst())
        return true;
    return llvm::any_of(Callee->parameters(), [](const ParmVarDecl *P) {
      QualType Type = P->getType();
      return (Type->isLValueReferenceType() &&
              !Type.getNonReferenceType().isConstQualified()) ||
             (Type->isPointerType() &&
              !Type->getPointeeType().isConstQualified());
    });
  }

  static bool dependsOn(const AwaitedVariable &Next,
                        llvm::ArrayRef<AwaitedVariable> Before) {
    return anyStatement(Next.Call, [&](const Stmt &Node) {
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      return Ref && llvm::any_of(Before, [&](const AwaitedVariable &Each) {
               return Ref->getDecl() == Each.Name;
             });
    });
  }

  void report(llvm::ArrayRef<AwaitedVariable> Row) {
    if (Row.size() < 2)
      return;
    Diagnosis &Report = Unit.report(
        Row[1].Call->getBeginLoc(),
        "this waits for the await before it, whose result it does not need; "
        "await both at once if their order does not matter");
    Report.note(Row[0].Call->getBeginLoc(), "the await before it");
  }

  TranslationUnit &Unit;
};

} // namespace

static void checkSequentialAwaits(TranslationUnit &Unit) {
  Finder Find(Unit);
  for (const FunctionDecl *Function : Unit.functions())
    if (!Function->isInvalidDecl() && isCoroutine(*Function))
      Find.check(*Function);
}

static const RegisterCheck
    Register("coral-sequential-awaits", 2,
             "awaits in a row that do not need each other's results",
             checkSequentialAwaits);

} // namespace coralc
