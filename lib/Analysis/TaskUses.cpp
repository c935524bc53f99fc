//===--- TaskUses.cpp - What a function does with its tasks ---------------===//

#include "coralc/Analysis/TaskUses.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/ParentMap.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/StringSwitch.h"

using namespace clang;

namespace coralc {

static bool isMoveOrForward(const CallExpr &Call) {
  const FunctionDecl *Callee = Call.getDirectCallee();
  return Callee && Callee->isInStdNamespace() && Call.getNumArgs() == 1 &&
         (calleeName(Call) == "move" || calleeName(Call) == "forward");
}

/// One step of ignoreWrappers; null when there is nothing to look through.
static const Expr *unwrapOnce(const Expr *E) {
  if (const auto *Node = dyn_cast<ParenExpr>(E))
    return Node->getSubExpr();
  if (const auto *Node = dyn_cast<FullExpr>(E))
    return Node->getSubExpr();
  if (const auto *Node = dyn_cast<MaterializeTemporaryExpr>(E))
    return Node->getSubExpr();
  if (const auto *Node = dyn_cast<CXXBindTemporaryExpr>(E))
    return Node->getSubExpr();
  if (const auto *Node = dyn_cast<CastExpr>(E))
    switch (Node->getCastKind()) {
    case CK_NoOp:
    case CK_LValueToRValue:
    case CK_DerivedToBase:
    case CK_UncheckedDerivedToBase:
    case CK_ConstructorConversion:
      return Node->getSubExpr();
    default:
      return nullptr;
    }
  if (const auto *Node = dyn_cast<CXXConstructExpr>(E))
    return Node->getNumArgs() == 1 &&
                   Node->getConstructor()->isCopyOrMoveConstructor()
               ? Node->getArg(0)
               : nullptr;
  // `auto t{f()}`.
  if (const auto *Node = dyn_cast<InitListExpr>(E))
    return Node->isTransparent() ? Node->getInit(0) : nullptr;
  if (const auto *Node = dyn_cast<CallExpr>(E))
    return isMoveOrForward(*Node) ? Node->getArg(0) : nullptr;
  return nullptr;
}

const Expr *ignoreWrappers(const Expr *Expression) {
  while (Expression)
    if (const Expr *Inner = unwrapOnce(Expression))
      Expression = Inner;
    else
      break;
  return Expression;
}

//===----------------------------------------------------------------------===//
// Holders
//===----------------------------------------------------------------------===//

static const CoroutineType *plainTask(QualType Type, CoroutineTypes &Types) {
  const CoroutineType *Facts = Types.lookup(Type);
  return Facts && Facts->isAwaitable() && !Facts->Synchronous ? Facts : nullptr;
}

static bool isStandardContainer(const CXXRecordDecl &Record) {
  if (!Record.isInStdNamespace() || !Record.getIdentifier())
    return false;
  return llvm::StringSwitch<bool>(Record.getName())
      .Cases({"vector", "deque", "list", "forward_list", "array"}, true)
      .Cases({"optional", "pair", "tuple", "queue", "stack"}, true)
      .Cases({"map", "unordered_map", "multimap"}, true)
      .Cases({"variant", "unique_ptr", "shared_ptr"}, true)
      .Default(false);
}

/// How deep tasks may be hidden in what holds them.
static constexpr unsigned MaxNesting = 3;

static const CoroutineType *taskTypeWithin(QualType Type, CoroutineTypes &Types,
                                           bool &InContainer, unsigned Depth);

/// The task type among \p Arguments, packs included.
static const CoroutineType *
taskAmong(llvm::ArrayRef<TemplateArgument> Arguments, CoroutineTypes &Types,
          unsigned Depth) {
  bool Nested;
  for (const TemplateArgument &Argument : Arguments) {
    const CoroutineType *Found = nullptr;
    if (Argument.getKind() == TemplateArgument::Type)
      Found = taskTypeWithin(Argument.getAsType(), Types, Nested, Depth);
    else if (Argument.getKind() == TemplateArgument::Pack)
      Found = taskAmong(Argument.getPackAsArray(), Types, Depth);
    if (Found)
      return Found;
  }
  return nullptr;
}

const CoroutineType *taskTypeIn(QualType Type, CoroutineTypes &Types,
                                bool &InContainer) {
  return taskTypeWithin(Type, Types, InContainer, 0);
}

static const CoroutineType *taskTypeWithin(QualType Type, CoroutineTypes &Types,
                                           bool &InContainer, unsigned Depth) {
  InContainer = false;
  if (Type.isNull() || Type->isDependentType() || Depth > MaxNesting)
    return nullptr;
  Type = Type.getNonReferenceType();
  if (const CoroutineType *Task = plainTask(Type, Types))
    return Task;
  InContainer = true;
  bool Nested;
  if (const ArrayType *Array = Type->getAsArrayTypeUnsafe())
    return taskTypeWithin(Array->getElementType(), Types, Nested, Depth + 1);
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record)
    return nullptr;
  if (const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(Record))
    if (isStandardContainer(*Record))
      return taskAmong(Spec->getTemplateArgs().asArray(), Types, Depth + 1);
  if ((!Record->isAggregate() && !Record->isLambda()) ||
      Record->isInStdNamespace())
    return nullptr;
  for (const FieldDecl *Field : Record->fields()) {
    // What a closure refers to is somebody else's.
    if (Record->isLambda() && Field->getType()->isReferenceType())
      continue;
    if (const CoroutineType *Task =
            taskTypeWithin(Field->getType(), Types, Nested, Depth + 1))
      return Task;
  }
  return nullptr;
}

