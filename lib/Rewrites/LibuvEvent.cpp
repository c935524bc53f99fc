//===--- LibuvEvent.cpp - Handles of libuv that call back again and again -===//
//
// A function such as uv_read_start or uv_listen is given a handle and a
// callback that gets the handle and what has happened, at every event. What is
// called once is given a request instead; a callback that is told nothing, as
// that of a timer, is no stream of anything.
//
//===----------------------------------------------------------------------===//

#include "coralc/Rewrites/Engine/Callers.h"
#include "coralc/Rewrites/Engine/GraphBuilder.h"
#include "coralc/Rewrites/Engine/OperationFinder.h"
#include "coralc/Rewrites/Engine/Pattern.h"
#include "coralc/Rewrites/Engine/RepeatedCallback.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "clang/AST/TypeLoc.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {
namespace {

struct Callback {
  std::shared_ptr<RepeatedCallback> Code = std::make_shared<RepeatedCallback>();
  /// The functions in which it is handed to a handle, one for each start.
  std::vector<const FunctionDecl *> Starters;
  std::optional<Refusal> Why;

  void refuse(StringRef Id, SourceLocation Where, const Twine &Message) {
    if (!Why)
      Why = Refusal{Id, Where, Message.str()};
  }
};

/// All callbacks of a unit that handles call, and who names them otherwise.
class Collector : public ConstDynamicRecursiveASTVisitor {
public:
  explicit Collector(const SourceText &Text) : Text(Text) {
    forEachOwnDecl(Text, [&](const Decl *D) { TraverseDecl(D); });
  }

  bool TraverseDecl(const Decl *D) override {
    const auto *F = dyn_cast_or_null<FunctionDecl>(D);
    SaveAndRestore<const FunctionDecl *> Inside(Current, F ? F : Current);
    return ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    const FunctionDecl *Callee = Call->getDirectCallee();
    std::optional<RepeatedStart> Start = repeatedStart(*Call);
    if (!Start || Callee != Start->Function || !Current)
      return true;
    const Expr *Given = asWritten(Start->Arguments[Start->Callback]);
    if (const auto *Address = dyn_cast<UnaryOperator>(Given);
        Address && Address->getOpcode() == UO_AddrOf)
      Given = asWritten(Address->getSubExpr());
    const auto *Ref = dyn_cast<DeclRefExpr>(Given);
    const auto *F = Ref ? dyn_cast<FunctionDecl>(Ref->getDecl()) : nullptr;
    const auto *Lambda = dyn_cast<LambdaExpr>(Given);
    if (Given->isNullPointerConstant(const_cast<ASTContext &>(Text.context()),
                                     Expr::NPC_ValueDependentIsNotNull))
      return true;
    const void *Key = F ? static_cast<const void *>(definitionOf(F)) : Given;
    Callback &Known = Callbacks[Key];
    Known.Code->Starts.push_back(Call);
    Known.Starters.push_back(Current);
    if (Ref)
      Handed.insert(Ref);
    if (!F && !Lambda)
      return true;
    Known.Code->Lambda = Lambda;
    Known.Code->Function = Lambda ? callOperator(*Lambda) : definitionOf(F);
    Known.Code->Around = Lambda ? Current : Known.Code->Function;
    if (const auto *Named = Callee->getParamDecl(Start->Callback)
                                ->getType()
                                ->getAs<TypedefType>())
      Known.Code->Type = Named->getDecl()->getNameAsString();
    return true;
  }

  bool VisitDeclRefExpr(const DeclRefExpr *E) override {
    if (const auto *F = dyn_cast<FunctionDecl>(E->getDecl());
        F && !Handed.contains(E))
      Mentions.try_emplace(definitionOf(F), E->getBeginLoc());
    return true;
  }

  MapVector<const void *, Callback> Callbacks;
  /// Where functions are named other than for a handle.
  DenseMap<const FunctionDecl *, SourceLocation> Mentions;

private:
  const SourceText &Text;
  const FunctionDecl *Current = nullptr;
  SmallPtrSet<const Expr *, 8> Handed;
};

/// Finds the returns of a callback, and what no coroutine can have.
class BodyReader : public ConstDynamicRecursiveASTVisitor {
public:
  BodyReader(Callback &C, const SourceText &Text) : C(C), Text(Text) {
    TraverseStmt(&C.Code->body());
  }

