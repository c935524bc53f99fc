//===--- Normalizer.h - Code as it reads on both sides ----------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_NORMALIZER_H
#define CORALC_REWRITES_ENGINE_NORMALIZER_H

#include "coralc/Rewrites/Engine/FunctionObject.h"
#include "coralc/Rewrites/Engine/Plan.h"
#include "coralc/Rewrites/Engine/TransitionSystem.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"
#include <set>

namespace coralc {

/// The agents that start in the middle of other code, by the call that starts
/// them in the input and by their coroutine in the output; and those that begin
/// in a function which is the coroutine itself.
struct StartLabels {
  llvm::DenseMap<const clang::CallExpr *, std::string> Calls;
  llvm::StringSet<> Coroutines;
  llvm::SmallPtrSet<const clang::CallExpr *, 8> Spawned;
  llvm::StringSet<> Coloured;

  explicit StartLabels(llvm::ArrayRef<Agent *> Agents);

  /// What \p Call spawns by calling a function that is a coroutine in the
  /// output; null when it spawns no such thing.
  const clang::CallExpr *spawned(const clang::CallExpr &Call) const;

  /// What [self = owner] { return self->start(); } returns.
  static const clang::Expr *returnedOnly(const clang::LambdaExpr &L);

  /// The coroutine that \p Call starts; empty when it starts none.
  std::string started(const clang::CallExpr &Call) const;
};

/// Collects what normal text leaves out or spells differently.
class Normalizer : public clang::ConstDynamicRecursiveASTVisitor {
public:
  Normalizer(const SourceText &Text, const StartLabels &Starts,
             MemberOf Members,
             const llvm::DenseSet<const clang::Stmt *> &Returned, bool IsApart)
      : Text(Text), Starts(Starts), Members(Members), Returned(Returned),
        IsApart(IsApart) {}

  bool TraverseStmt(const clang::Stmt *S) override;

  /// What a handler has as a member is a variable of the coroutine.
  bool TraverseMemberExpr(const clang::MemberExpr *E) override;

  bool VisitDeclRefExpr(const clang::DeclRefExpr *E) override;
  bool VisitMemberExpr(const clang::MemberExpr *E) override;
  bool VisitOverloadExpr(const clang::OverloadExpr *E) override;
  /// Which of those that copy and move it is makes no difference. What braces
  /// make is not written where they are delivered.
  bool VisitCXXConstructExpr(const clang::CXXConstructExpr *E) override;
  /// What is deduced may be const in one of both.
  bool VisitTypeLoc(clang::TypeLoc Written) override;
  bool VisitExpr(const clang::Expr *E) override;
  bool VisitVarDecl(const clang::VarDecl *V) override;
  bool VisitBindingDecl(const clang::BindingDecl *B) override;
  bool VisitCoreturnStmt(const clang::CoreturnStmt *S) override;

  /// What leaves a lambda that is apart leaves what is around it.
  bool VisitReturnStmt(const clang::ReturnStmt *S) override;
  bool TraverseLambdaExpr(const clang::LambdaExpr *L) override;

  /// What is seen of what was traversed, whose normal text is \p Code.
  Label label(std::string Code) const;

  /// What makes the text of what was traversed normal.
  std::vector<Substitution> Edits;

private:
  void refer(const clang::NamedDecl &D, clang::SourceLocation Where);

  /// A member is the same with `this->` and without, and by an owner.
  void dropThis(const clang::MemberExpr &E);

  /// Says of the function that \p Call names that its coroutine is spawned.
  void spawn(const clang::CallExpr &Call);

  /// [self = owner] { return self->start(); } reads as owner->start().
  bool spawnOf(const clang::CallExpr &Call, const clang::LambdaExpr &L,
               const clang::CallExpr &Task);

  /// What hands a callback, or a coroutine in its place, to a handle. What that
  /// does at an event is compared on its own.
  bool addRepeated(const clang::CallExpr &Call);

  void hide(clang::SourceLocation Where, llvm::StringRef Name);

  const SourceText &Text;
  const StartLabels &Starts;
  MemberOf Members;
  const llvm::DenseSet<const clang::Stmt *> &Returned;
  bool IsApart;
  unsigned Lambdas = 0;
  /// By their place, so that what is visited twice counts once.
  std::set<std::pair<clang::SourceLocation, std::string>> References;
  std::vector<const clang::ValueDecl *> Locals;
  bool IsMadeUp = false;
};

} // namespace coralc

#endif