/// Does \p Variable own what it names: an object, or a temporary whose life it
/// extends?
static bool ownsValue(const VarDecl &Variable) {
  if (!Variable.getType()->isReferenceType())
    return true;
  const Expr *Init = Variable.getInit();
  const auto *Temporary = dyn_cast_or_null<MaterializeTemporaryExpr>(
      Init ? Init->IgnoreImplicit() : nullptr);
  if (!Temporary && Init)
    anyStatement(Init, [&](const Stmt &Node) {
      if (const auto *Found = dyn_cast<MaterializeTemporaryExpr>(&Node))
        if (Found->getExtendingDecl() == &Variable)
          Temporary = Found;
      return Temporary != nullptr;
    });
  return Temporary && Temporary->getExtendingDecl() == &Variable;
}

static void addHolders(const VarDecl &Variable, CoroutineTypes &Types,
                       std::vector<TaskHolder> &Holders) {
  if (!Variable.hasLocalStorage() || isa<ParmVarDecl>(Variable) ||
      Variable.isInvalidDecl() || Variable.isExceptionVariable() ||
      !ownsValue(Variable))
    return;
  bool InContainer;
  if (const auto *Bound = dyn_cast<DecompositionDecl>(&Variable)) {
    for (const BindingDecl *Binding : Bound->bindings())
      if (const CoroutineType *Task =
              taskTypeIn(Binding->getType(), Types, InContainer))
        Holders.push_back({Binding, &Variable, Task, InContainer});
    return;
  }
  if (const CoroutineType *Task =
          taskTypeIn(Variable.getType(), Types, InContainer))
    Holders.push_back({&Variable, &Variable, Task, InContainer});
}

std::vector<TaskHolder> taskHolders(const FunctionDecl &Function,
                                    CoroutineTypes &Types) {
  std::vector<TaskHolder> Holders;
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    if (const auto *Statement = dyn_cast<DeclStmt>(&Node))
      for (const Decl *Declared : Statement->decls())
        if (const auto *Variable = dyn_cast<VarDecl>(Declared);
            Variable && !Variable->isImplicit())
          addHolders(*Variable, Types, Holders);
    return false;
  });
  return Holders;
}

bool mayHoldTasks(const FunctionDecl &Function, CoroutineTypes &Types) {
  return !taskHolders(Function, Types).empty();
}

//===----------------------------------------------------------------------===//
// Creations
//===----------------------------------------------------------------------===//

/// Is \p Type a smart pointer of the standard library?
static bool isPointerToTasks(QualType Type) {
  const CXXRecordDecl *Record = recordOf(Type);
  return Record && Record->isInStdNamespace() && Record->getIdentifier() &&
         Record->getName().ends_with("_ptr");
}

namespace {

/// Looks for what makes a task.
class CreationFinder {
public:
  using OfVariableTy = llvm::function_ref<const Expr *(const DeclRefExpr &)>;

  CreationFinder(CoroutineTypes &Types, bool InContainer,
                 OfVariableTy OfVariable)
      : Types(Types), InContainer(InContainer), OfVariable(OfVariable) {}

