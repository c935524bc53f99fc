//===--- RangeEdits.h - What changes in code that moves ---------*- C++ -*-===//

#ifndef CORALC_REWRITES_ENGINE_RANGEEDITS_H
#define CORALC_REWRITES_ENGINE_RANGEEDITS_H

#include "coralc/Rewrites/Engine/FunctionObject.h"
#include "coralc/Rewrites/Engine/UnneededOwners.h"
#include "clang/AST/DynamicRecursiveASTVisitor.h"

namespace coralc {

/// Substitutions inside a moved range: return becomes co_return, renamed
/// variables get their new names, and an agent that starts there is spawned.
class RangeEdits : public clang::ConstDynamicRecursiveASTVisitor {
public:
  RangeEdits(const RenderContext &Context,
             const llvm::DenseMap<const clang::ValueDecl *, std::string> &Names,
             const llvm::DenseMap<const clang::Stmt *, std::string> &Returned,
             MemberOf Members, const llvm::StringSet<> &Hidden,
             const UnneededOwners &Owners, llvm::StringRef Return)
      : Text(Context.Text), Start(Context.Start), Names(Names),
        Returned(Returned), Members(Members), Hidden(Hidden), Owners(Owners),
        Return(Return) {}

  bool TraverseStmt(const clang::Stmt *S) override;
  bool TraverseLambdaExpr(const clang::LambdaExpr *L) override;
  bool TraverseCXXRecordDecl(const clang::CXXRecordDecl *D) override;
  bool VisitReturnStmt(const clang::ReturnStmt *S) override;
  bool VisitDeclRefExpr(const clang::DeclRefExpr *E) override;
  bool TraverseMemberExpr(const clang::MemberExpr *E) override;
  bool VisitVarDecl(const clang::VarDecl *V) override;
  bool VisitBindingDecl(const clang::BindingDecl *B) override;

  std::vector<Substitution> Edits;
  /// What stands for the starts of agents.
  std::vector<std::string> Started;

private:
  /// A parameter of the coroutine has the name of the member.
  void qualify(const clang::MemberExpr &E);
  bool rename(const clang::ValueDecl *D, clang::SourceLocation Where);
  void replace(clang::SourceLocation Where, llvm::StringRef Old,
               llvm::StringRef New);

  const SourceText &Text;
  StartText Start;
  const llvm::DenseMap<const clang::ValueDecl *, std::string> &Names;
  const llvm::DenseMap<const clang::Stmt *, std::string> &Returned;
  MemberOf Members;
  const llvm::StringSet<> &Hidden;
  const UnneededOwners &Owners;
  /// What a return becomes.
  llvm::StringRef Return;
  /// In a lambda or a local class, whose returns are their own.
  bool IsApart = false;
};

} // namespace coralc

#endif
