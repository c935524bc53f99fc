//===--- KeptAlive.cpp - Who keeps an object alive meanwhile --------------===//

#include "coralc/Analysis/KeptAlive.h"
#include "coralc/Analysis/Suspension.h"
#include "coralc/Model/CoroutineTypes.h"
#include "coralc/Model/Records.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"

using namespace clang;

namespace coralc {

static bool areRelated(const CXXRecordDecl *A, const CXXRecordDecl *B) {
  A = definitionOf(A);
  B = definitionOf(B);
  if (!A || !B)
    return false;
  return patternOf(A) == patternOf(B) || A->isDerivedFrom(B) ||
         B->isDerivedFrom(A);
}

bool refersStrongly(QualType Type, const CXXRecordDecl &Class) {
  const CXXRecordDecl *Record = recordOf(Type);
  if (!Record || !Record->hasDefinition() || Record->isLambda())
    return false;
  DeclarationName Arrow =
      Record->getASTContext().DeclarationNames.getCXXOperatorName(OO_Arrow);
  for (const FunctionDecl *Operator : methodsNamed(Record, Arrow))
    if (areRelated(recordOf(Operator->getReturnType()->getPointeeType()),
                   &Class))
      return true;
  // What operator-> gives may not be instantiated; a weak reference has none.
  const auto *Spec = dyn_cast<ClassTemplateSpecializationDecl>(Record);
  if (!Spec || !Spec->getTemplateArgs().size() ||
      Spec->getTemplateArgs()[0].getKind() != TemplateArgument::Type)
    return false;
  bool Points = !methodsNamed(Record, Arrow).empty() ||
                !methodsNamed(Record, "lock").empty();
  return Points &&
         areRelated(recordOf(Spec->getTemplateArgs()[0].getAsType()), &Class);
}

bool mentionsReference(const Stmt *Root, const CXXRecordDecl &Class,
                       CoroutineTypes &Types) {
  return anyStatement(Root, [&](const Stmt &Node) {
    if (const auto *Lambda = dyn_cast<LambdaExpr>(&Node))
      return llvm::any_of(Lambda->capture_inits(), [&](const Expr *Init) {
        return Init && mentionsReference(Init, Class, Types);
      });
    const auto *Value = dyn_cast<Expr>(&Node);
    if (!Value || Value->isTypeDependent())
      return false;
    return refersStrongly(Value->getType(), Class) ||
           Types.calls(Role::StrongReference, Value);
  });
}

/// Does \p Variable hold something back until it dies: a strong reference, or
/// a guard?
static bool holdsBack(const VarDecl &Variable, const CXXRecordDecl &Class,
                      CoroutineTypes &Types) {
  QualType Type = Variable.getType();
  return refersStrongly(Type, Class) || Types.isLockLike(Type) ||
         (Variable.getInit() && !Type->isReferenceType() &&
          Types.calls(Role::StrongReference, Variable.getInit()));
}

bool keepsAlive(const FunctionDecl &Function, const CXXRecordDecl &Class,
                CoroutineTypes &Types) {
  for (const ParmVarDecl *Parameter : Function.parameters())
    if (!Parameter->getType()->isReferenceType() &&
        holdsBack(*Parameter, Class, Types))
      return true;
  if (const auto *Method = dyn_cast<CXXMethodDecl>(&Function);
      Method && Method->getParent()->isLambda())
    for (const FieldDecl *Captured : Method->getParent()->fields())
      if (refersStrongly(Captured->getType(), Class) ||
          Types.isLockLike(Captured->getType()))
        return true;
  return anyStatement(bodyOf(Function), [&](const Stmt &Node) {
    const auto *Statement = dyn_cast<DeclStmt>(&Node);
    return Statement &&
           llvm::any_of(Statement->decls(), [&](const Decl *Declared) {
             const auto *Variable = dyn_cast<VarDecl>(Declared);
             return Variable && holdsBack(*Variable, Class, Types);
           });
  });
}

bool livesInMain(const CXXRecordDecl &Class,
                 llvm::ArrayRef<const FunctionDecl *> Functions) {
  bool InMain = false, OnHeap = false;
  auto IsClass = [&](QualType Type) {
    const CXXRecordDecl *Record = recordOf(Type);
    return Record && !Type->isReferenceType() &&
           patternOf(Record) == patternOf(&Class);
  };
  for (const FunctionDecl *Function : Functions)
    anyStatement(bodyOf(*Function), [&](const Stmt &Node) {
      if (const auto *Statement = dyn_cast<DeclStmt>(&Node)) {
        for (const Decl *Declared : Statement->decls())
          if (const auto *Variable = dyn_cast<VarDecl>(Declared))
            InMain |= Function->isMain() && IsClass(Variable->getType());
      } else if (const auto *New = dyn_cast<CXXNewExpr>(&Node)) {
        OnHeap |= IsClass(New->getAllocatedType());
      } else if (const auto *Call = dyn_cast<CallExpr>(&Node)) {
        // make_shared and its like.
        OnHeap |=
            !Call->isTypeDependent() && refersStrongly(Call->getType(), Class);
      }
      return OnHeap;
    });
  return InMain && !OnHeap;
}

} // namespace coralc