  bool TraverseStmt(const Stmt *S) override {
    bool IsLoop =
        S && isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt, StmtExpr>(S);
    SaveAndRestore<unsigned> Around(Loops, Loops + IsLoop);
    return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
  }
  bool TraverseLambdaExpr(const LambdaExpr *) override { return true; }
  bool TraverseDecl(const Decl *D) override {
    return isa_and_nonnull<CXXRecordDecl>(D) ||
           ConstDynamicRecursiveASTVisitor::TraverseDecl(D);
  }

  bool VisitReturnStmt(const ReturnStmt *Return) override {
    if (Loops)
      C.refuse("returns-from-a-loop", Return->getReturnLoc(),
               "this returns from within a loop, and in a coroutine that "
               "waits for events in a loop around it that would be a jump "
               "over two; move the inner loop into a function");
    if (!Text.offset(Return->getReturnLoc()) ||
        !Text.range(Return->getSourceRange()))
      C.refuse("macro-in-the-way", Return->getReturnLoc(),
               "a macro returns from here, and what it expands to cannot "
               "become the next turn of a loop; write the return out");
    C.Code->Returns.push_back(Return);
    return true;
  }

  bool VisitVarDecl(const VarDecl *V) override {
    const auto *Record = V->getType()->getAsRecordDecl();
    if (V->hasLocalStorage() && (V->getType()->isVariablyModifiedType() ||
                                 (Record && Record->hasFlexibleArrayMember())))
      sizeNotFixed(V->getLocation(), "'" + V->getName() + "'");
    return true;
  }

  bool VisitCallExpr(const CallExpr *Call) override {
    if (isNamed(Call->getDirectCallee(), {"alloca", "__builtin_alloca"}))
      sizeNotFixed(Call->getBeginLoc(), "this memory");
    return true;
  }

private:
  void sizeNotFixed(SourceLocation Where, const Twine &What) {
    C.refuse("size-not-fixed", Where,
             What + " has no fixed size, and some compilers cannot keep it in "
                    "a coroutine's frame; use it in a function that is called "
                    "from here");
  }

  Callback &C;
  const SourceText &Text;
  unsigned Loops = 0;
};

class LibuvEvent final : public Pattern {
public:
  void read(const SourceText &Text) override {
    Collector Found(Text);
    Callbacks.clear();
    for (auto &[Key, C] : Found.Callbacks) {
      check(C, Found, Text);
      Callbacks.push_back(std::move(C));
    }
  }

  bool isRepeated(const FunctionDecl &Function) override {
    return any_of(Callbacks, [&](const Callback &C) {
      return !C.Why && C.Code->Function == &Function;
    });
  }

  void addStates(BuiltGraph &Built, const SourceText &Text) override {
    for (const Callback &C : Callbacks) {
      State &S = Built.Graph.add(C.Code->Function && !C.Code->Lambda
                                     ? C.Code->Function
                                     : C.Starters.front());
      S.IsPart = true;
      S.Why = C.Why;
      S.Direct = std::make_shared<DirectCode>();
      S.Direct->Repeated = C.Code;
      for (auto [Call, Starter] : zip(C.Code->Starts, C.Starters)) {
        S.Direct->Sites.push_back(Call->getBeginLoc());
        Built.Operations.push_back({Call->getBeginLoc(), this, Starter});
      }
    }
  }

private:
  static void check(Callback &C, const Collector &Found,
                    const SourceText &Text) {
    for (auto [Call, Starter] : zip(C.Code->Starts, C.Starters)) {
      if (Starter->isTemplated())
        C.refuse("dependent-code", Call->getBeginLoc(),
                 "'" + Starter->getQualifiedNameAsString() +
                     "' is a template, and what its calls mean depends on the "
                     "arguments");
      if (!Text.range(Call->getSourceRange()) ||
          any_of(Call->arguments(), [&](const Expr *E) {
            return !Text.range(E->getSourceRange());
          }))
        C.refuse("macro-in-the-way", Call->getBeginLoc(),
                 "a macro stands in this call");
    }
    const CallExpr &First = *C.Code->Starts.front();
    const FunctionDecl *F = C.Code->Function;
    if (!F)
      return C.refuse("unsupported-handler", First.getBeginLoc(),
                      "the callback of '" +
                          First.getDirectCallee()->getNameAsString() +
                          "' is neither a lambda nor the name of a function");
    if (!F->hasBody() || !Text.range(F->getSourceRange()))
      return C.refuse("unsupported-handler", First.getBeginLoc(),
                      "'" + F->getQualifiedNameAsString() +
                          "' is not a function of this file");
    checkFunction(C, *F, Text);
    if (auto Other = Found.Mentions.find(F); Other != Found.Mentions.end())
      C.refuse("address-taken", Other->second,
               "'" + F->getQualifiedNameAsString() +
                   "' is used other than as the callback of a handle, and as "
                   "a coroutine it waits for one");
    BodyReader(C, Text);
  }

