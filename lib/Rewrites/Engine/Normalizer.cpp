//===--- Normalizer.cpp - Code as it reads on both sides ------------------===//

#include "coralc/Rewrites/Engine/Normalizer.h"
#include "coralc/Rewrites/Engine/References.h"
#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/StmtCXX.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

StartLabels::StartLabels(ArrayRef<Agent *> Agents) {
  for (const Agent *A : Agents) {
    if (A->Entry->IsColoured) {
      Coloured.insert(A->Coroutine);
      for (const StartSite &Start : A->Starts)
        Spawned.insert(Start.Call);
    }
    if (A->beside()) {
      Calls[A->beside()] = A->Coroutine;
      Coroutines.insert(A->Coroutine);
    }
  }
}

const CallExpr *StartLabels::spawned(const CallExpr &Call) const {
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (!Callee || qualifiedName(*Callee) != "coral::spawn")
    return nullptr;
  const Expr *Argument = asWritten(Call.getArg(0));
  if (const auto *Lambda = dyn_cast<LambdaExpr>(Argument))
    Argument = returnedOnly(*Lambda);
  const auto *Task = dyn_cast_or_null<CallExpr>(Argument);
  const FunctionDecl *F = Task ? Task->getDirectCallee() : nullptr;
  return F && F->getDeclName().isIdentifier() && Coloured.contains(F->getName())
             ? Task
             : nullptr;
}

const Expr *StartLabels::returnedOnly(const LambdaExpr &L) {
  const auto *Body = dyn_cast<CompoundStmt>(L.getBody());
  const auto *Return = Body && Body->size() == 1
                           ? dyn_cast<ReturnStmt>(Body->body_front())
                           : nullptr;
  const auto *Call = dyn_cast_or_null<CXXMemberCallExpr>(
      Return ? asWritten(Return->getRetValue()) : nullptr);
  return L.capture_size() == 1 && L.isInitCapture(L.capture_begin()) && Call &&
                 Call->getNumArgs() == 0
             ? Call
             : nullptr;
}

std::string StartLabels::started(const CallExpr &Call) const {
  auto Known = Calls.find(&Call);
  if (Known != Calls.end())
    return Known->second;
  const FunctionDecl *Callee = Call.getDirectCallee();
  if (!Callee || !Callee->getDeclName().isIdentifier() ||
      (Callee->getName() != "spawn" && Callee->getName() != "co_spawn"))
    return "";
  struct Visitor : ConstDynamicRecursiveASTVisitor {
    const StringSet<> &Coroutines;
    std::string Found;
    explicit Visitor(const StringSet<> &Coroutines) : Coroutines(Coroutines) {}
    bool VisitCallExpr(const CallExpr *Inner) override {
      const FunctionDecl *F = Inner->getDirectCallee();
      if (F && F->getDeclName().isIdentifier() &&
          Coroutines.contains(F->getName()))
        Found = F->getName().str();
      return true;
    }
  } V(Coroutines);
  V.TraverseStmt(&Call);
  return V.Found;
}

bool Normalizer::TraverseStmt(const Stmt *S) {
  // What is a variable in the output: the result of a start, or what an
  // agent got when it was begun.
  const auto *E = dyn_cast_or_null<Expr>(S);
  if (E && Returned.contains(asWritten(E->IgnoreParens()))) {
    Locals.push_back(nullptr);
    if (std::optional<TextRange> Range = Text.range(S->getSourceRange()))
      Edits.push_back({*Range, "$"});
    return true;
  }
  const auto *Call = dyn_cast_or_null<CallExpr>(S);
  if (Call && Starts.Spawned.contains(Call))
    spawn(*Call);
  if (const CallExpr *Task = Call ? Starts.spawned(*Call) : nullptr) {
    if (const auto *L = dyn_cast<LambdaExpr>(asWritten(Call->getArg(0))))
      return spawnOf(*Call, *L, *Task);
    spawn(*Task);
    std::optional<TextRange> Whole = Text.range(Call->getSourceRange());
    std::optional<TextRange> Inner = Text.range(Task->getSourceRange());
    if (Whole && Inner) {
      Edits.push_back({{Whole->Begin, Inner->Begin}, ""});
      Edits.push_back({{Inner->End, Whole->End}, ""});
    }
    return ConstDynamicRecursiveASTVisitor::TraverseStmt(Task);
  }
  std::string Started = Call ? Starts.started(*Call) : "";
  if (Call && addRepeated(*Call))
    return true;
  if (Started.empty())
    return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
  if (std::optional<TextRange> Range = Text.range(Call->getSourceRange()))
    Edits.push_back({*Range, "start " + Started});
  return true;
}

