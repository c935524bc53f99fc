//===--- RangeEdits.cpp - What changes in code that moves -----------------===//

#include "coralc/Rewrites/Engine/RangeEdits.h"
#include "coralc/Rewrites/Engine/Syntax.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace clang;
using namespace llvm;

namespace coralc {

bool RangeEdits::TraverseStmt(const Stmt *S) {
  const auto *E = dyn_cast_or_null<Expr>(S);
  auto Result =
      E ? Returned.find(asWritten(E->IgnoreParens())) : Returned.end();
  if (Result != Returned.end()) {
    if (std::optional<TextRange> Range = Text.range(S->getSourceRange()))
      Edits.push_back({*Range, Result->second});
    return true;
  }
  const auto *Call = dyn_cast_or_null<CallExpr>(S);
  auto NameOf = [&](const ValueDecl &D) {
    auto Known = Names.find(&D);
    return Known != Names.end() ? Known->second : D.getName().str();
  };
  auto Written = [&](const Expr &E) {
    std::vector<Substitution> Outside = std::exchange(Edits, {});
    ConstDynamicRecursiveASTVisitor::TraverseStmt(&E);
    std::vector<Substitution> Inside = std::exchange(Edits, Outside);
    return Text.text(*Text.range(E.getSourceRange()), Inside);
  };
  std::string New = Call ? Start(*Call, NameOf, Written) : "";
  if (New.empty())
    return ConstDynamicRecursiveASTVisitor::TraverseStmt(S);
  if (std::optional<TextRange> Range = Text.range(Call->getSourceRange())) {
    Started.push_back(New);
    Edits.push_back({*Range, std::move(New)});
  }
  return true;
}

bool RangeEdits::TraverseLambdaExpr(const LambdaExpr *L) {
  SaveAndRestore Inside(IsApart, true);
  return ConstDynamicRecursiveASTVisitor::TraverseLambdaExpr(L);
}

bool RangeEdits::TraverseCXXRecordDecl(const CXXRecordDecl *D) {
  SaveAndRestore Inside(IsApart, true);
  return ConstDynamicRecursiveASTVisitor::TraverseCXXRecordDecl(D);
}

bool RangeEdits::VisitReturnStmt(const ReturnStmt *S) {
  if (!IsApart)
    replace(S->getReturnLoc(), "return", Return.str());
  return true;
}

bool RangeEdits::VisitDeclRefExpr(const DeclRefExpr *E) {
  return rename(E->getDecl(), E->getLocation());
}

bool RangeEdits::TraverseMemberExpr(const MemberExpr *E) {
  if (std::optional<Substitution> New = withoutSelf(*E, Members, Text)) {
    Edits.push_back(std::move(*New));
    return true;
  }
  if (Owners.isLookedThrough(*E)) {
    TextRange Owner{*Text.offset(E->getBeginLoc()),
                    *Text.offset(E->getMemberLoc())};
    Edits.push_back({Owner, Owners.prefixOf(*E->getMemberDecl())});
    return true;
  }
  const FieldDecl *Field = ownField(E);
  if (!Field || !Members(Field)) {
    qualify(*E);
    return ConstDynamicRecursiveASTVisitor::TraverseMemberExpr(E);
  }
  // What a handler had as a member is a variable here.
  auto Known = Names.find(Field);
  std::optional<TextRange> Range = Text.range(E->getSourceRange());
  if (Known != Names.end() && Range)
    Edits.push_back({*Range, Known->second});
  return true;
}

bool RangeEdits::VisitVarDecl(const VarDecl *V) {
  return rename(V, V->getLocation());
}

bool RangeEdits::VisitBindingDecl(const BindingDecl *B) {
  return rename(B, B->getLocation());
}

void RangeEdits::qualify(const MemberExpr &E) {
  const ValueDecl *Member = E.getMemberDecl();
  std::optional<unsigned> At = Text.offset(E.getMemberLoc());
  if (At && E.isImplicitAccess() && Member->getDeclName().isIdentifier() &&
      Hidden.contains(Member->getName()))
    Edits.push_back({{*At, *At}, "this->"});
}

bool RangeEdits::rename(const ValueDecl *D, SourceLocation Where) {
  auto Known = Names.find(D);
  if (Known != Names.end() && Known->second != D->getName())
    replace(Where, D->getName(), Known->second);
  return true;
}

void RangeEdits::replace(SourceLocation Where, StringRef Old, StringRef New) {
  std::optional<unsigned> Offset = Text.offset(Where);
  if (Offset && Text.buffer().substr(*Offset).starts_with(Old))
    Edits.push_back({{*Offset, unsigned(*Offset + Old.size())}, New.str()});
}

} // namespace coralc