  static void checkFunction(Callback &C, const FunctionDecl &F,
                            const SourceText &Text) {
    std::string Name = C.Code->Lambda
                           ? "the lambda"
                           : "'" + F.getQualifiedNameAsString() + "'";
    SourceLocation Where = F.getLocation();
    const auto *Type = F.getType()->getAs<FunctionProtoType>();
    if (!isa<CompoundStmt>(F.getBody()))
      return C.refuse("not-a-plain-function", Where,
                      Name + " has no plain body");
    if (F.isDependentContext() || F.isTemplateInstantiation() ||
        C.Code->Type.empty())
      return C.refuse("dependent-code", Where,
                      Name + " depends on template arguments");
    if (Type->isNothrow())
      C.refuse("unsupported-handler", Where,
               Name + " is noexcept, so that what leaves it ends the program, "
                      "and what leaves a coroutine does not");
    if (!neverChanges(*F.getParamDecl(0)))
      C.refuse("unsupported-handler", F.getParamDecl(0)->getLocation(),
               Name + " changes its handle, or takes the address of the "
                      "pointer to it; use a variable of its own for that");
    for (const FunctionDecl *Declared : F.redecls())
      checkDeclaration(C, *Declared, Name, Text);
    if (!Text.range(F.getBody()->getSourceRange()))
      C.refuse("macro-in-the-way", Where, Name + " comes out of a macro");
    else if (Text.crossesDirective(*Text.range(F.getSourceRange())))
      C.refuse("preprocessor-in-the-way", Where,
               Name + " contains a preprocessor directive, so its other "
                      "branch would be lost");
  }

  /// The head of \p F can be changed in place, and nobody else knows it.
  static void checkDeclaration(Callback &C, const FunctionDecl &F,
                               const Twine &Name, const SourceText &Text) {
    SourceLocation Where = F.getLocation();
    if (C.Code->Lambda) {
      TypeLoc Result = F.getFunctionTypeLoc().getReturnLoc();
      if ((C.Code->Lambda->hasExplicitResultType() &&
           !Text.range(Result.getSourceRange())) ||
          any_of(F.parameters(), [&](const ParmVarDecl *P) {
            return !Text.range(P->getSourceRange());
          }))
        C.refuse("macro-in-the-way", Where,
                 "the head of " + Name + " comes out of a macro");
      return;
    }
    if (F.isExternC())
      C.refuse("signature-owned-by-others", Where,
               Name + " has C linkage, and a function of C returns no task");
    if (!Text.isInSource(F.getSourceRange()))
      C.refuse("declared-in-a-header", Where,
               Name + " is declared in a header, where others may use it as a "
                      "callback");
    std::optional<TextRange> Result = Text.range(F.getReturnTypeSourceRange());
    std::optional<unsigned> At = Text.offset(Where);
    if (!Result || !At || Result->Begin == Result->End || *At < Result->End ||
        any_of(
            F.parameters(),
            [&](const ParmVarDecl *P) {
              return !Text.range(P->getSourceRange());
            }))
      C.refuse(
          "macro-in-the-way", Where,
          "the head of " + Name +
              " comes out of a macro, or says its type behind the parameters");
  }

  std::vector<Callback> Callbacks;
};

RegisterPattern<LibuvEvent>
    Register("libuv-event", "libuv's handles that call back again and again");

const RegisterRefusal Refusals[] = {
    {"returns-from-a-loop", "a repeated callback returns from within a loop"},
};

} // namespace
} // namespace coralc
