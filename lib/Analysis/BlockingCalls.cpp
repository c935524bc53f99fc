//===--- BlockingCalls.cpp - Calls that hold up the thread ----------------===//

#include "coralc/Analysis/BlockingCalls.h"
#include "coralc/Analysis/Awaitedness.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/SourceManager.h"

using namespace clang;

namespace coralc {

static const FunctionDecl *calleeOf(const Expr *Call) {
  const auto *Plain = dyn_cast_or_null<CallExpr>(Call);
  return Plain ? Plain->getDirectCallee() : nullptr;
}

/// Is \p Node a number, and is it zero? `0s` is one that is spelled in the
/// template arguments of its operator.
static std::optional<bool> isZero(const Stmt &Node) {
  if (const auto *Number = dyn_cast<IntegerLiteral>(&Node))
    return Number->getValue().isZero();
  const auto *Literal = dyn_cast<UserDefinedLiteral>(&Node);
  const FunctionDecl *Operator = Literal ? Literal->getDirectCallee() : nullptr;
  const TemplateArgumentList *Spelled =
      Operator ? Operator->getTemplateSpecializationArgs() : nullptr;
  if (!Spelled || !Spelled->size() ||
      Spelled->get(0).getKind() != TemplateArgument::Pack)
    return std::nullopt;
  return llvm::all_of(
      Spelled->get(0).pack_elements(), [](const TemplateArgument &Character) {
        return Character.getKind() == TemplateArgument::Integral &&
               Character.getAsIntegral() == '0';
      });
}

/// Is every number in \p Call zero, as in `wait_for(0s)`? It then only looks.
static bool waitsForNoTime(const CallExpr &Call) {
  bool Any = false, AllZero = true;
  for (const Expr *Argument : Call.arguments())
    anyStatement(Argument, [&](const Stmt &Node) {
      if (std::optional<bool> Zero = isZero(Node)) {
        Any = true;
        AllZero &= *Zero;
        return false;
      }
      const auto *Ref = dyn_cast<DeclRefExpr>(&Node);
      AllZero &= !Ref || !isa<VarDecl>(Ref->getDecl());
      return false;
    });
  return Any && AllZero;
}

bool BlockingCalls::blocksItself(const Expr *Call) const {
  const auto *Plain = dyn_cast<CallExpr>(Call);
  return Plain && !Call->containsErrors() &&
         Types.calls(Role::Blocking, Plain) && !waitsForNoTime(*Plain);
}

std::string BlockingCalls::nameOf(const Expr *Call) {
  const FunctionDecl *Callee = calleeOf(Call);
  return Callee ? vocabularyName(*Callee) : "";
}

/// Does \p Function ask \p Object, before \p Call, whether it is ready?
static bool askedBefore(const FunctionDecl &Function, const CallExpr &Call) {
  const auto *Member = dyn_cast<CXXMemberCallExpr>(&Call);
  const Expr *Object =
      Member ? ignoreWrappers(Member->getImplicitObjectArgument()) : nullptr;
  const ValueDecl *Name = nullptr;
  if (const auto *Ref = dyn_cast_or_null<DeclRefExpr>(Object))
    Name = Ref->getDecl();
  else if (const auto *Field = dyn_cast_or_null<MemberExpr>(Object))
    Name = Field->getMemberDecl();
  if (!Name)
    return false;
  bool Reached = false, Asked = false;
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    Reached |= &Node == &Call;
    const auto *Other = dyn_cast<CXXMemberCallExpr>(&Node);
    if (Reached || !Other)
      return Reached;
    llvm::StringRef Method = calleeName(*Other);
    if (!Method.starts_with("wait_for") && !Method.starts_with("wait_until") &&
        !Method.contains_insensitive("ready") && !Method.contains("available"))
      return false;
    Asked |= anyStatement(Other->getImplicitObjectArgument(),
                          [&](const Stmt &Inner) {
                            if (const auto *Ref = dyn_cast<DeclRefExpr>(&Inner))
                              return Ref->getDecl() == Name;
                            const auto *Field = dyn_cast<MemberExpr>(&Inner);
                            return Field && Field->getMemberDecl() == Name;
                          });
    return false;
  });
  return Asked;
}

/// Does \p Call call a callable that somebody passed? A coroutine that runs
/// what it is given leaves it to whoever gives it where that is.
static bool runsParameter(const CallExpr &Call) {
  const auto *Operator = dyn_cast<CXXOperatorCallExpr>(&Call);
  const auto *Ref = dyn_cast_or_null<DeclRefExpr>(
      Operator && Operator->getOperator() == OO_Call
          ? ignoreWrappers(Operator->getArg(0))
          : nullptr);
  return Ref && isa<ParmVarDecl>(Ref->getDecl());
}

std::vector<BlockingCall> BlockingCalls::in(const FunctionDecl &Function) {
  std::vector<BlockingCall> Found;
  // What an await is made of repeats its operand.
  llvm::DenseSet<const Stmt *> Seen;
  bool Hopped = llvm::any_of(Function.parameters(), [&](const ParmVarDecl *P) {
    return Types.plays(Role::Hop, P->getType());
  });
  anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    if (const auto *Await = dyn_cast<CoroutineSuspendExpr>(&Node)) {
      Hopped |= Types.calls(Role::Hop, ignoreWrappers(Await->getOperand()));
      // What an awaiter does when it is asked, it does for the await.
      for (const Expr *Asked : {Await->getReadyExpr(), Await->getSuspendExpr(),
                                Await->getResumeExpr()})
        if (Asked)
          Seen.insert(Asked->IgnoreImplicit());
    }
    const auto *Call = dyn_cast<CallExpr>(&Node);
    if (!Call || Hopped || !Seen.insert(Call).second)
      return false;
    if (blocksItself(Call)) {
      if (!askedBefore(Function, *Call))
        Found.push_back({Call, {}});
      return false;
    }
    const FunctionDecl *Callee = Call->getDirectCallee();
    const FunctionDecl *Definition = Callee ? Callee->getDefinition() : nullptr;
    if (!Definition || isCoroutine(*Definition) ||
        Types.calls(Role::Offloading, Call) ||
        (isCoroutine(Function) && runsParameter(*Call)))
      return false;
    const std::vector<BlockingCall> &Inner = summary(*Definition);
    if (Inner.empty())
      return false;
    BlockingCall Reached{Call, {Inner.front().Where}};
    llvm::append_range(Reached.Through, Inner.front().Through);
    Found.push_back(std::move(Reached));
    return false;
  });
  return Found;
}

const std::vector<BlockingCall> &
BlockingCalls::summary(const FunctionDecl &Callee) {
  static const std::vector<BlockingCall> None;
  const SourceManager &Sources = Callee.getASTContext().getSourceManager();
  if (!bodyOf(Callee) || Sources.isInSystemHeader(Callee.getLocation()))
    return None;
  // A recursive call finds nothing new.
  if (auto [Slot, Fresh] = Summaries.try_emplace(&Callee); !Fresh)
    return Slot->second;
  std::vector<BlockingCall> Found = in(Callee);
  return Summaries[&Callee] = std::move(Found);
}

} // namespace coralc