  const Expr *find(const Expr *Value) const {
    Value = ignoreWrappers(Value);
    if (!Value || Value->isTypeDependent() || Value->containsErrors())
      return nullptr;
    if (const auto *Choice = dyn_cast<ConditionalOperator>(Value))
      return firstOf({Choice->getTrueExpr(), Choice->getFalseExpr()});
    if (const auto *Comma = dyn_cast<BinaryOperator>(Value))
      return Comma->getOpcode() == BO_Comma ? find(Comma->getRHS()) : nullptr;
    if (const auto *Call = dyn_cast<CallExpr>(Value))
      return findCall(*Call);
    if (const auto *Ref = dyn_cast<DeclRefExpr>(Value))
      return OfVariable ? OfVariable(*Ref) : nullptr;
    if (!InContainer)
      return nullptr;
    if (const auto *List = dyn_cast<InitListExpr>(Value))
      return firstOf(List->inits());
    if (const auto *List = dyn_cast<CXXParenListInitExpr>(Value))
      return firstOf(List->getInitExprs());
    if (const auto *Construct = dyn_cast<CXXConstructExpr>(Value))
      return firstOf(
          llvm::ArrayRef(Construct->getArgs(), Construct->getNumArgs()));
    if (const auto *Lambda = dyn_cast<LambdaExpr>(Value))
      return firstOf(
          llvm::SmallVector<const Expr *, 4>(Lambda->capture_inits()));
    if (const auto *Cast = dyn_cast<CastExpr>(Value))
      return find(Cast->getSubExpr());
    if (const auto *New = dyn_cast<CXXNewExpr>(Value))
      return find(New->getInitializer());
    if (const auto *List = dyn_cast<CXXStdInitializerListExpr>(Value))
      return find(List->getSubExpr());
    return nullptr;
  }

private:
  const Expr *firstOf(llvm::ArrayRef<const Expr *> Parts) const {
    for (const Expr *Part : Parts)
      if (const Expr *Made = find(Part))
        return Made;
    return nullptr;
  }

  const Expr *findCall(const CallExpr &Call) const {
    bool Nested;
    const CoroutineType *Made =
        Call.isPRValue() ? taskTypeIn(Call.getType(), Types, Nested) : nullptr;
    if (!Made || !Nested)
      return Made ? &Call : nullptr;
    if (!InContainer)
      return nullptr;
    bool IsMaker = calleeName(Call).starts_with("make_");
    if (IsMaker)
      if (const Expr *Element =
              firstOf(llvm::SmallVector<const Expr *, 4>(Call.arguments())))
        return Element;
    // Somebody else may point to what a pointer points to, unless it is made
    // here, out of a task that is; and what a call of a closure gives may be
    // somebody else's.
    return isPointerToTasks(Call.getType()) ? nullptr : &Call;
  }

  CoroutineTypes &Types;
  bool InContainer;
  OfVariableTy OfVariable;
};

} // namespace

const Expr *
creationIn(const Expr *Value, CoroutineTypes &Types, bool InContainer,
           llvm::function_ref<const Expr *(const DeclRefExpr &)> OfVariable) {
  return CreationFinder(Types, InContainer, OfVariable).find(Value);
}

//===----------------------------------------------------------------------===//
// Uses
//===----------------------------------------------------------------------===//

/// Methods that say something about a holder and leave its task where it is.
static bool isObserver(llvm::StringRef Name) {
  return llvm::StringSwitch<bool>(Name)
      .Cases({"valid", "has_value", "empty", "size"}, true)
      .Cases({"reserve", "capacity", "max_size", "shrink_to_fit"}, true)
      .Default(false);
}

static bool isPut(llvm::StringRef Name) {
  return llvm::StringSwitch<bool>(Name)
      .Cases({"push_back", "emplace_back", "push_front", "emplace_front"}, true)
      .Cases({"push", "emplace", "insert", "try_emplace", "assign"}, true)
      .Case("insert_or_assign", true)
      .Default(false);
}

/// What encloses \p Node, parentheses and implicit casts aside.
static const Stmt *parentOf(const ParentMap &Parents, const Stmt *Node) {
  return Parents.getParentIgnoreParenImpCasts(const_cast<Stmt *>(Node));
}

/// Does a function that gets a holder by reference leave its task alone?
static bool leavesAlone(const ParmVarDecl *Parameter,
                        const FunctionDecl &Function, bool InContainer,
                        CoroutineTypes &Types) {
  const Stmt *Body = bodyOf(Function);
  if (!Body || !Parameter->getType()->isLValueReferenceType())
    return false;
  ParentMap Parents(const_cast<Stmt *>(Body));
  return !anyStatement(Body, [&](const Stmt &Node) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
        return C.capturesVariable() && C.getCapturedVar() == Parameter;
      });
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    if (!Ref || Ref->getDecl() != Parameter)
      return false;
    const Stmt *Parent = parentOf(Parents, Ref);
    if (const auto *Call = dyn_cast_or_null<CallExpr>(Parent))
      if (!isa<CXXMemberCallExpr, CXXOperatorCallExpr>(Call))
        return true;
    return classifyUse(Ref, InContainer, Parents, Types).Kind !=
           TaskUse::Observe;
  });
}