bool Normalizer::TraverseMemberExpr(const MemberExpr *E) {
  if (std::optional<Substitution> New = withoutSelf(*E, Members, Text)) {
    if (Members(E->getMemberDecl()))
      IsMadeUp = true;
    else
      VisitMemberExpr(E);
    Edits.push_back(std::move(*New));
    return true;
  }
  const FieldDecl *Field = ownField(E);
  std::optional<TextRange> Range = Text.range(E->getSourceRange());
  if (!Field || !Members(Field) || !Range) {
    if (ownerNamedBy(E->getBase()) && !E->hasQualifier()) {
      dropThis(*E);
      VisitMemberExpr(E);
      return true;
    }
    if (isa<CXXThisExpr>(E->getBase()) && !E->isImplicitAccess())
      dropThis(*E);
    return ConstDynamicRecursiveASTVisitor::TraverseMemberExpr(E);
  }
  Edits.push_back({*Range, "$"});
  Locals.push_back(Field);
  return true;
}

bool Normalizer::VisitDeclRefExpr(const DeclRefExpr *E) {
  const auto *V = dyn_cast<VarDecl>(E->getDecl());
  if (const auto *B = dyn_cast<BindingDecl>(E->getDecl()))
    V = dyn_cast<VarDecl>(B->getDecomposedDecl());
  if (V && V->isLocalVarDeclOrParm()) {
    hide(E->getLocation(), E->getDecl()->getName());
    Locals.push_back(E->getDecl());
  } else {
    refer(*E->getDecl(), E->getLocation());
  }
  return true;
}

bool Normalizer::VisitMemberExpr(const MemberExpr *E) {
  refer(*E->getMemberDecl(), E->getMemberLoc());
  return true;
}

bool Normalizer::VisitOverloadExpr(const OverloadExpr *E) {
  for (const NamedDecl *D : E->decls())
    refer(*D->getUnderlyingDecl(), E->getNameLoc());
  return true;
}

bool Normalizer::VisitCXXConstructExpr(const CXXConstructExpr *E) {
  if (!E->getConstructor()->isCopyOrMoveConstructor() &&
      (!E->isListInitialization() || isa<CXXTemporaryObjectExpr>(E)))
    refer(*E->getConstructor(), E->getLocation());
  return true;
}

bool Normalizer::VisitTypeLoc(TypeLoc Written) {
  if (isa<TypedefType, UsingType, TagType, TemplateSpecializationType>(
          Written.getTypePtr()))
    References.insert({Written.getBeginLoc(),
                       referenceTo(Written.getType(), Text.context())});
  return true;
}

bool Normalizer::VisitExpr(const Expr *E) {
  if (std::string Taken = takenFromPlace(*E, Text.context()); !Taken.empty())
    References.insert({E->getBeginLoc(), std::move(Taken)});
  return true;
}

bool Normalizer::VisitVarDecl(const VarDecl *V) {
  hide(V->getLocation(), V->getName());
  return true;
}

bool Normalizer::VisitBindingDecl(const BindingDecl *B) {
  hide(B->getLocation(), B->getName());
  return true;
}

bool Normalizer::VisitCoreturnStmt(const CoreturnStmt *S) {
  if (std::optional<unsigned> At = Text.offset(S->getKeywordLoc()))
    Edits.push_back({{*At, *At + unsigned(strlen("co_return"))}, "return"});
  return true;
}

