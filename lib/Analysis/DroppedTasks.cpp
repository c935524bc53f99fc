//===--- DroppedTasks.cpp - Tasks that nobody keeps -----------------------===//

#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Analysis/TaskUses.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/DenseSet.h"

using namespace clang;

namespace coralc {
namespace {

/// Walks a body and tells apart values that are used and values that are not.
class DropFinder {
public:
  DropFinder(const FunctionDecl &Function, CoroutineTypes &Types,
             std::vector<DroppedTask> &Found)
      : Function(Function), Body(bodyOf(Function)), Types(Types), Found(Found) {
  }

  /// \p Node stands where a statement stands: its value is discarded.
  void discard(const Stmt *Node) {
    if (const auto *Expression = dyn_cast_or_null<Expr>(Node))
      discardValue(Expression, DroppedTask::Discarded);
    else
      visit(Node);
  }

  void visit(const Stmt *Node) {
    if (!Node || !Seen.insert(Node).second)
      return;
    switch (Node->getStmtClass()) {
    case Stmt::LambdaExprClass:
      for (const Expr *Init : cast<LambdaExpr>(Node)->capture_inits())
        visit(Init);
      return;
    case Stmt::UnaryExprOrTypeTraitExprClass:
    case Stmt::CXXNoexceptExprClass:
    case Stmt::CXXTypeidExprClass:
    case Stmt::RequiresExprClass:
      return;
    case Stmt::StmtExprClass:
      return visitStatementExpression(*cast<StmtExpr>(Node));
    case Stmt::IfStmtClass:
      visitHead(cast<IfStmt>(Node)->getInit(), cast<IfStmt>(Node)->getCond());
      visitHead(cast<IfStmt>(Node)->getConditionVariableDeclStmt(), nullptr);
      discard(cast<IfStmt>(Node)->getThen());
      return discard(cast<IfStmt>(Node)->getElse());
    case Stmt::ForStmtClass:
      discard(cast<ForStmt>(Node)->getInit());
      visit(cast<ForStmt>(Node)->getCond());
      discard(cast<ForStmt>(Node)->getInc());
      return discard(cast<ForStmt>(Node)->getBody());
    case Stmt::WhileStmtClass:
      visit(cast<WhileStmt>(Node)->getCond());
      return discard(cast<WhileStmt>(Node)->getBody());
    case Stmt::DoStmtClass:
      discard(cast<DoStmt>(Node)->getBody());
      return visit(cast<DoStmt>(Node)->getCond());
    case Stmt::CXXForRangeStmtClass:
      visitHead(cast<CXXForRangeStmt>(Node)->getInit(),
                cast<CXXForRangeStmt>(Node)->getRangeInit());
      return discard(cast<CXXForRangeStmt>(Node)->getBody());
    case Stmt::SwitchStmtClass:
      visitHead(cast<SwitchStmt>(Node)->getInit(),
                cast<SwitchStmt>(Node)->getCond());
      return discard(cast<SwitchStmt>(Node)->getBody());
    case Stmt::CaseStmtClass:
    case Stmt::DefaultStmtClass:
      return discard(cast<SwitchCase>(Node)->getSubStmt());
    case Stmt::LabelStmtClass:
      return discard(cast<LabelStmt>(Node)->getSubStmt());
    case Stmt::AttributedStmtClass:
      return discard(cast<AttributedStmt>(Node)->getSubStmt());
    case Stmt::CompoundStmtClass:
      for (const Stmt *Child : Node->children())
        discard(Child);
      return;
    default:
      break;
    }
    if (const auto *Await = dyn_cast<CoroutineSuspendExpr>(Node))
      return visit(Await->getOperand());
    if (const auto *Comma = dyn_cast<BinaryOperator>(Node))
      if (Comma->getOpcode() == BO_Comma) {
        discardValue(Comma->getLHS(), DroppedTask::Discarded);
        return visit(Comma->getRHS());
      }
    if (const auto *Cast = dyn_cast<ImplicitCastExpr>(Node))
      noteConversion(*Cast);
    if (const auto *Construct = dyn_cast<CXXConstructExpr>(Node))
      noteConstruction(*Construct);
    if (const auto *Return = dyn_cast<CoreturnStmt>(Node))
      noteReturn(*Return);
    if (const auto *Cast = dyn_cast<CastExpr>(Node))
      if (Cast->getCastKind() == CK_ToVoid)
        return discardValue(Cast->getSubExpr(), DroppedTask::Ignored);
    for (const Stmt *Child : Node->children())
      visit(Child);
  }

private:
  void visitHead(const Stmt *Init, const Stmt *Condition) {
    if (Init)
      discard(Init);
    visit(Condition);
  }