/// Is \p Call `v.end()`, said to tell where to put something into \c v?
static bool isPlaceToPut(const CXXMemberCallExpr &Call,
                         const ParentMap &Parents) {
  if (!llvm::StringSwitch<bool>(calleeName(Call))
           .Cases({"begin", "end", "cbegin", "cend"}, true)
           .Default(false))
    return false;
  const Stmt *Outer = Parents.getParent(&Call);
  while (Outer && !isa<CallExpr>(Outer) && isa<Expr>(Outer))
    Outer = Parents.getParent(Outer);
  const auto *Put = dyn_cast_or_null<CXXMemberCallExpr>(Outer);
  const auto *Into = dyn_cast_or_null<DeclRefExpr>(
      Put ? ignoreWrappers(Put->getImplicitObjectArgument()) : nullptr);
  const auto *Of = dyn_cast_or_null<DeclRefExpr>(
      ignoreWrappers(Call.getImplicitObjectArgument()));
  return Into && Of && Into->getDecl() == Of->getDecl() &&
         isPut(calleeName(*Put));
}

/// Does \p Call only ask a task how it is? A lazy one that nobody awaits is as
/// it was, and so is one for a lock. An eager one may be watched until it is
/// done.
static bool asksForState(const CXXMemberCallExpr &Call, CoroutineTypes &Types) {
  const CXXMethodDecl *Method = Call.getMethodDecl();
  const CoroutineType *Type = Types.lookup(Call.getObjectType());
  return Method && Method->isConst() && Call.getNumArgs() == 0 &&
         Method->getReturnType()->isBooleanType() && Type &&
         (Type->Start == StartPolicy::Lazy || Type->ResultIsLockLike);
}

static TaskUse classifyMemberCall(const CXXMemberCallExpr &Call,
                                  bool InContainer, const ParentMap &Parents,
                                  CoroutineTypes &Types) {
  llvm::StringRef Name = calleeName(Call);
  if (InContainer && isPlaceToPut(Call, Parents))
    return {TaskUse::Observe, &Call, nullptr};
  if (isa_and_nonnull<CXXConversionDecl>(Call.getMethodDecl()) &&
      Call.getMethodDecl()->getReturnType()->isBooleanType())
    return {TaskUse::Observe, &Call, nullptr};
  if (isObserver(Name) || (!InContainer && asksForState(Call, Types)))
    return {TaskUse::Observe, &Call, nullptr};
  if (InContainer && Name == "reset" && Call.getNumArgs() &&
      !isa<CXXDefaultArgExpr>(Call.getArg(0)))
    return {TaskUse::Assign, &Call, Call.getArg(0)};
  if (InContainer && (Name == "clear" || Name == "reset"))
    return {TaskUse::Clear, &Call, nullptr};
  if (InContainer && isPut(Name) && Call.getNumArgs())
    return {TaskUse::Put, &Call, Call.getArg(Call.getNumArgs() - 1)};
  return {TaskUse::Consume, &Call, nullptr};
}

static bool isStdIgnore(const Expr *E) {
  const auto *Ref = dyn_cast<DeclRefExpr>(E->IgnoreParenImpCasts());
  return Ref && Ref->getDecl()->isInStdNamespace() &&
         Ref->getDecl()->getDeclName().isIdentifier() &&
         Ref->getDecl()->getName() == "ignore";
}

/// What the mention \p Field of a member of an aggregate does to the tasks in
/// the aggregate.
static TaskUse classifyField(const MemberExpr &Field, const ParentMap &Parents,
                             CoroutineTypes &Types) {
  bool InContainer;
  if (!taskTypeIn(Field.getType(), Types, InContainer)) {
    const CXXRecordDecl *Record = recordOf(Field.getType());
    bool HoldsNone = Field.getType()->isArithmeticType() ||
                     Field.getType()->isEnumeralType() ||
                     (Record && Record->isInStdNamespace() &&
                      vocabularyName(*Record) == "std::basic_string");
    return {HoldsNone ? TaskUse::Observe : TaskUse::Consume, &Field, nullptr};
  }
  TaskUse Use = classifyUse(&Field, InContainer, Parents, Types);
  switch (Use.Kind) {
  case TaskUse::Observe:
  case TaskUse::Put:
    return Use;
  case TaskUse::Assign:
    Use.Kind = TaskUse::Put;
    return Use;
  case TaskUse::Clear:
  case TaskUse::Ignore:
  case TaskUse::Consume:
    Use.Kind = TaskUse::Consume;
    return Use;
  }
  llvm_unreachable("covered switch");
}

