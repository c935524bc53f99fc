//===--- SwitchArms.cpp - A switch as a branch with many arms -------------===//

#include "coralc/Rewrites/Engine/SwitchArms.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool leavesSwitch(const Stmt *S) {
  if (!S ||
      isa<SwitchStmt, ForStmt, WhileStmt, DoStmt, CXXForRangeStmt, LambdaExpr>(
          S))
    return false;
  return isa<BreakStmt>(S) || any_of(S->children(), leavesSwitch);
}

namespace {

class ArmReader {
public:
  explicit ArmReader(const SwitchStmt &Switch) : Switch(Switch) {}

  SwitchArms read() {
    const auto *Body = dyn_cast<CompoundStmt>(Switch.getBody());
    if (!Body)
      refuse(*Switch.getBody(), "what this switch decides is no block");
    else if (readStatements(*Body)) {
      checkLabels();
      checkGotos(*Body);
      for (SwitchArm &Arm : Result.Arms) {
        takeBreak(Arm);
        checkBreaks(Arm.Statements);
      }
      checkDeclarations();
    }
    return std::move(Result);
  }

private:
  void refuse(const Stmt &Where, StringRef Message) {
    if (!Result.Why)
      Result.Why = Refusal{"unsupported-control-flow", Where.getBeginLoc(),
                           (Message + "; write the switch with ifs").str()};
  }

  bool readStatements(const CompoundStmt &Body) {
    for (Stmt *S : Body.body()) {
      if (isa<SwitchCase>(S)) {
        Result.Arms.emplace_back();
        while (auto *Label = dyn_cast<SwitchCase>(S)) {
          Result.Arms.back().Labels.push_back(Label);
          Labels.insert(Label);
          S = Label->getSubStmt();
        }
        if (isa<NullStmt>(S))
          continue;
      } else if (Result.Arms.empty()) {
        refuse(*S, "this stands before the first label of its switch");
        return false;
      }
      Result.Arms.back().Statements.push_back(S);
    }
    if (Result.Arms.empty())
      refuse(Body, "this switch has no labels");
    return !Result.Arms.empty();
  }

  void checkLabels() {
    for (const SwitchCase *Label = Switch.getSwitchCaseList(); Label;
         Label = Label->getNextSwitchCase())
      if (!Labels.contains(Label))
        refuse(*Label, "this label stands inside another statement of its "
                       "switch");
  }

  /// Other ways into the middle of arms, and out of it.
  void checkGotos(const Stmt &S) {
    if (isa<GotoStmt, IndirectGotoStmt, LabelStmt>(S))
      refuse(S, "a goto is in the way of reading this switch as a branch");
    if (!isa<Expr>(S))
      for (const Stmt *Child : S.children())
        if (Child)
          checkGotos(*Child);
  }

  static void takeBreak(SwitchArm &Arm) {
    takeLastBreak(Arm);
    if (Arm.Statements.size() != 1)
      return;
    Arm.Braces = dyn_cast<CompoundStmt>(Arm.Statements.front());
    if (!Arm.Braces)
      return;
    Arm.Statements.assign(Arm.Braces->body_begin(), Arm.Braces->body_end());
    takeLastBreak(Arm);
  }

  static void takeLastBreak(SwitchArm &Arm) {
    const auto *Break = Arm.Statements.empty()
                            ? nullptr
                            : dyn_cast<BreakStmt>(Arm.Statements.back());
    if (!Break)
      return;
    Arm.Break = Break;
    Arm.Statements.pop_back();
  }

  /// In the middle of an arm a break is what an if decides on.
  void checkBreaks(ArrayRef<Stmt *> Statements) {
    for (const Stmt *S : Statements)
      checkBreaks(*S);
  }

  void checkBreaks(const Stmt &S) {
    if (!leavesSwitch(&S) || isa<BreakStmt>(S))
      return;
    const auto *If = dyn_cast<IfStmt>(&S);
    if (!If || If->hasInitStorage() || If->hasVarStorage() ||
        If->isConstexpr() || leavesSwitch(If->getCond()))
      return refuse(S, "a break stands inside this statement of its switch");
    for (const Stmt *Arm : {If->getThen(), If->getElse()})
      if (const auto *Block = dyn_cast_or_null<CompoundStmt>(Arm))
        checkBreaks({Block->body_begin(), Block->size()});
      else if (Arm)
        checkBreaks(*Arm);
  }

  /// A name that an arm declares is known in the arms behind it. Arms become
  /// blocks, so that none may use another's.
  void checkDeclarations() {
    for (auto Arm = Result.Arms.begin(); Arm != Result.Arms.end(); ++Arm) {
      if (Arm->Braces)
        continue;
      for (const Stmt *S : Arm->Statements)
        if (const auto *Declaration = dyn_cast<DeclStmt>(S))
          if (isKnownBehind(*Declaration, *Arm))
            refuse(*S, "this declares a name that is known in the arms behind "
                       "this one as well");
    }
  }

  bool isKnownBehind(const DeclStmt &Declaration, const SwitchArm &Arm) const {
    ArrayRef<SwitchArm> Behind = ArrayRef(Result.Arms);
    Behind = Behind.drop_front(&Arm - Behind.data() + 1);
    return any_of(Declaration.decls(), [&](const Decl *D) {
      const auto *V = dyn_cast<VarDecl>(D);
      return any_of(Behind, [&](const SwitchArm &Next) {
        return !V || any_of(Next.Statements,
                            [&](const Stmt *S) { return mentions(S, V); });
      });
    });
  }

  const SwitchStmt &Switch;
  SmallPtrSet<const SwitchCase *, 8> Labels;
  SwitchArms Result;
};

} // namespace

SwitchArms SwitchArms::of(const SwitchStmt &Switch) {
  return ArmReader(Switch).read();
}

} // namespace coralc