  /// The last statement of a statement expression is its value.
  void visitStatementExpression(const StmtExpr &Node) {
    for (const Stmt *Child : Node.getSubStmt()->body())
      if (Child == Node.getSubStmt()->body_back())
        visit(Child);
      else
        discard(Child);
  }

  void discardValue(const Expr *Value, DroppedTask::PlaceTy Place) {
    while (true) {
      Value = Value->IgnoreParens();
      if (const auto *Outer = dyn_cast<FullExpr>(Value))
        Value = Outer->getSubExpr();
      else if (const auto *Outer = dyn_cast<CXXBindTemporaryExpr>(Value))
        Value = Outer->getSubExpr();
      else if (const auto *Outer = dyn_cast<MaterializeTemporaryExpr>(Value))
        Value = Outer->getSubExpr();
      else if (const auto *Outer = dyn_cast<ImplicitCastExpr>(Value);
               Outer && Outer->getCastKind() == CK_NoOp)
        Value = Outer->getSubExpr();
      else
        break;
    }
    if (const auto *Comma = dyn_cast<BinaryOperator>(Value);
        Comma && Comma->getOpcode() == BO_Comma) {
      discardValue(Comma->getLHS(), Place);
      return discardValue(Comma->getRHS(), Place);
    }
    if (const auto *Choice = dyn_cast<ConditionalOperator>(Value)) {
      visit(Choice->getCond());
      discardValue(Choice->getTrueExpr(), Place);
      return discardValue(Choice->getFalseExpr(), Place);
    }
    if (const auto *Assign = dyn_cast<CXXOperatorCallExpr>(Value);
        Assign && Assign->getOperator() == OO_Equal && isIgnore(*Assign))
      return discardValue(Assign->getArg(1), DroppedTask::Ignored);
    bool InContainer = false;
    bool Makes = isa<CallExpr>(Value) ||
                 (isa<CXXConstructExpr, CXXFunctionalCastExpr>(Value) &&
                  Place != DroppedTask::Ignored);
    if (Makes && Value->isPRValue() && !Value->containsErrors())
      if (const CoroutineType *Type =
              taskTypeIn(Value->getType(), Types, InContainer);
          Type && !InContainer)
        if (isa<CallExpr>(Value) || Type->Kind == CoroutineKind::Awaitable)
          Found.push_back({Place, Value, Type, {}});
    visit(Value);
  }

  static bool isIgnore(const CallExpr &Assign) {
    const auto *Ref =
        dyn_cast<DeclRefExpr>(Assign.getArg(0)->IgnoreParenImpCasts());
    return Ref && Ref->getDecl()->isInStdNamespace() &&
           Ref->getDecl()->getDeclName().isIdentifier() &&
           Ref->getDecl()->getName() == "ignore";
  }

  /// `int n = read();` where a task<int> converts to its result.
  void noteConversion(const ImplicitCastExpr &Cast) {
    if (Cast.getCastKind() != CK_UserDefinedConversion ||
        Cast.getType()->isBooleanType())
      return;
    const auto *Call =
        dyn_cast<CXXMemberCallExpr>(Cast.getSubExpr()->IgnoreImplicit());
    if (!Call || !isa_and_nonnull<CXXConversionDecl>(Call->getMethodDecl()))
      return;
    const Expr *Object = ignoreWrappers(Call->getImplicitObjectArgument());
    bool InContainer;
    const CoroutineType *Type =
        taskTypeIn(Object->getType(), Types, InContainer);
    if (Type && !InContainer && (isa<CallExpr>(Object) || isOnlyUse(Object)))
      Found.push_back({DroppedTask::Converted, Object, Type, Call->getType()});
  }