/// The assignment to the element of an array or container that \p Element is,
/// if it is that.
static std::optional<TaskUse> putInto(const Expr &Element,
                                      const ParentMap &Parents) {
  const auto *Assign =
      dyn_cast_or_null<CXXOperatorCallExpr>(parentOf(Parents, &Element));
  if (Assign && Assign->getOperator() == OO_Equal &&
      Assign->getArg(0)->IgnoreParenImpCasts() == &Element)
    return TaskUse{TaskUse::Put, Assign, Assign->getArg(1)};
  return std::nullopt;
}

/// The other name that \p Declaration gives to what it is initialised with: a
/// reference, or the variable of a loop over it. Null when it makes a copy.
static const VarDecl *otherName(const DeclStmt &Declaration,
                                const ParentMap &Parents) {
  const auto *Variable = Declaration.isSingleDecl()
                             ? dyn_cast<VarDecl>(Declaration.getSingleDecl())
                             : nullptr;
  if (!Variable)
    return nullptr;
  if (Variable->isImplicit()) {
    const auto *Loop =
        dyn_cast_or_null<CXXForRangeStmt>(Parents.getParent(&Declaration));
    Variable = Loop && Loop->getRangeStmt() == &Declaration
                   ? Loop->getLoopVariable()
                   : nullptr;
  }
  return Variable && Variable->getType()->isReferenceType() &&
                 !isa<DecompositionDecl>(Variable)
             ? Variable
             : nullptr;
}

/// Is \p Name only looked at?
static bool isOnlyObserved(const VarDecl &Name, const Stmt *Anywhere,
                           const ParentMap &Parents, CoroutineTypes &Types) {
  const Stmt *Root = Anywhere;
  while (const Stmt *Outer = Parents.getParent(Root))
    Root = Outer;
  bool InContainer = false;
  taskTypeIn(Name.getType(), Types, InContainer);
  return !anyStatement(Root, [&](const Stmt &Node) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->captures(), [&](const LambdaCapture &C) {
        return C.capturesVariable() && C.getCapturedVar() == &Name;
      });
    const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
    return Ref && Ref->getDecl() == &Name &&
           classifyUse(Ref, InContainer, Parents, Types).Kind !=
               TaskUse::Observe;
  });
}

/// `std::get<0>(t)`, where that is no task?
static bool getsSomethingElse(const CallExpr &Call, CoroutineTypes &Types) {
  const FunctionDecl *Callee = Call.getDirectCallee();
  bool InContainer;
  return Callee && Callee->isInStdNamespace() && calleeName(Call) == "get" &&
         Call.getNumArgs() == 1 &&
         !taskTypeIn(Call.getType(), Types, InContainer) &&
         (Call.getType()->isArithmeticType() || recordOf(Call.getType()));
}