bool Normalizer::VisitReturnStmt(const ReturnStmt *S) {
  std::optional<TextRange> Range = Text.range(S->getSourceRange());
  if (IsApart && !Lambdas && S->getRetValue() && Range)
    Edits.push_back({*Range, "return"});
  return true;
}

bool Normalizer::TraverseLambdaExpr(const LambdaExpr *L) {
  SaveAndRestore Inside(Lambdas, Lambdas + 1);
  ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
  // What names refer to depends on the types that it is called with.
  SaveAndRestore Written(Locals);
  if (const auto *Generic =
          L->getCallOperator()->getDescribedFunctionTemplate())
    for (const FunctionDecl *Instance : Generic->specializations())
      TraverseStmt(Instance->getBody());
  return true;
}

Label Normalizer::label(std::string Code) const {
  Label Result = std::move(Code);
  for (const auto &[Where, Reference] : References)
    Result.References.push_back(Reference);
  Result.Locals = Locals;
  Result.IsMadeUp = IsMadeUp;
  return Result;
}

void Normalizer::refer(const NamedDecl &D, SourceLocation Where) {
  std::string Reference = referenceTo(D);
  // The function becomes a coroutine.
  if (isa<FunctionDecl>(D) && D.getDeclName().isIdentifier() &&
      Starts.Coloured.contains(D.getName()))
    Reference = qualifiedName(D);
  References.insert({Where, std::move(Reference)});
}

void Normalizer::dropThis(const MemberExpr &E) {
  std::optional<unsigned> From = Text.offset(E.getBeginLoc());
  std::optional<unsigned> To = Text.offset(E.getMemberLoc());
  if (From && To && *From < *To)
    Edits.push_back({{*From, *To}, ""});
}

void Normalizer::spawn(const CallExpr &Call) {
  const Expr *Callee = Call.getCallee()->IgnoreParenImpCasts();
  const auto *Member = dyn_cast<MemberExpr>(Callee);
  std::optional<unsigned> At =
      Text.offset(Member ? Member->getMemberLoc() : Callee->getBeginLoc());
  if (At)
    Edits.push_back({{*At, *At}, "spawn "});
}

bool Normalizer::spawnOf(const CallExpr &Call, const LambdaExpr &L,
                         const CallExpr &Task) {
  const Expr *Owner =
      asWritten(cast<VarDecl>(L.capture_begin()->getCapturedVar())->getInit());
  std::optional<TextRange> Whole = Text.range(Call.getSourceRange());
  std::optional<TextRange> Inner = Text.range(Owner->getSourceRange());
  if (!Whole || !Inner)
    return true;
  Edits.push_back({{Whole->Begin, Inner->Begin}, ""});
  Edits.push_back(
      {{Inner->End, Whole->End},
       "->spawn " + Task.getDirectCallee()->getNameAsString() + "()"});
  return ConstDynamicRecursiveASTVisitor::TraverseStmt(Owner);
}

bool Normalizer::addRepeated(const CallExpr &Call) {
  std::optional<Substitution> Head = headOfRepeated(Call, Text);
  if (!Head)
    return false;
  Edits.push_back(std::move(*Head));
  RepeatedStart Start = *repeatedStart(Call);
  for (auto [I, Argument] : enumerate(Start.Arguments)) {
    std::optional<TextRange> Range = Text.range(Argument->getSourceRange());
    if (I == Start.Callback && Range && isa<LambdaExpr>(asWritten(Argument)))
      Edits.push_back({*Range, "lambda"});
    else
      TraverseStmt(Argument);
  }
  return true;
}

void Normalizer::hide(SourceLocation Where, StringRef Name) {
  std::optional<unsigned> At = Text.offset(Where);
  if (At && !Name.empty() && Text.buffer().substr(*At).starts_with(Name))
    Edits.push_back({{*At, *At + unsigned(Name.size())}, "$"});
}

} // namespace coralc