  /// `std::optional<int> n = read();`: the class converts the task to the
  /// result in its turn.
  void noteConstruction(const CXXConstructExpr &Construct) {
    const Expr *Given =
        Construct.getNumArgs() ? ignoreWrappers(Construct.getArg(0)) : nullptr;
    const auto *Made = dyn_cast_or_null<CallExpr>(Given);
    const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(
        Construct.getConstructor()->getParent());
    if (!Made || !Made->isPRValue() || !Spec)
      return;
    bool InContainer;
    const CoroutineType *Type = taskTypeIn(Made->getType(), Types, InContainer);
    if (!Type || InContainer || Type->Result.isNull() ||
        !convertsToResult(*Type))
      return;
    const ASTContext &Context = Spec->getASTContext();
    auto IsResult = [&](const TemplateArgument &Argument) {
      return Argument.getKind() == TemplateArgument::Type &&
             Context.hasSameUnqualifiedType(Argument.getAsType(),
                                            Type->Result.getNonReferenceType());
    };
    auto TakesResult = [&](const TemplateArgument &Argument) {
      return Argument.getKind() == TemplateArgument::Pack
                 ? llvm::any_of(Argument.pack_elements(), IsResult)
                 : IsResult(Argument);
    };
    if (llvm::any_of(Spec->getTemplateArgs().asArray(), TakesResult))
      Found.push_back({DroppedTask::Converted, Made, Type,
                       Type->Result.getNonReferenceType()});
  }

  /// `co_return read();` where the promise takes anything that converts to the
  /// result.
  void noteReturn(const CoreturnStmt &Return) {
    const Expr *Given = ignoreWrappers(Return.getOperand());
    const auto *Made = dyn_cast_or_null<CallExpr>(Given);
    if (!Made || !Made->isPRValue() || Made->isTypeDependent())
      return;
    bool InContainer;
    const CoroutineType *Type = taskTypeIn(Made->getType(), Types, InContainer);
    const CoroutineType *Own = Types.lookup(Function.getReturnType());
    if (Type && !InContainer && Own && !Own->Result.isNull() &&
        !Type->Result.isNull() && convertsToResult(*Type) &&
        Function.getASTContext().hasSameUnqualifiedType(
            Own->Result.getNonReferenceType(),
            Type->Result.getNonReferenceType()))
      Found.push_back({DroppedTask::Converted, Made, Type,
                       Type->Result.getNonReferenceType()});
  }

  static bool convertsToResult(const CoroutineType &Type) {
    const CXXRecordDecl *Record = definitionOf(Type.Record);
    if (!Record)
      return false;
    const ASTContext &Context = Record->getASTContext();
    return llvm::any_of(
        Record->getVisibleConversionFunctions(), [&](const NamedDecl *Named) {
          const auto *Conversion = dyn_cast<CXXConversionDecl>(Named);
          return Conversion &&
                 Context.hasSameUnqualifiedType(
                     Conversion->getConversionType().getNonReferenceType(),
                     Type.Result.getNonReferenceType());
        });
  }

  /// Is \p Object the only mention of a local variable? One that is mentioned
  /// again may have been awaited, or asked whether it is ready.
  bool isOnlyUse(const Expr *Object) const {
    const auto *Ref = dyn_cast<DeclRefExpr>(Object);
    const auto *Variable = Ref ? dyn_cast<VarDecl>(Ref->getDecl()) : nullptr;
    if (!Variable || !Variable->hasLocalStorage() ||
        isa<ParmVarDecl>(Variable) || Variable->getType()->isReferenceType() ||
        Ref->refersToEnclosingVariableOrCapture())
      return false;
    return !anyStatement(Body, [&](const Stmt &Node) {
      if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
        return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
          return C.capturesVariable() && C.getCapturedVar() == Variable;
        });
      const auto *Other = dyn_cast<DeclRefExpr>(&Node);
      return Other && Other != Ref && Other->getDecl() == Variable;
    });
  }

  const FunctionDecl &Function;
  const Stmt *Body;
  CoroutineTypes &Types;
  std::vector<DroppedTask> &Found;
  llvm::DenseSet<const Stmt *> Seen;
};

} // namespace

std::vector<DroppedTask> findDroppedTasks(const FunctionDecl &Function,
                                          CoroutineTypes &Types) {
  std::vector<DroppedTask> Found;
  DropFinder Finder(Function, Types, Found);
  Finder.visit(bodyOf(Function));
  if (const auto *Constructor = dyn_cast<CXXConstructorDecl>(&Function))
    for (const CXXCtorInitializer *Init : Constructor->inits())
      Finder.visit(Init->getInit());
  return Found;
}

} // namespace coralc