TaskUse classifyUse(const Expr *Reference, bool InContainer,
                    const ParentMap &Parents, CoroutineTypes &Types) {
  const Stmt *Use = Reference;
  const Stmt *Parent = Parents.getParent(Use);
  bool Moved = false;
  while (const auto *Outer = dyn_cast_or_null<Expr>(Parent)) {
    // A move into nothing in particular is a move all the same.
    const auto *Inner = unwrapOnce(Outer);
    const auto *Call = dyn_cast<CallExpr>(Outer);
    if (!Inner && !(Call && isMoveOrForward(*Call)))
      break;
    Moved |= Call != nullptr || isa<CXXConstructExpr>(Outer);
    Use = Outer;
    Parent = Parents.getParent(Use);
  }
  const TaskUse Consumes = {TaskUse::Consume, Reference, nullptr};
  if (!Parent)
    return {TaskUse::Observe, Reference, nullptr};
  if (const auto *Member = dyn_cast<MemberExpr>(Parent)) {
    const auto *Call =
        dyn_cast_or_null<CXXMemberCallExpr>(Parents.getParent(Member));
    if (Call && Call->getCallee()->IgnoreParens() == Member)
      return Moved ? Consumes
                   : classifyMemberCall(*Call, InContainer, Parents, Types);
    return InContainer && !Moved && isa<FieldDecl>(Member->getMemberDecl())
               ? classifyField(*Member, Parents, Types)
               : Consumes;
  }
  if (const auto *Decay = dyn_cast<ImplicitCastExpr>(Parent);
      Decay && Decay->getCastKind() == CK_ArrayToPointerDecay)
    if (const auto *Element =
            dyn_cast_or_null<ArraySubscriptExpr>(Parents.getParent(Decay)))
      return putInto(*Element, Parents).value_or(Consumes);
  if (const auto *Operator = dyn_cast<CXXOperatorCallExpr>(Parent)) {
    OverloadedOperatorKind Kind = Operator->getOperator();
    bool IsObject = Operator->getNumArgs() && Operator->getArg(0) == Use;
    if (Kind == OO_Equal && IsObject && !Moved)
      return {TaskUse::Assign, Operator, Operator->getArg(1)};
    if (Kind == OO_Equal && !IsObject && isStdIgnore(Operator->getArg(0)))
      return {TaskUse::Ignore, Operator, nullptr};
    if (Kind == OO_EqualEqual || Kind == OO_ExclaimEqual || Kind == OO_Exclaim)
      return {TaskUse::Observe, Operator, nullptr};
    if (Kind == OO_Subscript && IsObject && InContainer)
      return putInto(*Operator, Parents).value_or(Consumes);
    return Consumes;
  }
  if (const auto *Assign = dyn_cast<BinaryOperator>(Parent))
    if (Assign->getOpcode() == BO_Assign && Assign->getLHS() == Use)
      return {TaskUse::Assign, Assign, Assign->getRHS()};
  if (const auto *Cast = dyn_cast<CastExpr>(Parent))
    if (Cast->getCastKind() == CK_ToVoid)
      return {TaskUse::Ignore, Cast, nullptr};
  if (isa<CompoundStmt>(Parent) && !Moved)
    return {TaskUse::Observe, Reference, nullptr};
  if (isa<CXXNoexceptExpr, UnaryExprOrTypeTraitExpr>(Parent))
    return {TaskUse::Observe, Reference, nullptr};
  if (const auto *Declaration = dyn_cast<DeclStmt>(Parent); Declaration)
    if (const VarDecl *Name = otherName(*Declaration, Parents);
        Name && !Moved && isOnlyObserved(*Name, Reference, Parents, Types))
      return {TaskUse::Observe, Reference, nullptr};
  if (const auto *Get = dyn_cast<CallExpr>(Parent);
      Get && InContainer && getsSomethingElse(*Get, Types))
    return {TaskUse::Observe, Reference, nullptr};
  if (const auto *Call = dyn_cast<CallExpr>(Parent); Call && !Moved)
    if (const FunctionDecl *Callee = Call->getDirectCallee())
      for (unsigned Index = 0;
           Index < Call->getNumArgs() && Index < Callee->getNumParams();
           ++Index)
        if (Call->getArg(Index) == Use) {
          const FunctionDecl *Definition = Callee->getDefinition();
          if (Definition && leavesAlone(Definition->getParamDecl(Index),
                                        *Definition, InContainer, Types))
            return {TaskUse::Observe, Reference, nullptr};
        }
  return Consumes;
}

bool testsPresence(const Expr *Condition, const ValueDecl *Name,
                   bool &Inverted) {
  Inverted = false;
  auto IsHolder = [&](const Expr *E) {
    const auto *Ref = dyn_cast<DeclRefExpr>(E->IgnoreParenImpCasts());
    return Ref && Ref->getDecl() == Name;
  };
  while (true) {
    Condition = Condition->IgnoreParenImpCasts();
    const auto *Not = dyn_cast<UnaryOperator>(Condition);
    if (!Not || Not->getOpcode() != UO_LNot)
      break;
    Inverted = !Inverted;
    Condition = Not->getSubExpr();
  }
  const auto *Call = dyn_cast<CXXMemberCallExpr>(Condition);
  if (!Call || !IsHolder(Call->getImplicitObjectArgument()))
    return false;
  if (isa<CXXConversionDecl>(Call->getMethodDecl()))
    return true;
  llvm::StringRef Method = calleeName(*Call);
  if (Method == "empty") {
    Inverted = !Inverted;
    return true;
  }
  return Method == "has_value" || Method == "valid" || Method == "size";
}

} // namespace coralc
